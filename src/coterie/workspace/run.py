"""A run: from sources to published results, in ordered steps.

`answer` is the part between gathered tables and answered definitions; `run` around it gathers, builds the next results file
aside and publishes it, so that a run that fails or is killed leaves the last results as they were.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import DefinitionError, NotSupported
from coterie.core.windows import last_instant, local_day
from coterie.engine.engine import Engine
from coterie.language.catalog import Catalog, Resolved
from coterie.language.check import read_time
from coterie.language.compile import Compiler
from coterie.language.fitted import FITTED, Shape
from coterie.language.format import format as format_expr
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.tree import Expr, Fitted, Measure
from coterie.language.tree import Sequence as Steps
from coterie.language.types import Type
from coterie.models.kinds import FITTERS
from coterie.segments import membership
from coterie.segments.beside import beside
from coterie.segments.membership import Packed, Size
from coterie.traits import batch
from coterie.traits.batch import Batch, Tables, Wanted, quoted, relation, walk_outer
from coterie.traits.carry import make, undecided
from coterie.workspace.models import Models
from coterie.workspace.project import Project

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress for nobody."""


TRAITS = "traits"
"""The table of a run's results: one row a customer, with attributes, traits, segmentations and measures."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What answering all definitions gave: three-way sizes of segments, labels of segmentations, rows that a condition could
    not decide, and how long the parts took (seconds)."""

    sizes: Mapping[str, Size]
    labels: Mapping[str, Mapping[str | None, int]]
    unknown_rows: Mapping[str, int]
    population: int
    fits: Sequence["Learned"] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """What has to be asked to answer every definition of a catalog as of an instant: the batch of traits, then the rules."""

    catalog: Catalog
    batch: Batch
    rules: Mapping[str, Expr]
    compiler: Compiler


def planned(engine: Engine, tables: Tables, catalog: Catalog, context: Context, models: Models | None = None) -> Planned:
    """Plan the answers; nothing is asked yet.

    Args:
        engine: for whose dialect.
        tables: customers of the population at as_of, and events.
        catalog: the checked definitions.
        context: as_of, zone and lists.
        models: what is fitted; without them all values of models are missing.
    """
    q = builder(engine, context)
    known = Models(catalog, context.zone) if models is None else models
    wanted, rules = split(catalog, known.needed)
    aliases = batch.aliases_of((w.name, w.tree) for w in wanted)
    at = known.at(context.as_of)

    def plan(these: list[Wanted], have: Iterable[str] = ()) -> Batch:
        return batch.plan(these, tables, catalog.scope, q, FITTERS, aliases=aliases, have=have, table=TRAITS, models=at)

    try:
        traits = plan(wanted)
    except NotSupported as error:
        others = {w.name: {o.name for o in wanted} - {w.name} for w in wanted}
        raise whose(error, catalog, {w.name: partial(plan, [w], others[w.name]) for w in wanted}) from None
    return Planned(catalog, traits, rules, batch.compiler(q, catalog.scope, tables, aliases))


def whose(error: NotSupported, catalog: Catalog, alone: Mapping[str, Callable[[], object]]) -> NotSupported:
    """The error of an engine that lacks something, with the definition that asks for it; `alone` compiles each for itself."""
    for name, compiled in alone.items():
        try:
            compiled()
        except NotSupported as again:
            found = catalog.definitions.get(name)
            place = None if found is None or found.origin is None else found.origin.place(0, len(found.origin.text))
            return NotSupported(f"{name} cannot be had: {again.message}", hint=again.hint, place=place)
    return error


def answer(
    engine: Engine,
    tables: Tables,
    catalog: Catalog,
    context: Context,
    progress: Progress = silent,
    models: Models | None = None,
) -> Answered:
    """Answer every definition of a catalog over the tables of an engine.

    Makes the tables `traits` and `segment_bits` and the view `segments`. Arguments as of `planned`.
    """
    clock = _Clock()
    asked = planned(engine, tables, catalog, context, models)
    clock.lap("plan")
    return settle(engine, asked, progress, clock)


