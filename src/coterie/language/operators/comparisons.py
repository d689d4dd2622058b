"""Operators that compare: `= < <= > >=`, `between`, `in`, `has any`, `has all`, `is missing`, `is known`.

Numbers compare by value (beside a float, as floats), texts by code point, false before true is not asked: booleans only
equal. `between`, `in` and `has` are Kleene's: `5 between 6 and missing` is false, for nothing could make it true.
"""

import operator
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.core.kleene import Truth, all_, any_
from coterie.language.leaves import Leaf, Vector, instant, table
from coterie.language.numerals import aligned, alike, as_kind, widest
from coterie.language.ranges import Order, Range, equal
from coterie.language.types import BOOLEAN, DATE, INTEGER, TEXT, TIMESTAMP, Kind, Type, list_of

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

ORDERED = (TEXT, DATE, TIMESTAMP)
TAGS = list_of(Kind.TEXT)


def one_kind(types: tuple[Type, ...], kinds: tuple[Type, ...]) -> bool:
    """All numbers, or all the same one of these kinds."""
    return widest(types) is not None or (len(set(types)) == 1 and types[0] in kinds)


def _compares(*kinds: Type) -> Callable[..., Type | None]:
    def result(*types: Type) -> Type | None:
        return BOOLEAN if len(types) == 2 and one_kind(types, kinds) else None

    return result


def _row(
    symbol: str,
    compare: Callable[[Any, Any], bool],
    words: str,
    unlike: str,
    bounded: Callable[[Order, Range, Range], Any],
    vectors: tuple[Vector, ...],
    kinds: tuple[Type, ...] = ORDERED,
) -> Leaf:
    def python(x: Any, y: Any) -> bool:
        a, b = alike((x, y))
        return bool(compare(a, b))

    def sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
        return b.binary(symbol, *aligned(b, (x, y)))

    return Leaf(
        name=symbol,
        shape="comparison",
        result=_compares(*kinds),
        expects="two numbers, two texts, two dates or two times" + (", or two truth values" if BOOLEAN in kinds else ""),
        python=python,
        sql=sql,
        words=words,
        unlike=unlike,
        bounded=bounded,
        vectors=vectors,
    )


def _between(x: Any, low: Any, high: Any) -> Truth:
    x, low, high = alike((x, low, high))
    above = None if x is None or low is None else low <= x
    below = None if x is None or high is None else x <= high
    return all_((above, below))


def _between_sql(b: "Builder", *args: "Sql") -> "exp.Expression":
    return b.between(*aligned(b, args))


def _in(x: Any, *items: Any) -> Truth:
    one, *others = alike((x, *items))
    return any_(None if one is None or other is None else one == other for other in others)


def _in_sql(b: "Builder", *args: "Sql") -> "exp.Expression":
    x, *items = aligned(b, args)
    return b.one_of(x, items)


def _in_type(*types: Type) -> Type | None:
    return BOOLEAN if len(types) > 1 and one_kind(types, (*ORDERED, BOOLEAN)) else None


def _has_type(*types: Type) -> Type | None:
    """A list and items of what it holds; whole numbers beside a list of money or floats are those."""
    if len(types) < 2 or types[0].of is None:
        return None
    of = Type(types[0].of)
    return BOOLEAN if all(t == of or (widest((of, t)) == of) for t in types[1:]) else None


def _holds(tags: tuple[Any, ...] | None, item: Any) -> Truth:
    return None if tags is None or item is None else any(a == b for a, b in (alike((tag, item)) for tag in tags))


def _has_any(tags: tuple[Any, ...] | None, *items: Any) -> Truth:
    return any_(_holds(tags, item) for item in items)


def _has_all(tags: tuple[Any, ...] | None, *items: Any) -> Truth:
    return all_(_holds(tags, item) for item in items)


def _holds_sql(b: "Builder", tags: "Sql", items: tuple["Sql", ...]) -> list["exp.Expression"]:
    """ARRAY_CONTAINS is known to DuckDB and Spark by this name; a missing item gives NULL in both."""
    of = Type(tags.type.of) if tags.type.of else TEXT
    return [b.call("ARRAY_CONTAINS", tags.tree, b.as_type(as_kind(b, item, of), of)) for item in items]


def _has_any_sql(b: "Builder", tags: "Sql", *items: "Sql") -> "exp.Expression":
    return b.any(_holds_sql(b, tags, items))


