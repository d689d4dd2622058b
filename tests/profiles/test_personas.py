"""Personas: nothing is claimed of noise, figures are those of plain Python, plays fit by their figures, names are short."""

import random
from datetime import date
from decimal import Decimal
from statistics import mean, median

import numpy as np
import pyarrow as pa
import pytest

from coterie.core.definition import Written
from coterie.core.errors import DefinitionError
from coterie.core.place import Origin
from coterie.engine.duckdb import DuckDB
from coterie.language.types import BOOLEAN, FLOAT, INTEGER, TEXT
from coterie.profiles.apart import Apart, Difference, Side, apart
from coterie.profiles.personas import told
from coterie.profiles.personas.figures import FIGURES, OTHERS, People, figures, said
from coterie.profiles.personas.members import kinds, medians, ranks, telling
from coterie.profiles.personas.persona import Group, Journey, Step
from coterie.profiles.personas.playbook import fitting, play
from tests.profiles.tables import memberships, traits

GROUP = Group("g", "they", "g")


def people(n: int = 200, seed: int = 1) -> People:
    r = np.random.default_rng(seed)
    orders = r.integers(0, 8, n).astype(float)
    quiet = np.where(orders > 0, r.integers(0, 400, n), np.nan)
    known = quiet + np.where(orders > 1, r.integers(1, 500, n), 0)
    money = np.array([None if o == 0 else round(o * 12.5, 2) for o in orders], dtype=object)
    spent = np.array([np.nan if m is None else m for m in money])
    exact = pa.chunked_array([pa.array([None if m is None else Decimal(str(m)) for m in money], pa.decimal128(18, 4))])
    values = {"orders": orders, "spent": spent, "quiet": quiet, "known": known, "year": spent / 2, "before": spent / 3}
    return People(n, exact, {**values, "discounted": spent * 0 + 0.25, "to_second": np.where(orders > 1, 10.0, np.nan)})


def test_figures_are_those_of_plain_python() -> None:
    p = people()
    inside = np.arange(p.rows) % 3 == 0
    found = figures(p, inside, ~inside)
    assert set(found) == {*FIGURES, *(OTHERS + name for name in FIGURES)}
    orders, quiet, known = (p.values[n][inside].tolist() for n in ("orders", "quiet", "known"))
    buyers = [o for o in orders if o]
    assert found["customers"] == len(orders)
    assert found["buyers"] == len(buyers) / len(orders)
    assert found["one_order"] == orders.count(1) / len(buyers)
    assert found["orders_per_customer"] == sum(orders) / len(orders)
    assert found["median_days_quiet"] == median(q for q in quiet if q == q)
    gaps = [(k - q) / (o - 1) for o, q, k in zip(orders, quiet, known, strict=True) if o > 1]
    assert found["median_days_between"] == pytest.approx(median(gaps))
    late = [q > 2 * max((k - q) / (o - 1), 1) for o, q, k in zip(orders, quiet, known, strict=True) if o > 1]
    assert found["overdue"] == mean(late)
    assert found["average_order"] == pytest.approx(12.5)
    assert found["growth"] is None
    assert found["median_days_to_second"] == 10
    assert found["discounted"] == 0.25
    assert found["lifetime_value"] is None
    assert found["share_of_revenue"] is not None
    assert found[OTHERS + "share_of_revenue"] == pytest.approx(1 - found["share_of_revenue"])
    assert found["started_lately"] == sum(k <= 60 for k in known) / len(known)


def test_growth_is_that_of_those_who_were_there_both_years() -> None:
    p = people(2000)
    everybody = np.ones(p.rows, bool)
    long = p.values["known"] >= 730
    year = np.where(long, 3.0, 99.0)
    found = People(p.rows, p.money, {**p.values, "year": year, "before": np.full(p.rows, 4.0)})
    assert 30 <= np.count_nonzero(long) < p.rows
    assert figures(found, everybody, ~everybody)["growth"] == pytest.approx(-0.25)
    few = People(p.rows, p.money, {**found.values, "known": np.minimum(p.values["known"], 600)})
    assert figures(few, everybody, ~everybody)["growth"] is None


def test_nobody_has_no_figures_and_stops_nothing() -> None:
    p = people()
    nobody = np.zeros(p.rows, bool)
    found = figures(p, nobody, ~nobody)
    assert found["customers"] == 0
    assert {v for n, v in found.items() if not n.startswith(OTHERS)} <= {0, None}


# --- the playbook


