"""Predictions: what customers will do, learned from days past whose sequel is known; or what is known of some customers only.

A forecast is learned as of several past days, features up to each day and the outcome after it, and judged on the latest, which
the judged fit has not seen. `predict(income from age, revenue)` is no forecast: it is learned from those whose income is known.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from coterie.core.errors import Degenerate, TooFewRows, did_you_mean
from coterie.core.windows import EXACT, Duration, Next, clamped_step, exact_length
from coterie.language.describe import describe
from coterie.language.fitted import looks_ahead
from coterie.language.format import format as format_expr
from coterie.language.names import written
from coterie.language.tree import Expr, Measure, WindowTest, typed, walk
from coterie.language.types import BOOLEAN, TEXT
from coterie.models import told
from coterie.models.features import features, named, resting_on
from coterie.models.model import Asking, Learned, Sample, Scoring, Want

if TYPE_CHECKING:
    from coterie.models.prediction.training import Kind

DAYS = 4
"""As of so many past days a forecast is learned, where the past is long enough."""
OUTCOME = "outcome"
LONG = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 30.4, "quarter": 91.3, "year": 365.25}
"""About how many days a unit has, to tell the longer of two windows."""


class Predict:
    function = "predict"

    def wants(self, asking: Asking) -> Sequence[Want]:
        outcome, asked = asking.call.args[0], asking.call.args[1:]
        if asked:
            inputs: Mapping[str, Expr] = {format_expr(a): a for a in asked}
        else:
            inputs = features(asking, named([outcome]) if not looks_ahead(outcome) else ())
        if not looks_ahead(outcome):
            return [Want(asking.today, inputs, {OUTCOME: outcome})]
        before = last_period(outcome)
        if before is not None and not asked:
            inputs = {**inputs, before: asking.tree(before)}
        return [Want(day, inputs, {OUTCOME: outcome}) for day in days(asking, outcome)]

    def trial(self, asking: Asking, wants: Sequence[Want]) -> Want | None:
        """Of features that were found by themselves, the newest day before that of the test."""
        return None if asking.call.args[1:] or len(wants) < 2 else wants[-2]

    def worth(self, asking: Asking, sample: Sample, seed: int) -> Sequence[str]:
        from coterie.models.prediction.screening import worth_asking

        outcome, names = asking.call.args[0], sample.inputs.column_names
        kind, rules = kind_of(outcome), (recency(outcome, names), last_period(outcome))
        always = [*keep(asking, names), *(rule for rule in rules if rule is not None)]
        return worth_asking(sample_of(sample, kind, until(sample.as_of, outcome)), kind, seed, always)

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        from coterie.models.prediction import fitted

        outcome = asking.call.args[0]
        ahead = looks_ahead(outcome)
        kind = kind_of(outcome)
        names = list(samples[0].inputs.column_names)
        found = fitted.fit(
            [sample_of(s, kind, until(s.as_of, outcome) if ahead else None) for s in samples],
            kind=kind,
            seed=seed,
            names={text: describe(asking.tree(text)) for text in names},
            happens=happens(outcome),
            recency=recency(outcome, names),
            last_period=last_period(outcome) if ahead else None,
            keep=keep(asking, names),
            unsure=unsure(asking),
            dated=dated(asking, names) if ahead else (),
        )
        return told.prediction(found, names)

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        return asking.trees(names)

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        from coterie.models.prediction.applied import applied

        return applied(parameters)


def kind_of(outcome: Expr) -> "Kind":
    """What is predicted: whether something holds, one of several texts, or an amount."""
    return "classification" if typed(outcome) == BOOLEAN else "multiclass" if typed(outcome) == TEXT else "regression"


def sample_of(sample: Sample, kind: "Kind", end: datetime | None) -> Any:
    """A sample as the fit takes it: the outcome as numbers or texts, missing where it is not known."""
    from coterie.models.prediction.training import Sample as Rows

    column = sample.outcomes.column(OUTCOME)
    if kind == "multiclass":
        outcome = np.array(column.to_pylist(), dtype=object)
    else:
        outcome = np.asarray(column.cast(pa.float64() if not pa.types.is_boolean(column.type) else pa.int8()).cast(pa.float64()))
    keys = np.asarray(sample.keys, np.int64)
    return Rows(end_of(sample.as_of), sample.inputs, outcome, keys, end)


def unsure(asking: Asking) -> float | None:
    """The least probability with which one of several answers is told, where the project says one.

    Raises:
        Degenerate: there are no several answers.
    """
    said: Any = dict(asking.call.settings).get("unsure")
    if said is not None and kind_of(asking.call.args[0]) != "multiclass":
        raise Degenerate(
            "`unsure:` is for predictions that tell one of several answers",
            hint="leave it out, and compare the probability or the amount where it is used",
        )
    return None if said is None else float(said)


def keep(asking: Asking, names: Sequence[str]) -> list[str]:
    """The features that `keep:` says are known before the outcome.

    Raises:
        Degenerate: it names something else.
    """
    said: Any = dict(asking.call.settings).get("keep", ())
    kept = [written(name) for name in said]
    if strange := [name for name in kept if name not in names]:
        raise Degenerate(
            f"`keep:` names {', '.join(strange)}, which is no feature here", hint=did_you_mean(strange[0], names, "Features")
        )
    return kept


def dated(asking: Asking, names: Sequence[str]) -> list[str]:
    """The features that were as they are told as of each day; what is only taken to have held then may have been written down
    after the outcome."""
    undated = resting_on(asking.catalog, set(asking.undated))
    return [name for name in names if not named([asking.tree(name)]) & undated]


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time())


def horizon(outcome: Expr) -> Duration:
    """The longest window ahead of an outcome."""
    lengths = [n.window.length for n in walk(outcome) if isinstance(n, Measure | WindowTest) and isinstance(n.window, Next)]
    return max(lengths, key=lambda length: LONG[length.unit] * length.n)


def until(day: date, outcome: Expr) -> datetime:
    """When the outcome of a day is complete."""
    length = horizon(outcome)
    if length.unit in EXACT:
        return end_of(day) + exact_length(length)
    return end_of(clamped_step(day, length.n, length.unit))


def days(asking: Asking, outcome: Expr) -> list[date]:
    """The past days to learn from, oldest first: each with its outcome complete, none overlapping another's, and enough before
    the oldest to tell customers apart.

    Raises:
        TooFewRows: the events do not reach back far enough.
    """
    kinds = [n.event for n in walk(outcome) if isinstance(n, Measure)]
    first = min((asking.first[k] for k in kinds if k in asking.first), default=asking.today)
    span = max(1, (until(asking.today, outcome) - end_of(asking.today)).days)
    last = asking.today
    while until(last, outcome) > end_of(asking.today):
        last -= timedelta(days=1)
    found: list[date] = []
    while len(found) < DAYS and (last - first).days >= span:
        found.append(last)
        last -= timedelta(days=span)
    if not found:
        raise TooFewRows(
            f"the outcome is only known {span} days later, and events begin on {first}",
            hint=f"at least {2 * span} days of events are needed, so that there is as much before as behind: shorten the window",
        )
    return found[::-1]


def happens(outcome: Expr) -> str:
    """What is predicted, as it follows a share of customers."""
    match outcome:
        case Measure(aggregation="exists", event=event, window=Next(length=length)) if outcome.where is None:
            return f"have a new {event} within {length}"
        case _:
            return f"are such that {describe(outcome)}"


def recency(outcome: Expr, names: Sequence[str]) -> str | None:
    """The feature that tells how long ago the customer last did what is predicted."""
    for node in walk(outcome):
        if isinstance(node, Measure):
            text = f"days_since(last({node.event}.time))"
            if text in names:
                return text
    return None


def last_period(outcome: Expr) -> str | None:
    """The same amount over the period just gone, where the outcome is one measure of a period ahead."""
    if not isinstance(outcome, Measure) or not isinstance(outcome.window, Next) or typed(outcome) == BOOLEAN:
        return None
    text = format_expr(outcome)
    return text.replace(" within next ", " within ")
