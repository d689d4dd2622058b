"""Which past days a back-fill records."""

from datetime import date, datetime, timedelta
from typing import Literal, get_args

from coterie.core.errors import CoterieError
from coterie.core.windows import last_instant, local_day

Every = Literal["day", "week", "month"]
DAILY, WEEKLY = 62, 2 * 366
"""Up to so many days back every day is recorded, up to so many every week, beyond that every month, unless told otherwise."""


def past_days(since: str, every: str | None, until: datetime, zone: str) -> tuple[datetime, ...]:
    """The ends of past days from a date on, before the day of an instant, counted back from that day.

    Args:
        since: an ISO date; every: day, week or month; None chooses by the span.
        until: the instant of the run itself, which is not among them.
        zone: whose days.

    Raises:
        CoterieError: E171, it is no date or not before that day; E172, it is no such step.
    """
    try:
        first = date.fromisoformat(since)
    except ValueError:
        raise CoterieError(f"{since!r} is no date", code="E171", hint="write it as 2026-03-01") from None
    if every is not None and every not in get_args(Every):
        raise CoterieError(f"past days cannot be {every!r} apart", code="E172", hint="choose day, week or month")
    last = local_day(until, zone)
    if first >= last:
        raise CoterieError(
            f"{first} is not before {last}, the day of this run",
            code="E171",
            hint="name an earlier day; the day of the run itself is recorded anyway",
        )
    span = (last - first).days
    step = every or ("day" if span <= DAILY else "week" if span <= WEEKLY else "month")
    out: list[date] = []
    back = 1
    while (day := _back(last, back, step)) >= first:
        out.append(day)
        back += 1
    return tuple(last_instant(day, zone) for day in reversed(out))


def _back(day: date, n: int, step: str) -> date:
    if step != "month":
        return day - timedelta(days=n * (7 if step == "week" else 1))
    months = day.year * 12 + day.month - 1 - n
    first = date(months // 12, months % 12 + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
