"""Every row of the tables of operators and functions: its vectors through both faces, and what a row must have."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest

from coterie.language.functions import FUNCTIONS, LEAVES
from coterie.language.leaves import Leaf, Vector, phrase
from coterie.language.operators import OPERATORS
from coterie.language.types import BOOLEAN, TEXT
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


@pytest.mark.parametrize(
    ("name", "bound", "others", "answer"),
    [
        (">=", 5, (5,), True),
        (">=", 5, (6,), None),
        (">", 5, (5,), None),
        (">", 6, (Decimal("5.5"),), True),
        ("<", 5, (5,), False),
        ("<", 4, (5,), None),
        ("<=", 5, (5,), None),
        ("<=", 6, (5,), False),
        ("=", 6, (5,), False),
        ("=", 5, (5,), None),
        ("between", 8, (5, 7), False),
        ("between", 6, (5, 7), None),
        ("between", 8, (None, 7), False),
        ("between", 8, (5, None), None),
        ("in", 8, (5, 7), False),
        ("in", 6, (5, 7), None),
        ("in", 8, (5, None), None),
        (">=", 5, (None,), None),
    ],
)
def test_what_a_value_known_to_be_at_least_something_decides(name, bound, others, answer):
    decide = LEAVES[name].at_least
    assert decide is not None
    assert decide(bound, *others) is answer
