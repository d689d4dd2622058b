"""Money, orders and buyers month by month, from new and from returning customers; the last full month against others."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from coterie.engine.engine import Engine
from coterie.language.sql import Builder


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month in the project's zone. New buyers are those whose first event of the kind ever was in it.

    Attributes:
        start: its first day; complete: as_of and the data cover all of it.
        money: the sum, of new buyers `money_new`; both None where the kind has no money.
        orders: events; buyers: customers with one; new: those among them for whom it was the first month.
    """

    start: date
    complete: bool
    money: Decimal | None
    money_new: Decimal | None
    orders: int
    orders_new: int
    buyers: int
    new: int

    @property
    def returning(self) -> int:
        return self.buyers - self.new

    @property
    def money_returning(self) -> Decimal | None:
        return None if self.money is None or self.money_new is None else self.money - self.money_new


@dataclass(frozen=True, slots=True)
class Change:
    """A month against an earlier one. `relative` is now / before − 1, None where before is not above 0 or unknown."""

    now: Month
    before: Month

    @property
    def money(self) -> float | None:
        raise NotImplementedError

    @property
    def orders(self) -> float | None:
        raise NotImplementedError

    @property
    def buyers(self) -> float | None:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Turnover:
    """All months from the first event to as_of, those without events too.

    Attributes:
        kind: of event; column: of its money, None where it has none.
        months: the oldest first.
        last: the last full month; against_month, against_year: it against the month before and the same month a year
            before, None where that is not there in full.
    """

    kind: str
    column: str | None
    months: tuple[Month, ...]

    @property
    def last(self) -> Month | None:
        raise NotImplementedError

    @property
    def against_month(self) -> Change | None:
        raise NotImplementedError

    @property
    def against_year(self) -> Change | None:
        raise NotImplementedError


def turnover(engine: Engine, q: Builder, events: str, kind: str, column: str | None, *, customers: str = "traits") -> Turnover:
    """Months of a kind of event up to as_of, in one scan.

    Args:
        q: the builder, which carries as_of and the zone.
        events: the relation of the kind, as `traits.batch.EventTable` has it.
        column: its money.
        customers: the relation of the population, by `_customer`.
    """
    raise NotImplementedError
