"""The log: every message that was acknowledged, in the order of its position, in SQLite.

*Accept* writes the ids by which messages are told apart and the messages themselves in one transaction that is forced to the
disk before anybody is told. What follows from them is *applied* in later transactions, strictly in the order of positions; the
position that was reached moves in the same transaction. One connection writes and checkpoints; others read (`Reader`).
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import blake2b, sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import apsw
import msgspec

from coterie.core.errors import StoreError
from coterie.live.audit import End
from coterie.live.instants import EARLIEST
from coterie.live.lock import Lock, boot_id
from coterie.live.message import Message, Refused
from coterie.live.wal import Mark, examined

FILE, MARK, ASIDE, SEALED = "log.sqlite", "log.mark", "aside", "sealed"
AUDITED = "audited"
FORMAT = 1
SOUND = (3, 51, 3)
"""The first version of SQLite that does not lose commits where a reader and a checkpoint meet."""
BLOCK = 1000
"""Positions of one link of the hash chain."""
APPLICATION = 0x636F7465  # "cote"
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - instants are naive UTC
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE events (position INTEGER PRIMARY KEY, source TEXT NOT NULL, received INTEGER NOT NULL, digest BLOB NOT NULL,
  body TEXT NOT NULL) STRICT;
CREATE TABLE ids (source TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL,
  PRIMARY KEY (source, id)) STRICT, WITHOUT ROWID;
CREATE TABLE chain (position INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE days (day TEXT PRIMARY KEY, first INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sealed (day TEXT PRIMARY KEY, file TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, rows INTEGER NOT NULL,
  hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE lost (first INTEGER NOT NULL, last INTEGER NOT NULL, found INTEGER NOT NULL, said TEXT NOT NULL) STRICT;
CREATE TABLE quarantine (number INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL, source TEXT NOT NULL,
  reason TEXT NOT NULL, said TEXT NOT NULL, item BLOB NOT NULL, position INTEGER, path TEXT NOT NULL, replayed INTEGER) STRICT;
"""
"""`events.digest` is 16 bytes of BLAKE2b of the source and the body,
`chain.hash` SHA-256 of the hash before and the digests of its block; times are microseconds since 1970."""

Clock = Callable[[], datetime]
"""The time now, naive UTC."""
At = Callable[[str], None]
"""Called with the name of each point at which a process may die; tests let it die there."""
Outcome = Literal["stored", "duplicate", "conflict", "quarantined"]


def nowhere(_: str) -> None:
    """No point is of interest."""


def sqlite() -> tuple[int, ...]:
    """The version of SQLite that is used."""
    return tuple(int(part) for part in apsw.sqlite_lib_version().split("."))


class Damaged(StoreError):
    """The log lost events that were acknowledged; what there is was set aside, and nothing was changed.

    Attributes:
        first, last: the positions that are gone.
        aside: where copies of the files lie.
    """

    default_code = "E652"
    first = last = 0
    aside: Path | None = None


class Logged(msgspec.Struct, frozen=True):
    """A message in the log: its position (1, 2, 3, … in the order of acceptance) and the source that sent it."""

    position: int
    source: str
    message: Message


class Receipt(msgspec.Struct, frozen=True):
    """What became of one item.

    Attributes:
        outcome: `stored`; `duplicate`, the same message is there; `conflict`, another message has its id, and this one went
            into quarantine; `quarantined`.
        position: of the message in the log; of a conflict that of the other one; None in quarantine.
        reason, said: of what is in quarantine.
    """

    outcome: Outcome
    position: int | None = None
    reason: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item that could not be taken, or a message that could not be applied (`position`).

    Attributes:
        replayed: when it was taken after all.
    """

    number: int
    received: datetime
    source: str
    reason: str
    said: str
    item: bytes
    position: int | None
    path: str
    replayed: datetime | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A closed day as a Parquet file: `file` lies in the log's folder, `hash` is SHA-256 of its bytes in hex."""

    day: str
    file: str
    first: int
    last: int
    rows: int
    hash: str


