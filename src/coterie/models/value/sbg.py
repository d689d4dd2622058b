"""Shifted beta-geometric: for contracts, where leaving is seen. Each customer ends at every renewal with a chance of their own.

Fader, Hardie: How to Project Customer Retention, Journal of Interactive Marketing 21 (2007); what remains is worth after Fader,
Hardie: Customer-Base Valuation in a Contractual Setting, Marketing Science 29 (2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, hyp2f1

from coterie.core.errors import DidNotConverge, ModelError, TooFewRows
from coterie.models.value.history import Floats
from coterie.models.value.likelihood import climb
from coterie.models.value.process import Objective

SYMBOLS = ("alpha", "beta")


@dataclass(frozen=True, slots=True)
class ShiftedBetaGeometric:
    """Fitted parameters with standard errors; chances to leave are beta(α, β) distributed."""

    alpha: float
    beta: float
    se: tuple[float, float]
    log_likelihood: float
    flat: tuple[str, ...] = ()

    def survival(self, period: Floats | float) -> Floats:
        """The share still there after so many renewals, S(t) = B(α, β + t) / B(α, β)."""
        return np.asarray(np.exp(betaln(self.alpha, np.add(self.beta, period)) - betaln(self.alpha, self.beta)))

    def retention(self, period: Floats | float) -> Floats:
        """The share of those there before the t-th renewal (t = 1, 2, …) who renew; it rises, as the quick to leave are gone."""
        return np.asarray(np.add(self.beta - 1, period) / np.add(self.alpha + self.beta - 1, period))

    def remaining(self, renewals: Floats | float, discount: float) -> Floats:
        """DERL: discounted expected periods still to come of a customer who renewed so many times (0 or more) and is about to
        decide again; the period of that decision counts in full, later ones are worth 1 / (1 + discount) each.

        Raises:
            ModelError: the discount is not above 0, where the sum may have no end.
        """
        if not discount > 0:
            raise ModelError(f"a discount of {discount:g} a period makes no finite value", hint="give one above 0, such as 0.1")
        a, b = self.alpha, np.add(self.beta, renewals)
        return np.asarray(b / (a + b) * hyp2f1(1.0, b + 1, a + b + 1, 1 / (1 + discount)))


def fit(survivors: Sequence[float]) -> ShiftedBetaGeometric:
    """Maximum likelihood from a cohort: how many there were at first and after each renewal.

    Raises:
        ModelError: the numbers rise or are below 0.
        TooFewRows: fewer than two renewals, or nobody left.
        DidNotConverge: no maximum was found.
    """
    count = np.asarray(survivors, dtype=np.float64)
    if not np.isfinite(count).all() or (count < 0).any() or (np.diff(count) > 0).any():
        raise ModelError(
            "survivors of a cohort can only become fewer, and never fewer than none",
            hint="give the number of customers at the start and after each renewal, as in 1000, 869, 743",
        )
    if len(count) < 3 or count[0] == count[-1]:
        raise TooFewRows(
            f"{max(len(count) - 1, 0)} renewals of {count[0] if len(count) else 0:,.0f} customers, "
            f"{count[0] - count[-1] if len(count) else 0:,.0f} of whom left, do not show how leaving goes on",
            hint="two renewals or more, and somebody who left, are needed",
        )
    return fitted(*cohort(count))


def cohort(survivors: Floats) -> tuple[Floats, Floats]:
    """Of a cohort that began together: how many left at each renewal, and how many are there after each (none but the last)."""
    active = np.zeros(len(survivors))
    active[-1] = survivors[-1]
    return -np.diff(survivors), active


def fitted(lost: Floats, active: Floats) -> ShiftedBetaGeometric:
    """Maximum likelihood from customers who began at any time.

    Args:
        lost: how many left at the first renewal, at the second, and so on.
        active: how many are there yet with no renewal behind them, with one, and so on; one place more than `lost`.

    Raises:
        DidNotConverge: no maximum was found.
    """
    whole = objective(lost, active), float(lost.sum() + active.sum())
    top = climb(whole, [np.array([1.0, 3.0]), np.array([0.5, 0.5]), np.array([10.0, 100.0])], whole)
    if top is None:
        raise DidNotConverge("the shifted beta-geometric model found no maximum of its likelihood")
    (alpha, beta), errors = top.theta, top.relative_error * top.theta
    return ShiftedBetaGeometric(float(alpha), float(beta), (float(errors[0]), float(errors[1])), top.value, top.flat(SYMBOLS))


def objective(lost: Floats, active: Floats) -> Objective:
    """Σ lost_t log P(T = t) + Σ active_t log S(t); P(T = t) = B(α + 1, β + t − 1) / B(α, β)."""
    ends, stays = np.arange(1.0, len(lost) + 1), np.arange(0.0, len(active))
    customers = float(lost.sum() + active.sum())

    def at(theta: Floats) -> tuple[float, Floats]:
        a, b = theta
        value = lost @ betaln(a + 1, b + ends - 1) + active @ betaln(a, b + stays) - customers * betaln(a, b)
        both = digamma(a + b)
        gone, there = digamma(a + b + ends), digamma(a + b + stays)
        d_a = lost @ (digamma(a + 1) - gone) + active @ (digamma(a) - there)
        d_b = lost @ (digamma(b + ends - 1) - gone) + active @ (digamma(b + stays) - there)
        slope = np.array([d_a - customers * (digamma(a) - both), d_b - customers * (digamma(b) - both)])
        return float(value), slope * theta

    return at
