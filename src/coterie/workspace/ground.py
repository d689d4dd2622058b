"""What a run stands on: the sources gathered, the definitions checked, the events in view; answers can be had for any instant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlglot import exp

import coterie
from coterie.engine.engine import Cluster, Engine
from coterie.language.catalog import Catalog
from coterie.language.leaves import Context
from coterie.segments.history import Drawn, Picture
from coterie.segments.numbering import Numbering
from coterie.segments.state import Numbers
from coterie.sources.gathered import Gathered, to_json
from coterie.sources.population import population_at
from coterie.traits.batch import SORTED, Tables, quoted, relation
from coterie.workspace.collapsed import collapsed
from coterie.workspace.hands import Hands, asked_ids
from coterie.workspace.hands import notes as notes_of
from coterie.workspace.models import Models
from coterie.workspace.project import Project
from coterie.workspace.recording import Keys, Touched, drawn, happened, kept, numbered, picture, touched_since
from coterie.workspace.results import RUN, EventSource, Made, account_columns, event_view, tables_of
from coterie.workspace.run import (
    TRAITS,
    Answered,
    Planned,
    Progress,
    answer,
    definitions_table,
    look,
    planned,
    settle,
    silent,
    sizes_table,
    utc_now,
)
from coterie.workspace.store import Store
from coterie.workspace.strangers import strangers

CUSTOMERS = "customers of this run"
"""The view of the customers at an instant."""
TOGETHER = 16
"""Instants that are planned together; the engine folds as many of their scans at once as it has room for."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that answers are made of, at one state of the data and of the project file.

    Attributes:
        text: the project file, as it was read.
        loaded: when the sources were gathered.
        events: the kinds of event, each a view `event <kind>` in the engine.
        lists: the lists of ids by name.
        hands: who the record says is in a segment or out of it by hand.
        models: what is fitted.
        position: up to where the log of messages has gone into it.
    """

    project: Project
    text: str
    gathered: Gathered
    loaded: datetime
    catalog: Catalog
    engine: Engine
    events: Mapping[str, EventSource]
    lists: Mapping[str, frozenset[str]]
    hands: Hands = field(default_factory=dict)
    models: Models = field(kw_only=True)
    position: int = 0

    def tables(self, instant: datetime, *, past: bool = False) -> Tables:
        """The tables as of an instant; the customers of any instant before are no longer in view.

        Args:
            past: as that day was: with those who were customers then. Otherwise who is gone from the sources is gone, whatever
                the instant.
        """
        project = self.project
        gone_by = instant if past else max(instant, self.loaded)
        population = population_at(self.engine, self.gathered, instant, project.timezone, project.population, gone_by=gone_by)
        self.engine.view(CUSTOMERS, population, temporary=True)
        return self.names()

    def names(self) -> Tables:
        """What the tables are called, whatever the instant."""
        return tables_of(self.catalog, self.events, self.gathered.customers.account, CUSTOMERS)

    def context(self, instant: datetime) -> Context:
        return Context(instant, self.project.timezone, lists=self.lists)

    def answer(self, instant: datetime, progress: Progress = silent, *, past: bool = False) -> Answered:
        """Answer every definition as of an instant; the engine then has `traits`, `segment_bits` and `segments`.

        `past`: as of `tables`.
        """
        tables = self.tables(instant, past=past)
        return answer(self.engine, tables, self.catalog, self.context(instant), progress, self.models)

    def picture(self, instant: datetime, answered: Answered, by_key: Keys) -> Picture | Drawn:
        """Everybody's memberships as of the instant that was answered last."""
        if isinstance(by_key, Numbering):
            return self.drawn(instant, answered, self.catalog)
        found = kept(self.engine, self.catalog)
        return picture(self.catalog, found, instant, by_key, self.touched(instant, by_key), answered.fits)

    def pictures(self, instants: Sequence[datetime], by_key: Keys) -> Iterator[Picture | Drawn]:
        """Everybody's memberships as of several instants, one after the other; what they do not rest on is not asked."""
        needed = self.models.needed
        catalog = self.catalog.behind(lambda d: d.noun != "trait" or bool(d.checked.fits) or d.name in needed)
        for place, (instant, asked) in enumerate(replace(self, catalog=catalog).foreseen(instants, touched=True)):
            if isinstance(by_key, Numbering):
                if not place:
                    numbered(self.engine, by_key)
                yield self.drawn(instant, settle(self.engine, asked), catalog)
                continue
            found, fits = look(self.engine, asked)
            yield picture(self.catalog, found, instant, by_key, self.touched(instant, by_key), fits)

    def drawn(self, instant: datetime, answered: Answered, catalog: Catalog) -> Drawn:
        """What a cluster has just answered."""
        assert isinstance(self.engine, Cluster)
        context, population = self.context(instant), answered.population
        return drawn(self.engine, catalog, context, self.events, answered.sizes, answered.labels, population, answered.fits)

    def foreseen(self, instants: Sequence[datetime], *, touched: bool = False) -> Iterator[tuple[datetime, Planned]]:
        """What to ask as of several instants, planned ahead, so that the events are scanned once for many of them.

        Each is to be asked before the next is taken: the customers in view are those of its instant. `touched`: it will
        also be asked of whom something was learned since the instant before.
        """
        for start in range(0, len(instants), TOGETHER):
            some = instants[start : start + TOGETHER]
            plans = [planned(self.engine, self.names(), self.catalog, self.context(instant), self.models) for instant in some]
            queries: list[exp.Expression] = []
            for place, asked in enumerate(plans, start):
                queries += [step.query for step in asked.batch.steps]
                if touched and place:
                    queries += happened(self.engine, self.events, instants[place - 1], instants[place], self.project.timezone)
            with self.engine.foreseen(queries):
                for instant, asked in zip(some, plans, strict=True):
                    self.tables(instant, past=True)
                    yield instant, asked

    def touched(self, instant: datetime, by_key: Numbers) -> Touched:
        """Of whom something was learned between a snapshot and an instant."""
        return lambda previous: touched_since(self.engine, self.events, previous, instant, by_key, self.project.timezone)

    def in_engine(self, engine: Engine) -> "Ground":
        """The same in another engine, so that answers of other instants leave this one's tables alone."""
        for kind in self.events:
            engine.parquet(event_view(kind), self.gathered.events[kind].paths, sorted_by=SORTED)
        engine.register("lists", lists_table(self.lists))
        return replace(self, engine=engine)

    def describe(
        self,
        instant: datetime,
        answered: Answered,
        store: Store,
        notes: Sequence[str] = (),
        goals: Sequence[Mapping[str, Any]] = (),
    ) -> Made:
        """Put beside the answers what a reader needs: definitions, sizes, and how they were made."""
        data = dict(_summary(self.gathered, store))
        data["position"] = self.position
        data["goals"] = [dict(g) for g in goals]
        data["lookups"] = self.gathered.looked_up
        lists = strangers(self.engine, self.lists, frozenset(self.project.lists))
        data["notes"] = [*data["notes"], *self.by_hand_notes(), *lists, *collapsed(self.engine, self.catalog), *notes]
        made = Made(
            as_of=instant,
            finished=utc_now(),
            project_text=self.text,
            project_file=self.project.file.name,
            columns=self.gathered.attributes,
            account_columns=account_columns(self.gathered),
            account=self.gathered.customers.account,
            events=self.events,
            population=answered.population,
            unknown_rows=answered.unknown_rows,
            data=data,
            seconds=answered.seconds,
            labels={n: {k or "": v for k, v in c.items()} for n, c in answered.labels.items()},
            version=coterie.__version__,
            hands=self.hands,
        )
        self.engine.register("definitions", definitions_table(self.catalog))
        self.engine.register("sizes", sizes_table(answered))
        self.engine.register(RUN, pa.table({"json": [made.to_json()]}))
        return made

    def by_hand_notes(self) -> list[str]:
        """What is worth knowing of the ids that were put in or out by hand, of the customers that were answered for."""
        asked = asked_ids(self.project)
        if not asked:
            return []
        here = exp.select(quoted("customer")).from_(relation(TRAITS))
        self.engine.register("asked ids", pa.table({"id": pa.array(sorted(asked), pa.string())}), temporary=True)
        query = exp.select(quoted("id")).from_(relation("asked ids")).where(exp.In(this=quoted("id"), query=here.subquery()))
        return notes_of(self.project, frozenset(str(i) for (i,) in self.engine.rows(query)))


def lists_table(lists: Mapping[str, frozenset[str]]) -> pa.Table:
    """The lists of ids as one table: list, customer."""
    rows = [(name, customer) for name, ids in lists.items() for customer in sorted(ids)]
    names, ids = [r[0] for r in rows], [r[1] for r in rows]
    return pa.table({"list": pa.array(names, pa.string()), "customer": pa.array(ids, pa.string())})


def _summary(gathered: Gathered, store: Store) -> Mapping[str, Any]:
    """What came in, as plain values: rows by source, quarantine, notes, the version of the data."""
    said = to_json(gathered, store.cache)
    return {key: said[key] for key in ("sources", "quarantine", "bad_rows", "notes", "fingerprint")}
