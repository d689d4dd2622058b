"""Arithmetic: `+ - * / %` and the sign.

`+ - * %` of integers and money are exact (computed in 38 digits; `*` is rounded half away from zero to 4 places),
`/` is a float, and so is everything beside a float. A date takes days, weeks, months, quarters and years (clamped at
month ends); an instant takes exact lengths (a day is 24 hours). What leaves the limits is missing, and so is division
by zero.
"""

import math
import operator
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.core.windows import EXACT as EXACT_UNITS
from coterie.core.windows import Duration, exact_length, step
from coterie.language.leaves import Leaf, Shape, Vector, instant, table
from coterie.language.numerals import EXACT, alike, as_finite, as_integer, as_money, double, finite, fits, wide, widest
from coterie.language.types import DATE, DURATION, FLOAT, INTEGER, MONEY, NUMBERS, TIMES, TIMESTAMP, Type, Value

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

FIRST_INSTANT, LAST_INSTANT = instant("0001-01-02"), instant("9999-12-30T23:59:59.999999")
"""Instants lie in these limits, so that each has a local day in every zone."""
FIRST_WRITTEN, LAST_WRITTEN = instant("0001-01-01"), instant("9999-12-31T23:59:59.999999")
LONGER_THAN_TIME = 4_000_000
"""More days than there are between the first and the last day."""


def _numbers_or_times(*types: Type) -> Type | None:
    if len(types) == 2 and types[0] in TIMES and types[1] == DURATION:
        return types[0]
    return widest(types) if len(types) == 2 else None


def _two_numbers(*types: Type) -> Type | None:
    return widest(types) if len(types) == 2 else None


def _fitting(x: Any) -> Any:
    """A result of arithmetic, missing where it leaves the limits of its kind."""
    if isinstance(x, float):
        return as_finite(x)
    return as_money(x) if isinstance(x, Decimal) else as_integer(x)


def _calendar_units(types: Sequence[Type], values: Sequence[Value | None]) -> str | None:
    length = values[1] if len(values) == 2 else None
    if not isinstance(length, Duration):
        return None
    if types[0] == TIMESTAMP and length.unit in ("month", "quarter", "year"):
        return f"a {length.unit} has no exact length to add to a time; take its day first: date(…)"
    if types[0] == DATE and length.unit in EXACT_UNITS:
        return f"{length.unit}s are added to a time, not to a date; a date takes days, weeks, months, quarters, years"
    return None


def _moved(x: date | datetime, sign: int, length: Duration) -> date | datetime | None:
    """A date or an instant moved by a length; None beyond the calendar, and where the unit does not apply."""
    try:
        if isinstance(x, datetime):
            if length.unit in ("month", "quarter", "year"):
                return None
            moved = x + sign * exact_length(length)
            return moved if FIRST_INSTANT <= moved <= LAST_INSTANT else None
        return None if length.unit in EXACT_UNITS else step(x, sign * length.n, length.unit)
    except OverflowError:
        return None


def _plus(x: Any, y: Any) -> Any:
    if isinstance(y, Duration):
        return _moved(x, 1, y)
    a, b = alike((x, y))
    return _fitting(EXACT.add(a, b) if isinstance(a, Decimal) or isinstance(b, Decimal) else a + b)


def _minus(x: Any, y: Any) -> Any:
    if isinstance(y, Duration):
        return _moved(x, -1, y)
    return _plus(x, -y)


def _times(x: Any, y: Any) -> Any:
    a: Any
    b: Any
    a, b = alike((x, y))
    return _fitting(EXACT.multiply(a, b) if isinstance(a, Decimal) or isinstance(b, Decimal) else a * b)


def _divided(x: Any, y: Any) -> float | None:
    return None if y == 0 else as_finite(float(x) / float(y))


def _remainder(x: Any, y: Any) -> Any:
    if y == 0:
        return None
    a: Any
    b: Any
    a, b = alike((x, y))
    if isinstance(a, float):
        return as_finite(math.fmod(a, b))
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        return as_money(EXACT.remainder(Decimal(a), Decimal(b)))
    return int(math.copysign(1, a)) * (abs(a) % abs(b))


def _arithmetic_sql(symbol: str) -> Callable[..., "exp.Expression"]:
    def sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
        if y.type == DURATION:
            return _moved_sql(b, x, 1 if symbol == "+" else -1, y)
        kind = widest((x.type, y.type))
        if kind == FLOAT:
            right = b.call("NULLIF", double(b, y), b.literal(0.0, FLOAT)) if symbol == "%" else double(b, y)
            return finite(b, b.binary(symbol, double(b, x), right))
        if symbol == "%":
            # Only two decimals of one scale have an exact remainder.
            mixed = x.type != y.type
            digits = b.words.integer_digits if kind == INTEGER else "DECIMAL(38,4)" if mixed else "DECIMAL(18,4)"
            left, right = b.cast(x.tree, digits), b.call("NULLIF", b.cast(y.tree, digits), b.literal(0))
        else:
            left, right = (_exact(b, a, kind) for a in (x, y))
        return fits(b, b.binary(symbol, left, right), MONEY if kind == MONEY else INTEGER)

    return sql


