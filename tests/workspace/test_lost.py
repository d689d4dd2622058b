"""A source that lost a column is blamed itself, with the definitions that cannot be answered without it."""

from pathlib import Path

import pytest

import coterie
from coterie.core.errors import DefinitionErrors, MissingColumn
from coterie.workspace.lost import needing, used_by, users_of
from coterie.workspace.project import read_project
from coterie.workspace.workspace import Workspace

PROJECT = """\
project: small
timezone: Europe/Berlin
as_of: 2026-03-01
sources:
  customers: {path: customers.csv, id: id, account: firm}
  accounts: {path: firms.csv, id: id}
  order: {path: orders.csv, customer: who, time: at, columns: {amount: total * 2, rest: other}, where: kept}
traits:
  revenue: sum(order.amount)
  rich: revenue + 1
  orders: count(order)
  cheap: count(order where dept = 'x')
  days: days_since(born)
  near: count(order within 10 days after born)
segments:
  vip: revenue > 100
  big: account.size > 3
  steps: sequence(order where dept = 'x', order)
segmentations:
  life: {young: "rich > 3", rest: otherwise}
  worth: {rfm: [order.time, order.amount]}
"""


def written(folder: Path, **files: str) -> Workspace:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "coterie.yaml").write_text(PROJECT)
    return coterie.open(folder)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = written(
        tmp_path / "shop",
        customers="id,firm,born\na,f,1990-01-01\n",
        firms="id,size\nf,4\n",
        orders="who,at,total,other,kept,dept\na,2026-01-01,60,1,true,x\n",
    )
    made.run()
    return made


@pytest.mark.parametrize(
    ("file", "text", "said", "place"),
    [
        ("orders", "who,at,total,other,kept\na,2026-01-01,60,1,true\n",
         (r"orders\.csv has no column 'dept' any more \(it had until the run of \d+ \w{3} \d{4}, \d\d:\d\d\); "
         r"trait cheap, segment steps use it"), 7),
        ("orders", "who,at,other,kept,dept\na,2026-01-01,1,true,x\n",
         r"orders\.csv has no column 'total' any more .*; traits revenue, rich, segment vip, segmentations life, worth use it", 7),
        ("orders", "who,at,total,other,dept\na,2026-01-01,60,1,x\n",
         (r"orders\.csv has no column 'kept' any more .*; traits revenue, rich, orders, cheap, near, segments vip, steps, "
         r"segmentations life, worth use it"), 7),
        ("customers", "id,firm\na,f\n", r"customers\.csv has no column 'born' any more .*; traits days, near use it", 5),
        ("firms", "id,staff\nf,4\n", r"firms\.csv has no column 'size' any more .*; segment big uses it", 6),
    ],
)  # fmt: skip
def test_the_source_is_blamed(shop: Workspace, file: str, text: str, said: str, place: int) -> None:
    (shop.folder / f"{file}.csv").write_text(text)
    for _ in range(2):  # also when it failed before
        with pytest.raises(MissingColumn, match=said) as error:
            shop.run()
        assert error.value.place is not None
        assert error.value.place.line == place
        assert "the last results stay" in (error.value.hint or "")
    assert shop.segments.size("vip").inside == 1
    assert shop.stale().failed is not None


def test_two_sources_at_once(shop: Workspace) -> None:
    (shop.folder / "customers.csv").write_text("id,firm\na,f\n")
    (shop.folder / "firms.csv").write_text("id,staff\nf,4\n")
    with pytest.raises(MissingColumn, match=r"customers\.csv .* 'born' .*\. And firms\.csv .* 'size' .* segment big uses it"):
        shop.check()


def test_a_name_that_never_was_a_column_is_the_definition_s(shop: Workspace) -> None:
    (shop.folder / "coterie.yaml").write_text(PROJECT.replace("dept = 'x')\n  days", "depp = 'x')\n  days"))
    with pytest.raises(DefinitionErrors, match="depp"):
        shop.run()


def test_a_lost_column_that_nobody_uses_is_no_error(shop: Workspace) -> None:
    (shop.folder / "coterie.yaml").write_text(PROJECT.replace("  big: account.size > 3\n", ""))
    (shop.folder / "firms.csv").write_text("id,staff\nf,4\n")
    assert "accounts: no longer there: size" in shop.run().gathered.notes


def test_many_users_are_counted() -> None:
    text = PROJECT + "".join(f"  s{i}: {{young: revenue > {i}, rest: otherwise}}\n" for i in range(9))
    project = read_project(text)
    users = users_of(project, project.sources["order"], needing(project.sources["order"], "total"))
    assert used_by(users).endswith("segmentations life, worth, s0, s1, s2 and 6 more use it")
