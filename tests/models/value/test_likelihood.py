"""Maximum likelihood: the same whatever the order, the names and the unit of the data; warm starts and samples end at the top."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.models.value import likelihood
from coterie.models.value.beta_geometric import BG_NBD, MBG_NBD
from coterie.models.value.history import Counts, History
from coterie.models.value.likelihood import maximise
from coterie.models.value.nbd import NBD
from coterie.models.value.pareto_nbd import PARETO_NBD
from tests.models.value.made import customers

MODELS = [NBD(), BG_NBD, MBG_NBD, PARETO_NBD]
models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
USUAL = {
    "NBD": (0.4, 12.0),
    "BG/NBD": (0.24, 4.4, 0.8, 2.4),
    "MBG/NBD": (0.52, 6.2, 0.9, 1.6),
    "Pareto/NBD": (0.55, 10.6, 0.6, 11.7),
}
CODES = {"NBD": "nbd", "BG/NBD": "bg", "MBG/NBD": "mbg", "Pareto/NBD": "pareto"}


@pytest.fixture(scope="module")
def some() -> History:
    """Customers seen by the day."""
    made = customers("bg", (0.5, 6.0, 0.8, 2.4), 1500, seed=5).history
    return History(made.x, np.ceil(made.t_x), made.T, made.spend)


@models
@settings(max_examples=10)
@given(order=st.integers(0, 1000), unit=st.sampled_from([7.0, 1 / 24, 30.4375]))
def test_order_and_unit_make_no_difference(model, some: History, order, unit):
    moved = some.some(np.random.default_rng(order).permutation(len(some)))
    other = History(moved.x, moved.t_x / unit, moved.T / unit, moved.spend, unit)
    one, two = maximise(model, some.counts()), maximise(model, other.counts())
    assert two.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    assert two.theta == pytest.approx(one.theta, rel=1e-4)
    assert two.se == pytest.approx(one.se, rel=1e-3)


@models
def test_times_counted_in_another_unit_scale_the_parameters(model, some: History):
    """Without History's help: 7 times longer times, 7 times larger α (and β), and the likelihood of densities per day."""
    weeks = some.counts()
    one, two = maximise(model, weeks), maximise(model, Counts(weeks.x, weeks.t_x * 7, weeks.T * 7, weeks.n))
    scales = np.where(np.array(model.scales) == 1, 7.0, 1.0)
    assert two.theta == pytest.approx(one.theta * scales, rel=1e-4)
    assert two.log_likelihood == pytest.approx(one.log_likelihood - some.x.sum() * np.log(7), abs=1e-5)


@models
def test_the_parameters_customers_were_made_with_are_found_again(model):
    """Within 3 standard errors each, over 4 populations: a standard error too small would show."""
    theta = np.array(USUAL[model.name])
    far = []
    for seed in range(4):
        found = maximise(model, customers(CODES[model.name], tuple(theta), 3000, seed=20 + seed).history.counts())
        far.append((np.log(found.theta) - np.log(theta)) / (found.se / found.theta))
        assert found.flat == ()
    assert np.abs(far).max() < 3.5
    assert 0.3 < np.std(far) < 2


@models
def test_a_warm_start_and_a_sample_end_at_the_same_top(model, some: History, monkeypatch: pytest.MonkeyPatch):
    counts = some.counts()
    whole = maximise(model, counts)
    warm = maximise(model, counts, whole.theta * 1.3)
    monkeypatch.setattr(likelihood, "SAMPLE", 700)
    sampled = maximise(model, counts)
    for other in (warm, sampled):
        assert other.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-4)
        assert other.theta == pytest.approx(whole.theta, rel=2e-2)
    assert sampled.se == pytest.approx(whole.se, rel=0.5)


def test_customers_who_never_leave_leave_its_parameters_unsettled():
    made = customers("nbd", (0.8, 10.0), 3000, seed=1).history.counts()
    staying = maximise(NBD(), made)
    for model in (BG_NBD, MBG_NBD, PARETO_NBD):
        found = maximise(model, made)
        assert 0 <= found.log_likelihood - staying.log_likelihood + 1e-3 < 3
        assert np.isfinite(found.theta).all()
        assert not np.isnan(found.se).any()


@models
def test_customers_all_alike_have_a_finite_fit(model):
    for x, t_x, T in ((1.0, 2.0, 10.0), (10_000.0, 700.0, 700.0), (0.0, 0.0, 5.0)):
        found = maximise(model, Counts(*(np.array([part]) for part in (x, t_x, T, 100.0))))
        assert np.isfinite(found.theta).all()
        assert np.isfinite(found.log_likelihood)
        assert not np.isnan(found.se).any()
