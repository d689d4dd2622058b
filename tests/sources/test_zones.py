"""Local times to UTC for whole columns: the same law as `core.windows.to_utc`, in the zones that are hardest on it."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core import windows
from coterie.sources.zones import to_utc

AWKWARD = [
    "Europe/London", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
    "Africa/Casablanca", "America/St_Johns", "Asia/Tehran", "Pacific/Chatham", "Antarctica/Troll", "Europe/Dublin",
    "America/Caracas", "Asia/Pyongyang", "Pacific/Kwajalein", "UTC",
]  # fmt: skip
EPOCH = datetime(1970, 1, 1)


def micros(moments: list[datetime]) -> np.ndarray:
    return np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments], dtype=np.int64)


def changes(zone: str, first: int = 1975, last: int = 2040) -> list[datetime]:
    """Wall-clock times near which the zone's offset changes, found by walking in half hours around each change of day."""
    out = []
    day = datetime(first, 1, 1)
    offset = day.replace(tzinfo=windows.zone(zone)).utcoffset()
    while day.year < last:
        ahead = day + timedelta(days=1)
        found = ahead.replace(tzinfo=windows.zone(zone)).utcoffset()
        if found != offset:
            out.append(day)
        day, offset = ahead, found
    return out


@pytest.mark.parametrize("zone", AWKWARD)
def test_every_half_hour_around_every_change(zone: str) -> None:
    moments = [day + timedelta(minutes=30 * half) for day in changes(zone) for half in range(96)]
    if moments:
        expected = micros([windows.to_utc(moment, zone) for moment in moments])
        assert np.array_equal(to_utc(micros(moments), zone).utc, expected)


@given(
    zone=st.sampled_from(AWKWARD),
    moments=st.lists(st.datetimes(datetime(1800, 1, 1), datetime(2300, 1, 1)), min_size=1, max_size=30),
)
def test_any_times_together(zone: str, moments: list[datetime]) -> None:
    expected = micros([windows.to_utc(moment, zone) for moment in moments])
    assert np.array_equal(to_utc(micros(moments), zone).utc, expected)


@pytest.mark.parametrize("year", [1, 2, 9998, 9999])
def test_the_ends_of_the_calendar(year: int) -> None:
    moments = [datetime(year, 6, 1), datetime(year, 12, 30, 12)]
    assert np.array_equal(
        to_utc(micros(moments), "Europe/London").utc, micros([windows.to_utc(m, "Europe/London") for m in moments])
    )


def test_what_happens_twice_and_what_never_is_told() -> None:
    walls = [datetime(2026, 10, 25, 0, 59), datetime(2026, 10, 25, 1), datetime(2026, 10, 25, 1, 59), datetime(2026, 10, 25, 2)]
    walls += [datetime(2026, 3, 29, 0, 59), datetime(2026, 3, 29, 1), datetime(2026, 3, 29, 1, 59), datetime(2026, 3, 29, 2)]
    found = to_utc(micros(walls), "Europe/London")
    assert found.repeated.tolist() == [False, True, True, False, False, False, False, False]
    assert found.skipped.tolist() == [False, False, False, False, False, True, True, False]
    assert (found.utc.astype("datetime64[us]").astype(datetime)[[1, 5]] == [datetime(2026, 10, 25), datetime(2026, 3, 29, 1)]).all()


def test_a_change_at_new_year_is_seen_from_the_year_before() -> None:
    # Pacific/Kwajalein had no 21 August 1993; Liberia moved by 44:30 minutes on 7 January 1972.
    for zone, around in (("Pacific/Kwajalein", datetime(1993, 8, 20)), ("Africa/Monrovia", datetime(1972, 1, 7))):
        walls = [around + timedelta(minutes=10 * i) for i in range(-144, 432)]
        assert np.array_equal(to_utc(micros(walls), zone).utc, micros([windows.to_utc(wall, zone) for wall in walls]))


def test_no_times() -> None:
    assert len(to_utc(np.zeros(0, np.int64), "Europe/London").utc) == 0
