"""Changes of membership, as they were written while messages were applied: in their order, each with its number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from coterie.live.log import of_micros


class Database(Protocol):
    """Where they are read."""

    def execute(self, sql: str, bindings: Any = ()) -> Iterable[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody entered or left a segment, or a label of a segmentation (`label`).

    Attributes:
        number: 1, 2, 3, … in order; a later one of the same customer and segment stands instead of it.
        at: when it was found, naive UTC.
        position: of the message behind which it was; 0 where time alone did it.
    """

    number: int
    customer: str
    name: str
    label: str | None
    entered: bool
    at: datetime
    position: int

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "customer": self.customer,
            "name": self.name,
            "label": self.label,
            "entered": self.entered,
            "at": self.at.isoformat() + "Z",
            "position": self.position,
        }


def read(db: Database, after: int, limit: int, *, name: str | None = None, customer: str | None = None) -> list[Changed]:
    """The changes behind a number, in order, at most `limit`; of one segment or customer only where one is named."""
    sql = "SELECT number, customer, name, label, entered, at, position FROM live_change WHERE number > ?"
    bindings: list[Any] = [after]
    for column, value in (("name", name), ("customer", customer)):
        if value is not None:
            sql += f" AND {column} = ?"
            bindings.append(value)
    rows = db.execute(f"{sql} ORDER BY number LIMIT ?", (*bindings, limit))
    return [Changed(n, c, name, label, bool(entered), of_micros(at), p) for n, c, name, label, entered, at, p in rows]


def newest(db: Database) -> int:
    """The number of the last change; 0 where there is none."""
    for (number,) in db.execute("SELECT max(number) FROM live_change"):
        return int(number or 0)
    return 0
