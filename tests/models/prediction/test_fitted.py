"""Predictions from samples to scores."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from coterie.core.errors import Degenerate, MissingColumn, NotFitted, TooFewRows
from coterie.models.prediction.fitted import Fit, drift, fit
from coterie.models.prediction.links import outcomes
from coterie.models.prediction.quality import money
from coterie.models.prediction.training import Sample
from tests.models.prediction.made import T, noise, sample, shop

LATER = T + timedelta(days=30)


@pytest.fixture(scope="module")
def bought() -> Fit:
    """Whether customers order, from two instants."""
    who = np.arange(3000)
    samples = [replace(sample(3000, 1), customers=who), replace(sample(3000, 2, LATER), customers=who)]
    return fit(samples, kind="classification", seed=0, recency="recency", happens="order", names={"orders": "orders in 90 days"})


@pytest.fixture(scope="module")
def spent() -> Fit:
    return fit([amounts(4000, 1), amounts(4000, 2)], kind="regression", seed=0, last_period="before")


def amounts(n: int, seed: int) -> Sample:
    """Half spend nothing; the others what their orders let expect, with a heavy tail."""
    table, odds = shop(n, seed)
    rng = np.random.default_rng(seed + 7)
    expected = 20 * np.exp(0.5 * odds)
    spend = np.where(rng.random(n) < 0.5, 0.0, expected * rng.gamma(2, 1, n))
    before = np.where(rng.random(n) < 0.5, 0.0, expected * rng.gamma(2, 1, n))
    return Sample(T + timedelta(days=30 * seed), table.append_column("before", pa.array(before)), spend)


def test_what_is_told_is_near_the_truth(bought: Fit) -> None:
    table, odds = shop(5000, 99, LATER)
    told = bought.score(table, LATER)[""].to_numpy()
    assert np.abs(told - outcomes(odds, "logit")).mean() < 0.05
    assert bought.verdict == "better"
    assert bought.quality.later
    assert bought.quality.tested == 3000
    assert bought.quality.measures["auc"] == pytest.approx(0.79, abs=0.03)
    assert bought.error is not None
    assert bought.error.error < 0.04


def test_the_quality_told_is_met_by_customers_of_the_future(bought: Fit) -> None:
    from coterie.models.prediction.ranking import auc

    new = sample(20_000, 50, LATER)
    told = bought.score(new.table, LATER)[""].to_numpy()
    assert bought.quality.interval.low - 0.01 <= auc(new.outcome * 1.0, told) <= bought.quality.interval.high + 0.01


def test_it_is_said_in_words(bought: Fit) -> None:
    claim, tenth, exact, measured = bought.sentences
    assert claim.startswith("Better than chance and than recency (0.")
    assert tenth.startswith("Of the tenth with the highest score ")
    assert " % order, " in tenth
    assert "the average (" in tenth
    assert "points off on average" in exact
    assert measured == "Measured on 3,000 customers at a later time than it was fitted on."


def test_tenths_are_those_of_the_population(bought: Fit) -> None:
    scored = bought.score(sample(3000, 2, LATER).table, LATER)
    sizes = np.bincount(scored["tenth"].to_numpy(), minlength=11)
    assert sizes[0] == 0
    assert all(270 <= size <= 330 for size in sizes[1:])
    told = [g.told for g in bought.quality.tenths]
    assert told == sorted(told, reverse=True)


WITHOUT = """
import json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "scipy", "joblib", "threadpoolctl"):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
from datetime import datetime
import pyarrow as pa
from coterie.models.prediction.fitted import Fit
table = pa.ipc.open_file(sys.argv[1] + "/rows.arrow").read_all()
as_of = datetime(2026, 6, 1)
for found in json.load(open(sys.argv[1] + "/fits.json")):
    fit = Fit.from_json(found)
    print(json.dumps([fit.score(table, as_of).to_pydict(), [r.words for r in fit.reasons(table, as_of)]]))