def _exact(b: "Builder", a: "Sql", kind: Type | None) -> "exp.Expression":
    """A side of a sum or product: beside money, an integer is a decimal of 19 digits."""
    return b.cast(a.tree, "DECIMAL(19,0)") if kind == MONEY and a.type == INTEGER else wide(b, a)


def _divided_sql(b: "Builder", x: "Sql", y: "Sql") -> "exp.Expression":
    zero = b.literal(0.0, FLOAT)
    ratio = b.binary("/", double(b, x), b.call("NULLIF", double(b, y), zero))
    # Exact numbers are neither so large nor so small that their ratio is not finite.
    return finite(b, ratio) if FLOAT in (x.type, y.type) else ratio


def _moved_sql(b: "Builder", x: "Sql", sign: int, length: "Sql") -> "exp.Expression":
    by, limits = length.value, _limits(x.type, sign, length.value)
    if limits is None or not isinstance(by, Duration):
        return b.null(x.type)
    low, high = (b.literal(limit) for limit in limits)

    def moved(t: "exp.Expression") -> "exp.Expression":
        if x.type == DATE:
            there = b.step(t, sign * by.n, by.unit)
        else:
            there = b.binary("+" if sign > 0 else "-", t, b.literal(by))
        return b.case([(b.between(t, low, high), there)])

    return b.let([x.tree], moved)


