"""Windows that are said to lie within each other, or never to meet, hold that on every day."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.windows import Ago, Around, Duration, Next, Period, Since, Window, Within, days, instants, local_day
from coterie.language.nested import days_ago, ends, inside, never_meet

CALENDAR = ("day", "week", "month", "quarter", "year")
ANCHOR = date(2024, 2, 29)
COUNTS = st.sampled_from([1, 2, 3, 4, 6, 7, 12, 24, 28, 30, 31, 59, 62, 90, 92, 181, 183, 365, 366])


def windows() -> st.SearchStrategy[Window]:
    lengths = st.builds(Duration, COUNTS, st.sampled_from(("minute", "hour", *CALENDAR)))
    around = st.builds(Duration, COUNTS, st.sampled_from(CALENDAR))
    return st.one_of(
        st.builds(Within, lengths),
        st.builds(Next, lengths),
        st.builds(lambda near, more, unit: Ago(near + more, near, unit), COUNTS, COUNTS, st.sampled_from(("hour", *CALENDAR))),
        st.builds(Period, st.sampled_from(["this", "last"]), st.sampled_from(CALENDAR)),
        st.builds(Since, st.dates(date(2023, 1, 1), date(2026, 1, 1))),
        st.builds(Around, around, st.sampled_from(["after", "before"]), st.just("born")),
    )


def admits(window: Window, at: datetime, as_of: datetime, zone: str) -> bool:
    exact = instants(window, as_of)
    value: datetime | date = at
    limits = exact
    if exact is None:
        value, limits = local_day(at, zone), days(window, local_day(as_of, zone), ANCHOR)  # type: ignore[assignment]
    assert limits is not None
    return (limits.lo is None or limits.lo <= value) and (limits.hi is None or value < limits.hi)


MOMENTS = st.datetimes(datetime(2022, 12, 1), datetime(2027, 1, 1))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"])


@given(windows(), windows(), MOMENTS, ZONES, st.data())
def test_what_is_said_of_two_windows_holds(a, b, as_of, zone, data):
    offset = data.draw(st.one_of(st.integers(-800 * 24, 100 * 24), st.integers(-100, 100)))
    at = as_of + timedelta(hours=offset)
    one, two = admits(a, at, as_of, zone), admits(b, at, as_of, zone)
    if inside(ends(a), ends(b)):
        assert not one or two
    if inside(ends(a), ends(b), seen=True) and at <= as_of:
        assert not one or two
    if never_meet(ends(a), ends(b)):
        assert not (one and two)
    reach = days_ago(ends(a))
    if reach is not None:
        away = (local_day(as_of, zone) - local_day(at, zone)).days
        (near, far), surely = reach
        assert not one or near <= away <= far
        assert surely is None or one or not surely[0] <= away <= surely[1]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Within(Duration(89, "day")), Within(Duration(90, "day"))),
        (Within(Duration(1, "month")), Within(Duration(31, "day"))),
        (Within(Duration(28, "day")), Within(Duration(1, "month"))),
        (Within(Duration(11, "month")), Within(Duration(1, "year"))),
        (Within(Duration(24, "hour")), Within(Duration(5, "day"))),
        (Within(Duration(60, "minute")), Within(Duration(1, "hour"))),
        (Period("this", "month"), Period("this", "year")),
        (Period("this", "week"), Within(Duration(7, "day"))),
        (Ago(180, 90, "day"), Within(Duration(180, "day"))),
        (Around(Duration(1, "month"), "after", "born"), Around(Duration(31, "day"), "after", "born")),
    ],
)
def test_windows_that_are_known_to_lie_within_each_other(a, b):
    assert inside(ends(a), ends(b), seen=True)
    assert not inside(ends(b), ends(a), seen=True) or a == Within(Duration(60, "minute"))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Ago(180, 90, "day"), Within(Duration(90, "day"))),
        (Ago(6, 3, "month"), Within(Duration(3, "month"))),
        (Period("last", "month"), Period("this", "month")),
        (Next(Duration(1, "day")), Within(Duration(1, "day"))),
        (Next(Duration(1, "hour")), Within(Duration(1, "hour"))),
    ],
)
def test_windows_that_are_known_never_to_meet(a, b):
    assert never_meet(ends(a), ends(b))
    assert never_meet(ends(b), ends(a))