"""


def test_plain_values_score_the_same_without_scikit_learn(bought: Fit, spent: Fit, answered: Fit, tmp_path) -> None:
    table = amounts(200, 5).table
    fits = [found for one in (bought, spent, answered) for found in (one, _other(one))]
    assert {(f.kind, f.chosen) for f in fits} == {
        (k, c) for k in ("classification", "regression", "multiclass") for c in ("linear", "trees")
    }
    (tmp_path / "fits.json").write_text(json.dumps([f.to_json() for f in fits], allow_nan=False))
    with pa.OSFile(str(tmp_path / "rows.arrow"), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    ran = subprocess.run([sys.executable, "-c", WITHOUT, str(tmp_path)], capture_output=True, text=True, check=True)
    for found, line in zip(fits, ran.stdout.splitlines(), strict=True):
        scores, reasons = json.loads(line)
        ours = found.score(table, T)
        assert list(scores) == ours.column_names
        for name, column in scores.items():
            if ours[name].type == pa.string():
                assert column == ours[name].to_pylist()
            else:
                np.testing.assert_allclose(column, ours[name].to_numpy(), rtol=1e-12)
        assert reasons == [r.words for r in found.reasons(table, T)]
        for i in (0, 57, 199):
            assert found.score(table.slice(i, 1), T).to_pylist() == ours.slice(i, 1).to_pylist()


def _other(found: Fit) -> Fit:
    """The same with the model that was not chosen, so that both kinds are tried."""
    from coterie.models.prediction.learners import Task

    samples = amounts(1500, 3)
    encoding = found.learned.encoding
    y = {"classification": samples.outcome > 20, "regression": samples.outcome, "multiclass": np.digitize(samples.outcome, [1, 30])}
    task = Task(
        found.kind, len(found.classes), encoding, encoding.codes(samples.table, T), y[found.kind] * 1.0, np.arange(1500) % 5, 0
    )
    name = "linear" if found.chosen == "trees" else "trees"
    return replace(found, chosen=name, learned=task.learn(np.ones(1500, bool), {name: None})[name])


@pytest.fixture(scope="module")
def answered() -> Fit:
    """Which of three answers is given, known of some."""
    table, odds = shop(2000, 8)
    rng = np.random.default_rng(8)
    answers = np.asarray(["low", "middle", "high"], object)[np.digitize(odds + rng.logistic(size=2000), [0, 2])]
    answers[rng.random(2000) < 0.4] = None
    answers[:5] = "refused"
    return fit([Sample(T, table, answers)], kind="multiclass", seed=0)


def test_several_answers(answered: Fit) -> None:
    assert answered.classes == ("high", "low", "middle")
    assert answered.verdict == "better"
    assert not answered.quality.later
    assert any("never predicted, as fewer than 20 customers have it: refused (5)" in n for n in answered.notes)
    assert "Right for " in answered.sentences[1]
    scored = answered.score(shop(50, 1)[0], T)
    assert set(scored[""].to_pylist()) <= set(answered.classes)
    assert min(scored["probability"].to_pylist()) >= 1 / 3


def test_amounts(spent: Fit) -> None:
    assert spent.verdict == "better"
    assert spent.quality.measures["told_of_total"] == pytest.approx(1, abs=0.1)
    assert [c.name for c in spent.quality.against][:1] == ["the mean"]
    assert any("the same as before (before)" in c.name for c in spent.quality.against)
    new = amounts(20_000, 77)
    scored = spent.score(new.table, T)
    told, low, high = (scored[name].to_numpy() for name in ("", "low", "high"))
    assert (low >= 0).all()
    assert (told >= 0).all()
    assert 0.87 <= ((low <= new.outcome) & (new.outcome <= high)).mean() <= 0.97  # below `low` is nobody where it is 0
    assert told.sum() / new.outcome.sum() == pytest.approx(1, abs=0.1)
    assert "The tenth with the highest prediction comes to" in spent.sentences[1]


def covered(fits: int) -> float:
    """The mean share of new customers whose amount lies between `low` and `high`."""
    shares = []
    for seed in range(fits):
        before, then, new = (replace(amounts(600, 3 * seed + i), as_of=T) for i in range(3))
        found = fit([replace(before, as_of=T - timedelta(days=30)), then], kind="regression", seed=seed)
        scored = found.score(new.table, T)
        shares.append(((scored["low"].to_numpy() <= new.outcome) & (new.outcome <= scored["high"].to_numpy())).mean())
    return float(np.mean(shares))


def test_ninety_of_a_hundred_amounts_lie_in_their_interval() -> None:
    assert 0.85 <= covered(5) <= 0.95


@pytest.mark.long
def test_ninety_of_a_hundred_amounts_lie_in_their_interval_over_many_fits(figure) -> None:
    from benchmarks.figures import at_least, at_most

    share = covered(1000)
    figure("prediction.interval_coverage", share, "share", goal=at_least(0.87), n=1000)
    assert at_most(0.93).is_met(share)
    assert at_least(0.87).is_met(share)


def test_an_answer_that_too_few_gave_before_the_test_is_never_predicted() -> None:
    (table, odds), (later, after) = shop(1000, 1), shop(1000, 2)
    answers = np.where(odds > 0, "yes", "no").astype(object)
    new = np.where(after > 0, "yes", "no").astype(object)
    new[:100] = "only later"
    found = fit([Sample(T, table, answers), Sample(LATER, later, new)], kind="multiclass", seed=0)
    assert found.classes == ("no", "yes")
    assert found.quality.tested == 900


def test_few_customers_with_many_rows_are_few() -> None:
    who = np.repeat(np.arange(100), 10)
    table, _ = shop(1000, 1)
    with pytest.raises(TooFewRows, match="5 only have the outcome yes"):
        fit([Sample(T, table, who < 5, customers=who)], kind="classification", seed=0)


def test_reasons_name_what_differs(bought: Fit) -> None:
    row = shop(1, 3, LATER)[0].set_column(1, "orders", pa.array([12])).set_column(0, "recency", pa.array([300.0]))
    reasons = bought.reasons(row, LATER)
    up, down = [r for r in reasons if r.effect > 0], [r for r in reasons if r.effect < 0]
    assert up[0].words == "orders in 90 days 12 (typical: 3) raises it"
    assert down[0].feature == "recency"
    assert len(up) <= 3 >= len(down)


def test_importance_finds_what_was_planted(bought: Fit) -> None:
    first = [i.features[0] for i in bought.importance[:2]]
    assert set(first) == {"recency", "orders"}
    last = next(i for i in bought.importance if i.features == ("member",))
    assert abs(last.lost) < 0.005


def test_features_that_tell_the_same_matter_together() -> None:
    one = sample(1200, 4)
    twice = one.table.append_column("recency_hours", pa.array(one.table["recency"].to_numpy() * 24 + 1))
    found = fit([replace(one, table=twice)], kind="classification", seed=0)
    assert next(i for i in found.importance if "recency" in i.features).features == ("recency", "recency_hours")


def test_the_same_seed_gives_the_same_fit(bought: Fit) -> None:
    who = np.arange(3000)
    samples = [replace(sample(3000, 2, LATER), customers=who), replace(sample(3000, 1), customers=who)]
    again = fit(samples, kind="classification", seed=0, recency="recency", happens="order", names={"orders": "orders in 90 days"})
    assert again.to_json() == bought.to_json()


def test_shuffled_outcomes_are_no_better_than_chance() -> None:
    one = sample(1500, 6)
    shuffled = replace(one, outcome=np.random.default_rng(0).permutation(one.outcome))
    found = fit([shuffled], kind="classification", seed=0)
    assert found.verdict == "no better than chance"
    assert found.chosen == "constant"
    assert found.sentences[0].startswith("No better than chance (AUC ")
    assert found.score(one.table, T)[""].to_numpy() == pytest.approx(np.full(1500, one.outcome.mean()))
    assert Fit.from_json(found.to_json()).to_json() == found.to_json()
    assert found.reasons(one.table, T) == ()


def test_what_recency_tells_alone_is_no_better_than_recency() -> None:
    rng = np.random.default_rng(0)
    recency = rng.exponential(60, 3000)
    table = pa.table({"recency": recency, "age": rng.normal(size=3000), "visits": rng.poisson(3, 3000)})
    happened = rng.random(3000) < 1 / (1 + np.exp(recency / 30 - 1))
    found = fit(
        [Sample(T, table, happened)],
        kind="classification",
        seed=0,
        recency="recency",
        names={"recency": "days since the last order"},
    )
    assert found.verdict == "no better than a simple rule"
    assert found.sentences[0].startswith("No better than days since the last order (AUC 0.")


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_few_false_claims_on_noise(kind: str) -> None:
    claims = 0
    for seed in range(6):
        one = noise(300, seed)
        outcome = np.random.default_rng(seed).exponential(size=300) ** 2 if kind == "regression" else one.outcome
        claims += fit([replace(one, outcome=outcome)], kind=kind, seed=seed).verdict != "no better than chance"  # type: ignore[arg-type]
    assert claims <= 1


@pytest.mark.long
def test_at_most_17_false_claims_in_200(figure) -> None:
    from benchmarks.figures import at_most

    claims = sum(
        fit([noise(400, seed)], kind="classification", seed=seed).verdict != "no better than chance" for seed in range(1000, 1200)
    )
    figure("prediction.false_claims_on_noise", claims, "of 200", goal=at_most(17), n=400)
    assert claims <= 17


def test_a_perfect_leak_is_named_and_left_out() -> None:
    one = sample(1000, 9)
    leak = np.where(one.outcome, 5.0, 1.0) + np.random.default_rng(0).normal(0, 0.1, 1000)
    told = replace(one, table=one.table.append_column("status_score", pa.array(leak)))
    found = fit([told], kind="classification", seed=0)
    assert "status_score" not in found.features
    assert found.warnings[0].startswith("status_score is left out: it alone tells the outcome nearly perfectly (AUC 1.000")
    assert found.quality.measures["auc"] < 0.9
    kept = fit([told], kind="classification", seed=0, keep=["status_score"])
    assert "status_score" in kept.features
    assert any("too good for a forecast" in w for w in kept.warnings)
    only = replace(one, table=told.table.select(["status_score"]))
    with pytest.raises(Degenerate, match="every feature tells the outcome nearly perfectly: status_score"):
        fit([only], kind="classification", seed=0)


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_leaks_of_amounts_and_answers(kind: str) -> None:
    one = amounts(1000, 4)
    answers = np.asarray(["a", "b", "c"], object)[np.digitize(one.outcome, [5, 30])]
    leak = pa.array(one.outcome * 1.19 if kind == "regression" else [f"code {v}" for v in answers])
    outcome = one.outcome if kind == "regression" else answers
    found = fit([replace(one, table=one.table.append_column("invoiced", leak), outcome=outcome)], kind=kind, seed=0)  # type: ignore[arg-type]
    assert "invoiced is left out" in found.warnings[0]


def test_a_feature_far_ahead_is_suspected_unless_it_is_dated() -> None:
    one = sample(1200, 10)
    rng = np.random.default_rng(1)
    ahead = replace(one, table=one.table.append_column("call_seconds", pa.array(one.outcome * 1.8 + rng.normal(size=1200))))
    found = fit([ahead], kind="classification", seed=0)
    assert "call_seconds" in found.features
    assert found.warnings[0].startswith("call_seconds may leak the outcome")
    assert not fit([ahead], kind="classification", seed=0, dated=["call_seconds"]).warnings


def test_drift_is_told_from_noise(bought: Fit) -> None:
    same = drift(bought, sample(2000, 20, LATER).table, LATER)
    assert same[0].name == ""
    assert {d.size for d in same} == {"none"}
    table = sample(2000, 21, LATER).table
    moved = table.set_column(0, "recency", pa.array(table["recency"].to_numpy() * 3))
    found = {d.name: d for d in drift(bought, moved, LATER)}
    assert found["recency"].size == "large"
    assert found[""].size != "none"
    assert found["age"].size == "none"
    few = drift(bought, table.slice(0, 25), LATER)
    assert {d.size for d in few} == {"none"}, "25 customers are too few to say"


def test_money_at_each_cut_off(bought: Fit) -> None:
    cuts = money(bought.quality, value=30, cost=6)
    assert len(cuts) == 20
    assert cuts[-1].contacts == 3000
    base = bought.quality.measures["base_rate"]
    assert cuts[-1].happened == pytest.approx(3000 * (30 * base - 6))
    best = max(cuts, key=lambda c: c.told)
    after = next(b for a, b in pairwise(cuts) if a == best)
    assert after.lowest < 6 / 30 < cuts[0].lowest, "a contact pays where the probability is at least cost / value"


def test_outcomes_that_reach_into_the_test_are_left_out() -> None:
    long = timedelta(days=60)
    samples = [replace(sample(400, i, T + timedelta(days=30 * i)), until=T + timedelta(days=30 * i) + long) for i in range(4)]
    found = fit(samples, kind="classification", seed=0)
    assert len(found.windows) == 3
    assert any(n.startswith("left out 2026-07-31: its outcomes reach past") for n in found.notes)


def test_more_rows_than_are_needed_are_thinned_and_that_is_said() -> None:
    found = fit([sample(3000, 1), sample(3000, 2, LATER)], kind="classification", seed=0, most_rows=1500)
    assert "fitted on 1,500 of 6,000 rows, drawn at random" in found.notes
    assert found.rows == 6000
    assert found.quality.tested == 750


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.take(np.arange(60)), TooFewRows, "60 rows to learn from: too few"),
        (lambda s: replace(s, outcome=np.ones(500, bool)), Degenerate, "the outcome is yes for all 500 rows"),
        (
            lambda s: replace(s, outcome=np.arange(500) < 9),
            TooFewRows,
            "of the customers to learn from, 9 only have the outcome yes",
        ),
        (lambda s: replace(s, outcome=np.full(500, np.nan)), TooFewRows, "0 rows to learn from"),
        (lambda s: replace(s, table=pa.table({"a": np.ones(500), "b": pa.nulls(500)})), Degenerate, "no feature is left"),
    ],
)
def test_what_cannot_be_fitted_says_what_would_be_needed(change, error, words) -> None:
    with pytest.raises(error, match=words) as raised:
        fit([change(sample(500, 1))], kind="classification", seed=0)
    assert raised.value.hint


def test_outcomes_that_are_known_of_some_only() -> None:
    one = sample(3000, 12)
    outcome = np.where(np.random.default_rng(0).random(3000) < 0.7, np.nan, one.outcome * 1.0)
    found = fit([replace(one, outcome=outcome)], kind="classification", seed=0)
    assert found.rows == int((~np.isnan(outcome)).sum())
    assert sum(found.population[0].counts) == 3000, "those to be predicted are part of the population"


def test_a_newer_format_and_a_missing_feature_are_named(bought: Fit) -> None:
    with pytest.raises(NotFitted, match="newer coterie"):
        Fit.from_json({**bought.to_json(), "version": 99})
    with pytest.raises(MissingColumn, match="needs orders"):
        bought.score(shop(5, 1)[0].drop(["orders"]), T)


def test_no_customer_is_scored_by_a_model_that_has_seen_them() -> None:
    from coterie.models.prediction.training import gathered

    rng = np.random.default_rng(0)
    table, _ = shop(600, 1)
    who = rng.integers(0, 200, 600)
    training = gathered([Sample(T, table, rng.random(600) < 0.4, customers=who)], "classification", rng)
    for dealt in (training.fold, training.part):
        assert max(len(np.unique(dealt[who == w])) for w in np.unique(who)) == 1
    sizes = np.bincount(training.fold)
    assert sizes.max() - sizes.min() < 60
