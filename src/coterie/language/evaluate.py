"""The reference meaning of the language: one customer, plain lists, no engine.

Every engine must agree with what stands here, so each rule is written in the plainest way that is obviously what
LANGUAGE.md says, not in the fastest. A result is a value or `Missing`, which says why and what is to blame.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as _replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, assert_never
from typing import Literal as OneOf

from coterie.core import kleene
from coterie.core.kleene import Truth
from coterie.core.windows import (
    MICROSECOND,
    Around,
    Days,
    Instants,
    Next,
    Window,
    clamped_first_instant,
    clamped_shift,
    clamped_step,
    days,
    exact_length,
    instants,
    local_day,
)
from coterie.language import tree
from coterie.language.aggregations import AGGREGATIONS, Aggregation, as_float, settle
from coterie.language.format import format as canonical
from coterie.language.functions import LEAVES
from coterie.language.leaves import Context, Leaf
from coterie.language.numerals import settled
from coterie.language.ranges import VALUES, Range
from coterie.language.tree import Expr
from coterie.language.types import BOOLEAN, FLOAT, MONEY, Type, Value

Why = OneOf["not recorded", "nothing happened", "not covered"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a customer did. `time` (a naive UTC instant) and `id` can be read like the columns in `values`."""

    kind: str
    time: datetime
    id: str
    values: Mapping[str, Value | None] = field(default_factory=dict)

    def read(self, column: str) -> Value | None:
        """The value of a column, None where not recorded. A float column holds decimals, so that sums are exact."""
        if column == "time":
            return self.time
        if column == "id":
            return self.id
        return self.values.get(column)


@dataclass(frozen=True, slots=True)
class Missing:
    """No value. `names` are the columns to blame, as the rule names them.

    `at_least` and `at_most` are what a source that does not know all leaves open, where that has limits; `seen` is false
    where it has seen nothing, so that it may also be that nothing happened.
    """

    reason: Why
    names: frozenset[str] = frozenset()
    at_least: Value | None = None
    at_most: Value | None = None
    seen: bool = True

    @property
    def nothing(self) -> Truth:
        """Whether nothing happened."""
        return True if self.reason == "nothing happened" else False if self.seen else None


Result = Value | Missing


@dataclass(frozen=True)
class Customer:
    """What is known of one customer.

    Attributes:
        id: the customer's id, as text.
        columns: attributes; an absent one or None was not recorded.
        events: in the order of the language: time, then kind as the project lists them, then id.
        account: the columns of the customer's account, if there is one.
        members: all customers of that account, this one included; empty without an account.
    """

    id: str
    columns: Mapping[str, Value | None] = field(default_factory=dict)
    events: Sequence[Event] = ()
    account: Mapping[str, Value | None] | None = None
    members: Sequence["Customer"] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a source knows: customers for whom `covers` is true, the local days complete_from … complete_to."""

    covers: Expr | None = None
    complete_from: date | None = None
    complete_to: date | None = None


def not_fitted(_name: str, _customer: str) -> Value | None:
    """The fitted columns of a project that has none."""
    return None


@dataclass(frozen=True)
class World:
    """All that an answer depends on beside the customer.

    Attributes:
        as_of: the instant of the question (naive UTC); later events are not yet seen.
        zone: the project's time zone; local days are its.
        kinds: event kinds in the order of the project file, which orders events of one instant.
        definitions: checked trees of traits, segments and segmentations (these as `Case` trees of labels) by name.
        coverage: by event kind; a kind without one is complete.
        lists: ids by the name of a list.
        fitted: (column, customer id) → value of a fitted column, or None. A column is the name of a fitted definition,
            a part of one (`value.r`), or the canonical text of a call written in place.
        unknown_rows: if given, receives for each measure (its canonical text) how many rows were left out because its
            `where` was unknown.
    """

    as_of: datetime
    zone: str = "UTC"
    kinds: Sequence[str] = ()
    definitions: Mapping[str, Expr] = field(default_factory=dict)
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fitted: Callable[[str, str], Value | None] = not_fitted
    unknown_rows: MutableMapping[str, int] | None = field(default=None, compare=False)

    @cached_property
    def today(self) -> date:
        """D, the local day of `as_of`."""
        return local_day(self.as_of, self.zone)

    def place(self, event: Event) -> tuple[datetime, int, str]:
        """Where an event stands among others: by time, kind, id."""
        rank = self.kinds.index(event.kind) if event.kind in self.kinds else len(self.kinds)
        return event.time, rank, event.id


def in_order(events: Iterable[Event], world: World) -> tuple[Event, ...]:
    """Events in the order of the language; the order they come in never matters."""
    return tuple(sorted(events, key=world.place))


@dataclass(slots=True)
class Rows:
    """Rows of a measure, added up: the state of its aggregation, how many its `where` could not decide, the first and last time."""

    state: Any
    unknown: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def take(self, aggregation: Aggregation, value: Value, fits: bool | None, time: datetime, place: Any) -> bool:
        """One more row, whose column is known; `fits` is what `where` says of it. Whether it was one that counts."""
        if fits is None:
            self.unknown += 1
        elif aggregation.name == "share":
            self.state = aggregation.add(self.state, fits, place)
        elif fits:
            self.state = aggregation.add(self.state, value, place)
            if self.first is None or time < self.first:
                self.first = time
            if self.last is None or time > self.last:
                self.last = time
        else:
            return False
        return True


def evaluate(expr: Expr, customer: Customer, world: World) -> Result:
    """The value of a checked expression for one customer, or `Missing`.

    Args:
        expr: a tree that `check` has accepted (hand-made trees without types do, unless a type decides the meaning).
        customer: with events in the language's order.
        world: the instant, the zone and the definitions.

    Raises:
        ValueError: where the tree asks for what the checker refuses.
    """
    return Evaluation(customer, world).value(expr)


def truth(result: Result) -> bool | None:
    """The truth of a condition's result: None for unknown."""
    if isinstance(result, Missing):
        return None
    if isinstance(result, bool):
        return result
    raise ValueError(f"a condition is true, false or unknown; this is {result!r}")


