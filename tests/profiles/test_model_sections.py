"""What the report tells of models: numbers of few people never, limits always, and why where there is no model."""

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from coterie.models.clusters.fitting import fit as fit_groups
from coterie.models.prediction.fitted import Fit, fit
from coterie.models.prediction.quality import Group, measured
from coterie.models.value.choice import Before
from coterie.models.value.choice import fit as fit_value
from coterie.models.value.quality import Holdout
from coterie.profiles.charts.colours import by_key
from coterie.profiles.hidden import guarded, hide_list, is_small
from coterie.profiles.page.parts import Figure, Section, Setting
from coterie.profiles.sections.clusters import ClusterNumbers, clusters
from coterie.profiles.sections.lifetime import LifetimeNumbers, Worth, lifetime
from coterie.profiles.sections.predictions import PredictionNumbers, predictions
from tests.models.clusters.mixtures import planted, without_groups
from tests.models.prediction.made import noise, sample
from tests.models.value.made import customers

SETTING = Setting(1900, datetime(2026, 9, 30), "UTC", "GBP", "revenue", Decimal(100_000))
OPEN = replace(SETTING, k=1)


@pytest.fixture(scope="module")
def good() -> Fit:
    with threadpool_limits(1):
        return fit([sample(700, seed=1)], kind="classification", seed=1, happens="order within 30 days")


def section(found: Fit | None, setting: Setting = SETTING, **more: Any) -> Section:
    made = predictions([PredictionNumbers("buys_soon", "predict(…)", found, happens="order within 30 days", **more)], setting)
    assert made is not None
    return made


def figures(found: Section) -> dict[str, Figure]:
    return {f.key.partition("-")[0]: f for f in found.charts}


def data_of(figure: Figure) -> str:
    return json.dumps(figure.chart.to_dict()["layer"])


# --- predictions


def test_a_good_prediction_has_all_its_pictures(good: Fit) -> None:
    found = section(good, each=(50.0, "One order"))
    assert set(figures(found)) == {"lift", "calibration", "money", "drives"}
    assert found.answer.startswith("Buys soon: of the tenth with the highest score")
    (topic,) = found.topics
    assert topic.answer == good.sentences[0]
    assert topic.tables[0].rows[0][1] == f"{good.quality.interval.value:.3f}"
    money = figures(found)["money"].table
    assert money.headings[-1][0] == "last one is worth"
    lowest = {round(g.customers / good.quality.tested, 2): g.lowest for g in good.quality.gains}
    assert money.rows[0][-1] == f"{50 * lowest[0.05]:,.2f} GBP"


def test_what_is_no_better_than_chance_shows_nothing_else() -> None:
    with threadpool_limits(1):
        found = fit([noise(400, seed=3)], kind="classification", seed=1)
    made = section(found)
    assert found.quality.verdict == "no better than chance"
    assert set(figures(made)) == {"lift"}
    assert made.topics[0].answer.startswith("No better than chance")
    assert any("the same for everybody" in line for line in made.topics[0].lines)


