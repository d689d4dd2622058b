"""A run from warm tables: traits, memberships and three-way counts, against DuckDB SQL written by hand."""

from contextlib import ExitStack
from time import perf_counter

from benchmarks.business import HARD, TRAITS, Business, business, rules
from benchmarks.figures import at_most
from benchmarks.measure import Case, Round, Sample, benchmark, peak_mib, seconds
from coterie.engine.duckdb import DuckDB

EVENTS = 10_000_000


def data(case: Case) -> Business:
    events = case.size or EVENTS
    return business(case.folder, events, max(1000, events // 10))


def aggregates(traits: dict[str, str]) -> list[str]:
    """The traits' aggregates as somebody who knows DuckDB writes them, with the types that coterie stores."""
    out = []
    for name, text in traits.items():
        days = text.rpartition("within ")[2].partition(" ")[0] if "within" in text and "sequence" not in text else ""
        inside = f"_day > DATE '2026-09-30' - {days}" if days else ""
        garden = "category = 'Garden'" if "where category = 'Garden'" in text and "sequence" not in text else ""
        kept = " AND ".join(x for x in (inside, garden) if x)
        where = f" FILTER (WHERE {kept})" if kept else ""
        if text.startswith("count("):
            out.append(f"count(*){where} AS {name}")
        elif text.startswith("sum(order.amount"):
            out.append(f"CAST(sum(amount){where} AS DECIMAL(18,4)) AS {name}")
        elif text.startswith("sum(order.quantity"):
            out.append(f"CAST(sum(quantity){where} AS BIGINT) AS {name}")
        elif text.startswith("avg("):
            out.append(f"CAST(sum(amount) AS DOUBLE) / count(amount) AS {name}")
        elif text.startswith(("max(", "min(")):
            out.append(f"{text[:3]}(amount){where} AS {name}")
        elif text == "first(order.time)":
            out.append(f"min(time) AS {name}")
        elif text == "last(order.time)":
            out.append(f"max(time) AS {name}")
        elif text.startswith("distinct("):
            out.append(f"count(DISTINCT {text.split('.')[1].split(')')[0].split(' ')[0]}){where} AS {name}")
        elif text.startswith("most_common("):
            out.append(f"mode({text.split('.')[1].split(')')[0].split(' ')[0]}){where} AS {name}")
        elif text.startswith("last("):
            out.append(f"arg_max({text.split('.')[1].rstrip(')')}, time) AS {name}")
    return out


SEQUENCES = """
, games AS (SELECT DISTINCT _customer FROM (
    SELECT _customer, category, time, max(CASE WHEN category = 'Games' THEN time END)
      OVER (PARTITION BY _customer ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM "event order" WHERE category IN ('Games', 'Garden') AND time <= TIMESTAMP '2026-09-30 23:59:59.999999')
  WHERE category = 'Garden' AND before >= time - INTERVAL 60 DAY)
, quiet AS (SELECT DISTINCT _customer FROM (
    SELECT _customer, amount, time, lead(time) OVER (PARTITION BY _customer ORDER BY time) AS next
    FROM "event order" WHERE time <= TIMESTAMP '2026-09-30 23:59:59.999999')
  WHERE amount > 150 AND (next IS NULL OR next > time + INTERVAL 30 DAY)
    AND time <= TIMESTAMP '2026-09-30 23:59:59.999999' - INTERVAL 30 DAY)
"""


def by_hand(segments: int, traits: dict[str, str]) -> str:
    """One shared scan, the traits, the segments, and their three-way counts in one table."""
    names = [a.rpartition(" AS ")[2] for a in aggregates(traits)]
    hard = "games_then_garden" in traits
    zero = {n for n in names if traits[n].startswith(("count(", "sum(", "distinct("))}
    columns = [f"coalesce({n}, 0) AS {n}" if n in zero else n for n in names]
    joins = "LEFT JOIN games USING (_customer) LEFT JOIN quiet USING (_customer)" if hard else ""
    more = ", games._customer IS NOT NULL AS games_then_garden, quiet._customer IS NOT NULL AS big_then_quiet" if hard else ""
    lines = ", ".join(f"{sql} AS {name}" for name, (_, sql) in rules(segments).items())
    return f"""
CREATE OR REPLACE TABLE by_hand AS
WITH scanned AS (
  SELECT _customer, {", ".join(aggregates(traits))}
  FROM "event order" WHERE time <= TIMESTAMP '2026-09-30 23:59:59.999999' GROUP BY _customer)
{SEQUENCES if hard else ""}
, traits AS (SELECT c.*, {", ".join(columns)} {more}
  FROM "business customers" c LEFT JOIN scanned USING (_customer) {joins})
, more AS (SELECT *, DATE '2026-09-30' - CAST(last_order AS DATE) AS days_quiet,
    CAST(revenue AS DOUBLE) / nullif(items, 0) AS per_item,
    CAST(garden_orders AS DOUBLE) / nullif(orders, 0) AS garden_share FROM traits)
SELECT *{", " + lines if lines else ""} FROM more
"""


def counts(segments: int) -> str:
    some = ", ".join(f"count(*) FILTER (WHERE {n}) , count(*) FILTER (WHERE NOT {n})" for n in rules(segments))
    return f"SELECT {some} FROM by_hand"


def hand(engine: DuckDB, segments: int, traits: dict[str, str]) -> None:
    engine.execute(by_hand(segments, traits))
    engine.rows(counts(segments))


def against_one_query(case: Case, traits: dict[str, str]) -> Round:
    ours = data(case)
    catalog = ours.catalog(traits, {n: r for n, (r, _) in rules(50).items()})

    def round_() -> Sample:
        with ours.engine() as engine:
            value = seconds(ours.run, engine, catalog)
        with ours.engine() as engine:
            against = seconds(hand, engine, 50, traits)
        return Sample(value, against, case.size or EVENTS)

    return round_


@benchmark("batch.50_segments_vs_one_query_by_hand", goal=at_most(1.3), rounds=3)
def fifty(case: Case) -> Round:
    """50 segments over 29 traits against one shared-scan query that writes the same columns."""
    return against_one_query(case, TRAITS)


@benchmark("batch.hard_traits_vs_one_query_by_hand", goal=at_most(1.5), rounds=3)
def hard(case: Case) -> Round:
    """With 4 distinct, 3 most_common, 3 last and 2 sequences among the traits."""
    return against_one_query(case, {**TRAITS, **HARD})


@benchmark("batch.500_segments_vs_50", goal=at_most(1.6), rounds=3)
def five_hundred(case: Case) -> Round:
    """500 segments over the same traits against the 50."""
    ours = data(case)
    few, many = (ours.catalog(TRAITS, {n: r for n, (r, _) in rules(k).items()}) for k in (50, 500))

    def round_() -> Sample:
        with ours.engine() as engine:
            value = seconds(ours.run, engine, many)
        with ours.engine() as engine:
            against = seconds(ours.run, engine, few)
        return Sample(value, against, case.size or EVENTS)

    return round_


@benchmark("batch.50_segments_vs_query_per_segment", goal=at_most(1 / 8), rounds=1)
def one_each(case: Case) -> Round:
    """50 segments against one query by hand for each, which scans for what that segment needs and writes its members."""
    ours = data(case)
    segments = rules(50)
    catalog = ours.catalog(TRAITS, {n: r for n, (r, _) in segments.items()})
    made = dict(zip((a.rpartition(" AS ")[2] for a in aggregates(TRAITS)), aggregates(TRAITS), strict=True))

    def each(engine: DuckDB) -> None:
        for name, (_, sql) in segments.items():
            used = [n for n in made if n in sql.replace("(", " ").replace(")", " ").split()]
            columns = ", ".join(f"coalesce({n}, 0) AS {n}" if "last" not in n and "biggest" not in n else n for n in used)
            scan = f"""LEFT JOIN (SELECT _customer, {", ".join(made[n] for n in used)} FROM "event order"
                WHERE time <= TIMESTAMP '2026-09-30 23:59:59.999999' GROUP BY _customer) USING (_customer)"""
            engine.execute(
                f"""CREATE OR REPLACE TABLE segment_{name} AS SELECT customer, {sql} AS member FROM
                (SELECT c.*{", " + columns if used else ""} FROM "business customers" c {scan if used else ""})"""
            )
            engine.rows(f"SELECT member, count(*) FROM segment_{name} GROUP BY member")

    def round_() -> Sample:
        with ours.engine() as engine:
            value = seconds(ours.run, engine, catalog)
        with ours.engine() as engine:
            against = seconds(each, engine)
        return Sample(value, against, case.size or EVENTS)

    return round_


@benchmark("batch.peak_memory", goal=at_most(1536), unit="MiB", rounds=1)
def memory(case: Case) -> Round:
    """The peak of the whole process of a run of 50 segments over 29 traits."""
    data(case)
    events = case.size or EVENTS
    code = f"""
from pathlib import Path
from benchmarks.business import TRAITS, business, rules
b = business(Path({str(case.folder)!r}), {events}, {max(1000, events // 10)})
catalog = b.catalog(TRAITS, {{n: r for n, (r, _) in rules(50).items()}})
with b.engine() as engine:
    b.run(engine, catalog)
"""
    return lambda: Sample(peak_mib(["-c", code]), n=events)


@benchmark("count.ad_hoc", goal=at_most(0.1), rounds=5)
def ad_hoc(case: Case) -> Round:
    """`coterie count` over materialised traits, inside the process."""
    from benchmarks.business import AS_OF
    from coterie.language.leaves import Context
    from coterie.language.types import BOOLEAN
    from coterie.segments import membership
    from coterie.traits import batch
    from coterie.workspace.run import TRAITS as TABLE
    from coterie.workspace.run import builder

    ours = data(case)
    catalog = ours.catalog(TRAITS, {})
    held = ExitStack()
    engine = held.enter_context(ours.engine())
    ours.run(engine, catalog)
    aliases = batch.aliases_of((d.name, d.checked.tree) for d in catalog.definitions.values())
    tables = ours.tables(catalog)

    def count(expression: str) -> membership.Size:
        checked = catalog.expression(expression, expected=BOOLEAN)
        compiler = batch.compiler(builder(engine, Context(AS_OF, "UTC")), catalog.scope, tables, aliases)
        return membership.count(engine, membership.rules({"": checked.tree}, compiler, TABLE))[""]

    def round_() -> Sample:
        started = perf_counter()
        assert held is not None  # closes the engine when it is gone
        size = count("revenue > 1000 and country = 'DE' and income > 30000 or last_order within 30 days")
        return Sample(perf_counter() - started, n=size.population)

    return round_
