"""K-prototypes: the distance is Huang's, rounds never raise the cost, and k-means is the case without categories."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from coterie.models.clusters.prototypes import Block, height, one_hot, prototypes, settle


def mixed(seed: int, n: int = 400, gamma: float = 0.7) -> tuple[np.ndarray, np.ndarray, list[Block]]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, 2))
    hot = np.hstack([one_hot(codes[:, j], 4, gamma) for j in range(2)])
    blocks = [Block(3 + 4 * j, 7 + 4 * j, height(gamma)) for j in range(2)]
    return np.hstack([rng.normal(size=(n, 3)), hot]), codes, blocks


def test_the_cost_is_that_of_huang() -> None:
    x, codes, blocks = mixed(0)
    found = prototypes(x, 5, seed=0, blocks=blocks)
    cost = 0.0
    for j in range(5):
        here = found.labels == j
        modes = [np.bincount(codes[here, c], minlength=4).argmax() for c in range(2)]
        cost += ((x[here, :3] - x[here, :3].mean(axis=0)) ** 2).sum() + 0.7 * (codes[here] != modes).sum()
    assert found.cost == pytest.approx(cost)


def test_a_missing_level_is_equally_far_from_all() -> None:
    hot = one_hot(np.array([0, 1, -1]), 2, 3.0)
    assert ((hot[2] - hot[:2]) ** 2).sum(axis=1) == pytest.approx([1.5, 1.5])
    assert ((hot[0] - hot[1]) ** 2).sum() == pytest.approx(3.0)


@given(st.integers(0, 10_000), st.integers(1, 9))
def test_settling_never_costs_more_and_every_row_is_with_its_nearest(seed: int, k: int) -> None:
    x, _, blocks = mixed(seed, n=60)
    start = x[np.random.default_rng(seed).choice(60, k, replace=False)]
    found = settle(x, start, blocks)
    distance = ((x[:, None] - found.centres) ** 2).sum(axis=2)
    assert found.cost == pytest.approx(distance.min(axis=1).sum(), abs=1e-9)
    assert np.allclose(distance[np.arange(60), found.labels], distance.min(axis=1))
    assert found.cost <= ((x[:, None] - start) ** 2).sum(axis=2).min(axis=1).sum() + 1e-9


def test_without_categories_it_is_k_means() -> None:
    x = np.random.default_rng(1).normal(size=(3000, 4))
    theirs = KMeans(6, n_init=10, random_state=0).fit(x)
    assert prototypes(x, 6, seed=0).cost <= theirs.inertia_ * 1.005


def test_the_same_seed_finds_the_same_and_float32_nearly_so() -> None:
    x, _, blocks = mixed(2, n=30_000)
    once, again = prototypes(x, 4, seed=3, blocks=blocks), prototypes(x, 4, seed=3, blocks=blocks)
    assert np.array_equal(once.labels, again.labels)
    assert prototypes(x.astype(np.float32), 4, seed=3, blocks=blocks).cost == pytest.approx(once.cost, rel=1e-3)


def test_fewer_places_than_groups() -> None:
    x = np.repeat([[0.0, 0.0], [5.0, 5.0]], 10, axis=0)
    found = prototypes(x, 4, seed=0)
    assert found.cost == 0
    assert found.centres.shape == (4, 2)
