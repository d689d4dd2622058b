"""Promises about what users of other tools complain of, each by its number: in the reference and in DuckDB."""

import string
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.errors import DefinitionErrors
from coterie.language.functions.customers import bucket
from coterie.language.tree import Apply, Case, Column, Measure, Members, Sequence, WindowTest, walk
from coterie.testing.asking import Defined
from coterie.testing.oracle import conditions, run
from coterie.testing.programs import program
from coterie.testing.sorted_rows import SortedEvents
from tests.agreement.asking import NOON, Happened, People, answers, asked, members, money, unknown

SEEDS = range(100, 106)


@pytest.fixture(scope="module")
def engine():
    with SortedEvents() as made:
        yield made


# --- G4, G5: rules and their opposites


@pytest.mark.parametrize("seed", SEEDS)
def test_G04_a_rule_and_its_negation_are_everybody_but_those_who_cannot_be_told(seed, engine):
    drawn = program(seed, definitions=15)
    rules = conditions(drawn)
    more = {f"not {name}": Defined("segment", f'not "{name}"') for name in rules}
    more |= {f"either {name}": Defined("segment", f'"{name}" or not "{name}"') for name in rules}
    more |= {f"both {name}": Defined("segment", f'"{name}" and not "{name}"') for name in rules}
    found = run(replace(drawn, definitions={**drawn.definitions, **more}), engine)
    everybody = len(drawn.population.people)
    assert rules
    for name in rules:
        rule, opposite = found.sizes[name], found.sizes[f"not {name}"]
        assert (rule.inside, rule.outside, rule.cannot_tell) == (opposite.outside, opposite.inside, opposite.cannot_tell)
        assert rule.inside + rule.outside + rule.cannot_tell == everybody
        assert found.sizes[f"either {name}"].inside == everybody - rule.cannot_tell
        assert found.sizes[f"both {name}"].inside == 0
        assert not any(a is True and b is True for a, b in zip(found.answers[name], found.answers[f"not {name}"], strict=True))


def test_G04_holds_for_every_kind_of_condition():
    kinds = {type(n) for seed in SEEDS for tree in conditions(program(seed, definitions=15)).values() for n in walk(tree)}
    assert {Apply, Case, Column, Measure, Members, Sequence, WindowTest} <= kinds


