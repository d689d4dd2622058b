"""The RFM grid adds up to the segmentation; traits at several dates are those of the runs of each date."""

from pathlib import Path

import pytest

import coterie
from coterie.core.errors import DefinitionError
from coterie.models.store import FitStore
from coterie.workspace.fmt import format_project
from coterie.workspace.workspace import Workspace

PROJECT = """
project: small
timezone: Europe/London
as_of: 2026-03-01
sources:
  order: {path: orders.csv, id: order, customer: customer, time: day}
traits:
  orders: count(order)
  orders_30d: count(order within 30 days)
  revenue: sum(order.amount)
segmentations:
  value: rfm(order.time, order.amount)
"""
MIXED = """  mixed:
    rfm: [order.time, order.amount]
    bins: {recency: [20, 40], monetary: 4}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("grid")
    rows = [f"o{i},C{i % 40},2026-0{1 + i % 2}-{1 + i * 7 % 28:02d},{i % 17}.50" for i in range(300)]
    (folder / "orders.csv").write_text("order,customer,day,amount\n" + "\n".join(rows) + "\n")
    (folder / "coterie.yaml").write_text(PROJECT + MIXED)
    opened = coterie.open(folder)
    opened.run()
    return opened


def test_the_grid_adds_up(workspace: Workspace) -> None:
    grid = list(workspace.grid("value"))
    labels: dict[str, int] = {}
    for cell in grid:
        labels[cell["label"]] = labels.get(cell["label"], 0) + cell["customers"]
    assert labels == {k: v for k, v in workspace.results.made.labels["value"].items() if k}
    assert sum(c["revenue"] for c in grid) == workspace.results.revenue[""]


def test_each_score_has_a_number_of_groups_or_limits(workspace: Workspace) -> None:
    query = """SELECT "mixed.recency", "mixed.r", "mixed.f", "mixed.m", "value.f" FROM traits"""
    rows = [tuple(int(str(cell)) for cell in row) for row in workspace.results.engine.rows(query)]
    assert all(r == 3 - (recency >= 20) - (recency >= 40) for recency, r, *_ in rows)
    assert {r for _, r, *_ in rows} == {2, 3} | ({1} if any(row[0] >= 40 for row in rows) else set())
    assert all(f == five for *_, f, _, five in rows)  # five groups where nothing is said
    assert {m for *_, m, _ in rows} == {1, 2, 3, 4}


def test_a_mixture_of_groups_and_limits_is_canonical() -> None:
    assert format_project(PROJECT.lstrip() + MIXED).endswith(MIXED)


def test_a_trait_has_no_grid(workspace: Workspace) -> None:
    with pytest.raises(DefinitionError, match="no RFM"):
        workspace.grid("orders")


def test_what_was_learned_is_kept_once(workspace: Workspace) -> None:
    with FitStore(workspace.store.record) as fits:
        first = fits.of("value")
        assert first is not None
        assert set(first.parameters) == {f"{axis}_{j}" for axis in ("recency", "frequency", "monetary") for j in range(1, 5)}
        assert fits.of("value", first.as_of.replace(year=2020)) is None
    workspace.run()
    with FitStore(workspace.store.record) as fits:
        assert fits.of("value") == first
    workspace.run(as_of="2026-02-01")
    with FitStore(workspace.store.record) as fits:
        newest = fits.of("value", first.as_of)
        assert newest == first
        older = fits.of("value", first.as_of.replace(month=2, day=10))
        assert older is not None
        assert older.as_of < first.as_of
    workspace.run()


def test_traits_at_several_dates_are_those_of_each_run(workspace: Workspace) -> None:
    days = ("2026-01-10", "2026-02-10", "2026-03-01")
    rows = list(workspace.traits_at(days))
    for day in days:
        workspace.run(as_of=day)
        columns = ["orders", "orders_30d", "revenue", "value"]
        query = f"SELECT customer, {', '.join(columns)} FROM traits ORDER BY customer"
        found = workspace.results.engine.rows(query)
        instant = workspace.results.made.as_of
        assert [(r["customer"], *(r[c] for c in columns)) for r in rows if r["as_of"] == instant] == found
    workspace.run()


def test_nobody_exists_before_the_first_event(workspace: Workspace, tmp_path: Path) -> None:
    assert len(workspace.traits_at(("2025-12-01",))) == 0
