"""Between what a customer will spend, with a stated probability: the predictive interval of the value over a horizon.

Given that a customer is still there, what they will spend, in means of an order of theirs, depends on x and T only. So a few
thousand futures are drawn for each x at a few T (rates and chances to leave from what was learned of such customers, orders,
amounts), and each customer's interval is read from these with their own probability of being there and their own mean. The
futures of an (x, T) come from a seed of their own: a customer has the same interval alone and among a million.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from coterie.models.value.history import Floats, Integers
from coterie.models.value.process import Process

DRAWS = 2000
_STEP = 0.2
"""Between two T for which futures are drawn: 22 % more time in which rates could be learned."""
_EXACT = 64
"""From here on neighbouring x share their futures: 2 % more or less than 64 orders say the same about a rate."""
_GRID = np.linspace(0, 1, 401)
_AT_ONCE = 4_000_000
"""Values drawn in one go."""


class Amounts(Protocol):
    """What orders of a customer with x before are worth together, in means of that customer."""

    def draw_totals(self, x: float, orders: Floats, draw: np.random.Generator) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """Who draws the futures: a process with its parameters, the amounts, the horizon in weeks, the seed."""

    process: Process
    theta: Floats
    amounts: Amounts
    horizon: float
    seed: int

    def bounds(self, x: Floats, T: Floats, alive: Floats, level: float) -> tuple[Floats, Floats]:
        """Low and high of the value to come, in means of an order of the customer, so that it lies between them with the
        probability `level`. Half of the rest is left out at each end; where nothing at all is likelier than that, low is 0
        and all of the rest is left out at the high end. High is 0 where nothing is likelier than the level itself.
        """
        futures = self._futures(x, T)

        def at(probability: float) -> Floats:
            return futures.at(np.full(len(x), probability), alive)

        rest = 1 - level
        low = at(rest / 2)
        return low, np.where(low > 0, at(1 - rest / 2), at(level))

    def totals(
        self, x: Floats, T: Floats, alive: Floats, each: Floats, places: Sequence[Integers], many: Sequence[int], draws: int
    ) -> list[Floats]:
        """Drawn futures of groups of customers: the sums of what their members spend.

        Args:
            each: the mean value of an order of each customer.
            places: for each grouping the place of each customer's group, −1 for none; `many`: how many groups it has.
            draws: how many futures; customers are drawn independently of each other.

        Returns:
            For each grouping the totals, one row a group and one column a draw.
        """
        random = np.random.default_rng((self.seed, draws))
        sums = [np.zeros((n, draws)) for n in many]
        futures = self._futures(x, T)
        for start in range(0, len(x), step := max(1, _AT_ONCE // draws)):
            some = slice(start, start + step)
            here, chances = futures.some(some), random.random((draws, len(x[some])))
            value = np.array([here.at(row, alive[some]) for row in chances]) * each[some]
            for found, place in zip(sums, places, strict=True):
                for group in np.unique(place[some]):
                    if group >= 0:
                        found[group] += value[:, place[some] == group].sum(axis=1)
        return sums

    def _futures(self, x: Floats, T: Floats) -> "_Futures":
        nearest = np.where(x < _EXACT, x, np.rint(np.exp(np.rint(np.log(np.maximum(x, 1)) * 50) / 50)))
        shortest = min((p for p, scale in zip(self.theta, self.process.scales, strict=True) if scale), default=1.0)
        place = np.log1p(T / shortest) / _STEP
        knot = np.floor(place).astype(np.int64)
        kinds, cell = np.unique(np.concatenate([_key(nearest, knot), _key(nearest, knot + 1)]), return_inverse=True)
        table = np.empty((len(kinds), len(_GRID)))
        for i, kind in enumerate(kinds):
            table[i] = self._quantiles(int(kind >> 16), int(kind & 0xFFFF), shortest)
        return _Futures(table, cell[: len(x)], cell[len(x) :], place - knot)

    def _quantiles(self, x: int, knot: int, shortest: float) -> Floats:
        """The value to come of those still there, with x purchases in the T of a knot, at the probabilities of the grid."""
        draw = np.random.default_rng((self.seed, x, knot))
        seen = np.asarray(shortest * np.expm1(knot * _STEP))
        theta = self.process.given_alive(self.theta, np.asarray(float(x)), seen)
        orders = self.process.draw_alive(theta, self.horizon, DRAWS, draw)
        value = np.zeros(DRAWS)
        buying = orders > 0
        value[buying] = self.amounts.draw_totals(float(x), orders[buying].astype(np.float64), draw)
        value.sort()
        found: Floats = np.interp(_GRID, (np.arange(DRAWS) + 0.5) / DRAWS, value)
        return found


@dataclass(frozen=True, slots=True)
class _Futures:
    """What customers who are still there will spend: the quantiles of some kinds of customers, and each customer's two kinds
    with the share of the upper one."""

    table: Floats
    lower: Integers
    upper: Integers
    share: Floats

    def some(self, places: slice) -> "_Futures":
        return _Futures(self.table, self.lower[places], self.upper[places], self.share[places])

    def at(self, probability: Floats, alive: Floats) -> Floats:
        """The value that each customer stays below with a probability, of who is there with probability `alive`."""
        given = np.maximum(1 - (1 - probability) / np.maximum(alive, 1e-12), 0) * (len(_GRID) - 1)
        left = np.minimum(given.astype(np.int64), len(_GRID) - 2)
        part = given - left
        read = [self.table[row, left] * (1 - part) + self.table[row, left + 1] * part for row in (self.lower, self.upper)]
        found: Floats = np.where(probability <= 1 - alive, 0.0, read[0] * (1 - self.share) + read[1] * self.share)
        return found


def _key(x: Floats, knot: Integers) -> Integers:
    found: Integers = x.astype(np.int64) << 16 | np.minimum(knot, 0xFFFF)
    return found
