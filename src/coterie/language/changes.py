"""What would change an answer, where a single change does: more events, a later day, another value of one column.

Candidates are read off the rule (its windows, its thresholds, its conditions); each is tried on the reference before it
is offered, so nothing is said that is not so. Where none is found, there may still be one that these candidates miss.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from itertools import islice, product

from coterie.core import words
from coterie.core.windows import (
    LATEST,
    MICROSECOND,
    Around,
    Duration,
    clamped_step,
    first_instant,
    local,
    local_day,
)
from coterie.language import tree
from coterie.language.change import Change, Later, MoreEvents, OtherValue
from coterie.language.evaluate import Customer, Evaluation, Event, Missing, Result, World, evaluate, is_condition, range_of, truth
from coterie.language.names import written
from coterie.language.reach import Reach, reach
from coterie.language.shown import CENT, day_shown, detail, plain, plural, shown, worth
from coterie.language.tree import Expr
from coterie.language.trying import candidates, exact_number, moved, nth, type_of
from coterie.language.turns import just_after, shifted, turns
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, NUMBERS, TEXT, TIMESTAMP, Type, Value

MOST_EVENTS = 1000
MOST_ROWS = 500
MOST_INSTANTS = 4000
MOST_READ = 1_000_000
"""How many events all trials together may read: a few seconds. A customer of very many events is offered less."""
DAYS_AHEAD = 800
"""How far functions that read the clock are followed day by day."""


def changes(expr: Expr, customer: Customer, world: World) -> tuple[Change, ...]:
    """Single changes, each of which by itself changes the answer.

    Of a condition that is false or true: to the opposite. Of one that is unknown: to true or false. Of a value (a
    label): to another one. At most one change for each measure, step and column, and one date.

    Args:
        expr: a checked tree.
        customer, world: as for `evaluate`.

    Returns:
        More events first, then the date, then columns. Each can be applied: `change.apply(customer, world)`.
    """
    search = _Search(expr, customer, replace(world, unknown_rows=None))
    found: list[Change] = [*search.events(), *search.dates(), *search.columns()]
    return tuple(search.told(change) for change in found)


@dataclass(frozen=True, slots=True)
class Need:
    """Events that could matter: their kind and condition, what is made of which column, and the node that asks."""

    kind: str
    where: Expr | None
    column: str | None
    how: str
    node: Expr

    @property
    def asked(self) -> list[str]:
        """The columns that such an event has to say."""
        return [*_columns(self.where), *([] if self.column is None else [self.column])]


VALUED = ("sum", "avg", "min", "max", "first", "last", "most_common")
"""Aggregations for which the value of the column matters, not only that there is one."""


class _Search:
    """Tries candidates against the reference."""

    def __init__(self, expr: Expr, customer: Customer, world: World):
        self.expr, self.customer, self.world = expr, customer, world
        self.before = self.answer(customer, world)
        self.reach: Reach = reach(expr, world)
        self.run = Evaluation(customer, world)
        self.read = 0
        self.aim: Value | None = None
        """What the answer has to become, where not anything else will do."""

    def answer(self, customer: Customer, world: World) -> Value | None:
        result = evaluate(self.expr, customer, world)
        return None if isinstance(result, Missing) else result

    def flips(self, change: Change) -> bool:
        """Whether a change does it, as long as more may be tried."""
        self.read += len(self.customer.events) + 50
        return self.read < MOST_READ and self.does(change)

    def does(self, change: Change) -> bool:
        after = self.after(change)
        return after is not None and after != self.before and self.aim in (None, after)

    def told(self, change: Change) -> Change:
        """The change with what it leads to, where that is not plain."""
        after = self.after(change)
        return change if isinstance(after, bool) else replace(change, words=f"{change.words}, then {shown(after)}")

    def after(self, change: Change) -> Value | None:
        return self.answer(*change.apply(self.customer, self.world))

    def known(self, node: Expr) -> Value | None:
        try:
            result: Result = self.run.value(node)
        except ValueError:
            return None
        return None if isinstance(result, Missing) else result

    @cached_property
    def numbers(self) -> list[Decimal]:
        """Numbers that may be thresholds: those written, and the values of what is compared."""
        found = [n.value for n in self.reach.literals()]
        compared = [a for n in self.reach.values if isinstance(n, tree.Apply) for a in n.args if a.type in NUMBERS]
        values = [*found, *(self.known(a) for a in compared)]
        return list(dict.fromkeys(n for v in values if (n := exact_number(v)) is not None))

    # --- more events

    def events(self) -> list[MoreEvents]:
        """For each measure and step the fewest events, or the smallest amount.

        First of events that say nothing beside what is asked for; where no such event helps, of whole ones. What is
        unknown should rather become true than false.
        """
        found: list[MoreEvents] = []
        aims = (True, None) if self.before is None and is_condition(self.expr, self.world) else (None,)
        for self.aim, whole in product(aims, (False, True)):
            helped = {change.events[0].kind for change in found}
            for need in self.needs():
                if need.kind in helped:
                    continue
                change = self.grow(need, whole)
                if change is not None and not any(_includes(change.events, other.events) for other in found):
                    found.append(change)
        return found

    def needs(self) -> Iterator["Need"]:
        for node in self.reach.measures:
            yield Need(node.event, node.where, node.column, node.aggregation, node)
            if node.aggregation == "share" and node.where is not None:
                yield Need(node.event, tree.Not(node.where), node.column, node.aggregation, node)
        for sequence in self.reach.sequences:
            for step in sequence.steps:
                yield Need(step.event, step.where, sequence.same, "step", sequence)

    def grow(self, need: "Need", whole: bool) -> MoreEvents | None:
        for row in self.rows(need.kind, need.where):
            asked = [c for c in row if whole or c in need.asked]
            values = {c: row[c] for c in asked if row[c] is not None}
            if need.how == "distinct":
                change = self.grow_distinct(need, values)
            elif need.how in VALUED and need.column is not None and need.column not in ("time", "id"):
                change = self.grow_value(need, need.column, values)
            else:
                change = self.grow_number(need, values)
            if change is not None:
                return change
        return None

    def grow_number(self, need: "Need", row: Mapping[str, Value | None]) -> MoreEvents | None:
        def offer(n: int) -> MoreEvents:
            return MoreEvents(self.new(need.kind, [row] * n), f"{n:,} more {plural(need.kind, n)}{detail(row)}")

        most = {"count": MOST_EVENTS, "share": 100, "step": len(self.reach.sequences) + 2}.get(need.how, 1)
        hints = self.hints(need.node) if need.how == "count" else []
        return self.fewest(offer, [n for n in {1, 2, 3, *hints, *(2**k for k in range(2, 10))} if 1 <= n <= most])

    def fewest(self, offer: Callable[[int], MoreEvents], numbers: Iterable[int]) -> MoreEvents | None:
        """The change of the smallest number that flips."""
        tried = 0
        for n in sorted(numbers):
            if not self.flips(offer(n)):
                tried = n
                continue
            low, high = tried, n
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if self.flips(offer(middle)) else (middle, high)
            return offer(high)
        return None

    def hints(self, node: Expr) -> list[int]:
        """How many more a count needs to meet a threshold."""
        current = self.known(node)
        if not isinstance(current, int):
            return []
        gaps = [t - current for t in self.numbers]
        return sorted({int(g.to_integral_value(ROUND_CEILING)) + k for g in gaps for k in (0, 1)})[:40]

    def grow_distinct(self, need: "Need", row: Mapping[str, Value | None]) -> MoreEvents | None:
        column = need.column or ""
        fresh = list(islice(self.fresh_values(need.kind, column), 64))

        def offer(n: int) -> MoreEvents:
            rows = [{**row, column: fresh[i]} for i in range(n)]
            each = ", each" if n > 1 else ""
            return MoreEvents(self.new(need.kind, rows), f"{n:,} more {plural(need.kind, n)}{each} with a new {plain(column)}")

        return self.fewest(offer, {n for n in {1, 2, 3, *self.hints(need.node)} if 1 <= n <= len(fresh)})

    def fresh_values(self, kind: str, column: str) -> Iterator[Value]:
        """Values that the column has not had."""
        had = {e.read(column) for e in self.customer.events if e.kind == kind}
        type_ = self.row_type(kind, column)
        for n in range(1, 10_000):
            value = nth(type_, n, self.world)
            if value is not None and value not in had:
                yield value

    def grow_value(self, need: "Need", column: str, row: Mapping[str, Value | None]) -> MoreEvents | None:
        kind, type_ = need.kind, self.row_type(need.kind, column)
        rest = {c: v for c, v in row.items() if c != column}
        if type_ not in NUMBERS:
            for value in self.values(type_, kind, column):
                changed = {column: value, **rest}
                change = MoreEvents(self.new(kind, [changed]), f"1 more {plural(kind, 1)}{detail(changed)}")
                if self.flips(change):
                    return change
            return None
        unit = Decimal(1) if type_ == INTEGER else CENT
        for n in (1, 2, 3):

            def offer(amount: Decimal, n: int = n) -> MoreEvents:
                changed: dict[str, Value | None] = {column: int(amount) if type_ == INTEGER else amount, **rest}
                events = self.new(kind, [changed] * n)
                if need.how == "sum":
                    return MoreEvents(events, worth(kind, n, column, amount, type_) + detail(rest))
                return MoreEvents(events, f"{n:,} more {plural(kind, n)}{detail(changed)}")

            amount = self.smallest(offer, self.amounts(need.node, need.how, n, unit), unit)
            if amount is not None:
                return offer(amount)
        return None

    def amounts(self, node: Expr, how: str, n: int, unit: Decimal) -> list[Decimal]:
        """Amounts that may make a sum, average or extreme meet a threshold: the smallest first, negative ones last."""
        thresholds = raw = self.numbers
        current = self.known(node)
        reached = exact_number(current)
        if how == "sum" and reached is not None:
            raw = [(t - reached) / n for t in thresholds]
        rounded = {_up(a, unit) + k * unit for a in raw for k in (-1, 0, 1)}
        grown = {_up(Decimal(10) ** k, unit) for k in range(9)}
        least = unit if how == "sum" else -max((abs(r) for r in rounded), default=Decimal(1))
        usable = (a for a in {*rounded, *grown, Decimal(0)} if a >= least and abs(a) < Decimal(10) ** 13)
        return sorted(usable, key=lambda a: (a < 0, abs(a)))

    def smallest(self, offer: Callable[[Decimal], MoreEvents], amounts: Iterable[Decimal], unit: Decimal) -> Decimal | None:
        """The smallest amount that flips, between the first that does and the one tried before it."""
        below: Decimal | None = None
        for amount in amounts:
            if not self.flips(offer(amount)):
                below = amount
                continue
            low, high = below, amount
            while low is not None and low >= 0 and high - low > unit:
                middle = _up((low + high) / 2, unit)
                if middle in (low, high):
                    break
                low, high = (low, middle) if self.flips(offer(middle)) else (middle, high)
            return high
        return None

    def new(self, kind: str, rows: Iterable[Mapping[str, Value | None]]) -> tuple[Event, ...]:
        taken = {e.id for e in self.customer.events if e.kind == kind}
        ids = (i for i in (f"new-{n}" for n in range(1, 10_000_000)) if i not in taken)
        return tuple(Event(kind, self.world.as_of, next(ids), dict(row)) for row in rows)

    # --- rows that a condition admits

    def rows(self, kind: str, where: Expr | None) -> Iterator[Mapping[str, Value | None]]:
        """Rows of a kind for which a condition is true: as the customer's latest, then to suit other conditions too."""
        others = [c for c in self.reach.conditions.get(kind, []) if c is not where]
        together = [tree.And((where, c)) if where is not None else c for c in others]
        offered: list[Mapping[str, Value | None]] = []
        for wanted in [where, *together]:
            row = self.row(kind, wanted)
            if row is not None and row not in offered:
                offered.append(row)
                yield row

    def row(self, kind: str, where: Expr | None) -> Mapping[str, Value | None] | None:
        past = [e for e in self.customer.events if e.kind == kind][::-1]
        fitting = (e for e in past if where is None or self.holds(where, e))
        template = next(fitting, past[0] if past else None)
        base: dict[str, Value | None] = {}
        for name in self.row_columns(kind):
            had = template.values.get(name) if template else None
            base[name] = had if had is not None else nth(self.row_type(kind, name), 1, self.world)
        if where is None or self.holds(where, Event(kind, self.world.as_of, "new", base)):
            return base
        asked = [c for c in _columns(where) if c not in ("time", "id")]
        choices = [[base.get(c), *self.values(self.row_type(kind, c), kind, c), None] for c in asked]
        for values in islice(product(*choices), MOST_ROWS):
            row = {**base, **dict(zip(asked, values, strict=True))}
            if self.holds(where, Event(kind, self.world.as_of, "new", row)):
                return row
        return None

    def holds(self, where: Expr, event: Event) -> bool:
        return truth(self.run.value(where, event)) is True

    def row_columns(self, kind: str) -> list[str]:
        """The columns of a kind that the answer looks at."""
        asked = [c for condition in self.reach.conditions.get(kind, []) for c in _columns(condition)]
        measured = [m.column for m in self.reach.measures if m.event == kind and m.column is not None]
        same = [q.same for q in self.reach.sequences if q.same is not None and any(s.event == kind for s in q.steps)]
        return [c for c in dict.fromkeys([*asked, *measured, *same]) if c not in ("time", "id")]

    def row_type(self, kind: str, column: str) -> Type:
        for condition in self.reach.conditions.get(kind, []):
            for node in tree.walk(condition):
                if isinstance(node, tree.Column) and node.name == column and node.type is not None:
                    return node.type
        for measure in self.reach.measures:
            plain = measure.aggregation in ("sum", "min", "max", "first", "last", "most_common")
            if measure.event == kind and measure.column == column and plain and measure.type is not None:
                return measure.type
        for event in self.customer.events:
            if event.kind == kind and event.values.get(column) is not None:
                return type_of(event.values[column])
        averaged = any(m.event == kind and m.column == column and m.aggregation == "avg" for m in self.reach.measures)
        return MONEY if averaged else TEXT

    def values(self, type_: Type, kind: str, column: str) -> list[Value]:
        """Values worth trying in a column of an event: those of its type that may matter, and those it has had."""
        read = (e.read(column) for e in self.customer.events if e.kind == kind)
        had = list(dict.fromkeys(v for v in read if v is not None))[:20]
        return list(dict.fromkeys([*self.candidates(type_), *had]))

    def candidates(self, type_: Type) -> Iterator[Value]:
        return candidates(type_, self.reach, self.numbers, self.world)

    # --- a later day

    def dates(self) -> Iterator[Later]:
        """The first instant found at which the answer changes, if any."""
        causes: dict[datetime, list[str]] = {}
        for at, why in self.turning():
            if self.world.as_of < at < LATEST - timedelta(days=2):
                causes.setdefault(at, []).append(why)
        before = self.world.as_of
        for at in sorted(causes)[:MOST_INSTANTS]:
            if not self.flips(Later(at, "")):
                before = at
                continue
            why = next((w for w in causes[at] if w), "")
            if self.does(Later(at - MICROSECOND, "")):
                at, why = self.first(before, at - MICROSECOND), ""
            yield Later(at, f"on {self.moment(at)}" + (f", {why}" if why else ""))
            return

    def first(self, before: datetime, after: datetime) -> datetime:
        """Between an instant without the change and one with it, the first with it."""
        while after - before > MICROSECOND:
            middle = before + (after - before) // 2
            before, after = (before, middle) if self.does(Later(middle, "")) else (middle, after)
        return after

    def turning(self) -> Iterator[tuple[datetime, str]]:
        world, zone = self.world, self.world.zone
        everybody = self.customer.members or [self.customer]
        events = [e for c in everybody for e in c.events if e.kind in self.reach.kinds]
        for event in events:
            if event.time > world.as_of:
                yield event.time, f"when the {plain(event.kind)} of {day_shown(local_day(event.time, zone))} is past"
        for measure in self.reach.measures:
            if measure.window is not None:
                for event in events:
                    if event.kind == measure.event:
                        yield from turns(measure.window, event.time, zone)
        for sequence in self.reach.sequences:
            yield from self.sequence_turns(sequence, events)
        for test in self.reach.tests:
            for member in everybody:
                value = range_of(Evaluation(member, world).value(test.value))
                for end in dict.fromkeys((value.least, value.most)):
                    if isinstance(end, date):
                        yield from turns(test.window, end, zone)
        yield from self.row_turns(events)
        yield from self.coverage_turns()
        yield from self.clock_turns()

    def sequence_turns(self, sequence: tree.Sequence, events: list[Event]) -> Iterator[tuple[datetime, str]]:
        for event in events:
            if sequence.window is not None and event.kind == sequence.steps[0].event:
                yield from turns(sequence.window, event.time, self.world.zone)
            for step in sequence.steps:
                if step.negated and step.within is not None:
                    without = words.with_article(plural(step.event, 1))
                    over = f"when {step.within} without {without} {'is' if step.within.n == 1 else 'are'} over"
                    yield shifted(event.time, step.within), over

    def row_turns(self, events: list[Event]) -> Iterator[tuple[datetime, str]]:
        """Tests of an event's own dates inside a `where`."""
        for kind, conditions in self.reach.conditions.items():
            tests = [n for c in conditions for n in tree.walk(c) if isinstance(n, tree.WindowTest)]
            for test, event in product(tests, [e for e in events if e.kind == kind]):
                value = self.run.value(test.value, event)
                if isinstance(value, date):
                    yield from turns(test.window, value, self.world.zone)

    def coverage_turns(self) -> Iterator[tuple[datetime, str]]:
        for measure in self.reach.measures:
            coverage = self.world.coverage.get(measure.event)
            if coverage is None:
                continue
            if coverage.complete_from is not None and measure.window is not None:
                unknown = coverage.complete_from - timedelta(days=1)
                last = first_instant(coverage.complete_from, self.world.zone) - MICROSECOND
                for at, _ in [
                    *turns(measure.window, unknown, self.world.zone),
                    *turns(measure.window, last, self.world.zone),
                ]:
                    yield at, f"when {plural(measure.event, 2)} are known for the whole window"
            if coverage.complete_to is not None:
                after = coverage.complete_to + timedelta(days=1)
                yield first_instant(after, self.world.zone), f"when {plural(measure.event, 2)} are no longer known"

    def clock_turns(self) -> Iterator[tuple[datetime, str]]:
        """Functions that read the clock: midnights ahead, and so many days, years or hours after a date."""
        if not self.reach.clock:
            return
        zone, today = self.world.zone, self.world.today
        yield from ((first_instant(today + timedelta(days=k), zone), "") for k in range(1, DAYS_AHEAD))
        numbers = [int(n) for n in self.numbers if n == n.to_integral_value() and abs(n) < 100_000]
        times = [v for n in self.reach.values if n.type in (DATE, TIMESTAMP) and isinstance(v := self.known(n), date)]
        for value in dict.fromkeys(times):
            day = local_day(value, zone) if isinstance(value, datetime) else value
            for n, k in product(numbers, (0, 1)):
                for unit in ("day", "month", "year"):
                    ahead = moved(clamped_step(day, n, unit), k)
                    if today < ahead < date(9999, 12, 29):
                        yield first_instant(ahead, zone), ""
                if "timed" in self.reach.clock and isinstance(value, datetime):
                    at = shifted(value, Duration(n, "hour"))
                    yield from ((at, ""), (just_after(at), ""))
        if "timed" in self.reach.clock:
            start = first_instant(today, zone)
            yield from ((start + timedelta(hours=k), "") for k in range(72))

    def moment(self, at: datetime) -> str:
        """An instant in the project's zone: the day alone where that is when it begins."""
        wall = local(at, self.world.zone)
        if first_instant(wall.date(), self.world.zone) == at:
            return day_shown(wall.date())
        moment = f"{wall:%H:%M}" if not wall.second and wall.microsecond in (0, 1) else f"{wall:%H:%M:%S}"
        if wall.microsecond == 1:
            return f"{day_shown(wall.date())} just after {moment}"
        return f"{day_shown(wall.date())} at {moment}" + (f".{wall.microsecond:06d}" if wall.microsecond else "")

    # --- another value of a column

    def columns(self) -> Iterator[OtherValue]:
        for (name, part), node in self.reach.columns.items():
            fitted = name not in self.customer.columns and self.world.fitted(name, self.customer.id) is not None
            if fitted or (part is not None and name != "account"):
                continue
            current = self.known(node)
            type_ = node.type or (type_of(current) if current is not None else self.guess(node))
            change = self.other(name, part, current, type_)
            if change is not None:
                yield change

    def other(self, name: str, part: str | None, current: Value | None, type_: Type) -> OtherValue | None:
        """Another value that flips, if one does: of an unknown condition rather to true than to false."""
        label = written(name) + ("" if part is None else f".{written(part)}")
        passed: list[Value] = []
        second: OtherValue | None = None
        for value in dict.fromkeys(self.candidates(type_)):
            if value == current and type(value) is type(current):
                continue
            value = _in_type(value, type_)
            said = f"{label} = {shown(value)}"
            if current is None:
                said = f"{label} recorded ({shown(value)} for example)"
            elif value == "other" and type_ == TEXT:
                said = f"{label} other than {', '.join(shown(t) for t in [current, *passed])}"
            change = OtherValue(name, part, value, said)
            if not self.flips(change):
                passed.append(value)
            elif self.before is None and self.after(change) is False:
                second = second or change
            else:
                return change
        return second

    def guess(self, node: tree.Column) -> Type:
        """The type of a column that says none (as a window's date does): that of what it is compared with."""
        if any(isinstance(window, Around) and window.anchor == node.name for window in self.reach.windows()):
            return DATE
        for other in self.reach.values:
            if isinstance(other, tree.WindowTest) and other.value == node:
                return DATE
            if isinstance(other, tree.Apply) and node in other.args:
                literals = [a.value for a in other.args if isinstance(a, tree.Literal)]
                if literals:
                    return type_of(literals[0])
        return BOOLEAN


def _includes(events: Sequence[Event], others: Sequence[Event]) -> bool:
    """Whether events say all that the others say, one by one, and perhaps more."""
    alike = len(events) == len(others) and all(a.kind == b.kind for a, b in zip(events, others, strict=True))
    return alike and all(b.values.items() <= a.values.items() for a, b in zip(events, others, strict=True))


def _up(amount: Decimal, unit: Decimal) -> Decimal:
    """An amount rounded up to whole units."""
    return (amount / unit).to_integral_value(ROUND_CEILING) * unit


def _columns(where: Expr | None) -> list[str]:
    """The columns of an event that a condition asks for."""
    if where is None:
        return []
    return list(dict.fromkeys(n.name for n in tree.walk(where) if isinstance(n, tree.Column)))


def _in_type(value: Value, type_: Type) -> Value:
    if type_ == FLOAT and isinstance(value, Decimal):
        return float(value)
    return value
