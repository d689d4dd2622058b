"""Where a customer stands among all: percentile, quantile, rank (LANGUAGE.md section 6).

Over the n known values: percentile = (below + ½·equal) / n; quantile = min(k, 1 + ⌊k·below / n⌋), 1 the lowest, ties together;
rank = 1 + above. Counts only, so every engine agrees; never NTILE, whose groups part equal values.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

from sqlglot import exp

from coterie.language.sql import Builder
from coterie.language.tree import Expr, Fitted, Literal, typed
from coterie.language.types import Kind, Type

SMALLEST_GROUP = 30
"""With `by`, a group of fewer known values gives no standing: it is missing."""

ColumnOf = Callable[[str], exp.Expression]


class Standing:
    """A standing is counted from the column itself at each run, so it learns no parameters of its own in the batch."""

    def inputs(self, call: Fitted) -> Mapping[str, Expr]:
        return {"x": call.args[0]} if call.by is None else {"x": call.args[0], "by": call.by}

    def parameters(self, q: Builder, call: Fitted, table: exp.Expression, column: ColumnOf) -> exp.Expression | None:
        return None

    def score(
        self, q: Builder, call: Fitted, column: ColumnOf, parameter: ColumnOf, part: ColumnOf
    ) -> Sequence[Mapping[str, exp.Expression]]:
        x = column("x")
        group = [] if call.by is None else [column("by")]
        known = [q.not_(q.is_null(x))]
        n = over(q.call("count", x), group)
        if group:
            known += [q.not_(q.is_null(group[0])), q.binary(">=", n, q.literal(SMALLEST_GROUP))]
        return ({"": q.case([(q.all(known), self.standing(q, call, x, group, n))])},)

    def standing(
        self, q: Builder, call: Fitted, x: exp.Expression, group: list[exp.Expression], n: exp.Expression
    ) -> exp.Expression:
        raise NotImplementedError

    def alone(self, call: Fitted, parameters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]] | None:
        """The same for one customer, among the values that a run has counted; None where there were too many to keep."""
        rows = parameters.get("values")
        if rows is None:
            return None
        among: dict[Any, list[tuple[Any, int]]] = {}
        for x, *group, n in rows:
            among.setdefault(tuple(group), []).append((read(x, typed(call.args[0])), n))
        counts = {}
        for group, pairs in among.items():
            pairs.sort()
            counts[group] = [x for x, _ in pairs], list(accumulate((n for _, n in pairs), initial=0))

        def score(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            x, by = inputs["x"], inputs.get("by")
            if x is None or (call.by is not None and by is None):
                return {}
            values, upto = counts.get(() if call.by is None else (plain(by),), ((), [0]))
            n = upto[-1]
            if not n or (call.by is not None and n < SMALLEST_GROUP):
                return {}
            below, most = upto[bisect_left(values, x)], upto[bisect_right(values, x)]
            return {"": self.counted(call, below, most - below, n)}

        return score

    def counted(self, call: Fitted, below: int, equal: int, n: int) -> float | int:
        raise NotImplementedError

    def below(self, q: Builder, x: exp.Expression, group: list[exp.Expression]) -> exp.Expression:
        """How many known values are smaller: missing values are sorted last, so they are never below."""
        return exp.Paren(this=exp.Sub(this=q.words.counted(over(q.call("rank"), group, order=x)), expression=q.literal(1)))


class Percentile(Standing):
    def counted(self, call: Fitted, below: int, equal: int, n: int) -> float | int:
        return (2 * below + equal) / (2 * n)

    def standing(
        self, q: Builder, call: Fitted, x: exp.Expression, group: list[exp.Expression], n: exp.Expression
    ) -> exp.Expression:
        equal = over(q.count_rows(), [*group, x])
        twice = exp.Add(this=exp.Mul(this=self.below(q, x, group), expression=q.literal(2)), expression=equal)
        return q.divide(q.cast(exp.Paren(this=twice), "DOUBLE"), exp.Paren(this=exp.Mul(this=q.literal(2), expression=n)))


class Quantile(Standing):
    def counted(self, call: Fitted, below: int, equal: int, n: int) -> float | int:
        k = call.args[1]
        assert isinstance(k, Literal)
        assert isinstance(k.value, int)
        return min(k.value, 1 + k.value * below // n)

    def standing(
        self, q: Builder, call: Fitted, x: exp.Expression, group: list[exp.Expression], n: exp.Expression
    ) -> exp.Expression:
        k = call.args[1]
        assert isinstance(k, Literal)
        assert isinstance(k.value, int)
        groups = q.literal(k.value)
        share = q.call("floor", q.divide(exp.Paren(this=exp.Mul(this=groups, expression=self.below(q, x, group))), n))
        tile = exp.Add(this=q.literal(1), expression=q.cast(share, "BIGINT"))
        return q.call("least", groups, exp.Paren(this=tile))


class Rank(Standing):
    def counted(self, call: Fitted, below: int, equal: int, n: int) -> float | int:
        return 1 + n - below - equal

    def standing(
        self, q: Builder, call: Fitted, x: exp.Expression, group: list[exp.Expression], n: exp.Expression
    ) -> exp.Expression:
        return q.words.counted(over(q.call("rank"), group, order=x, descending=True))


def plain(value: Any) -> Any:
    """A value as the record of a fit has it."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def read(value: Any, type_: Type) -> Any:
    """What `plain` wrote, in its type."""
    match type_.kind:
        case Kind.MONEY:
            return Decimal(str(value))
        case Kind.DATE:
            return date.fromisoformat(value)
        case Kind.TIMESTAMP:
            return datetime.fromisoformat(value)
        case _:
            return value


def over(
    aggregate: exp.Expression,
    partition: list[exp.Expression],
    order: exp.Expression | None = None,
    descending: bool = False,
) -> exp.Expression:
    ordered = None
    if order is not None:
        # Missing values last, whichever way it is sorted: the engines' own defaults differ.
        ordered = exp.Order(expressions=[exp.Ordered(this=order.copy(), desc=descending, nulls_first=False)])
    return exp.Window(this=aggregate, partition_by=[p.copy() for p in partition], order=ordered)
