"""Scores: one customer as among many, intervals that cover what they say, discounts, the next purchase."""

from dataclasses import replace

import numpy as np
import pytest

from coterie.core.errors import ModelError
from coterie.models.value.choice import fit
from coterie.models.value.discounting import discounted_orders
from coterie.models.value.fitted import Fit, Scores
from coterie.models.value.gamma_gamma import GammaGamma
from coterie.models.value.history import History
from coterie.models.value.process import expected_given
from tests.models.value.made import customers

PARTS = ("probability_alive", "expected_orders", "value_per_order", "value", "low", "high")
SHOPS = {
    "BG/NBD": ("bg", (0.5, 6.0, 0.8, 2.4)),
    "MBG/NBD": ("mbg", (0.9, 8.0, 0.9, 2.6)),
    "Pareto/NBD": ("pareto", (0.8, 8.0, 0.6, 20.0)),
    "NBD": ("nbd", (0.4, 12.0)),
}
shops = pytest.mark.parametrize("model", SHOPS)


def scored(found: Fit, history: History, days: float = 364, **more: float) -> Scores:
    return found.score(history.x, history.t_x, history.T, history.spend, days, **more)


@pytest.fixture(scope="module")
def fits() -> dict[str, tuple[History, Fit]]:
    made = {model: customers(*shop, 1500, seed=7).history for model, shop in SHOPS.items()}
    return {model: (history, fit(history, model=model)) for model, history in made.items()}


@shops
def test_one_customer_alone_scores_as_among_many(model, fits):
    history, found = fits[model]
    all_of_them = scored(found, history)
    for i in (0, 3, int(history.x.argmax()), int(history.x.argmin())):
        alone = scored(found, history.some(np.array([i])))
        for part in PARTS:
            assert getattr(alone, part)[0] == pytest.approx(getattr(all_of_them, part)[i], rel=1e-9, abs=1e-12), part
    assert len(scored(found, history.some(np.empty(0, dtype=np.int64))).value) == 0


@shops
def test_a_fit_read_back_scores_the_same(model, fits):
    history, found = fits[model]
    one, again = scored(found, history), scored(Fit.from_json(found.to_json()), history)
    for part in PARTS:
        assert (getattr(again, part) == getattr(one, part)).all()


@shops
def test_value_is_orders_times_their_value_and_a_discount_makes_it_less(model, fits):
    history, found = fits[model]
    plain, less = scored(found, history), scored(found, history, monthly_rate=0.01)
    assert plain.value == pytest.approx(plain.expected_orders * plain.value_per_order)
    assert (less.value <= plain.value).all()
    assert less.expected_orders == pytest.approx(plain.expected_orders)
    # A year's orders come half a year from now in the middle: about 6 months at 1 %.
    assert less.value.sum() / plain.value.sum() == pytest.approx(1.01**-6, abs=0.02)
    nothing = scored(found, history, days=0)
    for part in ("expected_orders", "value", "low", "high"):
        assert (getattr(nothing, part) == 0).all()


def test_the_months_of_a_discount_add_up(fits):
    history, found = fits["BG/NBD"]
    x, _, T = history.weeks()
    whole = expected_given(found.process, found.theta, 52.0, x, T)
    assert discounted_orders(found.process, found.theta, x, T, 52.0, 0.0) == pytest.approx(whole)
    assert discounted_orders(found.process, found.theta, x, T, 52.0, 1e-12) == pytest.approx(whole)
    half = expected_given(found.process, found.theta, 26.0, x, T)
    two = discounted_orders(found.process, found.theta, x, T, 52.0, 0.5, month=26.0)
    assert two == pytest.approx(half / 1.5 + (whole - half) / 1.5**2)


@pytest.mark.parametrize(("days", "rate"), [(-1, 0), (np.nan, 0), (365, -0.1), (np.inf, 0)])
def test_impossible_horizons_and_rates_are_refused(fits, days, rate):
    history, found = fits["BG/NBD"]
    with pytest.raises(ModelError, match="cannot be"):
        scored(found, history, days=days, monthly_rate=rate)


