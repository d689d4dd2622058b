"""From checked trees to SQL trees: the builder that leaves use.

SQL is built as SQLGlot nodes and generated in the engine's dialect. What engines have in common is made here; the rest are the
engine's own words (`dialects/`), so that SQLGlot never rewrites one engine's function into another's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from coterie.core.windows import Duration
from coterie.language.dialects import Dialect, words
from coterie.language.dialects.binding import let, own
from coterie.language.leaves import Context
from coterie.language.types import FLOAT, INTEGER, Kind, Type, sql_type


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


@dataclass(frozen=True)
class Builder:
    """Makes SQL trees for one engine. `context` gives as_of and the zone; `customer` is the SQL of the customer's id text."""

    dialect: str
    context: Context
    customer: exp.Expression

    @property
    def words(self) -> Dialect:
        return words(self.dialect)

    def call(self, name: str, *args: exp.Expression) -> exp.Expression:
        """A function, by the name that DuckDB has for it.

        Raises:
            NotSupported: this engine has no such function.
        """
        return self.words.call(name, [own(a) for a in args])

    def hex_number(self, digits: exp.Expression) -> exp.Expression:
        """A text of at most 13 hexadecimal digits as a number, which adds up exactly."""
        return self.words.hex_number(own(digits))

    def numbered(self, query: exp.Query, order: Iterable[exp.Expression], name: str, gap: int = 1) -> exp.Select:
        """The rows of a query with a column of numbers, `gap` apart, that grow in this order among rows alike in its first part."""
        return self.words.numbered(query, list(order), name, gap)

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

    def count_in_window(self, keep: exp.Expression) -> exp.Expression:
        """Of a window's rows, how many are kept."""
        return self.words.count_in_window(own(keep))

    def divide(self, a: exp.Expression, b: exp.Expression) -> exp.Expression:
        """Float division; NULL where b is zero."""
        guarded = self.call("nullif", self.cast(b, "DOUBLE"), self.cast(self.literal(0), "DOUBLE"))
        return exp.Paren(this=exp.Div(this=own(a), expression=guarded, typed=False, safe=False))

    def total(self, value: exp.Expression, type_: Type | None) -> exp.Expression:
        """The exact sum of integers (of any size), of money, or of an event's decimals."""
        return self.words.total(own(value), of_integers=type_ == INTEGER)

    def result(self, a: exp.Expression, type_: Type | None) -> exp.Expression:
        """A value picked from events as a result: a float column, stored as an exact decimal, becomes a double."""
        return self.cast(a, "DOUBLE") if type_ == FLOAT else a

    def most_frequent(self, value: exp.Expression, n: exp.Expression) -> exp.Expression:
        """Of rows (value, n): the value with the largest n > 0, the smallest value among equals."""
        pairs = self.call("min", self.call("row", exp.Neg(this=own(n)), value))
        return self.call("struct_extract", self.filter(pairs, self.binary(">", n, self.literal(0))), self.literal(2))

    def step(self, day: exp.Expression, n: int, unit: str) -> exp.Expression:
        """A date moved by n days, weeks, months, quarters or years, clamped at month ends."""
        return self.words.step(own(day), n, unit)

    def years_later(self, day: exp.Expression, years: exp.Expression) -> exp.Expression:
        """A date moved by a whole number of years; 29 February is clamped."""
        return self.words.years_later(own(day), own(years))

    def micros(self, n: int) -> exp.Expression:
        """An interval of n microseconds."""
        return self.words.micros(n)

    def whole(self, name: str, x: exp.Expression) -> exp.Expression:
        """A DOUBLE made whole by FLOOR, CEIL or ROUND, as an integer; NULL where it does not fit."""
        return self.words.whole(name, own(x))

    def plain_text(self, number: exp.Expression, type_: Type) -> exp.Expression:
        """Money or a float in digits, at most 9 after the point and no zeros at the end; NULL from 10^29 on."""
        return self.words.plain_text(own(number), is_float=type_ == FLOAT)

    def instant_text(self, instant: exp.Expression) -> exp.Expression:
        """An instant as ISO 8601 has it, with six digits of a fraction where it has one."""
        return self.words.instant_text(own(instant))

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
        return self.words.local(own(instant), self.context.zone)

    def local_day(self, instant: exp.Expression) -> exp.Expression:
        return self.cast(self.local(instant), "DATE")

    def on_list(self, name: str) -> exp.Expression:
        """Whether the customer is on a list of ids, from the table `lists(list, customer)`."""
        named = exp.EQ(this=exp.column("list"), expression=self.literal(name))
        ids = exp.select("customer").from_("lists").where(named)
        return exp.Paren(this=exp.In(this=own(self.customer), query=exp.Subquery(this=ids)))

    def let(self, trees: Iterable[exp.Expression], body: Callable[..., exp.Expression]) -> exp.Expression:
        """`body` of these trees, each of which it may mention several times (and no other tree)."""
        return let(self.words, list(trees), body)

    def cast(self, a: exp.Expression, to: str) -> exp.Expression:
        """A cast to a type by the name that DuckDB has for it; of what surely fits."""
        return self.words.cast(own(a), self.words.type(to))

    def try_cast(self, a: exp.Expression, to: str) -> exp.Expression:
        """A cast that gives NULL for what does not fit."""
        return self.words.try_cast(own(a), self.words.type(to))

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
                digits = self.words.integer(abs(value)) if type_ is not None else exp.Literal.number(abs(value))
                return digits if value >= 0 else exp.Paren(this=exp.Neg(this=digits))
            case Decimal() if type_ is None or type_.kind is Kind.MONEY:
                return self.cast(exp.Literal.string(format(value, "f")), "DECIMAL(18,4)")
            case int() | Decimal() | float():
                return self.cast(exp.Literal.string(repr(float(value))), "DOUBLE")
            case datetime():
                return self.cast(exp.Literal.string(value.isoformat(sep=" ", timespec="microseconds")), "TIMESTAMP")
            case date():
                return self.cast(exp.Literal.string(value.isoformat()), "DATE")
            case str():
                return self.words.text(value)
            case _:
                raise TypeError(f"no SQL literal for {value!r}")
