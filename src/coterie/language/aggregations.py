"""What a measure can be: one class a row, holding its types, its mergeable state, its SQL and its words.

The state of an aggregation is a plain value with `zero`, `add`, `merge` and `final`: any split of the rows into parts, in
any order, added up part by part and merged, gives what one pass gives. So one definition serves the batch (through SQL),
one customer (through the state) and the reference. A row is added with its *key*, its place in the order of events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from typing import Literal as OneOf

from coterie.language.types import BOOLEAN, FLOAT, INTEGER, MONEY, NUMBERS, Kind, Type, sql_type

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder

Key = Any
"""The place of an event in the order of LANGUAGE.md section 4: (time, kind, id), or any value that sorts the same."""

INTEGER_LIMIT = 2**63
MONEY_LIMIT = Decimal(10) ** 14


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a measure sees, as SQL over one event table.

    Attributes:
        value: the column, or None where the measure takes none (of `share`: the truth of its `where`).
        type: the column's type.
        keep: which rows count (window, where, column known), or None for all.
        order: a column that sorts a customer's events of this kind in their order.
    """

    value: "exp.Expression | None"
    type: Type | None
    keep: "exp.Expression | None"
    order: "exp.Expression"


class Aggregation:
    """One row of the table of aggregations.

    Attributes:
        name: as written.
        column: whether a column is written: "required", "optional" or "none".
        nothing: over no rows the result is missing, because nothing happened (otherwise it is a value).
        seen_is: where there may be more rows than were seen, what was seen is the least or the most that the result can
            be; None where more rows can make anything of it.
        grouped: the SQL works on one row per (customer, value), not per event: see `sql`.
        gives: the least and the greatest number that can come out; None for no limit.
        words: English; {event}, {one} (with its article), {events}, {column} and {columns} stand for their names.
    """

    name: ClassVar[str]
    column: ClassVar[OneOf["required", "optional", "none"]] = "required"
    nothing: ClassVar[bool] = True
    seen_is: ClassVar[OneOf["least", "most"] | None] = None
    grouped: ClassVar[bool] = False
    gives: ClassVar[tuple[int | None, int | None]] = (None, None)
    words: ClassVar[str]
    expects: ClassVar[str] = "a column"

    def result(self, column: Type | None) -> Type | None:
        """The type of the result over a column of this type, or None where that makes no sense."""
        raise NotImplementedError

    def end(self, column: str | None) -> OneOf["first", "last"] | None:
        """Which end of a customer's events the result is taken from, if it is from one alone; `column` is the column's name."""
        return None

    def zero(self) -> Any:
        raise NotImplementedError

    def add(self, state: Any, value: Any, key: Key) -> Any:
        """The state with one more row; `value` is known (rows whose column is missing are not added)."""
        raise NotImplementedError

    def merge(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def final(self, state: Any) -> Any:
        """The result, or None where it is missing; `settle` puts it in its type."""
        raise NotImplementedError

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        """The aggregate over one customer's rows.

        For a `grouped` aggregation the rows are already counted by value: `rows.value` is the value and `rows.keep` is
        replaced by `rows.order`, the number of kept events that have it (rows with 0 do not count).
        """
        raise NotImplementedError


def filtered(q: "Builder", aggregate: "exp.Expression", keep: "exp.Expression | None") -> "exp.Expression":
    return aggregate if keep is None else q.filter(aggregate, keep)


class Count(Aggregation):
    name = "count"
    column = "optional"
    nothing = False
    seen_is = "least"
    gives = (0, None)
    words = "the number of {events}"

    def result(self, column: Type | None) -> Type | None:
        return INTEGER

    def zero(self) -> int:
        return 0

    def add(self, state: int, value: Any, key: Key) -> int:
        return state + 1

    def merge(self, a: int, b: int) -> int:
        return a + b

    def final(self, state: int) -> int:
        return state

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        return filtered(q, q.count_rows(), rows.keep)


class Exists(Aggregation):
    name = "exists"
    column = "optional"
    nothing = False
    words = "there is {one}"

    def result(self, column: Type | None) -> Type | None:
        return BOOLEAN

    def zero(self) -> bool:
        return False

    def add(self, state: bool, value: Any, key: Key) -> bool:
        return True

    def merge(self, a: bool, b: bool) -> bool:
        return a or b

    def final(self, state: bool) -> bool:
        return state

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        return q.binary(">", filtered(q, q.count_rows(), rows.keep), q.literal(0))


class Sum(Aggregation):
    name = "sum"
    nothing = False
    words = "the sum of {column} of {events}"
    expects = "a column of numbers"

    def result(self, column: Type | None) -> Type | None:
        return column if column in NUMBERS else None

    def zero(self) -> Decimal | int:
        return 0

    def add(self, state: Decimal | int, value: Any, key: Key) -> Decimal | int:
        total: Decimal | int = state + value
        return total

    def merge(self, a: Decimal | int, b: Decimal | int) -> Decimal | int:
        return a + b

    def final(self, state: Decimal | int) -> Decimal | int:
        return state

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        assert rows.value is not None
        assert rows.type is not None
        total = filtered(q, q.total(rows.value, rows.type), rows.keep)
        return q.try_cast(q.call("coalesce", total, q.literal(0)), sql_type(rows.type))


class Avg(Aggregation):
    name = "avg"
    words = "the average {column} of {events}"
    expects = "a column of numbers"

    def result(self, column: Type | None) -> Type | None:
        return FLOAT if column in NUMBERS else None

    def zero(self) -> tuple[Decimal | int, int]:
        return (0, 0)

    def add(self, state: tuple[Any, int], value: Any, key: Key) -> tuple[Any, int]:
        return (state[0] + value, state[1] + 1)

    def merge(self, a: tuple[Any, int], b: tuple[Any, int]) -> tuple[Any, int]:
        return (a[0] + b[0], a[1] + b[1])

    def final(self, state: tuple[Any, int]) -> float | None:
        total, n = state
        return None if n == 0 else as_float(total) / n

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        assert rows.value is not None
        total = q.cast(filtered(q, q.total(rows.value, rows.type), rows.keep), "DOUBLE")
        return q.divide(total, filtered(q, q.count_rows(), rows.keep))


class Extreme(Aggregation):
    """The smallest or largest value."""

    expects = "a column of numbers, text, dates or times"
    largest: ClassVar[bool]

    def result(self, column: Type | None) -> Type | None:
        return column if column is not None and column.kind not in (Kind.LIST, Kind.BOOLEAN) else None

    def end(self, column: str | None) -> OneOf["first", "last"] | None:
        if column != "time":
            return None
        return "last" if self.largest else "first"

    def zero(self) -> None:
        return None

    def add(self, state: Any, value: Any, key: Key) -> Any:
        return self.merge(state, value)

    def merge(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        return max(a, b) if self.largest else min(a, b)

    def final(self, state: Any) -> Any:
        return state

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        assert rows.value is not None
        return q.result(filtered(q, q.call("max" if self.largest else "min", rows.value), rows.keep), rows.type)


class Min(Extreme):
    name = "min"
    largest = False
    seen_is = "most"
    words = "the smallest {column} of {events}"


class Max(Extreme):
    name = "max"
    largest = True
    seen_is = "least"
    words = "the largest {column} of {events}"


class End(Aggregation):
    """The value of the first or last event whose column is known, in the order of events."""

    latest: ClassVar[bool]

    def result(self, column: Type | None) -> Type | None:
        return column

    def end(self, column: str | None) -> OneOf["first", "last"] | None:
        return "last" if self.latest else "first"

    def zero(self) -> None:
        return None

    def add(self, state: Any, value: Any, key: Key) -> Any:
        return self.merge(state, (key, value))

    def merge(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        return b if (b[0] > a[0]) == self.latest else a

    def final(self, state: Any) -> Any:
        return None if state is None else state[1]

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        assert rows.value is not None
        end = "max" if self.latest else "min"
        if rows.value.name == "time":  # the events are in its order: the time of the last one is the largest
            return filtered(q, q.call(end, rows.value), rows.keep)
        pick = q.call(f"arg_{end}", rows.value, rows.order)
        return q.result(filtered(q, pick, rows.keep), rows.type)


class First(End):
    name = "first"
    latest = False
    words = "the {column} of the first {event}"


class Last(End):
    name = "last"
    latest = True
    words = "the {column} of the last {event}"


class Distinct(Aggregation):
    name = "distinct"
    nothing = False
    seen_is = "least"
    grouped = True
    gives = (0, None)
    words = "the number of different {columns} of {events}"

    def result(self, column: Type | None) -> Type | None:
        return INTEGER if column is not None and column.kind is not Kind.LIST else None

    def zero(self) -> frozenset[Any]:
        return frozenset()

    def add(self, state: frozenset[Any], value: Any, key: Key) -> frozenset[Any]:
        return state if value in state else state | {value}

    def merge(self, a: frozenset[Any], b: frozenset[Any]) -> frozenset[Any]:
        return a | b

    def final(self, state: frozenset[Any]) -> int:
        return len(state)

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        return q.filter(q.count_rows(), q.binary(">", rows.order, q.literal(0)))


class MostCommon(Aggregation):
    name = "most_common"
    grouped = True
    words = "the most common {column} of {events}"

    def result(self, column: Type | None) -> Type | None:
        return column if column is not None and column.kind is not Kind.LIST else None

    def zero(self) -> Mapping[Any, int]:
        return MappingProxyType({})

    def add(self, state: Mapping[Any, int], value: Any, key: Key) -> Mapping[Any, int]:
        return MappingProxyType({**state, value: state.get(value, 0) + 1})

    def merge(self, a: Mapping[Any, int], b: Mapping[Any, int]) -> Mapping[Any, int]:
        return MappingProxyType({v: a.get(v, 0) + b.get(v, 0) for v in {**a, **b}})

    def final(self, state: Mapping[Any, int]) -> Any:
        # Ties go to the smallest value (numbers by size, text by code point).
        return min(state, key=lambda v: (-state[v], v), default=None)

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        assert rows.value is not None
        return q.result(q.most_frequent(rows.value, rows.order), rows.type)


class Share(Aggregation):
    """Of the rows where `where` is true or false, the part where it is true; a row is added with that truth."""

    name = "share"
    column = "none"
    gives = (0, 1)
    words = "the share of {events}"

    def result(self, column: Type | None) -> Type | None:
        return FLOAT

    def zero(self) -> tuple[int, int]:
        return (0, 0)

    def add(self, state: tuple[int, int], value: bool, key: Key) -> tuple[int, int]:
        return (state[0] + int(value), state[1] + 1)

    def merge(self, a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return (a[0] + b[0], a[1] + b[1])

    def final(self, state: tuple[int, int]) -> float | None:
        return None if state[1] == 0 else state[0] / state[1]

    def sql(self, q: "Builder", rows: Rows) -> "exp.Expression":
        assert rows.value is not None
        held = [rows.value] if rows.keep is None else [rows.keep, rows.value]
        known = q.not_(q.is_null(rows.value))
        decided = [known] if rows.keep is None else [rows.keep, known]
        yes = q.cast(q.filter(q.count_rows(), q.all(held)), "DOUBLE")
        return q.divide(yes, q.filter(q.count_rows(), q.all(decided)))


def settle(value: Any, type_: Type) -> Any:
    """A final result in its type: missing where an exact number leaves it (64 bits of an integer, 14 digits before the point
    of money), and a double of what was summed or picked exactly."""
    if value is None:
        return None
    if type_ == INTEGER:
        return value if -INTEGER_LIMIT <= value < INTEGER_LIMIT else None
    if type_ == MONEY:
        return Decimal(value) if abs(value) < MONEY_LIMIT else None
    if type_ == FLOAT and isinstance(value, Decimal | int):
        return as_float(value)
    return value


def as_float(total: Decimal | int) -> float:
    """The double that an engine makes of an exact sum.

    A decimal is a scaled integer there: divided at once when it is exact in a double, else whole and fraction apart.
    """
    if isinstance(total, int):
        return float(total)
    sign, _, exponent = total.as_tuple()
    places = -int(exponent)
    scaled, power = int(total.scaleb(places)), int(10**places)
    if abs(scaled) <= 2**53 or places == 0:
        return scaled / float(power)
    whole, fraction = divmod(abs(scaled), power)
    value = float(whole) + fraction / float(power)
    return -value if sign else value


AGGREGATIONS: dict[str, Aggregation] = {
    a.name: a for a in (Count(), Exists(), Sum(), Avg(), Min(), Max(), First(), Last(), Distinct(), MostCommon(), Share())
}
