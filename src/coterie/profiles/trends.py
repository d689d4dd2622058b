"""How a segment's size and value went over the recorded days: each with its interval, and where the level changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from coterie.profiles.intervals import two_sided
from coterie.profiles.jumps import Jump, jumps, jumps_of_means

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Point:
    """A value on a recorded day with its 95 % interval."""

    at: datetime
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A series: `what` it is of, its points by time, and the jumps of its level."""

    what: str
    points: tuple[Point, ...]
    jumps: tuple[Jump, ...]

    @property
    def change(self) -> tuple[float, bool] | None:
        """From the first point to the last, relative to the first, and whether it is more than chance: their intervals, as wide
        as a difference needs, do not meet. None where there is nothing to compare."""
        if len(self.points) < 2 or not self.points[0].value:
            return None
        first, last = self.points[0], self.points[-1]
        moved = last.value - first.value
        near = (first.high - first.value, last.value - last.low) if moved > 0 else (first.value - first.low, last.high - last.value)
        return moved / first.value, abs(moved) > sqrt(near[0] ** 2 + near[1] ** 2)


def of_sizes(what: str, series: Sequence[tuple[datetime, int]]) -> Trend:
    """The trend of a count, as one that chance makes: 2·√(n + 3/8) has a standard deviation of 1 (Anscombe)."""
    z = two_sided(LEVEL)
    points = []
    for at, n in series:
        root = sqrt(n + 0.375)
        low, high = max(0.0, root - z / 2) ** 2 - 0.375, (root + z / 2) ** 2 - 0.375
        points.append(Point(at, float(n), max(0.0, low), high))
    return Trend(what, tuple(points), jumps(series))


def of_means(what: str, series: Sequence[tuple[datetime, float, float]]) -> Trend:
    """The trend of a mean.

    Args:
        series: at, mean and its standard error; each of other data than the others.
    """
    z = two_sided(LEVEL)
    points = tuple(Point(at, mean, mean - z * error, mean + z * error) for at, mean, error in series)
    return Trend(what, points, jumps_of_means(series))
