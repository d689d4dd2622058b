"""How good a prediction is on customers it was not fitted on, beside what needs no model.

What is measured is what a user decides by: who comes first (AUC, lift), whether the probabilities are right (Brier, log
loss), what contacting them earns; for amounts the errors and whether the total is right. A claim needs the whole 95 %
interval of the difference to the baseline on the good side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from coterie.models.prediction.ranking import TWO_SIDED_95, Interval, auc_difference, auc_interval, midranks
from coterie.models.prediction.training import Floats, Kind

Verdict = Literal["better", "no better than a simple rule", "no better than chance"]

SURE = 1e-15
TENTHS = 10
CUTOFFS = 20
NOTICED = 0.005
"""Half a point of AUC, or of the loss saved."""
IN_TURNS = 1.5
"""How much wider a claim's interval is when models fitted in turns share most of their customers: √(1 + 5 · ¼) for five
folds (Nadeau, Bengio: Inference for the generalization error, Machine Learning 52, 2003)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the tested customers, from the highest score down: how many, the lowest score among them, what was told of
    them and what happened, as means, and how much what happened varies among them (standard deviation; None: not known)."""

    customers: int
    lowest: float
    told: float
    happened: float
    varies: float | None = None

    def to_json(self) -> list[float | None]:
        return [self.customers, self.lowest, self.told, self.happened, self.varies]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a baseline reaches (in the measure that decides) and how much more the model does, with its interval; and which
    share of all that happened its first fifth of customers holds (None: not known)."""

    name: str
    value: float
    more: Interval
    fifth: float | None = None

    @property
    def better(self) -> bool:
        """Whether the model is surely better, and by so much that somebody would notice."""
        return self.more.low > 0 and self.more.value >= NOTICED


@dataclass(frozen=True, slots=True)
class Quality:
    """Measured on customers that the model has not seen.

    Attributes:
        tested: how many; `later`: whether at a later instant than those fitted.
        decides: the name of the measure that decides, with `interval`.
        measures: all measures by name.
        against: `chance` (the base rate, the mean, the most common answer) first, then simple rules.
        tenths: customers in ten groups, highest score first; `gains` the first 5 %, 10 %, … of them.
        verdict: what can be claimed.
    """

    kind: Kind
    tested: int
    later: bool
    decides: str
    interval: Interval
    measures: Mapping[str, float]
    against: tuple[Comparison, ...]
    tenths: tuple[Group, ...]
    gains: tuple[Group, ...]

    @property
    def verdict(self) -> Verdict:
        if not self.against[0].better:
            return "no better than chance"
        return "better" if all(c.better for c in self.against) else "no better than a simple rule"

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "tested": self.tested,
            "later": self.later,
            "decides": self.decides,
            "interval": self.interval.to_json(),
            "measures": dict(self.measures),
            "against": [[c.name, c.value, *c.more.to_json(), c.fifth] for c in self.against],
            "tenths": [g.to_json() for g in self.tenths],
            "gains": [g.to_json() for g in self.gains],
            "verdict": self.verdict,
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Quality":
        return Quality(
            found["kind"],
            found["tested"],
            found["later"],
            found["decides"],
            Interval(*found["interval"]),
            dict(found["measures"]),
            tuple(Comparison(name, value, Interval(*more[:3]), *more[3:]) for name, value, *more in found["against"]),
            tuple(Group(*g) for g in found["tenths"]),
            tuple(Group(*g) for g in found["gains"]),
        )


def losses(y: Floats, told: Floats, kind: Kind) -> Floats:
    """What each customer's prediction costs: the log loss, for amounts the squared error. `told`: one column an output."""
    if kind == "regression":
        return np.asarray((y - told[:, 0]) ** 2)
    if kind == "classification":
        p = told[:, 0]
        return np.asarray(-np.log(np.clip(np.where(y == 1, p, 1 - p), SURE, None)))
    return np.asarray(-np.log(np.clip(told[np.arange(len(y)), y.astype(np.int64)], SURE, None)))


def loss(y: Floats, told: Floats, kind: Kind) -> float:
    """The mean loss."""
    return float(losses(y, told, kind).mean())


def measured(y: Floats, told: Floats, rules: Sequence[tuple[str, Floats]], chance: Floats, kind: Kind, later: bool) -> Quality:
    """The quality of predictions.

    Args:
        y: what happened: 0 and 1, amounts, numbers of classes.
        told: probabilities or amounts, one column an output.
        rules: simple rules by name, with what each told.
        chance: what is told by somebody who knows the base rate, the mean or the shares of the answers only.
    """
    wider = 1.0 if later else IN_TURNS
    if kind == "classification":
        return _of_events(y, told[:, 0], rules, chance[:, 0], later, wider)
    skill = _skill(y, told, chance, kind)
    against = [Comparison(_chance_name(kind), 0.0, skill.widened(wider))]
    for name, other in rules:
        value = _skill(y, other, chance, kind).value
        fifth = _first_fifth(y, other[:, 0]) if kind == "regression" else None
        against.append(Comparison(name, value, _skill_difference(y, told, other, chance, kind).widened(wider), fifth))
    if kind == "regression":
        amount = told[:, 0]
        measures = _of_amounts(y, amount)
        return Quality(kind, len(y), later, "r2", skill, measures, tuple(against), *_groups(y, amount))
    right = (told.argmax(axis=1) == y).astype(np.float64)
    common = np.bincount(y.astype(np.int64)).max() / len(y)
    measures = {"accuracy": float(right.mean()), "most_common": float(common), "log_loss": loss(y, told, kind)}
    return Quality(kind, len(y), later, "log_loss_saved", skill, measures, tuple(against), *_groups(right, told.max(axis=1)))


