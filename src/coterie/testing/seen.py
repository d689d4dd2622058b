"""What random programs have exercised: for each operator, aggregation, window and sequence, the answers that its conditions gave.

A condition is the smallest boolean part of an expression around a feature: `revenue + 1 > 5` for `+`, the measure's own
comparison for what stands in its `where`.
"""

from collections.abc import Iterable, Mapping

from coterie.language.evaluate import Missing, Result
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    Expr,
    Fitted,
    Measure,
    Members,
    Not,
    Or,
    Sequence,
    WindowTest,
    children,
    walk,
)
from coterie.language.types import BOOLEAN
from coterie.testing.expressions import Feature, sequence_shapes, window_kind

Truth = bool | None


class Seen:
    """The answers by feature; `watch` is given every node that is evaluated, with its result."""

    def __init__(self) -> None:
        self.answers: dict[Feature, set[Truth]] = {}
        self.known: dict[int, tuple[Expr, tuple[set[Truth], ...]]] = {}

    def watch(self, node: Expr, result: Result) -> None:
        found = self.known.get(id(node))
        if found is None:
            named = features_of(node) | {(f"top {kind}", name) for kind, name in own(node)} if is_condition(node) else set()
            found = self.known[id(node)] = (node, tuple(self.answers.setdefault(f, set()) for f in named))
        if found[1]:
            answer = None if isinstance(result, Missing) else bool(result)
            for answers in found[1]:
                answers.add(answer)

    def lacking(self, wanted: Iterable[Feature], never: Mapping[Feature, set[Truth]]) -> dict[Feature, set[Truth]]:
        """For each feature wanted, the answers of true, false and unknown that were not seen; `never` are excused."""
        out = {}
        for feature in wanted:
            missing = {True, False, None} - never.get(feature, set()) - self.answers.get(feature, set())
            if missing:
                out[feature] = missing
        return out


def is_condition(node: Expr) -> bool:
    """Whether a node is true, false or unknown by itself, and no and / or / not / case of such."""
    return node.type == BOOLEAN and not isinstance(node, And | Or | Not | Case | Column)


def features_of(node: Expr) -> set[Feature]:
    """The features of a condition: its own, and those below down to the next condition."""
    out: set[Feature] = set()
    stack: list[Expr] = [node]
    while stack:
        current = stack.pop()
        out |= own(current)
        match current:
            case Measure(where=where) if where is not None:
                out |= {f for inner in walk(where) for f in own(inner)}
            case Sequence(steps=steps):
                out |= {f for s in steps if s.where is not None for inner in walk(s.where) for f in own(inner)}
            case Members():
                pass
            case _:
                stack += [c for c in children(current) if not is_condition(c)]
    return out


def own(node: Expr) -> set[Feature]:
    match node:
        case Apply(op=op):
            return {("leaf", op)}
        case Measure(aggregation=name, window=window):
            return {("aggregation", name)} | ({("window", window_kind(window))} if window is not None else set())
        case WindowTest(window=window):
            return {("window test", window_kind(window))}
        case Sequence(window=window):
            return {("sequence", shape) for shape in sequence_shapes(node)}
        case Members(quantifier=quantifier):
            return {("members", quantifier)}
        case Fitted(function=function, by=by):
            return {("fitted" if by is None else "fitted by", function)}
        case _:
            return set()