def settle(engine: Engine, asked: Planned, progress: Progress = silent, clock: "_Clock | None" = None) -> Answered:
    """Answer what was planned; the tables as of `answer`."""
    clock, catalog = clock or _Clock(), asked.catalog
    try:
        compiled = membership.rules(asked.rules, asked.compiler, TRAITS, keys=[batch.KEY])
    except NotSupported as error:
        alone = {n: partial(membership.rules, {n: rule}, asked.compiler, TRAITS) for n, rule in asked.rules.items()}
        raise whose(error, catalog, alone) from None
    learned = carry_out(engine, asked.batch, progress)
    clock.lap("traits")
    progress(f"answering {len(asked.rules)} segments")
    sizes = membership.store(engine, compiled, TRAITS)
    clock.lap("segments")
    counted = label_counts(engine, [d.name for d in catalog.of("segmentation")])
    unknown = undecided(engine, asked.batch)
    population = int(str(engine.rows(exp.select(asked.compiler.q.count_rows()).from_(relation(TRAITS)))[0][0]))
    clock.lap("counts")
    shown = {name: sizes[name] for name in asked.rules}
    return Answered(shown, counted, {n: rows for n, rows in unknown.items() if rows}, population, learned, clock.laps)


def look(engine: Engine, asked: Planned) -> tuple[Packed, tuple["Learned", ...]]:
    """Everybody's memberships, and what the fits learned; nothing is kept but where a fit needs it."""
    labels = [d.name for d in asked.catalog.of("segmentation")]
    compiled = membership.rules(asked.rules, asked.compiler, TRAITS, keys=[batch.KEY, *labels])
    apart = beside(engine, asked.batch, compiled)
    if apart is not None:
        return membership.looked(compiled, labels, apart.asked(engine), apart.of), ()
    if len(asked.batch.steps) > 1:
        learned = carry_out(engine, asked.batch)
        return membership.looked(compiled, labels, engine.fetch(compiled.query, "memberships")), learned
    # One step and one reader: the traits need not be written down.
    traits = asked.batch.steps[0].query
    query = compiled.query.with_(exp.to_identifier(TRAITS, quoted=True), as_=traits, copy=False)
    return membership.looked(compiled, labels, engine.fetch(query, "memberships")), ()


def builder(engine: Engine, context: Context) -> Builder:
    return Builder(engine.dialect, context, exp.column("customer", quoted=True))


@dataclass(frozen=True, slots=True)
class Learned:
    """What a fitted call learned in a run, as plain values, by the column that holds its value; a model that was fitted before
    is named by its fit, which is `kept` already."""

    column: str
    call: str
    parameters: Mapping[str, Any]
    kept: bool = False


def carry_out(engine: Engine, planned: Batch, progress: Progress = silent) -> tuple[Learned, ...]:
    """Make the tables of a batch, in order, and drop those that were only on the way; returns what its fits learned."""
    for step in planned.steps:
        progress(step.about)
        make(engine, step, temporary=not step.kept)
    learned = [Learned(f.column, batch.fitted_name(f.call), parameters(engine, f)) for f in planned.fits]
    learned += [
        Learned(step.score.column, batch.fitted_name(step.score.call), step.score.model.learned, kept=True)
        for step in planned.steps
        if step.score is not None
    ]
    for step in planned.steps:
        if not step.kept:
            engine.drop(step.table)
    return tuple(learned)


MOST_VALUES = 10_000
"""A standing is learned as the table of its different values; of more of them only their number is kept."""


def parameters(engine: Engine, fit: batch.Fit) -> dict[str, Any]:
    """The parameters of a fit: the row that it learned, or for a standing the values that it counted among."""
    if fit.parameters is not None:
        row = engine.fetch(exp.select("*").from_(relation(fit.parameters))).to_pylist()[0]
        return {name: plain_value(value) for name, value in row.items()}
    grouped = [quoted(column) for column in fit.inputs.values()]
    query = exp.select(*grouped, exp.Count(this=exp.Star()).as_("n")).from_(relation(fit.table))
    query = query.where(exp.Not(this=exp.Is(this=grouped[0].copy(), expression=exp.Null())))
    query = query.group_by(*(g.copy() for g in grouped)).order_by(*(g.copy() for g in grouped)).limit(MOST_VALUES + 1)
    rows = engine.rows(query)
    if len(rows) > MOST_VALUES:
        return {"values": None, "more_than": MOST_VALUES}
    return {"values": [[plain_value(v) for v in row] for row in rows]}


