"""Money, orders and buyers month by month, from new and from returning customers; the last full month against others."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.language.sql import Builder
from coterie.profiles.periods import by_customer, covered, index, over_by, span, start
from coterie.profiles.rows import events_of, integer, number, over, total
from coterie.traits.batch import KEY, quoted


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
    """A month against an earlier one, as now / before − 1; None where before is not above 0 or not known."""

    now: Month
    before: Month

    @property
    def money(self) -> float | None:
        return _relative(self.now.money, self.before.money)

    @property
    def orders(self) -> float | None:
        return _relative(self.now.orders, self.before.orders)

    @property
    def buyers(self) -> float | None:
        return _relative(self.now.buyers, self.before.buyers)


def _relative(now: Decimal | int | None, before: Decimal | int | None) -> float | None:
    return None if now is None or before is None or before <= 0 else float(now) / float(before) - 1


@dataclass(frozen=True, slots=True)
class Turnover:
    """All months from the first event to as_of, those without events too.

    Attributes:
        kind: of event; column: of its money, None where it has none.
        months: the oldest first.
    """

    kind: str
    column: str | None
    months: tuple[Month, ...]

    @property
    def last(self) -> Month | None:
        """The last full month."""
        return next((m for m in reversed(self.months) if m.complete), None)

    @property
    def against_month(self) -> Change | None:
        """The last full month against the one before; None where that is not there in full."""
        return self._against(1)

    @property
    def against_year(self) -> Change | None:
        """The last full month against the same month a year before; None where that is not there in full."""
        return self._against(12)

    def _against(self, months: int) -> Change | None:
        if self.last is None:
            return None
        place = self.months.index(self.last) - months
        return Change(self.last, self.months[place]) if place >= 0 and self.months[place].complete else None


def turnover(engine: Engine, q: Builder, events: str, kind: str, column: str | None, *, customers: str = "traits") -> Turnover:
    """Months of a kind of event up to as_of, in one scan.

    Args:
        q: the builder, which carries as_of and the zone.
        events: the relation of the kind, as `traits.batch.EventTable` has it.
        column: its money.
        customers: the relation of the population, by `_customer`.
    """
    first, last = engine.rows(span(events_of(q, events, customers)), f"span of {kind}")[0]
    if not isinstance(first, date) or not isinstance(last, date):
        return Turnover(kind, column, ())
    money = exp.Null() if column is None else total(quoted(column, "e"))
    active = by_customer(q, events_of(q, events, customers), "month")
    active = active.select(exp.Count(this=exp.Star()).as_("orders"), money.as_("money"))
    begun = over(exp.Min(this=exp.column("p")), [quoted(KEY)])
    dated = exp.select("p", "orders", "money", begun.as_("f")).from_(active.subquery("active"))
    first_time = exp.EQ(this=exp.column("f"), expression=exp.column("p"))
    sums = [total(exp.column("money")), total(exp.column("orders")), exp.Count(this=exp.Star())]
    select = exp.select(exp.column("p"))
    for i, value in enumerate(sums):
        select = select.select(value.as_(f"all{i}"), q.filter(value, first_time).as_(f"new{i}"))
    found = {
        integer(p): values for p, *values in engine.rows(select.from_(dated.subquery("dated")).group_by("p"), f"months of {kind}")
    }
    today, months = q.context.today, []
    for p in range(min(found), index(today, "month") + 1):
        paid, paid_new, orders, orders_new, buyers, new = found.get(p, [None] * 6)
        months.append(
            Month(
                start(p, "month"),
                over_by(today, p, "month") and covered(p, "month", first, last),
                None if column is None else number(paid),
                None if column is None else number(paid_new),
                *(integer(v) for v in (orders, orders_new, buyers, new)),
            )
        )
    return Turnover(kind, column, tuple(months))
