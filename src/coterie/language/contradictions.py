"""Whether conditions can hold together, for whatever customer and at whatever instant.

Each condition is asked to be true or to be false; unknown is neither, so what is asked of `and`, `or` and `not` are the
same questions of their parts (a semantic tableau). What is asked of a comparison, a window or a measure narrows what its
operand may be (`possible.py`); conditions exclude each other when nothing is left. Every step is only ever something that
follows, so "these exclude each other" is certain; a rule too large to be looked through is taken to be possible.

A source that does not know all answers only what holds however much it has not seen, so also where that is nothing: what
follows from its answers is drawn as if it had seen all, except from a value that is missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from math import inf, nextafter

from coterie.core.windows import Around, Before, FromTo, Since, Window
from coterie.language import nested, possible
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.fitted import FITTED
from coterie.language.format import format as canonical
from coterie.language.functions import LEAVES
from coterie.language.functions.customers import BITS
from coterie.language.leaves import Context, Leaf, instant
from coterie.language.nested import Ends, ends, inside, never_meet, reaches_now
from coterie.language.possible import Point, Possible, of_type
from coterie.language.scope import EventInfo
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    Expr,
    Fitted,
    Literal,
    Measure,
    Members,
    Not,
    Or,
    WindowTest,
    children,
    typed,
)
from coterie.language.tree import (
    Sequence as Steps,
)
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, NUMBERS, TEXT, Type, Value

Asked = tuple[Expr, bool]
"""A condition, and whether it is asked to be true or to be false."""

STEPS = 4_000
"""So many conditions are looked at before a rule counts as possible."""
DEEPEST = 100
"""So many choices are made one after the other."""
MOST_ROWS = 60
"""So many sets of events of one kind are compared with each other."""

MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
UNTIL_NOW = Ends(None, nested.End("today", "minute", 0))
ANYWHERE = Context(instant("2026-01-01"), "UTC")
"""For functions whose result does not depend on the question."""


@dataclass(frozen=True, slots=True)
class Names:
    """What names stand for.

    Attributes:
        definitions: checked trees of traits, segments and segmentations.
        events: the kinds of event.
        row: whether names are columns of an event (inside a `where`), not of the customer.
    """

    definitions: Mapping[str, Expr] = field(default_factory=dict)
    events: Mapping[str, EventInfo] = field(default_factory=dict)
    row: bool = False

    @property
    def of_row(self) -> "Names":
        return replace(self, row=True)


def exclude(asked: Sequence[Asked], names: Names) -> bool:
    """Whether it is certain that conditions never are as they are asked to be, all together."""
    try:
        return not _Tableau(names).open(list(asked), [], _Facts())
    except _TooMuch:
        return False


class _Closed(Exception):
    """Nothing is left for an operand."""


class _TooMuch(Exception):
    """The rule is larger than what is looked through."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """What is left of an operand's values, asked beside conditions; a missing operand does."""

    operand: Expr
    narrow: Callable[[Possible], Possible]


