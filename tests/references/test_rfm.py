"""Published RFM results: the R package's example to the last figure, and Online Retail's means and medians."""

from pathlib import Path

import pytest

import coterie
from coterie.workspace.workspace import Workspace

# The breaks are the type-7 quantiles of the data plus 1, as the R package cuts; it prints them rounded (297, 256, 506).
R_PACKAGE = """
project: rfm r
timezone: UTC
as_of: 2006-12-31
sources:
  order: {path: FILE, customer: customer_id, time: order_date}
segmentations:
  value:
    rfm: [order.time, order.revenue]
    bins:
      recency: [115, 181, 297.4, 482]
      frequency: [4, 5, 6, 8]
      monetary: [255.8, 382, 506.4, 666]
    cells:
      Champions: '5/5/5'
      Potential Loyalist: '3-5/3-5/2-5'
      Loyal Customers: '2-4/2-4/2-4'
      Promising: '3-4/1-3/3-5'
      New Customers: '4-5/1-3/1-5'
      Cannot Lose Them: '1-2/3-4/4-5'
      At Risk: '1-2/2-5/4-5'
      Need Attention: '1-3/3-5/3-5'
      About To Sleep: '2-3/1-3/1-4'
      Lost: '1/1-5/1-5'
"""

PUBLISHED = {
    "About To Sleep": (102, 283, 23449),
    "At Risk": (28, 216, 22227),
    "Cannot Lose Them": (47, 274, 32446),
    "Champions": (35, 316, 31646),
    "Lost": (148, 393, 35324),
    "Loyal Customers": (170, 799, 76562),
    "Need Attention": (10, 57, 4562),
    "New Customers": (104, 329, 28837),
    "Potential Loyalist": (342, 2211, 204856),
    "Promising": (9, 28, 4249),
}
ROWS = {
    "Abbey O'Reilly": (205, 6, 472, "343"),
    "Add Senger": (140, 3, 340, "412"),
    "Aden Lesch": (194, 4, 405, "323"),
    "Aden Murphy": (98, 7, 596, "544"),
    "Admiral Senger": (132, 5, 448, "433"),
    "Agness O'Keefe": (90, 9, 843, "555"),
}
HISTOGRAM = {"r": (197, 200, 199, 199, 200), "f": (268, 187, 176, 244, 120), "m": (200, 200, 198, 202, 195)}

RETAIL = """
project: online retail
timezone: UTC
as_of: 2011-12-10T12:50
sources:
  sale:
    path: FILE
    customer: CustomerID
    time: InvoiceDate
    lines: InvoiceNo
    sum: [amount]
    columns: {amount: Quantity * UnitPrice}
    where: not (InvoiceNo starts with 'C') and Quantity > 0 and UnitPrice > 0
traits:
  recency: floor(hours_between(last(sale_line.time), as_of) / 24)
  frequency: count(sale)
  monetary: sum(sale.amount)
"""


def made(folder: Path, text: str, path: Path) -> Workspace:
    (folder / "coterie.yaml").write_text(text.replace("FILE", f"'{path.as_posix()}'"))
    workspace = coterie.open(folder)
    workspace.run()
    return workspace


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return workspace.results.engine.rows(sql)


@pytest.fixture(scope="module")
def r_package(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Workspace:
    return made(tmp_path_factory.mktemp("r"), R_PACKAGE, shared / "data/rfm_r_orders/rfm_data_orders.csv")


def test_the_segments_of_the_r_package(r_package: Workspace) -> None:
    found = rows(
        r_package,
        """SELECT value, count(*), sum("value.frequency"), sum("value.monetary") FROM traits GROUP BY value""",
    )
    assert {str(v): (int(str(n)), int(str(f)), int(float(str(m)))) for v, n, f, m in found} == PUBLISHED


def test_the_rows_of_the_r_package(r_package: Workspace) -> None:
    found = rows(
        r_package,
        """SELECT customer, "value.recency", "value.frequency", "value.monetary", "value.score" FROM traits""",
    )
    by_name = {str(c): (r, f, int(float(str(m))), s) for c, r, f, m, s in found}
    assert {name: by_name[name] for name in ROWS} == ROWS


@pytest.mark.parametrize("axis", HISTOGRAM)
def test_the_score_histogram_of_the_r_package(r_package: Workspace, axis: str) -> None:
    found: dict[object, object] = dict(rows(r_package, f'SELECT "value.{axis}", count(*) FROM traits GROUP BY 1'))  # type: ignore[arg-type]
    assert tuple(found[score] for score in range(1, 6)) == HISTOGRAM[axis]


@pytest.mark.parametrize("groups", [9, 12])
def test_the_score_is_the_three_scores_side_by_side(shared: Path, tmp_path: Path, groups: int) -> None:
    project = R_PACKAGE[: R_PACKAGE.index("    bins:")] + f"    bins: {groups}\n"
    workspace = made(tmp_path, project, shared / "data/rfm_r_orders/rfm_data_orders.csv")
    found = rows(workspace, """SELECT "value.score", "value.r", "value.f", "value.m" FROM traits""")
    assert len(found) == 995
    assert all(score == f"{r}{f}{m}" for score, r, f, m in found)
    assert {r for _, r, _, _ in found} == set(range(1, groups + 1))
    workspace.close()


def test_online_retail_means_medians_and_best_customers(shared: Path, tmp_path: Path) -> None:
    workspace = made(tmp_path, RETAIL, shared / "data/online_retail_1/online_retail_1.parquet")
    [row] = rows(
        workspace,
        """SELECT count(*), avg(recency), median(recency), max(recency), avg(frequency), max(frequency),
        avg(monetary), median(monetary), max(monetary) FROM traits""",
    )
    n, *numbers = (float(str(v)) for v in row)
    assert n == 4338
    expected = [92.536, 51, 374, 4.272, 209, 2054.266, 674.485, 280206.02]
    for value, wanted in zip(numbers, expected, strict=True):
        assert value == pytest.approx(wanted, abs=0.0006)
    best = rows(workspace, "SELECT customer, monetary, frequency FROM traits ORDER BY monetary DESC LIMIT 3")
    assert [(str(c), float(str(m)), f) for c, m, f in best] == [
        ("14646", 280206.02, 73),
        ("18102", 259657.30, 60),
        ("17450", 194550.79, 46),
    ]
    share = rows(
        workspace,
        """SELECT sum(monetary) FILTER (WHERE place <= 0.2 * n) / sum(monetary) FROM
        (SELECT monetary, row_number() OVER (ORDER BY monetary DESC) AS place, count(*) OVER () AS n FROM traits)""",
    )
    assert float(str(share[0][0])) == pytest.approx(0.7462, abs=0.001)
    workspace.close()
