"""Discovery: what is planted is found and not what a segment covers; of 200 data sets of noise, few claim anything."""

import numpy as np
import pyarrow as pa
import pytest

from coterie.core.errors import TooFewRows
from coterie.language.parse import parse
from coterie.models.rules.conditions import holds
from coterie.models.rules.discover import discover


def traits(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.normal(50, 15, n),
            "country": np.array(["DE", "FR", "GB"])[rng.integers(0, 3, n)],
            "orders": rng.poisson(2, n),
            "member": rng.random(n) < 0.3,
        }
    )


def test_a_planted_subgroup_is_found_with_its_lift() -> None:
    table = traits(4000, 0)
    rng = np.random.default_rng(1)
    inside = (table["age"].to_numpy() >= 60) & (np.array(table["country"].to_pylist()) == "DE")
    outcome = rng.random(4000) < np.where(inside, 0.4, 0.1)
    [best, *_] = discover(table, outcome)
    assert "country = 'DE'" in best.text
    assert "age >= " in best.text
    assert best.value == pytest.approx(0.4, abs=0.1)
    assert best.lift == pytest.approx(best.value / best.against)
    assert best.p < 1e-6


def test_what_a_segment_covers_is_no_news() -> None:
    table = traits(4000, 0)
    inside = np.array(table["country"].to_pylist()) == "DE"
    outcome = np.random.default_rng(1).random(4000) < np.where(inside, 0.4, 0.1)
    assert "country = 'DE'" in discover(table, outcome)[0].text
    again = discover(table, outcome, segments={"german": inside, "other": ~inside})
    assert not again


def test_a_number_as_outcome() -> None:
    table = traits(3000, 2)
    inside = table["orders"].to_numpy() >= 4
    revenue = np.random.default_rng(3).gamma(2, 20, 3000) + 60 * inside
    best = discover(table, revenue)[0]
    assert best.text == "orders >= 4"
    assert best.value - best.against == pytest.approx(60, abs=6)


def test_a_dense_region_is_found_without_an_outcome() -> None:
    table = traits(4000, 5)
    dense = np.random.default_rng(6).random(4000) < 0.15
    age = np.where(dense, 70, table["age"].to_numpy())
    member = np.where(dense, True, np.array(table["member"].to_pylist()))
    table = table.set_column(0, "age", pa.array(age)).set_column(4, "member", pa.array(member))
    best = discover(table)[0]
    assert "age" in best.text
    assert "member" in best.text
    assert best.lift > 1.2
    assert best.share == pytest.approx(holds(parse(best.text), table).mean(), abs=0.03)


def test_nothing_is_found_in_nothing() -> None:
    assert discover(pa.table({"x": [1.0] * 300}), np.arange(300) % 2 == 0) == ()
    with pytest.raises(TooFewRows):
        discover(traits(100, 0))


@pytest.mark.parametrize("kind", ["boolean", "number", "none"])
def test_noise_rarely_claims_anything(kind: str) -> None:
    claims = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        outcome = {"boolean": rng.random(600) < 0.2, "number": rng.gamma(1, 10, 600), "none": None}[kind]
        claims += bool(discover(traits(600, 1000 + seed), outcome, seed=seed))
    assert claims <= 3, claims


@pytest.mark.long
@pytest.mark.parametrize("kind", ["boolean", "number", "none"])
def test_noise_claims_at_most_17_of_200(kind: str, figure) -> None:
    claims = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        outcome = {"boolean": rng.random(1500) < 0.2, "number": rng.gamma(1, 10, 1500), "none": None}[kind]
        claims += bool(discover(traits(1500, 1000 + seed), outcome, seed=seed))
    from benchmarks.figures import at_most

    figure(f"discover.false_claims_{kind}", claims, "of 200", goal=at_most(17), n=200)
    assert claims <= 17
