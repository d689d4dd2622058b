"""`clusters(survey)`: which scales a source's name stands for, however the answers came in; what it says where there are none."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import coterie
from coterie.core.errors import DefinitionError
from coterie.workspace.workspace import Workspace

SCALES = "  open: mean_of({0}, 7 - {1})\n  warm: mean_of({2}, {3})\n"
CUSTOMERS = "  customers: {path: customers.csv, id: id}\n"
LOOKUP = CUSTOMERS + "  survey: {path: survey.csv, id: who, lookup: number}\n"
EVENTS = CUSTOMERS + "  survey: {path: survey.csv, customer: who, time: at}\n  visit: {path: visits.csv, customer: who, time: at}\n"
LAST = [f"last(survey.q{n})" for n in (1, 2, 3, 4)]
PLAIN = ["q1", "q2", "q3", "q4"]


def project(folder: Path, sources: str, traits: str, call: str) -> Workspace:
    draw = np.random.default_rng(0)
    group = draw.integers(0, 2, 200)
    answers = np.clip(np.round(np.where(group[:, None], [5, 2, 5, 5], [2, 5, 2, 2]) + draw.normal(0, 0.6, (200, 4))), 1, 6).astype(
        int
    )
    people = ["id,number,age"] + [f"c{n},c{n},{draw.integers(18, 80)}" for n in range(200)]
    told = ["who,at,q1,q2,q3,q4"] + [f"c{n},2026-01-02,{','.join(map(str, row))}" for n, row in enumerate(answers)]
    visits = ["who,at,rating,stars"] + [f"c{n},2026-01-0{1 + n % 5},{1 + n % 6},{1 + n % 4}" for n in range(200)]
    for name, lines in (("customers", people), ("survey", told), ("visits", visits)):
        (folder / f"{name}.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    text = f"project: named\ntimezone: UTC\nas_of: now\nsources:\n{sources}traits:\n{traits}"
    (folder / "coterie.yaml").write_text(f"{text}segmentations:\n  minds: {call}\n", encoding="utf-8")
    return coterie.open(folder)


def scales() -> Iterator[tuple[str, str]]:
    yield LOOKUP, SCALES.format(*PLAIN)
    yield EVENTS, SCALES.format(*LAST)
    # Answers as traits of their own, and a scale of something else.
    own = "".join(f"  {q}: {last}\n" for q, last in zip(PLAIN, LAST, strict=True))
    yield EVENTS, own + "  pleased: mean_of(last(visit.rating), last(visit.stars))\n" + SCALES.format(*PLAIN)


@pytest.mark.parametrize(("sources", "traits"), list(scales()))
def test_a_source_stands_for_the_scales_of_its_answers(tmp_path: Path, sources: str, traits: str) -> None:
    workspace = project(tmp_path, sources, traits, "clusters(survey)")
    workspace.run()
    state = workspace.models["minds"]
    assert state.written == "clusters(open, warm)"
    assert state.fit is not None
    assert len(state.fit.told["tables"]["groups"]) == 2
    assert "minds" in workspace.check().definitions
    assert {m.name for m in workspace.scales()} >= {"open", "warm"}
    tool = workspace.questions("minds", 3)
    assert tool.steps[-1].accuracy > 0.9


def test_other_traits_may_stand_beside_it(tmp_path: Path) -> None:
    workspace = project(tmp_path, LOOKUP, SCALES.format(*PLAIN), "{clusters: [survey, age, open], groups: 2}")
    workspace.run()
    assert workspace.models["minds"].written == "clusters(open, warm, age)"


def test_without_scales_answers_are_taken_as_they_are(tmp_path: Path) -> None:
    workspace = project(tmp_path, LOOKUP, "  old: age > 50\n", "clusters(survey)")
    workspace.run()
    assert workspace.models["minds"].written == "clusters(q1, q2, q3, q4)"


def test_answers_of_events_are_taken_as_they_are_and_asked_again(tmp_path: Path) -> None:
    own = "".join(f"  {q}: {last}\n" for q, last in zip(PLAIN, LAST, strict=True))
    workspace = project(tmp_path, EVENTS, f"{own}  visits: count(visit)\n", "clusters(survey)")
    workspace.run()
    assert workspace.models["minds"].written == "clusters(q1, q2, q3, q4)"
    assert {step.question for step in workspace.questions("minds", 3).steps} <= set(LAST)


def test_answers_of_customers_are_all_scales(tmp_path: Path) -> None:
    sources = "  customers: {path: survey.csv, id: who}\n"
    for call in ("clusters(survey)", "clusters(customers)"):
        workspace = project(tmp_path, sources, SCALES.format(*PLAIN), call)
        workspace.run()
        assert workspace.models["minds"].written == "clusters(open, warm)"


@pytest.mark.parametrize(
    ("sources", "call", "hint"),
    [
        (EVENTS, "clusters(survey)", "mean_of(last(survey.q1), 7 - last(survey.q2), last(survey.q3))"),
        (CUSTOMERS, "clusters(survey)", "mean_of(q1, 7 - q2, q3)"),
        (EVENTS, "clusters(age, visit)", "mean_of(last(visit.q1)"),
        (EVENTS, "clusters(surveys)", ""),
    ],
)
def test_where_there_are_none_it_says_how_to_write_them(tmp_path: Path, sources: str, call: str, hint: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        project(tmp_path, sources, "  old: age > 50\n", call).check()
    assert hint in str(caught.value)
    assert ("no scales" in str(caught.value)) == bool(hint)


def test_a_trait_of_that_name_is_meant_first(tmp_path: Path) -> None:
    traits = SCALES.format(*LAST) + "  survey: count(visit)\n"
    workspace = project(
        tmp_path, EVENTS.replace("  survey:", "  poll:"), traits.replace("(survey.", "(poll."), "clusters(survey, age)"
    )
    workspace.run()
    assert workspace.models["minds"].written == "clusters(survey, age)"


def test_those_who_were_not_asked_get_a_group_or_unsure(tmp_path: Path) -> None:
    """Of 600, half were asked; who is young or old can be told, who is between cannot."""
    draw = np.random.default_rng(1)
    age = draw.integers(18, 80, 600)
    group = draw.random(600) < 1 / (1 + np.exp(-(age - 49) / 4))
    answers = np.clip(np.round(np.where(group[:, None], [5, 2], [2, 5]) + draw.normal(0, 0.6, (600, 2))), 1, 6).astype(int)
    people = ["id,age"] + [f"c{n},{a}" for n, a in enumerate(age)]
    told = ["who,at,q1,q2"] + [f"c{n},2026-01-02,{a},{b}" for n, (a, b) in enumerate(answers) if n % 2]
    (tmp_path / "customers.csv").write_text("\n".join([*people, ""]), encoding="utf-8")
    (tmp_path / "survey.csv").write_text("\n".join([*told, ""]), encoding="utf-8")
    survey = "  survey: {path: survey.csv, customer: who, time: at}\n"
    traits = "  open: mean_of(last(survey.q1), 7 - last(survey.q2))\n"
    traits += "  guess: {predict: [minds, age], unsure: 80%}\n  bold: predict(minds from age)\n"
    text = f"project: asked\ntimezone: UTC\nas_of: now\nsources:\n{CUSTOMERS}{survey}traits:\n{traits}"
    labels = "  minds:\n    open minds: open >= 3.5\n    others: open < 3.5\n"
    (tmp_path / "coterie.yaml").write_text(f"{text}segmentations:\n{labels}", encoding="utf-8")
    workspace = coterie.open(tmp_path)
    workspace.run()
    rows = {r["customer"]: r for r in workspace.results.engine.fetch("SELECT * FROM traits").to_pylist()}
    assert {r["guess"] for r in rows.values()} == {"open minds", "others", "unsure"}
    for row in rows.values():
        assert row["guess"] == (row["bold"] if row["guess.probability"] >= 0.8 else "unsure")
    asked = [n for n in range(600) if n % 2 == 0]
    sure = [n for n in asked if rows[f"c{n}"]["guess"] != "unsure"]
    right = np.mean([rows[f"c{n}"]["guess"] == ("open minds" if group[n] else "others") for n in sure])
    everybody = np.mean([rows[f"c{n}"]["bold"] == ("open minds" if group[n] else "others") for n in asked])
    assert 0.4 < len(sure) / len(asked) < 0.95
    assert right > everybody
    fit = workspace.models["guess"].fit
    assert fit is not None
    quality = {q["name"]: q["value"] for q in fit.told["quality"]}
    assert quality["share who get an answer, not unsure"] == pytest.approx(len(sure) / len(asked), abs=0.1)
    assert quality["share of these told right"] == pytest.approx(right, abs=0.08)


def test_unsure_is_for_answers(tmp_path: Path) -> None:
    workspace = project(tmp_path, LOOKUP, "  wise: {predict: [q1, age], unsure: 60%}\n" + SCALES.format(*PLAIN), "clusters(survey)")
    workspace.run()
    (note,) = [n for n in workspace.results.made.data["notes"] if n.startswith("wise is not fitted")]
    assert "`unsure:` is for predictions that tell one of several answers" in note
