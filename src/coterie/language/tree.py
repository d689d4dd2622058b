"""The tree of an expression: a small closed set of frozen nodes. The leaves (operators, aggregations) are open tables.

Every node carries the span it was read from (not part of its identity) and, once checked, its type.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal as OneOf

from coterie.core.windows import Duration, Window
from coterie.language.types import Scalar, Type


@dataclass(frozen=True, slots=True)
class Span:
    start: int = 0
    end: int = 0


NOWHERE = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    type: Type | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A value written down: int, Decimal (a number with a point), str, bool, Duration; after the check also date, datetime.

    `percent`: written `10%`, meaning Decimal('0.1').
    """

    value: Scalar
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Column(Node):
    """A name: of a customer's column, or inside a `where` of that event's. `part` follows a dot: `account.revenue`, `value.r`."""

    name: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """An operator or function of the open table (`leaves.py`) applied to its arguments: `=`, `between`, `lower`, `as_of` …

    `in` takes (x, item, item, …); `has any` / `has all` take (list, item, …). `!=` and the inner `not`s are `Not` around these.
    """

    op: str
    args: tuple["Expr", ...] = ()


@dataclass(frozen=True, slots=True)
class And(Node):
    """Two or more terms; never directly holds another And."""

    args: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """Two or more terms; never directly holds another Or."""

    args: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    arg: "Expr"


@dataclass(frozen=True, slots=True)
class Case(Node):
    """`case when … then … [else …] end`; the first true branch, missing when a condition before it is unknown."""

    branches: tuple[tuple["Expr", "Expr"], ...]
    otherwise: "Expr | None" = None


@dataclass(frozen=True, slots=True)
class Measure(Node):
    """`count(order where … within 90 days)`: an aggregation over one customer's events of a kind."""

    aggregation: str
    event: str
    column: str | None = None
    where: "Expr | None" = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class WindowTest(Node):
    """`last_order within 60 days`: a date or timestamp tested against a window."""

    value: "Expr"
    window: Window


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence. `negated`: no such event within `within` after the previous positive step."""

    event: str
    where: "Expr | None" = None
    within: Duration | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """`sequence(a, not b within 24 hours, c) within 3 days`; `same`: a column equal over all steps; `window` dates the first."""

    steps: tuple[Step, ...]
    same: str | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Members(Node):
    """`any(members where …)`: answered for each member of an account from all of them."""

    quantifier: OneOf["any", "all", "none", "count"]
    where: "Expr | None" = None


@dataclass(frozen=True, slots=True)
class EventColumn(Node):
    """A stream that a fitted call learns from: `order.time` in `rfm(order.time, order.amount)`."""

    event: str
    column: str


@dataclass(frozen=True, slots=True)
class Fitted(Node):
    """A call that learns parameters from the whole population: `percentile(revenue by country)`, `rfm(order.time, order.amount)`.

    `settings` are the keys of the long form in YAML (bins, cells …), already read into plain frozen values.
    """

    function: str
    args: tuple["Expr", ...]
    by: "Column | None" = None
    settings: tuple[tuple[str, object], ...] = ()


Expr = Literal | Column | Apply | And | Or | Not | Case | Measure | WindowTest | Sequence | Members | EventColumn | Fitted


def children(node: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions of a node, in reading order (the conditions of measures, steps and members included)."""
    match node:
        case Literal() | Column() | EventColumn():
            return ()
        case Apply(args=args) | And(args=args) | Or(args=args):
            return args
        case Not(arg=arg):
            return (arg,)
        case Case(branches=branches, otherwise=otherwise):
            flat = tuple(e for pair in branches for e in pair)
            return flat if otherwise is None else (*flat, otherwise)
        case Measure(where=where) | Members(where=where):
            return () if where is None else (where,)
        case WindowTest(value=value):
            return (value,)
        case Sequence(steps=steps):
            return tuple(s.where for s in steps if s.where is not None)
        case Fitted(args=args, by=by):
            return args if by is None else (*args, by)


def walk(node: Expr) -> Iterator[Expr]:
    """The node and everything below it, each parent before its children."""
    stack: list[Expr] = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def typed(node: Expr) -> Type:
    """The type of a checked node."""
    if node.type is None:
        raise ValueError("the expression has not been checked")
    return node.type


def at(node: Expr, span: Span) -> Expr:
    return replace(node, span=span)
