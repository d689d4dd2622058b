"""Pareto/NBD: a customer may leave at any time, at a rate of their own that is gamma(s, β) distributed.

Schmittlein, Morrison, Colombo: Counting Your Customers, Management Science 33 (1987). The likelihood is customarily written as a
difference of two Gaussian hypergeometric functions (Fader, Hardie: A Note on Deriving the Pareto/NBD Model, 2005), which loses
all digits for large x. Here it stays the integral over the time of leaving that it came from,

    L = Γ(r+x) α^r β^s / Γ(r) · [ (α+T)^−(r+x) (β+T)^−s + s ∫ (α+y)^−(r+x) (β+y)^−(s+1) dy,  y from t_x to T ],

in which every term is positive, and which can be differentiated under the integral.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import exprel

from coterie.models.value.history import Counts, Floats
from coterie.models.value.nbd import ByPurchases, draw_rates, log_pmf, rate_by_moments
from coterie.models.value.process import Objective, Theta


def _rule(nodes: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre on 0 … 1."""
    at, weights = np.polynomial.legendre.leggauss(nodes)
    return (at + 1) / 2, weights / 2


_SHORT, _LONG = _rule(12), _rule(32)
_NEGLIGIBLE = 34.0
"""Where the integrand has fallen by e^−34 the rest of it does not count."""
_ROWS = 2048


def _integral(theta: Floats, x: Floats, t_x: Floats, gap: Floats) -> tuple[Floats, ...]:
    """∫ e^g dy and the integrals of L_α, L_β, 1/(α+y), 1/(β+y) times e^g, where g = −(r+x) L_α − (s+1) L_β and
    L_c = log((c+y) / (c+t_x)): Gauss-Legendre over the logarithm of the one of α + y and β + y that varies more."""
    r, alpha, s, beta = theta
    swapped = beta < alpha
    near, far = (beta, alpha) if swapped else (alpha, beta)
    k_near, k_far = (np.full_like(x, s + 1), r + x) if swapped else (r + x, np.full_like(x, s + 1))
    close, wide = near + t_x, far + t_x
    with np.errstate(over="ignore"):
        reach = np.log1p(wide / close * np.expm1(np.minimum(_NEGLIGIBLE / np.maximum(k_far - 1, 1e-9), 700)))
    end = np.minimum(np.log1p(gap / close), np.minimum(_NEGLIGIBLE / np.maximum(k_near - 1, 1e-9), reach))
    ratio = close / wide
    # Most integrands fall by little; few nodes are enough for these, to 10 digits.
    fall = k_near * end + k_far * np.log1p(ratio * np.expm1(end))
    found = np.empty((5, len(x)))
    easy = (fall < 12) & (end < 4)
    for those, rule in ((np.flatnonzero(easy), _SHORT), (np.flatnonzero(~easy), _LONG)):
        if len(those):
            part = (column[those] for column in (end, ratio, k_near, k_far, close, wide))
            found[:, those] = _quadrature(*part, rule=rule)
    total, by_near, by_far, one_near, one_far = found
    return (total, by_far, by_near, one_far, one_near) if swapped else (total, by_near, by_far, one_near, one_far)


def _quadrature(
    end: Floats, ratio: Floats, k_near: Floats, k_far: Floats, close: Floats, wide: Floats, *, rule: tuple[Floats, Floats]
) -> Floats:
    at, weights = rule
    log_near = end[:, None] * at
    rise = np.expm1(log_near)
    log_far = np.log1p(ratio[:, None] * rise)
    inner = np.exp((1 - k_near)[:, None] * log_near - k_far[:, None] * log_far)
    inner *= (end * close)[:, None] * weights
    sums = (inner, inner * log_near, inner * log_far, inner / (1 + rise), inner / (1 + ratio[:, None] * rise))
    found = np.array([part.sum(1) for part in sums])
    found[3] /= close
    found[4] /= wide
    return found


def _log_terms(theta: Floats, x: Floats, t_x: Floats, T: Floats) -> tuple[Floats, Floats, Floats]:
    """L_α and L_β at T, and the term of those who stayed, relative to the integrand at t_x."""
    r, alpha, s, beta = theta
    log_a, log_b = np.log1p((T - t_x) / (alpha + t_x)), np.log1p((T - t_x) / (beta + t_x))
    return log_a, log_b, (beta + t_x) * np.exp(-(r + x) * log_a - s * log_b)


