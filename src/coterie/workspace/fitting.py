"""Fitting: tables to learn from, as of past days and of now, built by the same batch that answers a run.

What a model is shown as of a day was known at the end of that day: no event after it is counted, no attribute that began to
hold later. Only an outcome looks further.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import ModelError
from coterie.core.windows import Duration, clamped_step, last_instant, local_day
from coterie.language.scope import ColumnInfo
from coterie.language.tree import Expr, typed
from coterie.models.kinds import FITTERS, MODELS
from coterie.models.model import Asking, Learned, Model, Sample, Scanning, Screening, Want
from coterie.models.store import FitStore, FittedParameters
from coterie.segments.segment import Segmentation
from coterie.traits import batch
from coterie.traits.batch import KEY, Wanted, fitted_name, hidden, quoted, relation
from coterie.traits.carry import make
from coterie.traits.trait import Trait
from coterie.workspace.currencies import one_currency
from coterie.workspace.ground import Ground
from coterie.workspace.project import Project
from coterie.workspace.results import event_view
from coterie.workspace.run import Progress, builder, silent, wanted_of

SEED = 20_260_101
"""Fits are repeatable: the same data and definitions learn the same."""
REFIT = {
    "daily": Duration(1, "day"),
    "weekly": Duration(1, "week"),
    "monthly": Duration(1, "month"),
    "quarterly": Duration(1, "quarter"),
}
TABLE = "to learn from"


@dataclass(frozen=True, slots=True)
class Fitting:
    """What fitting one model gave: the fit, or why there is none."""

    name: str
    fit: FittedParameters | None
    error: ModelError | None = None


def refits(project: Project) -> dict[str, str]:
    """When the project says that each definition is to be fitted again."""
    found = {}
    definitions: tuple[Trait | Segmentation, ...] = (*project.traits.values(), *project.segmentations.values())
    for definition in definitions:
        said = definition.settings.get("refit", definition.notes.get("refit"))
        if said is not None:
            found[definition.name] = str(said)
    return found


def said_of(fitted: Sequence[Fitting]) -> list[str]:
    """What a run says of its fits: those that could not be had, and those that wait."""
    out = []
    for one in fitted:
        if one.error is not None:
            out.append(f"{one.name} is not fitted: {one.error.message}" + (f" ({one.error.hint})" if one.error.hint else ""))
        elif one.fit is not None and one.fit.state == "held":
            out.append(
                f"a new fit of {one.name} is held, {one.fit.told['held']}: `coterie fit {one.name} --accept` takes it into use"
            )
    return out


def first_days(ground: Ground) -> dict[str, date]:
    """The local day of the first event of each kind."""
    out: dict[str, date] = {}
    for kind in ground.events:
        q = builder(ground.engine, ground.context(datetime.max))
        ((found,),) = ground.engine.rows(exp.select(q.call("min", quoted(batch.DAY))).from_(relation(event_view(kind))))
        if isinstance(found, date):
            out[kind] = found
    return out


def fit(
    ground: Ground, column: str, instant: datetime, now: datetime, progress: Progress = silent
) -> tuple[FittedParameters, Sample]:
    """Fit a model anew as of an instant; with the newest table that it learned from, which may be of an earlier day.

    Raises:
        ModelError: there is not enough to learn from, or nothing in it, or amounts of several currencies.
    """
    asking = ground.models.asking(column, instant)
    one_currency(ground, asking.call)
    model = MODELS[asking.call.function]
    wants = list(model.wants(asking))
    taken: dict[date, Sample] = {}
    tried = model.trial(asking, wants) if isinstance(model, Screening) else None
    for number, want in enumerate(sorted(wants, key=lambda w: w is not tried), 1):
        progress(f"learning {column}: customers as of {want.as_of}" + (f", {number} of {len(wants)}" if len(wants) > 1 else ""))
        if want is not tried and tried is not None:
            want = replace(want, inputs={name: want.inputs[name] for name in taken[tried.as_of].inputs.column_names})
        found = sample(ground, asking, want, instant)
        if want is tried and isinstance(model, Screening):
            found = replace(found, inputs=found.inputs.select(model.worth(asking, found, SEED)))
        taken[want.as_of] = found
    samples = [taken[want.as_of] for want in wants]
    before = ground.models.fit(column, instant)
    progress(f"learning {column}")
    learned = model.fit(asking, samples, None if before is None else before.parameters, SEED)
    told = told_of(learned, samples)
    rows = samples[-1].inputs.num_rows
    return FittedParameters(column, fitted_name(asking.call), instant, now, rows, learned.parameters, told), samples[-1]


def sample(ground: Ground, asking: Asking, want: Want, instant: datetime) -> Sample:
    """The table that a model wants, in the order of the customers' numbers."""
    zone = ground.project.timezone
    at = instant if want.as_of >= local_day(instant, zone) else last_instant(want.as_of, zone)
    ins = {key: hidden(asking.call, key) for key in want.inputs}
    outs = {key: hidden(asking.call, f"outcome {key}") for key in want.outcomes}
    trees = {**{ins[k]: t for k, t in want.inputs.items()}, **{outs[k]: t for k, t in want.outcomes.items()}}
    q = builder(ground.engine, ground.context(at))
    scope = ground.catalog.scope
    scope = replace(scope, columns={**scope.columns, **{n: ColumnInfo(typed(t)) for n, t in trees.items()}})
    wanted = [*(wanted_of(d) for d in behind(ground, trees.values())), *(Wanted(n, t) for n, t in trees.items())]
    aliases = batch.aliases_of((w.name, w.tree) for w in wanted)
    tables = ground.tables(at, past=at < instant)
    planned = batch.plan(
        wanted, tables, scope, q, FITTERS, aliases=aliases, table=TABLE, prefix="learn", models=ground.models.at(at)
    )
    for step in planned.steps:
        make(ground.engine, step, temporary=True)
    columns = [quoted(KEY), *(quoted(n) for n in (*ins.values(), *outs.values()))]
    try:
        found = ground.engine.fetch(exp.select(*columns).from_(relation(TABLE)).order_by(quoted(KEY)), f"learn {asking.name}")
    finally:
        for step in planned.steps:
            ground.engine.drop(step.table)
    return Sample(want.as_of, found.column(KEY), _named(found, ins), _named(found, outs))


