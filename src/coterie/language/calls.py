"""What stands before a parenthesis: measures, sequences, quantifiers over members, fitted calls, functions."""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any, cast

from coterie.core.windows import Duration, Window, Within
from coterie.language import names, shape
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.mistakes import Fault
from coterie.language.shape import ARITHMETIC, FITTED, MEMBERS, QUANTIFIERS
from coterie.language.tree import (
    And,
    Apply,
    Column,
    Expr,
    Fitted,
    Literal,
    Measure,
    Members,
    Not,
    Or,
    Sequence,
    Span,
    Step,
    WindowTest,
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it was written."""

    text: str
    quoted: bool
    span: Span


@dataclass(frozen=True, slots=True)
class WindowAt:
    value: Window
    span: Span


@dataclass(frozen=True, slots=True)
class Events:
    """`[not] order where … [window] [same c]`: an argument that only measures, sequences and quantifiers take."""

    negated: bool
    event: Expr
    where: Expr
    window: WindowAt | None
    same: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Same:
    """A step with `same c` behind it."""

    step: Expr
    same: Name
    span: Span


@dataclass(frozen=True, slots=True)
class By:
    """`revenue by country`, `outcome from age`."""

    value: Expr
    by: Column | None
    source: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class HalfLife:
    """`order.category half life 60 days`."""

    stream: Expr
    length: Expr
    span: Span


Arg = Expr | Events | Same | By | HalfLife


def call(name: Name, args: Many[Arg], span: Span, least: Literal | None = None) -> Expr:
    """The node that `name(args)` is; `least`: the number of an `at least` behind it."""
    function = name.text.lower()
    if least is not None and function != "cross":
        raise _no(least.span, "E134", "`at least` stands behind cross", "as in cross(value, lifecycle) at least 50")
    if function in QUANTIFIERS and (function != "count" or _is_members(args)):
        return _members(function, args, span)
    if function in AGGREGATIONS:
        return _measure(function, name, args, span)
    if function == "sequence":
        return _sequence(args, span)
    if function in FITTED:
        return _fitted(function, args if least is None else [*args, least], span)
    complaint = _foreign(function)
    if complaint:
        raise Fault(name.span.start, name.span.end, *complaint)
    return Apply(function, tuple(_plain(arg, function) for arg in args), span=span)


def not_a_function(name: str) -> tuple[str, str] | None:
    """Why a function cannot have this name, and what to write: (message, hint)."""
    if name in AGGREGATIONS or name in FITTED or name in QUANTIFIERS or name == "sequence":
        return f"`{name}` is a kind of node of its own", "use the kinds measure, fitted, members and sequence"
    complaint = _foreign(name)
    if complaint:
        return complaint[1], complaint[2]
    if not names.is_bare(name) or name != name.lower() or name != names.normal(name) or len(name) > 200:
        return f"`{name[:40]}` is not the name of a function", "a function is one word in small letters, such as lower"
    return None


def _no(span: Span, code: str, message: str, hint: str) -> Fault:
    return Fault(span.start, span.end, code, message, hint)


def _foreign(function: str) -> tuple[str, str, str] | None:
    """Functions of other languages that are written otherwise here."""
    if function in shape.SYMBOLS and function != "neg":
        return "E139", f"`{function}` stands between its two sides", f"write `x {function} 'text'`"
    match function:
        case "neg":
            return "E139", "a minus sign is written before the number", "write `-x`"
        case "cast" | "try_cast" | "convert":
            return "E122", "there are no casts", "use number(x), date(x) or text(x)"
        case "isnull" | "is_null" | "isna" | "is_missing":
            return "E116", f"`{function}` is written as a test", "write `x is missing`"
        case "isnotnull" | "notnull" | "is_known":
            return "E116", f"`{function}` is written as a test", "write `x is known`"
        case "ifnull" | "nvl":
            return "E116", f"`{function}` is called coalesce here", "write `coalesce(x, 0)`"
        case "if" | "iif":
            return "E139", f"`{function}` is written as a case", "write `case when … then … else … end`"
        case "now" | "today" | "current_date" | "current_timestamp" | "getdate" | "sysdate":
            return (
                "E117",
                f"`{function}` is called as_of here",
                "every answer is as of an instant: write `as_of`, or a window: `within 30 days`",
            )
        case "mean" | "average":
            return "E134", f"`{function}` is called avg here", "write `avg(order.amount)`"
        case "ntile":
            return (
                "E134",
                "`ntile` is called quantile here",
                "write `quantile(revenue, 5)`: 1 is the lowest fifth, equal values stay together",
            )
        case "count_distinct" | "countd" | "nunique" | "count_unique":
            return "E121", f"`{function}` is called distinct here", "write `distinct(order.product)`"
        case "as_of":
            return "E101", "`as_of` is a name and takes nothing", "write `as_of` without parentheses"
        case _:
            return None


def _plain(arg: Arg, function: str) -> Expr:
    """An argument that is an expression."""
    match arg:
        case Events(span=span):
            raise _no(
                span,
                "E134",
                f"`where` says which events a measure sees; `{function}` takes none",
                f"measure first: {function}(sum(order.amount where …))",
            )
        case Same(span=span):
            raise _no(
                span,
                "E135",
                "`same` stands only in a sequence",
                "sequence(cart_added, order within 3 days same cart_id)",
            )
        case By(by=None, source=Literal(value=value, span=span)):
            raise _no(
                span,
                "E132",
                "a window from one day on is written with `since`",
                f"write `since '{value}'`, or `from … to …`" if isinstance(value, str) else "write `within 90 days`",
            )
        case By(by=None, source=source, span=span):
            raise _no(
                source.span if source else span,
                "E134",
                f"`from` names what `predict` learns from; `{function}` takes none",
                "separate arguments with commas",
            )
        case HalfLife(span=span):
            raise _no(span, "E134", "`half life` stands in affinity", "as in affinity(order.category half life 60 days)")
        case By(by=by, span=span):
            raise _no(
                by.span if by else span,
                "E134",
                f"`by` stands only in calls that compare with everybody; `{function}` takes none",
                "as in percentile(revenue by country)",
            )
        case _:
            return arg


# Measures


def _event(node: Expr) -> str | None:
    """The event kind that a name in its place is."""
    match node:
        case Column(name=name, part=None):
            return name
        case Apply(op="as_of", args=()):
            return names.AS_OF
        case _:
            return None


def _measure(function: str, name: Name, args: Many[Arg], span: Span) -> Expr:
    if not args:
        raise _no(span, "E134", f"{function}() measures nothing", f"name an event: {_example(function)}")
    if len(args) > 1:
        second = args[1]
        if function in ("min", "max") and not isinstance(second, Events | Same | By):
            other = "least" if function == "min" else "greatest"
            raise _no(
                name.span,
                "E134",
                f"{function} measures one customer's events and takes one column",
                f"the {'smallest' if function == 'min' else 'largest'} of several values is {other}(a, b)",
            )
        raise _no(
            second.span,
            "E134",
            f"{function} takes one argument, this is the second",
            f"conditions and windows stand behind the event without a comma: {function}({_stem(args[0])} where … within 90 days)",
        )
    arg = args[0]
    where: Expr | None = None
    window: Window | None = None
    node: Expr
    match arg:
        case Events(negated=negated, event=event, where=condition, window=given, same=same):
            if negated:
                raise _no(
                    arg.span,
                    "E134",
                    f"`not` says nothing inside {function}(…)",
                    "negate the measure, not not exists(…), or the condition behind `where`",
                )
            if same:
                raise _no(
                    same.span,
                    "E135",
                    "`same` stands only in a sequence",
                    "sequence(cart_added, order within 3 days same cart_id)",
                )
            node, where, window = event, condition, given.value if given else None
        case WindowTest(value=value, window=given_window):
            node, window = value, given_window
        case Same() | By() | HalfLife():
            _plain(arg, function)
            raise AssertionError
        case _:
            node = arg
    kind = _event(node)
    if kind is not None:
        return Measure(function, kind, None, where, window, span=span)
    if isinstance(node, Column):
        return Measure(function, node.name, node.part, where, window, span=span)
    raise _not_events(function, node)


def _example(function: str) -> str:
    return f"{function}(order)" if function in ("count", "exists", "share") else f"{function}(order.amount)"


def _stem(arg: Arg) -> str:
    match arg:
        case Column(name=name, part=None):
            return names.written(name)
        case Column(name=name, part=str(part)):
            return f"{names.written(name)}.{names.written(part)}"
        case _:
            return "order"


def _not_events(function: str, node: Expr) -> Fault:
    match node:
        case Apply(op=op, args=args) if op in ARITHMETIC or op == "neg":
            columns = [a for a in args if isinstance(a, Column) and a.part is not None]
            if columns or op == "neg":
                event = columns[0].name if columns else "order"
                text = (
                    f" {op} ".join(a.part or a.name if isinstance(a, Column) else "…" for a in args) if op != "neg" else "-amount"
                )
                return _no(
                    node.span,
                    "E123",
                    f"{function} takes one column; row by row arithmetic is a column of the source",
                    f"under sources, {event}: `columns: {{value: {text}}}`, then {function}({names.written(event)}.value)",
                )
            return _no(
                node.span,
                "E123",
                f"{function} takes one column of an event",
                f"calculate with measures: {_example(function)} * 2",
            )
        case Apply(op=op) | Not(arg=Apply(op=op)) if op in shape.SYMBOLS:
            return _no(
                node.span,
                "E134",
                f"{function} takes an event, this is a condition",
                f"the condition stands behind the event: {_example(function)[:-1]} where …)",
            )
        case And() | Or() | Not():
            return _no(
                node.span,
                "E134",
                f"{function} takes an event, this is a condition",
                f"the condition stands behind the event: {_example(function)[:-1]} where …)",
            )
        case Literal():
            return _no(
                node.span,
                "E121" if function == "count" else "E134",
                f"{function} takes an event, this is a value",
                f"write {_example(function)}",
            )
        case Measure(aggregation="distinct") if function == "count":
            return _no(node.span, "E121", "`distinct` counts by itself", "write distinct(order.product) without count")
        case _:
            return _no(node.span, "E134", f"{function} takes an event or one of its columns", f"as in {_example(function)}")


# Members of an account


def _is_members(args: Many[Arg]) -> bool:
    if len(args) != 1:
        return False
    match args[0]:
        case Events(event=event):
            return _names_members(event)
        case WindowTest(value=value):
            return _names_members(value)
        case Column() as column:
            return _names_members(column)
        case _:
            return False


def _names_members(node: Expr) -> bool:
    # An event kind of that name stands in quotes, so its stretch is longer.
    return (
        isinstance(node, Column) and node.name == MEMBERS and node.part is None and node.span.end - node.span.start == len(MEMBERS)
    )


def _members(function: str, args: Many[Arg], span: Span) -> Expr:
    if not _is_members(args):
        raise _no(
            span,
            "E136",
            f"{function}(…) asks all members of an account",
            f"write {function}(members where …); for values `x in (…)`, `tags has any (…)` or `tags has all (…)`",
        )
    arg = args[0]
    if isinstance(arg, WindowTest) or (isinstance(arg, Events) and arg.window):
        raise _no(
            arg.window.span if isinstance(arg, Events) and arg.window else arg.span,
            "E136",
            "members are customers, a window belongs to a date",
            f"a test stands in parentheses: {function}(members where (last_order within 30 days))",
        )
    if isinstance(arg, Events):
        if arg.negated or arg.same:
            raise _no(
                arg.span,
                "E136",
                f"{function} takes `members where …`",
                f"negate the condition: {function}(members where not …)",
            )
        return Members(cast(Any, function), arg.where, span=span)
    if function != "count":
        raise _no(span, "E136", f"{function}(members) asks nothing of them", f"write {function}(members where …)")
    return Members("count", None, span=span)


# Sequences


def _sequence(args: Many[Arg], span: Span) -> Expr:
    if not args:
        raise _no(span, "E135", "sequence() has no steps", "sequence(cart_added, not order within 24 hours) within 3 days")
    steps, same = [], None
    for number, arg in enumerate(args, 1):
        step, name_of_same = _step(arg)
        if name_of_same is not None:
            if number < len(args):
                raise _no(
                    name_of_same.span,
                    "E135",
                    "`same` holds for all steps and stands once, behind the last",
                    f"move `same {names.written(name_of_same.text)}` before the closing parenthesis",
                )
            same = name_of_same.text
        steps.append(step)
    return Sequence(tuple(steps), same, span=span)


def _step(arg: Arg) -> tuple[Step, Name | None]:
    same: Name | None = None
    where: Expr | None = None
    window: Window | None = None
    negated = False
    if isinstance(arg, Events):
        node, where, negated, same = arg.event, arg.where, arg.negated, arg.same
        window = arg.window.value if arg.window else None
    else:
        if isinstance(arg, Same):
            node, same = arg.step, arg.same
        else:
            node = _plain(arg, "sequence")
        if isinstance(node, Not):
            negated, node = True, node.arg
        if isinstance(node, WindowTest):
            window = node.window
            node = node.value
    event = _event(node)
    if event is None:
        raise _no(
            arg.span,
            "E135",
            "a step of a sequence is an event",
            "as in `order`, `order where amount > 100`, `order within 7 days`, `not order within 7 days`",
        )
    length: Duration | None = None
    match window:
        case None:
            pass
        case Within(given):
            length = given
        case _:
            raise _no(
                arg.span,
                "E135",
                "a step says only how long after the one before it comes",
                "`order within 7 days`; when the sequence began is said behind it: sequence(…) within 3 days",
            )
    return Step(event, where, length, negated), same


# Fitted calls


def _fitted(function: str, args: Many[Arg], span: Span) -> Expr:
    by: Column | None = None
    plain: list[Expr] = []
    for number, arg in enumerate(args):
        if isinstance(arg, By):
            if arg.by is not None:
                if by is not None:
                    raise _no(arg.by.span, "E134", "`by` stands once", f"as in {function}(revenue by country)")
                by = arg.by
            plain.append(arg.value)
            if arg.source is not None:
                if function != "predict" or number > 0:
                    raise _no(
                        arg.source.span,
                        "E134",
                        "`from` stands in predict, behind the outcome",
                        "predict(outcome from age, income)",
                    )
                plain.append(arg.source)
        elif isinstance(arg, HalfLife):
            if function != "affinity" or len(args) > 1:
                raise _no(arg.span, "E134", "`half life` stands in affinity", "as in affinity(order.category half life 60 days)")
            plain += [arg.stream, arg.length]
        else:
            plain.append(_plain(arg, function))
    return Fitted(function, tuple(plain), by, span=span)
