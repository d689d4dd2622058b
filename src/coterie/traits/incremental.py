"""What is kept of one customer so that every definition can be answered at any later moment without going back to their events.

A measure needs the state of its aggregation: one for all time, or one for each local day where it has a window of days. What
asks for single events (windows of hours, sequences, conditions that read the clock) keeps these. The states are the ones of
the language's own aggregations, and everything above them is `language/evaluate`: nothing has a second meaning here.

A state answers for *now*, and now only moves on: what lies too far back for every window is let go, and events of the future
wait for their time.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from coterie.core.windows import (
    EXACT,
    Ago,
    Around,
    Days,
    Duration,
    Instants,
    Next,
    Period,
    Window,
    Within,
    clamped_first_instant,
    clamped_shift,
    exact_length,
    local_day,
)
from coterie.language import tree
from coterie.language.aggregations import AGGREGATIONS, settle
from coterie.language.evaluate import Customer, Evaluation, Event, Rows, World, range_of
from coterie.language.functions import LEAVES
from coterie.language.prepared import NOTHING, Asked, Face, Found, Moment, Preparation, row_face
from coterie.language.reach import reach
from coterie.language.tree import Expr
from coterie.traits.batch import DAY

LONGEST = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The most days that a calendar unit has."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What measures that differ in their window alone share.

    Attributes:
        measure: one of them, without its window.
        daily: one state for each local day; otherwise one for all time.
        back: of days, how many are kept; None for all.
        ends: whether the first and last time matter (a source that does not know all).
    """

    measure: tree.Measure
    daily: bool
    back: int | None = None
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Keeping:
    """Events of a kind that are kept one by one: which columns of them, and for how long (None: for ever)."""

    columns: tuple[str, ...]
    back: timedelta | None


