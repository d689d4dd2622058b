"""A run on Spark, from gathered tables to traits, memberships and three-way counts on disk, against PySpark written by hand."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import clusters
from benchmarks.business import AS_OF, CUSTOMERS, TRAITS, Business, business, rules
from benchmarks.figures import at_most
from benchmarks.measure import Case, Round, Sample, benchmark, seconds
from coterie.engine.duckdb import DuckDB
from coterie.engine.spark import Spark
from coterie.language.catalog import Catalog
from coterie.sources.population import population_at
from coterie.traits.batch import SORTED
from coterie.workspace.results import event_view
from coterie.workspace.run import Answered

EVENTS = 10_000_000
SETTINGS = {"spark.driver.memory": "6g", "spark.driver.maxResultSize": "8m"}
"""Little may reach the driver: what it fetches must not grow with customers or events."""
ATTRIBUTES = ("country", "income", "birth_date", "signup_date")
TIMES = 10


def data(case: Case) -> Business:
    events = case.size or EVENTS
    return business(case.folder, events, max(1000, events // 10))


def many_times(ours: Business, times: int = TIMES) -> Business:
    """The same events of so many times the customers; made on first use, with the columns that the traits need."""
    folder = ours.folder.with_name(f"{ours.folder.name}-times-{times}")
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    orders, people = ours.gathered.events["order"], ours.gathered.customers
    made: dict[str, list[Path]] = {"order": [], "customers": []}
    with DuckDB(memory="2GB", temp=folder / "temp") as engine:
        for n in range(times):
            key = f"_customer + {n * people.keys} AS _customer"
            columns = {
                "order": f"{key}, time, _day, _order, amount, quantity, category",
                "customers": f"* REPLACE ({key}, customer || '-{n}' AS customer)",
            }
            for name, paths in (("order", orders.paths), ("customers", people.paths)):
                target = folder / "cache" / f"{name}-{n}.parquet"
                made[name].append(target)
                if not target.exists():
                    half = target.with_suffix(".half")
                    read = ", ".join(f"'{path}'" for path in paths)
                    engine.execute(f"COPY (SELECT {columns[name]} FROM read_parquet([{read}])) TO '{half}' (FORMAT parquet)")
                    half.rename(target)
    events = replace(orders, paths=tuple(made["order"]), rows=orders.rows * times)
    customers = replace(people, paths=tuple(made["customers"]), rows=people.rows * times, keys=people.keys * times)
    return replace(ours, folder=folder, gathered=replace(ours.gathered, events={"order": events}, customers=customers))


@contextmanager
def engine(ours: Business, url: str = "local[2]", settings: dict[str, str] = SETTINGS) -> Iterator[Spark]:
    """An empty folder of results with views of the warm tables: what a run starts from."""
    path = ours.folder / "measured.spark"
    shutil.rmtree(path, ignore_errors=True)
    with Spark(path, url=url, temp=ours.folder / "temp", settings=settings) as made:
        for kind, facts in ours.gathered.events.items():
            made.parquet(event_view(kind), facts.paths, sorted_by=SORTED)
        made.view(CUSTOMERS, population_at(made, ours.gathered, AS_OF, "UTC"), temporary=True)
        yield made
    shutil.rmtree(path, ignore_errors=True)


def catalog(ours: Business, segments: int) -> Catalog:
    return ours.catalog(TRAITS, {name: rule for name, (rule, _) in rules(segments).items()})


def counts(answered: Answered) -> list[tuple[int, ...]]:
    return [(size.inside, size.outside, size.cannot_tell) for size in answered.sizes.values()]


# --- by hand


def aggregate(text: str) -> Any:
    """One of the traits' aggregates in the words of the DataFrame API, with the type that coterie stores."""
    from pyspark.sql import functions as f

    found = re.fullmatch(r"(\w+)\(order(?:\.(\w+))?(?: where category = '(\w+)')?(?: within (\d+) days)?\)", text)
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
    asked_counts = [f.count_if(c) for n in wanted for c in (f.col(n), ~f.col(n), f.col(n).isNull())]
    row = session.read.parquet(str(target)).agg(*asked_counts).first()
    return [tuple(row[i : i + 3]) for i in range(0, len(row), 3)]


def fingerprint(session: Any, path: Path) -> tuple[int, int]:
    """Everybody with all traits: how many, and the sum of their hashes."""
    from pyspark.sql import functions as f

    hashes = f.sum(f.xxhash64("customer", *TRAITS).cast("decimal(38,0)"))
    row = session.read.parquet(str(path)).agg(f.count("*"), hashes).first()
    return int(row[0]), int(row[1])


def against_hand(ours: Business, events: int) -> Sample:
    """Seconds of a run with 50 segments over 29 traits, and of the DataFrame API; traits and counts of both must be equal."""
    asked, target = catalog(ours, 50), ours.folder / "by_hand.spark"
    ours_: list[object] = []
    theirs: list[object] = []
    with engine(ours) as made:
        value = seconds(lambda: ours_.append(counts(ours.run(made, asked))))
        assert made.path is not None
        ours_.append(fingerprint(made.session, made.path / made.kept["traits"]))
    shutil.rmtree(target, ignore_errors=True)
    with engine(ours) as made:
        against = seconds(lambda: theirs.append(by_hand(made.session, ours, target, 50)))
        theirs.append(fingerprint(made.session, target))
    shutil.rmtree(target, ignore_errors=True)
    if ours_ != theirs:
        raise AssertionError(f"the two sides differ: {ours_} {theirs}")
    return Sample(value, against, events)


