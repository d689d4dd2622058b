"""Random arguments, awkward ones and missing ones through both faces of every row: the same answers, to the bit."""

import math
import os
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from coterie.core.windows import UNITS, Duration
from coterie.language.functions import LEAVES
from coterie.language.leaves import Context, Leaf
from coterie.language.operators.arithmetic import FIRST_INSTANT, LAST_INSTANT
from coterie.language.sql import Builder, Sql
from coterie.language.types import (
    BOOLEAN,
    DATE,
    DURATION,
    FLOAT,
    INTEGER,
    MONEY,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    list_of,
    sql_type,
)
from tests.language.faces import UTC_NOON, DuckDB, in_python, same

EXAMPLES = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 12

TAGS, NUMBERS = list_of(Kind.TEXT), list_of(Kind.INTEGER)
TYPES = (INTEGER, MONEY, FLOAT, TEXT, BOOLEAN, DATE, TIMESTAMP, DURATION, TAGS, NUMBERS)
ZONES = (
    "UTC",
    "Europe/London",
    "America/New_York",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/Santiago",
)

INTEGERS = (0, 1, -1, 2, 10, 99, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63) + 1, -(2**63))
MONIES = ["0", "0.0001", "-0.0001", "0.5", "1", "2.5", "-2.5", "19.99", "0.005", "1e13"]
MONIES += ["99999999999999.9999", "-99999999999999.9999"]
FLOATS = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, 1.005, 0.1, 1 / 3, 0.49999999999999994, 1e15, 2.0**53, 2.0**63, -(2.0**63)]
FLOATS += [1e28, 1e29, 1e-9, 5e-10, 5e-324, 1e308, 1.7976931348623157e308, -1e308, 90.0, 180.0]
TEXTS = ["", "a", "A", "z", "é", "e\u0301", "ß", "İ", "ﬁ", "😀", "\u212a", " a ", "\t\r\n", "\u00a0", "\x00", "a\nb"]
TEXTS += ["'", "%", "_", "\\", "1", "-1.5", "+.5", "5.", "1e9", "1e99", "1e400", "1_000", "1,000", "0x1F", "nan", "inf"]
TEXTS += ["٣", "3.10", "3.9.0", "3.10-b", "0.0", "2026-01-31", "2026-02-30", "0000-01-01", "0001-01-01", "9999-12-31"]
TEXTS += ["2026-1-1", "2026-01-31 ", "10000-01-01"]
DAYS = [date.min, date(1, 12, 31), date(1900, 2, 28), date(2024, 2, 29), date(2026, 2, 28), date(2026, 3, 1)]
DAYS += [date(9999, 1, 31), date.max]
INSTANTS = [FIRST_INSTANT, LAST_INSTANT]
INSTANTS += [datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)]
PATTERNS = ["a", "^a", "a$", "^$", ".", r"\d", r"\w+", r"\s", "[^a-z]", "(?i)é|k", "(a|b)*c?", "[.]", r"\.", "é"]
PATTERNS += [r"^[\w.]{1,3}$", "[^\\n]"]

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    INTEGER: st.sampled_from(INTEGERS) | st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50),
    MONEY: st.sampled_from(MONIES).map(lambda m: Decimal(m).quantize(Decimal("0.0001")))
    | st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(n).scaleb(-4))
    | st.integers(-99999, 99999).map(lambda n: Decimal(n).scaleb(-4)),
    FLOAT: st.sampled_from(FLOATS) | st.floats(allow_nan=False, allow_infinity=False) | st.floats(-200, 200),
    TEXT: st.sampled_from(TEXTS)
    | st.text("aAbBzZ09. éß\t\n", max_size=6)
    | st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)
    | st.text(max_size=5),
    BOOLEAN: st.booleans(),
    DATE: st.sampled_from(DAYS) | st.dates() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    TIMESTAMP: st.sampled_from(INSTANTS)
    | st.datetimes(FIRST_INSTANT, LAST_INSTANT)
    | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    TAGS: st.lists(st.sampled_from(("a", "b", "é", "")), unique=True, max_size=3).map(tuple),
    NUMBERS: st.lists(st.integers(-2, 2), unique=True, max_size=3).map(tuple),
}
LENGTHS = st.builds(Duration, st.integers(1, 40) | st.sampled_from((12_000, 4_000_000, 10**10)), st.sampled_from(UNITS))
WRITTEN = {
    ("matches", 1): st.sampled_from(PATTERNS),
    ("round", 1): st.integers(0, 9),
    ("log", 1): st.sampled_from((2, 10, Decimal("0.5"), 2.5)),
    ("date_trunc", 0): st.sampled_from(("day", "week", "month", "quarter", "year")),
    ("sample", 0): st.sampled_from((0, 1, Decimal("0.1"), Decimal("0.5"), 0.12345)),
    ("sample", 1): st.text(min_size=1, max_size=5),
    ("in_list", 0): st.sampled_from(("press", "other")),
}
"""What stands written out: the literal arguments of a row."""


