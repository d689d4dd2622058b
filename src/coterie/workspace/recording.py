"""From what a run found to the record: everybody's memberships, what the names stood for, and of whom something was learned."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.core.hashing import fingerprint
from coterie.engine.engine import Cluster, Engine
from coterie.language.catalog import Catalog
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.tree import Fitted
from coterie.segments import drawing, membership
from coterie.segments.history import ATTRIBUTES, Drawn, Meaning, Picture, Record, RunRecord, Snapshot
from coterie.segments.membership import Packed, Size
from coterie.segments.numbering import Numbering
from coterie.segments.state import Layout, Numbers
from coterie.sources.population import CUSTOMERS
from coterie.sources.relations import LEARNED
from coterie.traits.batch import KEY, TIME, column_of, quoted, relation, walk_outer
from coterie.workspace.results import EventSource, Made, Results, event_view
from coterie.workspace.run import TRAITS, Learned, builder

Touched = Callable[[Snapshot], Mapping[str, Numbers]]


Keys = Numbers | Numbering
"""The record's number of every customer by the dense number that they have in an engine; for a cluster, which looks them up
itself, the numbers of the record."""


def numbers_by_key(engine: Engine, record: Record, table: str = CUSTOMERS) -> Keys:
    """The record's numbers of the customers in an engine; those who have none get the next ones.

    Args:
        table: a relation with `_customer` and `customer`.
    """
    if isinstance(engine, Cluster):
        numbered(engine, record.customers, table)
        return record.customers
    rows = engine.fetch(exp.select(quoted(KEY), quoted("customer")).distinct().from_(relation(table))).combine_chunks()
    keys = rows.column(KEY).to_numpy()
    out = np.full(int(keys.max()) + 1 if len(keys) else 0, -1, np.int64)
    ids = pa.concat_arrays(rows.column("customer").chunks or [pa.array([], pa.string())])
    out[keys] = record.customers.of(ids)
    return out


def numbered(engine: Engine, customers: Numbering, table: str = CUSTOMERS) -> None:
    """Let a cluster look up the numbers of its customers, whom it will be asked for."""
    assert isinstance(engine, Cluster)
    drawing.number(engine, customers, table)


def picture(
    catalog: Catalog, found: Packed, instant: datetime, by_key: Numbers, touched: Touched, fits: Sequence[Learned] = ()
) -> Picture:
    """Everybody's memberships as of an instant, by the numbers of the record."""
    segments = tuple(d.name for d in catalog.of("segment"))
    models = models_of(catalog, fits, instant)
    return Picture(instant, segments, by_key[found.keys], found.words, found.labels, touched, models)


def kept(engine: Engine, catalog: Catalog) -> Packed:
    """Everybody's memberships as a run has left them in an engine."""
    return membership.packed(engine, len(catalog.of("segment")), TRAITS, [d.name for d in catalog.of("segmentation")])


def drawn(
    engine: Cluster,
    catalog: Catalog,
    context: Context,
    events: Iterable[str] | None,
    sizes: Mapping[str, Size],
    labels: Mapping[str, Iterable[str | None]],
    population: int,
    fits: Sequence[Learned] = (),
) -> Drawn:
    """The same of a cluster, where everything that grows with customers stays.

    Args:
        events: the kinds of event; None where it cannot be told of whom something was learned.
        sizes, labels, population: of the answers that stand in the engine.
    """
    q, instant = builder(engine, context), context.as_of

    def learned(previous: Snapshot) -> Mapping[str, exp.Select]:
        return {} if events is None else learned_since(engine, events, previous, instant, context.zone)

    def write(path: Path, layout: Layout, previous: Snapshot | None, chain: Sequence[Path]) -> tuple[str, ...]:
        return drawing.draw(engine, q, TRAITS, learned, path, layout, previous, chain)

    segments = tuple(d.name for d in catalog.of("segment"))
    listed = {d.name: tuple(sorted(x for x in labels[d.name] if x)) for d in catalog.of("segmentation")}
    counted = {name: (sizes[name].inside, sizes[name].outside, sizes[name].cannot_tell) for name in segments}
    return Drawn(instant, segments, listed, population, counted, write, models_of(catalog, fits, instant))


def touched_since(
    engine: Engine, events: Iterable[str], previous: Snapshot, instant: datetime, by_key: Numbers, zone: str
) -> Mapping[str, Numbers]:
    """The record's numbers of the customers that `learned_since` finds."""
    out = {}
    for name, query in learned_since(engine, events, previous, instant, zone).items():
        found = np.asarray(engine.fetch(query).column(KEY).to_numpy(), dtype=np.int64)
        out[name] = by_key[found[found < len(by_key)]]
    return out


