"""Where a customer stands among all: percentile, quantile, rank (LANGUAGE.md section 6).

Over the n known values: percentile = (below + ½·equal) / n; quantile = min(k, 1 + ⌊k·below / n⌋), 1 the lowest, ties together;
rank = 1 + above. Counts only, so every engine agrees; never NTILE, whose groups part equal values.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from coterie.language.sql import Builder
from coterie.language.tree import Expr, Fitted, Literal

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

    def below(self, q: Builder, x: exp.Expression, group: list[exp.Expression]) -> exp.Expression:
        """How many known values are smaller: missing values are sorted last, so they are never below."""
        return exp.Paren(this=exp.Sub(this=q.words.counted(over(q.call("rank"), group, order=x)), expression=q.literal(1)))


class Percentile(Standing):
    def standing(
        self, q: Builder, call: Fitted, x: exp.Expression, group: list[exp.Expression], n: exp.Expression
    ) -> exp.Expression:
        equal = over(q.count_rows(), [*group, x])
        twice = exp.Add(this=exp.Mul(this=self.below(q, x, group), expression=q.literal(2)), expression=equal)
        return q.divide(q.cast(exp.Paren(this=twice), "DOUBLE"), exp.Paren(this=exp.Mul(this=q.literal(2), expression=n)))


class Quantile(Standing):
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
    def standing(
        self, q: Builder, call: Fitted, x: exp.Expression, group: list[exp.Expression], n: exp.Expression
    ) -> exp.Expression:
        return q.words.counted(over(q.call("rank"), group, order=x, descending=True))


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
