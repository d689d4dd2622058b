"""What is known of customers, and how good the data is that came in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coterie.engine.engine import Engine
from coterie.language.types import Type


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many customers a column is known."""

    column: str
    type: str
    known: int
    population: int

    @property
    def share(self) -> float:
        return self.known / self.population if self.population else 0.0


@dataclass(frozen=True, slots=True)
class SourceQuality:
    """A source as the run read it.

    Attributes:
        rows: read; kept; bad: in quarantine, by reason in `reasons`; left_out: by the source's own `where`;
            without_customer: their id is empty; strangers: of ids that the customers do not have; identical: repeated rows.
        ids: different customer ids, met: those that the customers have (None where nothing is to be met).
        learned_at: when its newest file was first read; newest: its newest event up to as_of, None for others.
    """

    name: str
    role: str
    rows: int
    kept: int
    bad: int
    reasons: Mapping[str, int]
    left_out: int
    without_customer: int
    strangers: int
    identical: int
    ids: int | None
    met: int | None
    learned_at: datetime | None
    newest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Warning:
    """Something to know before the numbers are believed: about which source or column, the sentence, how many of how many."""

    about: str
    sentence: str
    n: int
    of: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Coverage by column (the least known first), sources in the order of the file, warnings (the gravest first), notes."""

    coverage: tuple[Coverage, ...]
    sources: tuple[SourceQuality, ...]
    warnings: tuple[Warning, ...]
    notes: tuple[str, ...]


def coverage(engine: Engine, columns: Mapping[str, Type], table: str = "traits") -> tuple[Coverage, ...]:
    """Count the customers of whom each column is known, in one scan; the least known first."""
    raise NotImplementedError


def quality(
    covered: Sequence[Coverage],
    data: Mapping[str, Any],
    *,
    as_of: datetime,
    newest: Mapping[str, datetime] | None = None,
) -> Quality:
    """Judge what came in.

    Args:
        covered: of the columns.
        data: what the run kept of its sources (`Made.data`).
        as_of: of the run.
        newest: the newest event per source up to as_of.
    """
    raise NotImplementedError
