"""Fitted calls as the language sees them: what they take and the types of what they give. Their fitting is in `models/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coterie.language.tree import EventColumn, Expr, Fitted, Literal, typed
from coterie.language.types import FLOAT, INTEGER, NUMBERS, TEXT, TIMES, TIMESTAMP, Type

Values = tuple[int | None, int | None, bool] | frozenset[str] | None
"""What a fitted value can be: the least, the greatest, and whether these themselves are left out; or all its labels; or
anything."""


@dataclass(frozen=True, slots=True)
class FittedForm:
    """One fitted function: `streams` says that its arguments are columns of events; `check` gives its type and the types of
    its parts, or a complaint; `values` is what a call, or a part of it, can be."""

    name: str
    streams: bool
    by: bool
    check: Callable[[tuple[Expr, ...]], "Shape | str"]
    words: str
    values: Callable[[Fitted, str], "Values"]


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


def _share(_call: Fitted, _part: str) -> Values:
    return 0, 1, True


def _place(_call: Fitted, _part: str) -> Values:
    return 1, None, False


def _groups(call: Fitted, _part: str) -> Values:
    k = call.args[1]
    return (1, k.value, False) if isinstance(k, Literal) and isinstance(k.value, int) else None


def _scores(call: Fitted, part: str) -> Values:
    """Scores from 1 to as many as there are groups; labels where cells are written out."""
    settings = dict(call.settings)
    if part in ("recency", "frequency"):
        happened = isinstance(call.args[0], EventColumn) and call.args[0].column == "time"
        return 1 if part == "frequency" else 0 if happened else None, None, False
    if part in ("r", "f", "m"):
        axis = {"r": "recency", "f": "frequency", "m": "monetary"}[part]
        bins = settings.get("bins", 5)
        said: dict[str, object] = {} if isinstance(bins, int) else dict(bins)  # type: ignore[call-overload]
        own = bins if isinstance(bins, int) else said.get(axis, said.get(part, 5))
        return 1, own if isinstance(own, int) else len(tuple(own)) + 1, False  # type: ignore[arg-type]
    cells = settings.get("cells")
    if part == "" and cells is not None:
        pairs: tuple[tuple[object, str], ...] = tuple(cells)  # type: ignore[arg-type]
        return frozenset(str(name) for name, _ in pairs)
    if part == "" and settings.get("bins", 5) == 5:
        return frozenset(name for name, _ in CELLS)
    return None


CELLS: tuple[tuple[str, str], ...] = (
    ("Champions", "4-5/4-5/4-5"),
    ("Loyal customers", "3-5/4-5/1-5"),
    ("Big spenders", "3-5/1-5/5"),
    ("Potential loyalists", "4-5/2-3/1-5"),
    ("New customers", "5/1/1-5"),
    ("Promising", "4/1/1-5"),
    ("Need attention", "3/2-3/1-5"),
    ("About to sleep", "3/1/1-5"),
    ("Cannot lose them", "1-2/4-5/4-5"),
    ("At risk", "1-2/3-5/1-5"),
    ("Hibernating", "2/1-2/1-5"),
    ("Lost", "1/1-2/1-5"),
)
"""The customary named cells of `rfm` for five scores; each customer with an event falls in exactly one as the first that
fits."""

FITTED: dict[str, FittedForm] = {
    form.name: form
    for form in (
        FittedForm("percentile", False, True, _percentile, "the share of customers below {0}", _share),
        FittedForm("quantile", False, True, _quantile, "the group of {0} among {1} of about equal size, 1 the lowest", _groups),
        FittedForm("rank", False, True, _rank, "the rank by {0}, 1 the largest", _place),
        FittedForm("rfm", True, False, _rfm, "the recency, frequency and monetary group of {0} and {1}", _scores),
    )
}
"""What this version can fit."""
LATER = ("clusters", "lifetime_value", "predict", "affinity", "lookalike", "recommend")
"""Fitted functions of the language that this version does not fit yet."""
