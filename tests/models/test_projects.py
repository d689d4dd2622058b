"""Models in a project: learned by a run, kept, applied as columns, learned again; the same numbers however they are asked for."""

import ast
import json
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import coterie
from coterie import models
from coterie.core.errors import CoterieError, NotFitted, UnknownName
from coterie.models.kinds import MODELS
from coterie.models.model import Want
from coterie.models.store import FitStore
from coterie.models.value import choice
from coterie.models.value.history import History
from coterie.models.value.quality import Holdout
from coterie.workspace.fitting import SEED, sample
from coterie.workspace.workspace import Workspace
from tests.models.buyers import PROJECT, TODAY, orders, write


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("buyers"))
    coterie.open(folder).run()
    return folder


@pytest.fixture
def own(shop: Path, tmp_path: Path) -> Workspace:
    return coterie.open(shutil.copytree(shop, tmp_path / "shop"))


def traits(workspace: Workspace) -> dict[str, dict[str, Any]]:
    rows = workspace.results.engine.fetch("SELECT * FROM traits").to_pylist()
    return {row["customer"]: row for row in rows}


def days_of(until: date = TODAY) -> dict[str, dict[date, float]]:
    """What each customer spent by day, as the files have it (the demo's times are local ones)."""
    out: dict[str, dict[date, float]] = {}
    for who, when, amount, _ in orders():
        if when.date() <= until:
            spent = out.setdefault(who, {})
            spent[when.date()] = spent.get(when.date(), 0.0) + amount
    return out


def history(until: date) -> tuple[list[str], History]:
    found = days_of(until)
    people = sorted(found)
    x, t_x, age, spend = [], [], [], []
    for who in people:
        bought = sorted(found[who])
        repeats = bought[1:]
        x.append(len(repeats))
        t_x.append((bought[-1] - bought[0]).days)
        age.append((until - bought[0]).days)
        spend.append(sum(found[who][d] for d in repeats) / len(repeats) if repeats else found[who][bought[0]])
    return people, History(np.array(x, float), np.array(t_x, float), np.array(age, float), np.array(spend, float))