def signatures(leaf: Leaf) -> list[tuple[Type, ...]]:
    """The types of arguments that a row takes, up to three of them (a fourth is as the third)."""
    found = [types for n in range(4) for types in product(TYPES, repeat=n) if leaf.result(*types) is not None]
    return found or [types for types in product((INTEGER, MONEY, FLOAT), repeat=4) if leaf.result(*types) is not None]


CLASSES: dict[Type, type] = {INTEGER: int, MONEY: Decimal, FLOAT: float, TEXT: str}


def is_a(class_: type, value: object) -> bool:
    return type(value) is class_


@st.composite
def calls(draw: st.DrawFn, leaf: Leaf, known: list[tuple[Type, ...]], floats: st.SearchStrategy[float] | None = None) -> Any:
    """A signature, literals, rows of arguments with some missing, and the context of a question."""
    types = draw(st.sampled_from(known))
    written = {}
    for i, type_ in enumerate(types):
        if i in leaf.literal:
            written[i] = draw(WRITTEN[leaf.name, i].filter(partial(is_a, CLASSES[type_])))
        elif type_ == DURATION:
            written[i] = draw(LENGTHS)
    values = VALUES | ({FLOAT: floats} if floats is not None else {})
    row = st.tuples(*(st.just(written[i]) if i in written else st.none() | values[t] for i, t in enumerate(types)))
    as_of = draw(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)) | st.just(datetime(2026, 2, 28, 23, 30)))
    context = Context(as_of, draw(st.sampled_from(ZONES)), draw(st.text(max_size=4)), {"press": frozenset({"", "0", "a"})})
    return types, draw(st.lists(row, min_size=1, max_size=25)), context


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckDB]:
    with duckdb.connect() as connection:
        yield DuckDB(connection)


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_both_faces_agree(leaf: Leaf, duck: DuckDB):
    @settings(max_examples=EXAMPLES)
    @given(calls(leaf, signatures(leaf)))
    def agree(call: Any) -> None:
        types, rows, context = call
        expected = [in_python(leaf, row, types, context) for row in rows]
        found = duck.rows(leaf, rows, types, context)
        for row, a, b in zip(rows, expected, found, strict=True):
            assert same(a, b), (row, types, a, b)
        written = duck.rows(leaf, rows[:2], types, context, literal=True)
        for row, a, b in zip(rows, expected, written, strict=False):
            assert same(a, b), (row, types, a, b)

    agree()


AWKWARD = st.sampled_from((math.nan, math.inf, -math.inf, 1.5))


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_not_even_nan_or_infinity_stops_a_query(leaf: Leaf, duck: DuckDB):
    """No value is NaN or infinite; should one slip in, it must not fail the scan that serves everybody."""
    known = [types for types in signatures(leaf) if FLOAT in types]
    if not known:
        return

    @settings(max_examples=3)
    @given(calls(leaf, known, AWKWARD))
    def answers(call: Any) -> None:
        types, rows, context = call
        found = duck.rows(leaf, rows, types, context)
        if leaf.name in ("+", "-", "*", "/", "sqrt", "log", "round", "floor", "ceil", "distance_km"):
            assert all(value is None or math.isfinite(value) for value in found)

    answers()


