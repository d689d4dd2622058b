"""Real data: Online Retail's published audiences on DuckDB and on Spark."""

import json
from pathlib import Path

import pytest
from sqlglot import exp

import coterie
from coterie.traits.batch import relation
from coterie.workspace.workspace import Workspace
from tests.references.audiences import ONLINE_RETAIL

pytestmark = pytest.mark.spark


def run_on(engine: str, folder: Path, shared: Path) -> Workspace:
    rules = dict.fromkeys(text for audience in ONLINE_RETAIL.audiences for text in audience.counts)
    segments = "".join(f"  s{n}: {json.dumps(text)}\n" for n, text in enumerate(rules))
    folder.mkdir()
    text = f"engine: {engine}\n{ONLINE_RETAIL.yaml(shared / 'data' / ONLINE_RETAIL.file)}segments:\n{segments}"
    (folder / "coterie.yaml").write_text(text, encoding="utf-8")
    workspace = coterie.open(folder)
    workspace.run()
    return workspace


def test_online_retail_is_answered_alike(shared: Path, tmp_path: Path) -> None:
    duck, spark = (run_on(engine, tmp_path / engine.partition("[")[0], shared) for engine in ("duckdb", "local[2]"))
    assert duck.results.sizes == spark.results.sizes
    assert len(duck.results.sizes) > 5
    for table in ("segments", "traits"):
        asked = exp.select("*").from_(relation(table))
        one, other = (w.results.engine.fetch(asked).sort_by("customer").to_pylist() for w in (duck, spark))
        assert len(one) > 4000
        assert one == other
