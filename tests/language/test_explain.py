"""Reasons, and what would change an answer: every change offered is applied to the data and must change it."""

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from coterie.core import windows
from coterie.language import tree
from coterie.language.change import NONE, Later, MoreEvents, OtherValue, in_words
from coterie.language.changes import changes
from coterie.language.evaluate import Coverage, Customer, Event, Missing, World, evaluate, in_order, truth
from coterie.language.explain import Reason, explain
from tests.language.shop import (
    KINDS,
    NOON,
    SCOPE,
    account,
    ago,
    customer,
    day,
    define,
    event,
    missing,
    money,
    order,
    read,
    world,
)

NAMES = {
    "revenue": "sum(order.amount)",
    "orders_90d": "count(order within 90 days)",
    "last_order": "last(order.time)",
    "vip": "revenue >= 500 and last_order within 60 days",
    "german_vip": "vip and country = 'DE'",
    "lifecycle": "case when count(order) = 0 then 'prospect' when orders_90d > 0 then 'active' else 'lapsed' end",
}
THERE = world(definitions=NAMES)
BUYER = customer(
    order(ago(days=40), amount=money("100"), category="shoes"),
    order(ago(days=10), amount=money("150"), category="hats"),
    age=20,
    country="DE",
    signup_date=day("2026-02-01"),
)


def suggested(text: str, one: Customer = BUYER, there: World = THERE) -> list[str]:
    return [change.words for change in changes(read(text, NAMES), one, there)]


def answer(expr: tree.Expr, one: Customer, there: World) -> object:
    found = evaluate(expr, one, there)
    return None if isinstance(found, Missing) else found


# --- reasons


def outline(reason: Reason) -> list[tuple[str, object]]:
    """Each part with its truth, or its value."""
    own = (reason.text, reason.truth if reason.condition else reason.value)
    return [own, *(pair for child in reason.children for pair in outline(child))]


def test_a_reason_follows_names_to_what_was_found():
    assert outline(explain(read("german_vip", NAMES), BUYER, THERE)) == [
        ("german_vip", False),
        ("vip and country = 'DE'", False),
        ("vip", False),
        ("revenue >= 500 and last_order within 60 days", False),
        ("revenue >= 500", False),
        ("revenue", money("250")),
        ("sum(order.amount)", money("250")),
        ("last_order within 60 days", True),
        ("last_order", ago(days=10)),
        ("last(order.time)", ago(days=10)),
        ("country = 'DE'", True),
        ("country", "DE"),
    ]


def test_a_reason_says_what_is_unknown_and_whose_fault_that_is():
    reason = explain(read("not (income > 100 or opted_in)"), customer(opted_in=False), THERE)
    assert (reason.truth, reason.names) == (None, frozenset({"income"}))
    assert outline(reason)[2:] == [
        ("income > 100", None),
        ("income", missing("not recorded", "income")),
        ("opted_in", False),
    ]


def test_a_reason_for_a_label_stops_at_the_branch_that_decided():
    assert outline(explain(read("lifecycle", NAMES), BUYER, THERE)) == [
        ("lifecycle", "active"),
        (
            "case when count(order) = 0 then 'prospect' when orders_90d > 0 then 'active' else 'lapsed' end",
            "active",
        ),
        ("count(order) = 0", False),
        ("count(order)", 2),
        ("orders_90d > 0", True),
        ("orders_90d", 2),
        ("count(order within 90 days)", 2),
    ]


def test_a_reason_names_the_members_who_answered():
    people = account([customer(id="a", age=40), customer(id="b", age=None)])
    reason = explain(read("any(members where age > 30)"), people[1], THERE)
    assert [(child.member, child.truth) for child in reason.children] == [("a", True), ("b", None)]


def test_the_reason_at_the_top_is_the_answer():
    for text in ("vip", "lifecycle", "revenue", "sequence(cart_added, order)", "exists(order) and income > 3"):
        expr = read(text, NAMES)
        assert explain(expr, BUYER, THERE).value == evaluate(expr, BUYER, THERE)
        assert explain(expr, BUYER, THERE).words


