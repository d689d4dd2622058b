"""Folders that name a column and its value."""

from pathlib import Path

import pytest

from coterie.core.errors import DataError, DefinitionError
from coterie.sources.partitions import partition_of
from tests.partitions import FILES, drift, partitioned, project
from tests.shops import write_tiny


def test_folders_name_columns() -> None:
    assert partition_of("orders/dt=2026-01-01/a%20b=x%2Fy/part.parquet") == (("dt", "2026-01-01"), ("a b", "x/y"))
    assert partition_of("orders/dt=__HIVE_DEFAULT_PARTITION__/part.parquet") == (("dt", None),)
    assert partition_of("a=b.parquet") == partition_of("=b/c.parquet") == ()


def test_a_partition_is_a_column_of_its_rows(tmp_path: Path) -> None:
    partitioned(tmp_path)
    (tmp_path / "orders" / "dt=2026-03-04" / "shop=7").mkdir(parents=True)
    space = project(tmp_path, "duckdb")
    space.run()
    columns = space.results.made.events["order"].columns
    assert {n: str(columns[n]) for n in ("dt", "shop", "pieces", "amount", "price")} == {
        "dt": "date", "shop": "text", "pieces": "integer", "amount": "money", "price": "money",
    }  # fmt: skip
    assert space.count("exists(order where shop = 'web' and dt = date('2026-03-02'))").size.inside > 0
    assert space.count("exists(order where shop = 'store' and dt = date('2026-03-01'))").size.inside == 0


def test_the_same_bytes_in_two_partitions_are_two_files(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    for n in (1, 2):
        (tmp_path / "visits" / f"week={n}").mkdir(parents=True)
        (tmp_path / "visits" / f"week={n}" / "a.csv").write_text("who,seen\na1,2026-03-10\n", encoding="utf-8")
    visits = "  visit: {path: visits/, customer: who, time: seen}\n"
    space = project(tmp_path, "duckdb", visits, "traits:\n  weeks: distinct(visit.week)\n")
    space.run()
    assert space.count("weeks = 2").size.inside == 1
    assert str(space.results.made.events["visit"].columns["week"]) == "integer"


def test_partitions_that_differ_are_said(tmp_path: Path) -> None:
    drift(tmp_path, "duckdb")


def test_a_delta_table_is_no_folder_of_parquet(tmp_path: Path) -> None:
    partitioned(tmp_path)
    (tmp_path / "orders" / "_delta_log").mkdir()
    with pytest.raises(DataError, match="is a Delta table"):
        project(tmp_path, "duckdb").check()


def test_a_table_of_a_catalog_needs_spark(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    with pytest.raises(DefinitionError, match="order is a table of Spark's catalog") as caught:
        project(tmp_path, "duckdb", FILES.replace("path: orders/", "table: shop.orders"), "").check()
    assert "engine: spark" in str(caught.value.hint)
