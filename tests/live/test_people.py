"""After any prefix of messages the memberships are those of the whole history: random programs, messages in any order and again,
ids that turn out to be one customer's, moments that move on, customers that are forgotten and read again."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import apsw
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.figures import at_most
from coterie.core.place import Place
from coterie.core.windows import local_day
from coterie.engine.arrow import arrow_type
from coterie.engine.duckdb import DuckDB
from coterie.language.evaluate import Customer, Evaluation, Event, World, in_order
from coterie.language.reach import reach
from coterie.language.tree import Members
from coterie.language.types import BOOLEAN, TEXT, TIMESTAMP, Type, Value
from coterie.live.identity import customer_of
from coterie.live.log import Logged
from coterie.live.message import Message
from coterie.live.people import TABLES, Answers, Known, People, Project
from coterie.live.rows import Rows
from coterie.segments.bitmaps import PER_WORD, word_count
from coterie.sources.mapping import FIRST_TIME, LAST_TIME
from coterie.sources.single import Single
from coterie.sources.source import Live, Source
from coterie.testing.asking import Defined, Program
from coterie.testing.oracle import load
from coterie.testing.programs import program
from coterie.testing.reference import Reference
from coterie.traits.incremental import needs, preparation
from coterie.workspace.crowd import Crowd, by_day


@dataclass
class Memory:
    """A log in memory."""

    rows: list[Logged] = field(default_factory=list)

    def read(self, after: int, limit: int) -> Sequence[Logged]:
        return self.rows[after : after + limit]


@dataclass
class Run:
    """What a run has known."""

    people: Mapping[str, Known]
    accounts: Mapping[str, Sequence[str]]
    name: str = "first"
    position: int = 0
    asked_soon: bool = True

    def known(self, customers: Sequence[str]) -> Mapping[str, Known]:
        return {c: self.people[c] for c in customers if c in self.people}

    def soon(self) -> Sequence[str]:
        return list(self.people) if self.asked_soon else []

    def members(self, customers: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return {c: self.accounts[c] for c in customers if self.accounts.get(c)}


@dataclass
class Made:
    """A program as a project that takes messages."""

    program: Program
    reference: Reference
    project: Project
    asked: list[str]
    crowd: Crowd | None = None

    @classmethod
    def of(cls, seed: int) -> "Made":
        made = program(seed, size=10, definitions=30)
        if seed % 8 == 2:
            made = of_days(made)
        reference = Reference(made)
        world = reference.world
        asked = [n for n, d in made.catalog.definitions.items() if d.checked.type in (BOOLEAN, TEXT)]
        # Ids that turn out to be one customer's, or accounts: what an account is then is not said.
        accounts = bool(seed % 2)
        asked = [n for n in asked if accounts or alone(reference, n)]
        place = Place("coterie.yaml", 1, 1)
        sources, single = [], {}
        for kind, columns in made.schema.events.items():
            # Rows without an id of their own are all different ones.
            id_ = "id" if has_ids(seed) else None
            source = Source(kind, place, customer="customer", time="time", id=id_, live=Live(events=(kind,)))
            types: dict[str, Type] = {"customer": TEXT, "time": TIMESTAMP, "id": TEXT, **columns}
            sources.append(source)
            single[kind] = Single(source, types, made.zone)
        of = needs([world.definitions[n] for n in asked], world)
        project = Project(
            world,
            asked,
            [],
            of,
            preparation(of, world, made.schema.columns),
            Rows(sources),
            single,
            made.schema.columns,
            accounts,
        )
        crowd = None
        if seed % 8 == 2 and asked:
            segments = [d.name for d in made.catalog.of("segment")]
            with DuckDB(None, threads=1) as engine:
                tables = replace(load(made, engine), account=None)
            labels, ids = [n for n in asked if n not in segments], frozenset(single if has_ids(seed) else ())
            columns, past = made.schema.columns, Past(made, segments, labels)
            crowd = Crowd(made.catalog, tables, columns, made.zone, made.population.lists, segments, labels, of, ids, past)
        return cls(made, reference, project, asked, crowd)


def of_days(made: Program) -> Program:
    """The definitions that only messages and new days change, each for itself; conditions as segments."""
    world = Reference(made).world
    kept: dict[str, Defined] = {}
    for name, definition in made.catalog.definitions.items():
        if definition.checked.uses & made.definitions.keys() <= kept.keys() and by_day(definition.checked.tree, world):
            kept[name] = replace(made.definitions[name], noun="segment" if definition.checked.type == BOOLEAN else "trait")
    return replace(made, definitions=kept)


@dataclass
class Past:
    """What a run has had of a program's customers, as tables."""

    program: Program
    segments: Sequence[str]
    labels: Sequence[str]
    before: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    first: Mapping[str, Answers] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        return [p.id for p in self.program.population.people]

    def places(self, customers: Sequence[str]) -> list[int | None]:
        return [self.ids.index(c) if c in self.ids else None for c in customers]

    def attributes(self, places: Sequence[int | None], names: Sequence[str]) -> Mapping[str, pa.Array]:
        people, types = self.program.population.people, self.program.schema.columns
        return {n: pa.array([None if p is None else people[p].columns.get(n) for p in places], arrow_type(types[n])) for n in names}

    def memberships(self, places: Sequence[int | None]) -> list[tuple[Any, ...] | None]:
        return [None if p is None else self.packed(self.first[self.ids[p]]) for p in places]

    def packed(self, answers: Answers) -> tuple[Any, ...]:
        width = word_count(len(self.segments))
        numbers = [0] * width
        for place, name in enumerate(self.segments):
            bits = {True: 1, False: 0, None: 2}[answers[name]]  # type: ignore[index]
            numbers[place // PER_WORD] |= bits << 2 * (place % PER_WORD)
        return (*(n - 2**64 if n >= 2**63 else n for n in numbers), *(answers[n] for n in self.labels))

    def done(self, kind: str, places: Any) -> tuple[pa.Table, Any] | None:
        found = [(i, e) for i, p in enumerate(places) for e in self.before[self.ids[p]] if e.kind == kind]
        types = self.program.schema.events[kind]
        cells = {n: pa.array([e.values.get(n) for _, e in found], arrow_type(t, event=True)) for n, t in types.items()}
        days = pa.array([local_day(e.time, self.program.zone) for _, e in found], pa.date32())
        times = pa.array([e.time for _, e in found], pa.timestamp("us"))
        ids = pa.array([e.id for _, e in found], pa.string())
        return pa.table({"time": times, "_day": days, "id": ids, **cells}), np.array([i for i, _ in found], int)


def has_ids(seed: int) -> bool:
    return seed % 3 != 0


def alone(reference: Reference, name: str) -> bool:
    """Whether a definition asks nothing of the account."""
    found = reach(reference.world.definitions[name], reference.world)
    return not any(isinstance(n, Members) for n in found.values) and not any(
        part == "account" or n == "account" for n, part in found.columns
    )


def said(value: Value | None) -> Any:
    """A value as a client would send it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def message(n: int, user: str, event: Event) -> Message:
    values = {c: said(v) for c, v in event.values.items() if v is not None}
    properties = json.loads(json.dumps({**values, "id": event.id}))
    return Message(f"m{n}", "track", event.kind, user, None, None, None, event.time, event.time, properties, {})


def alias(n: int, previous: str, user: str, at: datetime) -> Message:
    return Message(f"a{n}", "alias", None, user, None, previous, None, at, at, {}, {})


def history(seed: int) -> list[str]:
    """Plays one history; returns where the answers are not those of the reference."""
    made, rng = Made.of(seed), Random(seed)
    world = made.reference.world
    connection = apsw.Connection(":memory:")
    for sql in TABLES:
        connection.execute(sql)
    log, found = Memory(), list[str]()
    # What lies outside the years that a source takes is refused, as in a file.
    everybody = {
        c.id: replace(c, events=tuple(e for e in c.events if FIRST_TIME <= e.time < LAST_TIME)) for c in made.reference.customers
    }
    before = {c: tuple(e for e in everybody[c].events if rng.random() < 0.4) for c in everybody}
    parts = [f"{d.name}.{part}" for d in made.program.catalog.definitions.values() for part in d.parts]
    fitted = {c: {n: world.fitted(n, c) for n in (*made.reference.calls, *parts)} for c in everybody}
    now = made.program.as_of - timedelta(hours=30)
    arrived: dict[str, dict[tuple[str, str], Event]] = {c: {(e.kind, e.id): e for e in before[c]} for c in everybody}
    first = {c: truth(made, now, arrived, [c]) for c in everybody}
    known = {c: Known(replace(everybody[c], events=before[c], members=()), fitted[c], first[c]) for c in everybody}
    accounts = {c: [m.id for m in everybody[c].members] for c in everybody} if made.project.accounts else {}
    if made.crowd is not None:
        made.crowd.past.before, made.crowd.past.first = before, first  # type: ignore[attr-defined]
    run, most = Run(known, accounts, asked_soon=made.crowd is None), rng.choice((2, 1000))
    people = People(made.project, run, log, most=most, crowd=made.crowd, many=rng.choice((1, 2, 3, 4)))
    people.open(connection, now)
    coming = [(c, e) for c in everybody for e in everybody[c].events if e not in before[c]]
    rng.shuffle(coming)
    joined: dict[str, set[str]] = {c: {c} for c in everybody}
    n = 0
    while coming or now < made.program.as_of:
        batch: list[Logged] = []
        some = rng.randrange(12)
        for customer, event in coming[:some]:
            n += 1
            batch.append(Logged(len(log.rows) + len(batch) + 1, "w", message(n, customer, event)))
            arrived[customer][event.kind, event.id] = event
            if has_ids(seed) and rng.random() < 0.1:  # the same row again
                n += 1
                batch.append(Logged(len(log.rows) + len(batch) + 1, "w", message(n, customer, event)))
        del coming[:some]
        for customer in rng.sample(sorted(everybody), 2) if has_ids(seed) and batch else ():
            for event in before[customer][-1:]:  # what the run has, too
                n += 1
                batch.append(Logged(len(log.rows) + len(batch) + 1, "w", message(n, customer, event)))
        while not made.project.accounts and rng.random() < 0.4:
            one, other = rng.sample(sorted(everybody)[: rng.choice((3, 10))], 2)  # some become who they were
            n += 1
            batch.append(Logged(len(log.rows) + len(batch) + 1, "w", alias(n, one, other, now)))
            union = joined[one] | joined[other]
            joined.update(dict.fromkeys(union, union))
            rng.shuffle(batch)
            batch = [Logged(len(log.rows) + i, "w", logged.message) for i, logged in enumerate(batch, 1)]
        log.rows += batch
        if batch:
            if rng.random() < 0.1:  # a commit that fails: it all comes again
                connection.execute("BEGIN").fetchall()
                people.apply(connection, batch, now)
                connection.execute("ROLLBACK").fetchall()
            with connection:
                people.apply(connection, batch, now)
        with connection:
            while (due := people.due()) is not None and due <= now:
                people.tick(connection, now, rng.choice((1, 1000)))
        found += compared(made, connection, now, arrived, joined, first, f"seed {seed}, {now}")
        now = (
            min(now + rng.choice((timedelta(), timedelta(minutes=1), timedelta(hours=5))), made.program.as_of)
            if coming
            else made.program.as_of
        )
    return found


def compared(
    made: Made,
    tx: apsw.Connection,
    now: datetime,
    arrived: Mapping[str, Mapping[tuple[str, str], Event]],
    joined: Mapping[str, set[str]],
    first: Mapping[str, Answers],
    where: str,
) -> list[str]:
    found = []
    heard = {c for (c,) in tx.execute("SELECT customer FROM live_told UNION SELECT customer FROM live_did")}
    told = told_of(tx, first)
    for ids in {frozenset(j) for j in joined.values()}:
        customer = customer_of(tx, min(ids))
        others = sorted(ids - {customer})
        found += [f"{where}, {other}: is {customer} now, and still in {told[other]}" for other in others if told.get(other)]
        if customer not in heard:
            continue
        right = truth(made, now, arrived, [customer, *others])
        rows = tx.execute("SELECT answers FROM live_told WHERE customer = ? AND answers IS NOT NULL", (customer,)).fetchall()
        mine: Answers = {**dict.fromkeys(right, False), **json.loads(str(rows[0][0]))} if rows else first[customer]
        found += [f"{where}, {customer}: {n} is {mine[n]!r}, should be {right[n]!r}" for n in right if mine[n] != right[n]]
        if told.get(customer, set()) != inside(right):
            found.append(f"{where}, {customer}: changes say {told.get(customer)}, should be {inside(right)}")
    return found


def truth(
    made: Made, now: datetime, arrived: Mapping[str, Mapping[tuple[str, str], Event]], ids: Sequence[str]
) -> dict[str, bool | str | None]:
    """What the reference answers of a customer with these ids, their own first."""
    customer = ids[0]
    world = replace(made.reference.world, as_of=now)
    if made.project.accounts:
        everybody = everybody_of(made, arrived, world)
        members: list[Customer] = []
        members += [replace(everybody[m.id], members=members) for m in everybody_in(made, customer)]
        evaluation = Evaluation(replace(everybody[customer], members=members), world)
    else:
        columns: dict[str, Value | None] = dict.fromkeys(made.project.attributes)
        for one in reversed(ids):
            columns.update({n: v for n, v in made.program.population.people[index(made, one)].columns.items() if v is not None})
        events = in_order([e for i in ids for e in arrived[i].values()], world)
        of = replace(world, fitted=lambda column, _: made.reference.world.fitted(column, customer))
        evaluation = Evaluation(Customer(customer, columns, events), of)
    found = {name: evaluation.definition(name) for name in made.asked}
    return {n: v if isinstance(v, bool | str) else None for n, v in found.items()}


def inside(answers: Answers) -> set[tuple[str, str | None]]:
    return {(n, v if isinstance(v, str) else None) for n, v in answers.items() if v is True or isinstance(v, str)}


def everybody_of(made: Made, arrived: Mapping[str, Mapping[tuple[str, str], Event]], world: World) -> dict[str, Customer]:
    """All customers with what has arrived of them."""
    return {c.id: replace(c, events=in_order(arrived[c.id].values(), world), members=()) for c in made.reference.customers}


def everybody_in(made: Made, customer: str) -> Sequence[Customer]:
    return made.reference.customers[index(made, customer)].members


def told_of(tx: apsw.Connection, first: Mapping[str, Answers]) -> dict[str, set[tuple[str, str | None]]]:
    """Who is in what, by the changes that were told since the run. What is told twice, or of nobody, is none."""
    out = {c: inside(answers) for c, answers in first.items()}
    for customer, name, label, entered in tx.execute("SELECT customer, name, label, entered FROM live_change ORDER BY number"):
        of = out.setdefault(customer, set())
        assert ((name, label) in of) is not bool(entered), f"{customer} {'enters' if entered else 'leaves'} {name} again"
        (of.add if entered else of.remove)((name, label))
    return out


def index(made: Made, customer: str) -> int:
    return next(i for i, p in enumerate(made.program.population.people) if p.id == customer)


@pytest.mark.parametrize("part", range(20))
def test_after_any_prefix_memberships_are_those_of_the_whole_history(part: int) -> None:
    for seed in range(25 * part, 25 * (part + 1)):
        assert not (found := history(seed)), found[0]


@pytest.mark.long
def test_ten_thousand_histories(figure: Callable[..., None]) -> None:
    asked = max(10_000, int(os.environ.get("COTERIE_N", "10000")) // 2)
    differ = [seed for seed in range(500, 500 + asked) if history(seed)]
    figure("live.histories_that_differ", len(differ), "of all", goal=at_most(0), n=asked)
    assert not differ, differ[:10]
