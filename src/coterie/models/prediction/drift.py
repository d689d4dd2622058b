"""Whether customers still are as they were when a model was fitted: the population stability index, beside its noise.

PSI = Σ (now − then) · ln(now / then) over the groups of a feature. Without any change it is not 0 but about
(groups − 1) · (1/n + 1/m); PSI / (1/n + 1/m) is then χ² (Yurdakul: Statistical properties of population stability index, 2018).
Only what exceeds both the 99 % point of that and the customary .1 is called drift; from .25 on it is large.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from coterie.models.prediction.encoding import Encoding
from coterie.models.prediction.training import Floats

GROUPS = 10
SHOWN_LEVELS = 20
NOTED, LARGE = 0.1, 0.25
SURE = 0.99
LEAST = 0.5
"""An empty group counts as half a customer."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How values were spread: the edges between groups and the customers in each; the last group is of missing values."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        return {"edges": list(self.edges), "counts": list(self.counts)}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Distribution":
        return Distribution(tuple(found["edges"]), tuple(found["counts"]))


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a feature (or the score itself, "") has moved: its index, the index that chance alone reaches in 1 of 100
    cases, and what that amounts to."""

    name: str
    psi: float
    noise: float
    size: Literal["none", "noted", "large"]


def distribution(values: Floats, levels: int = 0) -> Distribution:
    """The spread of a code column or a score; of texts (`levels` of them) by level, the most frequent ones."""
    known = values[~np.isnan(values)]
    if levels:
        edges = np.arange(0.5, min(levels, SHOWN_LEVELS))
    else:
        edges = np.unique(np.quantile(known, np.arange(1, GROUPS) / GROUPS)) if len(known) else np.empty(0)
    return Distribution(tuple(edges.tolist()), _counts(values, edges))


def distributions(codes: Floats, encoding: Encoding) -> tuple[Distribution, ...]:
    """The spread of every code column."""
    levels = [len(c.levels) if c.kind in ("levels", "means") else 0 for c in encoding.columns for _ in range(c.width)]
    return tuple(distribution(codes[:, i], n) for i, n in enumerate(levels))


def moved(name: str, then: Distribution, values: Floats) -> Drift:
    """How far values have moved from how they were spread."""
    from scipy.stats import chi2

    before = np.asarray(then.counts, np.float64)
    now = np.asarray(_counts(values, np.asarray(then.edges)), np.float64)
    met = (before > 0) | (now > 0)
    before, now = before[met], now[met]
    n, m = before.sum(), now.sum()
    if not n or not m or len(before) < 2:
        return Drift(name, 0.0, 0.0, "none")
    a, b = np.maximum(now, LEAST) / m, np.maximum(before, LEAST) / n
    psi = float(((a - b) * np.log(a / b)).sum())
    noise = float(chi2.ppf(SURE, len(before) - 1) * (1 / n + 1 / m))
    real = psi > max(noise, NOTED)
    return Drift(name, psi, noise, "large" if real and psi > LARGE else "noted" if real else "none")


def _counts(values: Floats, edges: Floats) -> tuple[int, ...]:
    groups = np.where(np.isnan(values), len(edges) + 1, edges.searchsorted(values, side="left"))
    return tuple(np.bincount(groups.astype(np.int64), minlength=len(edges) + 2).tolist())
