"""What Spark reads: Parquet in partitions and tables of its catalog, with the answers that DuckDB gives for the same files."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import coterie
from coterie.core.errors import DataError
from coterie.engine.spark import session_at
from tests.partitions import FILES, REST, drift, partitioned, project, rows
from tests.shops import write_tiny
from tests.spark.sessions import QUICK

pytestmark = pytest.mark.spark


def told(space: coterie.Workspace) -> tuple[object, ...]:
    """Everything that a run found."""
    results = space.results
    traits = results.engine.fetch("SELECT * FROM traits").sort_by("customer").to_pylist()
    sizes = {name: (s.inside, s.outside, s.cannot_tell, dict(s.missing)) for name, s in results.sizes.items()}
    members = {name: sorted(row["customer"] for row in space.segments.members(name)) for name in results.sizes}
    columns = {kind: {n: str(t) for n, t in e.columns.items()} for kind, e in results.made.events.items()}
    bad = [(r["line"], r["column"], r["value"], r["reason"]) for r in space.quarantine()]
    reports = [{k: v for k, v in s.items() if k not in ("files", "learned_at")} for s in results.made.data["sources"]]
    return traits, sizes, members, columns, bad, reports


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, coterie.Workspace]:
    out = {}
    for engine in ("duckdb", "local[2]"):
        folder = tmp_path_factory.mktemp("parts")
        partitioned(folder)
        out[engine] = project(folder, engine)
        out[engine].run()
    return out


def test_a_partitioned_folder_is_the_same_on_both(both: dict[str, coterie.Workspace]) -> None:
    duck, spark = told(both["duckdb"]), told(both["local[2]"])
    assert duck == spark
    columns = both["duckdb"].results.made.events["order"].columns
    assert {n: str(columns[n]) for n in ("dt", "shop", "pieces", "amount")} == {
        "dt": "date", "shop": "text", "pieces": "integer", "amount": "money",
    }  # fmt: skip
    assert both["duckdb"].segments.size("online").inside > 0
    assert both["duckdb"].quarantine()  # the order of infinity


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The orders as a table of Spark's catalog, without the columns that the folders name."""
    where = tmp_path_factory.mktemp("catalog") / "orders"
    session = session_at("local[2]", QUICK)
    for n in range(3):
        where.mkdir(exist_ok=True)
        pq.write_table(rows(40, 40 * n), where / f"{n}.parquet")
    session.sql("CREATE DATABASE IF NOT EXISTS coterie_shop")
    session.sql("DROP TABLE IF EXISTS coterie_shop.orders")
    session.sql(f"CREATE TABLE coterie_shop.orders USING parquet LOCATION 'file://{where}'")
    yield where
    session.sql("DROP DATABASE coterie_shop CASCADE")


TABLE = "  order: {table: coterie_shop.orders, customer: customer, time: at, id: order_id}\n"


def test_a_table_of_the_catalog_is_read_where_it_lies(catalog: Path, tmp_path: Path) -> None:
    told_of = {}
    rest = REST.replace("  online: exists(order where shop = 'web')\n", "")
    for engine, source in (("duckdb", FILES.replace("orders/", "orders.parquet")), ("local[2]", TABLE)):
        folder = tmp_path / engine[:5]
        folder.mkdir()
        write_tiny(folder)
        pq.write_table(pa.concat_tables(pq.read_table(f) for f in sorted(catalog.glob("*.parquet"))), folder / "orders.parquet")
        space = project(folder, engine, source, rest)
        space.run()
        told_of[engine] = told(space)
        if engine != "duckdb":
            before = space.results.made.events["order"].files
            assert space.due() == ["order is a database, which may have changed"]
            space.run()  # nothing changed: the tables stay
            assert space.results.made.events["order"].files == before
    for n, (duck, spark) in enumerate(zip(*told_of.values(), strict=True)):
        if n != 4:  # which line is bad depends on the order in which Spark wrote the rows
            assert duck == spark
    assert len(told_of["duckdb"][4]) == len(told_of["local[2]"][4])  # type: ignore[arg-type]


def test_a_table_must_be_there(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    with pytest.raises(DataError, match="Spark's catalog has no such table"):
        project(tmp_path, "local[2]", TABLE.replace("orders", "nothing"), "").check()


def test_partitions_that_differ_are_said(tmp_path: Path) -> None:
    drift(tmp_path, "local[2]")


def test_a_table_is_read_from_where_it_was_left(tmp_path: Path) -> None:
    """With `updated_at:` a run copies the rows that changed; what changed is in their place, what is marked is gone."""
    where = tmp_path / "orders"
    where.mkdir()
    session = session_at("local[2]", QUICK)

    def orders(name: str, *rows: tuple[int, str, float, str, bool]) -> None:
        columns = [*zip(*rows, strict=True)]
        times = [pa.array([datetime.fromisoformat(t) for t in columns[3]], pa.timestamp("us", "UTC"))]
        values = [pa.array(columns[0]), pa.array(columns[1]), pa.array(columns[2]), *times, pa.array(columns[4])]
        pq.write_table(pa.table(values, ["order_id", "customer", "amount", "changed", "gone"]), where / name)
        session.sql("REFRESH TABLE coterie_left.orders") if name != "0.parquet" else None

    orders("0.parquet", (1, "a1", 10.0, "2026-03-01", False), (2, "a1", 20.0, "2026-03-02", False))
    session.sql("CREATE DATABASE coterie_left")
    try:
        session.sql(f"CREATE TABLE coterie_left.orders USING parquet LOCATION 'file://{where}'")
        write_tiny(tmp_path)
        line = TABLE.replace("coterie_shop", "coterie_left").replace(
            "time: at", "time: changed, updated_at: changed, deleted: gone"
        )
        space = project(tmp_path, "local[2]", line, "traits:\n  spent: sum(order.amount)\nsegments:\n  big: spent >= 100\n")
        space.run()
        assert space.count("spent = 30").size.inside == 1
        orders("1.parquet", (2, "a1", 200.0, "2026-03-03", False), (1, "a1", 10.0, "2026-03-04", True))
        space.run()
        assert space.count("spent = 200").size.inside == 1
        files = space.results.made.data["sources"][1]["files"]
        assert len(files) == 2
        assert "up to" in str(files)
    finally:
        session.sql("DROP DATABASE coterie_left CASCADE")
