"""Rules that are answered beside the customers get the answers that the table of traits gives."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.engine.duckdb import DuckDB
from coterie.segments import membership
from coterie.segments.beside import beside
from coterie.testing.asking import Defined, Program
from coterie.testing.oracle import conditions, load, planned
from coterie.testing.populations import Happening
from coterie.testing.sorted_rows import SortedEvents
from coterie.traits import batch
from tests.agreement.asking import NOON, asked

TRAITS = {
    "orders": "count(order)",
    "lately": "count(order within 3 days)",
    "shoes": "count(order where category = 'shoes')",
    "revenue": "sum(order.amount)",
    "spent": "sum(order.amount within 3 days)",
    "most": "max(order.amount)",
    "least": "min(order.amount within 5 days)",
    "last": "last(order.time)",
    "first": "first(order.time within 5 days)",
    "visits": "count(visit)",
}
PLAIN = [
    *("orders >= 2", "lately = 0", "shoes > 0 and country = 'DE'", "revenue >= 10", "spent > 2.5 or age < 30", "visits > 1"),
    *(
        "not (most > 5)",
        "least < 3",
        "least is missing",
        "last within 4 days",
        "not (first within 4 days)",
        "age between 20 and 40",
    ),
    *("country in ('DE', 'FR') or orders = 1", "sum(order.amount within 2 days) > 1"),
]
OTHERS = [
    *(
        "revenue / orders > 2",
        "distinct(order.category) > 1",
        "sequence(visit, order within 2 days)",
        "most > least",
        "spent > age",
    ),
    *("last(order.category) = 'shoes'", "avg(order.amount) > 2", "percentile(revenue) > 0.5"),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    with SortedEvents(threads=2) as made:
        yield made


MONEY = st.one_of(st.none(), st.integers(-3, 9).map(lambda n: Decimal(n).quantize(Decimal("0.0001"))))
EVENT = st.tuples(st.integers(0, 11), st.sampled_from(("order", "visit")), st.integers(-200, 20), MONEY)


@st.composite
def programs(draw: st.DrawFn, rules: list[str]) -> Program:
    """Rules over customers with some events, without, and with events that are still to come."""
    some = draw(st.lists(st.sampled_from(rules), min_size=1, max_size=6, unique=True))
    ages, countries = st.one_of(st.none(), st.integers(18, 45)), st.sampled_from((None, "DE", "FR"))
    people = {f"c{n:02}": {"age": draw(ages), "country": draw(countries)} for n in range(draw(st.integers(1, 12)))}
    empty = asked(TRAITS, people)
    happened = [
        Happening(
            f"c{who % len(people):02}",
            kind,
            NOON + timedelta(hours=hours),
            f"{n:04}",
            {"amount": amount, "category": "shoes" if hours % 2 else None} if kind == "order" else {"page": None},
        )
        for n, (who, kind, hours, amount) in enumerate(draw(st.lists(EVENT, max_size=30)))
    ]
    segments = {f"s{n}": Defined("segment", text) for n, text in enumerate(some)}
    definitions = {**empty.definitions, **segments}
    return replace(empty, population=replace(empty.population, events=tuple(happened)), definitions=definitions)


def both(program: Program, engine: DuckDB) -> tuple[membership.Packed | None, membership.Packed]:
    """The memberships beside the customers, if they can be had so, and out of the table."""
    tables = load(program, engine)
    made, q = planned(program, tables)
    aliases = batch.aliases_of((d.name, d.checked.tree) for d in program.catalog.definitions.values())
    compiler = batch.compiler(q, program.catalog.scope, tables, aliases)
    rules = {name: tree for name, tree in conditions(program).items() if name.startswith("s")}
    compiled = membership.rules(rules, compiler, made.table, keys=[batch.KEY])
    apart = beside(engine, made, compiled)
    mine = None if apart is None else membership.looked(compiled, [], apart.asked(engine), apart.of)
    for step in made.steps:
        engine.create(step.table, step.query, step.about)
    return mine, membership.looked(compiled, [], engine.fetch(compiled.query))


def by_key(found: membership.Packed) -> list[list[int]]:
    order = np.argsort(found.keys)
    return [found.keys[order].tolist(), *(word[order].tolist() for word in found.words)]


@settings(max_examples=60, deadline=None)
@given(program=programs(PLAIN))
def test_plain_rules_are_answered_alike(engine: DuckDB, program: Program) -> None:
    mine, theirs = both(program, engine)
    assert mine is not None or not program.population.events
    assert mine is None or by_key(mine) == by_key(theirs)


@pytest.mark.parametrize("rule", OTHERS)
def test_a_rule_that_needs_more_is_left_to_the_table(engine: DuckDB, rule: str) -> None:
    program = asked(TRAITS, {"a": {"age": 3}}, [("a", "order", "2026-03-09T10:00"), ("a", "visit", "2026-03-09T10:00")])
    program = replace(program, definitions={**program.definitions, "s0": Defined("segment", rule)})
    assert both(program, engine)[0] is None


def test_customers_that_no_scan_has_are_out(engine: DuckDB) -> None:
    people = {name: {"age": 30} for name in "abcd"}
    program = asked(TRAITS, people, [("b", "order", "2026-03-09T10:00"), ("d", "order", "2026-03-11T10:00")])
    assert datetime.fromisoformat("2026-03-11T10:00") > program.as_of
    program = replace(program, definitions={**program.definitions, "s0": Defined("segment", "orders > 0")})
    mine, _ = both(program, engine)
    assert mine is not None
    assert (mine.words[0] & 3).tolist() == [0, 1, 0, 0]
