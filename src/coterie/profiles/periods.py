"""Calendar periods as whole numbers, so that "three months later" is a subtraction, in SQL as in Python."""

from datetime import date, timedelta
from typing import Literal

from sqlglot import exp

from coterie.language.sql import Builder
from coterie.traits.batch import DAY, quoted

Period = Literal["month", "quarter", "year"]
PER_YEAR: dict[Period, int] = {"month": 12, "quarter": 4, "year": 1}
SLACK = timedelta(days=3)
"""Data that ends so shortly before a period does (a shop closed over the holidays), or begins so shortly after, covers it."""


def period_for(first: date, last: date) -> Period:
    """Months for up to two years, quarters for up to six, else years."""
    for period, most in (("month", 24), ("quarter", 24)):
        if index(last, period) - index(first, period) < most:  # type: ignore[arg-type]
            return period  # type: ignore[return-value]
    return "year"


def index(day: date, period: Period) -> int:
    """The number of a day's period."""
    per_year = PER_YEAR[period]
    return day.year * per_year + (day.month - 1) * per_year // 12


def start(number: int, period: Period) -> date:
    """The first day of a period."""
    per_year = PER_YEAR[period]
    return date(number // per_year, number % per_year * (12 // per_year) + 1, 1)


def month_sql(q: Builder, day: exp.Expression) -> exp.Expression:
    """`index` of the month, of a day in SQL."""
    scaled = exp.Mul(this=q.call("year", day), expression=q.literal(PER_YEAR["month"]))
    return exp.Sub(this=exp.Add(this=scaled, expression=q.call("month", day)), expression=q.literal(1))


def covered(number: int, period: Period, first: date, last: date) -> bool:
    """Whether data from `first` to `last` covers a period from its beginning to its end."""
    begins, ends = start(number, period), start(number + 1, period) - timedelta(days=1)
    return first <= begins + SLACK and last >= ends - SLACK


def over_by(today: date, number: int, period: Period) -> bool:
    """Whether a period is over on the evening of a day."""
    return today >= start(number + 1, period) - timedelta(days=1)


def span(events: exp.Select) -> exp.Select:
    """The query of the first and last local day of some events `e`."""
    low = exp.Min(this=quoted(DAY, "e"))
    high = exp.Max(this=quoted(DAY, "e"))
    return events.select(low.as_("first"), high.as_("last"))
