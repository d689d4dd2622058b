"""Contracts: how retention goes on, and what remains is worth."""

import numpy as np
import pytest

from coterie.core.errors import ModelError, TooFewRows
from coterie.models.value import sbg
from coterie.models.value.sbg import ShiftedBetaGeometric

MODEL = ShiftedBetaGeometric(0.668, 3.806, (0.0, 0.0), 0.0)


def test_survival_is_the_product_of_retention_rates():
    periods = np.arange(1.0, 13)
    assert MODEL.survival(periods) == pytest.approx(np.cumprod(MODEL.retention(periods)))
    assert float(MODEL.survival(0)) == 1
    assert (np.diff(MODEL.retention(periods)) > 0).all()


@pytest.mark.parametrize("renewals", [0, 1, 4])
@pytest.mark.parametrize("discount", [0.1, 0.01])
def test_what_remains_is_the_discounted_sum_of_survival(renewals, discount):
    later = np.arange(renewals + 1.0, 6000)
    wanted = (MODEL.survival(later) / MODEL.survival(renewals) / (1 + discount) ** (later - renewals - 1)).sum()
    assert float(MODEL.remaining(renewals, discount)) == pytest.approx(wanted, rel=1e-6)


def test_parameters_are_found_again():
    draw = np.random.default_rng(1)
    ends = draw.geometric(draw.beta(1.2, 4.0, 50_000))
    found = sbg.fit([float((ends > t).sum()) for t in range(8)])
    assert np.abs([(found.alpha - 1.2) / found.se[0], (found.beta - 4.0) / found.se[1]]).max() < 3


def test_the_gradient_is_that_of_the_likelihood():
    objective = sbg.objective(np.array([131.0, 126, 90]), np.array([20.0, 0, 13, 653]))
    logs = np.log([0.5, 3.0])
    for i in range(2):
        move = 1e-6 * np.eye(2)[i]
        numeric = (objective(np.exp(logs + move))[0] - objective(np.exp(logs - move))[0]) / 2e-6
        assert objective(np.exp(logs))[1][i] == pytest.approx(numeric, rel=1e-5)


def test_everybody_alike_is_not_settled_but_finite():
    found = sbg.fit([2.0**k for k in range(12, 3, -1)])  # half leave each time
    assert found.retention(np.array([1.0, 8.0])) == pytest.approx([0.5, 0.5], abs=0.01)
    assert found.flat


@pytest.mark.parametrize("survivors", [[10, 11, 5], [10, -1], [10, np.nan, 5]])
def test_impossible_cohorts_are_refused(survivors):
    with pytest.raises(ModelError, match="can only become fewer"):
        sbg.fit(survivors)


@pytest.mark.parametrize("survivors", [[], [10], [10, 5], [10, 10, 10]])
def test_too_little_is_refused(survivors):
    with pytest.raises(TooFewRows, match="do not show how leaving goes on"):
        sbg.fit(survivors)


def test_without_a_discount_there_may_be_no_end():
    with pytest.raises(ModelError, match="no finite value"):
        MODEL.remaining(0, 0.0)
