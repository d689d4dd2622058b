"""The record: what cannot be computed again, in one SQLite file. Each part of coterie keeps its own tables there, and the
version of their form in `forms(part, version)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from coterie.core.errors import Busy, StoreError

FILE = "record.sqlite"


Migration = str | Callable[[apsw.Connection, Path], None]
"""From a form to the next: SQL, or what is done over the connection with the folder of the record."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tables that one part of coterie keeps.

    Attributes:
        version: of their form; `tables`: the SQL that makes them.
        migrations: from each form to the next.
    """

    name: str
    version: int
    tables: str
    migrations: Sequence[Migration] = ()


def connected(folder: Path, part: Part) -> apsw.Connection:
    """A connection to the record in a folder, with the tables of a part.

    Raises:
        Busy: another process is writing. StoreError: E506, there is no room; E502, it is damaged; E503, a newer version wrote it.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(10_000)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with connection:
            _form(connection, part, path)
    except apsw.BusyError as error:
        raise busy() from error
    except (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError, OSError) as error:
        raise unwritten(folder, error) from error
    except apsw.Error as error:
        raise StoreError(
            f"the record {path} cannot be opened: {error}",
            code="E502",
            hint="restore it from a copy, or move it away and run again: first loads and history then count from now",
        ) from error
    return connection


def busy() -> Busy:
    """That another process is writing to the record."""
    return Busy("another process is writing to the record of this project", hint="wait until it is done, then run again")


def unwritten(folder: Path, error: Exception) -> StoreError:
    """That the record could not be written."""
    words = (getattr(error, "strerror", None) or str(error)).lower()
    return StoreError(
        f"the record {folder} cannot be written: {words}",
        code="E506",
        hint="free some disk space, or see who may write there, and run again; the last results are untouched",
    )


def _form(connection: apsw.Connection, part: Part, path: Path) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS forms (part TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    found = connection.execute("SELECT version FROM forms WHERE part = ?", (part.name,)).fetchone()
    version = None if found is None else int(str(found[0]))
    if version is None:
        connection.execute(part.tables)
        connection.execute("INSERT INTO forms VALUES (?, ?)", (part.name, part.version))
    elif version > part.version:
        raise StoreError(
            f"the record {path} was written by a newer coterie ({part.name}: form {version}, known is {part.version})",
            code="E503",
            hint="install the newer version",
        )
    else:
        for number, step in enumerate(part.migrations[version - 1 :], version + 1):
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection, path.parent)
            connection.execute("UPDATE forms SET version = ? WHERE part = ?", (number, part.name))
