"""What a table becomes: every kind of column, what is missing, what is skewed, what is rare; alike for one row and for many."""

import json
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from coterie.models.clusters.columns import Category, Encoding, Items, Number, learn, skewness

COUNTRIES = ["DE", "FR", "GB", *"abcdefghijklmnop"]


def table(n: int = 600, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)

    def some(values: list[object], share: float = 0.1) -> list[object]:
        return [None if gone else v for v, gone in zip(values, rng.random(n) < share, strict=True)]

    return pa.table(
        {
            "age": some([int(v) for v in rng.integers(18, 90, n)]),
            "revenue": pa.array([Decimal(f"{v:.2f}") for v in np.exp(rng.normal(4, 1.2, n))], pa.decimal128(18, 4)),
            "share": some([float(v) for v in rng.random(n)]),
            "member": some([bool(v) for v in rng.random(n) < 0.3], 0.02),
            "country": some([str(v) for v in rng.choice(COUNTRIES, n, p=[0.5, 0.3, 0.04, *[0.01] * 16])]),
            "answers": some([[w for w in ("yes", "no", "perhaps") if rng.random() < 0.4] for _ in range(n)]),
            "since": some([date(2020 + int(v), 5, 1) for v in rng.integers(0, 5, n)]),
            "seen": [datetime(2024, 1, 1 + int(v)) for v in rng.integers(0, 27, n)],
            "constant": [1] * n,
            "nothing": pa.nulls(n, pa.float64()),
            "note": [f"note {j}" for j in range(n)],
        }
    )


def test_every_kind_becomes_finite_numbers_and_the_rest_is_left_out_in_words() -> None:
    found = learn(table())
    assert found.names == ("age", "revenue", "share", "member", "country", "answers", "since", "seen")
    assert np.isfinite(found.matrix(table())).all()
    said = "\n".join(found.notes)
    assert "constant is left out: it is the same for everybody." in said
    assert "nothing is left out: 0 of 600 customers have one." in said
    assert "note is left out" in said
    assert "Missing numbers count as the median: age (" in said
    assert "Very uneven, so compared by their logarithms: revenue." in said
    assert "country has 19 levels: the" in said


def test_one_row_is_encoded_as_among_many_and_after_json() -> None:
    rows = table()
    found = learn(rows)
    again = Encoding.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    all_ = found.matrix(rows)
    for at in (0, 7, 599):
        assert np.array_equal(again.matrix(rows.slice(at, 1))[0], all_[at])


def test_new_levels_missing_ones_and_empty_tables() -> None:
    found = learn(table())
    new = table(600, 3).slice(0, 2)
    new = new.set_column(4, "country", pa.array(["Atlantis", None], pa.string()))
    new = new.set_column(3, "member", pa.array([None, True]))
    out = dict(zip(found.names, (s for _, s in found.spans()), strict=True))
    x = found.matrix(new)
    country = found.columns[4]
    assert isinstance(country, Category)
    assert country.words[-2:] == ("other", "missing")
    assert x[0, out["country"]].argmax() == len(country.levels)
    assert x[1, out["country"]].argmax() == len(country.levels) + 1
    assert not x[0, out["member"]].any()
    assert found.matrix(table().slice(0, 0)).shape == (0, found.width)


def test_text_however_arrow_keeps_it() -> None:
    values = ["a", "b", None, "a"] * 10
    plain = learn(pa.table({"x": values}))
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        kept = pa.table({"x": pa.array(values, pa.string()).cast(kind)})
        assert learn(kept) == plain
        assert np.array_equal(plain.matrix(kept), plain.matrix(pa.table({"x": values})))


def test_the_logarithm_makes_even_and_comes_back() -> None:
    x = np.exp(np.random.default_rng(0).normal(3, 1, 5000))
    [column] = learn(pa.table({"x": x})).columns
    assert isinstance(column, Number)
    assert column.unit > 0
    assert abs(skewness(column.bent(x))) < 1 < skewness(x)
    assert column.unbent(column.bent(x)) == pytest.approx(x)
    [straight] = learn(pa.table({"x": np.random.default_rng(0).normal(size=500)})).columns
    assert isinstance(straight, Number)
    assert straight.unit == 0


def test_a_few_extremes_do_not_move_the_scale() -> None:
    x = np.random.default_rng(0).normal(size=2000)
    y = x.copy()
    y[:3] = 1e9
    a, b = (learn(pa.table({"x": v})).columns[0] for v in (x, y))
    assert isinstance(a, Number)
    assert isinstance(b, Number)
    assert b.scale == pytest.approx(a.scale, rel=0.01)
    assert b.unit == 0


def test_sets_of_average_size_without_a_common_item_are_as_far_apart_as_two_levels() -> None:
    sets = pa.array([["a", "b"], ["c", "d"]] * 20)
    levels = pa.array(["x", "y"] * 20)
    found = learn(pa.table({"sets": sets, "levels": levels}))
    x = found.matrix(pa.table({"sets": sets, "levels": levels}))
    spans = [span for _, span in found.spans()]
    first, second = (((x[0, span] - x[1, span]) ** 2).sum() for span in spans)
    assert isinstance(found.columns[0], Items)
    assert first == pytest.approx(second)


def test_weights_stretch_columns_and_zero_leaves_them_out() -> None:
    rows = table()
    found = learn(rows)
    half = found.weighted([0.5] * len(found.columns))
    assert half.matrix(rows) == pytest.approx(found.matrix(rows) / 2)
    fewer = found.weighted([1, 0, 1, 1, 1, 1, 1, 1])
    assert "revenue" not in fewer.names
    assert [b.height for b in half.blocks()] == pytest.approx([b.height / 2 for b in found.blocks()])
