"""What drives a prediction: of all customers by permutation, of one customer by what would be told of a typical one.

A feature's importance is what quality loses when its values are dealt out at random among customers the model has not seen
(Breiman: Random forests, Machine Learning 45, 2001). Features that tell the same (rank correlation above .9) are dealt out
together; one of them alone would seem to matter little, since the others stand in for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coterie.models.prediction.evaluation import correlated
from coterie.models.prediction.learners import Learned
from coterie.models.prediction.links import outcomes
from coterie.models.prediction.quality import losses
from coterie.models.prediction.ranking import auc
from coterie.models.prediction.training import Floats, Kind

ALIKE = 0.9
REPEATS = 3
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Importance:
    """Features that are dealt out together, what is lost then, and how much that varies between dealings.

    What is lost is AUC where something is predicted to happen, else the share of the loss that the model saves.
    """

    features: tuple[str, ...]
    lost: float
    varies: float

    def to_json(self) -> dict[str, Any]:
        return {"features": list(self.features), "lost": self.lost, "varies": self.varies}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Importance":
        return Importance(tuple(found["features"]), found["lost"], found["varies"])


def importances(learned: Learned, codes: Floats, y: Floats, kind: Kind, rng: np.random.Generator) -> tuple[Importance, ...]:
    """The importance of each group of features, the greatest first.

    Args:
        codes: rows that the model has not seen.
    """
    if len(y) > MOST_ROWS:
        some = rng.choice(len(y), MOST_ROWS, replace=False)
        codes, y = codes[some], y[some]
    owners = learned.encoding.owners
    groups = correlated(codes, owners, ALIKE, rng)
    whole = _reached(learned, codes, y, kind)
    found = []
    for group in groups:
        lost = []
        for _ in range(REPEATS):
            dealt = codes.copy(order="F")
            dealt[:, group] = codes[rng.permutation(len(codes))][:, group]
            lost.append(whole - _reached(learned, dealt, y, kind))
        names = tuple(dict.fromkeys(owners[i] for i in group))
        found.append(Importance(names, float(np.mean(lost)), float(np.std(lost))))
    return tuple(sorted(found, key=lambda i: -i.lost))


def _reached(learned: Learned, codes: Floats, y: Floats, kind: Kind) -> float:
    raw = learned.raw(codes)
    if kind == "classification":
        return auc(y, raw[:, 0])
    told = outcomes(raw, learned.model.link)
    if kind == "regression":
        return 1 - float(losses(y, told, kind).mean() / max(y.var(), 1e-300))
    shares = np.bincount(y.astype(np.int64), minlength=told.shape[1]) / len(y)
    base = -np.log(np.clip(shares[y.astype(np.int64)], 1e-15, None)).mean()
    return 1 - float(losses(y, told, kind).mean() / max(base, 1e-300))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one customer's prediction differs from that of a customer typical in one feature.

    Attributes:
        feature: its name.
        value, typical: this customer's value and the typical one, as shown.
        effect: the prediction less what it would be with the typical value: points of probability or an amount.
        words: the same as a sentence.
    """

    feature: str
    value: str
    typical: str
    effect: float
    words: str


def variants(codes: Floats, groups: Sequence[Sequence[int]], typical: Floats) -> Floats:
    """One customer's codes, and below them for each group the same with that group's typical values."""
    out = np.repeat(codes[None, :], len(groups) + 1, axis=0)
    for i, group in enumerate(groups):
        out[i + 1, list(group)] = typical[list(group)]
    return out
