"""From checked trees to SQL trees: the builder that leaves use, and the pass that turns an expression into SQL.

SQL is built as SQLGlot nodes and generated in the engine's dialect. Functions are written by name (`Builder.call`), so that
SQLGlot never rewrites one engine's function into another's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlglot import exp

from coterie.core.windows import Duration
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
    "/": exp.Div,
    "%": exp.Mod,
    "||": exp.DPipe,
    "and": exp.And,
    "or": exp.Or,
    "is": exp.Is,
}


def own(tree: exp.Expression) -> exp.Expression:
    """A tree to put below another one: itself where nobody holds it yet, else a copy, since a node stands in one place only."""
    return tree if tree.parent is None else tree.copy()


@dataclass(frozen=True)
class Builder:
    """Makes SQL trees for one engine. `context` gives as_of and the zone; `customer` is the SQL of the customer's id text."""

    dialect: str
    context: Context
    customer: exp.Expression

    def call(self, name: str, *args: exp.Expression) -> exp.Expression:
        """A function written exactly as named."""
        return exp.Anonymous(this=name, expressions=[own(a) for a in args])

    def binary(self, op: str, a: exp.Expression, b: exp.Expression) -> exp.Expression:
        """`(a op b)`, in parentheses."""
        return exp.Paren(this=BINARY[op](this=own(a), expression=own(b)))

    def not_(self, a: exp.Expression) -> exp.Expression:
        return exp.Paren(this=exp.Not(this=own(a)))

    def is_null(self, a: exp.Expression) -> exp.Expression:
        return exp.Paren(this=exp.Is(this=own(a), expression=exp.Null()))

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
        return exp.Paren(this=node(this=own(left), expression=own(right)))

    def filter(self, aggregate: exp.Expression, keep: exp.Expression) -> exp.Expression:
        return exp.Filter(this=own(aggregate), expression=exp.Where(this=own(keep)))

    def count_rows(self) -> exp.Expression:
        return exp.Count(this=exp.Star())

    def divide(self, a: exp.Expression, b: exp.Expression) -> exp.Expression:
        """Float division; NULL where b is zero."""
        guarded = self.call("nullif", self.cast(b, "DOUBLE"), self.cast(self.literal(0), "DOUBLE"))
        return exp.Paren(this=exp.Div(this=own(a), expression=guarded, typed=False, safe=False))

    def result(self, a: exp.Expression, type_: Type | None) -> exp.Expression:
        """A value picked from events as a result: a float column, stored as an exact decimal, becomes a double."""
        return self.cast(a, "DOUBLE") if type_ == FLOAT else a

    def most_frequent(self, value: exp.Expression, n: exp.Expression) -> exp.Expression:
        """Of rows (value, n): the value with the largest n > 0, the smallest value among equals."""
        pairs = self.call("min", self.call("row", exp.Neg(this=own(n)), value))
        return self.call("struct_extract", self.filter(pairs, self.binary(">", n, self.literal(0))), self.literal(2))

    def step(self, day: exp.Expression, n: int, unit: str) -> exp.Expression:
        """A date moved by n days, weeks, months, quarters or years, clamped at month ends."""
        length = exp.Interval(
            this=self.literal(abs(n) * {"quarter": 3}.get(unit, 1)), unit=exp.var({"quarter": "month"}.get(unit, unit))
        )
        moved = exp.Add(this=own(day), expression=length) if n >= 0 else exp.Sub(this=own(day), expression=length)
        return self.cast(exp.Paren(this=moved), "DATE")

    def micros(self, n: int) -> exp.Expression:
        """An interval of n microseconds."""
        return exp.Interval(this=self.literal(n), unit=exp.var("microsecond"))

    def case(
        self, branches: Iterable[tuple[exp.Expression, exp.Expression]], otherwise: exp.Expression | None = None
    ) -> exp.Expression:
        return exp.Case(
            ifs=[exp.If(this=own(when), true=own(then)) for when, then in branches],
            default=own(otherwise) if otherwise is not None else None,
        )

    def neg(self, a: exp.Expression) -> exp.Expression:
        return exp.Paren(this=exp.Neg(this=own(a)))

    def between(self, a: exp.Expression, low: exp.Expression, high: exp.Expression) -> exp.Expression:
        """`low <= a and a <= high`, Kleene's."""
        return exp.Paren(this=exp.Between(this=own(a), low=own(low), high=own(high)))

    def one_of(self, a: exp.Expression, items: Iterable[exp.Expression]) -> exp.Expression:
        """`a in (…)`: Kleene's or of equalities."""
        return exp.Paren(this=exp.In(this=own(a), expressions=[own(i) for i in items]))

    def interval(self, n: int, unit: str) -> exp.Expression:
        return exp.Interval(this=exp.Literal.string(str(n)), unit=exp.var(unit.upper()))

    def local(self, instant: exp.Expression) -> exp.Expression:
        """The wall-clock time (a TIMESTAMP) of a UTC TIMESTAMP in the project's zone."""
        if self.context.zone == "UTC":
            return own(instant)
        utc = self.call("TIMEZONE", exp.Literal.string("UTC"), instant)
        return self.call("TIMEZONE", exp.Literal.string(self.context.zone), utc)

    def local_day(self, instant: exp.Expression) -> exp.Expression:
        return self.cast(self.local(instant), "DATE")

    def on_list(self, name: str) -> exp.Expression:
        """Whether the customer is on a list of ids, from the table `lists(list, customer)`."""
        named = exp.EQ(this=exp.column("list"), expression=exp.Literal.string(name))
        ids = exp.select("customer").from_("lists").where(named)
        return exp.Paren(this=exp.In(this=own(self.customer), query=exp.Subquery(this=ids)))

    def let(self, trees: Iterable[exp.Expression], body: Callable[..., exp.Expression]) -> exp.Expression:
        """`body` of these trees, each of which it may mention several times (and no other tree).

        Small trees are repeated. Larger ones are bound to a name, so that rules nest without doubling at each level: as
        the only element of a list that is transformed, which DuckDB and Spark both can.
        """
        trees = list(trees)
        if not any(_is_large(tree) for tree in trees):
            return body(*(own(tree) for tree in trees))
        name = exp.column("x")
        if len(trees) == 1:
            bound, out = trees[0].copy(), body(name)
        else:
            bound = self.call("ROW", *trees)
            out = body(*(self.call("STRUCT_EXTRACT", name, self.literal(n)) for n in range(1, len(trees) + 1)))
        function = exp.Lambda(this=out, expressions=[exp.to_identifier("x")])
        return self.call("LIST_EXTRACT", self.call("LIST_TRANSFORM", exp.Array(expressions=[bound]), function), self.literal(1))

    def cast(self, a: exp.Expression, to: str) -> exp.Expression:
        """A cast to a type named as this engine names it; fails on what does not fit."""
        return exp.Cast(this=own(a), to=exp.DataType.build(to, dialect=self.dialect))

    def try_cast(self, a: exp.Expression, to: str) -> exp.Expression:
        """A cast that gives NULL for what does not fit."""
        return exp.TryCast(this=own(a), to=exp.DataType.build(to, dialect=self.dialect))

    def as_type(self, a: exp.Expression, type_: Type) -> exp.Expression:
        return self.cast(a, sql_type(type_))

    def null(self, type_: Type | None = None) -> exp.Expression:
        return exp.Null() if type_ is None else self.as_type(exp.Null(), type_)

    def literal(self, value: Any, type_: Type | None = None) -> exp.Expression:
        """A value as a typed SQL literal; never pasted text."""
        match value:
            case None:
                return self.null(type_)
            case Duration():
                scale, unit = {"week": (7, "day"), "quarter": (3, "month")}.get(value.unit, (1, value.unit))
                return self.interval(value.n * scale, unit)
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
            case _:
                raise TypeError(f"no SQL literal for {value!r}")


SMALL = 32
"""How many nodes a tree may have to be repeated rather than bound to a name."""


def _is_large(tree: exp.Expression) -> bool:
    return next(islice(tree.walk(), SMALL, None), None) is not None