@pytest.mark.parametrize("seed", SEEDS)
def test_G05_not_and_or_follow_de_morgan_at_any_depth(seed, engine):
    drawn = program(seed, definitions=12)
    names = [f'"{name}"' for name in conditions(drawn)]
    more = {}
    for n, (a, b, c) in enumerate(zip(names, names[1:], names[2:], strict=False)):
        more[f"one {n}"] = f"not ({a} and {b} or {c})"
        more[f"two {n}"] = f"(not {a} or not {b}) and not {c}"
        more[f"three {n}"] = f"{a} and ({b} or not {c})"
        more[f"four {n}"] = f"{a} and {b} or {a} and not {c}"
    assert more
    defined = {name: Defined("segment", text) for name, text in more.items()}
    found = run(replace(drawn, definitions={**drawn.definitions, **defined}), engine).answers
    for n in range(len(more) // 4):
        assert found[f"one {n}"] == found[f"two {n}"]
        assert found[f"three {n}"] == found[f"four {n}"]


# --- G11: missing, empty, absent

PEOPLE: People = {
    "null": {"country": None, "tags": None},
    "empty": {"country": "", "tags": ()},
    "absent": {},
    "some": {"country": "DE", "tags": ("vip",)},
    "others": {"country": "FR", "tags": ("press", "x")},
}
MISSING = {"null", "absent"}


@pytest.mark.parametrize(
    ("rule", "inside"),
    [
        ("country = 'DE'", {"some"}),
        ("country != 'DE'", {"empty", "others"}),
        ("country = ''", {"empty"}),
        ("country in ('DE', '')", {"some", "empty"}),
        ("country not in ('DE', 'FR')", {"empty"}),
        ("country contains 'E'", {"some"}),
        ("not country contains 'E'", {"empty", "others"}),
        ("length(country) = 0", {"empty"}),
        ("tags has any ('vip')", {"some"}),
        ("not tags has any ('vip')", {"empty", "others"}),
        ("tags has all ('press', 'x')", {"others"}),
    ],
)
def test_G11_a_missing_value_is_neither_equal_nor_unequal_and_an_empty_one_is_a_value(rule, inside, engine):
    found = answers(asked({"rule": rule}, PEOPLE), engine)["rule"]
    assert members(found) == inside
    assert unknown(found) == MISSING


@pytest.mark.parametrize(
    ("rule", "inside"),
    [
        ("country is missing", MISSING),
        ("country is known", {"empty", "some", "others"}),
        ("tags is missing", MISSING),
        ("coalesce(country, 'DE') = 'DE'", {*MISSING, "some"}),
        ("country is missing or country != 'DE'", {*MISSING, "empty", "others"}),
        ("case when country is missing then true else country = '' end", {*MISSING, "empty"}),
    ],
)
def test_G11_who_asks_for_missing_gets_an_answer_for_everybody(rule, inside, engine):
    found = answers(asked({"rule": rule}, PEOPLE), engine)["rule"]
    assert members(found) == inside
    assert unknown(found) == set()


# --- G13, G14: any character is only a character

PRINTABLE = string.printable + "éÉßñ’‘“”…€£¥«»—–№😀👩‍👩‍👧العربية国한हि\u00a0\u200b\u2028\ufeff\uffff\U0001f600"
CHARACTERS = list(dict.fromkeys(PRINTABLE))


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def test_G13_every_printable_character_is_found_and_only_itself(engine):
    people: People = {f"c{n}": {"name": f"a{c}b", "country": c} for n, c in enumerate(CHARACTERS)}
    rules = {f"r{n}": f"country = {text(c)}" for n, c in enumerate(CHARACTERS)}
    rules |= {f"in{n}": f"name in ({text(f'a{c}b')}, 'x')" for n, c in enumerate(CHARACTERS)}
    found = answers(asked(rules, people), engine)
    for n in range(len(CHARACTERS)):
        assert members(found[f"r{n}"]) == {f"c{n}"}
        assert members(found[f"in{n}"]) == {f"c{n}"}


@pytest.mark.parametrize("how", ["contains {}", "starts with {}", "ends with {}", "matches {}"])
def test_G13_no_character_is_a_wildcard(how, engine):
    some = [c for c in CHARACTERS if c in string.punctuation or not c.isascii()]
    if how.startswith("matches"):
        some = [c for c in string.punctuation if c != "_"]  # which is a letter there
    people: People = {f"c{n}": {"country": c * 2, "name": "plain"} for n, c in enumerate(some)}
    written = [f"\\{c}" if how.startswith("matches") else c for c in some]
    rules = {f"r{n}": f"country {how.format(text(c))}" for n, c in enumerate(written)}
    found = answers(asked(rules, people), engine)
    for n in range(len(some)):
        assert members(found[f"r{n}"]) == {f"c{n}"}


@settings(max_examples=15)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
        min_size=3,
        max_size=10,
        unique=True,
    )
)
def test_G13_no_text_can_change_the_rule_around_it(engine, values):
    people: People = {f"c{n}": {"name": value, "country": "DE" if n else "FR"} for n, value in enumerate(values)}
    rules = {f"r{n}": f"name = {text(value)} and country = 'DE'" for n, value in enumerate(values)}
    found = answers(asked(rules, people), engine)
    for n in range(len(values)):
        assert members(found[f"r{n}"]) == ({f"c{n}"} if n else set())


@pytest.mark.parametrize("name", ['"; drop table', "select", "a.b", "t", "b", "m0", "name'", "%s", "{0}", "💥", "null"])
def test_G13_a_definition_may_have_any_name(name, engine):
    quoted = '"' + name.replace('"', '""') + '"'
    rules = {name: "age > 1", "uses": f"not {quoted} and {quoted} is known"}
    found = answers(asked(rules, {"a": {"age": 1}, "b": {"age": 2}, "c": {}}), engine)
    assert members(found[name]) == {"b"}
    assert members(found["uses"]) == {"a"}


