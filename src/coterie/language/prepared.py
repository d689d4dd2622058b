"""Expressions worked out once and asked of many customers: each node becomes a small Python function.

The meaning is `evaluate`'s, to the last value; this only saves walking the tree again for each customer. Where it would take
more than a function (sequences, accounts, sources that do not know all), `evaluate` itself is asked. A missing value is None,
or NOTHING where nothing happened; who is to blame is `evaluate`'s to tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Protocol

from coterie.core.windows import Around, Days, Instants, Window, clamped_first_instant, days, instants, local_day
from coterie.language import tree
from coterie.language.evaluate import Customer, Evaluation, Event, Missing, World, number_kept
from coterie.language.functions import LEAVES
from coterie.language.leaves import Context
from coterie.language.numerals import settled
from coterie.language.ranges import VALUES, Range
from coterie.language.reach import reach
from coterie.language.tree import Expr
from coterie.language.types import FLOAT, MONEY, TIMESTAMP, Type, Value


class Nothing:
    """A value is missing because nothing happened."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()
UNASKED: Final = Nothing()
Found = Any
"""A value, None where it is not recorded, or NOTHING."""


class Moment:
    """When it is: the instant, its local day, and what each window admits then."""

    def __init__(self, world: World):
        self.world, self.as_of, self.today, self.zone = world, world.as_of, world.today, world.zone
        self.admitted: dict[Window, Days | Instants] = {}
        self.moments: dict[Window, tuple[datetime | None, datetime | None]] = {}

    def limits(self, window: Window) -> Days | Instants:
        """What a window admits; of one around a customer's date nothing can be said."""
        found = self.admitted.get(window)
        if found is None:
            exact = instants(window, self.as_of)
            found = exact if exact is not None else days(window, self.today)
            assert found is not None
            self.admitted[window] = found
        return found

    def ends(self, window: Window) -> tuple[datetime | None, datetime | None]:
        """lo ≤ instant < hi."""
        found = self.moments.get(window)
        if found is None:
            limits = self.limits(window)
            if isinstance(limits, Instants):
                found = (limits.lo, limits.hi)
            else:
                ends = (None if d is None else clamped_first_instant(d, self.zone) for d in (limits.lo, limits.hi))
                found = (*ends,)  # type: ignore[assignment]
            assert found is not None
            self.moments[window] = found
        return found


@dataclass(slots=True)
class Asked:
    """One customer, asked at a moment.

    Attributes:
        evaluation: makes the reference's own evaluation, for what it is asked of.
        rows: of a measure: what has been added up (`traits.incremental`).
    """

    customer: Customer
    moment: Moment
    evaluation: Callable[[], Evaluation]
    kept: Any
    known: list[Found]
    measured: list[Found]
    slow: Evaluation | None = None

    def answer(self, node: Expr) -> Found:
        """By the reference."""
        if self.slow is None:
            self.slow = self.evaluation()
        return found_of(self.slow.value(node))

    @property
    def context(self) -> Context:
        world = self.moment.world
        return Context(world.as_of, world.zone, self.customer.id, world.lists)


def found_of(result: Value | Missing) -> Found:
    if isinstance(result, Missing):
        return NOTHING if result.reason == "nothing happened" else None
    return result


Face = Callable[[Any], Found]


class Measures(Protocol):
    """How a measure is had from what is kept of a customer."""

    def face(self, node: tree.Measure) -> Face | None:
        """A function of `Asked`, or None where the reference is to be asked."""


