"""How far a goal is: a mean that is to rise or fall by so much within a period."""

from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Literal

from coterie.profiles.intervals import two_sided
from coterie.profiles.words import change as change_words

State = Literal["reached", "on track", "not on track", "cannot tell yet"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean as it was at an instant: over n customers, with the variance of single values (n − 1 in the denominator)."""

    at: datetime
    value: float
    n: int
    variance: float

    @property
    def error(self) -> float:
        """The squared standard error of the mean."""
        return self.variance / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How a goal stands.

    Intervals are normal, at 95 %, with the variances of both means taken as independent: too wide rather than too
    narrow where many customers are the same at both ends.

    Attributes:
        start, now: as measured; ends: when the period is over.
        target: the value to have at the end; needed: the value to have now, on a straight line from the start.
        change: now / start − 1 (None from 0); low, high: its interval, by the errors of both means.
        elapsed: share of the period that has passed (0 to 1).
        state: "reached": now is at or beyond the target, and even the near end of the interval of now − target is; "on
            track": the interval of now − needed lies wholly at or beyond 0 in the wanted direction; "not on track": wholly
            short of it; "cannot tell yet" where it holds 0, or where fewer than `least` customers were measured.
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
        change: wanted, relative: 0.05 is +5 %, of the start's size.
        ends: the end of the period, after the start.
        least: with fewer customers at either end nothing can be told.

    Raises:
        ValueError: the period ends before it starts, or no change is wanted.
    """
    if ends <= start.at or not change:
        raise ValueError("a goal wants a change, over a period that ends after it starts")
    elapsed = min(1.0, max(0.0, (now.at - start.at) / (ends - start.at)))
    step = abs(start.value) * change
    target, needed = start.value + step, start.value + step * elapsed
    z, wanted = two_sided(0.95), 1.0 if change > 0 else -1.0

    def beyond(line: float, slope: float) -> tuple[float, float]:
        """The interval of how far now is beyond a line that moves with the start by `slope`, in the wanted direction."""
        reach = z * sqrt(now.error + slope * slope * start.error)
        return wanted * (now.value - line) - reach, wanted * (now.value - line) + reach

    sign = 1.0 if start.value >= 0 else -1.0
    at_target, at_line = beyond(target, 1 + sign * change), beyond(needed, 1 + sign * change * elapsed)
    state: State
    if min(start.n, now.n) < least or (start.error + now.error == 0 and elapsed == 0):
        state = "cannot tell yet"
    elif at_target[0] >= 0:
        state = "reached"
    elif at_line[0] >= 0:
        state = "on track"
    elif at_line[1] < 0:
        state = "not on track"
    else:
        state = "cannot tell yet"
    relative = low = high = None
    if start.value:
        relative = (now.value - start.value) / abs(start.value)
        # The error of a ratio, to first order (delta method).
        ratio = now.value / start.value
        reach = z * sqrt(now.error + ratio * ratio * start.error) / abs(start.value)
        low, high = relative - reach, relative + reach
    found = Progress(start, now, ends, target, needed, relative, low, high, elapsed, state, "")
    return _told(found, change, least)


def _told(p: Progress, wanted: float, least: int) -> Progress:
    goal = f"{change_words(wanted)} is the goal, {round(100 * p.elapsed)} % of the time is over"
    if min(p.start.n, p.now.n) < least:
        fewer = min(p.start.n, p.now.n)
        who = "1 customer is" if fewer == 1 else f"{fewer:,} customers are"
        text = f"Cannot tell yet: {who} too few ({goal})."
    elif p.change is None or p.low is None or p.high is None:
        text = f"{p.state.capitalize()}: {p.now.value:,.2f}, and {p.needed:,.2f} would be needed by now ({goal})."
    else:
        reach = f"between {100 * p.low:+.1f} % and {100 * p.high:+.1f} %"
        text = (
            f"{p.state.capitalize()}: {100 * p.change:+.1f} % since the start ({reach}), {p.now.value:,.2f} where "
            f"{p.needed:,.2f} would be needed by now; {goal}."
        )
    return Progress(p.start, p.now, p.ends, p.target, p.needed, p.change, p.low, p.high, p.elapsed, p.state, text)
