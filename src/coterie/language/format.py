"""From tree to text: one canonical spelling of every tree, and the fingerprint of what it means."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import assert_never

from coterie.core.windows import Ago, Around, Before, Duration, FromTo, Next, Period, Since, Window, Within
from coterie.language.names import AS_OF, quoted, written
from coterie.language.shape import ARITHMETIC, INFIX, LISTS, MEMBERS, TESTS
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
    walk,
)
from coterie.language.types import Scalar

VERSION = "1"
"""The version of the language; part of every fingerprint, so that a change of meaning changes them all."""


class Level(IntEnum):
    """How tightly a text holds together: it stands bare wherever its level or a lower one is asked for."""

    OR = 0
    AND = 1
    NOT = 2
    WINDOW = 3
    TEST = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    WHOLE = 8


def format(tree: Expr) -> str:
    """The canonical text of a tree: the same bytes for the same tree, no parenthesis too many, keywords in lower case.

    For every tree that `parse` gives, `parse(format(tree)) == tree`. Settings of fitted calls, which are written in the
    project file and not in the expression, do not show.
    """
    return _at(tree, Level.OR)


def fingerprint(tree: Expr, uses: Mapping[str, str]) -> str:
    """16 hex digits of the sha256 of what an expression means.

    Args:
        tree: the parsed expression.
        uses: the fingerprints of the names it uses (traits, segments, sources, fits).
    """
    settings = [repr(s) for s in _settings(tree)]
    parts = [VERSION, format(tree), settings, sorted(uses.items())]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:16]


def _settings(tree: Expr) -> list[object]:
    return [node.settings for node in walk(tree) if isinstance(node, Fitted) and node.settings]


def _at(node: Expr, least: Level, after_where: bool = False) -> str:
    """The text of a node where at least this level is needed. `after_where`: where no bare window may stand."""
    level = _level(node)
    if level < least or (after_where and level is Level.WINDOW):
        return f"({_text(node, False)})"
    return _text(node, after_where)


def _level(node: Expr) -> Level:
    match node:
        case Or():
            return Level.OR
        case And():
            return Level.AND
        case Not(arg=Apply(op=op)) if op in _INNER_NOT:
            return Level.TEST
        case Not():
            return Level.NOT
        case WindowTest():
            return Level.WINDOW
        case Sequence(window=window):
            return Level.WHOLE if window is None else Level.WINDOW
        case Literal(value=bool()):
            return Level.WHOLE
        case Literal(value=int() | float() | Decimal() as value):
            return Level.SIGN if value < 0 else Level.WHOLE
        case Apply(op=op, args=args):
            return _OPERATORS.get((op, len(args) if op not in LISTS else 2), Level.WHOLE)
        case _:
            return Level.WHOLE


_INNER_NOT = frozenset(["=", "in", "between", "contains", "starts with", "ends with", "matches", *TESTS])
"""Operators that a `not` enters: `x not in (…)`, `x != y`, `x is not missing`."""
_OPERATORS = {
    **{(op, 2): Level.TEST for op in INFIX | LISTS},
    **{(op, 1): Level.TEST for op in TESTS},
    ("between", 3): Level.TEST,
    **{(op, 2): Level.SUM if op in "+-" else Level.PRODUCT for op in ARITHMETIC},
    ("neg", 1): Level.SIGN,
}


def _text(node: Expr, after_where: bool) -> str:
    match node:
        case Literal(value=value, percent=percent):
            return literal(value, percent)
        case Column(name=name, part=part):
            return written(name) + ("" if part is None else f".{written(part)}")
        case EventColumn(event=event, column=column):
            return f"{written(event)}.{written(column)}"
        case Apply(op=op, args=args):
            return _apply(op, args)
        case And(args=args):
            return " and ".join(_at(a, Level.NOT, after_where) for a in args)
        case Or(args=args):
            return " or ".join(_at(a, Level.AND, after_where) for a in args)
        case Not(arg=Apply(op=op, args=args)) if op in _INNER_NOT:
            return _apply(op, args, negated=True)
        case Not(arg=arg):
            return f"not {_at(arg, Level.NOT, after_where)}"
        case Case(branches=branches, otherwise=otherwise):
            parts = [f"when {format(when)} then {format(then)}" for when, then in branches]
            if otherwise is not None:
                parts.append(f"else {format(otherwise)}")
            return f"case {' '.join(parts)} end"
        case Measure(aggregation=aggregation, event=event, column=column, where=where, window=window):
            # Bare `members` are those of an account.
            name = quoted(event) if event == MEMBERS else written(event)
            source = name if column is None else f"{name}.{written(column)}"
            return f"{aggregation}({source}{_where(where)}{_window(window)})"
        case WindowTest(value=value, window=window):
            return f"{_at(value, Level.SUM)}{_window(window)}"
        case Sequence(steps=steps, same=same, window=window):
            inner = ", ".join(_step(s) for s in steps) + ("" if same is None else f" same {written(same)}")
            return f"sequence({inner}){_window(window)}"
        case Members(quantifier=quantifier, where=where):
            return f"{quantifier}({MEMBERS}{_where(where)})"
        case Fitted():
            call, least = _least(node)
            return f"{call.function}({_fitted(call.function, call.args, call.by)}){least}"
    assert_never(node)


def _apply(op: str, args: tuple[Expr, ...], negated: bool = False) -> str:
    no = "not " if negated else ""
    if op in ARITHMETIC and len(args) == 2:
        level = Level.SUM if op in "+-" else Level.PRODUCT
        return f"{_at(args[0], level)} {op} {_at(args[1], Level(level + 1))}"
    if op in TESTS:
        return f"{_at(args[0], Level.SUM)} is {no}{op.removeprefix('is ')}"
    if op in LISTS:
        return f"{_at(args[0], Level.SUM)} {no}{op} ({', '.join(_at(a, Level.SUM) for a in args[1:])})"
    if op in INFIX:
        return f"{_at(args[0], Level.SUM)} {'!=' if negated and op == '=' else no + op} {_at(args[1], Level.SUM)}"
    if op == "between":
        x, low, high = (_at(a, Level.SUM) for a in args)
        return f"{x} {no}between {low} and {high}"
    if op == "neg":
        inner = _at(args[0], Level.SIGN)
        return f"-({inner})" if inner.startswith("-") else f"-{inner}"
    if op == AS_OF:
        return AS_OF
    return f"{op}({', '.join(format(a) for a in args)})"


def _where(where: Expr | None) -> str:
    return "" if where is None else f" where {_at(where, Level.OR, after_where=True)}"


def _step(step: Step) -> str:
    within = "" if step.within is None else f" within {step.within}"
    return f"{'not ' if step.negated else ''}{written(step.event)}{_where(step.where)}{within}"


def _fitted(function: str, args: tuple[Expr, ...], by: Column | None) -> str:
    if not args:
        return ""
    first = format(args[0]) + ("" if by is None else f" by {format(by)}")
    rest = ", ".join(format(a) for a in args[1:])
    if not rest:
        return first
    if function == "predict":
        return f"{first} from {rest}"
    fades = len(args) == 2 and by is None and isinstance(args[1], Literal) and isinstance(args[1].value, Duration)
    return f"{first} half life {rest}" if function == "affinity" and fades else f"{first}, {rest}"


def _least(node: Fitted) -> tuple[Fitted, str]:
    """A `cross` without its last argument, and that as `at least 50` behind it."""
    columns, last = node.args[:-1], node.args[-1] if node.args else None
    if node.function != "cross" or not columns or not isinstance(last, Literal) or last.percent:
        return node, ""
    plain = type(last.value) in (int, Decimal)
    return (replace(node, args=columns), f" at least {format(last)}") if plain else (node, "")


def _window(window: Window | None) -> str:
    return "" if window is None else f" {window_text(window)}"


def window_text(window: Window) -> str:
    """A window as it is written: `within 90 days`."""
    match window:
        case Within(length):
            return f"within {length}"
        case Ago(far, near, unit):
            return f"from {far} to {Duration(near, unit)} ago"
        case Period(which, unit):
            return f"{which} {unit}"
        case Since(day):
            return f"since '{day.isoformat()}'"
        case Before(day):
            return f"before '{day.isoformat()}'"
        case FromTo(start, end):
            return f"from '{start.isoformat()}' to '{end.isoformat()}'"
        case Around(length, side, anchor):
            return f"within {length} {side} {written(anchor)}"
        case Next(length):
            return f"within next {length}"
    assert_never(window)


def literal(value: Scalar, percent: bool = False) -> str:
    """A value as it is written: `1000.5`, `'it''s'`, `90 days`, `'2026-01-31'`."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return f"{_decimal(_shifted(value, 2), point=False)}%" if percent else _decimal(value)
        case float():
            return _decimal(Decimal(repr(value)))
        case Duration():
            return str(value)
        case datetime():
            return f"'{value.isoformat()}{'Z' if value.tzinfo is None else ''}'"
        case date():
            return f"'{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
    assert_never(value)


def _shifted(number: Decimal, places: int) -> Decimal:
    """number × 10^places, exactly whatever the decimal context."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return Decimal((sign, digits, exponent + places))


def _decimal(value: Decimal, point: bool = True) -> str:
    """Without an exponent and without zeros at the end; with a point, which is what makes it money."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in ("-0", ""):
        text = "0"
    return text + ".0" if point and "." not in text else text
