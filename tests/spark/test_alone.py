"""Where Spark does the work, DuckDB need not be there at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shops import write_tiny
from tests.spark.test_run import PROJECT, QUICKLY

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
