"""Which variables separate customers: how much of the differences in a target the groups of each account for.

The measure is that of Kruskal and Wallis: the target by its ranks (so that a few rich customers do not decide), the share of
its variance that lies between the groups (η²), less what chance alone would give (ε², Kelley 1935). A variable separates only
if the test leaves no doubt after all variables that were tried are counted (Bonferroni).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.language.types import Kind, Type
from coterie.profiles.intervals import Floats, two_sided

LEVEL = 0.95
LEVELS = 20
"""So many values of a text are groups of their own; the others are one more."""
FIFTHS = 5
LEAST = 30
"""A group of fewer is too small to act on, and is left out."""
LITTLE_KNOWN = 0.5
ALIKE = 0.9
"""From this rank correlation on two variables say the same."""
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Separation:
    """What the groups of one variable tell of a target.

    Attributes:
        known: share of customers of whom the variable is known.
        groups: how many it makes (a number's fifths, a text's values); smallest: the customers in the smallest.
        evenness: 1 where all groups are as large as each other, near 0 where nearly everybody is in one (entropy).
        strength: share of the differences in the target between groups, 0 to 1, less what chance gives; low, high: its 95 %
            interval. None where there are not two groups to compare.
        holds: it is above chance although so many variables were tried.
        why_not: why it cannot be acted on, "" where it can.
        same_as: a variable that separates more, of which this is the same once more (rank correlation above .9).
    """

    column: str
    known: float
    groups: int
    smallest: int
    evenness: float
    strength: float | None
    low: float | None
    high: float | None
    holds: bool
    why_not: str
    same_as: str | None = None


def separations(table: pa.Table, types: Mapping[str, Type], target: pa.ChunkedArray) -> tuple[Separation, ...]:
    """Every column against a target, those first that separate, can be acted on, and do so most.

    Args:
        table: a row for each customer; types: of its columns that are to be tried.
        target: a number, a day or a truth for each customer.
    """
    aim = numbers(target)
    found: dict[str, tuple[Separation, float]] = {}
    for name, type_ in types.items():
        found[name] = _tried(name, grouped(table.column(name), type_.kind), aim)
    made = sum(s.strength is not None for s, _ in found.values())
    same = _same(table, types, {n: s.strength or 0.0 for n, (s, _) in found.items()})
    out = []
    for name, (s, p) in found.items():
        holds = s.strength is not None and p < (1 - LEVEL) / max(made, 1)
        out.append(
            Separation(
                *(s.column, s.known, s.groups, s.smallest, s.evenness, s.strength, s.low, s.high, holds, s.why_not, same.get(name))
            )
        )
    return tuple(sorted(out, key=lambda s: (not s.holds, s.why_not != "", -(s.strength or 0.0), s.column)))


def numbers(column: pa.ChunkedArray | pa.Array) -> Floats:
    """A column of numbers, days, instants or truths as numbers; missing is NaN."""
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_date(kind):
        column = column.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    return _array(column.cast(pa.float64())).astype(np.float64)


def grouped(column: pa.ChunkedArray, kind: Kind) -> Codes:
    """The group of each customer from 0 on; −1 where it is not known. Groups of fewer than `LEAST` are left out."""
    if kind is Kind.TEXT:
        coded = pa.chunked_array([column.combine_chunks().dictionary_encode()]).combine_chunks()
        raw = _array(pc.fill_null(coded.indices, -1)).astype(np.int64)
        counts = np.bincount(raw[raw >= 0], minlength=len(coded.dictionary))
        names = coded.dictionary.to_pylist()
        order = sorted(range(len(names)), key=lambda p: (-counts[p], str(names[p])))
        place = np.full(len(names) + 1, LEVELS, np.int64)  # the rest is one more
        for rank, p in enumerate(order[:LEVELS]):
            place[p] = rank if counts[p] >= LEAST else LEVELS
        place[-1] = -1
        return _large(place[raw])
    values = numbers(column)
    known = ~np.isnan(values)
    codes = np.full(len(values), -1, np.int64)
    if known.any():
        distinct = np.unique(values[known])
        edges = distinct[1:] if len(distinct) <= FIFTHS else np.unique(np.quantile(values[known], np.arange(1, FIFTHS) / FIFTHS))
        codes[known] = edges.searchsorted(values[known], side="right")
    return _large(codes)


def _large(codes: Codes) -> Codes:
    """Groups that are large enough, numbered without gaps; −1 elsewhere, −2 where a group was too small."""
    counts = np.bincount(codes[codes >= 0], minlength=1)
    place = np.full(len(counts), -2, np.int64)
    kept = np.flatnonzero(counts >= LEAST)
    place[kept] = np.arange(len(kept))
    return np.where(codes < 0, -1, place[np.maximum(codes, 0)])


def _tried(name: str, codes: Codes, aim: Floats) -> tuple[Separation, float]:
    counts = np.bincount(codes[codes >= 0], minlength=0)
    k = len(counts)
    known = float(np.mean(codes != -1)) if len(codes) else 0.0
    shares = counts / counts.sum() if k else counts.astype(np.float64)
    evenness = float(-(shares * np.log(shares)).sum() / np.log(k)) if k > 1 else 0.0
    smallest = int(counts.min()) if k else 0
    held = kruskal(codes, aim)
    why_not = _why_not(known, k, counts)
    if held is None:
        return Separation(name, known, k, smallest, evenness, None, None, None, False, why_not or "nothing to compare with"), 1.0
    h, groups, n, p = held
    strength = max(0.0, (h - (groups - 1)) / (n - groups))
    low, high = interval(h, groups, n)
    return Separation(name, known, k, smallest, evenness, strength, low, high, False, why_not), p


def _why_not(known: float, groups: int, counts: Codes) -> str:
    if known < LITTLE_KNOWN:
        return f"known of {100 * known:.0f} % only"
    if groups < 2:
        return f"no two groups of {LEAST} customers and more"
    return f"{100 * counts.max() / counts.sum():.0f} % are in one group" if counts.max() > 0.95 * counts.sum() else ""


def kruskal(codes: Codes, aim: Floats) -> tuple[float, int, int, float] | None:
    """Kruskal–Wallis: H corrected for ties, groups, customers, p; None where there are not two groups or nothing differs."""
    from scipy.stats import chi2, rankdata

    used = (codes >= 0) & ~np.isnan(aim)
    some, values = codes[used], aim[used]
    sizes = np.bincount(some, minlength=0)
    n, groups = len(some), int(np.count_nonzero(sizes))
    if groups < 2 or n <= groups:
        return None
    ranks = rankdata(values)
    ranks -= ranks.mean()
    whole = float((ranks * ranks).sum())
    if whole <= 0:
        return None
    sums = np.bincount(some, weights=ranks, minlength=len(sizes))
    met = sizes > 0
    between = float((sums[met] ** 2 / sizes[met]).sum())
    h = (n - 1) * between / whole
    return h, groups, n, float(chi2.sf(h, groups - 1))


def interval(h: float, groups: int, n: int) -> tuple[float, float]:
    """The 95 % interval of the strength: H is about noncentral χ², of mean d + λ and variance 2d + 4λ, solved for λ (as Wilson
    does for a share)."""
    z, d = two_sided(LEVEL), groups - 1
    middle = h - d + 2 * z * z
    reach = z * sqrt(max(0.0, 4 * (h - d) + 4 * z * z + 2 * d))
    return max(0.0, (middle - reach) / (n - 1)), min(1.0, max(0.0, (middle + reach) / (n - 1)))


def _same(table: pa.Table, types: Mapping[str, Type], strength: Mapping[str, float]) -> dict[str, str]:
    """By variable the stronger one that it repeats."""
    names = sorted((n for n, t in types.items() if t.kind is not Kind.TEXT), key=lambda n: (-strength[n], n))
    if len(names) < 2:
        return {}
    alike = np.abs(rank_correlations([numbers(table.column(n)) for n in names])) > ALIKE
    out: dict[str, str] = {}
    for i, name in enumerate(names):
        leader = next((other for j, other in enumerate(names[:i]) if alike[i, j] and other not in out), None)
        if leader is not None:
            out[name] = leader
    return out


def rank_correlations(columns: Sequence[Floats]) -> Floats:
    """Spearman's correlations of each pair over those of whom both are known; ranks are those among all known."""
    from scipy.stats import rankdata

    ranks, known = np.zeros((len(columns), len(columns[0]))), np.zeros((len(columns), len(columns[0])))
    for i, values in enumerate(columns):
        here = ~np.isnan(values)
        known[i] = here
        if here.any():
            own = rankdata(values[here])
            ranks[i, here] = own - own.mean()
    n = known @ known.T
    sums, products, squares = ranks @ known.T, ranks @ ranks.T, (ranks * ranks) @ known.T
    n = np.maximum(n, 1)
    covered = products - sums * sums.T / n
    spread = squares - sums * sums / n
    scale = np.sqrt(np.maximum(spread * spread.T, 0))
    found: Floats = np.divide(covered, scale, out=np.zeros_like(covered), where=scale > 0)
    return found


def _array(column: Any) -> npt.NDArray[Any]:
    held = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(held.to_numpy(zero_copy_only=False))
