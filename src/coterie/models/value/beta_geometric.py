"""BG/NBD and MBG/NBD: a customer leaves after a purchase with a probability p of their own, beta(a, b) distributed.

BG/NBD: Fader, Hardie, Lee: "Counting Your Customers" the Easy Way, Marketing Science 24 (2005). In MBG/NBD (Batislam, Denizel,
Filiztekin, IJRM 24 (2007)) one may also leave right after the first purchase, which adds one chance to leave (`first` = 1 below)
and nothing else, so both are written once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, expit, log1p, log_expit, polygamma

from coterie.models.value.history import Counts, Floats
from coterie.models.value.nbd import ByPurchases, at_least, draw_rates, log_pmf, rate_by_moments
from coterie.models.value.process import Objective, Theta


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """BG/NBD (first = 0) or MBG/NBD (first = 1)."""

    name: str
    first: int
    symbols: tuple[str, ...] = ("r", "alpha", "a", "b")
    scales: tuple[int, ...] = (0, 1, 0, 0)
    leaves: bool = True

    def starts(self, counts: Counts) -> list[Floats]:
        rate = rate_by_moments(counts)
        return [np.append(rate, [1.0, 3.0]), np.append(rate * [0.5, 0.25], [0.5, 1.0]), np.append(rate * 2, [1.0, 20.0])]

    def objective(self, counts: Counts) -> Objective:
        """Equation 3 of the paper as log A + log(1 + ρ), ρ being the odds of having left; only exponents ≤ 0 are taken."""
        x, t_x, T, n = counts.x, counts.t_x, counts.T, counts.n
        chances = x + self.first
        later = np.maximum(chances - 1, 0)
        never = np.where(chances > 0, 0.0, -np.inf)
        gap = T - t_x
        by_x = ByPurchases(counts)
        count = by_x.customers

        def at(theta: Floats) -> tuple[float, Floats]:
            r, alpha, a, b = theta
            whole, since = np.log(alpha + T), log1p(gap / (alpha + t_x))
            odds = np.log(a) - np.log(b + later) + (r + x) * since + never
            gone = expit(odds)
            rate, by_r = by_x.rising(r)
            stay, by_b = by_x.rising(b, self.first)
            either, by_ab = by_x.rising(a + b, self.first)
            value = rate + r * np.log(alpha) * count + stay - either - n @ ((r + x) * whole) - n @ log_expit(-odds)
            weighted = n * gone
            d_r = by_r + np.log(alpha) * count - n @ whole + weighted @ since
            inside = 1 / (alpha + T)
            d_alpha = r / alpha * count - n @ ((r + x) * inside) - weighted @ ((r + x) * gap * inside / (alpha + t_x))
            d_a = weighted.sum() / a - by_ab
            d_b = by_b - by_ab - weighted @ (1 / (b + later))
            return float(value), np.array([d_r, d_alpha, d_a, d_b]) * theta

        return at

    def alive(self, theta: Theta, x: Floats, t_x: Floats, T: Floats) -> Floats:
        r, alpha, a, b = theta
        chances = x + self.first
        odds = np.log(a) - np.log(b + np.maximum(chances - 1, 0)) + (r + x) * log1p((T - t_x) / (alpha + t_x))
        found: Floats = expit(-np.where(chances > 0, odds, -np.inf))
        return found

    def given_alive(self, theta: Theta, x: Floats, T: Floats) -> Theta:
        r, alpha, a, b = theta
        return (r + x, alpha + T, np.broadcast_to(a, np.shape(x)), b + x + self.first)

    def expected_alive(self, theta: Theta, t: Floats | float) -> Floats:
        r, alpha, a, b = theta
        return mean_until_dropout(r, np.divide(t, alpha), a, b)

    def pmf_alive(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        """Either n chances to leave were not taken and there was no further purchase, or the n-th was taken."""
        r, alpha, a, b = theta
        before = np.maximum(np.subtract(n, 1.0), 0.0)
        stayed = np.exp(betaln(a, np.add(b, n)) - betaln(a, b) + log_pmf(r, alpha, t, n))
        left = np.exp(betaln(np.add(a, 1.0), b + before) - betaln(a, b)) * at_least(r, alpha, t, n)
        found: Floats = stayed + np.where(np.equal(n, 0), 0.0, left)
        return found

    def draw_alive(self, theta: Theta, t: float, size: int, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        r, alpha, a, b = map(float, theta)
        chance = np.clip(draw.beta(a, b, size), 1e-12, 1.0)
        return np.minimum(draw.poisson(draw_rates(r, alpha, size, draw) * t), draw.geometric(chance))

    def expected(self, theta: Theta, t: Floats | float) -> Floats:
        r, alpha, a, b = theta
        if not self.first:
            return self.expected_alive(theta, t)
        return np.multiply(np.divide(b, np.add(a, b)), self.expected_alive((r, alpha, a, np.add(b, 1.0)), t))

    def pmf(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        r, alpha, a, b = theta
        if not self.first:
            return self.pmf_alive(theta, t, n)
        stay = np.divide(b, np.add(a, b))
        found: Floats = stay * self.pmf_alive((r, alpha, a, np.add(b, 1.0)), t, n) + np.where(np.equal(n, 0), 1 - stay, 0.0)
        return found


BG_NBD = BetaGeometric("BG/NBD", 0)
MBG_NBD = BetaGeometric("MBG/NBD", 1)

_PANELS, _ORDER = 6, 10
_NEAR_ZERO, _NEAR_ONE = 1e-4, 1e-6


def _panels() -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre panels side by side on 0 … 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    at = ((nodes + 1) / 2 + np.arange(_PANELS)[:, None]) / _PANELS
    return at.ravel(), np.tile(weights / 2 / _PANELS, _PANELS)


_AT, _WEIGHTS = _panels()
_ROWS = 8192


def mean_until_dropout(r: Floats | float, w: Floats | float, a: Floats | float, b: Floats | float) -> Floats:
    """E[(1 − e^(−λ p t)) / p] for λ ~ gamma(r, α), p ~ beta(a, b) and w = t / α: the purchases in t of a customer who is there.

    It equals (a + b − 1) / (a − 1) [1 − ₂F₁(r, a − 1; a + b − 1; −w)] (the paper's equations 9 and 10), which cancels near
    a = 1 and overflows for large r. As the mean over p of (1 − (1 + p w)^(−r)) / p all terms are positive: Gauss-Legendre
    over the log-odds of p, with the ends, where p is almost 0 or 1, in closed form. About 6 digits for any parameters.
    """
    shape = np.broadcast_shapes(np.shape(r), np.shape(w), np.shape(a), np.shape(b))
    columns = [np.broadcast_to(np.asarray(part, dtype=np.float64), shape).ravel() for part in (r, w, a, b)]
    parts = [_mean_of_rows(*(column[i : i + _ROWS] for column in columns)) for i in range(0, columns[0].size, _ROWS)]
    return np.concatenate(parts).reshape(shape) if parts else np.empty(shape)


def _mean_of_rows(r: Floats, w: Floats, a: Floats, b: Floats) -> Floats:
    whole = betaln(a, b)
    middle = polygamma(0, a) - polygamma(0, b)
    spread = np.sqrt(polygamma(1, a) + polygamma(1, b))
    low = np.maximum(np.log(_NEAR_ZERO) - np.log1p(b + r * w + w), middle - (9 + 36 / (1 + a)) * spread)
    high = np.log(np.expm1(np.minimum((36 + a + np.sqrt(72 * a)) / b, np.log1p(a) - np.log(_NEAR_ONE))))
    high = np.maximum(np.minimum(high, middle + (9 + 36 / (1 + b)) * spread), low)
    z = low[:, None] + (high - low)[:, None] * _AT
    log_p, log_q = log_expit(z), log_expit(-z)
    bought = -np.expm1(-r[:, None] * log1p(w[:, None] * np.exp(log_p)))
    inner = np.exp((a[:, None] - 1) * log_p + b[:, None] * log_q - whole[:, None]) * bought
    total = (high - low) * (inner @ _WEIGHTS)
    # Below, f(p) (1 − p)^(b−1) ≈ r w (1 − c p), written with the (1 − p)^b of its end; above, everybody leaves at once.
    end, lost = expit(low), (r + 1) * w / 2 + b - 1
    below = r * w * np.exp(a * log_expit(low) + b * log_expit(-low) - whole) / a
    below *= np.maximum(1 + end * (b - lost * a / (a + 1)), 0)
    above = -np.expm1(-r * log1p(w)) * np.exp(a * log_expit(high) + b * log_expit(-high) - whole) / b
    found: Floats = np.minimum(total + below + above, r * w)
    return found
