"""What a single change of an answer can be: more events, a later day, another value. Each can be applied."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from coterie.language.evaluate import Customer, Event, World, in_order
from coterie.language.types import Value

NONE = "no single change would change this"


@dataclass(frozen=True, slots=True)
class MoreEvents:
    """Events that would have to happen, now."""

    events: tuple[Event, ...]
    words: str

    def apply(self, customer: Customer, world: World) -> tuple[Customer, World]:
        events = in_order([*customer.events, *self.events], world)
        return _with(customer, lambda c: replace(c, events=events)), world


@dataclass(frozen=True, slots=True)
class Later:
    """The first instant at which time alone changes the answer."""

    at: datetime
    words: str

    def apply(self, customer: Customer, world: World) -> tuple[Customer, World]:
        return customer, replace(world, as_of=self.at)


@dataclass(frozen=True, slots=True)
class OtherValue:
    """Another value of one of the customer's columns, or (`part`) of their account's."""

    column: str
    part: str | None
    value: Value
    words: str

    def apply(self, customer: Customer, world: World) -> tuple[Customer, World]:
        if self.part is not None:
            account = {**(customer.account or {}), self.part: self.value}
            return _with(customer, lambda c: replace(c, account=account), everybody=True), world
        columns = {**customer.columns, self.column: self.value}
        return _with(customer, lambda c: replace(c, columns=columns)), world


Change = MoreEvents | Later | OtherValue


def in_words(found: Iterable[Change]) -> str:
    """The changes as one phrase: "2 more orders; or on 3 Mar 2026, when the 60 days run out"."""
    return "; or ".join(change.words for change in found) or NONE


def _with(customer: Customer, change: Callable[[Customer], Customer], everybody: bool = False) -> Customer:
    """The customer changed, and their account with them (`everybody`: each of its members too)."""
    changed = change(customer)
    if not customer.members:
        return changed
    members: list[Customer] = []
    for member in customer.members:
        new = changed if member.id == customer.id else change(member) if everybody else member
        members.append(replace(new, members=members))
    return replace(changed, members=members)
