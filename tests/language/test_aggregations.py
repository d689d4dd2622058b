"""Each aggregation: any split of the rows into parts, in any order, merges to what DuckDB's SQL gives over the same rows."""

import itertools
import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from coterie.engine.arrow import arrow_type
from coterie.engine.duckdb import DuckDB
from coterie.language.aggregations import AGGREGATIONS, Aggregation, Rows, as_float, filtered, settle
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, list_of
from coterie.testing.oracle import same

TAGS = list_of(Kind.TEXT)
EXAMPLES = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 6
NOON = datetime(2026, 3, 10, 12)
RICHEST = Decimal("99999999999999.9999")

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    INTEGER: st.sampled_from([0, 1, 2, -1, 2**63 - 1, -(2**63), 2**53 + 1]) | st.integers(-5, 5),
    MONEY: st.sampled_from([Decimal(0), RICHEST, -RICHEST, Decimal("0.0001"), Decimal("-0.005")])
    | st.integers(-50, 50).map(lambda n: Decimal(n).scaleb(-2)),
    FLOAT: st.sampled_from(
        ["0", "0.1", "0.2", "0.3", "-0.000000001", "999999999999999.999999999", "-999999999999999.999999999"]
    ).map(Decimal),
    TEXT: st.sampled_from(["", "a", "A", "é", "e\u0301", "\uffff", "😀", "it's"]),
    BOOLEAN: st.booleans(),
    DATE: st.sampled_from([date.min, date.max, date(2024, 2, 29), date(2026, 1, 31)]),
    TIMESTAMP: st.integers(-3, 3).map(lambda n: NOON + timedelta(microseconds=n)),
    TAGS: st.sampled_from([(), ("a",), ("b", "a")]),
}
PLACES = {MONEY: Decimal("0.0001"), FLOAT: Decimal("0.000000001")}
CASES = [
    (aggregation, type_)
    for aggregation in AGGREGATIONS.values()
    for type_ in (*VALUES, None)
    if (type_ is None) == (aggregation.column == "none" or (aggregation.column == "optional" and type_ is None))
    and aggregation.result(type_) is not None
]
NAMES = [f"{a.name} of {t or 'events'}" for a, t in CASES]

Row = tuple[Any, bool | None]
"""A row's value (None: missing) and whether the condition holds."""


@pytest.fixture(scope="module")
def engine():
    with DuckDB(threads=1) as made:
        yield made


def rows_of(type_: Type | None) -> st.SearchStrategy[list[Row]]:
    values = (
        st.none() if type_ is None else st.none() | VALUES[type_].map(lambda v: v.quantize(PLACES[type_]) if type_ in PLACES else v)
    )
    return st.lists(st.tuples(values, st.sampled_from([True, True, False, None])), max_size=9)


def state_of(of: Aggregation, rows: Sequence[tuple[int, Row]], column: bool) -> Any:
    """The state over some rows; a row is (its place in the order of events, (value, condition))."""
    state = of.zero()
    for place, (value, holds) in rows:
        if of.name == "share":
            state = state if holds is None else of.add(state, holds, place)
        elif holds and (value is not None or not column):
            state = of.add(state, value if column else True, place)
    return state


def split(rows: list[Any], cuts: list[int]) -> list[list[Any]]:
    edges = [0, *sorted(c % (len(rows) + 1) for c in cuts), len(rows)]
    return [rows[a:b] for a, b in itertools.pairwise(edges)]


def in_sql(engine: DuckDB, of: Aggregation, customers: Sequence[Sequence[Row]], type_: Type | None) -> list[Any]:
    """What the SQL gives for each customer, as the batch builds it: filtered, or first counted by value.

    Each has one row more that no condition holds for, so that all are there.
    """
    q = Builder("duckdb", Context(NOON, "UTC"), exp.Literal.string("1"))
    rows = [(n, value, holds) for n, own in enumerate(customers) for value, holds in [*own, (None, None)]]
    table = {
        "c": pa.array([c for c, _, _ in rows], pa.int64()),
        "v": pa.array([v for _, v, _ in rows], pa.bool_() if type_ is None else arrow_type(type_, event=True)),
        "w": pa.array([w for _, _, w in rows], pa.bool_()),
        "_order": pa.array(range(len(rows)), pa.int64()),
    }
    engine.register("rows", pa.table(table))
    value, holds, order = exp.column("v"), exp.column("w"), exp.column("_order")
    if of.name == "share":
        query = exp.select(of.sql(q, Rows(holds, None, None, order))).from_("rows")
    elif of.grouped:
        counted = exp.select("c", "v", filtered(q, q.count_rows(), q.all([holds, q.not_(q.is_null(value))])).as_("n"))
        counted = counted.from_("rows").group_by("c", "v")
        query = exp.select(of.sql(q, Rows(value, type_, None, exp.column("n")))).from_(counted.subquery("g"))
    else:
        keep = holds if type_ is None else q.all([holds, q.not_(q.is_null(value))])
        query = exp.select(of.sql(q, Rows(None if type_ is None else value, type_, keep, order))).from_("rows")
    return [cell(row[0]) for row in engine.rows(query.group_by("c").order_by("c"))]


