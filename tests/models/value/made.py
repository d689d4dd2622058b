"""Customers drawn from a model, for tests: what was seen of them until T, and what they did and spent after it."""

from dataclasses import dataclass

import numpy as np

from coterie.models.value.history import WEEK, Floats, History


@dataclass(frozen=True)
class Made:
    """Histories in days, orders and value within the horizon after T, and who was still there at T."""

    history: History
    orders: Floats
    value: Floats
    alive: np.ndarray


def customers(
    process: str,
    theta: tuple[float, ...],
    n: int,
    seed: int,
    horizon: float = 52.0,
    spend: tuple[float, float, float] = (6.25, 3.74, 15.44),
    seen: tuple[float, float] = (20.0, 80.0),
) -> Made:
    """n customers of "bg", "mbg", "pareto" or "nbd", seen for a time drawn from `seen` (weeks); spend by Gamma-Gamma.

    Every purchase is simulated one by one, which shares nothing with the code under test.
    """
    draw = np.random.default_rng(seed)
    rates = draw.gamma(theta[0], 1 / theta[1], n)
    T = np.ceil(draw.uniform(*seen, n) * WEEK) / WEEK
    p, q, v = spend
    scale = 1 / draw.gamma(q, 1 / v, n)  # of an order's value
    x, t_x, orders = np.zeros(n), np.zeros(n), np.zeros(n)
    alive = np.zeros(n, dtype=bool)
    for i in range(n):
        chance = draw.beta(theta[2], theta[3]) if process in ("bg", "mbg") else 0.0
        end = draw.exponential(1 / draw.gamma(theta[2], 1 / theta[3])) if process == "pareto" else np.inf
        until = T[i] + horizon
        time, there = 0.0, not (process == "mbg" and draw.random() < chance)
        alive[i] = there and end > T[i]
        while there:
            time += draw.exponential(1 / rates[i]) if rates[i] > 1e-12 else np.inf
            if time > min(until, end):
                break
            if time <= T[i]:
                x[i], t_x[i] = x[i] + 1, time
            else:
                orders[i] += 1
            if draw.random() < chance:
                there = False
                alive[i] = time > T[i]
    means = np.where(x > 0, draw.gamma(p * np.maximum(x, 1)) * scale / np.maximum(x, 1), 0.0)
    value = np.where(orders > 0, draw.gamma(p * np.maximum(orders, 1)) * scale, 0.0)
    return Made(History(x, t_x * WEEK, T * WEEK, means), orders, value, alive)
