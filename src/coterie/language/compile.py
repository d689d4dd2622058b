"""From a checked tree to SQL: one function over the closed set of nodes.

What a name or a measure is in SQL is the caller's (`Names`): the batch gives columns of the tables it has made, a source the
columns of its file. Missing is NULL throughout, so and / or / not are SQL's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, assert_never

from sqlglot import exp

from coterie.core.windows import Around, Days, Instants, Next, Window, Within, clamped_first_instant, days, instants
from coterie.language.functions import LEAVES
from coterie.language.ranges import Range
from coterie.language.scope import Scope
from coterie.language.sql import Builder, Sql
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    EventColumn,
    Expr,
    Fitted,
    Literal,
    Measure,
    Members,
    Not,
    Or,
    Sequence,
    WindowTest,
    typed,
)
from coterie.language.types import DATE, FLOAT, MONEY, TIMES, TIMESTAMP, Type, sql_type


class Names(Protocol):
    """What the names of an expression are in SQL."""

    def column(self, name: str, part: str | None) -> exp.Expression: ...

    def measure(self, node: Measure | Sequence | Fitted) -> exp.Expression: ...

    def bounds(self, node: Column | Measure) -> Range | None:
        """The least and the most (SQL) that a value can be where an incomplete source leaves it NULL; None where none can."""

    def nothing_happened(self, node: Column | Measure) -> exp.Expression | None:
        """Whether a value is missing because nothing happened: true, false or NULL for unknown; None where it never is."""
        ...

    def members(self, node: Members, where: exp.Expression | None) -> exp.Expression: ...


@dataclass(frozen=True)
class Compiler:
    """Turns checked trees into SQL for one builder (engine, as_of, zone) and one meaning of names."""

    q: Builder
    names: Names
    scope: Scope

    def sql(self, node: Expr) -> exp.Expression:
        q = self.q
        match node:
            case Literal(value=value, type=type_):
                return q.literal(value, type_)
            case Column(name=name, part=part):
                return self.names.column(name, part)
            case Apply():
                return self.apply(node)
            case And(args=args):
                return q.all([self.sql(a) for a in args])
            case Or(args=args):
                return q.any([self.sql(a) for a in args])
            case Not(arg=arg):
                return q.not_(self.sql(arg))
            case Case():
                return self.case(node)
            case Measure() | Sequence() | Fitted():
                return self.names.measure(node)
            case WindowTest():
                return self.window_test(node)
            case Members(where=where):
                return self.names.members(node, None if where is None else self.sql(where))
            case EventColumn():
                raise ValueError("a stream of events is not a value")
            case _:
                assert_never(node)

    def argument(self, node: Expr) -> Sql:
        return Sql(self.sql(node), typed(node), node.value if isinstance(node, Literal) else None)

    def apply(self, node: Apply) -> exp.Expression:
        leaf = LEAVES[node.op]
        plain: exp.Expression = leaf.sql(self.q, *(self.argument(a) for a in node.args))
        if leaf.bounded is None or all(self.happened(a) is None for a in node.args):
            return plain
        bounded = leaf.bounded(_Order(self.q), *(self.range(a) for a in node.args))
        return self.q.call("coalesce", plain, bounded)

    def bounds(self, node: Expr) -> Range | None:
        """The least and the most (SQL) that a value can be where a source that does not know all leaves it NULL."""
        match node:
            case Column() | Measure():
                return self.names.bounds(node)
            case Apply(op=op, args=(arg,)) if LEAVES[op].order is not None and typed(arg) in TIMES:
                found = self.happened(arg)
                if found is None:
                    return None
                ends = [None if e is None else LEAVES[op].sql(self.q, Sql(e, typed(arg))) for e in (found.least, found.most)]
                return Range(*(ends if LEAVES[op].order == "kept" else ends[::-1]))
            case _:
                return None

    def happened(self, node: Expr) -> Range | None:
        """`bounds` without those of what may never have happened."""
        found, nothing = self.bounds(node), self.nothing_happened(node)
        if found is None or nothing is None:
            return found
        return Range(*(None if e is None else self.q.case([(self.q.not_(nothing), e)]) for e in (found.least, found.most)))

    def nothing_happened(self, node: Expr) -> exp.Expression | None:
        """Whether a value is missing because nothing happened; None where it never is."""
        return self.names.nothing_happened(node) if isinstance(node, Column | Measure) else None

    def range(self, node: Expr) -> Range:
        """Between what (`Sql`) an argument of a comparison lies: the value itself, or what is left of it."""
        value, found = self.argument(node), self.happened(node)
        return Range(value, value) if found is None else self.or_bounds(value, found)

    def or_bounds(self, value: Sql, found: Range) -> Range:
        ends = (value.tree if e is None else self.q.call("coalesce", value.tree, e) for e in (found.least, found.most))
        return Range(*(Sql(e, value.type) for e in ends))

    def case(self, node: Case) -> exp.Expression:
        q, type_ = self.q, typed(node)
        branches = []
        for when, then in node.branches:
            condition = self.sql(when)
            branches.append((condition, self.branch(then, type_)))
            branches.append((q.is_null(condition), q.null()))
        return q.case(branches, q.null() if node.otherwise is None else self.branch(node.otherwise, type_))

    def branch(self, node: Expr, type_: Type) -> exp.Expression:
        tree = self.sql(node)
        # An integer may be too large for money: then it is missing.
        return self.q.try_cast(tree, sql_type(type_)) if typed(node) != type_ and type_ in (MONEY, FLOAT) else tree

    # --- windows

    def window_test(self, node: WindowTest) -> exp.Expression:
        q, value, found = self.q, self.argument(node.value), self.bounds(node.value)
        inside = self.inside(node, value) if found is None else self.surely_inside(node, self.or_bounds(value, found))
        nothing = self.nothing_happened(node.value)
        # What never happened lies in no window.
        return inside if nothing is None else q.all([inside, q.not_(nothing)])

    def inside(self, node: WindowTest, value: Sql) -> exp.Expression:
        q, window = self.q, node.window
        if isinstance(window, Around):
            return self.around(window, q.local_day(value.tree) if value.type == TIMESTAMP else value.tree)
        lo, hi = self.edges(window, value.type)
        return self.between(value.tree, lo, hi)

    def surely_inside(self, node: WindowTest, value: Range) -> exp.Expression:
        """Whether all values, or none, that a range leaves open lie in a window."""
        q, order, type_ = self.q, _Order(self.q), value.least.type
        if isinstance(node.window, Around):
            if type_ == TIMESTAMP:
                value = Range(*(Sql(q.local_day(e.tree), DATE) for e in (value.least, value.most)))
            first, end = (Sql(e, DATE) for e in self.around_edges(node.window))
            return order.all([order.up_to(Range(first, first), value), order.below(value, Range(end, end))])
        lo, hi = (None if e is None else Sql(q.literal(e), type_) for e in self.edges(node.window, type_))
        parts = [] if lo is None else [order.up_to(Range(lo, lo), value)]
        return order.all(parts if hi is None else [*parts, order.below(value, Range(hi, hi))])

    def edges(self, window: Window, type_: Type) -> tuple[date | datetime | None, date | datetime | None]:
        """lo ≤ value < hi for values of a type, of a window that is the same for all customers."""
        context = self.q.context
        exact = instants(window, context.as_of)
        if exact is not None:
            return exact.lo, exact.hi
        admitted = days(window, context.today)
        if admitted is None:
            raise ValueError(f"{window} admits neither days nor instants")
        if type_ != TIMESTAMP:
            return admitted.lo, admitted.hi
        lo, hi = (None if day is None else clamped_first_instant(day, context.zone) for day in (admitted.lo, admitted.hi))
        return lo, hi

    def between(self, value: exp.Expression, lo: date | datetime | None, hi: date | datetime | None) -> exp.Expression:
        """lo ≤ value < hi, NULL where the value is."""
        q = self.q
        limits = []
        if lo is not None:
            limits.append(q.binary(">=", value, q.literal(lo)))
        if hi is not None:
            limits.append(q.binary("<", value, q.literal(hi)))
        return q.all(limits) if limits else q.case([(q.not_(q.is_null(value)), q.literal(True))])

    def anchor(self, window: Around) -> exp.Expression:
        """The local day of the customer's date that a window stands around."""
        name, _, part = window.anchor.partition(".")
        whole = window.anchor in self.scope.columns
        column = self.names.column(window.anchor, None) if whole else self.names.column(name, part)
        info = self.scope.columns[window.anchor] if whole else self.scope.columns[name].parts[part]
        return self.q.local_day(column) if info.type == TIMESTAMP else column

    def around(self, window: Around, day: exp.Expression) -> exp.Expression:
        first, end = self.around_edges(window)
        return self.q.all([self.q.binary(">=", day, first), self.q.binary("<", day, end)])

    def around_edges(self, window: Around) -> tuple[exp.Expression, exp.Expression]:
        """The first day that a window around a customer's date admits, and the day after the last."""
        q, anchor, length = self.q, self.anchor(window), window.length
        if window.side == "after":
            return anchor, q.step(anchor, length.n, length.unit)
        return q.step(q.step(anchor, -length.n, length.unit), 1, "day"), q.step(anchor, 1, "day")

    def events_inside(
        self, window: Within | Next | Around | object | None, time: exp.Expression, day: exp.Expression
    ) -> exp.Expression | None:
        """Which events a window admits, over the event's instant and its local day; None for all up to as_of."""
        q = self.q
        if window is None:
            return None
        exact = instants(window, q.context.as_of)  # type: ignore[arg-type]
        if exact is not None:
            return self.between(time, exact.lo, exact.hi) if isinstance(window, Next) else self.limits(time, exact)
        if isinstance(window, Around):
            return self.around(window, day)
        admitted = days(window, q.context.today)  # type: ignore[arg-type]
        if admitted is not None and isinstance(window, Next):
            return self.between(day, admitted.lo, admitted.hi)
        return None if admitted is None else self.limits(day, admitted)

    def limits(self, value: exp.Expression, limits: Days | Instants) -> exp.Expression | None:
        """Limits on a value that is never missing; the end at as_of is left to the scan, which sees no later event."""
        hi = limits.hi
        if isinstance(limits, Days) and isinstance(hi, date) and hi > self.q.context.today:
            hi = None
        if isinstance(limits, Instants) and isinstance(hi, datetime) and hi > self.q.context.as_of:
            hi = None
        if limits.lo is None and hi is None:
            return None
        return self.between(value, limits.lo, hi)


@dataclass(frozen=True)
class _Order:
    """The order of SQL's values, over ranges of `Sql`; a limit that there is not is NULL."""

    q: Builder

    def below(self, a: Range, b: Range) -> exp.Expression:
        return self.decided("<", a, b)

    def up_to(self, a: Range, b: Range) -> exp.Expression:
        return self.decided("<=", a, b)

    def all(self, trees: Iterable[exp.Expression]) -> exp.Expression:
        return self.q.all(trees)

    def any(self, trees: Iterable[exp.Expression]) -> exp.Expression:
        return self.q.any(trees)

    def decided(self, less: str, a: Range, b: Range) -> exp.Expression:
        """As `ranges.Values` has it."""
        q, face = self.q, LEAVES[less].sql
        certain, possible = face(q, a.most, b.least), face(q, a.least, b.most)
        return q.case([(certain, q.literal(True)), (q.not_(possible), q.literal(False))])
