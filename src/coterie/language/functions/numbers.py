"""Functions on numbers and choices among values: `abs round floor ceil log sqrt least greatest coalesce`."""

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.language.leaves import Leaf, Vector, instant, table
from coterie.language.numerals import Number as Numeric
from coterie.language.numerals import (
    aligned,
    alike,
    as_finite,
    as_integer,
    as_money,
    double,
    finite,
    fits,
    infinity,
    nine_places,
    rounded,
    rounded_float,
    whole,
    wide,
    widest,
)
from coterie.language.types import BOOLEAN, DATE, DURATION, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.language.types import NUMBERS as KINDS

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

MOST_PLACES = 9


def _one(to: Type | None = None) -> Callable[..., Type | None]:
    """One number, to this kind or its own."""
    return lambda *types: (to or types[0]) if len(types) == 1 and types[0] in KINDS else None


def _abs(x: Any) -> Any:
    return as_integer(abs(x)) if isinstance(x, int) else abs(x)


def _abs_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return fits(b, b.call("ABS", wide(b, x)), INTEGER) if x.type == INTEGER else b.call("ABS", x.tree)


def _round_type(*types: Type) -> Type | None:
    if len(types) == 2 and types[0] in KINDS and types[1] == INTEGER:
        return types[0]
    return INTEGER if len(types) == 1 and types[0] in KINDS else None


def _round(x: Numeric, places: int | None = None) -> Any:
    if isinstance(x, int):
        return x
    if isinstance(x, Decimal):
        return as_integer(int(rounded(x, 0))) if places is None else as_money(rounded(x, min(places, 4)))
    return as_integer(whole(x)) if places is None else rounded_float(x, places)


def _round_sql(b: "Builder", x: "Sql", places: "Sql | None" = None) -> "exp.Expression":
    kept = 0 if places is None else int(str(places.value))
    if x.type == INTEGER:
        return x.tree
    if x.type == MONEY:
        near = b.call("ROUND", wide(b, x), b.literal(min(kept, 4)))
        return fits(b, near, INTEGER if places is None else MONEY)
    if places is None:
        return b.whole("ROUND", double(b, x))

    def number(n: float) -> "exp.Expression":
        return b.literal(n, FLOAT)

    def to_places(x: "exp.Expression") -> "exp.Expression":
        power, size = number(10.0**kept), b.call("ABS", x)
        scaled = b.binary("*", size, power)
        steps = b.call("FLOOR", scaled)
        up = b.binary(">=", size, b.binary("/", b.binary("+", steps, number(0.5)), power))
        steps = b.binary("+", steps, b.case([(up, number(1.0))], number(0.0)))
        signed = b.binary("*", b.call("SIGN", x), b.binary("/", steps, power))
        bounded = b.binary("<", size, infinity(b))
        return b.case([(b.binary("<", scaled, number(2.0**52)), signed), (bounded, x)])

    return b.let([double(b, x)], to_places)


def _places(n: Any) -> str | None:
    return None if isinstance(n, int) and 0 <= n <= MOST_PLACES else f"places are a whole number from 0 to {MOST_PLACES}"


def _whole(step: Callable[[Any], int]) -> Callable[[Any], int | None]:
    return lambda x: as_integer(step(x))


def _whole_sql(name: str) -> Callable[..., "exp.Expression"]:
    def sql(b: "Builder", x: "Sql") -> "exp.Expression":
        if x.type == FLOAT:
            return b.whole(name, x.tree)
        return x.tree if x.type == INTEGER else fits(b, b.call(name, x.tree), INTEGER)

    return sql


def _log(x: Numeric, base: Numeric | None = None) -> float | None:
    number = float(x)
    if number <= 0:
        return None
    return as_finite(nine_places(math.log(number) if base is None else math.log(number) / math.log(float(base))))


def _log_sql(b: "Builder", x: "Sql", base: "Sql | None" = None) -> "exp.Expression":
    """LN of zero or less is -inf or NaN, which becomes NULL."""
    log = b.call("LN", double(b, x))
    if base is not None:
        log = b.binary("/", log, b.call("LN", double(b, base)))
    return finite(b, b.call("ROUND", log, b.literal(9)))


def _log_type(*types: Type) -> Type | None:
    return FLOAT if len(types) in (1, 2) and widest(types) is not None else None


def _base(n: Any) -> str | None:
    return None if n > 0 and n != 1 else "the base of a logarithm is above 0 and not 1"


def _sqrt(x: Numeric) -> float | None:
    number = float(x)
    return None if number < 0 else math.sqrt(number)


def _sqrt_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    """SQRT of a negative number is NaN, which becomes NULL."""
    return finite(b, b.call("SQRT", double(b, x)))


def _same_kind(*kinds: Type) -> Callable[..., Type | None]:
    def result(*types: Type) -> Type | None:
        if len(types) < 2:
            return None
        one = types[0] if len(set(types)) == 1 and types[0] in kinds else None
        return widest(types) or one

    return result