def cell(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize(("of", "type_"), CASES, ids=NAMES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_split_in_any_order_merges_to_what_sql_gives(of, type_, engine, data):
    customers = data.draw(st.lists(rows_of(type_), min_size=1, max_size=12))
    merged = [in_parts(of, rows, type_, data) for rows in customers]
    assert all(map(same, in_sql(engine, of, customers, type_), merged))


def in_parts(of: Aggregation, rows: list[Row], type_: Type | None, data: st.DataObject) -> Any:
    """The result over rows in any order, split into parts that are merged in any order: the same as in one pass."""
    placed = data.draw(st.permutations(list(enumerate(rows))))
    parts = split(placed, data.draw(st.lists(st.integers(0, 9), max_size=3)))
    states = data.draw(st.permutations([state_of(of, part, type_ is not None) for part in parts]))
    merged = of.zero()
    for state in states:
        merged = of.merge(merged, state)
    result = of.result(type_)
    assert result is not None
    expected = settle(of.final(merged), result)
    assert same(expected, settle(of.final(state_of(of, list(enumerate(rows)), type_ is not None)), result))
    return expected


@pytest.mark.parametrize(("of", "type_"), CASES, ids=NAMES)
@settings(max_examples=3 * EXAMPLES)
@given(data=st.data())
def test_merging_is_associative_has_a_zero_and_leaves_its_sides_as_they_were(of, type_, data):
    column = type_ is not None
    a, b, c = (state_of(of, list(enumerate(data.draw(rows_of(type_)), start)), column) for start in (0, 100, 200))
    before = [repr(s) for s in (a, b, c)]
    assert of.merge(of.merge(a, b), c) == of.merge(a, of.merge(b, c))
    assert of.merge(of.zero(), a) == a == of.merge(a, of.zero())
    assert of.merge(a, b) == of.merge(b, a)
    assert [repr(s) for s in (a, b, c)] == before


@pytest.mark.parametrize("of", AGGREGATIONS.values(), ids=AGGREGATIONS)
def test_over_nothing_a_measure_is_a_value_or_says_that_nothing_happened(of):
    final = of.final(of.zero())
    assert (final is None) == of.nothing
    assert final in (None, 0, False)


@pytest.mark.parametrize("of", AGGREGATIONS.values(), ids=AGGREGATIONS)
def test_what_was_seen_is_only_called_the_least_or_the_most_where_more_rows_cannot_pass_it(of):
    few, more = [(1, (2, True))], [(1, (2, True)), (2, (1, True)), (3, (5, True))]
    seen, all_of_it = of.final(state_of(of, few, True)), of.final(state_of(of, more, True))
    if of.seen_is is not None:
        assert seen <= all_of_it if of.seen_is == "least" else seen >= all_of_it


@pytest.mark.parametrize(
    ("name", "type_", "values", "result"),
    [
        ("sum", INTEGER, [2**63 - 1, 1], None),
        ("sum", INTEGER, [2**63 - 1, 1, -1], 2**63 - 1),
        ("sum", MONEY, [RICHEST, Decimal("0.0001")], None),
        ("sum", MONEY, [RICHEST, RICHEST, -RICHEST], RICHEST),
        ("sum", FLOAT, [Decimal("0.1"), Decimal("0.2"), Decimal("0.3")], 0.6),
        ("sum", FLOAT, [Decimal("0.3"), Decimal("0.2"), Decimal("0.1")], 0.6),
        ("avg", INTEGER, [2**63 - 1, 2**63 - 1], float(2**63)),
        ("avg", MONEY, [Decimal("0.1"), Decimal("0.2")], 0.15),
        ("most_common", TEXT, ["b", "a", "b", "a"], "a"),
        ("most_common", TEXT, ["\U0001f600", "\uffff"], "\uffff"),
        ("most_common", INTEGER, [10, 9], 9),
        ("distinct", TEXT, ["é", "e\u0301", "é"], 2),
        ("first", INTEGER, [3, 1, 2], 3),
        ("last", INTEGER, [3, 1, 2], 2),
        ("min", TEXT, ["a", "B"], "B"),
        ("max", DATE, [date.min, date.max], date.max),
    ],
)
def test_known_answers(name, type_, values, result, engine):
    of = AGGREGATIONS[name]
    stored = [v.quantize(PLACES[type_]) if type_ in PLACES else v for v in values]
    rows = [(v, True) for v in stored]
    kind = of.result(type_)
    assert kind is not None
    assert same(settle(of.final(state_of(of, list(enumerate(rows)), True)), kind), result)
    assert same(in_sql(engine, of, [rows], type_)[0], result)


@given(st.lists(VALUES[FLOAT], min_size=1, max_size=6))
def test_a_decimal_becomes_the_same_double_here_and_in_the_engine(engine, values):
    totals = [v.quantize(PLACES[FLOAT]) for v in values]
    engine.register("decimals", pa.table({"n": pa.array(range(len(totals))), "v": pa.array(totals, pa.decimal128(24, 9))}))
    found = [row[0] for row in engine.rows("SELECT v::DOUBLE FROM decimals ORDER BY n")]
    assert found == [as_float(v) for v in totals]
