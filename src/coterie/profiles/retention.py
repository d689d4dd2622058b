"""Who comes back: cohorts by the period of their first event, and how many of each were active in every later one."""

from dataclasses import dataclass
from datetime import date

from coterie.profiles.activity import Activity
from coterie.profiles.periods import Period, covered, index, over_by, period_for, start

MOST_COHORTS = 24


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers whose first event was in the period that begins on `start`.

    `active[0]` is their number (all were active then), `active[i]` how many had an event i periods later.
    """

    start: date
    active: tuple[int, ...]

    @property
    def customers(self) -> int:
        return self.active[0]

    def share(self, later: int) -> float:
        """Of the cohort, who were active so many periods later (0 to 1)."""
        return self.active[later] / self.active[0]


@dataclass(frozen=True, slots=True)
class Retention:
    """The triangle of cohorts. The first of all cohorts also holds whoever bought before the data begin.

    Attributes:
        kind: of event; period: month, quarter or year.
        cohorts: by start, the newest last; periods without new customers have no cohort.
        complete: the start of the last period that as_of and the data cover to its end, None where there is none;
            cells of later periods are still filling.
        earlier: customers of cohorts before the first one shown.
    """

    kind: str
    period: Period
    cohorts: tuple[Cohort, ...]
    complete: date | None
    earlier: int = 0

    def filling(self, cohort: Cohort, later: int) -> bool:
        """Whether the period so many after the cohort's own is not over."""
        reached = index(cohort.start, self.period) + later
        return self.complete is None or reached > index(self.complete, self.period)

    def came_back(self, later: int) -> tuple[int, int]:
        """Over all cohorts whose period so many later is over: (customers active then, customers)."""
        over = [c for c in self.cohorts if later < len(c.active) and not self.filling(c, later)]
        return sum(c.active[later] for c in over), sum(c.customers for c in over)


def retention(active: Activity, *, period: Period | None = None, most: int = MOST_COHORTS) -> Retention:
    """Cohorts of a kind of event up to as_of.

    Args:
        active: of the population.
        period: None chooses by the span of the events.
        most: the newest so many cohorts are shown.
    """
    kind, today = active.kind, active.q.context.today
    if active.first is None or active.last is None:
        return Retention(kind, period or "month", (), None)
    unit = period or period_for(active.first, today)
    table = active.cohorts(unit)
    now, begins = index(today, unit), sorted({f for f, _ in table})
    shown = begins[-most:]
    cohorts = tuple(Cohort(start(f, unit), tuple(table.get((f, p), 0) for p in range(f, now + 1))) for f in shown)
    whole = [
        p
        for p in range(begins[0], now + 1)
        if over_by(today, p, unit) and covered(p, unit, min(active.first, start(p, unit)), active.last)
    ]
    complete = start(whole[-1], unit) if whole else None
    return Retention(kind, unit, cohorts, complete, sum(table[f, f] for f in begins[:-most] if f not in shown))
