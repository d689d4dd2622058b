"""What sets a segment apart, against comparing every pair of customers."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import mean, median, variance
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.engine.duckdb import DuckDB
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.profiles import features
from coterie.profiles.apart import Comparison, Difference, apart
from coterie.profiles.intervals import difference_of_shares, mann_whitney, two_sided
from tests.profiles.tables import memberships, traits

TYPES: dict[str, tuple[Type, pa.DataType]] = {
    "age": (INTEGER, pa.int64()),
    "paid": (MONEY, pa.decimal128(18, 4)),
    "score": (FLOAT, pa.float64()),
    "since": (DATE, pa.date32()),
    "last": (TIMESTAMP, pa.timestamp("us")),
    "country": (TEXT, pa.string()),
    "mail": (BOOLEAN, pa.bool_()),
}
ROW = st.fixed_dictionaries(
    {
        "age": st.none() | st.integers(0, 6),
        "paid": st.none() | st.integers(-100, 10**7).map(lambda c: Decimal(c) / 100),
        "score": st.none() | st.sampled_from([-1.5, 0.0, 2.25, 1e6, float("nan")]),
        "since": st.none() | st.integers(-5, 5).map(lambda d: date(1970, 1, 3) + timedelta(days=d)),
        "last": st.none() | st.integers(0, 9).map(lambda h: datetime(2026, 3, 1) + timedelta(hours=7 * h)),
        "country": st.none() | st.sampled_from(["DE", "FR", "IT"]),
        "mail": st.none() | st.booleans(),
    }
)
VERDICT = st.sampled_from([True, True, False, False, None])


def compared(rows: Sequence[dict[str, Any]], verdicts: dict[str, list[bool | None]], least: int = 1, **own: Any) -> Comparison:
    with DuckDB(threads=1) as engine:
        traits(engine, {n: pa.array([r[n] for r in rows], type_) for n, (_, type_) in TYPES.items()})
        memberships(engine, verdicts)
        columns = {n: t for n, (t, _) in TYPES.items()}
        return apart(engine, list(verdicts), list(verdicts), columns, own.get("by_definition", {}), least=least)


def known(value: Any) -> bool:
    return value is not None and value == value


@settings(max_examples=25)
@given(st.lists(st.tuples(ROW, VERDICT, VERDICT), min_size=4, max_size=40))
def test_every_difference_is_that_of_all_pairs(drawn: list[tuple[dict[str, Any], bool | None, bool | None]]) -> None:
    rows = [r for r, *_ in drawn]
    verdicts = {"a": [a for _, a, _ in drawn], "b": [b for *_, b in drawn]}
    found = compared(rows, verdicts)
    for segment, told in verdicts.items():
        result = found.segments[segment]
        assert (result.members, result.others) == (told.count(True), told.count(False))
        if not (told.count(True) and told.count(False)):
            assert result.why_not
            continue
        assert [abs(d.effect) for d in result.differences] == sorted((abs(d.effect) for d in result.differences), reverse=True)
        for d in result.differences:
            check(d, rows, told)


def check(d: Difference, rows: Sequence[dict[str, Any]], told: Sequence[bool | None]) -> None:
    a, b = ([r[d.column] for r, v in zip(rows, told, strict=True) if v is side and known(r[d.column])] for side in (True, False))
    assert (d.members.known, d.others.known) == (len(a), len(b))
    assert d.members.unknown == list(told).count(True) - len(a)
    if d.shape == "share":
        wanted = True if d.value == "true" else d.value
        assert (d.members.having, d.others.having) == (a.count(wanted), b.count(wanted))
        effect = a.count(wanted) / len(a) - b.count(wanted) / len(b)
    else:
        effect = sum((x > y) - (x < y) for x in a for y in b) / (len(a) * len(b))
    assert d.effect == pytest.approx(effect, abs=1e-9)
    assert d.low - 1e-6 <= d.effect <= d.high + 1e-6
    if d.shape == "number":
        x, y = [float(v) for v in a], [float(v) for v in b]
        for side, values in ((d.members, x), (d.others, y)):
            assert side.mean == pytest.approx(mean(values), abs=1e-6)
            assert side.median == pytest.approx(median(values))
        squares = sum(variance(s) * (len(s) - 1) for s in (x, y) if len(s) > 1)
        pooled = (squares / max(len(x) + len(y) - 2, 1)) ** 0.5
        if pooled > 1e-3:
            assert d.deviations == pytest.approx((mean(x) - mean(y)) / pooled, rel=1e-6, abs=1e-9)
    elif d.shape == "day" and len(a) % 2:
        middle = sorted(a)[len(a) // 2]
        assert d.members.median == (middle.date() if isinstance(middle, datetime) else middle)


def plain_rows(n: int, r: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "age": r.randrange(18, 80),
            "paid": Decimal(int(r.lognormvariate(5, 1) * 100)) / 100,
            "score": r.gauss(0, 1),
            "since": date(2020, 1, 1) + timedelta(days=r.randrange(900)),
            "last": datetime(2026, 1, 1) + timedelta(minutes=r.randrange(90_000)),
            "country": r.choice(["DE", "FR", "IT", "AT"]),
            "mail": r.random() < 0.4,
        }
        for _ in range(n)
    ]


def test_a_planted_difference_stands_first_and_noise_holds_seldom() -> None:
    r = random.Random(5)
    rows = plain_rows(3000, r)
    inside = [r.random() < 0.2 for _ in rows]
    for row, member in zip(rows, inside, strict=True):
        if member:
            row["paid"] *= 3
            row["country"] = "FR" if r.random() < 0.5 else row["country"]
    drawn = {"planted": inside, **{f"chance {i}": [r.random() < 0.3 for _ in rows] for i in range(20)}}
    found = compared(rows, {n: list(v) for n, v in drawn.items()}, least=10)
    first, second = found.segments["planted"].clear[:2]
    assert (first.column, first.shape) == ("paid", "number")
    assert (second.column, second.value) == ("country", "FR")
    by_chance = [d for n, s in found.segments.items() if n != "planted" for d in s.differences]
    assert sum(d.holds for d in by_chance) <= 1, "Bonferroni"
    outside = sum(not d.low <= 0 <= d.high for d in by_chance) / len(by_chance)
    assert 0.01 < outside < 0.11, "95 % intervals leave out 0 about once in twenty where there is nothing"
    assert f"{found.comparisons:,} comparisons" in found.honesty
    assert found.comparisons == sum(len(s.differences) for s in found.segments.values())
    assert not found.sampled


def test_what_the_rule_reads_is_left_out() -> None:
    rows = plain_rows(100, random.Random(1))
    found = compared(rows, {"a": [i % 2 == 0 for i in range(100)]}, by_definition={"a": frozenset({"paid", "country"})})
    assert found.segments["a"].by_definition == ("paid", "country")
    assert {d.column for d in found.segments["a"].differences} == {"age", "score", "since", "last", "mail"}


def test_few_are_not_compared_and_rare_categories_not_shown() -> None:
    rows = plain_rows(200, random.Random(2))
    rows[0]["country"] = "unique"
    found = compared(rows, {"few": [i < 9 for i in range(200)], "most": [i > 5 for i in range(200)]}, least=10)
    assert found.segments["few"].why_not == "fewer than 10 members"
    assert found.segments["most"].why_not == "fewer than 10 others to compare with"
    found = compared(rows, {"half": [i < 100 for i in range(200)]}, least=10)
    assert "unique" not in {d.value for d in found.segments["half"].differences}


def test_large_groups_take_the_same_sample_in_any_order_and_with_any_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SAMPLE", 100)
    monkeypatch.setattr(features, "POOL", 800)
    r = random.Random(3)
    values = [r.gauss(50, 10) for _ in range(2000)]
    numbers = list(range(2000))
    answers = []
    for _ in range(2):
        customers = sorted(range(2000), key=lambda i: numbers[i] * 7 % 2000)
        with DuckDB(threads=1) as engine:
            told = {"_customer": [numbers[i] for i in customers], "customer": [f"c{i}" for i in customers]}
            engine.register("traits", pa.table({**told, "v": [values[i] for i in customers]}))
            flags = {numbers[i]: i % 3 == 0 for i in range(2000)}
            memberships(engine, {"a": [flags[n] for n in range(2000)]})
            found = apart(engine, ["a"], ["a"], {"v": FLOAT}, {})
        assert found.sampled
        assert "sample" in found.honesty
        answers.append(found.segments["a"].differences[0])
        r.shuffle(numbers)
    assert answers[0].members == answers[1].members
    assert answers[0].members.median == pytest.approx(50, abs=5)


def test_newcombe_published() -> None:
    # Newcombe 1998, table II, method 10: 56/70 against 48/80.
    a, m, b, n = (np.array([v], dtype=np.float64) for v in (56, 70, 48, 80))
    low, high = difference_of_shares(a, m, b, n, two_sided(0.95))
    assert (low[0], high[0]) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    a, m, b, n = (np.array([v], dtype=np.float64) for v in (10, 10, 0, 10))
    low, high = difference_of_shares(a, m, b, n, two_sided(0.95))
    assert (low[0], high[0]) == (pytest.approx(0.6075, abs=5e-5), pytest.approx(1.0, abs=1e-9))


@pytest.mark.parametrize(("m", "n", "shift"), [(15, 400, 0.0), (40, 60, 0.8), (30, 1000, -1.2)])
def test_rank_intervals_hold_the_truth_as_often_as_they_say(m: int, n: int, shift: float) -> None:
    r = np.random.default_rng(m)
    theta = float(np.mean(r.normal(shift, 1, 200_000) > r.normal(0, 1, 200_000)))
    held, tries = 0, 400
    for _ in range(tries):
        a, b = r.normal(shift, 1, m), np.sort(r.normal(0, 1, n))
        estimate = np.array([np.searchsorted(b, a).sum() / (m * n)])
        low, high = mann_whitney(estimate, np.array([float(m)]), np.array([float(n)]), two_sided(0.95))
        held += bool(low[0] <= theta <= high[0])
    assert held / tries == pytest.approx(0.95, abs=0.035)


def test_an_interval_never_leaves_its_range() -> None:
    theta = np.array([0.0, 1.0, 0.5, 1e-6])
    ones = np.full(4, 12.0)
    low, high = mann_whitney(theta, ones, ones, two_sided(0.95))
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert low[0] == pytest.approx(0, abs=1e-12)
    assert high[1] == pytest.approx(1, abs=1e-12)
    assert (low <= theta + 1e-12).all()
    assert (high >= theta - 1e-12).all()