def number_kept(value: Value, type_: Type | None) -> Value:
    """A number as its type keeps it: a float column of events is stored as decimals, an integer may stand for money."""
    if type_ == FLOAT and isinstance(value, int | Decimal):
        return as_float(value)
    return Decimal(value) if type_ == MONEY and isinstance(value, int) else value


@dataclass(frozen=True)
class Evaluation:
    """One customer's evaluation: the recursion, and by customer what has been answered and whose rows are counted."""

    customer: Customer
    world: World
    known: dict[tuple[str, str], Result] = field(default_factory=dict)
    counted: set[tuple[str, str]] = field(default_factory=set)

    def value(self, node: Expr, row: Event | None = None) -> Result:
        """The value of a node; inside a `where` the names are those of the event `row`."""
        match node:
            case tree.Literal(value=value, type=type_):
                written = value if type_ is None else settled(value, type_)
                assert written is not None, "a literal of money lies in its limits"
                return written
            case tree.Column():
                return self.column(node) if row is None else self.event_column(node, row)
            case tree.Apply():
                return self.apply(node, row)
            case tree.And(args=args):
                return combine(kleene.all_, [self.value(a, row) for a in args])
            case tree.Or(args=args):
                return combine(kleene.any_, [self.value(a, row) for a in args])
            case tree.Not(arg=arg):
                return negate(self.value(arg, row))
            case tree.Case():
                return self.case(node, row)
            case tree.Measure():
                return self.measure(node)
            case tree.WindowTest():
                return self.window_test(node, row)
            case tree.Sequence():
                return self.sequence(node)
            case tree.Members():
                return self.members(node)
            case tree.Fitted():
                return self.fitted(canonical(node), node.type)
            case tree.EventColumn():
                raise ValueError(f"{canonical(node)} is a stream of events, not a value of the customer")
            case _:
                assert_never(node)

    # --- names

    def column(self, node: tree.Column) -> Result:
        name = node.name if node.part is None else f"{node.name}.{node.part}"
        result: Result | None
        if node.name == "account" and node.part is not None:
            result = (self.customer.account or {}).get(node.part)
        elif node.part is not None:
            return self.fitted(name, node.type)
        elif node.name in self.world.definitions:
            result = self.definition(node.name)
        elif node.name in self.customer.columns:
            result = self.customer.columns[node.name]
        else:
            result = self.world.fitted(name, self.customer.id)
        if result is None:
            return Missing("not recorded", frozenset({name}))
        if isinstance(result, Missing):
            # The rule blames the column that it names, not what lies below that.
            return _replace(result, names=frozenset({name}))
        return number_kept(result, node.type)

    def definition(self, name: str) -> Result:
        key = (self.customer.id, name)
        if key not in self.known:
            definition = self.world.definitions[name]
            named_fit = isinstance(definition, tree.Fitted)
            self.known[key] = self.fitted(name, definition.type) if named_fit else self.value(definition)
        return self.known[key]

    def fitted(self, name: str, type_: Type | None) -> Result:
        value = self.world.fitted(name, self.customer.id)
        return Missing("not recorded", frozenset({name})) if value is None else number_kept(value, type_)

    def event_column(self, node: tree.Column, row: Event) -> Result:
        value = row.read(node.name)
        return Missing("not recorded", frozenset({node.name})) if value is None else number_kept(value, node.type)

    # --- operators

    @cached_property
    def context(self) -> Context:
        return Context(self.world.as_of, self.world.zone, self.customer.id, self.world.lists)

    def apply(self, node: tree.Apply, row: Event | None) -> Result:
        leaf = LEAVES[node.op]
        args = [self.value(a, row) for a in node.args]
        missing = [a for a in args if isinstance(a, Missing)]
        plain = [None if isinstance(a, Missing) else a for a in args]
        given = (self.context,) if leaf.context else ()
        value: Value | None = None if missing and leaf.strict else leaf.python(*given, *plain)
        if value is None and leaf.bounded is not None:
            value = leaf.bounded(VALUES, *(Range() if nothing(a) is not False else range_of(a) for a in args))
        if value is not None and node.type is not None:
            value = settled(value, node.type)
        if value is None:
            # Nothing was missing, and still no value comes out (a division by zero): the operation itself is to blame.
            found = Missing("not recorded", blame(missing) or frozenset({canonical(node)}))
            return found if leaf.order is None else self.carried(found, leaf, args[0])
        return value

    def carried(self, found: Missing, leaf: Leaf, arg: Result) -> Missing:
        """What is known of a function's result where its date or time is only known to lie between two others."""
        if not isinstance(arg, Missing) or arg.nothing is not False:
            return found
        ends = [leaf.python(self.context, e) if isinstance(e, date) else None for e in (arg.at_least, arg.at_most)]
        least, most = ends if leaf.order == "kept" else ends[::-1]
        return _replace(found, at_least=least, at_most=most)

    def case(self, node: tree.Case, row: Event | None) -> Result:
        for condition, result in node.branches:
            found = self.value(condition, row)
            if isinstance(found, Missing):
                return Missing("not recorded", found.names)
            if truth(found):
                return kept(self.value(result, row), node)
        if node.otherwise is None:
            return Missing("not recorded", frozenset({canonical(node)}))
        return kept(self.value(node.otherwise, row), node)

    # --- windows

    def limits(self, window: Window | None) -> Days | Instants | Missing:
        """What a window admits now; missing where it stands around a date that the customer has not."""
        if window is None:
            return Days(None, None)
        exact = instants(window, self.world.as_of)
        if exact is not None:
            return exact
        anchor: date | None = None
        if isinstance(window, Around):
            found = self.column(tree.Column(window.anchor))
            if isinstance(found, Missing):
                return Missing("not recorded", found.names)
            anchor = self.day(found)
        admitted = days(window, self.world.today, anchor)
        if admitted is None:
            raise ValueError(f"{window} admits neither days nor instants")
        return admitted

    def day(self, value: Value) -> date:
        """The local day of a date or timestamp."""
        if isinstance(value, datetime):
            return local_day(value, self.world.zone)
        if isinstance(value, date):
            return value
        raise ValueError(f"a window is about dates and timestamps; this is {value!r}")

    def admits(self, limits: Days | Instants, value: Value) -> bool:
        if limits.lo is None and limits.hi is None:
            return True
        if isinstance(limits, Days):
            day = self.day(value)
            return (limits.lo is None or limits.lo <= day) and (limits.hi is None or day < limits.hi)
        if not isinstance(value, datetime):
            raise ValueError(f"hours and minutes are about timestamps; this is {value!r}")
        return (limits.lo is None or limits.lo <= value) and (limits.hi is None or value < limits.hi)

    def window_test(self, node: tree.WindowTest, row: Event | None) -> Result:
        value, limits = self.value(node.value, row), self.limits(node.window)
        inside = None if isinstance(limits, Missing) else self.inside(limits, range_of(value))
        # What never happened lies in no window.
        found = kleene.all_([inside, kleene.not_(nothing(value))])
        if found is None:
            return Missing("not recorded", blame(x for x in (value, limits) if isinstance(x, Missing)))
        return found

    def inside(self, limits: Days | Instants, value: Range) -> Truth:
        """Whether all values, or none, that a range leaves open lie in a window."""
        if isinstance(limits, Days):
            value = Range(*(None if end is None else self.day(end) for end in (value.least, value.most)))
        begun = True if limits.lo is None else VALUES.up_to(Range(limits.lo, limits.lo), value)
        over = True if limits.hi is None else VALUES.below(value, Range(limits.hi, limits.hi))
        return None if value == Range() else kleene.all_([begun, over])

    # --- what customers did

    def seen(self, kind: str, window: Window | None, limits: Days | Instants) -> list[Event]:
        """The customer's events of a kind that a window admits. Only `within next` looks beyond as_of."""
        ahead = isinstance(window, Next)
        return [
            e
            for e in self.customer.events
            if e.kind == kind and (ahead or e.time <= self.world.as_of) and self.admits(limits, e.time)
        ]

    def measure(self, node: tree.Measure) -> Result:
        limits = self.limits(node.window)
        if isinstance(limits, Missing):
            return limits
        aggregation = AGGREGATIONS[node.aggregation]
        rows = self.rows(node, limits)
        self.count_unknown(node, rows.unknown)
        final = aggregation.final(rows.state)
        found: Value | None = final if node.type is None else settle(final, node.type)
        unseen = self.unseen(node.event, node.window, limits)
        if unseen is not None and not settled_by(rows, aggregation.end(node.column), unseen):
            return self.not_covered(node, found, unseen)
        if found is None:
            return Missing("nothing happened" if aggregation.nothing else "not recorded", frozenset({canonical(node)}))
        return found

    def rows(self, node: tree.Measure, limits: Days | Instants) -> Rows:
        """The rows that a measure sees, added up."""
        aggregation, rows = AGGREGATIONS[node.aggregation], Rows(AGGREGATIONS[node.aggregation].zero())
        for event in self.seen(node.event, node.window, limits):
            self.add(node, aggregation, event, rows)
        return rows

    def add(self, node: tree.Measure, aggregation: Aggregation, event: Event, rows: Rows) -> None:
        """One more event of its kind, if a measure sees it."""
        value = True if node.column is None else event.read(node.column)
        if value is not None:
            fits = True if node.where is None else truth(self.value(node.where, event))
            rows.take(aggregation, value, fits, event.time, self.world.place(event))

    def count_unknown(self, node: Expr, rows: int) -> None:
        if rows and self.world.unknown_rows is not None:
            text = canonical(node)
            if (self.customer.id, text) not in self.counted:
                self.counted.add((self.customer.id, text))
                self.world.unknown_rows[text] = self.world.unknown_rows.get(text, 0) + rows

    def unseen(self, kind: str, window: Window | None, limits: Days | Instants) -> Instants | None:
        """When this customer may have done what the source of a kind does not know; None where it knows all of a window."""
        coverage = self.world.coverage.get(kind)
        if coverage is None:
            return None
        if isinstance(limits, Days):
            first, after = limits.lo, limits.hi
            last = None if after is None else clamped_step(after, -1, "day")
        else:
            first = None if limits.lo is None else self.day(limits.lo)
            last = None if limits.hi is None else self.day(limits.hi - timedelta(microseconds=1))
        if not isinstance(window, Next) and (last is None or last > self.world.today):
            last = self.world.today
        if first is not None and last is not None and first > last:
            return None
        begin: datetime | None = None
        end = None if isinstance(window, Next) else clamped_shift(self.world.as_of, MICROSECOND)
        if coverage.covers is not None and truth(self.value(coverage.covers)) is not True:
            return Instants(begin, end)
        since, until = coverage.complete_from, coverage.complete_to
        early = since is not None and (first is None or first < since)
        late = until is not None and (last is None or last > until)
        if until is not None and not early:
            begin = clamped_first_instant(clamped_step(until, 1, "day"), self.world.zone)
        if since is not None and not late:
            end = clamped_first_instant(since, self.world.zone)
        return Instants(begin, end) if early or late else None

    def not_covered(self, node: tree.Measure, found: Value | None, unseen: Instants) -> Result:
        """What the events seen, and when there may be others, leave of a measure."""
        if node.aggregation == "exists" and found is True:
            return True
        aggregation = AGGREGATIONS[node.aggregation]
        least = found if aggregation.seen_is == "least" else None
        most = found if aggregation.seen_is == "most" else None
        end = aggregation.end(node.column)
        if end is not None and node.column == "time":
            latest = None if unseen.hi is None else unseen.hi - MICROSECOND
            least = found if end == "last" and found is not None else unseen.lo
            most = found if end == "first" and found is not None else latest
        return Missing("not covered", frozenset({canonical(node)}), least, most, seen=found is not None)

    def sequence(self, node: tree.Sequence) -> bool:
        """Whether some choice of events fits, found by trying them all."""
        limits = self.limits(node.window)
        if isinstance(limits, Missing):
            return False
        events = [e for e in self.customer.events if e.time <= self.world.as_of]
        fits = [[self.fits(step, event, node.same) for event in events] for step in node.steps]
        refuted: set[tuple[int, int, int]] = set()

        def same(a: int, b: int) -> bool:
            return node.same is None or events[a].read(node.same) == events[b].read(node.same)

        def rest(number: int, first: int, previous: int) -> bool:
            """Whether the steps from `number` on fit, `previous` being the last positive step's event."""
            if number == len(node.steps):
                return True
            if (number, first, previous) in refuted:
                return False
            step, start = node.steps[number], events[previous].time
            length = None if step.within is None else exact_length(step.within)
            nothing = timedelta()
            if step.negated:
                if length is None:
                    raise ValueError("a step with `not` says within what time")
                happened = any(
                    fits[number][i] and same(first, i) and nothing < events[i].time - start <= length for i in range(len(events))
                )
                over = length <= self.world.as_of - start
                found = not happened and over and rest(number + 1, first, previous)
            else:
                found = any(
                    fits[number][i]
                    and same(first, i)
                    and (length is None or events[i].time - start <= length)
                    and rest(number + 1, first, i)
                    for i in range(previous + 1, len(events))
                )
            if not found:
                refuted.add((number, first, previous))
            return found

        return any(fits[0][i] and self.admits(limits, events[i].time) and rest(1, i, i) for i in range(len(events)))

    def fits(self, step: tree.Step, event: Event, same: str | None) -> bool:
        if event.kind != step.event or (same is not None and event.read(same) is None):
            return False
        return step.where is None or truth(self.value(step.where, event)) is True

    # --- accounts

    def of_member(self, member: Customer) -> "Evaluation":
        """The evaluation of another member of the customer's account."""
        return _replace(self, customer=member)

    def members(self, node: tree.Members) -> Result:
        answers: list[Result] = [
            True if node.where is None else self.of_member(member).value(node.where) for member in self.customer.members
        ]
        match node.quantifier:
            case "any":
                return combine(kleene.any_, answers)
            case "all":
                return combine(kleene.all_, answers)
            case "none":
                return negate(combine(kleene.any_, answers))
            case "count":
                self.count_unknown(node, sum(truth(a) is None for a in answers))
                return sum(truth(a) is True for a in answers)
            case _:
                assert_never(node.quantifier)


