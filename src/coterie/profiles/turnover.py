"""Money, orders and buyers month by month, from new and from returning customers; the last full month against others."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlglot import exp

from coterie.profiles.activity import Activity
from coterie.profiles.periods import covered, index, over_by, start
from coterie.profiles.rows import integer, number, total
from coterie.traits.batch import quoted


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


def turnover(active: Activity, column: str | None) -> Turnover:
    """Months of a kind of event up to as_of.

    Args:
        active: of the population; column: the money of its kind.
    """
    if active.first is None or active.last is None:
        return Turnover(active.kind, column, ())
    money = exp.Null() if column is None else total(quoted(column, "e"))
    found = active.by_month([money, exp.Count(this=exp.Star())])
    buyers, new = dict[int, int](), dict[int, int]()
    for (begun, p), n in active.cohorts("month").items():
        buyers[p] = buyers.get(p, 0) + n
        if begun == p:
            new[p] = n
    today, months = active.q.context.today, []
    for p in range(min(found), index(today, "month") + 1):
        paid, paid_new, orders, orders_new = found.get(p, [None] * 4)
        months.append(
            Month(
                start(p, "month"),
                over_by(today, p, "month") and covered(p, "month", active.first, active.last),
                None if column is None else number(paid),
                None if column is None else number(paid_new),
                integer(orders),
                integer(orders_new),
                buyers.get(p, 0),
                new.get(p, 0),
            )
        )
    return Turnover(active.kind, column, tuple(months))
