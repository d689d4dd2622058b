"""Functions on texts, and the casts from and to text: `lower upper trim length concat number text version_at_least`.

The grammar of the casts is ours (a regular expression, then a cast that cannot fail), because engines read `1_000`,
`1e400` and `2026-2-3` each in their own way. What does not fit is missing.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.language.leaves import Leaf, Vector, instant, table
from coterie.language.numerals import EXACT, decimal_of, rounded
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
TO_SMALL, TO_CAPITALS = str.maketrans(CAPITALS, SMALL), str.maketrans(SMALL, CAPITALS)
BLANKS = " \t\r\n"

BLANK = r"[ \t\r\n]*"
NUMBER = BLANK + r"([+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,2})?)" + BLANK
"""At most 40 digits on each side of the point and an exponent of two, so that every number is a finite float."""
VERSION = r"[0-9]{1,9}(\.[0-9]{1,9}){0,15}"
TRAILING_ZEROS = r"(\.0+)+$"
LONGEST_DECIMAL = Decimal(10) ** 29
"""A float becomes text as a DECIMAL(38,9): at most 29 digits before the point."""


def whole(pattern: str) -> str:
    """A pattern that must cover all of a text, as RE2 and Java read it."""
    return rf"\A{pattern}\z"


def part(b: "Builder", x: "exp.Expression", pattern: str, group: int) -> "exp.Expression":
    """What a group of a pattern covering the whole text holds; '' where the text is no such."""
    return b.call("REGEXP_EXTRACT", x, b.literal(whole(pattern)), b.literal(group))


def _text_to_text(*types: Type) -> Type | None:
    return TEXT if types == (TEXT,) else None


def _cased(name: str, these: str, those: str) -> Callable[..., "exp.Expression"]:
    """The engine's own LOWER or UPPER where all is ASCII (as many bytes as characters), which is much quicker."""

    def sql(b: "Builder", x: "Sql") -> "exp.Expression":
        def cased(text: "exp.Expression") -> "exp.Expression":
            ascii_only = b.binary("=", b.call("STRLEN", text), b.call("LENGTH", text))
            others = b.call("TRANSLATE", text, b.literal(these), b.literal(those))
            return b.case([(ascii_only, b.call(name, text))], others)

        return b.let([x.tree], cased)

    return sql


def _trim_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.call("TRIM", x.tree, b.literal(BLANKS))


def _length_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.call("LENGTH", x.tree)


def _concat_sql(b: "Builder", first: "Sql", *rest: "Sql") -> "exp.Expression":
    out = first.tree
    for text in rest:
        out = b.binary("||", out, text.tree)
    return out


def _concat_type(*types: Type) -> Type | None:
    return TEXT if len(types) > 1 and set(types) == {TEXT} else None


def _number(x: str) -> float | None:
    match = re.fullmatch(NUMBER, x)
    return float(match[1]) if match else None


def _number_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return b.try_cast(part(b, x.tree, NUMBER, 1), "DOUBLE")


def _text(x: Any) -> str | None:
    match x:
        case bool():
            return "true" if x else "false"
        case datetime():
            return x.isoformat(timespec="microseconds").removesuffix(".000000") + "Z"
        case date():
            return x.isoformat()
        case float() | Decimal():
            exact = decimal_of(x) if isinstance(x, float) else x
            if abs(exact) >= LONGEST_DECIMAL:
                return None
            nine = rounded(exact, 9)
            if abs(nine) >= LONGEST_DECIMAL:
                return None
            return format(EXACT.normalize(nine) if nine else Decimal(0), "f")
        case _:
            return str(x)


def _text_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    if x.type == TIMESTAMP:
        return b.instant_text(x.tree)
    return b.plain_text(x.tree, x.type) if x.type in (FLOAT, MONEY) else b.cast(x.tree, "VARCHAR")


def _text_type(*types: Type) -> Type | None:
    fits = len(types) == 1 and types[0] in (INTEGER, MONEY, FLOAT, BOOLEAN, DATE, TIMESTAMP, TEXT)
    return TEXT if fits else None


def _parts(version: str) -> list[int] | None:
    if not re.fullmatch(VERSION, version):
        return None
    return [int(p) for p in re.sub(TRAILING_ZEROS, "", version).split(".")]


def _version_at_least(x: str, least: str) -> bool | None:
    a, b = _parts(x), _parts(least)
    return None if a is None or b is None else a >= b


def _version_sql(b: "Builder", x: "Sql", least: "Sql") -> "exp.Expression":
    """Versions as lists of whole numbers, trailing zeros off, which compare part by part."""

    def parts(a: "Sql") -> "exp.Expression":
        plain = b.call("NULLIF", part(b, a.tree, VERSION, 0), b.literal(""))
        short = b.call("REGEXP_REPLACE", plain, b.literal(TRAILING_ZEROS), b.literal(""))
        return b.cast(b.call("STRING_SPLIT", short, b.literal(".")), "BIGINT[]")

    return b.binary(">=", parts(x), parts(least))


def _two_texts(*types: Type) -> Type | None:
    return BOOLEAN if types == (TEXT, TEXT) else None


LARGEST = 2**63 - 1

