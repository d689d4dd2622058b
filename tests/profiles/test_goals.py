"""Goals: on the line, above it, below it, and when it cannot be told."""

from datetime import datetime

import pytest

from coterie.profiles.goals import Measured, progress

START, HALF, END = datetime(2026, 1, 1), datetime(2026, 2, 15), datetime(2026, 4, 1)


def measured(at: datetime, value: float, n: int = 10_000, sd: float = 50) -> Measured:
    return Measured(at, value, n, sd * sd)


@pytest.mark.parametrize(
    ("now", "change", "state"),
    [
        (130, 0.10, "reached"),
        (107.5, 0.10, "on track"),
        (105.2, 0.10, "cannot tell yet"),
        (101, 0.10, "not on track"),
        (80, -0.10, "reached"),
        (92.5, -0.10, "on track"),
        (99, -0.10, "not on track"),
    ],
)
def test_states(now: float, change: float, state: str) -> None:
    found = progress(measured(START, 100), measured(HALF, now), change, END)
    assert found.state == state
    assert found.sentence.lower().startswith(state)
    assert found.elapsed == pytest.approx(0.5)
    assert found.target == pytest.approx(100 * (1 + change))
    assert found.needed == pytest.approx(100 * (1 + change / 2))
    assert found.change == pytest.approx(now / 100 - 1)
    assert found.low is not None
    assert found.high is not None
    error = ((50 * 50 / 10_000) * (1 + (now / 100) ** 2)) ** 0.5 / 100
    assert found.high - found.low == pytest.approx(2 * 1.959964 * error, rel=1e-5)


def test_few_customers_and_wide_spread_cannot_tell() -> None:
    assert progress(measured(START, 100, n=20), measured(HALF, 130), 0.1, END).state == "cannot tell yet"
    assert "too few" in progress(measured(START, 100, n=20), measured(HALF, 130), 0.1, END).sentence
    assert progress(measured(START, 100, sd=5000), measured(HALF, 101, sd=5000), 0.1, END).state == "cannot tell yet"


def test_from_nothing_and_from_below_nothing() -> None:
    found = progress(measured(START, 0), measured(HALF, 5), 0.1, END)
    assert (found.change, found.low, found.high) == (None, None, None)
    found = progress(measured(START, -100), measured(HALF, -80), 0.1, END)
    assert found.target == pytest.approx(-90)
    assert found.change == pytest.approx(0.2)
    assert found.state == "reached"


def test_after_the_end_the_line_stands_still() -> None:
    found = progress(measured(START, 100), measured(datetime(2026, 9, 1), 104), 0.1, END)
    assert found.elapsed == 1
    assert found.needed == found.target
    with pytest.raises(ValueError, match="ends after it starts"):
        progress(measured(END, 1), measured(END, 1), 0.1, END)
