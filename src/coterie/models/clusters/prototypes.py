"""K-prototypes by matrix multiplication: k-means whose centres are, in the columns of a category, its commonest level.

A category of m levels is m columns of 0 and √(γ/2), so that two different levels lie γ apart in squared distance, which is
Huang's dissimilarity; where columns belong to one category, the centre is moved to its mode. Without categories this is
k-means. Starts are cheap: k-means++ on a sample, the best of them on more rows, the best of those on all.

Sources: Huang, "Extensions to the k-means algorithm for clustering large data sets with categorical values" (Data Mining and
Knowledge Discovery 2, 1998); Cao, Liang, Bai, "A new initialization method for categorical data clustering" (Expert Systems with
Applications 36, 2009); Arthur and Vassilvitskii, "k-means++" (SODA 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coterie.models.clusters.threads import one_thread

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int16]
Codes = npt.NDArray[np.integer[Any]]

STARTS = 12
SEEDED_ON = 2_000
"""Rows on which starts are tried."""
REFINED_ON = 20_000
"""Rows on which the best starts are brought to rest before all rows are looked at."""
AT_ONCE = 8_192
"""Rows that are multiplied at a time: what is worked on stays in the processor's cache."""
ROUNDS = 100
SETTLED = 1e-12
"""Where a round lowers the cost by less than this share of it, centres are at rest …"""
CLOSELY, ROUGHLY = 1e-6, 1e-4
"""… where the centres are to be good, and where only the cost is asked for."""


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of one category: the first, the one after the last, and the height that stands for a level."""

    first: int
    after: int
    height: float


@dataclass(frozen=True, slots=True)
class Prototypes:
    """What was found: k centres (k × columns), each row's group (0 … k − 1), the sum of squared distances, and rounds taken."""

    centres: Floats
    labels: Labels
    cost: float
    rounds: int


def prototypes(
    x: Matrix, k: int, *, seed: int, blocks: Sequence[Block] = (), starts: int = STARTS, settled: float = SETTLED
) -> Prototypes:
    """Find k groups of the rows of a matrix.

    Args:
        x: n rows × p columns, float32 or float64, nothing missing; a category as columns of 0 and √(γ/2) (`one_hot`).
        k: how many groups, 1 ≤ k ≤ n.
        seed: the same seed finds the same groups.
        blocks: which columns belong to one category each.
        starts: how many starts are tried.
        settled: centres are at rest where a round lowers the cost by less than this share of it.
    """
    rng = np.random.default_rng(seed)
    few = _sample(x, SEEDED_ON, rng)
    found = _cheapest([settle(few, plus_plus(few, k, rng), blocks, settled) for _ in range(starts)])
    for size, kept in ((REFINED_ON, 3), (len(x), 1)):
        if len(found[0].labels) < min(size, len(x)):
            rows = _sample(x, size, rng)
            found = _cheapest([settle(rows, one.centres, blocks, settled) for one in found[:kept]])
    return found[0]


def settle(x: Matrix, centres: npt.ArrayLike, blocks: Sequence[Block] = (), settled: float = SETTLED) -> Prototypes:
    """Move centres (k × p) to the middle of the rows nearest to them until they rest (Lloyd)."""
    x, middles = np.ascontiguousarray(x), np.array(centres, np.float64)
    squares = np.einsum("ij,ij->i", x, x)
    total, before, rounds = float(squares.sum(dtype=np.float64)), np.inf, 0
    with one_thread():
        while True:
            rounds += 1
            labels, nearest, sums, sizes = _nearest(x, middles)
            cost = max(total + float(nearest.sum(dtype=np.float64)), 0.0)
            if rounds == ROUNDS or not cost < before - settled * cost:
                return Prototypes(middles, labels, cost, rounds)
            before = cost
            middles = _middles(sums, sizes, blocks)
            if len(empty := np.flatnonzero(sizes == 0)):
                # Nobody is nearest to these: each starts again at a row that lies badly.
                middles[empty] = x[np.argsort(-(nearest + squares), kind="stable")[: len(empty)]]


def assign(x: Matrix, centres: Floats) -> tuple[Labels, Floats]:
    """Each row's nearest centre (of equally near ones the first) and its squared distance from it."""
    with one_thread():
        labels, nearest, _, _ = _nearest(np.ascontiguousarray(x), centres)
    return labels, np.maximum(nearest + np.einsum("ij,ij->i", x, x), 0).astype(np.float64)


