"""What is known of customers, and how good the data is that came in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

from coterie.core.windows import local_day
from coterie.engine.engine import Engine
from coterie.language.shown import day_shown, plain
from coterie.language.types import Type
from coterie.profiles.rows import integer
from coterie.profiles.words import share
from coterie.traits.batch import quoted, relation

CHUNK = 200
LITTLE_KNOWN = 0.5
NAMELESS = 0.05
UNMET = 0.05
REPEATED = 0.01
SILENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many customers a column is known. `nothing`: where it is missing, nothing happened; it is not unknown."""

    column: str
    type: str
    known: int
    population: int
    nothing: bool = False

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


def coverage(
    engine: Engine, columns: Mapping[str, Type], *, nothing: Collection[str] = (), table: str = "traits"
) -> tuple[Coverage, ...]:
    """Count the customers of whom each column is known, in one scan; the least known first.

    Args:
        columns: with their types.
        nothing: columns that are missing where nothing happened (`ColumnInfo.nothing`).
    """
    found: list[Coverage] = []
    names = list(columns)
    for begin in range(0, len(names), CHUNK):
        some = names[begin : begin + CHUNK]
        counted = [exp.Count(this=quoted(name)).as_(f"n{i}") for i, name in enumerate(some)]
        select = exp.select(*counted, exp.Count(this=exp.Star()).as_("population")).from_(relation(table))
        *known, population = engine.rows(select, "coverage")[0]
        found += [
            Coverage(name, str(columns[name]), integer(n), integer(population), name in nothing)
            for name, n in zip(some, known, strict=True)
        ]
    return tuple(sorted(found, key=lambda c: (c.share, c.column)))


def quality(
    covered: Sequence[Coverage],
    data: Mapping[str, Any],
    *,
    as_of: datetime,
    newest: Mapping[str, datetime] | None = None,
    zone: str = "UTC",
) -> Quality:
    """Judge what came in.

    Args:
        covered: of the columns.
        data: what the run kept of its sources (`Made.data`).
        as_of: of the run.
        newest: the newest event per source up to as_of.
        zone: of the project, in which days are told.
    """
    reasons: dict[str, dict[str, int]] = {}
    for source, reason, rows, *_ in data.get("quarantine", ()):
        of_source = reasons.setdefault(str(source), {})
        of_source[str(reason)] = of_source.get(str(reason), 0) + int(rows)
    times = newest or {}
    sources = tuple(_source(s, reasons.get(s["name"], {}), times.get(s["name"])) for s in data.get("sources", ()))
    warnings = [w for c in covered if (w := _little_known(c)) is not None]
    for source in sources:
        warnings += _judged(source, as_of, zone)
    gravest = sorted(warnings, key=lambda w: (-w.n / w.of if w.of else 0.0, w.about))
    return Quality(tuple(covered), sources, tuple(gravest), tuple(str(n) for n in data.get("notes", ())))


def _source(said: Mapping[str, Any], reasons: Mapping[str, int], newest: datetime | None) -> SourceQuality:
    learned = said.get("learned_at")
    return SourceQuality(
        str(said["name"]),
        str(said.get("role", "")),
        int(said.get("rows") or 0),
        int(said.get("kept") or 0),
        int(said.get("quarantined") or 0),
        dict(sorted(reasons.items(), key=lambda r: (-r[1], r[0]))),
        int(said.get("left_out") or 0),
        int(said.get("without_customer") or 0),
        int(said.get("strangers") or 0),
        int(said.get("identical") or 0),
        None if said.get("ids") is None else int(said["ids"]),
        None if said.get("met") is None else int(said["met"]),
        None if not learned else datetime.fromisoformat(str(learned)),
        newest,
    )


def _little_known(c: Coverage) -> Warning | None:
    if c.nothing or c.share >= LITTLE_KNOWN or not c.population:
        return None
    missing = c.population - c.known
    known = f"known for {share(c.share)} only" if c.known else "known for nobody"
    sentence = f"{plain(c.column)} is {known}: rules on it cannot tell for {missing:,} of {c.population:,} customers"
    return Warning(c.column, sentence, missing, c.population)


def _judged(s: SourceQuality, as_of: datetime, zone: str) -> list[Warning]:
    out = []
    if s.bad:
        why = ", ".join(f"{reason} {n:,}" for reason, n in list(s.reasons.items())[:3])
        sentence = f"{s.bad:,} of {s.rows:,} rows of {s.name} could not be read" + (f" ({why})" if why else "")
        out.append(Warning(s.name, f"{sentence}; `coterie quarantine {s.name}` lists them", s.bad, s.rows))
    if s.rows and s.without_customer > NAMELESS * s.rows:
        part = share(s.without_customer / s.rows)
        sentence = f"{s.without_customer:,} of {s.rows:,} rows of {s.name} ({part}) have no customer: they count nowhere"
        out.append(Warning(s.name, sentence, s.without_customer, s.rows))
    if s.ids and s.met is not None and s.ids - s.met > UNMET * s.ids:
        unmet = f"{s.ids - s.met:,} of {s.ids:,} customer ids of {s.name} are not among the customers"
        sentence = f"{unmet}: {s.strangers:,} rows count nowhere"
        out.append(Warning(s.name, sentence, s.ids - s.met, s.ids))
    if s.kept and s.identical > REPEATED * s.kept:
        sentence = f"{s.identical:,} of {s.kept:,} rows of {s.name} repeat another row in every column"
        out.append(Warning(s.name, sentence, s.identical, s.kept))
    if s.newest is not None and as_of - s.newest > SILENT:
        days = (local_day(as_of, zone) - local_day(s.newest, zone)).days
        sentence = (
            f"the newest row of {s.name} is of {day_shown(local_day(s.newest, zone))}, {days:,} days before these numbers' day"
        )
        out.append(Warning(s.name, sentence, 0, s.rows))
    return out
