"""Many customers at once, as the run answers them: what they did is laid out as a run's tables, for them alone, and asked by the
run's own queries.

What a message changes is answered so in thousands a second; for one customer the way through a query is too long, and
`traits.incremental` answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from coterie.core.windows import MICROSECOND, clamped_first_instant, instants, local_day
from coterie.engine.arrow import arrow_type
from coterie.engine.duckdb import DuckDB
from coterie.language.catalog import Catalog
from coterie.language.evaluate import Event, World
from coterie.language.leaves import Context
from coterie.language.reach import reach
from coterie.language.tree import Expr, Fitted, Members, WindowTest, walk
from coterie.language.types import Type, Value
from coterie.live.people import Answers, Lately, Now
from coterie.segments import membership
from coterie.segments.bitmaps import PER_WORD, words
from coterie.segments.membership import Rules
from coterie.traits.batch import DAY, ID, KEY, ORDER, TIME, EventTable, Tables
from coterie.traits.incremental import Needs
from coterie.workspace.held import Held
from coterie.workspace.results import plain
from coterie.workspace.run import TRAITS, planned

_WORD = 2**64 - 1
CUSTOMERS, LISTS = "customers at once", "lists"
Packed = tuple[Any, ...]
"""A customer's memberships: words of bits, then labels."""


class Past(Protocol):
    """What a run has of customers."""

    def places(self, customers: Sequence[str]) -> list[int | None]:
        """The rows in which some stand."""

    def attributes(self, places: Sequence[int | None], names: Sequence[str]) -> Mapping[str, pa.Array]:
        """Columns of some rows, a missing value for who is not there."""

    def memberships(self, places: Sequence[int | None]) -> list[Packed | None]:
        """What the run has told of them, packed in the order of its segments, with the labels behind."""

    def done(self, kind: str, places: npt.NDArray[np.int64]) -> tuple[pa.Table, npt.NDArray[np.int64]] | None:
        """Their events of a kind, and for each row which of them it is of."""


@dataclass(frozen=True)
class OfRun:
    """What the files of a run have: `width` words of bits, and labels."""

    held: Held
    width: int
    labels: Sequence[str]

    def places(self, customers: Sequence[str]) -> list[int | None]:
        return self.held.places(customers)

    def attributes(self, places: Sequence[int | None], names: Sequence[str]) -> Mapping[str, pa.Array]:
        rows = self.held.people.select(names).take(pa.array(places, pa.int64())).combine_chunks()
        return {n: rows.column(n) for n in names}

    def memberships(self, places: Sequence[int | None]) -> list[Packed | None]:
        there = [p for p in places if p is not None]
        names = [*(f"w{i}" for i in range(self.width)), *self.labels]
        rows = self.held.people.select(names).take(pa.array(there, pa.int64()))
        found = iter(zip(*(rows.column(n).to_pylist() for n in names), strict=True))
        return [None if p is None else next(found) for p in places]

    def done(self, kind: str, places: npt.NDArray[np.int64]) -> tuple[pa.Table, npt.NDArray[np.int64]] | None:
        return self.held.done(kind, self.held.keys[places])


def by_day(node: Expr, world: World) -> bool:
    """Whether the value of a definition changes by messages and by a new day alone, without a look at others."""
    found = reach(node, world)
    if "timed" in found.clock or any("account" in column for column in found.columns):
        return False
    if any(isinstance(part, Members | Fitted) for part in found.values):
        return False
    tests = [n.window for asked in found.conditions.values() for c in asked for n in walk(c) if isinstance(n, WindowTest)]
    steps = [step.within for sequence in found.sequences for step in sequence.steps if step.within is not None]
    return not steps and all(instants(w, datetime.max) is None for w in (*found.windows(), *tests))


@dataclass(frozen=True)
class Asked:
    """The queries of a local day."""

    sql: str
    rules: Rules


