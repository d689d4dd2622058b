"""From checked trees to SQL trees: the builder that leaves use, and the pass that turns an expression into SQL.

SQL is built as SQLGlot nodes and generated in the engine's dialect. Functions are written by name (`Builder.call`), so that
SQLGlot never rewrites one engine's function into another's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from coterie.language.leaves import Context
from coterie.language.types import FLOAT, Kind, Type, sql_type


@dataclass(frozen=True, slots=True)
class Sql:
    """A SQL tree, the type of its value, and the value itself where it is a literal."""

    tree: exp.Expression
    type: Type
    value: object = None


BINARY: dict[str, type[exp.Expression]] = {
    "=": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
    "+": exp.Add,
    "-": exp.Sub,
    "*": exp.Mul,
    "and": exp.And,
    "or": exp.Or,
    "is": exp.Is,
}


@dataclass(frozen=True)
class Builder:
    """Makes SQL trees for one engine. `context` gives as_of and the zone; `customer` is the SQL of the customer's id text."""

    dialect: str
    context: Context
    customer: exp.Expression

    def call(self, name: str, *args: exp.Expression) -> exp.Expression:
        """A function written exactly as named."""
        return exp.Anonymous(this=name, expressions=[a.copy() for a in args])

    def binary(self, op: str, a: exp.Expression, b: exp.Expression) -> exp.Expression:
        """`(a op b)`, in parentheses."""
        return exp.Paren(this=BINARY[op](this=a.copy(), expression=b.copy()))

    def not_(self, a: exp.Expression) -> exp.Expression:
        return exp.Paren(this=exp.Not(this=a.copy()))

    def is_null(self, a: exp.Expression) -> exp.Expression:
        return exp.Paren(this=exp.Is(this=a.copy(), expression=exp.Null()))

    def all(self, trees: Iterable[exp.Expression]) -> exp.Expression:
        """Kleene's and; true over nothing. A balanced tree, so that long rules do not nest deeply."""
        return self._fold(exp.And, list(trees), exp.true())

    def any(self, trees: Iterable[exp.Expression]) -> exp.Expression:
        """Kleene's or; false over nothing."""
        return self._fold(exp.Or, list(trees), exp.false())

    def _fold(self, node: type[exp.Expression], trees: list[exp.Expression], empty: exp.Expression) -> exp.Expression:
        if not trees:
            return empty
        if len(trees) == 1:
            return trees[0]
        middle = len(trees) // 2
        left, right = self._fold(node, trees[:middle], empty), self._fold(node, trees[middle:], empty)
        return exp.Paren(this=node(this=left.copy(), expression=right.copy()))

    def filter(self, aggregate: exp.Expression, keep: exp.Expression) -> exp.Expression:
        return exp.Filter(this=aggregate.copy(), expression=exp.Where(this=keep.copy()))

    def count_rows(self) -> exp.Expression:
        return exp.Count(this=exp.Star())

    def divide(self, a: exp.Expression, b: exp.Expression) -> exp.Expression:
        """Float division; NULL where b is zero."""
        guarded = self.call("nullif", self.cast(b, "DOUBLE"), self.cast(self.literal(0), "DOUBLE"))
        return exp.Paren(this=exp.Div(this=a.copy(), expression=guarded, typed=False, safe=False))

    def result(self, a: exp.Expression, type_: Type | None) -> exp.Expression:
        """A value picked from events as a result: a float column, stored as an exact decimal, becomes a double."""
        return self.cast(a, "DOUBLE") if type_ == FLOAT else a

    def most_frequent(self, value: exp.Expression, n: exp.Expression) -> exp.Expression:
        """Of rows (value, n): the value with the largest n > 0, the smallest value among equals."""
        pairs = self.call("min", self.call("row", exp.Neg(this=n.copy()), value))
        return self.call("struct_extract", self.filter(pairs, self.binary(">", n, self.literal(0))), self.literal(2))

    def case(self, branches: Iterable[tuple[exp.Expression, exp.Expression]], otherwise: exp.Expression | None = None) -> exp.Expression:
        return exp.Case(
            ifs=[exp.If(this=when.copy(), true=then.copy()) for when, then in branches],
            default=otherwise.copy() if otherwise is not None else None,
        )

    def cast(self, a: exp.Expression, to: str) -> exp.Expression:
        """A cast to a type named as this engine names it; fails on what does not fit."""
        return exp.Cast(this=a.copy(), to=exp.DataType.build(to, dialect=self.dialect))

    def try_cast(self, a: exp.Expression, to: str) -> exp.Expression:
        """A cast that gives NULL for what does not fit."""
        return exp.TryCast(this=a.copy(), to=exp.DataType.build(to, dialect=self.dialect))

    def as_type(self, a: exp.Expression, type_: Type) -> exp.Expression:
        return self.cast(a, sql_type(type_))

    def null(self, type_: Type | None = None) -> exp.Expression:
        return exp.Null() if type_ is None else self.as_type(exp.Null(), type_)

    def literal(self, value: Any, type_: Type | None = None) -> exp.Expression:
        """A value as a typed SQL literal; never pasted text."""
        match value:
            case None:
                return self.null(type_)
            case bool():
                return exp.true() if value else exp.false()
            case int() if type_ != FLOAT:
                return exp.Literal.number(value) if value >= 0 else exp.Paren(this=exp.Neg(this=exp.Literal.number(-value)))
            case Decimal() if type_ is None or type_.kind is Kind.MONEY:
                return self.cast(exp.Literal.string(format(value, "f")), "DECIMAL(18,4)")
            case int() | Decimal() | float():
                return self.cast(exp.Literal.string(repr(float(value))), "DOUBLE")
            case datetime():
                return self.cast(exp.Literal.string(value.isoformat(sep=" ", timespec="microseconds")), "TIMESTAMP")
            case date():
                return self.cast(exp.Literal.string(value.isoformat()), "DATE")
            case str():
                return exp.Literal.string(value)
        raise TypeError(f"no SQL literal for {value!r}")
