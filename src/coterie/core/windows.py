"""Windows of time: the closed set of ways to say *when*, and what each admits as of an instant in a time zone.

Instants are naive `datetime`s in UTC with microseconds. D is the local day of `as_of`, d the local day of an event.
Day windows are answered on d, exact windows (hours, minutes) on the instant (LANGUAGE.md section 4).
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]
UNITS: tuple[Unit, ...] = ("minute", "hour", "day", "week", "month", "quarter", "year")
EXACT: frozenset[str] = frozenset({"minute", "hour"})


@dataclass(frozen=True, slots=True)
class Duration:
    """A length such as `90 days`; n is a positive whole number."""

    n: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.n} {self.unit}" + ("" if self.n == 1 else "s")


@dataclass(frozen=True, slots=True)
class Within:
    """`within 90 days` (today included) or `within 24 hours` (to the microsecond)."""

    length: Duration


@dataclass(frozen=True, slots=True)
class Ago:
    """`from 180 to 90 days ago`: D ⊖ far < d ≤ D ⊖ near."""

    far: int
    near: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Period:
    """`this month` up to as_of, or the whole `last month`."""

    which: Literal["this", "last"]
    unit: Unit


@dataclass(frozen=True, slots=True)
class Since:
    """`since '2026-01-01'`: d ≥ day."""

    day: date


@dataclass(frozen=True, slots=True)
class Before:
    """`before '2026-01-01'`: d < day."""

    day: date


@dataclass(frozen=True, slots=True)
class FromTo:
    """`from '2026-01-01' to '2026-02-01'`: start ≤ d < end."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Around:
    """`within 30 days after signup_date` (c ≤ d < c ⊕ n) or `before` (c ⊖ n < d ≤ c).

    `anchor` is a customer's column.
    """

    length: Duration
    side: Literal["after", "before"]
    anchor: str


@dataclass(frozen=True, slots=True)
class Next:
    """`within next 30 days`: D < d ≤ D ⊕ n."""

    length: Duration


Window = Within | Ago | Period | Since | Before | FromTo | Around | Next


@dataclass(frozen=True, slots=True)
class Days:
    """Local days lo ≤ d < hi; None is unbounded."""

    lo: date | None
    hi: date | None


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants lo ≤ t < hi in UTC; None is unbounded."""

    lo: datetime | None
    hi: datetime | None


MICROSECOND = timedelta(microseconds=1)
EARLIEST, LATEST = datetime.combine(date.min, time.min), datetime.combine(date.max, time.max)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local(instant: datetime, zone_name: str) -> datetime:
    """The local wall-clock time (naive) of a UTC instant."""
    return instant.replace(tzinfo=UTC).astimezone(zone(zone_name)).replace(tzinfo=None)


@lru_cache(maxsize=1 << 16)
def local_day(instant: datetime, zone_name: str) -> date:
    return local(instant, zone_name).date()


def to_utc(wall: datetime, zone_name: str) -> datetime:
    """The instant of a wall-clock time: the first of two, and moved forward by the gap where it does not happen."""
    return wall.replace(tzinfo=zone(zone_name), fold=0).astimezone(UTC).replace(tzinfo=None)


def first_instant(day: date, zone_name: str) -> datetime:
    """The first instant whose local day is `day`.

    A zone may skip 00:00; a whole skipped day starts where the next does.
    """
    candidate = to_utc(datetime.combine(day, time()), zone_name)
    # A clock set back over midnight shows the evening before twice: step to where the day really begins.
    while local_day(candidate, zone_name) < day:
        candidate += timedelta(minutes=15)
    while local_day(candidate - MICROSECOND, zone_name) >= day:
        candidate -= timedelta(minutes=15)
    return candidate


def clamped_first_instant(day: date, zone_name: str) -> datetime:
    """`first_instant`, held inside the calendar of Python's instants."""
    if day <= date.min + timedelta(days=2):
        return EARLIEST
    return LATEST if day >= date.max - timedelta(days=2) else first_instant(day, zone_name)


def last_instant(day: date, zone_name: str) -> datetime:
    """The last microsecond of a local day: what a date means as an `as_of`."""
    return first_instant(day + timedelta(days=1), zone_name) - MICROSECOND


