"""Gamma-Gamma: what an order of a customer is worth, whatever their frequency.

Orders of a customer vary around the customer's mean (gamma, shape p), and the means around that of all (their rate ν is
gamma(q, v) distributed). Fader, Hardie: The Gamma-Gamma Model of Monetary Value (2013), note 025; equations in brackets are its.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from coterie.models.value.history import Floats
from coterie.models.value.likelihood import SAMPLE, climb
from coterie.models.value.process import Objective

SYMBOLS = ("p", "q", "v")


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Fitted parameters (v in units of money) with standard errors; `flat` are the symbols that the data do not settle."""

    p: float
    q: float
    v: float
    se: tuple[float, float, float]
    log_likelihood: float
    flat: tuple[str, ...] = ()

    @property
    def population_mean(self) -> float:
        """The mean value of an order, p v / (q − 1)."""
        return self.p * self.v / (self.q - 1)

    def mean(self, x: Floats, spend: Floats) -> Floats:
        """E(M | x, m̄), the mean value of an order of a customer: their own mean drawn to that of all (5)."""
        seen = np.where(x > 0, x * np.maximum(spend, 0), 0.0)
        found: Floats = self.p * (self.v + seen) / (self.p * x + self.q - 1)
        return found

    def draw_totals(self, x: float, orders: Floats, draw: np.random.Generator) -> Floats:
        """The value of so many orders of a customer with x before, in means of that customer: ν | m̄ is gamma again (4)."""
        shape = self.q + self.p * x
        found: Floats = draw.standard_gamma(self.p * orders) / draw.standard_gamma(shape, len(orders)) * (shape - 1) / self.p
        return found


def fit(x: Floats, spend: Floats) -> GammaGamma | None:
    """Maximum likelihood over customers with x ≥ 1 repeat purchases of mean value m̄ > 0; None where there is no maximum."""
    order = np.argsort(x, kind="stable")
    x, scale = x[order], float(spend.mean())
    relative = spend[order] / scale
    whole = sample = _objective(x, relative), float(len(x))
    if len(x) > SAMPLE:
        drawn = np.sort(np.random.default_rng(0).choice(len(x), SAMPLE, replace=False))
        sample = _objective(x[drawn], relative[drawn]), float(SAMPLE)
    starts = [np.array(start) for start in ((4.0, 4.0, 0.75), (1.0, 2.0, 1.0), (20.0, 10.0, 0.45))]
    top = climb(whole, starts, sample)
    if top is None:
        return None
    p, q, v = top.theta * [1, 1, scale]
    errors = top.relative_error * [p, q, v]
    return GammaGamma(
        float(p),
        float(q),
        float(v),
        (float(errors[0]), float(errors[1]), float(errors[2])),
        top.value - len(x) * float(np.log(scale)),
        top.flat(SYMBOLS),
    )


def _objective(x: Floats, spend: Floats) -> Objective:
    """The density of m̄ (1a) over customers in order of x, with what depends on x alone summed by its values."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(x) != 0]))
    kinds, n = x[starts], np.diff(np.append(starts, len(x))).astype(np.float64)
    total, logs = x * spend, float(np.log(spend).sum())
    weighted = float(x @ np.log(x * spend))
    count = float(len(x))

    def at(theta: Floats) -> tuple[float, Floats]:
        p, q, v = theta
        whole = np.log(v + total)
        by_kind = np.add.reduceat(whole, starts)
        shape = p * kinds + q
        value = n @ (gammaln(shape) - gammaln(p * kinds)) + count * (q * np.log(v) - gammaln(q)) + p * weighted - logs
        value -= shape @ by_kind
        d_p = (n * kinds) @ (digamma(shape) - digamma(p * kinds)) + weighted - kinds @ by_kind
        d_q = n @ digamma(shape) + count * (np.log(v) - digamma(q)) - by_kind.sum()
        d_v = count * q / v - shape @ np.add.reduceat(1 / (v + total), starts)
        return float(value), np.array([d_p, d_q, d_v]) * theta

    return at
