"""The check: what every part of an expression is, or an error that teaches.

It resolves names, settles types, reads text beside a date as ISO 8601, compares a timestamp with a date by its local day,
and derives what the whole needs: names, events, how fresh it can be and what state live evaluation must keep.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NoReturn, assert_never

from coterie.core.errors import CoterieError, DefinitionError, TypeMismatch, UnknownName, did_you_mean
from coterie.core.place import Origin
from coterie.core.windows import (
    EXACT,
    Ago,
    Around,
    Duration,
    Next,
    Period,
    Window,
    Within,
    local_day,
    to_utc,
)
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.fitted import FITTED, LATER
from coterie.language.functions import LEAVES
from coterie.language.leaves import Leaf
from coterie.language.scope import STATES, EventInfo, Freshness, Scope, State
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
    Step,
    WindowTest,
    typed,
)
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
    number_of,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked expression: its tree with types, and what follows from it.

    Attributes:
        tree: the typed tree; `written` is the tree as it was parsed.
        nothing, partial, unsure: as `ColumnInfo` has them.
        uses: the customers' columns named (as written before any dot); `events`: the kinds of event measured.
        fresh: when its answer can change; `state`: what live evaluation must keep for it.
        fits: the distinct fitted calls in it.
    """

    written: Expr
    tree: Expr
    type: Type
    nothing: bool
    partial: bool
    uses: frozenset[str]
    events: frozenset[str]
    fresh: frozenset[Freshness]
    state: State
    fits: tuple[Fitted, ...]
    unsure: bool = False


def check(written: Expr, scope: Scope, origin: Origin, *, expected: Type | None = None) -> Checked:
    """Check an expression over customers.

    Raises:
        UnknownName, TypeMismatch, DefinitionError: with the place of the offending part.
    """
    return _run(_Checker(scope, origin), written, expected)


def check_row(written: Expr, row: EventInfo, scope: Scope, origin: Origin, *, expected: Type | None = None) -> Checked:
    """Check an expression over the columns of a row alone: a source's `where:` or a computed column."""
    return _run(_Checker(scope, origin, row=row, row_name="this file"), written, expected)


def _run(checker: "_Checker", written: Expr, expected: Type | None) -> Checked:
    tree = checker.check(written)
    if expected is not None and typed(tree) != expected:
        checker.wrong_kind(tree, expected)
    return Checked(
        written=written,
        tree=tree,
        type=typed(tree),
        nothing=checker.nothing(tree),
        partial=checker.partial(tree),
        uses=frozenset(checker.uses),
        events=frozenset(checker.events),
        fresh=frozenset(checker.fresh),
        state=checker.state,
        fits=tuple(dict.fromkeys(checker.fits)),
        unsure=checker.unsure(tree),
    )


