import re
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.windows import Around, Duration, Within
from coterie.language.describe import describe, value_in_words
from coterie.language.format import format
from coterie.language.parse import parse
from coterie.language.tree import Apply, Column, EventColumn, Expr, Fitted, Literal, Not, WindowTest, walk
from coterie.testing.trees import trees

ENGLISH = [
    (
        "revenue >= 1000 and last_order within 60 days",
        "revenue is at least 1,000 and the last order is within the last 60 days",
    ),
    ("vip and country = 'DE'", "vip and country is 'DE'"),
    ("not vip", "not vip"),
    ("country not in ('DE', 'FR')", "country is none of 'DE', 'FR'"),
    ("email is not missing", "email is known"),
    ("a or b and c", "a or (b and c)"),
    ("(a or b) and c", "(a or b) and c"),
    ("not (a or b)", "not (a or b)"),
    ("not not a", "not (not a)"),
    ("revenue > 1000.5 or revenue < -1234567", "revenue is above 1,000.50 or revenue is below -1,234,567"),
    ("count(order) >= 3", "the number of orders is at least 3"),
    ("count(visit within 90 days) = 0", "the number of visits in the last 90 days (today included) is 0"),
    ("exists(order within 24 hours)", "there is an order in the last 24 hours"),
    ("exists(order within 1 year)", "there is an order in the last year (today included)"),
    ("exists(order within 1 hour)", "there is an order in the last hour"),
    ("signup_date within 1 month", "the signup date is within the last month"),
    ("signup_date within next 1 week", "the signup date is within the next week"),
    ("count(order from 2 to 1 months ago) > 0", "the number of orders between 2 months and 1 month ago is above 0"),
    ("count(email_opened) > 1", "the number of email opened events is above 1"),
    ("exists(email_opened)", "there is an email opened event"),
    ("exists(hour_booked)", "there is an hour booked event"),
    ("exists(user_session)", "there is a user session"),
    ("exists(visits)", "there is a visit"),
    ("not exists(visits)", "there is no visit"),
    ("last(cart_added.time) is known", "the time of the last cart added event is known"),
    ("distinct(order.opened) > 1", "the number of different opened values of orders is above 1"),
    ("not exists(page_view within 1 day)", "there is no page view today"),
    (
        "sum(order.amount where category = 'shoes' this month)",
        "the sum of amount of orders (where category is 'shoes') this month so far",
    ),
    ("distinct(order.category) > 1", "the number of different categories of orders is above 1"),
    ("first(order.time) last year", "the time of the first order is in last year"),
    ("signup_date this week", "the signup date is in this week so far"),
    ("signup_date last day", "the signup date is yesterday"),
    ("count(visit from 180 to 90 days ago)", "the number of visits between 180 and 90 days ago"),
    ("count(visit since '2026-01-01')", "the number of visits since 1 Jan 2026"),
    ("signup_date since '2026-01-01'", "the signup date is on or after 1 Jan 2026"),
    ("signup_date before '2026-01-01'", "the signup date is before 1 Jan 2026"),
    ("signup_date from '2026-01-01' to '2026-02-01'", "the signup date is from 1 Jan 2026 to 31 Jan 2026"),
    (
        "count(order within 30 days after signup_date) > 1",
        "the number of orders within 30 days after signup date is above 1",
    ),
    ("renewal_date within next 30 days", "the renewal date is within the next 30 days"),
    ("not last_order within 60 days", "the last order is not within the last 60 days"),
    ("days_since(last_order) > 30", "days since last order is above 30"),
    ("days_since(a + b)", "days since (a plus b)"),
    ("days_since(a) + b", "days since a plus b"),
    ("a - (b - c)", "a minus (b minus c)"),
    ("a - b - c", "(a minus b) minus c"),
    ("round(revenue, 2)", "revenue rounded to 2 places"),
    ("round(revenue)", "revenue rounded"),
    ("year(birth_date) = 1980 and birth_year < 2000", "the year of birth date is 1980 and birth year is below 2000"),
    ("sample(10%, 'spring')", "is in the sample of 10% named 'spring'"),
    ("case when a then 'b' else 'c' end = 'b'", "('b' if a; otherwise 'c') is 'b'"),
    ("account.revenue > 5", "revenue of account is above 5"),
    ('count("Order Completed") > 0', 'the number of "Order Completed" events is above 0'),
    ('opt_in_or_out and "a and b"', '"opt_in_or_out" and "a and b"'),
    (
        "sequence(cart_added, not order where amount > 5 within 24 hours same cart_id) within 3 days",
        (
            "there is a sequence (cart added, then no order (where amount is above 5) within 24 hours, all with the same cart id)"
            " that began in the last 3 days (today included)"
        ),
    ),
    ("not sequence(a, b)", "there is no sequence (a, then b)"),
    ("any(members where vip)", "some member of the account meets (vip)"),
    ("count(members where vip) > 2", "the number of members of the account who meet (vip) is above 2"),
    (
        "percentile(revenue by country) >= 0.9",
        "the share of customers below revenue among customers of the same country is at least 0.90",
    ),
]


