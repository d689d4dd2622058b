"""Functions on dates and instants, and the name `as_of`.

A date is itself; an instant has its local day and hour in the project's zone. D is the local day of `as_of`, known
when the SQL is built, so it stands there as a literal.
"""

import re
from calendar import isleap
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from coterie.core.windows import local, start_of
from coterie.language.functions.texts import BLANK, part
from coterie.language.leaves import Context, Leaf, Vector, instant, table
from coterie.language.types import DATE, FLOAT, INTEGER, TEXT, TIMES, TIMESTAMP, Type

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

PERIODS = ("day", "week", "month", "quarter", "year")
YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
DAY = rf"{BLANK}({YEAR}-[0-9]{{2}}-[0-9]{{2}}){BLANK}"
"""A day as ISO 8601 writes it; the years 0001 to 9999."""

Face = Callable[["Builder", "exp.Expression"], "exp.Expression"]


def day_of(x: date, context: Context) -> date:
    """A date itself, the local day of an instant."""
    return local(x, context.zone).date() if isinstance(x, datetime) else x


def day_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.local_day(x.tree) if x.type == TIMESTAMP else x.tree


def wall_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    """What YEAR, MONTH and the like read: a date itself, an instant on the local clock."""
    return b.local(x.tree) if x.type == TIMESTAMP else x.tree


def _one_time(to: Type) -> Callable[..., Type | None]:
    return lambda *types: to if len(types) == 1 and types[0] in TIMES else None


def _two_times(*types: Type) -> Type | None:
    return INTEGER if len(types) == 2 and all(t in TIMES for t in types) else None


def _named(name: str) -> Callable[..., "exp.Expression"]:
    def sql(b: "Builder", x: "Sql") -> "exp.Expression":
        return b.call(name, wall_sql(b, x))

    return sql


def _part(
    name: str, read: Callable[[date], int], sql: str, gives: tuple[int, int], words: str, vectors: tuple[Vector, ...]
) -> Leaf:
    return Leaf(
        name=name,
        shape="function",
        result=_one_time(INTEGER),
        expects="a date or a time",
        python=lambda context, x: read(day_of(x, context)),
        sql=_named(sql),
        words=words,
        context=True,
        gives=gives,
        vectors=vectors,
    )


def _date_trunc(context: Context, unit: Any, x: date) -> date:
    return start_of(day_of(x, context), unit)


def _date_trunc_sql(b: "Builder", unit: "Sql", x: "Sql") -> "exp.Expression":
    return b.cast(b.call("DATE_TRUNC", b.literal(str(unit.value)), day_sql(b, x)), "DATE")


def _date_trunc_type(*types: Type) -> Type | None:
    return DATE if len(types) == 2 and types[0] == TEXT and types[1] in TIMES else None


def _period(unit: Any) -> str | None:
    return None if unit in PERIODS else f"the period is one of {', '.join(PERIODS)}"


def _age(context: Context, born: date) -> int | None:
    day, today = day_of(born, context), context.today
    had = (day.month, day.day) <= _latest_birthday(today)
    return None if day > today else today.year - day.year - (not had)


def _latest_birthday(today: date) -> tuple[int, int]:
    """The last day of the year that has had its birthday today: in a common year 28 Feb is 29 Feb's too."""
    if (today.month, today.day) == (2, 28) and not isleap(today.year):
        return 2, 29
    return today.month, today.day


def _month_and_day(b: "Builder", day: "exp.Expression") -> "exp.Expression":
    """Month and day as one number, 229 for 29 February."""
    return b.binary("+", b.binary("*", b.call("MONTH", day), b.literal(100)), b.call("DAY", day))


def _age_sql(b: "Builder", born: "Sql") -> "exp.Expression":
    today = b.context.today
    month, day = _latest_birthday(today)

    def age(birth: "exp.Expression") -> "exp.Expression":
        years = b.binary("-", b.literal(today.year), b.call("YEAR", birth))
        ahead = b.binary(">", _month_and_day(b, birth), b.literal(month * 100 + day))
        full = b.case([(ahead, b.binary("-", years, b.literal(1)))], years)
        return b.case([(b.binary("<=", birth, b.literal(today)), full)])

    return b.let([day_sql(b, born)], age)


def _anniversary(context: Context, x: date) -> date | None:
    day, today = day_of(x, context), context.today
    year = today.year + ((day.month, day.day) < (today.month, today.day))
    if year > date.max.year:
        return None
    leap_day = (day.month, day.day) == (2, 29) and not isleap(year)
    return date(year, 2, 28) if leap_day else day.replace(year=year)


def _anniversary_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    today = b.context.today

    def next_return(day: "exp.Expression") -> "exp.Expression":
        past = b.binary("<", _month_and_day(b, day), b.literal(today.month * 100 + today.day))
        next_year = b.literal(today.year + 1) if today.year < date.max.year else b.null()
        years = b.binary("-", b.case([(past, next_year)], b.literal(today.year)), b.call("YEAR", day))
        return b.years_later(day, years)

    return b.let([day_sql(b, x)], next_return)


def _days_since_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return _days_sql(b, day_sql(b, x), b.literal(b.context.today))


