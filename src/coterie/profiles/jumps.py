"""Where the level of a series of sizes jumps, and where it only wobbles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Jump:
    """The level changed between two points of a series: `index` is the first point of the new level, `at` its instant.

    before, after: the mean size over the stretch before and after (up to the neighbouring jumps).
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
        shortest: points that a level must last.
    """
    raise NotImplementedError
