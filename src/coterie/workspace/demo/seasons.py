"""When a shop is busy: seasons, sale weeks, weekdays, hours, and the shop's time zone.

Times inside the demo are whole seconds of the shop's wall clock, counted from 1970-01-01 00:00 local time. Nothing
here asks the machine for its clock or its zone.
"""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from coterie.workspace.demo.draws import Draws, Floats, Integers

DAY = 86_400
EPOCH = date(1970, 1, 1)

# Demand by month, January first: a quiet February, a long Christmas.
MONTHS = (0.88, 0.78, 0.88, 0.94, 1.00, 1.04, 0.98, 0.88, 0.92, 1.00, 1.38, 1.85)
# Monday to Sunday.
WEEKDAYS = (0.98, 0.94, 0.94, 0.98, 1.02, 1.12, 1.22)
# Nobody orders between midnight and five: the shop is closed for its nightly backup. So no planted time falls into
# the hour that daylight saving skips or repeats.
HOURS = (0, 0, 0, 0, 0, 0.2, 0.6, 1.3, 2.1, 2.8, 3.3, 3.5, 3.9, 3.4, 3.0, 3.0, 3.2, 3.6, 4.4, 5.4, 6.0, 5.0, 3.0, 1.2)
OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 0.2, 1, 4, 7, 8, 7, 3, 5, 7, 7, 5, 2, 0.8, 0.3, 0.2, 0.1, 0, 0)


def day_number(day: date) -> int:
    """The day counted from 1970-01-01."""
    return (day - EPOCH).days


def is_sale(day: date) -> bool:
    """Whether the shop has a sale on that day: Black Friday weeks, the days round New Year, early July."""
    month, number = day.month, day.day
    return (
        (month == 11 and number >= 20)
        or (month == 12 and number >= 27)
        or (month == 1 and number <= 14)
        or (month == 7 and number <= 14)
    )


def days_from(start: date, end: date) -> list[date]:
    """Every day from start to end, both included."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def demand(days: list[date], sale_pull: float, weekend: float) -> Floats:
    """How busy each day is for one group of customers, with a mean of 1.

    sale_pull: how many times busier sale days are. weekend: how many times busier Saturdays and Sundays are than for
    the shop as a whole.
    """
    weight = np.array(
        [
            MONTHS[day.month - 1]
            * WEEKDAYS[day.weekday()]
            * (sale_pull if is_sale(day) else 1.0)
            * (weekend if day.weekday() >= 5 else 1.0)
            for day in days
        ]
    )
    return np.asarray(weight / weight.mean())


def time_of_day(draws: Draws, size: int, office: bool = False) -> Integers:
    """`size` times of day in seconds after midnight, as a private household or an office orders."""
    hour = draws.choose(size, OFFICE_HOURS if office else HOURS)
    return hour * 3600 + draws.integers(size, 3600)


def months_between(start: date, end: date) -> list[str]:
    """The months touched from start to end as `2026-04`, `2026-05`, …"""
    first, last = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


def first_of_month(day: date, back: int) -> date:
    """The first day of the month `back` months before that of `day`."""
    n = day.year * 12 + day.month - 1 - back
    return date(n // 12, n % 12 + 1, 1)


def _last_sunday(year: int, month: int) -> date:
    after = date(year + month // 12, month % 12 + 1, 1)
    return after - timedelta(days=(after.weekday() + 1) % 7 or 7)


def london_offset(seconds: Integers) -> NDArray[np.int64]:
    """Seconds that Europe/London is ahead of UTC at each wall-clock second (the rule in force since 1996).

    The hour that is skipped or repeated (01:00–02:00) is counted with the new offset; the demo has no times in it.
    """
    if len(seconds) == 0:
        return np.zeros(0, dtype=np.int64)
    offset = np.zeros(len(seconds), dtype=np.int64)
    years = seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    for year in range(int(years.min()), int(years.max()) + 1):
        begin = day_number(_last_sunday(year, 3)) * DAY + 3600
        end = day_number(_last_sunday(year, 10)) * DAY + 3600
        offset[(seconds >= begin) & (seconds < end)] = 3600
    return offset