def _days_between_sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
    return _days_sql(b, day_sql(b, x), day_sql(b, y))


def _days_sql(b: "Builder", start: "exp.Expression", end: "exp.Expression") -> "exp.Expression":
    return b.call("DATE_DIFF", b.literal("day"), start, end)


def _hours_between(x: datetime, y: datetime) -> float:
    apart = y - x
    micros = (apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds
    return float(micros) / 3.6e9


def _hours_between_sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
    micros = b.binary("-", b.call("EPOCH_US", y.tree), b.call("EPOCH_US", x.tree))
    return b.binary("/", b.cast(micros, "DOUBLE"), b.literal(3.6e9, FLOAT))


def _date(context: Context, x: Any) -> date | None:
    if not isinstance(x, str):
        return day_of(x, context)
    match = re.fullmatch(DAY, x)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _date_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.try_cast(part(b, x.tree, DAY, 1), "DATE") if x.type == TEXT else day_sql(b, x)


def _as_of_sql(b: "Builder") -> "exp.Expression":
    return b.literal(b.context.as_of)


def _in(zone: str, as_of: datetime) -> Context:
    return Context(as_of, zone)


LONDON = _in("Europe/London", instant("2026-02-28T12:00"))
LEAP = _in("Europe/London", instant("2028-02-29T12:00"))
SUMMER = _in("Europe/London", instant("2026-06-30T23:30"))  # 1 July, 00:30 on the local clock
LATE = instant("2026-06-30T23:30")
SUNDAY = date(2026, 11, 22)

DATES = table(
    _part(
        "year",
        lambda day: day.year,
        "YEAR",
        (1, 9999),
        "the year of {0}",
        (
            Vector((SUNDAY,), 2026),
            Vector((instant("2025-12-31T23:30"),), 2026, context=_in("Europe/Berlin", LATE)),
            Vector((None,), None, (DATE,)),
            Vector((None,), None, (TIMESTAMP,)),
        ),
    ),
    _part(
        "month",
        lambda day: day.month,
        "MONTH",
        (1, 12),
        "the month of {0}",
        (Vector((SUNDAY,), 11), Vector((LATE,), 7, context=LONDON), Vector((None,), None, (DATE,))),
    ),
    _part(
        "day",
        lambda day: day.day,
        "DAY",
        (1, 31),
        "the day of the month of {0}",
        (Vector((SUNDAY,), 22), Vector((LATE,), 1, context=LONDON), Vector((None,), None, (DATE,))),
    ),
    _part(
        "weekday",
        lambda day: day.isoweekday(),
        "ISODOW",
        (1, 7),
        "the day of the week of {0} (1 is Monday)",
        (
            Vector((SUNDAY,), 7),
            Vector((date(2026, 11, 23),), 1),
            Vector((LATE,), 3, context=LONDON),
            Vector((None,), None, (DATE,)),
        ),
    ),
    Leaf(
        name="hour",
        shape="function",
        result=lambda *types: INTEGER if types == (TIMESTAMP,) else None,
        expects="a time (a date has no hour)",
        python=lambda context, x: local(x, context.zone).hour,
        sql=_named("HOUR"),
        words="the hour of {0}",
        context=True,
        gives=(0, 23),
        vectors=(
            Vector((LATE,), 0, context=LONDON),
            Vector((LATE,), 23),
            Vector((LATE,), 5, context=_in("Asia/Kathmandu", LATE)),
            Vector((None,), None, (TIMESTAMP,)),
        ),
    ),
    Leaf(
        name="date_trunc",
        shape="function",
        result=_date_trunc_type,
        expects="a period written out and a date or time, such as date_trunc('month', signup_date)",
        python=_date_trunc,
        sql=_date_trunc_sql,
        words="the first day of the {0} of {1}",
        context=True,
        literal=(0,),
        validate=_period,
        settles=True,
        vectors=(
            Vector(("month", SUNDAY), date(2026, 11, 1)),
            Vector(("week", SUNDAY), date(2026, 11, 16)),
            Vector(("week", date(1, 1, 1)), date(1, 1, 1)),
            Vector(("quarter", SUNDAY), date(2026, 10, 1)),
            Vector(("year", SUNDAY), date(2026, 1, 1)),
            Vector(("day", LATE), date(2026, 7, 1), context=LONDON),
            Vector(("month", LATE), date(2026, 7, 1), context=LONDON),
            Vector(("month", None), None, (TEXT, DATE)),
        ),
    ),
    Leaf(
        name="age",
        shape="function",
        result=_one_time(INTEGER),
        expects="a date or a time",
        python=_age,
        sql=_age_sql,
        words="full years since {0}",
        context=True,
        live="daily",
        gives=(0, None),
        vectors=(
            Vector((date(2008, 2, 29),), 18, context=LONDON),
            Vector((date(2008, 3, 1),), 17, context=LONDON),
            Vector((date(2008, 2, 29),), 20, context=LEAP),
            Vector((date(2008, 2, 29),), 19, context=_in("UTC", instant("2028-02-28T12:00"))),
            Vector((date(2026, 2, 28),), 0, context=LONDON),
            Vector((date(2026, 3, 1),), None, context=LONDON),
            Vector((date(1990, 7, 1),), 36, context=SUMMER),
            Vector((None,), None, (DATE,)),
        ),
    ),
    Leaf(
        name="days_since",
        shape="function",
        result=_one_time(INTEGER),
        expects="a date or a time",
        python=lambda context, x: (context.today - day_of(x, context)).days,
        sql=_days_since_sql,
        words="days since {0}",
        context=True,
        order="reversed",
        live="daily",
        vectors=(
            Vector((date(2026, 2, 27),), 1, context=LONDON),
            Vector((date(2026, 3, 1),), -1, context=LONDON),
            Vector((date(1, 1, 1),), 739674, context=LONDON),
            Vector((LATE,), 0, context=SUMMER),
            Vector((instant("2026-06-30T22:59"),), 1, context=SUMMER),
            Vector((None,), None, (DATE,)),
        ),
    ),
    Leaf(
        name="days_between",
        shape="function",
        result=_two_times,
        expects="two dates or times",
        python=lambda context, x, y: (day_of(y, context) - day_of(x, context)).days,
        sql=_days_between_sql,
        words="days from {0} to {1}",
        context=True,
        vectors=(
            Vector((date(2026, 1, 1), date(2026, 3, 1)), 59),
            Vector((date(2026, 3, 1), date(2026, 1, 1)), -59),
            Vector((date(1, 1, 1), date(9999, 12, 31)), 3652058),
            Vector((date(2026, 7, 1), LATE), 0, context=LONDON),
            Vector((None, SUNDAY), None, (DATE, DATE)),
        ),
    ),
    Leaf(
        name="hours_between",
        shape="function",
        result=lambda *types: FLOAT if types == (TIMESTAMP, TIMESTAMP) else None,
        expects="two times (for dates: days_between)",
        python=_hours_between,
        sql=_hours_between_sql,
        words="hours from {0} to {1}",
        vectors=(
            Vector((instant("2026-03-29"), instant("2026-03-29T03:30")), 3.5),
            Vector((instant("2026-03-29T03:00"), instant("2026-03-29")), -3.0),
            Vector((instant("2026-01-01"), instant("2026-01-01T00:00:00.000001")), 1 / 3.6e9),
            Vector((instant("0001-01-02"), instant("9999-12-30")), 87649344.0),
            Vector((None, LATE), None, (TIMESTAMP, TIMESTAMP)),
        ),
    ),
    Leaf(
        name="anniversary",
        shape="function",
        result=_one_time(DATE),
        expects="a date or a time",
        python=_anniversary,
        sql=_anniversary_sql,
        words="the next return of {0}",
        context=True,
        live="daily",
        vectors=(
            Vector((date(1990, 2, 28),), date(2026, 2, 28), context=LONDON),
            Vector((date(1990, 2, 27),), date(2027, 2, 27), context=LONDON),
            Vector((date(1988, 2, 29),), date(2026, 2, 28), context=LONDON),
            Vector((date(1988, 2, 29),), date(2028, 2, 29), context=LEAP),
            Vector((date(1990, 2, 28),), date(2029, 2, 28), context=LEAP),
            Vector((date(1988, 2, 29),), date(2027, 2, 28), context=_in("UTC", instant("2026-03-01"))),
            Vector((date(2030, 5, 1),), date(2026, 5, 1), context=LONDON),
            Vector((date(1990, 1, 1),), None, context=_in("UTC", instant("9999-02-01"))),
            Vector((None,), None, (DATE,)),
        ),
    ),
    Leaf(
        name="date",
        shape="function",
        result=lambda *types: DATE if len(types) == 1 and types[0] in (TEXT, *TIMES) else None,
        expects="a text such as '2026-01-31', or a time",
        python=_date,
        sql=_date_sql,
        words="the day of {0}",
        context=True,
        order="kept",
        vectors=(
            Vector(("2026-01-31",), date(2026, 1, 31)),
            Vector((" 2026-01-31\n",), date(2026, 1, 31)),
            Vector(("2026-02-30",), None),
            Vector(("2026-2-3",), None),
            Vector(("20260131",), None),
            Vector(("2026-01-31T10:00",), None),
            Vector(("0000-01-01",), None),
            Vector(("0001-01-01",), date(1, 1, 1)),
            Vector(("31.01.2026",), None),
            Vector(("٢٠٢٦-01-31",), None),
            Vector(("",), None),
            Vector((LATE,), date(2026, 7, 1), context=LONDON),
            Vector((SUNDAY,), SUNDAY),
            Vector((None,), None, (TEXT,)),
            Vector((None,), None, (TIMESTAMP,)),
        ),
    ),
    Leaf(
        name="as_of",
        shape="name",
        result=lambda *types: None if types else TIMESTAMP,
        expects="nothing: it is the instant of the question",
        python=lambda context: context.as_of,
        sql=_as_of_sql,
        words="now",
        context=True,
        live="timed",
        vectors=(Vector((), instant("2026-02-28T12:00"), context=LONDON),),
    ),
)
