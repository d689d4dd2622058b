"""Conditions answered beside the engine: as the engine answers them itself, and only where they are comparisons."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from coterie.engine.duckdb import DuckDB
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.types import DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP
from coterie.segments.bitmaps import OUT, Bits, of_arrow, unpacked, words
from coterie.segments.compared import WHOLE, Numbers, compared, number_of
from coterie.traits.batch import quoted

TYPES = {"orders": INTEGER, "spend": MONEY, "birthday": DATE, "last_order": TIMESTAMP}
DAY = datetime.fromisoformat("2026-03-01T12:00:00")
Q = Builder("duckdb", Context(DAY, "UTC"), exp.column("customer"))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "orders": st.one_of(st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63)])),
    "spend": st.one_of(
        st.decimals(-2, 2, places=4), st.integers(-2, 2).map(Decimal), st.sampled_from([Decimal("99999999999999.9999")])
    ),
    "birthday": st.dates(date(1969, 12, 30), date(1970, 1, 2)),
    "last_order": st.datetimes(DAY - timedelta(microseconds=3), DAY + timedelta(microseconds=3)),
}


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> exp.Expression:
    """A tree of comparisons as the language's operators and windows write them."""
    kind = draw(st.sampled_from(["and", "or", "not"])) if depth and draw(st.booleans()) else "leaf"
    if kind == "not":
        return Q.not_(draw(conditions(depth - 1)))
    if kind != "leaf":
        sides = [draw(conditions(depth - 1)) for _ in range(draw(st.integers(1, 3)))]
        return Q.all(sides) if kind == "and" else Q.any(sides)
    name = draw(st.sampled_from(sorted(TYPES)))
    column, value = quoted(name), VALUES[name].map(lambda v: Q.literal(v, TYPES[name]))
    match draw(st.sampled_from(["compare", "between", "in", "missing"])):
        case "compare":
            return Q.binary(draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="])), column, draw(value))
        case "between":
            return Q.between(column, draw(value), draw(value))
        case "in":
            return Q.one_of(column, draw(st.lists(value, min_size=1, max_size=3)))
        case _:
            return Q.is_null(column)


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    with DuckDB(threads=1) as found:
        yield found


def handed_over(engine: DuckDB, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    engine.register("rows", pa.table({n: pa.array([r[n] for r in rows], WHOLE[type_]) for n, type_ in TYPES.items()}))
    select = exp.select(*(quoted(n).as_(number_of(n), quoted=True) for n in TYPES)).from_("rows")
    return engine.fetch(select).combine_chunks().to_batches()[0]


ROWS = st.lists(st.fixed_dictionaries({n: st.one_of(st.none(), values) for n, values in VALUES.items()}), min_size=1, max_size=70)


def verdicts(bits: Bits) -> list[int]:
    return [int(v) for v in unpacked(words([bits], bits.rows)[0], 0)]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, trees=st.lists(conditions(), min_size=1, max_size=8), cut=st.integers(0, 20))
def test_a_comparison_is_answered_as_the_engine_answers_it(
    engine: DuckDB, rows: list[dict[str, Any]], trees: list[exp.Expression], cut: int
) -> None:
    handed = handed_over(engine, rows)
    asked = engine.fetch(exp.select(*(tree.copy().as_(f"c{i}") for i, tree in enumerate(trees))).from_("rows")).combine_chunks()
    for start in {0, min(cut, handed.num_rows - 1)}:  # a slice of a batch, too
        numbers = Numbers(handed.slice(start))
        for i, tree in enumerate(trees):
            found = compared(tree, TYPES)
            assert found is not None, tree.sql(dialect="duckdb")
            assert set(found.columns) == {c.name for c in tree.find_all(exp.Column)}
            wanted = of_arrow(asked.column(f"c{i}").combine_chunks().slice(start))
            assert verdicts(found.truth(numbers)) == verdicts(wanted), tree.sql(dialect="duckdb")


def test_rows_beyond_the_last_are_in_nothing(engine: DuckDB) -> None:
    rows = [dict.fromkeys(TYPES) | {"orders": 1}] * 3
    found = compared(Q.not_(Q.binary(">", quoted("orders"), Q.literal(5))), TYPES)
    assert found is not None
    bits = found.truth(Numbers(handed_over(engine, rows)))
    assert bits.counts() == (3, 0, 0)
    assert verdicts(bits.not_()) == [OUT] * 3


@pytest.mark.parametrize(
    "tree",
    [
        Q.binary(">", quoted("orders"), Q.literal(2.5, FLOAT)),
        Q.binary(">", quoted("orders"), Q.literal(2**63, INTEGER)),
        Q.binary(">", quoted("orders"), Q.literal(Decimal("2.5"))),
        Q.binary(">", quoted("spend"), Q.literal(Decimal("0.00001"))),
        Q.binary(">", quoted("birthday"), Q.literal(DAY)),
        Q.binary(">", quoted("orders"), quoted("spend")),
        Q.binary(">", quoted("orders", "other"), Q.literal(1)),
        Q.binary("=", quoted("country"), Q.literal("DE")),
        Q.binary("=", quoted("unheard_of"), Q.literal(1)),
        Q.binary("=", quoted("orders"), Q.null()),
        Q.binary("is", quoted("orders"), Q.literal(True)),
        Q.all([Q.is_null(quoted("orders")), Q.binary("=", quoted("country"), Q.literal("DE"))]),
        Q.call("coalesce", Q.is_null(quoted("orders")), Q.literal(False)),
        Q.on_list("vips"),
        Q.literal(True),
        quoted("orders"),
    ],
    ids=lambda tree: tree.sql(dialect="duckdb"),
)
def test_whatever_else_is_left_to_the_engine(tree: exp.Expression) -> None:
    assert compared(tree, {**TYPES, "country": TEXT}) is None
