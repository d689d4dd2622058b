"""What needs no model: the base rate, and a rule that looks at one feature, such as how long ago the last order was.

A rule cuts its feature into groups of equal size and tells what happened to each on average.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coterie.models.prediction.encoding import Encoding
from coterie.models.prediction.links import Link
from coterie.models.prediction.ranking import auc, midranks
from coterie.models.prediction.training import Floats, Integers, Kind

GROUP, FEWEST, MOST = 200, 4, 20
"""Customers in a group, and how few and how many groups there are."""
DRAWN_IN = 5.0
"""A group's mean counts as many customers of the overall mean in."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The base rate, the mean or the shares of the answers, for everybody; `start` is on the link's scale."""

    link: Link
    start: tuple[float, ...]

    def raw(self, design: Floats) -> Floats:
        return np.tile(np.asarray(self.start), (len(design), 1))

    def to_json(self) -> dict[str, Any]:
        return {"model": "constant", "link": self.link, "start": list(self.start)}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Constant":
        return Constant(found["link"], tuple(map(float, found["start"])))


def columns(y: Floats, kind: Kind, classes: int) -> Floats:
    """An outcome as one column an output: what it is, or for several classes whether it is each."""
    return y[:, None] if kind != "multiclass" else (y[:, None] == np.arange(classes)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by one feature: where its groups lie (a text: its levels), and for each group, and for missing values, the mean
    of each outcome. Between groups what is told runs straight, so that customers are ordered as finely as the feature is."""

    at: Floats
    means: Floats
    missing: Floats

    def tell(self, code: Floats) -> Floats:
        """One code column → what is told, one column an outcome."""
        gone = np.isnan(code)
        told = np.empty((len(code), self.means.shape[1]))
        for k in range(told.shape[1]):
            told[:, k] = np.where(gone, self.missing[k], np.interp(code, self.at, self.means[:, k]))
        return told


def rule(code: Floats, outcomes: Floats, whole: bool) -> Rule:
    """Learn a rule; `whole` where the codes are levels, of which each is a group of its own."""
    gone = np.isnan(code)
    overall = outcomes.mean(axis=0)
    missing = (outcomes[gone].sum(axis=0) + DRAWN_IN * overall) / (gone.sum() + DRAWN_IN)
    known, wanted = code[~gone], outcomes[~gone]
    if not len(known):
        return Rule(np.zeros(1), overall[None, :], missing)
    if whole:
        group = known.astype(np.int64)
    else:
        groups = int(np.clip(len(known) // GROUP, FEWEST, MOST))
        group = np.unique(np.quantile(known, np.arange(1, groups) / groups)).searchsorted(known, side="left")
    n = np.bincount(group)
    met = n > 0
    at = np.bincount(group, known)[met] / n[met]
    totals = np.column_stack([np.bincount(group, wanted[:, k])[met] for k in range(wanted.shape[1])])
    means = (totals + DRAWN_IN * overall) / (n[met] + DRAWN_IN)[:, None]
    if not whole and means.shape[1] == 1:
        return _one_way(at, means[:, 0], n[met], known, float(wanted.var()), missing)
    return Rule(at, means, missing)


def _one_way(at: Floats, means: Floats, n: Integers, known: Floats, variance: float, missing: Floats) -> Rule:
    """A rule that only rises or only falls, as most do, unless it fits worse than chance explains: small groups would put
    neighbours in the wrong order. It rises or falls to the last customer, as sorting by the feature does."""
    sign = 1.0 if (n * (at - np.average(at, weights=n)) * means).sum() >= 0 else -1.0
    # Neighbours in the wrong order become one step: place, mean, customers, groups.
    steps: list[tuple[float, float, float, int]] = []
    for place, mean, size in zip(at.tolist(), (sign * means).tolist(), n.tolist(), strict=True):
        step = (place, mean, size, 1)
        while steps and steps[-1][1] >= step[1]:
            a, b = steps.pop(), step
            size = a[2] + b[2]
            step = ((a[0] * a[2] + b[0] * b[2]) / size, (a[1] * a[2] + b[1] * b[2]) / size, size, a[3] + b[3])
        steps.append(step)
    places, levels, _, groups = (np.asarray(found) for found in zip(*steps, strict=True))
    if (n * (sign * means - levels.repeat(groups)) ** 2).sum() > len(n) * variance:
        return Rule(at, means[:, None], missing)
    low, high, little = known.min(), known.max(), 1e-6 * np.sqrt(variance)
    inner = (places > low) & (places < high)
    at = np.asarray([low, *places[inner], high])
    told = np.asarray([levels[0] - little, *levels[inner], levels[-1] + little])
    return Rule(at, sign * told[:, None], missing)


@dataclass(frozen=True, slots=True)
class Strength:
    """How well one feature alone tells the outcome, on customers its rule was not learned on: an AUC, for amounts the rank
    correlation as (1 + r) / 2, for several classes the lowest AUC of a class. .5 is nothing, 1 everything."""

    name: str
    value: float


def strengths(codes: Floats, encoding: Encoding, y: Floats, kind: Kind, classes: int, part: Integers) -> tuple[Strength, ...]:
    """Each feature's strength, the strongest first; a set's is that of its strongest entry."""
    outcomes = columns(y, kind, classes)
    half = part % 2 == 0
    found: dict[str, float] = {}
    place = 0
    for column in encoding.columns:
        for _ in range(column.width):
            code = codes[:, place]
            told = np.empty_like(outcomes)
            for train, other in ((half, ~half), (~half, half)):
                told[other] = rule(code[train], outcomes[train], column.kind in ("levels", "means")).tell(code[other])
            value = min(_strength(y[side], told[side], outcomes[side], kind) for side in (half, ~half))
            if kind == "regression" and column.kind in ("number", "date"):
                value = max(value, _line(code, y))
            found[column.name] = max(found.get(column.name, 0.0), value)
            place += 1
    return tuple(Strength(n, v) for n, v in sorted(found.items(), key=lambda item: -item[1]))


def _strength(y: Floats, told: Floats, outcomes: Floats, kind: Kind) -> float:
    if kind == "regression":
        a, b = midranks(y), midranks(told[:, 0])
        return (1 + float(np.corrcoef(a, b)[0, 1])) / 2 if np.ptp(a) and np.ptp(b) else 0.5
    return min(auc(outcomes[:, k], told[:, k]) for k in range(outcomes.shape[1]))


def _line(code: Floats, y: Floats) -> float:
    """Groups blur an amount that is the outcome itself: its own rank correlation, up or down."""
    known = ~np.isnan(code)
    if known.sum() < 0.5 * len(y) or not np.ptp(code[known]) or not np.ptp(y[known]):
        return 0.5
    return (1 + abs(float(np.corrcoef(midranks(code[known]), midranks(y[known]))[0, 1]))) / 2
