"""The models of buying and leaving: gradients, probabilities that add up, agreement with simulation, nothing that is no number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, gammaln, hyp2f1

from coterie.models.value.beta_geometric import BG_NBD, MBG_NBD, mean_until_dropout
from coterie.models.value.history import Counts
from coterie.models.value.nbd import NBD, at_least, log_pmf
from coterie.models.value.pareto_nbd import PARETO_NBD
from coterie.models.value.process import Process, conditional, conditional_pmf
from tests.models.value.made import customers

MODELS: list[Process] = [NBD(), BG_NBD, MBG_NBD, PARETO_NBD]
USUAL = {
    "NBD": (0.4, 12.0),
    "BG/NBD": (0.24, 4.4, 0.8, 2.4),
    "MBG/NBD": (0.52, 6.2, 0.9, 1.6),
    "Pareto/NBD": (0.55, 10.6, 0.6, 11.7),
}
CODES = {"NBD": "nbd", "BG/NBD": "bg", "MBG/NBD": "mbg", "Pareto/NBD": "pareto"}
models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)

positive = st.floats(-4, 4).map(lambda power: 10.0**power)


@st.composite
def someone(draw: st.DrawFn) -> tuple[float, float, float]:
    """x, t_x, T of a customer, the strange ones too: bought today, on every day, 10,000 times."""
    T = draw(st.one_of(st.just(0.0), st.floats(1e-3, 1e4)))
    x = draw(st.one_of(st.integers(0, 10), st.integers(0, 10_000))) if T else 0
    return float(x), T * draw(st.sampled_from([1e-3, 0.5, 0.999, 1.0])) if x else 0.0, T


def counts(rows: list[tuple[float, float, float]]) -> Counts:
    x, t_x, T = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return Counts(x, t_x, T, np.arange(1.0, len(x) + 1))


@models
@given(st.lists(someone(), min_size=1, max_size=5), st.lists(positive, min_size=4, max_size=4), st.floats(0, 1e4))
def test_nothing_is_ever_no_number(model, rows, theta, t):
    theta = np.array(theta[: len(model.symbols)])
    some = counts(rows)
    value, slope = model.objective(some)(theta)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
    alive = model.alive(theta, some.x, some.t_x, some.T)
    assert ((alive >= 0) & (alive <= 1)).all()
    expected = conditional(model, theta, t, some.x, some.t_x, some.T)
    at_most = (theta[0] + some.x) / (theta[1] + some.T) * t
    assert ((expected >= 0) & (expected <= at_most * (1 + 1e-9))).all()
    chance = conditional_pmf(model, theta, t, np.arange(float(len(rows))), some.x, some.t_x, some.T)
    assert ((chance >= 0) & (chance <= 1 + 1e-6)).all()


@models
@given(st.lists(someone(), min_size=1, max_size=5), st.lists(st.floats(-1, 1.5).map(lambda p: 10.0**p), min_size=4, max_size=4))
def test_gradients_are_those_of_the_likelihood(model, rows, theta):
    logs = np.log(theta[: len(model.symbols)])
    objective = model.objective(counts(rows))
    value, slope = objective(np.exp(logs))
    for i in range(len(logs)):
        move = 1e-5 * np.eye(len(logs))[i]
        numeric = (objective(np.exp(logs + move))[0] - objective(np.exp(logs - move))[0]) / 2e-5
        assert slope[i] == pytest.approx(numeric, rel=1e-4, abs=1e-5 * (1 + abs(value)))


@pytest.mark.parametrize("x", [0, 1, 3, 12])
@pytest.mark.parametrize("swapped", [False, True])
def test_pareto_nbd_is_its_published_likelihood(x, swapped):
    """Fader and Hardie's form with ₂F₁, for moderate x, where it has digits left."""
    r, a, s, b = (0.55, 10.6, 0.6, 11.7) if not swapped else (0.6, 11.7, 0.55, 10.6)
    t_x, T = (0.0 if x == 0 else 30.0), 38.9
    near, far, k = (a, b, s + 1) if a >= b else (b, a, r + x)

    def part(t: float) -> float:
        return hyp2f1(r + s + x, k, r + s + x + 1, (near - far) / (near + t)) / (near + t) ** (r + s + x)

    inner = (a + T) ** -(r + x) * (b + T) ** -s + s / (r + s + x) * (part(t_x) - part(T))
    wanted = gammaln(r + x) - gammaln(r) + r * np.log(a) + s * np.log(b) + np.log(inner)
    one = Counts(*(np.array([number]) for number in (float(x), t_x, T, 1.0)))
    assert PARETO_NBD.objective(one)(np.array([r, a, s, b]))[0] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("r", "w", "a", "b"), [(0.24, 12, 0.8, 2.4), (3.2, 0.7, 1.3, 5.1), (26.2, 1.5, 0.8, 28.4), (0.5, 100, 2.5, 0.4)]
)
def test_the_mean_until_dropout_is_its_published_form(r, w, a, b):
    wanted = (a + b - 1) / (a - 1) * (1 - hyp2f1(r, a - 1, a + b - 1, -w))
    assert float(mean_until_dropout(r, w, a, b)) == pytest.approx(wanted, rel=1e-7)


