"""Which model is used, when it is not, and what is said about it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.errors import ModelError, TooFewRows
from coterie.models.value.choice import Before, fit, named
from coterie.models.value.fitted import Fit
from coterie.models.value.gamma_gamma import GammaGamma
from coterie.models.value.history import History
from coterie.models.value.quality import Holdout
from coterie.models.value.shrunk_mean import ShrunkMean
from tests.models.value.made import Made, customers

BG = ("bg", (0.5, 6.0, 0.8, 2.4))


def before(made: Made) -> Before:
    return Before(made.history, Holdout(made.orders, 364))


def codes(found: Fit) -> list[str]:
    return [one.code for one in found.warnings]


@pytest.mark.parametrize(
    ("name", "theta", "model"), [("bg", (0.5, 6.0, 1.2, 2.0), "BG/NBD"), ("pareto", (0.8, 5.0, 0.9, 30.0), "Pareto/NBD")]
)
def test_the_model_that_made_the_customers_is_found(name, theta, model):
    made = customers(name, theta, 12_000, seed=2)
    found = fit(made.history, before(made))
    assert found.model == model
    assert found.warnings == ()
    assert found.verdict is not None
    assert found.verdict.better
    assert abs(found.verdict.model.bias) < 0.06
    assert found.chosen.startswith(f"{model} gave what customers did in the holdout the highest probability")


def test_the_user_may_choose():
    made = customers(*BG, 2000, seed=2)
    for asked in ("MBG/NBD", "NBD"):  # the latter foresees worse than the others
        found = fit(made.history, before(made), model=asked.lower())
        assert found.model == asked
        assert found.chosen == f"{asked} was asked for."
    assert [named(word) for word in ("BG/NBD", "bg_nbd", "bg-nbd", "Pareto/nbd", "nbd")] == ["BG/NBD"] * 3 + ["Pareto/NBD", "NBD"]
    with pytest.raises(ModelError, match="there is no model 'arima'"):
        named("arima")


def test_what_was_asked_for_is_used_even_where_it_does_worse():
    """Some leave in the past; after the cut nobody does, which NBD foresees better."""
    made = customers("bg", (0.5, 6.0, 0.8, 2.4), 2000, seed=2)
    rate = made.history.x / np.maximum(made.history.T, 1)
    later = Before(made.history, Holdout(np.random.default_rng(1).poisson(rate * 364).astype(float), 364))
    assert fit(made.history, later).model == "NBD"
    assert fit(made.history, later, model="BG/NBD").model == "BG/NBD"


def test_without_a_holdout_the_likeliest_is_used():
    made = customers(*BG, 2000, seed=2)
    found = fit(made.history)
    assert found.verdict is None
    assert all(one.quality is None for one in found.tried)
    assert found.model == max((one for one in found.tried if not one.refused), key=lambda one: one.log_likelihood).model
    assert "nothing was held out" in found.chosen


@pytest.mark.parametrize("asked", [None, "BG/NBD"])
def test_where_nobody_is_seen_to_leave_it_is_said(asked):
    made = customers("nbd", (0.8, 10.0), 2000, seed=1)
    found = fit(made.history, before(made), model=asked)
    assert found.model == "NBD"
    assert codes(found) == ["no_leaving"]
    assert "The probability of being alive is 1 for everybody" in found.warnings[0].words
    scores = found.score(made.history.x, made.history.t_x, made.history.T, made.history.spend, 365)
    assert (scores.probability_alive == 1).all()


def test_few_repeaters_are_told_apart_from_nothing_at_all():
    made = customers(*BG, 2000, seed=4)
    often = np.flatnonzero(made.history.x > 0)
    few = made.history.some(np.concatenate([often[:30], np.flatnonzero(made.history.x == 0)[:200]]))
    found = fit(few)
    assert found.model == "NBD"
    assert codes(found)[0] == "few_repeaters"
    with pytest.raises(TooFewRows, match="9 of 209 customers bought on a second day"):
        fit(few.some(np.r_[0:9, 30:230]))
    with pytest.raises(TooFewRows, match="0 of 0 customers"):
        fit(few.some(np.empty(0, dtype=np.int64)))


def test_a_holdout_in_which_nothing_happened_is_no_judge():
    made = customers(*BG, 2000, seed=2)
    found = fit(made.history, Before(made.history, Holdout(np.zeros(2000), 30)))
    assert codes(found) == ["no_holdout"]
    assert found.verdict is None


def test_a_model_that_is_no_better_than_a_plain_rule_says_so():
    """After the cut everybody orders as if their history meant nothing."""
    made = customers(*BG, 3000, seed=2)
    draw = np.random.default_rng(1)
    found = fit(made.history, Before(made.history, Holdout(draw.poisson(made.history.x.mean(), 3000).astype(float), 364)))
    assert found.verdict is not None
    assert not found.verdict.better
    assert "It is no better than saying that everybody bought alike" in found.verdict.words


def test_spend_that_goes_with_frequency_is_said():
    made = customers(*BG, 2000, seed=2)
    h = made.history
    found = fit(History(h.x, h.t_x, h.T, np.where(h.x > 0, 10.0 + h.x, 0)))
    assert codes(found) == ["spend_correlated"]
    assert isinstance(found.spend, ShrunkMean)
    assert "spend more on an order (correlation 1.00)" in found.warnings[0].words
    assert "drawn to that of all" in found.warnings[0].words


def test_amounts_that_are_all_alike_or_nothing_are_said():
    made = customers(*BG, 2000, seed=2)
    h = made.history
    for amount, code in ((12.0, "spend_unsettled"), (0.0, "few_amounts")):
        found = fit(History(h.x, h.t_x, h.T, np.full(2000, amount)))
        assert codes(found) == [code]
        scores = found.score(h.x, h.t_x, h.T, np.full(2000, amount), 365)
        assert scores.value_per_order == pytest.approx(np.full(2000, amount))
        assert np.isfinite(scores.high).all()


def test_a_history_and_a_holdout_of_different_customers_are_refused():
    made = customers(*BG, 100, seed=2)
    with pytest.raises(ModelError, match="different customers"):
        Before(made.history, Holdout(np.zeros(99), 30))
    with pytest.raises(ModelError, match="numbers from 0 on"):
        Holdout(np.array([-1.0]), 30)


def test_a_fit_is_plain_json_and_comes_back_the_same():
    made = customers("nbd", (0.8, 10.0), 1000, seed=1)
    for found in (fit(made.history, before(made)), fit(customers(*BG, 1000, seed=2).history)):
        text = json.dumps(found.to_json(), allow_nan=False)
        back = Fit.from_json(json.loads(text))
        assert back == found
        assert json.dumps(back.to_json()) == text
    with pytest.raises(ModelError, match="not a fit of lifetime_value"):
        Fit.from_json({**found.to_json(), "version": 99})


def test_the_same_data_give_the_same_fit():
    made = customers(*BG, 1500, seed=3)
    order = np.random.default_rng(1).permutation(1500)
    moved = Before(made.history.some(order), Holdout(made.orders[order], 364))
    one, two = fit(made.history, before(made)), fit(moved.history, moved)
    assert one.parameters == two.parameters
    assert one.chosen == two.chosen
    assert isinstance(one.spend, GammaGamma)


@st.composite
def shops(draw: st.DrawFn) -> History:
    """Any histories at all with ten repeaters or more: copies of a few strange customers."""
    n = draw(st.integers(1, 12))
    T = np.array([draw(st.integers(1, 2000)) for _ in range(n)], dtype=float)
    x = np.array([draw(st.one_of(st.integers(0, 4), st.integers(0, 10_000))) for _ in range(n)], dtype=float)
    x[0] = max(x[0], 1)
    t_x = np.where(x > 0, np.array([draw(st.integers(0, int(t))) for t in T]), 0.0)
    spend = np.array([draw(st.floats(-10, 1e6)) for _ in range(n)])
    copies = np.repeat(np.arange(n), draw(st.integers(10, 60)))
    return History(x[copies], t_x[copies], T[copies], spend[copies])


@settings(max_examples=30)
@given(shops(), st.floats(0, 5000), st.floats(0, 0.5))
def test_any_shop_gets_numbers_or_an_error_that_says_why(shop, horizon, rate):
    found = fit(shop, Before(shop, Holdout(shop.x, 100)))
    scores = found.score(shop.x, shop.t_x, shop.T, shop.spend, horizon, monthly_rate=rate)
    for name in ("probability_alive", "expected_orders", "value_per_order", "value", "low", "high"):
        numbers = getattr(scores, name)
        assert np.isfinite(numbers).all(), name
        assert (numbers >= 0).all(), name
    assert (scores.low <= scores.high).all()
    assert (scores.probability_alive <= 1).all()
    json.dumps(found.to_json(), allow_nan=False)
