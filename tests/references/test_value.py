"""Published results of buy-till-you-die models, reproduced: CDNOW (Fader, Hardie, Lee; BTYD; lifetimes; CLVTools), the apparel
retailer of CLVTools, the example of lifetimes, Fader and Hardie's contracts; and Online Retail, where nobody is seen to leave."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from coterie.models.value import gamma_gamma, sbg
from coterie.models.value.beta_geometric import BG_NBD, MBG_NBD
from coterie.models.value.choice import Before, correlation_of, fit
from coterie.models.value.discounting import discounted_orders
from coterie.models.value.fitted import Fit
from coterie.models.value.gamma_gamma import GammaGamma
from coterie.models.value.history import Counts, History
from coterie.models.value.likelihood import Maximum, maximise
from coterie.models.value.nbd import NBD
from coterie.models.value.pareto_nbd import PARETO_NBD
from coterie.models.value.process import Process, conditional
from coterie.models.value.quality import by_frequency, foresee, measured
from tests.references import purchases
from tests.references.purchases import Purchases

CUT, END = "1997-09-30", "1998-06-30"
MODELS: list[Process] = [BG_NBD, MBG_NBD, PARETO_NBD]


@pytest.fixture(scope="module")
def cdnow(shared: Path) -> Purchases:
    return purchases.cdnow(shared)


@pytest.fixture(scope="module")
def history(cdnow: Purchases) -> History:
    return cdnow.until(CUT)


@pytest.fixture(scope="module")
def before(cdnow: Purchases) -> Before:
    return cdnow.before(CUT, END)


@pytest.fixture(scope="module")
def fits(history: History) -> dict[str, Maximum]:
    return {model.name: maximise(model, history.counts()) for model in MODELS}


@pytest.fixture(scope="module")
def spend(history: History) -> GammaGamma:
    bought = history.x > 0
    found = gamma_gamma.fit(history.x[bought], history.spend[bought])
    assert found is not None
    return found


def test_cdnow_comes_down_to_the_published_histories(cdnow: Purchases, history: History, before: Before):
    assert (len(history), history.x.sum(), (history.x == 0).sum()) == (2357, 2457, 1411)
    assert before.holdout.orders.sum() == 1882
    assert before.holdout.days == 39 * 7


@pytest.mark.parametrize(
    ("model", "theta", "tolerance", "log_likelihood"),
    [
        (BG_NBD, (0.2426, 4.4137, 0.7930, 2.4262), (0.002, 0.01, 0.002, 0.01), (-9582.429, 0.005)),
        (MBG_NBD, (0.525, 6.183, 0.891, 1.614), (0.002, 0.01, 0.002, 0.01), (-9582.136, 0.01)),
        (PARETO_NBD, (0.553, 10.578, 0.606, 11.669), (0.002, 0.05, 0.005, 0.1), (-9594.976, 0.01)),
    ],
    ids=lambda part: getattr(part, "name", None),
)
def test_cdnow_parameters_and_likelihoods(model, theta, tolerance, log_likelihood, fits: dict[str, Maximum]):
    found = fits[model.name]
    assert (np.abs(found.theta - theta) <= tolerance).all(), found.theta
    assert found.log_likelihood == pytest.approx(log_likelihood[0], abs=log_likelihood[1])
    assert found.flat == ()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_cdnow_relabelled_shuffled_and_in_days_is_as_likely(model: Process, cdnow: Purchases, fits: dict[str, Maximum]):
    """Other names of customers, rows in another order, and times in days (or weeks) instead of weeks."""
    rng = np.random.default_rng(4)
    names = rng.permutation(cdnow.rows.id.nunique())
    rows = cdnow.rows.assign(id=[f"x{names[i]}" for i in cdnow.rows.id.factorize()[0]]).sample(frac=1, random_state=5)
    days = Purchases(rows).until(CUT)
    weeks = History(days.x, days.t_x / 7, days.T / 7, days.spend, 7.0)
    for other in (days, weeks):
        found = maximise(model, other.counts())
        assert found.log_likelihood == pytest.approx(fits[model.name].log_likelihood, abs=1e-6)
        assert found.theta == pytest.approx(fits[model.name].theta, rel=1e-4)


def test_cdnow_standard_errors(fits: dict[str, Maximum]):
    assert fits["BG/NBD"].se == pytest.approx([0.01256, 0.3782, 0.1857, 0.7053], rel=0.05)
    assert fits["Pareto/NBD"].se == pytest.approx([0.0476, 0.8427, 0.1873, 6.2105], rel=0.05)


def test_cdnow_spend(history: History, spend: GammaGamma):
    assert history.repeaters == 946
    assert (spend.p, spend.q) == pytest.approx((6.25, 3.74), abs=0.02)
    assert spend.v == pytest.approx(15.44, abs=0.05)
    assert spend.log_likelihood == pytest.approx(-4055.918, abs=0.01)
    bought = history.x > 0
    assert correlation_of(history.x[bought], history.spend[bought]) == pytest.approx(0.113884, abs=1e-5)


def test_cdnow_value_of_an_order(history: History, spend: GammaGamma):
    first = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert spend.mean(history.x[:10], history.spend[:10]) == pytest.approx(first, abs=0.02)
    assert spend.mean(history.x, history.spend).mean() == pytest.approx(35.2529588, abs=1e-3)
    assert history.spend[history.x > 0].mean() == pytest.approx(35.0785518, abs=1e-3)


def test_cdnow_expected_purchases_of_a_new_customer(fits: dict[str, Maximum]):
    weeks = np.array([0.1429, 1, 3, 31.8571, 32, 78])
    bg, pareto = fits["BG/NBD"].theta, fits["Pareto/NBD"].theta
    assert BG_NBD.expected(bg, weeks) == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], abs=5e-4)
    assert float(BG_NBD.expected(bg, 52)) == pytest.approx(1.444004, abs=1e-3)
    assert float(PARETO_NBD.expected(pareto, 52)) == pytest.approx(1.473434, abs=1e-3)
    published = [0, 0.05077821, 0.09916088, 0.14542507, 0.18979930, 0.23247466, 0.27361274, 0.31335159, 0.35181024, 0.38909211]
    assert PARETO_NBD.expected(pareto, np.arange(10.0)) == pytest.approx(published, abs=1e-2)


def test_cdnow_expected_purchases_of_single_customers(fits: dict[str, Maximum]):
    bg, pareto = fits["BG/NBD"].theta, fits["Pareto/NBD"].theta
    one = [np.array([part]) for part in (2, 30.43, 38.86)]
    assert conditional(BG_NBD, bg, 39, *one) == pytest.approx([1.226], abs=1e-3)
    often = [np.array([part]) for part in (26, 30.857, 31)]
    assert conditional(BG_NBD, bg, 52, *often) == pytest.approx([25.75659], abs=1e-2)
    assert conditional(PARETO_NBD, pareto, 52, *often) == pytest.approx([25.45647], abs=1e-2)
    assert BG_NBD.alive(bg, *often) == pytest.approx([0.9688523], abs=1e-3)
    assert PARETO_NBD.alive(pareto, *often) == pytest.approx([0.997874], abs=1e-3)
    x = np.array([10.0, 15, 20, 25])
    long_gone = [x, np.full(4, 20.0), np.full(4, 39.0)]
    fewer = [0.3474606, 0.04283391, 0.004158973, 0.0003583685]
    assert conditional(BG_NBD, bg, 52, *long_gone) == pytest.approx(fewer, rel=0.01)
    fewer = [0.7062289, 0.1442396, 0.02250658, 0.00309267]
    assert conditional(PARETO_NBD, pareto, 52, *long_gone) == pytest.approx(fewer, rel=0.01)


def test_cdnow_probabilities_of_so_many_purchases():
    published = (0.243, 4.414, 0.793, 2.426)
    assert float(BG_NBD.pmf(published, 39, 0)) == pytest.approx(0.5737864, abs=1e-5)
    assert float(BG_NBD.pmf(published, 2, 10)) == pytest.approx(1.07869e-07, rel=1e-4)
    numbers = [0.0019995214, 0.0015170236, 0.0011633150, 0.0009003148, 0.0007023638]
    numbers += [0.0005517902, 0.0004361913, 0.0003467171, 0.0002769613, 0.0002222260]
    assert BG_NBD.pmf(published, 30, np.arange(11.0, 21)) == pytest.approx(numbers, abs=1e-6)


def test_the_likelihood_of_a_single_customer():
    theta = np.array([0.25, 4.0, 0.8, 2.5])
    for x, t_x, published in ((0.0, 0.0, -0.59947382), (200.0, 38.0, 100.7957)):
        one = Counts(*(np.array([part]) for part in (x, t_x, 40.0, 1.0)))
        assert BG_NBD.objective(one)(theta)[0] == pytest.approx(published, abs=1e-4)


def test_pareto_nbd_stays_finite_where_it_is_known_to_break():
    """CLVTools' cases of numeric stability."""
    x = np.array([221.0, 254, 161, 204])
    t_x = np.array([103.42857, 97.14286, 94.71429, 98.57143])
    T = np.array([103.57143, 97.28571, 98, 99.42857])
    alive = PARETO_NBD.alive((0.5143, 2.8845, 0.2856, 14.1087), x, t_x, T)
    assert np.isfinite(alive).all()
    assert ((alive > 0) & (alive <= 1)).all()
    assert alive[2] < alive[3] < alive[0]  # the longer away, for customers as frequent as these, the likelier gone


