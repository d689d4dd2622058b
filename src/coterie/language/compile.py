"""From a checked tree to SQL: one function over the closed set of nodes.

What a name or a measure is in SQL is the caller's (`Names`): the batch gives columns of the tables it has made, a source the
columns of its file. Missing is NULL throughout, so and / or / not are SQL's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, assert_never

from sqlglot import exp

from coterie.core.windows import Around, Days, Instants, Next, Within, days, first_instant, instants
from coterie.language.functions import LEAVES
from coterie.language.leaves import MIRRORED
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
from coterie.language.types import FLOAT, MONEY, TIMESTAMP, Type, sql_type


class Names(Protocol):
    """What the names of an expression are in SQL."""

    def column(self, name: str, part: str | None) -> exp.Expression: ...

    def measure(self, node: Measure | Sequence | Fitted) -> exp.Expression: ...

    def least(self, node: Column | Measure) -> exp.Expression | None:
        """What an incomplete source has seen at least, where the value itself is NULL for that; None where it cannot be."""

    def sure(self, node: Column | Measure) -> exp.Expression | None:
        """Whether a missing value means that nothing happened; None where it always does."""
        ...

    def members(self, node: Members, where: exp.Expression | None) -> exp.Expression: ...


@dataclass(frozen=True)
class Compiler:
    """Turns checked trees into SQL for one builder (engine, as_of, zone) and one meaning of names."""

    q: Builder
    names: Names
    scope: Scope
    nothing: Callable[[Expr], bool]
    """Whether a missing value of this node means that nothing happened."""

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
        plain: exp.Expression = LEAVES[node.op].duckdb(self.q, *(self.argument(a) for a in node.args))
        for name, args in ((node.op, node.args), (MIRRORED.get(node.op, ""), node.args[::-1])):
            leaf = LEAVES.get(name)
            if leaf is None or leaf.at_least is None:
                continue
            first, others = args[0], args[1:]
            least = self.names.least(first) if isinstance(first, Column | Measure) else None
            if least is not None:
                decided = self.at_least(name, Sql(least, typed(first)), tuple(self.argument(o) for o in others))
                return self.q.case([(self.q.not_(self.q.is_null(least)), decided)], plain)
        return plain

    def at_least(self, op: str, bound: Sql, others: tuple[Sql, ...]) -> exp.Expression:
        """What a comparison says of a value known to be at least `bound`: the same rules as `Leaf.at_least`, in SQL."""
        q = self.q
        face = LEAVES[op].duckdb

        def when(condition: exp.Expression, answer: bool) -> exp.Expression:
            return q.case([(condition, q.literal(answer))])

        match op:
            case ">=" | ">":
                return when(face(q, bound, *others), True)
            case "<" | "<=":
                return when(q.not_(face(q, bound, *others)), False)
            case "=":
                return when(LEAVES[">"].duckdb(q, bound, *others), False)
            case "between":
                return when(LEAVES[">"].duckdb(q, bound, others[1]), False)
            case "in":
                return when(q.all([LEAVES[">"].duckdb(q, bound, o) for o in others]), False)
            case _:
                return q.null()

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
        q, value = self.q, self.sql(node.value)
        test = self.inside(node, value, typed(node.value))
        if self.nothing(node.value):
            sure = self.names.sure(node.value) if isinstance(node.value, Column | Measure) else None
            reasons = [] if sure is None else [sure]
            if isinstance(node.window, Around):
                reasons.append(q.is_null(value))  # else it is the customer's date that is missing
            otherwise = q.case([(q.all(reasons), q.literal(False))]) if reasons else q.literal(False)
            test = q.call("coalesce", test, otherwise)
        least = self.names.least(node.value) if isinstance(node.value, Column | Measure) else None
        if least is not None:
            stays = q.case([(self.inside(node, least, typed(node.value)), q.literal(True))])
            if not self.reaches_now(node):
                stays = q.null()
            test = q.case([(q.not_(q.is_null(least)), stays)], test)
        return test

    def reaches_now(self, node: WindowTest) -> bool:
        """Whether a window has no end before as_of, so that what lies in it now cannot have left it."""
        exact = instants(node.window, self.q.context.as_of)
        if exact is not None:
            return exact.hi is None or exact.hi > self.q.context.as_of
        if isinstance(node.window, Around):
            return False
        admitted = days(node.window, self.q.context.today)
        open_ended = admitted is None or admitted.hi is None
        return open_ended or (typed(node.value) == TIMESTAMP and admitted is not None and _reaches(admitted, self.q.context.today))

    def inside(self, node: WindowTest, value: exp.Expression, type_: Type) -> exp.Expression:
        q = self.q
        exact = instants(node.window, q.context.as_of)
        if exact is not None:
            return self.between(value, exact.lo, exact.hi)
        if isinstance(node.window, Around):
            day = q.local_day(value) if type_ == TIMESTAMP else value
            return self.around(node.window, day)
        admitted = days(node.window, q.context.today)
        if admitted is None:
            raise ValueError(f"{node.window} admits neither days nor instants")
        if type_ == TIMESTAMP:
            zone = q.context.zone
            lo = None if admitted.lo is None else _first_instant(admitted.lo, zone)
            hi = None if admitted.hi is None else _first_instant(admitted.hi, zone)
            return self.between(value, lo, hi)
        return self.between(value, admitted.lo, admitted.hi)

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
        q, anchor, length = self.q, self.anchor(window), window.length
        if window.side == "after":
            end = q.step(anchor, length.n, length.unit)
            return q.all([q.binary(">=", day, anchor), q.binary("<", day, end)])
        start = q.step(anchor, -length.n, length.unit)
        return q.all([q.binary(">", day, start), q.binary("<=", day, anchor)])

    def events_inside(
        self, window: Within | Next | Around | object | None, time: exp.Expression, day: exp.Expression
    ) -> exp.Expression | None:
        """Which events a window admits, over the event's instant and its local day; None for all up to as_of."""
        q = self.q
        if window is None:
            return None
        exact = instants(window, q.context.as_of)  # type: ignore[arg-type]
        if exact is not None:
            return self.limits(time, exact)
        if isinstance(window, Around):
            return self.around(window, day)
        admitted = days(window, q.context.today)  # type: ignore[arg-type]
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


def _first_instant(day: date, zone: str) -> datetime:
    if day <= date.min + timedelta(days=2):
        return datetime.min
    if day >= date.max - timedelta(days=2):
        return datetime.max
    return first_instant(day, zone)


def _reaches(admitted: Days, today: date) -> bool:
    return (admitted.lo is None or admitted.lo <= today) and (admitted.hi is None or today < admitted.hi)
