"""Models on Spark: the same fits from the same data, and the same values for everybody, scored where the customers are."""

import json
from pathlib import Path
from typing import Any

import pytest

import coterie
from tests.models import payers
from tests.models.buyers import PROJECT, TODAY, write
from tests.spark.sessions import QUICK

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    """By engine and customer, the row of traits of a project with every kind of model."""
    contract = "  contract: {lifetime_value: [payment.amount, 365 days], process: sbg, period: month}\n"
    project = PROJECT.replace("\ntraits:\n", f"{payers.SOURCE}\ntraits:\n{contract}")
    out = {}
    for engine in ("duckdb", "local[2]"):
        folder: Path = tmp_path_factory.mktemp("models")
        write(folder, f"engine: {engine}\nspark: {json.dumps(dict(QUICK))}\n{project}", customers=250)
        payers.write(folder, list(payers.monthly(250, TODAY)))
        workspace = coterie.open(folder)
        workspace.run()
        rows = workspace.results.engine.fetch("SELECT * FROM traits").to_pylist()
        out[engine] = {row["customer"]: row for row in rows}
    return out


def test_every_model_gives_everybody_the_same(both):
    duck, spark = both["duckdb"], both["local[2]"]
    assert duck.keys() == spark.keys()
    some = next(iter(duck.values()))
    assert {
        "next_year.high",
        "buys_soon.tenth",
        "interest.score",
        "likes_tea",
        "like_big",
        "alike.key",
        "micro",
        "contract.low",
    } <= some.keys()
    for who, row in duck.items():
        for name, value in row.items():
            same = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert spark[who][name] == same, (who, name)
