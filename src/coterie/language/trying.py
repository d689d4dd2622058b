"""Values worth trying in place of one: what a rule's own words, windows and numbers suggest."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from coterie.core.windows import Duration, clamped_step, days, first_instant, local_day
from coterie.language import tree
from coterie.language.evaluate import World
from coterie.language.reach import Reach
from coterie.language.shown import CENT
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, Value


def candidates(type_: Type, reach: Reach, numbers: Sequence[Decimal], world: World) -> Iterator[Value]:
    """Values of a type that may matter: those written, those beside them, and some of every size.

    Args:
        type_: the type of the column.
        reach: what the answer hangs on.
        numbers: numbers that may be thresholds.
        world: whose day it is.
    """
    literals = [n.value for n in reach.literals()]
    match type_.kind:
        case Kind.BOOLEAN:
            yield from (True, False)
        case Kind.INTEGER:
            yield from (int(n) for n in numbers if n == n.to_integral_value())
            yield from (int(n.to_integral_value(ROUND_CEILING)) + k for n in numbers for k in (0, 1, -1))
            yield from (0, *(10**k for k in range(8)))
        case Kind.MONEY | Kind.FLOAT:
            yield from numbers
            yield from (n + k for n in numbers for k in (CENT, -CENT))
            yield from (Decimal(0), *(Decimal(10) ** k for k in range(8)))
        case Kind.TEXT:
            texts = [v for v in literals if isinstance(v, str)]
            yield from texts
            yield from (v.strip("^$") for v in texts)
            yield "other"
        case Kind.DATE:
            yield from edges_of_days(reach, numbers, world)
        case Kind.TIMESTAMP:
            yield from (v for v in literals if isinstance(v, datetime))
            yield world.as_of
            yield from (first_instant(d, world.zone) for d in edges_of_days(reach, numbers, world))
        case Kind.LIST:
            items = tuple(dict.fromkeys(v for v in literals if not isinstance(v, Duration) and type_of(v).kind is type_.of))
            yield from ((item,) for item in items)
            yield items
            yield ()
        case Kind.DURATION:
            return


def edges_of_days(reach: Reach, numbers: Sequence[Decimal], world: World) -> Iterator[date]:
    """Days at the edges of windows, beside written days, and as many days or years ago as numbers say."""
    today = world.today
    written_days = [n.value for n in reach.literals() if isinstance(n.value, date)]
    local_days = [local_day(d, world.zone) if isinstance(d, datetime) else d for d in written_days]
    row_windows = [
        n.window
        for conditions in reach.conditions.values()
        for c in conditions
        for n in tree.walk(c)
        if isinstance(n, tree.WindowTest)
    ]
    edges: list[date] = [today, *local_days]
    for window in [*reach.windows(), *row_windows]:
        try:
            limits = days(window, today)
        except ValueError:
            continue
        if limits is not None:
            edges += [d for d in (limits.lo, limits.hi) if d is not None]
    for n in numbers:
        if n == n.to_integral_value() and abs(n) < 100_000:
            edges += [clamped_step(today, -int(n), "day"), clamped_step(today, -int(n), "year")]
    beside = [moved(day, k) for day in edges[1:] for k in (0, -1, 1)]
    for day in [today, *beside, moved(today, -1), moved(today, 1)]:
        if date(1, 1, 3) < day < date(9999, 12, 29):
            yield day


def type_of(value: object) -> Type:
    match value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case Decimal():
            return MONEY
        case float():
            return FLOAT
        case datetime():
            return TIMESTAMP
        case date():
            return DATE
        case tuple():
            return Type(Kind.LIST, type_of(value[0]).kind if value else Kind.TEXT)
        case _:
            return TEXT


def nth(type_: Type, n: int, world: World) -> Value | None:
    """The n-th of endlessly many values of a type (booleans have two)."""
    match type_.kind:
        case Kind.INTEGER:
            return n
        case Kind.MONEY | Kind.FLOAT:
            return Decimal(n)
        case Kind.TEXT:
            return f"new {n}"
        case Kind.BOOLEAN:
            return n == 1 if n <= 2 else None
        case Kind.DATE:
            return world.today - timedelta(days=n - 1)
        case Kind.TIMESTAMP:
            return world.as_of - timedelta(minutes=n - 1)
        case Kind.LIST:
            return ()
        case Kind.DURATION:
            return None


def exact_number(value: object) -> Decimal | None:
    """A number exactly as it is written, or None for what is none."""
    if isinstance(value, float):
        return Decimal(repr(value))
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def moved(day: date, k: int) -> date:
    return clamped_step(day, k, "day")
