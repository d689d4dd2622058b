"""From tree to plain English, so that two rules that mean different things never read the same.

What a reader could take apart in two ways stands in parentheses: an `or` inside an `and`, a condition behind `where`, a
calculation inside another.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import assert_never

from coterie.core import words
from coterie.core.windows import EXACT, Ago, Around, Before, Duration, FromTo, Next, Period, Since, Window, Within
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.fitted import FITTED
from coterie.language.format import literal
from coterie.language.leaves import Leaf, phrase
from coterie.language.names import is_bare, quoted
from coterie.language.shape import ARITHMETIC
from coterie.language.shown import day_shown, last_of, plain
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
)

CONNECTIVES = frozenset({"and", "or", "not", "is", "if", "then", "otherwise", "where", "of", "in", "with", "no"})
"""Words that a name holds only in quotes, because the sentence around it uses them."""


def describe(tree: Expr, names: Mapping[str, str] | None = None) -> str:
    """The expression in English: "revenue is at least 1,000 and the last order is within the last 60 days".

    Args:
        tree: a parsed or checked expression.
        names: how columns and event kinds are called, where not by their own names.
    """
    return _Words(names or {}).said(tree)


def measured(template: str, event: str, events: str, column: str) -> str:
    """The words of an aggregation over events of a kind (one, many) and a column."""
    one = words.with_article(event)
    return template.format(events=events, event=event, one=one, column=column, columns=words.plural(column, "value"))


class Level(IntEnum):
    """How tightly a phrase holds together."""

    OR = 0
    AND = 1
    TEST = 2
    SUM = 3
    WHOLE = 4


def _leaves() -> Mapping[str, Leaf]:
    # Not at the top: the tables bring the whole of their meanings along.
    from coterie.language.functions import LEAVES

    return LEAVES


class _Words:
    def __init__(self, names: Mapping[str, str]):
        self.names = names

    def said(self, node: Expr) -> str:
        return self.phrase(node)[0]

    def at(self, node: Expr, least: Level) -> str:
        text, level = self.phrase(node)
        return text if level >= least else f"({text})"

    def phrase(self, node: Expr) -> tuple[str, Level]:
        match node:
            case Literal(value=value, percent=percent):
                return value_in_words(value, percent), Level.WHOLE
            case Column(name=name, part=part):
                return self.name(name) if part is None else f"{self.name(part)} of {self.name(name)}", Level.WHOLE
            case EventColumn(event=event, column=column):
                return f"{self.name(column)} of {self.events(event)}", Level.WHOLE
            case Apply():
                return self.leaf(node, negated=False)
            case And(args=args):
                return " and ".join(self.at(a, Level.TEST) for a in args), Level.AND
            case Or(args=args):
                return " or ".join(self.at(a, Level.TEST) for a in args), Level.OR
            case Not(arg=arg):
                return self.negation(arg)
            case Case(branches=branches, otherwise=otherwise):
                parts = [f"{self.at(then, Level.SUM)} if {self.said(when)}" for when, then in branches]
                if otherwise is not None:
                    parts.append(f"otherwise {self.said(otherwise)}")
                return f"({'; '.join(parts)})", Level.WHOLE
            case Measure():
                return self.measure(node, negated=False)
            case WindowTest(value=value, window=window):
                return f"{self.dated(value)} is {self.tested(window)}", Level.TEST
            case Sequence():
                return self.sequence(node, "a"), Level.TEST
            case Members(quantifier=quantifier, where=where):
                return self.members(quantifier, where)
            case Fitted(function=function, args=args, by=by):
                return self.fitted(function, args, by), Level.WHOLE
        assert_never(node)

    # Names

    def name(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        bare = plain(name)
        return bare if is_bare(name) and not CONNECTIVES.intersection(bare.lower().split()) else quoted(name)

    def event(self, kind: str) -> str:
        """One of a kind of event: "order", "cart added event"."""
        return words.singular(self.name(kind))

    def events(self, kind: str) -> str:
        return words.plural(self.name(kind))

    # Operators and functions

    def leaf(self, node: Apply, negated: bool) -> tuple[str, Level]:
        leaf = _leaves().get(node.op)
        template = "" if leaf is None else phrase((leaf.unlike or "") if negated else leaf.words, len(node.args))
        slots = {int(n) for n in re.findall(r"\{(\d)\}", template)} | set(range(1, len(node.args)) if "{rest}" in template else ())
        rest = "{rest}" in template and len(node.args) < 2
        if leaf is None or rest or slots != set(range(len(node.args))):
            # Not a function of ours, or not so many arguments: the checker will say so.
            inner = ", ".join(self.said(a) for a in node.args)
            return f"{'not ' if negated else ''}{plain(node.op)} of ({inner})", Level.TEST if negated else Level.WHOLE
        condition = leaf.unlike is not None
        plainly = _counts_years(node)
        said = [self.argument(a, node.op, condition, plainly) for a in node.args]
        level = Level.TEST if condition else Level.SUM
        # "days since x" and "the year of x" end in what they are of, so nothing behind them is drawn in.
        if not condition and (template.endswith("{0}") or not node.args) and template.count("{") <= 1:
            level = Level.WHOLE
        return template.format(*said, rest=", ".join(said[1:])), level

    def argument(self, node: Expr, op: str, condition: bool, years: bool) -> str:
        if isinstance(node, Literal):
            if years and isinstance(node.value, int):
                return str(node.value)
            if op == "date_trunc":
                return str(node.value)
        sums = condition and isinstance(node, Apply) and node.op in ARITHMETIC and op not in ("between", "in")
        return self.at(node, Level.SUM if sums else Level.WHOLE)

    def negation(self, arg: Expr) -> tuple[str, Level]:
        match arg:
            case Apply(op=op) if op in _leaves() and _leaves()[op].unlike is not None:
                return self.leaf(arg, negated=True)
            case Measure(aggregation="exists"):
                return self.measure(arg, negated=True)
            case WindowTest(value=value, window=window):
                return f"{self.dated(value)} is not {self.tested(window)}", Level.TEST
            case Sequence():
                return self.sequence(arg, "no"), Level.TEST
            case _:
                return f"not {self.at(arg, Level.WHOLE)}", Level.TEST

    # Events

    def measure(self, node: Measure, negated: bool) -> tuple[str, Level]:
        template = AGGREGATIONS[node.aggregation].words
        if negated:
            template = template.replace("there is {one}", "there is no {event}")
        column = "" if node.column is None else self.name(node.column)
        text = measured(template, self.event(node.event), self.events(node.event), column or "value")
        if column and "{column" not in template:
            text += f" with known {column}"
        if node.where is not None:
            text += f" (where {self.said(node.where)})"
        if node.window is not None:
            text += f" {self.limited(node.window)}"
        return text, Level.TEST if node.aggregation == "exists" else Level.WHOLE

    def sequence(self, node: Sequence, article: str) -> str:
        steps = ", then ".join(self.step(s) for s in node.steps)
        same = "" if node.same is None else f", all with the same {self.name(node.same)}"
        began = "" if node.window is None else f" that began {self.limited(node.window)}"
        return f"there is {article} sequence ({steps}{same}){began}"

    def step(self, step: Step) -> str:
        name = self.name(step.event)
        where = "" if step.where is None else f" (where {self.said(step.where)})"
        within = "" if step.within is None else f" within {step.within}"
        return f"{'no ' if step.negated else ''}{name}{where}{within}"

    def members(self, quantifier: str, where: Expr | None) -> tuple[str, Level]:
        meet = "" if where is None else f" ({self.said(where)})"
        match quantifier:
            case "count":
                return f"the number of members of the account{' who meet' + meet if meet else ''}", Level.WHOLE
            case "any":
                return f"some member of the account meets{meet}", Level.TEST
            case "all":
                return f"every member of the account meets{meet}", Level.TEST
            case _:
                return f"no member of the account meets{meet}", Level.TEST

    def fitted(self, function: str, args: tuple[Expr, ...], by: Column | None) -> str:
        said = [self.at(a, Level.WHOLE) for a in args]
        form = FITTED.get(function)
        if form is not None and form.model and said:
            rest = ", ".join(said[1:])
            text = form.words.format(*said, "", "") + (f" ({rest})" if rest and "{1}" not in form.words else "")
        elif form is not None and len(said) == form.words.count("{"):
            text = form.words.format(*said)
        else:
            text = f"{plain(function)} of ({', '.join(said)})"
        return text if by is None else f"{text} among customers of the same {self.said(by)}"

    # Windows

    def dated(self, value: Expr) -> str:
        """What a window test is about."""
        if isinstance(value, Column) and value.part is None and value.name not in self.names and is_bare(value.name):
            return f"the {self.name(value.name)}"
        sums = isinstance(value, Apply) and value.op in ARITHMETIC
        return self.at(value, Level.SUM if sums else Level.WHOLE)

    def limited(self, window: Window) -> str:
        """A window behind what it limits: "in the last 90 days (today included)"."""
        match window:
            case Within(Duration(1, "day")):
                return "today"
            case Within(length):
                return f"in the last {last_of(length)}" + ("" if length.unit in EXACT else " (today included)")
            case Next(length):
                return f"in the next {last_of(length)}"
            case Since(day):
                return f"since {day_shown(day)}"
            case _:
                return self.both(window)

    def tested(self, window: Window) -> str:
        """A window as a test, behind "is": "within the last 60 days"."""
        match window:
            case Within(Duration(1, "day")):
                return "today"
            case Within(length):
                return f"within the last {last_of(length)}"
            case Next(length):
                return f"within the next {last_of(length)}"
            case Period(_, unit) if unit != "day":
                return f"in {self.both(window)}"
            case Since(day):
                return f"on or after {day_shown(day)}"
            case _:
                return self.both(window)

    def both(self, window: Window) -> str:
        match window:
            case Ago(far, 1, unit):
                return f"between {Duration(far, unit)} and 1 {unit} ago"
            case Ago(far, near, unit):
                return f"between {far} and {Duration(near, unit)} ago"
            case Period("this", "day"):
                return "today so far"
            case Period("this", unit):
                return f"this {unit} so far"
            case Period(_, "day"):
                return "yesterday"
            case Period(_, unit):
                return f"last {unit}"
            case Before(day):
                return f"before {day_shown(day)}"
            case FromTo(start, end):
                # English names the last day that counts.
                return f"from {day_shown(start)} to {day_shown(end - timedelta(days=1))}"
            case Around(length, side, anchor):
                return f"within {length} {side} {self.name(anchor)}"
            case _:
                raise ValueError(window)


def _counts_years(node: Apply) -> bool:
    """Whether a number here is a year, which is written without a separator."""
    return any(
        (isinstance(a, Apply) and a.op == "year") or (isinstance(a, Column) and "year" in plain(a.part or a.name).lower().split())
        for a in node.args
    )


def value_in_words(value: object, percent: bool = False) -> str:
    """A value: numbers with separators, days by the names of their months, texts in quotes."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:,}"
        case Decimal() if not percent:
            return number_in_words(literal(value))
        case float():
            return number_in_words(literal(value))
        case datetime():
            seconds = f"{value:%H:%M}" if not value.second and not value.microsecond else value.time().isoformat()
            return f"{day_shown(value.date())} {seconds} UTC"
        case date():
            return day_shown(value)
        case Decimal() | str() | Duration():
            return literal(value, percent)
        case _:
            raise TypeError(f"no words for {value!r}")


def number_in_words(text: str) -> str:
    """The digits of a number with separators; cents are shown in full: 1,000.50."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, places = digits.partition(".")
    return f"{sign}{int(whole):,}.{places.ljust(2, '0')}"
