"""Ids: 17850, 17850.0 and ` 17850 ` are one, 0017850 is another."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.sources.ids import bad_ids, id_text, one_id


@pytest.mark.parametrize(
    ("array", "ids"),
    [
        (pa.array(["17850", "17850.0", " 17850 ", "17850.000"]), ["17850"] * 4),
        (pa.array(["0017850", "00.0", "1.50", "-5.0"]), ["0017850", "00.0", "1.50", "-5"]),
        (pa.array(["", "  ", None]), [None, None, None]),
        (pa.array(["e\u0301", "é"]), ["é", "é"]),
        (pa.array([17850.0, 1.5, None, float("nan")]), ["17850", "1.5", None, None]),
        (pa.array([17850, None], pa.int32()), ["17850", None]),
        (pa.array([Decimal("17850.0000"), Decimal("1.5000"), Decimal(100)], pa.decimal128(18, 4)), ["17850", "1.5", "100"]),
        (pa.array(["a", "b ", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.chunked_array([["1.0"], ["2"]]), ["1", "2"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([], pa.string()), []),
    ],
)
def test_ids_of_any_column(array: pa.Array, ids: list[str | None]) -> None:
    assert id_text(array).to_pylist() == ids


def test_ids_that_the_eye_cannot_tell_apart() -> None:
    ids = pa.array(["a", "a\x00", "a\u202eb", "a\u200f", "a\x7f", "a\u0085", None, "ü", "a\u200d"])
    assert bad_ids(ids).tolist() == [False, True, True, True, True, True, False, False, False]


@given(st.lists(st.one_of(st.text(max_size=8), st.from_regex(r"\A ?-?\d{1,6}(\.0{0,3})? ?\Z")), max_size=20))
def test_one_id_is_the_same_as_a_column_of_ids(values: list[str]) -> None:
    assert id_text(pa.array(values, pa.string())).to_pylist() == [one_id(value) for value in values]


@given(st.lists(st.text(max_size=8), max_size=20))
def test_an_id_is_its_own_id(values: list[str]) -> None:
    once = id_text(pa.array(values, pa.string()))
    assert id_text(once).to_pylist() == once.to_pylist()
