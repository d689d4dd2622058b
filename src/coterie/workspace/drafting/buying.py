"""What the data shows of how people buy: days between orders, orders per customer. Limits in drafted rules come from here."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coterie.sources.findings import Found
from coterie.sources.seen import NO_DAY, day_numbers

STEPS = (3, 5, 7, 10, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 270, 365, 545, 730, 1095, 1460)
"""Numbers of days that people use."""
ENOUGH = 30
"""Gaps from which their quantiles mean something."""


@dataclass(frozen=True, slots=True)
class Buying:
    """Orders in numbers.

    Attributes:
        span: days from the first to the last.
        gaps: days between an order and the one before (50 %, 80 %, 95 %), or None where too few came back.
        often: orders that a fifth of the buyers reach or exceed (at least 3).
        once: share of buyers with one order.
        active, cooling: limits in days: until when a customer counts as active, until when as cooling.
        new: days during which a first order counts as new.
        window: days of a short look back.
        weekend: share of orders on Saturday or Sunday.
        buyers: customers with an order; repeaters: with orders on two days or more.
        timed: the times have hours.
    """

    span: int
    gaps: tuple[int, int, int] | None
    often: int
    once: float
    active: int
    cooling: int
    new: int
    window: int
    weekend: float
    buyers: int = 0
    repeaters: int = 0

    @property
    def why(self) -> str:
        """The limits in words."""
        if self.gaps is None and self.span < 60:
            return f"The data is too short to tell a rhythm: {self.active} and {self.cooling} days are customary limits."
        if self.gaps is None:
            return (
                f"Too few customers came back to tell a rhythm; the limits are a quarter and a half of the {self.span:,} days "
                "that the data spans."
            )
        middle, most, nearly = self.gaps
        return (
            f"Half of all repeat orders came within {middle} days of the order before, 80 % within {most}, 95 % within "
            f"{nearly}: so {self.active} and {self.cooling} days are the limits."
        )


def step(days: float, *, up: bool = True) -> int:
    """The nearest number of days that people use, not below (or not above) the given one."""
    if up:
        return next((s for s in STEPS if s >= days), STEPS[-1])
    return next((s for s in reversed(STEPS) if s <= days), STEPS[0])


def buying(found: Found, value: str | None = None) -> Buying:
    """The rhythm of an event file's customers (days of the same customer count once).

    Args:
        found: the file.
        value: of the column that tells kinds apart (or states): only its rows.
    """
    assert found.customer is not None
    assert found.time is not None
    codes, days = found.file.columns[found.customer].codes, day_numbers(found.file.columns[found.time])
    good = (codes >= 0) & (days != NO_DAY)
    if found.cancelled is not None or found.free is not None:
        good &= _kept(found)
    column = found.kind or found.status
    if value is not None and column is not None:
        seen = found.file.columns[column]
        good &= np.isin(seen.codes, [i for i in range(seen.distinct) if str(seen.encoded[1][i].as_py()) == value])
    codes, days = codes[good], days[good]
    if not len(codes):
        return Buying(0, None, 3, 1.0, 30, 90, 14, 30, 0.0)
    pairs = np.unique(codes * np.int64(1_000_000) + days)
    who, when = pairs // 1_000_000, pairs % 1_000_000
    same = who[1:] == who[:-1]
    gaps = (when[1:] - when[:-1])[same]
    span = int(when.max() - when.min())
    each = np.bincount(who)
    each = each[each > 0]
    often = max(3, int(np.ceil(np.quantile(each, 0.8))))
    weekend = float(np.mean((when + 3) % 7 >= 5))
    once = float(np.mean(each == 1))
    came = (len(each), int(np.count_nonzero(each > 1)))
    window = 90 if span >= 180 else 30 if span >= 60 else 7
    if len(gaps) < ENOUGH:
        if span < 60:
            return Buying(span, None, often, once, 30, 90, 14, window, weekend, *came)
        active = step(span / 4)
        return Buying(span, None, often, once, active, step(2 * active), step(active / 3), window, weekend, *came)
    middle, most, nearly = (int(np.ceil(q)) for q in np.quantile(gaps, (0.5, 0.8, 0.95)))
    active = max(step(most), 7)
    if span >= 60:
        active = min(active, step(span / 3, up=False))
    cooling = max(step(nearly), step(active + 1))
    if span >= 90:
        cooling = max(min(cooling, step(2 * span / 3, up=False)), step(active + 1))
    new = min(max(step(middle), 7), active)
    return Buying(span, (middle, most, nearly), often, once, active, cooling, new, window, weekend, *came)


def _kept(found: Found) -> "npt.NDArray[np.bool_]":
    """Rows that are purchases (by the sign of the quantity or sum, which is what sets the others apart)."""
    amount = found.amount
    good = np.ones(len(found.file.columns[found.customer or ""].codes), np.bool_)
    if amount is None:
        return good
    for name in (amount.quantity, amount.price, amount.total):
        if name is not None:
            good &= ~(found.file.columns[name].numbers <= 0) if name != amount.total else ~(found.file.columns[name].numbers < 0)
    return good
