"""One row of a source, taken by itself: what `mapping` says in SQL of whole files, in Python for a row that comes as a message.

The expressions are the source's own, checked as there and evaluated by the language; only ids, times and the types of
cells are read here, as the readers of files read them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cached_property, lru_cache, partial
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
from coterie.sources.cells import DECLARED_BOOLEANS
from coterie.sources.ids import one_id
from coterie.sources.mapping import FIRST_TIME, LAST_TIME, FileColumns
from coterie.sources.source import Source

_normal = lru_cache(maxsize=10_000)(normal)


class Unfit(ValueError):
    """A row that cannot be used: the column, and the reason in plain words."""

    def __init__(self, column: str | None, said: str):
        super().__init__(said)
        self.column, self.said = column, said


Reader = Callable[[Any], Value | None]
"""Reads a JSON value as a cell; raises Unfit where it is no such thing."""


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
        cells: dict[str, Value | None] = {}
        for name, column, read in self.readers:
            value = row.get(column)
            cells[name] = None if value is None else read(value)
        customer = one_id(self.role(self.source.customer, cells, row))
        if customer is None:
            raise Unfit(self.source.customer, "it does not say whose it is")
        time = self.time(self.role(self.source.time, cells, row))
        id_ = one_id(self.role(self.source.id, cells, row)) if self.source.id is not None else str(row.get("id", ""))
        values: dict[str, Value | None] = {name: cells[name] for name in self.kept}
        if self.where is not None or self.computed:
            ask, whole = Evaluation(Customer(customer), self.world), FileRow(self.source.name, time, id_ or "", cells)
            if self.where is not None and truth(ask.value(self.where, whole)) is not True:
                return None
            for name, tree in self.computed.items():
                found = ask.value(tree, whole)
                values[name] = None if isinstance(found, Missing) else stored(found, tree.type)
        return customer, Event(self.source.name, time, id_ or "", values)

    @cached_property
    def readers(self) -> Sequence[tuple[str, str, Reader]]:
        """The file's columns: the name in the language, the column, and how a cell of it is read."""
        return [(name, column, reader(self.types[column], column, self.zone_of_times)) for name, column in self.names.items()]

    def role(self, name: str | None, cells: Mapping[str, Value | None], row: Mapping[str, Any]) -> Value | None:
        if name is None:
            return None
        called = _normal(name)
        found: Value | None = cells[called] if called in cells else row.get(name)
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
        return _decimal(repr(value) if isinstance(value, float) else value, _NINE, _FLOATS)
    return value


def cell(value: Any, type_: Type, column: str, zone: str) -> Value | None:
    """A JSON value as a cell of a column.

    Raises:
        Unfit: it is no such thing.
    """
    return reader(type_, column, zone)(value)


@lru_cache(maxsize=10_000)
def reader(type_: Type, column: str, zone: str) -> Reader:
    """How the cells of a column are read."""
    text, read = type_ == TEXT, _reader(type_, zone)

    def cell_of(value: Any) -> Value | None:
        if value is None or (not text and isinstance(value, str) and not value.strip()):
            return None
        found = read(value)
        if found is None:
            raise Unfit(column, f"{str(value)[:60]!r} is no {type_}")
        return found

    return cell_of


def _reader(type_: Type, zone: str) -> Reader:
    if type_.of is not None:
        return _texts
    if type_ == TEXT:
        return _text
    if type_ == BOOLEAN:
        return _boolean
    if type_ in (DATE, TIMESTAMP):
        return partial(_time, type_=type_, zone=zone)
    if type_ == INTEGER:
        return _integer
    return _money if type_ == MONEY else _number


def _texts(value: Any) -> Value:
    items = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(_text(i) for i in items if i is not None))


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else DECLARED_BOOLEANS.get(str(value).strip().lower())


def _integer(value: Any) -> int | None:
    if type(value) is int:
        return value if -INTEGER_LIMIT <= value < INTEGER_LIMIT else None
    whole = None if isinstance(value, bool) else _decimal(value, _WHOLE, _INTEGERS, exact=True)
    return None if whole is None or not -INTEGER_LIMIT <= whole < INTEGER_LIMIT else int(whole)


def _money(value: Any) -> Decimal | None:
    return None if isinstance(value, bool) else _decimal(value, _CENTS, MONEY_LIMIT)


def _number(value: Any) -> Decimal | None:
    return None if isinstance(value, bool) else _decimal(value, _NINE, _FLOATS)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else str(value)


_WHOLE, _CENTS, _NINE = Decimal(1), Decimal(1).scaleb(-4), Decimal(1).scaleb(-9)
_INTEGERS, _FLOATS = Decimal(INTEGER_LIMIT + 1), Decimal(10) ** 15
"""What is kept of numbers: the last place, and how large they may be."""


def _decimal(value: Any, last: Decimal, limit: Decimal, *, exact: bool = False) -> Decimal | None:
    try:
        number = Decimal(str(value).strip() if not isinstance(value, Decimal) else value)
        if not number.is_finite():
            return None
        rounded = number.quantize(last, ROUND_HALF_UP)
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
    if value.tzinfo is UTC:
        return value.replace(tzinfo=None)
    return to_utc(value, zone) if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
