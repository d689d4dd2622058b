"""What separates customers: nothing in noise, planted variables by as much as they do, the same thing twice only once."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from coterie.language.types import BOOLEAN, FLOAT, INTEGER, TEXT, Kind, Type
from coterie.profiles.separation import grouped, interval, kruskal, numbers, rank_correlations, separations


def noise(rng: np.random.Generator, n: int) -> tuple[pa.Table, dict[str, Type]]:
    columns: dict[str, pa.Array] = {}
    types: dict[str, Type] = {}
    for i in range(8):
        columns[f"n{i}"], types[f"n{i}"] = pa.array(rng.lognormal(0, 1, n)), FLOAT
        columns[f"t{i}"], types[f"t{i}"] = pa.array(np.array(list("abcdefgh"))[rng.integers(0, 2 + i % 7, n)]), TEXT
        columns[f"b{i}"], types[f"b{i}"] = pa.array(rng.random(n) < 0.2), BOOLEAN
    return pa.table(columns), types


def test_pure_noise_is_claimed_in_at_most_17_of_200() -> None:
    claims = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        table, types = noise(rng, 500)
        target = pa.chunked_array([pa.array(rng.lognormal(3, 1.5, 500) * (rng.random(500) < 0.7))])
        claims += any(s.holds for s in separations(table, types, target))
    assert claims <= 17


def test_what_was_planted_is_found_and_ranked() -> None:
    rng = np.random.default_rng(1)
    n = 2000
    table, types = noise(rng, n)
    strong, weak = rng.integers(0, 4, n), rng.integers(0, 3, n)
    target = pa.chunked_array([pa.array(np.exp(strong + 0.4 * weak + rng.normal(0, 1, n)))])
    rare = pa.array(np.where(rng.random(n) < 0.3, strong, -1), pa.int64(), mask=rng.random(n) < 0.7)
    columns = {"strong": pa.array(np.array(list("wxyz"))[strong]), "weak": pa.array(weak), "rare": rare}
    for name, column in columns.items():
        table = table.append_column(name, column)
    found = separations(table, {**types, "strong": TEXT, "weak": INTEGER, "rare": INTEGER}, target)
    assert [s.column for s in found if s.holds and not s.why_not] == ["strong", "weak"]
    assert found[0].strength is not None
    assert found[0].strength > 0.4
    little = next(s for s in found if s.column == "rare")
    assert little.why_not.startswith("known of 3")
    assert not any(s.holds for s in found if s.column[1:].isdigit())


def test_the_same_thing_twice_is_told_once() -> None:
    rng = np.random.default_rng(2)
    values = rng.lognormal(0, 1, 1000)
    target = pa.chunked_array([pa.array(values * rng.lognormal(0, 0.3, 1000))])
    columns = {"a": values, "squared": values**2, "minus": -values, "else": rng.normal(size=1000)}
    found = {s.column: s for s in separations(pa.table(columns), dict.fromkeys(columns, FLOAT), target)}
    leaders = [n for n in ("a", "squared", "minus") if found[n].same_as is None]
    assert len(leaders) == 1
    assert {found[n].same_as for n in ("a", "squared", "minus")} == {None, leaders[0]}
    assert found["else"].same_as is None


@pytest.mark.parametrize("ties", [False, True])
def test_the_test_is_that_of_scipy(ties: bool) -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(-1, 4, 300)
    aim = np.round(rng.normal(size=300), 0 if ties else 9)
    aim[rng.random(300) < 0.1] = np.nan
    found = kruskal(codes, aim)
    assert found is not None
    h, groups, n, p = found
    wanted = stats.kruskal(*(aim[(codes == g) & ~np.isnan(aim)] for g in range(4)))
    assert (groups, n) == (4, int(((codes >= 0) & ~np.isnan(aim)).sum()))
    assert h == pytest.approx(float(wanted.statistic))
    assert p == pytest.approx(float(wanted.pvalue))


def test_the_interval_covers_the_strength_of_very_many() -> None:
    rng = np.random.default_rng(4)

    def drawn(n: int) -> tuple[float, int, int]:
        codes = rng.integers(0, 4, n)
        found = kruskal(codes, 0.35 * codes + rng.normal(size=n))
        assert found is not None
        return found[:3]

    h, _, n = drawn(400_000)
    true = h / (n - 1)
    covered = 0
    for _ in range(300):
        low, high = interval(*drawn(600))
        covered += low <= true <= high
    assert 0.92 <= covered / 300 <= 0.99


def test_groups_are_fifths_values_or_levels_and_none_is_small() -> None:
    fifths = grouped(pa.chunked_array([pa.array(np.arange(1000.0))]), Kind.FLOAT)
    assert np.bincount(fifths).tolist() == [200] * 5
    few = grouped(pa.chunked_array([pa.array([0] * 50 + [7] * 40 + [9] * 5 + [None] * 5)]), Kind.INTEGER)
    assert [int(np.count_nonzero(few == code)) for code in (0, 1, -1, -2)] == [50, 40, 5, 5]
    words = [f"w{i}" for i in range(50) for _ in range(35)] + ["once", None]
    levels = grouped(pa.chunked_array([pa.array(words)]), Kind.TEXT)
    assert np.bincount(levels[levels >= 0]).tolist() == [35] * 20 + [30 * 35 + 1]
    assert levels[-1] == -1


def test_rank_correlations_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=200)
    columns = [a, np.exp(a), -a + rng.normal(size=200), np.round(a)]
    found = rank_correlations(columns)
    for i, x in enumerate(columns):
        for j, y in enumerate(columns):
            assert found[i, j] == pytest.approx(float(stats.spearmanr(x, y).statistic))


def test_days_and_truths_are_numbers() -> None:
    assert numbers(pa.chunked_array([pa.array([True, None, False])]))[[0, 2]].tolist() == [1.0, 0.0]
    assert np.isnan(numbers(pa.array([None, 3], pa.int64()))[0])
