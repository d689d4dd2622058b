"""A small project in a folder: write files, gather them, look at the tables."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from coterie.core.definition import Written
from coterie.core.place import Origin, Place
from coterie.engine.duckdb import DuckDB
from coterie.sources.assembly import Stores, gather
from coterie.sources.gathered import Gathered
from coterie.sources.population import population_at
from coterie.sources.source import Source

FIRST = datetime(2026, 1, 10, 12)
SECOND = datetime(2026, 2, 10, 12)
THIRD = datetime(2026, 3, 10, 12)


def said(text: str) -> Written:
    return Written(text, Origin.of(text, "coterie.yaml"))


def source(name: str, **fields: Any) -> Source:
    """A source as the project file would give it; `columns` and `where` are written as texts."""
    role = name if name in ("customers", "accounts") else "lookup" if "lookup" in fields else "events"
    if "columns" in fields:
        fields["columns"] = {k: said(v) for k, v in fields["columns"].items()}
    if "where" in fields:
        fields["where"] = said(fields["where"])
    for key in ("sum", "constant", "fold"):
        if key in fields:
            fields[key] = tuple(fields[key])
    return Source(name, Place("coterie.yaml", 1, 1), **{"role": role, **fields})


class Project:
    """Files in a folder, gathered into tables."""

    def __init__(self, folder: Path, *sources: Source, zone: str = "UTC", population: str = "all"):
        self.folder, self.sources, self.zone, self.population = folder, sources, zone, population
        self.engine = DuckDB(threads=1)
        self.told: list[str] = []
        self.environ: Mapping[str, str] = {}
        self.shown: frozenset[str] = frozenset()

    def write(self, name: str, *lines: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @property
    def stores(self) -> Stores:
        return Stores(self.folder / ".coterie" / "cache", self.folder / ".coterie" / "record", self.shown)

    def gather(self, now: datetime = FIRST) -> Gathered:
        self.told = []
        return gather(
            self.folder,
            self.sources,
            engine=self.engine,
            stores=self.stores,
            zone=self.zone,
            population=self.population,
            now=now,
            progress=lambda what, _: self.told.append(what),
            environ=self.environ,
        )

    def events(self, gathered: Gathered, kind: str, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of a kind of event in the order of its table, with the customer's id as `customer`."""
        self.engine.parquet("seen_events", gathered.events[kind].paths)
        self.engine.parquet("seen_customers", gathered.customers.paths)
        listed = ", ".join(f'"{c}"' for c in columns)
        ids = "SELECT DISTINCT _customer, customer FROM seen_customers"
        return self.engine.rows(f"SELECT {listed} FROM seen_events e JOIN ({ids}) c USING (_customer) ORDER BY _customer, _order")

    def customers(self, gathered: Gathered, *columns: str, as_of: datetime = FIRST) -> list[tuple[Any, ...]]:
        """Columns of the customers as of an instant, by id."""
        query = population_at(self.engine, gathered, as_of, self.zone)
        self.engine.create("seen_population", query)
        listed = ", ".join(f'"{c}"' for c in columns)
        return self.engine.rows(f"SELECT {listed} FROM seen_population ORDER BY customer")


def table_bytes(gathered: Gathered) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, to compare two gatherings: whatever number a customer has, and in how many files rows lie.

    Events stand by customer in their order, and must lie so in each of their files.
    """
    engine, out = DuckDB(threads=1), {}
    engine.parquet("people", gathered.customers.paths)
    engine.create("ids", "SELECT DISTINCT _customer, customer FROM people")
    assert engine.rows("SELECT count(*) FROM ids GROUP BY _customer HAVING count(*) > 1") == []
    out["customers"] = engine.rows("SELECT * EXCLUDE (_customer) FROM people ORDER BY ALL")
    for lookup in gathered.lookups:
        engine.parquet("seen", lookup.paths)
        out[lookup.name] = engine.rows("SELECT * FROM seen")
    for kind, events in gathered.events.items():
        engine.parquet("seen", events.paths)
        place = "row_number() OVER (PARTITION BY customer ORDER BY _order) AS place"
        rows = f"SELECT customer, {place}, e.* EXCLUDE (_customer, _order) FROM seen e JOIN ids USING (_customer)"
        out[kind] = engine.rows(f"{rows} ORDER BY customer, place")
        assert len(out[kind]) == events.rows
        for path in events.paths:
            engine.parquet("file", [path])
            lies = engine.rows("SELECT _customer, time, id FROM file")
            assert lies == sorted(lies), f"{path.name} is not sorted"
    engine.close()
    return out
