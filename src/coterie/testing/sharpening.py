"""Random programs made to matter: literals that are what somebody really has, and events on the very edges of windows.

A random comparison is mostly false for everybody, and a random window has nobody near its edges; then a wrong `<` or a window
that is a day too long would not show.
"""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from coterie.core.windows import Around, Window, days, first_instant, instants, local_day
from coterie.language import tree
from coterie.language.evaluate import Evaluation, Event, Missing
from coterie.language.tree import And, Apply, Case, Column, Expr, Fitted, Literal, Measure, Members, Not, Or, WindowTest, walk
from coterie.language.types import DATE, TIMESTAMP, Value
from coterie.testing.asking import Program
from coterie.testing.populations import MICROSECOND, Happening, Person
from coterie.testing.reference import Reference
from coterie.traits.batch import used

COMPARED = ("=", "<", "<=", ">", ">=", "in", "between")
PART_OF = ("contains", "starts with", "ends with")
HOW_OFTEN = 0.6
EARLIEST, LATEST = datetime.fromisoformat("1000-01-01"), datetime.fromisoformat("9990-01-01")


def sharpen(node: Expr, known: Reference, rng: Random, later: Set[str] = frozenset()) -> Expr:
    """The tree with some of the literals that values are compared with replaced by a value that somebody has.

    Args:
        node: checked.
        known: the population and the definitions that the tree may name.
        later: definitions that cannot be answered yet, because something in them is fitted.
    """
    return _Sharpener(known, rng, later).tree(node, None)


class _Sharpener:
    def __init__(self, known: Reference, rng: Random, later: Set[str]):
        self.known, self.rng, self.later = known, rng, later

    def tree(self, node: Expr, event: str | None) -> Expr:
        match node:
            case And(args=args) | Or(args=args):
                return replace(node, args=tuple(self.tree(a, event) for a in args))
            case Not(arg=arg):
                return replace(node, arg=self.tree(arg, event))
            case Case(branches=branches):
                return replace(node, branches=tuple((self.tree(when, event), then) for when, then in branches))
            case Measure(event=kind, where=where) if where is not None:
                return replace(node, where=self.tree(where, kind))
            case tree.Sequence(steps=steps):
                changed = [s if s.where is None else replace(s, where=self.tree(s.where, s.event)) for s in steps]
                return replace(node, steps=tuple(changed))
            case Members(where=where) if where is not None:
                return replace(node, where=self.tree(where, event))
            case Apply(op=op, args=(value, *others)) if op in (*COMPARED, *PART_OF):
                found = [self.tree(value, event), *(self.other(op, value, o, event) for o in others)]
                return replace(node, args=tuple(found))
        return node

    def other(self, op: str, value: Expr, literal: Expr, event: str | None) -> Expr:
        if not isinstance(literal, Literal) or isinstance(value, Literal) or self.rng.random() > HOW_OFTEN:
            return literal
        if any(isinstance(n, Fitted) for n in walk(value)) or used(value) & self.later:
            return literal
        found = self.of_somebody(value, event)
        if isinstance(found, str) and op in PART_OF and found:
            cut = self.rng.randrange(len(found))
            found = {"starts with": found[: cut + 1], "ends with": found[cut:]}.get(op, found[cut : cut + 2])
        return literal if found is None else written(found) or literal

    def of_somebody(self, value: Expr, event: str | None) -> Value | None:
        """The value of a customer, or of an event of that kind, where one of a few has it."""
        for _ in range(4):
            run = self.rng.choice(self.known.evaluations)
            if event is None:
                found = run.value(value)
            else:
                row = self.row(event)
                if row is None:
                    return None
                found = Evaluation(run.customer, run.world).value(value, row)
            if not isinstance(found, Missing):
                return found
        return None

    def row(self, kind: str) -> Event | None:
        rows = [e for e in self.known.program.population.events if e.kind == kind]
        if not rows:
            return None
        one = self.rng.choice(rows)
        return Event(one.kind, one.time, one.id, one.values)


def written(value: Value) -> Literal | None:
    """A value as a literal, where one can be written."""
    if isinstance(value, bool | tuple):
        return None
    if isinstance(value, float):
        exact = Decimal(repr(value))
        return Literal(exact) if abs(exact.adjusted()) < 18 else None
    if isinstance(value, datetime) and not EARLIEST < value < LATEST:
        return None
    return Literal(value)


def plant(program: Program, rng: Random) -> Program:
    """The program with some of its events and dates moved onto the edges of the windows that its definitions have."""
    events, people = list(program.population.events), list(program.population.people)
    for definition in program.catalog.definitions.values():
        for node in walk(definition.checked.tree):
            match node:
                case Measure(event=kind, window=window) if window is not None:
                    _move(program, events, people, kind, window, rng)
                case tree.Sequence(steps=steps, window=window) if window is not None:
                    _move(program, events, people, steps[0].event, window, rng)
                case WindowTest(value=Column(name=name, part=None), window=window) if name in program.schema.columns:
                    _move_dates(program, people, name, node.value, window, rng)
                case WindowTest(value=Measure(event=kind, column="time"), window=window):
                    _move(program, events, people, kind, window, rng)
                case _:
                    pass
    return replace(program, population=replace(program.population, events=tuple(events), people=tuple(people)))


def _edges(program: Program, window: Window, anchor: date | None) -> list[datetime]:
    """The instants at which a window begins and ends, and those just before."""
    exact = instants(window, program.as_of)
    limits = exact if exact is not None else days(window, local_day(program.as_of, program.zone), anchor)
    out = []
    for edge in (limits.lo, limits.hi) if limits is not None else ():
        if edge is None or not EARLIEST.date() < (edge.date() if isinstance(edge, datetime) else edge) < LATEST.date():
            continue
        at = edge if isinstance(edge, datetime) else first_instant(edge, program.zone)
        far = MICROSECOND if isinstance(edge, datetime) else timedelta(days=1)
        out += [at, at - MICROSECOND, at + far, at - far]
    return out


def _move(program: Program, events: list[Happening], people: Sequence[Person], kind: str, window: Window, rng: Random) -> None:
    places = [i for i, e in enumerate(events) if e.kind == kind]
    by_id = {p.id: p for p in people}
    for n in range(6):
        if not places:
            return
        i = rng.choice(places)
        anchor = None
        if isinstance(window, Around):
            anchor = _day(by_id[events[i].customer].columns.get(window.anchor), program.zone)
            if anchor is None or not EARLIEST.date() < anchor < LATEST.date():
                continue
        edges = _edges(program, window, anchor)
        if edges:
            events[i] = replace(events[i], time=rng.choice(edges) if n else edges[0])


def _move_dates(program: Program, people: list[Person], name: str, column: Expr, window: Window, rng: Random) -> None:
    for n in range(10):
        i = rng.randrange(len(people))
        anchor = _day(people[i].columns.get(window.anchor), program.zone) if isinstance(window, Around) else None
        if isinstance(window, Around) and (anchor is None or window.anchor == name or not EARLIEST.date() < anchor < LATEST.date()):
            continue
        edges = _edges(program, window, anchor)
        if not edges:
            return
        at = edges[n % len(edges)]
        value: Any = local_day(at, program.zone) if column.type == DATE else at
        if column.type in (DATE, TIMESTAMP):
            people[i] = replace(people[i], columns={**people[i].columns, name: value})


def _day(value: Value | None, zone: str) -> date | None:
    if isinstance(value, datetime):
        return local_day(value, zone)
    return value if isinstance(value, date) else None
