"""What random programs have found, each made small: it stays found."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from coterie.core.errors import DefinitionErrors
from coterie.testing.asking import Covered, Defined, Program
from coterie.testing.oracle import run
from coterie.testing.sorted_rows import SortedEvents
from tests.agreement.asking import Happened, answers, asked, members, money, unknown


@pytest.fixture(scope="module")
def engine():
    with SortedEvents() as made:
        yield made


def with_account(program: Program) -> Program:
    """Everybody belongs to one account of 7 employees."""
    from coterie.language.types import INTEGER

    people = tuple(replace(p, account="acme") for p in program.population.people)
    population = replace(program.population, people=people, accounts={"acme": {"employees": 7}})
    return replace(program, population=population, schema=replace(program.schema, account={"employees": INTEGER}))


def covered(program: Program, **sources: Covered) -> Program:
    return replace(program, coverage=sources)


def test_a_standing_by_a_column_of_the_account(engine):
    found = answers(with_account(asked({"r": "rank(account.employees)"}, {"a": {}, "b": {}})), engine)
    assert found["r"] == {"a": 1, "b": 1}


def test_a_standing_over_a_window_around_a_trait(engine):
    rules = {"start": "date('2026-03-01')", "r": "rank(count(order within 2 days after start))", "top": "r = 1"}
    events: list[Happened] = [("a", "order", "2026-03-02T10:00"), ("b", "order", "2026-03-03T10:00")]
    found = answers(asked(rules, {"a": {}, "b": {}}, events), engine)
    assert members(found["top"]) == {"a"}


def test_a_score_of_a_sum_that_is_too_large(engine):
    most = money("99999999999999.9999")
    events: list[Happened] = [("a", "order", "2026-03-01T10:00", {"amount": most})] * 2
    events.append(("b", "order", "2026-03-02T10:00", {"amount": money("5")}))
    found = answers(asked({"value": "rfm(order.time, order.amount)"}, {"a": {}, "b": {}, "c": {}}, events), engine)
    assert found["value.m"] == {"a": None, "b": 1, "c": None}
    assert found["value.score"]["a"] is None
    assert found["value"]["a"] is None


def test_what_is_not_covered_may_have_happened(engine):
    rules = {"late": "max(order.time) within 5 days", "same": "again within 5 days", "again": "max(order.time)"}
    drawn = covered(asked(rules, {"a": {}, "b": {"country": "DE"}}), order=Covered("country is known"))
    found = answers(drawn, engine)
    for name in ("late", "same"):
        assert found[name] == {"a": None, "b": False}


def test_a_missing_anchor_is_not_nothing_happened(engine):
    rules = {
        "value": "last(order.time within 5 days after signup) within 5 days",
        "test": "first(order.time) within 9 days after signup",
    }
    people = {"no date": {}, "no order": {"signup": date(2026, 3, 9)}}
    events: list[Happened] = [("no date", "order", "2026-03-09T10:00")]
    found = answers(asked(rules, people, events), engine)
    for name in rules:
        assert unknown(found[name]) == {"no date"}
        assert found[name]["no order"] is False


@pytest.mark.parametrize("edge", [date.min, date.max])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_window_around_the_ends_of_the_calendar(edge, side, engine):
    found = answers(asked({"rule": f"signup within 1 day {side} signup"}, {"a": {"signup": edge}}), engine)
    assert found["rule"] == {"a": True}


@pytest.mark.parametrize("value", ["case when age > 0 then age else 0.5 end", "greatest(age, 0.5)", "coalesce(age, 0.5)"])
def test_an_integer_that_is_too_large_for_money(value, engine):
    found = answers(asked({"value": value, "rule": f"{value} > 1"}, {"a": {"age": 2**62}, "b": {"age": 7}}), engine)
    assert found["value"] == {"a": None, "b": Decimal("7.0000")}
    assert found["rule"] == {"a": None, "b": True}


def test_a_literal_with_many_places_is_the_nearest_double(engine):
    rules = {"rule": "number(name) = 0.10010000000000001", "third": "1 / 3 = 0.3333333333333333"}
    found = answers(asked(rules, {"a": {"name": "0.10010000000000001"}}), engine)
    assert found == {"rule": {"a": True}, "third": {"a": True}}


@pytest.mark.parametrize(
    ("rule", "blamed"),
    [
        ("1 / (age - age) > 0", {"1 / (age - age)": 1, "age": 1}),
        ("sqrt(age - 5) > 0", {"sqrt(age - 5)": 1, "age": 1}),
        ("count(order within 2 days after signup) > 0", {"signup": 2}),
        ("signup within 3 days before signup", {"signup": 2}),
        ("case when age > 1 then country = 'DE' end", {"country": 1, "age": 1}),
        ("country = 'DE' and age > 0", {"country": 1, "age and country": 1}),
        ("coalesce(name, country) = 'x'", {"country and name": 2}),
        ("name = country or not (age > 1)", {"age and country and name": 1, "country and name": 1}),
    ],
)
def test_who_cannot_be_told_is_counted_by_what_is_to_blame(rule, blamed, engine):
    drawn = asked({"rule": rule}, {"a": {"age": 3}, "b": {}})
    answers(drawn, engine)
    assert dict(run(drawn, engine).sizes["rule"].missing) == blamed


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("any(members where count(members) > 1)", "a question to the members inside another"),
        ("exists(order where in_list('press'))", "in_list chooses customers, not rows"),
        ("exists(order where sample(10%, 'a'))", "sample chooses customers, not rows"),
    ],
)
def test_what_has_no_meaning_is_refused_before_an_engine_sees_it(rule, said):
    drawn = asked({}, {"a": {}})
    drawn = replace(drawn, schema=replace(drawn.schema, lists=("press",)), definitions={"rule": Defined("trait", rule)})
    with pytest.raises(DefinitionErrors, match=said):
        drawn.catalog  # noqa: B018
