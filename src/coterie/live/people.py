"""Customers as they are now: each message goes into the state of its customer, whose memberships follow at once.

The log is the record. What stands here can all be made again from it and from the results of the last run, and is thrown away
when a newer run has been published; a customer who is not in memory is read from the results, and what the log has of them
since is added. So a restart has nothing to mend.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import orjson

from coterie.core.windows import LATEST, clamped_first_instant, local_day
from coterie.language.evaluate import Customer, Event, Missing, World
from coterie.language.prepared import NOTHING, Asked, Preparation
from coterie.language.types import Type, Value
from coterie.live import identity
from coterie.live.identity import Transaction
from coterie.live.log import Logged, micros, of_micros
from coterie.live.message import Message
from coterie.live.rows import Rows, row
from coterie.live.since import Did, packed, unpacked
from coterie.models.alone import Alone
from coterie.sources.single import Single, Unfit, cell
from coterie.sources.source import Source
from coterie.traits.incremental import FromState, Incremental, Needs, State, empty

TABLES = (
    *identity.TABLES,
    (
        "CREATE TABLE IF NOT EXISTS live_did (customer TEXT NOT NULL, position INTEGER NOT NULL, did BLOB, "
        "PRIMARY KEY (customer, position)) WITHOUT ROWID, STRICT"
    ),
    ("CREATE TABLE IF NOT EXISTS live_told (customer TEXT PRIMARY KEY, answers TEXT, due INTEGER) WITHOUT ROWID, STRICT"),
    "CREATE INDEX IF NOT EXISTS live_told_due ON live_told (due) WHERE due IS NOT NULL",
    (
        "CREATE TABLE IF NOT EXISTS live_day (one INTEGER PRIMARY KEY CHECK (one = 1), day TEXT NOT NULL, customer TEXT NOT NULL) "
        "STRICT"
    ),
    (
        "CREATE TABLE IF NOT EXISTS live_change (number INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT NOT NULL, "
        "name TEXT NOT NULL, label TEXT, entered INTEGER NOT NULL, at INTEGER NOT NULL, position INTEGER NOT NULL) STRICT"
    ),
    (
        "CREATE TABLE IF NOT EXISTS live_results (one INTEGER PRIMARY KEY CHECK (one = 1), results TEXT NOT NULL, "
        "position INTEGER NOT NULL) STRICT"
    ),
    "CREATE TABLE IF NOT EXISTS live_since (results TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE TABLE IF NOT EXISTS live_gone (customer TEXT PRIMARY KEY) WITHOUT ROWID, STRICT",
    "CREATE TABLE IF NOT EXISTS live_unfit (position INTEGER PRIMARY KEY, source TEXT NOT NULL, said TEXT NOT NULL) STRICT",
)
"""Who is whom; which messages are whose, and what they say; what was told of customers since the last run where it is otherwise
(what is false is left out; none where they are to be asked), and when they are to be asked again; up to which day everybody was
asked again of whom was heard, and up to which customer of the next; changes of membership in their order; which results it all
stands on, and the last change that they know of; customers of these who became others' and have left everything; messages that
could not be used, and why."""

MINUTE = timedelta(minutes=1)

Answers = Mapping[str, bool | str | None]
"""By segment true, false or None for what cannot be told; by segmentation the label."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the results of a run know of a customer: columns, fitted values and everything that they did."""

    customer: Customer
    fitted: Mapping[str, Value | None]
    answers: Answers


