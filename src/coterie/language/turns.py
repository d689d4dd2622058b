"""When time alone can change an answer: the instants at which something enters or leaves a window."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from coterie.core.windows import (
    EXACT,
    LATEST,
    MICROSECOND,
    Ago,
    Around,
    Before,
    Duration,
    FromTo,
    Next,
    Period,
    Since,
    Unit,
    Window,
    Within,
    clamped_shift,
    clamped_step,
    exact_length,
    first_instant,
    local_day,
    start_of,
)
from coterie.language.shown import runs_out

Turn = tuple[datetime, str]
"""An instant, and in words what happens then."""


def turns(window: Window, value: date | datetime, zone: str) -> Iterator[Turn]:
    """The instants (as `as_of`) at which a window begins or ceases to admit a day or instant; some may be past.

    Windows between fixed days, and around a customer's own date, do not move with time.
    """
    if isinstance(value, datetime) and _is_exact(window):
        yield from _exact(window, value)
        return
    day = local_day(value, zone) if isinstance(value, datetime) else value
    for when, words in _days(window, day):
        if date.min < when < date.max - timedelta(days=2):
            yield first_instant(when, zone), words


def _is_exact(window: Window) -> bool:
    match window:
        case Within(length) | Next(length):
            return length.unit in EXACT
        case Ago(_, _, unit):
            return unit in EXACT
        case _:
            return False


def _exact(window: Window, instant: datetime) -> Iterator[Turn]:
    match window:
        case Within(length):
            yield instant, "when it happens"
            yield shifted(instant, length), f"when {runs_out(length)}"
        case Ago(far, near, unit):
            yield shifted(instant, Duration(near, unit)), f"when it is {Duration(near, unit)} ago"
            yield shifted(instant, Duration(far, unit)), f"when it is {Duration(far, unit)} ago"
        case Next(length):
            yield clamped_shift(instant, -exact_length(length)), f"when it is {length} away"
            yield instant, "when it happens"
        case _:
            return


def _days(window: Window, day: date) -> Iterator[tuple[date, str]]:
    match window:
        case Within(length) if length.unit not in EXACT:
            yield day, "when the day comes"
            yield _reached(day, length.n, length.unit), f"when {runs_out(length)}"
        case Ago(far, near, unit) if unit not in EXACT:
            yield _reached(day, near, unit), f"when it is {Duration(near, unit)} ago"
            yield _reached(day, far, unit), f"when it is {Duration(far, unit)} ago"
        case Period(_, unit) if unit not in EXACT:
            yield day, "when the day comes"
            following = clamped_step(start_of(day, unit), 1, unit)
            yield following, f"when the next {unit} begins"
            yield clamped_step(following, 1, unit), f"when the next {unit} begins"
        case Next(length) if length.unit not in EXACT:
            yield _reached(day, -length.n, length.unit), f"when it is {length} away"
            yield day, "when the day comes"
        case Within() | Ago() | Period() | Next() | Since() | Before() | FromTo() | Around():
            return


def _reached(day: date, n: int, unit: Unit) -> date:
    """The first day D with D ⊖ n ≥ day. A clamped month end puts it up to a few days after day ⊕ n, never before."""
    about = clamped_step(day, n, unit)
    for k in range(5):
        try:
            candidate = about + timedelta(days=k)
        except OverflowError:
            continue
        if clamped_step(candidate, -n, unit) >= day:
            return candidate
    return about


def shifted(instant: datetime, length: Duration) -> datetime:
    """An instant plus an exact length."""
    return clamped_shift(instant, exact_length(length))


def just_after(instant: datetime) -> datetime:
    return instant if instant == LATEST else instant + MICROSECOND
