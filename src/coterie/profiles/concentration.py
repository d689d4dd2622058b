"""How unevenly money is spread over customers: the Lorenz curve, Gini's coefficient, what the best share brings."""

from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.profiles.rows import count_where, integer, number, over, total
from coterie.traits.batch import quoted, relation

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Point:
    """The best `customers` of all buyers and the money that they brought together."""

    customers: int
    money: Decimal


@dataclass(frozen=True, slots=True)
class Concentration:
    """Money over the customers who brought more than nothing ("buyers"), from the one who brought most.

    Customers with nothing, less than nothing or an amount that is not known stand beside the curve: a share of a sum that
    has negative parts says nothing.

    Attributes:
        column: the money trait.
        points: the best 0, 1, …, 100 % of buyers (rounded down to whole customers), at most 101; the last is all of them.
        gini: 0, all bring the same, to nearly 1, one brings all; None without buyers. Formula: 2 Σ i·xᵢ / (n Σ xᵢ) − (n + 1) / n
            over the buyers' amounts xᵢ in ascending order, i from 1 to n.
        zero, negative, unknown: customers who brought exactly nothing, less than nothing, and those not known.
        negative_money: the sum of the amounts below zero (≤ 0).
    """

    column: str
    points: tuple[Point, ...]
    gini: float | None
    zero: int
    negative: int
    unknown: int
    negative_money: Decimal

    @property
    def buyers(self) -> int:
        return self.points[-1].customers

    @property
    def money(self) -> Decimal:
        """What all buyers brought."""
        return self.points[-1].money

    def best(self, percent: int) -> Point | None:
        """The best so many of a hundred buyers, rounded down; None where that is no whole customer."""
        wanted = self.buyers * percent // PERCENT
        return next((p for p in self.points if p.customers == wanted), None) if wanted else None

    def share(self, percent: int) -> float | None:
        """The share (0 to 1) of the buyers' money that the best so many of a hundred buyers brought."""
        point = self.best(percent)
        return None if point is None else float(point.money / self.money)

    def half(self) -> Point | None:
        """The fewest percent of buyers who brought at least half of the money."""
        return next((p for p in self.points if p.customers and 2 * p.money >= self.money), None)


def concentration(engine: Engine, table: str, column: str) -> Concentration:
    """The concentration of a number over the rows of a table.

    Args:
        table: one row a customer.
        column: a money or other numeric column; NULL is not known.
    """
    amount, zero = quoted(column), exp.Literal.number(0)
    sign = {op: op(this=amount.copy(), expression=zero.copy()) for op in (exp.GT, exp.EQ, exp.LT)}
    aside = exp.select(
        count_where(sign[exp.GT]).as_("buyers"),
        count_where(sign[exp.EQ]).as_("zero"),
        count_where(sign[exp.LT]).as_("negative"),
        count_where(exp.Is(this=amount.copy(), expression=exp.Null())).as_("unknown"),
        exp.Filter(this=total(amount), expression=exp.Where(this=sign[exp.LT].copy())).as_("negative_money"),
    ).from_(relation(table))
    buyers, none, negative, unknown, below = engine.rows(aside, "concentration")[0]
    n = integer(buyers)
    points, gini = [Point(0, Decimal(0))], None
    if n:
        place = over(exp.RowNumber(), order=[exp.Ordered(this=amount.copy(), desc=True, nulls_first=False)])
        ranked = exp.select(amount.copy().as_("x"), place.as_("r")).from_(relation(table)).where(sign[exp.GT])
        # The r-th of n belongs to the ⌈100 r / n⌉-th percent, so the first p percents hold ⌊n p / 100⌋ customers.
        reached = exp.Paren(this=exp.Mul(this=exp.column("r"), expression=exp.Literal.number(PERCENT)))
        percent = exp.IntDiv(
            this=exp.Paren(this=exp.Add(this=reached, expression=exp.Literal.number(n - 1))), expression=exp.Literal.number(n)
        )
        weighed = exp.Mul(
            this=exp.Cast(this=exp.column("r"), to=exp.DataType.build("DOUBLE")),
            expression=exp.Cast(this=exp.column("x"), to=exp.DataType.build("DOUBLE")),
        )
        grouped = exp.select(
            percent.as_("percent"),
            exp.Count(this=exp.Star()).as_("n"),
            total(exp.column("x")).as_("money"),
            total(weighed).as_("weighed"),
        ).from_(ranked.subquery("ranked"))
        sum_weighed = 0.0
        for _, customers, money, part in engine.rows(
            grouped.group_by(percent.copy()).order_by(exp.column("percent")), "concentration"
        ):
            points.append(Point(points[-1].customers + integer(customers), points[-1].money + number(money)))
            sum_weighed += float(str(part))
        gini = (n + 1) / n - 2 * sum_weighed / (n * float(points[-1].money))  # r counts from the largest: i = n + 1 − r
    return Concentration(column, tuple(points), gini, integer(none), integer(negative), integer(unknown), number(below))