@pytest.mark.parametrize("name", ["+", "*", "/", "least", "coalesce", "distance_km", "anniversary", "round", "sqrt", "-"])
def test_rules_nest_without_doubling(name: str, duck: DuckDB):
    """Each row inside itself, sixteen deep: the SQL grows by the same piece each time, and says what Python says."""
    leaf = LEAVES[name]
    nested: dict[str, tuple[tuple[Type, ...], tuple[Any, ...]]] = {
        "distance_km": ((FLOAT,) * 4, (1.5, 2.5, 3.5, 4.5)),
        "anniversary": ((DATE,), (date(2024, 2, 29),)),
        "-": ((TIMESTAMP, DURATION), (datetime(2026, 1, 1), Duration(5, "hour"))),
    }
    types, row = nested.get(name, ((FLOAT,) * min(map(len, signatures(leaf))), (1.5, 2.5, 3.5)))
    row = row[: len(types)]
    b = Builder("duckdb", Context(datetime(2026, 2, 28), "UTC"), exp.Literal.string("1"))
    rest = [duck.literal(b, value, type_) for value, type_ in zip(row[1:], types[1:], strict=True)]
    tree, value = Sql(exp.column("x"), types[0]), row[0]
    sizes = []
    for _ in range(16):
        tree = Sql(leaf.sql(b, tree, *rest), types[0])
        value = in_python(leaf, (value, *row[1:]), types, b.context)
        sizes.append(len(tree.tree.sql("duckdb")))
    assert sizes[-1] - sizes[-2] <= 2000
    assert sizes[-1] < 32_000
    kind = sql_type(types[0])
    found = duck.connection.execute(f"SELECT {tree.tree.sql('duckdb')} FROM (SELECT ?::{kind} AS x)", [row[0]]).fetchone()
    assert found is not None
    assert same(found[0], value)


def test_what_stands_in_a_large_expression_may_be_a_subquery(duck: DuckDB):
    """A list of ids is asked in a subquery, which DuckDB does not take inside the function that binds a large tree."""
    context = Context(datetime(2026, 2, 28), "UTC", "1", {"press": frozenset({"1"})})
    duck.rows(LEAVES["in_list"], [("press",)], (TEXT,), context)
    b = Builder("duckdb", context, exp.Literal.string("1"))
    on_list = LEAVES["in_list"].sql(b, duck.literal(b, "press", TEXT))
    chosen = Sql(b.case([(on_list, b.literal(1.5, FLOAT))], b.literal(0.5, FLOAT)), FLOAT)
    total = chosen
    for _ in range(6):
        total = Sql(LEAVES["+"].sql(b, total, chosen), FLOAT)
    smallest = LEAVES["least"].sql(b, total, chosen, total)
    sql = exp.select(total.tree, smallest).sql("duckdb")
    assert duck.connection.execute(sql).fetchone() == (10.5, 1.5)


def test_a_float_column_of_an_event_is_a_decimal_until_it_is_used(duck: DuckDB):
    b = Builder("duckdb", UTC_NOON, exp.Literal.string("1"))
    x, y = Sql(exp.column("x"), FLOAT), Sql(exp.column("y"), FLOAT)
    duck.connection.execute("CREATE TABLE e (x DECIMAL(24,9), y DECIMAL(24,9))")
    duck.connection.execute("INSERT INTO e VALUES (999999999999999.999999999, 0.000000001), (0.1, 0.2), (NULL, 1)")
    for name, expected in {
        "+": [1e15, 0.30000000000000004, None],
        "*": [1e15 * 1e-9, 0.1 * 0.2, None],
        "/": [1e15 / 1e-9, 0.5, None],
        "<": [False, True, None],
        "least": [1e-9, 0.1, None],
        "coalesce": [1e15, 0.1, 1.0],
    }.items():
        tree = LEAVES[name].sql(b, x, y)
        found = [row[0] for row in duck.connection.execute(exp.select(tree).from_("e").sql("duckdb")).fetchall()]
        assert found == expected, name
        assert all(isinstance(value, float | bool) or value is None for value in found)