def test_intervals_come_from_their_seed(fits):
    history, found = fits["BG/NBD"]
    import dataclasses

    one, other = scored(found, history), scored(dataclasses.replace(found, seed=1), history)
    assert (one.high != other.high).any()
    assert one.high.sum() == pytest.approx(other.high.sum(), rel=0.03)


def test_the_next_purchase_comes_within_its_interval():
    """Customers who never leave: 90 % of waits lie within, half of them before the median."""
    theta = (0.8, 10.0)
    history = customers("nbd", theta, 4000, seed=2).history
    found = fit(history)
    draw = np.random.default_rng(3)
    x, _, T = history.weeks()
    waits = draw.exponential(1, 4000) / draw.gamma(theta[0] + x, 1 / (theta[1] + T)) * 7
    foreseen = found.next_purchase(history.x, history.T)
    assert (waits <= foreseen.median).mean() == pytest.approx(0.5, abs=0.03)
    assert ((waits >= foreseen.low) & (waits <= foreseen.high)).mean() == pytest.approx(0.9, abs=0.02)


@shops
def test_totals_are_of_the_customers_in_each_group(model, fits):
    history, found = fits[model]
    scores = scored(found, history)
    value = scores.value
    halves = np.where(np.arange(len(history)) % 3 == 0, 0, 1)
    halves[:7] = -1
    everybody = np.zeros(len(history), dtype=np.int64)
    whole, parts = found.totals(history.x, history.T, scores, 364, [everybody, halves], [1, 2])
    assert (whole.shape, parts.shape) == ((1, 400), (2, 400))
    assert whole.mean() == pytest.approx(value.sum(), rel=0.02)
    assert parts.mean(axis=1) == pytest.approx([value[halves == 0].sum(), value[halves == 1].sum()], rel=0.03)
    assert (whole[0] >= parts.sum(axis=0) - 1e-6).all()  # seven customers are in neither half
    assert whole.mean() > parts.sum(axis=0).mean()
    assert whole[0].std() < 0.2 * whole.mean()


@pytest.mark.parametrize("model", ["MBG/NBD", "Pareto/NBD"])
def test_drawn_totals_cover_what_they_say_where_the_model_is_right(model, fits):
    _, found = fits[model]
    shop, theta = SHOPS[model]
    spend = GammaGamma(6.25, 3.74, 15.44, (0.0, 0.0, 0.0), 0.0)
    right = replace(found, parameters=dict(zip(found.process.symbols, theta, strict=True)), spend=spend)
    inside = []
    for seed in range(50):
        made = customers(shop, theta, 120, seed=5000 + seed)
        scores = scored(right, made.history)
        ((totals,),) = right.totals(made.history.x, made.history.T, scores, 364, [np.zeros(120, dtype=np.int64)], [1])
        low, high = np.quantile(totals, (0.05, 0.95))
        inside.append(low <= made.value.sum() <= high)
    assert 0.78 <= np.mean(inside) <= 0.99  # of 50 with a chance of .9 each


def coverage(simulations: int, n: int) -> dict[str, float]:
    """The share of customers whose value lay between low and high, over simulated shops, each fitted to its own customers."""
    shares: dict[str, list[float]] = {model: [] for model in SHOPS}
    for seed in range(simulations):
        model = list(SHOPS)[seed % len(SHOPS)]
        made = customers(*SHOPS[model], n, seed=1000 + seed, seen=(38.0, 40.0))
        scores = scored(fit(made.history, model=model, seed=seed), made.history)
        shares[model].append(float(((made.value >= scores.low - 1e-9) & (made.value <= scores.high + 1e-9)).mean()))
    return {model: float(np.mean(found)) for model, found in shares.items()}


def test_stated_intervals_cover_what_they_say():
    found = coverage(300, n=100)
    assert 0.85 <= np.mean(list(found.values())) <= 0.95, found
    assert all(0.84 <= share <= 0.96 for share in found.values()), found


@pytest.mark.long
def test_stated_intervals_cover_what_they_say_over_many_simulations(figure):
    from benchmarks.figures import at_least, at_most

    found = coverage(1200, n=300)
    mean = float(np.mean(list(found.values())))
    figure("value.interval_coverage", mean, "share", goal=at_least(0.87), n=1200)
    assert at_most(0.93).is_met(mean)
    assert at_least(0.87).is_met(mean), found