@pytest.mark.parametrize("name", ["customer", "_customer", "x~least", "value.r"])
def test_G13_but_for_the_names_that_results_need(name):
    drawn = asked({"value": "rfm(order.time, order.amount)", name: "age > 1"}, {"a": {"age": 1}})
    with pytest.raises(DefinitionErrors, match="already the name of a column of the results"):
        drawn.catalog  # noqa: B018


@pytest.mark.parametrize("pattern", ["a|b", "^x", "(a|z)$", "[^a]", "a*", "not", "(?i)A"])
def test_G14_a_pattern_does_not_touch_the_conditions_beside_it(pattern, engine):
    people: People = {f"{n}{c}": {"name": n, "country": c} for n in ("a", "b", "x", "not", "") for c in ("DE", "FR")}
    rule = f"name matches {text(pattern)}"
    rules = {"pattern": rule, "before": f"{rule} and country = 'DE'", "after": f"country = 'DE' and {rule}"}
    rules |= {"or": f"{rule} or country = 'DE'", "twice": f"{rule} and country = 'DE' and {rule} and country != 'FR'"}
    found = {name: members(values) for name, values in answers(asked(rules, people), engine).items()}
    german = {name for name in people if name.endswith("DE")}
    assert found["before"] == found["after"] == found["twice"] == found["pattern"] & german
    assert found["or"] == found["pattern"] | german


# --- G17: how often


@pytest.mark.parametrize(
    ("rule", "inside"),
    [
        ("count(order) = 0", {"none", "visits"}),
        ("not exists(order)", {"none", "visits"}),
        ("count(order) = 1", {"one"}),
        ("count(order) <= 1", {"none", "visits", "one"}),
        ("count(order) between 1 and 2", {"one", "two"}),
        ("count(order) between 0 and 0", {"none", "visits"}),
        ("count(order) not between 1 and 2", {"none", "visits", "three"}),
        ("count(order) >= 3", {"three"}),
        ("count(order) > 3", set()),
        ("count(order where amount > 5) <= 1", {"none", "visits", "one", "two"}),
        ("count(order within 1 day) = 1", {"one", "two", "three"}),
        ("sum(order.amount) = 0", {"none", "visits"}),
        ("distinct(order.amount) = 0", {"none", "visits"}),
    ],
)
def test_G17_none_exactly_at_most_and_between_count_those_without_events_too(rule, inside, engine):
    orders = [(who, n) for who, many in (("one", 1), ("two", 2), ("three", 3)) for n in range(many)]
    events: list[Happened] = [
        (who, "order", f"2026-03-{10 - 2 * n:02}T10:00", {"amount": money(f"{4 * n + 4}")}) for who, n in orders
    ]
    events += [("visits", "visit", "2026-03-09T10:00")]
    people: People = {name: {} for name in ("none", "visits", "one", "two", "three")}
    found = answers(asked({"rule": rule}, people, events), engine)["rule"]
    assert members(found) == inside
    assert unknown(found) == set()


# --- G19: samples


@pytest.mark.parametrize(
    ("customer", "place"),
    [("1", 2943313116277336), ("cust-é", 3785777865049029), ("a b", 549504726576881), ("", 2470810948551607)],
)
def test_G19_a_sample_has_known_answers(customer, place, engine):
    assert bucket("spring", customer) == place
    sql = "SELECT ('0x' || substr(md5('spring' || chr(31) || ?), 1, 13))::BIGINT"
    assert engine.connection.execute(sql, [customer]).fetchall() == [(place,)]
    percent = place / 2**52 * 100
    rules = {"in": f"sample({percent + 0.01:.2f}%, 'spring')", "out": f"sample({percent - 0.01:.2f}%, 'spring')"}
    found = answers(asked(rules, {customer: {}}), engine)
    assert found == {"in": {customer: True}, "out": {customer: False}}


