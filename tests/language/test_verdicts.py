"""Rules that can never be true or never be false: those that are, are found, and nothing is said of any other."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, islice, product
from random import Random

import pytest

from coterie.core.errors import CoterieError
from coterie.core.place import Origin
from coterie.core.windows import Ago, Duration, Next, Period, Unit, Window, Within
from coterie.language.catalog import Catalog, Entry, resolve
from coterie.language.check import check
from coterie.language.contradictions import exclude
from coterie.language.format import format
from coterie.language.parse import parse
from coterie.language.scope import Scope
from coterie.language.tree import And, Apply, Expr, Fitted, Literal, Measure, Members, Not, Or, Sequence, WindowTest, children
from coterie.language.types import BOOLEAN
from coterie.language.verdicts import findings, names_of, of_catalog, verdict
from coterie.testing.expressions import features
from coterie.testing.programs import program
from coterie.testing.reference import Reference
from tests.language.shop import SCOPE

DEFINITIONS = {
    "revenue": ("trait", "sum(order.amount)"),
    "orders": ("trait", "count(order)"),
    "last_order": ("trait", "last(order.time)"),
    "days_quiet": ("trait", "days_since(last_order)"),
    "rich": ("trait", "percentile(revenue)"),
    "fifth": ("trait", "quantile(revenue, 5)"),
    "vip": ("segment", "revenue >= 1000 and last_order within 60 days"),
    "german": ("segment", "country = 'DE'"),
    "german_vip": ("segment", "vip and german"),
    "lifecycle": (
        "segmentation",
        "case when orders = 0 then 'prospect' when last_order within 60 days then 'active' else 'lapsed' end",
    ),
    "value": ("segmentation", "rfm(order.time, order.amount)"),
}


def catalog(more: dict[str, tuple[str, str]] | None = None) -> Catalog:
    entries = [Entry(n, noun, parse(text), Origin.of(text, n)) for n, (noun, text) in {**DEFINITIONS, **(more or {})}.items()]  # type: ignore[arg-type]
    return resolve(entries, SCOPE)


SHOP = catalog()


def judged(text: str) -> str:
    found = verdict(SHOP.expression(text).tree, names_of(SHOP))
    return "" if found is None else "never" if found.never else "always"


NEVER = [
    "false",
    "revenue > 100 and revenue < 50",
    "revenue > 100 and sum(order.amount) < 50",
    "country = 'DE' and country = 'FR'",
    "country = 'DE' and country in ('FR', 'IT')",
    "country in ('a') and country not in ('a', 'b')",
    "german and country != 'DE'",
    "german_vip and revenue < 999",
    "age between 5 and 3",
    "age > 17 and age < 18",
    "age = 17.5",
    "age is missing and age > 3",
    "count(order) < 0",
    "count(order) = -1",
    "not exists(order) and count(order) > 0",
    "not exists(order) and exists(order where amount > 5)",
    "exists(order within 90 days) and not exists(order within 120 days)",
    "exists(order where gift within 90 days) and not exists(order within 120 days)",
    "exists(order within 3 months) and not exists(order within 1 year)",
    "exists(order within 2 months) and not exists(order within 90 days)",
    "exists(order within 1 month) and not exists(order within 31 days)",
    "exists(order within 28 days) and not exists(order within 1 month)",
    "exists(order within 1 year) and not exists(order within 366 days)",
    "exists(order this month) and count(order this year) = 0",
    "exists(order within 12 hours) and not exists(order within 7 days)",
    "count(order within 30 days) > count(order)",
    "not exists(order) and revenue > 0",
    "not exists(order) and avg(order.amount) > 10",
    "not exists(order) and last_order within 60 days",
    "not exists(order) and lifecycle = 'active'",
    "exists(order within 30 days) and days_quiet > 40",
    "days_quiet < 10 and not exists(order within 30 days)",
    "last_order within 30 days and days_quiet > 30",
    "last_order within 30 days and last_order from 90 to 60 days ago",
    "last_order within next 30 days",
    "exists(order within 30 days) and not last_order within 60 days",
    "signup_date since '2026-01-01' and signup_date before '2025-01-01'",
    "signup_date since '2026-01-01' and signup_date < '2025-06-01'",
    "seen_at since '2026-01-01' and seen_at < '2025-06-01'",
    "signup_date within 30 days and days_since(signup_date) > 60",
    "opted_in and not opted_in",
    "vip and not vip",
    "vip and opted_in = false and opted_in",
    "email contains '@' and not email contains '@'",
    "email starts with 'a' and email starts with 'b'",
    "country = 'DE' and country starts with 'F'",
    "country = 'DE' and not country contains 'D'",
    "lower(country) = 'DE'",
    "date_trunc('month', signup_date) = '2026-01-15'",
    "weekday(signup_date) = 9",
    "month(signup_date) > 12",
    "hour(seen_at) = 24",
    "length(email) < 0",
    "age(birth_date) < 0",
    "sample(0%, 'x')",
    "sample(10%, 'x') and not sample(20%, 'x')",
    "share(order where amount > 5) > 1",
    "percentile(revenue) > 1",
    "rich >= 1",
    "fifth = 6",
    "quantile(revenue, 5) = 0",
    "rank(revenue) < 1",
    "value.r > 5",
    "value = 'Champion'",
    "lifecycle = 'actve'",
    "lifecycle = 'active' and orders = 0",
    "lifecycle = 'prospect' and lifecycle = 'active'",
    "exists(order where amount > 5 and amount < 3)",
    "count(order where false) > 0",
    "sequence(cart_added, order within 1 day) and not exists(order)",
    "any(members where age > 5 and age < 3)",
    "count(members where vip) < 0",
    "tags has any ('a') and not tags has any ('a', 'b')",
    "tags has all ('a', 'b') and not tags has any ('b')",
    "age < income and income < age",
    "age < age",
    "vip is missing and vip",
    "coalesce(age, 0) is missing",
    "count(order) is missing",
    "case when age > 5 then age < 3 end",
    "(age > 5 or income > 5) and age < 3 and income < 3",
    "email is missing and lower(email) = 'a'",
    "income = 0.00001",
]
ALWAYS = [
    "true",
    "count(order) >= 0",
    "orders > -1",
    "opted_in or not opted_in",
    "age > 5 or age <= 5",
    "age > 5 or age < 10",
    "age is missing or age is known",
    "not (country = 'DE' and country = 'FR')",
    "exists(order) or count(order) = 0",
    "exists(order) or not exists(order within 30 days)",
    "percentile(revenue) <= 1",
    "weekday(signup_date) in (1, 2, 3, 4, 5, 6, 7)",
    "share(order where amount > 5) between 0 and 1",
    "lifecycle in ('prospect', 'active', 'lapsed')",
    "lifecycle != 'actve'",
    "sample(100%, 'x')",
    "count(order) is known",
    "length(email) >= 0",
    "vip or revenue < 1000 or not last_order within 60 days",
    "count(order within 30 days) <= count(order within 60 days)",
    "signup_date since '2026-01-01' or signup_date before '2026-01-01'",
]
POSSIBLE = [
    "revenue > 100 and revenue < 101",
    "income > 1 and income < 1.001",
    "height > 17 and height < 18",
    "age > 17 and age < 19",
    "country != 'DE' and country != 'FR'",
    "country > 'DE' and country < 'DF'",
    "count(order) = 0",
    "count(order) <= 0",
    "count(order) > 0",
    "exists(order) and not exists(order where gift)",
    "exists(order within 120 days) and not exists(order within 90 days)",
    "exists(order within 1 month) and not exists(order within 30 days)",
    "exists(order within 31 days) and not exists(order within 1 month)",
    "exists(order within 1 month) and not exists(order within 30 days)",
    "exists(order within 12 months) and not exists(order within 365 days)",
    "exists(order this week) and not exists(order this month)",
    "exists(order last week) and not exists(order this year)",
    "exists(order within 24 hours) and not exists(order within 1 day)",
    "exists(order where amount > 5) and not exists(order where amount > 6)",
    "count(order.amount) = 0 and count(order) > 0",
    "exists(order) and revenue = 0",
    "exists(order) and revenue < 0",
    "last_order is missing and not last_order within 60 days",
    "not last_order within 60 days and not exists(order)",
    "first(order.time) within 30 days and not exists(order from 60 to 30 days ago)",
    "last(order.shipped_at) within next 30 days",
    "last(order.amount) is missing and count(order) > 0",
    "avg(order.amount) is missing and count(order) > 0",
    "days_since(signup_date) < 0",
    "days_since(last(order.shipped_at)) < 0",
    "age(birth_date) = 0",
    "signup_date within 30 days and signup_date within 60 days",
    "not signup_date within 30 days and days_since(signup_date) < 30",
    "anniversary(birth_date) within next 14 days",
    "email starts with 'a' and email starts with 'ab'",
    "email starts with 'ab' and not email starts with 'abc'",
    "email contains '@' and not email contains '.'",
    "lower(country) = 'de' and country = 'DE'",
    "upper(country) = 'DE'",
    "date_trunc('month', signup_date) = '2026-01-01'",
    "weekday(signup_date) = 7",
    "sample(20%, 'x') and not sample(10%, 'x')",
    "sample(10%, 'x') and not sample(20%, 'y')",
    "percentile(revenue) > 0.99",
    "fifth = 5",
    "value.r = 5 and value.f = 1",
    "value = 'Champions'",
    "lifecycle = 'active' and orders > 0",
    "lifecycle is missing",
    "vip is missing",
    "vip or not german",
    "tags has any ('a', 'b') and not tags has any ('a')",
    "tags has all ('a') and not tags has all ('a', 'b')",
    "age < income and income < height",
    "age <= income and income <= age",
    "sequence(cart_added, not order within 1 day) and not exists(order)",
    "count(members where vip) = 0",
    "exists(page_view) is missing and count(page_view) > 2",
    "count(page_view) is missing and count(page_view) > 2",
    "exists(page_view within 90 days) or count(page_view) = 0",
    "age > 9007199254740992 and age < 9007199254740994",
    "share(order where gift) = 1",
    "coalesce(age, income) is missing",
    "case when vip then 'a' when german then 'b' end = 'b'",
    "min(order.amount) > 5 and max(order.amount) < 7",
    "email = ''",
    "exists(order within 30 days after signup_date) and not exists(order within 60 days before signup_date)",
]


@pytest.mark.parametrize("text", NEVER)
def test_what_can_never_be_true_is_found(text):
    assert judged(text) == "never"


@pytest.mark.parametrize("text", ALWAYS)
def test_what_can_never_be_false_is_found(text):
    assert judged(text) == "always"


@pytest.mark.parametrize("text", POSSIBLE)
def test_of_what_may_be_true_and_may_be_false_nothing_is_said(text):
    assert judged(text) == ""
    assert findings(SHOP.expression(text).tree, names_of(SHOP)) == ()


# --- never a false alarm ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_what_is_said_of_random_rules_is_true_of_everybody(seed):
    drawn = program(5000 + seed, size=40, definitions=30)
    names, reference = names_of(drawn.catalog), Reference(drawn)
    for definition in drawn.catalog.definitions.values():
        for node in conditions(definition.checked.tree):
            found = verdict(node, names)
            if found is not None:
                assert found.never not in reference.ask(node), (format(node), found)


def test_conditions_that_exclude_each_other_never_meet_in_random_data():
    assert never_meet(range(2)) > 300


@pytest.mark.long
def test_nor_in_much_more_of_it(size):
    assert never_meet(range(100, 100 + size(200))) > 0


MEASURED = [f for f in features() if f[0] in ("window", "window test") or f[1] in ("count", "exists", "last", "sum")]


def never_meet(seeds: range) -> int:
    """Random conditions beside variants of themselves: another value, another window, a condition less, and the negation.
    Returns how many pairs exclude each other."""
    found = 0
    for seed in seeds:
        rng = Random(seed)
        drawn = program(7000 + seed, size=40, definitions=25, focus=MEASURED if seed % 2 else ())
        names, reference = names_of(drawn.catalog), Reference(drawn)
        scope = drawn.catalog.scope
        for definition in drawn.catalog.definitions.values():
            for node in islice(conditions(definition.checked.tree), 4):
                near = [node, *(v for _ in range(8) if (v := variant(node, rng, scope)) is not None)]
                answers = [reference.ask(n) for n in near]
                for (a, xs), (b, ys) in combinations(zip(near, answers, strict=True), 2):
                    for sign, other in product((True, False), repeat=2):
                        if exclude([(a, sign), (b, other)], names):
                            both = [x is sign and y is other for x, y in zip(xs, ys, strict=True)]
                            assert not any(both), (seed, format(a), sign, format(b), other)
                            found += 1
    return found


def conditions(tree: Expr) -> Iterator[Expr]:
    """The conditions of a customer in a tree, the whole first."""
    if tree.type == BOOLEAN:
        yield tree
    if not isinstance(tree, Measure | Sequence | Members | Fitted):
        for child in children(tree):
            yield from conditions(child)


WHERE = ("amount > 0", "quantity > 1", "gift", "gift and amount > 0", "category is known", "time within 30 days", "cart = 'a'")
OPERATORS = ("=", "<", "<=", ">", ">=")


def variant(node: Expr, rng: Random, scope: Scope) -> Expr | None:
    """A condition near another, where that checks."""
    text = format(changed(parse(format(node)), rng))
    try:
        return check(parse(text), scope, Origin.of(text), expected=BOOLEAN).tree
    except CoterieError:
        return None


def changed(node: Expr, rng: Random) -> Expr:
    match node:
        case Literal(value=bool() | Duration()):
            return node
        case Literal(value=str() as value):
            return replace(node, value=rng.choice([value, value[:-1], value + "a", "DE"])) if rng.random() < 0.3 else node
        case Literal(value=value) if not node.percent and rng.random() < 0.6:
            return replace(node, value=value + rng.choice((-1, 1, 2, Decimal("0.5"))))  # type: ignore[operator]
        case Apply(op=op, args=args):
            op = rng.choice(OPERATORS) if op in OPERATORS and rng.random() < 0.6 else op
            return replace(node, op=op, args=tuple(changed(a, rng) for a in args))
        case And(args=args) | Or(args=args):
            kind = rng.choice((And, Or))
            flat: list[Expr] = []
            for a in (changed(a, rng) for a in args):
                flat += a.args if isinstance(a, kind) else [a]
            return kind(tuple(flat))
        case Not(arg=arg):
            return changed(arg, rng) if rng.random() < 0.3 else Not(changed(arg, rng))
        case Measure(where=where, window=window):
            name = rng.choice(("count", "exists")) if rng.random() < 0.2 else node.aggregation
            other = parse(rng.choice(WHERE)) if rng.random() < 0.5 else None
            kept = other if where is None or rng.random() < 0.4 else changed(where, rng)
            made = replace(node, aggregation=name, where=kept, window=other_window(window, rng))
            return Apply(rng.choice(OPERATORS), (made, Literal(rng.randrange(3)))) if name == "count" else made
        case WindowTest(window=window):
            return replace(node, window=other_window(window, rng) or window)
        case _:
            return node


def other_window(window: Window | None, rng: Random) -> Window | None:
    units: tuple[Unit, ...] = ("minute", "hour", "day", "day", "week", "month", "quarter", "year")
    match rng.randrange(6):
        case 0:
            return window
        case 1:
            return Within(Duration(rng.choice((1, 2, 7, 30, 31, 90)), rng.choice(units)))
        case 2:
            near = rng.choice((1, 2, 30))
            return Ago(near + rng.choice((1, 3, 60)), near, rng.choice(units))
        case 3:
            return Period(rng.choice(("this", "last")), rng.choice(units[2:]))
        case 4 if isinstance(window, Within | Next):
            return replace(window, length=replace(window.length, n=window.length.n + 1))
        case _:
            return None if rng.random() < 0.3 else window


# --- what is said -------------------------------------------------------------------------------------------------------------


def said(text: str) -> list[str]:
    checked = SHOP.expression(text)
    return [str(f.place) + f" {f.code} {f.message}" for f in findings(checked.tree, names_of(SHOP), origin=Origin.of(text))]


SAID = [
    (
        "revenue > 100 and age > 5 and revenue < 50",
        "expression:1:31 W110 this can never be true: `revenue > 100` and `revenue < 50` exclude each other",
    ),
    (
        "age > 5 and german_vip and revenue < 50",
        (
            "expression:1:28 W110 this can never be true: `revenue >= 1000` and `revenue < 50` exclude each other; "
            "`german_vip` asks for `revenue >= 1000`"
        ),
    ),
    ("vip and not vip", "expression:1:9 W110 this can never be true: `vip` and `not vip` exclude each other"),
    (
        "last_order within 60 days or not exists(order within 30 days)",
        (
            "expression:1:30 W111 this is always true: "
            "one of `last_order within 60 days` and `not exists(order within 30 days)` always holds"
        ),
    ),
    ("orders >= 0", "expression:1:1 W111 this is always true: `orders` is never below 0"),
    ("count(order) >= 0", "expression:1:1 W111 this is always true: `count(order)` is never below 0"),
    (
        "opted_in or not opted_in",
        "expression:1:13 W111 this is true of everybody of whom it is known: one of `opted_in` and `not opted_in` always holds",
    ),
    ("false", "expression:1:1 W110 this can never be true: it is written as false"),
    (
        "age between 60 and 50",
        "expression:1:1 W110 this can never be true: nothing lies between `60` and `50`: the smaller stands first",
    ),
    (
        "weekday(birth_date) = 9 or opted_in",
        (
            "expression:1:1 W110 `weekday(birth_date) = 9`, a part of this rule, can never be true: "
            "`weekday(birth_date)` is between 1 and 7"
        ),
    ),
    (
        "exists(order where amount > 5 and amount < 3)",
        (
            "expression:1:35 W110 the condition of exists(order where …) can never be true: "
            "`amount > 5` and `amount < 3` exclude each other"
        ),
    ),
    ("lower(country) = 'DE'", "expression:1:1 W110 this can never be true: `lower(country)` never gives `'DE'`"),
    ("lifecycle = 'actve'", "expression:1:1 W113 `lifecycle` is never 'actve'"),
    ("lifecycle in ('active', 'nwe')", "expression:1:1 W113 `lifecycle` is never 'nwe'"),
    (
        "case when age > 5 then 'a' when age > 10 then 'b' end = 'a'",
        "expression:1:33 W112 the label 'b' is never reached: whoever meets its rule meets `age > 5` before it",
    ),
    (
        "case when age > 5 then 'a' when not age > 5 then 'b' else 'c' end = 'a'",
        "expression:1:33 W112 the label 'c' is never reached: `age > 5` and `not age > 5` leave nobody",
    ),
]


@pytest.mark.parametrize(("text", "message"), SAID)
def test_what_is_said_and_where(text, message):
    assert said(text) == [message]


def test_a_label_that_is_not_there_is_told_with_the_nearest():
    (found,) = findings(SHOP.expression("lifecycle = 'actve'").tree, names_of(SHOP))
    assert found.hint == "did you mean 'active'? Its labels are: active, lapsed, prospect"


def test_a_project_is_told_once_where_the_cause_stands():
    more = {
        "nobody": ("segment", "orders > 5 and orders < 3"),
        "german_nobody": ("segment", "nobody and german"),
        "status": ("segmentation", "case when orders > 1 then 'some' when orders > 5 then 'many' else 'few' end"),
    }
    found = of_catalog(catalog(more))
    assert [(f.place.file, f.code) for f in found if f.place] == [("nobody", "W110"), ("status", "W112")]
    assert of_catalog(SHOP) == ()


def test_a_large_rule_is_looked_through_quickly_or_not_at_all():
    many = " or ".join(f"(age > {n} and exists(order where amount > {n} within {n + 1} days))" for n in range(50))
    assert judged(f"({many}) and not ({many})") in ("never", "")
    assert judged(" and ".join(f"age != {n}" for n in range(200))) == ""
