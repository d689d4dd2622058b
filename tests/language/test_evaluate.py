"""The reference meaning: truth tables, hand-made vectors, plain formulas over lists, a second way to say sequences."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core import windows
from coterie.language import tree
from coterie.language.evaluate import Coverage, Customer, Event, Missing, World, evaluate, in_order, truth
from coterie.language.types import Value
from tests.language.shop import (
    KINDS,
    NOON,
    TODAY,
    account,
    ago,
    ask,
    customer,
    day,
    event,
    missing,
    money,
    order,
    read,
    world,
)

# --- three-valued logic

OLD = {True: 40, False: 20, None: None}
RICH = {True: money("500"), False: money("50"), None: None}
AND = {
    (True, True): True,
    (True, False): False,
    (True, None): None,
    (False, True): False,
    (False, False): False,
    (False, None): False,
    (None, True): None,
    (None, False): False,
    (None, None): None,
}
OR = {
    (True, True): True,
    (True, False): True,
    (True, None): True,
    (False, True): True,
    (False, False): False,
    (False, None): None,
    (None, True): True,
    (None, False): None,
    (None, None): None,
}


@pytest.mark.parametrize(("a", "b"), list(AND))
def test_and_or_not_are_kleenes(a, b):
    one = customer(age=OLD[a], income=RICH[b])
    assert truth(ask("age > 30 and income > 100", one)) is AND[a, b]
    assert truth(ask("age > 30 or income > 100", one)) is OR[a, b]
    assert truth(ask("not (age > 30)", one)) is {True: False, False: True, None: None}[a]


@pytest.mark.parametrize(("a", "b"), list(AND))
def test_the_blame_is_the_names_of_the_unknown_sides(a, b):
    unknown = {name for name, side in (("age", a), ("income", b)) if side is None}
    for text in ("age > 30 and income > 100", "age > 30 or income > 100", "not (age > 30 and income > 100)"):
        answer = ask(text, customer(age=OLD[a], income=RICH[b]))
        assert not isinstance(answer, Missing) or answer == missing("not recorded", *unknown)


def test_a_comparison_blames_every_missing_side():
    assert ask("age > length(country)") == missing("not recorded", "age", "country")
    assert ask("age > length(country)", customer(age=3)) == missing("not recorded", "country")


def test_a_name_is_blamed_by_itself_not_by_what_it_is_made_of():
    answer = ask("adult and country = 'DE'", customer(country="DE"), adult="age >= 18")
    assert answer == missing("not recorded", "adult")


def test_a_measure_written_in_place_is_blamed_by_its_text():
    answer = ask("avg(order.amount within 90 days) > 5")
    assert answer == missing("not recorded", "avg(order.amount within 90 days)")


def test_an_operation_without_a_result_blames_itself():
    assert ask("age / length(country) > 2", customer(age=3, country="")) == missing("not recorded", "age / length(country)")


def test_account_columns():
    alone = customer()
    assert ask("account.employees > 10", alone) == missing("not recorded", "account.employees")
    (member,) = account([alone], employees=12)
    assert ask("account.employees > 10", member) is True
    assert ask("account.industry = 'media'", member) == missing("not recorded", "account.industry")


def test_a_condition_is_nothing_but_true_false_or_unknown():
    with pytest.raises(ValueError, match="true, false or unknown"):
        truth(3)


# --- the laws, for random rules

ATOMS = ["age > 30", "income > 100", "opted_in", "exists(order)", "last(order.time) within 30 days", "country = 'DE'"]
RULES = st.recursive(
    st.sampled_from(ATOMS).map(read),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda a: tree.And(tuple(a))),
        st.lists(inner, min_size=2, max_size=3).map(lambda a: tree.Or(tuple(a))),
        inner.map(tree.Not),
    ),
    max_leaves=8,
)
ORDERS = st.lists(
    st.builds(
        lambda days, amount: order(NOON - timedelta(days=days, minutes=1), amount=amount, id=f"{days}:{amount}"),
        st.integers(0, 90),
        st.one_of(st.none(), st.integers(-50, 500).map(Decimal)),
    ),
    max_size=4,
)
PEOPLE = st.builds(
    lambda events, age, income, opted_in, country: customer(*events, age=age, income=income, opted_in=opted_in, country=country),
    ORDERS,
    st.sampled_from([None, 20, 40]),
    st.sampled_from([None, money("50"), money("500")]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "DE", "FR"]),
)


@given(RULES, RULES, PEOPLE)
def test_de_morgan(a, b, one):
    def holds(rule):
        return truth(evaluate(rule, one, world()))

    assert holds(tree.Not(tree.And((a, b)))) is holds(tree.Or((tree.Not(a), tree.Not(b))))
    assert holds(tree.Not(tree.Or((a, b)))) is holds(tree.And((tree.Not(a), tree.Not(b))))
    assert holds(tree.Not(tree.Not(a))) is holds(a)


@given(RULES, st.lists(PEOPLE, max_size=8))
def test_a_rule_and_its_negation_hold_everybody_but_the_unknown(rule, people):
    answers = [truth(evaluate(rule, one, world())) for one in people]
    opposite = [truth(evaluate(tree.Not(rule), one, world())) for one in people]
    members = {i for i, a in enumerate(answers) if a}
    others = {i for i, a in enumerate(opposite) if a}
    unknown = {i for i, a in enumerate(answers) if a is None}
    assert unknown == {i for i, a in enumerate(opposite) if a is None}
    assert members | others == set(range(len(people))) - unknown
    assert not members & others


@given(RULES, PEOPLE)
def test_an_unknown_rule_always_says_whose_fault_that_is(rule, one):
    answer = evaluate(rule, one, world())
    assert not isinstance(answer, Missing) or answer.names <= {"age", "income", "opted_in", "country"}
    assert not isinstance(answer, Missing) or answer.names


# --- missing: not recorded, nothing happened


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("last(order.time) within 60 days", False),
        ("not (last(order.time) within 60 days)", True),
        ("first(order.time) since '2026-01-01'", False),
        ("min(order.shipped_on) before '2026-01-01'", False),
        ("max(order.shipped_at) within 24 hours", False),
        ("most_common(order.shipped_on) this month", False),
        ("signup_date within 60 days", None),
        ("not (signup_date within 60 days)", None),
        ("coalesce(last(order.time), seen_at) within 60 days", None),
        ("case when true then last(order.time) end within 60 days", None),
        ("date(last(order.time)) within 60 days", None),
        ("last(order.time) is missing", True),
        ("last(order.time) is known", False),
        ("signup_date is missing", True),
    ],
)
def test_windows_on_what_is_missing(text, answer):
    assert truth(ask(text)) is answer


def test_nothing_happened_is_known_through_names_but_not_through_operations():
    names = {"last_order": "last(order.time)", "latest": "last_order", "shown": "coalesce(last_order, seen_at)"}
    there = world(definitions=names)

    def answer(text: str) -> Value | Missing:
        return evaluate(read(text, names), customer(), there)

    assert answer("latest within 60 days") is False
    assert answer("latest") == missing("nothing happened", "latest")
    assert answer("shown within 60 days") == missing("not recorded", "shown")


@given(ORDERS, st.integers(1, 60))
def test_a_window_on_the_last_time_is_the_window_on_the_events(orders, n):
    one = customer(*orders)
    for negated in ("", "not "):
        by_time = ask(f"{negated}(last(order.time) within {n} days)", one)
        assert by_time is ask(f"{negated}exists(order within {n} days)", one)


def test_what_measures_say_over_no_rows():
    for text, value in {
        "count(order)": 0,
        "count(order.amount)": 0,
        "exists(order)": False,
        "distinct(order.category)": 0,
        "sum(order.amount)": 0,
        "sum(order.quantity)": 0,
        "sum(order.score)": 0.0,
    }.items():
        assert ask(text) == value
    for text in (
        "avg(order.amount)",
        "min(order.amount)",
        "max(order.amount)",
        "first(order.amount)",
        "last(order.category)",
        "most_common(order.category)",
        "share(order where gift)",
    ):
        assert ask(text) == missing("nothing happened", text)


# --- case


@pytest.mark.parametrize(
    ("age", "income", "label"),
    [
        (40, None, "old"),
        (20, money("500"), "rich"),
        (20, money("5"), "other"),
        (None, money("500"), None),
        (20, None, None),
    ],
)
def test_case_takes_the_first_true_branch_and_stops_at_the_unknown(age, income, label):
    answer = ask("case when age > 30 then 'old' when income > 100 then 'rich' else 'other' end", customer(age=age, income=income))
    if label is None:
        assert answer == missing("not recorded", "age" if age is None else "income")
    else:
        assert answer == label


def test_case_without_else_and_with_missing_results():
    text = "case when age > 30 then country end"
    assert ask(text, customer(age=20)) == missing("not recorded", text)
    assert ask(text, customer(age=40)) == missing("not recorded", "country")
    assert ask(text, customer(age=40, country="DE")) == "DE"


def test_case_gives_one_kind_of_number():
    answer = ask("case when age > 30 then 1 else height end", customer(age=40))
    assert (answer, type(answer)) == (1.0, float)


# --- what measures measure

SOME = [
    order(ago(days=40), "a", amount=money("10.50"), quantity=1, category="shoes", gift=False, score=Decimal("0.1")),
    order(ago(days=30), "b", amount=None, quantity=2, category="hats", gift=None, score=Decimal("0.2")),
    order(ago(days=20), "c", amount=money("-4.25"), quantity=2, category=None, gift=True, score=Decimal("0.3")),
    order(ago(days=10), "d", amount=money("30"), quantity=5, category="shoes", gift=True, score=None),
    order(ago(days=-1), "e", amount=money("9999"), quantity=9, category="cars", gift=True, score=Decimal(1)),
    event("refund", ago(days=5), "r", amount=money("7")),
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count(order)", 4),
        ("count(order.amount)", 3),
        ("count(order where category = 'shoes')", 2),
        ("count(order.amount where quantity >= 2)", 2),
        ("exists(order where quantity > 5)", False),
        ("exists(order where quantity > 4)", True),
        ("sum(order.amount)", money("36.25")),
        ("sum(order.amount where amount > 0)", money("40.50")),
        ("sum(order.score)", 0.6),
        ("avg(order.quantity)", 2.5),
        ("avg(order.amount)", 36.25 / 3),
        ("min(order.amount)", money("-4.25")),
        ("max(order.amount)", money("30")),
        ("min(order.category)", "hats"),
        ("distinct(order.category)", 2),
        ("distinct(order.quantity)", 3),
        ("first(order.amount)", money("10.50")),
        ("first(order.amount where quantity = 2)", money("-4.25")),
        ("last(order.category)", "shoes"),
        ("last(order.id)", "d"),
        ("last(order.time)", ago(days=10)),
        ("last(order.score)", 0.3),
        ("most_common(order.category)", "shoes"),
        ("most_common(order.quantity)", 2),
        ("most_common(order.amount)", money("-4.25")),  # all once: the smallest
        ("share(order where gift)", 2 / 3),  # the row that does not say is in neither part
        ("share(order where category = 'shoes')", 2 / 3),
        ("count(order within 20 days)", 1),
        ("count(order within 21 days)", 2),
        ("count(order from 40 to 20 days ago)", 2),
        ("sum(order.amount where (time within 25 days) within 35 days)", money("25.75")),
        ("count(refund)", 1),
        (
            "max(refund.amount within 5 days)",
            Missing("nothing happened", frozenset({"max(refund.amount within 5 days)"})),
        ),
    ],
)
def test_measures_of_some_orders(text, value):
    answer = ask(text, customer(*SOME))
    assert answer == value
    assert type(answer) is type(value)


def test_events_after_as_of_are_not_yet_seen():
    assert ask("count(order)", customer(*SOME), world(NOON + timedelta(days=1))) == 5
    assert ask("count(order)", customer(*SOME), world(NOON + timedelta(days=1, microseconds=-1))) == 4


def test_what_happens_at_as_of_is_seen():
    one = customer(order(NOON, amount=money("1")), order(NOON + timedelta(microseconds=1), amount=money("2")))
    assert ask("sum(order.amount)", one) == money("1")


def test_rows_whose_condition_is_unknown_are_left_out_and_counted():
    counts: dict[str, int] = {}
    there = world(unknown_rows=counts)
    text = "count(order where category = 'shoes')"
    assert ask(f"{text} >= 1 or {text} >= 2", customer(*SOME), there) is True
    assert counts == {text: 1}
    assert ask(text, customer(*SOME, id="c2"), there) == 2
    assert counts == {text: 2}
    assert ask("share(order where gift within 25 days)", customer(*SOME), there) == 1.0
    assert counts == {text: 2}


def test_ties_in_time_go_by_kind_and_id():
    tied = [order(ago(days=1), id, amount=money(amount)) for id, amount in (("b", "2"), ("a", "1"), ("c", "3"))]
    for arrival in (tied, tied[::-1]):
        assert ask("first(order.amount)", customer(*arrival)) == 1
        assert ask("last(order.amount)", customer(*arrival)) == 3


def test_of_one_instant_the_kind_comes_before_the_id():
    tied = [event("cart_added", ago(days=1), "b"), order(ago(days=1), "a")]
    assert ask("sequence(cart_added, order)", customer(*tied)) is True
    assert ask("sequence(order, cart_added)", customer(*tied)) is False


EVENT_VALUES = st.fixed_dictionaries(
    {
        "amount": st.one_of(st.none(), st.integers(-10_000, 10_000).map(lambda n: Decimal(n) / 4)),
        "quantity": st.one_of(st.none(), st.integers(-3, 3)),
        "category": st.one_of(st.none(), st.sampled_from("abc")),
        "gift": st.one_of(st.none(), st.booleans()),
        "score": st.one_of(st.none(), st.integers(-100, 100).map(lambda n: Decimal(n) / 10)),
    }
)
HISTORIES = st.lists(st.tuples(st.sampled_from(["order", "refund"]), st.integers(-50, 2000), EVENT_VALUES), max_size=12).map(
    lambda rows: [Event(kind, NOON - timedelta(hours=hours), f"{i:02}", values) for i, (kind, hours, values) in enumerate(rows)]
)


@given(HISTORIES, st.sampled_from([None, 7, 30]))
def test_measures_against_plain_formulas(events, n):
    window = "" if n is None else f" within {n} days"
    one, there = customer(*events), world()
    start = None if n is None else TODAY - timedelta(days=n)
    rows = [
        e
        for e in sorted(events, key=lambda e: (e.time, KINDS.index(e.kind), e.id))
        if e.kind == "order" and e.time <= NOON and (start is None or e.time.date() > start)
    ]

    def column(name: str, keep: list[Event] | None = None) -> list:
        return [e.values[name] for e in (rows if keep is None else keep) if e.values[name] is not None]

    def measured(text: str) -> Value | None:
        answer = ask(text, one, there)
        return None if isinstance(answer, Missing) else answer

    amounts, quantities, categories = column("amount"), column("quantity"), column("category")
    gifts = [e for e in rows if e.values["gift"] is True]
    decided = [e for e in rows if e.values["gift"] is not None]
    common = Counter(categories)
    top = max(common.values(), default=0)
    assert measured(f"count(order{window})") == len(rows)
    assert measured(f"count(order.amount{window})") == len(amounts)
    assert measured(f"exists(order{window})") == bool(rows)
    assert measured(f"count(order where gift{window})") == len(gifts)
    assert measured(f"sum(order.amount{window})") == sum(amounts)
    assert measured(f"sum(order.quantity where gift{window})") == sum(column("quantity", gifts))
    assert measured(f"sum(order.score{window})") == float(sum(column("score")))
    assert measured(f"avg(order.amount{window})") == (float(sum(amounts)) / len(amounts) if amounts else None)
    assert measured(f"min(order.quantity{window})") == min(quantities, default=None)
    assert measured(f"max(order.amount{window})") == max(amounts, default=None)
    assert measured(f"distinct(order.category{window})") == len(set(categories))
    assert measured(f"first(order.amount{window})") == (amounts[0] if amounts else None)
    assert measured(f"last(order.category{window})") == (categories[-1] if categories else None)
    assert measured(f"last(order.time{window})") == (rows[-1].time if rows else None)
    assert measured(f"most_common(order.category{window})") == min((c for c in common if common[c] == top), default=None)
    assert measured(f"share(order where gift{window})") == (len(gifts) / len(decided) if decided else None)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(events, random):
    shuffled = random.sample(events, len(events))
    for text in (
        "last(order.amount)",
        "first(order.category)",
        "sequence(order, refund within 7 days)",
        "sum(order.score)",
    ):
        assert ask(text, customer(*shuffled)) == ask(text, customer(*events))


# --- windows

LONDON = world(datetime(2026, 3, 31, 10), "Europe/London")
"""A Tuesday, two days after the clocks went forward; 11:00 in London."""


@pytest.mark.parametrize(
    ("window", "first", "last"),
    [
        # The first and the last admitted instant, in UTC; a microsecond outside, it is not.
        ("within 1 day", "2026-03-30T23:00", None),
        ("within 3 days", "2026-03-29T00:00", None),
        ("within 1 month", "2026-03-01T00:00", None),
        ("within 24 hours", "2026-03-30T10:00:00.000001", None),
        ("within 90 minutes", "2026-03-31T08:30:00.000001", None),
        ("from 48 to 24 hours ago", "2026-03-29T10:00:00.000001", "2026-03-30T10:00"),
        ("from 3 to 1 days ago", "2026-03-29T00:00", "2026-03-30T22:59:59.999999"),
        ("this week", "2026-03-29T23:00", None),
        ("last week", "2026-03-23T00:00", "2026-03-29T22:59:59.999999"),
        ("this month", "2026-03-01T00:00", None),
        ("last month", "2026-02-01T00:00", "2026-02-28T23:59:59.999999"),
        ("this quarter", "2026-01-01T00:00", None),
        ("last quarter", "2025-09-30T23:00", "2025-12-31T23:59:59.999999"),
        ("last year", "2025-01-01T00:00", "2025-12-31T23:59:59.999999"),
        ("since '2026-03-29'", "2026-03-29T00:00", None),
        ("since '2026-03-30'", "2026-03-29T23:00", None),
        ("from '2026-03-01' to '2026-03-29'", "2026-03-01T00:00", "2026-03-28T23:59:59.999999"),
        ("within 2 days after signup_date", "2026-03-28T00:00", "2026-03-29T22:59:59.999999"),
        ("within 2 days before signup_date", "2026-03-27T00:00", "2026-03-28T23:59:59.999999"),
    ],
)
def test_the_edges_of_windows_over_a_change_of_clocks(window, first, last):
    start = datetime.fromisoformat(first)
    end = LONDON.as_of if last is None else datetime.fromisoformat(last)
    outside = start - windows.MICROSECOND, end + windows.MICROSECOND
    for time, inside in ((start, True), (end, True), (outside[0], False), (outside[1], False)):
        one = replace(customer(order(time), signup_date=day("2026-03-28")), events=(order(time),))
        assert ask(f"exists(order {window})", one, LONDON) is inside, time
        if not (last is None and time == outside[1]):
            assert ask(f"seen_at {window}", customer(seen_at=time, signup_date=day("2026-03-28")), LONDON) is inside


@pytest.mark.parametrize(
    ("window", "days"),
    [
        ("within next 2 days", ["2026-03-11", "2026-03-12"]),
        ("within 2 days", ["2026-03-09", "2026-03-10"]),
        ("this week", ["2026-03-09", "2026-03-10"]),
        ("from 3 to 1 days ago", ["2026-03-08", "2026-03-09"]),
        ("since '2026-03-12'", ["2026-03-12", "2026-03-13"]),
        ("before '2026-03-08'", ["2026-03-07"]),
        ("within 2 days after birth_date", ["2026-03-09", "2026-03-10"]),
        ("within 2 days before birth_date", ["2026-03-08", "2026-03-09"]),
    ],
)
def test_windows_as_tests_of_a_customers_date(window, days):
    week = [day("2026-03-07") + timedelta(days=k) for k in range(7)]
    held = [d for d in week if ask(f"signup_date {window}", customer(signup_date=d, birth_date=day("2026-03-09"))) is True]
    assert held == [day(d) for d in days]


def test_a_window_around_a_date_that_is_not_recorded():
    text = "count(order within 30 days after signup_date)"
    assert ask(text, customer(*SOME)) == missing("not recorded", "signup_date")
    assert ask(f"{text} = 0", customer(*SOME)) == missing("not recorded", "signup_date")
    assert ask("seen_at within 3 days after signup_date", customer(seen_at=NOON)) == missing("not recorded", "signup_date")
    assert ask("seen_at within 3 days after signup_date") == missing("not recorded", "signup_date", "seen_at")
    assert ask("last(order.time) within 3 days after signup_date") is False
    assert ask("sequence(order, refund) within 3 days after signup_date", customer(*SOME)) is False


def test_a_window_around_a_moment_counts_from_its_local_day():
    there = world(NOON, "Pacific/Kiritimati")  # 14 hours ahead: 11:00 on the 9th is the 10th there
    one = customer(order("2026-03-10T09:59"), seen_at=datetime(2026, 3, 9, 11))
    assert ask("exists(order within 1 day after seen_at)", one, there) is True
    later = customer(order("2026-03-10T10:00"), seen_at=datetime(2026, 3, 9, 11))
    assert ask("exists(order within 1 day after seen_at)", later, there) is False


def test_a_window_around_a_trait():
    one = customer(order(ago(days=10)), event("refund", ago(days=5)))
    assert ask("exists(refund within 6 days after last_order)", one, last_order="last(order.time)") is True
    assert ask("exists(refund within 5 days after last_order)", one, last_order="last(order.time)") is False
    never = ask("exists(refund within 6 days after last_order)", last_order="last(order.time)")
    assert never == missing("not recorded", "last_order")


def test_a_look_ahead_sees_what_is_to_come():
    # Only `predict` may look ahead at events; the checker refuses it elsewhere.
    ahead = tree.Measure("count", "order", window=windows.Next(windows.Duration(2, "day")))
    one = replace(customer(), events=tuple(order(NOON + timedelta(days=k)) for k in range(5)))
    assert evaluate(ahead, one, world()) == 2


# --- coverage

SINCE = {"page_view": Coverage(complete_from=day("2026-01-01"))}
EARLY, LATE = datetime(2025, 12, 30, 10), datetime(2026, 2, 1, 10)
VIEWS = [event("page_view", EARLY, page="a"), event("page_view", LATE, page="b")]
LAST_UNKNOWN = datetime(2025, 12, 31, 23, 59, 59, 999999)
"""The last instant at which a view may have gone unseen."""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("count(page_view within 60 days)", 1),
        ("count(page_view within 69 days)", 1),  # from 1 January on
        ("count(page_view within 70 days)", {"at_least": 1}),
        ("count(page_view)", {"at_least": 2}),
        ("count(page_view where page = 'z')", {"at_least": 0}),
        ("count(page_view since '2026-01-01')", 1),
        ("distinct(page_view.page)", {"at_least": 2}),
        ("exists(page_view)", True),
        ("exists(page_view where page = 'z')", {}),
        # Nothing unseen can be later than the last one, which was seen in the time that is known.
        ("last(page_view.time)", LATE),
        ("max(page_view.time)", LATE),
        ("last(page_view.page)", "b"),
        ("last(page_view.page where page = 'a')", {}),
        ("last(page_view.time where page = 'a')", {"at_least": EARLY, "at_most": LAST_UNKNOWN}),
        ("max(page_view.time where page = 'a')", {"at_least": EARLY, "at_most": LAST_UNKNOWN}),
        ("last(page_view.time where page = 'z')", {"at_most": LAST_UNKNOWN, "seen": False}),
        ("last(page_view.page where page = 'z')", {"seen": False}),
        ("last(page_view.time within 70 days)", LATE),
        ("last(page_view.time within 2 days)", missing("nothing happened", "last(page_view.time within 2 days)")),
        ("first(page_view.time)", {"at_most": EARLY}),
        ("min(page_view.time)", {"at_most": EARLY}),
        ("first(page_view.page)", {}),
        ("first(page_view.time where page = 'z')", {"at_most": LAST_UNKNOWN, "seen": False}),
        ("max(page_view.page)", {"at_least": "b"}),
        ("min(page_view.page)", {"at_most": "a"}),
        ("max(page_view.page where page = 'z')", {"seen": False}),
        ("most_common(page_view.page)", {}),
        ("share(page_view where page = 'a')", {}),
        ("count(page_view from '2025-12-01' to '2026-01-01')", {"at_least": 1}),
    ],
)
def test_a_source_that_knows_only_since_a_day(text, answer):
    expected = missing("not covered", text, **answer) if isinstance(answer, dict) else answer
    assert ask(text, customer(*VIEWS), world(coverage=SINCE)) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("count(page_view) >= 2", True),
        ("count(page_view) >= 3", None),
        ("count(page_view) > 1", True),
        ("count(page_view) > 2", None),
        ("count(page_view) < 2", False),
        ("count(page_view) < 3", None),
        ("count(page_view) <= 1", False),
        ("count(page_view) <= 2", None),
        ("count(page_view) = 1", False),
        ("count(page_view) = 2", None),
        ("count(page_view) != 1", True),
        ("2 <= count(page_view)", True),
        ("1 > count(page_view)", False),
        ("count(page_view) between 0 and 1", False),
        ("count(page_view) between 0 and 5", None),
        ("count(page_view) in (0, 1)", False),
        ("count(page_view) in (0, 2)", None),
        ("count(page_view) > age", None),
        ("views >= 2", True),
        ("views + 1 >= 2", None),
        ("last(page_view.time) within 60 days", True),
        ("last(page_view.time) since '2026-02-01'", True),
        ("last(page_view.time) within 10 days", False),
        ("last(page_view.time) from 50 to 30 days ago", True),
        ("days_since(last(page_view.time)) = 37", True),
        ("first(page_view.time) within 60 days", False),
        ("first(page_view.time) before '2026-01-01'", True),
        ("first(page_view.time) since '2025-12-30'", None),
        ("first(page_view.time) >= '2025-12-31'", False),
        ("days_since(first(page_view.time)) >= 70", True),
        ("days_since(first(page_view.time)) > 70", None),
        ("days_since(first(page_view.time)) < 70", False),
        ("quiet < 70", False),
        ("min(page_view.page) <= 'a'", True),
        ("max(page_view.page) between 'c' and 'd'", None),
        ("exists(page_view) and age > 3", None),
        ("count(page_view) is missing", True),
    ],
)
def test_what_an_incomplete_source_decides(text, answer):
    names = {"views": "count(page_view)", "quiet": "days_since(first(page_view.time))"}
    assert truth(ask(text, customer(*VIEWS), world(coverage=SINCE), **names)) is answer


@pytest.mark.parametrize(
    ("text", "long_ago", "never"),
    [
        # In what is known there was none. Before that there may have been one: a test is false either way.
        ("last(page_view.time) within 60 days", False, False),
        ("last(page_view.time) within 69 days", False, False),
        ("last(page_view.time) within 70 days", None, None),
        ("last(page_view.time) within 80 days", True, None),
        ("not last(page_view.time) within 60 days", True, True),
        ("seen_last within 60 days", False, False),
        ("last(page_view.time) this year", False, False),
        ("last(page_view.time) since '2025-12-31'", None, None),
        ("last(page_view.time) before '2026-01-01'", True, None),
        ("last(page_view.time) within next 9 days", False, False),
        ("last(page_view.time) within 24 hours", False, False),
        ("last(page_view.time) within 30 days after signup_date", False, False),
        ("first(page_view.time) within 60 days", False, False),
        # A comparison with what never happened is unknown, so it is false only where something did.
        ("last(page_view.time) >= '2026-01-01'", False, None),
        ("last(page_view.time) < '2026-01-01'", True, None),
        ("last(page_view.time) < '2025-12-31T23:00'", None, None),
        ("last(page_view.time) between '2026-01-01' and '2026-02-01'", False, None),
        ("last(page_view.time) between '2025-12-30' and '2025-12-31'", True, None),
        ("'2026-01-01' <= last(page_view.time)", False, None),
        ("last(page_view.time) = seen_at", False, None),
        ("days_since(last(page_view.time)) > 60", True, None),
        ("days_since(last(page_view.time)) > 69", None, None),
    ],
)
def test_what_was_last_seen_before_all_was_known_or_never(text, long_ago, never):
    there, names = world(coverage=SINCE), {"seen_last": "last(page_view.time)"}
    for events, answer in ([VIEWS[0]], long_ago), ([], never):
        one = customer(*events, signup_date=day("2026-02-20"), seen_at=NOON)
        assert truth(ask(text, one, there, **names)) is answer


def test_a_source_that_covers_some_customers_and_ends():
    some = world(coverage={"page_view": Coverage(covers=read("email is known"))})
    assert ask("count(page_view)", customer(*VIEWS, email="a@b.c"), some) == 2
    assert ask("count(page_view)", customer(*VIEWS), some) == missing("not covered", "count(page_view)", at_least=2)
    last = "last(page_view.time)"
    assert ask(last, customer(*VIEWS), some) == missing("not covered", last, at_least=LATE, at_most=NOON)
    assert ask(last, customer(), some) == missing("not covered", last, at_most=NOON, seen=False)
    assert ask(f"{last} within 60 days", customer(*VIEWS), some) is True
    assert isinstance(ask(f"{last} within 10 days", customer(*VIEWS), some), Missing)
    assert ask("count(page_view since '2027-01-01')", customer(), some) == 0  # nobody knows less of what is still to come
    unsure = world(coverage={"page_view": Coverage(covers=read("age > 3"))})
    assert isinstance(ask("count(page_view)", customer(*VIEWS), unsure), Missing)
    ended = world(coverage={"page_view": Coverage(complete_to=day("2026-03-09"))})
    assert isinstance(ask("count(page_view within 3 days)", customer(*VIEWS), ended), Missing)
    assert ask("count(page_view from 60 to 1 days ago)", customer(*VIEWS), ended) == 1
    assert ask("count(page_view before '2026-03-10')", customer(*VIEWS), ended) == 2


def test_a_source_that_ends_knows_what_was_first():
    there = world(coverage={"page_view": Coverage(complete_to=day("2026-01-15"))})
    first, last = "first(page_view.time)", "last(page_view.time)"
    assert ask(first, customer(*VIEWS), there) == EARLY
    assert ask("first(page_view.page)", customer(*VIEWS), there) == "a"
    assert ask(last, customer(VIEWS[0]), there) == missing("not covered", last, at_least=EARLY, at_most=NOON)
    begun = datetime(2026, 1, 16)
    assert ask(first, customer(VIEWS[1]), there) == missing("not covered", first, at_least=begun, at_most=LATE)
    assert ask(last, customer(), there) == missing("not covered", last, at_least=begun, at_most=NOON, seen=False)
    assert ask(f"{first} before '2026-01-16'", customer(), there) is False
    both = world(coverage={"page_view": Coverage(complete_from=day("2026-01-01"), complete_to=day("2026-01-15"))})
    assert ask(first, customer(*VIEWS), both) == missing("not covered", first, at_most=EARLY)
    assert ask(last, customer(*VIEWS), both) == missing("not covered", last, at_least=LATE, at_most=NOON)


# --- accounts


def test_quantifiers_over_the_members_of_an_account():
    people = [
        customer(order(ago(days=3)), id="a", age=40),
        customer(id="b", age=None),
        customer(id="c", age=20),
    ]
    for one in account(people):
        assert ask("any(members where age > 30)", one) is True
        assert ask("any(members where age > 50)", one) == missing("not recorded", "age")
        assert ask("all(members where age > 10)", one) == missing("not recorded", "age")
        assert ask("all(members where age > 30)", one) is False
        assert ask("none(members where age > 50)", one) == missing("not recorded", "age")
        assert ask("none(members where age > 30)", one) is False
        assert ask("count(members where age > 10)", one) == 2
        assert ask("count(members)", one) == 3
        assert ask("any(members where exists(order within 7 days))", one) is True
        assert ask("any(members where buyer)", one, buyer="count(order) > 0") is True
        assert ask("count(members where buyer)", one, buyer="count(order) > 0") == 1


def test_quantifiers_over_no_members():
    assert ask("any(members where age > 30)") is False
    assert ask("all(members where age > 30)") is True
    assert ask("none(members where age > 30)") is True
    assert ask("count(members)") == 0


# --- fitted columns


def test_fitted_values_come_from_the_fit():
    values: dict[tuple[str, str], Value] = {
        ("percentile(age)", "c1"): 0.9,
        ("value", "c1"): "Champions",
        ("value.r", "c1"): 5,
    }
    rfm = tree.Fitted("rfm", (tree.EventColumn("order", "time"), tree.EventColumn("order", "amount")))
    there = replace(world(), definitions={"value": rfm}, fitted=lambda name, id: values.get((name, id)))
    assert ask("percentile(age) >= 0.9", customer(), there) is True
    assert ask("percentile(age) >= 0.9", customer(id="c2"), there) == missing("not recorded", "percentile(age)")
    assert evaluate(tree.Column("value"), customer(), there) == "Champions"
    assert evaluate(tree.Column("value", "r"), customer(), there) == 5
    assert evaluate(tree.Column("value", "m"), customer(), there) == missing("not recorded", "value.m")


# --- sequences


def step_event(kind: str, hours: float, id: str = "", **values: Value | None) -> Event:
    return event(kind, NOON - timedelta(hours=hours), id or f"{hours:08.3f}", **values)


@pytest.mark.parametrize(
    ("text", "events", "answer"),
    [
        ("sequence(cart_added, order)", [("cart_added", 5), ("order", 3)], True),
        ("sequence(cart_added, order)", [("cart_added", 3), ("order", 5)], False),
        ("sequence(cart_added, order)", [("cart_added", 5), ("order", 5)], True),  # one instant: kinds in their order
        ("sequence(order, cart_added)", [("cart_added", 5), ("order", 5)], False),
        ("sequence(order, order)", [("order", 5)], False),  # different events
        ("sequence(order, order)", [("order", 5), ("order", 3)], True),
        ("sequence(cart_added, order within 2 hours)", [("cart_added", 5), ("order", 3)], True),  # exactly
        ("sequence(cart_added, order within 2 hours)", [("cart_added", 5), ("order", 2.999)], False),
        ("sequence(cart_added, order within 1 day)", [("cart_added", 30), ("order", 6)], True),
        ("sequence(cart_added, order within 1 day)", [("cart_added", 30), ("order", 5.9)], False),
        # The first page view is too early, the second fits: some choice does.
        (
            "sequence(page_view, cart_added within 2 hours, order within 1 hour)",
            [("page_view", 9), ("cart_added", 8), ("cart_added", 7), ("order", 6)],
            True,
        ),
        ("sequence(cart_added, not order within 24 hours)", [("cart_added", 30)], True),
        ("sequence(cart_added, not order within 24 hours)", [("cart_added", 24)], True),  # over this very instant
        ("sequence(cart_added, not order within 24 hours)", [("cart_added", 23.999)], False),  # not over yet
        ("sequence(cart_added, not order within 24 hours)", [("cart_added", 30), ("order", 6)], False),
        ("sequence(cart_added, not order within 24 hours)", [("cart_added", 30), ("order", 5.999)], True),
        # (s, s + d]: an order at the very instant of the start does not count, one before it neither.
        ("sequence(cart_added, not order within 24 hours)", [("cart_added", 30), ("order", 30)], True),
        ("sequence(cart_added, not order within 24 hours)", [("order", 31), ("cart_added", 30)], True),
        (
            "sequence(cart_added, not order within 24 hours)",
            [("cart_added", 50), ("order", 40), ("cart_added", 39)],
            True,
        ),
        # A `not` does not move the start: the order counts from the cart.
        (
            "sequence(cart_added, not page_view within 2 hours, order within 3 hours)",
            [("cart_added", 9), ("order", 6)],
            True,
        ),
        (
            "sequence(cart_added, not page_view within 2 hours, order within 3 hours)",
            [("cart_added", 9), ("order", 5.9)],
            False,
        ),
        # … and may lie before the `not` is over.
        (
            "sequence(cart_added, not page_view within 4 hours, order within 3 hours)",
            [("cart_added", 9), ("order", 8)],
            True,
        ),
        (
            "sequence(cart_added, not page_view within 4 hours, order within 3 hours)",
            [("cart_added", 9), ("order", 8), ("page_view", 6)],
            False,
        ),
        ("sequence(cart_added, not order within 24 hours) within 3 days", [("cart_added", 60)], True),
        ("sequence(cart_added, not order within 24 hours) within 3 days", [("cart_added", 61)], False),
        ("sequence(cart_added, order) within 1 day", [("cart_added", 13), ("order", 1)], False),
        ("sequence(cart_added, order)", [("cart_added", 1), ("order", -1)], False),  # not yet seen
        ("sequence(cart_added, order)", [], False),
    ],
)
def test_sequences(text, events, answer):
    history = [step_event(kind, hours) for kind, hours in events]
    assert ask(text, customer(*history)) is answer


def test_steps_with_conditions():
    history = [
        step_event("page_view", 9, page="shoes"),
        step_event("cart_added", 8, amount=money("80")),
        step_event("order", 7, amount=None),
    ]
    one = customer(*history)
    assert ask("sequence(page_view where page = 'shoes', cart_added where amount > 50)", one) is True
    assert ask("sequence(page_view where page = 'hats', cart_added)", one) is False
    # The order does not say its amount: it fits no condition, of a `not` neither.
    assert ask("sequence(cart_added, order where amount > 50)", one) is False
    assert ask("sequence(cart_added, not order where amount > 50 within 2 hours)", one) is True


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        ([("cart_added", 30, "x"), ("order", 29, "y")], True),
        ([("cart_added", 30, "x"), ("order", 29, "x")], False),
        ([("cart_added", 30, "x"), ("order", 29, None)], True),
        ([("cart_added", 30, None)], False),
        ([("cart_added", 30, "x"), ("order", 29, "x"), ("cart_added", 28, "y")], True),
    ],
)
def test_a_column_that_stays_the_same(events, answer):
    history = [step_event(kind, hours, cart_id=cart) for kind, hours, cart in events]
    assert ask("sequence(cart_added, not order within 24 hours same cart_id)", customer(*history)) is answer


STEPS = st.builds(
    lambda kind, hours, negated: tree.Step(kind, None, windows.Duration(hours, "hour"), negated),
    st.sampled_from(["page_view", "cart_added", "order"]),
    st.integers(1, 4),
    st.booleans(),
)
OPEN_STEPS = st.builds(tree.Step, st.sampled_from(["page_view", "cart_added", "order"]))
SEQUENCES = st.builds(
    lambda first, rest, same, within: tree.Sequence(
        (tree.Step(first), *rest),
        "cart_id" if same else None,
        None if within is None else windows.Within(windows.Duration(within, "hour")),
    ),
    st.sampled_from(["page_view", "cart_added", "order"]),
    st.lists(st.one_of(STEPS, STEPS, OPEN_STEPS), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([None, 6, 12]),
)
TIMELINES = st.lists(
    st.tuples(st.sampled_from(["page_view", "cart_added", "order"]), st.integers(-2, 30), st.sampled_from([None, "x", "y"])),
    max_size=9,
)


def latest_completion(sequence: tree.Sequence, events: tuple[Event, ...], there: World) -> bool:
    """Sequences said another way: of each prefix only the latest completion matters, as it dominates every earlier one.

    With `not`, which asks the same of every completion of the prefix before it, all completions are kept.
    """
    seen = [e for e in events if e.time <= there.as_of]
    values = {None} if sequence.same is None else {e.values.get(sequence.same) for e in seen} - {None}
    for value in values:
        mine = [(n, e) for n, e in enumerate(seen) if sequence.same is None or e.values.get(sequence.same) == value]
        start = sequence.steps[0]
        within = sequence.window
        assert within is None or isinstance(within, windows.Within)
        ends = {
            n
            for n, e in mine
            if e.kind == start.event and (within is None or e.time > there.as_of - timedelta(hours=within.length.n))
        }
        for step in sequence.steps[1:]:
            length = timedelta.max if step.within is None else timedelta(hours=step.within.n)
            if step.negated:
                ends = {
                    n
                    for n in ends
                    if there.as_of - seen[n].time >= length
                    and not any(e.kind == step.event and timedelta(0) < e.time - seen[n].time <= length for _, e in mine)
                }
            else:
                # The latest completion before an event is the one that is nearest in time to it.
                latest = {n: max((k for k in ends if k < n), default=None) for n, e in mine if e.kind == step.event}
                ends = {n for n, k in latest.items() if k is not None and seen[n].time - seen[k].time <= length}
        if ends:
            return True
    return False


@settings(max_examples=400)
@given(SEQUENCES, TIMELINES)
def test_sequences_said_another_way(sequence, timeline):
    there = world()
    events = in_order(
        [Event(kind, NOON - timedelta(hours=hours), f"{i}", {"cart_id": cart}) for i, (kind, hours, cart) in enumerate(timeline)],
        there,
    )
    one = Customer("c1", {}, events)
    assert evaluate(sequence, one, there) is latest_completion(sequence, events, there)


def test_sequences_of_both_answers_are_met():
    answers = {
        (kinds, evaluate(read("sequence(page_view, cart_added within 2 hours, order within 2 hours)"), one, world()))
        for kinds in product(("page_view", "cart_added", "order"), repeat=3)
        for one in [customer(*(step_event(k, 6 - i) for i, k in enumerate(kinds)))]
    }
    assert {kinds for kinds, answer in answers if answer} == {("page_view", "cart_added", "order")}


# --- the clock


def test_days_are_those_of_the_zone():
    one = customer(order("2026-03-09T23:30"))
    assert ask("exists(order within 1 day)", one, world(datetime(2026, 3, 10, 12), "Europe/Berlin")) is True
    assert ask("exists(order within 1 day)", one, world(datetime(2026, 3, 10, 12), "UTC")) is False


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Santiago", "Pacific/Apia", "Africa/Casablanca", "Europe/London"])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_a_day_window_turns_at_the_first_instant_of_a_local_day(zone, n):
    last_time = datetime(2011, 12, 30, 9, 59, 59) if zone == "Pacific/Apia" else datetime(2024, 4, 25, 12)
    one = Customer("c1", {}, (order(last_time),))
    out = windows.first_instant(windows.local_day(last_time, zone) + timedelta(days=n), zone)
    assert ask(f"exists(order within {n} days)", one, world(out - windows.MICROSECOND, zone)) is True
    assert ask(f"exists(order within {n} days)", one, world(out, zone)) is False


def test_streams_are_not_values():
    with pytest.raises(ValueError, match="stream of events"):
        evaluate(tree.EventColumn("order", "amount"), customer(), world())


def test_dates_compare_by_local_day():
    one = customer(seen_at=datetime(2026, 3, 9, 23, 30))
    assert ask("seen_at <= '2026-03-09'", one) is True
    assert ask("seen_at between '2026-03-01' and '2026-03-09'", one) is True
    assert ask("seen_at > signup_date", replace(one, columns={**one.columns, "signup_date": date(2026, 3, 9)})) is False
