"""Published baselines of prediction: the area under the curve on three public data sets, and how exact probabilities are.

The areas are those of scikit-learn's logistic regression and boosted trees, 5-fold stratified with seed 0.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pytest

from benchmarks.figures import Figure, at_most
from coterie.models.prediction import encoding as encodings
from coterie.models.prediction.calibration import calibration_error
from coterie.models.prediction.evaluation import Evaluated, evaluated
from coterie.models.prediction.fitted import fit
from coterie.models.prediction.learners import Task
from coterie.models.prediction.ranking import auc
from coterie.models.prediction.training import Sample, Training, gathered

AS_OF = datetime(2015, 1, 1)


def telco(shared: Path) -> Sample:
    table = pv.read_csv(shared / "data/telco_churn_ibm/Telco-Customer-Churn.csv")
    total = table["TotalCharges"]
    if pa.types.is_string(total.type):  # eleven of them are blank
        blank = pc.equal(pc.utf8_trim_whitespace(total), "")
        total = pc.if_else(blank, None, total).cast(pa.float64())
    churned = np.asarray([str(v) in ("True", "Yes") for v in table["Churn"].to_pylist()])
    return Sample(AS_OF, table.drop(["Churn", "TotalCharges"]).append_column("TotalCharges", total), churned)


def bank(shared: Path) -> Sample:
    table = pv.read_csv(shared / "data/bank_marketing/bank-full.csv", parse_options=pv.ParseOptions(delimiter=";"))
    return Sample(AS_OF, table.drop(["y"]), np.asarray([str(v) in ("True", "yes") for v in table["y"].to_pylist()]))


def bank_without_duration(shared: Path) -> Sample:
    found = bank(shared)
    return replace(found, table=found.table.drop(["duration"]))


def personality(shared: Path) -> Sample:
    options = pv.ParseOptions(delimiter=";")
    table = pv.read_csv(shared / "data/customer_personality/marketing_campaign.csv", parse_options=options)
    return Sample(AS_OF, table.drop(["Response"]), table["Response"].to_numpy() == 1)


PUBLISHED = {
    "telco": (telco, 0.845, 0.846, 0.02),
    "bank": (bank, 0.907, 0.929, 0.01),
    "bank without duration": (bank_without_duration, 0.765, 0.793, 0.01),
    "personality": (personality, 0.899, 0.908, None),
}


def scored(sample: Sample) -> tuple[Training, dict[str, Evaluated]]:
    training = gathered([sample], "classification", np.random.default_rng(0))
    [kept] = training.samples
    encoding = encodings.learn([(kept.table, AS_OF)])
    codes = encoding.codes(kept.table, AS_OF)
    task = Task("classification", 2, encoding, codes, training.y, training.part, seed=0)
    return training, evaluated(task, training.fold, None)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if n == "bank" else []) for n in PUBLISHED])
def test_areas_and_calibration(shared: Path, name: str, figure: Callable[..., Figure]) -> None:
    load, linear, trees, exact = PUBLISHED[name]
    training, found = scored(load(shared))
    rng = np.random.default_rng(0)
    for model, wanted in (("linear", linear), ("trees", trees)):
        area = np.mean([auc(training.y[training.fold == k], found[model].raw[training.fold == k, 0]) for k in range(5)])
        assert area == pytest.approx(wanted, abs=0.01), model
        error = calibration_error(training.y, found[model].told[:, 0], rng)
        if exact is not None:
            slug = name.replace(" ", "_")
            figure(f"prediction.ece.{slug}.{model}", error.error, "", goal=at_most(exact), n=len(training.y))
            figure(f"prediction.ece_of_exact.{slug}.{model}", error.perfect, "", n=len(training.y))
            assert error.error <= exact, model


def test_duration_of_the_call_is_suspected(shared: Path) -> None:
    found = fit([bank(shared)], kind="classification", seed=0, most_rows=8000)
    assert any(w.startswith("duration may leak the outcome") for w in found.warnings)
    assert not fit([bank_without_duration(shared)], kind="classification", seed=0, most_rows=8000).warnings


def test_shuffled_churn_is_no_better_than_chance(shared: Path) -> None:
    sample = telco(shared)
    shuffled = replace(sample, outcome=np.random.default_rng(0).permutation(sample.outcome))
    assert fit([shuffled], kind="classification", seed=0).verdict == "no better than chance"
