"""The record of what was loaded when: it cannot be computed again, so it lives apart from the cache.

SQLite, in `record/record.sqlite`; each part of coterie keeps its own tables there and the version of their form in
`forms(part, version)`.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from coterie.core.hashing import fingerprint
from coterie.sources.record import FILE, Part, connected

_TABLES = """
CREATE TABLE loads (
    source TEXT NOT NULL, content TEXT NOT NULL, name TEXT NOT NULL, first_loaded TEXT NOT NULL,
    PRIMARY KEY (source, content)
) WITHOUT ROWID;
CREATE TABLE attribute_parts (
    source TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, learned_at TEXT NOT NULL, rows INTEGER NOT NULL,
    PRIMARY KEY (source, number)
) WITHOUT ROWID;
CREATE TABLE attribute_states (source TEXT PRIMARY KEY, state TEXT NOT NULL, learned_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE seen (source TEXT PRIMARY KEY, columns TEXT NOT NULL, files TEXT NOT NULL, at TEXT) WITHOUT ROWID;
CREATE TABLE gone (
    source TEXT NOT NULL, name TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (source, name)
) WITHOUT ROWID;
CREATE TABLE batches (
    source TEXT NOT NULL, up_to TEXT NOT NULL, first_loaded TEXT NOT NULL, PRIMARY KEY (source, up_to)
) WITHOUT ROWID;
CREATE TABLE identity (
    source TEXT NOT NULL, id TEXT NOT NULL, customer TEXT NOT NULL, PRIMARY KEY (source, id)
) WITHOUT ROWID;
"""
_MIGRATIONS = (
    """
    CREATE TABLE seen (source TEXT PRIMARY KEY, columns TEXT NOT NULL, files TEXT NOT NULL) WITHOUT ROWID;
    DROP TABLE source_columns;
    """,
    """
    ALTER TABLE seen ADD COLUMN at TEXT;
    CREATE TABLE gone (
        source TEXT NOT NULL, name TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (source, name)
    ) WITHOUT ROWID;
    """,
)
"""From each form of these tables to the next."""


class Loads:
    """When each file was first loaded, the parts of the attribute history, and the map from ids to customers."""

    def __init__(self, folder: Path):
        self.path = folder / FILE
        self.connection = connected(folder, Part("loads", 3, _TABLES, _MIGRATIONS))

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- files

    def learned(self, source: str, files: Iterable[tuple[str, str]], now: datetime) -> dict[str, datetime]:
        """When each content was first loaded, `now` for those that never were, which is written down.

        Args:
            source: the source's name.
            files: (content hash, file name).
        """
        out: dict[str, datetime] = {}
        with self.connection:
            for content, name in files:
                row = self.connection.execute(
                    "SELECT first_loaded FROM loads WHERE source = ? AND content = ?", (source, content)
                ).fetchone()
                if row is None:
                    self.connection.execute("INSERT INTO loads VALUES (?, ?, ?, ?)", (source, content, name, now.isoformat()))
                    out[content] = now
                else:
                    out[content] = datetime.fromisoformat(str(row[0]))
        return out

    def batches(self, source: str) -> list[tuple[str, datetime]]:
        """The incremental readings of a database: (up to which change, when first loaded), oldest first."""
        found = self.connection.execute(
            "SELECT up_to, first_loaded FROM batches WHERE source = ? ORDER BY first_loaded, up_to", (source,)
        ).fetchall()
        return [(str(up_to), datetime.fromisoformat(str(when))) for up_to, when in found]

    def add_batch(self, source: str, up_to: str, now: datetime) -> None:
        with self.connection:
            self.connection.execute("INSERT OR IGNORE INTO batches VALUES (?, ?, ?)", (source, up_to, now.isoformat()))

    # --- what was seen the last time

    def columns(self, source: str) -> list[str] | None:
        """The columns that a source's files had; None where it was never gathered."""
        row = self.connection.execute("SELECT columns FROM seen WHERE source = ?", (source,)).fetchone()
        return None if row is None else [str(c) for c in json.loads(str(row[0]))]

    def files(self, source: str) -> list[str]:
        """The names of its files."""
        row = self.connection.execute("SELECT files FROM seen WHERE source = ?", (source,)).fetchone()
        return [] if row is None else [str(f) for f in json.loads(str(row[0]))]

    def had(self, source: str) -> dict[str, datetime]:
        """The columns that its files have or once had, each with the instant when it was last seen there."""
        found = self.connection.execute("SELECT name, until FROM gone WHERE source = ?", (source,)).fetchall()
        out = {str(name): datetime.fromisoformat(str(until)) for name, until in found}
        row = self.connection.execute("SELECT columns, at FROM seen WHERE source = ?", (source,)).fetchone()
        if row is not None and row[1] is not None:
            out |= dict.fromkeys(map(str, json.loads(str(row[0]))), datetime.fromisoformat(str(row[1])))
        return out

    def set_seen(self, source: str, columns: Iterable[str], files: Iterable[str], now: datetime) -> None:
        """Write down what a source's files are and have; of columns that are gone, until when they were there."""
        columns = list(columns)
        with self.connection:
            for name, until in self.had(source).items():
                if name not in columns:
                    self.connection.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (source, name, until.isoformat()))
            self.connection.executemany("DELETE FROM gone WHERE source = ? AND name = ?", [(source, c) for c in columns])
            told = (source, json.dumps(columns), json.dumps(list(files)), now.isoformat())
            self.connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", told)

    # --- attribute history

    def parts(self, source: str) -> list[str]:
        """The files of a source's attribute history, oldest first."""
        found = self.connection.execute("SELECT file FROM attribute_parts WHERE source = ? ORDER BY number", (source,))
        return [str(file) for (file,) in found]

    def state(self, source: str) -> str | None:
        """The fingerprint of what the history was last brought up to."""
        row = self.connection.execute("SELECT state FROM attribute_states WHERE source = ?", (source,)).fetchone()
        return None if row is None else str(row[0])

    def add_part(self, source: str, state: str, file: str | None, rows: int, now: datetime) -> None:
        """Note that the history stands at `state`, with a new part where anything changed."""
        with self.connection:
            if file is not None:
                self.connection.execute(
                    "INSERT INTO attribute_parts VALUES (?, ?, ?, ?, ?)",
                    (source, self.next_number(source), file, now.isoformat(), rows),
                )
            self.connection.execute("INSERT OR REPLACE INTO attribute_states VALUES (?, ?, ?)", (source, state, now.isoformat()))

    def next_number(self, source: str) -> int:
        row = self.connection.execute(
            "SELECT coalesce(max(number), 0) + 1 FROM attribute_parts WHERE source = ?", (source,)
        ).fetchone()
        return int(str(row[0])) if row else 1

    # --- identity

    def identity(self) -> dict[tuple[str, str], str]:
        """The map from (source, id) to the customer; what is not in it is its own customer."""
        found = self.connection.execute("SELECT source, id, customer FROM identity ORDER BY source, id")
        return {(str(source), str(id_)): str(customer) for source, id_, customer in found}

    def set_identity(self, rows: Mapping[tuple[str, str], str]) -> None:
        """Replace the map."""
        with self.connection:
            self.connection.execute("DELETE FROM identity")
            self.connection.executemany(
                "INSERT INTO identity VALUES (?, ?, ?)",
                [(source, id_, customer) for (source, id_), customer in sorted(rows.items()) if id_ != customer],
            )

    def mark(self) -> str:
        """A fingerprint of everything here that the tables depend on beside the files."""
        rows = self.connection.execute("SELECT source, number, file FROM attribute_parts ORDER BY source, number")
        told = [f"{row}" for row in rows] + [f"{k}{v}" for k, v in self.identity().items()]
        return fingerprint(*told)