def test_a_prediction_that_could_not_be_learned_says_why() -> None:
    made = section(None, why="1200 days of events are needed")
    assert "1200 days of events are needed" in made.answer
    assert not made.charts


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=10, max_size=10).map(lambda n: sorted(n, reverse=True)).filter(lambda n: sum(n) > 0),
)
def test_of_few_people_nothing_is_told(good: Fit, happened: list[int]) -> None:
    """Whatever happened to whom: no share, and no difference of two, is that of fewer than ten."""
    q = good.quality
    tenths = tuple(Group(60, 0.9 - 0.08 * i, 0.95 - 0.08 * i, n / 60) for i, n in enumerate(happened))
    halves = [n for many in happened for n in (many - many // 2, many // 2)]
    sums = np.cumsum(halves)
    gains = tuple(Group(30 * (i + 1), 0.9, 0.9, float(n) / (30 * (i + 1))) for i, n in enumerate(sums))
    base = {"base_rate": sum(happened) / 600}
    made = section(replace(good, quality=replace(q, tested=600, tenths=tenths, gains=gains, measures={**q.measures, **base})))
    (data,) = made.data
    shown = [None if t["happened"] is None else round(60 * t["happened"]) for t in data["tenths"]]
    hidden = [n for n, seen in zip(happened, shown, strict=True) if seen is None]
    assert not [n for n in shown if n is not None and (is_small(n) or is_small(60 - n))]
    assert len(hidden) != 1
    assert len(hidden) == 0 or sum(hidden) >= 10 or any(not is_small(n) for n in hidden) or len(hidden) == 10
    if "money" in figures(made):
        spec = figures(made)["money"].chart.to_dict()
        came = [v for layer in spec["layer"] for v in _values(spec, layer) if v.get("colour") == "#d76c25" and "name" not in v]
        counts = [0, *sorted({round(v["y"]) for v in came})]
        assert not [b - a for a, b in pairwise(counts) if is_small(b - a)]


def _values(spec: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    data = layer.get("data", {})
    return data.get("values") or spec.get("datasets", {}).get(data.get("name"), [])


def test_amounts_are_told_with_their_intervals() -> None:
    rng = np.random.default_rng(4)
    told = rng.gamma(1.0, 50.0, (900, 1))
    y = told[:, 0] * rng.gamma(2.0, 0.5, 900)
    chance = np.full((900, 1), y.mean())
    q = measured(y, told, [("orders", np.full((900, 1), 1.0) + rng.random((900, 1)))], chance, "regression", later=True)
    assert q.tenths[0].varies is not None
    with threadpool_limits(1):
        some = fit([replace(noise(300, seed=3), outcome=rng.random(300))], kind="regression", seed=1)
    found = section(replace(some, quality=q), currency="GBP")
    chart = figures(found)["calibration"].chart.to_dict()
    layer = next(la for la in chart["layer"] if la["mark"]["type"] == "rule")
    assert all(v["low"] < v["happened"] < v["high"] for v in _values(chart, layer))
    assert "Sorted by orders alone it would be" in figures(found)["money"].finding


# --- lifetime value


def value(shop: str, theta: tuple[float, ...], **more: Any) -> LifetimeNumbers:
    made = customers(shop, theta, 1500, seed=2)
    earlier = Before(made.history, Holdout(made.orders, 364))
    return LifetimeNumbers("next_year", "lifetime_value(…)", fit_value(made.history, earlier), days=365, currency="GBP", **more)


WHOLE = Worth(1500, 10_000.0, 8_000.0, 12_000.0)
ALIVE = (300, 4, 40, 30, 20, 10, 96, 100, 400, 500)


def test_a_value_is_told_with_what_it_lies_between() -> None:
    groups = {
        "stage": {
            "active": Worth(1400, 9_900.0, 7_900.0, 11_900.0),
            "tiny": Worth(3, 5.0, 0.0, 9.0),
            "new": Worth(97, 95.0, 1.0, 200.0),
        }
    }
    found = lifetime([value("bg", (0.5, 6.0, 0.8, 2.4), whole=WHOLE, groups=groups, alive=ALIVE)], SETTING)
    assert found is not None
    assert "10.0k GBP in the next 365 days, in 9 of 10 cases between 8.00k and 12.0k GBP" in found.answer
    shown = figures(found)
    assert set(shown) == {"worth", "alive", "holdout"}
    told = [row[0] for row in shown["worth"].table.rows]
    assert told == ["active"]  # of two hidden ones neither can be found by subtraction
    (data,) = found.data
    assert [g["label"] for g in data["groups"]] == ["active"]
    assert not [r for r in shown["alive"].table.rows if r[1] == "4"]


def test_where_nobody_is_seen_to_leave_it_is_said_and_no_chart_pretends() -> None:
    numbers = value("nbd", (0.8, 10.0), whole=WHOLE, alive=[0] * 9 + [1500])
    assert numbers.fit is not None
    numbers = replace(numbers, notes=[w.words for w in numbers.fit.warnings])
    found = lifetime([numbers], SETTING)
    assert found is not None
    assert "alive" not in figures(found)
    assert found.topics[0].warnings[0].startswith("No sign that customers leave for good")
    states = [row[-1] for row in found.topics[0].tables[0].rows]
    assert states.count("explains no more than that nobody leaves") == 3
    assert states.count("used") == 1


def test_a_value_that_could_not_be_learned_says_why() -> None:
    found = lifetime([LifetimeNumbers("next_year", "lifetime_value(…)", None, "9 of 20 customers bought on a second day")], SETTING)
    assert found is not None
    assert "9 of 20 customers bought on a second day" in found.answer
    assert not found.charts


# --- groups


def test_groups_are_told_with_how_sure_they_are() -> None:
    table, _ = planted(5, 1.0, 900, 3)
    found_groups = fit_groups(table, seed=1)
    counted = {g.name: g.size for g in found_groups.groups} | {"outlier": 4, "": 900 - sum(g.size for g in found_groups.groups) - 4}
    cards = {found_groups.groups[0].name: ("persona-a", ["win back"])}
    numbers = ClusterNumbers("kinds", "clusters(…)", found_groups, customers=counted, colours=by_key(counted), cards=cards)
    found = clusters([numbers], SETTING)
    assert found is not None
    (topic,) = found.topics
    assert topic.lines[0].startswith("Sure: both halves")
    assert {f.key.partition("-")[0] for f in topic.figures} == {"sizes", "typical", "tried"}
    assert any(where == "persona-a" and "what to do: win back" in text for text, where in topic.links)
    (data,) = found.data
    hidden = hide_list(counted)
    assert "outlier" in hidden
    assert {row["label"] or "" for row in data["labels"] if row["customers"] is None} == hidden
    tried = next(f for f in topic.figures if f.key.startswith("tried"))
    assert f"{found_groups.chosen} (chosen)" in [row[0] for row in tried.table.rows]


def test_where_there_are_no_groups_it_is_said() -> None:
    numbers = ClusterNumbers("kinds", "clusters(…)", fit_groups(without_groups(1, 600), seed=1), customers={"": 600})
    found = clusters([numbers], SETTING)
    assert found is not None
    assert found.answer.startswith("There are no groups among customers by kinds.")
    assert {f.key.partition("-")[0] for f in found.charts} <= {"tried"}


def test_there_are_no_sections_without_models() -> None:
    assert predictions([], SETTING) is None
    assert lifetime([], SETTING) is None
    assert clusters([], SETTING) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("6 customers are too far from every group", "fewer than 10 customers are too far from every group"),
        ("1,006 customers are here, 12 customers there", "1,006 customers are here, 12 customers there"),
        (
            "Missing numbers count as the median: age (7: 41), orders (120: 3).",
            "Missing numbers count as the median: age (fewer than 10: 41), orders (120: 3).",
        ),
        ("0.6 customers of 1 customer", "0.6 customers of fewer than 10 customers"),
    ],
)
def test_sentences_of_fits_keep_small_counts_to_themselves(text: str, told: str) -> None:
    assert guarded(text) == told