def test_G19_a_larger_sample_holds_the_smaller_one_and_another_salt_is_another_draw(engine):
    people: People = {f"c{n}": {} for n in range(2000)}
    rules = {"tenth": "sample(10%, 'a')", "half": "sample(50%, 'a')", "other": "sample(50%, 'b')", "nobody": "sample(0%, 'a')"}
    rules |= {"all": "sample(100%, 'a')", "renamed": "sample(10%, 'a')"}
    found = {name: members(values) for name, values in answers(asked(rules, people), engine).items()}
    assert found["tenth"] < found["half"]
    assert found["renamed"] == found["tenth"]
    assert (found["nobody"], found["all"]) == (set(), set(people))
    assert 150 < len(found["tenth"]) < 250
    assert 430 < len(found["half"] & found["other"]) < 570


# --- G21: days are the project's

DST = [
    # zone, asked at (UTC), happened at (UTC), window, admitted
    ("Europe/London", "2026-03-29T12:00", "2026-03-28T23:59:59", "within 1 day", False),
    ("Europe/London", "2026-03-29T12:00", "2026-03-29T00:00", "within 1 day", True),
    ("Europe/London", "2026-03-30T12:00", "2026-03-29T22:59:59", "within 1 day", False),
    ("Europe/London", "2026-03-30T12:00", "2026-03-29T23:00", "within 1 day", True),
    ("Europe/London", "2026-03-29T12:00", "2026-03-28T12:00", "within 24 hours", False),
    ("Europe/London", "2026-03-29T12:00", "2026-03-28T12:00:00.000001", "within 24 hours", True),
    ("Europe/London", "2026-10-25T12:00", "2026-10-24T22:59:59", "within 1 day", False),
    ("Europe/London", "2026-10-25T12:00", "2026-10-24T23:00", "within 1 day", True),
    ("Europe/London", "2026-10-26T12:00", "2026-10-25T23:59:59", "within 1 day", False),
    ("Europe/London", "2026-03-31T23:30", "2026-03-31T23:10", "this month", True),
    ("Europe/London", "2026-03-31T23:30", "2026-03-31T22:50", "last month", True),
    ("America/New_York", "2026-11-01T12:00", "2026-11-01T03:59:59", "within 1 day", False),
    ("America/New_York", "2026-11-01T12:00", "2026-11-01T04:00", "within 1 day", True),
    ("America/New_York", "2026-11-02T12:00", "2026-11-02T04:59:59", "within 1 day", False),
    ("America/New_York", "2026-11-02T12:00", "2026-11-02T05:00", "within 1 day", True),
    ("Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:14:59", "this year", False),
    ("Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15", "this year", True),
    ("Africa/Cairo", "2026-04-24T12:00", "2026-04-23T21:59:59", "within 1 day", False),
    ("Africa/Cairo", "2026-04-24T12:00", "2026-04-23T22:00", "within 1 day", True),
    ("America/Santiago", "2026-09-06T12:00", "2026-09-06T03:59:59", "within 1 day", False),
    ("America/Santiago", "2026-09-06T12:00", "2026-09-06T04:00", "within 1 day", True),
    ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T09:59:59", "within 1 day", False),
    ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00", "within 1 day", True),
    ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T09:59:59", "within 2 days", False),
    ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T09:59:59", "within 3 days", True),
    ("UTC", "2024-02-29T12:00", "2024-01-29T23:59:59", "within 1 month", False),
    ("UTC", "2024-03-31T12:00", "2024-02-29T23:59:59", "within 1 month", False),
    ("UTC", "2024-03-31T12:00", "2024-03-01T00:00", "within 1 month", True),
    ("UTC", "2025-02-28T12:00", "2024-02-28T23:59", "within 1 year", False),
    ("UTC", "2025-02-28T12:00", "2024-02-29T00:00", "within 1 year", True),
]