def _named(table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    return pa.table({key: table.column(column) for key, column in columns.items()}) if columns else pa.table({})


def behind(ground: Ground, trees: Sequence[Expr] | Any) -> list[Any]:
    """The definitions that trees name, directly or not, in the order in which they use each other."""
    names = frozenset().union(*(batch.used(t) for t in trees))
    return list(ground.catalog.behind(lambda d: d.name in names).definitions.values())


def told_of(learned: Learned, samples: Sequence[Sample]) -> dict[str, Any]:
    """What is kept of a fit beside its parameters."""
    return {
        "inputs": list(learned.inputs),
        "verdict": learned.verdict,
        "skill": learned.skill,
        "quality": [asdict(q) for q in learned.quality],
        "notes": list(learned.notes),
        "tables": {name: [dict(row) for row in rows] for name, rows in learned.tables.items()},
        "learned_from": [{"as_of": s.as_of.isoformat(), "customers": s.inputs.num_rows} for s in samples],
        "seed": SEED,
    }


USUAL = {"cross": "each run"}
"""When a model is learned again, where the project says nothing and it is not monthly: what is only counted."""
WORSE = 0.05
"""A fit whose skill is lower by more than this than that of the fit in use is held."""
MOVED = 0.3
"""So is one that would give more than this part of the customers another label, or another tenth at the top."""


def refitted(
    ground: Ground,
    store: FitStore,
    instant: datetime,
    now: datetime,
    refit: Mapping[str, str],
    progress: Progress = silent,
    *,
    names: Collection[str] | None = None,
    accept: bool = False,
) -> tuple[Ground, list[Fitting]]:
    """Fit the models that are due, or those named; what is better or as good as before is in use from now on.

    Args:
        refit: when each is due, as the project says; monthly where it does not.
        names: the columns of models to fit whether they are due or not.
        accept: take a fit into use that would be held.
    """
    out = []
    for column in ground.models.calls:
        before = ground.models.fit(column, instant)
        due = refit.get(column, USUAL.get(ground.models.calls[column].call.function, "monthly"))
        wanted = is_due(before, due, instant) if names is None else column in names
        if not wanted:
            continue
        try:
            found, newest = fit(ground, column, instant, now, progress)
        except ModelError as error:
            out.append(Fitting(column, None, error))
            continue
        why = "" if before is None or accept else held(before, found, _today(ground, column, found, newest, instant))
        found = replace(found, state="held" if why else "accepted", told={**found.told, "held": why})
        found = replace(found, number=store.keep(found))
        if not why:
            ground = replace(ground, models=ground.models.with_fit(found))
        out.append(Fitting(column, found))
    return ground, out


def _today(ground: Ground, column: str, found: FittedParameters, newest: Sample, instant: datetime) -> "Looked":
    """How a fit would tell everybody today."""
    asking = ground.models.asking(column, instant)
    model = MODELS[asking.call.function]

    def inputs() -> pa.Table:
        if newest.as_of == asking.today:
            return newest.inputs
        return sample(ground, asking, Want(asking.today, model.inputs(asking, found.told["inputs"])), instant).inputs

    return Looked(model, inputs)


@dataclass(frozen=True, slots=True)
class Looked:
    """A model, and what it asks of everybody today, which is only found out where it is needed."""

    model: Model
    inputs: Callable[[], pa.Table]


def held(before: FittedParameters, after: FittedParameters, today: Looked) -> str:
    """Why a fit is not to follow the one in use without being looked at; "" where it may."""
    model = today.model
    was, now = before.told.get("skill"), after.told.get("skill")
    if was is not None and now is not None and now < was - WORSE:
        return f"it is worse: its skill is {now:.2f}, that of the fit in use {was:.2f}"
    if before.told["inputs"] != after.told["inputs"] or isinstance(model, Scanning):
        return ""
    rows = today.inputs()
    old, new = (model.ready(f.parameters)(rows, after.as_of).get("") for f in (before, after))
    if old is None or new is None or not len(new):
        return ""
    share = moved(old, new)
    return f"it would move {share:.0%} of the customers" if share > MOVED else ""


def moved(old: pa.Array, new: pa.Array) -> float:
    """The share of labels that differ; of numbers, the share of the highest tenth that is no longer in it."""
    if pa.types.is_string(new.type) or pa.types.is_boolean(new.type):
        return float(np.mean(np.array(old.to_pylist(), object) != np.array(new.to_pylist(), object)))
    a, b = (np.nan_to_num(np.asarray(v.cast(pa.float64()), float), nan=-np.inf) for v in (old, new))
    many = max(1, len(a) // 10)
    first, then = (set(np.argsort(-v, kind="stable")[:many].tolist()) for v in (a, b))
    return 1 - len(first & then) / many


def is_due(fit: FittedParameters | None, refit: str, instant: datetime) -> bool:
    """Whether a model is to be fitted again in a run as of an instant."""
    if fit is None:
        return True
    if refit in ("never", "each run"):
        return refit == "each run"
    length = REFIT[refit]
    due = clamped_step(fit.as_of.date(), length.n, length.unit)
    return instant >= datetime.combine(due, fit.as_of.time()) - timedelta(hours=1)