def test_lifetime_value_is_that_of_histories_counted_by_hand(shop):
    held = (TODAY - min(d for spent in days_of().values() for d in spent)).days // 3
    cut = TODAY - timedelta(days=held)
    people, whole = history(TODAY)
    then, past = history(cut)
    later = days_of()
    bought = np.array([sum(d > cut for d in later[who]) for who in then], float)
    fit = choice.fit(whole, choice.Before(past, Holdout(bought, float(held))), seed=SEED)
    scores = fit.score(whole.x, whole.t_x, whole.T, whole.spend, 365)
    found = traits(coterie.open(shop))
    assert {who for who, row in found.items() if row["next_year"] is None} == {f"c{n:03}" for n in range(400, 420)}
    for part in ("probability_alive", "expected_orders", "value_per_order", "low", "high"):
        mine = np.array([found[who][f"next_year.{part}"] for who in people], float)
        np.testing.assert_allclose(mine, getattr(scores, part), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([found[who]["next_year"] for who in people], scores.value, rtol=1e-9)


def test_the_next_order_is_a_day_for_those_who_are_probably_still_there(shop):
    held = (TODAY - min(d for spent in days_of().values() for d in spent)).days // 3
    people, whole = history(TODAY)
    then, past = history(TODAY - timedelta(days=held))
    later = days_of()
    bought = np.array([sum(d > TODAY - timedelta(days=held) for d in later[who]) for who in then], float)
    wait = choice.fit(whole, choice.Before(past, Holdout(bought, float(held))), seed=SEED).next_purchase(whole.x, whole.T)
    found = traits(coterie.open(shop))
    told = 0
    for who, *days in zip(people, wait.low, wait.median, wait.high, strict=True):
        row = found[who]
        mine = [row[f"next_year.{part}"] for part in ("next_order_low", "next_order", "next_order_high")]
        here = row["next_year.probability_alive"] >= 0.5
        assert mine == [TODAY + timedelta(days=float(np.ceil(d))) if here and d <= 36_525 else None for d in days]
        told += here
        assert TODAY < mine[0] <= mine[1] if here else mine == [None] * 3
    assert 0 < told < len(people)
    assert found["c419"]["next_year.next_order"] is None


def test_interests_fade_by_half(shop):
    found = traits(coterie.open(shop))
    want: dict[str, dict[str, float]] = {}
    for who, when, _, what in orders():
        scores = want.setdefault(who, {})
        scores[what] = scores.get(what, 0.0) + 0.5 ** ((TODAY - when.date()).days / 60)
    for who, scores in want.items():
        assert found[who]["likes_tea"] == pytest.approx(scores.get("tea", 0.0), abs=1e-12)
        assert found[who]["interest.score"] == pytest.approx(max(scores.values()), rel=1e-9)
        assert scores[str(found[who]["interest"])] == pytest.approx(max(scores.values()), rel=1e-9)
    assert found["c419"]["interest"] is None


def test_combinations_are_large_enough_and_leave_nobody_out(shop):
    results = coterie.open(shop).results
    labels = results.made.labels["micro"]
    rows = results.engine.rows("SELECT count(*) FROM traits WHERE lifecycle IS NOT NULL AND country IS NOT NULL")
    assert sum(n for label, n in labels.items() if label) == rows[0][0]
    assert all(n >= 40 or label == "other" for label, n in labels.items() if label)


def test_rules_over_models_count_like_their_columns(shop):
    workspace = coterie.open(shop)
    found = traits(workspace)
    told = [row["buys_soon"] for row in found.values() if row["buys_soon"] is not None]
    assert workspace.segments.size("likely").inside == sum(p >= 0.5 for p in told)
    assert workspace.segments.size("worth_it").cannot_tell == sum(row["next_year"] is None for row in found.values())
    grouped = [row for row in found.values() if row["alike.typicality"] is not None]
    assert workspace.count("alike.typicality >= 0").size.inside == len(grouped)


def test_one_customer_scored_alone_is_as_among_all(shop):
    workspace = coterie.open(shop)
    with workspace.models.grounded(lambda _: None) as (ground, instant, _):
        for name, call in ground.models.calls.items():
            fit = ground.models.fit(name, instant)
            assert fit is not None
            model, asking = MODELS[call.call.function], ground.models.asking(name, instant)
            inputs = model.inputs(asking, fit.told["inputs"])
            if not inputs:
                continue
            rows = sample(ground, asking, Want(asking.today, inputs), instant).inputs
            score = model.ready(fit.parameters)
            whole = score(rows, instant)
            for place in (0, 7, 133, rows.num_rows - 1):
                alone = score(rows.slice(place, 1), instant)
                for part, values in whole.items():
                    (mine,), (others,) = alone[part].to_pylist(), values.slice(place, 1).to_pylist()
                    # A vector's power may differ from one number's in the last bit.
                    same = pytest.approx(others, rel=1e-13) if isinstance(others, float) else others
                    assert mine == same, (name, part)


ALONE = """
import json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "joblib", "pickle5", "dill", "cloudpickle"):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
from datetime import datetime
import pyarrow as pa
from coterie.models.kinds import MODELS
folder = sys.argv[1]
out = {}
for name, (function, parameters, instant) in json.load(open(folder + "/fits.json")).items():
    rows = pa.ipc.open_file(folder + "/" + name + ".arrow").read_all()
    score = MODELS[function].ready(parameters)
    told = score(rows, datetime.fromisoformat(instant))
    out[name] = {part: [str(v) for v in values.to_pylist()] for part, values in told.items()}
print(json.dumps(out))
"""


def test_every_fit_scores_the_same_from_json_in_a_process_without_scikit_learn(shop, tmp_path):
    workspace = coterie.open(shop)
    fits, wanted = {}, {}
    with workspace.models.grounded(lambda _: None) as (ground, instant, _):
        for name, call in ground.models.calls.items():
            fit = ground.models.fit(name, instant)
            assert fit is not None
            model, asking = MODELS[call.call.function], ground.models.asking(name, instant)
            inputs = model.inputs(asking, fit.told["inputs"])
            if not inputs:
                continue
            rows = sample(ground, asking, Want(asking.today, inputs), instant).inputs
            with pa.OSFile(str(tmp_path / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows)
            fits[name] = (call.call.function, fit.parameters, instant.isoformat())
            told = model.ready(fit.parameters)(rows, instant)
            wanted[name] = {part: [str(v) for v in values.to_pylist()] for part, values in told.items()}
    (tmp_path / "fits.json").write_text(json.dumps(fits, allow_nan=False), encoding="utf-8")
    found = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    assert json.loads(found) == wanted
    assert set(wanted) == {"next_year", "buys_soon", "like_big", "alike", "micro"}


def test_no_model_is_pickled():
    folder = Path(models.__file__).parent
    for file in folder.rglob("*.py"):
        code = ast.parse(file.read_text(encoding="utf-8"))
        named = {a.name for n in ast.walk(code) if isinstance(n, ast.Import) for a in n.names}
        named |= {n.module for n in ast.walk(code) if isinstance(n, ast.ImportFrom) and n.module is not None}
        assert not {name.split(".")[0] for name in named} & {"pickle", "joblib", "marshal", "shelve", "dill", "cloudpickle"}, file


def test_what_happens_after_a_day_changes_nothing_that_is_learned_as_of_it(shop, tmp_path):
    """The leakage probe: an event more after T, whatever it is, leaves every feature as of T as it was."""
    late = [(f"c{n:03}", datetime(2026, 6, 20, 12), 5000.0, "tea") for n in range(0, 400, 3)]
    other = coterie.open(write(tmp_path / "more", more=late))
    day, seen = date(2026, 5, 1), []
    for workspace in (coterie.open(shop), other):
        with workspace.models.grounded(lambda _: None) as (ground, instant, _):
            taken = {}
            for name, call in ground.models.calls.items():
                asking = ground.models.asking(name, instant)
                for want in MODELS[call.call.function].wants(asking):
                    if want.outcomes or name not in taken:
                        found = sample(ground, asking, Want(day, want.inputs, want.outcomes), instant)
                        taken[name] = found.inputs, found.outcomes
            seen.append(taken)
    for name, (inputs, _) in seen[0].items():
        assert inputs.equals(seen[1][name][0]), name
    assert not seen[0]["buys_soon"][1].equals(seen[1]["buys_soon"][1])  # the outcome is what the events change


def test_models_tell_how_good_they_are_in_words(shop):
    states = {s.name: s for s in coterie.open(shop).models.states()}
    told = {name: s.fit.told for name, s in states.items() if s.fit is not None}
    assert set(told) == {"next_year", "buys_soon", "interest", "like_big", "alike", "micro"}
    assert "held out" in told["next_year"]["verdict"]
    assert "AUC" in told["buys_soon"]["verdict"]
    assert [one["as_of"] for one in told["buys_soon"]["learned_from"]][-1] == "2026-05-01"
    assert json.dumps(states["buys_soon"].to_json())


def test_the_second_run_uses_what_the_first_has_learned(own):
    own.run()
    assert {s.name: len(s.versions) for s in own.models.states()} == {
        "next_year": 1,
        "buys_soon": 1,
        "interest": 1,
        "like_big": 1,
        "alike": 1,
        "micro": 1,
    }


def test_models_are_learned_again_when_it_is_time(own):
    own.run("2026-06-30")
    before = len(own.models["next_year"].versions)
    short = "next_year: lifetime_value(order.amount, 365 days)"
    kept = "next_year: {lifetime_value: [order.amount, 365 days], refit: never}"
    text = PROJECT.replace("as_of: 2026-06-30", "as_of: 2026-08-02").replace(short, kept)
    own.file.write_text(text, encoding="utf-8")
    coterie.open(own.folder).run()
    states = {s.name: s for s in coterie.open(own.folder).models.states()}
    assert len(states["next_year"].versions) == before
    assert len(states["alike"].versions) == 2


def test_a_worse_fit_waits_until_it_is_accepted(own):
    with FitStore(own.store.record) as store:
        good = store.of("buys_soon")
        assert good is not None
        told = json.dumps({**good.told, "skill": 0.99})
        store.connection.execute("UPDATE fits SET told = ?, as_of = '2026-06-29T00:00:00' WHERE name = 'buys_soon'", (told,))
    (found,) = own.models.fit(["buys_soon"])
    assert found.fit is not None
    assert found.fit.state == "held"
    assert "worse" in found.fit.told["held"]
    state = own.models["buys_soon"]
    assert state.fit is not None
    assert state.held is not None
    assert (state.fit.number, state.held.number) == (1, 2)
    own.models.fit(["buys_soon"], accept=True)
    accepted = own.models["buys_soon"].fit
    assert accepted is not None
    assert accepted.number == 2


def test_a_model_that_cannot_be_learned_does_not_stop_the_others(tmp_path):
    project = PROJECT.replace("within next 60 days", "within next 600 days")
    workspace = coterie.open(write(tmp_path / "shop", project))
    workspace.run()
    found = traits(workspace)
    assert all(row["buys_soon"] is None for row in found.values())
    assert any(row["next_year"] is not None for row in found.values())
    assert workspace.segments.size("likely").cannot_tell == len(found)
    (note,) = [n for n in workspace.results.made.data["notes"] if n.startswith("buys_soon")]
    assert "1200 days of events are needed" in note


def test_before_its_first_fit_a_model_is_missing(own):
    early = own.traits_at(["2026-03-31", "2026-06-30"]).arrow()
    first = early.filter(pa.compute.less(early.column("as_of"), pa.scalar(datetime(2026, 5, 1), pa.timestamp("us"))))
    assert first.column("next_year").null_count == first.num_rows
    assert early.column("next_year").null_count < early.num_rows
    assert first.column("revenue").null_count < first.num_rows


def test_an_unknown_model_is_said_with_the_nearest_name(shop):
    with pytest.raises(UnknownName, match="nextyear") as caught:
        _ = coterie.open(shop).models["nextyear"]
    assert "next_year" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lifetime_value(order.amount)", "a length of time"),
        ("lifetime_value(order.category, 365 days)", "is text"),
        ("lifetime_value(order.amount, 12 hours)", "days or longer"),
        ("predict(orders)", "looks ahead"),
        ("predict(count(order within next 30 days) + lifetime_value(order.amount, 90 days))", "inside another"),
        ("affinity(order.amount half life 60 days)", "is money"),
        ("lookalike(revenue)", "takes a segment"),
        ("cross(lifecycle) at least 50", "two or more"),
        ("exists(order within next 30 days)", "not known"),
    ],
)
def test_a_model_that_is_written_wrong_is_explained(own, text, says):
    project = PROJECT.replace("  likes_tea: interest.tea\n", f"  likes_tea: interest.tea\n  wrong: {text}\n")
    own.file.write_text(project, encoding="utf-8")
    with pytest.raises(CoterieError, match=says):
        own.check()


