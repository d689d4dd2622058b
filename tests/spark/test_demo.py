"""The demo shop as `make demo ENGINE=spark` runs it: every segment has as many customers as on DuckDB."""

from pathlib import Path
from time import perf_counter

import pytest

import coterie
from benchmarks.figures import at_most
from coterie.workspace.demo import write_demo
from coterie.workspace.settings import Settings

pytestmark = [pytest.mark.spark, pytest.mark.long]


def test_the_demo_shop(tmp_path: Path, figure) -> None:
    sizes, labels, took = [], [], 0.0
    for engine in ("duckdb", "local[2]"):
        write_demo(tmp_path / engine)
        shop = coterie.open(tmp_path / engine, Settings(engine=engine))
        began = perf_counter()
        shop.run()
        took = perf_counter() - began
        sizes.append(shop.results.sizes)
        labels.append(shop.results.made.labels)
    figure("spark.demo_run", took, "s", goal=at_most(180), n=2000)
    assert len(sizes[0]) == 32
    assert sizes[0] == sizes[1]
    assert labels[0] == labels[1]
