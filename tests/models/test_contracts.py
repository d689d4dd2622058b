"""Contracts in a project: the published numbers, the long form, what it says where it cannot be learned."""

import csv
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import coterie
from coterie.core.errors import DefinitionError
from coterie.models.value.sbg import ShiftedBetaGeometric
from coterie.workspace.workspace import Workspace
from tests.models.payers import cohort, monthly, project, write

TODAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def payers(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("payers")
    write(folder, list(monthly(800, TODAY)))
    (folder / "coterie.yaml").write_text(project(TODAY, "month"), encoding="utf-8")
    workspace = coterie.open(folder)
    workspace.run()
    return workspace


@pytest.mark.parametrize(
    ("name", "alpha", "beta", "log_likelihood"), [("highend", 0.668, 3.806, -1611.158), ("regular", 0.704, 1.182, -1680.265)]
)
def test_published_cohorts(shared: Path, tmp_path: Path, name: str, alpha: float, beta: float, log_likelihood: float) -> None:
    """Fader and Hardie (2007), seven renewals: the same from payments, by way of a run."""
    with (shared / "data/sbg_contractual/sbg_survivors.csv").open() as file:
        rows = sorted((r for r in csv.DictReader(file) if r["cohort"] == name), key=lambda r: int(r["period"]))
    survivors = [float(r["survivors"]) for r in rows]
    assert len(survivors) == 8
    write(tmp_path, list(cohort(survivors, date(2010, 1, 15))))
    (tmp_path / "coterie.yaml").write_text(project(date(2017, 9, 1), "year"), encoding="utf-8")
    workspace = coterie.open(tmp_path)
    workspace.run()
    fit = workspace.models["remaining"].fit
    assert fit is not None
    model = fit.parameters["contracts"]["model"]
    assert (model["alpha"], model["beta"]) == pytest.approx((alpha, beta), abs=0.002)
    assert model["log_likelihood"] == pytest.approx(log_likelihood, abs=0.005)
    shown = fit.told["tables"]["retention"]
    assert [r["renewal"] for r in shown] == list(range(1, 8))
    assert [r["renewed"] for r in shown] == pytest.approx([b / a for a, b in pairwise(survivors)])
    # In the next 365 days those who are left have one renewal before them, the eighth.
    told = ShiftedBetaGeometric(model["alpha"], model["beta"], (0.0, 0.0), 0.0)
    rows_ = workspace.results.engine.fetch("SELECT * FROM traits").to_pylist()
    left = [r for r in rows_ if r["remaining.probability_alive"] == 1]
    assert len(left) == survivors[-1]
    assert {round(r["remaining"], 9) for r in left} == {round(10 * float(told.retention(8.0)), 9)}
    assert {(r["remaining.low"], r["remaining.high"]) for r in left} == {(10.0 if told.retention(8.0) >= 0.9 else 0.0, 10.0)}
    assert {r["remaining"] for r in rows_ if r not in left} == {0.0}


def test_what_is_due_is_told(payers: Workspace) -> None:
    rows = payers.results.engine.fetch("SELECT * FROM traits").to_pylist()
    there = [r for r in rows if r["remaining.probability_alive"] == 1]
    ended = [r for r in rows if r["remaining.probability_alive"] == 0]
    assert len(there) > 100 < len(ended)
    for row in there:
        assert row["remaining"] == pytest.approx(row["remaining.expected_orders"] * row["remaining.value_per_order"])
        assert 0 <= row["remaining.low"] <= row["remaining"] <= row["remaining.high"]
        assert 0 <= (row["remaining.next_order"] - TODAY).days <= 31
    for row in ended:
        assert row["remaining"] == row["remaining.high"] == 0
        assert row["remaining.next_order"] is None
    size = payers.segments.size("worth_keeping")
    assert size.inside == sum(r["remaining"] > 60 and r["remaining.probability_alive"] > 0.5 for r in rows)


def test_its_quality_is_told_beside_plain_rules(payers: Workspace) -> None:
    fit = payers.models["remaining"].fit
    assert fit is not None
    assert "customers under contract made" in fit.told["verdict"]
    assert "to say that all leave at one rate" in fit.told["verdict"]
    figures = {q["name"]: q for q in fit.told["quality"]}
    assert figures["foreseen of all payments"]["value"] == pytest.approx(1, abs=0.1)
    assert figures["customers within their 90 % interval"]["value"] >= 0.87
    error = figures["root mean square error (payments)"]
    assert error["value"] < error["baseline"]
    retention = [r["renewed"] for r in fit.told["tables"]["retention"]]
    assert np.mean(retention[:3]) < np.mean(retention[6:12]), "those who stayed longer are more loyal"


def test_another_period_than_that_of_the_payments_is_refused(payers: Workspace, tmp_path: Path) -> None:
    write(tmp_path, list(monthly(300, TODAY)))
    (tmp_path / "coterie.yaml").write_text(project(TODAY, "year"), encoding="utf-8")
    workspace = coterie.open(tmp_path)
    workspace.run()
    (note,) = [n for n in workspace.results.made.data["notes"] if "is not fitted" in n]
    assert "not every year (say `period: month`)" in note


@pytest.mark.parametrize(
    ("settings", "says", "hint"),
    [
        ("process: sbg", "does not say how often", "add `period: month`"),
        ("process: sbg, period: fortnight", "is not one of", "month"),
        ("period: month", "is of contracts", "add `process: sbg`"),
        ("process: bg_nbd, period: month", "is of contracts", "other processes need none"),
    ],
)
def test_the_long_form_is_explained(tmp_path: Path, settings: str, says: str, hint: str) -> None:
    text = project(TODAY, "month").replace("process: sbg, period: month", settings)
    write(tmp_path, list(monthly(20, TODAY)))
    (tmp_path / "coterie.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError, match=says) as caught:
        coterie.open(tmp_path).check()
    assert hint in str(caught.value.hint)
