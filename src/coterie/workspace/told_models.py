"""What the report tells of models: the fits that the results were made with, what they say of today's customers, and who those
are of whom they say most."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.core.windows import local_day
from coterie.language.describe import describe
from coterie.language.names import written
from coterie.language.tree import EventColumn, Expr, Measure, typed
from coterie.language.types import BOOLEAN, MONEY
from coterie.models.clusters.fitted import Fit as Groups
from coterie.models.kinds import MODELS
from coterie.models.kinds.lifetime_value import INPUTS
from coterie.models.kinds.predict import happens
from coterie.models.model import Asking
from coterie.models.prediction.fitted import Fit as Prediction
from coterie.models.value.fitted import TOTALS, Scores
from coterie.models.value.fitted import Fit as Value
from coterie.models.value.history import Floats, Integers
from coterie.profiles.charts.colours import by_key
from coterie.profiles.hidden import is_small
from coterie.profiles.page.parts import Card
from coterie.profiles.page.render import anchor
from coterie.profiles.personas.persona import Group, Persona
from coterie.profiles.sections.clusters import ClusterNumbers
from coterie.profiles.sections.lifetime import LifetimeNumbers, Worth
from coterie.profiles.sections.personas import card
from coterie.profiles.sections.predictions import PredictionNumbers
from coterie.traits.batch import TIME, quoted, relation
from coterie.workspace.fits import ModelState
from coterie.workspace.grid import is_rfm
from coterie.workspace.labels import label_order
from coterie.workspace.results import event_view
from coterie.workspace.run import builder

if TYPE_CHECKING:
    from coterie.workspace.report import Gathering

MOST = 3
"""Segmentations by which totals are told."""
ENDS = (0.05, 0.95)
DRAWN = 40_000_000
"""Values drawn for totals at most; of very many customers there are fewer futures, which then differ little."""
PARTS = ("", "probability_alive", "expected_orders", "value_per_order", "low", "high")
BANDS = 10
HIGHEST = 10


def states_of(gathering: "Gathering") -> list[ModelState]:
    """The models that are definitions of their own, in the order of the project."""
    known = gathering.results.catalog.definitions
    return [s for s in gathering.space.models.states() if s.name in known]


def why_not(gathering: "Gathering", name: str) -> str:
    """Why a model has no fit, as the run said it."""
    start = f"{name} is not fitted: "
    return next((n.removeprefix(start) for n in gathering.results.made.data["notes"] if n.startswith(start)), "")


# --- predictions


def highest(gathering: "Gathering") -> list[Group]:
    """Of each prediction that is better than chance the customers of whom it tells most."""
    out = []
    for state in gathering.models:
        if state.call.function in ("predict", "lookalike") and state.fit is not None:
            fit = Prediction.from_json(state.fit.parameters)
            if fit.kind != "multiclass" and fit.quality.verdict != "no better than chance":
                name = written(state.name)
                out.append(Group(tenth(state.name), "customers in the highest tenth", f"{name}.tenth = {HIGHEST}"))
    return out


def tenth(name: str) -> str:
    return f"{name}.tenth = {HIGHEST}"


def predictions(gathering: "Gathering") -> list[PredictionNumbers]:
    """Each prediction and lookalike of the project."""
    found = []
    people = {p.group.name: p for p in gathering.people}
    for state in gathering.models:
        if state.call.function not in ("predict", "lookalike"):
            continue
        if state.fit is None:
            found.append(PredictionNumbers(state.name, state.written, None, why_not(gathering, state.name)))
            continue
        outcome = state.call.args[0]
        lookalike = state.call.function == "lookalike"
        text = f"are in {describe(outcome)}" if lookalike else happens(outcome) if typed(outcome) == BOOLEAN else ""
        top = people.get(tenth(state.name))
        found.append(
            PredictionNumbers(
                state.name,
                state.written,
                Prediction.from_json(state.fit.parameters),
                learned=state.fit.as_of,
                version=state.fit.number,
                happens=text,
                currency=_currency(gathering, outcome),
                each=_each(gathering, outcome),
                cards=[_card(top, gathering)] if top is not None and _large(top, gathering) else (),
            )
        )
    return found


def _card(top: Persona, gathering: "Gathering") -> Card:
    """Who the customers of the highest tenth are."""
    made = card(top, gathering.setting)
    note = "Tenths are those of the customers that it was judged on; of today's more or fewer may be in one."
    return replace(made, title="Who is in the highest tenth", note=f"{made.note} {note}".strip())


def _currency(gathering: "Gathering", outcome: Expr) -> str | None:
    """The currency of what is predicted; None where it is no money."""
    if isinstance(outcome, Measure) and outcome.aggregation in ("sum", "avg", "max", "min") and gathering.stream is not None:
        return gathering.setting.currency if (outcome.event, outcome.column) == gathering.stream else None
    return gathering.setting.currency if typed(outcome) == MONEY else None


def _each(gathering: "Gathering", outcome: Expr) -> tuple[float, str] | None:
    """What one event of those that are predicted to happen brought on average up to now."""
    stream = gathering.stream
    if not (isinstance(outcome, Measure) and outcome.aggregation == "exists" and outcome.where is None):
        return None
    if stream is None or stream[1] is None or outcome.event != stream[0]:
        return None
    results = gathering.results
    results.attach_events()
    q = builder(results.engine, results.context)
    until = q.binary("<=", quoted(TIME), q.literal(results.made.as_of))
    paid = q.binary(">", quoted(stream[1]), q.literal(0))
    select = (
        exp.select(q.call("AVG", q.cast(quoted(stream[1]), "DOUBLE"))).from_(relation(event_view(stream[0]))).where(until, paid)
    )
    mean = results.engine.rows(select)[0][0]
    return None if mean is None else (float(str(mean)), f"One {stream[0]}")


# --- lifetime value


def lifetimes(gathering: "Gathering") -> list[LifetimeNumbers]:
    """Each lifetime value of the project, with what customers of today are expected to bring."""
    return [_lifetime(gathering, s) for s in gathering.models if s.call.function == "lifetime_value"]


def _lifetime(gathering: "Gathering", state: ModelState) -> LifetimeNumbers:
    if state.fit is None:
        return LifetimeNumbers(state.name, state.written, None, why_not(gathering, state.name))
    results = gathering.results
    fit, days = Value.from_json(state.fit.parameters["fit"]), int(state.fit.parameters["horizon_days"])
    stream = state.call.args[0]
    assert isinstance(stream, EventColumn)
    zone, instant = results.project.timezone, results.made.as_of
    asking = Asking(state.call, state.name, results.catalog, local_day(instant, zone), {}, zone)
    inputs = MODELS[state.call.function].inputs(asking, INPUTS)
    asked = {name: inputs[name] for name in ("days", "since_first")}
    table = results.prepared(asked.values())
    compiler = results.compiler()
    names = _told_by(gathering)
    columns = [compiler.sql(tree).as_(name, quoted=True) for name, tree in asked.items()]
    columns += [quoted(f"{state.name}.{part}" if part else state.name).as_(f"told {part}", quoted=True) for part in PARTS]
    columns += [quoted(name).as_(f"label {i}", quoted=True) for i, name in enumerate(names)]
    rows = results.engine.fetch(exp.select(*columns).from_(relation(table)))
    rows = rows.filter(pa.compute.is_valid(rows.column("told ")))
    who = rows.num_rows

    def column(name: str) -> Floats:
        return np.asarray(rows.column(name).cast(pa.float64()), np.float64)

    x, age, value, alive = column("days") - 1, column("since_first"), column("told "), column("told probability_alive")
    scores = Scores(
        *(column(f"told {part}") for part in ("probability_alive", "expected_orders", "value_per_order", "", "low", "high"))
    )
    places: list[Integers] = [np.zeros(who, np.int64)]
    many, orders = [1], list[Sequence[str]]([("",)])
    for i, name in enumerate(names):
        order = label_order(results, name)
        at = {label: place for place, label in enumerate(order)}
        places.append(np.array([at.get(label, -1) for label in rows.column(f"label {i}").to_pylist()], np.int64))
        many.append(len(order))
        orders.append(order)
    draws = max(60, min(TOTALS, DRAWN // max(who, 1)))
    totals = fit.totals(x, age, scores, days, places, many, draws=draws)
    off = 1 + (fit.off or 0.0) * np.random.default_rng(fit.seed).standard_normal(draws)
    worths = [_worths(value, place, order, drawn * off) for place, order, drawn in zip(places, orders, totals, strict=True)]
    ranked = np.sort(value)[::-1]
    return LifetimeNumbers(
        state.name,
        state.written,
        fit,
        learned=state.fit.as_of,
        version=state.fit.number,
        days=days,
        event=stream.event,
        currency=gathering.setting.currency,
        whole=worths[0][""],
        groups=dict(zip(names, worths[1:], strict=True)),
        colours={name: by_key(order) for name, order in zip(names, orders[1:], strict=True)},
        tenths=[(len(part), float(part.mean())) for part in np.array_split(ranked, HIGHEST) if len(part)],
        alive=np.histogram(np.clip(alive, 0, 1), BANDS, (0.0, 1.0))[0].tolist(),
        notes=[str(note) for note in state.fit.told["notes"]],
    )


def _worths(value: Floats, at: Integers, order: Sequence[str], totals: Floats) -> dict[str, Worth]:
    """What each group is expected to bring, and between which ends of its drawn totals."""
    out = {}
    for i, label in enumerate(order):
        inside = at == i
        low, high = np.quantile(totals[i], ENDS)
        out[label] = Worth(int(inside.sum()), float(value[inside].sum()), max(float(low), 0.0), float(high))
    return out


def _told_by(gathering: "Gathering") -> list[str]:
    """The segmentations by which totals are told: by value, groups that were found, then those with rules."""
    results = gathering.results

    def rank(name: str) -> int:
        return 0 if is_rfm(results, name) else 1 if gathering.learned(name) == "clusters" else 2

    usable = [n for n in results.made.labels if n in results.columns and sum(1 for label in results.made.labels[n] if label) > 1]
    return sorted(usable, key=rank)[:MOST]


# --- groups that were found


def clusters(gathering: "Gathering") -> list[ClusterNumbers]:
    """Each segmentation of the project whose groups were found."""
    results = gathering.results
    cards = _cards(gathering)
    found = []
    for state in gathering.models:
        if state.call.function != "clusters" or state.name not in results.made.labels:
            continue
        counted = results.made.labels[state.name]
        if state.fit is None:
            found.append(ClusterNumbers(state.name, state.written, None, why_not(gathering, state.name), customers=counted))
            continue
        order = label_order(results, state.name)
        found.append(
            ClusterNumbers(
                state.name,
                state.written,
                Groups.from_json(state.fit.parameters),
                learned=state.fit.as_of,
                version=state.fit.number,
                customers=counted,
                money=gathering.money_by(state.name),
                colours=by_key(order),
                cards={label: found for (of, label), found in cards.items() if of == state.name},
            )
        )
    return found


def _cards(gathering: "Gathering") -> Mapping[tuple[str, str], tuple[str, Sequence[str]]]:
    """Where on the page the persona of a label stands, and the names of the plays that fit it."""
    people = [p for p in gathering.people if p.group.of and _large(p, gathering)]
    return {(p.group.of, p.group.label): (f"persona-{anchor(p.group.name)}", [s.play.name for s in p.strategies]) for p in people}


def _large(p: Persona, gathering: "Gathering") -> bool:
    """Whether a persona may be shown."""
    return not is_small(p.customers, gathering.setting.k) and not is_small(p.others, gathering.setting.k)
