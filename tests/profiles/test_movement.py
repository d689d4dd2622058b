"""A table of moves, read."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from coterie.profiles.movement import Flow, movement

THEN, NOW = datetime(2026, 1, 31), datetime(2026, 2, 28)
LABELS = st.sampled_from(["loyal", "at risk", "new", "", None])


def test_who_moved_most_and_into_what() -> None:
    table: dict[tuple[str | None, str | None], int] = {
        ("loyal", "at risk"): 30,
        ("loyal", "loyal"): 60,
        ("new", "loyal"): 5,
        ("loyal", None): 10,
        ("", "new"): 7,
        ("new", ""): 2,
    }
    found = movement(table, THEN, NOW)
    assert found.flows == (Flow("loyal", "at risk", 30, 0.3), Flow("new", "loyal", 5, 5 / 7))
    assert (found.stayed, found.came, found.gone, found.unsure, found.moved) == (60, 7, 2, 10, 35)
    loyal = next(label for label in found.labels if label.name == "loyal")
    assert (loyal.before, loyal.after, loyal.stayed, loyal.entered, loyal.left) == (100, 65, 60, 5, 40)


@given(st.dictionaries(st.tuples(LABELS, LABELS), st.integers(0, 50)))
def test_nobody_is_lost(table: dict[tuple[str | None, str | None], int]) -> None:
    found = movement(table, THEN, NOW)
    counted = sum(n for key, n in table.items() if key != ("", ""))
    assert found.stayed + found.moved + found.came + found.gone + found.unsure == counted
    assert sum(label.after for label in found.labels) == sum(n for (_, now), n in table.items() if now)
    assert sum(label.before for label in found.labels) == sum(n for (then, _), n in table.items() if then)
    assert all(label.stayed <= min(label.before, label.after) for label in found.labels)
    assert all(0 < flow.share <= 1 for flow in found.flows)
