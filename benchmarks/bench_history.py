"""A business that is run every week: past days, plans, re-runs, reports, against one run of the same project."""

import shutil
from itertools import cycle
from pathlib import Path
from time import perf_counter

import coterie
from benchmarks.business import SOURCES, TRAITS, business, rules
from benchmarks.figures import at_most
from benchmarks.measure import Case, Round, Sample, benchmark, seconds
from coterie.engine.duckdb import DuckDB

EVENTS = 10_000_000
WEEKS = 52


def project(case: Case, name: str) -> coterie.Workspace:
    """A project folder over the benchmark's files, with 29 traits, 50 segments and an RFM segmentation, run once."""
    events = case.size or EVENTS
    made = business(case.folder, events, max(1000, events // 10))
    folder = made.folder.with_name(f"{made.folder.name}-{name}")
    folder.mkdir(exist_ok=True)
    for file in ("customers.parquet", "orders.parquet"):
        if not (folder / file).exists():
            (folder / file).symlink_to((made.folder / file).resolve())
    lines = [SOURCES, "traits:", *(f"  {n}: {t}" for n, t in TRAITS.items())]
    lines += ["segments:", *(f"  {n}: {rule}" for n, (rule, _) in rules(50).items())]
    (folder / "coterie.yaml").write_text("\n".join(lines) + "\n")
    space = coterie.open(folder)
    if not space.store.generations():
        space.run()
    return space


@benchmark("history.backfill_52_weeks_vs_run", goal=at_most(8), rounds=1)
def backfill(case: Case) -> Round:
    """52 past weeks and the run itself, against a run alone, both from gathered sources."""
    space = project(case, "history")

    def round_() -> Sample:
        against = seconds(space.run)
        value = seconds(lambda: space.run(since="2025-10-01", every="week"))
        assert len(space.history.snapshots()) >= WEEKS
        return Sample(value, against, case.size or EVENTS)

    return round_


@benchmark("plan.vs_run", goal=at_most(1.3), rounds=3)
def plan(case: Case) -> Round:
    """What an edit of ten of the fifty segments would do, against the run that does it, both from gathered sources."""
    folder = Path(project(case, "history").folder)
    written = (folder / "coterie.yaml").read_text()
    edits = cycle((written.replace("revenue >= 1", "revenue >= 2"), written))

    def round_() -> Sample:
        (folder / "coterie.yaml").write_text(next(edits))
        space = coterie.open(folder)
        value = seconds(space.plan)
        against = seconds(space.run)
        space.close()
        return Sample(value, against, case.size or EVENTS)

    return round_


@benchmark("history.report_1m_customers", goal=at_most(10), unit="s", rounds=1)
def report(case: Case) -> Round:
    """The report of a million customers after a run."""
    space = project(case, "history")
    file = Path(space.folder) / "report.html"

    def round_() -> Sample:
        started = perf_counter()
        space.report(file)
        taken = perf_counter() - started
        print(f"report: {file.stat().st_size / 1e6:.2f} MB")
        return Sample(taken, n=case.size or EVENTS)

    return round_


@benchmark("history.rerun_after_1_percent_vs_full", goal=at_most(1 / 3), rounds=1)
def rerun(case: Case) -> Round:
    """A run after a file with 1 % more events came, against a first run of everything."""
    events = case.size or EVENTS
    made = business(case.folder, events, max(1000, events // 10))
    folder = made.folder.with_name(f"{made.folder.name}-grows")

    def round_() -> Sample:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "orders").mkdir(parents=True)
        (folder / "customers.parquet").symlink_to((made.folder / "customers.parquet").resolve())
        with DuckDB() as engine:
            engine.parquet("orders", [made.folder / "orders.parquet"])
            for name, kept in (("a", "hash(id) % 100 > 0"), ("b", "hash(id) % 100 = 0")):
                engine.write_parquet(f"SELECT * FROM orders WHERE {kept}", folder / f"{name}.parquet")
        (folder / "a.parquet").rename(folder / "orders/a.parquet")
        text = SOURCES.replace("path: orders.parquet", "path: 'orders/*.parquet'")
        lines = [text, "traits:", *(f"  {n}: {t}" for n, t in TRAITS.items())]
        lines += ["segments:", *(f"  {n}: {rule}" for n, (rule, _) in rules(50).items())]
        (folder / "coterie.yaml").write_text("\n".join(lines) + "\n")
        space = coterie.open(folder)
        against = seconds(space.run)
        (folder / "b.parquet").rename(folder / "orders/b.parquet")
        value = seconds(space.run)
        space.close()
        return Sample(value, against, events)

    return round_
