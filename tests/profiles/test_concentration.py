"""Lorenz curve and Gini's coefficient, against the definition written out."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.engine.duckdb import DuckDB
from coterie.profiles.concentration import Concentration, concentration
from tests.profiles.tables import traits

CENTS = st.one_of(st.none(), st.integers(-500, 5000), st.just(0), st.integers(100_000, 10_000_000))


def measured(cents: Sequence[int | None]) -> Concentration:
    with DuckDB(threads=1) as engine:
        traits(engine, {"paid": pa.array([None if c is None else Decimal(c) / 100 for c in cents], pa.decimal128(18, 4))})
        return concentration(engine, "traits", "paid")


@settings(max_examples=40)
@given(st.lists(CENTS, min_size=1, max_size=250))
def test_curve_and_gini_are_those_of_the_definition(cents: list[int | None]) -> None:
    found = measured(cents)
    paid = sorted((c for c in cents if c is not None and c > 0), reverse=True)
    n, sums = len(paid), [0, *accumulate(paid)]
    assert (found.buyers, found.money) == (n, Decimal(sum(paid)) / 100)
    assert found.zero == sum(c == 0 for c in cents)
    assert found.negative == sum(c is not None and c < 0 for c in cents)
    assert found.unknown == cents.count(None)
    assert found.negative_money == Decimal(sum(c for c in cents if c is not None and c < 0)) / 100
    assert len(found.points) <= 101
    wanted = sorted({n * p // 100 for p in range(101)})
    assert [(p.customers, int(p.money * 100)) for p in found.points] == [(k, sums[k]) for k in wanted]
    if n:
        differences = sum(abs(a - b) for a in paid for b in paid)
        assert found.gini == pytest.approx(differences / (2 * n * sum(paid)), abs=1e-9)
        for percent in (1, 20, 50, 100):
            k = n * percent // 100
            assert found.share(percent) == (pytest.approx(sums[k] / sums[n]) if k else None)
        half = found.half()
        assert half is not None
        assert half.customers == next(k for k in wanted if k and 2 * sums[k] >= sums[n])
    else:
        assert (found.gini, found.share(20), found.half()) == (None, None, None)


def test_all_alike_and_one_takes_all() -> None:
    assert measured([500] * 200).gini == pytest.approx(0)
    assert measured([500] * 200).share(20) == pytest.approx(0.2)
    assert measured([1] * 999 + [10**9]).gini == pytest.approx(1, abs=0.002)
