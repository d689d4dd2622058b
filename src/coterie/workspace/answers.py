"""`clusters(survey)`: `survey`, or the name of a source, stands for the scales that are made of its answers.

Scales are traits such as `mean_of(q1, 7 - q2, q3)`. Where a source has none, its answers that are numbers are taken as they
are: the traits `last(survey.q1)` of events, the columns of a lookup. Where no source is called survey, it stands for all scales.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from coterie.core.errors import DefinitionError
from coterie.language.catalog import Entry
from coterie.language.names import written
from coterie.language.scope import EventInfo, Scope
from coterie.language.tree import Apply, Column, Expr, Fitted, Measure, children
from coterie.language.types import NUMBERS

ANSWERS = ("last", "first")
"""Measures that give an answer as it was given."""


SURVEY = "survey"


@dataclass(frozen=True, slots=True)
class Read:
    """What an expression is made of in the end: kinds of event, and columns of customers that no definition makes."""

    events: frozenset[str]
    columns: frozenset[str]

    def within(self, source: str, scope: Scope) -> bool:
        """Whether that is a source, and nothing else."""
        if source == SURVEY and not is_source(source, scope):
            return True
        if self.events:
            return self.events == {source} and not self.columns
        return bool(self.columns) and self.columns <= set(columns_of(source, scope))


def is_source(name: str, scope: Scope) -> bool:
    return name in scope.events or name in scope.lookups or name == "customers"


def columns_of(source: str, scope: Scope) -> list[str]:
    """The columns that a source gives customers; of the customers' own those that no lookup adds."""
    added = scope.lookups if source == "customers" else {}
    wanted = scope.columns.keys() if source == "customers" else scope.lookups.get(source, frozenset())
    return [c for c in scope.columns if c in wanted and not any(c in names for names in added.values())]


def spread(entries: Sequence[Entry], scope: Scope) -> list[Entry]:
    """Definitions in which names of sources among the arguments of `clusters` are the scales that they stand for.

    Raises:
        DefinitionError: a source has neither scales nor answers that are numbers.
    """
    by_name = {entry.name: entry for entry in entries}
    return [replace(entry, tree=_spread(entry.tree, entry, by_name, scope)) for entry in entries]


def _spread(tree: Expr, entry: Entry, by_name: Mapping[str, Entry], scope: Scope) -> Expr:
    if not isinstance(tree, Fitted) or tree.function != "clusters":
        return tree
    args: dict[Expr, None] = {}
    for arg in tree.args:
        if not isinstance(arg, Column) or not _names_source(arg, by_name, scope):
            args[arg] = None
            continue
        found = scales(arg.name, by_name, scope)
        if not found:
            raise _nothing(arg.name, entry, scope)
        args |= dict.fromkeys(replace(arg, name=name) for name in found)
    return replace(tree, args=tuple(args))


def _names_source(column: Column, by_name: Mapping[str, Entry], scope: Scope) -> bool:
    """Whether a name is a source's, or `survey`, and nothing else's."""
    name = column.name
    other = column.part is not None or name in by_name or name in scope.columns
    return not other and (name == SURVEY or is_source(name, scope))


def _nothing(source: str, entry: Entry, scope: Scope) -> DefinitionError:
    answers = [f"last({written(source)}.{q})" if source in scope.events else q for q in ("q1", "q2", "q3")]
    start = max(entry.origin.text.find(source), 0)
    return DefinitionError(
        f"there are no scales that {source!r} could stand for",
        code="E176",
        hint=f"write them as traits, such as openness: mean_of({answers[0]}, 7 - {answers[1]}, {answers[2]})",
        place=entry.origin.place(start, start + len(source)),
    )


def scales(source: str, by_name: Mapping[str, Entry], scope: Scope) -> list[str]:
    """The scales made of a source's answers, or where there are none its answers, in the order of the file."""
    traits = {name: e.tree for name, e in by_name.items() if e.noun == "trait" and read(e.tree, by_name).within(source, scope)}
    found = [name for name, tree in traits.items() if isinstance(tree, Apply) and tree.op == "mean_of"]
    if not found and source in scope.lookups:
        return [c for c in columns_of(source, scope) if scope.columns[c].type in NUMBERS]
    if not found and source in scope.events:
        return [name for name, tree in traits.items() if _is_answer(tree, scope.events[source])]
    return found


def _is_answer(tree: Expr, event: EventInfo) -> bool:
    """Whether a trait is an answer as it was given, a number."""
    if not isinstance(tree, Measure) or tree.aggregation not in ANSWERS or tree.column is None:
        return False
    return event.columns.get(tree.column) in NUMBERS


def read(tree: Expr, by_name: Mapping[str, Entry], seen: frozenset[str] = frozenset()) -> Read:
    """What an expression is made of, through the definitions that it names."""
    events, columns = set[str](), set[str]()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Measure):
            events.add(node.event)
            continue
        if isinstance(node, Column):
            if node.name not in by_name:
                columns.add(node.name)
            elif node.name not in seen:
                found = read(by_name[node.name].tree, by_name, seen | {node.name})
                events |= found.events
                columns |= found.columns
        elif isinstance(node, Fitted):
            columns.add("")  # no answer: it is made of everybody
        stack += children(node)
    return Read(frozenset(events), frozenset(columns))
