"""The business that the benchmarks measure: events in a project, gathered once and kept, with traits and segments by the rule."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from coterie.engine.duckdb import DuckDB
from coterie.engine.engine import Engine
from coterie.language.catalog import Catalog
from coterie.language.leaves import Context
from coterie.sources.assembly import Stores, gather
from coterie.sources.gathered import Gathered
from coterie.sources.population import population_at
from coterie.traits.batch import SORTED, Tables
from coterie.workspace.definitions import catalog as catalog_of
from coterie.workspace.demo import events_for_benchmark
from coterie.workspace.project import Project, read_project
from coterie.workspace.results import event_sources, event_view, scope_of, tables_of
from coterie.workspace.run import Answered, answer

AS_OF = datetime.fromisoformat("2026-09-30T23:59:59.999999")
NOW = datetime.fromisoformat("2026-10-01")
CUSTOMERS = "business customers"
MEMORY = "1200MB"
"""What the engine is allowed: with Python and Arrow around it a run then stays below 1.5 GB."""

SOURCES = """
project: business
timezone: UTC
as_of: 2026-09-30
sources:
  customers: {path: customers.parquet, id: customer_id, valid_from: '2020-01-01'}
  order: {path: orders.parquet, id: id, customer: customer_id, time: time}
"""

TRAITS = {
    **{f"orders_{n}d": f"count(order within {n} days)" for n in (7, 14, 30, 60, 90, 180, 365)},
    **{f"spend_{n}d": f"sum(order.amount within {n} days)" for n in (7, 14, 30, 60, 90, 180, 365)},
    **{f"biggest_{n}d": f"max(order.amount within {n} days)" for n in (30, 90, 365)},
    "orders": "count(order)",
    "revenue": "sum(order.amount)",
    "first_order": "first(order.time)",
    "last_order": "last(order.time)",
    "items": "sum(order.quantity)",
    "average_order": "avg(order.amount)",
    "smallest": "min(order.amount)",
    "garden_orders": "count(order where category = 'Garden')",
    "garden_spend": "sum(order.amount where category = 'Garden' within 365 days)",
    "days_quiet": "days_since(last_order)",
    "per_item": "revenue / items",
    "garden_share": "garden_orders / orders",
}
assert len(TRAITS) == 29
HARD = {
    "categories": "distinct(order.category)",
    "categories_90d": "distinct(order.category within 90 days)",
    "categories_365d": "distinct(order.category within 365 days)",
    "channels": "distinct(order.channel)",
    "favourite": "most_common(order.category)",
    "favourite_365d": "most_common(order.category within 365 days)",
    "usual_channel": "most_common(order.channel)",
    "last_category": "last(order.category)",
    "last_amount": "last(order.amount)",
    "last_channel": "last(order.channel)",
    "games_then_garden": "sequence(order where category = 'Games', order where category = 'Garden' within 60 days)",
    "big_then_quiet": "sequence(order where amount > 150, not order within 30 days)",
}
"""Four distinct, three most_common, three last and two sequences."""


def rules(n: int, seed: int = 3) -> dict[str, tuple[str, str]]:
    """n segments as (rule, the same in SQL by hand) over TRAITS and attributes, always the same."""
    draw = random.Random(seed)

    def condition() -> tuple[str, str]:
        days = draw.choice((7, 14, 30, 60, 90, 180, 365))
        match draw.choice("osblcir"):
            case "o":
                k = draw.randint(1, 4)
                return f"orders_{days}d >= {k}", f"orders_{days}d >= {k}"
            case "s":
                k = draw.randint(1, 30) * 10
                return f"spend_{days}d > {k}", f"spend_{days}d > {k}"
            case "b":
                w, k = draw.choice((30, 90, 365)), draw.randint(1, 9) * 20
                return f"biggest_{w}d > {k}", f"biggest_{w}d > {k}"
            case "l":
                return (
                    f"last_order within {days} days",
                    f"coalesce(last_order >= TIMESTAMP '2026-10-01' - INTERVAL {days} DAY, false)",
                )
            case "c":
                country = draw.choice(("GB", "DE", "FR", "ES"))
                return f"country = '{country}'", f"country = '{country}'"
            case "i":
                low = draw.randint(12, 40) * 1000
                return f"income between {low} and {low + 20000}", f"income BETWEEN {low} AND {low + 20000}"
            case _:
                k = draw.randint(1, 50) * 40
                return f"revenue >= {k}", f"revenue >= {k}"

    out = {}
    for i in range(n):
        (a, x), (b, y), (c, z) = condition(), condition(), condition()
        out[f"s{i}"] = (f"({a}) and (({b}) or not ({c}))", f"({x}) AND (({y}) OR NOT ({z}))")
    return out


@dataclass(frozen=True)
class Business:
    """A project folder with its gathered tables."""

    folder: Path
    project: Project
    gathered: Gathered
    stores: Stores

    @contextmanager
    def engine(self, memory: str = MEMORY, threads: int | None = None, *, kept: bool = True) -> Iterator[DuckDB]:
        """An empty results file with views of the warm tables: what a run starts from.

        Args:
            kept: False makes the results in memory, beside something that writes nothing either.
        """
        path = self.folder / "measured.duckdb"
        path.unlink(missing_ok=True)
        with DuckDB(path if kept else None, memory=memory, threads=threads, temp=self.folder / "temp") as engine:
            for kind, facts in self.gathered.events.items():
                engine.parquet(event_view(kind), facts.paths, sorted_by=SORTED)
            engine.view(CUSTOMERS, population_at(engine, self.gathered, AS_OF, "UTC"), temporary=True)
            yield engine
        path.unlink(missing_ok=True)

    def catalog(self, traits: dict[str, str], segments: dict[str, str]) -> Catalog:
        lines = [SOURCES, "traits:", *(f"  {n}: {t}" for n, t in traits.items())]
        if segments:
            lines += ["segments:", *(f"  {n}: {t}" for n, t in segments.items())]
        project = read_project("\n".join(lines) + "\n", self.folder / "coterie.yaml")
        account = self.gathered.customers.account
        return catalog_of(project, scope_of(project, self.gathered.attributes, {}, account, self.events, self.gathered.looked_up))

    @property
    def events(self):  # type: ignore[no-untyped-def]
        return event_sources(self.project, self.gathered, self.folder / "cache")

    def tables(self, catalog: Catalog) -> Tables:
        return tables_of(catalog, self.events, None, CUSTOMERS)

    def run(self, engine: Engine, catalog: Catalog) -> Answered:
        """From warm tables to materialised traits, memberships and three-way counts."""
        return answer(engine, self.tables(catalog), catalog, Context(AS_OF, "UTC"))


def business(folder: Path, events: int, customers: int, memory: str = "2GB") -> Business:
    """A business of so many events and customers, made and gathered on first use and kept in the folder."""
    here = folder / f"business-{events}-{customers}"
    here.mkdir(parents=True, exist_ok=True)
    if not (here / "orders.parquet").exists():
        events_for_benchmark(here, events, customers, orders_share=1.0)
    (here / "coterie.yaml").write_text(SOURCES)
    project = read_project(SOURCES, here / "coterie.yaml")
    stores = Stores(here / "cache", here / "record")
    with DuckDB(memory=memory, temp=here / "temp") as engine:
        gathered = gather(
            here,
            tuple(project.sources.values()),
            engine=engine,
            stores=stores,
            zone="UTC",
            now=NOW,
        )
    return Business(here, project, gathered, stores)
