"""Spark's words.

An answer may depend neither on what a session is set to (ANSI mode, zone, adaptive execution, partitions) nor on Spark's own
reading of a function: instants are TIMESTAMP_NTZ in UTC and become local by a zone written out, what can overflow is computed
in decimals that cannot or cast by TRY_CAST, counts and parts of dates are made 64 bits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from sqlglot import exp

from coterie.core.errors import NotSupported
from coterie.language.dialects.binding import apart, ascending, let

Tree = exp.Expression
LEAST, MOST = "-9.223372036854775808E18", "9.223372036854775808E18"
"""-2^63 and 2^63, which a DOUBLE holds exactly."""


def named(name: str, *args: Tree) -> Tree:
    return exp.Anonymous(this=name, expressions=list(args))


def number(value: int) -> Tree:
    return exp.Literal.number(value)


def cast(a: Tree, to: str) -> Tree:
    return exp.Cast(this=a, to=typed(to))


def typed(name: str) -> exp.DataType:
    return _typed(name).copy()


@lru_cache(maxsize=64)
def _typed(name: str) -> exp.DataType:
    # The language names its types as DuckDB does; a TIMESTAMP without a zone is printed as TIMESTAMP_NTZ.
    found = exp.DataType.build(TYPES.get(name, name), dialect="spark" if name in TYPES else "duckdb")
    assert isinstance(found, exp.DataType)
    return found


TYPES = {"HUGEINT": "DECIMAL(38,0)", "INTERVAL SECOND": "INTERVAL SECOND"}


def as_bigint(name: str) -> Callable[..., Tree]:
    """A function whose result Spark gives in 32 bits."""
    return lambda *args: cast(named(name, *args), "BIGINT")


def other_name(name: str) -> Callable[..., Tree]:
    return lambda *args: named(name, *args)


def date_trunc(unit: Tree, day: Tree) -> Tree:
    """TRUNC of a day knows no day."""
    return day if unit.name == "day" else named("TRUNC", day, unit)


def date_diff(unit: Tree, start: Tree, end: Tree) -> Tree:
    if unit.name != "day":
        raise missing(f"a difference in {unit.name}s")
    return cast(named("DATEDIFF", end, start), "BIGINT")


def iso_weekday(x: Tree) -> Tree:
    """WEEKDAY counts from 0."""
    return cast(exp.Paren(this=exp.Add(this=named("WEEKDAY", cast(x, "DATE")), expression=number(1))), "BIGINT")


def epoch_us(instant: Tree) -> Tree:
    """A difference of two instants has no zone, whatever UNIX_MICROS makes of one in the session's."""
    start = cast(exp.Literal.string("1970-01-01 00:00:00"), "TIMESTAMP")
    length = cast(exp.Paren(this=exp.Sub(this=instant, expression=start)), "INTERVAL SECOND")
    micros = exp.Mul(this=cast(length, "DECIMAL(20,6)"), expression=number(1_000_000))
    return cast(exp.Paren(this=micros), "BIGINT")


def row(*args: Tree) -> Tree:
    parts = (part for n, arg in enumerate(args, 1) for part in (exp.Literal.string(f"f{n}"), arg))
    return named("NAMED_STRUCT", *parts)


def struct_extract(struct: Tree, place: Tree) -> Tree:
    held = struct if isinstance(struct, exp.Column) else exp.Paren(this=struct)
    return exp.Dot(this=held, expression=exp.to_identifier(f"f{place.name}"))


def string_split(text: Tree, sign: Tree) -> Tree:
    """SPLIT takes a pattern."""
    return named("SPLIT", text, exp.Literal.string(re.escape(sign.name)))


def full_match(text: Tree, pattern: Tree) -> Tree:
    return named("REGEXP_LIKE", text, exp.Literal.string(rf"\A(?:{pattern.name})\z"))


def replaced(text: Tree, pattern: Tree, by: Tree) -> Tree:
    r"""A group is `$1` in Java, not `\1`."""
    return named("REGEXP_REPLACE", text, pattern, exp.Literal.string(re.sub(r"\\(\d)", r"$\1", by.name)))


def json_object(*cells: Tree) -> Tree:
    options = named("MAP", exp.Literal.string("ignoreNullFields"), exp.Literal.string("false"))
    return named("TO_JSON", named("NAMED_STRUCT", *cells), options)


SAME = (
    *("BIT_OR", "BOOL_OR", "CHR", "CONCAT", "CONCAT_WS", "LEFT", "NFC_NORMALIZE"),
    *("ABS", "ARRAY_CONTAINS", "ASIN", "CEIL", "COALESCE", "CONTAINS", "COS", "COUNT", "FLOOR", "GREATEST", "LEAST", "LN"),
    *("LOWER", "MAX", "MD5", "MIN", "NULLIF", "POWER", "RANK", "REGEXP_EXTRACT", "REPLACE", "ROUND", "SIGN", "SIN", "SQRT"),
    *("SUBSTRING", "SUM", "TRANSLATE", "UPPER"),
)
"""Functions that Spark has by the same name and, on what the language gives them, with the same meaning.

FLOOR and CEIL of a DOUBLE are 64-bit integers here and fail beyond them: see `whole`. ARRAY_CONTAINS of a missing item is
NULL in both. SUM is of counts; what people add up is `total`'s.
"""

