"""Segments with one known defect each get that red mark and no other; the numbers behind the marks are counted again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sqlglot import exp

from coterie.engine.duckdb import DuckDB
from coterie.language.types import BOOLEAN, FLOAT, INTEGER, TEXT, Type
from coterie.profiles.apart import apart
from coterie.profiles.channels import Way, ways
from coterie.profiles.figures import figures
from coterie.profiles.quality import coverage
from coterie.profiles.scorecard import CRITERIA, Channel, Evidence, Money, Scorecard, Stay, scorecard
from coterie.traits.batch import quoted
from tests.profiles.tables import memberships, traits

N = 4000
DAY = datetime(2026, 3, 1)
TYPES: dict[str, Type] = {"age": INTEGER, "orders": INTEGER, "revenue": FLOAT, "height": FLOAT}
Told = list[bool | None]


def planted(seed: int) -> tuple[dict[str, pa.Array], dict[str, Told]]:
    """Customers, and segments: one sound, and one for each defect that lies in the data."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 8, N)
    age = rng.integers(20, 70, N) + np.where(group == 2, 15, 0)
    orders = rng.poisson(np.where(group <= 1, 8, 3))
    revenue = orders * rng.lognormal(3, 0.5, N)
    email: list[str | None] = [None if g == 1 and rng.random() < 0.9 else f"c{i}" for i, g in enumerate(group)]
    sound = group == 0
    some = np.flatnonzero(sound)
    twin = sound.copy()
    twin[some[: len(some) // 20]] = False
    few = np.zeros(N, dtype=np.bool_)
    few[rng.choice(some, 15, replace=False)] = True
    unknown: Told = [None if rng.random() < 0.5 else bool(s) for s in group == 3]
    orders[group == 3] += 4
    revenue[group == 3] += 60
    drawn = rng.choice(np.flatnonzero(group != 2), N)
    orders, revenue = (np.where(group == 2, v[drawn], v) for v in (orders, revenue))
    segments: dict[str, Told] = {
        "unmeasured": unknown,
        "sound": sound.tolist(),
        "few": few.tolist(),
        "unreached": (group == 1).tolist(),
        "twin": twin.tolist(),
        "idle": (group == 2).tolist(),
    }
    columns = {
        "age": pa.array(age),
        "orders": pa.array(orders),
        "revenue": pa.array(revenue),
        "height": pa.array(rng.normal(170, 10, N)),
        "email": pa.array(email),
        "plan": pa.array([None if told is None else "x" for told in unknown]),
        "agreed": pa.array(rng.random(N) < 0.9),
    }
    return columns, segments


def cards(
    seed: int, names: Sequence[str], stays: Mapping[str, Sequence[Stay]] | None = None, again: float | None = None
) -> dict[str, Scorecard]:
    columns, told = planted(seed)
    segments = {name: told[name] for name in names}
    steady = [Stay(DAY, DAY + timedelta(days=30), 500, 20)]
    with DuckDB(threads=1) as engine:
        traits(engine, columns)
        memberships(engine, segments)
        order = list(segments)
        met = exp.And(this=exp.Not(this=exp.Is(this=quoted("email", "t"), expression=exp.Null())), expression=quoted("agreed", "t"))
        found = figures(engine, order, order, {"e-mail": met}, "revenue")
        compared = apart(engine, order, order, TYPES, {}, least=10)
        covered = {c.column: c for c in coverage(engine, {**TYPES, "email": TEXT, "plan": TEXT})}
        out = {}
        for i, name in enumerate(order):
            inside, squares = float(found.money[i]), float(found.squares[i])
            missing = segments[name].count(None)
            evidence = Evidence(
                name,
                N,
                int(found.inside[i]),
                missing,
                {"plan": missing} if missing else {},
                [covered["plan" if missing else "age"]],
                Money("revenue", inside, found.all_money - inside, squares, found.all_squares - squares),
                [Channel("e-mail", "email", "agreed", int(found.having["e-mail"][i]))],
                {o: (int(found.both[i, j]), int(found.inside[j])) for j, o in enumerate(order) if o != name},
                compared.segments[name],
                frozenset({"orders", "revenue"}),
                (stays or {}).get(name, steady),
                again,
            )
            out[name] = scorecard(evidence)
    return out


def reds(card: Scorecard) -> list[str]:
    return [m.criterion for m in card.of("red")]


@pytest.mark.parametrize("seed", range(5))
def test_a_known_defect_gets_its_red_mark_and_no_other(seed: int) -> None:
    restless = [Stay(DAY, DAY + timedelta(days=10), 500, 200)]
    found = cards(seed, ["unmeasured", "sound", "unreached", "idle"], {"sound": restless})
    assert reds(found["unmeasured"]) == ["measurable"]
    assert reds(found["sound"]) == ["stable"]
    assert reds(found["unreached"]) == ["reachable"]
    assert reds(found["idle"]) == ["actionable"]
    assert reds(cards(seed, ["sound", "few"])["few"]) == ["substantial"]
    assert reds(cards(seed, ["sound", "twin"])["twin"]) == ["distinct"]
    assert reds(cards(seed, ["sound"], again=0.4)["sound"]) == ["stable"]


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_segment_is_green_throughout(seed: int) -> None:
    card = cards(seed, ["sound", "unreached"])["sound"]
    assert [m.criterion for m in card.of("green")] == list(CRITERIA)
    assert card.advice == ""


def test_every_mark_has_its_number_its_limits_and_unless_green_a_suggestion() -> None:
    for card in cards(1, ["unmeasured", "sound", "unreached", "idle", "twin", "few"]).values():
        for mark in card.marks:
            assert mark.number
            assert mark.limits
            assert bool(mark.suggestion) == (mark.colour != "green"), mark


def test_figures_are_those_counted_one_by_one() -> None:
    columns, segments = planted(3)
    order = list(segments)
    with DuckDB(threads=1) as engine:
        traits(engine, columns)
        memberships(engine, segments)
        met = exp.Not(this=exp.Is(this=quoted("email", "t"), expression=exp.Null()))
        found = figures(engine, order[2:5], order, {"e-mail": met}, "revenue")
    revenue, email = columns["revenue"].to_pylist(), columns["email"].to_pylist()
    for i, name in enumerate(order[2:5]):
        members = [n for n, told in enumerate(segments[name]) if told]
        assert found.inside[i] == len(members)
        assert found.having["e-mail"][i] == sum(email[n] is not None for n in members)
        assert found.money[i] == pytest.approx(sum(revenue[n] for n in members))
        assert found.squares[i] == pytest.approx(sum(revenue[n] ** 2 for n in members))
        for j, other in enumerate(order[2:5]):
            assert found.both[i, j] == sum(bool(segments[other][n]) for n in members)
    assert found.all_money == pytest.approx(sum(revenue))


def test_the_interval_of_a_share_of_the_money_covers_the_true_share() -> None:
    rng = np.random.default_rng(8)
    worth = rng.lognormal(3, 1, 5000)
    covered = 0
    for _ in range(400):
        inside = rng.random(5000) < 0.1
        squares = worth * worth
        some = Money("revenue", *(float(v) for v in (worth[inside].sum(), worth[~inside].sum())),
                     *(float(v) for v in (squares[inside].sum(), squares[~inside].sum())))  # fmt: skip
        _, low, high = some.part()
        covered += low <= 0.1 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_leaving_is_told_for_thirty_days_whatever_the_days_between() -> None:
    card = cards(0, ["sound"], {"sound": [Stay(DAY, DAY + timedelta(days=n), 1000, 10 * n) for n in (1, 3, 5)]})["sound"]
    mark = card["stable"]
    assert mark.value == pytest.approx(1 - float(np.exp(-0.3)))
    assert mark.low is not None
    assert mark.high is not None
    assert mark.value is not None
    assert mark.low < mark.value < mark.high


def test_what_is_not_known_is_not_judged() -> None:
    columns, segments = planted(0)
    with DuckDB(threads=1) as engine:
        traits(engine, columns)
        memberships(engine, {"sound": segments["sound"]})
        compared = apart(engine, ["sound"], ["sound"], TYPES, {}, least=10).segments["sound"]
    bare = Evidence("sound", N, 500, 0, {}, [], None, None, {}, compared, frozenset())
    card = scorecard(bare)
    assert [m.criterion for m in card.of("cannot tell")] == ["reachable", "stable", "actionable"]
    empty = scorecard(replace(bare, members=0))
    assert [m.criterion for m in empty.of("red")] == ["substantial"]
    assert len(empty.of("cannot tell")) == 4


def test_channels_are_told_by_names() -> None:
    attributes: dict[str, Type] = {"EmailAddress": TEXT, "mobile": TEXT, "email_domain": TEXT, "age": INTEGER, "postcode": TEXT}
    truths: dict[str, Type] = {"email_opt_in": BOOLEAN, "sms_opt_out": BOOLEAN, "vip": BOOLEAN}
    assert ways(attributes, truths) == (
        Way("e-mail", "EmailAddress", "email_opt_in"),
        Way("phone", "mobile", "sms_opt_out", objection=True),
    )
    assert ways({"email": TEXT}, {"newsletter": BOOLEAN})[0].consent == "newsletter"
    assert ways({"email": TEXT, "phone": TEXT}, {"accepts_marketing": BOOLEAN})[1] == Way("phone", "phone", "accepts_marketing")
    assert ways({"country": TEXT}, {}) == ()