@pytest.mark.parametrize(
    ("model", "total", "mae"),
    [(BG_NBD, 1653.41, 0.7855), (MBG_NBD, 1576.73, 0.7648), (PARETO_NBD, 1665.51, 0.7545)],
    ids=lambda part: getattr(part, "name", None),
)
def test_cdnow_holdout(model, total, mae, fits: dict[str, Maximum], history: History, before: Before):
    quality = measured(foresee(model, fits[model.name], history, before.holdout), before.holdout)
    assert quality.foreseen == pytest.approx(total, abs=1)
    assert quality.mae == pytest.approx(mae, abs=0.002)
    assert quality.actual == 1882


def test_cdnow_holdout_by_frequency(fits: dict[str, Maximum], history: History, before: Before):
    rows = by_frequency(foresee(BG_NBD, fits["BG/NBD"], history, before.holdout), history, before.holdout)
    assert [row.customers for row in rows] == [1411, 439, 214, 100, 62, 38, 29, 64]
    actual = [0.2367, 0.6970, 1.3925, 1.5600, 2.5323, 2.9474, 3.8621, 6.3594]
    assert [row.actual for row in rows] == pytest.approx(actual, abs=5e-5)
    bg = [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]
    assert [row.foreseen for row in rows] == pytest.approx(bg, abs=0.01)
    rows = by_frequency(foresee(PARETO_NBD, fits["Pareto/NBD"], history, before.holdout), history, before.holdout)
    pareto = [0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403]
    assert [row.foreseen for row in rows] == pytest.approx(pareto, abs=0.01)


