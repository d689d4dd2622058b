"""What an order is worth: Gamma-Gamma and the shrunk mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.models.value import gamma_gamma, shrunk_mean
from coterie.models.value.gamma_gamma import GammaGamma
from coterie.models.value.shrunk_mean import ShrunkMean


def spending(n: int, seed: int, p: float = 6.25, q: float = 3.74, v: float = 15.44) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.geometric(0.4, n).astype(float)
    return x, draw.gamma(p * x) / draw.gamma(q, 1 / v, n) / x


def test_parameters_are_found_again_and_money_has_no_unit():
    x, spend = spending(20_000, 1)
    found = gamma_gamma.fit(x, spend)
    assert found is not None
    far = np.abs(np.array([found.p, found.q, found.v]) - [6.25, 3.74, 15.44]) / found.se
    assert far.max() < 3
    cents = gamma_gamma.fit(x[::-1], spend[::-1] * 100)
    assert cents is not None
    assert (cents.p, cents.q, cents.v / 100) == pytest.approx((found.p, found.q, found.v), rel=1e-4)
    assert cents.log_likelihood == pytest.approx(found.log_likelihood - len(x) * np.log(100), abs=1e-4)


def test_the_gradient_is_that_of_the_likelihood():
    x, spend = spending(200, 2)
    order = np.argsort(x)
    objective = gamma_gamma._objective(x[order], spend[order])
    logs = np.log([3.0, 2.0, 30.0])
    for i in range(3):
        move = 1e-6 * np.eye(3)[i]
        numeric = (objective(np.exp(logs + move))[0] - objective(np.exp(logs - move))[0]) / 2e-6
        assert objective(np.exp(logs))[1][i] == pytest.approx(numeric, rel=1e-5)


@pytest.mark.parametrize("model", [GammaGamma(6.25, 3.74, 15.44, (0, 0, 0), 0), ShrunkMean(35.0, 0.5, 0.7)])
def test_a_mean_is_drawn_to_that_of_all_and_less_so_the_more_orders_there_are(model):
    x = np.array([0.0, 1, 5, 50, 5000])
    own = model.mean(x, np.full(5, 200.0))
    assert own[0] == pytest.approx(model.population_mean)
    assert (np.diff(own) > 0).all()
    assert own[-1] == pytest.approx(200, rel=0.01)
    assert model.mean(x, np.full(5, np.nan))[0] == pytest.approx(model.population_mean)  # without an order there is no mean


@pytest.mark.parametrize("model", [GammaGamma(6.25, 3.74, 15.44, (0, 0, 0), 0), ShrunkMean(35.0, 0.5, 0.7)])
def test_drawn_totals_are_as_many_means_as_orders(model):
    for x in (0.0, 3.0, 40.0):
        drawn = model.draw_totals(x, np.full(100_000, 4.0), np.random.default_rng(1))
        assert drawn.mean() == pytest.approx(4, rel=0.03)


def test_what_is_known_after_an_order_is_the_share_that_gamma_gamma_says():
    """Customers with a mean near 60 after 2 orders spend E(M) on the next ones."""
    p, q, v = 6.25, 3.74, 15.44
    draw = np.random.default_rng(4)
    scale = 1 / draw.gamma(q, 1 / v, 400_000)
    before, after = draw.gamma(2 * p, 1, 400_000) * scale / 2, draw.gamma(p, 1, 400_000) * scale
    near = np.abs(before - 60) < 3
    model = GammaGamma(p, q, v, (0, 0, 0), 0)
    assert after[near].mean() == pytest.approx(float(model.mean(np.array(2.0), np.array(60.0))), rel=0.03)


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0.01, 1e6)), min_size=1, max_size=30))
def test_any_amounts_give_numbers(rows):
    x, spend = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = gamma_gamma.fit(x, spend)
    if found is not None:
        assert np.isfinite([found.p, found.q, found.v, found.log_likelihood]).all()
        assert not np.isnan(found.se).any()
    plain = shrunk_mean.fit(x, spend)
    assert np.isfinite(plain.mean(x, spend)).all()
    lowest, highest = min(spend.min(), plain.population_mean), max(spend.max(), plain.population_mean)
    assert ((plain.mean(x, spend) >= lowest * (1 - 1e-9)) & (plain.mean(x, spend) <= highest * (1 + 1e-9))).all()
    assert np.isfinite(plain.draw_totals(3.0, np.array([1.0, 20.0]), np.random.default_rng(0))).all()