_Known = tuple[int, Message | None]
"""Where a message is, and, once it was looked at, what it says."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one request brings, ready to be written: made where there is time, written where there is not.

    Attributes:
        messages, bodies, digests, received: of each message itself, its JSON, the digest of that, and when it came in
            microseconds since 1970.
    """

    source: str
    messages: Sequence[Message]
    bodies: Sequence[str]
    digests: Sequence[bytes]
    received: Sequence[int]
    refused: tuple[Refused, ...] = ()
    path: str = ""
    size: int = 0

    @classmethod
    def of(cls, source: str, messages: Iterable[Message], refused: Iterable[Refused] = (), path: str = "") -> "Offer":
        """Messages of a source (in their order), and the items of the same request that were refused."""
        made = messages if isinstance(messages, list) else list(messages)
        bodies = [message.to_json() for message in made]
        head = source.encode() + b"\x00"
        digests = [blake2b(head + body, digest_size=16).digest() for body in bodies]
        when, came = EARLIEST, 0
        received = []
        for message in made:
            if message.received is not when:  # all of a request came at once
                when = message.received
                came = micros(when)
            received.append(came)
        no = tuple(refused)
        size = sum(map(len, bodies)) + sum(len(r.item) for r in no)
        return cls(source, made, [body.decode() for body in bodies], digests, received, no, path, size)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """By which the messages are told from all others: the source and their own id."""
        source = self.source
        return [(source, message.id) for message in self.messages]


class Transaction:
    """What an applier may do: run statements of its own tables within the transaction that moves `applied`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection):
        self._connection = connection

    def execute(self, sql: str, bindings: Sequence[Any] | Mapping[str, Any] = ()) -> apsw.Cursor:
        return self._connection.execute(sql, bindings)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)


class Applier(Protocol):
    """What follows from events. Its tables lie in the log's own file, so that they and the position move together."""

    @property
    def tables(self) -> Sequence[str]:
        """Statements `CREATE TABLE IF NOT EXISTS …`, run when the log is opened; all names start with a prefix of its own."""

    def apply(self, tx: Transaction, events: Sequence[Logged], now: datetime) -> None:
        """Take some events in, in the order of their positions."""

    def due(self) -> datetime | None:
        """When `tick` wants to be called next; None for never."""

    def tick(self, tx: Transaction, now: datetime) -> None:
        """Do what is due by now."""


@dataclass(slots=True)
class _Pending:
    """What a transaction is about to make true of the log."""

    position: int
    digests: list[bytes] = field(default_factory=list)
    day: str = ""


@dataclass(slots=True)
class _New:
    """Rows that are about to be written, as the statements take them.

    Attributes:
        position: of the last of them.
        digests: of those behind the last link of the chain.
        before: the hash of the link that is in the log.
        events, ids: rows behind each other in one list.
        links: the links of the chain that they make.
    """

    position: int
    digests: list[bytes]
    before: Callable[[], bytes]
    events: list[Any] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)
    links: list[tuple[int, bytes]] = field(default_factory=list)

    def take(self, offer: Offer, some: Sequence[int] | None) -> None:
        """Some messages of an offer, or all of them, are new."""
        messages, bodies, digests, received = offer.messages, offer.bodies, offer.digests, offer.received
        if some is not None:
            messages, bodies = [messages[i] for i in some], [bodies[i] for i in some]
            digests, received = [digests[i] for i in some], [received[i] for i in some]
        count = len(messages)
        positions = range(self.position + 1, self.position + 1 + count)
        events, ids, sources = [None] * (5 * count), [None] * (3 * count), [offer.source] * count
        columns: list[tuple[list[Any], int, int, Sequence[Any]]] = [
            (events, 0, 5, positions), (events, 1, 5, sources), (events, 2, 5, received), (events, 3, 5, digests),
            (events, 4, 5, bodies), (ids, 0, 3, sources), (ids, 1, 3, [m.id for m in messages]), (ids, 2, 3, positions),
        ]  # fmt: skip
        for rows, at, width, values in columns:
            rows[at::width] = values
        self.events += events
        self.ids += ids
        start, behind, done = self.position, len(self.digests), 0
        self.position += count
        self.digests = [*self.digests, *digests]
        for position in range(start - start % BLOCK + BLOCK, self.position + 1, BLOCK):
            block = self.digests[done : behind + position - start]
            done += len(block)
            before = self.links[-1][1] if self.links else self.before()
            self.links.append((position, sha256(before + b"".join(block)).digest()))
        self.digests = self.digests[done:]


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of a naive UTC instant."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def of_micros(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)