# --- what would change it, in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vip", ["orders worth 250.00 more"]),
        ("german_vip", ["orders worth 250.00 more"]),
        ("not vip", ["orders worth 250.00 more"]),
        ("count(order within 30 days) >= 3", ["2 more orders"]),
        ("count(order) > 11", ["10 more orders"]),
        ("count(order) = 9", ["7 more orders"]),
        ("exists(order within 30 days)", ["on 30 Mar 2026, when the 30 days run out"]),
        ("exists(order within 24 hours)", ["1 more order"]),
        (
            "exists(order where amount > 1000 and category = 'cars')",
            ["1 more order with amount 1,000.01 and category 'cars'"],
        ),
        ("sum(order.amount where category = 'cars') >= 20.50", ["orders worth 20.50 more with category 'cars'"]),
        ("sum(order.quantity) >= 5", ["orders with 5 more quantity"]),
        ("max(order.amount) >= 200", ["1 more order with amount 200.00"]),
        ("last(order.category) = 'shoes'", ["1 more order with category 'shoes'"]),
        ("distinct(order.category) >= 4", ["2 more orders, each with a new category"]),
        ("country in ('DE', 'FR')", ["country other than 'DE', 'FR'"]),
        ("country = 'FR'", ["country = 'FR'"]),
        ("age >= 21", ["age = 21"]),
        ("days_since(last_order) > 60", ["on 30 Apr 2026"]),
        ("weekday(as_of) = 3", ["on 11 Mar 2026"]),
        ("signup_date this quarter", ["on 1 Apr 2026, when the next quarter begins", "signup_date = '2025-12-31'"]),
        ("income >= 100", ["income recorded (100.00 for example)"]),
        ("lifecycle = 'lapsed'", ["on 29 May 2026, when the 90 days run out"]),
        ("lifecycle", ["on 29 May 2026, when the 90 days run out, then 'lapsed'"]),
        ("sequence(order, refund within 11 days)", ["1 more refund"]),
        ("country = 'DE' and country = 'FR'", []),
        ("true", []),
    ],
)
def test_changes_in_words(text, words):
    assert suggested(text) == words


def test_where_no_single_change_does_it_says_so():
    assert in_words(changes(read("country = 'DE' and country = 'FR'"), BUYER, THERE)) == NONE
    both = changes(read("signup_date this quarter"), BUYER, THERE)
    assert in_words(both) == "on 1 Apr 2026, when the next quarter begins; or signup_date = '2025-12-31'"


def test_an_account_can_change_too():
    (member,) = account([customer()], employees=5)
    assert suggested("account.employees >= 10", member) == ["account.employees = 10"]


def test_what_the_account_answers_changes_with_its_member():
    people = account([customer(id="a"), customer(order(ago(days=2)), id="b")])
    expr = read("count(members where exists(order)) >= 2")
    (more,) = changes(expr, people[0], THERE)
    assert more.words == "1 more order"
    changed, there = more.apply(people[0], THERE)
    assert evaluate(expr, changed, there) is True
    assert evaluate(expr, changed.members[1], there) is True


# --- dates, exactly


