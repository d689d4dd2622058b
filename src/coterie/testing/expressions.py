"""Random expressions with a meaning: trees that the check accepts, over given names, by the type that is wanted.

Operators, functions and aggregations are read from their tables, so one added there is drawn here without a change: its
types from `result`, what has to be written out from its vectors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from random import Random

from coterie.core.windows import Ago, Around, Before, Duration, FromTo, Next, Period, Since, Unit, Window, Within, local
from coterie.language import tree
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.functions import LEAVES
from coterie.language.leaves import Leaf
from coterie.language.tree import And, Apply, Case, Column, Expr, Fitted, Literal, Measure, Members, Not, Or, Step, WindowTest
from coterie.language.types import (
    BOOLEAN,
    DATE,
    DURATION,
    FLOAT,
    INTEGER,
    MONEY,
    NUMBERS,
    TEXT,
    TIMES,
    TIMESTAMP,
    Type,
)
from coterie.testing.populations import SIZES, TAGS, Pool, Schema

SCALARS = (INTEGER, MONEY, FLOAT, TEXT, BOOLEAN, DATE, TIMESTAMP)
TYPES = (*SCALARS, DURATION, TAGS, SIZES)

Feature = tuple[str, str]
"""Something that can be drawn on purpose: see `features`."""

Row = Mapping[str, Type]
"""The columns of an event, inside a condition on it."""

CALENDAR: tuple[Unit, ...] = ("day", "week", "month", "quarter", "year")
MEASURE_WINDOWS = (
    *(f"within {u}" for u in ("minute", "hour", *CALENDAR)),
    *(f"ago {u}" for u in ("minute", "hour", *CALENDAR)),
    *(f"this {u}" for u in CALENDAR),
    *(f"last {u}" for u in CALENDAR),
    *("since", "before", "from to", "after a date", "before a date"),
)
"""The kinds of window on events."""
TEST_WINDOWS = (*MEASURE_WINDOWS, *(f"next {u}" for u in ("minute", "hour", *CALENDAR)))
"""The kinds of window that a date can be tested against."""
SHAPES = (
    "then",
    "then within",
    "then then",
    "not last",
    "not in the middle",
    "two nots",
    "same",
    "same and not",
    "one kind",
    "windowed",
)
"""The shapes of sequences."""
QUANTIFIERS = ("any", "all", "none", "count")
STANDINGS = ("percentile", "quantile", "rank")


class Nothing(LookupError):
    """No value of the type wanted can be written with the names at hand."""


def window_kind(window: Window) -> str:
    """The kind of a window as `MEASURE_WINDOWS` and `TEST_WINDOWS` name it."""
    match window:
        case Within(length):
            return f"within {length.unit}"
        case Ago(_, _, unit):
            return f"ago {unit}"
        case Period(which, unit):
            return f"{which} {unit}"
        case Since():
            return "since"
        case Before():
            return "before"
        case FromTo():
            return "from to"
        case Around(_, side, _):
            return f"{side} a date"
        case Next(length):
            return f"next {length.unit}"


def sequence_shapes(node: tree.Sequence) -> set[str]:
    """The shapes that a sequence has."""
    steps = node.steps
    nots = [i for i, s in enumerate(steps) if s.negated]
    out = {"windowed"} if node.window is not None else set()
    if not nots:
        out.add("then within" if any(s.within for s in steps) else "then")
    if len(steps) - len(nots) > 2:
        out.add("then then")
    if nots and nots[-1] == len(steps) - 1:
        out.add("not last")
    if any(i < len(steps) - 1 for i in nots):
        out.add("not in the middle")
    if len(nots) > 1:
        out.add("two nots")
    if node.same is not None:
        out |= {"same", "same and not"} if nots else {"same"}
    if len({s.event for s in steps}) == 1:
        out.add("one kind")
    return out


Signature = tuple[tuple[Type, ...], Type]
_KNOWN: dict[str, tuple[Callable[..., Type | None], tuple[Signature, ...]]] = {}


def signatures(leaf: Leaf) -> tuple[Signature, ...]:
    """What a row takes and gives: (types of the arguments, type of the result), for the types of this module."""
    known = _KNOWN.get(leaf.name)
    if known is None or known[0] is not leaf.result:
        known = _KNOWN[leaf.name] = (leaf.result, _signatures(leaf))
    return known[1]


def _signatures(leaf: Leaf) -> tuple[Signature, ...]:
    arities = sorted({len(v.args) for v in leaf.vectors}) or [1]
    found = []
    for n in arities:
        for types in _combinations(n):
            try:
                result = leaf.result(*types)
            except TypeError:
                continue
            if result is not None and result.kind.value != "duration":
                found.append((types, result))
    return tuple(found)


@cache
def _combinations(n: int) -> tuple[tuple[Type, ...], ...]:
    if n <= 2:
        return tuple(product(TYPES, repeat=n))
    alike = [(t,) * n for t in TYPES]
    lists = [(TAGS, *(TEXT,) * (n - 1)), (SIZES, *(INTEGER,) * (n - 1))]
    return tuple(dict.fromkeys([*alike, *lists, *product(NUMBERS, repeat=n)]))


@dataclass
class Expressions:
    """Draws expressions.

    Attributes:
        rng: where chance comes from.
        schema, pool: the names and the values that cells hold.
        as_of, zone: the question; dates that are written down lie around it.
        columns: the customers' columns by name, definitions included as they are made.
        parts: the parts of those that have some (`value.r`).
    """

    rng: Random
    schema: Schema
    pool: Pool
    as_of: datetime
    zone: str
    columns: dict[str, Type] = field(default_factory=dict)
    parts: dict[str, Mapping[str, Type]] = field(default_factory=dict)

    # --- conditions

    def condition(self, depth: int, row: Row | None = None) -> Expr:
        """A boolean expression at most `depth` levels above its leaves."""
        if depth > 0:
            match self.pick(and_=3, or_=3, not_=2, case=1, leaf=12):
                case "and_":
                    return And(self.sides(depth, row, And))
                case "or_":
                    return Or(self.sides(depth, row, Or))
                case "not_":
                    return Not(self.condition(depth - 1, row))
                case "case":
                    return self.case(BOOLEAN, depth - 1, row)
                case _:
                    pass
        return self.test(depth, row)

    def sides(self, depth: int, row: Row | None, kind: type[And] | type[Or]) -> tuple[Expr, ...]:
        out: list[Expr] = []
        for _ in range(self.rng.choice((2, 2, 3))):
            side = self.condition(depth - 1, row)
            out += side.args if isinstance(side, kind) else [side]
        return tuple(out)

    def test(self, depth: int, row: Row | None = None) -> Expr:
        """A condition without and / or / not on top."""
        if row is not None:
            return self.retry(lambda: self.leaf_test(depth, row) if self.rng.random() < 0.8 else self.window_test(None, depth, row))
        match self.pick(leaf=8, measure=4, end=2, window=3, sequence=2, members=1, fitted=1, column=1):
            case "leaf":
                return self.retry(lambda: self.leaf_test(depth, None))
            case "measure":
                return self.tested(self.measure(self.rng.choice(sorted(AGGREGATIONS)), depth))
            case "end":
                return self.end_test()
            case "window":
                return self.window_test(None, depth)
            case "sequence":
                return self.sequence(self.rng.choice(SHAPES), depth)
            case "members":
                return self.members(self.rng.choice(QUANTIFIERS), depth)
            case "fitted":
                return self.tested(self.standing(self.rng.choice(STANDINGS), depth))
            case _:
                return self.value(BOOLEAN, 0)

    def retry(self, make: Callable[[], Expr]) -> Expr:
        for _ in range(60):
            try:
                return make()
            except Nothing:
                continue
        raise Nothing("after 60 draws")

    def leaf_test(self, depth: int, row: Row | None) -> Expr:
        return self.tested(self.leaf(self.rng.choice(sorted(LEAVES)), depth, row), row)

    def tested(self, pair: tuple[Expr, Type], row: Row | None = None) -> Expr:
        """A condition on a value."""
        value, type_ = pair
        if type_ == BOOLEAN:
            return value
        if type_.of is not None:
            return Apply(self.rng.choice(("has any", "has all")), (value, *self.written_items(Type(type_.of))))
        kind = self.rng.choice((type_, type_, *NUMBERS)) if type_ in NUMBERS else type_
        match self.pick(compare=8, between=2, in_=2, missing=1):
            case "compare":
                op = self.rng.choice(("=", "<", "<=", ">", ">="))
                pair_ = (value, self.beside(kind, row))
                return Apply(op, pair_ if self.rng.random() < 0.8 or not _is_plain(pair_[1]) else pair_[::-1])
            case "between":
                return Apply("between", (value, self.beside(kind, row), self.beside(kind, row)))
            case "in_":
                return Apply("in", (value, *(self.beside(kind, row) for _ in range(self.rng.randrange(1, 4)))))
            case _:
                return Apply(self.rng.choice(("is missing", "is known")), (value,))

    def beside(self, type_: Type, row: Row | None) -> Expr:
        """What a value is compared with: mostly a literal that cells hold too."""
        if self.rng.random() < 0.25:
            found = self.named(type_, row)
            if found is not None:
                return found
        return self.literal(type_, bare=True)

    def written_items(self, type_: Type) -> tuple[Expr, ...]:
        tags: tuple[str | int, ...] = ("a", "b", "é", "vip", "zz") if type_ == TEXT else (1, 2, 3, 100)
        return tuple(Literal(self.rng.choice(tags)) for _ in range(self.rng.randrange(1, 3)))

    # --- values

    def value(self, type_: Type, depth: int, row: Row | None = None) -> Expr:
        """An expression of a type.

        Raises:
            Nothing: for a list where no column holds one.
        """
        kind = self.pick(column=6, literal=1, measure=3 if row is None else 0, leaf=2, case=0.5) if depth > 0 else "column"
        match kind:
            case "leaf":
                ready = [leaf.name for leaf in LEAVES.values() if any(r == type_ for _, r in signatures(leaf))]
                if ready:
                    return self.leaf(self.rng.choice(sorted(ready)), depth, row, wanted=type_)[0]
            case "measure":
                found = self.measure_of(type_, depth)
                if found is not None:
                    return found
            case "case":
                return self.case(type_, depth - 1, row)
            case "literal" if type_.of is None:
                return self.literal(type_)
            case _:
                pass
        named = self.named(type_, row)
        if named is not None:
            return named
        if type_.of is not None:
            raise Nothing(str(type_))
        return self.literal(type_)

    def named(self, type_: Type, row: Row | None) -> Expr | None:
        """A column of a type, at random."""
        if row is not None:
            names = [Column(name) for name, t in row.items() if t == type_]
            if type_ == TIMESTAMP:
                names.append(Column("time"))
            if type_ == TEXT:
                names.append(Column("id"))
        else:
            names = [Column(name) for name, t in self.columns.items() if t == type_]
            names += [Column("account", name) for name, t in self.schema.account.items() if t == type_]
            names += [Column(name, part) for name, parts in self.parts.items() for part, t in parts.items() if t == type_]
        return self.rng.choice(names) if names else None

    def literal(self, type_: Type, *, bare: bool = False) -> Expr:
        """A value written down. `bare`: beside a value of its type, where a text stands for a date or a time."""
        rng = self.rng
        if type_ == DURATION:
            unit: Unit = rng.choice(("minute", "hour", *CALENDAR))
            return Literal(Duration(rng.choice((1, 2, 7, 30, 90, 12_000)), unit))
        if type_ == FLOAT and rng.random() < 0.3:
            return Literal(rng.choice((0, 1, Decimal("0.5"), Decimal("0.00001"), Decimal("40.5"))))
        if type_ == FLOAT:
            exact = rng.choice(self.pool.decimals)
            plain = exact.as_tuple().exponent != 0 and exact != exact.quantize(Decimal("0.0001"))
            return Literal(exact) if plain else Apply("number", (Literal(repr(self.pool.of(FLOAT, rng))),))
        if type_ == INTEGER and rng.random() < 0.5:
            return Literal(rng.randrange(5))
        value = self.pool.of(type_, rng)
        if isinstance(value, datetime):
            if not bare:
                return Apply("as_of")
            return Literal(self.moment(value))
        if isinstance(value, date):
            return Literal(value.isoformat()) if bare else Apply("date", (Literal(value.isoformat()),))
        if isinstance(value, tuple):
            raise Nothing(str(type_))
        return Literal(value)

    def moment(self, value: datetime) -> str:
        """An instant as it is written: with Z, with an offset, or as local time."""
        match self.rng.randrange(3):
            case 0:
                return value.isoformat() + "Z"
            case 1:
                return (value + timedelta(hours=1)).isoformat() + "+01:00"
            case _:
                return local(value, self.zone).isoformat()

    def case(self, type_: Type, depth: int, row: Row | None = None) -> Expr:
        branches = tuple((self.condition(depth, row), self.value(type_, depth, row)) for _ in range(self.rng.randrange(1, 4)))
        otherwise = self.value(type_, depth, row) if self.rng.random() < 0.6 else None
        return Case(branches, otherwise)

    def labels(self, depth: int) -> Expr:
        """A segmentation."""
        n = self.rng.randrange(1, 4)
        branches = tuple((self.condition(depth), Literal(f"label {i}")) for i in range(n))
        return Case(branches, Literal("rest") if self.rng.random() < 0.6 else None)

    def leaf(self, name: str, depth: int, row: Row | None = None, wanted: Type | None = None) -> tuple[Expr, Type]:
        """An operator or function with arguments, and the type of its result."""
        leaf = LEAVES[name]
        ready = [(types, result) for types, result in signatures(leaf) if wanted is None or result == wanted]
        if not ready:
            raise Nothing(name)
        types, result = self.rng.choice(ready)
        args = [None if i in leaf.literal else self.argument(leaf, i, t, types, depth - 1, row) for i, t in enumerate(types)]
        if leaf.literal:
            self.write_out(leaf, args)
        return Apply(name, tuple(a for a in args if a is not None)), result

    def argument(self, leaf: Leaf, i: int, type_: Type, types: Sequence[Type], depth: int, row: Row | None) -> Expr:
        if type_ == DURATION:
            return self.literal(type_)
        if leaf.shape in ("in", "has", "between", "comparison") and i > 0:
            return self.beside(type_, row)
        return self.value(type_, depth, row)

    def write_out(self, leaf: Leaf, args: list[Expr | None]) -> None:
        """Fill the places that must be literals, as one of the row's vectors has them."""
        if leaf.name == "in_list":
            args[0] = Literal(self.rng.choice(self.schema.lists))
            return
        places = [i for i in leaf.literal if i < len(args)]
        fitting = [v for v in leaf.vectors if len(v.args) == len(args) and all(v.args[i] is not None for i in places)]
        chosen = self.rng.choice(fitting)
        for i in places:
            given = chosen.args[i]
            if given is None or isinstance(given, tuple):
                raise Nothing(leaf.name)
            if isinstance(given, float):
                given = Decimal(repr(given))
            args[i] = Literal(given)

    # --- what customers did

    def measure_of(self, type_: Type, depth: int) -> Expr | None:
        """A measure whose value has this type."""
        for _ in range(8):
            found, result = self.measure(self.rng.choice(sorted(AGGREGATIONS)), depth - 1)
            if result == type_:
                return found
        return None

    def measure(self, name: str, depth: int, window: Window | None = None, column: Type | None = None) -> tuple[Expr, Type]:
        """A measure by its aggregation, and the type of its value.

        Args:
            window: its window; None draws one, or none.
            column: the type of its column; None draws any that fits.
        """
        rng, aggregation = self.rng, AGGREGATIONS[name]
        event = rng.choice(list(self.schema.events))
        row = self.schema.events[event]
        ready = [
            (c, r)
            for c, t in (*row.items(), ("time", TIMESTAMP), ("id", TEXT))
            if (r := aggregation.result(t)) and column in (None, t)
        ]
        chosen: str | None = None
        result = aggregation.result(None) if aggregation.column != "required" else None
        if aggregation.column == "required" or (aggregation.column == "optional" and rng.random() < 0.3):
            if not ready:
                raise Nothing(name)
            chosen, result = rng.choice(ready)
        where = self.condition(min(depth, 1), row) if name == "share" or rng.random() < 0.4 else None
        if window is None and rng.random() < 0.5:
            window = self.window(rng.choice(MEASURE_WINDOWS))
        assert result is not None
        return Measure(name, event, chosen, where, window), result

    def end(self) -> Measure:
        """When something was first or last done."""
        rng, event = self.rng, self.rng.choice(list(self.schema.events))
        where = self.condition(0, self.schema.events[event]) if rng.random() < 0.3 else None
        window = self.window(rng.choice(MEASURE_WINDOWS)) if rng.random() < 0.2 else None
        return Measure(rng.choice(("last", "last", "first", "max", "min")), event, "time", where, window)

    def end_test(self) -> Expr:
        """A condition on when something was first or last done: in a window, beside an instant or a day, so many days ago."""
        value = self.end()
        match self.pick(window=4, instant=1, day=2, days=1):
            case "window":
                window = self.window(self.rng.choice(TEST_WINDOWS))
                return self.tested((value, TIMESTAMP)) if window is None else WindowTest(value, window)
            case "instant":
                return self.tested((value, TIMESTAMP))
            case "day":
                return self.tested((Apply("date", (value,)), DATE))
            case _:
                return self.tested((Apply("days_since", (value,)), INTEGER))

    def window(self, kind: str, *, row: Row | None = None) -> Window | None:
        """A window of a kind of `TEST_WINDOWS`; None where it stands around a date and there is none."""
        rng = self.rng
        first, _, unit = kind.partition(" ")
        if kind in ("after a date", "before a date"):
            anchors = [name for name, t in self.columns.items() if t in TIMES]
            if not anchors or row is not None:
                return None
            length = Duration(rng.choice((1, 2, 7, 30, 90)), rng.choice(("day", "day", "week", "month", "quarter", "year")))
            side = "after" if first == "after" else "before"
            return Around(length, side, rng.choice(anchors))  # type: ignore[arg-type]
        if kind in ("since", "before", "from to"):
            a, b = (self.day() for _ in range(2))
            if kind != "from to":
                return Since(a) if kind == "since" else Before(a)
            return FromTo(min(a, b), max(a, b)) if a != b else FromTo(a, a + timedelta(days=1)) if a < date.max else None
        n = rng.choice({"minute": (1, 30, 90), "hour": (1, 24, 72), "day": (1, 2, 7, 30, 90)}.get(unit, (1, 1, 2, 6)))
        match first:
            case "within":
                return Within(Duration(n, unit))  # type: ignore[arg-type]
            case "next":
                return Next(Duration(n, unit))  # type: ignore[arg-type]
            case "ago":
                return Ago(n + rng.choice((1, 3, n)), n, unit)  # type: ignore[arg-type]
            case _:
                return Period(first, unit)  # type: ignore[arg-type]

    def day(self) -> date:
        value = self.pool.of(DATE, self.rng)
        assert isinstance(value, date)
        return value

    def window_test(self, kind: str | None, depth: int, row: Row | None = None) -> Expr:
        """A date or time tested against a window."""
        if kind is None:
            kind = self.rng.choice([k for k in TEST_WINDOWS if row is None or not k.endswith("a date")])
        exact = kind.rpartition(" ")[2] in ("minute", "hour")
        type_ = TIMESTAMP if exact else self.rng.choice((DATE, TIMESTAMP))
        window = self.window(kind, row=row)
        if window is None:
            raise Nothing(kind)
        return WindowTest(self.value(type_, min(depth, 1), row), window)

    def sequence(self, shape: str, depth: int) -> Expr:
        """A sequence of a shape of `SHAPES`."""
        rng = self.rng
        kinds = list(self.schema.events)
        if shape == "one kind":
            kinds = [rng.choice(kinds)]

        def step(negated: bool = False, within: bool | None = None) -> Step:
            event = rng.choice(kinds)
            where = self.condition(min(depth, 1), self.schema.events[event]) if rng.random() < 0.3 else None
            timed = negated or (rng.random() < 0.5 if within is None else within)
            units: tuple[Unit, ...] = ("minute", "hour", "hour", "day", "day", "week")
            length = Duration(rng.choice((1, 2, 3, 5, 24, 60)), rng.choice(units))
            return Step(event, where, length if timed else None, negated)

        first = step(within=False)
        steps: list[Step]
        match shape:
            case "then":
                steps = [first, step(within=False)]
            case "then within":
                steps = [first, step(within=True)]
            case "then then":
                steps = [first, step(), step()]
            case "not last":
                steps = [first, *([step()] if rng.random() < 0.3 else []), step(negated=True)]
            case "not in the middle":
                steps = [first, step(negated=True), step()]
            case "two nots":
                steps = [first, step(negated=True), step(), step(negated=True)]
            case "same and not":
                steps = [first, step(negated=True), *([step()] if rng.random() < 0.5 else [])]
            case _:
                steps = [first, *(step() for _ in range(rng.randrange(1, 3)))]
        same = self.shared([s.event for s in steps]) if shape.startswith("same") or rng.random() < 0.15 else None
        window = self.window(rng.choice(MEASURE_WINDOWS)) if shape == "windowed" or rng.random() < 0.3 else None
        return tree.Sequence(tuple(steps), same, window)

    def shared(self, kinds: Sequence[str]) -> str | None:
        """A column that all these kinds of event have."""
        rows = [self.schema.events[k] for k in kinds]
        names = [n for n, t in rows[0].items() if t.of is None and all(r.get(n) == t for r in rows)]
        return self.rng.choice(names) if names else None

    def members(self, quantifier: str, depth: int) -> Expr:
        where = self.condition(min(depth, 1)) if quantifier != "count" or self.rng.random() < 0.7 else None
        node = Members(quantifier, where)  # type: ignore[arg-type]
        return self.tested((node, INTEGER)) if quantifier == "count" else node

    def standing(self, function: str, depth: int, by: bool | None = None) -> tuple[Expr, Type]:
        """Where a customer stands among all, and the type of that."""
        type_ = self.rng.choice((*NUMBERS, DATE, TIMESTAMP))
        args: tuple[Expr, ...] = (self.outside(lambda: self.value(type_, min(depth, 1))),)
        if function == "quantile":
            args = (*args, Literal(self.rng.choice((2, 3, 5, 10))))
        grouped = self.rng.random() < 0.3 if by is None else by
        names = [n for n, t in self.columns.items() if t in (TEXT, BOOLEAN, INTEGER)]
        group = Column(self.rng.choice(names)) if grouped and names else None
        return Fitted(function, args, group), FLOAT if function == "percentile" else INTEGER

    def outside(self, make: Callable[[], Expr]) -> Expr:
        """A value without a fitted call in it."""
        for _ in range(20):
            found = make()
            if not any(isinstance(n, Fitted) for n in tree.walk(found)):
                return found
        raise Nothing("a value without a fitted call")

    def rfm(self) -> tuple[Expr, dict[str, Type]]:
        """A segmentation by recency, frequency and monetary value, and its parts."""
        event = self.rng.choice(list(self.schema.events))
        row = self.schema.events[event]
        times = ["time", *(n for n, t in row.items() if t == TIMESTAMP)]
        amounts = [n for n, t in row.items() if t in NUMBERS]
        if not amounts:
            raise Nothing("an amount")
        amount = self.rng.choice(amounts)
        time = "time" if self.rng.random() < 0.8 else self.rng.choice(times)
        parts = dict.fromkeys(("r", "f", "m", "recency", "frequency"), INTEGER) | {"monetary": row[amount], "score": TEXT}
        return Fitted("rfm", (Column(event, time), Column(event, amount))), parts

    # --- on purpose

    def about(self, feature: Feature, depth: int) -> Expr:
        """A condition that has a feature: ("leaf", name), ("aggregation", name), ("window", kind), ("window test", kind),
        ("sequence", shape), ("members", quantifier), ("fitted", function), ("fitted by", function)."""
        kind, name = feature
        match kind:
            case "leaf":
                found = self.tested(self.leaf(name, depth))
                return found if self.rng.random() < 0.7 else Not(found)
            case "aggregation":
                return self.tested(self.measure(name, depth))
            case "window":
                window = self.window(name)
                if self.rng.random() < 0.4:
                    return Measure("exists", self.rng.choice(list(self.schema.events)), None, None, window)
                aggregation = self.rng.choice(("count", "exists", "sum", "last", "max"))
                return self.tested(self.measure(aggregation, depth, window))
            case "window test":
                found = self.window_test(name, depth)
                return found if self.rng.random() < 0.7 else Not(found)
            case "sequence":
                return self.sequence(name, depth)
            case "members":
                return self.members(name, depth)
            case "fitted" | "fitted by":
                return self.tested(self.standing(name, depth, by=kind == "fitted by"))
            case _:
                raise ValueError(f"no feature {feature}")

    def pick(self, **weights: float) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]


def _is_plain(node: Expr) -> bool:
    return isinstance(node, Literal | Column)


def features() -> list[Feature]:
    """Everything that `Expressions.about` can be asked for: the open tables and the closed lists of this module."""
    return [
        *(("leaf", name) for name in LEAVES),
        *(("aggregation", name) for name in AGGREGATIONS),
        *(("window", kind) for kind in MEASURE_WINDOWS),
        *(("window test", kind) for kind in TEST_WINDOWS),
        *(("sequence", shape) for shape in SHAPES),
        *(("members", quantifier) for quantifier in QUANTIFIERS),
        *(("fitted", name) for name in STANDINGS),
        *(("fitted by", name) for name in STANDINGS),
    ]
