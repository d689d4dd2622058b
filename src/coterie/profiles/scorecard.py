"""How good a segment is to work with: six marks, each with the number behind it, where the limits are, and what to do.

The six are what marketing asks of a segment (Kotler): measurable, substantial, reachable (accessible), distinct
(differentiable), stable and actionable. Limits of effects are the customary ones for Cliff's delta (Romano et al. 2006: .147
is small, .33 medium); groups that are found again with a Jaccard similarity of .75 count as stable, below .6 as not to be
trusted (Hennig 2007).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, sqrt
from typing import Literal

from coterie.core.words import counted
from coterie.language.shown import plain
from coterie.profiles.apart import Apart, Difference
from coterie.profiles.intervals import two_sided
from coterie.profiles.quality import Coverage
from coterie.profiles.words import share

Colour = Literal["green", "amber", "red", "cannot tell"]
Criterion = Literal["measurable", "substantial", "reachable", "distinct", "stable", "actionable"]
CRITERIA: tuple[Criterion, ...] = ("measurable", "substantial", "reachable", "distinct", "stable", "actionable")

UNTOLD = 0.1, 0.3
"""Of all customers those who cannot be told: up to the first green, above the second red."""
LITTLE_KNOWN = 0.5
PEOPLE = 100, 30
"""Members: from the first on green, below the second red."""
PART = 0.02, 0.005
"""Of customers or of the money, whichever is more."""
REACHED = 0.5, 0.2
SMALL, SMALLER = 0.147, 0.05
"""Effects: a difference that holds is green from the first on, red below the second."""
SHARED = 0.6, 0.8
"""Members in common with another segment, of those in either."""
LEAVING = 0.1, 0.3
"""Of the members those who leave within 30 days."""
FOUND_AGAIN = 0.75, 0.6
QUIET = 60.0
"""Days without any movement from which on a segment that nothing names is stale."""
MONTH = 30.0
Z = two_sided(0.95)


@dataclass(frozen=True, slots=True)
class Money:
    """The money trait over members and over everybody else: its sum, and the sum of its squares."""

    name: str
    inside: float
    outside: float
    squares_inside: float
    squares_outside: float

    def part(self) -> tuple[float, float, float]:
        """The members' share of all of it, with its 95 % interval: who is a member is taken as drawn for each customer alone."""
        whole = self.inside + self.outside
        if whole <= 0:
            return 0.0, 0.0, 0.0
        p = self.inside / whole
        error = sqrt((1 - p) ** 2 * self.squares_inside + p * p * self.squares_outside) / whole
        return p, max(0.0, p - Z * error), min(1.0, p + Z * error)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to members: how many of them have what it takes (`identifier`), and agreed where a column says so (`consent`)."""

    name: str
    identifier: str
    consent: str | None
    reached: int


@dataclass(frozen=True, slots=True)
class Stay:
    """Members between two recorded days: how many there were on the first, how many of them had left by the second, and how many
    others had come."""

    since: datetime
    until: datetime
    before: int
    left: int
    entered: int = 0

    @property
    def days(self) -> float:
        return (self.until - self.since).total_seconds() / 86_400


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a segment.

    Attributes:
        population, members, unknown: customers; all, in, and those who cannot be told.
        missing: of those who cannot be told, by the name that is missing.
        reads: coverage of the columns that the rule reads.
        money: None without a trait of money; channels: None where no column leads to a customer.
        siblings: by other segment: (members of both, its members).
        apart: against everybody else; metrics: the traits in it that measure what customers do.
        stays: between recorded days; found_again: of a fitted group, how alike it is when learned from other customers.
        used_by: definitions that name it.
    """

    segment: str
    population: int
    members: int
    unknown: int
    missing: Mapping[str, int]
    reads: Sequence[Coverage]
    money: Money | None
    channels: Sequence[Channel] | None
    siblings: Mapping[str, tuple[int, int]]
    apart: Apart
    metrics: frozenset[str]
    stays: Sequence[Stay] = ()
    found_again: float | None = None
    used_by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """One of the six.

    Attributes:
        value: the number it is judged by; low, high: its 95 % interval, None where it has none.
        number: the same in words; limits: where green ends and red begins; suggestion: what to do, "" where all is well.
    """

    criterion: Criterion
    colour: Colour
    value: float | None
    number: str
    limits: str
    suggestion: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The six marks of a segment, in the order of `CRITERIA`; `stale`: why it may be of no use any more, "" where it is not."""

    segment: str
    marks: tuple[Mark, ...]
    stale: str = ""

    def __getitem__(self, criterion: str) -> Mark:
        return next(m for m in self.marks if m.criterion == criterion)

    def of(self, colour: Colour) -> tuple[Mark, ...]:
        """The marks of a colour."""
        return tuple(m for m in self.marks if m.colour == colour)

    @property
    def advice(self) -> str:
        """The suggestion of the gravest mark; "" where all is well."""
        return next((m.suggestion for c in ("red", "amber") for m in self.marks if m.colour == c), "")


def scorecard(e: Evidence) -> Scorecard:
    """Mark a segment by what is known of it."""
    if not e.members:
        nobody = [Mark(c, "cannot tell", None, "nobody is in it", "") for c in CRITERIA if c not in ("measurable", "substantial")]
        return Scorecard(e.segment, (measurable(e), substantial(e), *nobody))
    made = (measurable, substantial, reachable, distinct, stable, actionable)
    return Scorecard(e.segment, tuple(mark(e) for mark in made), stale(e))


def stale(e: Evidence) -> str:
    """Why a segment may be stale: for so long its rule is the same, nothing else names it, and nobody came or left."""
    quiet = 0.0
    for stay in reversed(e.stays):
        if stay.left or stay.entered:
            break
        quiet += stay.days
    if quiet < QUIET or e.used_by:
        return ""
    return f"nobody has come or left for {quiet:,.0f} days, the rule has not changed since, and nothing else names it"


def measurable(e: Evidence) -> Mark:
    """Whether it can be told who is in it."""
    value = e.unknown / e.population if e.population else 0.0
    limits = f"green up to {share(UNTOLD[0])} who cannot be told, red above {share(UNTOLD[1])}"
    least = min((c for c in e.reads if not c.nothing), key=lambda c: c.share, default=None)
    number = f"{share(value)} cannot be told"
    if least is not None:
        number += f"; {plain(least.column)} is known of {share(least.share)}"
    colour = _falling(value, UNTOLD)
    if colour == "green" and least is not None and least.share < LITTLE_KNOWN:
        colour = "amber"
    blamed = max(e.missing, key=lambda n: e.missing[n], default=None if least is None else least.column)
    if colour == "green" or blamed is None:
        return Mark("measurable", colour, value, number, limits)
    suggestion = f"Collect {plain(blamed)}, or say in the rule what holds without it: `{blamed} is known and …`."
    return Mark("measurable", colour, value, number, limits, suggestion)


def substantial(e: Evidence) -> Mark:
    """Whether there are enough of them, or of what they spend."""
    of_all = e.members / e.population if e.population else 0.0
    number, part, low, high = f"{counted(e.members, 'customer')}, {share(of_all)}", of_all, None, None
    if e.money is not None:
        p, low, high = e.money.part()
        number += f"; {share(p)} of {plain(e.money.name)} ({share(low)} to {share(high)})"
        part = max(of_all, low)
    limits = (
        f"green from {PEOPLE[0]} customers and {share(PART[0])} of customers or money on, "
        f"red below {PEOPLE[1]} or {share(PART[1])} of both"
    )
    if e.members < PEOPLE[1] or part < PART[1]:
        colour: Colour = "red"
    else:
        colour = "green" if e.members >= PEOPLE[0] and part >= PART[0] else "amber"
    suggestion = "" if colour == "green" else "Widen the rule, or merge it with a segment that is treated alike."
    return Mark("substantial", colour, of_all, number, limits, suggestion, low, high)


def reachable(e: Evidence) -> Mark:
    """Whether they can be written to or called."""
    limits = f"green from {share(REACHED[0])} on one channel on, red below {share(REACHED[1])}"
    if not e.channels:
        what = "no e-mail address, phone number or address is among the columns of customers"
        return Mark("reachable", "cannot tell", None, what, limits, "Add a column by which customers are reached, such as email.")
    ranked = sorted(e.channels, key=lambda c: -c.reached)
    best = ranked[0]
    value = best.reached / e.members
    number = "; ".join(
        f"{share(c.reached / e.members)} by {c.name}" + (f" ({plain(c.consent)})" if c.consent else "") for c in ranked
    )
    colour = _rising(value, REACHED)
    suggestion = ""
    if colour != "green":
        asked = f"Ask for {plain(best.consent)}" if best.consent else f"Collect {plain(best.identifier)}"
        suggestion = f"{asked} of these customers, or meet them where they are: on the site, with the parcel, in the store."
    return Mark("reachable", colour, value, number, limits, suggestion)


def distinct(e: Evidence) -> Mark:
    """Whether they are unlike everybody else, and not the members of another segment once more."""
    limits = (
        f"green from a clear difference of {SMALL:g} on (Cliff's delta), red where {PEOPLE[0]} members show none of {SMALLER:g}; "
        f"amber from {share(SHARED[0])} members in common with another segment on, red from {share(SHARED[1])}"
    )
    twin, alike = "", 0.0
    for other, (both, size) in e.siblings.items():
        either = e.members + size - both
        if either and both / either > alike:
            twin, alike = other, both / either
    same: Colour = "red" if alike >= SHARED[1] else "amber" if alike >= SHARED[0] else "green"
    in_common = f"; {share(alike)} in common with {twin}" if twin else ""
    if e.apart.why_not:
        colour: Colour = same if same != "green" else "cannot tell"
        return Mark("distinct", colour, None, e.apart.why_not + in_common, limits, _twin(twin) if same != "green" else "")
    best = _largest(e.apart.differences)
    if best is None:
        colour = _worse(_unclear(e), same)
        suggestion = _twin(twin) if same == colour else _unlike() if colour == "red" else _wait()
        return Mark("distinct", colour, 0.0, "no difference is clear" + in_common, limits, suggestion)
    colour = _worse(_effect(best), same)
    suggestion = "" if colour == "green" else _twin(twin) if same == colour else _unlike()
    number = f"{_said(best)}{in_common}"
    return Mark("distinct", colour, best.effect, number, limits, suggestion, best.low, best.high)


def stable(e: Evidence) -> Mark:
    """Whether members stay, and whether a fitted group is found again."""
    limits = f"green up to {share(LEAVING[0])} leaving within 30 days, red surely above {share(LEAVING[1])}"
    if e.found_again is not None:
        limits += f"; a fitted group found again: green from {FOUND_AGAIN[0]:g} on, red below {FOUND_AGAIN[1]:g}"
    colours: list[Colour] = []
    said, value, low, high = [], None, None, None
    exposed = sum(s.before * s.days for s in e.stays)
    if exposed:
        left = sum(s.left for s in e.stays)
        # Leaving as a Poisson count over the days of membership; 2·√(n + 3/8) has a standard deviation of 1 (Anscombe).
        root = sqrt(left + 0.375)
        rates = [max(0.0, r) / exposed for r in (left, max(0.0, root - Z / 2) ** 2 - 0.375, (root + Z / 2) ** 2 - 0.375)]
        value, low, high = (1 - exp(-MONTH * r) for r in rates)
        colours.append("green" if value <= LEAVING[0] else "red" if low > LEAVING[1] else "amber")
        said.append(f"{share(value)} of the members leave within 30 days ({share(low)} to {share(high)})")
    if e.found_again is not None:
        colours.append(_rising(e.found_again, FOUND_AGAIN))
        said.append(f"found again with a similarity of {e.found_again:.2f}")
    if not colours:
        why = "fewer than two days are recorded"
        return Mark("stable", "cannot tell", None, why, limits, "Run every day, or fill in the past: `coterie run --since DATE`.")
    colour = max(colours, key=_GRAVITY.index)
    suggestion = ""
    if colour != "green":
        again = e.found_again is not None and _rising(e.found_again, FOUND_AGAIN) == colour
        suggestion = (
            "Learn fewer groups, or from fewer traits, and do not build plans on this one yet."
            if again
            else "Send at once and export afresh each time; for longer plans lengthen the windows of its rule."
        )
    return Mark("stable", colour, e.found_again if value is None else value, "; ".join(said), limits, suggestion, low, high)


def actionable(e: Evidence) -> Mark:
    """Whether they do something in another measure than everybody else, beside what the rule asks for."""
    limits = (
        f"green from a clear difference of {SMALL:g} on in what customers do (Cliff's delta), "
        f"red where {PEOPLE[0]} members show none of {SMALLER:g}"
    )
    if e.apart.why_not:
        return Mark("actionable", "cannot tell", None, e.apart.why_not, limits)
    measured = [d for d in e.apart.differences if d.column in e.metrics]
    if not measured:
        own = sorted(e.metrics & set(e.apart.by_definition))
        if own:
            number = f"they differ in {plain(own[0])}, which the rule itself asks for; nothing else is measured"
            return Mark("actionable", "amber", None, number, limits, "Measure what comes of it: a trait such as count(order).")
        why = "no trait measures what customers do"
        return Mark("actionable", "cannot tell", None, why, limits, "Add one, such as revenue: sum(order.amount).")
    best = _largest(measured)
    suggestion = "Treat these customers as everybody else, or split them by what they do."
    if best is None:
        nearest = max(measured, key=lambda d: abs(d.effect))
        number = f"no difference is clear; the largest: {_said(nearest)}"
        colour = _unclear(e)
        said = suggestion if colour == "red" else _wait()
        return Mark("actionable", colour, nearest.effect, number, limits, said, nearest.low, nearest.high)
    colour = _effect(best)
    said = suggestion if colour != "green" else ""
    return Mark("actionable", colour, best.effect, _said(best), limits, said, best.low, best.high)


_GRAVITY: tuple[Colour, ...] = ("cannot tell", "green", "amber", "red")


def _worse(a: Colour, b: Colour) -> Colour:
    return max(a, b, key=_GRAVITY.index)


def _falling(value: float, limits: tuple[float, float]) -> Colour:
    return "green" if value <= limits[0] else "red" if value > limits[1] else "amber"


def _rising(value: float, limits: tuple[float, float]) -> Colour:
    return "green" if value >= limits[0] else "red" if value < limits[1] else "amber"


def _largest(differences: Sequence[Difference]) -> Difference | None:
    """The largest of those that hold."""
    return max((d for d in differences if d.holds), key=lambda d: abs(d.effect), default=None)


def _effect(d: Difference) -> Colour:
    return _rising(abs(d.effect), (SMALL, SMALLER))


def _unclear(e: Evidence) -> Colour:
    """Where no difference is clear: of so many members a medium one would have been, of fewer it may be hidden."""
    return "red" if e.members >= PEOPLE[0] else "amber"


def _said(d: Difference) -> str:
    what = plain(d.column) if d.value in (None, "true") else f"{plain(d.column)} {d.value}"
    more = "more" if d.effect > 0 else "less"
    if d.shape == "day":
        more = "later" if d.effect > 0 else "earlier"
    if d.members.share is not None and d.others.share is not None:
        return f"{what}: {share(d.members.share)} against {share(d.others.share)} (effect {d.effect:+.2f}, {_between(d)})"
    return f"{more} {what} (effect {d.effect:+.2f}, {_between(d)})" if d.shape == "number" else f"{what} {more} ({_between(d)})"


def _between(d: Difference) -> str:
    return f"{d.low:+.2f} to {d.high:+.2f}"


def _twin(other: str) -> str:
    return f"Keep one of the two: {other} has nearly the same members."


def _wait() -> str:
    return "Too few members for anything but a large difference to show: widen the rule, or wait for more."


def _unlike() -> str:
    return "Ask for something else: by this rule they are like everybody."