@pytest.mark.parametrize(("text", "english"), ENGLISH, ids=[e[0] for e in ENGLISH])
def test_english(text, english):
    assert describe(parse(text)) == english


WINDOWS = """
within 1 day|within 2 days|within 1 week|within 7 days|within 24 hours|within 1440 minutes|within 1 month|within 1 quarter
within 1 year|this day|this week|this month|this quarter|this year|last day|last week|last month|last quarter|last year
since '2026-01-01'|before '2026-01-01'|from '2026-01-01' to '2026-02-01'|from '2026-01-01' to '2026-01-31'
within 30 days after signup_date|within 30 days before signup_date|within 30 days after birth_date|within next 30 days
within next 1 month|from 180 to 90 days ago|from 90 to 30 days ago|from 3 to 1 months ago
""".replace("\n", "|").strip("|").split("|")  # fmt: skip
OTHERS = """
a and b and c|a or b or c|a and (b or c)|(a and b) or c|not a and b|not (a and b)|not a or b|not (a or b)|a = (b = c)
(a = b) = c|a = b and c|a = (b and c)|not a = b|not (a and b) = c|a + b * c|(a + b) * c|a * b + c|a * (b + c)|a - b - c
a - (b - c)|-a + b|-(a + b)|-(a * b)|-a * b|-5|5|5.0|5.5|'5'|5 days|5 hours|true|'true'|a / b / c|a / (b / c)|a % b % c
a % (b % c)|abs(a) + b|abs(a + b)|round(a)|round(a, 2)|round(a + 2)|log(a)|log(a, 10)|log(a) + 10|sqrt(a)|sqrt(a + b)
sqrt(a) + b|floor(a / b)|floor(a) / b|a / floor(b)|least(a, b, c)|least(a, least(b, c))|greatest(a, b)|coalesce(a, b)
coalesce(a, b + c)|coalesce(a, b) + c|concat(a, b, c)|concat(a, concat(b, c))|lower(concat(a, b))|concat(lower(a), b)
year(a) + 1|year(a + 1 day)|days_between(a, b)|days_between(b, a)|hours_between(a, as_of)|days_since(year(a))
age(birth_date) between 18 and 30|age(birth_date) not between 18 and 30|a between 1 and 2 and b|a between 1 and (2 and b)
a in ('b')|a in ('b', 'c')|a in (b, c)|a not in ('b')|a in ('b') and c in ('d')|a in ('b') or c|tags has any ('a', 'b')
tags has all ('a', 'b')|not tags has any ('a', 'b')|not tags has all ('a', 'b')|a contains 'b'|a starts with 'b'
a ends with 'b'|a matches 'b'|a not contains 'b'|a is missing|a is not missing|a + b is missing|in_list('a')|not in_list('a')
sample(10%, 'a')|sample(20%, 'a')|sample(10%, 'b')|sample(0.1, 'a')|version_at_least(a, '3.1')|distance_km(a, b, 1, 2) < 3
case when a then b end|case when a then b else c end|case when a then b when c then a end|case when a or b then c else a end
case when a then case when b then c end else a end|case when a then case when b then c else a end end
a.b|b.a|a_b|account.revenue|count(order)|count(order.amount)|count(order where a)|count(order where a and b)
count(order where a) and b|count(order where (a within 1 day) within 2 days)|count(order where (a within 2 days) within 1 day)
exists(order)|not exists(order)|exists(order where a)|exists(order where not a)|not exists(order where a)|exists(order.a)
sum(order.a)|avg(order.a)|min(order.a)|max(order.a)|first(order.a)|last(order.a)|distinct(order.a)|most_common(order.a)
share(order where a)|share(order where not a)|sum(order.a) / count(order)|sum(order.a where b) / count(order)
sequence(a)|sequence(a, b)|sequence(b, a)|sequence(a, not b)|sequence(a, b within 2 days)|sequence(a, b) within 2 days
sequence(a, b same c)|sequence(a where b)|sequence(a, b where c)|sequence(a where c, b)|not sequence(a, b)|sequence(a, b) and c
sequence(a where b within 2 days, c)|sequence(a, b within 2 days) within 2 days|sequence(a) and sequence(b)
any(members where a)|all(members where a)|none(members where a)|not any(members where a)|count(members)|count(members where a)
any(members where a) and b|any(members where a and b)|percentile(a)|percentile(a by b)|quantile(a, 5)|quantile(a, 4)|rank(a)
rank(a + b)|rank(a) + b|rfm(order.time, order.amount)|predict(a from b, c)|predict(a and b from c)|affinity(order.a)
""".replace("\n", "|").strip("|").split("|")  # fmt: skip
CORPUS = [
    *OTHERS,
    *(f"signup_date {w}" for w in WINDOWS),
    *(f"not signup_date {w}" for w in WINDOWS),
    *(f"count(order {w}) > 3" for w in WINDOWS if "next" not in w),
]


