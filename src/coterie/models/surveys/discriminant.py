"""Which group a row belongs to, by linear discriminants: means by group, one covariance, drawn towards its diagonal.

The probabilities are tempered so that they are right out of sample. Plain numbers, so it is JSON and scores without a library.

Sources: Fisher, "The use of multiple measurements in taxonomic problems" (Annals of Eugenics 7, 1936); Friedman, "Regularized
discriminant analysis" (JASA 84, 1989); Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks" (ICML 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.intp]

FOLDS = 5
DRAWN = 0.05
"""How far covariances are drawn towards none."""
TEMPERS = tuple(float(t) for t in np.round(np.geomspace(0.1, 2, 27), 3))


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Linear scores of groups: weights (groups × columns), a constant for each group, and by what scores are tempered."""

    weights: tuple[tuple[float, ...], ...]
    constants: tuple[float, ...]
    temper: float = 1.0

    def probabilities(self, x: Floats) -> Floats:
        """rows × groups, adding up to 1; column by column, so that one row gets the same bits as many."""
        scores = np.empty((len(self.constants), len(x)))
        for group, (weights, constant) in enumerate(zip(self.weights, self.constants, strict=True)):
            scores[group] = constant
            for column, weight in enumerate(weights):
                scores[group] += x[:, column] * weight
        scores *= self.temper
        powers = np.exp(scores - scores.max(axis=0))
        total = np.zeros(len(x))
        for row in powers:
            total += row
        return np.ascontiguousarray((powers / total).T)


@dataclass(frozen=True, slots=True)
class Moments:
    """What discriminants are made of: shares of groups, means by group, and the covariance within groups."""

    shares: Floats
    means: Floats
    within: Floats

    def discriminant(self, columns: Sequence[int], temper: float = 1.0) -> Discriminant:
        """The discriminants in some of the columns."""
        chosen = list(columns)
        within = self.within[np.ix_(chosen, chosen)]
        diagonal = np.diag(np.maximum(np.diag(within), 1e-6))
        means = self.means[:, chosen]
        weights = np.linalg.solve((1 - DRAWN) * within + DRAWN * diagonal + 1e-9 * np.eye(len(chosen)), means.T).T
        constants = np.log(np.maximum(self.shares, 1e-12)) - 0.5 * np.einsum("ij,ij->i", weights, means)
        return Discriminant(tuple(tuple(float(w) for w in row) for row in weights), tuple(float(c) for c in constants), temper)


def moments(x: Floats, labels: Labels, groups: int) -> Moments:
    """From rows without missing values and their groups 0 … groups − 1."""
    member = np.eye(groups)[labels]
    sizes = member.sum(axis=0)
    means = (member.T @ x) / np.maximum(sizes, 1)[:, None]
    from_mean = x - means[labels]
    return Moments(sizes / len(x), means, from_mean.T @ from_mean / max(len(x) - groups, 1))


def folds(labels: Labels, seed: int) -> Labels:
    """A fold 0 … FOLDS − 1 for each row, with about as much of each group in each."""
    rng = np.random.default_rng(seed)
    found = np.empty(len(labels), np.intp)
    for group in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == group))
        found[rows] = np.arange(len(rows)) % FOLDS
    return found


def out_of_fold(x: Floats, parts: Sequence[Moments], fold: Labels, columns: Sequence[int], temper: float = 1.0) -> Floats:
    """The probabilities of rows, each from discriminants that never saw it."""
    found = np.empty((len(x), len(parts[0].shares)))
    for number, part in enumerate(parts):
        rows = fold == number
        found[rows] = part.discriminant(columns, temper).probabilities(x[rows][:, list(columns)])
    return found


def tempered(x: Floats, labels: Labels, parts: Sequence[Moments], fold: Labels, columns: Sequence[int]) -> float:
    """The temper with the least log loss on rows that discriminants never saw."""

    def loss(temper: float) -> float:
        p = out_of_fold(x, parts, fold, columns, temper)[np.arange(len(x)), labels]
        return -float(np.log(np.maximum(p, 1e-12)).mean())

    return min(TEMPERS, key=loss)
