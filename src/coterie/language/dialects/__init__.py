"""The words of each engine: what a SQL primitive that the language uses is in that engine's SQL.

A leaf is written once, in primitives; each engine has its own tree for every one of them, and nothing is transpiled. A
primitive is called by the name that DuckDB has for it. Adding an engine is a table here and tests that it gives the same
answers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sqlglot import exp

from coterie.core.errors import NotSupported
from coterie.language.dialects.duckdb import DuckDB
from coterie.language.dialects.spark import Spark


class Dialect(Protocol):
    """One engine's words. Every tree that comes in is owned by nobody; every tree that goes out is new."""

    name: str
    """As SQLGlot calls it, which generates the text."""
    integer_digits: str
    """A type in which one step of arithmetic on 64-bit integers cannot overflow."""
    money_digits: str
    """The same of money; a product of two keeps all its places."""
    aggregates: int
    """As many aggregates make a query; more make another one."""
    scans: int
    """Up to so many grouped scans stand inside the query that joins them; more are made first, one after the other."""

    def call(self, name: str, args: Sequence[exp.Expression]) -> exp.Expression:
        """A function.

        Raises:
            NotSupported: this engine has no such function.
        """

    def type(self, name: str) -> exp.DataType:
        """A type."""

    def cast(self, a: exp.Expression, to: exp.DataType) -> exp.Expression: ...

    def try_cast(self, a: exp.Expression, to: exp.DataType) -> exp.Expression:
        """NULL for what does not fit, also where the session would rather fail."""

    def text(self, value: str) -> exp.Expression:
        """A literal text."""

    def integer(self, value: int) -> exp.Expression:
        """A literal of 64 bits that is not negative."""

    def local(self, instant: exp.Expression, zone: str) -> exp.Expression:
        """The wall-clock time (without a zone) of a UTC instant."""

    def step(self, day: exp.Expression, n: int, unit: str) -> exp.Expression:
        """A day moved by n days, weeks, months, quarters or years, clamped at month ends."""

    def years_later(self, day: exp.Expression, years: exp.Expression) -> exp.Expression: ...

    def micros(self, n: int) -> exp.Expression:
        """An interval."""

    def binds(self, trees: Sequence[exp.Expression]) -> bool:
        """Whether `bound` takes these trees."""

    def bound(self, trees: Sequence[exp.Expression], body: Callable[..., exp.Expression]) -> exp.Expression:
        """`body` of names for these trees."""

    def whole(self, name: str, x: exp.Expression) -> exp.Expression:
        """A DOUBLE made whole by FLOOR, CEIL or ROUND, as a 64-bit integer; NULL where it does not fit."""

    def plain_text(self, number: exp.Expression, *, is_float: bool) -> exp.Expression:
        """A number in digits, at most 9 of them after the point and no zeros at the end; NULL from 10^29 on."""

    def instant_text(self, instant: exp.Expression) -> exp.Expression:
        """An instant as 2026-01-31T10:00:00Z, with six digits of a fraction where it has one."""

    def hex_number(self, digits: exp.Expression) -> exp.Expression:
        """A text of at most 13 hexadecimal digits as a number, which adds up exactly."""

    def side_by_side(self, select: exp.Select, names: Sequence[str]) -> exp.Select:
        """A query that joins relations which all have a row for each customer, or for many of them."""

    def numbered(self, query: exp.Query, order: Sequence[exp.Expression], name: str, gap: int = 1) -> exp.Select:
        """The rows of a query with a column of numbers, `gap` apart, that grow in this order among rows alike in its first part."""

    def total(self, value: exp.Expression, *, of_integers: bool) -> exp.Expression:
        """The exact sum of decimals, or of 64-bit integers, which may be longer."""

    def count_in_window(self, keep: exp.Expression) -> exp.Expression:
        """Of a window's rows, how many are kept."""

    def parts(self, group: exp.Expression, key: exp.Expression) -> list[exp.Expression]:
        """What to part a window by, where rows without a group are looked at by nobody."""

    def files(self, paths: Sequence[str]) -> exp.Select:
        """The rows of Parquet files, columns by name."""

    def counted(self, window: exp.Expression) -> exp.Expression:
        """A rank over a window, in 64 bits."""


DIALECTS: Mapping[str, Dialect] = {d.name: d for d in (DuckDB(), Spark())}


def words(name: str) -> Dialect:
    """The words of an engine.

    Raises:
        NotSupported: there are none for it.
    """
    if name not in DIALECTS:
        raise NotSupported(f"the language has no words for {name}", hint=f"there are words for {' and '.join(DIALECTS)}")
    return DIALECTS[name]


__all__ = ["DIALECTS", "Dialect", "words"]
