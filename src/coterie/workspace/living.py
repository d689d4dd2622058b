"""The results of a run as live evaluation stands on them: what is asked, and what is known of each customer so far."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlglot import exp

from coterie.language.reach import reach
from coterie.language.tree import Expr, Members
from coterie.language.types import Value, named
from coterie.live.log import Log
from coterie.live.message import Message
from coterie.live.people import Answers, Known, People, Project
from coterie.live.rows import Rows
from coterie.segments.membership import BITS, member
from coterie.sources.single import Single
from coterie.traits import batch
from coterie.traits.batch import aliased, quoted
from coterie.traits.incremental import needs, preparation
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS


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
        return tuple(d.name for d in self.results.catalog.of("segment") if not self.of_accounts(d.checked.tree))

    @cached_property
    def segmentations(self) -> tuple[str, ...]:
        return tuple(d.name for d in self.results.catalog.of("segmentation") if not self.of_accounts(d.checked.tree))

    def of_accounts(self, tree: Expr) -> bool:
        """Whether an answer hangs on the other members of an account: such are as the last run has them."""
        return any(isinstance(node, Members) for node in reach(tree, self.results.world).values)

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
        asked = [results.catalog.definitions[n].checked.tree for n in (*self.segments, *self.segmentations)]
        kept = needs(asked, results.world, results.catalog.scope)
        ready = preparation(kept, results.world, results.made.columns)
        rows = Rows([s for s in sources if s.name in single or s.role == "customers"])
        return Project(results.world, self.segments, self.segmentations, kept, ready, rows, single, results.made.columns)

    def known(self, customers: Sequence[str]) -> Mapping[str, Known]:
        results, out = self.results, dict[str, Known]()
        if not customers:
            return out
        on = exp.EQ(this=quoted(batch.KEY, "b"), expression=quoted(batch.KEY, "t"))
        literals = [results.words().literal(c) for c in customers]
        bits = [member(i, "b").as_(f"is {i}", quoted=True) for i, name in enumerate(self.order) if name in self.segments]
        query = exp.select("t.*", *bits, copy=False).from_(aliased(TRAITS, "t")).join(aliased(BITS, "b"), on=on, copy=False)
        query = query.where(exp.In(this=quoted("customer", "t"), expressions=literals), copy=False)
        rows = results.engine.fetch(query).to_pylist()
        events = results.events_of([r[batch.KEY] for r in rows])
        for row in rows:
            who = results.customer(row, events.get(row[batch.KEY], []), results.world)
            out[who.id] = Known(who, Fits(row, results.aliases), self.answers(row))
        return out

    @cached_property
    def order(self) -> tuple[str, ...]:
        return self.results.sizes_order

    def answers(self, row: Mapping[str, Any]) -> Answers:
        out: dict[str, bool | str | None] = {n: row.get(f"is {i}") for i, n in enumerate(self.order) if n in self.segments}
        return out | {n: row.get(n) for n in self.segmentations}


class Fits(Mapping[str, Value | None]):
    """The fitted values of a customer, as the row of the last run has them."""

    def __init__(self, row: Mapping[str, Any], aliases: Mapping[str, str]):
        self.row, self.aliases = row, aliases

    def __getitem__(self, column: str) -> Value | None:
        for own in (column, batch.told_apart(column)):
            name = self.aliases.get(own, own)
            if name in self.row:
                value: Value | None = self.row[name]
                return value
        raise KeyError(column)

    def __iter__(self) -> Iterator[str]:
        return iter(self.row)

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Told:
    """The log as people read it."""

    log: Log

    def at(self, positions: Sequence[int]) -> Iterable[tuple[int, Message]]:
        for position in positions:
            for event in self.log.read(position - 1, 1):
                if event.position == position:
                    yield position, event.message


def people(results: Results, log: Log) -> People:
    """Customers as of now, on the results of the last run and the log since."""
    living = Living(results)
    return People(living.project, living, Told(log))
