"""What a page is made of: sections that answer a question each, with figures and tables, and the numbers behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import altair as alt

from coterie.profiles.hidden import K
from coterie.profiles.page import words

SHORT = 12
"""Letters of a cell that needs no room of its own."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all sections share.

    Attributes:
        population: all customers; as_of: the instant of the run; zone: in which days are told.
        currency: of money, None where there is none; money: the trait that shares of revenue are taken of.
        total: that trait summed over everybody.
        k: counts from 1 to k − 1 are hidden.
    """

    population: int
    as_of: datetime
    zone: str
    currency: str | None = None
    money: str | None = None
    total: Decimal | None = None
    k: int = K

    @property
    def day(self) -> str:
        return words.day(self.as_of, self.zone)

    def note(self, unknown: int | None = 0, more: str = "") -> str:
        """The line below a chart: what population, what day, how many cannot be told (None: not said)."""
        text = f"{words.customers(self.population)} as of {self.day}"
        if unknown:
            few = f"fewer than {self.k}" if 0 < unknown < self.k else f"{unknown:,}"
            text += f"; {few} cannot be told"
        return f"{text}. {more}" if more else f"{text}."


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its caption, headings (text, whether of numbers) and rows of texts; `more` says what is not in it."""

    caption: str
    headings: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of each column the class of its cells: n (a number), s (short texts, which need no room), nothing."""
        longest = [max((len(row[i]) for row in self.rows), default=0) for i in range(len(self.headings))]
        return tuple("n" if n else "s" if size <= SHORT else "" for (_, n), size in zip(self.headings, longest, strict=True))


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its finding as title, the note below and the table behind it; `small` ones stand side by side.

    Attributes:
        key: its name on the page, unique.
        extra: shown only on demand.
        least: the least width in pixels at which it can be read; in less room it scrolls.
    """

    key: str
    finding: str
    chart: alt.LayerChart
    note: str
    table: Table
    small: bool = False
    extra: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """One of several things of a kind, side by side: a title with a few words, sentences, facts, and lists of facts that are
    folded away (a heading with its facts).

    Attributes:
        key: its name on the page, unique.
    """

    key: str
    title: str
    short: str
    sentences: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    plays: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """One of several things that a section tells in the same way, such as a model: what is said of it, its small figures side
    by side, and cards.

    Attributes:
        key: its name on the page, unique.
        warnings: what is to be known before it is believed.
        links: what is told elsewhere on the page: a text, and the key of its place.
    """

    key: str
    title: str
    answer: str
    lines: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    cards: Sequence[Card] = ()
    tables: Sequence[Table] = ()
    warnings: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answer.

    Attributes:
        key: of its link; short: in the table of contents; question: the heading; answer: the first line.
        tables: shown open, after the figures; lines: short paragraphs after the answer.
        to_do: where there is nothing to show yet: what to do for it.
        data: the numbers shown, as plain values.
    """

    key: str
    short: str
    question: str
    answer: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    lines: Sequence[str] = ()
    findings: Sequence[tuple[str, str]] = ()
    """Sentences, each with the key of the section that shows more."""
    to_do: Sequence[str] = ()
    cards: Sequence[Card] = ()
    folded: Sequence[Table] = ()
    """Tables shown on demand."""
    broad: bool = False
    """Whether the small charts need more width than a line does."""
    topics: Sequence[Topic] = ()
    data: Any = None

    @property
    def charts(self) -> tuple[Figure, ...]:
        """All its figures, those of its topics too."""
        return (*self.figures, *(f for t in self.topics for f in t.figures))


@dataclass(frozen=True, slots=True)
class Report:
    """A whole page: whose it is, what it holds of persons (its first line), and its sections."""

    title: str
    privacy: str
    lead: str
    sections: Sequence[Section]
    foot: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