def test_different_rules_have_different_sentences():
    assert len(CORPUS) > 200
    by_sentence: dict[str, set[str]] = {}
    for text in CORPUS:
        tree = parse(text)
        by_sentence.setdefault(describe(tree), set()).add(format(tree))
    assert {s: sorted(texts) for s, texts in by_sentence.items() if len(texts) > 1} == {}


@given(trees(), trees())
def test_any_tree_can_be_said(a, b):
    said = describe(a)
    assert said.strip() == said != ""
    if describe(b) == said:
        assert format(a) == format(b)


def same_meaning(tree: Expr) -> str:
    """The text of a tree, with `is not missing` and `is known` as one."""
    return re.sub(r"is not (missing|known)", lambda m: "is known" if m[1] == "missing" else "is missing", format(tree))


def test_random_rules_have_sentences_of_their_own():
    seen: dict[str, str] = {}

    @given(trees(name=st.sampled_from(["revenue", "country", "vip", "order", "age"])))
    def say(tree):
        assert seen.setdefault(describe(tree), same_meaning(tree)) == same_meaning(tree)

    say()
    assert len(seen) > 50


def test_names_can_be_given():
    names = {"revenue": "Umsatz", "order": "purchase", "signup_date": "Sign-up"}
    assert describe(parse("revenue > 5 and count(order within 30 days after signup_date) > 1"), names) == (
        "Umsatz is above 5 and the number of purchases within 30 days after Sign-up is above 1"
    )


def test_values_of_checked_trees():
    day = Apply(">=", (Column("signup_date"), Literal(date(2026, 1, 31))))
    assert describe(day) == "signup date is at least 31 Jan 2026"
    assert value_in_words(datetime(2026, 1, 31, 9, 5)) == "31 Jan 2026 09:05 UTC"
    assert value_in_words(datetime(2026, 1, 31, 9, 5, 7)) == "31 Jan 2026 09:05:07 UTC"
    assert value_in_words(Decimal("1" * 38)).startswith("11,111,111,")
    assert value_in_words(Decimal("-0.5")) == "-0.50"
    assert value_in_words(date(1, 12, 3)) == "3 Dec 1"
    stream = Fitted("affinity", (EventColumn("order", "category"),))
    assert describe(stream) == "the category of orders of most interest now"


def test_unknown_functions_and_wrong_numbers_of_arguments_are_said_as_they_stand():
    assert describe(parse("frobnicate(a, b + c)")) == "frobnicate of (a, b plus c)"
    assert describe(parse("lower(a, b)")) == "lower of (a, b)"
    assert describe(parse("not in_list()")) == "not in list of ()"


def test_every_operator_has_a_sentence_for_its_negation():
    from coterie.language.functions import LEAVES

    for leaf in LEAVES.values():
        if leaf.unlike is not None:
            args = tuple(Column(c) for c in "abcd"[: 1 + len(set(re.findall(r"\{(?:[1-9]|rest)\}", leaf.words)))])
            said, unsaid = describe(Apply(leaf.name, args)), describe(Not(Apply(leaf.name, args)))
            assert said != unsaid
            assert "{" not in said + unsaid


def test_each_window_reads_apart_from_a_length_in_its_place():
    test = WindowTest(Column("a"), Around(Duration(3, "day"), "after", "b"))
    assert describe(test) != describe(WindowTest(Column("a"), Within(Duration(3, "day"))))
    assert all(describe(n) for n in walk(test))
