"""What sets a segment apart: each trait of its members against everybody else's, all segments and traits in one scan.

The scan brings memberships and traits as columns; sums over members for all pairs are then products of matrices, and a rank
effect needs no more than counting members and others along the order of a trait.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from coterie.engine.engine import Engine
from coterie.language.types import Type
from coterie.profiles.features import THREADS, Feature, Features, features
from coterie.profiles.hidden import is_small
from coterie.profiles.intervals import Floats, difference_of_shares, mann_whitney, two_sided
from coterie.segments.membership import BITS

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
    def counts(self) -> tuple[int, int, int]:
        """How many are known, how many of them have the value, and how many have not."""
        return self.known, self.having or 0, self.known - (self.having or 0)

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

    def shown(self, k: int) -> tuple[Difference, ...]:
        """The clear differences of a segment that is large enough to speak of; shares of fewer than k people are left out."""
        if is_small(self.members, k) or is_small(self.others, k):
            return ()
        return tuple(d for d in self.clear if not any(is_small(n, k) for s in (d.members, d.others) for n in s.counts))


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
    bits: str = BITS,
    zone: str = "UTC",
    least: int = 10,
) -> Comparison:
    """Compare segments with everybody else.

    Args:
        segments: those to compare.
        order: all segments in the order of their bits.
        columns: traits and attributes with their types; lists and durations are passed over.
        by_definition: per segment the columns that its rule reads (`reads.rule_reads`).
        table: of traits, one row a customer; bits: of memberships.
        zone: in which instants become days.
        least: no comparison where fewer are on a side, and no category that fewer have.
    """
    found = features(engine, segments, order, columns, table=table, bits=bits, zone=zone, least=least)
    sums = found.sums()
    compared = [p for p in range(len(segments)) if min(found.members[p], found.others[p]) >= least]
    own = [by_definition.get(segment, frozenset()) for segment in segments]
    with ThreadPoolExecutor(THREADS) as threads:
        drawn = dict(zip(compared, threads.map(lambda p: _pairs(found, sums, p, own[p], least), compared), strict=True))
        made = sum(len(pairs.features) for pairs in drawn.values())
        level = 1 - (1 - LEVEL) / max(made, 1)
        strict = two_sided(level)
        judged = dict(zip(compared, threads.map(lambda p: _differences(found, p, drawn[p], strict), compared), strict=True))
    out = {}
    for place, segment in enumerate(segments):
        members, others = int(found.members[place]), int(found.others[place])
        told = tuple(c for c in columns if c in own[place])
        if place in judged:
            out[segment] = Apart(segment, members, others, judged[place], told)
        else:
            side = "members" if members < least else "others to compare with"
            out[segment] = Apart(segment, members, others, (), told, f"fewer than {least} {side}")
    return Comparison(out, made, level, found.sampled)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The comparisons of one segment as arrays: known members and others, effects; what does not apply is NaN."""

    features: Sequence[Feature]
    m: Floats
    n: Floats
    effect: Floats
    having: tuple[Floats, Floats]
    means: tuple[Floats, Floats]
    deviations: Floats
    is_share: npt.NDArray[np.bool_]


def _pairs(found: Features, sums: Mapping[str, Floats], place: int, own: frozenset[str], least: int) -> _Pairs:
    known, known_out = sums["known"][place], sums["known out"][place]
    kept = [f for f in found.all if f.column not in own and min(known[f.known], known_out[f.known]) >= least]
    places = np.array([f.known for f in kept], dtype=np.intp)
    m, n = known[places], known_out[places]
    is_share = np.array([f.having is not None for f in kept], dtype=np.bool_)
    having = np.array([f.having or 0 for f in kept], dtype=np.intp)[is_share]
    number = np.array([f.number or 0 for f in kept], dtype=np.intp)[~is_share]
    a, b, means, means_out, deviations = (np.full(len(kept), np.nan) for _ in range(5))
    a[is_share], b[is_share] = sums["having"][place, having], sums["having out"][place, having]
    effect = a / m - b / n
    mn, nn = m[~is_share], n[~is_share]
    beaten = np.array([found.beaten[i][place] for i in number], dtype=np.float64)
    effect[~is_share] = 2 * beaten / (mn * nn) - 1
    s, q, s_out, q_out = (sums[name][place, number] for name in ("sum", "square", "sum out", "square out"))
    middle = np.array([f.middle for f in kept if f.having is None], dtype=np.float64)
    means[~is_share], means_out[~is_share] = s / mn + middle, s_out / nn + middle
    pooled = np.sqrt(np.maximum(q - s * s / mn + q_out - s_out * s_out / nn, 0) / np.maximum(mn + nn - 2, 1))
    difference = s / mn - s_out / nn
    # Where both sides are constant, what is left of the squares is rounding.
    spread = pooled > 1e-9 * (np.abs(difference) + np.abs(middle))
    deviations[~is_share] = np.divide(difference, pooled, out=np.full(len(pooled), np.nan), where=spread)
    return _Pairs(kept, m, n, np.clip(effect, -1, 1), (a, b), (means, means_out), deviations, is_share)


def _bounds(p: _Pairs, z: float) -> tuple[Floats, Floats]:
    low, high = np.zeros(len(p.effect)), np.zeros(len(p.effect))
    some, rest = p.is_share, ~p.is_share
    low[some], high[some] = difference_of_shares(p.having[0][some], p.m[some], p.having[1][some], p.n[some], z)
    less, more = mann_whitney((1 + p.effect[rest]) / 2, p.m[rest], p.n[rest], z)
    low[rest], high[rest] = 2 * less - 1, 2 * more - 1
    return low, high


def _differences(found: Features, place: int, p: _Pairs, strict: float) -> tuple[Difference, ...]:
    (low, high), (strict_low, strict_high) = _bounds(p, two_sided(LEVEL)), _bounds(p, strict)
    holds = (strict_low > 0) | (strict_high < 0)
    members, others = int(found.members[place]), int(found.others[place])
    out, medians = [], 0
    for i in sorted(range(len(p.features)), key=lambda i: (-abs(p.effect[i]), p.features[i].column, p.features[i].value or "")):
        f, m, n = p.features[i], int(p.m[i]), int(p.n[i])
        shape: Shape = "share" if f.having is not None else "day" if f.is_day else "number"
        if shape == "share":
            sides = Side(m, members - m, having=int(p.having[0][i])), Side(n, others - n, having=int(p.having[1][i]))
        else:
            middle: tuple[float | date | None, float | date | None] = (None, None)
            if medians < MEDIANS:
                middle, medians = found.medians(place, f), medians + 1
            mean = (float(p.means[0][i]), float(p.means[1][i])) if shape == "number" else (None, None)
            sides = Side(m, members - m, middle[0], mean[0]), Side(n, others - n, middle[1], mean[1])
        d = float(p.deviations[i])
        deviations = None if shape != "number" or d != d else d
        reach = float(low[i]), float(high[i])
        out.append(Difference(f.column, f.value, shape, *sides, float(p.effect[i]), *reach, bool(holds[i]), deviations))
    return tuple(out)