@dataclass(frozen=True)
class Preparation:
    """Prepares expressions over one world.

    Args:
        world: definitions, zone and lists; its `as_of` does not count.
        attributes: the columns of customers that no definition explains.
        measures: how measures are had.
    """

    world: World
    attributes: frozenset[str]
    measures: Measures

    @cached_property
    def slots(self) -> Mapping[str, int]:
        return {name: i for i, name in enumerate(self.world.definitions)}

    @cached_property
    def definitions(self) -> list[Face]:
        out: list[Face] = []
        for name, node in self.world.definitions.items():
            column = tree.Column(name, type=node.type)
            out.append(_by_reference(column) if self.slow(node) or isinstance(node, tree.Fitted) else self.face(node))
        return out

    @cached_property
    def places(self) -> dict[tree.Measure, int]:
        return {}

    def asked(self, customer: Customer, moment: Moment, evaluation: Callable[[], Evaluation], kept: Any) -> Asked:
        faces = self.definitions  # fills `places`
        return Asked(customer, moment, evaluation, kept, [UNASKED] * len(faces), [UNASKED] * len(self.places))

    def answer(self, asked: Asked, name: str) -> Found:
        """A definition for a customer."""
        return self.at(asked, self.slots[name])

    def at(self, asked: Asked, slot: int) -> Found:
        """A definition by its place."""
        found = asked.known[slot]
        if found is UNASKED:
            found = asked.known[slot] = self.definitions[slot](asked)
        return found

    def slow(self, node: Expr) -> bool:
        """Whether ranges of what a source does not know come into it."""
        return bool(self.world.coverage) and any(m.event in self.world.coverage for m in reach(node, self.world).measures)

    # --- of a customer

    def face(self, node: Expr) -> Face:
        match node:
            case tree.Literal():
                return constant(node)
            case tree.Column():
                return self.column(node)
            case tree.Apply(args=args):
                return applied(node, [self.face(a) for a in args])
            case tree.And(args=args):
                return junction([self.face(a) for a in args], decisive=False)
            case tree.Or(args=args):
                return junction([self.face(a) for a in args], decisive=True)
            case tree.Not(arg=arg):
                return negation(self.face(arg))
            case tree.Case(branches=branches, otherwise=otherwise):
                told = [(self.face(a), self.face(b)) for a, b in branches]
                return chosen(told, None if otherwise is None else self.face(otherwise), node.type)
            case tree.Measure():
                return self.measure(node)
            case tree.WindowTest() if not isinstance(node.window, Around):
                return self.window_test(node)
            case _:
                return _by_reference(node)

    def column(self, node: tree.Column) -> Face:
        name, keep = node.name, node.type if node.type in (FLOAT, MONEY) else None
        if node.part is None and name in self.slots:
            slot, at = self.slots[name], self.at

            def definition(asked: Asked) -> Found:
                found = at(asked, slot)
                return found if keep is None or found is None or found is NOTHING else number_kept(found, keep)

            return definition
        if node.part is None and name in self.attributes:

            def attribute(asked: Asked) -> Found:
                found = asked.customer.columns.get(name)
                return found if keep is None or found is None else number_kept(found, keep)

            return attribute
        return _by_reference(node)

    def measure(self, node: tree.Measure) -> Face:
        face = self.measures.face(node) or _by_reference(node)
        place = self.places.setdefault(node, len(self.places))

        def measured(asked: Asked) -> Found:
            found = asked.measured[place]
            if found is UNASKED:
                found = asked.measured[place] = face(asked)
            return found

        return measured

    def window_test(self, node: tree.WindowTest) -> Face:
        value, window, timed = self.face(node.value), node.window, node.value.type == TIMESTAMP

        def inside(asked: Asked) -> Found:
            found = value(asked)
            if found is None:
                return None
            if found is NOTHING:
                return False  # what never happened lies in no window
            if timed:
                first, end = asked.moment.ends(window)
                return (first is None or first <= found) and (end is None or found < end)
            limits = asked.moment.limits(window)
            if isinstance(limits, Instants):
                return asked.answer(node)
            day = local_day(found, asked.moment.zone) if isinstance(found, datetime) else found
            return (limits.lo is None or limits.lo <= day) and (limits.hi is None or day < limits.hi)

        return inside


def row_face(node: Expr, ask: Callable[[], Evaluation]) -> Face:
    """A condition (or value) over the columns of one event: a function of `Event`. `ask` is for what takes more."""
    match node:
        case tree.Literal():
            return constant(node)
        case tree.Column(name=name):
            keep = node.type if node.type in (FLOAT, MONEY) else None

            def column(event: Event) -> Found:
                found = event.read(name)
                return found if keep is None or found is None else number_kept(found, keep)

            return column
        case tree.Apply(args=args) if not LEAVES[node.op].context:
            return applied(node, [row_face(a, ask) for a in args])
        case tree.And(args=args):
            return junction([row_face(a, ask) for a in args], decisive=False)
        case tree.Or(args=args):
            return junction([row_face(a, ask) for a in args], decisive=True)
        case tree.Not(arg=arg):
            return negation(row_face(arg, ask))
        case _:
            return lambda event: found_of(ask().value(node, event))


def _by_reference(node: Expr) -> Face:
    def reference(asked: Asked) -> Found:
        return asked.answer(node)

    return reference


def constant(node: tree.Literal) -> Face:
    value = node.value if node.type is None else settled(node.value, node.type)
    return lambda _: value


def applied(node: tree.Apply, args: Sequence[Face]) -> Face:
    leaf = LEAVES[node.op]
    python, strict, bounded, context = leaf.python, leaf.strict, leaf.bounded, leaf.context
    kind = node.type if node.type in (FLOAT, MONEY) else None

    def open_(values: Sequence[Found]) -> Found:
        """What is left where a value is missing, or where nothing came out."""
        if bounded is None:
            return None
        return bounded(VALUES, *(Range() if v is None else Range(v, v) for v in values))

    if len(args) == 2 and strict and not context and kind is None:
        left, right = args

        def two(asked: Any) -> Found:
            a, b = left(asked), right(asked)
            if a is NOTHING:
                a = None
            if b is NOTHING:
                b = None
            found = python(a, b) if a is not None and b is not None else None
            return found if found is not None else open_((a, b))

        return two

    def several(asked: Any) -> Found:
        values = [None if v is NOTHING else v for v in [a(asked) for a in args]]
        found: Found = None
        if not strict or None not in values:
            found = python(asked.context, *values) if context else python(*values)
        if found is None:
            found = open_(values)
        return found if kind is None or found is None else settled(found, kind)

    return several


def junction(args: Sequence[Face], decisive: bool) -> Face:
    """Kleene's and (which one false decides) or or (one true)."""

    def joined(asked: Any) -> Found:
        out: bool | None = not decisive
        for arg in args:
            found = arg(asked)
            if found is decisive:
                return decisive
            if found is not True and found is not False:
                out = None
        return out

    return joined


def negation(arg: Face) -> Face:
    def not_(asked: Any) -> Found:
        found = arg(asked)
        return not found if found is True or found is False else None

    return not_


def chosen(branches: Sequence[tuple[Face, Face]], otherwise: Face | None, type_: Type | None) -> Face:
    def case(asked: Any) -> Found:
        for condition, result in branches:
            found = condition(asked)
            if found is True:
                return of(result(asked))
            if found is not False:
                return None
        return None if otherwise is None else of(otherwise(asked))

    def of(found: Found) -> Found:
        if found is None or found is NOTHING:
            return None
        return found if type_ is None else settled(found, type_)

    return case