@pytest.mark.parametrize(
    ("text", "zone", "first"),
    [
        ("exists(order within 3 days)", "Europe/London", "2026-03-31T23:00"),  # midnight of 1 April, summer time
        ("exists(order within 24 hours)", "Europe/London", "2026-03-30T10:00"),
        ("exists(order within 1 month)", "Europe/London", "2026-04-28T23:00"),
        ("exists(order from 3 to 1 days ago)", "Europe/London", "2026-03-29T23:00"),
        ("exists(order this month)", "Europe/London", "2026-03-31T23:00"),
        ("exists(order last week)", "Europe/London", "2026-03-29T23:00"),
        ("sequence(cart_added, not order within 2 days)", "Europe/London", "2026-03-31T08:00"),
        ("hours_between(last(order.time), as_of) >= 30", "Europe/London", "2026-03-30T16:00"),
        ("count(order) >= 2", "Europe/London", "2026-05-05T10:00"),  # the order of May is not yet seen
        ("signup_date within next 7 days", "Europe/London", "2026-04-08T23:00"),
        ("age(birth_date) >= 18", "Europe/London", "2026-04-19T23:00"),
        ("anniversary(birth_date) within next 7 days", "Europe/London", "2026-04-12T23:00"),
    ],
)
def test_the_first_instant_at_which_time_alone_changes_it(text, zone, first):
    one = replace(
        customer(signup_date=day("2026-04-16"), birth_date=day("2008-04-20")),
        events=(
            order("2026-03-29T10:00"),
            event("cart_added", "2026-03-29T08:00"),
            order("2026-05-05T10:00"),
        ),
    )
    if "sequence" in text:
        one = replace(one, events=(order("2026-03-29T07:00"), event("cart_added", "2026-03-29T08:00")))
    there = world(datetime(2026, 3, 29, 12), zone)
    (later,) = (c for c in changes(read(text), one, there) if isinstance(c, Later))
    assert later.at == datetime.fromisoformat(first)


# --- 300 random questions


def atoms(r: random.Random) -> str:
    n, amount = r.choice([1, 2, 3, 7, 30, 90]), r.choice([10, 99.5, 250, 1000])
    window = r.choice(
        [
            "",
            f" within {n} days",
            f" within {n} hours",
            " this month",
            " last month",
            f" from {2 * n} to {n} days ago",
            f" within {n} months",
        ]
    )
    where = r.choice(["", "", " where category = 'shoes'", " where amount > 50", " where gift", " where quantity between 2 and 4"])
    op = r.choice([">=", ">", "<", "<=", "=", "!="])
    pick = r.choice(["DE", "FR", "IT"])
    return r.choice(
        [
            f"count(order{where}{window}) {op} {r.randint(0, 5)}",
            f"exists(order{where}{window})",
            f"sum(order.amount{where}{window}) {op} {amount}",
            f"avg(order.amount{where}{window}) {op} {amount}",
            f"max(order.amount{window}) {op} {amount}",
            f"min(order.quantity{where}) {op} {n}",
            f"distinct(order.category{window}) {op} {r.randint(0, 3)}",
            f"most_common(order.category{window}) = 'shoes'",
            f"last(order.category{window}) {r.choice(['=', '!='])} 'hats'",
            f"share(order where gift{window}) {op} 0.5",
            f"last_order{window or ' within 30 days'}",
            f"days_since(last_order) {op} {n}",
            f"signup_date{window if 'hours' not in window and window else ' within 30 days'}",
            f"country {r.choice(['=', '!='])} '{pick}'",
            f"country in ('{pick}', 'US')",
            f"age {op} {r.choice([18, 30, 65])}",
            f"income between 100 and {r.choice([200, 3000])}",
            "birth_date is known",
            "opted_in",
            f"age(birth_date) {op} 18",
            f"revenue {op} {amount}",
            "vip",
            "lifecycle = 'active'",
            f"sequence(cart_added, order within {n} days)",
            f"sequence(cart_added, not order within {n} hours){window}",
            "sequence(page_view, cart_added within 1 day, order within 1 day same cart_id)",
            f"revenue / orders_90d {op} {amount}",
            f"count(page_view{window}) {op} {r.randint(0, 4)}",
            f"exists(order within {n} days after signup_date)",
            "tags has any ('a', 'b')",
        ]
    )


def rule(r: random.Random, depth: int) -> str:
    if depth == 0 or r.random() < 0.3:
        return atoms(r)
    shape = r.choice(["and", "or", "not", "case"])
    if shape == "not":
        return f"not ({rule(r, depth - 1)})"
    if shape == "case":
        return f"case when {rule(r, depth - 1)} then {atoms(r)} else opted_in end"
    return f"({rule(r, depth - 1)}) {shape} ({rule(r, depth - 1)})"