class ParetoNBD:
    """Buying at a gamma(r, α) rate, leaving at a gamma(s, β) rate."""

    name = "Pareto/NBD"
    symbols = ("r", "alpha", "s", "beta")
    scales = (0, 1, 0, 1)
    leaves = True

    def starts(self, counts: Counts) -> list[Floats]:
        rate, seen = rate_by_moments(counts), float(counts.n @ counts.T) / counts.customers + 1e-6
        return [np.append(rate, [0.5, seen / 2]), np.append(rate, [1.0, seen * 3]), np.append(rate * 2, [0.2, seen / 10])]

    def objective(self, counts: Counts) -> Objective:
        by_x = ByPurchases(counts)
        rows = [
            tuple(column[i : i + _ROWS] for column in (counts.x, counts.t_x, counts.T, counts.n))
            for i in range(0, len(counts.x), _ROWS)
        ]

        def at(theta: Floats) -> tuple[float, Floats]:
            r, alpha, s, beta = theta
            rising, by_r = by_x.rising(r)
            value = rising + by_x.customers * (r * np.log(alpha) + s * np.log(beta))
            gradient = by_x.customers * np.array([np.log(alpha), r / alpha, np.log(beta), s / beta]) + [by_r, 0, 0, 0]
            for part in rows:
                more, slope = _of_rows(theta, *part)
                value += more
                gradient += slope
            return float(value), gradient * theta

        return at

    def alive(self, theta: Theta, x: Floats, t_x: Floats, T: Floats) -> Floats:
        fixed = np.array([float(part) for part in theta])
        shape = np.broadcast_shapes(np.shape(x), np.shape(t_x), np.shape(T))
        columns = [np.broadcast_to(np.asarray(part, dtype=np.float64), shape).ravel() for part in (x, t_x, T)]
        found = np.empty(columns[0].size)
        for i in range(0, found.size, _ROWS):
            x_, t_x_, T_ = (column[i : i + _ROWS] for column in columns)
            stayed = _log_terms(fixed, x_, t_x_, T_)[2]
            found[i : i + _ROWS] = stayed / (stayed + fixed[2] * _integral(fixed, x_, t_x_, T_ - t_x_)[0])
        return found.reshape(shape)

    def given_alive(self, theta: Theta, x: Floats, T: Floats) -> Theta:
        r, alpha, s, beta = theta
        return (r + x, alpha + T, np.broadcast_to(s, np.shape(x)), beta + T)

    def expected_alive(self, theta: Theta, t: Floats | float) -> Floats:
        """rβ / (α(s−1)) · [1 − (β / (β+t))^(s−1)], which is fine at s = 1 as well."""
        r, alpha, s, beta = theta
        away = np.log1p(np.divide(t, beta))
        return np.asarray(np.multiply(r, beta) / alpha * away * exprel(-np.subtract(s, 1.0) * away))

    def pmf_alive(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        """Still there at t, or gone at some y before it (Fader, Hardie: Deriving an Expression for P(X(t) = x), 2006)."""
        shape = np.broadcast_shapes(*(np.shape(part) for part in (*theta, t, n)))
        r, alpha, s, beta, t, n = (np.broadcast_to(np.asarray(part, dtype=np.float64), shape) for part in (*theta, t, n))
        there = np.exp(-s * np.log1p(t / beta) + log_pmf(r, alpha, t, n))
        r, alpha, s, beta, t, n = (part[..., None] for part in (r, alpha, s, beta, t, n))
        near = np.minimum(alpha, beta)
        end = np.log1p(t / near)
        y = near * np.expm1(end * _LONG[0])
        gone = np.exp(np.log(s) - np.log(beta) - (s + 1) * np.log1p(y / beta) + log_pmf(r, alpha, y, n))
        found: Floats = there + (gone * (near + y) * end) @ _LONG[1]
        return found

    def draw_alive(self, theta: Theta, t: float, size: int, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        r, alpha, s, beta = map(float, theta)
        leaving = np.maximum(draw_rates(s, beta, size, draw), 1e-300)
        there = np.minimum(draw.standard_exponential(size) / leaving, t)
        return draw.poisson(draw_rates(r, alpha, size, draw) * there)

    def expected(self, theta: Theta, t: Floats | float) -> Floats:
        return self.expected_alive(theta, t)

    def pmf(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        return self.pmf_alive(theta, t, n)


def _of_rows(theta: Floats, x: Floats, t_x: Floats, T: Floats, n: Floats) -> tuple[float, Floats]:
    """What customers add to the log-likelihood and to its gradient by r, α, s, β."""
    r, alpha, s, beta = theta
    log_a, log_b, stayed = _log_terms(theta, x, t_x, T)
    total, by_a, by_b, one_a, one_b = _integral(theta, x, t_x, T - t_x)
    both = stayed + s * total
    from_a, from_b = np.log(alpha + t_x), np.log(beta + t_x)
    value = n @ (np.log(both) - (r + x) * from_a - (s + 1) * from_b)
    share, each = stayed / both, 1 / both
    d_r = -from_a - share * log_a - each * s * by_a
    d_alpha = -(r + x) * (share / (alpha + T) + each * s * one_a)
    d_s = -from_b - share * log_b + each * (total - s * by_b)
    d_beta = -share * s / (beta + T) - each * s * (s + 1) * one_b
    return float(value), np.array([n @ d_r, n @ d_alpha, n @ d_s, n @ d_beta])


PARETO_NBD = ParetoNBD()
