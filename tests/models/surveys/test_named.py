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
