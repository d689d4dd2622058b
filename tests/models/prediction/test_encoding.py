"""Features as numbers."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from coterie.core.errors import Degenerate, MissingColumn
from coterie.models.prediction.encoding import MOST_LEVELS, Encoding, learn
from tests.models.prediction.made import T, shop


def test_every_type_and_what_is_missing() -> None:
    n = 60
    table = pa.table(
        {
            "whole": pa.array([None if i == 0 else i % 7 for i in range(n)], pa.int32()),
            "price": pa.array([Decimal(i) / 4 for i in range(n)], pa.decimal128(10, 2)),
            "real": pa.array([float("nan") if i == 1 else float("inf") if i == 2 else i / 3 for i in range(n)]),
            "flag": pa.array([None if i == 3 else i % 2 == 0 for i in range(n)]),
            "day": pa.array([date(2026, 5, 31) - timedelta(days=i) for i in range(n)]),
            "instant": pa.array([datetime(2026, 5, 31, 12) + timedelta(days=i) for i in range(n)], pa.timestamp("ms")),
            "zoned": pa.array(
                [datetime(2026, 5, 31, tzinfo=UTC) - timedelta(days=i) for i in range(n)], pa.timestamp("us", "Europe/Berlin")
            ),
            "text": pa.array([None if i == 4 else "ab"[i % 2] for i in range(n)]),
            "coded": pa.array(["x" if i % 3 else "y" for i in range(n)]).dictionary_encode(),
            "tags": pa.array([None if i == 5 else ["p", "q"][: i % 3] for i in range(n)]),
        }
    )
    encoding = learn([(table, T)])
    assert [c.kind for c in encoding.columns] == [
        *("number", "number", "number", "flag", "date", "date", "date", "levels", "levels", "set")
    ]
    codes = encoding.codes(table, T)
    assert np.isnan(codes[[0, 1, 2, 3, 4], [0, 2, 2, 3, 7]]).all()
    assert codes[1, 1] == 0.25
    assert codes[0, 4] == 1.0
    assert codes[0, 5] == 0.5
    assert codes[2, 6] == 3.0
    assert codes[:3, encoding.places("tags")].tolist() == [[0, 0], [1, 0], [1, 1]]
    assert np.isnan(codes[5, encoding.places("tags")]).all()
    assert encoding.codes(table, T + timedelta(days=10))[0, 4] == 11.0


def test_one_row_is_encoded_as_among_many_and_from_plain_values() -> None:
    table, odds = shop(500, 0)
    encoding = learn([(table, T)])
    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json(), allow_nan=False)))
    codes = encoding.codes(table, T)
    design, means = encoding.learned(codes, (odds > 0)[:, None].astype(float), np.arange(500) % 5)
    many = again.design(codes, means)
    np.testing.assert_array_equal(many, design)  # nothing here is encoded by means
    for i in (0, 3, 499):
        np.testing.assert_array_equal(again.design(again.codes(table.slice(i, 1), T), means)[0], many[i])


def test_what_tells_nothing_is_left_out_and_said() -> None:
    n = 300
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "customer_id": rng.permutation(10 * n)[:n],
            "row": np.arange(n),
            "email": [f"c{i}@x.org" for i in range(n)],
            "always": np.ones(n),
            "same": ["x"] * n,
            "never": pa.nulls(n, pa.float64()),
            "untyped": pa.nulls(n),
            "blob": pa.array([b"x"] * n),
            "age": rng.normal(40, 10, n),
        }
    )
    encoding = learn([(table, T)])
    assert [c.name for c in encoding.columns] == ["age"]
    said = " / ".join(encoding.notes)
    for words in (
        "customer_id is left out: it looks like an id",
        "row is left out: it looks like an id",
        "email is left out: 300 different values for 300 customers",
        "always is left out: it is 1 for everybody",
        "same is left out: it is x for everybody",
        "never is left out: it is missing for everybody",
        "blob is left out: nothing is known to predict from binary values",
    ):
        assert words in said
    with pytest.raises(Degenerate, match="no feature is left"):
        learn([(table.select(["always", "never"]), T)])


def test_revenue_and_spread_out_numbers_are_no_ids() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"cents": rng.permutation(10**6)[:500]})
    assert [c.kind for c in learn([(table, T)]).columns] == ["number"]


def test_ten_thousand_categories() -> None:
    rng = np.random.default_rng(0)
    n = 60_000
    place = (rng.random(n) ** 2 * 10_000).astype(int)
    encoding = learn([(pa.table({"postcode": [f"P{i}" for i in place]}), T)])
    [column] = encoding.columns
    assert column.kind == "means"
    assert len(column.levels) == MOST_LEVELS
    assert "different values: 1,000 are used, the other" in encoding.notes[0]
    codes = encoding.codes(pa.table({"postcode": ["P0", "never met", None]}), T)
    assert codes[1, 0] == MOST_LEVELS
    assert np.isnan(codes[2, 0])


def test_rows_do_not_read_their_own_outcome_back() -> None:
    """Of pure noise, the mean of a level learned from the row itself would tell the outcome."""
    rng = np.random.default_rng(1)
    n = 4000
    texts = [f"L{i}" for i in rng.integers(0, 300, n)]
    y = (rng.random(n) < 0.5).astype(float)
    encoding = learn([(pa.table({"text": texts}), T)])
    codes = encoding.codes(pa.table({"text": texts}), T)
    design, means = encoding.learned(codes, y[:, None], np.arange(n) % 5)
    crossed = np.corrcoef(design[:, 0], y)[0, 1]
    straight = np.corrcoef(encoding.design(codes, means)[:, 0], y)[0, 1]
    assert crossed < 0.05
    assert straight > 0.15


def test_a_level_never_met_counts_as_the_others() -> None:
    texts = ["a"] * 500 + ["b"] * 300 + ["c"] * 3
    encoding = learn([(pa.table({"text": texts}), T)])
    [column] = encoding.columns
    assert column.levels == ("a", "b")
    assert column.others
    codes = encoding.codes(pa.table({"text": ["a", "b", "c", "new"]}), T)
    assert codes[:, 0].tolist() == [0, 1, 2, 2]
    assert encoding.design(codes, {}).tolist() == [[0, 0], [1, 0], [0, 1], [0, 1]]


def test_a_feature_that_is_not_there_is_named() -> None:
    encoding = learn([(pa.table({"a": [1.0, 2.0], "b": [1.0, 3.0]}), T)])
    with pytest.raises(MissingColumn, match="needs b"):
        encoding.codes(pa.table({"a": [1.0]}), T)
