"""Who comes back: cohorts by the period of their first event, and how many of each were active in every later one."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from coterie.engine.engine import Engine
from coterie.language.sql import Builder

Period = Literal["month", "quarter", "year"]
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
    """The triangle of cohorts.

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
        raise NotImplementedError

    def came_back(self, later: int) -> tuple[int, int]:
        """Over all cohorts whose period so many later is over: (customers active then, customers)."""
        raise NotImplementedError


def period_for(first: date, last: date) -> Period:
    """Months for up to two years, quarters for up to six, else years."""
    raise NotImplementedError


def retention(
    engine: Engine,
    q: Builder,
    events: str,
    kind: str,
    *,
    customers: str = "traits",
    period: Period | None = None,
    most: int = MOST_COHORTS,
) -> Retention:
    """Cohorts of a kind of event up to as_of, in one scan.

    Args:
        q: the builder, which carries as_of and the zone.
        events: the relation of the kind, as `traits.batch.EventTable` has it.
        customers: the relation of the population, by `_customer`.
        period: None chooses by the span of the events.
        most: the newest so many cohorts are shown.
    """
    raise NotImplementedError
