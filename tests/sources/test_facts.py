"""Facts of columns: exact below the size of the sketch, near above it, whatever the chunks."""

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.language.types import BOOLEAN, DATE, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, list_of
from coterie.sources.facts import SKETCH, ColumnFacts, FactsOf


def facts(values: list[Any], type_: Type, arrow: pa.DataType, chunk: int = 997) -> ColumnFacts:
    gathered = FactsOf(type_)
    for start in range(0, max(1, len(values)), chunk):
        # An array that begins inside its buffers, as slices do.
        gathered.observe(pa.array([None, *values[start : start + chunk], None], arrow)[1:-1])
    return gathered.facts()


@pytest.mark.parametrize(
    ("type_", "arrow", "make"),
    [
        (INTEGER, pa.int64(), lambda i: i * 3 - 1000),
        (MONEY, pa.decimal128(18, 4), lambda i: Decimal(i) / 4),
        (TEXT, pa.string(), lambda i: f"customer number {i:012} of the shop at the corner"),
        (TEXT, pa.string(), str),
        (DATE, pa.date32(), lambda i: date(1990, 1, 1) + timedelta(days=i)),
        (TIMESTAMP, pa.timestamp("us"), lambda i: datetime(2025, 1, 1) + timedelta(seconds=i)),
    ],
)
@pytest.mark.parametrize("different", [1, 50, SKETCH - 1, 20_000])
def test_how_many_different(type_: Type, arrow: pa.DataType, make: Any, different: int) -> None:
    values = [make(i % different) for i in range(max(different, 3000))]
    random.Random(0).shuffle(values)
    found = facts(values, type_, arrow)
    assert found.distinct == (different if different < SKETCH else pytest.approx(different, rel=0.08))
    assert (found.minimum, found.maximum) == (min(values), max(values))
    assert (found.known, found.missing) == (len(values), 0)


@given(st.lists(st.none() | st.text(max_size=30), max_size=60), st.integers(1, 7))
def test_texts_are_counted_exactly_however_they_come(values: list[str | None], chunk: int) -> None:
    found = facts(values, TEXT, pa.string(), chunk)
    known = [value for value in values if value is not None]
    short = all(len(value.encode()) <= 24 for value in known)
    assert found.known == len(known)
    assert found.missing == len(values) - len(known)
    assert found.distinct == len(set(known)) or not short
    assert found.maximum == max(known, key=lambda text: text.encode(), default=None)


def test_booleans_lists_and_nothing() -> None:
    assert facts([True, False, None], BOOLEAN, pa.bool_()).distinct == 2
    tags = facts([["a", "b"], ["b"], [], None], list_of(Kind.TEXT), pa.list_(pa.string()))
    assert (tags.distinct, tags.known, tags.missing) == (2, 3, 1)
    nothing = facts([None, None], TEXT, pa.string())
    assert (nothing.distinct, nothing.minimum, nothing.examples) == (0, None, ())
