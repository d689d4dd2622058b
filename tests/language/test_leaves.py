"""Every row of the tables of operators and functions: its vectors through both faces, and what a row must have."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from coterie.core.windows import Duration
from coterie.language.functions import FUNCTIONS, LEAVES
from coterie.language.functions.customers import bucket
from coterie.language.leaves import Leaf, Vector, phrase
from coterie.language.operators import OPERATORS
from coterie.language.ranges import VALUES, Range
from coterie.language.sql import Builder
from coterie.language.types import BOOLEAN, DATE, DURATION, INTEGER, TEXT, TIMESTAMP, Value
from tests.language.faces import UTC_NOON, DuckDB, in_python, same, types_of

CASES = [(leaf, vector) for leaf in LEAVES.values() for vector in leaf.vectors]
NAMED = [f"{leaf.name}{vector.args!r}" for leaf, vector in CASES]


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckDB]:
    with duckdb.connect() as connection:
        yield DuckDB(connection)


@pytest.mark.parametrize(("leaf", "vector"), CASES, ids=NAMED)
def test_a_known_answer_in_python_and_in_sql(leaf: Leaf, vector: Vector, duck: DuckDB):
    types, context = types_of(vector), vector.context or UTC_NOON
    assert leaf.result(*types) is not None
    assert same(in_python(leaf, vector.args, types, context), vector.result)
    (as_literals,) = duck.rows(leaf, [vector.args], types, context, literal=True)
    assert same(as_literals, vector.result)
    (as_columns,) = duck.rows(leaf, [vector.args], types, context)
    assert same(as_columns, vector.result)


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_a_row_has_vectors_for_each_kind_of_answer(leaf: Leaf):
    results = [v.result for v in leaf.vectors]
    if any(leaf.result(*types_of(v)) == BOOLEAN and leaf.name not in ("least", "coalesce") for v in leaf.vectors):
        assert True in results
        assert False in results
    takes_columns = any(len(v.args) > len(leaf.literal) for v in leaf.vectors)
    if takes_columns and leaf.name not in ("is missing", "is known"):
        assert None in results


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_a_row_refuses_what_does_not_go_together(leaf: Leaf):
    assert leaf.result(*[TEXT] * 99) is None or leaf.name in ("in", "concat", "least", "greatest", "coalesce")
    if leaf.shape != "name":
        assert leaf.result() is None
    assert leaf.expects


@pytest.mark.parametrize(("leaf", "vector"), CASES, ids=NAMED)
def test_the_words_of_a_row_take_its_arguments(leaf: Leaf, vector: Vector):
    written = [str(a) for a in vector.args]
    for words in filter(None, (leaf.words, leaf.unlike)):
        text = phrase(words, len(written)).format(*written, rest=", ".join(written[1:]))
        assert "{" not in text or "{" in str(vector.args)
        assert "[" not in phrase(words, len(written))


def test_optional_words_are_left_out_with_their_argument():
    assert phrase("{0} rounded[ to {1} places]", 1) == "{0} rounded"
    assert phrase("{0} rounded[ to {1} places]", 2) == "{0} rounded to {1} places"


def test_the_tables_hold_all_rows():
    assert LEAVES == OPERATORS | FUNCTIONS
    assert len(LEAVES) == len(OPERATORS) + len(FUNCTIONS)


def test_neither_sqlglot_nor_duckdb_is_loaded_with_the_rows():
    code = "import sys, coterie.language.functions; print([m for m in ('sqlglot', 'duckdb') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


NOON = datetime(2026, 3, 10, 12)


def up(least: Value) -> Range:
    return Range(least, None)


@pytest.mark.parametrize(
    ("name", "args", "answer"),
    [
        (">=", (up(5), 5), True),
        (">=", (up(5), 6), None),
        (">=", (Range(3, 5), 6), False),
        (">", (up(5), 5), None),
        (">", (up(6), Decimal("5.5")), True),
        (">", (Range(None, 5), 5), False),
        ("<", (up(5), 5), False),
        ("<", (up(4), 5), None),
        ("<", (Range(None, 4), 5), True),
        ("<", (5, up(6)), True),
        ("<", (Range(1, 3), Range(4, 9)), True),
        ("<", (Range(1, 4), Range(4, 9)), None),
        ("<=", (Range(1, 4), Range(4, 9)), True),
        ("<=", (up(5), 5), None),
        ("<=", (up(6), 5), False),
        ("=", (up(6), 5), False),
        ("=", (up(5), 5), None),
        ("=", (Range(5, 5), 5), True),
        ("=", (Range(None, 4), 5), False),
        ("=", (NOON, Range(None, NOON - timedelta(days=1))), False),
        ("between", (up(8), 5, 7), False),
        ("between", (up(6), 5, 7), None),
        ("between", (Range(6, 7), 5, 7), True),
        ("between", (6, up(7), 9), False),
        ("between", (up(8), None, 7), False),
        ("between", (up(8), 5, None), None),
        ("in", (up(8), 5, 7), False),
        ("in", (up(6), 5, 7), None),
        ("in", (Range(5, 7), 4, 8), False),
        ("in", (up(8), 5, None), None),
        (">=", (up(5), None), None),
    ],
)
def test_what_a_value_known_to_lie_in_a_range_decides(name, args, answer):
    decide = LEAVES[name].bounded
    assert decide is not None
    assert decide(VALUES, *(a if isinstance(a, Range) else Range(a, a) for a in args)) is answer


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES.values() if leaf.order], ids=lambda leaf: leaf.name)
@given(data=st.data())
def test_a_function_with_an_order_keeps_it(leaf, data):
    kind = data.draw(st.sampled_from([st.dates(), st.datetimes()]))
    a, b = sorted(data.draw(st.tuples(kind, kind)))
    x, y = (leaf.python(UTC_NOON, v) for v in (a, b))
    assert (x <= y) if leaf.order == "kept" else (x >= y)


PORTABLE = {
    *("ABS", "ARRAY_CONTAINS", "ASIN", "CEIL", "COALESCE", "CONTAINS", "COS", "DATE_TRUNC", "DAY", "FLOOR", "GREATEST"),
    *("HOUR", "LEAST", "LENGTH", "LN", "LOWER", "MD5", "MONTH", "NULLIF", "REGEXP_EXTRACT", "REGEXP_REPLACE", "REPLACE"),
    *("ROUND", "SIGN", "SIN", "SQRT", "SUBSTRING", "TRANSLATE", "UPPER", "YEAR"),
}
ONLY_DUCKDB = {
    *("DATE_DIFF", "ENDS_WITH", "EPOCH_US", "ISODOW", "REGEXP_MATCHES", "STARTS_WITH", "STRFTIME", "STRING_SPLIT"),
    *("STRLEN", "TIMEZONE", "TO_YEARS", "TRIM"),
    *("LIST_EXTRACT", "LIST_TRANSFORM", "ROW", "STRUCT_EXTRACT"),  # Builder.let
}
"""Each has its Spark form named beside its row; another engine gets its own face there."""


@pytest.mark.parametrize(("leaf", "vector"), CASES, ids=NAMED)
def test_a_row_uses_functions_that_are_known_to_be_portable_or_not(leaf: Leaf, vector: Vector, duck: DuckDB):
    b = Builder("duckdb", vector.context or UTC_NOON, exp.Literal.string("1"))
    tree = leaf.sql(b, *(duck.literal(b, a, t) for a, t in zip(vector.args, types_of(vector), strict=True)))
    assert {call.name for call in tree.find_all(exp.Anonymous)} <= PORTABLE | ONLY_DUCKDB


def test_a_month_is_not_added_to_an_instant_nor_an_hour_to_a_date():
    forbids = LEAVES["+"].forbids
    assert forbids is not None
    assert "date(…)" in str(forbids((TIMESTAMP, DURATION), (None, Duration(1, "month"))))
    assert "not to a date" in str(forbids((DATE, DURATION), (None, Duration(1, "hour"))))
    assert forbids((DATE, DURATION), (None, Duration(1, "month"))) is None
    assert forbids((TIMESTAMP, DURATION), (None, Duration(1, "week"))) is None
    assert forbids((INTEGER, INTEGER), (1, 2)) is None


@pytest.mark.parametrize(
    ("name", "literals", "complaint"),
    [
        ("round", (2,), None),
        ("round", (10,), "places are a whole number from 0 to 9"),
        ("round", (Decimal("1.5"),), "places are a whole number from 0 to 9"),
        ("log", (10,), None),
        ("log", (1,), "the base of a logarithm is above 0 and not 1"),
        ("log", (Decimal(0),), "the base of a logarithm is above 0 and not 1"),
        ("date_trunc", ("month",), None),
        ("date_trunc", ("hour",), "the period is one of day, week, month, quarter, year"),
        ("sample", (Decimal("0.1"), "spring"), None),
        ("sample", (2, "spring"), "the share is between 0% and 100%, such as 10%"),
        ("sample", (Decimal("0.1"), ""), "the sample needs a name, so that another sample is another draw"),
        ("matches", ("a+",), None),
        ("matches", ("a{",), "at character 2: { begins a count such as {2} or {2,5}; write \\{ for the sign itself"),
    ],
)
def test_literals_that_make_no_sense_are_refused(name: str, literals: tuple, complaint: str | None):
    validate = LEAVES[name].validate
    assert validate is not None
    assert validate(*literals) == complaint


@pytest.mark.parametrize(
    ("salt", "customer", "number"),
    [
        ("spring", "1", 2943313116277336),
        ("spring", "cust-é", 3785777865049029),
        ("spring", "a b", 549504726576881),
        ("spring", "", 2470810948551607),
    ],
)
def test_the_draw_of_a_sample_is_fixed_for_all_time(salt: str, customer: str, number: int):
    assert bucket(salt, customer) == number
