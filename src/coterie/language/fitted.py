"""Fitted calls as the language sees them: what they take and the types of what they give. Their fitting is in `models/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coterie.language.tree import EventColumn, Expr, Literal, typed
from coterie.language.types import FLOAT, INTEGER, NUMBERS, TEXT, TIMES, TIMESTAMP, Type


@dataclass(frozen=True, slots=True)
class FittedForm:
    """One fitted function: `streams` says that its arguments are columns of events; `check` gives its type and the types of
    its parts, or a complaint."""

    name: str
    streams: bool
    by: bool
    check: Callable[[tuple[Expr, ...]], "Shape | str"]
    words: str


@dataclass(frozen=True, slots=True)
class Shape:
    type: Type
    parts: Mapping[str, Type]


def _number(args: tuple[Expr, ...], name: str) -> str | None:
    if len(args) != 1:
        return f"{name} takes one value, as in {name}(revenue)"
    if typed(args[0]) not in (*NUMBERS, *TIMES):
        return f"{name} takes a number or a date, this is {typed(args[0])}"
    return None


def _percentile(args: tuple[Expr, ...]) -> Shape | str:
    return _number(args, "percentile") or Shape(FLOAT, {})


def _rank(args: tuple[Expr, ...]) -> Shape | str:
    return _number(args, "rank") or Shape(INTEGER, {})


def _quantile(args: tuple[Expr, ...]) -> Shape | str:
    if len(args) != 2:
        return "quantile takes a value and a number of groups, as in quantile(revenue, 5)"
    k = args[1]
    if not isinstance(k, Literal) or isinstance(k.value, bool) or not isinstance(k.value, int) or not 2 <= k.value <= 1000:
        return "the number of groups is a whole number from 2 to 1000, as in quantile(revenue, 5)"
    return _number(args[:1], "quantile") or Shape(INTEGER, {})


def _rfm(args: tuple[Expr, ...]) -> Shape | str:
    how = "rfm takes the time and the amount of one kind of event, as in rfm(order.time, order.amount)"
    if len(args) != 2 or not all(isinstance(a, EventColumn) for a in args):
        return how
    time, amount = args
    if not isinstance(time, EventColumn) or not isinstance(amount, EventColumn) or time.event != amount.event:
        return how
    if typed(time) != TIMESTAMP:
        return f"the first of rfm is a time, {time.column} is {typed(time)}"
    if typed(amount) not in NUMBERS:
        return f"the second of rfm is a number, {amount.column} is {typed(amount)}"
    parts = {"r": INTEGER, "f": INTEGER, "m": INTEGER, "recency": INTEGER, "frequency": INTEGER, "monetary": typed(amount)}
    return Shape(TEXT, {**parts, "score": TEXT})


FITTED: dict[str, FittedForm] = {
    form.name: form
    for form in (
        FittedForm("percentile", False, True, _percentile, "the share of customers below {0}"),
        FittedForm("quantile", False, True, _quantile, "the group of {0} among {1} of about equal size, 1 the lowest"),
        FittedForm("rank", False, True, _rank, "the rank by {0}, 1 the largest"),
        FittedForm("rfm", True, False, _rfm, "the recency, frequency and monetary group of {0} and {1}"),
    )
}
"""What this version can fit."""
LATER = ("clusters", "lifetime_value", "predict", "affinity", "lookalike", "recommend")
"""Fitted functions of the language that this version does not fit yet."""
