"""Times as clients write them, and what their clocks were off by."""

import re
from datetime import UTC, datetime, timedelta

from coterie.live.strict import Json

EARLIEST, LATEST = datetime(1970, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - instants are naive UTC
"""Times before and after are refused: a number of seconds that was taken for milliseconds, or the other way about."""
_LEAP = re.compile(r"(:\d\d):60(?:\.\d+)?")
_FRACTION = re.compile(r"([.,]\d{6})\d+")


class BadTime(ValueError):
    """A time that cannot be read; the message says why."""


def instant(value: Json, what: str = "timestamp") -> datetime | None:
    """A naive UTC instant of what a client sends: ISO 8601 (of no zone: UTC), or a number of seconds or milliseconds.

    A leap second is the last moment of its minute.

    Raises:
        BadTime: it is neither, or not between 1970 and 2200.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        found = _usual(value) or _iso(value, what)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) > 1e11 else value
        if not 0 <= seconds < 7_258_118_400:
            raise BadTime(f"{what} is {value}: no time between 1970 and 2200")
        found = EARLIEST + timedelta(microseconds=round(seconds * 1_000_000))
    else:
        raise BadTime(f"{what} is neither a text nor a number")
    if not EARLIEST <= found < LATEST:
        raise BadTime(f"{what} is {str(value)[:40]!r}: no time between 1970 and 2200")
    return found


def _usual(text: str) -> datetime | None:
    """The way nearly all write a time: of Z, the plainest, nothing has to be turned."""
    if len(text) > 40 or text[-1] != "Z" or not text[-2:-1].isdigit():
        return None
    try:
        return datetime.fromisoformat(text[:-1])
    except ValueError:
        return None


def _iso(text: str, what: str) -> datetime:
    if len(text) > 40:
        raise BadTime(f"{what} is {text[:40]!r}…: no time, as 2026-11-22T14:05:00Z is one")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        last = _LEAP.sub(r"\1:59.999", _FRACTION.sub(r"\1", text.strip()))
        try:
            found = datetime.fromisoformat(last)
        except ValueError:
            raise BadTime(f"{what} is {text!r}: no time, as 2026-11-22T14:05:00Z is one") from None
    if found.tzinfo is None:
        return found
    try:
        return found.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise BadTime(f"{what} is {text!r}: no time between 1970 and 2200") from None


def corrected(received: datetime, sent: datetime | None, original: datetime | None) -> datetime:
    """When it happened by our clock: received − (sent − original), whatever the client's clock said.

    Without `sent` the client's own time counts, without that the time of receipt.
    (Segment, Common Fields, "Timestamp overview".)

    Raises:
        BadTime: the result is not between 1970 and 2200.
    """
    if original is None:
        return received
    if sent is None:
        return original
    found = received - (sent - original)
    if not EARLIEST <= found < LATEST:
        raise BadTime(f"by sentAt and timestamp it happened at {found:%Y-%m-%d}: no time between 1970 and 2200")
    return found
