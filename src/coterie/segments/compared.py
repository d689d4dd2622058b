"""Conditions that do no more than compare columns with fixed values, answered on the columns themselves.

A hundred conditions read a dozen columns. Handed over as truths, each costs the engine a column of its own; the columns are
handed over instead, and each condition is a comparison of whole numbers (a decimal in its smallest unit, a day, a microsecond)
into packed bits. What a condition means stays where it is written: here stands only what SQL itself says of `=`, `<`, `between`,
`in`, `is null`, and, or, not. Whatever else stands in a condition leaves it to the engine.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from coterie.engine.folding import stored
from coterie.engine.scans import moment
from coterie.language.types import DATE, INTEGER, MONEY, TIMESTAMP, Type, sql_type
from coterie.segments.bitmaps import Bits, all_, any_, of_arrow, of_numpy

WHOLE: Mapping[Type, pa.DataType] = {
    INTEGER: pa.int64(),
    MONEY: pa.decimal128(18, 4),
    DATE: pa.date32(),
    TIMESTAMP: pa.timestamp("us"),
}
"""The types that are whole numbers, as the engine hands them over."""

Compare = Callable[[npt.NDArray[Any], int], npt.NDArray[np.bool_]]
COMPARISONS: Mapping[type[exp.Expr], Compare] = {
    exp.EQ: np.equal,
    exp.NEQ: np.not_equal,
    exp.LT: np.less,
    exp.LTE: np.less_equal,
    exp.GT: np.greater,
    exp.GTE: np.greater_equal,
}
_MOST = 2**63
_EXACT = exp.DataType.build(sql_type(MONEY))
"""The type of a decimal literal."""


def number_of(column: str) -> str:
    """Under what name a column is handed over."""
    return f"@{column}"


Known = tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]
"""Numbers, and where they are known (None: everywhere)."""


class Numbers:
    """The columns that were handed over for some customers.

    Args:
        rows: with columns under the names that `number_of` gives; `others`: columns that do not come from there.
    """

    def __init__(self, rows: pa.RecordBatch, others: Mapping[str, Known] | None = None):
        self.rows = rows
        self.columns = {name: (values, _missing(known, len(values))) for name, (values, known) in (others or {}).items()}
        self.met_: dict[tuple[str, Compare, int], Bits] = {}

    def column(self, name: str) -> tuple[npt.NDArray[Any], Bits]:
        """A column's numbers, and where they are missing."""
        if name not in self.columns:
            column = self.rows.column(number_of(name))
            self.columns[name] = stored(column), of_arrow(column.is_null())
        return self.columns[name]

    def met(self, name: str, compare: Compare, number: int) -> Bits:
        """Where a column compares with a number, unknown where it is missing. Windows share their ends."""
        key = name, compare, number
        if key not in self.met_:
            values, missing = self.column(name)
            unknown = missing.true if missing.true.any() else None
            self.met_[key] = of_numpy(compare(values, number), unknown)
        return self.met_[key]


def _missing(known: npt.NDArray[np.bool_] | None, rows: int) -> Bits:
    return of_numpy(np.zeros(rows, np.bool_) if known is None else ~known)


@dataclass(frozen=True, slots=True)
class Compared:
    """A condition that compares columns with fixed values: how to answer it, and the columns with their types."""

    truth: Callable[[Numbers], Bits]
    columns: Mapping[str, Type]


def compared(tree: exp.Expr, types: Mapping[str, Type]) -> Compared | None:
    """A condition as comparisons, or None where it does anything else.

    Args:
        tree: the condition in SQL; `types`: of the columns that it may read.
    """
    match tree:
        case exp.Paren():
            return compared(tree.this, types)
        case exp.Not():
            inner = compared(tree.this, types)
            return None if inner is None else Compared(lambda rows: inner.truth(rows).not_(), inner.columns)
        case exp.And() | exp.Or():
            return _joined(all_ if isinstance(tree, exp.And) else any_, (compared(t, types) for t in (tree.this, tree.expression)))
        case _:
            return _comparison(tree, types)


def _comparison(tree: exp.Expr, types: Mapping[str, Type]) -> Compared | None:
    column = tree.this
    if not isinstance(column, exp.Column) or column.table or types.get(column.name) not in WHOLE:
        return None
    name, type_ = column.name, types[column.name]

    def against(compare: Compare, value: exp.Expr) -> Compared | None:
        number = fixed(value, WHOLE[type_])
        return None if number is None else Compared(lambda rows: rows.met(name, compare, number), {name: type_})

    match tree:
        case exp.Is(expression=exp.Null()):
            return Compared(lambda rows: rows.column(name)[1], {name: type_})
        case exp.Between():
            ends = against(np.greater_equal, tree.args["low"]), against(np.less_equal, tree.args["high"])
            return _joined(all_, ends)
        case exp.In(expressions=[_, *_] as values):
            return _joined(any_, (against(np.equal, value) for value in values))
        case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return against(COMPARISONS[type(tree)], tree.expression)
        case _:
            return None


def _joined(how: Callable[[list[Bits]], Bits], sides: Iterable[Compared | None]) -> Compared | None:
    found = list(sides)
    known = [side for side in found if side is not None]
    if len(known) < len(found):
        return None
    columns = {name: type_ for side in known for name, type_ in side.columns.items()}
    return Compared(lambda rows: how([side.truth(rows) for side in known]), columns)


def fixed(node: exp.Expr, type_: pa.DataType) -> int | None:
    """A literal as the whole number that a column of a type would store for the same value; None where there is none."""
    sign = 1
    while isinstance(node, exp.Paren | exp.Neg):
        sign, node = (-sign if isinstance(node, exp.Neg) else sign), node.this
    if pa.types.is_temporal(type_):
        return moment(node, type_) if sign == 1 else None
    exact = isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast) and node.to == _EXACT
    literal = node.this if exact else node
    if not isinstance(literal, exp.Literal) or literal.is_string != exact or not (exact or literal.is_int):
        return None
    units = Decimal(literal.name).scaleb(type_.scale if pa.types.is_decimal(type_) else 0) * sign
    whole = int(units)
    return whole if whole == units and -_MOST <= whole < _MOST else None
