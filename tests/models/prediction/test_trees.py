"""Boosted trees as plain numbers score as scikit-learn does."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from coterie.models.prediction.links import outcomes
from coterie.models.prediction.trees import CHUNK, Trees, exported, fit_trees


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 4, n), rng.exponential(size=n), np.full(n, 2.0), rng.normal(size=n)])
    x[rng.random(n) < 0.2, 0] = np.nan
    x[rng.random(n) < 0.9, 4] = np.nan  # mostly missing, so that missing is parted from known
    y = np.nan_to_num(x[:, 0]) + 0.5 * x[:, 1] + 2.0 * np.isnan(x[:, 4]) + rng.normal(size=n)
    return x, y


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), leaves=st.integers(2, 31), rounds=st.integers(1, 12))
def test_scores_are_those_of_scikit_learn(seed: int, leaves: int, rounds: int) -> None:
    x, y = rows(600, seed)
    model = HistGradientBoostingRegressor(max_iter=rounds, max_leaf_nodes=leaves, min_samples_leaf=5, early_stopping=False).fit(
        x, y
    )
    ours = Trees.from_json(json.loads(json.dumps(exported(model, "identity").to_json(), allow_nan=False)))
    new, _ = rows(500, seed + 1)
    new[:5] = np.nan
    new[5] = 1e300
    new[6] = -1e300
    np.testing.assert_allclose(ours.raw(new)[:, 0], model.predict(new), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.raw(x)[:, 0], model.predict(x), rtol=1e-12, atol=1e-12)


def test_values_on_a_threshold_go_the_same_way() -> None:
    x, y = rows(600, 0)
    model = HistGradientBoostingRegressor(max_iter=5, early_stopping=False).fit(x, y)
    ours = exported(model, "identity")
    edges = sorted({t for tree in ours._all() for f, t in zip(tree.feature, tree.threshold, strict=True) if f == 0})
    on = np.tile(x[:1], (3 * len(edges), 1))
    on[:, 0] = [v for e in edges for v in (e, np.nextafter(e, np.inf), np.nextafter(e, -np.inf))]
    np.testing.assert_allclose(ours.raw(on)[:, 0], model.predict(on), rtol=1e-12)


def test_several_classes_and_probabilities() -> None:
    x, y = rows(900, 3)
    labels = np.digitize(y, [0.5, 2.5]).astype(float)
    model = HistGradientBoostingClassifier(max_iter=8, early_stopping=False).fit(x, labels)
    ours = exported(model, "softmax")
    np.testing.assert_allclose(outcomes(ours.raw(x), "softmax"), model.predict_proba(x), atol=1e-12)
    two = HistGradientBoostingClassifier(max_iter=8, early_stopping=False).fit(x, labels > 0)
    np.testing.assert_allclose(outcomes(exported(two, "logit").raw(x), "logit")[:, 0], two.predict_proba(x)[:, 1], atol=1e-12)


def test_many_rows_score_as_each_alone() -> None:
    x, y = rows(600, 5)
    held = np.arange(600) % 5 == 0
    model = fit_trees(x, np.exp(y), "regression", held, None, 0)
    assert model.link == "log"
    many, _ = rows(5 * CHUNK + 17, 6)
    scored = model.raw(many)
    for i in (0, 1, CHUNK, 5 * CHUNK + 16):
        assert model.raw(many[i : i + 1])[0, 0] == scored[i, 0]


def test_no_more_rounds_than_help_customers_held_back() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 5)), rng.random(2000) < 0.5
    assert len(fit_trees(x, y.astype(float), "classification", np.arange(2000) % 5 == 0, None, 0).rounds) < 30
    assert len(fit_trees(x, y.astype(float), "classification", np.arange(2000) % 5 == 0, 7, 0).rounds) == 7


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_the_same_seed_gives_the_same_trees(kind: str) -> None:
    x, y = rows(600, 9)
    target = (y > 0).astype(float) if kind == "classification" else y
    held = np.arange(600) % 5 == 0
    one, two = (fit_trees(x, target, kind, held, None, 1) for _ in range(2))  # type: ignore[arg-type]
    assert one == two
