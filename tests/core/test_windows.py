"""Windows against expectations worked out by hand: clock changes, leap days, month ends, skipped midnights and days."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core import windows
from coterie.core.windows import (
    Ago,
    Around,
    Before,
    Days,
    Duration,
    FromTo,
    Instants,
    Next,
    Period,
    Since,
    Unit,
    Within,
)

MICROSECOND = timedelta(microseconds=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


FIRST_INSTANTS = [
    # The clock goes forward at 01:00 UTC on 29 March and back at 01:00 UTC on 25 October.
    ("Europe/London", "2026-03-29", "2026-03-29T00:00"),
    ("Europe/London", "2026-03-30", "2026-03-29T23:00"),
    ("Europe/London", "2026-10-25", "2026-10-24T23:00"),
    ("Europe/London", "2026-10-26", "2026-10-26T00:00"),
    ("America/New_York", "2026-03-08", "2026-03-08T05:00"),
    ("America/New_York", "2026-03-09", "2026-03-09T04:00"),
    ("America/New_York", "2026-11-01", "2026-11-01T04:00"),
    ("America/New_York", "2026-11-02", "2026-11-02T05:00"),
    # Cairo has no midnight on 26 April 2024 (00:00 becomes 01:00) and shows 23:00 twice on 31 October.
    ("Africa/Cairo", "2024-04-25", "2024-04-24T22:00"),
    ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00"),
    ("Africa/Cairo", "2024-04-27", "2024-04-26T21:00"),
    ("Africa/Cairo", "2024-10-31", "2024-10-30T21:00"),
    ("Africa/Cairo", "2024-11-01", "2024-10-31T22:00"),
    # Santiago has no midnight on 8 September 2024 and shows 23:00 twice on 6 April.
    ("America/Santiago", "2024-04-06", "2024-04-06T03:00"),
    ("America/Santiago", "2024-04-07", "2024-04-07T04:00"),
    ("America/Santiago", "2024-09-07", "2024-09-07T04:00"),
    ("America/Santiago", "2024-09-08", "2024-09-08T04:00"),
    ("America/Santiago", "2024-09-09", "2024-09-09T03:00"),
    # Apia went over the date line: there was no 30 December 2011, which therefore begins where the 31st does.
    ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00"),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
    ("Pacific/Apia", "2012-01-01", "2011-12-31T10:00"),
    # Casablanca takes its hour back for Ramadan, at 03:00 on 23 February 2025, and again forward on 6 April.
    ("Africa/Casablanca", "2025-02-23", "2025-02-22T23:00"),
    ("Africa/Casablanca", "2025-02-24", "2025-02-24T00:00"),
    ("Africa/Casablanca", "2025-04-06", "2025-04-06T00:00"),
    ("Africa/Casablanca", "2025-04-07", "2025-04-06T23:00"),
    # Half hours and quarters.
    ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00"),
    ("Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30"),
    ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15"),
    ("Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00"),
    ("UTC", "2024-02-29", "2024-02-29T00:00"),
]


@pytest.mark.parametrize(("zone", "local_day", "instant"), FIRST_INSTANTS)
def test_a_local_day_begins_at(zone, local_day, instant):
    assert windows.first_instant(day(local_day), zone) == utc(instant)


@pytest.mark.parametrize(("zone", "local_day", "instant"), FIRST_INSTANTS)
def test_the_microsecond_before_is_another_day(zone, local_day, instant):
    assert windows.local_day(utc(instant), zone) >= day(local_day)
    assert windows.local_day(utc(instant) - MICROSECOND, zone) < day(local_day)


@pytest.mark.parametrize(
    ("zone", "local_day", "hours"),
    [
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("Africa/Cairo", "2024-04-26", 23),
        ("America/Santiago", "2024-04-06", 25),
        ("Pacific/Apia", "2011-12-30", 0),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Asia/Kathmandu", "2026-06-01", 24),
    ],
)
def test_days_are_as_long_as_the_clocks_make_them(zone, local_day, hours):
    length = windows.last_instant(day(local_day), zone) + MICROSECOND - windows.first_instant(day(local_day), zone)
    assert length == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/London", "2026-10-25T01:30", "2026-10-25T00:30"),  # happens twice: the first
        ("Europe/London", "2026-03-29T01:30", "2026-03-29T01:30"),  # does not happen: forward, to 02:30
        ("Europe/London", "2026-07-01T12:00", "2026-07-01T11:00"),
        ("Africa/Cairo", "2024-04-26T00:30", "2024-04-25T22:30"),  # does not happen: forward, to 01:30
        ("Africa/Cairo", "2024-10-31T23:30", "2024-10-31T20:30"),  # happens twice: the first
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T22:00"),  # a day that does not happen: noon of the 31st
    ],
)
def test_wall_clock_times_become_instants(zone, wall, instant):
    assert windows.to_utc(utc(wall), zone) == utc(instant)


@pytest.mark.parametrize(
    ("zone", "instant", "local_day"),
    [
        ("Europe/London", "2026-06-30T22:59:59.999999", "2026-06-30"),
        ("Europe/London", "2026-06-30T23:00", "2026-07-01"),
        ("America/Los_Angeles", "2026-01-01T07:59:59.999999", "2025-12-31"),
        ("Pacific/Kiritimati", "2025-12-31T10:00", "2026-01-01"),
    ],
)
def test_the_local_day_of_an_instant(zone, instant, local_day):
    assert windows.local_day(utc(instant), zone) == day(local_day)


@pytest.mark.parametrize(
    ("start", "n", "unit", "end"),
    [
        ("2026-03-31", -1, "month", "2026-02-28"),
        ("2024-03-31", -1, "month", "2024-02-29"),
        ("2026-01-31", 1, "month", "2026-02-28"),
        ("2026-01-30", 1, "month", "2026-02-28"),
        ("2024-02-29", -1, "year", "2023-02-28"),
        ("2024-02-29", 4, "year", "2028-02-29"),
        ("2023-02-28", 1, "year", "2024-02-28"),
        ("2026-05-31", 1, "quarter", "2026-08-31"),
        ("2026-08-31", 1, "quarter", "2026-11-30"),
        ("2026-01-15", -1, "quarter", "2025-10-15"),
        ("2026-12-31", 2, "month", "2027-02-28"),
        ("2026-01-01", -1, "month", "2025-12-01"),
        ("2026-12-15", 1, "month", "2027-01-15"),
        ("2026-01-01", -1, "day", "2025-12-31"),
        ("2026-01-01", 2, "week", "2026-01-15"),
        ("1900-02-28", 1, "day", "1900-03-01"),
    ],
)
def test_steps_of_the_calendar(start, n, unit, end):
    assert windows.step(day(start), n, unit) == day(end)


@pytest.mark.parametrize(
    ("inside", "unit", "start"),
    [
        ("2026-03-04", "week", "2026-03-02"),  # a Wednesday; weeks start on Monday
        ("2026-03-02", "week", "2026-03-02"),
        ("2026-03-01", "week", "2026-02-23"),
        ("2026-01-01", "week", "2025-12-29"),
        ("2026-03-31", "month", "2026-03-01"),
        ("2026-03-31", "quarter", "2026-01-01"),
        ("2026-04-01", "quarter", "2026-04-01"),
        ("2026-12-31", "quarter", "2026-10-01"),
        ("2024-02-29", "year", "2024-01-01"),
        ("2024-02-29", "day", "2024-02-29"),
    ],
)
def test_where_calendar_units_start(inside, unit, start):
    assert windows.start_of(day(inside), unit) == day(start)


def within(n: int, unit: Unit) -> Within:
    return Within(Duration(n, unit))


@pytest.mark.parametrize(
    ("window", "today", "first", "last"),
    [
        (within(1, "day"), "2026-03-10", "2026-03-10", "2026-03-10"),  # today
        (within(90, "day"), "2026-03-31", "2026-01-01", "2026-03-31"),
        (within(2, "week"), "2026-03-15", "2026-03-02", "2026-03-15"),
        (within(1, "month"), "2026-03-31", "2026-03-01", "2026-03-31"),  # 31 March ⊖ 1 month = 28 February
        (within(1, "month"), "2026-03-28", "2026-03-01", "2026-03-28"),
        (within(1, "month"), "2026-03-15", "2026-02-16", "2026-03-15"),
        (within(1, "month"), "2024-03-31", "2024-03-01", "2024-03-31"),
        (within(1, "quarter"), "2026-05-31", "2026-03-01", "2026-05-31"),
        (within(1, "year"), "2024-02-29", "2023-03-01", "2024-02-29"),
        (within(1, "year"), "2025-02-28", "2024-02-29", "2025-02-28"),
        (Ago(180, 90, "day"), "2026-06-30", "2026-01-02", "2026-04-01"),
        (Ago(2, 1, "month"), "2026-03-31", "2026-02-01", "2026-02-28"),
        (Ago(2, 1, "year"), "2024-02-29", "2022-03-01", "2023-02-28"),
        (Period("this", "day"), "2026-03-04", "2026-03-04", "2026-03-04"),
        (Period("this", "week"), "2026-03-04", "2026-03-02", "2026-03-04"),
        (Period("this", "month"), "2026-03-04", "2026-03-01", "2026-03-04"),
        (Period("this", "quarter"), "2026-03-04", "2026-01-01", "2026-03-04"),
        (Period("this", "year"), "2026-03-04", "2026-01-01", "2026-03-04"),
        (Period("last", "day"), "2026-03-01", "2026-02-28", "2026-02-28"),
        (Period("last", "week"), "2026-03-01", "2026-02-16", "2026-02-22"),
        (Period("last", "month"), "2024-03-31", "2024-02-01", "2024-02-29"),
        (Period("last", "quarter"), "2026-01-01", "2025-10-01", "2025-12-31"),
        (Period("last", "year"), "2024-12-31", "2023-01-01", "2023-12-31"),
        (FromTo(day("2026-01-01"), day("2026-02-01")), "2026-06-01", "2026-01-01", "2026-01-31"),
        (Next(Duration(1, "day")), "2026-02-28", "2026-03-01", "2026-03-01"),
        (Next(Duration(30, "day")), "2026-03-01", "2026-03-02", "2026-03-31"),
        (Next(Duration(1, "month")), "2026-01-31", "2026-02-01", "2026-02-28"),
        (Next(Duration(1, "year")), "2024-02-29", "2024-03-01", "2025-02-28"),
    ],
)
def test_the_days_of_a_window(window, today, first, last):
    assert windows.days(window, day(today)) == Days(day(first), day(last) + timedelta(days=1))
    assert windows.instants(window, utc("2026-01-01T00:00")) is None


@pytest.mark.parametrize(
    ("length", "side", "anchor", "first", "last"),
    [
        (Duration(30, "day"), "after", "2026-01-31", "2026-01-31", "2026-03-01"),
        (Duration(1, "month"), "after", "2026-01-31", "2026-01-31", "2026-02-27"),
        (Duration(1, "year"), "after", "2024-02-29", "2024-02-29", "2025-02-27"),
        (Duration(30, "day"), "before", "2026-03-31", "2026-03-02", "2026-03-31"),
        (Duration(1, "month"), "before", "2026-03-31", "2026-03-01", "2026-03-31"),
        (Duration(1, "day"), "before", "2026-03-31", "2026-03-31", "2026-03-31"),
    ],
)
def test_the_days_around_a_date_of_the_customer(length, side, anchor, first, last):
    window = Around(length, side, "signup_date")
    for today in ("2020-01-01", "2030-01-01"):
        assert windows.days(window, day(today), day(anchor)) == Days(day(first), day(last) + timedelta(days=1))
    with pytest.raises(ValueError, match="needs that date"):
        windows.days(window, day("2026-01-01"))


def test_open_windows_have_one_end():
    assert windows.days(Since(day("2026-01-05")), day("2020-01-01")) == Days(day("2026-01-05"), None)
    assert windows.days(Before(day("2026-01-05")), day("2020-01-01")) == Days(None, day("2026-01-05"))


def test_hours_and_minutes_are_exact_whatever_the_clocks_do():
    as_of = utc("2026-03-29T12:00")
    open_start = utc("2026-03-28T12:00") + MICROSECOND
    assert windows.instants(within(24, "hour"), as_of) == Instants(open_start, as_of + MICROSECOND)
    assert windows.instants(Ago(48, 24, "hour"), as_of) == Instants(utc("2026-03-27T12:00") + MICROSECOND, open_start)
    assert windows.instants(within(90, "minute"), as_of) == Instants(utc("2026-03-29T10:30") + MICROSECOND, as_of + MICROSECOND)
    assert windows.instants(Next(Duration(2, "hour")), as_of) == Instants(
        as_of + MICROSECOND, utc("2026-03-29T14:00") + MICROSECOND
    )
    assert windows.days(within(24, "hour"), day("2026-03-29")) is None


@pytest.mark.parametrize("unit", windows.UNITS)
def test_lengths_beyond_the_calendar_are_unbounded(unit):
    far = within(10**15, unit)
    as_of = utc("2026-03-29T12:00")
    limits = windows.days(far, as_of.date()) or windows.instants(far, as_of)
    assert limits is not None
    assert limits.lo is None or limits.lo.year == 1
    ahead = Next(Duration(10**15, unit))
    limits = windows.days(ahead, as_of.date()) or windows.instants(ahead, as_of)
    assert limits is not None
    assert limits.hi is None or limits.hi.year == 9999


@pytest.mark.parametrize("edge", [date.min, date.max])
def test_a_window_around_the_first_and_the_last_day_there_is_holds_that_day(edge):
    for side in ("after", "before"):
        limits = windows.days(Around(Duration(1, "day"), side, "c"), day("2026-01-01"), edge)
        assert limits is not None
        assert limits.lo is None or limits.lo <= edge
        assert limits.hi is None or edge < limits.hi


@given(st.dates(day("1990-01-01"), day("2060-01-01")), st.integers(1, 40), st.sampled_from(windows.UNITS[2:]))
def test_a_window_and_the_one_before_it_touch_and_never_overlap(today, n, unit):
    near, far = windows.days(within(n, unit), today), windows.days(Ago(2 * n, n, unit), today)
    assert near is not None
    assert far is not None
    assert near.lo == far.hi


@given(st.dates(day("1990-01-01"), day("2060-01-01")), st.integers(1, 40), st.sampled_from(windows.UNITS[2:]))
def test_a_day_leaves_a_window_once_and_for_all(today, n, unit):
    starts = []
    for k in range(70):
        days = windows.days(within(n, unit), today + timedelta(days=k))
        assert days is not None
        assert days.lo is not None
        starts.append(days.lo)
    assert starts == sorted(starts)


@given(
    st.dates(day("1972-01-01"), day("2036-12-31")),
    st.sampled_from(["Africa/Cairo", "America/Santiago", "Pacific/Apia", "Africa/Casablanca", "Europe/London", "Asia/Gaza"]),
)
def test_first_instants_divide_time_into_local_days(local_day, zone):
    start = windows.first_instant(local_day, zone)
    assert windows.local_day(start, zone) >= local_day
    assert windows.local_day(start - MICROSECOND, zone) < local_day
    assert windows.last_instant(local_day - timedelta(days=1), zone) == start - MICROSECOND


def test_a_length_says_itself():
    assert [str(Duration(n, "day")) for n in (1, 2)] == ["1 day", "2 days"]
