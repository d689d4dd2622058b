"""NBD: customers buy at a rate of their own and never leave (Ehrenberg, Repeat-Buying, 1972).

The others come down to it where no leaving can be seen; they are built from its probabilities.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, digamma, gammaln, xlog1py, xlogy

from coterie.models.value.history import Counts, Floats
from coterie.models.value.process import Objective, Theta


def log_pmf(r: Floats | float, alpha: Floats | float, t: Floats | float, n: Floats | float) -> Floats:
    """log P(N(t) = n) of purchases at a gamma(r, α) rate."""
    share = np.divide(t, np.add(alpha, t))
    choose = gammaln(np.add(r, n)) - gammaln(r) - gammaln(np.add(n, 1.0))
    found: Floats = np.asarray(choose + xlog1py(r, -share) + xlogy(n, share))
    return found


def at_least(r: Floats | float, alpha: Floats | float, t: Floats | float, n: Floats | float) -> Floats:
    """P(N(t) ≥ n)."""
    found: Floats = np.where(np.equal(n, 0), 1.0, betainc(np.maximum(n, 1.0), r, np.divide(t, np.add(alpha, t))))
    return found


def draw_rates(r: float, alpha: float, size: int, draw: np.random.Generator) -> Floats:
    return draw.standard_gamma(r, size) / alpha


class ByPurchases:
    """Counts summed by x, for the terms of a likelihood that depend on x only: there are few values of it."""

    def __init__(self, counts: Counts):
        starts = np.flatnonzero(np.concatenate([[True], np.diff(counts.x) != 0]))
        self.x: Floats = counts.x[starts]
        self.n: Floats = np.add.reduceat(counts.n, starts)
        self.customers = float(self.n.sum())

    def rising(self, c: float, shift: float = 0.0) -> tuple[float, float]:
        """Σ n (log Γ(c + x + shift) − log Γ(c)) and its derivative by c."""
        top = c + shift + self.x
        value = self.n @ gammaln(top) - self.customers * float(gammaln(c))
        return float(value), float(self.n @ digamma(top) - self.customers * float(digamma(c)))


class NBD:
    """Buying at a gamma(r, α) rate for ever."""

    name = "NBD"
    symbols = ("r", "alpha")
    scales = (0, 1)
    leaves = False

    def starts(self, counts: Counts) -> list[Floats]:
        return [rate_by_moments(counts)]

    def objective(self, counts: Counts) -> Objective:
        by_x, x, T, n = ByPurchases(counts), counts.x, counts.T, counts.n

        def at(theta: Floats) -> tuple[float, Floats]:
            r, alpha = theta
            rising, by_r = by_x.rising(r)
            whole = np.log(alpha + T)
            value = rising + r * np.log(alpha) * by_x.customers - n @ ((r + x) * whole)
            d_r = by_r + np.log(alpha) * by_x.customers - n @ whole
            d_alpha = r / alpha * by_x.customers - n @ ((r + x) / (alpha + T))
            return float(value), np.array([d_r, d_alpha]) * theta

        return at

    def alive(self, theta: Theta, x: Floats, t_x: Floats, T: Floats) -> Floats:
        return np.ones(np.shape(x))

    def given_alive(self, theta: Theta, x: Floats, T: Floats) -> Theta:
        r, alpha = theta
        return (r + x, alpha + T)

    def expected_alive(self, theta: Theta, t: Floats | float) -> Floats:
        r, alpha = theta
        return np.asarray(np.multiply(r, t) / alpha)

    def pmf_alive(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        r, alpha = theta
        return np.asarray(np.exp(log_pmf(r, alpha, t, n)))

    def draw_alive(self, theta: Theta, t: float, size: int, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        r, alpha = map(float, theta)
        return draw.poisson(draw_rates(r, alpha, size, draw) * t)

    def expected(self, theta: Theta, t: Floats | float) -> Floats:
        return self.expected_alive(theta, t)

    def pmf(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        return self.pmf_alive(theta, t, n)


def rate_by_moments(counts: Counts) -> Floats:
    """r and α with about the mean and the spread of the customers' own rates: where a search starts."""
    seen = counts.T + 1e-3 * max(float(counts.T.max()), 1e-6)
    total = float(counts.n @ seen)
    mean = max(float(counts.n @ counts.x), 0.5) / total
    excess = float(counts.n @ ((counts.x - mean * seen) ** 2 - mean * seen)) / float(counts.n @ seen**2)
    r = float(np.clip(mean**2 / excess if excess > 0 else 10.0, 0.1, 10.0))
    return np.array([r, r / mean])
