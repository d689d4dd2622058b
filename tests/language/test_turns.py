"""Every day on which a window changes its mind about a day is among the turns foretold."""

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.windows import (
    UNITS,
    Ago,
    Before,
    Duration,
    FromTo,
    Next,
    Period,
    Since,
    Within,
    days,
    first_instant,
    instants,
)
from coterie.language.turns import turns

CALENDAR = st.sampled_from(UNITS[2:])
NUMBERS = st.integers(1, 14)
DAY_WINDOWS = st.one_of(
    st.builds(lambda n, unit: Within(Duration(n, unit)), NUMBERS, CALENDAR),
    st.builds(lambda n, k, unit: Ago(n + k, n, unit), NUMBERS, NUMBERS, CALENDAR),
    st.builds(Period, st.sampled_from(["this", "last"]), CALENDAR),
    st.builds(lambda n, unit: Next(Duration(n, unit)), NUMBERS, CALENDAR),
    st.just(Since(date(2024, 2, 29))),
    st.just(Before(date(2024, 2, 29))),
    st.just(FromTo(date(2024, 2, 1), date(2024, 3, 1))),
)
HOUR_WINDOWS = st.one_of(
    st.builds(lambda n: Within(Duration(n, "hour")), NUMBERS),
    st.builds(lambda n, k: Ago(n + k, n, "minute"), NUMBERS, NUMBERS),
    st.builds(lambda n: Next(Duration(n, "hour")), NUMBERS),
)


@settings(max_examples=60)
@given(DAY_WINDOWS, st.dates(date(2023, 12, 20), date(2024, 3, 5)), st.sampled_from(["UTC", "Africa/Cairo"]))
def test_no_day_on_which_a_window_turns_is_missed(window, value, zone):
    foretold = {at for at, _ in turns(window, value, zone)}
    before = None
    for k in range(-500, 1500):
        today = value + timedelta(days=k)
        limits = days(window, today)
        assert limits is not None
        inside = (limits.lo is None or limits.lo <= value) and (limits.hi is None or value < limits.hi)
        if before is not None and inside is not before:
            assert first_instant(today, zone) in foretold, (today, foretold)
        before = inside


@settings(max_examples=15)
@given(HOUR_WINDOWS)
def test_no_instant_at_which_an_hour_window_turns_is_missed(window):
    value = datetime(2024, 3, 31, 1, 30)
    foretold = {at for at, _ in turns(window, value, "UTC")}
    before = None
    for k in range(-30 * 60, 30 * 60):
        as_of = value + timedelta(minutes=k)
        limits = instants(window, as_of)
        assert limits is not None
        assert limits.lo is not None
        assert limits.hi is not None
        inside = limits.lo <= value < limits.hi
        if before is not None and inside is not before:
            assert as_of in foretold, (as_of, foretold)
        before = inside
