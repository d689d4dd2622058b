"""What a prediction learns from where nobody says it: the project's own traits, attributes, and what each kind of event tells
of how lately, how often and for how much.

Features go by their canonical text in the language, so that what a fit learned from can be read, and asked again.
"""

from collections.abc import Collection, Iterable, Iterator

from coterie.language.catalog import Catalog, Resolved
from coterie.language.fitted import FITTED, looks_ahead
from coterie.language.format import format as format_expr
from coterie.language.names import written
from coterie.language.tree import Column, EventColumn, Expr, Fitted, Measure, walk
from coterie.language.types import NUMBERS, TEXT, Kind
from coterie.models.model import Asking

SPANS = ("30 days", "90 days", "365 days")
AMOUNTS = 2
"""Of each kind of event, the first so many columns of numbers are summed."""
USABLE = (Kind.INTEGER, Kind.MONEY, Kind.FLOAT, Kind.BOOLEAN, Kind.TEXT, Kind.DATE, Kind.TIMESTAMP)

Measured = tuple[str, str | None]
"""A kind of event, and which of its columns is measured; None where events are counted."""


def features(asking: Asking, without: Iterable[str] = (), measured: Collection[Measured] = ()) -> dict[str, Expr]:
    """The features of a customer by their text.

    Args:
        without: names that would tell what is to be found out; what rests on them is left out too.
        measured: columns of events that would tell it, likewise.
    """
    barred = resting_on(asking.catalog, {*without, asking.name})
    found: dict[str, Expr] = {}
    told: set[str] = set()
    for name, definition in asking.catalog.definitions.items():
        tree = definition.checked.tree
        plain = definition.noun == "trait" and definition.checked.type.kind in USABLE
        if plain and name not in barred and not _models(asking.catalog, definition) and not looks_ahead(tree):
            found[written(name)] = asking.tree(written(name))
            told.add(format_expr(tree))
    for name, info in asking.scope.columns.items():
        if name not in asking.catalog.definitions and name not in barred and info.type.kind in USABLE:
            found[written(name)] = asking.tree(written(name))
    for text in behaviour(asking):
        if text not in told:
            found[text] = asking.tree(text)
    return {text: tree for text, tree in found.items() if not measures_of(asking.catalog, [tree]) & set(measured)}


def measures_of(catalog: Catalog, trees: Iterable[Expr]) -> set[Measured]:
    """What trees measure of events, themselves or by the definitions they name."""
    out: set[Measured] = set()
    left, seen = list(trees), set[str]()
    while left:
        for node in walk(left.pop()):
            if isinstance(node, Measure | EventColumn):
                out.add((node.event, node.column))
            elif isinstance(node, Column) and node.name in catalog.definitions and node.name not in seen:
                seen.add(node.name)
                left.append(catalog.definitions[node.name].checked.tree)
    return out


def behaviour(asking: Asking) -> Iterator[str]:
    """How lately, how often and for how much, by kind of event."""
    for kind, info in asking.scope.events.items():
        if kind not in asking.first or kind.endswith("_line"):
            continue
        event = written(kind)
        yield f"days_since(last({event}.time))"
        yield f"days_since(first({event}.time))"
        yield f"count({event})"
        yield from (f"count({event} within {span})" for span in SPANS)
        amounts = [c for c, type_ in info.columns.items() if type_ in NUMBERS][:AMOUNTS]
        for column in amounts:
            yield f"sum({event}.{written(column)})"
            yield f"sum({event}.{written(column)} within {SPANS[1]})"
        yield from (f"distinct({event}.{written(c)})" for c in [c for c, t in info.columns.items() if t == TEXT][:AMOUNTS])


def named(trees: Iterable[Expr]) -> set[str]:
    """The names of customers' columns that trees read themselves."""
    return {n.name for tree in trees for n in walk(tree) if isinstance(n, Column)}


def resting_on(catalog: Catalog, names: set[str]) -> set[str]:
    """These names, what they are aliases of, and every definition that is made of one of them."""
    out = set(names)
    for name in names:
        held = catalog.definitions.get(name)
        if held is not None and isinstance(held.checked.tree, Column):
            out.add(held.checked.tree.name)
    for definition in catalog.definitions.values():  # in the order in which they use each other
        if definition.checked.uses & out:
            out.add(definition.name)
    return out


def _models(catalog: Catalog, definition: Resolved) -> bool:
    """Whether a model is behind a definition: it would have to be fitted again as of each day that is learned from."""
    stack, seen = [definition], {definition.name}
    while stack:
        one = stack.pop()
        if any(isinstance(n, Fitted) and FITTED[n.function].model for n in walk(one.checked.tree)):
            return True
        for name in one.checked.uses - seen:
            seen.add(name)
            if name in catalog.definitions:
                stack.append(catalog.definitions[name])
    return False
