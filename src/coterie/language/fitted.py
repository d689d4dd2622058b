"""Fitted calls as the language sees them: what they take and the types of what they give. Their fitting is in `models/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coterie.core.windows import EXACT, Duration, Next
from coterie.language.tree import Column, EventColumn, Expr, Fitted, Literal, Measure, Sequence, WindowTest, typed, walk
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, NUMBERS, TEXT, TIMES, TIMESTAMP, Kind, Type

Values = tuple[int | None, int | None, bool] | frozenset[str] | None
"""What a fitted value can be: the least, the greatest, and whether these themselves are left out; or all its labels; or
anything."""


@dataclass(frozen=True, slots=True)
class FittedForm:
    """One fitted function: `streams` says that its arguments are columns of events; `check` gives its type and the types of
    its parts, or a complaint; `values` is what a call, or a part of it, can be; `ahead` that its first argument may look at
    what is still to come; `model` that its parameters are learned by `coterie fit` and kept, not counted anew at each run.
    In `words`, {0} is the first argument, {rest} those behind it."""

    name: str
    streams: bool
    by: bool
    check: Callable[[tuple[Expr, ...]], "Shape | str"]
    words: str
    values: Callable[[Fitted, str], "Values"]
    ahead: bool = False
    model: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of a fitted value and those of its parts; `others`: of parts that only the data name (`interest.shoes`)."""

    type: Type
    parts: Mapping[str, Type]
    others: Type | None = None


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


NEXT_ORDER = ("next_order", "next_order_low", "next_order_high")
"""The parts of `lifetime_value` that are days."""


def _lifetime_value(args: tuple[Expr, ...]) -> Shape | str:
    how = "lifetime_value takes the amount of a kind of event and a length of time, as in lifetime_value(order.amount, 365 days)"
    if len(args) != 2 or not isinstance(args[0], EventColumn):
        return how
    length = args[1].value if isinstance(args[1], Literal) else None
    if not isinstance(length, Duration) or length.unit in EXACT:
        return f"{how}; the length is in days or longer"
    if typed(args[0]) not in NUMBERS:
        return f"the first of lifetime_value is a number, {args[0].column} is {typed(args[0])}"
    parts = ("probability_alive", "expected_orders", "value_per_order", "low", "high")
    return Shape(FLOAT, dict.fromkeys(parts, FLOAT) | dict.fromkeys(NEXT_ORDER, DATE))


def looks_ahead(node: Expr) -> bool:
    """Whether an expression asks for what customers will do."""
    return any(isinstance(n, Measure | Sequence | WindowTest) and isinstance(n.window, Next) for n in walk(node))


def _predict(args: tuple[Expr, ...]) -> Shape | str:
    how = "as in predict(exists(order within next 30 days)), or predict(income_answer from age, revenue)"
    if not args:
        return f"predict takes what is to be predicted, {how}"
    outcome, *features = args
    if not looks_ahead(outcome) and not (isinstance(outcome, Column) and features):
        return f"what predict predicts either looks ahead (within next 30 days) or is a column that some customers lack, {how}"
    if any(not isinstance(feature, Column) for feature in features):
        return f"behind `from` stand names of traits and attributes, {how}"
    if typed(outcome) == BOOLEAN:
        return Shape(FLOAT, {"tenth": INTEGER})
    if typed(outcome) in NUMBERS:
        return Shape(FLOAT, {"low": FLOAT, "high": FLOAT, "tenth": INTEGER})
    if typed(outcome) == TEXT and not looks_ahead(outcome):
        return Shape(TEXT, {"probability": FLOAT})
    return f"predict predicts a number, whether something holds, or a text, this is {typed(outcome)}"


def _clusters(args: tuple[Expr, ...]) -> Shape | str:
    if not args:
        return "clusters takes the traits by which customers are alike, as in clusters(age, income, orders_90d)"
    for arg in args:
        if typed(arg).kind is Kind.DURATION:
            return "clusters takes traits and attributes, not a length of time"
    return Shape(TEXT, {"key": INTEGER, "typicality": FLOAT})


def _affinity(args: tuple[Expr, ...]) -> Shape | str:
    how = "affinity takes a column of a kind of event, and how fast interest fades: affinity(order.category half life 60 days)"
    if not 1 <= len(args) <= 2 or not isinstance(args[0], EventColumn):
        return how
    if typed(args[0]) != TEXT:
        return f"the column of affinity holds texts, {args[0].column} is {typed(args[0])}"
    if len(args) == 2:
        length = args[1].value if isinstance(args[1], Literal) else None
        if not isinstance(length, Duration) or length.unit not in ("day", "week"):
            return f"{how}; the half life is in days or weeks"
    return Shape(TEXT, {"score": FLOAT}, others=FLOAT)


def _lookalike(args: tuple[Expr, ...]) -> Shape | str:
    if not args or typed(args[0]) != BOOLEAN or not isinstance(args[0], Column):
        return "lookalike takes a segment: lookalike(vip), and may name the traits to compare by: lookalike(vip, age, revenue)"
    if any(not isinstance(feature, Column) for feature in args[1:]):
        return "behind the segment stand names of traits and attributes, as in lookalike(vip, age, revenue)"
    return Shape(FLOAT, {"tenth": INTEGER})


def _cross(args: tuple[Expr, ...]) -> Shape | str:
    how = "cross takes two or more segmentations and how large a group must be: cross(value, lifecycle) at least 50"
    columns = args[:-1] if args and isinstance(args[-1], Literal) else args
    if len(columns) < 2 or not all(isinstance(c, Column) and typed(c) in (TEXT, BOOLEAN) for c in columns):
        return how
    if len({c.name for c in columns if isinstance(c, Column)}) < len(columns):
        return "cross takes each segmentation once"
    if columns != args:
        least = args[-1].value if isinstance(args[-1], Literal) else None
        if isinstance(least, bool) or not isinstance(least, int) or least < 1:
            return f"{how}; the number is a whole one, 1 or more"
    return Shape(TEXT, {})


def _chance(_call: Fitted, part: str) -> Values:
    return (1, 10, False) if part == "tenth" else (0, 1, False)


def _money(_call: Fitted, part: str) -> Values:
    if part in NEXT_ORDER:
        return None
    return (0, 1, False) if part == "probability_alive" else (0, None, False)


def _prediction(call: Fitted, part: str) -> Values:
    if part == "tenth":
        return 1, 10, False
    return (0, 1, False) if part == "probability" or typed(call.args[0]) == BOOLEAN else None


def _anything(_call: Fitted, _part: str) -> Values:
    return None


def _group(_call: Fitted, part: str) -> Values:
    return (0, 1, False) if part == "typicality" else None


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
        FittedForm("lifetime_value", True, False, _lifetime_value, "the sum of {0} expected over the next {1}", _money, model=True),
        FittedForm("predict", False, False, _predict, "the prediction of {0}", _prediction, ahead=True, model=True),
        FittedForm("clusters", False, False, _clusters, "the group of customers who are alike in {0}", _group, model=True),
        FittedForm("affinity", True, False, _affinity, "the {0} of most interest now", _anything, model=True),
        FittedForm("lookalike", False, False, _lookalike, "how much alike those of whom {0}", _chance, model=True),
        FittedForm("cross", False, False, _cross, "the combination of {0}", _anything, model=True),
    )
}
"""What this version can fit."""
LATER = ("recommend",)
"""Fitted functions of the language that this version does not fit yet."""
