"""Small populations written by hand, asked in the reference and in DuckDB at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from coterie.engine.duckdb import DuckDB
from coterie.language.types import BOOLEAN, DATE, INTEGER, MONEY, TEXT, Type, Value
from coterie.testing.asking import Defined, Program
from coterie.testing.oracle import disagreements, report, run
from coterie.testing.populations import TAGS, Happening, Person, Population, Schema

COLUMNS: Mapping[str, Type] = {"name": TEXT, "country": TEXT, "age": INTEGER, "opted_in": BOOLEAN, "signup": DATE, "tags": TAGS}
EVENTS: Mapping[str, Mapping[str, Type]] = {"order": {"amount": MONEY, "category": TEXT}, "visit": {"page": TEXT}}
NOON = datetime(2026, 3, 10, 12)

Cells = Mapping[str, Value | None]
People = Mapping[str, Cells]
"""By id, what is recorded."""
Happened = tuple[str, str, str] | tuple[str, str, str, Cells]
"""Customer, kind, the instant as ISO 8601 in UTC, and the event's columns."""


def asked(
    definitions: Mapping[str, str],
    people: People,
    events: Sequence[Happened] = (),
    *,
    as_of: datetime = NOON,
    zone: str = "UTC",
) -> Program:
    """A program over the few columns and events of this module."""
    happened = []
    for n, (customer, kind, time, *values) in enumerate(events):
        cells = dict.fromkeys(EVENTS[kind]) | (dict(values[0]) if values else {})
        happened.append(Happening(customer, kind, datetime.fromisoformat(time), f"{n:04}", cells))
    everybody = tuple(Person(name, {**dict.fromkeys(COLUMNS), **columns}) for name, columns in people.items())
    schema = Schema(COLUMNS, EVENTS, {}, ())
    defined = {name: Defined("trait", text) for name, text in definitions.items()}
    return Program(schema, Population(everybody, tuple(happened), {}, {}), as_of, zone, defined)


def answers(program: Program, engine: DuckDB) -> dict[str, dict[str, Value | None]]:
    """By definition, then by customer; fails where the two differ."""
    found = disagreements(program, engine)
    assert not found, report(found[0])
    ids = [p.id for p in program.population.people]
    return {name: dict(zip(ids, values, strict=True)) for name, values in run(program, engine, sizes=False).answers.items()}


def members(found: Mapping[str, Value | None]) -> set[str]:
    return {name for name, value in found.items() if value is True}


def unknown(found: Mapping[str, Value | None]) -> set[str]:
    return {name for name, value in found.items() if value is None}


def money(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.0001"))


__all__ = ["NOON", "Happened", "People", "answers", "asked", "members", "money", "unknown"]
