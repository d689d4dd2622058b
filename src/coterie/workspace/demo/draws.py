"""Random draws that are the same everywhere: uniforms from PCG64, everything else made of them here.

NumPy promises that the bits of a `BitGenerator` never change, but not that `Generator.gamma`, `poisson` and the like
keep their streams from one release to the next. A demo shop that tests know the truth of must not move when NumPy is
updated, so this module takes only uniform doubles from the generator.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


class Draws:
    """A named stream of draws. Streams of different names are independent; adding one moves no other.

    seed: the shop's seed. path: the words and numbers that name the stream, for example `("people", "income")`.
    """

    __slots__ = ("_generator",)

    def __init__(self, seed: int, *path: str | int) -> None:
        # crc32, not hash(): the latter changes with PYTHONHASHSEED.
        key = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in path]
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))

    def uniform(self, size: int) -> Floats:
        """`size` floats in [0, 1)."""
        return self._generator.random(size)

    def chance(self, probability: Floats | float, size: int) -> Booleans:
        """`size` booleans, each true with its probability."""
        return self.uniform(size) < probability

    def integers(self, size: int, below: int) -> Integers:
        """`size` integers in [0, below), equally likely."""
        return (self.uniform(size) * below).astype(np.int64)

    def choose(self, size: int, weights: Sequence[float] | Floats) -> Integers:
        """`size` positions in `weights`, each as likely as its weight."""
        steps = np.cumsum(np.asarray(weights, dtype=np.float64))
        chosen = np.searchsorted(steps, self.uniform(size) * steps[-1], side="right")
        return np.asarray(np.minimum(chosen, len(steps) - 1), dtype=np.int64)

    def choose_by_row(self, rows: Integers, weights: Floats) -> Integers:
        """For each entry of `rows` a position in that row of the 2-D `weights`, as likely as its weight there."""
        steps = np.cumsum(weights, axis=1)
        steps /= steps[:, -1:]
        draw = self.uniform(len(rows))
        chosen = np.zeros(len(rows), dtype=np.int64)
        for column in range(weights.shape[1] - 1):
            chosen += draw >= steps[rows, column]
        return chosen

    def normal(self, size: int) -> Floats:
        """`size` standard normal floats: the sum of twelve uniforms less six (Irwin–Hall), within ±6."""
        total = np.full(size, -6.0)
        for _ in range(12):
            total += self.uniform(size)
        return total

    def gamma(self, size: int, shape: int) -> Floats:
        """`size` gamma floats with mean 1 and a whole-number shape: a mean of `shape` exponentials."""
        total = np.zeros(size)
        for _ in range(shape):
            total -= np.log1p(-self.uniform(size))
        return total / shape

    def geometric(self, mean: Floats) -> Integers:
        """One whole number ≥ 0 per entry of `mean` (geometric, so often 0 and sometimes large)."""
        stay = mean / (1.0 + mean)
        safe = np.where(stay > 0, stay, 0.5)
        drawn = np.floor(np.log1p(-self.uniform(len(mean))) / np.log(safe))
        return np.where(stay > 0, drawn, 0.0).astype(np.int64)

    def poisson(self, mean: Floats) -> Integers:
        """One Poisson count per entry of `mean` (≤ 500), by walking up the distribution function."""
        draw = self.uniform(len(mean))
        counts = np.zeros(len(mean), dtype=np.int64)
        open_ = np.arange(len(mean))
        term = np.exp(-mean)
        reached = term.copy()
        step = 0
        while len(open_):
            more = (draw >= reached) & (step < 1000)
            open_, draw, term, reached, mean = open_[more], draw[more], term[more], reached[more], mean[more]
            step += 1
            counts[open_] = step
            term = term * mean / step
            reached = reached + term
        return counts
