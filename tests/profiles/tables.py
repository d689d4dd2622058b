"""Small tables in an engine, for tests that recompute in plain Python what the engine was asked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.engine.duckdb import DuckDB
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.segments.bitmaps import of_arrow, words

Verdicts = Mapping[str, Sequence[bool | None]]


def traits(engine: DuckDB, columns: Mapping[str, pa.Array]) -> None:
    """The table of traits: customers 0, 1, …"""
    n = len(next(iter(columns.values())))
    keys = pa.array(range(n), pa.int64())
    engine.register("traits", pa.table({"_customer": keys, "customer": keys.cast(pa.string()), **columns}))


def memberships(engine: DuckDB, verdicts: Verdicts) -> None:
    """The packed memberships; None is cannot tell."""
    rows = len(next(iter(verdicts.values())))
    packed = words([of_arrow(pa.array(list(v), pa.bool_())) for v in verdicts.values()], rows)
    keys = pa.array(np.arange(rows), pa.int64())
    engine.register("segment_bits", pa.table({"_customer": keys, **{f"w{i}": pa.array(w) for i, w in enumerate(packed)}}))


def events(engine: DuckDB, rows: Sequence[tuple[int, datetime, Any]], name: str = "event order") -> None:
    """Events (customer, time, amount) of one kind, in UTC."""
    schema = pa.schema(
        [("_customer", pa.int64()), ("time", pa.timestamp("us")), ("_day", pa.date32()), ("amount", pa.decimal128(18, 4))]
    )
    made = [{"_customer": c, "time": t, "_day": t.date(), "amount": a} for c, t, a in rows]
    engine.register(name, pa.Table.from_pylist(made, schema=schema))


def builder(engine: DuckDB, as_of: datetime) -> Builder:
    return Builder(engine.dialect, Context(as_of, "UTC"), exp.column("customer"))
