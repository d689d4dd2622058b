"""Where Spark does the work, DuckDB need not be there at all, and nothing that grows with customers reaches this process."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.shops import write_tiny
from tests.spark.projects import PROJECT, QUICKLY
from tests.spark.sessions import QUICK

pytestmark = pytest.mark.spark

ALL = """\
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "duckdb":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
import coterie

shop = coterie.open(sys.argv[1])
shop.check()
shop.run()
with open(f"{sys.argv[1]}/orders.csv", "a", encoding="utf-8") as orders:
    orders.write("7,a4,2026-03-30 10:00:00,10.00\\n")
shop.run()
vip = shop.segments.size("vip")
assert shop.count("revenue >= 100 and last_order within 60 days").size == vip
assert len(list(shop.segments.members("vip"))) == vip.inside
assert shop.why("a1", "vip").reason
assert shop.plan().compared is not None
assert len(shop.history.runs()) == 2
assert shop.history.sizes("vip")[-1].inside == vip.inside
assert shop.history.members("vip").num_rows == vip.population
assert shop.export("vip", "csv", out=f"{sys.argv[1]}/vip.csv").rows == vip.inside
shop.report(f"{sys.argv[1]}/report.html")
assert shop.quarantine()
assert shop.sql("vip")
shop.doctor()
shop.undo()
assert "duckdb" not in sys.modules
print("done")
"""


def test_every_command_works_without_duckdb(tmp_path: Path) -> None:
    write_tiny(tmp_path, PROJECT)
    (tmp_path / "visits").mkdir()
    (tmp_path / "visits" / "0.csv").write_text("who,seen,page\na1,2026-03-10 12:00:00,home\nä,2026-03-02,shop\n", encoding="utf-8")
    (tmp_path / "coterie.yaml").write_text(f"engine: local[2]\n{QUICKLY}{PROJECT}", encoding="utf-8")
    did = subprocess.run([sys.executable, "-c", ALL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert did.stdout == "done\n", did.stderr


MANY = 60_000
LARGE = f"""\
project: large
as_of: 2026-03-31
engine: local[2]
spark: {json.dumps({**QUICK, "spark.driver.maxResultSize": "400k", "spark.sql.autoBroadcastJoinThreshold": "100k"})}
sources:
  customers: {{path: customers.parquet, id: id}}
  order: {{path: orders/, customer: customer, time: at, id: id}}
traits:
  orders: count(order)
  revenue: sum(order.amount)
segments:
  spent: {{where: revenue > 50, max_change: 100%}}
  often: orders >= 2
  bought: exists(order within 20 days) and spent
segmentations:
  habit: {{never: orders = 0, once: orders = 1, often: otherwise}}
"""
TWICE = """\
import sys
import coterie

shop = coterie.open(sys.argv[1])
shop.run()
shop.run(as_of="2026-04-02")
shop.history.diff(1, 2)
assert shop.segments.size("spent").population == shop.count("spent").size.population
assert len(list(shop.segments.members("spent"))) == shop.segments.size("spent").inside > 10_000
assert len(shop.history.sizes("spent")) == 2
assert shop.plan().compared is not None
assert shop.lint() is not None
assert shop.traits_at(["2026-03-20"]).arrow().num_rows == shop.count("spent").size.population
shop.undo()
print("done")
"""


def test_what_grows_with_customers_stays_with_spark(tmp_path: Path) -> None:
    """Each customer in eight bytes would be more than Spark may hand over here."""
    assert MANY * 8 > 400 * 1024
    n = np.arange(3 * MANY)
    customers = pa.array([f"c{i:08d}" for i in range(MANY)])
    pq.write_table(
        pa.table({"id": customers, "country": pa.array(["DE", "FR"]).take(pa.array(n[:MANY] % 2))}), tmp_path / "customers.parquet"
    )
    at = np.datetime64(datetime(2026, 1, 1), "us") + (n * 40).astype("timedelta64[s]")
    orders = {
        "id": pa.array(n),
        "customer": customers.take(pa.array((n * 7919) % MANY)),
        "at": pa.array(at),
        "amount": pa.array(n % 100 / 4),
    }
    (tmp_path / "orders").mkdir()
    for part in range(2):
        pq.write_table(pa.table(orders).slice(part * len(n) // 2, len(n) // 2), tmp_path / "orders" / f"{part}.parquet")
    (tmp_path / "coterie.yaml").write_text(LARGE, encoding="utf-8")
    did = subprocess.run([sys.executable, "-c", TWICE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert did.stdout == "done\n", did.stderr
