"""One row of a source, taken by itself: what `mapping` says in SQL of whole files, in Python for a row that comes as a message.

The expressions are the source's own, checked as there and evaluated by the language; only ids, times and the types of
cells are read here, as the readers of files read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from coterie.core.definition import Written
from coterie.core.windows import clamped_first_instant, local, to_utc
from coterie.language.aggregations import INTEGER_LIMIT, MONEY_LIMIT
from coterie.language.check import check_row
from coterie.language.evaluate import Customer, Evaluation, Event, Missing, World, truth
from coterie.language.names import normal
from coterie.language.parse import parse
from coterie.language.scope import Scope
from coterie.language.tree import Column, Expr
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type, Value
from coterie.sources.cells import BOOLEANS
from coterie.sources.ids import one_id
from coterie.sources.mapping import FIRST_TIME, LAST_TIME, FileColumns
from coterie.sources.source import Source


class Unfit(ValueError):
    """A row that cannot be used: the column, and the reason in plain words."""

    def __init__(self, column: str | None, said: str):
        super().__init__(said)
        self.column, self.said = column, said


@dataclass(frozen=True, slots=True)
class FileRow(Event):
    """A row of a file, whose `time` and `id` are columns like all others."""

    def read(self, column: str) -> Value | None:
        return self.values.get(column)


@dataclass(frozen=True)
class Single:
    """Takes rows of one source, one at a time.

    Args:
        source: of a kind of event.
        types: the columns of its files, as its last run found them.
        zone: the project's.
    """

    source: Source
    types: Mapping[str, Type]
    zone: str
    world: World = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "world", World(LAST_TIME, self.zone))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The file's columns by their names in the language."""
        return {normal(c): c for c in self.types}

    @cached_property
    def computed(self) -> Mapping[str, Expr]:
        return {normal(name): self.checked(text) for name, text in self.source.columns.items()}

    @cached_property
    def where(self) -> Expr | None:
        return None if self.source.where is None else self.checked(self.source.where, BOOLEAN)

    @cached_property
    def kept(self) -> Mapping[str, str]:
        """Columns that keep their own name."""
        roles = {self.source.id, self.source.customer, self.source.time}
        renamed = {t.name for t in self.computed.values() if isinstance(t, Column)}
        return {n: c for n, c in self.names.items() if c not in roles and n not in renamed and n not in self.computed}

    def checked(self, text: Written, expected: Type | None = None) -> Expr:
        row = FileColumns({name: self.types[column] for name, column in self.names.items()})
        return check_row(parse(text.origin), row, Scope({}, {}, self.zone), text.origin, expected=expected).tree

    def event(self, row: Mapping[str, Any]) -> tuple[str, Event] | None:
        """Whose it is and what they did, or None where the source's `where` leaves it out.

        Args:
            row: JSON values by the file's columns; a time may be a datetime, in the source's zone where it has none.

        Raises:
            Unfit: a cell cannot be read as what its column is, or it is not said who or when.
        """
        cells = {name: cell(row.get(column), self.types[column], column, self.zone_of_times) for name, column in self.names.items()}
        customer = one_id(self.role(self.source.customer, cells, row))
        if customer is None:
            raise Unfit(self.source.customer, "it does not say whose it is")
        time = self.time(self.role(self.source.time, cells, row))
        id_ = one_id(self.role(self.source.id, cells, row)) if self.source.id is not None else str(row.get("id", ""))
        ask, whole = Evaluation(Customer(customer), self.world), FileRow(self.source.name, time, id_ or "", cells)
        if self.where is not None and truth(ask.value(self.where, whole)) is not True:
            return None
        values: dict[str, Value | None] = {name: cells[name] for name in self.kept}
        for name, tree in self.computed.items():
            found = ask.value(tree, whole)
            values[name] = None if isinstance(found, Missing) else stored(found, tree.type)
        return customer, Event(self.source.name, time, id_ or "", values)

    def role(self, name: str | None, cells: Mapping[str, Value | None], row: Mapping[str, Any]) -> Value | None:
        if name is None:
            return None
        found: Value | None = cells.get(normal(name)) if normal(name) in cells else row.get(name)
        return found

    @property
    def zone_of_times(self) -> str:
        return self.source.timezone or self.zone

    def time(self, value: Value | None) -> datetime:
        if isinstance(value, datetime):
            at = value
        elif isinstance(value, date):
            at = clamped_first_instant(value, self.zone_of_times)
        else:
            raise Unfit(self.source.time, "it does not say when it happened")
        if not FIRST_TIME <= at < LAST_TIME:
            raise Unfit(self.source.time, "its time lies outside the years 1970 to 2199")
        return at


def stored(value: Value, type_: Type | None) -> Value | None:
    """A computed value as an event keeps it: a float as a decimal at 9 places."""
    if type_ == FLOAT and isinstance(value, float | int | Decimal) and not isinstance(value, bool):
        return _decimal(repr(value) if isinstance(value, float) else value, 9, Decimal(10) ** 15)
    return value


def cell(value: Any, type_: Type, column: str, zone: str) -> Value | None:
    """A JSON value as a cell of a column.

    Raises:
        Unfit: it is no such thing.
    """
    if value is None or (type_ != TEXT and isinstance(value, str) and not value.strip()):
        return None
    found = _cell(value, type_, zone)
    if found is None:
        raise Unfit(column, f"{str(value)[:60]!r} is no {type_}")
    return found


def _cell(value: Any, type_: Type, zone: str) -> Value | None:
    if type_.of is not None:
        items = value if isinstance(value, list) else [value]
        return tuple(dict.fromkeys(_text(i) for i in items if i is not None))
    if type_ == TEXT:
        return _text(value)
    if type_ == BOOLEAN:
        return value if isinstance(value, bool) else BOOLEANS.get(str(value).strip().lower())
    if type_ in (DATE, TIMESTAMP):
        return _time(value, type_, zone)
    if isinstance(value, bool):
        return None
    if type_ == INTEGER:
        whole = _decimal(value, 0, Decimal(INTEGER_LIMIT + 1), exact=True)
        return None if whole is None or not -INTEGER_LIMIT <= whole < INTEGER_LIMIT else int(whole)
    return _decimal(value, 4, MONEY_LIMIT) if type_ == MONEY else _decimal(value, 9, Decimal(10) ** 15)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _decimal(value: Any, places: int, limit: Decimal, *, exact: bool = False) -> Decimal | None:
    try:
        number = Decimal(str(value).strip() if not isinstance(value, Decimal) else value)
        if not number.is_finite():
            return None
        rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation:
        return None
    return None if abs(rounded) >= limit or (exact and rounded != number) else rounded


def _time(value: Any, type_: Type, zone: str) -> Value | None:
    try:
        if isinstance(value, str):
            text = value.strip()
            value = date.fromisoformat(text) if len(text) == len("2026-01-31") else datetime.fromisoformat(text)
        if isinstance(value, datetime):
            utc = _utc(value, zone)
            return local(utc, zone).date() if type_ == DATE else utc
    except (ValueError, OverflowError):
        return None
    if not isinstance(value, date):
        return None
    return value if type_ == DATE else clamped_first_instant(value, zone)


def _utc(value: datetime, zone: str) -> datetime:
    from datetime import UTC

    return to_utc(value, zone) if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
