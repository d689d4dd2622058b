"""Who is in several segments at once: the exact intersections, as an UpSet plot shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.profiles.rows import integer
from coterie.segments.membership import BITS, member
from coterie.traits.batch import relation

MOST_SEGMENTS = 12
MOST_COMBINATIONS = 30
WIDTH = 30
"""Segments whose states fit into one number of 64 bits, two bits each."""


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
    fit = [(name, n) for name, n in sizes.items() if 0 < n < population]
    return tuple(name for name, _ in sorted(fit, key=lambda s: (-s[1], s[0]))[:most])


def overlap(engine: Engine, segments: Sequence[str], order: Sequence[str], *, most: int = MOST_COMBINATIONS) -> Overlap:
    """Intersect segments, in one query over the packed memberships.

    Args:
        segments: at most 30 of them.
        order: all segments in the order of their bits.
        most: combinations listed.
    """
    if len(segments) > WIDTH:
        raise ValueError(f"{len(segments)} segments: at most {WIDTH} are intersected at once")
    code: exp.Expression = exp.Literal.number(0)
    for i, name in enumerate(segments):
        bit = member(order.index(name))
        unknown = exp.Is(this=bit.copy(), expression=exp.Null())
        here = exp.Case(
            ifs=[
                exp.If(this=unknown, true=exp.Literal.number(2 << 2 * i)),
                exp.If(this=bit, true=exp.Literal.number(1 << 2 * i)),
            ],
            default=exp.Literal.number(0),
        )
        code = exp.Add(this=code, expression=exp.Cast(this=here, to=exp.DataType.build("BIGINT")))
    states = exp.select(code.as_("code")).from_(relation(BITS))
    grouped = exp.select(exp.column("code"), exp.Count(this=exp.Star()).as_("n")).from_(states.subquery("states"))
    found: dict[tuple[str, ...], int] = {}
    unsure = 0
    for row_code, n in engine.rows(grouped.group_by(exp.column("code")), "overlap"):
        state, customers = integer(row_code), integer(n)
        inside = tuple(name for i, name in enumerate(segments) if state >> 2 * i & 1)
        found[inside] = found.get(inside, 0) + customers
        if any(state >> 2 * i & 2 for i in range(len(segments))):
            unsure += customers
    population, none = sum(found.values()), found.pop((), 0)
    sizes = {name: sum(n for inside, n in found.items() if name in inside) for name in segments}
    ranked = sorted(found.items(), key=lambda c: (-c[1], len(c[0]), c[0]))
    listed = tuple(Combination(inside, n) for inside, n in ranked[:most])
    rest = (len(ranked) - len(listed), sum(n for _, n in ranked[most:]))
    return Overlap(tuple(segments), sizes, listed, rest, none, unsure, population)
