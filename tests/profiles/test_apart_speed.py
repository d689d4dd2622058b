"""A million customers, fifty segments, thirty traits: what sets each segment apart, in the time of a breath."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.figures import at_most
from coterie.engine.duckdb import DuckDB
from coterie.language.types import BOOLEAN, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.profiles.apart import apart
from coterie.segments.bitmaps import of_arrow, words

MADE: list[tuple[str, Type, int, str]] = [
    ("paid", MONEY, 5, "(exp(u * {k}))::decimal(18, 4)"),
    ("orders", INTEGER, 6, "(u * {k} * 10)::bigint"),
    ("score", FLOAT, 3, "case when u < 0.1 then null else u * 100 end"),
    ("last", TIMESTAMP, 3, "timestamp '2020-01-01' + to_seconds((u * 1e8)::bigint)"),
    ("country", TEXT, 8, "'v' || (u * {k} * 20)::int"),
    ("mail", BOOLEAN, 5, "u < 0.3"),
]


@pytest.mark.bench
@pytest.mark.long
def test_a_million_customers(size: Callable[[int], int], figure: Callable[..., object]) -> None:
    n, segments = size(1_000_000), [f"s{i}" for i in range(50)]
    r = np.random.default_rng(1)
    columns: dict[str, Type] = {}
    parts = []
    for name, type_, many, sql in MADE:
        for k in range(1, many + 1):
            columns[f"{name}{k}"] = type_
            uniform = f"(hash(i, {len(columns)}) % 1000003) / 1000003.0"
            parts.append(f"{sql.format(k=k).replace('u ', uniform + ' ')} as {name}{k}")
    with DuckDB() as engine:
        engine.execute(
            f"create table traits as select i as _customer, i::varchar as customer, {', '.join(parts)} from range({n}) t(i)"
        )
        inside = [of_arrow(pa.array(r.random(n) < share)) for share in r.choice([0.001, 0.01, 0.05, 0.1, 0.2, 0.5], 50)]
        packed = {f"w{i}": pa.array(w) for i, w in enumerate(words(inside, n))}
        engine.register("segment_bits", pa.table({"_customer": pa.array(np.arange(n)), **packed}))
        started = perf_counter()
        found = apart(engine, segments, segments, columns, {})
        seconds = perf_counter() - started
    assert found.comparisons >= 50 * 30
    figure("what sets 50 segments apart in 30 traits", seconds, "s", goal=at_most(2), n=n)