def is_condition(node: Expr, world: World) -> bool:
    """Whether a node is true, false or unknown."""
    match node:
        case tree.And() | tree.Or() | tree.Not() | tree.WindowTest() | tree.Sequence():
            return True
        case tree.Members(quantifier=quantifier):
            return quantifier != "count"
        case tree.Column(name=name, part=None) if node.type is None and name in world.definitions:
            return is_condition(world.definitions[name], world)
        case _:
            return node.type == BOOLEAN


def settled_by(rows: Rows, end: OneOf["first", "last"] | None, unseen: Instants) -> bool:
    """Whether these rows have the first or last of all among them, whatever else there may be."""
    if end == "first":
        return rows.first is not None and unseen.lo is not None and rows.first < unseen.lo
    return end == "last" and rows.last is not None and unseen.hi is not None and rows.last >= unseen.hi


def range_of(result: Result) -> Range:
    """Between what a value lies."""
    return Range(result.at_least, result.at_most) if isinstance(result, Missing) else Range(result, result)


def nothing(result: Result) -> Truth:
    """Whether a value is missing because nothing happened."""
    return result.nothing if isinstance(result, Missing) else False


def blame(missing: Iterable[Missing]) -> frozenset[str]:
    """The names to blame for any of these."""
    return frozenset().union(*(m.names for m in missing))


def combine(rule: Callable[[Iterable[bool | None]], bool | None], results: Sequence[Result]) -> Result:
    """Kleene's and / or; when unknown, the names of all unknown sides are to blame."""
    found = rule([truth(r) for r in results])
    if found is None:
        return Missing("not recorded", blame(r for r in results if isinstance(r, Missing)))
    return found


def negate(result: Result) -> Result:
    return recorded(result) if isinstance(result, Missing) else not truth(result)


def recorded(missing: Missing) -> Missing:
    """A missing value that has gone through an operation: by then it is only not recorded."""
    return Missing("not recorded", missing.names)


def kept(result: Result, node: tree.Case) -> Result:
    """A branch's result as the result of its `case`: an integer too large for money is missing."""
    if isinstance(result, Missing):
        return recorded(result)
    value = result if node.type is None else settled(result, node.type)
    return Missing("not recorded", frozenset({canonical(node)})) if value is None else value