def test_cdnow_best_customers_next_week(cdnow: Purchases, fits: dict[str, Maximum], history: History):
    expected = conditional(BG_NBD, fits["BG/NBD"].theta, 1, *history.weeks())
    best = np.argsort(expected)[-5:]
    # lifetimes numbers customers from 1 in order of their ids.
    assert list(best + 1) == [509, 841, 1981, 157, 1516]
    assert expected[best] == pytest.approx([0.424877, 0.474738, 0.486526, 0.662396, 0.710623], abs=1e-4)


def test_cdnow_weekly_repeat_purchases(cdnow: Purchases, fits: dict[str, Maximum], history: History):
    rows = cdnow.rows
    repeats = rows[rows.day > rows.groupby("id").day.transform("min")]
    week = (repeats.day - repeats.day.min().replace(day=1)).dt.days // 7 + 1
    weekly = np.bincount(week)
    assert list(weekly[20:26]) == [73, 55, 70, 33, 56, 99]
    assert list(np.cumsum(weekly)[20:26]) == [1359, 1414, 1484, 1517, 1573, 1672]
    T = history.weeks()[2]
    seen = np.maximum(np.arange(19, 26)[:, None] - (T.max() - T), 0)
    incremental = np.diff(BG_NBD.expected(fits["BG/NBD"].theta, seen).sum(axis=1))
    assert incremental == pytest.approx([76.865, 74.888, 73.046, 71.322, 69.704, 68.182], rel=0.005)


def test_cdnow_lifetime_value_as_discounted_cash_flow(fits: dict[str, Maximum], history: History, spend: GammaGamma):
    """The published example takes 12 steps of 30 units of T, which are weeks."""
    theta = fits["BG/NBD"].theta
    x, t_x, T = (part[:10] for part in history.weeks())
    orders = BG_NBD.alive(theta, x, t_x, T) * discounted_orders(BG_NBD, theta, x, T, 360, 0.01, month=30)
    published = [140.096211, 18.943467, 38.180574, 38.180574, 38.180574]
    published += [1003.868107, 28.109683, 38.180574, 167.418216, 38.180574]
    assert orders * spend.mean(x, history.spend[:10]) == pytest.approx(published, rel=0.005)


