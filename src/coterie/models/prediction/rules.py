"""What needs no model: the base rate, and a rule that looks at one feature, such as how long ago the last order was.

A rule cuts its feature into groups of equal size and tells of each group what happened to it on average.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coterie.models.prediction.encoding import Encoding
from coterie.models.prediction.links import Link
from coterie.models.prediction.ranking import auc, midranks
from coterie.models.prediction.training import Floats, Integers, Kind

GROUPS = 20
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
    """A rule by one feature: `edges` between its groups (of a text: between its levels), and for each group, and for missing
    values, the mean of each outcome."""

    edges: Floats
    means: Floats

    def tell(self, code: Floats) -> Floats:
        """One code column → what is told, one column an outcome."""
        return self.means[_groups(code, self.edges)]


def rule(code: Floats, outcomes: Floats, whole: bool) -> Rule:
    """Learn a rule; `whole` where the codes are levels, of which each is a group of its own."""
    known = code[~np.isnan(code)]
    if whole:
        edges = np.arange(known.max() if len(known) else 0) + 0.5
    else:
        edges = np.unique(np.quantile(known, np.arange(1, GROUPS) / GROUPS)) if len(known) else np.empty(0)
    groups, size = _groups(code, edges), len(edges) + 2
    n = np.bincount(groups, minlength=size)[:, None]
    totals = np.column_stack([np.bincount(groups, outcomes[:, k], minlength=size) for k in range(outcomes.shape[1])])
    return Rule(edges, (totals + DRAWN_IN * outcomes.mean(axis=0)) / (n + DRAWN_IN))


def _groups(code: Floats, edges: Floats) -> Integers:
    """The group of each value; the last is for missing ones."""
    return np.where(np.isnan(code), len(edges) + 1, edges.searchsorted(code, side="left"))


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
