"""What sets a segment apart: each trait of its members against everybody else's, all segments and traits in one scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from coterie.engine.engine import Engine
from coterie.language.types import Type

Shape = Literal["number", "day", "share"]
SAMPLE = 50_000
"""Medians are exact up to so many customers a side; of more, so many are looked at, always the same ones."""
CATEGORIES = 20
"""So many values of a text column are compared, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Side:
    """Members, or everybody else, as far as the trait of a comparison is known of them.

    Attributes:
        known: customers of whom the trait is known; `unknown` those of whom it is not.
        median: of numbers in the trait's unit, of days as a date; None for shares.
        mean: of numbers; None for days and shares.
        having: for shares the customers who have the value; None otherwise.
    """

    known: int
    unknown: int
    median: float | date | None = None
    mean: float | None = None
    having: int | None = None

    @property
    def share(self) -> float | None:
        """Of those known, who have the value (0 to 1)."""
        return None if self.having is None or not self.known else self.having / self.known


@dataclass(frozen=True, slots=True)
class Difference:
    """One trait (of a text or boolean column: one value) of a segment's members against everybody else.

    Attributes:
        column: the trait or attribute; value: of text the category, of booleans "true"; None for numbers and days.
        shape: number, day (a later day is more), or share.
        effect: −1 to 1, on one scale for all shapes. Numbers and days: Cliff's delta, the share of pairs (a member, somebody
            else) in which the member has more, less the share in which the member has less. Shares: share of members less share
            of the others (which is Cliff's delta of a yes/no).
        low, high: its 95 % interval: Newcombe's for a Mann–Whitney proportion (2006, method 5) or for a difference of
            shares (1998, method 10).
        deviations: numbers only: Cohen's d, the difference of means in pooled standard deviations; None where those are 0.
        holds: the interval leaves out 0 also when all comparisons that were made are counted (Bonferroni: at
            1 − 0.05 / comparisons).
    """

    column: str
    value: str | None
    shape: Shape
    members: Side
    others: Side
    effect: float
    low: float
    high: float
    holds: bool
    deviations: float | None = None

    @property
    def more_often(self) -> float:
        """Numbers and days: in what share of pairs a member has more (half of the ties counted)."""
        return (1 + self.effect) / 2


@dataclass(frozen=True, slots=True)
class Apart:
    """A segment against everybody else.

    Attributes:
        segment: its name; members, others: customers in, and customers out. Those who cannot be told are on neither side.
        differences: by the size of the effect, the largest first; all that were compared.
        by_definition: columns that the rule itself reads, which of course differ: left out of the comparison.
        why_not: why there is no comparison (too few members or others), else "".
    """

    segment: str
    members: int
    others: int
    differences: tuple[Difference, ...]
    by_definition: tuple[str, ...]
    why_not: str = ""

    @property
    def clear(self) -> tuple[Difference, ...]:
        """The differences that hold."""
        return tuple(d for d in self.differences if d.holds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All segments compared.

    Attributes:
        segments: by name.
        comparisons: how many were made; level: of the interval that must leave out 0 for a difference to hold.
        sampled: medians of more than `SAMPLE` customers are those of a fixed sample.
    """

    segments: Mapping[str, Apart]
    comparisons: int
    level: float
    sampled: bool

    @property
    def honesty(self) -> str:
        """What the number of comparisons means for whoever reads them, in a sentence."""
        raise NotImplementedError


def apart(
    engine: Engine,
    segments: Sequence[str],
    order: Sequence[str],
    columns: Mapping[str, Type],
    by_definition: Mapping[str, frozenset[str]],
    *,
    table: str = "traits",
    zone: str = "UTC",
    least: int = 10,
) -> Comparison:
    """Compare segments with everybody else.

    Args:
        segments: those to compare.
        order: all segments in the order of their bits.
        columns: traits and attributes with their types; lists and durations are passed over.
        by_definition: per segment the columns that its rule reads (`rule_reads`).
        table: of traits, one row a customer.
        zone: in which instants become days.
        least: no comparison where fewer are on a side, and no category that fewer have.
    """
    raise NotImplementedError
