"""Both faces of a row, run side by side: the meaning in Python, and the SQL in DuckDB on literals and on columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from coterie.core.windows import Duration
from coterie.engine.arrow import arrow_type
from coterie.language.leaves import Context, Leaf, Vector
from coterie.language.numerals import settled
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
    Value,
    list_of,
    sql_type,
)

UTC_NOON = Context(datetime(2026, 11, 22, 12), "UTC", "1")
OF_CLASS: tuple[tuple[type, Type], ...] = (
    (bool, BOOLEAN),
    (int, INTEGER),
    (Decimal, MONEY),
    (float, FLOAT),
    (str, TEXT),
    (datetime, TIMESTAMP),
    (date, DATE),
    (Duration, DURATION),
    (tuple, list_of(Kind.TEXT)),
)


def type_of(value: Any) -> Type:
    return next(type_ for class_, type_ in OF_CLASS if isinstance(value, class_))


def types_of(vector: Vector) -> tuple[Type, ...]:
    return vector.types or tuple(type_of(a) for a in vector.args)


def in_python(leaf: Leaf, args: Sequence[Value | None], types: Sequence[Type], context: Context = UTC_NOON) -> Any:
    """The reference meaning, as the evaluation of a tree calls it."""
    result = leaf.result(*types)
    assert result is not None, (leaf.name, types)
    if leaf.strict and any(a is None for a in args):
        return None
    given = [settled(a, t) for a, t in zip(args, types, strict=True)]
    value = leaf.python(context, *given) if leaf.context else leaf.python(*given)
    return settled(value, result)


def plain(value: Any) -> Any:
    """A list that DuckDB gives, as the language has it."""
    return tuple(value) if isinstance(value, list) else value


@dataclass
class DuckDB:
    """One connection as the engine sets it up."""

    connection: duckdb.DuckDBPyConnection

    def __post_init__(self):
        self.connection.execute("SET TimeZone = 'UTC'; SET threads = 1; CREATE TABLE lists (list VARCHAR, customer VARCHAR)")

    def rows(
        self,
        leaf: Leaf,
        rows: Sequence[Sequence[Value | None]],
        types: Sequence[Type],
        context: Context = UTC_NOON,
        literal: bool = False,
    ) -> list[Any]:
        """What the SQL of the row gives for each row of arguments.

        Args:
            literal: write the arguments of each row as literals; else they are columns of a table, but for those that
                the language wants written out, which must then be the same in all rows.
        """
        b = Builder("duckdb", context, exp.Literal.string(context.customer))
        self.connection.execute("DELETE FROM lists")
        for name, ids in context.lists.items():
            self.connection.executemany("INSERT INTO lists VALUES (?, ?)", [(name, i) for i in sorted(ids)])
        if literal:
            trees = [leaf.sql(b, *(self.literal(b, a, t) for a, t in zip(row, types, strict=True))) for row in rows]
            return [plain(self.connection.execute(f"SELECT {t.sql('duckdb')}").fetchall()[0][0]) for t in trees]
        written = {i for i, t in enumerate(types) if i in leaf.literal or t == DURATION}
        columns = {f"c{i}": pa.array([row[i] for row in rows], arrow_type(t)) for i, t in enumerate(types) if i not in written}
        self.connection.register("t", pa.table({"row": range(len(rows)), **columns}))
        args = [
            self.literal(b, rows[0][i], t) if i in written else Sql(exp.column(f"c{i}", table="t"), t) for i, t in enumerate(types)
        ]
        tree = leaf.sql(b, *args)
        found = self.connection.execute(
            f"SELECT r, typeof(r) FROM (SELECT row, {tree.sql('duckdb')} AS r FROM t) ORDER BY row"
        ).fetchall()
        result = leaf.result(*types)
        assert result is not None
        assert {kind for _, kind in found} == {sql_type(result)}, (leaf.name, types, tree.sql("duckdb"))
        return [plain(value) for value, _ in found]

    def literal(self, b: Builder, value: Value | None, type_: Type) -> Sql:
        if isinstance(value, tuple):
            items = [b.literal(v, Type(type_.of) if type_.of else TEXT) for v in value]
            return Sql(b.as_type(exp.Array(expressions=items), type_), type_)
        return Sql(b.literal(value, type_), type_, value)


def same(a: Any, b: Any) -> bool:
    """The same value of the same class; floats to the bit, but for the sign of zero."""
    return type(a) is type(b) and a == b
