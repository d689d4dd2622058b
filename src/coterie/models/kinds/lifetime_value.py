"""What customers will be worth: `lifetime_value(order.amount, 365 days)`, by buy-till-you-die models.

A purchase is a day with an event whose amount is above zero; several on one day are one. Spend is what a day came to. What is
taken back later (an amount of zero or less) is no purchase and does not lower what earlier ones came to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coterie.core.errors import TooFewRows
from coterie.core.windows import Duration, Next, clamped_step, local_day
from coterie.language.fitted import NEXT_ORDER
from coterie.language.names import written
from coterie.language.tree import Apply, EventColumn, Expr, Literal, Measure
from coterie.language.types import TIMESTAMP
from coterie.models.model import Asking, Learned, Quality, Sample, Scoring, Want
from coterie.traits.batch import DAY

if TYPE_CHECKING:
    from coterie.models.value.contracts import ContractFit, Contracts
    from coterie.models.value.fitted import Fit, Scores, Tried
    from coterie.models.value.history import Floats, History

INPUTS = ("first", "days", "since_first", "since_last", "total", "first_total")
FEWEST_DAYS = 60
"""Of a shorter past nothing is held out."""
LEFT = 0.5
"""Who is less likely than this to be still there has no next order."""
FARTHEST = 36_525.0
"""Days ahead beyond which no day is told."""
EPOCH_DAY = date(1970, 1, 1)
HELD = 1 / 3
"""Of the past, the most that is held out to judge models."""


class LifetimeValue:
    function = "lifetime_value"

    def wants(self, asking: Asking) -> Sequence[Want]:
        stream = stream_of(asking)
        first = asking.first.get(stream.event)
        if first is None:
            raise TooFewRows(f"there is no {stream.event} yet", hint="customers and what they bought are needed")
        inputs = self.inputs(asking, INPUTS)
        past = (asking.today - first).days
        if past < FEWEST_DAYS:
            return [Want(asking.today, inputs)]
        held = max(1, min(horizon_days(asking), int(past * HELD)))
        ahead = Next(Duration(held, "day"))
        outcomes = {"days": replace(measure(asking, "distinct", DAY), window=ahead)}
        return [Want(asking.today - timedelta(days=held), inputs, outcomes), Want(asking.today, inputs)]

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        from coterie.models.value import choice
        from coterie.models.value.quality import Holdout

        if period_of(asking) is not None:
            return contracts_fit(asking, samples)
        newest = samples[-1]
        history, _ = history_of(newest.inputs)
        earlier = None
        if len(samples) > 1:
            held = samples[0]
            past, bought = history_of(held.inputs)
            orders = np.asarray(held.outcomes.column("days").fill_null(0), np.float64)[bought]
            if past.repeaters:
                earlier = choice.Before(past, Holdout(orders, float((newest.as_of - held.as_of).days)))
        process = dict(asking.call.settings).get("process")
        found = choice.fit(history, earlier, model=None if process is None else str(process), seed=seed)
        learned = told_of(found, horizon_days(asking), asking.zone)
        return replace(learned, notes=[*learned.notes, *beyond(asking, judged=None if earlier is None else earlier.holdout.days)])

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        stream = stream_of(asking)
        first, last = (measure(asking, which, "time") for which in ("first", "last"))
        since = asking.tree(f"days_since(first({written(stream.event)}.time))")
        total = measure(asking, "sum", stream.column)
        assert isinstance(since, Apply)
        return {
            "first": first,
            "days": measure(asking, "distinct", DAY),
            "since_first": replace(since, args=(first,)),
            "since_last": replace(since, args=(last,)),
            "total": total,
            "first_total": asking.after(total, Duration(1, "day"), "first", TIMESTAMP),
        }

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        from coterie.models.value.fitted import Fit

        if "contracts" in parameters:
            return contracts_ready(parameters)
        fit, length, zone = Fit.from_json(parameters["fit"]), float(parameters["horizon_days"]), str(parameters.get("zone", "UTC"))

        def score(rows: pa.Table, as_of: datetime) -> Mapping[str, pa.Array]:
            history, bought = history_of(rows)
            scores = fit.score(history.x, history.t_x, history.T, history.spend, length)
            wait = fit.next_purchase(history.x, history.T)
            return columns_of(scores, (wait.median, wait.low, wait.high), bought, local_day(as_of, zone))

        return score


def stream_of(asking: Asking) -> EventColumn:
    stream = asking.call.args[0]
    assert isinstance(stream, EventColumn)
    return stream


def horizon_days(asking: Asking) -> int:
    length = asking.call.args[1]
    assert isinstance(length, Literal)
    assert isinstance(length.value, Duration)
    return (clamped_step(asking.today, length.value.n, length.value.unit) - asking.today).days


def beyond(asking: Asking, judged: float | None) -> list[str]:
    """What is to be known where the time ahead is longer than the past."""
    ahead, past = horizon_days(asking), (asking.today - asking.first[stream_of(asking).event]).days
    if ahead <= past:
        return []
    how = "it could not be judged at all" if judged is None else f"it was judged on {judged:,.0f} days"
    words = f"{ahead:,} days ahead are told from {past:,} days of orders: {how}, and farther out it rests on customers going on as"
    return [f"{words} they do now. {past:,} days or fewer are told from as much past."]


def measure(asking: Asking, aggregation: str, column: str) -> Measure:
    """A measure over purchases: events whose amount is above zero."""
    stream = stream_of(asking)
    event, amount = written(stream.event), written(stream.column)
    if column == DAY:
        made = asking.tree(f"{aggregation}({event}.time where {amount} > 0)")
    else:
        made = asking.tree(f"{aggregation}({event}.{written(column)} where {amount} > 0)")
    assert isinstance(made, Measure)
    return replace(made, column=DAY) if column == DAY else made


def history_of(rows: pa.Table) -> "tuple[History, npt.NDArray[np.bool_]]":
    """The histories of those who bought, and which rows they are."""
    from coterie.models.value.history import History

    values = {name: np.asarray(rows.column(name).cast(pa.float64()), np.float64) for name in INPUTS[1:]}
    bought = values["days"] > 0
    some = {name: v[bought] for name, v in values.items()}
    x = some["days"] - 1
    age = some["since_first"]
    t_x = np.where(x > 0, age - some["since_last"], 0.0)
    rest = some["total"] - np.nan_to_num(some["first_total"])
    spend = np.where(x > 0, rest / np.maximum(x, 1), some["total"])
    return History(x, t_x, age, spend), bought


def spread(values: "Floats", bought: npt.NDArray[np.bool_]) -> pa.Array:
    """Values of those who bought, missing for all others."""
    out = np.full(len(bought), np.nan)
    out[bought] = values
    return pa.array(out, pa.float64(), mask=~bought)


def spread_days(values: "Floats", bought: npt.NDArray[np.bool_], here: npt.NDArray[np.bool_], today: date) -> pa.Array:
    """So many days after today, in whole days; missing also for those who probably left, and where it is too far to tell."""
    told = here & (values <= FARTHEST)
    out, known = np.zeros(len(bought), np.int32), np.zeros(len(bought), np.bool_)
    known[bought] = told
    out[known] = (today - EPOCH_DAY).days + np.ceil(values[told]).astype(np.int32)
    return pa.array(out, pa.int32(), mask=~known).cast(pa.date32())


def period_of(asking: Asking) -> str | None:
    """Of contracts, how often they are paid."""
    said = dict(asking.call.settings)
    return str(said["period"]) if said.get("process") == "sbg" else None


def contracts_of(rows: pa.Table, period: float) -> "tuple[Contracts, npt.NDArray[np.bool_]]":
    """The contracts of those who paid, and which rows they are."""
    from coterie.models.value.contracts import contracts

    values = {name: np.asarray(rows.column(name).cast(pa.float64()), np.float64) for name in INPUTS[1:]}
    paid = values["days"] > 0
    some = {name: v[paid] for name, v in values.items()}
    return contracts(some["since_first"], some["since_last"], some["total"], period), paid


def contracts_fit(asking: Asking, samples: Sequence[Sample]) -> Learned:
    from coterie.models.value import contracts
    from coterie.models.value.quality import Holdout

    period = period_of(asking)
    assert period is not None
    newest = samples[-1]
    columns = (np.asarray(newest.inputs.column(n).cast(pa.float64()), np.float64) for n in ("since_first", "since_last", "days"))
    first, last, days = columns
    contracts.of_a_period(first[days > 0], last[days > 0], days[days > 0], period)
    now, _ = contracts_of(newest.inputs, contracts.PERIODS[period])
    earlier, holdout = None, None
    if len(samples) > 1:
        earlier, paid = contracts_of(samples[0].inputs, contracts.PERIODS[period])
        payments = np.asarray(samples[0].outcomes.column("days").fill_null(0), np.float64)[paid]
        holdout = Holdout(payments, float((newest.as_of - samples[0].as_of).days))
    found = contracts.fit(now, earlier, holdout)
    parameters = {"contracts": found.to_json(), "horizon_days": horizon_days(asking), "zone": asking.zone}
    notes = [w.words for w in found.warnings] + beyond(asking, judged=None if holdout is None else holdout.days)
    return contracts_told(found, period, parameters, notes)


def contracts_ready(parameters: Mapping[str, Any]) -> Scoring:
    from coterie.models.value.contracts import ContractFit

    fit, length = ContractFit.from_json(parameters["contracts"]), float(parameters["horizon_days"])
    zone = str(parameters["zone"])

    def score(rows: pa.Table, as_of: datetime) -> Mapping[str, pa.Array]:
        held, paid = contracts_of(rows, fit.period)
        due = np.maximum(held.period - held.waited, 0.0)
        return columns_of(fit.score(held, length), (due, due, due), paid, local_day(as_of, zone))

    return score


def contracts_told(fit: "ContractFit", period: str, parameters: Mapping[str, Any], notes: Sequence[str]) -> Learned:
    """What a fit of contracts says of itself."""
    a, b = fit.model.alpha, fit.model.beta
    later = [r for r in fit.retention if r.renewal <= 12][-1]
    words = (
        f"{fit.ended:,} of {fit.customers:,} contracts have ended. Of those who begin, {a / (a + b):.0%} leave after the first "
        f"{period}, and {later.left:.0%} are there after {later.renewal} renewals."
    )
    quality, skill = [], None
    if fit.judged is not None:
        judged = fit.judged
        name, best = min(judged.rules.items(), key=lambda rule: rule[1].rmse)
        quality = [
            Quality("mean absolute error (payments)", judged.model.mae, baseline=best.mae, against=name),
            Quality("root mean square error (payments)", judged.model.rmse, baseline=best.rmse, against=name),
            Quality("foreseen of all payments", judged.model.foreseen / judged.model.actual if judged.model.actual else 0.0),
            Quality("customers within their 90 % interval", judged.within),
        ]
        words = f"{judged.words} {words}"
        skill = max(0.0, 1 - judged.model.rmse / best.rmse) if judged.better and best.rmse > 0 else 0.0
    errors = zip(("alpha", "beta"), (a, b), fit.model.se, strict=True)
    tables = {
        "parameters": [{"parameter": n, "value": v, "standard_error": e if np.isfinite(e) else None} for n, v, e in errors],
        "retention": [asdict(r) for r in fit.retention],
    }
    return Learned(parameters, INPUTS, words, quality, skill, notes, tables)


def columns_of(
    scores: "Scores", wait: "tuple[Floats, Floats, Floats]", bought: npt.NDArray[np.bool_], today: date
) -> Mapping[str, pa.Array]:
    """What those who bought are worth, and after how many days they buy next, as columns for everybody."""
    made = {
        "": scores.value,
        "probability_alive": scores.probability_alive,
        "expected_orders": scores.expected_orders,
        "value_per_order": scores.value_per_order,
        "low": scores.low,
        "high": scores.high,
    }
    here = scores.probability_alive >= LEFT
    told = {part: spread(values, bought) for part, values in made.items()}
    days = zip(NEXT_ORDER, wait, strict=True)
    return told | {part: spread_days(values, bought, here, today) for part, values in days}


def told_of(fit: "Fit", horizon: int, zone: str) -> Learned:
    """What a fit says of itself."""
    verdict = fit.verdict
    quality, tables = [], {"parameters": parameters_of(fit), "tried": [tried_row(t) for t in fit.tried]}
    words = fit.chosen
    skill = None
    if verdict is not None:
        best = min(verdict.rules.items(), key=lambda rule: rule[1].mae)
        against = {"mean": "everybody buys alike", "own rate": "each goes on as before"}.get(best[0], best[0])
        quality = [
            Quality("mean absolute error (orders)", verdict.model.mae, baseline=best[1].mae, against=against),
            Quality("root mean square error (orders)", verdict.model.rmse, baseline=best[1].rmse, against=against),
            Quality("foreseen of all orders", verdict.model.foreseen / verdict.model.actual if verdict.model.actual else 0.0),
        ]
        tables["by_frequency"] = [asdict(row) for row in verdict.by_frequency]
        words = f"{verdict.words} {fit.chosen}"
        skill = max(0.0, 1 - verdict.model.mae / best[1].mae) if verdict.better and best[1].mae > 0 else 0.0
    parameters = {"fit": fit.to_json(), "horizon_days": horizon, "zone": zone}
    return Learned(parameters, INPUTS, words, quality, skill, [w.words for w in fit.warnings], tables)


def parameters_of(fit: "Fit") -> list[dict[str, Any]]:
    """The parameters with their standard errors (times in weeks); an error that is not known is left out."""
    rows = [(fit.model, symbol, value, fit.se[symbol]) for symbol, value in fit.parameters.items()]
    spend = asdict(fit.spend)
    rows += [("Gamma-Gamma", name, spend[name], error) for name, error in zip("pqv", spend.get("se", ()), strict=False)]
    keys = ("of", "parameter", "value", "standard_error")
    return [dict(zip(keys, (*row[:3], row[3] if np.isfinite(row[3]) else None), strict=True)) for row in rows]


def tried_row(tried: "Tried") -> dict[str, Any]:
    found = {"model": tried.model, "log_likelihood": tried.log_likelihood, "refused": tried.refused}
    return found if tried.quality is None else {**found, "mae": tried.quality.mae, "bias": tried.quality.bias}