class Log:
    """The log of one folder, held by one process. Made with `Log.open`.

    Attributes:
        position: of the last event that was accepted; 0 where there is none.
        applied: of the last event that was applied.
        identity: 16 bytes that no other log has.
        clean: whether the process before this one closed it.
        notes: what was found when it was opened, in plain words.
    """

    def __init__(self, folder: Path, connection: apsw.Connection, lock: Lock, clock: Clock, zone: tzinfo | None, at: At):
        self.folder = folder
        self.connection = connection
        self.clock = clock
        self.zone = zone
        self.at = at
        self.notes: list[str] = []
        self.clean = True
        self.position = 0
        self.applied = 0
        self.identity = b""
        self._lock = lock
        self._mark: Mark | None = None
        self._digests: list[bytes] = []
        self._day = ""

    @classmethod
    def open(
        cls,
        folder: Path,
        clock: Clock,
        *,
        zone: tzinfo | None = None,
        tables: Sequence[str] = (),
        at: At = nowhere,
        vfs: str | None = None,
        accept_loss: bool = False,
    ) -> "Log":
        """Open the log in a folder, or begin one.

        Args:
            folder: where it lies; made if it is not there.
            zone: of local days, by which the log is sealed; UTC where nothing is said.
            tables: statements of an applier's tables.
            at: called with the name of each point at which the process may die.
            vfs: the name of a file system that SQLite knows, for tests.
            accept_loss: go on where acknowledged events are gone.

        Raises:
            Busy: another process holds it.
            Damaged: acknowledged events are gone.
            StoreError: it was written by a newer coterie, or is no log.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = Lock(folder)
        try:
            log = cls(folder, _connected(folder / FILE, vfs), lock, clock, zone, at)
            try:
                log._begin(tables, accept_loss)
            except BaseException:
                log._leave()
                raise
        except (apsw.Error, KeyError, ValueError, TypeError, AssertionError) as error:
            lock.close()
            raise unusable(folder, error) from error
        except BaseException:
            lock.close()
            raise
        return log

    def _begin(self, tables: Sequence[str], accept_loss: bool) -> None:
        c = self.connection
        if sqlite() < SOUND:
            had = ".".join(map(str, sqlite()))
            self.notes.append(f"SQLite {had} can lose what was written (its WAL-reset race): update it, pip install -U apsw")
        # Closing must not overwrite what is to be looked at.
        c.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        version = int(str(c.pragma("user_version")))
        if version > FORMAT:
            raise StoreError(
                f"the log was written by a newer coterie (format {version}; this one reads {FORMAT})",
                code="E651",
                hint="update coterie: uv tool upgrade coterie, or pip install -U coterie",
            )
        found = bool(version)
        if not found:
            if c.pragma("page_count") and c.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                raise StoreError(f"{self.folder / FILE} is a database, and no log of coterie", code="E653")
            self._lost_whole(accept_loss)
        wal = examined(self.folder / f"{FILE}-wal")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=1", "checkpoint_fullfsync=1", "secure_delete=1"):
            c.execute(f"PRAGMA {pragma}").fetchall()
        for pragma in ("wal_autocheckpoint=0", "mmap_size=0", "cache_size=-65536", "trusted_schema=0", "temp_store=MEMORY"):
            c.execute(f"PRAGMA {pragma}").fetchall()
        if not found:
            with c:
                c.execute(_SCHEMA)
                c.execute("INSERT INTO facts VALUES ('log', ?), ('applied', 0), ('clean', 1)", (os.urandom(16),))
                c.execute(f"PRAGMA application_id={APPLICATION}")
                c.execute(f"PRAGMA user_version={FORMAT}")
            _force_folder(self.folder)
        facts = {str(name): value for name, value in c.execute("SELECT name, value FROM facts")}
        identity = facts["log"]
        assert isinstance(identity, bytes)
        self.identity = identity
        self.position = _one(c, "SELECT max(position) FROM (SELECT max(position) AS position FROM events "
                                "UNION ALL SELECT max(last) FROM sealed UNION ALL SELECT max(last) FROM lost)")  # fmt: skip
        self.applied = int(str(facts["applied"]))
        self.clean = bool(facts["clean"])
        self._look(identity, wal.later, wal.bad, accept_loss)
        last = _one(c, "SELECT max(position) FROM chain")
        self._digests = [d for (d,) in c.execute("SELECT digest FROM events WHERE position > ? ORDER BY position", (last,))]
        self._day = str((c.execute("SELECT max(day) FROM days").fetchone() or ("",))[0] or "")
        with c:
            for sql in tables:
                c.execute(sql)
            c.execute("UPDATE facts SET value = 0 WHERE name = 'clean'")
        # From here on nobody else writes; a checkpoint that readers are in the way of is not waited for.
        c.set_busy_timeout(100)
        self._mark = Mark(self.folder / MARK, identity, boot_id())
        self._mark.put(self.position)

    def _lost_whole(self, accept_loss: bool) -> None:
        """A mark without a log beside it: the log was removed."""
        mark = Mark.read(self.folder / MARK)
        if mark is not None and mark.position and not accept_loss:
            raise self._damage(1, mark.position, "the log's file is gone or empty", [])

    def _look(self, identity: bytes, later: int, bad: int | None, accept_loss: bool) -> None:
        """Whether everything that was acknowledged is here."""
        mark = Mark.read(self.folder / MARK)
        if mark is None and (self.folder / MARK).exists():
            self.notes.append("the log's mark cannot be read: that nothing is missing at the end of the log is not known")
        exact = mark is not None and mark.log == identity
        first, last, said = self.position + 1, 0, ""
        if mark is not None and exact and mark.position > self.position:
            last = mark.position
            said = f"{last - self.position:,} acknowledged events are missing: positions {first:,} to {last:,}"
        elif bad is not None and not (exact and mark is not None and mark.boot == boot_id() and mark.boot):
            if later < 2:
                self.notes.append(f"an unfinished write behind position {self.position:,} was left out")
                return
            last = self.position
            said = f"the log is damaged behind position {self.position:,}: later events are missing, how many is not known"
        if not said:
            return
        if not accept_loss:
            raise self._damage(first, max(first, last), said, [FILE, f"{FILE}-wal", MARK])
        where = self._set_aside([FILE, f"{FILE}-wal", MARK])
        self.notes.append(f"{said}; copies of the files lie in {where}")
        with self.connection as c:
            c.execute("INSERT INTO lost VALUES (?, ?, ?, ?)", (first, last, micros(self.clock()), said))
        self.position = max(self.position, last)

    def _damage(self, first: int, last: int, said: str, files: Sequence[str]) -> Damaged:
        where = self._set_aside(files) if files else None
        copied = f"copies of the files lie in {where}; " if where else ""
        error = Damaged(said, hint=f"{copied}restore a backup, or go on without those events: coterie serve --accept-loss")
        error.first, error.last, error.aside = first, last, where
        return error

    def _set_aside(self, files: Sequence[str]) -> Path:
        """Copies of some files, once for each state that they are in."""
        seen = sha256()
        for name in files:
            path = self.folder / name
            if path.exists():
                stat = path.stat()
                seen.update(f"{name} {stat.st_size} {stat.st_mtime_ns}".encode())
        where = self.folder / ASIDE / seen.hexdigest()[:12]
        if not where.exists():
            making = where.with_suffix(".part")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            for name in files:
                if (self.folder / name).exists():
                    shutil.copy2(self.folder / name, making / name)
            making.rename(where)
        return where

    # Accept

    def accept(self, source: str, messages: Iterable[Message], refused: Iterable[Refused] = (), path: str = "") -> list[Receipt]:
        """Write messages and refusals of one request in a transaction of its own; when this returns they are on the disk."""
        return self.accept_all([Offer.of(source, messages, refused, path)])[0][0]

    def accept_all(self, offers: Sequence[Offer], *, followed: bool = True) -> list[tuple[list[Receipt], list[Logged]]]:
        """Write what several requests bring in one transaction.

        Args:
            followed: whether somebody wants to see what was stored.

        Returns: of each offer, in its order: a receipt for each item, in the order of the items; and what was stored.

        Raises:
            apsw.Error: nothing was written.
        """
        c, at = self.connection, self.at
        at("before_begin")
        c.execute("BEGIN IMMEDIATE")
        try:
            at("after_begin")
            pending = _Pending(self.position, day=self._day)
            out = self._insert(offers, pending, followed)
            at("before_commit")
            c.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(apsw.Error):
                if c.in_transaction:
                    c.execute("ROLLBACK")
            raise
        at("after_commit")
        self.position, self._digests, self._day = pending.position, pending.digests, pending.day
        if self._mark is not None:
            self._mark.put(self.position)
        at("after_mark")
        return out

    def _insert(self, offers: Sequence[Offer], pending: _Pending, followed: bool) -> list[tuple[list[Receipt], list[Logged]]]:
        now = self.clock()
        keys = [offer.keys for offer in offers]
        known = self._known([key for some in keys for key in some])
        self.at("after_known")
        new = _New(pending.position, list(self._digests), self._link)
        aside: list[tuple[int, str, str, str, bytes, None, str]] = []
        out: list[tuple[list[Receipt], list[Logged]]] = []
        for offer, some in zip(offers, keys, strict=True):
            receipts: list[Receipt] = []
            first = new.position + 1
            fresh: Sequence[int] = range(len(some))
            if len(set(some)) < len(some) or not known.keys().isdisjoint(some):
                fresh = []
                for index, key in enumerate(some):
                    had = known.get(key)
                    if had is None:
                        known[key] = (first + len(fresh), offer.messages[index])
                        receipts.append(Receipt("stored", first + len(fresh)))
                        fresh.append(index)
                        continue
                    receipts.append(self._again(offer, index, *had))
                    if receipts[-1].outcome == "conflict":
                        body = offer.bodies[index].encode()
                        aside.append((micros(now), offer.source, "id_conflict", receipts[-1].said, body, None, offer.path))
                new.take(offer, fresh)
            else:
                new.take(offer, None)
                receipts = [Receipt("stored", position) for position in range(first, new.position + 1)]
                if len(offers) > 1:
                    known.update(zip(some, enumerate(offer.messages, first), strict=True))
            for no in offer.refused:
                aside.append((micros(now), offer.source, no.reason, no.said, no.item, None, offer.path))
                receipts.insert(no.index, Receipt("quarantined", None, no.reason, no.said))
            stored = [Logged(first + n, offer.source, offer.messages[i]) for n, i in enumerate(fresh)] if followed else []
            out.append((receipts, stored))
        c = self.connection
        if new.ids:
            self._new_day(now, pending)
            _insert_many(c, "events", 5, new.events)
            self.at("after_events")
            _insert_many(c, "ids", 3, new.ids)
            if new.links:
                c.executemany("INSERT INTO chain VALUES (?, ?)", new.links)
        if aside:
            c.executemany(
                "INSERT INTO quarantine (received, source, reason, said, item, position, path) VALUES (?, ?, ?, ?, ?, ?, ?)", aside
            )
        pending.position, pending.digests = new.position, new.digests
        return out

    def _again(self, offer: Offer, index: int, where: int, other: Message | None) -> Receipt:
        """What becomes of a message whose id was there before."""
        message = offer.messages[index]
        other = other or self._message(where)
        if other is None or other.content() == message.content():
            return Receipt("duplicate", where)
        return Receipt("conflict", where, "id_conflict", f"another message has the id {message.id!r}, at position {where}")

    def _known(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], _Known]:
        """Positions of the messages that are there, by source and id."""
        out: dict[tuple[str, str], _Known] = {}
        for source in {source for source, _ in keys}:
            for part in _parts([id_ for name, id_ in keys if name == source], 256):
                for id_, position in self.connection.execute(_known_sql(len(part)), (source, *part)):
                    out[source, str(id_)] = (int(str(position)), None)
        return out

    def _message(self, position: int) -> Message | None:
        """A message that was stored; None where it can be read no longer, and another cannot be told from it."""
        row = self.connection.execute("SELECT body FROM events WHERE position = ?", (position,)).fetchone()
        try:
            return None if row is None else Message.from_json(str(row[0]))
        except msgspec.MsgspecError:
            return None

    def _link(self) -> bytes:
        """The hash that the next link of the chain goes on from."""
        row = self.connection.execute("SELECT hash FROM chain ORDER BY position DESC LIMIT 1").fetchone()
        return bytes(row[0]) if row else b""

    def _new_day(self, now: datetime, pending: _Pending) -> None:
        """The local day of what is accepted now. A clock that goes back does not open a day again."""
        day = local_day(now, self.zone)
        if day > self._day:
            self.connection.execute("INSERT INTO days VALUES (?, ?)", (day, self.position + 1))
            pending.day = day

    # Apply

    @contextlib.contextmanager
    def applying(self, upto: int) -> Iterator[Transaction]:
        """A transaction at whose end `applied` is `upto`. Not forced to the disk: what is lost is done again from the log."""
        c = self.connection
        c.execute("PRAGMA synchronous=NORMAL").fetchall()
        try:
            c.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(c)
                if upto != self.applied:
                    c.execute("UPDATE facts SET value = ? WHERE name = 'applied'", (upto,))
                self.at("before_apply_commit")
                c.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(apsw.Error):
                    if c.in_transaction:
                        c.execute("ROLLBACK")
                raise
            self.applied = upto
            self.at("after_apply_commit")
        finally:
            c.execute("PRAGMA synchronous=FULL").fetchall()

    def prove(self) -> None:
        """Write something and force it to the disk."""
        self.connection.execute("INSERT OR REPLACE INTO facts VALUES ('proved', ?)", (micros(self.clock()),))

    def attempt(self, position: int) -> int:
        """Count, durably, that an event is about to be applied. Returns how often it was before."""
        c = self.connection
        before = _one(c, f"SELECT value FROM facts WHERE name = 'attempt {int(position)}'")  # noqa: S608
        c.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (f"attempt {position}", before + 1))
        return before

    def set_aside(self, event: Logged, reason: str, said: str) -> None:
        """Put an event that cannot be applied into quarantine, and move on behind it. It stays in the log."""
        with self.applying(event.position) as tx:
            tx.execute(
                "INSERT INTO quarantine (received, source, reason, said, item, position, path) VALUES (?, ?, ?, ?, ?, ?, '')",
                (micros(self.clock()), event.source, reason, said, event.message.to_json(), event.position),
            )

    # Read

    def read(self, after: int, limit: int) -> Sequence[Logged]:
        """The events behind a position, in order, at most `limit`.

        Raises:
            Damaged: an event is not as it was written.
        """
        return read_events(self.connection, after, limit)

    def quarantine(self, limit: int = 100, *, replayed: bool = False, after: int = 0) -> Sequence[Quarantined]:
        """What is in quarantine behind a number, the oldest first; those that were taken after all only where asked for."""
        return read_quarantine(self.connection, limit, replayed, after)

    def keep_sealed(self, day: Sealed) -> None:
        """Write into the log, forced to the disk, that a day lies in Parquet."""
        self.at("before_seal")
        self.connection.execute(
            "INSERT OR REPLACE INTO sealed VALUES (?, ?, ?, ?, ?, ?)", (day.day, day.file, day.first, day.last, day.rows, day.hash)
        )
        self.at("after_seal")

    def keep_audited(self, end: End) -> None:
        """Write into the log, forced to the disk, how far the list of who has changed what has come."""
        self.connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (AUDITED, end.to_bytes()))

    def audited(self) -> End | None:
        """How far that list had come when this was last written."""
        return read_audited(self.connection)

    def replayed(self, number: int) -> None:
        """Say that an item in quarantine was taken after all."""
        self.connection.execute("UPDATE quarantine SET replayed = ? WHERE number = ?", (micros(self.clock()), number))

    def checkpoint(self, *, whole: bool = False) -> int:
        """Bring the write-ahead file into the database. Returns how many pages it still holds.

        Args:
            whole: wait for readers, and shorten the file to nothing.
        """
        self.at("before_checkpoint")
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if whole else apsw.SQLITE_CHECKPOINT_PASSIVE
        try:
            pages, done = self.connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            return -1
        self.at("after_checkpoint")
        return pages - done

    def wal_size(self) -> int:
        """Bytes of the write-ahead file."""
        try:
            return (self.folder / f"{FILE}-wal").stat().st_size
        except OSError:
            return 0

    def close(self) -> None:
        """Say that all is written, bring everything into one file, and let go of the folder."""
        with contextlib.suppress(apsw.Error):
            self.connection.execute("UPDATE facts SET value = 1 WHERE name = 'clean'")
            self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        self._leave()

    def _leave(self) -> None:
        with contextlib.suppress(apsw.Error):
            self.connection.close(True)
        if self._mark is not None:
            self._mark.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reader:
    """Looks into a log that another process, or another thread, writes. Sees what was committed when each call begins."""

    def __init__(self, folder: Path):
        path = folder / FILE
        if not path.exists():
            raise StoreError(f"no log is here: {path}", code="E654", hint="coterie serve begins one")
        self.folder = folder
        try:
            self.connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            self.connection.set_busy_timeout(5000)
            self.connection.execute("PRAGMA query_only=1").fetchall()
        except apsw.Error as error:
            raise unusable(folder, error) from error

    @property
    def position(self) -> int:
        return _one(self.connection, "SELECT max(position) FROM events")

    @property
    def applied(self) -> int:
        return _one(self.connection, "SELECT value FROM facts WHERE name = 'applied'")

    def read(self, after: int, limit: int) -> Sequence[Logged]:
        """As `Log.read`."""
        return read_events(self.connection, after, limit)

    def quarantine(self, limit: int = 100, *, replayed: bool = False) -> Sequence[Quarantined]:
        """As `Log.quarantine`."""
        return read_quarantine(self.connection, limit, replayed)

    def sealed(self) -> Sequence[Sealed]:
        """The closed days that lie in Parquet, in order."""
        return read_sealed(self.connection)

    def closed(self) -> Sequence[tuple[str, int, int]]:
        """The closed days that are not sealed yet, each with its first and last position. The newest day is never closed."""
        rows = [(str(day), int(str(first))) for day, first in self.connection.execute("SELECT day, first FROM days ORDER BY day")]
        done = {day.day for day in self.sealed()}
        pairs = pairwise(rows)
        return [(day, first, after - 1) for (day, first), (_, after) in pairs if day not in done]

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def at_rest(c: apsw.Connection, after: int, limit: int) -> Iterator[tuple[int, str, bytes, bytes]]:
    """Position, source, digest and body of the events behind a position, as they lie there: whatever bytes that is."""
    rows = c.execute(
        "SELECT position, CAST(source AS BLOB), CAST(digest AS BLOB), CAST(body AS BLOB) FROM events "
        "WHERE position > ? ORDER BY position LIMIT ?",
        (after, limit),
    )
    for position, source, digest, body in rows:
        assert isinstance(position, int)
        yield position, _raw(source).decode("utf-8", "replace"), _raw(digest), _raw(body)


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def read_events(c: apsw.Connection, after: int, limit: int) -> list[Logged]:
    out = []
    for position, source, digest, body in at_rest(c, after, limit):
        if digest_of(source, body) != digest:
            error = Damaged(
                f"the event at position {position:,} is not as it was written", hint="coterie verify says what else is not"
            )
            error.first = error.last = position
            raise error
        out.append(Logged(position, source, Message.from_json(body)))
    return out


def digest_of(source: str, body: bytes) -> bytes:
    """16 bytes of BLAKE2b of an event as it lies in the log."""
    return blake2b(source.encode() + b"\x00" + body, digest_size=16).digest()


def read_quarantine(c: apsw.Connection, limit: int, replayed: bool, after: int = 0) -> list[Quarantined]:
    rows = c.execute(
        "SELECT number, received, source, reason, said, item, position, path, replayed FROM quarantine "
        "WHERE number > ? AND (replayed IS NULL OR ?) ORDER BY number LIMIT ?",
        (after, replayed, limit),
    )
    return [
        Quarantined(n, of_micros(when), source, reason, said, item, position, path, None if again is None else of_micros(again))
        for n, when, source, reason, said, item, position, path, again in rows
    ]


def read_audited(c: apsw.Connection) -> End | None:
    row = c.execute("SELECT value FROM facts WHERE name = ?", (AUDITED,)).fetchone()
    return None if row is None else End.of(row[0])


def read_sealed(c: apsw.Connection) -> list[Sealed]:
    return [Sealed(*row) for row in c.execute("SELECT day, file, first, last, rows, hash FROM sealed ORDER BY day")]


def local_day(now: datetime, zone: tzinfo | None) -> str:
    """The local day of a naive UTC instant, as 2026-11-22."""
    if zone is None:
        return now.date().isoformat()
    from datetime import UTC

    return now.replace(tzinfo=UTC).astimezone(zone).date().isoformat()


def unusable(folder: Path, error: Exception) -> StoreError:
    """What SQLite says of a log, or what cannot be made of it, as an error of ours."""
    return StoreError(
        f"the log cannot be used: {error}",
        code="E655",
        hint=f"it lies in {folder / FILE}; free space and rights come first, then coterie verify and a backup",
    )


def _connected(path: Path, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), vfs=vfs, statementcachesize=200)
    connection.set_busy_timeout(10_000)
    return connection


def _force_folder(folder: Path) -> None:
    """Make the names of new files durable."""
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _one(c: apsw.Connection, sql: str) -> int:
    row = c.execute(sql).fetchone()
    return int(row[0] or 0) if row else 0


def _parts(values: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    """Values in parts whose lengths are powers of two, so that few statements are ever prepared."""
    at = 0
    while at < len(values):
        size = most
        while size > len(values) - at:
            size //= 2
        yield values[at : at + size]
        at += size


def _insert_many(c: apsw.Connection, table: str, width: int, flat: list[Any]) -> None:
    """Rows that lie behind each other in one list, many in one statement."""
    for part in _parts(range(len(flat) // width), 256):
        c.execute(_insert_sql(table, width, len(part)), flat[part[0] * width : (part[-1] + 1) * width])


@lru_cache(maxsize=32)
def _insert_sql(table: str, width: int, rows: int) -> str:
    row = f"({','.join('?' * width)})"
    return f"INSERT INTO {table} VALUES {','.join([row] * rows)}"  # noqa: S608


@lru_cache(maxsize=16)
def _known_sql(ids: int) -> str:
    return f"SELECT id, position FROM ids WHERE source = ? AND id IN ({','.join('?' * ids)})"  # noqa: S608