@dataclass(frozen=True)
class Crowd:
    """Answers for many.

    Args:
        catalog: the project's definitions; `tables`: the run's.
        attributes: the customers' columns; `zone`, `lists`: the project's.
        segments, segmentations: in the order in which the run packs them.
        needs: what is read of events.
        with_ids: kinds whose rows have an id of their own, by which a later one replaces an earlier one.
        past: what the run has.
    """

    catalog: Catalog
    tables: Tables
    attributes: Mapping[str, Type]
    zone: str
    lists: Mapping[str, frozenset[str]]
    segments: Sequence[str]
    segmentations: Sequence[str]
    needs: Needs
    with_ids: frozenset[str]
    past: Past
    asked: dict[date, Asked] = field(default_factory=dict)
    bytes: dict[tuple[int, int, int], Mapping[str, bool | None]] = field(default_factory=dict)

    # --- what live evaluation asks

    def now(self, customers: Sequence[Lately], now: datetime) -> Sequence[Now]:
        ids = [id_ for who in customers for id_ in who.ids]
        places = self.past.places(ids)
        owners = np.repeat(np.arange(len(customers)), [len(who.ids) for who in customers])
        own = np.cumsum([0, *(len(who.ids) for who in customers)])[:-1]
        ours = [None if p is None else int(o) for p, o in zip(places, owners, strict=True)]
        due: dict[int, datetime] = {}
        self.engine.lend(CUSTOMERS, self._people(customers, places, ours))
        for kind, table in self.kinds.items():
            self.engine.lend(table.relation, self._events(kind, table, customers, places, owners, now, due))
        found = self._answered(local_day(now, self.zone))
        before = self.past.memberships([places[i] for i in own])
        out = []
        for i, (who, is_, was) in enumerate(zip(customers, found, before, strict=True)):
            if is_ == was and not who.told:
                out.append(Now({}, None, due.get(i)))
            else:
                out.append(Now(self.unpacked(is_), {} if was is None else self.unpacked(was), due.get(i)))
        return out

    def unpacked(self, packed: Packed) -> Answers:
        """What is false is left out."""
        width = len(packed) - len(self.segmentations)
        out: dict[str, bool | str | None] = {}
        for number, word in enumerate(packed[:width]):
            for place, byte in enumerate((word & _WORD).to_bytes(8, "little")):
                if byte:
                    out.update(self._byte(number, place, byte))
        out.update(zip(self.segmentations, packed[width:], strict=True))
        return out

    def _byte(self, number: int, place: int, byte: int) -> Mapping[str, bool | None]:
        """What a byte of a word says."""
        found = self.bytes.get((number, place, byte))
        if found is None:
            first = number * PER_WORD + 4 * place
            bits = [(first + i, byte >> 2 * i & 3) for i in range(4)]
            found = self.bytes[number, place, byte] = {self.segments[i]: True if b == 1 else None for i, b in bits if b}
        return found

    # --- how

    @cached_property
    def kinds(self) -> Mapping[str, EventTable]:
        """The kinds of event that matter, each as a table of these customers alone: any column may miss a value there."""
        return {k: replace(t, nullable=None) for k, t in self.tables.events.items() if k in self.needs.kinds}

    @cached_property
    def told_by(self) -> Catalog:
        """The definitions that segments and segmentations come to."""
        told = {*self.segments, *self.segmentations}
        return self.catalog.behind(lambda definition: definition.name in told)

    @cached_property
    def engine(self) -> DuckDB:
        made = DuckDB(None, memory="400MB", threads=1)
        lists = [(name, one) for name, ids in self.lists.items() for one in sorted(ids)]
        names, ids = pa.array([n for n, _ in lists], pa.string()), pa.array([c for _, c in lists], pa.string())
        made.register(LISTS, pa.table({"list": names, "customer": ids}))
        return made

    def _answered(self, day: date) -> list[Packed]:
        asked = self.asked.get(day)
        if asked is None:
            self.asked.clear()
            asked = self.asked[day] = self._prepared(day)
        rows = self.engine.fetch(asked.sql, "answer for customers at once").combine_chunks()
        rows = rows.take(pc.sort_indices(rows.column(KEY)))
        (part,) = rows.to_batches()
        answers = asked.rules.answer(part)
        columns = [w.tolist() for w in words([answers.bits(n) for n in self.segments], part.num_rows)]
        columns += [rows.column(n).to_pylist() for n in self.segmentations]
        return list(zip(*columns, strict=True))

    def _prepared(self, day: date) -> Asked:
        """The run's queries, as of a day's last moment: what comes after now is not laid out."""
        end = clamped_first_instant(day + timedelta(days=1), self.zone) - MICROSECOND
        of = replace(self.tables, customers=CUSTOMERS, events={**self.tables.events, **self.kinds})
        plan = planned(self.engine, of, self.told_by, Context(end, self.zone, "", self.lists))
        rules = membership.rules(plan.rules, plan.compiler, TRAITS, keys=[KEY, *self.segmentations])
        query: exp.Select = rules.query
        *before, last = plan.batch.steps
        for step in before:
            query = query.with_(exp.to_identifier(step.table, quoted=True), as_=step.query, copy=False)
        query = query.with_(exp.to_identifier(TRAITS, quoted=True), as_=last.query, copy=False)
        return Asked(self.engine.text(query), rules)

    def _people(self, customers: Sequence[Lately], places: Sequence[int | None], ours: Sequence[int | None]) -> pa.Table:
        """A row a customer: what the run has of the first of their ids that it knows something of, and what they said since."""
        names, many = list(self.attributes), len(customers)
        several = len(places) > many
        said = {n for who in customers for did in who.did for n in did.said}
        found = self.past.attributes(places, names)
        columns: dict[str, pa.Array] = {}
        for name in names:
            column = found[name]
            if several or name in said:
                values: list[Value | None] = [None] * many
                for owner, value in zip(ours, column.to_pylist(), strict=True):
                    if owner is not None and values[owner] is None:
                        values[owner] = plain(value)
                for i, who in enumerate(customers):
                    for did in who.did:
                        if name in did.said:
                            values[i] = did.said[name]
                column = pa.array(values, arrow_type(self.attributes[name]))
            columns[name] = column
        keys = {KEY: pa.array(np.arange(many)), "customer": pa.array([who.customer for who in customers], pa.string())}
        return pa.table({**keys, **columns})

    def _events(
        self,
        kind: str,
        table: EventTable,
        customers: Sequence[Lately],
        places: Sequence[int | None],
        owners: npt.NDArray[np.int64],
        now: datetime,
        due: dict[int, datetime],
    ) -> pa.Table:
        """Everything of a kind that these customers did up to now; who has something coming is noted with its moment."""
        read = sorted(self.needs.columns[kind] - {DAY})
        types = {n: arrow_type(t, event=True) for n, t in table.info.columns.items() if n in read}
        late = self._late(kind, customers)
        parts = []
        known = np.array([p is not None for p in places], bool)
        at = np.array([p or 0 for p in places], np.int64)[known]
        before = self.past.done(kind, at) if len(at) else None
        if before is not None:
            rows, of = before
            whose = owners[known][of]
            rows = rows.set_column(rows.schema.get_field_index(ID), ID, rows.column(ID).cast(pa.string()))
            if kind in self.with_ids:
                stay = self._staying(rows, whose, np.flatnonzero(known)[of], late, customers)
                if stay is not None:
                    rows, whose = rows.filter(pa.array(stay)), whose[stay]
            cells = {n: rows.column(n).cast(types[n]) for n in read}
            same = {n: rows.column(n) for n in (TIME, DAY, ID)}
            parts.append(pa.table({KEY: pa.array(whose), **same, **cells}))
        if late or not parts:
            events = [e for _, e in late]
            cells = {n: pa.array([e.values.get(n) for e in events], types[n]) for n in read}
            parts.append(
                pa.table(
                    {
                        KEY: pa.array([i for i, _ in late], pa.int64()),
                        TIME: pa.array([e.time for e in events], pa.timestamp("us")),
                        DAY: pa.array([self.day_of(e.time) for e in events], pa.date32()),
                        ID: pa.array([e.id for e in events], pa.string()),
                        **cells,
                    }
                )
            )
        made = pa.concat_tables(parts).combine_chunks()
        times = made.column(TIME).to_numpy()
        coming = times > np.datetime64(now, "us")
        if coming.any():
            for i, when in zip(made.column(KEY).to_numpy()[coming], times[coming].astype(object), strict=True):
                due[int(i)] = min(when, due.get(int(i), when))
            made, times = made.filter(pa.array(~coming)), times[~coming]
        return self._placed(made, times)

    def day_of(self, instant: datetime) -> date:
        return _day_of(instant, self.zone)

    def _late(self, kind: str, customers: Sequence[Lately]) -> list[tuple[int, Event]]:
        """What came by messages: of one id only the last."""
        if kind not in self.with_ids:
            return [(i, e) for i, who in enumerate(customers) for did in who.did for e in did.events if e.kind == kind]
        last = {(i, e.id): e for i, who in enumerate(customers) for did in who.did for e in did.events if e.kind == kind}
        return [(i, e) for (i, _), e in last.items()]

    def _staying(
        self,
        rows: pa.Table,
        whose: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        late: Iterable[tuple[int, Event]],
        customers: Sequence[Lately],
    ) -> npt.NDArray[np.bool_] | None:
        """The rows that no message has replaced, nor another row of the same customer (`which` says under which id it stood);
        None for all."""
        ids = rows.column(ID)
        again = {(i, e.id) for i, e in late}
        hit = pc.is_in(ids, value_set=pa.array({id_ for _, id_ in again}, pa.string())).to_numpy()
        some = np.flatnonzero(hit)
        several = np.isin(whose, [i for i, who in enumerate(customers) if len(who.ids) > 1])
        if not len(some) and not several.any():
            return None
        stay = np.ones(len(whose), bool)
        for row in some:
            stay[row] = (int(whose[row]), ids[int(row)].as_py()) not in again
        last: dict[tuple[int, str], tuple[int, int]] = {}
        for row in np.flatnonzero(several & stay):
            key = int(whose[row]), ids[int(row)].as_py()
            other = last.get(key)
            if other is None or other[0] <= which[row]:
                if other is not None:
                    stay[other[1]] = False
                last[key] = int(which[row]), int(row)
            else:
                stay[row] = False
        return stay

    def _placed(self, made: pa.Table, times: npt.NDArray[np.datetime64]) -> pa.Table:
        """Events with their places among those of their customer: by time, then id."""
        whose = made.column(KEY).to_numpy()
        since = times.astype("datetime64[us]").astype(np.int64)
        since -= since.min() if len(since) else 0
        if len(since) and int(since.max() + 1) * int(whose.max() + 1) < 2**63:  # one number of both
            order = np.argsort(whose * (since.max() + 1) + since, kind="stable")
        else:
            order = np.lexsort((times, whose))
        first, second = order[:-1], order[1:]
        if bool(((whose[first] == whose[second]) & (times[first] == times[second])).any()):
            keys = [(KEY, "ascending"), (TIME, "ascending"), (ID, "ascending")]
            order = pc.sort_indices(made, sort_keys=keys).to_numpy()
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return made.append_column(ORDER, pa.array(place))


@lru_cache(maxsize=100_000)
def _hour(hour: datetime, zone: str) -> tuple[date, date]:
    """The local days in which an hour begins and ends."""
    return local_day(hour, zone), local_day(hour + timedelta(hours=1) - MICROSECOND, zone)


def _day_of(instant: datetime, zone: str) -> date:
    """As `local_day`: most hours lie in one day."""
    first, last = _hour(instant.replace(minute=0, second=0, microsecond=0), zone)
    return first if first == last else local_day(instant, zone)
