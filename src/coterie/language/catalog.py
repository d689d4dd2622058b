"""All definitions of a project together: put in the order in which they use each other, and checked one on the other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from coterie.core.errors import Cycle, DefinitionError, DefinitionErrors
from coterie.core.place import Origin
from coterie.language.check import Checked, check, names
from coterie.language.fitted import FITTED, Shape
from coterie.language.format import fingerprint
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, Scope
from coterie.language.tree import Column, Expr, Fitted, walk
from coterie.language.types import BOOLEAN, Type

Noun = Literal["trait", "segment", "segmentation"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition to check: its name, what it is, its parsed tree and where that was read."""

    name: str
    noun: Noun
    tree: Expr
    origin: Origin


@dataclass(frozen=True, slots=True)
class Resolved:
    """A checked definition. `parts` are the types of its columns after a dot; `hash` says exactly what it means; `origin` is
    where it was read."""

    name: str
    noun: Noun
    checked: Checked
    parts: Mapping[str, Type]
    hash: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every name of a project: definitions in an order in which each uses only earlier ones, and the scope with them all."""

    scope: Scope
    definitions: Mapping[str, Resolved]

    def expression(self, text: str | Origin, *, expected: Type | None = None) -> Checked:
        """Check an expression that stands alone (an ad-hoc count) against all names."""
        origin = Origin.of(text) if isinstance(text, str) else text
        return check(parse(origin), self.scope, origin, expected=expected)

    def hash(self, checked: Checked) -> str:
        """The fingerprint of an expression, which includes those of the definitions that it names."""
        used = {n: self.definitions[n].hash for n in checked.uses if n in self.definitions}
        return fingerprint(checked.tree, used)

    def users(self, name: str) -> tuple[str, ...]:
        """The definitions that name this one directly."""
        return tuple(d.name for d in self.definitions.values() if name in d.checked.uses)

    def of(self, noun: Noun) -> tuple[Resolved, ...]:
        return tuple(d for d in self.definitions.values() if d.noun == noun)

    def behind(self, wanted: Callable[[Resolved], bool]) -> "Catalog":
        """Some definitions alone, with those that they use, directly or not."""
        kept: set[str] = set()
        for definition in reversed(list(self.definitions.values())):
            if definition.name in kept or wanted(definition):
                kept |= {definition.name} | definition.checked.uses | names([definition.checked.tree])
        return replace(self, definitions={name: d for name, d in self.definitions.items() if name in kept})


def resolve(entries: Iterable[Entry], scope: Scope) -> Catalog:
    """Check definitions against the attributes and events of `scope` and against each other.

    Raises:
        DefinitionErrors: all that is wrong, each with its place.
    """
    by_name = {e.name: e for e in entries}
    errors: list[DefinitionError] = []
    columns = dict(scope.columns)
    definitions: dict[str, Resolved] = {}
    order, cycles = in_order(by_name)
    asked: dict[str, list[str]] = {}
    for entry in by_name.values():
        for node in walk(entry.tree):
            if isinstance(node, Column) and node.part is not None:
                asked.setdefault(node.name, []).append(node.part)
    errors += cycles
    failed = {e.name for e in by_name.values()} - set(order)
    for name in order:
        entry = by_name[name]
        if names([entry.tree]) & failed:
            failed.add(name)  # its error is the other's
            continue
        try:
            expected = BOOLEAN if entry.noun == "segment" else None
            checked = check(entry.tree, replace(scope, columns=columns), entry.origin, expected=expected)
        except DefinitionError as error:
            errors.append(error)
            failed.add(name)
            continue
        parts = parts_of(checked.tree, columns, asked.get(name, ()))
        columns[name] = ColumnInfo(
            checked.type,
            nothing=checked.nothing,
            partial=checked.partial,
            unsure=checked.unsure,
            fresh=checked.fresh,
            state=checked.state,
            parts={part: ColumnInfo(type_, fresh=checked.fresh) for part, type_ in parts.items()},
        )
        used = {n: definitions[n].hash for n in checked.uses if n in definitions}
        definitions[name] = Resolved(name, entry.noun, checked, parts, fingerprint(checked.tree, used), entry.origin)
    errors += [taken for entry in by_name.values() if (taken := _taken(entry, columns, scope)) is not None]
    if errors:
        raise DefinitionErrors(errors)
    return Catalog(replace(scope, columns=columns), definitions)


RESULT_COLUMNS = ("customer", "_customer")
"""Columns of the results that say whose a row is."""
BESIDE = ("~least", "~most", "~nothing")
"""Ends of names of the columns that stand beside one whose source may know only a part."""


def _taken(entry: Entry, columns: Mapping[str, ColumnInfo], scope: Scope) -> DefinitionError | None:
    """The error for a definition whose name the results need for a column of their own."""
    head, _, part = entry.name.rpartition(".")
    parts = scope.account if head == "account" else columns[head].parts if head in columns else {}
    if entry.name not in RESULT_COLUMNS and not entry.name.endswith(BESIDE) and part not in parts:
        return None
    return DefinitionError(
        f"{entry.name!r} is already the name of a column of the results",
        code="E165",
        hint="give this definition another name",
        place=entry.origin.place(0, len(entry.origin.text)),
    )


def parts_of(node: Expr, columns: Mapping[str, ColumnInfo], asked: Iterable[str] = ()) -> Mapping[str, Type]:
    """The columns after a dot of a definition that is a fitted call, or another name of one; `asked`: those that others name,
    where only the data say which there are."""
    if isinstance(node, Fitted):
        shape = FITTED[node.function].check(node.args)
        if not isinstance(shape, Shape):
            return {}
        return shape.parts if shape.others is None else {**dict.fromkeys(asked, shape.others), **shape.parts}
    if isinstance(node, Column) and node.part is None and node.name in columns:
        return {part: info.type for part, info in columns[node.name].parts.items()}
    return {}


def in_order(entries: Mapping[str, Entry]) -> tuple[list[str], list[DefinitionError]]:
    """Names such that each stands after those it uses, and an error for each cycle, which is left out."""
    order: list[str] = []
    state: dict[str, Literal["open", "done"]] = {}
    errors: list[DefinitionError] = []
    uses = {name: sorted(names([e.tree]) & entries.keys()) for name, e in entries.items()}
    for root in entries:
        if root in state:
            continue
        path: list[str] = []
        stack: list[tuple[str, int]] = [(root, 0)]
        while stack:
            name, at = stack.pop()
            if at == 0:
                state[name] = "open"
                path.append(name)
            if at < len(uses[name]):
                stack.append((name, at + 1))
                used = uses[name][at]
                if state.get(used) == "open":
                    errors.append(_cycle(path[path.index(used) :], entries))
                elif used not in state:
                    stack.append((used, 0))
                continue
            state[name] = "done"
            path.pop()
            order.append(name)
    bad = {n for e in errors for n in getattr(e, "names", ())}
    return [n for n in order if n not in bad], errors


def _cycle(path: Sequence[str], entries: Mapping[str, Entry]) -> Cycle:
    entry = entries[path[0]]
    shown = " → ".join([*path, path[0]])
    error = Cycle(
        f"these definitions need each other: {shown}",
        hint="one of them has to be written without the others",
        place=entry.origin.place(0, len(entry.origin.text)),
    )
    error.names = tuple(path)
    return error
