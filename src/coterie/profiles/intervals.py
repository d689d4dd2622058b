"""Confidence intervals that hold for small groups and for shares near 0 and 1, over arrays of comparisons at once.

Newcombe: Interval estimation for the difference between independent proportions, Statistics in Medicine 17 (1998), method 10;
Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2, Statistics in Medicine 25 (2006),
method 5.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HALVINGS = 32


def two_sided(level: float) -> float:
    """How many standard errors an interval of a level (0.95) reaches to each side."""
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(having: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share of n > 0."""
    p, square = having / n, z * z
    middle = p + square / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + square / (4 * n * n))
    low, high = (middle - reach) / (1 + square / n), (middle + reach) / (1 + square / n)
    return np.where(having == 0, 0.0, low), np.where(having == n, 1.0, high)


def difference_of_shares(a: Floats, m: Floats, b: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """The interval of a / m − b / n, where a of m and b of n independent customers have something."""
    p, q = a / m, b / n
    (low_p, high_p), (low_q, high_q) = wilson(a, m, z), wilson(b, n, z)
    low = p - q - np.sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
    high = p - q + np.sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
    return low, high


def mann_whitney(theta: Floats, m: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """The interval of the share θ of pairs (one of m, one of n) in which the first has more, half of the ties counted."""
    each = (m + n) / 2 - 1

    def error(t: Floats) -> Floats:
        found: Floats = z * np.sqrt(t * (1 - t) * (1 + each * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n))
        return found

    def solve(end: Floats, sign: float) -> Floats:
        # Between the estimate, where the distance is less than the error, and the end, where the error is nothing.
        near, far = theta.copy(), end
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            inside = sign * (middle - theta) <= error(middle)
            near, far = np.where(inside, middle, near), np.where(inside, far, middle)
        return (near + far) / 2

    return solve(np.zeros_like(theta), -1.0), solve(np.ones_like(theta), 1.0)
