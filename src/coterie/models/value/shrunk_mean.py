"""What an order is worth where Gamma-Gamma does not hold: a customer's own mean, drawn to that of all by how little is known.

Bühlmann: Experience Rating and Credibility, ASTIN Bulletin 4 (1967): with variance σ² between the orders of a customer and τ²
between customers, the best linear estimate weighs the mean of x orders by x / (x + σ²/τ²).
"""

from dataclasses import dataclass

import numpy as np

from coterie.models.value.history import Floats


@dataclass(frozen=True, slots=True)
class ShrunkMean:
    """The population's mean; σ and τ as shares of it."""

    population_mean: float
    within: float
    between: float

    @property
    def prior_orders(self) -> float:
        """How many orders of a customer count as much as the population's mean, σ²/τ²."""
        return (self.within / self.between) ** 2

    def mean(self, x: Floats, spend: Floats) -> Floats:
        seen = np.where(x > 0, x * np.maximum(spend, 0), 0.0)
        found: Floats = (self.prior_orders * self.population_mean + seen) / (self.prior_orders + x)
        return found

    def draw_totals(self, x: float, orders: Floats, draw: np.random.Generator) -> Floats:
        """The value of so many orders of a customer with x before, in means of that customer (gamma with these variances)."""
        spread = self.between**2 * self.prior_orders / (self.prior_orders + x)
        level = draw.standard_gamma(1 / spread, len(orders)) * spread
        found: Floats = draw.standard_gamma(orders / self.within**2) * self.within**2 * level
        return found


def fit(x: Floats, spend: Floats) -> ShrunkMean:
    """Moments over customers with x ≥ 1 repeat purchases: the variance of means is τ² + σ²/x."""
    mean = float(spend.mean()) if len(spend) else 0.0
    if mean <= 0 or len(spend) < 2:
        return ShrunkMean(max(mean, 0.0), 0.5, 0.5)
    squares, inverse = (spend / mean - 1) ** 2, 1 / x
    spread = float(inverse.var())
    within = float(((inverse - inverse.mean()) * squares).mean()) / spread if spread > 1e-9 else float(squares.mean()) / 2
    whole = float(squares.mean())
    within = min(max(within, 0.05 * whole, 1e-6), 0.95 * whole / float(inverse.mean())) if whole > 0 else 1e-6
    between = max(whole - within * float(inverse.mean()), 1e-6)
    return ShrunkMean(mean, float(np.sqrt(max(within, 1e-6))), float(np.sqrt(between)))
