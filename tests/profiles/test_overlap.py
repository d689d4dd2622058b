"""Exact intersections, against counting by hand."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.engine.duckdb import DuckDB
from coterie.profiles.overlap import chosen, overlap
from tests.profiles.tables import memberships

NAMES = [f"s{i}" for i in range(35)]  # more than one word


@settings(max_examples=25)
@given(st.lists(st.lists(st.sampled_from([True, False, None]), min_size=35, max_size=35), min_size=1, max_size=60), st.data())
def test_combinations_are_the_counts(rows: list[list[bool | None]], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    with DuckDB(threads=1) as engine:
        memberships(engine, {n: [r[i] for r in rows] for i, n in enumerate(NAMES)})
        found = overlap(engine, some, NAMES, most=4)
        everything = overlap(engine, some, NAMES, most=1000)
    places = [NAMES.index(n) for n in some]
    counted = Counter(tuple(NAMES[p] for p in places if r[p]) for r in rows)
    assert found.none == counted.pop((), 0)
    assert {c.segments: c.customers for c in everything.combinations} == dict(counted)
    assert found.combinations == everything.combinations[:4]
    assert found.rest == (max(0, len(counted) - 4), sum(c.customers for c in everything.combinations[4:]))
    assert found.sizes == {n: sum(r[NAMES.index(n)] is True for r in rows) for n in some}
    assert found.unsure == sum(any(r[p] is None for p in places) for r in rows)
    assert found.population == len(rows) == sum(c.customers for c in found.combinations) + found.rest[1] + found.none
    assert [c.customers for c in everything.combinations] == sorted((c.customers for c in everything.combinations), reverse=True)


def test_too_many_segments_are_refused() -> None:
    with DuckDB(threads=1) as engine, pytest.raises(ValueError, match="at most 30"):
        overlap(engine, NAMES, NAMES)


def test_chosen_are_the_largest_that_say_something() -> None:
    assert chosen({"none": 0, "all": 9, "a": 3, "b": 5, "c": 3}, 9, most=2) == ("b", "a")
