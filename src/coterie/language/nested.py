"""Which windows of time lie within each other and which never meet, whenever the question is asked.

An end of a window is a day or an instant that depends on `as_of`, on a customer's date, or on nothing. Two ends can be put
in order when they count in the same way (`within 3 months`, `within 1 year`), or when one is farther even where a month is
shortest and the other where it is longest.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from math import ceil, floor
from typing import assert_never

from coterie.core.windows import EXACT, Ago, Around, Before, FromTo, Next, Period, Since, Unit, Window, Within, step

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MINUTES = {"minute": 1, "hour": 60}
DAY = 1440
LONGEST_FIRST = ("year", "quarter", "month", "day")
"""Periods that begin and end together with the shorter ones in them; weeks do not."""
BEGUN = {
    ("day", 0): (0, 0),
    ("day", -1): (-1, -1),
    ("week", 0): (-6, 0),
    ("week", -1): (-13, -7),
    ("month", 0): (-30, 0),
    ("month", -1): (-61, -28),
    ("quarter", 0): (-91, 0),
    ("quarter", -1): (-183, -90),
    ("year", 0): (-365, 0),
    ("year", -1): (-731, -365),
}
"""The days from today on which this period (0) and the last (-1) began: the earliest and the latest."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a window.

    Attributes:
        base: what it is counted from: "today", "date" (the calendar's beginning), or a customer's date.
        unit: how it is counted: "day", "month", "minute" (from the instant of the question), or the unit of a period.
        n: how many, negative for earlier.
        after: so many days later.
    """

    base: str
    unit: str
    n: int
    after: int = 0

    @property
    def days(self) -> tuple[float, float]:
        """The earliest and the latest it can be, in days from its base."""
        match self.unit:
            case "day":
                return self.n + self.after, self.n + self.after
            case "month":
                low, high = months_away(self.n)
                return low + self.after, high + self.after
            case "minute":
                # Two days for clocks that are set, and for zones that have left out a day.
                return (0, 1) if not self.n else (self.n / DAY - 2, self.n / DAY + 3)
            case _:
                return BEGUN[self.unit.removeprefix("begun "), self.n]


@dataclass(frozen=True, slots=True)
class Ends:
    """A window from `low` (itself in it) to `high` (itself out of it); None is no end."""

    low: End | None
    high: End | None


ALL = Ends(None, None)
TOMORROW = End("today", "day", 1)


MOST_TRIED = 24
DAYS_TRIED = [date(start, 1, 1) + timedelta(days=n) for start in (1897, 1997) for n in range(10 * 366)]
"""Days around a century without a leap day and one with it: what so many months can be."""


@cache
def months_away(n: int) -> tuple[int, int]:
    """The least and the most days that so many calendar months are (negative: back), clamped at month ends."""
    if abs(n) <= MOST_TRIED:
        away = [(step(day, n, "month") - day).days for day in DAYS_TRIED]
        return min(away), max(away)
    near, far = floor(abs(n) * 30.4) - 4, ceil(abs(n) * 30.5) + 4
    return (near, far) if n > 0 else (-far, -near)


def ends(window: Window | None) -> Ends:
    """The ends of a window."""
    match window:
        case None:
            return ALL
        case Within(length) if length.unit in EXACT:
            return Ends(_minutes(-length.n, length.unit), End("today", "minute", 0))
        case Within(length):
            return Ends(_stepped("today", -length.n, length.unit, 1), TOMORROW)
        case Ago(far, near, unit) if unit in EXACT:
            return Ends(_minutes(-far, unit), _minutes(-near, unit))
        case Ago(far, near, unit):
            return Ends(_stepped("today", -far, unit, 1), _stepped("today", -near, unit, 1))
        case Next(length) if length.unit in EXACT:
            return Ends(End("today", "minute", 0), _minutes(length.n, length.unit))
        case Next(length):
            return Ends(TOMORROW, _stepped("today", length.n, length.unit, 1))
        case Period("this", unit):
            return Ends(End("today", f"begun {unit}", 0), TOMORROW)
        case Period(_, unit):
            return Ends(End("today", f"begun {unit}", -1), End("today", f"begun {unit}", 0))
        case Since(day):
            return Ends(End("date", "day", day.toordinal()), None)
        case Before(day):
            return Ends(None, End("date", "day", day.toordinal()))
        case FromTo(start, end):
            return Ends(End("date", "day", start.toordinal()), End("date", "day", end.toordinal()))
        case Around(length, "after", anchor):
            base = f"date {anchor}"
            return Ends(End(base, "day", 0), _stepped(base, length.n, length.unit, 0))
        case Around(length, _, anchor):
            base = f"date {anchor}"
            return Ends(_stepped(base, -length.n, length.unit, 1), End(base, "day", 1))
        case _:
            assert_never(window)


def _stepped(base: str, n: int, unit: Unit, after: int) -> End:
    if unit in MONTHS:
        return End(base, "month", n * MONTHS[unit], after)
    return End(base, "day", n * (7 if unit == "week" else 1) + after)


def _minutes(n: int, unit: str) -> End:
    return End("today", "minute", n * MINUTES[unit])


def not_after(a: End, b: End) -> bool:
    """Whether one end is never later than another, as far as can be told."""
    if a.base != b.base:
        return False
    if a.unit == b.unit and a.after == b.after and a.n <= b.n:
        return True
    first, second = a.unit.removeprefix("begun "), b.unit.removeprefix("begun ")
    if a.unit != first and b.unit != second and a.n <= b.n and {first, second} <= set(LONGEST_FIRST):
        # This year began no later than this quarter; the last year no later than this month.
        return LONGEST_FIRST.index(first) <= LONGEST_FIRST.index(second)
    return a.days[1] <= b.days[0]


def inside(a: Ends, b: Ends, *, seen: bool = False) -> bool:
    """Whether everything in `a` is in `b`. `seen`: of what has happened, so that an end from now on is none."""
    low = b.low is None or (a.low is not None and not_after(b.low, a.low))
    return low and (b.high is None or (seen and reaches_now(b)) or (a.high is not None and not_after(a.high, b.high)))


def reaches_now(a: Ends) -> bool:
    """Whether it goes on at least until the instant of the question."""
    return a.high is None or a.high in (TOMORROW, End("today", "minute", 0))


def never_meet(a: Ends, b: Ends) -> bool:
    """Whether nothing lies in both."""
    return _before(a, b) or _before(b, a)


def _before(a: Ends, b: Ends) -> bool:
    return a.high is not None and b.low is not None and not_after(a.high, b.low)


def days_ago(a: Ends) -> tuple[tuple[int, int], tuple[int, int] | None] | None:
    """How many days before today a window of today's lies: (surely in it at least … at most …) and the farthest it may reach;
    None for a window that does not count days from today.

    Returns:
        ((nearest, farthest) reached at most, (nearest, farthest) reached surely or None where nothing is sure).
    """
    if a.low is None or a.high is None or a.low.base != "today" or "minute" in (a.low.unit, a.high.unit):
        return None
    # Days d with low ≤ d < high; ago = today − d, so high − 1 is the nearest day.
    nearest = (int(1 - a.high.days[1]), int(1 - a.high.days[0]))
    farthest = (int(-a.low.days[1]), int(-a.low.days[0]))
    at_most = (nearest[0], farthest[1])
    surely = (nearest[1], farthest[0])
    return at_most, surely if surely[0] <= surely[1] else None
