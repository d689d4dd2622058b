"""Which features are worth asking of every day: what tells the outcome, once, and what rules need."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

import coterie
from coterie.models.prediction.screening import worth_asking
from coterie.models.prediction.training import Sample
from tests.models.buyers import PROJECT, TODAY, write

T = datetime(2026, 6, 1)


def day(n: int, seed: int = 0) -> Sample:
    """60 features of which `tells` tells the outcome, `again` says the same, and `sorts` tells a little."""
    rng = np.random.default_rng(seed)
    tells, sorts = rng.normal(size=n), rng.normal(size=n)
    columns = {f"noise_{i}": pa.array(rng.normal(size=n)) for i in range(57)}
    columns |= {"tells": pa.array(tells), "again": pa.array(np.exp(tells) + 3), "sorts": pa.array(sorts)}
    return Sample(T, pa.table(columns), rng.random(n) < 1 / (1 + np.exp(-2 * tells - sorts)))


def test_what_tells_is_kept_once() -> None:
    kept = worth_asking(day(2000), "classification", 0, always=["noise_7"], most=10)
    assert len({"tells", "again"} & set(kept)) == 1
    assert "sorts" in kept
    assert "noise_7" in kept
    assert len(kept) <= 11
    assert kept == [name for name in day(2000).table.column_names if name in kept], "in the order of the table"
    assert worth_asking(day(2000), "classification", 0, always=["noise_7"], most=10) == kept


def test_few_features_and_few_customers_keep_all() -> None:
    everything = day(2000).table.column_names
    assert worth_asking(day(2000), "classification", 0, most=60) == everything
    assert worth_asking(day(30), "classification", 0, most=10) == everything


def test_a_forecast_asks_for_what_is_worth_it_and_the_day_of_the_test_has_no_say(tmp_path: Path) -> None:
    call = "predict(exists(order within next 60 days) from orders, revenue, days_quiet, age)"
    project = PROJECT.replace(call, "predict(exists(order within next 60 days))")
    kinds = "".join(f"  k{i}: {{path: orders.csv, customer: customer, time: at, id: order_id}}\n" for i in range(6))
    project = project.replace("\ntraits:\n", f"{kinds}\ntraits:\n")
    asked = []
    for folder, more in (("a", []), ("b", [(f"c{n:03}", datetime(2026, 5, 20, 12), 30.0, "tea") for n in range(200)])):
        workspace = coterie.open(write(tmp_path / folder, project, more=more))
        workspace.run()
        fit = workspace.models["buys_soon"].fit
        assert fit is not None
        asked.append(fit.told["inputs"])
        days = [one["as_of"] for one in fit.told["learned_from"]]
        assert days[-1] == (TODAY - timedelta(days=60)).isoformat()
    assert asked[0] == asked[1], "only days after the test differ"
    assert len(asked[0]) <= 41
    assert "days_since(last(order.time))" in asked[0]