Goal = Asked | _Limit
Branch = tuple[Goal, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """A set of one customer's events: of a kind, with a known column, for which conditions are true, in a window."""

    event: str
    column: str | None
    where: frozenset[str]
    within: Ends

    def part_of(self, other: "_Rows") -> bool:
        return (
            self.event == other.event
            and other.column in (None, self.column)
            and other.where <= self.where
            and inside(self.within, other.within, seen=True)
        )


@dataclass
class _Facts:
    """What has been found so far."""

    values: dict[str, Possible] = field(default_factory=dict)
    tests: dict[str, tuple[tuple[Apply, bool], ...]] = field(default_factory=dict)
    windows: dict[str, tuple[tuple[Ends, bool], ...]] = field(default_factory=dict)
    rows: dict[_Rows, Possible] = field(default_factory=dict)

    def copy(self) -> "_Facts":
        return _Facts(dict(self.values), dict(self.tests), dict(self.windows), dict(self.rows))


class _Tableau:
    def __init__(self, names: Names):
        self.names = names
        self.steps = self.depth = 0
        self.never: dict[tuple[str, str], bool] = {}

    # --- the search -----------------------------------------------------------------------------------------------------

    def open(self, goals: list[Goal], choices: list[list[Branch]], facts: _Facts) -> bool:
        """Whether everything asked may hold at once, one branch of each choice."""
        try:
            while goals:
                self.steps += 1
                if self.steps > STEPS:
                    raise _TooMuch
                choice = self.ask(goals.pop(), goals, facts)
                if choice is not None:
                    choices.append(choice)
        except _Closed:
            return False
        if not choices:
            return True
        first, *others = sorted(choices, key=len)
        self.depth += 1
        if self.depth > DEEPEST:
            raise _TooMuch
        found = any(self.open(list(branch), list(others), facts.copy()) for branch in first)
        self.depth -= 1
        return found

    def ask(self, goal: Goal, goals: list[Goal], facts: _Facts) -> list[Branch] | None:
        """Note what follows from one goal; returns the branches where there is a choice."""
        if isinstance(goal, _Limit):
            self.limit(goal.operand, goal.narrow, facts)
            return None
        node, sign = goal
        match node:
            case Literal(value=value):
                if value is not sign:
                    raise _Closed
            case Not(arg=arg):
                goals.append((arg, not sign))
            case And(args=args) | Or(args=args):
                if isinstance(node, And) == sign:
                    goals += [(a, sign) for a in args]
                else:
                    return [((a, sign),) for a in args]
            case Column():
                found = self.resolved(node)
                self.valued(found, facts, lambda p: p.among(frozenset([sign])))
                if found is not node and not isinstance(found, Fitted):
                    goals.append((found, sign))
            case Case():
                return [(*when, (then, sign)) for when, then in branches(node)]
            case Apply():
                return self.apply(node, sign, goals, facts)
            case Measure(aggregation="exists"):
                some = (lambda p: p.at_least(1)) if sign else (lambda p: p.at_most(0))
                self.count(self.rows_of(node), some, facts, node.where)
            case Measure():
                self.known(node, facts)
                self.valued(node, facts, lambda p: p.among(frozenset([sign])))
            case WindowTest():
                return self.window_test(node, sign, facts)
            case Steps(steps=steps, window=window):
                self.valued(node, facts, lambda p: p.among(frozenset([sign])))
                for i, step in enumerate(steps):
                    if sign and not step.negated:
                        rows = _Rows(step.event, None, conjuncts(step.where), ends(window if i == 0 else None))
                        self.count(rows, lambda p: p.at_least(1), facts, step.where)
            case Members(quantifier=quantifier, where=where):
                self.valued(node, facts, lambda p: p.among(frozenset([sign])))
                if where is not None and (quantifier, sign) in (("any", True), ("none", False)) and self.is_never(where):
                    raise _Closed
            case _:
                self.valued(node, facts, lambda p: p.among(frozenset([sign])))
        return None

    def is_never(self, where: Expr, event: str = "") -> bool:
        """Whether a condition on another customer, or on an event of a kind, can never be true."""
        key = event, canonical(where)
        if key not in self.never:
            inner = _Tableau(self.names.of_row if event else self.names)
            inner.steps = self.steps
            self.never[key] = not inner.open([(where, True)], [], _Facts())
            self.steps = inner.steps
        return self.never[key]

    # --- operands -------------------------------------------------------------------------------------------------------

    def resolved(self, node: Expr) -> Expr:
        """What a name stands for, through other names and within calculations; a fitted value stays under its name."""
        while isinstance(node, Column) and not self.names.row and node.part is None and node.name in self.names.definitions:
            found = self.names.definitions[node.name]
            if isinstance(found, Fitted):
                return node
            node = found
        return replace(node, args=tuple(self.resolved(a) for a in node.args)) if isinstance(node, Apply) else node

    def fit(self, node: Expr) -> tuple[Fitted, str] | None:
        """The fitted call and the part of it that a column is."""
        if isinstance(node, Fitted):
            return node, ""
        if not isinstance(node, Column) or self.names.row:
            return None
        found: Expr | None = node
        while isinstance(found, Column) and found.name in self.names.definitions:
            found = self.names.definitions[found.name]
        return (found, node.part or "") if isinstance(found, Fitted) else None

    def possible(self, operand: Expr) -> Possible:
        """All that an operand may be before anything is asked of it."""
        type_ = typed(operand)
        start = of_type(type_)
        least, most = gives(operand)
        if least is not None:
            start = start.at_least(Fraction(least))
        if most is not None:
            start = start.at_most(Fraction(most))
        if not self.may_be_missing(operand):
            start = start.known()
        match operand:
            case Case():
                results = [then for _, then in branches(operand)]
                if all(isinstance(r, Literal) and typed(r) == type_ for r in results):
                    start = start.among(frozenset(possible.point(r.value, type_) for r in results if isinstance(r, Literal)))
            case Fitted() | Column():
                found = self.fit(operand)
                if found is not None:
                    start = self.learned(*found, start)
            case Apply(op="days_since", args=(arg,)) if self.is_event_time(arg):
                start = start.at_least(Fraction(0))
            case _:
                pass
        return start

    def learned(self, call: Fitted, part: str, start: Possible) -> Possible:
        values = FITTED[call.function].values(call, part)
        if values is None:
            return start
        if isinstance(values, frozenset):
            return start.among(values)
        low, high, open_ = values
        start = start if low is None else start.at_least(Fraction(low), above=open_)
        return start if high is None else start.at_most(Fraction(high), below=open_)

    def may_be_missing(self, operand: Expr) -> bool:
        match operand:
            case Measure(aggregation=name, event=event, window=window):
                sure = name in ("count", "exists", "distinct") and not self.partial(event)
                return not sure or isinstance(window, Around)
            case Members(quantifier="count") | Literal() | Steps():
                return False
            case Column(name="time" | "id", part=None) if self.names.row:
                return False
            case Apply(op="coalesce", args=args):
                return len({typed(a) for a in args}) > 1 or self.may_be_missing(self.resolved(args[-1]))
            case Apply(op=op):
                return op not in ("as_of", "sample", "in_list", "is missing", "is known")
            case _:
                return True

    def partial(self, event: str) -> bool:
        info = self.names.events.get(event)
        return info is None or info.partial

    def may_know_more(self, node: Expr) -> bool:
        """Whether a value may be missing and be compared all the same: what is measured of a source that does not know all."""
        node = self.resolved(node)
        if isinstance(node, Measure):
            return self.partial(node.event)
        return any(self.may_know_more(c) for c in children(node))

    def valued(
        self, operand: Expr, facts: _Facts, narrow: Callable[[Possible], Possible], *, known: bool = True, key: str = ""
    ) -> Possible:
        """Narrow what an operand may be."""
        key = key or canonical(operand)
        before = facts.values.get(key)
        if before is None:
            before = self.possible(operand)
        after = narrow(before)
        if known:
            after = after.known()
        facts.values[key] = after
        self.left(key, operand, after, facts)
        return after

    def left(self, key: str, operand: Expr, after: Possible, facts: _Facts) -> None:
        """Close where neither a value nor missing is left, looking at listed values one by one."""
        if after.missing:
            return
        values = after.listed()
        if values is None:
            return
        if not any(self.passes(operand, v, facts.tests.get(key, ())) for v in values):
            raise _Closed

    def passes(self, operand: Expr, at: Point, tests: Iterable[tuple[Apply, bool]]) -> bool:
        type_ = typed(operand)
        value = possible.value_at(at, type_)
        if isinstance(operand, Apply) and type_ in (TEXT, DATE):
            leaf = LEAVES[operand.op]
            others = [a.value for a in operand.args[:-1] if isinstance(a, Literal)]
            if leaf.settles and len(others) == len(operand.args) - 1:
                given = (ANYWHERE,) if leaf.context else ()
                if leaf.python(*given, *others, value) != value:
                    return False
        for test, sign in tests:
            rest = [a.value for a in test.args[1:] if isinstance(a, Literal)]
            if LEAVES[test.op].python(value, *rest) is not sign:
                return False
        return True

    def limit(self, operand: Expr, narrow: Callable[[Possible], Possible], facts: _Facts, *, known: bool = False) -> None:
        """Narrow the values of an operand and what follows for others."""
        operand = self.resolved(operand)
        if known:
            self.known(operand, facts)
        if isinstance(operand, Measure) and operand.aggregation == "count":
            self.count(self.rows_of(operand), narrow, facts, operand.where)
            return
        after = self.valued(operand, facts, narrow, known=known)
        match operand:
            case Measure(aggregation="distinct") if known:
                rows = self.rows_of(operand)
                least, most = after.least, after.greatest
                if least is not None and least >= 1:
                    self.count(rows, lambda p: p.at_least(least), facts, operand.where)
                if most is not None and most <= 0:
                    self.count(rows, lambda p: p.at_most(0), facts, operand.where)
            case Measure(aggregation="sum") if known and not after.holds(Fraction(0)):
                self.count(self.rows_of(operand), lambda p: p.at_least(1), facts, operand.where)
            case Apply(op="days_since", args=(arg,)) if known:
                self.days_since(arg, after, facts)
            case _:
                pass

    def days_since(self, arg: Expr, after: Possible, facts: _Facts) -> None:
        """What the days since the last event say of the events in the last days."""
        if not isinstance(arg, Measure) or not is_last_time(arg):
            return
        all_ = self.rows_of(arg)
        least, most = after.least, after.greatest
        if most is not None and most < 10**6:
            lately = replace(all_, within=Ends(nested.End("today", "day", -int(most)), nested.TOMORROW))
            self.count(lately, lambda p: p.at_least(1), facts, arg.where)
        if least is not None and 1 <= least < 10**6:
            lately = replace(all_, within=Ends(nested.End("today", "day", 1 - int(least)), nested.TOMORROW))
            self.count(lately, lambda p: p.at_most(0), facts, arg.where)

    def known(self, operand: Expr, facts: _Facts) -> None:
        """What follows from a value that is known: its arguments are, the events that it is of happened."""
        operand = self.resolved(operand)
        match operand:
            case Literal() | And() | Or() | Not():
                return
            case Measure(aggregation=name, where=where) if AGGREGATIONS[name].nothing:
                self.valued(operand, facts, lambda p: p)
                if name != "share":
                    self.count(self.rows_of(operand), lambda p: p.at_least(1), facts, where)
            case Measure(aggregation="count" | "exists"):
                return
            case Apply(op=op, args=args):
                self.valued(operand, facts, lambda p: p)
                if LEAVES[op].strict:
                    for arg in args:
                        self.known(arg, facts)
            case _:
                self.valued(operand, facts, lambda p: p)

    # --- events ---------------------------------------------------------------------------------------------------------

    def rows_of(self, node: Measure) -> _Rows:
        """The events that a measure looks at. Every event has a time and an id."""
        column = None if node.column in ("time", "id") else node.column
        return _Rows(node.event, column, conjuncts(node.where), ends(node.window))

    def count(self, rows: _Rows, narrow: Callable[[Possible], Possible], facts: _Facts, where: Expr | None = None) -> None:
        """Narrow how many events of a set there are, and hold it against the sets that it is part of."""
        before = facts.rows.get(rows)
        if before is None:
            before = Possible(missing=False, low=Fraction(0), step=Fraction(1))
            if where is not None and self.is_never(where, rows.event):
                before = before.at_most(Fraction(0))
        after = facts.rows[rows] = narrow(before)
        if after.impossible:
            raise _Closed
        alike = [(r, p) for r, p in facts.rows.items() if r.event == rows.event]
        if len(alike) > MOST_ROWS:
            raise _TooMuch
        for other, left in alike:
            if other == rows:
                continue
            small, large = (after, left), (left, after)
            for a, b, (few, many) in ((rows, other, small), (other, rows, large)):
                if few.least is not None and many.greatest is not None and few.least > many.greatest and a.part_of(b):
                    raise _Closed

    # --- operators ------------------------------------------------------------------------------------------------------

    def apply(self, node: Apply, sign: bool, goals: list[Goal], facts: _Facts) -> list[Branch] | None:
        leaf = LEAVES[node.op]
        args = tuple(self.folded(self.resolved(a)) for a in node.args)
        if all(isinstance(a, Literal) for a in args) and not leaf.context and leaf.name not in ("is missing", "is known"):
            if worked_out(leaf, args) is not sign:
                raise _Closed
            return None
        cases = self.through_case(node, args, sign)
        if cases is not None:
            self.compared(node, args, sign, goals, facts)
            return cases
        return self.compared(node, args, sign, goals, facts)

    def folded(self, node: Expr) -> Expr:
        """A calculation with written values as its value."""
        if not isinstance(node, Apply) or node.op in ("is missing", "is known"):
            return node
        leaf = LEAVES[node.op]
        args = tuple(self.folded(a) for a in node.args)
        if leaf.context or not args or not all(isinstance(a, Literal) for a in args):
            return node
        value = worked_out(leaf, args)
        exact = isinstance(value, int | Decimal | str | bool)
        return Literal(value, span=node.span, type=node.type) if exact else node  # type: ignore[arg-type]

    def through_case(self, node: Apply, args: tuple[Expr, ...], sign: bool) -> list[Branch] | None:
        """A comparison with a `case` or a segmentation, by its branches."""
        first, rest = args[0], args[1:]
        if not isinstance(first, Case) or node.op in ("is missing", "is known", "coalesce"):
            return None
        if not all(isinstance(a, Literal) for a in rest):
            return None
        found: list[Branch] = []
        for when, then in branches(first):
            if typed(then) != typed(first):
                return None
            found.append((*when, (replace(node, args=(then, *rest)), sign)))
        return found

    def compared(self, node: Apply, args: tuple[Expr, ...], sign: bool, goals: list[Goal], facts: _Facts) -> list[Branch] | None:
        op = node.op
        floats = any(typed(a) == FLOAT for a in args)
        mixed = floats and typed(args[0]) in NUMBERS and typed(args[0]) != FLOAT
        match op:
            case "=" | "<" | "<=" | ">" | ">=":
                return self.comparison(op, args[0], args[1], sign, goals, facts)
            case "between" if not mixed:
                low = Apply("<=", (args[1], args[0]), span=node.span, type=BOOLEAN)
                high = Apply("<=", (args[0], args[2]), span=node.span, type=BOOLEAN)
                if not sign:
                    return [((low, False),), ((high, False),)]
                goals += [(low, True), (high, True)]
            case "in" if not mixed and not floats and all(isinstance(a, Literal) for a in args[1:]):
                type_ = typed(args[0])
                points = frozenset(possible.point(a.value, type_) for a in args[1:] if isinstance(a, Literal))
                self.limit(args[0], lambda p: p.among(points) if sign else p.without(points), facts, known=True)
            case "in" if not mixed:
                items = [Apply("=", (args[0], a), span=node.span, type=BOOLEAN) for a in args[1:]]
                if sign:
                    return [((i, True),) for i in items]
                goals += [(i, False) for i in items]
            case "has any" | "has all" if len(args) > 2:
                items = [Apply("has any", (args[0], a), span=node.span, type=BOOLEAN) for a in args[1:]]
                if (op == "has any") == sign:
                    return [((i, sign),) for i in items]
                goals += [(i, sign) for i in items]
            case "has any" | "has all":
                one = Apply("has any", args, type=BOOLEAN)
                self.known(args[0], facts)
                self.valued(one, facts, lambda p: p.among(frozenset([sign])))
            case "is missing" | "is known":
                self.missing(args[0], sign == (op == "is missing"), facts)
            case "sample" if isinstance(args[0], Literal) and isinstance(args[1], Literal):
                self.sample(args[0], args[1], sign, facts)
            case _:
                self.tested(node, args, sign, facts)
                if op == "starts with" and isinstance(args[1], Literal) and typed(args[0]) == TEXT:
                    return self.prefix(args[0], str(args[1].value), sign, facts)
        return None

    def comparison(self, op: str, a: Expr, b: Expr, sign: bool, goals: list[Goal], facts: _Facts) -> list[Branch] | None:
        if isinstance(a, Literal):
            a, b, op = b, a, MIRRORED[op]
        if isinstance(b, Literal):
            if isinstance(b.value, bool):
                goals.append((a, b.value is sign))
                return None
            self.limit(a, against(op, b, typed(a), sign), facts, known=True)
            return None
        self.known(a, facts)
        self.known(b, facts)
        first, second = canonical(a), canonical(b)
        if first > second:
            a, b, first, second, op = b, a, second, first, MIRRORED[op]
        holding = {"=": {0}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}[op]
        signs = frozenset(holding if sign else {-1, 0, 1} - holding)
        start = Possible(missing=False, only=frozenset([0]) if first == second else frozenset([-1, 0, 1]))
        if isinstance(a, Measure) and isinstance(b, Measure) and a.aggregation == b.aggregation == "count":
            if self.rows_of(a).part_of(self.rows_of(b)):
                start = start.without(frozenset([1]))
            if self.rows_of(b).part_of(self.rows_of(a)):
                start = start.without(frozenset([-1]))
        key = f"{first}\0{second}"
        after = facts.values[key] = facts.values.get(key, start).among(signs)
        if after.impossible:
            raise _Closed
        return None

    def tested(self, node: Apply, args: tuple[Expr, ...], sign: bool, facts: _Facts) -> None:
        """A condition of its own, such as `contains`: noted, and asked of each value where those are listed."""
        leaf = LEAVES[node.op]
        plain = replace(node, args=args)
        self.valued(plain, facts, lambda p: p.among(frozenset([sign])))
        if not leaf.strict:
            return
        for arg in args:
            self.known(arg, facts)
        if (
            args
            and typed(args[0]) == TEXT
            and not leaf.context
            and not isinstance(args[0], Literal)
            and all(isinstance(a, Literal) for a in args[1:])
        ):
            key = canonical(args[0])
            facts.tests[key] = (*facts.tests.get(key, ()), (plain, sign))
            self.valued(args[0], facts, lambda p: p)

    def prefix(self, operand: Expr, start: str, sign: bool, facts: _Facts) -> list[Branch] | None:
        """Texts that start alike lie together."""
        if not start:
            if not sign:
                raise _Closed
            return None
        last = ord(start[-1])
        after = None if last >= 0x10FFFF else start[:-1] + chr(last + 1)
        if sign:
            self.limit(operand, lambda p: p.at_least(start), facts)
            if after is not None:
                self.limit(operand, lambda p: p.at_most(after, below=True), facts)
            return None
        lower = _Limit(operand, lambda p: p.at_most(start, below=True))
        if after is None:
            return [(lower,)]
        return [(lower,), (_Limit(operand, lambda p: p.at_least(after)),)]

    def missing(self, operand: Expr, sign: bool, facts: _Facts) -> None:
        if not sign:
            self.known(operand, facts)
            return
        if isinstance(operand, Literal) or (not self.may_be_missing(operand) and not self.may_know_more(operand)):
            raise _Closed
        if self.may_know_more(operand):
            return
        self.valued(operand, facts, lambda p: p.among(frozenset()), known=False)
        if isinstance(operand, Measure) and not isinstance(operand.window, Around):
            aggregation = AGGREGATIONS[operand.aggregation]
            overflows = operand.aggregation in ("sum", "avg")
            if aggregation.nothing and operand.aggregation != "share" and not overflows:
                self.count(self.rows_of(operand), lambda p: p.at_most(0), facts, operand.where)

    def sample(self, part: Literal, salt: Literal, sign: bool, facts: _Facts) -> None:
        """Samples of one name lie within each other: a customer has one place in all."""
        most = int(Decimal(str(part.value)) * 2**BITS)
        key = f"\0sample {salt.value}"
        start = Possible(missing=False, low=Fraction(0), high=Fraction(2**BITS - 1), step=Fraction(1))
        before = facts.values.get(key, start)
        after = before.at_most(Fraction(most), below=True) if sign else before.at_least(Fraction(most))
        facts.values[key] = after
        if after.impossible:
            raise _Closed

    # --- windows --------------------------------------------------------------------------------------------------------

    def window_test(self, node: WindowTest, sign: bool, facts: _Facts) -> list[Branch] | None:
        operand, window = self.resolved(node.value), node.window
        here = ends(window)
        if isinstance(operand, Literal | Case):
            self.valued(replace(node, value=operand), facts, lambda p: p.among(frozenset([sign])))
            return None
        happened = self.is_event_time(operand)
        key = canonical(operand)
        until_now = ((UNTIL_NOW, True),) if happened and sign else ()
        tests = facts.windows[key] = (*facts.windows.get(key, ()), *until_now, (here, sign))
        if excluded(tests, happened):
            raise _Closed
        if sign or not isinstance(operand, Measure):
            self.known(operand, facts)  # only of what never happened a window is false and the time missing
        self.of_events(operand, window, sign, facts)
        if isinstance(window, Since | Before | FromTo):
            day = operand if typed(operand) == DATE else Apply("date", (operand,), type=DATE)
            return self.between_days(day, here, sign, facts)
        return self.days_away(operand, here, sign, happened, facts)

    def is_event_time(self, operand: Expr) -> bool:
        """Whether a value is the time of something that happened, which is never after the question."""
        if isinstance(operand, Column):
            return self.names.row and operand.name == "time"
        return isinstance(operand, Measure) and operand.column == "time"

    def of_events(self, operand: Expr, window: Window, sign: bool, facts: _Facts) -> None:
        """What the time of the first or last event says of the events in the window."""
        if not isinstance(operand, Measure) or operand.column != "time" or operand.window is not None:
            return
        rows = replace(self.rows_of(operand), within=ends(window))
        if sign:
            self.count(rows, lambda p: p.at_least(1), facts, operand.where)
        elif is_last_time(operand) and reaches_now(rows.within) and not isinstance(window, Around):
            self.count(rows, lambda p: p.at_most(0), facts, operand.where)

    def between_days(self, day: Expr, here: Ends, sign: bool, facts: _Facts) -> list[Branch] | None:
        """A window between dates that are written down, as limits of the day."""
        low = None if here.low is None else Fraction(here.low.n)
        high = None if here.high is None else Fraction(here.high.n)
        if sign:
            if low is not None:
                self.limit(day, lambda p: p.at_least(low), facts, known=True)
            if high is not None:
                self.limit(day, lambda p: p.at_most(high, below=True), facts, known=True)
            return None
        found: list[Branch] = []
        if low is not None:
            found.append((_Limit(day, lambda p: p.at_most(low, below=True)),))
        if high is not None:
            found.append((_Limit(day, lambda p: p.at_least(high)),))
        return found

    def days_away(self, operand: Expr, here: Ends, sign: bool, happened: bool, facts: _Facts) -> list[Branch] | None:
        """A window of days counted from today, as limits of `days_since`."""
        away = nested.days_ago(here)
        if away is None:
            return None
        (near, far), surely = away
        since = Apply("days_since", (operand,), type=INTEGER)
        if sign:
            self.limit(since, lambda p: p.at_least(Fraction(near)).at_most(Fraction(far)), facts, known=True)
            return None
        if surely is None:
            return None
        nearest, farthest = surely
        later = _Limit(since, lambda p: p.at_most(Fraction(nearest), below=True))
        earlier = _Limit(since, lambda p: p.at_least(Fraction(farthest), above=True))
        return [(earlier,)] if happened and nearest <= 0 else [(later,), (earlier,)]


def worked_out(leaf: Leaf, args: Sequence[Expr]) -> Value | None:
    """An operator of written values."""
    values = [a.value for a in args if isinstance(a, Literal)]
    try:
        found: Value | None = leaf.python(*values)
    except (TypeError, ValueError):
        return None
    return found


def branches(node: Case) -> Iterable[tuple[tuple[Asked, ...], Expr]]:
    """Each result with what must hold for it: its condition is true, all before it are false."""
    before: tuple[Asked, ...] = ()
    for when, then in node.branches:
        yield (*before, (when, True)), then
        before = (*before, (when, False))
    if node.otherwise is not None:
        yield before, node.otherwise


def conjuncts(where: Expr | None) -> frozenset[str]:
    """The conditions that must all hold, as canonical texts."""
    if where is None:
        return frozenset()
    return frozenset(canonical(a) for a in where.args) if isinstance(where, And) else frozenset([canonical(where)])


def is_last_time(node: Expr) -> bool:
    """Whether a value is the time of a customer's last event of all."""
    return isinstance(node, Measure) and node.column == "time" and node.aggregation in ("last", "max") and node.window is None


def gives(operand: Expr) -> tuple[int | None, int | None]:
    """The least and the greatest number that an operand can be."""
    match operand:
        case Apply(op=op):
            return LEAVES[op].gives
        case Measure(aggregation=name):
            return AGGREGATIONS[name].gives
        case Members(quantifier="count"):
            return 0, None
        case _:
            return None, None


def against(op: str, literal: Literal, type_: Type, sign: bool) -> Callable[[Possible], Possible]:
    """What a comparison with a written value leaves of an operand of a type.

    Beside a float an exact number is compared as one, so numbers next to it may count as equal to it.
    """
    at = possible.point(literal.value, type_)
    low = high = at
    if type_ in NUMBERS and type_ != FLOAT and typed(literal) == FLOAT:
        near = float(literal.value)  # type: ignore[arg-type]
        at = Fraction(near)
        low, high = (Fraction(nextafter(near, to)) for to in (-inf, inf))
    match op, sign:
        case ("=", True):
            return (lambda p: p.among(frozenset([at]))) if low == high else lambda p: p.at_least(low).at_most(high)
        case ("=", False):
            return lambda p: p.without(frozenset([at]))
        case ("<", True) | (">=", False):
            return lambda p: p.at_most(at, below=True)
        case (">", True) | ("<=", False):
            return lambda p: p.at_least(at, above=True)
        case (">=", True) | ("<", False):
            return lambda p: p.at_least(low)
        case _:
            return lambda p: p.at_most(high)


def excluded(tests: Sequence[tuple[Ends, bool]], happened: bool) -> bool:
    """Whether no instant lies in all windows that it is to lie in and in none of the others."""
    within = [w for w, sign in tests if sign]
    for i, a in enumerate(within):
        if any(never_meet(a, b) for b in within[:i]):
            return True
    lows = [w.low for w in within if w.low is not None]
    highs = [w.high for w in within if w.high is not None]
    for other in (w for w, sign in tests if not sign):
        if not within:
            continue
        begun = other.low is None or any(nested.not_after(other.low, low) for low in lows)
        over = other.high is None or (happened and reaches_now(other)) or any(nested.not_after(h, other.high) for h in highs)
        if begun and over:
            return True
    return False


__all__ = ["Asked", "Names", "branches", "exclude", "gives"]
