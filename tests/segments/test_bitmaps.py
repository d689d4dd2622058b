"""Memberships packed into words and read back."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from coterie.segments.bitmaps import (
    ABSENT,
    CANNOT_TELL,
    IN,
    OUT,
    PER_WORD,
    Bits,
    counted,
    exact_sets,
    of_arrow,
    unpacked,
    word_count,
    words,
)

VERDICT = {True: IN, False: OUT, None: CANNOT_TELL}


@given(st.integers(0, 70), st.integers(1, 2 * PER_WORD + 3), st.randoms(use_true_random=False))
def test_what_is_packed_is_read_back(rows: int, segments: int, draw: object) -> None:
    asked = [[draw.choice((True, False, None)) for _ in range(rows)] for _ in range(segments)]  # type: ignore[attr-defined]
    bits: list[Bits] = [of_arrow(pa.array(column, pa.bool_())) for column in asked]
    packed = words(bits, rows)
    assert len(packed) == word_count(segments)
    sizes = [size for start, word in enumerate(packed) for size in counted(word, min(PER_WORD, segments - start * PER_WORD))]
    assert sizes == [tuple(column.count(v) for v in (True, False, None)) for column in asked]
    for place, column in enumerate(asked):
        assert unpacked(packed[place // PER_WORD], place).tolist() == [VERDICT[v] for v in column]


def test_who_is_not_there_is_absent_from_every_segment() -> None:
    nobody = np.full(5, -1, np.int64)
    assert all((unpacked(nobody, place) == ABSENT).all() for place in range(PER_WORD))
    both = np.array([[0, -1], [1, -1]], np.int64)[:, 0]  # a column of a table: not in one piece
    assert unpacked(both, 0).tolist() == [OUT, IN]
    assert counted(nobody, PER_WORD) == [(0, 0, 0)] * PER_WORD


@given(st.lists(st.lists(st.booleans(), min_size=90, max_size=90), max_size=4))
def test_every_row_lies_in_exactly_one_set(columns: list[list[bool]]) -> None:
    parts = {str(i): of_arrow(pa.array(column)).true for i, column in enumerate(columns)}
    wanted: dict[tuple[str, ...], int] = {}
    for row in zip(*columns, strict=True):
        held = tuple(str(i) for i, on in enumerate(row) if on)
        wanted[held] = wanted.get(held, 0) + 1
    wanted.pop((), None)
    assert dict(exact_sets(parts)) == wanted