def one(when: str, **more: str):
    told = {"message": "m", "offer": "", "channel": "c", "metric": "w", **more}
    return play("p", Written(when, Origin.of(when)), **told)


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ("share_of_revenue >= 0.3", True),
        ("share_of_revenue >= 0.31", False),
        ("median_days_quiet > 90 and growth < 0", True),
        ("one_order >= 0.5", False),  # not known: it does not fit
        ("not one_order >= 0.5", False),
        ("orders_per_customer >= 2 * others_orders_per_customer", True),
        ("one_order is missing", True),
    ],
)
def test_a_play_fits_where_its_condition_is_true(when: str, fits: bool) -> None:
    known = {"share_of_revenue": 0.3, "median_days_quiet": 91.0, "growth": -0.1, "one_order": None}
    known |= {"orders_per_customer": 4.0, "others_orders_per_customer": 2.0}
    found = fitting([one(when)], known)
    assert bool(found) == fits
    for strategy in found:
        assert {n for n, _ in strategy.evidence} == {n for n in strategy.play.when.uses if known[n] is not None}
        assert all(known[n] == v for n, v in strategy.evidence)


@pytest.mark.parametrize("when", ["revenu > 5", "share_of_revenue", "count(order) > 3", "revenue >"])
def test_a_play_that_asks_for_what_is_no_figure_is_refused(when: str) -> None:
    with pytest.raises(DefinitionError):
        one(when)


# --- noise


def compared(engine, columns, types, inside) -> tuple[Apart, float]:
    traits(engine, columns)
    memberships(engine, {"g": inside})
    found = apart(engine, ["g"], ["g"], types, {}, least=10)
    return found.segments["g"], found.level


@pytest.fixture(scope="module")
def engine():
    with DuckDB(threads=1) as opened:
        yield opened


def test_of_200_personas_of_noise_at_most_17_claim_anything(engine, figure) -> None:
    from benchmarks.figures import at_most

    r, n, claims = np.random.default_rng(1), 300, 0
    types = {"age": INTEGER, "paid": FLOAT, "score": FLOAT, "country": TEXT, "mail": BOOLEAN, "s0": FLOAT, "s1": FLOAT, "s2": FLOAT}
    things = {f"s{i}": ("line", "category", str(i)) for i in range(3)}
    columns = {
        "age": pa.array(r.integers(18, 80, n)),
        "paid": pa.array(r.lognormal(3, 1.5, n)),
        "score": pa.array(r.normal(size=n), mask=r.random(n) < 0.3),
        "country": pa.array(r.choice(["DE", "FR", "IT", "AT", "CH"], n).tolist()),
        "mail": pa.array(r.random(n) < 0.3),
        **{s: pa.array(np.where(r.random(n) < 0.5, 0.0, r.random(n))) for s in things},
    }
    groups = {f"g{i}": (r.random(n) < 0.25).tolist() for i in range(200)}
    traits(engine, columns)
    memberships(engine, groups)
    for name in groups:  # each asked for by itself, so that only its own comparisons are counted
        judged = apart(engine, [name], list(groups), types, {}, least=10)
        found = judged.segments[name]
        claims += bool(found.shown(10)) or bool(told.likings(found, judged.level, things))
    figure("personas.false_claims_on_noise", claims, "of 200", goal=at_most(17), n=n)
    assert claims <= 17


def test_what_is_planted_is_claimed(engine) -> None:
    r = random.Random(7)
    inside = [r.random() < 0.25 for _ in range(600)]
    columns = {
        "share a": pa.array([min(1.0, r.random() * (0.9 if i else 0.4)) for i in inside]),
        "share b": pa.array([r.random() for _ in inside]),
        "country": pa.array(["DE" if i and r.random() < 0.5 else r.choice(["FR", "IT"]) for i in inside]),
    }
    found, level = compared(engine, columns, {"share a": FLOAT, "share b": FLOAT, "country": TEXT}, inside)
    [liking] = told.likings(found, level, {n: ("line", "category", n[-1]) for n in ("share a", "share b")})
    assert (liking.value, liking.inside > liking.outside) == ("a", True)
    assert any((d.column, d.value) == ("country", "DE") and d.effect > 0 for d in found.shown(10))


def test_whoever_buys_more_of_everything_likes_nothing_more(engine) -> None:
    r = random.Random(3)
    inside = [i < 300 for i in range(900)]
    shares = []
    for member in inside:  # five kinds of things, bought at random: many times by members, once by others
        bought = [r.randrange(5) for _ in range(30 if member else 1)]
        shares.append([bought.count(k) / len(bought) for k in range(5)])
    columns = {f"s{k}": pa.array([s[k] for s in shares]) for k in range(5)}
    found, level = compared(engine, columns, dict.fromkeys(columns, FLOAT), inside)
    assert len(found.clear) == 5, "ranks alone would call each a liking"
    assert told.likings(found, level, {n: ("line", "category", n) for n in columns}) == ()


# --- words


def share(column: str, value: str, effect: float) -> Difference:
    a, b = Side(100, 0, having=60), Side(900, 0, having=90)
    return Difference(column, value, "share", a, b, effect, effect - 0.1, effect + 0.1, True)