def one_hot(codes: Codes, levels: int, gamma: float) -> Floats:
    """A category as columns: codes 0 … levels − 1 become √(γ/2) in their column; −1 (missing) is 0 in all of them."""
    columns = np.zeros((len(codes), levels))
    known = np.flatnonzero(codes >= 0)
    columns[known, codes[known]] = height(gamma)
    return columns


def height(gamma: float) -> float:
    """What stands for a level, so that two levels are γ apart in squared distance."""
    return float(np.sqrt(gamma / 2))


def plus_plus(x: Matrix, k: int, rng: np.random.Generator) -> Floats:
    """k rows far from each other: each next one drawn by its squared distance from those before, the best of a few draws."""
    n, tries = len(x), 2 + int(np.log(k))
    squares = np.einsum("ij,ij->i", x, x)
    chosen = [int(rng.integers(n))]
    distance = np.maximum(squares - 2 * (x @ x[chosen[0]]) + squares[chosen[0]], 0)
    for _ in range(1, k):
        reached = np.cumsum(distance, dtype=np.float64)
        drawn = np.minimum(np.searchsorted(reached, rng.random(tries) * reached[-1]), n - 1)
        after = np.minimum(distance, np.maximum(squares - 2 * (x[drawn] @ x.T) + squares[drawn, None], 0))
        best = int(after.sum(axis=1, dtype=np.float64).argmin())
        chosen.append(int(drawn[best]))
        distance = after[best]
    return np.asarray(x[chosen], np.float64)


def cao(codes: Codes, k: int) -> tuple[int, ...]:
    """The k rows (of n × categories) from which Cao's method starts: dense ones that differ from each other."""
    n, m = codes.shape
    density = np.zeros(n)
    for column in codes.T:
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        density += counts[place] / (n * m)
    chosen = [int(density.argmax())]
    least = np.full(n, np.inf)
    for _ in range(1, k):
        least = np.minimum(least, (codes != codes[chosen[-1]]).sum(axis=1) * density)
        chosen.append(int(least.argmax()))
    return tuple(chosen)


def _nearest(x: Matrix, centres: Floats) -> tuple[Labels, Matrix, Floats, Floats]:
    """One look at all rows: each one's group (of equally near ones the first), its squared distance less the row's own square,
    and the sums and sizes of the groups."""
    k = len(centres)
    toward = np.ascontiguousarray(-2 * centres, x.dtype)
    own = np.einsum("ij,ij->i", centres, centres).astype(x.dtype)[:, None]
    places = np.arange(k, dtype=x.dtype)
    labels = np.empty(len(x), np.int16)
    nearest = np.empty(len(x), x.dtype)
    sums, sizes = np.zeros((k, x.shape[1])), np.zeros(k)
    for start in range(0, len(x), AT_ONCE):
        part = x[start : start + AT_ONCE]
        distance = toward @ part.T
        distance += own
        best, group = nearest[start : start + AT_ONCE], labels[start : start + AT_ONCE]
        np.min(distance, axis=0, out=best)
        member = distance == best
        if np.count_nonzero(member) > len(part):  # some are as near to another
            member &= np.cumsum(member, axis=0) == 1
        counted = member.astype(x.dtype)
        group[:] = places @ counted
        sums += counted @ part
        sizes += np.count_nonzero(member, axis=1)
    return labels, nearest, sums, sizes


def _middles(sums: Floats, sizes: Floats, blocks: Sequence[Block]) -> Floats:
    """Centres from sums of rows: means, and within a category its commonest level (of equals the first)."""
    centres = np.asarray(sums / np.maximum(sizes, 1)[:, None])
    for block in blocks:
        commonest = sums[:, block.first : block.after].argmax(axis=1)
        centres[:, block.first : block.after] = 0
        centres[np.arange(len(centres)), block.first + commonest] = block.height
    return centres


def _sample(x: Matrix, size: int, rng: np.random.Generator) -> Matrix:
    return np.ascontiguousarray(x if len(x) <= size else x[np.sort(rng.choice(len(x), size, replace=False))])


def _cheapest(found: list[Prototypes]) -> list[Prototypes]:
    return sorted(found, key=lambda one: one.cost)