@benchmark("spark.50_segments_vs_pyspark_by_hand", goal=at_most(1.5), rounds=2, needs="pyspark")
def by_hands(case: Case) -> Round:
    ours = data(case)
    return lambda: against_hand(ours, case.size or EVENTS)


@benchmark("spark.50_segments_at_100m_vs_pyspark_by_hand", goal=at_most(1.5), rounds=1, needs="pyspark")
def by_hands_of_many(case: Case) -> Round:
    """Ten times the events, once; the few warm both."""
    few = data(case)
    many = many_times(few)
    taken: list[Sample] = []

    def round_() -> Sample:
        if not taken:
            against_hand(few, 1)
            taken.append(against_hand(many, TIMES * (case.size or EVENTS)))
        return taken[0]

    return round_


# --- what grows, and what does not


def linear(few: Business) -> Round:
    """Ten times the events take at most ten times as long; counts are ten times those."""
    many = many_times(few)
    asked = catalog(few, 50)
    rows = few.gathered.events["order"].rows
    taken: list[Sample] = []

    def run(ours: Business) -> tuple[float, list[tuple[int, ...]]]:
        found: list[list[tuple[int, ...]]] = []
        with engine(ours) as made:
            took = seconds(lambda: found.append(counts(ours.run(made, asked))))
        return took, found[0]

    def round_() -> Sample:
        if not taken:  # the few warm both
            run(few)
            (short, some), (long, all_) = run(few), run(many)
            if all_ != [tuple(n * TIMES for n in size) for size in some]:
                raise AssertionError(f"not {TIMES} times the customers: {some[:3]} {all_[:3]}")
            taken.append(Sample(long / rows / TIMES * 1e6, short / rows * 1e6, rows * TIMES))
        return taken[0]

    return round_


@benchmark("spark.microseconds_an_event_at_10m_vs_1m", goal=at_most(1.2), unit="µs", rounds=1, needs="pyspark")
def from_one_million(case: Case) -> Round:
    return linear(data(replace(case, size=(case.size or EVENTS) // TIMES)))


@benchmark("spark.microseconds_an_event_at_100m_vs_10m", goal=at_most(1.2), unit="µs", rounds=1, needs="pyspark")
def to_a_hundred(case: Case) -> Round:
    return linear(data(case))


def shuffled(session: Any) -> list[int]:
    """How many rows each stage so far has written for other stages; those of which none needs any are left out."""
    store, gateway = session.sparkContext._jsc.sc().statusStore(), session.sparkContext._gateway
    stages = store.stageList(None, False, False, gateway.new_array(gateway.jvm.double, 0), gateway.jvm.java.util.ArrayList())
    records = (stages.apply(n).shuffleWriteRecords() for n in reversed(range(stages.size())))  # it begins with the newest
    return [written for written in records if written]


def jobs_of(session: Any) -> int:
    """How many jobs Spark has done so far."""
    return int(session.sparkContext._jsc.sc().statusStore().jobsList(None).size())


def work_of(ours: Business, segments: int) -> tuple[int, int]:
    """The jobs and shuffles of a run with so many segments."""
    with engine(ours) as made:
        before, shuffles = jobs_of(made.session), len(shuffled(made.session))
        ours.run(made, catalog(ours, segments))
        return jobs_of(made.session) - before, len(shuffled(made.session)) - shuffles


@benchmark("spark.jobs_of_500_segments_vs_5", goal=at_most(1.0), unit="jobs and shuffles", rounds=1, needs="pyspark")
def jobs(case: Case) -> Round:
    """The jobs and shuffles of a run do not grow with the segments."""
    ours = data(case)  # so many that the session is set for much from the start
    few, many = work_of(ours, 5), work_of(ours, 500)
    if few != many:
        raise AssertionError(f"5 segments take {few} jobs and shuffles, 500 take {many}")
    return lambda: Sample(sum(many), sum(few), 500)


# --- a node more

ON_WORKERS = """
import sys
from pathlib import Path
from benchmarks.bench_spark import catalog, data, engine
from benchmarks.clusters import SETTINGS
from benchmarks.measure import Case, seconds
url, folder, events = sys.argv[1:]
ours = data(Case(Path(folder), int(events)))
asked = catalog(ours, 50)
for _ in range(2):
    with engine(ours, url, {**SETTINGS, "spark.executor.memory": "3g"}) as made:
        took = seconds(ours.run, made, asked)
print(took)
"""


def on_workers(folder: Path, events: int, workers: int) -> float:
    """Seconds that a second run takes on a standalone cluster with so many workers of one core."""
    with tempfile.TemporaryDirectory() as there, clusters.standalone(Path(there), workers, "3584m") as cluster:
        command = [sys.executable, "-c", ON_WORKERS, cluster.url, str(folder), str(events)]
        here = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
        said = subprocess.run(command, env=here, capture_output=True, text=True, check=True)
    return float(said.stdout.split()[-1])


@benchmark("spark.two_workers_vs_one", rounds=1, needs="pyspark")
def node(case: Case) -> Round:
    """A worker more, of one core each; on a machine of two cores they share its disk, its memory and its driver."""
    events = case.size or EVENTS
    data(case)
    taken: list[Sample] = []

    def round_() -> Sample:
        if not taken:  # either warms itself
            taken.append(Sample(on_workers(case.folder, events, 2), on_workers(case.folder, events, 1), events))
        return taken[0]

    return round_
