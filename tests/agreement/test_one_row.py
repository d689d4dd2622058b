"""A new function is one row, a new aggregation one class: from it come parsing, the check, SQL, evaluation, English, canonical
text, JSON, why, and a place in the random programs on which the engines have to agree."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from coterie.core.errors import CoterieError
from coterie.core.place import Origin
from coterie.engine.duckdb import DuckDB
from coterie.language.aggregations import AGGREGATIONS, Aggregation, Rows, filtered
from coterie.language.check import check
from coterie.language.describe import describe
from coterie.language.evaluate import Customer, Event, Missing, World, evaluate
from coterie.language.explain import explain
from coterie.language.format import format
from coterie.language.functions import LEAVES
from coterie.language.leaves import Leaf, Vector
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.tree_json import from_json, to_json
from coterie.language.types import BOOLEAN, INTEGER, MONEY, NUMBERS, Type
from coterie.testing.expressions import features
from coterie.testing.oracle import disagreements
from coterie.testing.programs import program
from coterie.testing.reference import Reference
from coterie.testing.seen import Seen
from coterie.testing.sorted_rows import SortedEvents

SCOPE = Scope({"age": ColumnInfo(INTEGER)}, {"order": EventInfo({"amount": MONEY})})
NOON = datetime(2026, 3, 10, 12)

IS_EVEN = Leaf(
    name="is_even",
    shape="function",
    result=lambda *types: BOOLEAN if types == (INTEGER,) else None,
    expects="a whole number",
    python=lambda x: x % 2 == 0,
    sql=lambda b, x: b.binary("=", b.binary("%", x.tree, b.literal(2)), b.literal(0)),
    words="{0} is even",
    unlike="{0} is odd",
    vectors=(Vector((2,), True), Vector((3,), False), Vector((None,), None, (INTEGER,))),
)


class Spread(Aggregation):
    """The largest value less the smallest."""

    name = "spread"
    words = "the spread of {column} of {events}"
    expects = "a column of numbers"

    def result(self, column: Type | None) -> Type | None:
        return column if column in NUMBERS else None

    def zero(self) -> None:
        return None

    def add(self, state: Any, value: Any, key: Any) -> Any:
        return self.merge(state, (value, value))

    def merge(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        return min(a[0], b[0]), max(a[1], b[1])

    def final(self, state: Any) -> Any:
        return None if state is None else state[1] - state[0]

    def sql(self, q: Any, rows: Rows) -> Any:
        assert rows.type is not None
        wide = q.cast(rows.value, "DECIMAL(38,9)") if rows.type != INTEGER else q.cast(rows.value, "HUGEINT")
        ends = [filtered(q, q.call(name, wide), rows.keep) for name in ("max", "min")]
        kept = "BIGINT" if rows.type == INTEGER else "DECIMAL(18,4)" if rows.type == MONEY else "DOUBLE"
        return q.try_cast(q.binary("-", *ends), kept)


@pytest.fixture
def is_even(monkeypatch):
    monkeypatch.setitem(LEAVES, "is_even", IS_EVEN)


@pytest.fixture
def spread(monkeypatch):
    monkeypatch.setitem(AGGREGATIONS, "spread", Spread())


@pytest.fixture(scope="module")
def engine():
    with SortedEvents() as made:
        yield made


def checked(text: str):
    return check(parse(text), SCOPE, Origin.of(text))


def agree_on(feature: tuple[str, str], engine: DuckDB) -> None:
    """Random programs have it, with every answer, and the engine agrees."""
    assert feature in features()
    seen = Seen()
    for seed in range(6):
        drawn = program(seed, definitions=12, focus=[feature])
        Reference(drawn, seen.watch).answers()
        assert not disagreements(drawn, engine)
    assert seen.answers[feature] == {True, False, None}


def test_without_the_row_there_is_no_such_function():
    with pytest.raises(CoterieError, match="unknown function 'is_even'"):
        checked("is_even(age)")


@pytest.mark.usefixtures("is_even")
def test_one_row_gives_a_function_all_of_its_faces(engine):
    text = "is_even(age) and not is_even(count(order))"
    found = checked(text)
    assert found.type == BOOLEAN
    assert format(parse(" IS_EVEN( age ) AND not is_even(count(order))")) == text
    assert from_json(to_json(parse(text))) == parse(text)
    assert describe(found.tree) == "age is even and the number of orders is odd"
    one = Customer("1", {"age": 32}, (Event("order", NOON, "a"),))
    assert evaluate(found.tree, one, World(NOON)) is True
    assert evaluate(found.tree, Customer("2"), World(NOON)) is False
    assert evaluate(checked("is_even(age)").tree, Customer("2"), World(NOON)) == Missing("not recorded", frozenset({"age"}))
    assert [r.truth for r in explain(found.tree, one, World(NOON)).children] == [True, True]
    with pytest.raises(CoterieError, match="a whole number"):
        checked("is_even('two')")
    agree_on(("leaf", "is_even"), engine)


@pytest.mark.usefixtures("spread")
def test_one_class_gives_an_aggregation_all_of_its_faces(engine):
    text = "spread(order.amount where amount > 1 within 90 days) >= 10"
    found = checked(text)
    assert format(parse(text)) == text
    assert from_json(to_json(parse(text))) == parse(text)
    assert "the spread of amount" in describe(found.tree)
    paid = [Event("order", NOON, str(n), {"amount": Decimal(n)}) for n in (1, 5, 15)]
    assert evaluate(found.tree, Customer("1", {}, paid), World(NOON)) is True
    assert isinstance(evaluate(found.tree, Customer("2"), World(NOON)), Missing)
    with pytest.raises(CoterieError, match="a column of numbers"):
        checked("spread(order.time) > 1")
    agree_on(("aggregation", "spread"), engine)


def test_a_wrong_row_does_not_pass(monkeypatch, engine):
    from dataclasses import replace

    wrong = replace(IS_EVEN, sql=lambda b, x: b.binary("=", b.binary("%", x.tree, b.literal(2)), b.literal(1)))
    monkeypatch.setitem(LEAVES, "is_even", wrong)
    assert disagreements(program(0, definitions=12, focus=[("leaf", "is_even")]), engine)
