"""Histories: what is impossible is refused, and the same ones are counted together in any unit and order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.errors import ModelError
from coterie.models.value.history import History, distinct


def history(rows: list[tuple[int, int, int]], unit: float = 1.0) -> History:
    x, t_x, T = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return History(x, t_x / unit, T / unit, np.where(x > 0, 10.0, 0.0), unit)


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    def row() -> tuple[int, int, int]:
        T = draw(st.integers(0, 20))
        x = draw(st.integers(0, 3)) if T else 0
        return x, draw(st.integers(1, T)) if x else 0, T

    return [row() for _ in range(draw(st.integers(1, 30)))]


@given(rows(), st.sampled_from([1.0, 7.0, 365.25]), st.randoms(use_true_random=False))
def test_counts_are_the_rows_in_any_unit_and_order(made, unit, random):
    shuffled = list(made)
    random.shuffle(shuffled)
    counts, other = history(made).counts(), history(shuffled, unit).counts()
    assert counts.n.sum() == len(made)
    assert list(zip(counts.x, counts.T, counts.t_x, strict=True)) == sorted({(x, T / 7, t / 7) for x, t, T in made})
    for name in ("x", "t_x", "T", "n"):
        assert getattr(other, name) == pytest.approx(getattr(counts, name), abs=1e-9)


@given(rows())
def test_distinct_rows_spread_back_to_all(made):
    ours = history(made)
    found, places = ours.distinct()
    for column, whole in zip(found, ours.weeks(), strict=True):
        assert column[places] == pytest.approx(whole)
    both, n, where = distinct(ours.x, ours.T)
    assert n.sum() == len(made)
    assert (both[0][where] == ours.x).all()
    assert (both[1][where] == ours.T).all()


def test_times_that_are_no_whole_days_are_kept_apart():
    made = History(np.ones(3), np.array([1.5, 1.5, 1.25]), np.array([2.5, 2.5, 2.5]), np.ones(3))
    counts = made.counts()
    assert list(counts.n) == [1, 2]
    assert counts.t_x * 7 == pytest.approx([1.25, 1.5])


def test_a_sample_keeps_what_is_common():
    counts = history([(0, 0, 10)] * 900 + [(1, 5, 10)] * 100).counts()
    some = counts.sample(100, seed=1)
    assert 60 < some.customers < 140
    assert counts.sample(1000, seed=1) is counts


@pytest.mark.parametrize(
    ("x", "t_x", "T", "spend"),
    [
        (1, 5, 4, 1),
        (-1, 0, 4, 1),
        (0, 1, 4, 1),
        (0.5, 1, 4, 1),
        (1, 1, np.nan, 1),
        (1, np.nan, 4, 1),
        (1, 1, 4, np.inf),
        (np.nan, 0, 1, 1),
    ],
)
def test_impossible_histories_are_refused(x, t_x, T, spend):
    with pytest.raises(ModelError, match="1 of 2 histories cannot be, the first at place 1"):
        History(np.array([0, x]), np.array([0, t_x]), np.array([3, T]), np.array([0, spend]))


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ModelError, match="differ in length"):
        History(np.zeros(2), np.zeros(2), np.zeros(3), np.zeros(2))


def test_nobody():
    none = History(np.empty(0), np.empty(0), np.empty(0), np.empty(0))
    assert len(none) == none.repeaters == 0
    assert none.counts().customers == 0
    assert len(none.distinct()[1]) == 0
