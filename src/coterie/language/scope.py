"""What names mean where an expression stands: the columns of a customer, the kinds of event, the account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from coterie.language.types import TEXT, TIMESTAMP, Type

Freshness = Literal["live", "timed", "daily", "fitted"]
"""live: follows each event; timed: an hour- or sequence-window can run out; daily: calendar windows turn at midnight;
fitted: parameters move at the next fit."""
State = Literal["none", "buckets", "recent events", "log"]
"""What live evaluation must keep of a customer, from nothing to everything."""
STATES: tuple[State, ...] = ("none", "buckets", "recent events", "log")

NO_PARTS: Mapping[str, "ColumnInfo"] = {}


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column of a customer.

    Attributes:
        type: of its values.
        nothing: where missing, it is because nothing happened (a measure over no rows), not because it is not recorded.
        partial: a source's coverage may leave it known only to lie between some values.
        unsure: with `nothing`: it may also be missing for another reason (coverage, a customer's date that is missing).
        fresh, state: as `Checked` has them, for what names this column.
        parts: columns after a dot, `value.r`.
    """

    type: Type
    nothing: bool = False
    partial: bool = False
    unsure: bool = False
    fresh: frozenset[Freshness] = frozenset({"live"})
    state: State = "none"
    parts: Mapping[str, "ColumnInfo"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventInfo:
    """A kind of event: its columns (beside `time` and `id`, which every event has) and whether its source declares coverage."""

    columns: Mapping[str, Type]
    partial: bool = False

    def column(self, name: str) -> Type | None:
        return {"time": TIMESTAMP, "id": TEXT}.get(name) or self.columns.get(name)

    @property
    def names(self) -> list[str]:
        return [*self.columns, "time", "id"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that an expression may name. `has_accounts`: customers declare an account, so `members` can be asked;
    `lookups`: by the source that adds them to customers, columns."""

    columns: Mapping[str, ColumnInfo]
    events: Mapping[str, EventInfo]
    zone: str = "UTC"
    account: Mapping[str, ColumnInfo] = field(default_factory=dict)
    has_accounts: bool = False
    lists: frozenset[str] = frozenset()
    lookups: Mapping[str, frozenset[str]] = field(default_factory=dict)
