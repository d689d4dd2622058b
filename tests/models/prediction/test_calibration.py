"""Scores as probabilities."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.models.prediction.calibration import TRIED, Calibration, calibration_error, learn, learned, temperature
from coterie.models.prediction.links import outcomes


def distorted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores twice as bold as they should be and shifted; the true probabilities; what happened."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1, 1.2, n)
    true = 1 / (1 + np.exp(-odds))
    return 2 * odds + 1, true, (rng.random(n) < true).astype(float)


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_each_map_undoes_boldness(method: str) -> None:
    raw, true, y = distorted(30_000, 0)
    told = learn(method, raw, y).apply(raw)  # type: ignore[arg-type]
    assert np.abs(told - true).mean() < 0.012
    assert np.abs(outcomes(raw, "logit") - true).mean() > 0.1


def test_the_one_that_tells_best_is_kept() -> None:
    raw, _, y = distorted(20_000, 1)
    fold = np.arange(20_000) % 5
    assert learned(raw, y, fold)[0].method in ("platt", "beta")
    rng = np.random.default_rng(2)
    spread = rng.uniform(-3, 3, 20_000)
    odd = np.where(spread > 1, 0.9, np.where(spread > -2, 0.5, 0.1))  # steps that no formula follows
    stepped = (rng.random(20_000) < odd).astype(float)
    found, crossed = learned(spread, stepped, fold)
    assert found.method == "isotonic"
    assert np.abs(crossed - odd).mean() < 0.03
    exact = np.log(0.3 / 0.7) + rng.normal(size=3000)
    happened = (rng.random(3000) < outcomes(exact, "logit")).astype(float)
    assert np.abs(learned(exact, happened, np.arange(3000) % 5)[1] - outcomes(exact, "logit")).mean() < 0.03


@given(st.integers(0, 10**6), st.sampled_from(TRIED), st.integers(20, 200))
def test_maps_keep_the_order_and_are_no_certainties(seed: int, method: str, n: int) -> None:
    rng = np.random.default_rng(seed)
    raw = np.round(rng.normal(0, 3, n), 1)
    y = (rng.random(n) < 0.4).astype(float)
    y[:2] = 0, 1
    found = learn(method, raw, y)  # type: ignore[arg-type]
    told = found.apply(np.sort(raw))
    assert (np.diff(told) >= -1e-12).all() or (found.method == "platt" and found.weights[1] < 0)
    assert ((told > 0) & (told < 1)).all()
    again = Calibration.from_json(json.loads(json.dumps(found.to_json())))
    np.testing.assert_array_equal(again.apply(raw), found.apply(raw))


def test_scores_that_part_perfectly_still_give_numbers() -> None:
    raw, y = np.linspace(-5, 5, 100), (np.linspace(-5, 5, 100) > 0).astype(float)
    for method in TRIED:
        told = learn(method, raw, y).apply(raw)
        assert np.isfinite(told).all()
        assert told[0] < 0.1 < 0.9 < told[-1]


def test_temperature_undoes_boldness_of_several_classes() -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(size=(20_000, 3))
    p = outcomes(true, "softmax")
    y = (p.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1).astype(float)
    assert temperature(true * 2.5, y).weights[0] == pytest.approx(2.5, rel=0.05)


def test_the_error_of_exact_probabilities_is_what_is_said_of_them() -> None:
    rng = np.random.default_rng(4)
    told = rng.beta(2, 5, 5000)
    errors = [calibration_error((rng.random(5000) < told).astype(float), told, rng) for _ in range(60)]
    assert np.mean([e.error for e in errors]) == pytest.approx(errors[0].perfect, rel=0.1)
    assert np.mean([e.error <= e.perfect_high for e in errors]) > 0.85
    off = calibration_error((rng.random(5000) < told).astype(float), np.clip(told + 0.05, 0, 1), rng)
    assert off.error == pytest.approx(0.05, abs=0.01)
    assert sum(n for n, _, _ in off.bins) == 5000
