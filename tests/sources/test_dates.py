"""Dates and times as people write them, read back as the moment that was written."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.sources import dates
from coterie.sources.dates import DateEvidence, Form, Order, looks, parse

DAYS = st.dates(date(1, 1, 3), date(9999, 12, 29))
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))


def moments(texts: list[str], form: Form, order: Order = "dmy") -> list[datetime | None]:
    found = parse(pa.array(texts, pa.string()), form, order)
    walls = found.wall.astype("datetime64[us]").astype(datetime)
    return [wall if good else None for wall, good in zip(walls, found.good, strict=True)]


@settings(max_examples=30)
@given(st.lists(DAYS, min_size=1, max_size=20))
def test_days_in_every_form(days: list[date]) -> None:
    expected = [datetime(d.year, d.month, d.day) for d in days]
    year = [f"{d.year:04}" for d in days]
    for sep in "-/.":
        texts = [f"{d.day:02}{sep}{d.month}{sep}{y}" for d, y in zip(days, year, strict=True)]
        assert moments(texts, "numeric", "dmy") == expected
        texts = [f"{d.month:02}{sep}{d.day}{sep}{y}" for d, y in zip(days, year, strict=True)]
        assert moments(texts, "numeric", "mdy") == expected
        assert moments([f"{y}{sep}{d.month}{sep}{d.day}" for d, y in zip(days, year, strict=True)], "ymd") == expected
    assert moments([d.isoformat() for d in days], "iso") == expected
    assert moments([f"{d.day} {d:%B} {y}" for d, y in zip(days, year, strict=True)], "words") == expected
    assert moments([f"{d:%b} {d.day}, {y}" for d, y in zip(days, year, strict=True)], "words") == expected
    assert moments([f"{y}{d:%m%d}" for d, y in zip(days, year, strict=True)], "compact") == expected


@given(st.lists(TIMES, min_size=1, max_size=20), st.sampled_from(["T", " "]))
def test_times_to_the_microsecond(times: list[datetime], sep: str) -> None:
    assert moments([t.isoformat(sep) for t in times], "iso") == times
    assert moments([f"{t.isoformat(sep, 'microseconds')}999" for t in times], "iso") == times  # nanoseconds are cut
    whole = [t.replace(microsecond=0) for t in times]
    texts = [f"{t.day}/{t.month}/{t.year:04} {t.hour % 12 or 12}:{t:%M:%S} {'AM' if t.hour < 12 else 'pm'}" for t in whole]
    assert moments(texts, "numeric") == whole


@given(st.lists(st.tuples(TIMES, st.integers(-14 * 60, 14 * 60)), min_size=1, max_size=20))
def test_offsets(times: list[tuple[datetime, int]]) -> None:
    aware = [t.replace(tzinfo=timezone(timedelta(minutes=offset))) for t, offset in times]
    expected = [t.astimezone(UTC).replace(tzinfo=None) for t in aware]
    assert moments([t.isoformat() for t in aware], "iso") == expected
    assert moments([t.isoformat(" ", "microseconds")[:26] + t.strftime("%z") for t in aware], "iso") == expected
    found = parse(pa.array([t.isoformat() for t in aware]), "iso")
    assert found.zoned.all()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso", "2025-02-29"), ("iso", "2025-13-01"), ("iso", "2025-00-10"), ("iso", "2025-01-31 24:00"),
        ("iso", "2025-01-31 10:60"), ("iso", "2025-01-31 10"), ("iso", "2025-01"),
        ("iso", "0000-01-01"), ("iso", "2025-01-31T10:00+25:00"),
        ("iso", "2025-1-31"), ("numeric", "31/02/2025"), ("numeric", "00/01/2025"),
        ("numeric", "1/1/2025 13:00 PM"), ("numeric", "1/1/2025 0:30 AM"),
        ("words", "31 Foo 2025"), ("words", "31 Junx 2025"), ("words", "Marchx 3 2025"), ("compact", "20250229"),
        ("compact", "2025013"),
    ],
)  # fmt: skip
def test_what_is_no_date(form: Form, text: str) -> None:
    assert moments([text], form) == [None]
    # beside a good one, too: the quick way must not let it through
    good = {"iso": "2025-01-31", "numeric": "31/12/2025", "words": "3 May 2025", "compact": "20250131"}[form]
    assert moments([good, text], form)[1] is None


def test_evidence_of_the_order() -> None:
    seen = DateEvidence()
    texts = pa.array(["03/04/2025", "31/12/2025", "12/31/2025", "05/05/2025", "31/31/2025"])
    good = seen.add("numeric", texts, np.array([10, 2, 3, 4, 5]), np.array([2, 3, 4, 5, 6]))
    assert good.tolist() == [True, True, True, True, False]
    assert (seen.either, seen.dmy_only, seen.mdy_only, seen.same, seen.count) == (10, 2, 3, 4, 19)
    assert seen.examples["dmy_only"] == [(3, "31/12/2025")]


@settings(max_examples=50)
@given(st.text(alphabet="0123456789-/.: TZAPMapm+JanFeb,", max_size=24))
def test_no_text_breaks_the_reading(text: str) -> None:
    for form in dates.FORMS:
        array = pa.array([text, "2025-01-31"])
        assert len(parse(array, form).good) == len(looks(array, form)) == 2
        assert not (parse(array, form).good & ~looks(array, form)).any()


@pytest.mark.parametrize(
    "text",
    [
        "31 Jan 2025",
        "Jan 31, 2025",
        "January 31st 2025",
        "Fri, 31 Jan 2025 10:00:00 +0000",
        "2025/1/3",
        "1.2.2025",
        "1-2-25",
        "31-JAN-2025",
        "31. Jan 2025",
    ],
)
def test_the_quick_no_lets_every_form_through(text: str) -> None:
    array = pa.array([text])
    assert any(looks(array, form).all() for form in dates.FORMS)
    assert pa.compute.match_substring_regex(array, dates.ANY)[0].as_py()