def plain_value(value: object) -> object:
    """A value as JSON has it; exact numbers and times as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def split(catalog: Catalog, needed: frozenset[str] = frozenset()) -> tuple[list[Wanted], dict[str, Expr]]:
    """What a run makes as columns, and the rules it answers as bitmaps.

    A segment is a column only where something other than and / or / not reads it; what a segment measures or fits in place
    is a column under its own text. `needed`: names that models read.
    """
    rules = {d.name: d.checked.tree for d in catalog.of("segment")}
    columns: set[str] = set(needed & rules.keys())
    for definition in catalog.definitions.values():
        if definition.noun != "segment":
            columns |= definition.checked.uses & rules.keys()
            continue
        for leaf in membership.leaves(definition.checked.tree):
            if not membership.is_rule(leaf, rules):
                columns |= batch.used(leaf) & rules.keys()
    for name in reversed(list(catalog.definitions)):
        if name in columns:
            columns |= catalog.definitions[name].checked.uses & rules.keys()
    wanted: list[Wanted] = []
    inside: dict[str, Wanted] = {}
    for definition in catalog.definitions.values():
        if definition.noun != "segment" or definition.name in columns:
            wanted.append(wanted_of(definition))
        else:
            inside.update((w.name, w) for w in inner(definition.checked.tree))
    named = {batch.own_name(w.tree) for w in wanted if isinstance(w.tree, Measure | Steps | Fitted)}
    return [*wanted, *(w for name, w in inside.items() if name not in named)], rules


def wanted_of(definition: Resolved) -> Wanted:
    checked = definition.checked
    return Wanted(definition.name, checked.tree, checked.nothing, checked.partial, definition.parts)


def inner(node: Expr) -> list[Wanted]:
    """The measures, sequences and fitted calls of a rule as columns under their own text."""
    out = []
    for found in walk_outer(node):
        if isinstance(found, Measure | Steps | Fitted):
            parts: Mapping[str, Type] = {}
            if isinstance(found, Fitted):
                shape = FITTED[found.function].check(found.args)
                parts = shape.parts if isinstance(shape, Shape) else {}
            out.append(Wanted(batch.own_name(found), found, parts=parts))
    return out


def label_counts(engine: Engine, names: Sequence[str]) -> dict[str, dict[str | None, int]]:
    """Customers by label of each segmentation, in one query; None are those that cannot be told."""
    out: dict[str, dict[str | None, int]] = {name: {} for name in names}
    if names:
        parts = []
        for place, name in enumerate(names):
            of = exp.select(exp.Literal.number(place).as_("place"), quoted(name).as_("label"), exp.Count(this=exp.Star()).as_("n"))
            parts.append(of.from_(relation(TRAITS)).group_by(quoted(name)))
        found = engine.rows(parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False))
        for at, label, n in sorted(found, key=lambda row: (row[1] is None, str(row[1]))):
            out[names[int(str(at))]][None if label is None else str(label)] = int(str(n))
    return out


class _Clock:
    """Where the time of a run went."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self.last
        self.last = now


def as_of_instant(asked: str | None, project: Project, latest: datetime | None, now: datetime) -> datetime:
    """The instant of a run: what was asked for, else what the project says.

    A date means its last instant in the project's zone; `latest event` the end of the day of the newest event that is not
    after now.

    Raises:
        DefinitionError: the text is neither.
    """
    written = project.as_of if asked is None else asked
    if written == "now":
        return now
    if written == "latest event":
        return now if latest is None else min(now, _end_of_day(latest, project.timezone))
    text = written if isinstance(written, str) else written.text
    found = read_time(text.strip(), project.timezone)
    if found is None:
        raise DefinitionError(
            f"{text!r} is no date",
            code="E170",
            hint="write 2026-03-01 (its end), 2026-03-01T12:00, now, or latest event",
            place=None if isinstance(written, str) else written.place,
        )
    return found if isinstance(found, datetime) else last_instant(found, project.timezone)


def _end_of_day(instant: datetime, zone: str) -> datetime:
    return last_instant(local_day(instant, zone), zone)


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def definitions_table(catalog: Catalog) -> pa.Table:
    """What each definition meant in this run, for readers of the results file."""
    rows = [
        {
            "name": d.name,
            "noun": d.noun,
            "type": str(d.checked.type),
            "hash": d.hash,
            "expression": format_expr(d.checked.written),
            "fresh": " ".join(sorted(d.checked.fresh)),
            "state": d.checked.state,
        }
        for d in catalog.definitions.values()
    ]
    schema = pa.schema([(c, pa.string()) for c in ("name", "noun", "type", "hash", "expression", "fresh", "state")])
    return pa.Table.from_pylist(rows, schema=schema)


def sizes_table(answered: Answered) -> pa.Table:
    rows = [
        {
            "segment": name,
            "in": s.inside,
            "out": s.outside,
            "cannot_tell": s.cannot_tell,
            "missing": json.dumps(dict(s.missing)),
        }
        for name, s in answered.sizes.items()
    ]
    schema = pa.schema(
        [
            ("segment", pa.string()),
            ("in", pa.int64()),
            ("out", pa.int64()),
            ("cannot_tell", pa.int64()),
            ("missing", pa.string()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)
