"""How unevenly money is spread over customers: the Lorenz curve, Gini's coefficient, what the best share brings."""

from dataclasses import dataclass
from decimal import Decimal

from coterie.engine.engine import Engine


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
        return self.points[-1].customers if self.points else 0

    @property
    def money(self) -> Decimal:
        """What all buyers brought."""
        return self.points[-1].money if self.points else Decimal(0)

    def best(self, percent: int) -> Point | None:
        """The best so many of a hundred buyers; None where that is no whole customer."""
        raise NotImplementedError

    def share(self, percent: int) -> float | None:
        """The share (0 to 1) of the buyers' money that the best so many of a hundred buyers brought."""
        raise NotImplementedError

    def half(self) -> Point | None:
        """The fewest percent of buyers who brought at least half of the money."""
        raise NotImplementedError


def concentration(engine: Engine, table: str, column: str) -> Concentration:
    """The concentration of a number over the rows of a table, in one query.

    Args:
        table: one row a customer.
        column: a money or other numeric column; NULL is not known.
    """
    raise NotImplementedError
