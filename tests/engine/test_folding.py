"""Folded scans say what DuckDB says of the same query: values, types and which groups there are."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from coterie.engine.duckdb import DuckDB
from coterie.engine.scans import recognised
from coterie.engine.sorted_files import ParquetRows
from coterie.traits.batch import SORTED

DAY, NOON = date(2026, 1, 1), datetime(2026, 1, 1, 12)
SCHEMA = pa.schema(
    [
        pa.field("_customer", pa.int64()),
        pa.field("time", pa.timestamp("us")),
        pa.field("_day", pa.date32()),
        pa.field("_order", pa.int64()),
        pa.field("amount", pa.decimal128(18, 4)),
        pa.field("score", pa.decimal128(24, 9)),
        pa.field("n", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("on", pa.date32()),
        pa.field("at", pa.timestamp("us")),
        pa.field("yes", pa.bool_()),
    ]
)
WHERE = "e.time <= CAST('2026-01-20 12:00:00.000000' AS TIMESTAMP)"
AGGREGATES = (
    "COUNT(*)",
    "COUNT(e.amount)",
    "SUM(e.amount)",
    "SUM(e.n)",
    "SUM(e.score)",
    "TRY_CAST(COALESCE(SUM(e.n), 0) AS BIGINT)",
    "TRY_CAST(COALESCE(SUM(e.amount), 0) AS DECIMAL(18,4))",
    "CAST(SUM(e.score) AS DOUBLE) / NULLIF(CAST(COUNT(*) AS DOUBLE), CAST(0 AS DOUBLE))",
    *(f"{f}(e.{c})" for f in ("MIN", "MAX") for c in ("amount", "score", "n", "time", "_day", "on", "at")),
    *(f"{f}(e.{c}, e._order)" for f in ("ARG_MIN", "ARG_MAX") for c in ("kind", "amount", "score", "yes", "on", "n")),
    "COUNT(*) > 0",
)
FILTERS = (
    "",
    "e._day >= CAST('2026-01-10' AS DATE)",
    "e._day < CAST('2026-01-10' AS DATE)",
    "(e._day > CAST('2026-01-05' AS DATE)) AND (e._day <= CAST('2026-01-12' AS DATE))",
    "(e._day >= CAST('2026-01-12' AS DATE)) AND (e._day < CAST('2026-01-05' AS DATE))",
    "e.time >= CAST('2026-01-10 18:00:00' AS TIMESTAMP)",
    "e.on >= CAST('2026-01-07' AS DATE)",
    "(NOT (e.amount IS NULL)) AND (e._day >= CAST('2026-01-03' AS DATE))",
    "e.kind = 'a'",
    "(e.kind = 'a') OR (e.kind IS NULL)",
    "NOT e.yes",
    "(e.n > 0) AND (e.kind <> 'b') AND (e._day >= CAST('2026-01-08' AS DATE))",
    "LIST_EXTRACT(LIST_TRANSFORM([e.n % 3 + 1], x -> x > 1), 1)",
    "TRUE",
    "e.amount > e.score",
)
"""Windows, conditions with NULL, and both."""


def known(values, often=4):
    return st.one_of(*[values] * often, st.none())


LARGE = st.sampled_from([2**62, -(2**62), 2**63 - 1, -(2**63), 10**17])
ROW = st.tuples(
    st.integers(0, 30 * 24),
    known(st.decimals(-1000, 1000, places=4)),
    known(st.one_of(st.decimals(-1000, 1000, places=9), st.just(Decimal("999999999999999.5")))),
    known(st.integers(-5, 5)),
    known(st.sampled_from(["a", "b", "ä", ""])),
    known(st.integers(0, 20)),
    known(st.booleans()),
)


@st.composite
def tables(draw, large=False):
    groups = draw(st.lists(st.lists(ROW, min_size=1, max_size=8), max_size=6))
    # A clock that was set back over midnight: a later event may have an earlier day.
    back = draw(st.booleans())
    rows, order = [], 0
    for customer, events in enumerate(groups):
        for hours, amount, score, n, kind, on, yes in sorted(events, key=lambda e: e[0]):
            time = NOON + timedelta(hours=hours)
            day = time.date() - timedelta(days=int(back and hours % 5 == 0))
            if large and n is not None:
                n = draw(LARGE)
            order += 1
            there = None if on is None else DAY + timedelta(days=on)
            at = None if there is None else datetime.combine(there, NOON.time())
            rows.append((customer * 2 - 3, time, day, order, amount, score, n, kind, there, at, yes))
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(_columns(rows), SCHEMA, strict=True)], schema=SCHEMA)


def _columns(rows):
    return list(zip(*rows, strict=True)) if rows else [[] for _ in SCHEMA]


PROJECTIONS = st.lists(st.tuples(st.sampled_from(AGGREGATES), st.sampled_from(FILTERS)), min_size=1, max_size=12)


def query(asked, where=WHERE) -> exp.Select:
    columns = []
    for i, (aggregate, kept) in enumerate(asked):
        tree = sqlglot.parse_one(f"SELECT {aggregate}", read="duckdb").expressions[0]
        if kept:
            condition = sqlglot.parse_one(f"SELECT {kept}", read="duckdb").expressions[0]
            for call in list(tree.find_all(exp.AggFunc)):
                inside = exp.Filter(this=call.copy(), expression=exp.Where(this=condition.copy()))
                if call is tree:
                    tree = inside
                else:
                    call.replace(inside)
        columns.append(exp.alias_(tree, f"m{i}"))
    start = sqlglot.parse_one(f'SELECT e."_customer" FROM rows AS e WHERE {where} GROUP BY e."_customer"', read="duckdb")
    assert isinstance(start, exp.Select)
    return start.select(*columns)


@pytest.fixture(scope="module")
def engines():
    with DuckDB(threads=2, fold_from=0) as folding, DuckDB(threads=1, fold_from=None) as plain:
        yield folding, plain


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


def both(engines, path, table, asked, size=3):
    """The answer of a query, folded and not."""
    pq.write_table(table, path, row_group_size=size)
    for engine in engines:
        engine.parquet("rows", [path], sorted_by=SORTED)
    folding, plain = engines
    order = exp.Ordered(this=exp.column("_customer"))
    tree = exp.select("*").from_(asked.subquery("s")).order_by(order)
    return folding.fetch(tree), plain.fetch(tree)


def same(a: pa.Table, b: pa.Table) -> None:
    assert a.schema == b.schema
    assert a.to_pylist() == b.to_pylist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), asked=PROJECTIONS, size=st.sampled_from([2, 1000]))
def test_folding_changes_nothing(engines, path, table, asked, size):
    before = engines[0].folds
    same(*both(engines, path, table, query(asked), size))
    large = any(v is not None and abs(v) > 10**9 for v in table.column("score").to_pylist())
    assert engines[0].folds == before + 1 or large, "it was not folded"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), asked=PROJECTIONS, size=st.sampled_from([2, 3, 1000]), draw=st.randoms(use_true_random=False))
def test_rows_of_a_small_file_are_folded_where_they_belong(engines, path, table, asked, size, draw):
    """Places as events have them: those of the large file far apart, the others behind the last of their customer before."""
    assume(table.num_rows > 1)
    beside = sorted(draw.sample(range(table.num_rows), draw.randrange(1, table.num_rows)))
    keys, last, places = table.column("_customer").to_pylist(), {}, []
    for row, key in enumerate(keys):
        if row not in beside:
            last[key] = 1000 * (row + 1)
        places.append(last.get(key, 0) + (beside.index(row) + 1 if row in beside else 0))
    table = table.set_column(table.column_names.index("_order"), SCHEMA.field("_order"), pa.array(places, pa.int64()))
    small = path.with_name("small.parquet")
    pq.write_table(table.filter(pa.array([row not in beside for row in range(table.num_rows)])), path, row_group_size=size)
    pq.write_table(table.take(beside), small, row_group_size=2)
    for engine in engines:
        engine.parquet("rows", [path, small], sorted_by=SORTED)
    folding, plain = engines
    before = folding.folds
    tree = exp.select("*").from_(query(asked).subquery("s")).order_by(exp.Ordered(this=exp.column("_customer")))
    same(folding.fetch(tree), plain.fetch(tree))
    large = any(v is not None and abs(v) > 10**9 for v in table.column("score").to_pylist())
    assert folding.folds == before + 1 or large, "it was not folded"
    merged = folding.sorted["rows"].rows()
    read = pa.concat_tables([merged.read(chunk, ["_customer", "_order", "kind"]) for chunk in range(merged.chunks)])
    assert read.to_pylist() == table.select(["_customer", "_order", "kind"]).to_pylist()
    assert merged.rows == table.num_rows


def test_files_that_do_not_say_where_they_lie_are_left_to_the_engine(path):
    small = path.with_name("small.parquet")
    pq.write_table(rows_of(2, 5), small)
    large = rows_of(1, 2, 3)
    falling = large.set_column(large.column_names.index("_order"), SCHEMA.field("_order"), pa.array([3, 2, 1]))
    with DuckDB(fold_from=0) as folding:
        for table, statistics in ((large, False), (falling, True), (large.slice(0, 0), True)):
            pq.write_table(table, path, row_group_size=2, write_statistics=statistics)
            folding.parquet("rows", [path, small], sorted_by=SORTED)
            assert not folding.scans(parsed(SCAN))
        pq.write_table(large, path, row_group_size=2)
        folding.parquet("rows", [path, small], sorted_by=SORTED[:1])
        assert not folding.scans(parsed(SCAN))
        folding.parquet("rows", [path, small], sorted_by=SORTED)
        assert folding.scans(parsed(SCAN))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(large=True), kept=st.sampled_from(FILTERS))
def test_what_leaves_64_bits_is_left_to_the_engine(engines, path, table, kept):
    asked = [(a, kept) for a in ("SUM(e.n)", "MIN(e.n)", "MAX(e.n)", "COUNT(e.n)", "TRY_CAST(COALESCE(SUM(e.n), 0) AS BIGINT)")]
    same(*both(engines, path, table, query(asked)))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), asked=PROJECTIONS, days=st.lists(st.integers(0, 31), min_size=1, max_size=5))
def test_foreseen_queries_are_folded_together_and_answered_alike(engines, path, table, asked, days):
    pq.write_table(table, path, row_group_size=3)
    for engine in engines:
        engine.parquet("rows", [path], sorted_by=SORTED)
    folding, plain = engines
    queries = [query(asked, f"e.time <= CAST('{NOON + timedelta(days=d)}' AS TIMESTAMP)").order_by("_customer") for d in days]
    queries = [exp.select("*").from_(q.order_by().subquery("s")).order_by("_customer") for q in queries]
    with folding.foreseen(queries):
        for one in queries:
            same(folding.fetch(one), plain.fetch(one))
    assert not folding.ready


def rows_of(*customers: int) -> pa.Table:
    n = len(customers)
    columns = {"_customer": list(customers), "time": [NOON] * n, "_day": [DAY] * n, "_order": list(range(n)), "n": [1] * n}
    return pa.table({f.name: pa.array(columns.get(f.name, [None] * n), f.type) for f in SCHEMA}, schema=SCHEMA)


@pytest.mark.parametrize("customers", [(2, 1, 1), (1, 2, 1, 1), (1, 1, 1, 5, 1, 1), (1, 1, 1, 0, 1, 1)])
def test_rows_that_are_not_sorted_after_all_are_left_to_the_engine(engines, path, customers):
    before = engines[0].folds
    folded, plain = both(engines, path, rows_of(*customers), query([("COUNT(*)", "")]))
    same(folded, plain)
    assert engines[0].folds == before


def test_a_group_over_many_row_groups_is_one(engines, path):
    folded, plain = both(engines, path, rows_of(1, *[2] * 20, 3), query([("COUNT(*)", ""), ("SUM(e.n)", "")]), size=2)
    same(folded, plain)
    assert [(r["_customer"], r["m0"], r["m1"]) for r in folded.to_pylist()] == [(1, 1, 1), (2, 20, 20), (3, 1, 1)]


def parsed(sql: str) -> exp.Select:
    found = sqlglot.parse_one(sql, read="duckdb")
    assert isinstance(found, exp.Select)
    return found


SCAN = f'SELECT e."_customer", COUNT(*) AS n FROM rows AS e WHERE {WHERE} GROUP BY e."_customer"'


@pytest.mark.parametrize(
    "sql",
    [
        f"{SCAN} HAVING COUNT(*) > 1",
        f"{SCAN} ORDER BY 1",
        f"{SCAN} LIMIT 3",
        SCAN.replace("COUNT(*)", "COUNT(DISTINCT e.kind)"),
        SCAN.replace("COUNT(*)", "SUM(e.n + 1)"),
        SCAN.replace("COUNT(*)", "MIN(e.kind)"),
        SCAN.replace("COUNT(*)", "MEDIAN(e.n)"),
        SCAN.replace("COUNT(*)", "SUM(e.n) OVER ()"),
        SCAN.replace("COUNT(*)", "COUNT(*) FILTER (WHERE e.n IN (SELECT 1))"),
        SCAN.replace("COUNT(*)", "COUNT(*) + RANDOM()"),
        SCAN.replace("WHERE ", "WHERE e.kind = 'a' AND "),
        SCAN.replace("AS e WHERE", "AS e JOIN others AS o ON true WHERE"),
        SCAN + ", e._day",
        SCAN.replace('e."_customer"', "e.kind"),
        "SELECT DISTINCT" + SCAN.removeprefix("SELECT"),
    ],
)
def test_other_queries_are_left_alone(sql):
    schema = {f.name: f.type for f in SCHEMA}
    assert recognised(parsed(SCAN), schema, "duckdb") is not None
    scan = recognised(parsed(sql), schema, "duckdb")
    assert scan is None or scan.key != "_customer"


def test_small_files_and_several_files_are_not_folded(path):
    pq.write_table(rows_of(1, 2, 2), path)
    tree = parsed(SCAN)
    with DuckDB() as usual:
        usual.parquet("rows", [path], sorted_by=SORTED)
        assert not usual.scans(tree)
    with DuckDB(fold_from=0) as folding:
        folding.parquet("rows", [path, path, path], sorted_by=SORTED)
        assert not folding.scans(tree)
        folding.parquet("rows", [path], sorted_by=SORTED)
        assert folding.scans(tree)
        folding.parquet("rows", [path])
        assert not folding.scans(tree)


def test_row_groups_tell_whether_they_follow_each_other(path):
    pq.write_table(rows_of(1, 1, 2, 2, 2, 4), path, row_group_size=3)
    assert ParquetRows(path).rises("_customer")
    assert ParquetRows(path).most("_customer") == 4
    pq.write_table(rows_of(1, 1, 4, 2, 2, 4), path, row_group_size=3)
    assert not ParquetRows(path).rises("_customer")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(
        st.lists(st.tuples(st.integers(0, 29), known(st.integers(-9, 9))), min_size=1, max_size=20), min_size=1, max_size=4
    ),
    limits=st.lists(st.tuples(st.integers(0, 31), st.integers(0, 31)), min_size=1, max_size=6),
)
def test_an_extreme_is_that_of_its_stretch_whatever_its_length(engines, path, groups, limits):
    days, customers, values = [], [], []
    for customer, events in enumerate(groups):
        for day, value in sorted(events, key=lambda e: e[0]):
            customers.append(customer)
            days.append(day)
            values.append(value)
    table = rows_of(*customers)
    changed = {"_day": [DAY + timedelta(days=d) for d in days], "n": values}
    for name, column in changed.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(column, table.schema.field(name).type))
    asked = [
        (
            f"{f}(e.n)",
            f"(e._day >= CAST('{DAY + timedelta(days=a)}' AS DATE)) AND (e._day < CAST('{DAY + timedelta(days=b)}' AS DATE))",
        )
        for a, b in limits
        for f in ("MIN", "MAX")
    ]
    before = engines[0].folds
    same(*both(engines, path, table, query(asked), 1000))
    assert engines[0].folds == before + 1
