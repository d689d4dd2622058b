"""What sets a segment apart: each trait of its members against everybody else's, all segments and traits in one scan.

The scan brings memberships and traits as columns; sums over members for all pairs are then products of matrices, and a rank
effect needs no more than the sum of the members' ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np

from coterie.engine.engine import Engine
from coterie.language.types import Type
from coterie.profiles.features import Feature, Features, features
from coterie.profiles.intervals import Floats, difference_of_shares, mann_whitney, two_sided

Shape = Literal["number", "day", "share"]
LEVEL = 0.95
MEDIANS = 10
"""So many of a segment's differences, the largest, have medians."""


@dataclass(frozen=True, slots=True)
class Side:
    """Members, or everybody else, as far as the trait of a comparison is known of them.

    Attributes:
        known: customers of whom the trait is known; `unknown` those of whom it is not.
        median: of numbers in the trait's unit, of days as a date; None for shares, and beyond the `MEDIANS` largest
            differences of a segment.
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
        sampled: medians of large groups are those of a fixed sample of them.
    """

    segments: Mapping[str, Apart]
    comparisons: int
    level: float
    sampled: bool

    @property
    def honesty(self) -> str:
        """What the number of comparisons means for whoever reads them."""
        if not self.comparisons:
            return "Nothing was compared."
        chance = self.comparisons * (1 - LEVEL)
        text = (
            f"{self.comparisons:,} comparisons were made. Of so many, about {chance:,.0f} would show a difference at 95 % by "
            "chance alone; so one is called clear only if it would still show were each of them as strictly judged as all together "
            f"(intervals at {100 * self.level:.6g} %). The intervals drawn are at 95 % for each alone."
        )
        if self.sampled:
            text += " Medians of large groups are taken over a fixed sample of their customers; all else is counted over everybody."
        return text


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
        by_definition: per segment the columns that its rule reads (`reads.rule_reads`).
        table: of traits, one row a customer.
        zone: in which instants become days.
        least: no comparison where fewer are on a side, and no category that fewer have.
    """
    found = features(engine, segments, order, columns, table=table, zone=zone, least=least)
    sums = found.sums()
    compared: dict[str, list[Difference]] = {}
    made = 0
    for place, segment in enumerate(segments):
        if min(found.members[place], found.others[place]) < least:
            continue
        own = by_definition.get(segment, frozenset())
        wanted = [f for f in found.all if f.column not in own]
        compared[segment] = _differences(found, sums, place, wanted, least)
        made += len(compared[segment])
    level = 1 - (1 - LEVEL) / max(made, 1)
    out = {}
    for place, segment in enumerate(segments):
        members, others = int(found.members[place]), int(found.others[place])
        told = tuple(c for c in columns if c in by_definition.get(segment, ()))
        if segment not in compared:
            side = "members" if members < least else "others to compare with"
            out[segment] = Apart(segment, members, others, (), told, f"fewer than {least} {side}")
            continue
        judged = _judged(compared[segment], two_sided(level))
        ranked = sorted(judged, key=lambda d: (-abs(d.effect), d.column, d.value or ""))
        out[segment] = Apart(segment, members, others, tuple(_with_medians(found, place, ranked)), told)
    return Comparison(out, made, level, found.sampled)


def _differences(
    found: Features, sums: Mapping[str, Floats], place: int, wanted: Sequence[Feature], least: int
) -> list[Difference]:
    """The differences of one segment, not yet judged."""
    out = []
    for f in wanted:
        known, known_others = int(sums["known"][place, f.known]), int(sums["known out"][place, f.known])
        if min(known, known_others) < least:
            continue
        members = Side(known, int(found.members[place]) - known)
        others = Side(known_others, int(found.others[place]) - known_others)
        shape: Shape = "share"
        deviations = None
        if f.having is not None:
            a, b = int(sums["having"][place, f.having]), int(sums["having out"][place, f.having])
            members, others = replace(members, having=a), replace(others, having=b)
            effect = a / known - b / known_others
        else:
            assert f.number is not None
            shape = "day" if f.is_day else "number"
            beaten = sums["ranks"][place, f.number] - known * (known + 1) / 2 - found.beaten_unknown(place, f)
            effect = 2 * float(beaten) / (known * known_others) - 1
            if shape == "number":
                pairs = [
                    (sums[s][place, f.number], sums[q][place, f.number]) for s, q in (("sum", "square"), ("sum out", "square out"))
                ]
                (s1, q1), (s2, q2) = pairs
                members = replace(members, mean=float(s1) / known + f.middle)
                others = replace(others, mean=float(s2) / known_others + f.middle)
                spread = float(q1 - s1 * s1 / known + q2 - s2 * s2 / known_others)
                pooled = (max(spread, 0.0) / max(known + known_others - 2, 1)) ** 0.5
                difference = float(s1) / known - float(s2) / known_others
                deviations = difference / pooled if pooled > 1e-9 * (abs(difference) + abs(f.middle)) else None
        effect = min(1.0, max(-1.0, effect))
        out.append(Difference(f.column, f.value, shape, members, others, effect, 0.0, 0.0, False, deviations))
    return out


def _judged(differences: Sequence[Difference], strict: float) -> list[Difference]:
    """The differences with their intervals, and whether they hold at the strict level."""
    out: dict[int, Difference] = {}
    for shares in (True, False):
        places = [i for i, d in enumerate(differences) if (d.shape == "share") == shares]
        some = [differences[i] for i in places]
        m = np.array([d.members.known for d in some], dtype=np.float64)
        n = np.array([d.others.known for d in some], dtype=np.float64)
        bounds = []
        for z in (two_sided(LEVEL), strict):
            if shares:
                a = np.array([d.members.having for d in some], dtype=np.float64)
                b = np.array([d.others.having for d in some], dtype=np.float64)
                bounds.append(difference_of_shares(a, m, b, n, z))
            else:
                low, high = mann_whitney(np.array([d.more_often for d in some], dtype=np.float64), m, n, z)
                bounds.append((2 * low - 1, 2 * high - 1))
        (low, high), (strict_low, strict_high) = bounds
        for j, i in enumerate(places):
            holds = bool(strict_low[j] > 0 or strict_high[j] < 0)
            out[i] = replace(differences[i], low=float(low[j]), high=float(high[j]), holds=holds)
    return [out[i] for i in range(len(differences))]


def _with_medians(found: Features, place: int, ranked: Sequence[Difference]) -> list[Difference]:
    out, given = [], 0
    for d in ranked:
        if d.shape != "share" and given < MEDIANS:
            given += 1
            feature = found.number_of(d.column)
            members, others = found.medians(place, feature)
            d = replace(d, members=replace(d.members, median=members), others=replace(d.others, median=others))
        out.append(d)
    return out
