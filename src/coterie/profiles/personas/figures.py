"""The figures of a persona: a closed set of numbers about a group of customers, by which a playbook chooses.

Each is also known of everybody else, as `others_…`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.profiles import words
from coterie.profiles.intervals import Floats

Bools = npt.NDArray[np.bool_]
Unit = Literal["customers", "share", "money", "number", "days", "change"]
OTHERS = "others_"
YEAR, STARTED, OVERDUE = 365, 60, 2.0
"""Days of a year; whoever began within so many days is new; quiet for so many times the usual pause is overdue."""
LITTLE = 30
"""Of fewer customers than this little is said."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a figure is: its unit, and how it is made (of the event that customers are followed by, here `order`)."""

    unit: Unit
    about: str


FIGURES: Mapping[str, Meaning] = {
    "customers": Meaning("customers", "how many they are"),
    "share_of_customers": Meaning("share", "of all customers"),
    "revenue": Meaning("money", "the sum of the money trait"),
    "share_of_revenue": Meaning("share", "of the sum over all customers"),
    "revenue_per_customer": Meaning("money", "revenue / customers"),
    "average_order": Meaning("money", "the sum over all orders / their number"),
    "orders_per_customer": Meaning("number", "orders / customers"),
    "buyers": Meaning("share", "of them, who have ordered at all"),
    "one_order": Meaning("share", "of their buyers, who have ordered exactly once"),
    "started_lately": Meaning("share", f"of them, whose first order is at most {STARTED} days ago"),
    "median_days_quiet": Meaning("days", "days since the last order, over their buyers"),
    "median_days_between": Meaning("days", "each one's mean days between orders, over those with two or more"),
    "median_days_to_second": Meaning("days", "days from the first event to the second, over those with two or more"),
    "overdue": Meaning("share", "of those with two orders or more, who are quiet for twice as long as they usually were"),
    "growth": Meaning("change", "money of the last 365 days against that of the 365 before, of who has ordered for two years"),
    "discounted": Meaning("share", "share of what each bought that had a discount, mean over buyers"),
    "categories": Meaning("number", "different categories that each has bought of, mean over buyers"),
    "share_of_favourite": Meaning("share", "of what each bought, the kind of thing that they prefer more than others do, mean"),
    "lifetime_value": Meaning("money", "what the lifetime value model expects of each, mean"),
}
PLURAL = {"customers", "buyers", "categories", "orders_per_customer"}


@dataclass(frozen=True)
class People:
    """All customers as arrays (NaN where there is no value).

    Attributes:
        rows: how many; money: the money trait, exact (None where there is none).
        values: by name: `orders` (count), `spent` (money of all orders), `quiet` and `known` (days since the last and the
            first order), `year` and `before` (money of the last 365 days and the 365 before), `discounted` (0 to 1),
            `categories`, `lifetime`, `to_second` (days).
    """

    rows: int
    money: pa.ChunkedArray | None
    values: Mapping[str, Floats]
    whole: Decimal = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", Decimal(0) if self.money is None else total(self.money))

    def of(self, name: str, who: Bools) -> Floats:
        found = self.values.get(name)
        return np.zeros(0) if found is None else found[who]


def total(money: pa.ChunkedArray) -> Decimal:
    found = pc.sum(money).as_py()
    return Decimal(0) if found is None else Decimal(str(found))


Figures = Mapping[str, float | None]


def figures(people: People, inside: Bools, outside: Bools) -> dict[str, float | None]:
    """All figures of a group, and of everybody else; None where there is nothing to make one of."""
    others = _of(people, outside)
    return _of(people, inside) | {OTHERS + name: value for name, value in others.items()}


def _of(people: People, who: Bools) -> dict[str, float | None]:
    out: dict[str, float | None] = dict.fromkeys(FIGURES)
    n = int(np.count_nonzero(who))
    out["customers"] = n
    out["share_of_customers"] = _ratio(n, people.rows)
    if people.money is not None:
        money = total(people.money.filter(pa.array(who)))
        out["revenue"] = float(money)
        out["share_of_revenue"] = float(money / people.whole) if people.whole > 0 else None
        out["revenue_per_customer"] = float(money / n) if n else None
    orders, quiet, known = (people.of(name, who) for name in ("orders", "quiet", "known"))
    if len(orders):
        bought = orders > 0
        placed = float(np.nansum(orders))
        out["orders_per_customer"] = _ratio(placed, n)
        out["buyers"] = _ratio(np.count_nonzero(bought), n)
        out["one_order"] = _ratio(np.count_nonzero(orders == 1), np.count_nonzero(bought))
        out["average_order"] = _ratio(_sum(people.of("spent", who)), placed)
        repeated = orders >= 2
        gap = (known[repeated] - quiet[repeated]) / (orders[repeated] - 1)
        out["median_days_between"] = _median(gap)
        out["overdue"] = _ratio(np.count_nonzero(quiet[repeated] > OVERDUE * np.maximum(gap, 1)), np.count_nonzero(repeated))
    out["median_days_quiet"] = _median(quiet)
    if len(known):
        out["started_lately"] = _ratio(np.count_nonzero(known <= STARTED), n)
        long = known >= 2 * YEAR
        if np.count_nonzero(long) >= LITTLE:
            year, before = (np.nansum(people.of(name, who)[long]) if name in people.values else 0.0 for name in ("year", "before"))
            out["growth"] = float(year / before - 1) if before > 0 else None
    out["median_days_to_second"] = _median(people.of("to_second", who))
    out["discounted"], out["categories"], out["lifetime_value"] = (
        _mean(people.of(name, who)) for name in ("discounted", "categories", "lifetime")
    )
    return out


def _ratio(part: float | np.integer | None, whole: float | np.integer) -> float | None:
    return float(part) / float(whole) if whole and part is not None else None


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _sum(values: Floats) -> float | None:
    known = _known(values)
    return float(known.sum()) if len(known) else None


def _mean(values: Floats) -> float | None:
    known = _known(values)
    return float(known.mean()) if len(known) else None


def _median(values: Floats) -> float | None:
    known = _known(values)
    return float(np.median(known)) if len(known) else None


def said(name: str, value: float | None, currency: str | None) -> str:
    """A figure's value as people read it."""
    if value is None:
        return "–"
    match FIGURES[name.removeprefix(OTHERS)].unit:
        case "customers":
            return f"{value:,.0f}"
        case "share":
            return words.share(value)
        case "money":
            return words.money(Decimal(str(round(value, 2))), currency)
        case "days":
            return f"{value:,.0f} {'day' if round(value) == 1 else 'days'}"
        case "change":
            return words.change(value)
        case "number":
            return f"{value:,.1f}"


def called(name: str) -> str:
    """A figure's name in a sentence."""
    return name.replace("_", " ")