@pytest.mark.parametrize(("zone", "as_of", "happened", "window", "admitted"), DST)
def test_G21_a_window_counts_the_projects_local_days(zone, as_of, happened, window, admitted, engine):
    rules = {"event": f"exists(order {window})", "time": f"last(order.time) {window}", "count": f"count(order {window}) = 1"}
    drawn = asked(rules, {"a": {}}, [("a", "order", happened)], as_of=datetime.fromisoformat(as_of), zone=zone)
    assert answers(drawn, engine) == {name: {"a": admitted} for name in rules}


# --- F42: what did not happen


def test_F42_who_did_nothing_did_not_do_it(engine):
    people: People = {name: {} for name in ("nothing", "old", "new", "other")}
    events: list[Happened] = [
        ("old", "order", "2025-03-01T10:00"),
        ("new", "order", "2026-03-09T10:00"),
        ("other", "visit", "2026-03-09T10:00"),
    ]
    rules = {
        "did": "exists(order within 60 days)",
        "did not": "not exists(order within 60 days)",
        "counted": "count(order within 60 days) = 0",
        "last": "last(order.time) within 60 days",
        "not last": "not (last(order.time) within 60 days)",
        "lapsed": "exists(order) and not exists(order within 60 days)",
        "sequence": "sequence(order, visit within 2 days)",
    }
    found = {name: members(values) for name, values in answers(asked(rules, people, events), engine).items()}
    assert found["did"] == found["last"] == {"new"}
    assert found["did not"] == found["counted"] == found["not last"] == {"nothing", "old", "other"}
    assert found["lapsed"] == {"old"}
    assert found["sequence"] == set()


@pytest.mark.parametrize(
    ("rule", "truth"),
    [
        ("3 in (1, age)", None),
        ("3 not in (1, age)", None),
        ("3 in (3, age)", True),
        ("3 not in (3, age)", False),
        ("age = age", None),
        ("not (age = 1)", None),
        ("age = 1 and false", False),
        ("age = 1 or true", True),
        ("age = 1 and true", None),
        ("age = 1 or false", None),
        ("5 between 6 and age", False),
        ("5 between age and 4", False),
        ("5 between 4 and age", None),
        ("age is missing", True),
        ("not (age is known)", True),
        ("min(order.amount) = 0", None),
        ("sum(order.amount) = 0", True),
        ("count(order where amount > age_limit) = 0", None),
        ("share(order where amount > 1) = 0", None),
        ("case when age > 1 then true else true end", None),
        ("coalesce(age > 1, false)", False),
        ("least(age, 1) = 1", None),
        ("concat(name, 'x') = 'x'", None),
    ],
)
def test_F42_unknown_is_neither_yes_nor_no(rule, truth, engine):
    if "age_limit" in rule:
        rule = rule.replace("amount > age_limit", "category = 'x'")
        truth = True  # a row that cannot be told is left out and counted
        drawn = asked({"rule": rule}, {"a": {}}, [("a", "order", "2026-03-01T10:00")])
        assert list(run(drawn, engine).unknown.values()) == [1]
    else:
        drawn = asked({"rule": rule}, {"a": {}})
    assert answers(drawn, engine)["rule"] == {"a": truth}


def test_F42_a_sum_that_leaves_its_limits_is_missing_and_stops_nothing_else(engine):
    most = money("99999999999999.9999")
    rich: Happened = ("a", "order", "2026-03-01T10:00", {"amount": most})
    poor: Happened = ("b", "order", "2026-03-01T10:00", {"amount": money("5")})
    events = [rich, rich, poor]
    rules = {"total": "sum(order.amount)", "large": "sum(order.amount) > 1", "n": "count(order)", "none": "1 / (count(order) - 1)"}
    found = answers(asked(rules, {"a": {}, "b": {}}, events, as_of=NOON), engine)
    assert found["total"] == {"a": None, "b": money("5")}
    assert found["large"] == {"a": None, "b": True}
    assert found["n"] == {"a": 2, "b": 1}
    assert found["none"] == {"a": 1.0, "b": None}
