"""No hidden count can be worked out: every table that agrees with what is shown is tried."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.profiles.hidden import Hidden, hide, hide_list, is_small, shown

Table = list[list[int]]


def agreeing(table: Table, found: Hidden, rows: bool, columns: bool, most: int) -> list[Table]:
    """All tables with the same shown cells and totals, hidden cells up to `most`."""
    cells = [(i, j) for i, row in enumerate(table) for j, _ in enumerate(row) if found.cells[i][j]]
    out = []
    for values in product(range(most + 1), repeat=len(cells)):
        other = [list(row) for row in table]
        for (i, j), value in zip(cells, values, strict=True):
            other[i][j] = value
        same_rows = all(sum(a) == sum(b) for a, b in zip(table, other, strict=True))
        same_columns = all(sum(a) == sum(b) for a, b in zip(zip(*table, strict=True), zip(*other, strict=True), strict=True))
        if (same_rows or not rows) and (same_columns or not columns) and sum(map(sum, table)) == sum(map(sum, other)):
            out.append(other)
    return out


@settings(max_examples=150)
@given(st.integers(1, 3), st.integers(1, 3), st.data(), st.booleans(), st.booleans())
def test_every_small_cell_could_be_another(height: int, width: int, data: st.DataObject, rows: bool, columns: bool) -> None:
    table = [data.draw(st.lists(st.integers(0, 4), min_size=width, max_size=width)) for _ in range(height)]
    found = hide(table, 3, rows=rows, columns=columns)
    for i, j in product(range(height), range(width)):
        assert found.small[i][j] == (table[i][j] in (1, 2))
        assert found.cells[i][j] or not found.small[i][j]
    if not (rows or columns) or found.totals or sum(map(sum, found.cells)) > 5:
        return
    others = agreeing(table, found, rows, columns, 6)
    for i, j in product(range(height), range(width)):
        if found.small[i][j]:
            assert len({other[i][j] for other in others}) > 1, (table, found.cells)


def test_nothing_small_nothing_hidden() -> None:
    found = hide([[10, 0], [25, 400]])
    assert found.cells == ((False, False), (False, False))
    assert not found.totals


def test_the_cell_that_would_give_it_away_is_hidden_too() -> None:
    found = hide([[3, 50, 20], [40, 60, 30], [70, 80, 90]])
    assert found.cells == ((True, False, True), (True, False, True), (False, False, False))
    assert [found.words(0, j) for j in range(3)] == ["fewer than 10", None, "hidden"]
    assert hide([[3, 50]], rows=False, columns=False).cells == ((True, False),)


def test_a_bridge_between_two_rings_is_seen() -> None:
    # Two hidden cells in each row and column are not enough: the middle one of two rings that touch is fixed by the totals.
    found = hide([[6, 7, 90, 90], [7, 6, 5, 90], [90, 90, 7, 6], [90, 90, 6, 7]])
    assert found.small[1][2]
    assert sum(map(sum, found.cells)) == 10, "nine small ones, and one more for the middle"


def test_where_only_the_total_is_left_it_must_go_too() -> None:
    assert hide([[4]]).totals
    assert hide_list({"a": 4, "b": 0}) == frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ({"a": 100, "b": 3, "c": 40}, {"b", "c"}),
        ({"a": 100, "b": 3, "c": 4}, {"a", "b", "c"}),  # 3 and 4 add up to fewer than 10
        ({"a": 100, "b": 6, "c": 7}, {"b", "c"}),
        ({"a": 100, "b": 0}, set()),
    ],
)
def test_a_list_with_its_total(counts: dict[str, int], hidden: set[str]) -> None:
    assert hide_list(counts) == hidden
    assert hide_list(counts, total=False) == {n for n, c in counts.items() if 0 < c < 10}


def test_words() -> None:
    assert [shown(n) for n in (0, 1, 9, 10, 1234)] == ["0", "fewer than 10", "fewer than 10", "10", "1,234"]
    assert shown(3, 1) == "3"
    assert not is_small(0)
