"""The kinds of values: three kinds of number, text, truth, days, instants, lengths and lists."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from coterie.core.windows import Duration


class Kind(Enum):
    INTEGER = "integer"  # 64 bit
    MONEY = "money"  # exact, DECIMAL(18,4), computed in 38 digits
    FLOAT = "float"  # IEEE double; of an event's column, an exact decimal at 9 places until it becomes a result
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"  # an instant, UTC microseconds
    DURATION = "duration"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Type:
    """A kind, and for lists the kind of what they hold."""

    kind: Kind
    of: Kind | None = None

    def __str__(self) -> str:
        return f"list of {self.of.value}" if self.of else self.kind.value


INTEGER = Type(Kind.INTEGER)
MONEY = Type(Kind.MONEY)
FLOAT = Type(Kind.FLOAT)
TEXT = Type(Kind.TEXT)
BOOLEAN = Type(Kind.BOOLEAN)
DATE = Type(Kind.DATE)
TIMESTAMP = Type(Kind.TIMESTAMP)
DURATION = Type(Kind.DURATION)
NUMBERS = (INTEGER, MONEY, FLOAT)
TIMES = (DATE, TIMESTAMP)


def list_of(kind: Kind) -> Type:
    return Type(Kind.LIST, kind)


def named(text: str) -> Type:
    """The type that `str(type)` names."""
    return list_of(Kind(text.removeprefix("list of "))) if text.startswith("list of ") else Type(Kind(text))


def number_of(a: Type, b: Type) -> Type:
    """The kind in which two numbers are compared and added: float beats money beats integer."""
    for kind in (FLOAT, MONEY):
        if kind in (a, b):
            return kind
    return INTEGER


Scalar = int | Decimal | float | str | bool | date | datetime | Duration
Value = Scalar | tuple[Scalar, ...]

SQL_TYPES = {
    Kind.INTEGER: "BIGINT",
    Kind.MONEY: "DECIMAL(18,4)",
    Kind.FLOAT: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMP",
}
"""How a column of each kind is stored in an engine; a list is the array of its element's."""
EVENT_FLOAT = "DECIMAL(24,9)"
"""How a float column of an event is stored, so that every sum is exact and independent of order."""


def sql_type(type_: Type) -> str:
    return f"{SQL_TYPES[type_.of]}[]" if type_.of else SQL_TYPES[type_.kind]
