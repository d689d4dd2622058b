"""How far a goal is: a mean that is to rise or fall by so much within a period."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["on track", "not on track", "reached", "cannot tell yet"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean as it was at an instant: over n customers, with the variance of single values (n − 1 in the denominator)."""

    at: datetime
    value: float
    n: int
    variance: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How a goal stands.

    Attributes:
        start, now: as measured; ends: when the period is over.
        target: the value to have at the end; needed: the value to have now, on a straight line from the start.
        change: now / start − 1 (None from 0); low, high: its 95 % interval, normal, with the variances of both means taken
            as independent (which is wide where the same customers are measured twice, never narrow when they behave alike).
        elapsed: share of the period that has passed (0 to 1).
        state: "reached": the whole interval of the value now is at or beyond the target; "on track": the value is at
            or beyond what is needed and the interval's nearer end is beyond the start; "not on track": the whole interval
            is short of what is needed; else "cannot tell yet".
        sentence: what to tell people.
    """

    start: Measured
    now: Measured
    ends: datetime
    target: float
    needed: float
    change: float | None
    low: float | None
    high: float | None
    elapsed: float
    state: State
    sentence: str


def progress(start: Measured, now: Measured, change: float, ends: datetime, *, least: int = 30) -> Progress:
    """How far a goal is.

    Args:
        start: at the beginning of the period; now: at the last run.
        change: wanted, relative: 0.05 is +5 %.
        ends: the end of the period.
        least: with fewer customers at either end nothing can be told.
    """
    raise NotImplementedError
