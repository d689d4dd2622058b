"""A persona as a value: everything that is told of a group of customers, with the numbers behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from coterie.profiles.apart import Difference, Side
from coterie.profiles.findings import Number
from coterie.profiles.hidden import is_small
from coterie.profiles.personas.playbook import Strategy


@dataclass(frozen=True, slots=True)
class Group:
    """Customers to speak of.

    Attributes:
        name: as it is asked for (`lifestyle.mindful`); title: as it is called in a sentence.
        expression: what `coterie count` takes to count them.
        about: what the project says of them; "" where it says nothing.
        of: the segmentation, of a label.
        given: the title was given by people, and stays.
    """

    name: str
    title: str
    expression: str
    about: str = ""
    of: str = ""
    label: str = ""
    given: bool = True


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Liking:
    """A value that is a larger part of what a group's customers buy than of what others buy.

    Attributes:
        kind, column, value: `order_line`, `category`, `Beauty`; `expression` is each customer's share of it.
        inside, outside: its mean over members, over others (0 to 1), and over how many.
    """

    kind: str
    column: str
    value: str
    expression: str
    inside: float
    outside: float
    known: int


@dataclass(frozen=True, slots=True)
class Step:
    """A customer's first event and the second: kinds (None: there is no second), how many went so, and the median of the
    days between."""

    first: str
    second: str | None
    customers: int
    days: float | None


@dataclass(frozen=True, slots=True)
class Journey:
    """How a group's customers came, and where they move.

    Attributes:
        known: of how many there is a first event; steps: the most frequent first → second, most frequent first.
        since: the day from which moves are told, None where the record has no two days; came: from which label how many;
            went: to which.
    """

    known: int = 0
    steps: tuple[Step, ...] = ()
    since: datetime | None = None
    came: tuple[tuple[str, int], ...] = ()
    went: tuple[tuple[str, int], ...] = ()

    def shown(self, k: int) -> "Journey":
        """Without counts of 1 to k − 1."""
        came, went = (tuple(m for m in moves if not is_small(m[1], k)) for moves in (self.came, self.went))
        steps = tuple(s for s in self.steps if not is_small(s.customers, k))
        return Journey(0 if is_small(self.known, k) else self.known, steps, self.since, came, went)


@dataclass(frozen=True, slots=True)
class Kind:
    """Ten customers who stand for a group, or for its edge: the medians of their traits over all ten.

    Attributes:
        what: "typical" (nearest to the group's medians) or "extreme" (furthest in the directions that set it apart).
        values: by trait; ids: who they are, only where they were asked for.
    """

    what: str
    values: Mapping[str, float]
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Persona:
    """A group of customers as a persona.

    Attributes:
        group: who is meant; name: what it is called; short: what sets it apart, in a few words ("" where nothing does).
        customers, others, population: how many they are, how many everybody else, and all; of the rest it cannot be told.
        sentences: two, made of the numbers alone.
        apart: what clearly sets them apart, the largest difference first; `compared`: how many comparisons were made;
            by_definition: what the rule itself reads, which is left out.
        likings: what they buy more of than others; figures: by name (`figures.FIGURES`).
        journey, members, strategies: see there; strategies are empty for fewer than LITTLE customers.
        note: what limits all this; "" where nothing does.
    """

    group: Group
    name: str
    short: str
    customers: int
    others: int
    population: int
    currency: str | None
    sentences: tuple[Sentence, ...]
    apart: tuple[Difference, ...]
    compared: int
    by_definition: tuple[str, ...]
    likings: tuple[Liking, ...]
    figures: Mapping[str, float | None]
    journey: Journey
    members: tuple[Kind, ...]
    strategies: tuple[Strategy, ...]
    note: str = ""

    @property
    def unknown(self) -> int:
        """Of how many it cannot be told whether they belong to it."""
        return self.population - self.customers - self.others

    def to_json(self) -> dict[str, Any]:
        """Plain values; ids are in it only where they were asked for."""
        return {
            "persona": self.group.name,
            "name": self.name,
            "short": self.short,
            "expression": self.group.expression,
            "about": self.group.about,
            "customers": self.customers,
            "others": self.others,
            "cannot_tell": self.unknown,
            "population": self.population,
            "currency": self.currency,
            "note": self.note,
            "sentences": [{"text": s.text, "numbers": [_number(n) for n in s.numbers]} for s in self.sentences],
            "comparisons": self.compared,
            "apart": [_difference(d) for d in self.apart],
            "by_definition": list(self.by_definition),
            "likings": [
                {
                    "kind": one.kind,
                    "column": one.column,
                    "value": one.value,
                    "expression": one.expression,
                    "inside": one.inside,
                    "outside": one.outside,
                    "known": one.known,
                }
                for one in self.likings
            ],
            "figures": dict(self.figures),
            "journey": {
                "known": self.journey.known,
                "steps": [
                    {"first": s.first, "second": s.second, "customers": s.customers, "days": s.days} for s in self.journey.steps
                ],
                "since": None if self.journey.since is None else self.journey.since.isoformat() + "Z",
                "came": [{"label": label, "customers": n} for label, n in self.journey.came],
                "went": [{"label": label, "customers": n} for label, n in self.journey.went],
            },
            "members": [
                {"what": m.what, "values": dict(m.values), **({"ids": list(m.ids)} if m.ids else {})} for m in self.members
            ],
            "strategies": [
                {
                    "play": s.play.name,
                    "message": s.play.message,
                    "offer": s.play.offer,
                    "channel": s.play.channel,
                    "metric": s.play.metric,
                    "because": dict(s.evidence),
                }
                for s in self.strategies
            ],
        }


def _number(n: Number) -> dict[str, Any]:
    value = n.value if isinstance(n.value, int | float) else float(n.value)
    return {"value": value, "unit": n.unit, "formula": n.formula, **({"expression": n.expression} if n.expression else {})}


def _difference(d: Difference) -> dict[str, Any]:
    def of(s: Side) -> dict[str, Any]:
        median = s.median.isoformat() if isinstance(s.median, date) else s.median
        return {"known": s.known, "median": median, "mean": s.mean, "having": s.having, "share": s.share}

    return {
        "column": d.column,
        "value": d.value,
        "shape": d.shape,
        "members": of(d.members),
        "others": of(d.others),
        "effect": d.effect,
        "low": d.low,
        "high": d.high,
    }
