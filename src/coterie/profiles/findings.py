"""Headline findings: sentences made of the report's numbers, each with the numbers and how to recompute them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from coterie.profiles.apart import Comparison
from coterie.profiles.concentration import Concentration
from coterie.profiles.hidden import K
from coterie.profiles.jumps import Jump
from coterie.profiles.movement import Movement
from coterie.profiles.quality import Quality
from coterie.profiles.retention import Retention
from coterie.profiles.turnover import Turnover


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a sentence.

    Attributes:
        value: as computed, not rounded.
        unit: "customers", "share" (0 to 1), "money", "orders", "change" (relative: −0.31 is 31 % less), "days".
        expression: for customers: what `coterie count` answers with this many "in"; "" for other units.
        formula: how the value is made, in words of names and expressions.
    """

    value: float | int | Decimal
    unit: str
    formula: str
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, the section of the report that shows it, how much it matters (larger first), and its numbers."""

    sentence: str
    section: str
    weight: float
    numbers: tuple[Number, ...]
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A segment or a label: how many customers, what money (None where there is no money trait), and its expression."""

    name: str
    customers: int
    money: Decimal | None
    expression: str
    of: str = ""
    """The segmentation, of a label."""


def findings(
    *,
    population: int,
    currency: str | None = None,
    slices: Sequence[Slice] = (),
    money: tuple[str, Decimal] | None = None,
    concentration: Concentration | None = None,
    turnover: Turnover | None = None,
    retention: Retention | None = None,
    movements: Mapping[str, Movement] | None = None,
    jumps: Mapping[str, Sequence[Jump]] | None = None,
    apart: Comparison | None = None,
    quality: Quality | None = None,
    zone: str = "UTC",
    k: int = K,
    most: int = 12,
) -> tuple[Finding, ...]:
    """The findings worth a headline, the weightiest first.

    Args:
        population: all customers.
        money: the trait that shares of revenue are taken of, with its sum over all customers.
        slices: segments and labels.
        k: sentences about 1 to k − 1 customers are left out.
        most: so many at most.
    """
    raise NotImplementedError
