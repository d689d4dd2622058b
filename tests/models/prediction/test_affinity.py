"""Interests that decay."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.errors import Degenerate, ModelError, NotFitted
from coterie.models.prediction.affinity import Affinity, fit_affinity

EVENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["shoes", "books", "rare", None]), st.floats(-10, 400)), min_size=1, max_size=40
)


@given(EVENTS, st.floats(1, 365))
def test_scores_are_sums_of_what_each_event_still_counts(events: list, half_life: float) -> None:
    found = Affinity(half_life, ("shoes", "books"), (0.5, 0.4, 0.1))
    who, ages = np.asarray([e[0] for e in events]), np.asarray([e[2] for e in events])
    categories = np.asarray([e[1] for e in events], object)
    scores = found.scores(who, 5, categories, ages)
    wanted = np.zeros((5, 3))
    for customer, category, age in events:
        if age >= 0:
            wanted[customer, {"shoes": 0, "books": 1}.get(category, 2)] += 0.5 ** (age / half_life)
    np.testing.assert_allclose(scores, wanted, atol=1e-12)
    np.testing.assert_allclose(found.later(scores, half_life), scores / 2)
    total = scores.sum(axis=1)
    np.testing.assert_allclose(found.shares(scores)[total > 0].sum(axis=1), 1)
    assert np.isnan(found.shares(scores)[total == 0]).all()


def test_what_decays_alike_can_be_carried_on() -> None:
    """Scores of yesterday, decayed for a day, and today's events are today's scores."""
    found = Affinity(30, ("a", "b"), (0.5, 0.5, 0))
    who, what, age = np.asarray([0, 0, 1]), np.asarray(["a", "b", "a"], object), np.asarray([5.0, 0.5, 40.0])
    before = found.scores(who[[0, 2]], 2, what[[0, 2]], age[[0, 2]] - 1)
    np.testing.assert_allclose(
        found.later(before, 1) + found.scores(who[1:2], 2, what[1:2], age[1:2]), found.scores(who, 2, what, age)
    )


def test_the_categories_with_the_most_weight_now_are_kept() -> None:
    what = np.asarray(["old"] * 10 + ["new"] * 4 + ["few"] * 1 + [None, "future"], object)
    age = np.asarray([600.0] * 10 + [1.0] * 5 + [0.0, -5.0])
    found = fit_affinity(what, age, half_life=60, kept=2)
    assert found.categories == ("new", "few")
    assert sum(found.typical) == pytest.approx(1)
    assert found.best(found.scores(np.asarray([0, 1]), 3, np.asarray(["few", "old"], object), np.asarray([1.0, 1.0]))) == [
        "few",
        None,
        None,
    ]
    assert Affinity.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert fit_affinity(what, age, half_life=60, kept=["old"]).categories == ("old",)
    weighed = fit_affinity(what, age, half_life=60, kept=1, weight=np.where(what == "few", 100.0, 1.0))
    assert weighed.categories == ("few",)


def test_what_cannot_be() -> None:
    with pytest.raises(ModelError, match="half life of 0 days"):
        fit_affinity(np.asarray(["a"], object), np.zeros(1), half_life=0)
    with pytest.raises(Degenerate, match="no event before as_of has a category"):
        fit_affinity(np.asarray([None, "a"], object), np.asarray([1.0, -1.0]), half_life=10)
    with pytest.raises(NotFitted):
        Affinity.from_json({"version": 9})