def _has_all_sql(b: "Builder", tags: "Sql", *items: "Sql") -> "exp.Expression":
    return b.all(_holds_sql(b, tags, items))


def _is_type(*types: Type) -> Type | None:
    return BOOLEAN if len(types) == 1 and types[0].kind is not Kind.DURATION else None


def _is_missing_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.is_null(x.tree)


def _is_known_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.not_(b.is_null(x.tree))


MILLION = Decimal("1000000.0000")
NEW_YEAR, EVE = date(2026, 1, 1), date(2025, 12, 31)
NOON = instant("2026-01-01T12:00")
LARGEST = 2**63 - 1

COMPARISONS = table(
    _row(
        "=",
        operator.eq,
        "{0} is {1}",
        "{0} is not {1}",
        equal,
        (
            Vector((5, 5), True),
            Vector((5, 6), False),
            Vector((None, 5), None, (INTEGER, INTEGER)),
            Vector((Decimal("5.0000"), 5), True),
            Vector((Decimal("0.1000"), 0.1), True),
            Vector((0.0, -0.0), True),
            Vector((LARGEST, float(2**63)), True),
            Vector((LARGEST, -LARGEST), False),
            Vector((LARGEST, Decimal("99999999999999.9999")), False),
            Vector(("DE", "DE"), True),
            Vector(("DE", "de"), False),
            Vector(("é", "e\u0301"), False),
            Vector(("", ""), True),
            Vector((True, True), True),
            Vector((True, False), False),
            Vector((NEW_YEAR, NEW_YEAR), True),
            Vector((NOON, NOON), True),
        ),
        (*ORDERED, BOOLEAN),
    ),
    _row(
        "<",
        operator.lt,
        "{0} is below {1}",
        "{0} is not below {1}",
        lambda order, a, b: order.below(a, b),
        (
            Vector((4, 5), True),
            Vector((5, 5), False),
            Vector((5, None), None, (INTEGER, INTEGER)),
            Vector(("Z", "a"), True),
            Vector(("\uffff", "\U0001f600"), True),
            Vector((EVE, NEW_YEAR), True),
            Vector((Decimal("0.0001"), 0), False),
            Vector((-1e308, -LARGEST), True),
        ),
    ),
    _row(
        "<=",
        operator.le,
        "{0} is at most {1}",
        "{0} is not at most {1}",
        lambda order, a, b: order.up_to(a, b),
        (
            Vector((5, 5), True),
            Vector((6, 5), False),
            Vector((None, None), None, (INTEGER, INTEGER)),
            Vector(("", "a"), True),
            Vector((0.1, Decimal("0.1000")), True),
        ),
    ),
    _row(
        ">",
        operator.gt,
        "{0} is above {1}",
        "{0} is not above {1}",
        lambda order, a, b: order.below(b, a),
        (
            Vector((6, 5), True),
            Vector((5, 5), False),
            Vector((None, 5), None, (INTEGER, INTEGER)),
            Vector((LARGEST, Decimal("99999999999999.9999")), True),
            Vector((0.30000000000000004, Decimal("0.3000")), True),
            Vector((instant("2026-01-01T12:00:00.000001"), NOON), True),
        ),
    ),
    _row(
        ">=",
        operator.ge,
        "{0} is at least {1}",
        "{0} is not at least {1}",
        lambda order, a, b: order.up_to(b, a),
        (
            Vector((5, 5), True),
            Vector((4, 5), False),
            Vector((None, 5), None, (INTEGER, INTEGER)),
            Vector((MILLION, 1_000_000), True),
            Vector((NEW_YEAR, EVE), True),
        ),
    ),
    Leaf(
        name="between",
        shape="between",
        result=lambda *types: BOOLEAN if len(types) == 3 and one_kind(types, ORDERED) else None,
        expects="three numbers, three texts, three dates or three times",
        python=_between,
        sql=_between_sql,
        words="{0} is between {1} and {2}",
        unlike="{0} is not between {1} and {2}",
        strict=False,
        bounded=lambda order, x, low, high: order.all([order.up_to(low, x), order.up_to(x, high)]),
        vectors=(
            Vector((5, 5, 7), True),
            Vector((7, 5, 7), True),
            Vector((8, 5, 7), False),
            Vector((6, 7, 5), False),
            Vector((5, 6, None), False, (INTEGER, INTEGER, INTEGER)),
            Vector((5, None, 4), False, (INTEGER, INTEGER, INTEGER)),
            Vector((5, 4, None), None, (INTEGER, INTEGER, INTEGER)),
            Vector((None, 4, 6), None, (INTEGER, INTEGER, INTEGER)),
            Vector((Decimal("0.5000"), 0, 0.5), True),
            Vector(("b", "a", "c"), True),
            Vector((NEW_YEAR, EVE, NEW_YEAR), True),
        ),
    ),
    Leaf(
        name="in",
        shape="in",
        result=_in_type,
        expects="a value and a list of values of its kind, such as country in ('DE', 'FR')",
        python=_in,
        sql=_in_sql,
        words="{0} is one of {rest}",
        unlike="{0} is none of {rest}",
        strict=False,
        bounded=lambda order, x, *items: order.any([equal(order, x, item) for item in items]),
        vectors=(
            Vector(("DE", "DE", "FR"), True),
            Vector(("IT", "DE", "FR"), False),
            Vector((None, "DE"), None, (TEXT, TEXT)),
            Vector((1, 1, None), True, (INTEGER, INTEGER, INTEGER)),
            Vector((2, 1, None), None, (INTEGER, INTEGER, INTEGER)),
            Vector((Decimal("2.5000"), 1, Decimal("2.5000")), True),
            Vector((LARGEST, Decimal("1.5000"), LARGEST), True),
            Vector((0.5, 1, Decimal("0.5000")), True),
            Vector((True, False), False),
            Vector((NEW_YEAR, EVE, NEW_YEAR), True),
        ),
    ),
    Leaf(
        name="has any",
        shape="has",
        result=_has_type,
        expects="a list and values of what it holds, such as tags has any ('vip', 'press')",
        python=_has_any,
        sql=_has_any_sql,
        words="{0} has any of {rest}",
        unlike="{0} has none of {rest}",
        strict=False,
        vectors=(
            Vector((("a", "b"), "b", "c"), True, (TAGS, TEXT, TEXT)),
            Vector((("a", "b"), "c"), False, (TAGS, TEXT)),
            Vector(((), "a"), False, (TAGS, TEXT)),
            Vector((None, "a"), None, (TAGS, TEXT)),
            Vector((("a",), None), None, (TAGS, TEXT)),
            Vector((("a",), None, "a"), True, (TAGS, TEXT, TEXT)),
            Vector(((1, 2), 2), True, (list_of(Kind.INTEGER), INTEGER)),
            Vector(((Decimal("2.0000"),), 2), True, (list_of(Kind.MONEY), INTEGER)),
        ),
    ),
    Leaf(
        name="has all",
        shape="has",
        result=_has_type,
        expects="a list and values of what it holds, such as tags has all ('vip', 'press')",
        python=_has_all,
        sql=_has_all_sql,
        words="{0} has all of {rest}",
        unlike="{0} lacks some of {rest}",
        strict=False,
        vectors=(
            Vector((("a", "b"), "b", "a"), True, (TAGS, TEXT, TEXT)),
            Vector((("a", "b"), "a", "c"), False, (TAGS, TEXT, TEXT)),
            Vector(((), "a"), False, (TAGS, TEXT)),
            Vector((None, "a"), None, (TAGS, TEXT)),
            Vector((("a",), "a", None), None, (TAGS, TEXT, TEXT)),
            Vector((("a",), "b", None), False, (TAGS, TEXT, TEXT)),
        ),
    ),
    Leaf(
        name="is missing",
        shape="is",
        result=_is_type,
        expects="one value",
        python=lambda x: x is None,
        sql=_is_missing_sql,
        words="{0} is missing",
        unlike="{0} is known",
        strict=False,
        vectors=(
            Vector((None,), True, (TEXT,)),
            Vector(("",), False),
            Vector((0,), False),
            Vector(((),), False, (TAGS,)),
            Vector((None,), True, (TAGS,)),
        ),
    ),
    Leaf(
        name="is known",
        shape="is",
        result=_is_type,
        expects="one value",
        python=lambda x: x is not None,
        sql=_is_known_sql,
        words="{0} is known",
        unlike="{0} is missing",
        strict=False,
        vectors=(
            Vector((None,), False, (TEXT,)),
            Vector(("",), True),
            Vector((False,), True),
            Vector(((),), True, (TAGS,)),
        ),
    ),
)
