"""The results of a run as live evaluation stands on them: what is asked, and what is known of each customer so far."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa

from coterie.core.windows import clamped_shift, local_day
from coterie.language.evaluate import Customer
from coterie.language.fitted import FITTED
from coterie.language.format import format as format_expr
from coterie.language.reach import reach
from coterie.language.tree import Column, Expr, Fitted, Members
from coterie.language.types import named
from coterie.live.log import Log
from coterie.live.people import Answers, Change, Known, People, Project, changes
from coterie.live.rows import Rows
from coterie.models.alone import Alone, counted, learned
from coterie.models.store import FitStore
from coterie.segments.bitmaps import PER_WORD, word_count
from coterie.sources.single import Single
from coterie.traits import batch
from coterie.traits.batch import DAY
from coterie.traits.incremental import lengths_of, needs, preparation
from coterie.workspace.crowd import Crowd, OfRun, by_day
from coterie.workspace.held import Held, held, rows_of
from coterie.workspace.models import stored
from coterie.workspace.results import Results, plain

THREE = (False, True, None, None)
"""What the two bits of a segment say."""
RECORD = "record"
"""The folder of the record, beside that of the cache."""


@dataclass(frozen=True)
class Living:
    """Results, as they are known to live evaluation."""

    results: Results

    @property
    def name(self) -> str:
        return f"{self.results.generation.number} {self.results.made.finished.isoformat()}"

    @property
    def position(self) -> int:
        return int(self.results.made.data.get("position", 0))

    @cached_property
    def segments(self) -> tuple[str, ...]:
        return tuple(d.name for d in self.results.catalog.of("segment"))

    @cached_property
    def segmentations(self) -> tuple[str, ...]:
        return tuple(d.name for d in self.results.catalog.of("segmentation"))

    @cached_property
    def traits(self) -> tuple[str, ...]:
        return tuple(d.name for d in self.results.catalog.of("trait"))

    @cached_property
    def project(self) -> Project:
        """What is asked of every customer, and which messages are whose rows."""
        results = self.results
        sources = [s for s in results.project.sources.values() if s.live is not None]
        types = {s["name"]: {n: named(t) for n, t in s["columns"]} for s in results.made.data["sources"]}
        single = {
            s.name: Single(s, types.get(s.name, {}), results.project.timezone)
            for s in sources
            if s.role == "events" and not s.lines
        }
        asked = [results.catalog.definitions[n].checked.tree for n in (*self.segments, *self.segmentations, *self.traits)]
        fits = self.fits
        asked += [tree for fit in fits.values() for tree in fit.inputs.values()]
        kept = needs(asked, results.world)
        accounts = any(isinstance(n, Members) for tree in asked for n in reach(tree, results.world).values)
        ready = preparation(kept, results.world, results.made.columns)
        rows = Rows([s for s in sources if s.name in single or s.role == "customers"])
        return Project(
            results.world, self.segments, self.segmentations, kept, ready, rows, single, results.made.columns, accounts, fits
        )

    @cached_property
    def held(self) -> Held:
        """Everybody, and what they did, as far as anything asks for it; the first time it takes a while."""
        project = self.project
        columns = [*project.attributes, *self.segmentations, *sorted(set(self.fitted.values()))]
        columns += self.traits if self.lasts else ()
        columns += [f"account.{n}" for n in self.results.made.account_columns]
        read = project.needs.columns
        kinds = {kind: sorted(names - {DAY}) for kind, names in read.items() if kind in self.results.made.events}
        return held(self.results, [c for c in dict.fromkeys(columns) if c in self.results.columns], kinds, self.results.cache)

    @cached_property
    def crowd(self) -> Crowd | None:
        """Who answers for many customers at once; None where single customers have moments of their own, or look at others."""
        results, project = self.results, self.project
        if results.made.account is not None or set(self.order) != set(self.segments):
            return None
        trees = [results.catalog.definitions[name].checked.tree for name in self.asked]
        if not trees or not all(by_day(tree, results.world) for tree in trees):
            return None
        with_ids = frozenset(kind for kind, single in project.single.items() if single.source.id is not None)
        past = OfRun(self.held, word_count(len(self.order)), self.segmentations)
        zone, lists = results.project.timezone, results.lists
        return Crowd(
            results.catalog,
            results.tables,
            project.attributes,
            zone,
            lists,
            self.order,
            self.segmentations,
            project.needs,
            with_ids,
            past,
        )

    @cached_property
    def lasts(self) -> bool:
        """Whether what the run has told of somebody stays until the day is over, as long as nothing comes of them."""
        world, definitions = self.results.world, self.results.catalog.definitions
        names = (*self.asked, *self.traits)
        return self.results.made.account is None and all(by_day(definitions[n].checked.tree, world) for n in names)

    @cached_property
    def later(self) -> frozenset[str]:
        """Customers who did something after the run's moment, so that it counts when its time comes."""
        as_of = self.results.made.as_of
        return frozenset(self.held.lately(dict.fromkeys(self.project.needs.kinds, as_of)))

    def lately(self, customer: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any], Answers] | None:
        """A customer of whom nothing has come since the run: attributes, traits, answers, as it has told them. None where that does
        not hold any more, or the run has never seen them."""
        results = self.results
        zone = results.project.timezone
        if not self.lasts or local_day(now, zone) != local_day(results.made.as_of, zone) or customer in self.later:
            return None
        for row in self.held.rows([customer]):
            traits = {name: row[name] for name in self.traits}
            return {name: row[name] for name in results.made.columns}, traits, self.answers(row)
        return None

    @cached_property
    def fits(self) -> Mapping[str, Alone]:
        """The fitted calls that segments come to, ready for one customer, by the name under which they are asked for."""
        results = self.results
        out: dict[str, Alone] = {}
        with FitStore(results.cache.parent / RECORD) as store:
            models = stored(results.catalog, results.project.timezone, {}, frozenset(), store)
            waiting = [results.catalog.definitions[n].checked.tree for n in (*self.segments, *self.segmentations)]
            seen: set[str] = set()
            while waiting:
                for name, call in self.calls(waiting.pop()).items():
                    if name in seen:
                        continue
                    seen.add(name)
                    fit: Alone | None
                    if FITTED[call.function].model:
                        fit = learned(models.at(results.made.as_of)(call))  # type: ignore[arg-type]
                    else:
                        kept = store.of(batch.column_of(call, results.aliases), results.made.as_of, call=batch.fitted_name(call))
                        fit = None if kept is None else counted(call, kept.parameters)
                    if fit is not None:
                        out[name] = fit
                        waiting += fit.inputs.values()
        return out

    def calls(self, tree: Expr) -> dict[str, Fitted]:
        """The fitted calls below a tree: by their definition's name, or where they stand in place by their text."""
        world = self.results.world
        out: dict[str, Fitted] = {}
        for node in reach(tree, world).values:
            if isinstance(node, Fitted):
                name = next((n for n, d in world.definitions.items() if d is node), format_expr(node))
                out[name] = node
            elif isinstance(node, Column) and node.name in world.definitions:
                named = world.definitions[node.name]
                while isinstance(named, Column) and named.name in world.definitions:
                    named = world.definitions[named.name]
                if isinstance(named, Fitted):
                    out[node.name] = named
        return out

    @cached_property
    def fitted(self) -> Mapping[str, str]:
        """Fitted columns as expressions name them, with the column of the results."""
        results, out = self.results, dict[str, str]()
        trees = [results.catalog.definitions[n].checked.tree for n in (*self.segments, *self.segmentations, *self.traits)]
        for node in (n for tree in trees for n in reach(tree, results.world).values):
            if isinstance(node, Fitted):
                asked = format_expr(node)
            elif isinstance(node, Column) and (node.part is None or node.name != "account"):
                asked = node.name if node.part is None else f"{node.name}.{node.part}"
                definition = results.catalog.definitions.get(asked)
                if definition is not None and not isinstance(definition.checked.tree, Fitted):
                    continue
            else:
                continue
            for own in (asked, batch.told_apart(asked)):
                name = results.aliases.get(own, own)
                if name in results.columns:
                    out[asked] = name
                    break
        return out

    def soon(self) -> Sequence[str]:
        """Customers whose answers can change before the next day though nothing comes."""
        of, as_of = self.project.needs, self.results.made.as_of
        tested = max((length for test in of.tests for length in lengths_of(test.window)), default=timedelta())
        since = {}
        for kind in of.kinds:
            longest = max((*of.lengths.get(kind, ()), tested))
            if longest:
                since[kind] = clamped_shift(as_of, -longest)
        return self.held.lately(since)

    def known(self, customers: Sequence[str]) -> Mapping[str, Known]:
        results, out = self.results, dict[str, Known]()
        rows = list(self.held.rows(customers))
        events = self.held.events_of([r[batch.KEY] for r in rows]) if rows else {}
        for row in rows:
            of = None
            if results.made.account is not None and row.get(results.made.account) is not None:
                of = {n: plain(row.get(f"account.{n}")) for n in results.made.account_columns}
            known = {n: plain(row.get(n)) for n in results.made.columns}
            who = Customer(row["customer"], known, events.get(row[batch.KEY], ()), of)
            out[who.id] = Known(who, {n: plain(row[c]) for n, c in self.fitted.items()}, self.answers(row))
        return out

    def members(self, customers: Sequence[str]) -> Mapping[str, Sequence[str]]:
        column = self.results.made.account
        if column is None:
            return {}
        of = {r["customer"]: r[column] for r in self.held.rows(customers) if r[column] is not None}
        return {customer: self.held.by_account(column).get(account, ()) for customer, account in of.items()}

    @property
    def asked(self) -> tuple[str, ...]:
        return (*self.order, *self.segmentations)

    def everybody(self) -> pa.Table:
        """Everybody's memberships: their packed bits and their labels."""
        return self.results.engine.fetch(rows_of(self.results, ["customer", *self.segmentations]), "memberships")

    def unpacked(self, table: pa.Table, row: int) -> Answers:
        """The memberships of a row of `everybody`."""
        return self.answers({name: table.column(name)[row].as_py() for name in table.column_names})

    @cached_property
    def order(self) -> tuple[str, ...]:
        return self.results.sizes_order

    @cached_property
    def bits(self) -> list[tuple[str, str, int]]:
        """Where each segment stands: its word, and from which bit on."""
        asked = frozenset(self.segments)
        placed = enumerate(self.order)
        return [(n, f"w{place // PER_WORD}", 2 * (place % PER_WORD)) for place, n in placed if n in asked]

    def answers(self, row: Mapping[str, Any]) -> Answers:
        out: dict[str, bool | str | None] = {}
        for name, word, shift in self.bits:
            out[name] = THREE[row[word] >> shift & 3]
        return out | {n: row.get(n) for n in self.segmentations}


def moved(old: Living, new: Living, told: Mapping[str, Answers]) -> Iterator[Change]:
    """How memberships differ between two results.

    Args:
        told: by customer, what has been told since the old ones: it counts in their place.
    """
    before, after = old.everybody(), new.everybody()
    names = {n: i for i, n in enumerate(after.column("customer").to_pylist())}
    # Rows that are alike in both are passed over at once.
    had = {n: i for i, n in enumerate(before.column("customer").to_pylist())}
    same = old.asked == new.asked
    columns = [c for c in after.column_names if c != "customer"]
    was, now = ([table.column(c).to_pylist() for c in columns] for table in (before, after)) if same else (None, None)
    for customer in dict.fromkeys((*had, *names)):
        there, here = had.get(customer), names.get(customer)
        both = was is not None and now is not None and customer not in told and there is not None and here is not None
        if both and all(a[there] == b[here] for a, b in zip(was or (), now or (), strict=True)):
            continue
        first = told[customer] if customer in told else {} if there is None else old.unpacked(before, there)
        yield from changes(customer, first, {} if here is None else new.unpacked(after, here))


def people(living: Living, log: Log) -> People:
    """Customers as of now, on the results of the last run and the log since."""
    return People(living.project, living, log, crowd=living.crowd)