def number(column: str, effect: float, inside: float = 3.0, outside: float = 2.0) -> Difference:
    a, b = Side(100, 0, inside, inside), Side(900, 0, outside, outside)
    return Difference(column, None, "number", a, b, effect, effect - 0.1, effect + 0.1, True)


def test_names_are_short_and_call_nobody_by_what_is_delicate() -> None:
    assert told.short([number("orders", 0.6), share("loyalty_tier", "gold", 0.4)]) == "many orders, gold"
    assert told.short([number("age_years", -0.6, 28.5)]) == "low age years"
    assert told.short([share("gender", "female", 0.9), share("first_name", "Anna", 0.8), share("tier", "none", 0.5)]) == ""
    assert told.short([share("mailable", "true", -0.3)]) == "no mailable"
    assert told.short([]) == ""
    long = [number("a_very_long_name_of_something", 0.9), share("country", "Austria", 0.4)]
    assert told.short(long) == "Austria"
    day = Difference("last_order", None, "day", Side(1, 0, date(2026, 1, 1)), Side(1, 0, date(2025, 1, 1)), 0.5, 0.4, 0.6, True)
    assert told.short([day]) == "late last order"


def test_sentences_say_how_little_is_known() -> None:
    few = told.sentences(GROUP, "they", 100, None, None, {"customers": 29}, [number("orders", 0.9)])
    assert few[0].text == "They are 29 customers, 29 % of all."
    assert few[1].text == "They are fewer than 30, so little can be said of them."
    none = told.sentences(GROUP, "they", 100, "revenue", "EUR", {"customers": 40, "revenue": 0.0}, [])
    assert none[0].text == "They are 40 customers, 40 % of all, and bring no revenue."
    assert none[1].text == "Beside that, nothing known of them differs clearly from everybody else."


def test_equal_medians_are_told_as_means() -> None:
    d = Difference("refunded", None, "number", Side(50, 0, 0.0, 9.5), Side(50, 0, 0.0, 1.0), 0.4, 0.2, 0.5, True)
    [_, sentence] = told.sentences(GROUP, "they", 100, None, None, {"customers": 50}, [d])
    assert sentence.text == "The mean of refunded is 9.5 for them, and 1 for everybody else."
    assert [n.value for n in sentence.numbers] == [9.5, 1.0]


def test_figures_are_said_with_their_units() -> None:
    assert said("share_of_revenue", 0.0912, None) == "9.1 %"
    assert said("others_revenue", 12.5, "EUR") == "12.50 EUR"
    assert said("median_days_quiet", 1.0, None) == "1 day"
    assert said("growth", -0.25, None) == "25 % less"
    assert said("growth", None, None) == "–"


# --- members


def test_typical_members_are_near_the_medians_and_extreme_ones_far_out_in_what_sets_apart() -> None:
    r = np.random.default_rng(2)
    a, b = r.normal(10, 2, 500), r.normal(5, 1, 500)
    a[3] = 1e9  # a slip of the pen
    inside = np.arange(500) < 200
    found = kinds({"a": a, "b": b}, inside, {"a": 0.5, "b": -0.4})
    assert set(found) == {"typical", "extreme"}
    assert all(len(rows) == 10 and inside[rows].all() for rows in found.values())
    typical, extreme = (medians({"a": a, "b": b}, found[k]) for k in ("typical", "extreme"))
    assert typical["a"] == pytest.approx(np.median(a[inside]), abs=0.5)
    assert extreme["a"] > np.quantile(a[inside], 0.8)
    assert extreme["b"] < np.quantile(b[inside], 0.2)


def test_few_have_no_typical_members() -> None:
    assert kinds({"a": np.arange(100.0)}, np.arange(100) < 29, {}) == {}
    assert kinds({"a": np.ones(100)}, np.arange(100) < 50, {}) == {}


def test_what_says_the_same_is_told_once() -> None:
    a = np.arange(50.0)
    columns = {"orders": a, "orders_year": a**2, "age": np.tile([1.0, 2.0], 25), "gap": np.full(50, np.nan)}
    columns = {name: ranks(values) for name, values in columns.items()}
    assert telling(["orders_year", "orders", "country", "age", "gap"], columns, ["nothing"], 9) == [
        "orders_year",
        "country",
        "age",
        "gap",
    ]
    assert telling(["orders_year", "age"], columns, ["orders"], 9) == ["age"]


def test_small_counts_of_a_journey_are_left_out() -> None:
    way = Journey(50, (Step("order", "order", 41, 3.0), Step("order", None, 9, None)), None, (("a", 3), ("b", 12)), ())
    kept = way.shown(10)
    assert ([s.customers for s in kept.steps], kept.came) == ([41], (("b", 12),))
    assert way.shown(1) == way