def test_a_group_becomes_a_rule_that_counts_as_it_says(shop):
    workspace = coterie.open(shop)
    found = workspace.rule("alike.1")
    size = workspace.count(found.rule.text).size
    assert size.inside > 0
    rows = traits(workspace)
    assert found.customers == sum(row["alike.key"] == 1 for row in rows.values())
    assert 0 <= found.rule.precision <= 1
    assert workspace.rule("buys_soon").about == "the highest tenth of buys_soon"
    with pytest.raises(UnknownName, match="no label"):
        workspace.rule("alike.nobody")


def test_what_stands_out_is_proposed_and_nothing_that_is_true_by_definition(shop):
    workspace = coterie.open(shop)
    found = workspace.discover("big")
    assert found.outcome == "big"
    assert not {"revenue"} & set(found.columns)  # what the outcome is made of
    for one in found.subgroups:
        assert one.lift > 1
        assert workspace.count(one.text).size.inside >= one.size  # half of the customers are all of them or fewer


def test_a_prediction_of_one_customer_says_what_drives_it(shop):
    workspace = coterie.open(shop)
    rows = traits(workspace)
    sure = max((who for who in rows if rows[who]["buys_soon"] is not None), key=lambda who: rows[who]["buys_soon"])
    found = workspace.why(sure, "buys_soon")
    assert any("raises" in text for text in found.drives)
    assert workspace.why(sure, "big").drives == ()


