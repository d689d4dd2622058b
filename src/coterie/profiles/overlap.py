"""Who is in several segments at once: the exact intersections, as an UpSet plot shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coterie.engine.engine import Engine

MOST_SEGMENTS = 12
MOST_COMBINATIONS = 30


@dataclass(frozen=True, slots=True)
class Combination:
    """Customers who are in exactly these of the chosen segments and in no other of them."""

    segments: tuple[str, ...]
    customers: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """The exact intersections of some segments. A customer who cannot be told in one counts as not known to be in it.

    Attributes:
        segments: those chosen, in the order given; sizes: how many are in each.
        combinations: the largest first (at most `MOST_COMBINATIONS`), without "in none".
        rest: (combinations, customers) that are not listed.
        none: customers in none of them; unsure: customers who cannot be told in at least one.
        population: all customers = combinations + rest + none.
    """

    segments: tuple[str, ...]
    sizes: Mapping[str, int]
    combinations: tuple[Combination, ...]
    rest: tuple[int, int]
    none: int
    unsure: int
    population: int


def chosen(sizes: Mapping[str, int], population: int, most: int = MOST_SEGMENTS) -> tuple[str, ...]:
    """The segments worth intersecting: the largest that are neither empty nor everybody, by size."""
    raise NotImplementedError


def overlap(engine: Engine, segments: Sequence[str], order: Sequence[str], *, most: int = MOST_COMBINATIONS) -> Overlap:
    """Intersect segments, in one query over the packed memberships.

    Args:
        segments: at most 30 of them.
        order: all segments in the order of their bits.
        most: combinations listed.
    """
    raise NotImplementedError