def _extreme(pick: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *values: pick(alike(values))


def _extreme_sql(name: str) -> Callable[..., "exp.Expression"]:
    """LEAST and GREATEST skip a NULL in both engines; here a missing part makes the result missing."""

    def sql(b: "Builder", *args: "Sql") -> "exp.Expression":
        kind = widest([a.type for a in args])

        def picked(*trees: "exp.Expression") -> "exp.Expression":
            known = b.all(b.not_(b.is_null(t)) for t in trees)
            return b.case([(known, b.call(name, *trees))])

        picked_tree = b.let(aligned(b, args), picked)
        return fits(b, picked_tree, kind) if kind == MONEY and INTEGER in [a.type for a in args] else picked_tree

    return sql


def _coalesce(*values: Any) -> Any:
    return next((v for v in values if v is not None), None)


def _coalesce_type(*types: Type) -> Type | None:
    if len(types) < 2 or DURATION in types:
        return None
    return widest(types) or (types[0] if len(set(types)) == 1 else None)


def _coalesce_sql(b: "Builder", *args: "Sql") -> "exp.Expression":
    """The first known value decides, also where it is an integer too large for money, which makes the result missing."""
    first = b.call("COALESCE", *aligned(b, args))
    kinds = {a.type for a in args}
    return fits(b, first, MONEY) if kinds == {INTEGER, MONEY} else first


def _mean_of(*values: Any) -> float | None:
    known = [float(v) for v in values if v is not None]
    if 2 * len(known) < len(values):
        return None
    total = 0.0
    for value in values:
        total += 0.0 if value is None else float(value)
    return total / len(known)


def _mean_of_sql(b: "Builder", *args: "Sql") -> "exp.Expression":
    """Added up from left to right as Python does, so that the bits are the same."""

    def mean(*trees: "exp.Expression") -> "exp.Expression":
        known, total = b.literal(0), b.literal(0.0, FLOAT)
        for tree in trees:
            known = b.binary("+", known, b.case([(b.is_null(tree.copy()), b.literal(0))], b.literal(1)))
            total = b.binary("+", total, b.call("COALESCE", tree.copy(), b.literal(0.0, FLOAT)))
        enough = b.binary(">=", b.binary("*", known.copy(), b.literal(2)), b.literal(len(trees)))
        return b.case([(enough, b.binary("/", total, b.cast(known, "DOUBLE")))])

    return b.let([double(b, arg) for arg in args], mean)


def _mean_of_type(*types: Type) -> Type | None:
    return FLOAT if len(types) > 1 and all(t in (INTEGER, MONEY, FLOAT) for t in types) else None


ORDERED = (TEXT, DATE, TIMESTAMP)
LARGEST = 2**63 - 1
RICHEST = Decimal("99999999999999.9999")

NUMBERS = table(
    Leaf(
        name="abs",
        shape="function",
        result=_one(),
        expects="a number",
        python=_abs,
        sql=_abs_sql,
        words="{0} without its sign",
        gives=(0, None),
        vectors=(
            Vector((-5,), 5),
            Vector((-(2**63),), None),
            Vector((-LARGEST,), LARGEST),
            Vector((-RICHEST,), RICHEST),
            Vector((-0.5,), 0.5),
            Vector((None,), None, (INTEGER,)),
        ),
    ),
    Leaf(
        name="round",
        shape="function",
        result=_round_type,
        expects="a number, and places (0 to 9) written out if any are to stay",
        python=_round,
        sql=_round_sql,
        words="{0} rounded[ to {1} places]",
        literal=(1,),
        validate=_places,
        vectors=(
            Vector((2.5,), 3),
            Vector((-2.5,), -3),
            Vector((0.49999999999999994,), 0),
            Vector((1.005, 2), 1.01),
            Vector((0.285, 2), 0.29),
            Vector((-1e-12, 9), 0.0),
            Vector((1.5e-7, 7), 2e-7),
            Vector((9.3e18,), None),
            Vector((1e28, 9), 1e28),
            Vector((1e29, 9), 1e29),
            Vector((4503599627370495.5, 0), 4503599627370496.0),
            Vector((1e37, 0), 1e37),
            Vector((1e300,), None),
            Vector((Decimal("2.5000"),), 3),
            Vector((Decimal("-0.0500"), 1), Decimal("-0.1000")),
            Vector((Decimal("0.0500"), 7), Decimal("0.0500")),
            Vector((RICHEST,), 100000000000000),
            Vector((RICHEST, 2), None),
            Vector((7,), 7),
            Vector((7, 2), 7),
            Vector((None,), None, (FLOAT,)),
            Vector((None, 2), None, (MONEY, INTEGER)),
        ),
    ),
    Leaf(
        name="floor",
        shape="function",
        result=_one(INTEGER),
        expects="a number",
        python=_whole(math.floor),
        sql=_whole_sql("FLOOR"),
        words="{0} rounded down",
        vectors=(
            Vector((2.9,), 2),
            Vector((-2.1,), -3),
            Vector((9.3e18,), None),
            Vector((-9223372036854775808.0,), -(2**63)),
            Vector((9223372036854775807.0,), None),
            Vector((Decimal("-0.0001"),), -1),
            Vector((-RICHEST,), -100000000000000),
            Vector((LARGEST,), LARGEST),
            Vector((None,), None, (FLOAT,)),
        ),
    ),
    Leaf(
        name="ceil",
        shape="function",
        result=_one(INTEGER),
        expects="a number",
        python=_whole(math.ceil),
        sql=_whole_sql("CEIL"),
        words="{0} rounded up",
        vectors=(
            Vector((2.1,), 3),
            Vector((-0.9,), 0),
            Vector((1e300,), None),
            Vector((Decimal("0.0001"),), 1),
            Vector((RICHEST,), 100000000000000),
            Vector((None,), None, (MONEY,)),
        ),
    ),
    Leaf(
        name="log",
        shape="function",
        result=_log_type,
        expects="a number, and a base written out if it is not the natural logarithm",
        python=_log,
        sql=_log_sql,
        words="the logarithm of {0}[ to base {1}]",
        literal=(1,),
        validate=_base,
        vectors=(
            Vector((1,), 0.0),
            Vector((10.0,), 2.302585093),
            Vector((100, 10), 2.0),
            Vector((8, 2), 3.0),
            Vector((Decimal("0.5000"), Decimal("0.5000")), 1.0),
            Vector((5e-324,), -744.440071921),
            Vector((0,), None),
            Vector((-1,), None),
            Vector((None,), None, (INTEGER,)),
        ),
    ),
    Leaf(
        name="sqrt",
        shape="function",
        result=_one(FLOAT),
        expects="a number",
        python=_sqrt,
        sql=_sqrt_sql,
        words="the square root of {0}",
        gives=(0, None),
        vectors=(
            Vector((4,), 2.0),
            Vector((2.0,), 1.4142135623730951),
            Vector((0,), 0.0),
            Vector((Decimal("-0.0001"),), None),
            Vector((LARGEST,), 3037000499.97605),
            Vector((None,), None, (FLOAT,)),
        ),
    ),
    Leaf(
        name="least",
        shape="function",
        result=_same_kind(*ORDERED),
        expects="two or more numbers, texts, dates or times",
        python=_extreme(min),
        sql=_extreme_sql("LEAST"),
        words="the smallest of {0} and {rest}",
        vectors=(
            Vector((3, 1, 2), 1),
            Vector((Decimal("0.5000"), 1), Decimal("0.5000")),
            Vector((Decimal("1.5000"), 0.5), 0.5),
            Vector((RICHEST, LARGEST), RICHEST),
            Vector(("b", "a"), "a"),
            Vector((date(2026, 1, 2), date(2026, 1, 1)), date(2026, 1, 1)),
            Vector((1, None), None, (INTEGER, INTEGER)),
        ),
    ),
    Leaf(
        name="greatest",
        shape="function",
        result=_same_kind(*ORDERED),
        expects="two or more numbers, texts, dates or times",
        python=_extreme(max),
        sql=_extreme_sql("GREATEST"),
        words="the largest of {0} and {rest}",
        vectors=(
            Vector((3, 1, 2), 3),
            Vector((Decimal("0.5000"), 1), Decimal("1.0000")),
            Vector((RICHEST, LARGEST), None),
            Vector(("Z", "a"), "a"),
            Vector((instant("2026-01-02"), instant("2026-01-01")), instant("2026-01-02")),
            Vector((None, 2), None, (INTEGER, INTEGER)),
        ),
    ),
    Leaf(
        name="mean_of",
        shape="function",
        result=_mean_of_type,
        expects="two or more numbers",
        python=_mean_of,
        sql=_mean_of_sql,
        words="the mean of those known of {0} and {rest}, at least half of them",
        strict=False,
        vectors=(
            Vector((1, 2, 6), 3.0),
            Vector((1, None, 6), 3.5, (INTEGER, INTEGER, INTEGER)),
            Vector((None, None, 6), None, (INTEGER, INTEGER, INTEGER)),
            Vector((None, Decimal("2.5000")), 2.5, (INTEGER, MONEY)),
            Vector((0.5, 1), 0.75),
        ),
    ),
    Leaf(
        name="coalesce",
        shape="function",
        result=_coalesce_type,
        expects="two or more values of one kind",
        python=_coalesce,
        sql=_coalesce_sql,
        words="{0}, or where that is missing {rest}",
        strict=False,
        vectors=(
            Vector((None, 0), 0, (INTEGER, INTEGER)),
            Vector((5, 0), 5),
            Vector((None, 0), Decimal("0.0000"), (MONEY, INTEGER)),
            Vector((None, None, 0.5), 0.5, (MONEY, INTEGER, FLOAT)),
            Vector((None, LARGEST), None, (MONEY, INTEGER)),
            Vector((None, LARGEST, 0), None, (MONEY, INTEGER, MONEY)),
            Vector((None, None), None, (TEXT, TEXT)),
            Vector((None, "x"), "x", (TEXT, TEXT)),
            Vector((None, False), False, (BOOLEAN, BOOLEAN)),
            Vector((None, date(2026, 1, 1)), date(2026, 1, 1), (DATE, DATE)),
        ),
    ),
)