TEXTS = table(
    Leaf(
        name="lower",
        shape="function",
        result=_text_to_text,
        expects="a text",
        python=lambda x: x.translate(TO_SMALL),
        sql=_cased("LOWER", CAPITALS, SMALL),
        words="{0} in small letters",
        settles=True,
        vectors=(
            Vector(("ABC xyz",), "abc xyz"),
            Vector(("ÀÉİ ΑΣ",), "ÀÉİ ΑΣ"),
            Vector(("",), ""),
            Vector((None,), None, (TEXT,)),
        ),
    ),
    Leaf(
        name="upper",
        shape="function",
        result=_text_to_text,
        expects="a text",
        python=lambda x: x.translate(TO_CAPITALS),
        sql=_cased("UPPER", SMALL, CAPITALS),
        words="{0} in capitals",
        settles=True,
        vectors=(
            Vector(("abc XYZ",), "ABC XYZ"),
            Vector(("ß ﬁ é",), "ß ﬁ é"),
            Vector((None,), None, (TEXT,)),
        ),
    ),
    Leaf(
        name="trim",
        shape="function",
        result=_text_to_text,
        expects="a text",
        python=lambda x: x.strip(BLANKS),
        sql=_trim_sql,
        words="{0} without blanks around it",
        settles=True,
        vectors=(
            Vector((" \t\r\n a b \n",), "a b"),
            Vector(("\u00a0a\u2003",), "\u00a0a\u2003"),
            Vector(("\v",), "\v"),
            Vector(("   ",), ""),
            Vector((None,), None, (TEXT,)),
        ),
    ),
    Leaf(
        name="length",
        shape="function",
        result=lambda *types: INTEGER if types == (TEXT,) else None,
        expects="a text",
        python=len,
        sql=_length_sql,
        words="the number of characters in {0}",
        gives=(0, None),
        vectors=(
            Vector(("",), 0),
            Vector(("é",), 1),
            Vector(("e\u0301",), 2),
            Vector(("👩‍👩‍👧",), 5),
            Vector((None,), None, (TEXT,)),
        ),
    ),
    Leaf(
        name="concat",
        shape="function",
        result=_concat_type,
        expects="two or more texts (text(…) makes one of a number)",
        python=lambda *texts: "".join(texts),
        sql=_concat_sql,
        words="{0} followed by {rest}",
        vectors=(
            Vector(("a", "b"), "ab"),
            Vector(("a", "", "c"), "ac"),
            Vector(("a", None), None, (TEXT, TEXT)),
        ),
    ),
    Leaf(
        name="number",
        shape="function",
        result=lambda *types: FLOAT if types == (TEXT,) else None,
        expects="a text",
        python=_number,
        sql=_number_sql,
        words="{0} read as a number",
        vectors=(
            Vector(("19.99",), 19.99),
            Vector((" -5\n",), -5.0),
            Vector(("+.5",), 0.5),
            Vector(("5.",), 5.0),
            Vector(("1e3",), 1000.0),
            Vector(("1e400",), None),
            Vector(("1_000",), None),
            Vector(("1,000",), None),
            Vector(("0x10",), None),
            Vector(("٣",), None),
            Vector(("nan",), None),
            Vector(("inf",), None),
            Vector(("",), None),
            Vector(("12345678901234567890",), 12345678901234567890.0),
            Vector((None,), None, (TEXT,)),
        ),
    ),
    Leaf(
        name="text",
        shape="function",
        result=_text_type,
        expects="a number, a truth value, a date or a time",
        python=_text,
        sql=_text_sql,
        words="{0} as text",
        vectors=(
            Vector((5,), "5"),
            Vector((-(2**63),), "-9223372036854775808"),
            Vector((Decimal("5.0000"),), "5"),
            Vector((Decimal("-0.5000"),), "-0.5"),
            Vector((Decimal("100.0000"),), "100"),
            Vector((1200.0,), "1200"),
            Vector((0.1,), "0.1"),
            Vector((-0.0,), "0"),
            Vector((1 / 3,), "0.333333333"),
            Vector((-1e-10,), "0"),
            Vector((1e20,), "100000000000000000000"),
            Vector((1e29,), None),
            Vector((True,), "true"),
            Vector((False,), "false"),
            Vector((date(33, 1, 2),), "0033-01-02"),
            Vector((instant("2026-01-31T10:00"),), "2026-01-31T10:00:00Z"),
            Vector((instant("2026-01-31T10:00:00.000500"),), "2026-01-31T10:00:00.000500Z"),
            Vector(("x",), "x"),
            Vector((None,), None, (INTEGER,)),
            Vector((None,), None, (TIMESTAMP,)),
        ),
    ),
    Leaf(
        name="version_at_least",
        shape="function",
        result=_two_texts,
        expects="two texts of numbers and points, such as version_at_least(app_version, '3.10')",
        python=_version_at_least,
        sql=_version_sql,
        words="version {0} is at least {1}",
        unlike="version {0} is before {1}",
        vectors=(
            Vector(("3.10", "3.9"), True),
            Vector(("3.9", "3.10"), False),
            Vector(("3.10", "3.10.0"), True),
            Vector(("3", "3.0.1"), False),
            Vector(("3.10.1", "3.10"), True),
            Vector(("003.1", "3.01"), True),
            Vector(("0.0", "0"), True),
            Vector(("10", "9.9.9"), True),
            Vector(("3.10-beta", "3.10"), None),
            Vector(("v3", "3"), None),
            Vector(("3..1", "3"), None),
            Vector(("", "3"), None),
            Vector(("3\n", "3"), None),
            Vector((None, "3"), None, (TEXT, TEXT)),
        ),
    ),
)