FUNCTIONS: Mapping[str, Callable[..., Tree]] = {
    **{name: other_name(name) for name in SAME},
    "ARG_MAX": other_name("MAX_BY"),
    "ARG_MIN": other_name("MIN_BY"),
    "DATE_DIFF": date_diff,
    "DATE_TRUNC": date_trunc,
    "DAY": as_bigint("DAY"),
    "ENDS_WITH": other_name("ENDSWITH"),
    "EPOCH_US": epoch_us,
    "HASH": other_name("XXHASH64"),
    "HOUR": as_bigint("HOUR"),
    "ISODOW": iso_weekday,
    "JSON_OBJECT": json_object,
    "LENGTH": as_bigint("LENGTH"),
    "MONTH": as_bigint("MONTH"),
    "REGEXP_FULL_MATCH": full_match,
    "REGEXP_MATCHES": other_name("REGEXP_LIKE"),
    # All matches, not the first; the language's patterns stand at the end of a text and match once.
    "REGEXP_REPLACE": replaced,
    "ROW": row,
    "RTRIM": lambda text, signs: named("RTRIM", signs, text),
    "STARTS_WITH": other_name("STARTSWITH"),
    "STRING_SPLIT": string_split,
    "STRLEN": as_bigint("OCTET_LENGTH"),
    "STRUCT_EXTRACT": struct_extract,
    "TRIM": other_name("BTRIM"),
    "YEAR": as_bigint("YEAR"),
}
"""A function of the language in Spark's words. What is missing here is not supported."""


STEPS = {
    "day": ("DATE_ADD", 1),
    "week": ("DATE_ADD", 7),
    "month": ("ADD_MONTHS", 1),
    "quarter": ("ADD_MONTHS", 3),
    "year": ("ADD_MONTHS", 12),
}


def missing(operation: str) -> NotSupported:
    return NotSupported(
        f"the Spark engine has no {operation}", hint="write it otherwise, or use `engine: duckdb`, which runs on one machine"
    )


