"""Planted groups are found, however they are drawn; where there are none, none are; columns of noise fall silent."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from coterie.models.clusters.choice import Tried, adjusted_rand, best, silhouette, without_groups
from coterie.models.clusters.columns import learn
from coterie.models.clusters.fitting import fit
from tests.models.clusters import mixtures


def agreement(seed: int, separation: float, n: int = 1200) -> float:
    table, group = mixtures.planted(seed, separation, n)
    found = fit(table, seed=seed)
    assert not any(name.startswith("noise") for name in found.encoding.names), found.notes
    return adjusted_rand_score(group, found.score(table)["key"].to_numpy())


@pytest.mark.parametrize("seed", [1, 2])
def test_planted_groups_are_found(seed: int) -> None:
    assert agreement(seed, 1.0) >= 0.9


@pytest.mark.parametrize("seed", [2, 3])
def test_at_half_the_separation_most_is_found(seed: int) -> None:
    assert agreement(seed, 0.5) >= 0.6


@pytest.mark.parametrize("seed", range(5))
def test_where_there_are_none_none_are_found(seed: int) -> None:
    table = mixtures.without_groups(seed, 1000 if seed % 2 else 300)
    found = fit(table, seed=seed)
    assert found.groups == ()
    assert found.notes[-1].startswith("No groups: ")
    assert found.score(table)["label"].null_count == table.num_rows


@pytest.mark.long
def test_planted_groups_are_found_on_many_mixtures(size) -> None:
    draws = range(1000, 1000 + min(40, size(20_000) // 500))
    whole = np.array([agreement(seed, 1.0, 3000) for seed in draws])
    half = np.array([agreement(seed, 0.5, 3000) for seed in draws])
    none = [bool(fit(mixtures.without_groups(seed)).groups) for seed in draws]
    assert whole.mean() >= 0.97
    assert np.mean(whole >= 0.9) >= 0.95
    assert half.mean() >= 0.7
    assert np.mean(half >= 0.6) >= 0.8
    assert np.mean(none) <= 0.05


def test_measures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 300).astype(np.int16), rng.integers(0, 3, 300).astype(np.int16)
    b[:150] = a[:150] % 3
    x = rng.normal(size=(300, 3)) + a[:, None]
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b))
    assert silhouette(x, a) == pytest.approx(silhouette_score(x, a))
    assert adjusted_rand(a, a) == 1
    assert silhouette(x, np.zeros(300, np.int16)) == 0


def test_the_reference_keeps_values_and_rank_correlation_and_loses_groups() -> None:
    loadings = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    related = np.random.default_rng(1).normal(size=(3000, 2)) @ loadings
    table = pa.table({f"x{j}": np.exp(related[:, j]) for j in range(3)} | {"level": np.array(list("ab"))[np.arange(3000) % 2]})
    encoding = learn(table)
    x = encoding.matrix(table)
    drawn = without_groups(x, encoding, np.random.default_rng(0))
    assert np.array_equal(np.sort(drawn, axis=0), np.sort(x, axis=0))
    assert np.array_equal(drawn[:, 3] > 0, drawn[:, 4] == 0)
    rank = x[:, :3].argsort(axis=0).argsort(axis=0), drawn[:, :3].argsort(axis=0).argsort(axis=0)
    assert np.corrcoef(rank[1].T) == pytest.approx(np.corrcoef(rank[0].T), abs=0.06)
    # The third is the sum of the others: what was a plane is a cloud.
    assert np.linalg.matrix_rank(related) == 2
    assert not np.array_equal(drawn[:, 0], x[:, 0])


def test_a_number_of_groups_is_kept_while_it_is_nearly_as_good() -> None:
    few, good, better = Tried(2, 0.2, 0.01, 0.9, 0.4), Tried(3, 0.29, 0.01, 0.9, 0.4), Tried(4, 0.31, 0.01, 0.9, 0.4)
    poor = Tried(5, 0.01, 0.01, 0.9, 0.4)
    tried = [few, good, better, poor]
    assert best(tried) == good
    assert best(tried, before=4) == better
    assert best(tried, before=2) == best(tried, before=5) == good
    assert best([few, better]) == better
    assert best([poor]) is None
