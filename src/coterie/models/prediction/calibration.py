"""Scores as probabilities: of customers told 30 %, 30 of 100 should do it.

Three maps are tried, each learned on scores of customers that the model has not seen, and the one with the lowest log loss
on others again is kept: Platt's (Probabilistic outputs for support vector machines, 1999), beta calibration (Kull, Silva
Filho, Flach, AISTATS 2017) and isotonic regression (Zadrozny, Elkan, KDD 2002), whose steps are drawn towards the base rate
by one customer, so that nobody has probability 0 or 1. For several classes it is one temperature (Guo et al., ICML 2017).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from coterie.models.prediction.links import logit, outcomes
from coterie.models.prediction.quality import loss
from coterie.models.prediction.training import Floats, Integers

Method = Literal["none", "platt", "beta", "isotonic", "temperature"]

TRIED: tuple[Method, ...] = ("none", "platt", "beta", "isotonic")
BINS = 10
SIMULATIONS = 200


@dataclass(frozen=True, slots=True)
class Calibration:
    """A map from raw scores (logits) to probabilities: the weights of a formula, or the knots (x, y) of a line."""

    method: Method
    weights: tuple[float, ...] = ()
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def apply(self, raw: Floats) -> Floats:
        """Raw scores, one column an output → probabilities of the same shape."""
        if self.method == "temperature":
            return outcomes(raw / self.weights[0], "softmax")
        if self.method == "isotonic":
            return np.interp(raw, self.x, self.y)
        if self.method == "none":
            return outcomes(raw, "logit")
        columns = _columns(raw, self.method)
        total = np.full(raw.shape, self.weights[0])
        for weight, column in zip(self.weights[1:], columns, strict=True):
            total += weight * column
        return outcomes(total, "logit")

    def to_json(self) -> dict[str, Any]:
        return {"method": self.method, "weights": list(self.weights), "x": list(self.x), "y": list(self.y)}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Calibration":
        return Calibration(found["method"], tuple(found["weights"]), tuple(found["x"]), tuple(found["y"]))


def learned(raw: Floats, y: Floats, fold: Integers) -> tuple[Calibration, Floats]:
    """The best map and, for each row, its probability by that kind of map learned without the row's fold.

    Args:
        raw: scores of one output, each by a model that has not seen its row.
        fold: 0, 1, …
    """
    crossed = {method: np.empty(len(raw)) for method in TRIED}
    for k in np.unique(fold):
        own = fold == k
        for method in TRIED:
            crossed[method][own] = learn(method, raw[~own], y[~own]).apply(raw[own])
    best = min(TRIED, key=lambda method: loss(y, crossed[method][:, None], "classification"))
    return learn(best, raw, y), crossed[best]


def learn(method: Method, raw: Floats, y: Floats) -> Calibration:
    """One kind of map."""
    if method == "none":
        return Calibration("none")
    if method == "isotonic":
        return _isotonic(raw, y)
    weights = _logistic(_columns(raw, method), y)
    if min(weights[1:]) >= 0:
        return Calibration(method, weights)
    # A map that falls somewhere would turn the order of customers round, and make a claim of noise that is wrong on average.
    return learn("platt", raw, y) if method == "beta" else Calibration("platt", (float(logit(y.mean())), 0.0))


def temperature(raw: Floats, y: Floats) -> Calibration:
    """The temperature of several classes, by the log loss of scores that are not the rows' own."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda t: loss(y, outcomes(raw / np.exp(t), "softmax"), "multiclass"), bounds=(-2.0, 3.0), method="bounded"
    )
    return Calibration("temperature", (float(np.exp(found.x)),))


def _columns(raw: Floats, method: Method) -> tuple[Floats, ...]:
    if method == "platt":
        return (raw,)
    # ln p and −ln(1 − p) of a logit, without leaving the numbers that a float can hold.
    return -np.logaddexp(0, -raw), np.logaddexp(0, raw)


def _logistic(columns: tuple[Floats, ...], y: Floats) -> tuple[float, ...]:
    """Logistic regression of few columns by Newton's method, held back slightly from the infinite."""
    x = np.column_stack((np.ones(len(y)), *columns))
    penalty = np.diag([0.0, *[1e-3] * len(columns)])
    target = np.asarray([0.0, *[1.0] * len(columns)])
    weights = target.copy()
    for _ in range(50):
        p = outcomes(np.clip(x @ weights, -30, 30), "logit")
        slope = x.T @ (y - p) - penalty @ (weights - target)
        curve = (x * (p * (1 - p))[:, None]).T @ x + penalty + 1e-9 * np.eye(len(weights))
        step = np.clip(np.linalg.solve(curve, slope), -2, 2)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return tuple(weights.tolist())


def _isotonic(raw: Floats, y: Floats) -> Calibration:
    """Steps that never fall, as a line through the middles of the steps."""
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(raw, kind="stable")
    at, first = np.unique(raw[order], return_index=True)
    n = np.diff(np.append(first, len(raw))).astype(np.float64)
    share = np.add.reduceat(y[order], first) / n
    fitted = isotonic_regression(share, sample_weight=n)
    step = np.flatnonzero(np.concatenate(([True], np.diff(fitted) > 1e-12)))
    size = np.add.reduceat(n, step)
    level = (np.add.reduceat(share * n, step) + y.mean()) / (size + 1)
    x = np.add.reduceat(at * n, step) / size
    return Calibration("isotonic", x=tuple(x.tolist()), y=tuple(np.maximum.accumulate(level).tolist()))


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """How far told probabilities are from what happened: the expected calibration error on equal bins of customers, with
    what probabilities that are exactly right would show at this size, on average and in 95 of 100 cases.

    `bins` holds for each bin the customers, the mean told and the share to whom it happened.
    """

    error: float
    perfect: float
    perfect_high: float
    bins: tuple[tuple[int, float, float], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "error": self.error,
            "perfect": self.perfect,
            "perfect_high": self.perfect_high,
            "bins": [list(b) for b in self.bins],
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "CalibrationError":
        bins = tuple((n, told, happened) for n, told, happened in found["bins"])
        return CalibrationError(found["error"], found["perfect"], found["perfect_high"], bins)


def calibration_error(y: Floats, p: Floats, rng: np.random.Generator) -> CalibrationError:
    """The expected calibration error of told probabilities."""
    order = np.argsort(p, kind="stable")
    told, happened = p[order], y[order]
    first = (np.arange(BINS) * len(p)) // BINS
    first = np.unique(first)
    size = np.diff(np.append(first, len(p)))
    mean_told = np.add.reduceat(told, first) / size

    def error(outcome: Floats) -> float:
        return float((np.abs(np.add.reduceat(outcome, first) / size - mean_told) * size).sum() / len(p))

    chance = [error((rng.random(len(p)) < told).astype(np.float64)) for _ in range(SIMULATIONS)]
    share = np.add.reduceat(happened, first) / size
    bins = tuple((int(n), float(a), float(b)) for n, a, b in zip(size, mean_told, share, strict=True))
    return CalibrationError(error(happened), float(np.mean(chance)), float(np.quantile(chance, 0.95)), bins)