def test_cdnow_chooses_by_the_holdout_and_beats_the_plain_rules(cdnow: Purchases, before: Before):
    found = fit(cdnow.until(END), before)
    assert found.warnings == ()
    assert found.model == "MBG/NBD"
    assert found.verdict is not None
    assert found.verdict.better
    assert "1,577 were foreseen (16% too few)" in found.verdict.words
    assert [one.model for one in found.tried] == ["BG/NBD", "MBG/NBD", "Pareto/NBD", "NBD"]
    assert fit(cdnow.until(END), before, model="pareto_nbd").model == "Pareto/NBD"
    assert Fit.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_online_retail_says_that_nobody_is_seen_to_leave(shared: Path):
    sales = purchases.online_retail(shared)
    before = sales.before("2011-08-31", "2011-12-09")
    history = before.history
    assert (len(history), history.x.sum(), (history.x == 0).sum(), history.repeaters) == (3317, 7050, 1427, 1890)
    assert before.holdout.orders.sum() == 4806
    assert before.holdout.days == 100

    found = fit(history, before)
    assert found.model == "NBD"
    assert [one.model for one in found.tried if one.refused] == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert [one.code for one in found.warnings] == ["no_leaving"]
    assert "No sign that customers leave for good" in found.warnings[0].words
    assert found.verdict is not None
    assert not found.verdict.better
    days = found.log_likelihood - history.x.sum() * np.log(7)
    assert days == pytest.approx(-35474.015, abs=0.02)
    assert found.parameters["r"] == pytest.approx(0.7226, abs=0.001)
    assert found.parameters["alpha"] * 7 == pytest.approx(65.97, abs=0.1)
    assert found.verdict.model.foreseen == pytest.approx(3633.39, abs=1)
    assert found.verdict.model.mae == pytest.approx(0.997, abs=0.002)
    for one in found.tried:  # each comes down to NBD
        assert one.log_likelihood == pytest.approx(found.log_likelihood, abs=0.01)
        assert one.quality is not None
        assert one.quality.foreseen == pytest.approx(3633.39, abs=1)
    assert isinstance(found.spend, GammaGamma)
    assert (found.spend.p, found.spend.q, found.spend.v) == pytest.approx((2.395, 3.302, 396.43), rel=0.002)
    assert found.spend.log_likelihood == pytest.approx(-12924.64, abs=0.02)
    assert found.correlation == pytest.approx(0.101, abs=0.001)


def test_apparel(shared: Path):
    before = purchases.apparel(shared).before("2006-12-31", "2010-12-20")
    history = before.history
    assert (len(history), history.x.sum(), (history.x == 0).sum(), before.holdout.orders.sum()) == (600, 1266, 213, 1317)
    assert before.holdout.days / 7 == pytest.approx(207.14, abs=0.01)
    published: list[tuple[Process, tuple[float, ...], float]] = [
        (BG_NBD, (0.6073, 20.957, 1.2755, 8.8607), -5857.020),
        (MBG_NBD, (1.8914, 45.827, 0.6024, 1.5824), -5848.045),
        (PARETO_NBD, (1.4489, 48.635, 0.5613, 46.882), -5848.098),
    ]
    for model, theta, log_likelihood in published:
        found = maximise(model, history.counts())
        assert found.theta == pytest.approx(theta, rel=0.01)
        assert found.log_likelihood == pytest.approx(log_likelihood, abs=0.02)


def test_the_example_of_lifetimes(shared: Path):
    history = purchases.example(shared).until("2014-12-31")
    first = list(zip(history.x[:5], history.t_x[:5], history.T[:5], strict=True))
    assert first == [(0, 0, 298), (0, 0, 224), (6, 142, 292), (0, 0, 147), (2, 9, 183)]
    # Published with time in days.
    r, alpha, a, b = maximise(BG_NBD, history.counts()).theta
    assert (r, alpha * 7, a, b) == pytest.approx((0.1639, 1.8643, 1.8503, 3.1811), rel=0.005)


def test_contracts(shared: Path):
    with (shared / "data/sbg_contractual/sbg_survivors.csv").open() as file:
        rows = list(csv.DictReader(file))
    published = {"highend": (0.668, 3.806, -1611.158), "regular": (0.704, 1.182, -1680.265)}
    for cohort, (alpha, beta, log_likelihood) in published.items():
        survivors = [float(row["survivors"]) for row in sorted(rows, key=lambda row: int(row["period"])) if row["cohort"] == cohort]
        found = sbg.fit(survivors)
        assert (found.alpha, found.beta) == pytest.approx((alpha, beta), abs=0.002)
        assert found.log_likelihood == pytest.approx(log_likelihood, abs=0.005)
        assert 1000 * found.survival(np.arange(8.0)) == pytest.approx(survivors, abs=25)


def test_nbd_is_what_all_of_them_come_down_to(history: History):
    """Without leaving: the parameters of leaving at the end of their range."""
    x, t_x, T = history.weeks()
    rate = (0.4, 12.0)
    never: list[tuple[Process, tuple[float, ...]]] = [(BG_NBD, (1e-12, 10)), (MBG_NBD, (1e-12, 10)), (PARETO_NBD, (1e-12, 1e4))]
    for model, leaving in never:
        theta = (*rate, *leaving)
        assert conditional(model, theta, 39, x, t_x, T) == pytest.approx(conditional(NBD(), rate, 39, x, t_x, T), rel=1e-3)