def step(day: date, n: int, unit: Unit) -> date:
    """`day` ⊕ n units (n may be negative): months, quarters and years are calendar ones, clamped at month ends."""
    if unit == "day":
        return day + timedelta(days=n)
    if unit == "week":
        return day + timedelta(weeks=n)
    months = n * {"month": 1, "quarter": 3, "year": 12}[unit]
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"{day} stepped by {n} {unit}s leaves the calendar")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def clamped_step(day: date, n: int, unit: Unit) -> date:
    """`step`, held inside the calendar of Python's dates, for window limits where beyond the end means unbounded."""
    try:
        return step(day, n, unit)
    except OverflowError:
        return date.max if n > 0 else date.min


def start_of(day: date, unit: Unit) -> date:
    """The first day of the calendar unit that holds `day`; weeks start on Monday."""
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            return day.replace(month=1, day=1)
        case "minute" | "hour":
            raise ValueError(f"a {unit} is no calendar unit of days")


FIXED = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


def exact_length(length: Duration) -> timedelta:
    """An exact length, as sequences and hour windows count it; only units of fixed length have one."""
    try:
        return length.n * FIXED[length.unit]
    except OverflowError:
        return timedelta(days=999_999_999)


def clamped_shift(instant: datetime, length: timedelta) -> datetime:
    """An instant moved by a length, held inside the calendar of Python's dates."""
    try:
        return instant + length
    except OverflowError:
        return LATEST if length > timedelta() else EARLIEST


def days(window: Window, today: date, anchor: date | None = None) -> Days | None:
    """The local days that a day window admits, or None for an exact (hours, minutes) window.

    Args:
        window: any window.
        today: D, the local day of as_of.
        anchor: the local day of the customer's date, for `Around` (required there).
    """
    after = timedelta(days=1)
    match window:
        case Within(length):
            if length.unit in EXACT:
                return None
            return Days(_later_than(today, -length.n, length.unit), today + after)
        case Ago(far, near, unit):
            if unit in EXACT:
                return None
            return Days(_later_than(today, -far, unit), _later_than(today, -near, unit) or date.min)
        case Period("this", unit):
            return None if unit in EXACT else Days(start_of(today, unit), today + after)
        case Period(_, unit):
            if unit in EXACT:
                return None
            start = start_of(today, unit)
            return Days(step(start, -1, unit), start)
        case Since(day):
            return Days(day, None)
        case Before(day):
            return Days(None, day)
        case FromTo(start, end):
            return Days(start, end)
        case Around(length, side, _):
            if anchor is None:
                raise ValueError("a window around a customer's date needs that date")
            if side == "after":
                return Days(anchor, _end(anchor, length.n, length.unit))
            return Days(_later_than(anchor, -length.n, length.unit), _end(anchor, 1, "day"))
        case Next(length):
            if length.unit in EXACT:
                return None
            return Days(today + after, _later_than(today, length.n, length.unit))


def _end(day: date, n: int, unit: Unit) -> date | None:
    """`day` ⊕ n units as the end of a window; unbounded beyond the calendar."""
    try:
        return step(day, n, unit)
    except OverflowError:
        return None


def _later_than(day: date, n: int, unit: Unit) -> date | None:
    """The day after `day` ⊕ n units; None beyond the calendar, at either end of it."""
    moved = _end(day, n, unit)
    return None if moved is None else _end(moved, 1, "day")


def instants(window: Window, as_of: datetime) -> Instants | None:
    """The instants that an exact (hours, minutes) window admits, or None for a day window.

    `within n hours`: as_of − n < t ≤ as_of; `from a to b hours ago`: as_of − a < t ≤ as_of − b;
    `within next n hours`: as_of < t ≤ as_of + n.
    """

    def after(n: int, unit: Unit) -> datetime:
        # The first instant later than as_of moved by n units.
        length = exact_length(Duration(abs(n), unit))
        return clamped_shift(clamped_shift(as_of, length if n > 0 else -length), MICROSECOND)

    match window:
        case Within(length) if length.unit in EXACT:
            return Instants(after(-length.n, length.unit), after(0, length.unit))
        case Ago(far, near, unit) if unit in EXACT:
            return Instants(after(-far, unit), after(-near, unit))
        case Next(length) if length.unit in EXACT:
            return Instants(after(0, length.unit), after(length.n, length.unit))
    return None
