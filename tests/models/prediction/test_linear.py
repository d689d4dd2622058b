"""The linear model."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from coterie.models.prediction.linear import Linear, fit_linear
from coterie.models.prediction.links import outcomes


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) * [1, 10, 0.1, 1] + [0, 5, 0, 0]
    x[rng.random(n) < 0.2, 3] = np.nan
    return x, 0.8 * x[:, 0] + 0.05 * x[:, 1] + np.isnan(x[:, 3]) + rng.normal(size=n)


def test_coefficients_are_those_of_scikit_learn_on_standardised_columns() -> None:
    x, y = rows(800, 0)
    x, y = x[:, :3], y
    held = np.zeros(800, bool)
    ours = fit_linear(x, y, "regression", held, 0.01, 0)
    z = (x - x.mean(0)) / x.std(0)
    np.testing.assert_allclose(ours.raw(x)[:, 0], Ridge(alpha=8.0).fit(z, y).predict(z), rtol=1e-9)
    label = (y > 0).astype(float)
    two = fit_linear(x, label, "classification", held, 0.01, 0)
    theirs = LogisticRegression(C=1 / 8.0, tol=1e-10, max_iter=1000).fit(z, label).predict_proba(z)[:, 1]
    np.testing.assert_allclose(outcomes(two.raw(x), "logit")[:, 0], theirs, atol=1e-4)


@pytest.mark.parametrize("kind", ["classification", "regression", "multiclass"])
def test_plain_values_score_the_same_and_a_row_as_among_many(kind: str) -> None:
    x, y = rows(800, 1)
    target = {"classification": (y > 0) * 1.0, "regression": y, "multiclass": np.digitize(y, [0.0, 1.0]) * 1.0}[kind]
    model = fit_linear(x, target, kind, np.arange(800) % 5 == 0, None, 0)  # type: ignore[arg-type]
    again = Linear.from_json(json.loads(json.dumps(model.to_json())))
    many = np.vstack([x] * 30)
    np.testing.assert_array_equal(again.raw(many), model.raw(many))
    for i in (0, 7, 20_000):
        np.testing.assert_array_equal(model.raw(many[i : i + 1])[0], model.raw(many)[i])


def test_being_missing_has_a_weight_of_its_own() -> None:
    x, y = rows(4000, 2)
    model = fit_linear(x, y, "regression", np.zeros(4000, bool), 1e-6, 0)
    assert model.missing == (3,)
    assert model.weights[0, 4] == pytest.approx(1.0, abs=0.1)


def test_an_outlier_does_not_decide() -> None:
    x, y = rows(4000, 3)
    model = fit_linear(x, y, "regression", np.zeros(4000, bool), 1e-4, 0)
    far = x[:1].copy()
    far[0, 1] = 1e12
    assert abs(model.raw(far)[0, 0]) < 10


def test_the_penalty_is_chosen_on_rows_held_back() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(300, 40)), (rng.random(300) < 0.5).astype(float)
    noise = fit_linear(x, y, "classification", np.arange(300) % 3 == 0, None, 0)
    signal = fit_linear(x, (x[:, 0] > 0).astype(float), "classification", np.arange(300) % 3 == 0, None, 0)
    assert noise.strength > signal.strength