@given(*[st.floats(-2, 3).map(lambda p: 10.0**p)] * 2, *[st.floats(-2, 2.5).map(lambda p: 10.0**p)] * 2)
def test_the_mean_until_dropout_is_the_sum_of_its_probabilities(r, w, a, b):
    w = min(w, 10.0)
    n = np.arange(1, 20_000.0)
    tail = at_least(r, 1.0, w, n)
    wanted = (tail * np.exp(betaln(a, b + n - 1) - betaln(a, b))).sum()
    if tail[-1] < 1e-12:
        assert float(mean_until_dropout(r, w, a, b)) == pytest.approx(wanted, rel=2e-5)


def test_it_is_smooth_where_the_published_form_divides_by_nothing():
    around = mean_until_dropout(0.5, 3.0, np.array([1 - 1e-7, 1.0, 1 + 1e-7]), 2.0)
    assert around == pytest.approx([around[1]] * 3, rel=1e-6)
    r, alpha, beta = 0.5, 10.0, 12.0
    assert float(PARETO_NBD.expected((r, alpha, 1.0, beta), 20.0)) == pytest.approx(r * beta / alpha * np.log(32 / 12))


@models
def test_probabilities_of_all_numbers_of_purchases_add_up(model):
    theta, n = USUAL[model.name], np.arange(2000.0)
    for t in (0.0, 1.0, 52.0):
        chance = model.pmf(theta, t, n)
        assert chance.sum() == pytest.approx(1, abs=1e-6)
        assert chance @ n == pytest.approx(float(model.expected(theta, t)), rel=1e-4, abs=1e-9)
    one = [np.full(2000, part) for part in (3.0, 20.0, 38.9)]
    chance = conditional_pmf(model, theta, 52.0, n, *one)
    assert chance.sum() == pytest.approx(1, abs=1e-6)
    assert chance @ n == pytest.approx(conditional(model, theta, 52.0, *one)[0], rel=1e-4)


def test_nbd_probabilities():
    by_hand, _ = quad(lambda rate: np.exp(-rate * 5) * (rate * 5) ** 2 / 2 * 12**0.4 * rate**-0.6 * np.exp(-12 * rate), 0, 10)
    assert np.exp(log_pmf(0.4, 12.0, 5.0, 2.0)) == pytest.approx(by_hand / np.exp(gammaln(0.4)), rel=1e-6)
    n = np.arange(50.0)
    assert at_least(0.4, 12.0, 5.0, n) == pytest.approx(
        1 - np.concatenate([[0], np.exp(log_pmf(0.4, 12.0, 5.0, n))[:-1].cumsum()]), abs=1e-9
    )


@models
def test_they_foresee_what_simulated_customers_do(model):
    """Purchase by purchase simulation: expected orders, who is alive, zero purchases and draws of the future agree."""
    theta = USUAL[model.name]
    made = customers(CODES[model.name], theta, 20_000, seed=3)
    x, t_x, T = made.history.weeks()
    expected = conditional(model, theta, 52.0, x, t_x, T)
    assert expected.mean() == pytest.approx(made.orders.mean(), rel=0.05)
    often = x >= 5
    assert expected[often].mean() == pytest.approx(made.orders[often].mean(), rel=0.06)
    assert model.alive(theta, x, t_x, T).mean() == pytest.approx(made.alive.mean(), abs=0.015)
    none = conditional_pmf(model, theta, 52.0, 0.0, x, t_x, T)
    assert none.mean() == pytest.approx((made.orders == 0).mean(), abs=0.015)
    drawn = model.draw_alive(theta, 52.0, 200_000, np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(float(model.expected_alive(theta, 52.0)), rel=0.03)
    assert (drawn == 0).mean() == pytest.approx(float(model.pmf_alive(theta, 52.0, 0.0)), abs=0.01)
