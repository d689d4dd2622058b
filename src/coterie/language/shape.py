"""What a tree must be to be written at all: sizes, lengths of time, windows. Types are the checker's."""

from dataclasses import dataclass

from coterie.core.windows import EXACT, Ago, Around, Duration, FromTo, Next, Period, Window, Within
from coterie.language.tree import Expr, Literal, children

MAX_NODES = 1024
MAX_DEPTH = 32
MAX_LENGTH = 100_000
"""Characters of one expression."""
INTEGERS = range(-(2**63), 2**63)
MAX_DIGITS = 38
"""Digits of a number with a point: what an exact calculation is done in."""

FITTED = frozenset(
    [
        "rfm",
        "percentile",
        "quantile",
        "rank",
        "clusters",
        "lifetime_value",
        "predict",
        "affinity",
        "lookalike",
        "recommend",
    ]
)
"""Calls that learn parameters from the whole population."""

MEMBERS = "members"
QUANTIFIERS = ("any", "all", "none", "count")

INFIX = frozenset(["=", "<", "<=", ">", ">=", "contains", "starts with", "ends with", "matches"])
ARITHMETIC = frozenset(["+", "-", "*", "/", "%"])
LISTS = frozenset(["in", "has any", "has all"])
TESTS = frozenset(["is missing", "is known"])
SYMBOLS = INFIX | ARITHMETIC | LISTS | TESTS | {"between", "neg"}
"""The operators of `Apply` that are not written as a call."""

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
        return Complaint(
            "E138",
            f"this is nested {depth} deep, at most {MAX_DEPTH} is read",
            "name its parts as traits and use their names",
        )
    return None


def too_many(nodes: int, least: bool = False) -> Complaint:
    return Complaint(
        "E138",
        f"this has {'more than ' if least else ''}{nodes:,} parts, at most {MAX_NODES:,} are read",
        "write many values as `x in (…)`, long lists as `in_list('…')` of a file, and name parts as traits",
    )


def of_literal(node: Literal) -> Complaint | None:
    """Why a value cannot be meant, if so."""
    return of_duration(node.value) if isinstance(node.value, Duration) else of_number(node.value)
