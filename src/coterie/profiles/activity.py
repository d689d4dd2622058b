"""When customers were active: of each the month of the first event and all later months, as bits, so that one scan of the
events serves whatever is asked of months, quarters and years."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.language.sql import Builder
from coterie.profiles.periods import PER_YEAR, Period, index, month_sql, span
from coterie.profiles.rows import events_of, integer
from coterie.traits.batch import DAY, KEY, TIME, aliased, quoted, relation

MONTHS = PER_YEAR["month"]
WORD = 5 * MONTHS
"""Months in one 64-bit number: whole years, so that no period lies across two."""
TABLE = "customers by month"
FIRST = "f"


@dataclass(frozen=True, slots=True)
class Activity:
    """The customers of a kind of event up to as_of, in the engine's TABLE: `_customer`, `f` (the index of the first month) and
    the months as bits of `m0`, `m1` …

    Attributes:
        q: the builder, which carries as_of and the zone.
        events: the relation of the kind, as `traits.batch.EventTable` has it; kind: its name.
        first, last: the local days of the first and the last event; None where there are none.
    """

    engine: Engine
    q: Builder
    events: str
    kind: str
    first: date | None
    last: date | None

    def cohorts(self, period: Period) -> Mapping[tuple[int, int], int]:
        """How many customers who were first active in a period (the first index) were so in a period (the second)."""
        if self.first is None or self.last is None:
            return {}
        months = MONTHS // PER_YEAR[period]
        begun = exp.IntDiv(this=quoted(FIRST), expression=exp.Literal.number(months))
        periods = range(index(self.first, period), index(self.last, period) + 1)
        counts = [self.q.filter(self.q.count_rows(), self.active_in(p * months, months)).as_(f"n{p}") for p in periods]
        query = exp.select(begun.as_("begun"), *counts).from_(relation(TABLE)).group_by(begun.copy())
        rows = self.engine.rows(query, f"cohorts of {self.kind}")
        return {(integer(f), p): integer(n) for f, *counted in rows for p, n in zip(periods, counted, strict=True) if n}

    def active_in(self, month: int, months: int) -> exp.Expression:
        """Whether a customer was active in so many months from one on."""
        assert self.first is not None
        word, bit = divmod(month - _origin(self.first), WORD)
        bits = exp.Literal.number(((1 << months) - 1) << bit)
        return exp.NEQ(
            this=exp.Paren(this=exp.BitwiseAnd(this=quoted(f"m{word}"), expression=bits)), expression=exp.Literal.number(0)
        )

    def by_month(self, values: Sequence[exp.Expression]) -> Mapping[int, Sequence[object]]:
        """Aggregates over the events `e` of each month, each over all of them and over those of customers who were new then."""
        month = month_sql(self.q, quoted(DAY, "e"))
        new = exp.EQ(this=quoted(FIRST, "c"), expression=month)
        query = exp.select(month.as_("p"))
        for i, value in enumerate(values):
            query = query.select(value.copy().as_(f"all{i}"), self.q.filter(value.copy(), new.copy()).as_(f"new{i}"))
        same = exp.EQ(this=quoted(KEY, "e"), expression=quoted(KEY, "c"))
        seen = exp.LTE(this=quoted(TIME, "e"), expression=self.q.literal(self.q.context.as_of))
        query = query.from_(aliased(self.events, "e")).join(aliased(TABLE, "c"), on=same).where(seen).group_by(month.copy())
        return {integer(p): found for p, *found in self.engine.rows(query, f"months of {self.kind}")}


def activity(engine: Engine, q: Builder, events: str, kind: str, *, customers: str = "traits") -> Activity:
    """Follow the customers of a population through a kind of event up to as_of; takes the place of what was followed before.

    Args:
        q, events, kind: as in `Activity`.
        customers: the relation of the population, by `_customer`.
    """
    first, last = engine.rows(span(events_of(q, events, customers)), f"span of {kind}")[0]
    if not isinstance(first, date) or not isinstance(last, date):
        return Activity(engine, q, events, kind, None, None)
    month, origin = month_sql(q, quoted(DAY, "e")), _origin(first)
    query = events_of(q, events, customers).select(quoted(KEY, "e"), q.call("min", month).as_(FIRST)).group_by(quoted(KEY, "e"))
    for word, start in enumerate(range(origin, index(last, "month") + 1, WORD)):
        place = exp.Sub(this=month.copy(), expression=exp.Literal.number(start))
        bit = exp.BitwiseLeftShift(this=q.cast(exp.Literal.number(1), "BIGINT"), expression=exp.Paren(this=place))
        here = q.between(month.copy(), exp.Literal.number(start), exp.Literal.number(start + WORD - 1))
        bits = q.call("bit_or", q.case([(here, bit)], q.cast(exp.Literal.number(0), "BIGINT")))
        query = query.select(bits.as_(f"m{word}"))
    engine.create(TABLE, query, f"customers of {kind} by month", temporary=True)
    return Activity(engine, q, events, kind, first, last)


def _origin(first: date) -> int:
    """The month of the first bit: the January before."""
    return first.year * MONTHS
