"""What to do about a group: plays that fit its figures, each with the figures that made it fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from coterie.core.definition import Written
from coterie.language.check import Checked, check
from coterie.language.evaluate import Customer, World, evaluate, truth
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, Scope
from coterie.language.types import BOOLEAN, FLOAT
from coterie.profiles.personas.figures import FIGURES, OTHERS, Figures

SCOPE = Scope({prefix + name: ColumnInfo(FLOAT) for prefix in ("", OTHERS) for name in FIGURES}, {})
"""What a `when` may name."""
NO_DAY = World(datetime.min)
"""Figures have no time: nothing in a `when` can ask for the day."""


@dataclass(frozen=True, slots=True)
class Play:
    """One play of a playbook.

    Attributes:
        name: of the play; when: a condition over the figures of a persona, checked.
        message, offer, channel: what to say, what to give (may be nothing), and where.
        metric: what to watch, to see whether it worked.
    """

    name: str
    when: Checked
    message: str
    offer: str
    channel: str
    metric: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """A play that fits, and why: the figures that its condition reads, with their values."""

    play: Play
    evidence: tuple[tuple[str, float], ...]


def play(name: str, when: Written, *, message: str, offer: str, channel: str, metric: str) -> Play:
    """A play with its condition checked.

    Raises:
        DefinitionError: the condition cannot be read, or names what is no figure.
    """
    return Play(name, check(parse(when.origin), SCOPE, when.origin, expected=BOOLEAN), message, offer, channel, metric)


def fitting(plays: Sequence[Play], figures: Figures) -> tuple[Strategy, ...]:
    """The plays whose condition is true of a group, in the order of the playbook. One that cannot be told does not fit."""
    known = {name: Decimal(repr(value)) for name, value in figures.items() if value is not None}
    out = []
    for one in plays:
        if truth(evaluate(one.when.tree, Customer("", known), NO_DAY)) is True:
            read = [name for name in (*FIGURES, *(OTHERS + n for n in FIGURES)) if name in one.when.uses and name in known]
            out.append(Strategy(one, tuple((name, float(known[name])) for name in read)))
    return tuple(out)
