"""Regularised linear models: logistic regression and ridge on standardised columns, with a column for what is missing.

scikit-learn fits; the coefficients are ours, and score by adding column after column, so that a row scores the same alone
and among a million. The strength of the penalty is the one that does best on customers held back from the fit.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coterie.core.errors import DidNotConverge
from coterie.models.prediction.links import Link, outcomes
from coterie.models.prediction.quality import loss
from coterie.models.prediction.training import Flags, Floats, Kind

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Penalties tried, per row of the fit; 1 / (strength · rows) is scikit-learn's C, strength · rows its alpha."""
REACH = 6.0
"""Values further than this many standard deviations from the mean count as this far: an outlier does not decide."""
TRIED_ON = 20_000


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model.

    Attributes:
        mean, spread: what each design column is standardised by.
        missing: the design columns that have a column for being missing.
        weights: one row an output, over standardised columns, then columns for missing.
        intercept: one an output.
    """

    link: Link
    mean: Floats
    spread: Floats
    missing: tuple[int, ...]
    weights: Floats
    intercept: Floats
    strength: float

    def raw(self, design: Floats) -> Floats:
        """Scores on the link's scale, one column an output."""
        out = np.empty((len(design), len(self.intercept)), order="F")
        out[:] = self.intercept
        place = {column: design.shape[1] + i for i, column in enumerate(self.missing)}
        for j in range(design.shape[1]):
            column = _standard(design[:, j], self.mean[j], self.spread[j])
            gone = np.isnan(column)
            known = np.where(gone, 0.0, column)
            for k in range(out.shape[1]):
                out[:, k] += self.weights[k, j] * known
                if j in place:
                    out[:, k] += self.weights[k, place[j]] * gone
        return out

    def to_json(self) -> dict[str, Any]:
        return {
            "model": "linear",
            "link": self.link,
            "mean": self.mean.tolist(),
            "spread": self.spread.tolist(),
            "missing": list(self.missing),
            "weights": self.weights.tolist(),
            "intercept": self.intercept.tolist(),
            "strength": self.strength,
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Linear":
        arrays = {name: np.asarray(found[name], np.float64) for name in ("mean", "spread", "weights", "intercept")}
        return Linear(link=found["link"], missing=tuple(found["missing"]), strength=found["strength"], **arrays)


def fit_linear(design: Floats, y: Floats, kind: Kind, held: Flags, setting: float | None, seed: int) -> Linear:
    """Fit a linear model.

    Args:
        design: NaN is missing.
        y: 0 and 1, an amount, or the number of a class.
        held: the rows held back to choose the penalty with, before all rows are fitted with it.
        setting: a penalty per row that was chosen before; None to choose.

    Raises:
        DidNotConverge: scikit-learn's solver gave up.
    """
    if setting is None:
        # A penalty per row carries over from some rows to all.
        train = np.flatnonzero(~held)[:TRIED_ON]
        found = [(_error(_fitted(design[train], y[train], kind, s, seed), design[held], y[held], kind), -s) for s in STRENGTHS]
        setting = -min(found)[1]
    return _fitted(design, y, kind, setting, seed)


def _error(model: Linear, design: Floats, y: Floats, kind: Kind) -> float:
    return loss(y, outcomes(model.raw(design), model.link), kind)


def _standard(column: Floats, mean: float, spread: float) -> Floats:
    return np.clip((column - mean) / spread, -REACH, REACH)


def _fitted(design: Floats, y: Floats, kind: Kind, strength: float, seed: int) -> Linear:
    n = len(design)
    known = ~np.isnan(design)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.nansum(design, axis=0) / count
    spread = np.sqrt(np.nansum((design - mean) ** 2, axis=0) / count)
    spread[~(spread > 0)] = 1.0
    missing = tuple(int(j) for j in np.flatnonzero(~known.all(axis=0)))
    x = np.empty((n, design.shape[1] + len(missing)), order="F")
    for j in range(design.shape[1]):
        x[:, j] = np.nan_to_num(_standard(design[:, j], mean[j], spread[j]))
    for i, j in enumerate(missing):
        x[:, design.shape[1] + i] = ~known[:, j]
    if kind == "regression":
        from sklearn.linear_model import Ridge

        ridge = Ridge(alpha=strength * n).fit(x, y)
        return Linear("identity", mean, spread, missing, ridge.coef_[None, :], np.asarray([ridge.intercept_]), strength)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    two = kind == "classification"
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            solver = "newton-cholesky" if two else "lbfgs"
            model = LogisticRegression(C=1 / (strength * n), solver=solver, max_iter=1000, random_state=seed).fit(x, y)
        except ConvergenceWarning as gave_up:
            raise DidNotConverge(
                f"the linear model did not settle: {gave_up}", hint="leave out features that repeat each other"
            ) from None
    weights, intercept = model.coef_, model.intercept_
    if not two and len(weights) == 1:  # of two classes scikit-learn scores the second; the first is at 0
        weights, intercept = np.vstack([np.zeros_like(weights), weights]), np.append(0.0, intercept)
    return Linear("logit" if two else "softmax", mean, spread, missing, weights.copy(), intercept.copy(), strength)
