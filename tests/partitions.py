"""Orders as Parquet in folders that name a day and a shop, and a project that reads them."""

import json
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import coterie
from coterie.core.errors import CoterieError, DataError
from tests.shops import write_tiny
from tests.spark.sessions import QUICK

HEAD = f"""\
project: parts
timezone: Europe/Berlin
as_of: 2026-03-31
spark: {json.dumps(dict(QUICK))}
sources:
  customers: {{path: customers.csv, id: id, constant: [email, country, age]}}
"""
REST = """\
traits:
  orders: count(order)
  revenue: sum(order.amount)
  pieces: sum(order.pieces)
  last_order: last(order.time)
segments:
  spent: revenue > 50
  some: pieces >= 2
  online: exists(order where shop = 'web')
  lately: last_order within 30 days
"""
FILES = "  order: {path: orders/, customer: customer, time: at, id: order_id}\n"


def rows(n: int, first: int = 0) -> pa.Table:
    """Orders as other systems write them: floats that are money, whole floats, a time with a zone, an id that comes twice."""
    several = range(first, first + n)
    return pa.table(
        {
            "order_id": pa.array([i if i % 7 else first for i in several], pa.int64()),
            "customer": pa.array([f" a{i % 5 + 1}" if i % 4 else f"ä{i % 3}" for i in several]),
            "at": pa.array([datetime(2026, 3, 1 + i % 30, i % 24, tzinfo=UTC) for i in several], pa.timestamp("us", "UTC")),
            "amount": pa.array([float("inf") if i == 3 else i / 4 for i in several]),
            "pieces": pa.array([float(i % 3) if i % 6 else None for i in several]),
            "price": pa.array([Decimal(i) / 100 for i in several], pa.decimal128(10, 2)),
        }
    )


def partitioned(folder: Path) -> None:
    write_tiny(folder)
    for n, (day, shop) in enumerate((("2026-03-01", "web"), ("2026-03-02", "store"), ("2026-03-02", "web"))):
        inside = folder / "orders" / f"dt={day}" / f"shop={shop}"
        inside.mkdir(parents=True)
        pq.write_table(rows(40, 40 * n), inside / "part-00000.parquet")
    (folder / "orders" / "_SUCCESS").touch()


def project(folder: Path, engine: str, source: str = FILES, rest: str = REST) -> coterie.Workspace:
    (folder / "coterie.yaml").write_text(f"engine: {engine}\n{HEAD}{source}{rest}", encoding="utf-8")
    return coterie.open(folder)


def drift(folder: Path, engine: str) -> None:
    """Whatever a partition may have otherwise than the others: said, and read where it can be."""
    partitioned(folder)
    drifting = folder / "orders" / "dt=2026-03-03" / "shop=web"
    drifting.mkdir(parents=True)
    file, other = drifting / "a.parquet", rows(10, 200)
    pq.write_table(other.drop_columns(["price"]), file)
    space = project(folder, engine)
    space.run()
    notes = "\n".join(space.results.made.data["notes"])
    assert "order: price not in 1 of 4 files, such as orders/dt=2026-03-03/shop=web/a.parquet: missing there" in notes
    pq.write_table(other.set_column(3, "amount", pa.array(["much"] * 10)), file)
    with pytest.raises(CoterieError, match="amount"):
        space.run()
    pq.write_table(other.drop_columns(["customer"]), file)
    with pytest.raises(DataError, match="has no such column, unlike the other files"):
        space.run()
    file.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as Parquet"):
        space.run()
    shutil.rmtree(drifting)
    assert space.segments.size("spent").inside  # the last results stay
    assert len(space.history.runs()) == 1