def test_what_a_prediction_is_worth_at_each_cut_off(shop):
    workspace = coterie.open(shop)
    fit = workspace.models["buys_soon"].fit
    assert fit is not None
    tenths, cuts = fit.told["tables"]["tenths"], fit.told["tables"]["cut_offs"]
    assert [row["tenth"] for row in tenths] == list(range(10, 0, -1)), "10 the highest, as `.tenth` tells it"
    assert tenths[0]["told"] > tenths[-1]["told"]
    everybody = sum(r["customers"] for r in tenths)
    happened = sum(r["customers"] * r["happened"] for r in tenths)
    assert [row["first"] for row in cuts] == ["5%", "10%", "20%", "30%", "50%"]
    for row in cuts:
        assert row["of_all"] == pytest.approx(row["customers"] * row["happened"] / happened)
        assert row["lift"] == pytest.approx(row["happened"] / (happened / everybody))
    worth = workspace.models.money("buys_soon", 40.0, 8.0)
    assert worth[-1].contacts == everybody
    assert worth[-1].happened == pytest.approx(40 * happened - 8 * everybody)
    assert {q["name"]: q["baseline"] for q in fit.told["quality"]}["Brier score"] > 0
    with pytest.raises(NotFitted, match="no scores to choose customers by"):
        workspace.models.money("next_year")
    value = workspace.models["next_year"].fit
    assert value is not None
    shown = {(row["of"], row["parameter"]): row for row in value.told["tables"]["parameters"]}
    model = value.parameters["fit"]["model"]
    assert shown[model, "r"]["value"] == value.parameters["fit"]["parameters"]["r"]
    assert shown[model, "r"]["standard_error"] > 0
