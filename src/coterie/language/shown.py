"""Values and events as people read them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from coterie.core import words
from coterie.core.windows import Duration
from coterie.language.format import literal
from coterie.language.types import INTEGER, MONEY, Type, Value

CENT = Decimal("0.01")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not strftime's, which speak the machine's language."""


def plain(name: str) -> str:
    return name.replace("_", " ")


def plural(kind: str, n: int) -> str:
    """A kind of event in words, for n of them: 1 order, 2 orders, 2 cart added events."""
    return words.singular(plain(kind)) if n == 1 else words.plural(plain(kind))


def last_of(length: Duration) -> str:
    """A length behind "the last" or "the next": "90 days", "year"."""
    return length.unit if length.n == 1 else str(length)


def runs_out(length: Duration) -> str:
    """ "the 90 days run out", "the day runs out"."""
    return f"the {last_of(length)} {'runs' if length.n == 1 else 'run'} out"


def shown(value: Value | None) -> str:
    match value:
        case None:
            return "missing"
        case bool() | str() | date() | Duration():
            return literal(value)
        case int():
            return f"{value:,}"
        case Decimal() | float():
            number = Decimal(repr(value)) if isinstance(value, float) else value
            return f"{number:,.2f}" if number == number.quantize(CENT) else f"{number.normalize():,f}"
        case tuple():
            return f"({', '.join(shown(v) for v in value)})"


def day_shown(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def detail(row: Mapping[str, Value | None]) -> str:
    parts = [f"{plain(c)} {shown(v)}" for c, v in row.items() if v is not None]
    return f" with {' and '.join(parts)}" if parts else ""


def worth(kind: str, n: int, column: str, amount: Decimal, type_: Type) -> str:
    """What a sum needs: "orders worth 250.00 more"."""
    total = shown(int(amount) * n if type_ == INTEGER else amount * n)
    how = f"{n} {plural(kind, n)}" if n > 1 else plural(kind, 2)
    if type_ == MONEY:
        return f"{how} worth {total} more" + ("" if column == "amount" else f" ({plain(column)})")
    return f"{how} with {total} more {plain(column)}" + (" in all" if n > 1 else "")
