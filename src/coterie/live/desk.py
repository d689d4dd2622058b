"""What a service keeps beside its log, in a SQLite file of its own: where changes go, what is still to be sent, and who has
changed what (`audit`). Several processes may write here for a moment: the service, and commands.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, Self

import apsw

from coterie.core.errors import StoreError
from coterie.live import audit
from coterie.live.log import micros, of_micros

FILE = "desk.sqlite"
FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
  about TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS endpoint (id TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL, names TEXT NOT NULL,
  made INTEGER NOT NULL, disabled TEXT, after INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,
  said TEXT NOT NULL DEFAULT '') WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS outbox (endpoint TEXT NOT NULL, number INTEGER NOT NULL, customer TEXT NOT NULL, id TEXT NOT NULL,
  body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL,
  PRIMARY KEY (endpoint, number)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS hook (id TEXT PRIMARY KEY, vendor TEXT NOT NULL, name TEXT NOT NULL, identified TEXT NOT NULL,
  secret TEXT NOT NULL, made INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS retired (endpoint TEXT NOT NULL, secret TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS outbox_customer ON outbox (endpoint, customer, number);
CREATE INDEX IF NOT EXISTS outbox_next ON outbox (endpoint, next);
"""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody changed.

    Attributes:
        who: the key's id, or `command line`.
        what: `keys add`, or a method and a path with what it was answered.
    """

    number: int
    at: datetime
    who: str
    what: str
    about: str
    hash: bytes


class Desk:
    """The file of a folder, open. May be used from any thread; a transaction has it for itself."""

    def __init__(self, folder: Path, clock: Clock):
        self.clock = clock
        self.path = folder / FILE
        self._turn = RLock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # secrets lie in it
            self.db = apsw.Connection(str(self.path), statementcachesize=100)
            self.db.set_busy_timeout(10_000)
            version = int(str(self.db.pragma("user_version")))
            if version > FORMAT:
                raise StoreError(
                    f"{self.path} was written by a newer coterie (format {version}; this one reads {FORMAT})",
                    code="E651",
                    hint="update coterie: uv tool upgrade coterie, or pip install -U coterie",
                )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=1", "trusted_schema=0", "mmap_size=0"):
                self.db.execute(f"PRAGMA {pragma}").fetchall()
            with self.transaction():
                self.db.execute(_SCHEMA)
                self.db.execute(f"PRAGMA user_version={FORMAT}")
        except apsw.Error as error:
            raise StoreError(f"{self.path} cannot be used: {error}", code="E655") from error

    @contextmanager
    def transaction(self, *, forced: bool = True) -> Iterator[apsw.Connection]:
        """Statements that count together. What is not forced to the disk may be lost with the power, and is done again then."""
        with self._turn:
            if not forced:
                self.db.execute("PRAGMA synchronous=NORMAL").fetchall()
            try:
                self.db.execute("BEGIN IMMEDIATE")
                try:
                    yield self.db
                    self.db.execute("COMMIT")
                except BaseException:
                    if self.db.in_transaction:
                        self.db.execute("ROLLBACK")
                    raise
            finally:
                if not forced:
                    self.db.execute("PRAGMA synchronous=FULL").fetchall()

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Any]:
        """What a question finds."""
        with self._turn:
            return self.db.execute(sql, bindings).fetchall()

    # --- who changed what

    def note(self, who: str, what: str, about: str = "") -> None:
        """Add to the list of who changed what."""
        at = micros(self.clock())
        with self.transaction() as db:
            number, before = next(iter(db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")), (0, b""))
            row = (number + 1, at, who[:200], what[:500], about[:500])
            end = audit.End(row[0], audit.chained(before, row))
            db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", (*row, end.hash))
        if self.has(audit.read(self.path.parent)):  # of a list that was cut off the old end is kept
            audit.put(self.path.parent, end)

    def noted(self, after: int = 0, limit: int = 100) -> list[Entry]:
        """The entries behind a number, in order."""
        with self._turn:
            rows: list[Any] = self.db.execute(
                "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
            ).fetchall()
        return [Entry(n, of_micros(at), who, what, about, hash_) for n, at, who, what, about, hash_ in rows]

    def end(self) -> audit.End | None:
        """How far the list has come."""
        with self._turn:
            return audit.end_of(self.db)

    def has(self, end: audit.End | None) -> bool:
        """Whether the list still has what was its last entry."""
        with self._turn:
            return audit.holds(self.db, end)

    def broken(self, *ends: audit.End | None) -> int | None:
        """The number of the first entry that is not as it was written, or is missing; None where all are there.

        Args:
            ends: of the list, as others have kept them; the one in the file beside it counts, too.
        """
        with self._turn:
            return audit.broken(self.db, (audit.read(self.path.parent), *ends))

    def close(self) -> None:
        with self._turn:
            self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
