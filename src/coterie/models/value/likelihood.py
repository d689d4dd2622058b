"""Maximum likelihood of a process on distinct histories, with standard errors.

The search runs over the logarithms of the parameters, with time counted in mean lengths of observation, so that the units of
the data make no difference: L-BFGS-B with the analytic gradient, then Newton steps, whose Hessian (central differences of the
gradient) gives the standard errors as well. Of many customers a sample is searched and says how the likelihood is curved; only
the Newton steps are taken on all, a handful of evaluations.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from coterie.core.errors import DidNotConverge
from coterie.models.value.history import Counts, Floats
from coterie.models.value.process import Objective, Process

SAMPLE = 40_000
"""Customers the search looks at; the rest only settle where exactly the top is. Curvature, and with it standard errors, are good
to 1–2 % at this size."""
LOWEST, HIGHEST = np.log(1e-6), np.log(1e5)
"""Bounds of the logarithm of a parameter. At a bound it is not identified."""
SETTLED = 1e-7
"""When a step promises less than this of the log-likelihood, the top is reached."""
_STEP = 1e-4
_NEWTON = 12


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where a likelihood is greatest.

    Attributes:
        theta: the parameters, per week.
        se: their standard errors by the delta method; infinite where the likelihood is flat.
        log_likelihood: at the maximum, time in weeks.
        flat: the symbols whose value the data do not settle (at a bound, or with a standard error above the value twice over).
        evaluations: how often the likelihood of all customers was computed.
    """

    theta: Floats
    se: Floats
    log_likelihood: float
    flat: tuple[str, ...]
    evaluations: int


def maximise(process: Process, counts: Counts, start: Floats | None = None) -> Maximum:
    """Find the maximum. `start` (parameters per week) saves the search where a fit of similar data is at hand.

    Raises:
        DidNotConverge: no start leads anywhere finite.
    """
    length = max(float(counts.n @ counts.T) / counts.customers, 1e-9)
    units = np.where(np.array(process.scales) == 1, length, 1.0)
    scaled = Counts(counts.x, counts.t_x / length, counts.T / length, counts.n)
    part = scaled.sample(SAMPLE, seed=0)
    starts = process.starts(part) if start is None else [start / units]
    whole = process.objective(scaled), scaled.customers
    climbed = climb(whole, starts, whole if part is scaled else (process.objective(part), part.customers))
    if climbed is None:
        raise DidNotConverge(
            f"{process.name} found no maximum of the likelihood of {counts.customers:,.0f} customers",
            hint="look at the histories: are there customers with repeat purchases, and is time counted from the first order on?",
        )
    theta = climbed.theta * units
    value = climbed.value - float(counts.n @ counts.x) * float(np.log(length))
    return Maximum(theta, climbed.relative_error * theta, value, climbed.flat(process.symbols), climbed.evaluations)


@dataclass(frozen=True, slots=True)
class Climbed:
    """The top of a likelihood, before units are put back: `relative_error` is the standard error of log θ."""

    theta: Floats
    value: float
    relative_error: Floats
    at_bound: npt.NDArray[np.bool_]
    evaluations: int

    def flat(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        rows = zip(symbols, self.relative_error, self.at_bound, strict=True)
        return tuple(symbol for symbol, error, bound in rows if bound or error > 2)


Sized = tuple[Objective, float]
"""A log-likelihood and of how many customers it is."""


def climb(whole: Sized, starts: list[Floats], sample: Sized) -> Climbed | None:
    """Search on a sample (or all again) from the starts, then settle on all; None when no start leads anywhere."""
    objective, searched = _Bounded(whole[0]), _Bounded(sample[0])
    best = _search(searched, starts, sample[1])
    if best is None:
        return None
    top, value, hessian = _newton(objective, best, lambda logs: _hessian(searched, logs) * (whole[1] / sample[1]))
    at_bound = (top < LOWEST + 1e-3) | (top > HIGHEST - 1e-3)
    return Climbed(np.exp(top), value, _errors(hessian), at_bound, objective.times)


class _Bounded:
    """An objective of log-parameters that never gives NaN (impossible is −∞) and knows how often it was asked."""

    def __init__(self, objective: Objective):
        self.objective, self.times = objective, 0

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        self.times += 1
        with np.errstate(all="ignore"):
            value, slope = self.objective(np.exp(np.clip(logs, LOWEST, HIGHEST)))
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return -np.inf, np.zeros(len(logs))
        return value, slope


Valued = Callable[[Floats], tuple[float, Floats]]


def _search(objective: Valued, starts: list[Floats], customers: float) -> Floats | None:
    """The best end of L-BFGS-B from the starts; one start is enough when it ends inside the bounds."""

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, slope = objective(logs)
        return (-value / customers, -slope / customers) if np.isfinite(value) else (1e10, np.zeros(len(logs)))

    best, least = None, np.inf
    for start in starts:
        found = minimize(
            loss, np.clip(np.log(start), LOWEST, HIGHEST), jac=True, method="L-BFGS-B", bounds=[(LOWEST, HIGHEST)] * len(start),
            options={"ftol": 1e-8, "gtol": 1e-5, "maxiter": 500},
        )  # fmt: skip
        if found.fun < min(least, 1e9):
            best, least = found.x, float(found.fun)
        if best is not None and _inside(best) and found.success:
            break
    return best


def _inside(logs: Floats) -> bool:
    return bool((logs > LOWEST + 1e-3).all() and (logs < HIGHEST - 1e-3).all() and (np.abs(logs) < np.log(1e3)).all())


def _newton(objective: Valued, logs: Floats, curvature: Callable[[Floats], Floats]) -> tuple[Floats, float, Floats]:
    """Newton steps uphill while they lead up → where, how high, and the Hessian there."""
    value, slope = objective(logs)
    hessian, at = curvature(logs), logs
    for _ in range(_NEWTON):
        step = _uphill(hessian, slope)
        if step is None or slope @ step < SETTLED:
            break
        for shorter in (1.0, 0.25, 0.05):
            new = np.clip(logs + shorter * step, LOWEST, HIGHEST)
            new_value, new_slope = objective(new)
            if new_value > value:
                break
        else:
            break
        logs, value, slope = new, new_value, new_slope
        if np.abs(logs - at).max() > 0.02:  # nearer than that the Hessian is still the same, to what it is needed for
            hessian, at = curvature(logs), logs
    return logs, value, hessian


def _uphill(hessian: Floats, slope: Floats) -> Floats | None:
    """The Newton step, where the likelihood is curved down in all directions."""
    try:
        np.linalg.cholesky(-hessian)
    except np.linalg.LinAlgError:
        return None
    step: Floats = np.linalg.solve(-hessian, slope).astype(np.float64)
    return step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))


def _hessian(objective: Valued, logs: Floats) -> Floats:
    rows = []
    for i in range(len(logs)):
        move = np.zeros(len(logs))
        move[i] = _STEP
        rows.append((objective(logs + move)[1] - objective(logs - move)[1]) / (2 * _STEP))
    found = np.array(rows)
    return (found + found.T) / 2


def _errors(hessian: Floats) -> Floats:
    """Standard errors of log θ; what is flat in one direction only leaves the others with theirs."""
    values, vectors = np.linalg.eigh(-hessian)
    usable = values > max(1e-8 * float(np.abs(values).max()), 1e-9)
    squares = vectors**2
    known = squares[:, usable] @ (1 / values[usable])
    found: Floats = np.sqrt(np.where(squares[:, ~usable].max(axis=1, initial=0.0) > 1e-6, np.inf, known))
    return found
