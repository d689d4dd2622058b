"""What the notes behind the language found, held to: windows that touch, one rule said twice, exact sums, ties, sequences."""

from dataclasses import replace
from datetime import datetime

import pytest

from coterie.core.windows import Duration
from coterie.engine.duckdb import DuckDB
from coterie.language.names import written
from coterie.testing.asking import Defined
from coterie.testing.oracle import run
from coterie.testing.populations import ZONES
from coterie.testing.programs import program
from tests.agreement.asking import Happened, People, answers, asked, members, money

SEEDS = range(200, 207)  # one of each time zone


@pytest.fixture(scope="module")
def engine():
    with DuckDB(threads=1) as made:
        yield made


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("n", "unit"), [(90, "day"), (1, "day"), (2, "week"), (1, "month"), (1, "quarter"), (1, "year"), (36, "hour"), (90, "minute")]
)
def test_a_window_and_those_before_it_touch_and_never_overlap(seed, n, unit, engine):
    drawn = program(seed, definitions=0)
    kind = written(next(iter(drawn.schema.events)))
    near, far = Duration(n, unit), f"from {2 * n} to {Duration(n, unit)} ago"
    texts = {
        "near": f"count({kind} within {near})",
        "far": f"count({kind} {far})",
        "both": f"count({kind} within {Duration(2 * n, unit)})",
    }
    asked_of = replace(drawn, coverage={}, definitions={name: Defined("trait", text) for name, text in texts.items()})
    found = run(asked_of, engine).answers
    sums = [a + b for a, b in zip(found["near"], found["far"], strict=True)]  # type: ignore[operator]
    assert sums == list(found["both"])


def test_the_seeds_above_have_every_zone():
    assert {program(seed, definitions=0).zone for seed in SEEDS} == set(ZONES)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_calendar_is_parted_without_a_gap(seed, engine):
    drawn = replace(program(seed, definitions=0), coverage={})
    kind = written(next(iter(drawn.schema.events)))
    day = "2025-06-15"
    texts = {
        "all": f"count({kind})",
        "before": f"count({kind} before '{day}')",
        "since": f"count({kind} since '{day}')",
        "months": f"count({kind} this month) + count({kind} last month)",
        "from to": f"count({kind} from '2000-01-01' to '{day}') + count({kind} from '{day}' to '2100-01-01')",
    }
    found = run(replace(drawn, definitions={n: Defined("trait", t) for n, t in texts.items()}), engine).answers
    for i, total in enumerate(found["all"]):
        assert found["before"][i] + found["since"][i] == total == found["from to"][i]  # type: ignore[operator]
        assert found["months"][i] <= total  # type: ignore[operator]


WINDOWS = ("within 60 days", "within 36 hours", "this month", "last year", "since '2025-06-15'", "before '2025-06-15'")


@pytest.mark.parametrize("seed", SEEDS)
def test_exists_and_a_test_of_the_last_time_are_one_rule_also_under_not(seed, engine):
    """Where a window has no end before now: what lies in it last, lies in it."""
    drawn = replace(program(seed, definitions=0), coverage={})
    kind = written(next(iter(drawn.schema.events)))
    open_ended = [w for w in WINDOWS if not w.startswith(("last", "before"))]
    rules: dict[str, str] = {}
    for n, window in enumerate(open_ended):
        rules |= {f"a{n}": f"exists({kind} {window})", f"b{n}": f"last({kind}.time) {window}"}
        rules |= {
            f"c{n}": f"not exists({kind} {window})",
            f"d{n}": f"not (last({kind}.time) {window})",
            f"e{n}": f"count({kind} {window}) > 0",
        }
    rules |= {"first": f"first({kind}.time) before '2025-06-15'", "some": f"exists({kind} before '2025-06-15')"}
    found = run(replace(drawn, definitions={n: Defined("trait", t) for n, t in rules.items()}), engine).answers
    for n in range(len(open_ended)):
        assert found[f"a{n}"] == found[f"b{n}"] == found[f"e{n}"]
        assert found[f"c{n}"] == found[f"d{n}"] == [not a for a in found[f"a{n}"]]
    assert found["first"] == found["some"]


def test_sums_are_exact_in_any_order(engine):
    people: People = {f"c{n}": {} for n in range(3)}
    amounts = ["0.1", "0.2", "0.3", "99999999999999.9", "-99999999999999.9"]
    events: list[Happened] = []
    for n, order in enumerate((amounts, amounts[::-1], amounts[2:] + amounts[:2])):
        events += [(f"c{n}", "order", f"2026-03-0{i + 1}T00:00", {"amount": money(a)}) for i, a in enumerate(order)]
    found = answers(asked({"total": "sum(order.amount)", "exact": "sum(order.amount) = 0.6"}, people, events), engine)
    assert set(found["total"].values()) == {money("0.6")}
    assert members(found["exact"]) == set(people)


def test_events_of_one_instant_stand_in_the_order_of_kind_and_id_whenever_they_arrive(engine):
    at = "2026-03-01T10:00"
    happened: list[Happened] = [("a", "order", at, {"category": "x"}), ("a", "visit", at), ("a", "order", at, {"category": "y"})]
    rules = {
        "first": "first(order.category)",
        "last": "last(order.category)",
        "then": "sequence(order, visit)",
        "back": "sequence(visit, order)",
    }
    drawn = asked(rules, {"a": {}}, happened)
    found = answers(drawn, engine)
    assert found == {"first": {"a": "x"}, "last": {"a": "y"}, "then": {"a": True}, "back": {"a": False}}
    shuffled = replace(drawn, population=replace(drawn.population, events=drawn.population.events[::-1]))
    assert answers(shuffled, engine) == found


def test_the_first_match_is_not_the_only_one(engine):
    """a at 0, b at 5, c at 20 fails counted from the first b; from a later b it fits."""
    times = [("order", "a", 0), ("order", "b", 5), ("order", "b", 9), ("order", "c", 20)]
    events: list[Happened] = [("one", kind, f"2026-03-01T{hour:02}:00", {"category": c}) for kind, c, hour in times]
    steps = "order where category = 'a', order where category = 'b' within {} hours, order where category = 'c' within 12 hours"
    rules = {"both": f"sequence({steps.format(10)})", "first only": f"sequence({steps.format(6)})"}
    found = answers(asked(rules, {"one": {}}, events), engine)
    assert found == {"both": {"one": True}, "first only": {"one": False}}


def test_not_within_is_false_until_its_time_is_over(engine):
    events: list[Happened] = [
        ("old", "visit", "2026-03-01T10:00"),
        ("new", "visit", "2026-03-10T10:00"),
        ("did", "visit", "2026-03-01T10:00"),
    ]
    events += [("did", "order", "2026-03-01T11:00")]
    rules = {"abandoned": "sequence(visit, not order within 24 hours)"}
    as_of = datetime(2026, 3, 10, 12)
    found = answers(asked(rules, {name: {} for name in ("old", "new", "did", "nobody")}, events, as_of=as_of), engine)
    assert members(found["abandoned"]) == {"old"}