def _of_events(y: Floats, p: Floats, rules: Sequence[tuple[str, Floats]], chance: Floats, later: bool, wider: float) -> Quality:
    interval = auc_interval(y, p)
    over = Interval(interval.value - 0.5, interval.low - 0.5, interval.high - 0.5)
    against = [Comparison(_chance_name("classification"), 0.5, over.widened(wider))]
    for name, told in rules:
        more = auc_difference(y, p, told[:, 0]).widened(wider)
        against.append(Comparison(name, auc_interval(y, told[:, 0]).value, more, _first_fifth(y, told[:, 0])))
    measures = {
        "auc": interval.value,
        "brier": float(((y - p) ** 2).mean()),
        "brier_of_base_rate": float(((y - chance) ** 2).mean()),
        "log_loss": loss(y, p[:, None], "classification"),
        "log_loss_of_base_rate": loss(y, chance[:, None], "classification"),
        "base_rate": float(y.mean()),
    }
    return Quality("classification", len(y), later, "auc", interval, measures, tuple(against), *_groups(y, p))


def _of_amounts(y: Floats, told: Floats) -> dict[str, float]:
    spread = float(((y - y.mean()) ** 2).mean())
    error = float(((y - told) ** 2).mean())
    ranks, told_ranks = midranks(y), midranks(told)
    alike = float(np.corrcoef(ranks, told_ranks)[0, 1]) if np.ptp(ranks) and np.ptp(told_ranks) else 0.0
    total = {"told_of_total": float(told.sum() / y.sum())} if y.sum() else {}
    return {
        "mae": float(np.abs(y - told).mean()),
        "rmse": float(np.sqrt(error)),
        "r2": 1 - error / spread if spread else 0.0,
        "spearman": alike,
        "mean": float(y.mean()),
        **total,
    }


def _chance_name(kind: Kind) -> str:
    return {"classification": "the base rate", "regression": "the mean", "multiclass": "the most common answers"}[kind]


def _skill(y: Floats, told: Floats, chance: Floats, kind: Kind) -> Interval:
    """The share of the baseline's loss that is saved."""
    base = losses(y, chance, kind)
    return _ratio(base - losses(y, told, kind), base)


def _skill_difference(y: Floats, told: Floats, other: Floats, chance: Floats, kind: Kind) -> Interval:
    return _ratio(losses(y, other, kind) - losses(y, told, kind), losses(y, chance, kind))


def _ratio(above: Floats, below: Floats) -> Interval:
    """The ratio of two means over the same customers, by the delta method."""
    if not below.mean():
        return Interval(0.0, 0.0, 0.0)
    value = float(above.mean() / below.mean())
    reach = float(TWO_SIDED_95 * (above - value * below).std(ddof=1) / (np.sqrt(len(above)) * below.mean()))
    return Interval(value, value - reach, value + reach)


def _first_fifth(y: Floats, score: Floats) -> float | None:
    """The share of all that happened that the fifth with the highest score holds."""
    first = _groups(y, score)[1][CUTOFFS // 5 - 1] if len(y) >= CUTOFFS else None
    return first.customers * first.happened / float(y.sum()) if first is not None and y.sum() else None


def _groups(y: Floats, score: Floats) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Tenths, and what is gained down to each cut-off. Ties share what happened to them, so that their order does not matter."""
    order = np.argsort(-score, kind="stable")
    told = score[order]
    first = np.flatnonzero(np.concatenate(([True], told[1:] != told[:-1])))
    size = np.diff(np.append(first, len(told)))
    happened = np.repeat(np.add.reduceat(y[order], first) / size, size)
    ends = [round(len(y) * (i + 1) / TENTHS) for i in range(TENTHS)]
    own = y[order]
    tenths = tuple(_group(told, happened, own, a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True) if b > a)
    cuts = [round(len(y) * (i + 1) / CUTOFFS) for i in range(CUTOFFS)]
    return tenths, tuple(_group(told, happened, own, 0, b) for b in cuts if b)


def _group(told: Floats, happened: Floats, own: Floats, a: int, b: int) -> Group:
    return Group(b - a, float(told[b - 1]), float(told[a:b].mean()), float(happened[a:b].mean()), float(own[a:b].std()))


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Contacting the first so many: their share of all, the lowest score among them, how many they are, and the money that
    the prediction told and that came of it on the tested customers."""

    share: float
    lowest: float
    contacts: int
    told: float
    happened: float


def money(quality: Quality, value: float, cost: float) -> tuple[Cutoff, ...]:
    """What contacting the first 5 %, 10 %, … is worth.

    Args:
        value: money for each customer to whom it happens (1 where an amount is predicted).
        cost: money for each contact. A contact pays where the probability is at least cost / value.
    """
    return tuple(
        Cutoff(
            g.customers / quality.tested,
            g.lowest,
            g.customers,
            g.customers * (g.told * value - cost),
            g.customers * (g.happened * value - cost),
        )
        for g in quality.gains
    )