class Results(Protocol):
    """The results of a run, as live evaluation stands on them."""

    @property
    def name(self) -> str:
        """Which they are; others have another name."""

    @property
    def position(self) -> int:
        """Up to where the log has gone into them."""

    def known(self, customers: Sequence[str]) -> Mapping[str, Known]:
        """What is known of some customers; those that they have never seen are left out."""

    def soon(self) -> Sequence[str]:
        """Customers whose answers can change before the next day though nothing comes."""

    def members(self, customers: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """All customers of the accounts of some, these included; who has no account is left out."""


@dataclass(frozen=True, slots=True)
class Lately:
    """A customer with what the log has of them since the last run.

    Attributes:
        ids: all of theirs, their own first.
        did: what each message has said, in the order of the log.
        told: whether anything was told of them since.
    """

    customer: str
    ids: Sequence[str]
    did: Sequence[Did]
    told: bool


@dataclass(frozen=True, slots=True)
class Now:
    """What is to be told of a customer.

    Attributes:
        answers: three-valued, what is false left out.
        by_run: what the last run has told under the customer's own id; nothing where that is the same, and nothing else was told.
        due: when something that they did in the future counts.
    """

    answers: Answers
    by_run: Answers | None
    due: datetime | None


class Crowd(Protocol):
    """Answers for many customers at once, where only a new day changes answers by itself."""

    def now(self, customers: Sequence[Lately], now: datetime) -> Sequence[Now]:
        """The answers for some customers, in their order."""


class History(Protocol):
    """The log, read."""

    def read(self, after: int, limit: int) -> Sequence[Logged]:
        """The events behind a position, in order, at most `limit`."""


def message_at(history: History, position: int) -> Message | None:
    """The message at a position; None where it is gone."""
    return next((e.message for e in history.read(position - 1, 1) if e.position == position), None)


class Ahead(Transaction, History, Protocol):
    """A transaction that is written later, and the log as it reads it."""


@dataclass(frozen=True)
class Project:
    """What a project says, as live evaluation takes it.

    Attributes:
        world: the definitions; its `as_of` does not count. `segments`, `segmentations`: those to be answered.
        needs: what is kept of a customer; `preparation`: the definitions, made ready for it.
        rows: which messages are rows; `single`: how each source's rows are read; `columns`: of its files.
        attributes: the customers' columns, with their types.
        accounts: whether something asks for the other members of an account.
        fits: fitted calls by the column of their value, as the definitions name it; others are as the last run has them.
    """

    world: World
    segments: Sequence[str]
    segmentations: Sequence[str]
    needs: Needs
    preparation: Preparation
    rows: Rows
    single: Mapping[str, Single]
    attributes: Mapping[str, Type]
    accounts: bool = False
    fits: Mapping[str, Alone] = field(default_factory=dict)

    def answers(self, asked: Asked) -> dict[str, bool | str | None]:
        out: dict[str, bool | str | None] = {}
        for name in (*self.segments, *self.segmentations):
            found = self.preparation.answer(asked, name)
            out[name] = None if found is NOTHING else found
        return out


@dataclass(slots=True)
class Person:
    """A customer in memory."""

    columns: dict[str, Value | None]
    fitted: Mapping[str, Value | None]
    state: State
    ids: set[tuple[str, str]] = field(default_factory=set)
    """(kind, id) of what they did, for the kinds whose rows have an id of their own."""
    account: Mapping[str, Value | None] | None = None
    members: Sequence[str] = ()
    answers: Answers = field(default_factory=dict)
    """What was last told of them."""
    scored: dict[str, Value | None] = field(default_factory=dict)
    """Fitted values as of the last time they were asked."""
    stale: bool = False
    """Has to be made again: a row came a second time."""


@dataclass(slots=True)
class Change:
    """Somebody has entered or left a segment (or a label of a segmentation)."""

    customer: str
    name: str
    label: str | None
    entered: bool


Before = Callable[[Mapping[str, Answers]], Iterable[Change]]
"""What has changed between the results before, as far as nothing else was told of a customer since, and these."""


class People:
    """Applies messages to customers; one writer calls it, in the order of the log.

    Args:
        project: what is asked; `results`: what is known already; `history`: the log.
        most: how many customers are held in memory.
        crowd: who answers for many at once; None where single customers have moments of their own.
        many: from how many on it is asked.
    """

    tables = TABLES

    def __init__(
        self,
        project: Project,
        results: Results,
        history: History,
        *,
        most: int = 20_000,
        crowd: Crowd | None = None,
        many: int = 40,
    ):
        self.project, self.results, self.history, self.most = project, results, history, most
        self.crowd, self.many = crowd, many
        self.day, self.behind = date.min, ""
        self.memory: OrderedDict[str, Person] = OrderedDict()
        self.next: datetime | None = None
        self.keeper: Incremental | None = None
        self.upto = 0
        self.told = 0

    # --- what the writer calls

    def open(self, tx: Transaction, now: datetime, before: Before | None = None) -> None:
        """Stand on these results: what was made from others is forgotten, what the log has had since is kept.

        Args:
            before: what the results before have told of everybody, where they are still there; what is otherwise now is
                a change.
        """
        for name, position in tx.execute("SELECT results, position FROM live_results"):
            if (name, position) == (self.results.name, self.results.position):
                for day, customer in tx.execute("SELECT day, customer FROM live_day"):
                    self.day, self.behind = date.fromisoformat(day), customer
                self._look(tx)
                return
        if before is not None:
            told = {c: json.loads(a) for c, a in tx.execute("SELECT customer, answers FROM live_told WHERE answers IS NOT NULL")}
            told |= {other: {} for other in identity.others(tx)}
            for change in before(told):
                self._tell(tx, change, self.results.position, now)
        asked = set(self.results.soon())
        if self.crowd is None:  # otherwise they come one after the other, as when a day begins
            sql = "SELECT DISTINCT customer FROM live_did WHERE position > ?"
            asked |= {c for (c,) in tx.execute(sql, (self.results.position,))}
        tx.execute("DELETE FROM live_told")
        tx.execute("DELETE FROM live_gone")
        self._swept(tx, date.min, "")
        tx.execute("INSERT OR REPLACE INTO live_results VALUES (1, ?, ?)", (self.results.name, self.results.position))
        tx.execute("DELETE FROM live_since")
        tx.execute("INSERT INTO live_since SELECT ?, coalesce(max(number), 0) FROM live_change", (self.results.name,))
        for customer in asked - identity.others(tx):  # asked again at the first moment
            tx.execute("INSERT INTO live_told VALUES (?, NULL, 0)", (customer,))
        self._look(tx)

    def apply(self, tx: Transaction, events: Sequence[Logged], now: datetime) -> None:
        """Messages in the order of the log."""
        self._agree(tx)
        if events[0].position <= self.upto:
            self.memory.clear()  # they come again: what was made of them before has come to nothing
        try:
            self._apply(tx, events, now)
            self.upto = events[-1].position
            self._remember(tx)
        except BaseException:
            self.memory.clear()  # what it holds may be of a transaction that comes to nothing
            raise

    def _apply(self, tx: Transaction, events: Sequence[Logged], now: datetime) -> None:
        heard: dict[str, list[Heard]] = {}
        merged: dict[str, tuple[str, ...]] = {}
        made = hear(tx, events, lambda customer, were: self._joined(customer, were, heard, merged), self._read(tx))
        for customer, logged, did in made:
            heard.setdefault(customer, []).append(Heard(logged.position, logged.message, did))
        if self.crowd is not None and len(heard) >= self.many:
            self._at_once(tx, self.crowd, heard, events[0].position, now)
            self._forget(heard)
        else:
            self._one_by_one(tx, heard, events[-1].position, now)
        for were in merged.values():
            for gone in were:
                self._gone(tx, gone, events[-1].position, now)
        while len(self.memory) > self.most:
            self.memory.popitem(last=False)
        self._look(tx)

    def ahead(self, tx: Ahead, events: Sequence[Logged], now: datetime) -> Callable[[Transaction], None] | None:
        """The same worked out beforehand, where there are many: what is to be written goes to `tx`, and what is returned is called
        with the transaction in which that was written. Looks at nobody in memory; None where there are few."""
        if self.crowd is None or len({e.message.user or e.message.anonymous for e in events}) < self.many:
            return None
        ids = list(dict.fromkeys(id_ for e in events if (id_ := e.message.user or e.message.anonymous) is not None))
        sql = "SELECT i.id, i.customer FROM json_each(?) AS j CROSS JOIN live_id AS i WHERE i.id = j.value"
        customers = dict(zip(ids, ids, strict=True)) | dict(tx.execute(sql, (json.dumps(ids),)))
        heard: dict[str, list[Heard]] = {}
        rows: list[tuple[str, int, bytes]] = []
        read = self._read(tx)
        for logged in events:
            pair = identity.linked(logged.message)
            if pair is not None:
                identity.link(tx, *pair)  # nothing changes, or it is not known ahead
            id_ = logged.message.user or logged.message.anonymous
            if id_ is not None:
                customer = customers[id_]
                did, data = read(customer, logged)
                rows.append((customer, logged.position, data))
                heard.setdefault(customer, []).append(Heard(logged.position, logged.message, did))
        tx.executemany(HEARD, rows)
        self._at_once(tx, self.crowd, heard, events[0].position, now, tx)

        def finish(written: Transaction) -> None:
            self._forget(heard)
            self.upto = events[-1].position
            self._look(written)
            self._remember(written)

        return finish

    def _forget(self, customers: Iterable[str]) -> None:
        for customer in customers:
            self.memory.pop(customer, None)

    def _one_by_one(self, tx: Transaction, heard: Mapping[str, Sequence["Heard"]], position: int, now: datetime) -> None:
        keeper = self._keeper(now)
        self._bring(tx, heard, keeper, {c: {h.position for h in some} for c, some in heard.items()})
        for customer, some in heard.items():
            person = self.memory[customer]
            for did in self._dids(tx, customer, some):
                self._add(keeper, person, did)
            if person.stale:
                del self.memory[customer]
        for customer in self._ready(tx, heard, keeper):
            self._settle(tx, keeper, customer, position)

    def _at_once(
        self,
        tx: Transaction,
        crowd: Crowd,
        heard: Mapping[str, Sequence["Heard"]],
        first: int,
        now: datetime,
        history: History | None = None,
    ) -> None:
        """Answer for many, and write down whose answers are others than before.

        Args:
            heard: what came now, by customer; `first`: the position where it begins.
        """
        names = json.dumps(list(heard))
        before: dict[str, list[Did]] = {}
        sql = (
            "SELECT d.customer, d.position, d.did FROM json_each(?) AS j CROSS JOIN live_did AS d "
            "WHERE d.customer = j.value AND d.position > ? AND d.position < ? ORDER BY d.customer, d.position"
        )
        for customer, position, data in tx.execute(sql, (names, self.results.position, first)):
            did = unpacked(self.results.name, data) or self._anew(tx, customer, position, history)
            before.setdefault(customer, []).append(did)
        ids: dict[str, list[str]] = {}
        sql = "SELECT i.customer, i.id FROM json_each(?) AS j CROSS JOIN live_id AS i WHERE i.customer = j.value ORDER BY i.id"
        for customer, id_ in tx.execute(sql, (names,)):
            ids.setdefault(customer, [customer]).append(id_)
        told: dict[str, Answers | None] = {}
        sql = "SELECT t.customer, t.answers FROM json_each(?) AS j CROSS JOIN live_told AS t WHERE t.customer = j.value"
        for customer, answers in tx.execute(sql, (names,)):
            told[customer] = None if answers is None else json.loads(answers)
        gone = "SELECT g.customer FROM json_each(?) AS j CROSS JOIN live_gone AS g WHERE g.customer = j.value"
        told |= {
            customer: told.get(customer) or {} for (customer,) in tx.execute(gone, (names,))
        }  # the run's answers are not theirs
        asked = [
            Lately(c, tuple(dict.fromkeys(ids.get(c, (c,)))), [*before.get(c, ()), *self._dids(tx, c, some)], c in told)
            for c, some in heard.items()
        ]
        position = max((h.position for some in heard.values() for h in some), default=0)
        at, moves, rows = micros(now), list[tuple[Any, ...]](), list[tuple[Any, ...]]()
        for who, of in zip(asked, crowd.now(asked, now), strict=True):
            customer, last = who.customer, told.get(who.customer)
            if of.by_run is not None:
                for name, label, entered in moved(of.by_run if last is None else last, of.answers):
                    moves.append((customer, name, label, entered, at, position))
                rows.append(written(customer, of.answers, of.due))
            elif of.due is not None:
                rows.append(written(customer, None, of.due))
        tx.executemany(CHANGED, moves)
        tx.executemany(WRITTEN, rows)

    def due(self) -> datetime | None:
        """When `tick` has something to do next."""
        if self.crowd is None:
            return self.next
        if self.behind or self.day == date.min:
            return datetime.min
        if not self.project.needs.daily:
            return self.next
        midnight = clamped_first_instant(self.day + timedelta(days=1), self.project.world.zone)
        return midnight if self.next is None else min(self.next, midnight)

    def _look(self, tx: Transaction) -> None:
        for (due,) in tx.execute("SELECT min(due) FROM live_told WHERE due IS NOT NULL"):
            self.next = None if due is None else of_micros(due)

    def tick(self, tx: Transaction, now: datetime, limit: int = 1000) -> None:
        """Answer again for those whose moment has come, some at a time."""
        self._agree(tx)
        rows = tx.execute("SELECT customer FROM live_told WHERE due <= ? ORDER BY due LIMIT ?", (micros(now), limit))
        customers = [str(c) for (c,) in rows]
        if not customers and self.crowd is not None:
            customers = self._sweep(tx, now, limit)
        if self.crowd is not None and len(customers) >= self.many:
            self._at_once(tx, self.crowd, dict.fromkeys(customers, ()), LAST, now)
            self._forget(customers)
        else:
            keeper = self._keeper(now)
            for customer in self._ready(tx, customers, keeper):
                self._settle(tx, keeper, customer, None)
        self._look(tx)
        self._remember(tx)

    def _sweep(self, tx: Transaction, now: datetime, limit: int) -> list[str]:
        """The next customers who were heard of since the last run and were not asked again since the day began."""
        today = local_day(now, self.project.world.zone)
        if today <= self.day and not self.behind:
            return []
        day = self.day if self.behind else today
        sql = "SELECT DISTINCT customer FROM live_did WHERE customer > ? AND position > ? ORDER BY customer LIMIT ?"
        customers = [str(c) for (c,) in tx.execute(sql, (self.behind, self.results.position, limit))]
        self._swept(tx, day, customers[-1] if len(customers) == limit else "")
        return customers

    def _swept(self, tx: Transaction, day: date, customer: str) -> None:
        self.day, self.behind = day, customer
        tx.execute("INSERT OR REPLACE INTO live_day VALUES (1, ?, ?)", (day.isoformat(), customer))

    def _agree(self, tx: Transaction) -> None:
        """Forget everybody where changes that were told have come to nothing, as on a disk that was full."""
        if self._last(tx) < self.told:
            self.memory.clear()

    def _remember(self, tx: Transaction) -> None:
        self.told = self._last(tx)

    def _last(self, tx: Transaction) -> int:
        """The number of the last change."""
        return next((int(n) for (n,) in tx.execute("SELECT seq FROM sqlite_sequence WHERE name = 'live_change'")), 0)

    # --- what is asked of one customer

    def asked(self, tx: Transaction, id_: str, now: datetime) -> tuple[str, Person, FromState] | None:
        """A customer by any of their ids, with their answers as of now; None where nobody has heard of them."""
        customer = identity.customer_of(tx, id_)
        keeper = self._keeper(now)
        if customer not in self.memory:
            known = self.results.known(identity.ids_of(tx, customer))
            if customer not in known and not self._heard(tx, customer):
                return None
            self._bring(tx, [customer], keeper, {}, known)
        self._ready(tx, [customer], keeper)
        person = self.memory[customer]
        return customer, person, keeper.asked(self._customer(keeper, customer, person), self._states(customer, person))

    def prepared(self, customer: str, person: Person) -> Asked:
        """The answers of somebody who was just `asked`, without reasons: `project.preparation` gives them."""
        assert self.keeper is not None
        return self.keeper.prepared(self._customer(self.keeper, customer, person), self._states(customer, person))

    def whole(self, tx: Transaction, id_: str) -> tuple[str, Person, Sequence[Event]] | None:
        """A customer by any of their ids with everything that they did, read anew and kept nowhere; None where nobody has heard
        of them."""
        customer = identity.customer_of(tx, id_)
        ids = identity.ids_of(tx, customer)
        known = self.results.known(ids)
        mine = [known[i] for i in ids if i in known]
        if not mine and not self._heard(tx, customer):
            return None
        person = self._person(tx, customer, known, mine)
        return customer, person, tuple(self._done(tx, customer, person, mine, set(), everything=True))

    # --- how

    def _keeper(self, now: datetime) -> Incremental:
        world = replace(self.project.world, as_of=now, fitted=self._fitted)
        self.keeper = Incremental(self.project.needs, world, self.project.preparation)
        return self.keeper

    def _fitted(self, column: str, customer: str) -> Value | None:
        person, keeper = self.memory[customer], self.keeper
        if column in person.scored:
            return person.scored[column]
        name, part = (column, "") if column in self.project.fits else (column.rpartition(".")[0], column.rpartition(".")[2])
        fit = self.project.fits.get(name)
        if fit is None or keeper is None:
            return person.fitted.get(column)
        who, values = self._customer(keeper, customer, person), dict[str, Value | None]()
        for key, tree in fit.inputs.items():
            value = keeper.asked(who, self._states(customer, person)).value(tree)
            values[key] = None if isinstance(value, Missing) else value
            if key in fit.columns:
                who = replace(who, columns={**who.columns, fit.columns[key]: values[key]})
        made = fit.score(values, keeper.world.as_of)
        person.scored.update({f"{name}.{p}" if p else name: value for p, value in made.items()})
        return person.scored.setdefault(f"{name}.{part}" if part else name, None)

    def _person(self, tx: Transaction, customer: str, known: Mapping[str, Known], mine: Sequence[Known]) -> Person:
        """A customer of whom nothing has been added yet; `mine` is what is known under any of their ids."""
        person = Person(dict.fromkeys(self.project.attributes), mine[0].fitted if mine else {}, empty(self.project.needs))
        person.answers = self._told(tx, customer, known)
        person.account = mine[0].customer.account if mine else None
        return person

    def _bring(
        self,
        tx: Transaction,
        wanted: Iterable[str],
        keeper: Incremental,
        but: Mapping[str, set[int]],
        known: Mapping[str, Known] | None = None,
    ) -> None:
        """Read customers into memory who are not there: from the results, and from the log what came after them.

        `but` are positions that are added afterwards; `known`: what the results say of all of them, where that was read.
        """
        customers = [c for c in wanted if c not in self.memory]
        if not customers:
            return
        ids = {c: identity.ids_of(tx, c) for c in customers}
        known = self.results.known([i for several in ids.values() for i in several]) if known is None else known
        for customer in customers:
            mine = [known[i] for i in ids[customer] if i in known]
            person = self._person(tx, customer, known, mine)
            if self.project.accounts:
                ours = self.results.members(ids[customer]).values()
                person.members = tuple(dict.fromkeys(identity.customer_of(tx, m) for several in ours for m in several))
            self.memory[customer] = person
            for event in self._done(tx, customer, person, mine, but.get(customer, set())):
                keeper.add(person.state, event)
                if self._has_ids(event.kind):
                    person.ids.add((event.kind, event.id))

    def _done(
        self,
        tx: Transaction,
        customer: str,
        person: Person,
        mine: Sequence[Known],
        but: set[int],
        *,
        everything: bool = False,
    ) -> Iterable[Event]:
        """What a customer did, from the results and from the log since; what they said of themselves goes into their columns.

        Args:
            everything: also columns that no definition asks for.
        """
        done: dict[tuple[str, str], Event] = {}
        for one in reversed(mine):
            person.columns.update({n: v for n, v in one.customer.columns.items() if v is not None})
        for event in (e for one in mine for e in one.customer.events):
            done[self._key(event, len(done))] = event
        sql = "SELECT position, did FROM live_did WHERE customer = ? AND position > ? ORDER BY position"
        for position, data in tx.execute(sql, (customer, self.results.position)):
            if position in but:
                continue
            did = (None if everything else unpacked(self.results.name, data)) or self._anew(tx, customer, position)
            person.columns.update(did.said)
            for event in did.events:
                done[self._key(event, len(done))] = event
        return done.values()

    def _key(self, event: Event, number: int) -> tuple[str, str]:
        """What tells an event from others: its id, where rows of its kind have one of their own; otherwise each is another."""
        return (event.kind, event.id) if self._has_ids(event.kind) else (event.kind, f"#{number}")

    def _has_ids(self, kind: str) -> bool:
        return kind in self.project.single and self.project.single[kind].source.id is not None

    def _add(self, keeper: Incremental, person: Person, did: Did) -> None:
        person.columns.update(did.said)
        for event in did.events:
            if self._has_ids(event.kind):
                if (event.kind, event.id) in person.ids:
                    person.stale = True
                    return
                person.ids.add((event.kind, event.id))
            keeper.add(person.state, event)

    def _read(self, tx: Transaction) -> Callable[[str, Logged], tuple[Did, bytes]]:
        """What messages say, and how that is kept."""
        of, read = self.results.name, self.project.needs.columns

        def reading(customer: str, logged: Logged) -> tuple[Did, bytes]:
            did = self._did(tx, customer, logged.position, logged.message)
            return did, packed(of, did, read)

        return reading

    def _dids(self, tx: Transaction, customer: str, some: Sequence["Heard"]) -> list[Did]:
        return [h.did or self._did(tx, customer, h.position, h.message) for h in some]

    def _anew(self, tx: Transaction, customer: str, position: int, history: History | None = None) -> Did:
        """What a message of the log says; nothing where it is gone."""
        message = message_at(history or self.history, position)
        return Did() if message is None else self._did(tx, customer, position, message)

    def _did(self, tx: Transaction, customer: str, position: int, message: Message) -> Did:
        """What a message says, by the project's sources; what cannot be used is noted."""
        events: list[Event] = []
        said: dict[str, Value | None] = {}
        for source in self.project.rows.of(message):
            if source.role == "customers":
                self._attributes(tx, said, source, message, customer, position)
                continue
            event = self._event(tx, source, message, customer, position)
            if event is not None:
                events.append(event)
        return Did(events, said)

    def _event(self, tx: Transaction, source: Source, message: Message, customer: str, position: int) -> Event | None:
        single = self.project.single[source.name]
        try:
            found = single.event(row(source, message, customer, single.types))
        except Unfit as unfit:
            said = unfit.said if unfit.column is None else f"{unfit.column}: {unfit.said}"
            tx.execute("INSERT OR REPLACE INTO live_unfit VALUES (?, ?, ?)", (position, source.name, said))
            return None
        return None if found is None else found[1]

    def _attributes(
        self, tx: Transaction, columns: dict[str, Value | None], source: Source, message: Message, customer: str, position: int
    ) -> None:
        said = row(source, message, customer, self.project.attributes)
        for name, type_ in self.project.attributes.items():
            if name in said and name != source.id:
                try:
                    columns[name] = cell(said[name], type_, name, self.project.world.zone)
                except Unfit as unfit:
                    tx.execute(
                        "INSERT OR REPLACE INTO live_unfit VALUES (?, ?, ?)", (position, source.name, f"{name}: {unfit.said}")
                    )

    def _ready(self, tx: Transaction, customers: Iterable[str], keeper: Incremental) -> list[str]:
        """Some customers, and those whose answers hang on theirs: all in memory, and as of now."""
        out = list(customers)
        self._bring(tx, out, keeper, {})
        if self.project.accounts:
            out = list(dict.fromkeys(c for customer in out for c in (customer, *self.memory[customer].members)))
            self._bring(tx, out, keeper, {})
        for person in (self.memory[customer] for customer in out):
            keeper.settle(person.state)
            person.scored.clear()
        return out

    def _customer(self, keeper: Incremental, customer: str, person: Person) -> Customer:
        alone = self._alone(keeper, customer, person)
        if not person.members:
            return alone
        members: list[Customer] = []  # whose members they are themselves
        members += [replace(self._alone(keeper, m, self.memory[m]), members=members) for m in person.members]
        return replace(alone, members=members)

    def _alone(self, keeper: Incremental, customer: str, person: Person) -> Customer:
        return Customer(customer, person.columns, keeper.events(person.state), person.account)

    def _states(self, customer: str, person: Person) -> dict[str, State]:
        return {customer: person.state} | {m: self.memory[m].state for m in person.members}

    def _settle(self, tx: Transaction, keeper: Incremental, customer: str, position: int | None) -> None:
        person = self.memory[customer]
        before = person.answers
        self.memory.move_to_end(customer)
        who, states = self._customer(keeper, customer, person), self._states(customer, person)
        person.answers = self.project.answers(keeper.prepared(who, states))
        now = keeper.world.as_of
        due = keeper.asked(who, states).due(daily=self.crowd is None)
        if keeper.of.clock:
            due = min(now + MINUTE, due or LATEST)
        for change in changes(customer, before, person.answers):
            self._tell(tx, change, position or 0, now)
        self._write(tx, customer, person.answers, due)

    def _write(self, tx: Transaction, customer: str, answers: Answers | None, due: datetime | None) -> None:
        """Write down what was told of a customer, None being what the results say, and when to ask again."""
        tx.execute(WRITTEN, written(customer, answers, due))

    def _told(self, tx: Transaction, customer: str, known: Mapping[str, Known]) -> Answers:
        """What was last told of a customer: since the run, or else by it; nothing of one who was another's in between."""
        for (answers,) in tx.execute("SELECT answers FROM live_told WHERE customer = ? AND answers IS NOT NULL", (customer,)):
            return {**dict.fromkeys(self.project.segments, False), **json.loads(answers)}
        if customer not in known or any(True for _ in tx.execute("SELECT 1 FROM live_gone WHERE customer = ?", (customer,))):
            return {}
        return known[customer].answers

    def _tell(self, tx: Transaction, change: Change, position: int, now: datetime) -> None:
        row = (change.customer, change.name, change.label, int(change.entered), micros(now), position)
        tx.execute(CHANGED, row)

    def _joined(
        self,
        customer: str,
        were: tuple[str, ...],
        heard: dict[str, list["Heard"]],
        merged: dict[str, tuple[str, ...]],
    ) -> None:
        """Several customers have turned out to be one."""
        gone = tuple(w for w in were if w != customer)
        if self.project.accounts:
            self.memory.clear()  # others may know them as a member by the name that they had
        for other in were:
            self.memory.pop(other, None)
            for one in heard.pop(other, []):
                heard.setdefault(customer, []).append(one if other == customer else replace(one, did=None))
        heard.setdefault(customer, [])
        others = (*merged.pop(customer, ()), *gone, *(x for g in gone for x in merged.pop(g, ())))
        merged[customer] = tuple(dict.fromkeys(x for x in others if x != customer))

    def _gone(self, tx: Transaction, customer: str, position: int, now: datetime) -> None:
        """A customer is another one now: they leave everything that they were in."""
        for change in changes(customer, self._told(tx, customer, self.results.known([customer])), {}):
            self._tell(tx, change, position, now)
        tx.execute("DELETE FROM live_told WHERE customer = ?", (customer,))
        tx.execute("INSERT OR IGNORE INTO live_gone VALUES (?)", (customer,))

    def _heard(self, tx: Transaction, customer: str) -> bool:
        return any(True for _ in tx.execute("SELECT 1 FROM live_did WHERE customer = ? LIMIT 1", (customer,)))


LAST = 2**63 - 1
"""Behind every position."""
HEARD = "INSERT OR IGNORE INTO live_did VALUES (?, ?, ?)"
CHANGED = "INSERT INTO live_change (customer, name, label, entered, at, position) VALUES (?, ?, ?, ?, ?, ?)"
WRITTEN = "INSERT OR REPLACE INTO live_told VALUES (?, ?, ?)"


def written(customer: str, answers: Answers | None, due: datetime | None) -> tuple[str, str | None, int | None]:
    """A row of what was told."""
    told = None if answers is None else orjson.dumps({n: a for n, a in answers.items() if a is not False}).decode()
    return customer, told, None if due is None else micros(due)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a customer, and what it says where it was read under their name."""

    position: int
    message: Message
    did: Did | None


def alone(customer: str, were: Sequence[str]) -> None:
    """Nobody is held in memory."""


def unread(_: str, __: Logged) -> tuple[Did | None, bytes | None]:
    """Nothing is asked of messages yet."""
    return None, None


def hear(
    tx: Transaction,
    events: Iterable[Logged],
    joined: Callable[[str, tuple[str, ...]], None] = alone,
    read: Callable[[str, Logged], tuple[Did | None, bytes | None]] = unread,
) -> Iterator[tuple[str, Logged, Did | None]]:
    """Who is whom and which messages are whose, written down; gives each message with its customer.

    Args:
        joined: told of a customer, and of those that they were, when several turn out to be one.
        read: what a message of a customer says, and the bytes that are kept of it.
    """
    for logged in events:
        pair = identity.linked(logged.message)
        found = None if pair is None else identity.link(tx, *pair)
        if found is not None:
            joined(*found)
            for other in found[1]:
                if other != found[0]:
                    _move(tx, other, found[0])
        id_ = logged.message.user or logged.message.anonymous
        if id_ is not None:
            customer = identity.customer_of(tx, id_)
            did, data = read(customer, logged)
            tx.execute(HEARD, (customer, logged.position, data))
            yield customer, logged, did


def _move(tx: Transaction, customer: str, to: str) -> None:
    """What one customer was heard of is another's."""
    tx.execute("INSERT OR IGNORE INTO live_did SELECT ?, position, NULL FROM live_did WHERE customer = ?", (to, customer))
    tx.execute("DELETE FROM live_did WHERE customer = ?", (customer,))


def changes(customer: str, before: Answers, after: Answers) -> list[Change]:
    """Who enters and who leaves what, the leaving first; what cannot be told is not being in."""
    return [Change(customer, name, label, entered) for name, label, entered in moved(before, after)]


def moved(before: Answers, after: Answers) -> list[tuple[str, str | None, bool]]:
    """The same without the customer: what, its label, and whether it is entered."""
    out: list[tuple[str, str | None, bool]] = []
    differ = {name for name, _ in before.items() ^ after.items()}
    for name in dict.fromkeys((*before, *after)) if differ else ():
        if name not in differ:
            continue
        old, new = before.get(name), after.get(name)
        if isinstance(old, str) and old != new:
            out.append((name, old, False))
        if isinstance(new, str) and old != new:
            out.append((name, new, True))
        if (old is True) != (new is True):
            out.append((name, None, new is True))
    return sorted(out, key=_entered)


def _entered(move: tuple[str, str | None, bool]) -> bool:
    return move[2]
