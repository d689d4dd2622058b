"""How well a fit foresees orders it has not seen, beside two rules that need no model.

The rules: everybody buys at the mean rate; each customer goes on at their own past rate.
"""

from dataclasses import dataclass

import numpy as np

from coterie.core.errors import ModelError
from coterie.models.value.history import WEEK, Floats, History
from coterie.models.value.likelihood import Maximum
from coterie.models.value.process import Process, conditional, conditional_pmf

SCORED = 20_000
"""Customers of whom the log-score is taken, at most about twice."""
TOP = 7
"""Customers with so many repeat purchases or more are shown together."""


@dataclass(frozen=True, slots=True)
class Holdout:
    """What the customers of a history did after its end, in the same order.

    Attributes:
        orders: days with an order in the `days` after the end.
    """

    orders: Floats
    days: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", np.atleast_1d(np.asarray(self.orders, dtype=np.float64)))
        if not (np.isfinite(self.orders).all() and (self.orders >= 0).all() and self.days > 0):
            raise ModelError("orders held out are numbers from 0 on, over more than 0 days")


@dataclass(frozen=True, slots=True)
class Quality:
    """How far foreseen orders were from those that came, over customers.

    Attributes:
        mae: mean absolute error; rmse: root of the mean squared error.
        foreseen, actual: orders in all; their ratio shows the bias.
        log_score: mean log-probability of what each customer did; None for a rule that states no probabilities.
    """

    mae: float
    rmse: float
    foreseen: float
    actual: float
    log_score: float | None = None

    @property
    def bias(self) -> float:
        """How much too much (0.05: 5 % too much) was foreseen in all."""
        return self.foreseen / self.actual - 1 if self.actual else 0.0


@dataclass(frozen=True, slots=True)
class FrequencyRow:
    """Customers with `x` repeat purchases before (`more`: or more): how many, and their mean orders foreseen and actual."""

    x: int
    more: bool
    customers: int
    foreseen: float
    actual: float


def measured(foreseen: Floats, holdout: Holdout, log_score: float | None = None) -> Quality:
    error = foreseen - holdout.orders
    return Quality(
        float(np.abs(error).mean()),
        float(np.sqrt((error**2).mean())),
        float(foreseen.sum()),
        float(holdout.orders.sum()),
        log_score,
    )


def foresee(process: Process, maximum: Maximum, history: History, holdout: Holdout) -> Floats:
    """Expected orders of each customer in the days held out."""
    (x, t_x, T), places = history.distinct()
    return conditional(process, maximum.theta, holdout.days / WEEK, x, t_x, T)[places]


def log_score(process: Process, maximum: Maximum, history: History, holdout: Holdout) -> float:
    """The mean log-probability of what customers did (e^−700 at least), of a sample of them where there are many."""
    some = slice(None, None, max(len(history) // SCORED, 1))
    x, t_x, T = (column[some] for column in history.weeks())
    chance = conditional_pmf(process, maximum.theta, holdout.days / WEEK, holdout.orders[some], x, t_x, T)
    return float(np.log(np.maximum(chance, 1e-304)).mean())


def rules(history: History, holdout: Holdout) -> dict[str, Floats]:
    """What the rules without a model foresee: "mean" and "own rate"."""
    days = np.maximum(history.T * history.unit, 1.0)
    mean = float(history.x.sum()) / float(days.sum())
    return {"mean": np.full(len(history), mean * holdout.days), "own rate": history.x / days * holdout.days}


def by_frequency(foreseen: Floats, history: History, holdout: Holdout) -> tuple[FrequencyRow, ...]:
    """Foreseen and actual orders by repeat purchases before: 0, 1, … and `TOP` or more."""
    group = np.minimum(history.x, TOP).astype(np.int64)
    n = np.bincount(group, minlength=TOP + 1)
    sums = [np.bincount(group, part, minlength=TOP + 1) for part in (foreseen, holdout.orders)]
    return tuple(
        FrequencyRow(i, i == TOP, int(n[i]), float(sums[0][i] / n[i]), float(sums[1][i] / n[i])) for i in range(TOP + 1) if n[i]
    )


def better(foreseen: Floats, rule: Floats, holdout: Holdout) -> float:
    """By how many standard errors the squared errors of the rule exceed those of the model, customer by customer."""
    gain = (rule - holdout.orders) ** 2 - (foreseen - holdout.orders) ** 2
    error = float(gain.std()) / np.sqrt(len(gain))
    return float(gain.mean() / error) if error > 0 else 0.0
