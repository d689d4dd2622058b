"""Contracts: what was planted is found again, foreseen with intervals that hold, the same alone as among all."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.errors import Degenerate, ModelError, TooFewRows
from coterie.models.value import contracts
from coterie.models.value.contracts import ALIKE, ContractFit, Contracts
from coterie.models.value.quality import Holdout
from coterie.models.value.sbg import ShiftedBetaGeometric

MONTH = contracts.PERIODS["month"]
THETA = (1.0, 4.0)


def drawn(n: int, seed: int, theta: tuple[float, float] = THETA, months: float = 36.0) -> tuple[Contracts, Contracts, Holdout]:
    """n contracts of the last 3 years as they are now, as they were a year before, and their payments since."""
    draw = np.random.default_rng(seed)
    began = draw.uniform(0, months, n)  # months before now
    lasts = draw.geometric(draw.beta(*theta, n)).astype(float)  # payments, the first among them
    cut = 12.0
    now = held(began, np.minimum(lasts, np.floor(began) + 1))
    old = began > cut
    then = np.minimum(lasts[old], np.floor(began[old] - cut) + 1)
    before = held(began[old] - cut, then)
    return now, before, Holdout(np.minimum(lasts[old], np.floor(began[old]) + 1) - then, cut * MONTH)


def held(began: np.ndarray, payments: np.ndarray) -> Contracts:
    return contracts.contracts(began * MONTH, (began - payments + 1) * MONTH, payments * 10.0, MONTH)


def test_what_was_planted_is_found_and_foreseen() -> None:
    now, before, holdout = drawn(20_000, 1)
    found = contracts.fit(now, before, holdout)
    errors = [(found.model.alpha - THETA[0]) / found.model.se[0], (found.model.beta - THETA[1]) / found.model.se[1]]
    assert np.abs(errors).max() < 3
    assert found.judged is not None
    assert found.judged.better
    assert found.judged.model.bias == pytest.approx(0, abs=0.03)
    assert found.judged.model.rmse < min(rule.rmse for rule in found.judged.rules.values())
    assert found.warnings == ()
    first = found.retention[0]
    assert first.renewed == pytest.approx(first.foreseen, abs=0.02) == pytest.approx(0.8, abs=0.02)
    assert [r.renewal for r in found.retention] == list(range(1, len(found.retention) + 1))


def test_one_rate_for_everybody_is_no_worse_where_that_is_so() -> None:
    now, before, holdout = drawn(4000, 2, (2000.0, 18_000.0))
    found = contracts.fit(now, before, holdout)
    assert found.judged is not None
    assert not found.judged.better
    assert f"no better than saying that {ALIKE}" in found.judged.words
    assert [w.code for w in found.warnings] == ["one_rate"]


def test_payments_lie_in_their_interval() -> None:
    """The payments to come are whole: an interval holds as many as it says or more, and no end of it can be left out."""
    shares = []
    for seed in range(20):
        now, before, holdout = drawn(1000, 100 + seed)
        found = contracts.fit(now, before, holdout)
        assert found.judged is not None
        shares.append(found.judged.within)
    assert 0.9 <= np.mean(shares) <= 0.96
    model = ShiftedBetaGeometric(*THETA, (0.0, 0.0), 0.0)
    for k, steps in ((0, 12), (5, 12), (20, 3)):
        _, low, high = (v[0] for v in contracts.outlook(model, np.array([float(k)]), np.array([float(steps)])))
        above = float(model.survival(k + high + 1) / model.survival(k)) if high < steps else 0.0
        assert above <= 0.05
        assert float(model.survival(k + low) / model.survival(k)) - above >= 0.9 - 1e-9
        assert float(model.survival(k + low + 1) / model.survival(k)) - above < 0.9 + 1e-9 or low == steps


def test_expected_payments_are_the_sum_of_survival() -> None:
    model = ShiftedBetaGeometric(0.7, 1.2, (0.0, 0.0), 0.0)
    k, steps = np.array([0.0, 3, 3, 400]), np.array([5.0, 1, 0, 200])
    expected, low, high = contracts.outlook(model, k, steps)
    for i in range(4):
        by_hand = sum(float(model.survival(k[i] + j) / model.survival(k[i])) for j in range(1, int(steps[i]) + 1))
        assert expected[i] == pytest.approx(by_hand, rel=1e-9)
    assert (low <= high).all()
    assert (high <= steps).all()


def test_a_year_of_months_is_due_and_an_ended_contract_brings_nothing() -> None:
    one = Contracts(np.array([3.0, 3, 3]), np.array([0.0, 1.2 * MONTH, 1.3 * MONTH]), np.array([10.0, 10, 10]), MONTH)
    assert one.chances(12 * MONTH).tolist() == [12, 13, 0]
    assert one.chances(0.5 * MONTH).tolist() == [0, 1, 0]
    fit = contracts.fit(*drawn(10_000, 4))
    scores = fit.score(one, 365)
    assert fit.late is not None
    assert fit.late < 0.2, "who has not paid on the day has left, in these contracts"
    assert scores.probability_alive.tolist() == [1.0, fit.late, 0.0]
    assert scores.value[2] == scores.low[2] == scores.high[2] == 0
    assert 0 <= scores.low[0] <= scores.value[0] <= scores.high[0] <= 120
    assert scores.value[1] < scores.value[0]
    assert scores.value[0] > 50


def test_one_is_scored_alone_as_among_all_and_from_json() -> None:
    now, before, holdout = drawn(3000, 5)
    found = contracts.fit(now, before, holdout)
    again = ContractFit.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    whole = found.score(now, 365)
    for place in (0, 17, 2999):
        alone = again.score(now.some(np.arange(3000) == place), 365)
        assert alone.value[0] == whole.value[place]
        assert (alone.low[0], alone.high[0]) == (whole.low[place], whole.high[place])


def test_another_form_is_refused() -> None:
    written = contracts.fit(*drawn(2000, 4)).to_json()
    with pytest.raises(ModelError, match="no fit of contracts"):
        ContractFit.from_json({**written, "version": 99})


def test_too_few_and_other_periods_are_refused() -> None:
    now, _, _ = drawn(2000, 6)
    with pytest.raises(TooFewRows, match="too few to say how leaving goes on"):
        contracts.fit(now.some(~now.ended))
    first, last, payments = np.array([730.0] * 20), np.array([0.0] * 20), np.array([3.0] * 20)
    with pytest.raises(Degenerate, match="payments come every 365 days or so, not every month") as caught:
        contracts.of_a_period(first, last, payments, "month")
    assert "period: year" in str(caught.value.hint)
    contracts.of_a_period(first, last, payments, "year")


def test_without_days_held_out_it_says_so() -> None:
    now, _, _ = drawn(2000, 7)
    assert [w.code for w in contracts.fit(now).warnings] == ["no_holdout"]


def test_renewals_that_were_just_due_do_not_flatter() -> None:
    """Those that were made are known at once, those that failed only when the payment is late: neither counts before."""
    now, _, _ = drawn(60_000, 8, months=5.0)
    model = contracts.fit(now).model
    assert abs(model.alpha - THETA[0]) < 3 * model.se[0]
    assert abs(float(model.retention(1.0)) - 0.8) < 0.01


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0, 5000), st.floats(0, 1e9)), min_size=1, max_size=20),
    st.sampled_from([0.01, 0.7, 30.0, 1e4]),
    st.sampled_from([0.01, 4.0, 1e5]),
    st.sampled_from([1.0, 365.0, 36_500.0]),
    st.sampled_from([None, 0.0, 0.5]),
)
def test_no_nan_ever_comes_out(rows, alpha, beta, days, late) -> None:
    renewals, waited, worth = (np.array(column, float) for column in zip(*rows, strict=True))
    model = ShiftedBetaGeometric(alpha, beta, (np.inf, np.inf), 0.0, ("alpha", "beta"))
    fit = ContractFit(model, MONTH, 100, 10, late, (), (), None)
    scores = fit.score(Contracts(renewals, waited, worth, MONTH), days)
    for part in ("probability_alive", "expected_orders", "value_per_order", "value", "low", "high"):
        assert np.isfinite(getattr(scores, part)).all(), part
    assert ((scores.probability_alive >= 0) & (scores.probability_alive <= 1)).all()
    assert (scores.low <= scores.high).all()
    assert (scores.expected_orders <= Contracts(renewals, waited, worth, MONTH).chances(days) + 1e-9).all()
    json.dumps(fit.to_json(), allow_nan=False)
