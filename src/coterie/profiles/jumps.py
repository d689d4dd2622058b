"""Where the level of a series of sizes jumps, and where it only wobbles or drifts.

Sizes n are looked at as 2·√(n + 3/8) (Anscombe), where chance alone, customers coming and going independently, makes a
standard deviation of 1 whatever the size; a series that is noisier than that is judged by its own noise. Two kinds of
series are told apart by whether a step is followed by the opposite step:

- it wobbles around levels (steps undo each other): the levels are the segmentation into stretches of least squared error plus
  a penalty for each further stretch (Jackson et al. 2005, optimal partitioning, found exactly), unless a smooth curve
  (a parabola) explains the series as well;
- it drifts (a stock that changes a little every day): a jump is a step that stands out from all others by Bonferroni's
  limit, and lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import log, sqrt
from statistics import NormalDist, fmean, median

ALARMS = 0.02
"""How often a series without a jump may show one."""
SPREAD_UNSURE = 1.2
"""The spread of the steps is itself an estimate, from few of them: so much larger it may be."""
LEAST = 0.03
"""A smaller change of level is no jump, however sure."""


@dataclass(frozen=True, slots=True)
class Jump:
    """The level changed between two points of a series: `index` is the first point of the new level, `at` its instant.

    before, after: the mean size before and after: over the whole stretch up to the neighbouring jumps where a series has
    levels, over the `shortest` points next to the jump where it drifts.
    """

    index: int
    at: datetime
    before: float
    after: float

    @property
    def change(self) -> float | None:
        """After / before − 1; None from nothing."""
        return self.after / self.before - 1 if self.before else None


def jumps(series: Sequence[tuple[datetime, int]], *, shortest: int = 3) -> tuple[Jump, ...]:
    """The jumps of a series of counts, in order of time; none where the noise explains it.

    Args:
        series: (as_of, size), ordered by as_of.
        shortest: points that a level must last; a series of fewer than twice as many has no jumps.
    """
    sizes = [n for _, n in series]
    return _found([at for at, _ in series], sizes, [2 * sqrt(n + 0.375) for n in sizes], shortest)


def jumps_of_means(series: Sequence[tuple[datetime, float, float]], *, shortest: int = 3) -> tuple[Jump, ...]:
    """The same of a series of means with their standard errors (at, mean, error), each of other data than the others."""
    errors = [error for *_, error in series if error > 0]
    if not errors:
        return ()
    means, error = [mean for _, mean, _ in series], median(errors)
    return _found([at for at, *_ in series], means, [mean / error for mean in means], shortest)


def _found(times: Sequence[datetime], sizes: Sequence[float], x: Sequence[float], shortest: int) -> tuple[Jump, ...]:
    """The jumps of a series `x` in which chance alone makes a standard deviation of 1; `sizes` as people read it."""
    if len(times) < 2 * shortest:
        return ()
    steps = [b - a for a, b in pairwise(x)]
    drift = median(steps)
    spread = 1.4826 * median(abs(s - drift) for s in steps)
    clipped = [max(-3 * spread, min(3 * spread, s - drift)) for s in steps]
    turned = sum(a * b for a, b in pairwise(clipped)) / (sum(s * s for s in clipped) or 1.0)
    if turned < -0.2:
        return _jumps(sizes, times, _levels(x, max(1.0, spread / sqrt(2)), shortest), len(times))
    return _jumps(sizes, times, _steps(x, steps, drift, max(1.0, spread), shortest), shortest)


def _levels(x: Sequence[float], noise: float, shortest: int) -> list[int]:
    """Where new levels begin."""
    n = len(x)
    sums, squares = [0.0], [0.0]
    for value in x:
        sums.append(sums[-1] + value / noise)
        squares.append(squares[-1] + (value / noise) ** 2)

    def cost(a: int, b: int) -> float:
        return squares[b] - squares[a] - (sums[b] - sums[a]) ** 2 / (b - a)

    penalty = 2 * log(n) + 2 * log(1 / ALARMS)
    best, last = [-penalty] + [float("inf")] * n, [0] * (n + 1)
    for end in range(shortest, n + 1):
        for start in (0, *range(shortest, end - shortest + 1)):
            total = best[start] + cost(start, end) + penalty
            if total < best[end] - 1e-9:
                best[end], last[end] = total, start
    places, end = [], n
    while end:
        end = last[end]
        if end:
            places.append(end)
    return [] if _curve(x, noise) <= best[n] else sorted(places)


def _curve(x: Sequence[float], noise: float) -> float:
    """The squared error, in units of the noise, of the best parabola through a series."""
    n = len(x)
    middle = (n - 1) / 2
    # Polynomials that are orthogonal over 0 … n − 1, so that each is fitted alone.
    bases = [[1.0] * n, [i - middle for i in range(n)], [(i - middle) ** 2 - (n * n - 1) / 12 for i in range(n)]]
    left = sum((v / noise) ** 2 for v in x)
    for base in bases:
        left -= sum(b * v / noise for b, v in zip(base, x, strict=True)) ** 2 / sum(b * b for b in base)
    return left


def _steps(x: Sequence[float], steps: Sequence[float], drift: float, noise: float, shortest: int) -> list[int]:
    """Where a step stands out from the others and lasts."""
    limit = NormalDist().inv_cdf(1 - ALARMS / 2 / len(steps)) * noise * SPREAD_UNSURE
    places: list[int] = []
    for i, step in enumerate(steps, 1):
        before, after = x[max(0, i - shortest) : i], x[i : i + shortest]
        if abs(step - drift) > limit and min(len(before), len(after)) == shortest:
            lasting = median(after) - median(before)
            if lasting * step > 0 and abs(lasting) > abs(step) / 2 and (not places or i - places[-1] >= shortest):
                places.append(i)
    return places


def _jumps(sizes: Sequence[float], times: Sequence[datetime], places: Sequence[int], near: int) -> tuple[Jump, ...]:
    """The places whose change of level is large enough to speak of; levels are means over at most `near` points."""
    kept = list(places)
    while True:
        bounds = [0, *kept, len(times)]
        sides = [(fmean(sizes[max(a, b - near) : b]), fmean(sizes[b : min(c, b + near)])) for a, b, c in _triples(bounds)]
        small = [i for i, (a, b) in enumerate(sides) if abs(b - a) < LEAST * max(a, b)]
        if not small:
            return tuple(Jump(p, times[p], *pair) for p, pair in zip(kept, sides, strict=True))
        del kept[small[0]]


def _triples(bounds: Sequence[int]) -> list[tuple[int, int, int]]:
    """Each inner bound with those beside it."""
    return list(zip(bounds, bounds[1:], bounds[2:], strict=False))
