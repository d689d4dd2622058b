"""Published and recomputed results of clustering (k-means on Mall, Iris and Wholesale; k-prototypes and k-modes of `kmodes`)."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from coterie.models.clusters.prototypes import Block, Floats, cao, height, one_hot, prototypes, settle

STOCKS = (
    (738.5, "tech", "USA"),
    (369.5, "nrg", "USA"),
    (368.2, "tech", "USA"),
    (346.7, "tech", "USA"),
    (343.5, "fin", "USA"),
    (282.4, "fin", "USA"),
    (282.1, "tel", "CN"),
    (279.7, "cons", "USA"),
    (257.2, "cons", "USA"),
    (205.2, "tel", "USA"),
    (192.1, "tech", "USA"),
    (195.7, "nrg", "NL"),
)
STOCKS_2 = ((134.1, "fin", "USA"), (190.2, "cons", "USA"), (389.1, "nrg", "CA"), (150.4, "mat", "USA"))
STOCKS_GAMMA = 69.9033
PARTITION = (0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3)

Rows = Sequence[dict[str, str]]


def read(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def numbers(rows: Rows, names: Sequence[str]) -> Floats:
    return np.array([[float(row[name]) for name in names] for row in rows])


def categories(
    columns: Sequence[Sequence[str]], gamma: float, first: int = 0
) -> tuple[Floats, list[Block], tuple[dict[str, int], ...]]:
    parts, blocks, levels = [], [], []
    for column in columns:
        place = {level: j for j, level in enumerate(sorted(set(column)))}
        parts.append(one_hot(np.array([place[v] for v in column]), len(place), gamma))
        blocks.append(Block(first, first + len(place), height(gamma)))
        levels.append(place)
        first += len(place)
    return np.hstack(parts), blocks, tuple(levels)


def stocks() -> tuple[Floats, list[Block], tuple[dict[str, int], ...]]:
    hot, blocks, levels = categories([[row[1] for row in STOCKS], [row[2] for row in STOCKS]], STOCKS_GAMMA, 1)
    return np.hstack([np.array([[row[0]] for row in STOCKS]), hot]), blocks, levels


def test_the_stocks_of_kmodes() -> None:
    x, blocks, levels = stocks()
    found = prototypes(x, 4, seed=0, blocks=blocks)
    assert adjusted_rand_score(found.labels, PARTITION) == 1
    assert found.cost == pytest.approx(1664.4709, abs=1e-3)
    centre = {int(found.labels[row]): found.centres[found.labels[row], 0] for row in (0, 1, 5, 9)}
    assert sorted(centre.values(), reverse=True) == pytest.approx([738.5, 356.975, 275.35, 197.667], abs=1e-3)
    hot = [
        one_hot(np.array([place.get(str(row[at]), -1) for row in STOCKS_2]), len(place), STOCKS_GAMMA)
        for at, place in enumerate(levels, start=1)
    ]
    new = np.hstack([np.array([[row[0]] for row in STOCKS_2]), *hot])
    nearest = ((new[:, None] - found.centres) ** 2).sum(axis=2).argmin(axis=1)
    assert [PARTITION[list(found.labels).index(j)] for j in nearest] == [3, 3, 1, 3]


@pytest.mark.parametrize(
    ("k", "inertia"),
    [(2, 181363.596), (3, 106348.373), (4, 73679.789), (5, 44448.4554), (6, 37233.814), (7, 30259.657), (8, 24986.53)],
)
def test_mall_inertia(shared: Path, k: int, inertia: float) -> None:
    x = numbers(read(shared / "data/mall_customers/Mall_Customers.csv"), ["Annual Income (k$)", "Spending Score (1-100)"])
    found = prototypes(x, k, seed=0, starts=50)
    assert found.cost == pytest.approx(inertia, rel=1e-3)
    if k == 5:
        assert sorted(np.bincount(found.labels)) == [22, 23, 35, 39, 81]
        assert silhouette_score(x, found.labels) == pytest.approx(0.553932, abs=1e-6)
        centres = sorted((round(float(a), 2), round(float(b), 2)) for a, b in found.centres)
        assert centres == [(25.73, 79.36), (26.30, 20.91), (55.30, 49.52), (86.54, 82.13), (88.20, 17.11)]


def test_mall_with_age(shared: Path) -> None:
    names = ["Age", "Annual Income (k$)", "Spending Score (1-100)"]
    x = numbers(read(shared / "data/mall_customers/Mall_Customers.csv"), names)
    found = prototypes(x, 6, seed=0, starts=50)
    assert found.cost == pytest.approx(58300.443, rel=1e-3)
    assert silhouette_score(x, found.labels) == pytest.approx(0.452344, abs=1e-3)


def test_iris() -> None:
    from sklearn.datasets import load_iris

    x, kinds = load_iris(return_X_y=True)
    found = prototypes(x, 3, seed=0)
    assert found.cost == pytest.approx(78.851441, abs=1e-5)
    assert silhouette_score(x, found.labels) == pytest.approx(0.552819, abs=1e-6)
    assert adjusted_rand_score(kinds, found.labels) == pytest.approx(0.730238, abs=1e-6)


def test_wholesale(shared: Path) -> None:
    rows = read(shared / "data/wholesale_customers/wholesale_customers.csv")
    logs = np.log(numbers(rows, ["Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen"]))
    x = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    found = prototypes(x, 2, seed=0)
    assert found.cost == pytest.approx(1847.980, abs=1e-3)
    assert silhouette_score(x, found.labels) == pytest.approx(0.29004, abs=1e-4)
    channel = np.array([int(row["Channel"]) - 1 for row in rows])
    agreement = float(np.mean(channel == found.labels))
    assert max(agreement, 1 - agreement) == pytest.approx(0.8591, abs=1e-4)


@pytest.mark.parametrize(("k", "cost"), [(2, 10725.5), (3, 9191.0), (4, 8366.0), (5, 7786.3)])
def test_personality_costs_no_more_than_kmodes(shared: Path, k: int, cost: float) -> None:
    rows = read(shared / "data/customer_personality/marketing_campaign.csv", ";")
    rows = [row for row in rows if row["Income"] and float(row["Income"]) < 200_000]
    assert len(rows) == 2215
    names = ["Income", "Recency", "MntWines", "MntMeatProducts", "NumWebPurchases", "NumStorePurchases", "NumCatalogPurchases"]
    x = numbers(rows, names)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    texts = [[row[name] for row in rows] for name in ("Education", "Marital_Status", "Kidhome", "Teenhome")]
    hot, blocks, _ = categories(texts, 0.5, len(names))
    assert prototypes(np.hstack([x, hot]), k, seed=0, blocks=blocks).cost <= cost


@pytest.mark.parametrize(("k", "cost"), [(3, 31168), (5, 28198)])
def test_telco_costs_no_more_than_kmodes(shared: Path, k: int, cost: int) -> None:
    rows = read(shared / "data/telco_churn_ibm/Telco-Customer-Churn.csv")
    left_out = {"customerID", "SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges", "Churn"}
    texts = [[row[name] for row in rows] for name in rows[0] if name not in left_out]
    assert len(texts) == 15
    hot, blocks, levels = categories(texts, 1.0)
    codes = np.array([[place[v] for v in column] for column, place in zip(texts, levels, strict=True)]).T
    assert settle(hot, hot[list(cao(codes, k))], blocks).cost == pytest.approx(cost)
    assert prototypes(hot, k, seed=0, blocks=blocks).cost <= cost + 1e-6
