"""A run on Spark, from gathered tables to traits, memberships and three-way counts on disk, against PySpark written by hand."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.business import AS_OF, CUSTOMERS, TRAITS, Business, business, rules
from benchmarks.figures import at_most
from benchmarks.measure import Case, Round, Sample, benchmark, seconds
from coterie.engine.spark import Spark
from coterie.language.catalog import Catalog
from coterie.segments.membership import Size
from coterie.sources.population import population_at
from coterie.traits.batch import SORTED
from coterie.workspace.results import event_view

EVENTS = 10_000_000
MEMORY = {"spark.driver.memory": "6g"}
ATTRIBUTES = ("country", "income", "birth_date", "signup_date")


def data(case: Case) -> Business:
    events = case.size or EVENTS
    return business(case.folder, events, max(1000, events // 10))


@contextmanager
def engine(ours: Business, url: str = "local[2]", **settings: str) -> Iterator[Spark]:
    """An empty folder of results with views of the warm tables: what a run starts from."""
    path = ours.folder / "measured.spark"
    shutil.rmtree(path, ignore_errors=True)
    with Spark(path, url=url, temp=ours.folder / "temp", settings=MEMORY | settings) as made:
        for kind, facts in ours.gathered.events.items():
            made.parquet(event_view(kind), facts.paths, sorted_by=SORTED)
        made.view(CUSTOMERS, population_at(made, ours.gathered, AS_OF, "UTC"), temporary=True)
        yield made
    shutil.rmtree(path, ignore_errors=True)


def catalog(ours: Business, segments: int) -> Catalog:
    return ours.catalog(TRAITS, {name: rule for name, (rule, _) in rules(segments).items()})


# --- by hand


def aggregate(text: str) -> Any:
    """One of the traits' aggregates in the words of the DataFrame API, with the type that coterie stores."""
    from pyspark.sql import functions as f

    found = re.fullmatch(
        r"(\w+)\(order(?:\.(\w+))?(?: where category = '(\w+)')?(?: within (\d+) days)?\)", text
    )
    assert found is not None, text
    name, column, category, days = found.groups()
    value = f.lit(1) if column is None else f.col(column)
    if category is not None:
        value = f.when(f.col("category") == category, value)
    if days is not None:
        value = f.when(f.col("_day") > f.date_sub(f.lit(AS_OF.date()), int(days)), value)
    match name:
        case "count":
            return f.count(value)
        case "sum":
            return f.sum(value).cast("bigint" if column == "quantity" else "decimal(18,4)")
        case "avg":
            return f.sum(value).cast("double") / f.count(value)
        case "min" | "first":
            return f.min(value)
        case _:
            return f.max(value)


def by_hand(session: Any, ours: Business, target: Path, segments: int) -> list[tuple[int, int, int]]:
    """One grouping of the events, one join, the rules as columns, written once; then the counts of what was written."""
    from pyspark.sql import functions as f

    asked = {name: text for name, text in TRAITS.items() if re.search(r"\(order\b", text)}
    events = session.read.parquet(*map(str, ours.gathered.events["order"].paths)).where(f.col("time") <= f.lit(AS_OF))
    scanned = events.groupBy("_customer").agg(*(aggregate(text).alias(name) for name, text in asked.items()))
    customers = session.read.parquet(*map(str, ours.gathered.customers.paths)).select("_customer", "customer", *ATTRIBUTES)
    zero = {name: f.coalesce(f.col(name), f.lit(0)) for name, text in asked.items() if text.startswith(("count(", "sum("))}
    traits = customers.join(scanned, "_customer", "left").withColumns(zero)
    traits = traits.withColumns(
        {
            "days_quiet": f.date_diff(f.lit(AS_OF.date()), f.col("last_order").cast("date")).cast("bigint"),
            "per_item": f.col("revenue").cast("double") / f.nullif(f.col("items"), f.lit(0)),
            "garden_share": f.col("garden_orders").cast("double") / f.nullif(f.col("orders"), f.lit(0)),
        }
    )
    wanted = rules(segments)
    traits.select("*", *(f.expr(sql).alias(name) for name, (_, sql) in wanted.items())).write.parquet(str(target))
    found = session.read.parquet(str(target))
    row = found.agg(*(g(f.col(n)) for n in wanted for g in (f.count_if, lambda c: f.count_if(~c), lambda c: f.count_if(c.isNull())))).first()
    return [tuple(row[i : i + 3]) for i in range(0, len(row), 3)]


# --- the answers of either, as one number


def fingerprint(session: Any, path: Sequence[Path], segments: Sequence[str]) -> tuple[int, int]:
    """The rows of traits as (how many, the sum of their hashes)."""
    from pyspark.sql import functions as f

    found = session.read.parquet(*map(str, path))
    columns = ["customer", *TRAITS]
    row = found.agg(f.count("*"), f.sum(f.xxhash64(*columns).cast("decimal(38,0)"))).first()
    return int(row[0]), int(row[1])
