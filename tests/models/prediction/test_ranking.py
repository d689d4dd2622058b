"""The area under the curve and its intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from coterie.models.prediction.ranking import auc, auc_difference, auc_interval, placements


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_auc_counts_pairs(rows: list[tuple[bool, int]]) -> None:
    y, score = np.asarray([r[0] for r in rows], float), np.asarray([r[1] for r in rows], float)
    yes, no = score[y == 1], score[y == 0]
    if not len(yes) or not len(no):
        assert auc(y, score) == 0.5
        return
    pairs = (yes[:, None] > no) + 0.5 * (yes[:, None] == no)
    assert auc(y, score) == pytest.approx(pairs.mean())
    assert auc(y, score) == pytest.approx(roc_auc_score(y, score))
    above, below = placements(y, score)
    np.testing.assert_allclose(above, pairs.mean(axis=1))
    np.testing.assert_allclose(below, pairs.mean(axis=0))


def test_intervals_hold_what_they_say() -> None:
    """Two normal scores of known overlap: the true areas are Φ(1/√2) and Φ(.8/√2)."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    true, other = norm.cdf(1 / np.sqrt(2)), norm.cdf(0.8 / np.sqrt(2))
    held = differing = 0
    for _ in range(600):
        y = (rng.random(250) < 0.3).astype(float)
        shared = rng.normal(size=250)
        a, b = y + shared, 0.8 * y + 0.6 * shared + 0.8 * rng.normal(size=250)
        found, difference = auc_interval(y, a), auc_difference(y, a, b)
        held += found.low <= true <= found.high
        differing += difference.low <= true - other <= difference.high
    assert 0.93 <= held / 600 <= 0.97
    assert 0.93 <= differing / 600 <= 0.97


def test_the_difference_to_itself_is_nothing() -> None:
    rng = np.random.default_rng(1)
    y, score = (rng.random(100) < 0.5).astype(float), rng.random(100)
    found = auc_difference(y, score, score * 2 + 1)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_perfect_order_has_no_interval_to_show() -> None:
    y = np.asarray([0.0, 0.0, 1.0, 1.0])
    assert auc_interval(y, y).to_json() == [1, 1, 1]
