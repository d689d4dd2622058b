"""What a tree must be to be written at all: sizes, lengths of time, windows. Types are the checker's."""

from dataclasses import dataclass

from coterie.core.windows import EXACT, Ago, Around, Duration, FromTo, Next, Period, Window, Within
from coterie.language.fitted import FITTED as FORMS
from coterie.language.fitted import LATER
from coterie.language.tree import Apply, Expr, Fitted, Literal, children

MAX_NODES = 1024
MAX_DEPTH = 32
MAX_LENGTH = 100_000
"""Characters of one expression."""
INTEGERS = range(-(2**63), 2**63)
MAX_DIGITS = 38
"""Digits of a number with a point: what an exact calculation is done in."""

FITTED = frozenset(FORMS) | frozenset(LATER)
"""Calls that learn parameters from the whole population."""

MEMBERS = "members"
QUANTIFIERS = ("any", "all", "none", "count")

INFIX = frozenset(["=", "<", "<=", ">", ">=", "contains", "starts with", "ends with", "matches"])
ARITHMETIC = frozenset(["+", "-", "*", "/", "%"])
LISTS = frozenset(["in", "has any", "has all"])
TESTS = frozenset(["is missing", "is known"])
SYMBOLS = INFIX | ARITHMETIC | LISTS | TESTS | {"between", "neg"}
"""The operators of `Apply` that are not written as a call."""

ARITY: dict[str, tuple[int, int]] = {
    **dict.fromkeys(sorted(INFIX | ARITHMETIC), (2, 2)),
    **dict.fromkeys(sorted(TESTS), (1, 1)),
    **dict.fromkeys(sorted(LISTS), (2, MAX_NODES + 1)),
    "between": (3, 3),
    "neg": (1, 1),
    "as_of": (0, 0),
}
"""How many arguments, at least and at most, of what is not written as a call."""

_THOUSAND_YEARS = {
    "minute": 525_960_000,
    "hour": 8_766_000,
    "day": 365_250,
    "week": 52_178,
    "month": 12_000,
    "quarter": 4_000,
    "year": 1_000,
}


@dataclass(frozen=True, slots=True)
class Complaint:
    code: str
    message: str
    hint: str


def of_duration(length: Duration) -> Complaint | None:
    """Why a length of time cannot be meant, if so."""
    if length.n < 1:
        return Complaint(
            "E131",
            f"a length of {length} holds nothing",
            "a length is a whole number from 1 on; `within 1 day` is today",
        )
    most = _THOUSAND_YEARS[length.unit]
    if length.n > most:
        return Complaint(
            "E131",
            f"{length} is longer than 1,000 years",
            f"at most {most:,} {length.unit}s; without a window everything counts",
        )
    return None


def of_window(window: Window) -> Complaint | None:
    """Why a window cannot be meant, if so."""
    match window:
        case Within(length) | Next(length):
            return of_duration(length)
        case Around(length, side, anchor):
            if length.unit in EXACT:
                days = "1 day" if length.n <= 24 or length.unit == "minute" else f"{-(-length.n // 24)} days"
                return Complaint(
                    "E132",
                    f"a window {side} a customer's date counts days, not {length.unit}s",
                    f"write `within {days} {side} {anchor}`",
                )
            return of_duration(length)
        case Ago(far, near, unit):
            if near < 1:
                return Complaint("E132", f"a window up to {near} {unit}s ago ends now", f"write `within {far} {unit}s`")
            if far <= near:
                right = f"from {near + (far == near)} to {far} {unit}s ago"
                return Complaint(
                    "E132", f"from {far} to {near} {unit}s ago holds nothing", f"the earlier end comes first: `{right}`"
                )
            return of_duration(Duration(far, unit))
        case Period(which, unit):
            if unit in EXACT:
                return Complaint(
                    "E132",
                    f"`{which} {unit}` is not a calendar period",
                    f"write `within 1 {unit}`, or {which} day, week, month, quarter, year",
                )
        case FromTo(start, end):
            if start >= end:
                return Complaint(
                    "E132",
                    f"from '{start}' to '{end}' holds nothing",
                    "the second date lies after the first and is itself left out",
                )
        case _:
            pass
    return None


def of_number(value: object) -> Complaint | None:
    """Why a number cannot be kept, if so."""
    if isinstance(value, int) and not isinstance(value, bool) and value not in INTEGERS:
        return Complaint("E137", f"{value:,} is beyond 64 bits", "whole numbers lie between -2^63 and 2^63 - 1; an id is text: '…'")
    return None


def size(tree: Expr) -> tuple[int, int]:
    """(number of nodes, depth), found without recursion so that no tree is too deep to be refused."""
    nodes, deepest = 0, 0
    stack: list[tuple[Expr, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        nodes += 1
        deepest = max(deepest, depth)
        if nodes > MAX_NODES * 64:
            break
        stack.extend((child, depth + 1) for child in children(node))
    return nodes, deepest


def of_size(tree: Expr) -> Complaint | None:
    """Why a tree is too large, if so."""
    nodes, depth = size(tree)
    if nodes > MAX_NODES:
        return too_many(nodes)
    if depth > MAX_DEPTH:
        return too_deep(depth)
    return None


def too_deep(depth: int, least: bool = False) -> Complaint:
    return Complaint(
        "E138",
        f"this is nested {'at least ' if least else ''}{depth} deep, at most {MAX_DEPTH} is read",
        "name its parts as traits and use their names",
    )


def too_many(nodes: int, least: bool = False) -> Complaint:
    return Complaint(
        "E138",
        f"this has {'more than ' if least else ''}{nodes:,} parts, at most {MAX_NODES:,} are read",
        "write many values as `x in (…)`, long lists as `in_list('…')` of a file, and name parts as traits",
    )


def of_literal(node: Literal) -> Complaint | None:
    """Why a value cannot be meant, if so."""
    return of_duration(node.value) if isinstance(node.value, Duration) else of_number(node.value)


def of_tree(tree: Expr) -> tuple[Expr, Complaint] | None:
    """What is only known of a whole tree, and where: its size, numbers with their signs, where percents stand."""
    complaint = of_size(tree)
    if complaint:
        return tree, complaint
    stack: list[tuple[Expr, bool]] = [(tree, False)]
    while stack:
        node, argument = stack.pop()
        if isinstance(node, Literal):
            complaint = of_literal(node)
            if not complaint and node.percent and not argument:
                what = "a percentage stands only as an argument, as in sample(10%, 'spring')"
                complaint = Complaint("E137", what, f"here write the number: {node.value}")
            if complaint:
                return node, complaint
        inside = isinstance(node, Fitted) or (isinstance(node, Apply) and node.op not in SYMBOLS)
        stack.extend((child, inside) for child in children(node))
    return None