def learned_since(
    engine: Engine, events: Iterable[str], previous: Snapshot, instant: datetime, zone: str
) -> Mapping[str, exp.Select]:
    """The customers of whom something was learned between a snapshot and an instant, by kind of event: one that happened in
    between, or that was loaded since; and under ATTRIBUTES those with one that began to hold or was loaded since.

    Where a whole file was loaded anew, all its rows were, and only what happened in between counts.
    """
    q = builder(engine, Context(instant, zone))
    first, last = sorted((previous.as_of, instant))
    asked = [(ATTRIBUTES, CUSTOMERS, "_valid_from"), *((kind, event_view(kind), TIME) for kind in events)]
    return {name: _learned(engine, q, table, time, first, last, previous.recorded_at) for name, table, time in asked}


def happened(engine: Engine, events: Iterable[str], first: datetime, last: datetime, zone: str) -> list[exp.Select]:
    """What `touched_since` asks of events where none was loaded late: who had one in (first, last], a query a kind."""
    q = builder(engine, Context(last, zone))
    return [_of_whom(event_view(kind), _between(q, TIME, first, last)) for kind in events]


def _learned(engine: Engine, q: Builder, table: str, time: str, first: datetime, last: datetime, recorded: datetime) -> exp.Select:
    """The customers with a row whose time lies in (first, last], or that was loaded after an instant though not all rows were."""
    loaded = exp.select(q.call("min", quoted(LEARNED)), q.call("max", quoted(LEARNED))).from_(relation(table))
    oldest, newest = engine.rows(loaded)[0]
    kept = _between(q, time, first, last)
    if isinstance(oldest, datetime) and isinstance(newest, datetime) and oldest <= recorded < newest:
        learned = q.binary(">", quoted(LEARNED), q.literal(recorded))
        kept = q.any([kept, q.all([learned, q.binary("<=", quoted(time), q.literal(last))])])
    return _of_whom(table, kept)


def _between(q: Builder, time: str, first: datetime, last: datetime) -> exp.Expression:
    return q.all([q.binary(">", quoted(time), q.literal(first)), q.binary("<=", quoted(time), q.literal(last))])


def _of_whom(table: str, kept: exp.Expression) -> exp.Select:
    """The customers of some rows, each once."""
    return exp.select(quoted(KEY)).from_(relation(table)).where(kept).group_by(quoted(KEY))


def models_of(catalog: Catalog, fits: Sequence[Learned], instant: datetime) -> dict[str, str]:
    """By definition, a fingerprint of all fitted parameters that it stands on, directly or through names."""
    learned = {f.column: _told(f, instant) for f in fits}
    aliases = {d.name: d.name for d in catalog.definitions.values()}
    on: dict[str, frozenset[str]] = {}
    for definition in catalog.definitions.values():  # in the order in which they use each other
        mine = {column_of(n, aliases) for n in walk_outer(definition.checked.tree) if isinstance(n, Fitted)}
        mine |= {definition.name}
        used = frozenset().union(*(on.get(n, frozenset()) for n in definition.checked.uses))
        on[definition.name] = frozenset(mine & learned.keys()) | used
    return {name: fingerprint(*(learned[f] for f in sorted(found))) for name, found in on.items() if found}


def _told(fit: Learned, instant: datetime) -> str:
    """The parameters as text; those too many to be kept are taken to be new each time."""
    kept = fit.parameters.get("values", True) is not None
    return json.dumps(dict(fit.parameters), sort_keys=True, default=str) + ("" if kept else instant.isoformat())


def meanings(catalog: Catalog, was: Mapping[str, Sequence[str]]) -> dict[str, Meaning]:
    """What the names of a catalog stand for."""
    reads: dict[str, set[str]] = {}
    for definition in catalog.definitions.values():  # in the order in which they use each other
        checked = definition.checked
        found = set(checked.events)
        for name in checked.uses:
            found |= reads.get(name, {ATTRIBUTES})
        reads[definition.name] = found
    return {
        d.name: Meaning(d.noun, d.hash, tuple(was.get(d.name, ())), tuple(sorted(reads[d.name])))
        for d in catalog.definitions.values()
    }


def run_record(
    number: int,
    made: Made,
    *,
    accepted: Sequence[str] = (),
    back_fill: bool = False,
    events: Mapping[str, EventSource] | None = None,
) -> RunRecord:
    files = {kind: tuple(e.files) for kind, e in (made.events if events is None else events).items()}
    return RunRecord(
        number,
        "back-fill" if back_fill else "run",
        made.as_of,
        made.finished,
        made.population,
        fingerprint(made.project_text),
        files,
        tuple(accepted),
    )


def catch_up(record: Record, results: Results) -> None:
    """Record published results that a run was killed before it could record."""
    number = results.generation.number
    if any(r.number == number for r in record.runs()):
        return
    by_key = numbers_by_key(results.engine, record, TRAITS)
    events, engine, catalog, made = results.made.events, results.engine, results.catalog, results.made
    results.attach_events()
    found: Picture | Drawn
    if isinstance(by_key, Numbering):
        assert isinstance(engine, Cluster)
        found = drawn(engine, catalog, results.context, None, results.sizes, made.labels, made.population)
    else:
        found = picture(catalog, kept(engine, catalog), made.as_of, by_key, lambda _: {})
    record.add(run_record(number, results.made, events=events), results.made.project_text, meanings(results.catalog, {}), [found])