@dataclass(frozen=True, eq=False)
class Needs:
    """What has to be kept of every customer.

    Attributes:
        cells, keeping: states and single events.
        lengths: by kind, so long after an event of it an answer can change (windows of hours, sequences).
        tests: values that are tested against a window of hours.
        daily: an answer can change when a local day begins; `clock`: at any moment (a function that reads the hour).
    """

    cells: tuple[Cell, ...]
    keeping: Mapping[str, Keeping]
    lengths: Mapping[str, tuple[timedelta, ...]]
    tests: tuple[tree.WindowTest, ...]
    daily: bool
    clock: bool

    @cached_property
    def places(self) -> Mapping[tuple[tree.Measure, bool], int]:
        return {(c.measure, c.daily): i for i, c in enumerate(self.cells)}

    @cached_property
    def of_kind(self) -> Mapping[str, tuple[int, ...]]:
        """The places of the cells that an event of a kind goes into."""
        out: dict[str, tuple[int, ...]] = {}
        for i, cell in enumerate(self.cells):
            out[cell.measure.event] = (*out.get(cell.measure.event, ()), i)
        return out

    @cached_property
    def by_day(self) -> bool:
        """Whether something reads the local day of an event as a column."""
        return any(DAY in read for read in self.columns.values())

    @cached_property
    def columns(self) -> Mapping[str, frozenset[str]]:
        """By kind, the columns of its events that are read."""
        out = {kind: set(keeping.columns) for kind, keeping in self.keeping.items()}
        for cell in self.cells:
            out.setdefault(cell.measure.event, set()).update(_read(cell.measure.column, cell.measure.where))
        return {kind: frozenset(read) for kind, read in out.items()}

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that matter to anything."""
        return frozenset(self.columns)


def needs(definitions: Iterable[Expr], world: World) -> Needs:
    """What definitions (checked trees) need kept of a customer.

    Args:
        definitions: to be answered; names lead on to others through the world.
        world: definitions by name, coverage.
    """
    cells: dict[tuple[tree.Measure, bool], Cell] = {}
    columns: dict[str, set[str]] = {}
    backs: dict[str, timedelta | None] = {}
    lengths: dict[str, set[timedelta]] = {}
    found = [reach(d, world) for d in definitions]
    tests: dict[tree.WindowTest, None] = {}
    daily = clock = False

    def keep(kind: str, read: Iterable[str], back: timedelta | None) -> None:
        columns.setdefault(kind, set()).update(read)
        before = backs.get(kind, timedelta())
        backs[kind] = None if back is None or before is None else max(before, back)

    for r in found:
        clock = clock or "timed" in r.clock
        daily = daily or "daily" in r.clock or any(not _exact(w) for w in r.windows())
        for m in r.measures:
            if isinstance(m.window, Next):
                continue
            key = cell_of(m)
            if key is None:
                keep(m.event, _read(m.column, m.where), _reach_back(m.window))
                lengths.setdefault(m.event, set()).update(lengths_of(m.window))
                continue
            old = cells.get(key)
            days = None if m.window is None else _days_back(m.window)
            if old is not None:
                days = None if days is None or old.back is None else max(days, old.back)
            cells[key] = Cell(*key, days, m.event in world.coverage)
        for s in r.sequences:
            within = [exact_length(step.within) for step in s.steps if step.within is not None]
            for step in s.steps:  # all steps come after the first, which the window dates
                keep(step.event, _read(s.same, step.where), _reach_back(s.window))
                lengths.setdefault(step.event, set()).update([*within, *lengths_of(s.window)])
        tests.update({t: None for t in r.tests if _exact(t.window)})
    keeping = {kind: Keeping(tuple(sorted(read)), backs[kind]) for kind, read in columns.items()}
    told = {kind: tuple(sorted(some)) for kind, some in lengths.items()}
    return Needs(tuple(cells.values()), keeping, told, tuple(tests), daily, clock)


def cell_of(node: tree.Measure) -> tuple[tree.Measure, bool] | None:
    """What a measure is added up in: without its window, by day or not; None where it has to see single events."""
    if (node.window is not None and _exact(node.window)) or (node.where is not None and _reads_clock(node.where)):
        return None
    return replace(node, window=None), node.window is not None


def _exact(window: Window) -> bool:
    match window:
        case Within(length) | Next(length):
            return length.unit in EXACT
        case Ago(_, _, unit) | Period(_, unit):
            return unit in EXACT
        case _:
            return False


def lengths_of(window: Window | None) -> list[timedelta]:
    """How long after an instant a window of hours or minutes begins or ends."""
    match window:
        case Within(length) if length.unit in EXACT:
            return [exact_length(length)]
        case Next(length) if length.unit in EXACT:
            return [exact_length(length)]
        case Ago(far, near, unit) if unit in EXACT:
            return [exact_length(Duration(n, unit)) for n in (far, near) if n]
        case _:
            return []


def _length(window: Window | None) -> timedelta:
    return max(lengths_of(window))


def _reach_back(window: Window | None) -> timedelta | None:
    """How far back a window reaches at most, or None for no limit."""
    if window is None:
        return None
    if _exact(window):
        return _length(window)
    back = _days_back(window)
    # A local day may have an hour more than 24, and a zone may have moved by a day.
    return None if back is None else timedelta(days=back + 3)


def _days_back(window: Window) -> int | None:
    match window:
        case Within(length):
            return length.n * LONGEST[length.unit]
        case Ago(far, _, unit):
            return far * LONGEST[unit]
        case Period(_, unit):
            return 2 * LONGEST[unit]
        case _:
            return None


def _read(column: str | None, where: Expr | None) -> set[str]:
    """The columns of an event that are read."""
    read = set() if column is None else {column}
    if where is not None:
        read |= {n.name for n in tree.walk(where) if isinstance(n, tree.Column)}
    return read - {"time", "id"}


def _reads_clock(where: Expr) -> bool:
    """Whether a condition on an event can change its answer as time goes by."""
    return any(
        isinstance(n, tree.WindowTest) or (isinstance(n, tree.Apply) and LEAVES[n.op].live is not None) for n in tree.walk(where)
    )


@dataclass(slots=True)
class State:
    """What is kept of one customer: for each cell its rows (by day, where it is daily), single events, and those to come."""

    cells: list[Any]
    kept: dict[str, list[Event]] = field(default_factory=dict)
    waiting: list[Event] = field(default_factory=list)


def empty(of: Needs) -> State:
    """The state of somebody who has done nothing."""
    made: list[Any] = [{} if c.daily else Rows(AGGREGATIONS[c.measure.aggregation].zero()) for c in of.cells]
    return State(made, {kind: [] for kind in of.keeping})


Take = Callable[[Rows, Event, Any], bool]
"""Adds an event, with its place among others, to the rows of a measure; whether it was one that the measure sees."""


@lru_cache(maxsize=16)
def takes(of: Needs, zone: str) -> Mapping[str, Sequence[tuple[int, Cell, Take]]]:
    """How events go into cells, worked out once."""
    out: dict[str, list[tuple[int, Cell, Take]]] = {}
    for i, cell in enumerate(of.cells):
        out.setdefault(cell.measure.event, []).append((i, cell, take_of(cell.measure, zone)))
    return out


def take_of(measure: tree.Measure, zone: str) -> Take:
    """How an event goes into a measure: what `Evaluation.add` says, ready to be done often."""
    aggregation, column = AGGREGATIONS[measure.aggregation], measure.column
    nobody = Evaluation(Customer(""), World(datetime.max, zone))
    where = None if measure.where is None else row_face(measure.where, lambda: nobody)

    def take(rows: Rows, event: Event, place: Any) -> bool:
        value = True if column is None else event.read(column)
        if value is None:
            return False
        fits = True if where is None else where(event)
        return rows.take(aggregation, value, None if fits is NOTHING else fits, event.time, place)

    return take


@dataclass(frozen=True)
class Incremental:
    """Keeps states and answers from them.

    Args:
        of: what is kept.
        world: definitions, kinds, coverage and lists; its `as_of` is where the clock stands.
        preparation: of the definitions, where they are asked of many customers.
    """

    of: Needs
    world: World
    preparation: Preparation = None  # type: ignore[assignment]

    @cached_property
    def moment(self) -> Moment:
        return Moment(self.world)

    @property
    def taking(self) -> Mapping[str, Sequence[tuple[int, Cell, Take]]]:
        """By kind of event, the cells that it goes into and how."""
        return takes(self.of, self.world.zone)

    def add(self, state: State, event: Event) -> None:
        """An event of this customer, in whatever order they come; each is added once."""
        if event.kind not in self.of.kinds:
            return
        if event.time > self.world.as_of:
            insort(state.waiting, event, key=self.world.place)
            return
        day, place = local_day(event.time, self.world.zone), self.world.place(event)
        age = (self.world.today - day).days
        if self.of.by_day:
            event = replace(event, values={**event.values, DAY: day})
        for i, cell, take in self.taking.get(event.kind, ()):
            if not cell.daily:
                take(state.cells[i], event, place)
            elif cell.back is None or age <= cell.back:
                rows = state.cells[i].get(day)
                if rows is None:
                    rows = Rows(AGGREGATIONS[cell.measure.aggregation].zero())
                    if take(rows, event, place):
                        state.cells[i][day] = rows
                else:
                    take(rows, event, place)
        keeping = self.of.keeping.get(event.kind)
        if keeping is not None and (keeping.back is None or self.world.as_of - event.time <= keeping.back):
            slim = replace(event, values={c: event.values.get(c) for c in keeping.columns})
            insort(state.kept[event.kind], slim, key=self.world.place)

    def settle(self, state: State) -> None:
        """Bring a state up to now: what waited and has come is added, what no window reaches any more is let go."""
        while state.waiting and state.waiting[0].time <= self.world.as_of:
            self.add(state, state.waiting.pop(0))
        today = self.world.today
        for cell, days in zip(self.of.cells, state.cells, strict=True):
            if cell.daily and cell.back is not None:
                for day in [d for d in days if today - d > timedelta(days=cell.back)]:
                    del days[day]
        for kind, keeping in self.of.keeping.items():
            if keeping.back is not None:
                first = clamped_shift(self.world.as_of, -keeping.back)
                state.kept[kind] = [e for e in state.kept[kind] if e.time >= first]

    def prepared(self, customer: Customer, states: Mapping[str, State]) -> Asked:
        """The same as `asked`, for answers without reasons: `preparation.answer` gives them."""
        return self.preparation.asked(customer, self.moment, lambda: self.asked(customer, states), states[customer.id])

    def events(self, state: State) -> tuple[Event, ...]:
        """The single events that are kept, in order."""
        return tuple(sorted((e for kept in state.kept.values() for e in kept), key=self.world.place))

    def asked(self, customer: Customer, states: Mapping[str, State]) -> "FromState":
        """Somebody's answers, from the states that are kept of them and of the members of their account.

        Args:
            customer: with columns; their events, and those of the members, are what `events` gives.
            states: by customer.
        """
        return FromState(customer, self.world, of=self.of, states=states)


@dataclass(frozen=True)
class FromState(Evaluation):
    """An evaluation that has added up the rows of measures before."""

    of: Needs = field(kw_only=True)
    states: Mapping[str, State] = field(kw_only=True)

    @property
    def state(self) -> State:
        return self.states[self.customer.id]

    def rows(self, node: tree.Measure, limits: Days | Instants) -> Rows:
        key = cell_of(node)
        if key is None or key not in self.of.places:
            return Evaluation.rows(self, node, limits)
        kept = self.state.cells[self.of.places[key]]
        if not key[1]:
            return kept  # type: ignore[no-any-return]
        assert isinstance(limits, Days), "other windows are answered from single events"
        return merged(node.aggregation, [rows for day, rows in kept.items() if _inside(day, limits)])

    def due(self, *, daily: bool = True) -> datetime | None:
        """The next moment at which an answer can change though nothing happens; None for never. `daily`: a new day counts, too.

        What a function reads from the clock itself (`needs.clock`) changes at any moment and is not in it.
        """
        now, state = self.world.as_of, self.state
        moments = [state.waiting[0].time] if state.waiting else []
        for kind, lengths in self.of.lengths.items():
            moments += [clamped_shift(e.time, length) for e in state.kept.get(kind, ()) for length in lengths]
        for test in self.of.tests:
            shifts = [timedelta(), *(sign * length for length in lengths_of(test.window) for sign in (1, -1))]
            between = range_of(self.value(test.value))  # what is not known wholly may still be known well enough, from a moment on
            ends = {e for e in (between.least, between.most) if isinstance(e, datetime)}
            moments += [clamped_shift(end, shift) for end in ends for shift in shifts]
        if self.of.daily and daily:
            moments.append(clamped_first_instant(self.world.today + timedelta(days=1), self.world.zone))
        return min((m for m in moments if m > now), default=None)


@dataclass(frozen=True)
class FromCells:
    """Measures as functions of a state."""

    of: Needs
    world: World

    def face(self, node: tree.Measure) -> Face | None:
        key = cell_of(node)
        if key is None or key not in self.of.places or node.event in self.world.coverage:
            return None
        if isinstance(node.window, Around | Next):
            return None
        place, aggregation, type_, window = self.of.places[key], AGGREGATIONS[node.aggregation], node.type, node.window
        nothing = NOTHING if aggregation.nothing else None

        def told(state: Any) -> Found:
            final = aggregation.final(state)
            found = final if type_ is None else settle(final, type_)
            return nothing if found is None else found

        if window is None:
            return lambda asked: told(asked.kept.cells[place].state)
        merge, zero = aggregation.merge, aggregation.zero

        def by_day(asked: Asked) -> Found:
            limits, state = asked.moment.limits(window), zero()
            first, end = limits.lo or date.min, limits.hi or date.max
            for day, rows in asked.kept.cells[place].items():
                if first <= day < end:
                    state = merge(state, rows.state)
            return told(state)

        return by_day


def preparation(of: Needs, world: World, attributes: Iterable[str]) -> Preparation:
    """Definitions made ready to be asked of many customers from what is kept of them."""
    return Preparation(world, frozenset(attributes), FromCells(of, world))


def _inside(day: date, limits: Days) -> bool:
    return (limits.lo is None or limits.lo <= day) and (limits.hi is None or day < limits.hi)


def merged(aggregation: str, parts: Sequence[Rows]) -> Rows:
    """Rows of several days as one."""
    of = AGGREGATIONS[aggregation]
    out = Rows(of.zero())
    for part in parts:
        out.state = of.merge(out.state, part.state)
        out.unknown += part.unknown
        out.first = part.first if out.first is None or (part.first is not None and part.first < out.first) else out.first
        out.last = part.last if out.last is None or (part.last is not None and part.last > out.last) else out.last
    return out
