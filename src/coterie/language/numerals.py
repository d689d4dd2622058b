"""The three kinds of number: their limits, and how one becomes another, in Python and in SQL.

integer is 64 bit; money has 14 digits before and 4 after the point; float is an IEEE double, never NaN or
infinite. What leaves these limits is missing. In SQL a float's tree is a DOUBLE; an event's column of decimals becomes
one here.
"""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from coterie.language.types import FLOAT, INTEGER, MONEY, NUMBERS, Type, Value, number_of

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

Number = int | Decimal | float

LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**63 - 1
GREATEST_MONEY = Decimal("99999999999999.9999")
PLACES = Decimal("0.0001")
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
"""Decimal arithmetic wide enough to be exact; ties are rounded away from zero."""


def as_integer(number: int) -> int | None:
    return number if LEAST_INTEGER <= number <= GREATEST_INTEGER else None


def as_money(number: Decimal | int) -> Decimal | None:
    """Rounded half away from zero to 4 places; missing above 14 digits. Zero has no sign."""
    value = EXACT.quantize(Decimal(number), PLACES)
    return None if abs(value) > GREATEST_MONEY else value or PLACES * 0


def as_finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def decimal_of(number: float) -> Decimal:
    """The shortest decimal that reads back as this float: what people see, so what rounding goes by."""
    return Decimal(repr(number))


def rounded(number: Decimal, places: int) -> Decimal:
    """Half away from zero."""
    return EXACT.quantize(number, Decimal(1).scaleb(-places))


def rounded_float(number: float, places: int) -> float:
    """A float rounded to decimal places, half away from zero: half is the float nearest to it, so 1.005 gives 1.01.

    A float that has no such places (from 2^52 up) is itself.
    """
    power = 10.0**places
    scaled = abs(number) * power
    if not scaled < 2**52:
        return number
    steps = math.floor(scaled)
    if abs(number) >= (steps + 0.5) / power:
        steps += 1
    return math.copysign(steps / power, number)


def nine_places(number: float) -> float:
    """A result rounded to 9 places as DuckDB's ROUND does it, since libraries differ in the last bit."""
    scaled = number * 1e9
    return whole(scaled) / 1e9 if math.isfinite(scaled) else number


def whole(number: float) -> int:
    """A finite float rounded to a whole number, half away from zero."""
    cut = math.trunc(number)
    if abs(number - cut) >= 0.5:
        cut += 1 if number > 0 else -1
    return cut


def settled(value: Value | None, type_: Type) -> Value | None:
    """A value as its type has it: a whole number where money is due becomes one, any number where a float is due."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    if type_ == MONEY:
        return as_money(value)
    return float(value) if type_ == FLOAT else value


def widest(types: Sequence[Type]) -> Type | None:
    """The kind of number that holds all of these, or None when one is no number."""
    if not types or any(t not in NUMBERS for t in types):
        return None
    out = INTEGER
    for type_ in types:
        out = number_of(out, type_)
    return out


def alike(values: Sequence[Value | None]) -> tuple[Any, ...]:
    """Numbers brought to the widest kind among them (beside a float, money is a float); others as they are."""
    kinds = {type(v) for v in values}
    if float in kinds:
        return tuple(settled(v, FLOAT) for v in values)
    if Decimal in kinds:
        return tuple(settled(v, MONEY) if isinstance(v, Decimal) else v for v in values)
    return tuple(values)


def double(b: "Builder", a: "Sql") -> "exp.Expression":
    """Any number as a DOUBLE."""
    if isinstance(a.value, int | float | Decimal):
        return b.literal(float(a.value), FLOAT)
    return a.tree if a.type == FLOAT and a.tree.key != "column" else b.cast(a.tree, "DOUBLE")


def wide(b: "Builder", a: "Sql") -> "exp.Expression":
    """An integer or money with so many digits that one step of arithmetic cannot overflow."""
    return b.cast(a.tree, b.words.money_digits if a.type == MONEY else b.words.integer_digits)


def as_kind(b: "Builder", a: "Sql", kind: Type) -> "exp.Expression":
    """A number as this kind, which is as wide or wider. Integers beside money keep all their digits."""
    if kind == FLOAT:
        return double(b, a)
    if kind == MONEY and a.type == INTEGER:
        short = isinstance(a.value, int) and abs(a.value) < 10**14
        return b.literal(Decimal(str(a.value)), MONEY) if short else b.cast(a.tree, "DECIMAL(38,4)")
    return a.tree


def aligned(b: "Builder", args: Sequence["Sql"]) -> list["exp.Expression"]:
    """Trees to compare: numbers brought to the widest kind among them, others as they are."""
    kind = widest([a.type for a in args])
    return [a.tree if kind is None else as_kind(b, a, kind) for a in args]


def fits(b: "Builder", tree: "exp.Expression", kind: Type) -> "exp.Expression":
    """A wide exact number as an integer or as money (rounded half away from zero), NULL where it does not fit."""
    return b.try_cast(tree, "DECIMAL(18,4)" if kind == MONEY else "BIGINT")


def finite(b: "Builder", tree: "exp.Expression") -> "exp.Expression":
    """A DOUBLE, NULL where it is NaN (greater than everything in SQL) or infinite."""
    return b.let([tree], lambda x: b.case([(b.binary("<", b.call("ABS", x), infinity(b)), x)]))


def infinity(b: "Builder") -> "exp.Expression":
    return b.cast(b.literal("Infinity"), "DOUBLE")
