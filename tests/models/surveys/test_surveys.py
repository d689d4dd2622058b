"""Scales, reliability, typing tools and projection: alike for one row and many, honest about what they cannot tell."""

import json

import numpy as np
import pyarrow as pa
import pytest

from coterie.core.errors import Degenerate, NotFitted, TooFewRows
from coterie.models.surveys.scales import Scale, alpha, reliability, scored
from coterie.models.surveys.typing_tool import UNSURE, Projection, project, typing_tool

GROUPS = ("outdoor", "home", "technology")


def survey(n: int = 900, seed: int = 0, separation: float = 1.0) -> tuple[pa.Table, list[str]]:
    """Twelve questions answered from 1 to 5: q1 to q3 tell the three groups, the others are noise."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    columns = {}
    for j in range(12):
        middle = 3 + separation * np.where(group == j, 1.6, -0.6) if j < 3 else np.full(n, 3.0)
        answers = np.clip(np.round(middle + rng.normal(0, 0.8, n)), 1, 5).astype(int)
        columns[f"q{j + 1}"] = pa.array(answers, mask=rng.random(n) < 0.05)
    return pa.table(columns), [GROUPS[g] for g in group]


def test_a_score_is_the_mean_of_what_was_answered_if_half_was() -> None:
    table = pa.table({"a": [5, 1, None, None], "b": [1, None, 2, None], "c": [4, None, None, 9]})
    scale = Scale("s", ("a", "b", "c"), ("b",), 1, 5)
    [score] = scored(table, [scale]).columns
    assert score.to_pylist() == [pytest.approx((5 + 5 + 4) / 3), None, None, None]
    two = Scale("s", ("a", "b"), ("b",), 1, 5)
    assert scored(table, [two])["s"].to_pylist() == [5, 1, 4, None]


def test_one_respondent_scores_as_among_many() -> None:
    table, _ = survey()
    scale = Scale("s", tuple(table.column_names), ("q2",), 1, 5)
    all_ = scale.scores(table)
    assert [scale.scores(table.slice(j, 1))[0] for j in range(50)] == list(all_[:50])


def test_alpha_is_one_for_equal_items_and_none_for_unrelated_ones() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    assert alpha(np.cov(np.stack([x, x, x]))) == pytest.approx(1)
    assert alpha(np.cov(rng.normal(size=(3, 5000)))) == pytest.approx(0, abs=0.06)


def test_an_item_that_goes_against_the_others_and_one_that_does_not_belong_are_named() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(3, 0.8, 2000)
    items = {f"i{j}": np.clip(np.round(truth + rng.normal(0, 0.6, 2000)), 1, 5) for j in range(4)}
    items["turned"] = 6 - items["i0"]
    items["odd"] = rng.integers(1, 6, 2000).astype(float)
    table = pa.table(items)
    found = reliability(Scale("s", tuple(items), (), 1, 5), table)
    assert any(note.startswith("turned goes against the others") for note in found.notes)
    right = reliability(Scale("s", tuple(items), ("turned",), 1, 5), table)
    assert right.alpha > found.alpha
    assert any(note.startswith("Without odd alpha would be") for note in right.notes)
    with pytest.raises(Degenerate, match="alike or missing"):
        reliability(Scale("s", ("i0", "same"), (), 1, 5), table.append_column("same", pa.array([3] * 2000)))
    with pytest.raises(Degenerate, match="takes two"):
        reliability(Scale("s", ("i0",), (), 1, 5), table)


def test_the_fewest_questions_are_those_that_tell() -> None:
    answers, labels = survey()
    tool = typing_tool(answers, labels)
    assert set(tool.questions) <= {"q1", "q2", "q3"}
    assert len(tool.questions) >= 2
    assert [step.accuracy for step in tool.steps] == sorted(step.accuracy for step in tool.steps)
    fresh, truth = survey(seed=7, n=3000)
    said = project(answers.select(tool.questions), labels, confidence=0).score(fresh)["label"].to_pylist()
    assert np.mean([a == b for a, b in zip(said, truth, strict=True)]) == pytest.approx(tool.accuracy, abs=0.03)
    assert tool.notes[0].startswith(f"{len(tool.steps)} questions tell ")


def test_below_the_confidence_the_answer_is_unsure_and_what_it_promises_holds() -> None:
    answers, labels = survey(separation=0.5, n=2000)
    found = project(answers, labels, confidence=0.7)
    fresh, truth = survey(seed=9, n=4000, separation=0.5)
    scores = found.score(fresh)
    said, p = scores["label"].to_pylist(), scores["probability"].to_numpy()
    sure = np.array([label != UNSURE for label in said])
    assert np.array_equal(sure, p >= 0.7)
    assert sure.mean() == pytest.approx(found.sure, abs=0.05)
    right = np.array([a == b for a, b in zip(said, truth, strict=True)])
    assert right[sure].mean() == pytest.approx(found.accuracy_when_sure, abs=0.04)
    everybody = project(answers, labels, confidence=0).score(fresh)
    hits = np.mean([a == b for a, b in zip(everybody["label"].to_pylist(), truth, strict=True)])
    assert everybody["probability"].to_numpy().mean() == pytest.approx(hits, abs=0.04)


def test_groups_are_projected_from_mixed_traits_and_after_json_alike() -> None:
    _, labels = survey(600)
    rng = np.random.default_rng(3)
    at = np.array([GROUPS.index(label) for label in labels])
    table = pa.table(
        {
            "age": pa.array(30.0 + 15 * at + rng.normal(0, 5, 600), mask=rng.random(600) < 0.1),
            "favourite": np.array(["camping", "garden", "games"])[np.where(rng.random(600) < 0.8, at, rng.integers(0, 3, 600))],
            "member": rng.random(600) < 0.3,
        }
    )
    found = project(table, labels)
    again = Projection.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    scores = found.score(table)
    for j in range(0, 600, 61):
        assert again.score(table.slice(j, 1)).to_pylist() == scores.slice(j, 1).to_pylist()
    assert found.accuracy > 0.85
    nobody = pa.table({name: pa.nulls(1, table[name].type) for name in table.column_names})
    assert found.score(nobody)["label"].to_pylist() == [None]
    with pytest.raises(NotFitted):
        Projection.from_json(found.to_json() | {"version": 99})


def test_noise_tells_nothing_and_says_so() -> None:
    answers, _ = survey()
    labels = [GROUPS[g] for g in np.random.default_rng(5).choice(3, 900, p=[0.6, 0.2, 0.2])]
    found = project(answers, labels)
    assert "no better than naming the largest group" in found.notes[-1]


def test_small_groups_are_refused() -> None:
    answers, labels = survey(60)
    with pytest.raises(TooFewRows, match="two or more of at least 10"):
        typing_tool(answers, ["one"] * 60)
    with pytest.raises(TooFewRows, match="rare 3"):
        typing_tool(answers, ["rare" if j < 3 else label for j, label in enumerate(labels)])