class Spark:
    name = "spark"
    integer_digits = "DECIMAL(19,0)"
    # Spark widens by itself; from 19 digits on a product would be rounded at 7 places and then again.
    money_digits = "DECIMAL(18,4)"
    # It is jobs and shuffles that cost: one of each, however much is defined.
    aggregates = 1 << 30
    scans = 1 << 30

    def call(self, name: str, args: Sequence[Tree]) -> Tree:
        found = FUNCTIONS.get(name.upper())
        if found is None:
            raise missing(f"function {name.lower()}")
        return found(*args)

    def type(self, name: str) -> exp.DataType:
        return typed(name)

    def cast(self, a: Tree, to: exp.DataType) -> Tree:
        return exp.Cast(this=a, to=to)

    def try_cast(self, a: Tree, to: exp.DataType) -> Tree:
        return exp.TryCast(this=a, to=to, safe=True)  # without `safe`, SQLGlot writes a plain CAST

    def text(self, value: str) -> Tree:
        """`${…}` would be replaced by a setting of the session, so the two signs are kept apart."""
        parts = [exp.Literal.string(part) for part in re.split(r"(?<=\$)(?=\{)", value)]
        return parts[0] if len(parts) == 1 else named("CONCAT", *parts)

    def integer(self, value: int) -> Tree:
        return exp.Literal.number(f"{value}L")

    def local(self, instant: Tree, zone: str) -> Tree:
        return named("CONVERT_TIMEZONE", exp.Literal.string("UTC"), exp.Literal.string(zone), instant)

    def step(self, day: Tree, n: int, unit: str) -> Tree:
        function, scale = STEPS[unit]
        count = number(n * scale) if n >= 0 else exp.Neg(this=number(-n * scale))
        return named(function, day, count)

    def years_later(self, day: Tree, years: Tree) -> Tree:
        months = exp.Paren(this=exp.Mul(this=years, expression=number(12)))
        return named("ADD_MONTHS", day, cast(months, "INTEGER"))

    def micros(self, n: int) -> Tree:
        whole, part = divmod(n, 1_000_000)
        return exp.Interval(this=exp.Literal.string(f"{whole}.{part:06d}" if part else str(whole)), unit=exp.var("SECOND"))

    def binds(self, trees: Sequence[Tree]) -> bool:
        """No subquery may stand where a function is applied to a list."""
        return not any(tree.find(exp.Subquery) for tree in trees)

    def bound(self, trees: Sequence[Tree], body: Callable[..., Tree]) -> Tree:
        name = exp.column("x")
        if len(trees) == 1:
            held, out = trees[0], body(name)
        else:
            held = row(*trees)
            out = body(*(struct_extract(name.copy(), number(n)) for n in range(1, len(trees) + 1)))
        function = exp.Lambda(this=out, expressions=[exp.to_identifier("x")])
        return named("ELEMENT_AT", named("TRANSFORM", exp.Array(expressions=[held]), function), number(1))

    def whole(self, name: str, x: Tree) -> Tree:
        """TRY_CAST makes 2^63 - 1 of 2^63, and FLOOR fails beyond; so the limits are asked first."""

        def limit(value: str) -> Tree:
            return cast(exp.Literal.string(value), "DOUBLE")

        def within(x: Tree) -> Tree:
            from_least = exp.GTE(this=x.copy(), expression=limit(LEAST))
            below_most = exp.LT(this=x.copy(), expression=limit(MOST))
            made = self.try_cast(named(name, x.copy()), typed("BIGINT"))
            return exp.Case(ifs=[exp.If(this=exp.And(this=from_least, expression=below_most), true=made)])

        return let(self, [x], within)

    def plain_text(self, number: Tree, *, is_float: bool) -> Tree:
        """A cast to text writes 0E-9 outside ANSI mode; a double becomes a decimal by its shortest text."""
        exact = self.try_cast(number, typed("DECIMAL(38,9)"))
        return named("FORMAT_NUMBER", exact, exp.Literal.string("0.#########"))

    def instant_text(self, instant: Tree) -> Tree:
        """DATE_FORMAT would read the instant in the session's zone; a cast cuts the zeros that end a fraction."""

        def written(text: Tree) -> Tree:
            whole = named("REPLACE", named("LEFT", text.copy(), number(19)), exp.Literal.string(" "), exp.Literal.string("T"))
            rest = named("RPAD", named("SUBSTRING", text.copy(), number(20)), number(7), exp.Literal.string("0"))
            some = exp.GT(this=named("LENGTH", text.copy()), expression=number(19))
            fraction = exp.Case(ifs=[exp.If(this=some, true=rest)], default=exp.Literal.string(""))
            return named("CONCAT", whole, fraction, exp.Literal.string("Z"))

        return let(self, [cast(instant, "VARCHAR")], written)

    def hex_number(self, digits: Tree) -> Tree:
        return cast(named("CONV", digits, number(16), number(10)), self.integer_digits)

    def side_by_side(self, select: exp.Select, names: Sequence[str]) -> exp.Select:
        # Otherwise it is a guess at their sizes, and with it the number of columns, that decides what is sent to whom.
        merged = exp.JoinHint(this="MERGE", expressions=[exp.to_identifier(name, quoted=True) for name in names])
        select.set("hint", exp.Hint(expressions=[merged]))
        return select

    def numbered(self, query: exp.Query, order: Sequence[Tree], name: str, gap: int = 1) -> exp.Select:
        """Each customer's rows by themselves: one order over all would be the work of one machine."""
        first, *rest = ascending(order)
        place = exp.Window(this=exp.RowNumber(), partition_by=[first.this], order=exp.Order(expressions=rest))
        star = exp.Column(this=exp.Star(), table=exp.to_identifier("s"))
        return exp.select(star, apart(cast(place, "BIGINT"), gap).as_(name, quoted=True)).from_(
            query.copy().subquery("s"), copy=False
        )

    def total(self, value: Tree, *, of_integers: bool) -> Tree:
        """A sum of 64-bit integers fails beyond them, or wraps; a decimal's sum has ten digits more."""
        return named("SUM", cast(value, self.integer_digits) if of_integers else value)

    def count_in_window(self, keep: Tree) -> Tree:
        """A FILTER that is the same for all rows makes Spark's optimiser write a plan that it cannot carry out."""
        return named("COUNT", exp.Case(ifs=[exp.If(this=keep, true=number(1))]))

    def parts(self, group: Tree, key: Tree) -> list[Tree]:
        """All rows without a group would be one task's."""
        alone = exp.Is(this=group.copy(), expression=exp.Null())
        return [group, exp.Case(ifs=[exp.If(this=alone, true=key)])]

    def files(self, paths: Sequence[str]) -> exp.Select:
        """One after the other: a file stands as a table of the catalog `parquet`."""
        tables = (exp.table_(exp.to_identifier(path, quoted=True), db="parquet") for path in paths)
        first, *others = (exp.select(exp.Star()).from_(table) for table in tables)
        if not others:
            return first
        whole: exp.Query = first
        for part in others:
            whole = exp.Union(this=whole, expression=part, distinct=False, by_name=True)
        return exp.select(exp.Star()).from_(whole.subquery("f"))

    def counted(self, window: Tree) -> Tree:
        return cast(window, "BIGINT")
