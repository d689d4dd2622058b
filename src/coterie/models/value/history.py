"""What a customer's orders come down to: x repeat purchases, the last of them at t_x, all of it seen until T.

x, t_x and T are sufficient for every model here (Fader, Hardie, Lee: "Counting Your Customers" the Easy Way, Marketing
Science 24 (2005), section 3), and many customers share the same three.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coterie.core.errors import ModelError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
WEEK = 7.0
_BITS = 21


@dataclass(frozen=True, slots=True)
class History:
    """Customers, one a place in each array.

    Attributes:
        x: days with an order after the day of the first one (repeat purchases), 0 or more.
        t_x: time from the first order to the last, 0 where x = 0.
        T: time from the first order to the end of what was seen.
        spend: mean value of a repeat purchase; not looked at where x = 0.
        unit: the days in one unit of t_x and T: 1 for days, 7 for weeks.

    Raises:
        ModelError: the arrays differ in length, or a customer is impossible (x < 0, t_x > T, a number that is missing).
    """

    x: Floats
    t_x: Floats
    T: Floats
    spend: Floats
    unit: float = 1.0

    def __post_init__(self) -> None:
        for name in ("x", "t_x", "T", "spend"):
            object.__setattr__(self, name, np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64)))
        if len({len(self.x), len(self.t_x), len(self.T), len(self.spend)}) != 1:
            raise ModelError("x, t_x, T and spend of a history differ in length", hint="give one value per customer in each")
        x, t_x, age = self.x, self.t_x, self.T
        possible = np.isfinite(x) & (x >= 0) & (x == np.floor(x)) & np.isfinite(age) & (t_x >= 0) & (t_x <= age)
        possible &= (x > 0) | (t_x == 0)
        possible &= (x == 0) | np.isfinite(self.spend)
        if not possible.all():
            i = int(np.argmin(possible))
            raise ModelError(
                f"{int((~possible).sum()):,} of {len(x):,} histories cannot be, the first at place {i}: "
                f"x {x[i]:g}, t_x {t_x[i]:g}, T {age[i]:g}, spend {self.spend[i]:g}",
                hint="x is a whole number from 0 on, 0 ≤ t_x ≤ T, t_x is 0 without a repeat purchase, spend is a number with one",
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def repeaters(self) -> int:
        """How many customers bought on a second day."""
        return int(np.count_nonzero(self.x))

    def some(self, places: slice | Integers) -> "History":
        """The customers at these places."""
        return History(self.x[places], self.t_x[places], self.T[places], self.spend[places], self.unit)

    def weeks(self) -> tuple[Floats, Floats, Floats]:
        """x, t_x and T in weeks, the unit of all parameters here, so that they compare with published ones."""
        scale = self.unit / WEEK
        return self.x, self.t_x * scale, self.T * scale

    def counts(self) -> "Counts":
        """The distinct (x, t_x, T), in weeks, each with the number of customers that have it."""
        if len(self) == 0:
            return Counts(self.x, self.t_x, self.T, np.empty(0))
        (x, age, t_x), n, _ = self._rows(places=False)
        return Counts(x, t_x / WEEK, age / WEEK, n.astype(np.float64))

    def distinct(self) -> tuple[tuple[Floats, Floats, Floats], Integers]:
        """The distinct x, t_x, T (weeks), and for each customer the place of theirs: compute on these, then spread."""
        if len(self) == 0:
            return (self.x, self.t_x, self.T), np.empty(0, dtype=np.int64)
        (x, age, t_x), _, places = self._rows(places=True)
        return (x, t_x / WEEK, age / WEEK), places

    def _rows(self, *, places: bool) -> tuple[tuple[Floats, Floats, Floats], Integers, Integers]:
        """Distinct x, T, t_x in days, in that order, how many have each, and who has which (where asked)."""
        days, last = self.T * self.unit, self.t_x * self.unit
        packed = _packed(self.x, days, last)
        if packed is None:
            columns, n, spread = distinct(self.x, days, last)
            return (columns[0], columns[1], columns[2]), n, spread
        spread = np.empty(0, dtype=np.int64)
        if places:
            rows, spread, n = np.unique(packed, return_inverse=True, return_counts=True)
        else:
            rows, n = np.unique(packed, return_counts=True)
        low = (1 << _BITS) - 1
        x, age, t_x = (((rows >> shift) & low).astype(np.float64) for shift in (2 * _BITS, _BITS, 0))
        return (x, age, t_x), n, spread


@dataclass(frozen=True, slots=True)
class Counts:
    """Distinct histories with how many customers have each: x, t_x, T (weeks) and n, in order of x, T, t_x."""

    x: Floats
    t_x: Floats
    T: Floats
    n: Floats

    @property
    def customers(self) -> float:
        return float(self.n.sum())

    def sample(self, size: int, seed: int) -> "Counts":
        """About `size` customers of them, drawn at random; all where there are not more."""
        if self.customers <= size:
            return self
        drawn = np.random.default_rng(seed).binomial(self.n.astype(np.int64), size / self.customers)
        kept = drawn > 0
        return Counts(self.x[kept], self.t_x[kept], self.T[kept], drawn[kept].astype(np.float64))


def _packed(x: Floats, age: Floats, t_x: Floats) -> Integers | None:
    """The three as one whole number, where times are whole days and none is too large: sorting one is several times faster.
    Weeks made by dividing days by 7 are whole days again but for rounding."""
    days, last = np.rint(age), np.rint(t_x)
    if max(x.max(), days.max()) >= 1 << _BITS or np.abs(age - days).max() > 1e-6 or np.abs(t_x - last).max() > 1e-6:
        return None
    parts = [part.astype(np.int64) for part in (x, days, last)]
    packed: Integers = parts[0] << 2 * _BITS | parts[1] << _BITS | parts[2]
    return packed


def distinct(*columns: Floats) -> tuple[tuple[Floats, ...], Integers, Integers]:
    """The distinct rows of a few columns in order, how many places have each, and for each place its row."""
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), dtype=bool)
    new[:1] = True
    for column in columns:
        new[1:] |= np.diff(column[order]) != 0
    starts = np.flatnonzero(new)
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.cumsum(new) - 1
    return tuple(column[order[starts]] for column in columns), np.diff(np.append(starts, len(order))), places
