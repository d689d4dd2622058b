"""The demo shop as `make demo ENGINE=spark` runs it: every customer has the same traits and segments as on DuckDB."""

import math
from pathlib import Path
from time import perf_counter

import pyarrow as pa
import pytest

import coterie
from benchmarks.figures import at_most
from coterie.workspace.demo import write_demo
from coterie.workspace.settings import Settings

pytestmark = [pytest.mark.spark, pytest.mark.long]


def everybody(shop: coterie.Workspace) -> pa.Table:
    return shop.results.engine.fetch("SELECT * FROM traits").sort_by("customer")


def is_same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def memberships(shop: coterie.Workspace) -> dict[str, list[tuple[str, str | None]]]:
    return {
        name: sorted((row["customer"], row.get("label") or "") for row in shop.history.members(name).to_pylist())
        for name in [*shop.project.segments, *shop.project.segmentations]
    }


def test_the_demo_shop(tmp_path: Path, figure) -> None:
    shops, took = [], 0.0
    for engine in ("duckdb", "local[2]"):
        write_demo(tmp_path / engine)
        shop = coterie.open(tmp_path / engine, Settings(engine=engine))
        began = perf_counter()
        shop.run()
        took = perf_counter() - began
        shops.append(shop)
    figure("spark.demo_run", took, "s", goal=at_most(180), n=2000)
    duck, spark = shops
    assert len(duck.results.sizes) == 32
    assert duck.results.sizes == spark.results.sizes
    assert duck.results.made.labels == spark.results.made.labels
    assert memberships(duck) == memberships(spark)
    left, right = everybody(duck), everybody(spark)
    assert left.column_names == right.column_names
    for name in left.column_names:
        pairs = zip(left[name].to_pylist(), right[name].to_pylist(), strict=True)
        assert [pair for pair in pairs if not is_same(*pair)] == [], name
