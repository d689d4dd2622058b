"""What the models of repeat buying have in common.

Each says that a customer buys at random at a rate of their own (Poisson, rates gamma-distributed with shape r and rate α)
until they leave for good, unseen; they differ in how customers leave. Given that a customer is still there, what was learned
of them is of the same form as what is known of anybody, with other parameters: `given_alive`. Times are in weeks.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from coterie.models.value.history import Counts, Floats, distinct

Theta = Sequence[Floats | float] | Floats
"""The parameters of a process in the order of its `symbols`: numbers, or an array with one for each customer."""
Objective = Callable[[Floats], tuple[float, Floats]]
"""Parameters → the log-likelihood and its derivative by the logarithm of each parameter."""


class Process(Protocol):
    """One model of buying and leaving."""

    @property
    def name(self) -> str: ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the parameters, all positive."""
        ...

    @property
    def scales(self) -> tuple[int, ...]:
        """1 for a parameter in weeks, 0 for a plain number."""
        ...

    @property
    def leaves(self) -> bool:
        """Whether customers can leave for good."""
        ...

    def starts(self, counts: Counts) -> list[Floats]:
        """Parameters to search from, the likeliest first."""
        ...

    def objective(self, counts: Counts) -> Objective:
        """The log-likelihood of these customers as a function of the parameters, with its gradient."""
        ...

    def alive(self, theta: Theta, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """The probability that a customer has not left by T."""
        ...

    def given_alive(self, theta: Theta, x: Floats, T: Floats) -> Theta:
        """The parameters of those who bought x times by T and are still there."""
        ...

    def expected_alive(self, theta: Theta, t: Floats | float) -> Floats:
        """Expected purchases in the next t of a customer who is there now."""
        ...

    def pmf_alive(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        """The probability of n purchases in the next t of a customer who is there now."""
        ...

    def draw_alive(self, theta: Theta, t: float, size: int, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        """Purchases in the next t, drawn for `size` customers who are there now."""
        ...

    def expected(self, theta: Theta, t: Floats | float) -> Floats:
        """Expected repeat purchases of a new customer in the t after the first purchase: E[X(t)]."""
        ...

    def pmf(self, theta: Theta, t: Floats | float, n: Floats | float) -> Floats:
        """The probability that a new customer makes n repeat purchases in the t after the first one: P(X(t) = n)."""
        ...


def conditional(process: Process, theta: Theta, t: float, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """Expected purchases in the t after T of customers with these histories: E[Y(t) | x, t_x, T]."""
    return process.alive(theta, x, t_x, T) * expected_given(process, theta, t, x, T)


def expected_given(process: Process, theta: Theta, t: float, x: Floats, T: Floats) -> Floats:
    """The same of those who are there at T: it depends on x and T only, so it is computed once for each."""
    (rows_x, rows_T), _, places = distinct(x, T)
    return process.expected_alive(process.given_alive(theta, rows_x, rows_T), t)[places]


def conditional_pmf(process: Process, theta: Theta, t: float, n: Floats | float, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """The probability of n purchases in the t after T of customers with these histories."""
    alive = process.alive(theta, x, t_x, T)
    found: Floats = alive * process.pmf_alive(process.given_alive(theta, x, T), t, n) + np.where(np.equal(n, 0), 1 - alive, 0.0)
    return found