def _limits(type_: Type, sign: int, length: Any) -> tuple[date, date] | None:
    """The first and last date or instant that can be moved so without leaving the calendar; None when none can."""
    if not isinstance(length, Duration) or _calendar_units((type_, DURATION), (None, length)):
        return None
    if type_ == TIMESTAMP or length.unit in ("day", "week"):
        if length.n > LONGER_THAN_TIME * 24 * 60:
            return None
        by = sign * exact_length(length)
        first: date = FIRST_INSTANT if type_ == TIMESTAMP else date.min
        last: date = LAST_INSTANT if type_ == TIMESTAMP else date.max
        bounds = (FIRST_WRITTEN, LAST_WRITTEN) if type_ == TIMESTAMP else (date.min, date.max)
        low, high = _less(first, by, bounds), _less(last, by, bounds)
        return None if low is None or high is None else (low, high)
    months = sign * length.n * {"month": 1, "quarter": 3, "year": 12}[length.unit]
    first_month, last_month = max(12, 12 - months), min(9999 * 12 + 11, 9999 * 12 + 11 - months)
    if first_month > last_month:
        return None
    year, month = divmod(last_month, 12)
    return date(first_month // 12, first_month % 12 + 1, 1), date(year, month + 1, monthrange(year, month + 1)[1])


def _less(edge: date, by: timedelta, bounds: tuple[date, date]) -> date | None:
    """`edge` − `by`, held inside the bounds on the side where it lets more through; None where nothing is left."""
    try:
        return edge - by
    except OverflowError:
        pass
    beyond = bounds[0] if by > timedelta(0) else bounds[1]
    lets_through = (edge <= bounds[0] + timedelta(days=2)) == (beyond == bounds[0])
    return beyond if lets_through else None


def _one_number(*types: Type) -> Type | None:
    return types[0] if len(types) == 1 and types[0] in NUMBERS else None


def _neg_sql(b: "Builder", x: "Sql") -> "exp.Expression":
    return fits(b, b.neg(wide(b, x)), INTEGER) if x.type == INTEGER else b.neg(x.tree)


LARGEST = 2**63 - 1
RICHEST = Decimal("99999999999999.9999")
PENNY = Decimal("0.0001")


def _row(
    symbol: str,
    shape: Shape,
    python: Callable[[Any, Any], Any],
    words: str,
    vectors: tuple[Vector, ...],
    times: bool = False,
) -> Leaf:
    return Leaf(
        name=symbol,
        shape=shape,
        result=_numbers_or_times if times else _two_numbers,
        expects="two numbers, or a date or time and a length such as 90 days" if times else "two numbers",
        python=python,
        sql=_arithmetic_sql(symbol),
        words=words,
        vectors=vectors,
        forbids=_calendar_units if times else None,
    )


ARITHMETIC = table(
    _row(
        "+",
        "sum",
        _plus,
        "{0} plus {1}",
        (
            Vector((2, 3), 5),
            Vector((0.1, 0.2), 0.30000000000000004),
            Vector((Decimal("0.1000"), Decimal("0.2000")), Decimal("0.3000")),
            Vector((Decimal("0.5000"), 1), Decimal("1.5000")),
            Vector((Decimal("0.5000"), 1.5), 2.0),
            Vector((None, 1), None, (INTEGER, INTEGER)),
            Vector((LARGEST, 1), None),
            Vector((-LARGEST, -2), None),
            Vector((-LARGEST, -1), -(2**63)),
            Vector((RICHEST, PENNY), None),
            Vector((RICHEST, -LARGEST), None),
            Vector((1e308, 1e308), None),
            Vector((1e308, 1), 1e308),
            Vector((date(2026, 1, 31), Duration(1, "month")), date(2026, 2, 28)),
            Vector((date(2026, 1, 31), Duration(2, "week")), date(2026, 2, 14)),
            Vector((date(9999, 12, 31), Duration(1, "day")), None),
            Vector((date(2024, 2, 29), Duration(1, "year")), date(2025, 2, 28)),
            Vector((date(2026, 1, 1), Duration(10**12, "year")), None),
            Vector((instant("2026-03-29T00:30"), Duration(1, "day")), instant("2026-03-30T00:30")),
            Vector((instant("2026-03-29T00:30"), Duration(90, "minute")), instant("2026-03-29T02:00")),
            Vector((None, Duration(1, "day")), None, (DATE, DURATION)),
        ),
        times=True,
    ),
    _row(
        "-",
        "sum",
        _minus,
        "{0} minus {1}",
        (
            Vector((2, 3), -1),
            Vector((-LARGEST, 2), None),
            Vector((0, -(2**63)), None),
            Vector((-1, -(2**63)), LARGEST),
            Vector((Decimal("1.0000"), PENNY), Decimal("0.9999")),
            Vector((PENNY, PENNY), Decimal("0.0000")),
            Vector((0.3, Decimal("0.1000")), 0.19999999999999998),
            Vector((1, None), None, (INTEGER, INTEGER)),
            Vector((-1e308, 1e308), None),
            Vector((date(2026, 3, 31), Duration(1, "month")), date(2026, 2, 28)),
            Vector((date(1, 1, 1), Duration(1, "day")), None),
            Vector((instant("2026-01-01"), Duration(36, "hour")), instant("2025-12-30T12:00")),
            Vector((instant("0001-01-02"), Duration(1, "minute")), None),
        ),
        times=True,
    ),
    _row(
        "*",
        "product",
        _times,
        "{0} times {1}",
        (
            Vector((6, 7), 42),
            Vector((Decimal("19.9900"), 3), Decimal("59.9700")),
            Vector((Decimal("0.0100"), Decimal("0.0050")), Decimal("0.0001")),
            Vector((Decimal("-0.0100"), Decimal("0.0050")), Decimal("-0.0001")),
            Vector((Decimal("0.0100"), Decimal("0.0049")), Decimal("0.0000")),
            Vector((Decimal("0.0001"), Decimal("0.4997")), Decimal("0.0000")),  # rounded once, not first to 7 places
            Vector((Decimal("100000.0000"), Decimal("200000.0000")), Decimal("20000000000.0000")),
            Vector((RICHEST, RICHEST), None),
            Vector((RICHEST, LARGEST), None),
            Vector((LARGEST, LARGEST), None),
            Vector((-(2**63), -1), None),
            Vector((2**62, -2), -(2**63)),
            Vector((0.5, 3), 1.5),
            Vector((1e200, 1e200), None),
            Vector((None, 0), None, (INTEGER, INTEGER)),
        ),
    ),
    Leaf(
        name="/",
        shape="product",
        result=lambda *types: None if _two_numbers(*types) is None else FLOAT,
        expects="two numbers",
        python=_divided,
        sql=_divided_sql,
        words="{0} divided by {1}",
        vectors=(
            Vector((7, 2), 3.5),
            Vector((1, 3), 1 / 3),
            Vector((1, 0), None),
            Vector((0, 0), None),
            Vector((1.0, -0.0), None),
            Vector((Decimal("1.0000"), Decimal("3.0000")), 1 / 3),
            Vector((RICHEST, PENNY), float(RICHEST) / 0.0001),
            Vector((1e308, 0.1), None),
            Vector((LARGEST, LARGEST), 1.0),
            Vector((None, 2), None, (INTEGER, INTEGER)),
        ),
    ),
    _row(
        "%",
        "product",
        _remainder,
        "the remainder of {0} divided by {1}",
        (
            Vector((7, 3), 1),
            Vector((-7, 2), -1),
            Vector((7, -2), 1),
            Vector((7, 0), None),
            Vector((-(2**63), -1), 0),
            Vector((Decimal("-7.5000"), 2), Decimal("-1.5000")),
            Vector((LARGEST, Decimal("0.3000")), Decimal("0.1000")),
            Vector((7, Decimal("0.0000")), None),
            Vector((7.5, 2), 1.5),
            Vector((7.5, 0.0), None),
            Vector((None, 2), None, (INTEGER, INTEGER)),
        ),
    ),
    Leaf(
        name="neg",
        shape="sign",
        result=_one_number,
        expects="a number",
        python=lambda x: _fitting(operator.neg(x)),
        sql=_neg_sql,
        words="minus {0}",
        vectors=(
            Vector((5,), -5),
            Vector((-(2**63),), None),
            Vector((LARGEST,), -LARGEST),
            Vector((Decimal("0.0000"),), Decimal("0.0000")),
            Vector((RICHEST,), -RICHEST),
            Vector((1.5,), -1.5),
            Vector((None,), None, (MONEY,)),
        ),
    ),
)