class _Checker:
    def __init__(self, scope: Scope, origin: Origin, row: EventInfo | None = None, row_name: str = ""):
        self.scope, self.origin = scope, origin
        self.row, self.row_name = row, row_name
        self.uses: set[str] = set()
        self.events: set[str] = set()
        self.fresh: set[Freshness] = set()
        self.state: State = "none"
        self.fits: list[Fitted] = []
        self.inside_fitted = False
        self.ahead = False
        self.inside_members = False

    # --- the pass -----------------------------------------------------------------------------------------------------

    def check(self, node: Expr) -> Expr:
        match node:
            case Literal(value=value):
                return replace(node, type=literal_type(value))
            case Column():
                return self.column(node)
            case Apply(op=op, args=args):
                return self.apply(node, op, tuple(self.check(a) for a in args))
            case And(args=args) | Or(args=args):
                return replace(node, args=tuple(self.truth(a) for a in args), type=BOOLEAN)
            case Not(arg=arg):
                return replace(node, arg=self.truth(arg), type=BOOLEAN)
            case Case():
                return self.case(node)
            case Measure():
                return self.measure(node)
            case WindowTest(value=value, window=window):
                return self.window_test(node, self.check(value), window)
            case Sequence():
                return self.sequence(node)
            case Members():
                return self.members(node)
            case Fitted():
                return self.fitted(node)
            case EventColumn(event=event, column=column):
                return replace(node, type=self.event_column(node, self.event(node, event), event, column))
            case _:
                assert_never(node)

    def truth(self, node: Expr) -> Expr:
        checked = self.check(node)
        if typed(checked) != BOOLEAN:
            self.wrong_kind(checked, BOOLEAN)
        return checked

    def column(self, node: Column) -> Expr:
        if self.row is not None:
            return self.row_column(node, self.row)
        if node.part is None:
            found = self.scope.columns.get(node.name)
            if found is None:
                self.unknown_column(node)
            self.uses.add(node.name)
            self.fresh |= found.fresh
            self.needs(found.state)
            return replace(node, type=found.type)
        if node.name in self.scope.columns and node.part in self.scope.columns[node.name].parts:
            found = self.scope.columns[node.name].parts[node.part]
            self.uses.add(node.name)
            self.fresh |= found.fresh
            return replace(node, type=found.type)
        if node.name == "account" and self.scope.account:
            account = self.scope.account.get(node.part)
            if account is None:
                self.fail(
                    UnknownName,
                    node,
                    f"unknown account column {node.part!r}",
                    did_you_mean(node.part, self.scope.account, "Accounts have"),
                )
            self.fresh |= account.fresh
            return replace(node, type=account.type)
        if node.name in self.scope.events:
            self.fail(
                DefinitionError,
                node,
                f"which {node.name}? A customer has many",
                f"say which, as in last({node.name}.{node.part}), sum({node.name}.{node.part}) or exists({node.name} where …)",
                "E141",
            )
        if node.name in self.scope.columns:
            parts = self.scope.columns[node.name].parts
            self.fail(
                UnknownName,
                node,
                f"{node.name!r} has no part {node.part!r}",
                did_you_mean(node.part, parts, "It has") if parts else f"{node.name} is one value, without parts",
            )
        self.unknown_column(Column(node.name, span=node.span))

    def row_column(self, node: Column, row: EventInfo) -> Expr:
        name = node.name
        if node.part is not None:
            if name != self.row_name:
                self.fail(
                    UnknownName,
                    node,
                    f"inside this condition only the columns of {self.row_name} are seen",
                    did_you_mean(node.part, row.names, f"{self.row_name} has"),
                )
            name = node.part
        found = row.column(name)
        if found is None:
            others = "; a customer's column cannot be used here" if name in self.scope.columns else ""
            self.fail(
                UnknownName,
                node,
                f"unknown column {name!r} of {self.row_name}{others}",
                self.quoted(node) or did_you_mean(name, row.names, f"{self.row_name} has"),
            )
        return replace(node, name=name, part=None, type=found)

    def unknown_column(self, node: Column) -> NoReturn:
        if node.name in self.scope.events:
            self.fail(
                DefinitionError,
                node,
                f"{node.name!r} is a kind of event, not a column",
                f"measure it, as in count({node.name}) or exists({node.name} within 90 days)",
                "E142",
            )
        hint = self.quoted(node) or did_you_mean(node.name, self.scope.columns)
        self.fail(UnknownName, node, f"unknown name {node.name!r}", hint)

    def quoted(self, node: Column) -> str | None:
        """The hint for a name in double quotes that was most likely meant as text."""
        if self.origin.text[node.span.start : node.span.start + 1] == '"':
            return f"text is written in single quotes: '{node.name}'"
        return None

    # --- operators and functions ----------------------------------------------------------------------------------------

    def apply(self, node: Apply, op: str, args: tuple[Expr, ...]) -> Expr:
        leaf = LEAVES.get(op)
        if leaf is None:
            known = [*LEAVES, *AGGREGATIONS, *FITTED, "sequence"]
            words = [n for n in known if n.replace("_", "").isalpha()]
            self.fail(UnknownName, node, f"unknown function {op!r}", did_you_mean(op, words, "Functions are"))
        if leaf.shape in ("comparison", "between", "in"):
            args = self.alike(args)
        types = tuple(typed(a) for a in args)
        result = self.result(leaf, types)
        if result is None:
            dated = tuple(self.as_time(a) or a for a in args)
            again = self.result(leaf, tuple(typed(a) for a in dated))
            if again is None:
                self.mismatch(node, leaf, types)
            args, result = dated, again
        self.literals(node, leaf, args)
        if leaf.live:
            self.fresh.add(leaf.live)
        if op == "in_list" and isinstance(args[0], Literal) and args[0].value not in self.scope.lists:
            name = str(args[0].value)
            self.fail(UnknownName, args[0], f"unknown list {name!r}", did_you_mean(name, self.scope.lists, "Lists are"))
        if op in ("sample", "in_list") and self.row is not None:
            self.fail(DefinitionError, node, f"{op} chooses customers, not rows", "use it outside the condition", "E143")
        return replace(node, args=args, type=result)

    def result(self, leaf: Leaf, types: tuple[Type, ...]) -> Type | None:
        try:
            return leaf.result(*types)
        except TypeError:  # another number of arguments than it takes
            return None

    def alike(self, args: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Times beside texts and beside each other: text literals are read as ISO 8601, and where a date is compared
        with a timestamp both are local days."""
        if not any(typed(a) in TIMES for a in args):
            return args
        read = tuple(self.as_time(a, must=True) or a for a in args)
        if {DATE, TIMESTAMP} <= {typed(a) for a in read}:
            return tuple(self.day_of(a) for a in read)
        return read

    def day_of(self, node: Expr) -> Expr:
        if typed(node) != TIMESTAMP:
            return node
        if isinstance(node, Literal) and isinstance(node.value, datetime):
            return replace(node, value=local_day(node.value, self.scope.zone), type=DATE)
        return Apply("date", (node,), span=node.span, type=DATE)

    def as_time(self, node: Expr, must: bool = False) -> Expr | None:
        """A text literal as the date or instant that it writes."""
        if not isinstance(node, Literal) or not isinstance(node.value, str):
            return None
        value = read_time(node.value, self.scope.zone)
        if value is None:
            if must:
                self.fail(
                    TypeMismatch,
                    node,
                    f"{node.value!r} is not a date",
                    "beside a date, text is ISO 8601: '2026-01-31' or '2026-01-31T10:00'",
                    "E105",
                )
            return None
        return replace(node, value=value, type=TIMESTAMP if isinstance(value, datetime) else DATE)

    def mismatch(self, node: Apply, leaf: Leaf, types: tuple[Type, ...]) -> NoReturn:
        name = leaf.name
        found = ", ".join(self.show(a, t) for a, t in zip(node.args, types, strict=True)) or "nothing"
        hint = f"{name} takes {leaf.expects}"
        if leaf.shape == "comparison" and set(types) & set(NUMBERS) and TEXT in types:
            for argument, type_ in zip(node.args, types, strict=True):
                if isinstance(argument, Literal) and type_ == TEXT:
                    hint = f"numbers are written without quotes; or read the other side as text with text(…). {hint}"
                elif type_ == TEXT:
                    hint = f"to read text as a number write number({self.text(argument)}). {hint}"
        self.fail(TypeMismatch, node, f"{name!r} does not go with {found}", hint)

    def show(self, node: Expr, type_: Type) -> str:
        text = self.text(node)
        return f"{text} ({type_})" if 0 < len(text) <= 40 else str(type_)

    def text(self, node: Expr) -> str:
        return self.origin.text[node.span.start : node.span.end]

    def literals(self, node: Apply, leaf: Leaf, args: tuple[Expr, ...]) -> None:
        values = []
        for position in leaf.literal:
            if position >= len(args):
                continue
            argument = args[position]
            if not isinstance(argument, Literal):
                self.fail(
                    DefinitionError,
                    argument,
                    f"this part of {leaf.name!r} has to be written down",
                    f"{leaf.name} takes {leaf.expects}",
                    "E144",
                )
            values.append(argument.value)
        if leaf.validate is not None and values:
            complaint = leaf.validate(*values)
            if complaint:
                self.fail(DefinitionError, args[leaf.literal[-1]], complaint, f"{leaf.name} takes {leaf.expects}", "E145")
        if leaf.forbids is not None:
            known = [a.value if isinstance(a, Literal) else None for a in args]
            complaint = leaf.forbids([typed(a) for a in args], known)
            if complaint:
                self.fail(DefinitionError, args[-1], complaint, f"{leaf.name} takes {leaf.expects}", "E145")

    def case(self, node: Case) -> Expr:
        branches = [(self.truth(when), self.check(then)) for when, then in node.branches]
        otherwise = None if node.otherwise is None else self.check(node.otherwise)
        results = [then for _, then in branches] + ([] if otherwise is None else [otherwise])
        if any(typed(r) in TIMES for r in results):
            results = list(self.alike(tuple(results)))
            branches = [(when, then) for (when, _), then in zip(branches, results, strict=False)]
            otherwise = None if otherwise is None else results[-1]
        type_ = typed(results[0])
        for result in results[1:]:
            if typed(result) == type_:
                continue
            if typed(result) in NUMBERS and type_ in NUMBERS:
                type_ = number_of(type_, typed(result))
            else:
                self.fail(
                    TypeMismatch,
                    result,
                    f"this branch gives {typed(result)}, an earlier one {type_}",
                    "all branches of case give the same kind of value",
                )
        return replace(node, branches=tuple(branches), otherwise=otherwise, type=type_)

    # --- what customers did ----------------------------------------------------------------------------------------------

    def event(self, node: Expr, name: str) -> EventInfo:
        self.only_customers(node, "measures")
        found = self.scope.events.get(name)
        if found is None:
            if name in self.scope.columns:
                hint = f"{name!r} is a customer's column; a measure counts events. " + did_you_mean(
                    name, self.scope.events, "Kinds of event are"
                )
            else:
                hint = did_you_mean(name, self.scope.events, "Kinds of event are")
            self.fail(UnknownName, node, f"unknown kind of event {name!r}", hint, "E106", word=name)
        self.events.add(name)
        return found

    def event_column(self, node: Expr, info: EventInfo, event: str, column: str) -> Type:
        found = info.column(column)
        if found is None:
            self.fail(
                UnknownName,
                node,
                f"{event!r} has no column {column!r}",
                did_you_mean(column, info.names, f"{event} has"),
                word=column,
            )
        return found

    def measure(self, node: Measure) -> Expr:
        info = self.event(node, node.event)
        aggregation = AGGREGATIONS[node.aggregation]
        column = None if node.column is None else self.event_column(node, info, node.event, node.column)
        if aggregation.column == "required" and column is None:
            self.fail(
                DefinitionError,
                node,
                f"{node.aggregation} needs a column of {node.event}",
                f"as in {node.aggregation}({node.event}.{next(iter(info.columns), 'time')})",
                "E146",
            )
        if aggregation.column == "none" and column is not None:
            self.fail(
                DefinitionError,
                node,
                f"{node.aggregation} counts rows, it takes no column",
                f"as in share({node.event} where …)",
                "E146",
            )
        if node.aggregation == "share" and node.where is None:
            self.fail(
                DefinitionError,
                node,
                "share needs a condition to take the share of",
                f"as in share({node.event} where …)",
                "E147",
            )
        result = aggregation.result(column)
        if result is None:
            self.fail(
                TypeMismatch,
                node,
                f"{node.aggregation} of {node.event}.{node.column}, which is {column}",
                f"{node.aggregation} takes {aggregation.expects}",
            )
        where = self.condition(node.where, info, node.event)
        if node.window is not None:
            self.window(node, node.window, next_allowed=self.ahead)
        else:
            self.fresh.add("live")
            self.needs("buckets")
        return replace(node, where=where, type=result)

    def condition(self, where: Expr | None, info: EventInfo, event: str) -> Expr | None:
        """A `where`, which sees that event's columns only."""
        if where is None:
            return None
        inner = _Checker(self.scope, self.origin, row=info, row_name=event)
        checked = inner.truth(where)
        self.fresh |= inner.fresh
        if inner.fresh - {"live"}:
            self.needs("log")  # a condition that turns with the clock cannot be kept as a finished partial
        return checked

    def window(self, node: Expr, window: Window, *, next_allowed: bool, test: bool = False) -> None:
        """Check a window of a measure, sequence or test, and note what it makes of freshness and state."""
        self.fresh.add("live")
        match window:
            case Within(length) | Next(length):
                self.length(node, length)
                exact = length.unit in EXACT
                self.fresh.add("timed" if exact else "daily")
                if not test:
                    self.needs("recent events" if exact else "buckets")
                if isinstance(window, Next) and not next_allowed:
                    self.fail(
                        DefinitionError,
                        node,
                        "what customers will do is not known",
                        "`within next` looks ahead: use it on a date of the customer, or inside predict(…)",
                        "E148",
                    )
            case Ago(far, near, unit):
                if not far > near >= 0:
                    self.fail(
                        DefinitionError,
                        node,
                        f"from {far} to {near} {unit}s ago runs backwards",
                        f"the far end comes first: from {max(far, near)} to {min(far, near)} {unit}s ago",
                        "E149",
                    )
                exact = unit in EXACT
                self.fresh.add("timed" if exact else "daily")
                if not test:
                    self.needs("recent events" if exact else "buckets")
            case Period(_, unit):
                if unit in EXACT:
                    self.fail(DefinitionError, node, f"there is no calendar {unit} here", f"write `within 1 {unit}`", "E150")
                self.fresh.add("daily")
                if not test:
                    self.needs("buckets")
            case Around(length, _, anchor):
                self.length(node, length)
                if length.unit in EXACT:
                    self.fail(
                        DefinitionError,
                        node,
                        "around a customer's date whole days are counted",
                        f"write it in days: within 1 day after {anchor}",
                        "E150",
                    )
                if self.row is not None:
                    self.fail(
                        DefinitionError,
                        node,
                        "a window around a customer's date cannot stand inside `where`",
                        "give it to the measure itself, behind the condition",
                        "E151",
                    )
                found = self.column(Column(anchor, span=node.span))
                if typed(found) not in TIMES:
                    self.fail(
                        TypeMismatch, node, f"{anchor!r} is {typed(found)}, not a date", "name a customer's date", word=anchor
                    )
                if not test:
                    self.needs("buckets")
            case _:
                if not test:
                    self.needs("buckets")

    def length(self, node: Expr, length: Duration) -> None:
        if length.n < 1:
            self.fail(DefinitionError, node, f"{length} is no length", "a length is a positive whole number of units", "E149")

    def window_test(self, node: WindowTest, value: Expr, window: Window) -> Expr:
        if typed(value) not in TIMES:
            hint = "only a date or a time can be tested against a window"
            if isinstance(value, Column) and value.name in self.scope.events:
                hint = f"measure it: exists({value.name} within …)"
            self.fail(TypeMismatch, value, f"{self.show(value, typed(value))} is not a date", hint)
        exact = self.is_exact(window)
        if exact and typed(value) == DATE:
            self.fail(
                TypeMismatch,
                node,
                "hours and minutes need a time, this is a date",
                "count in days: `within 1 day` is today",
                "E152",
            )
        self.window(node, window, next_allowed=True, test=True)
        return replace(node, value=value, type=BOOLEAN)

    @staticmethod
    def is_exact(window: Window) -> bool:
        match window:
            case Within(length) | Next(length) | Around(length, _, _):
                return length.unit in EXACT
            case Ago(_, _, unit) | Period(_, unit):
                return unit in EXACT
            case _:
                return False

    def sequence(self, node: Sequence) -> Expr:
        self.only_customers(node, "sequences")
        if len(node.steps) < 2 or node.steps[0].negated:
            self.fail(
                DefinitionError,
                node,
                "a sequence has at least two steps, and the first is something that happened",
                "as in sequence(cart_added, not order within 24 hours)",
                "E153",
            )
        steps = tuple(self.step(node, step, first=i == 0) for i, step in enumerate(node.steps))
        if node.same is not None:
            kinds = {s.event: self.event_column(node, self.event(node, s.event), s.event, node.same) for s in steps}
            if len(set(kinds.values())) > 1:
                shown = ", ".join(f"{event}.{node.same} is {type_}" for event, type_ in kinds.items())
                self.fail(TypeMismatch, node, f"same {node.same}: the kinds differ", shown)
            if next(iter(kinds.values())).of is not None:
                self.fail(TypeMismatch, node, f"same {node.same} is a list", "compare one value over the steps")
        self.fresh |= {"live", "timed"}
        bounded = all(s.within is not None for s in steps[1:])
        if node.window is not None:
            self.window(node, node.window, next_allowed=False)
        self.needs("recent events" if bounded and node.window is not None else "log")
        return replace(node, steps=steps, type=BOOLEAN)

    def step(self, node: Sequence, step: Step, *, first: bool) -> Step:
        info = self.event(node, step.event)
        if first and step.within is not None:
            self.fail(
                DefinitionError,
                node,
                "the first step of a sequence has nothing before it to be counted from",
                "say when it happened behind the closing parenthesis: sequence(…) within 3 days",
                "E154",
            )
        if step.negated and step.within is None:
            self.fail(
                DefinitionError,
                node,
                f"not {step.event}: until when?",
                f"give it a time: not {step.event} within 24 hours",
                "E155",
                word=step.event,
            )
        if step.within is not None:
            self.length(node, step.within)
            if step.within.unit not in ("minute", "hour", "day", "week"):
                self.fail(
                    DefinitionError,
                    node,
                    f"steps are counted in exact lengths, {step.within} has none",
                    "use days (24 hours each) or weeks",
                    "E156",
                )
        return replace(step, where=self.condition(step.where, info, step.event))

    def members(self, node: Members) -> Expr:
        self.only_customers(node, "account questions")
        if not self.scope.has_accounts:
            self.fail(
                DefinitionError,
                node,
                "customers declare no account",
                "name the column in the customers source: `account: company_id`",
                "E157",
            )
        if node.where is None and node.quantifier != "count":
            self.fail(DefinitionError, node, f"{node.quantifier} of the members: which?", "as in any(members where vip)", "E157")
        if self.inside_members:
            self.fail(
                DefinitionError,
                node,
                "a question to the members inside another",
                "give the inner one a name as a trait, and use the name",
                "E164",
            )
        self.inside_members = True
        try:
            where = None if node.where is None else self.truth(node.where)
        finally:
            self.inside_members = False
        self.fresh.add("daily")
        self.needs("log")
        return replace(node, where=where, type=INTEGER if node.quantifier == "count" else BOOLEAN)

    def fitted(self, node: Fitted) -> Expr:
        self.only_customers(node, "fitted values")
        if node.function in LATER or node.function not in FITTED:
            self.fail(
                DefinitionError,
                node,
                f"{node.function} cannot be fitted by this version of coterie",
                f"it fits {', '.join(FITTED)}",
                "E158",
            )
        if self.inside_fitted:
            self.fail(
                DefinitionError,
                node,
                "a fitted call inside another",
                "give the inner one a name as a trait, and use the name",
                "E159",
            )
        form = FITTED[node.function]
        self.inside_fitted = True
        try:
            self.ahead = form.ahead
            args = tuple(self.argument(a, form.streams and not isinstance(a, Literal), i) for i, a in enumerate(node.args))
            by = None if node.by is None else self.column(node.by)
        finally:
            self.inside_fitted = self.ahead = False
        if by is not None and not form.by:
            self.fail(DefinitionError, node, f"{node.function} has no `by`", "leave it out", "E160")
        shape = form.check(args)
        if isinstance(shape, str):
            self.fail(TypeMismatch, node, shape, "see the fitted functions in the language guide", "E161")
        assert by is None or isinstance(by, Column)
        self.fresh |= {"live", "fitted"}
        lifted = replace(node, args=args, by=by, type=shape.type)
        self.fits.append(lifted)
        return lifted

    def argument(self, node: Expr, stream: bool, place: int) -> Expr:
        """An argument of a fitted call; what is to come stands in the first one only."""
        self.ahead = self.ahead and place == 0
        return self.stream(node) if stream else self.check(node)

    def stream(self, node: Expr) -> Expr:
        """An argument that is a column of events: `order.time`."""
        match node:
            case Column(name=event, part=str(column)):
                info = self.event(node, event)
                return EventColumn(event, column, span=node.span, type=self.event_column(node, info, event, column))
            case EventColumn():
                return self.check(node)
            case _:
                self.fail(DefinitionError, node, "this has to be a column of events", "as in order.amount", "E162")

    # --- what is derived ---------------------------------------------------------------------------------------------------

    def needs(self, state: State) -> None:
        self.state = max(self.state, state, key=STATES.index)

    def nothing(self, node: Expr) -> bool:
        """Whether a missing value of this node means that nothing happened."""
        match node:
            case Measure(aggregation=name):
                return AGGREGATIONS[name].nothing
            case Column(name=name, part=None) if self.row is None:
                return self.scope.columns[name].nothing
        return False

    def partial(self, node: Expr) -> bool:
        match node:
            case Measure(event=event):
                return self.scope.events[event].partial
            case Column(name=name, part=None) if self.row is None:
                return self.scope.columns[name].partial
            case Apply(op=op, args=(arg,)) if LEAVES[op].order is not None and typed(arg) in TIMES:
                return self.partial(arg)
        return False

    def unsure(self, node: Expr) -> bool:
        match node:
            case Measure(aggregation=name, event=event, window=window):
                otherwise = self.scope.events[event].partial or isinstance(window, Around)
                return AGGREGATIONS[name].nothing and otherwise
            case Column(name=name, part=None) if self.row is None:
                return self.scope.columns[name].unsure
        return False

    # --- errors --------------------------------------------------------------------------------------------------------------

    def only_customers(self, node: Expr, what: str) -> None:
        if self.row is not None:
            self.fail(
                DefinitionError,
                node,
                f"{what} cannot stand inside the condition on {self.row_name}",
                f"a condition sees the columns of {self.row_name} only: {', '.join(self.row.names[:8])}",
                "E163",
            )

    def wrong_kind(self, node: Expr, expected: Type) -> NoReturn:
        found = typed(node)
        hint = f"here {expected} is expected"
        if expected == BOOLEAN:
            text = self.text(node) or "it"
            example = f"{text} > 0" if found in NUMBERS else f"{text} = '…'" if found == TEXT else f"{text} is known"
            hint = f"a condition is true or false; compare it, as in {example}"
        self.fail(TypeMismatch, node, f"{self.show(node, found)} is not {expected}", hint)

    def fail(
        self,
        kind: type[CoterieError],
        node: Expr,
        message: str,
        hint: str | None,
        code: str | None = None,
        word: str | None = None,
    ) -> NoReturn:
        """Raise, pointing at the node or at a word inside it."""
        start, end = node.span.start, node.span.end
        if word is not None:
            found = self.origin.text.find(word, start, end)
            if found >= 0:
                start, end = found, found + len(word)
        raise kind(message, code=code, hint=hint, place=self.origin.place(start, end))


def literal_type(value: object) -> Type:
    match value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case Decimal():
            exponent = value.as_tuple().exponent
            exact = isinstance(exponent, int) and exponent >= -4 and abs(value) < Decimal(10) ** 14
            return MONEY if exact else FLOAT
        case float():
            return FLOAT
        case str():
            return TEXT
        case datetime():
            return TIMESTAMP
        case date():
            return DATE
        case Duration():
            return DURATION
        case _:
            raise ValueError(value)


def read_time(text: str, zone_name: str) -> date | datetime | None:
    """An ISO 8601 date or date and time (local where it has no offset, as an instant in UTC), or None."""
    if len(text) == 10:
        try:
            return date.fromisoformat(text) if text[4] == text[7] == "-" else None
        except ValueError:
            return None
    if len(text) < 16 or text[4] != "-" or text[10] not in "T ":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return to_utc(moment, zone_name)
    return moment.astimezone(UTC).replace(tzinfo=None)


def names(trees: Iterable[Expr]) -> frozenset[str]:
    """The customers' columns that written trees name: the first words of columns outside `where`, and windows' anchors.

    Works on trees as parsed, to order definitions before they are checked.
    """
    out: set[str] = set()
    stack = list(trees)
    while stack:
        node = stack.pop()
        match node:
            case Column(name=name):
                out.add(name)
            case Measure(window=window):
                if isinstance(window, Around):
                    out.add(window.anchor)
            case Sequence(window=window):
                if isinstance(window, Around):
                    out.add(window.anchor)
            case WindowTest(value=value, window=window):
                stack.append(value)
                if isinstance(window, Around):
                    out.add(window.anchor)
            case Apply(args=args) | And(args=args) | Or(args=args):
                stack.extend(args)
            case Not(arg=arg):
                stack.append(arg)
            case Case(branches=branches, otherwise=otherwise):
                stack.extend(e for pair in branches for e in pair)
                if otherwise is not None:
                    stack.append(otherwise)
            case Members(where=where):
                if where is not None:
                    stack.append(where)
            case Fitted(args=args, by=by):
                stack.extend(args)
                if by is not None:
                    stack.append(by)
            case Literal() | EventColumn():
                pass
    return frozenset(out)