def someone(r: random.Random) -> Customer:
    def perhaps(value):
        return None if r.random() < 0.2 else value

    events = []
    for i in range(r.choice([0, 1, 3, 6])):
        kind = r.choice(["order", "order", "cart_added", "page_view", "refund"])
        hours = r.choice([r.randint(-100, 200), r.randint(0, 3000)])
        values = {
            "amount": perhaps(Decimal(r.choice([5, 60, 99, 250, 400]))),
            "quantity": perhaps(r.randint(1, 5)),
            "category": perhaps(r.choice(["shoes", "hats"])),
            "gift": perhaps(r.random() < 0.5),
            "cart_id": perhaps(r.choice("xy")),
        }
        events.append(Event(kind, NOON - timedelta(hours=hours), f"e{i}", values))
    columns = {
        "country": perhaps(r.choice(["DE", "FR"])),
        "age": perhaps(r.randint(10, 70)),
        "income": perhaps(Decimal(r.choice([50, 150, 5000]))),
        "opted_in": perhaps(r.random() < 0.5),
        "birth_date": perhaps(day("2008-04-20")),
        "signup_date": perhaps(NOON.date() - timedelta(days=r.randint(-20, 60))),
        "tags": perhaps(r.choice([(), ("a",), ("c",)])),
    }
    return Customer("c1", columns, in_order(events, World(NOON, kinds=KINDS)))


COVERED = {"page_view": Coverage(complete_from=day("2026-02-20"))}
ZONES = ["UTC", "Europe/London", "Africa/Cairo", "America/Santiago"]


@pytest.mark.parametrize("part", range(6))
def test_every_change_offered_changes_the_answer(part):
    r = random.Random(f"changes {part}")
    met: Counter[str] = Counter()
    for _ in range(50):
        text = rule(r, r.choice([0, 1, 2]))
        expr, one = read(text, NAMES), someone(r)
        there = replace(THERE, zone=r.choice(ZONES), coverage=COVERED)
        before = answer(expr, one, there)
        met[f"answer {before}"] += 1
        offered = changes(expr, one, there)
        met["none"] += not offered
        for change in offered:
            after = answer(expr, *change.apply(one, there))
            met[type(change).__name__] += 1
            assert after is not None, (text, change.words)
            assert after != before, (text, change.words)
            match change:
                case Later(at=at):
                    just_before = replace(there, as_of=at - windows.MICROSECOND)
                    assert answer(expr, one, just_before) in (before, None), (text, change.words)
                    assert at > there.as_of
                case MoreEvents(events=events):
                    assert all(e.time == there.as_of for e in events)
                    fewer = MoreEvents(events[:-1], "").apply(one, there)
                    if len(events) > 1:
                        assert answer(expr, *fewer) in (before, None), (text, change.words)
                case OtherValue(column=column):
                    assert column in SCOPE.columns
    assert {"answer True", "answer False", "answer None", "Later", "MoreEvents", "OtherValue"} <= set(met)
    assert met["none"] < 25, met


def test_what_flips_back_is_told_too():
    """Taking a change and asking again never leads nowhere for a rule that more events and time can both move."""
    expr = read("exists(order within 30 days)")
    one, there = customer(), world()
    (more,) = changes(expr, one, there)
    one, there = more.apply(one, there)
    assert truth(evaluate(expr, one, there)) is True
    (later,) = changes(expr, one, there)
    assert isinstance(later, Later)
    assert later.at == windows.first_instant(NOON.date() + timedelta(days=30), "UTC")


def test_definitions_of_the_test_are_checked_in_order():
    assert list(define(NAMES)[1]) == list(NAMES)


def test_a_reason_speaks_english():
    reason = explain(read("vip", NAMES), BUYER, THERE)
    assert reason.children[0].words == "revenue is at least 500 and the last order is within the last 60 days"
