"""Copies of a log that are whole: taken while it is written, checked before they are brought back."""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import apsw

from coterie.core.errors import StoreError
from coterie.live import audit, desk
from coterie.live import keys as keys_of
from coterie.live.lock import Lock
from coterie.live.log import FILE, FORMAT, MARK, SEALED, Reader, unusable
from coterie.live.sealing import file_hash

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup: where it lies, the last position in it, its files with their sizes in bytes."""

    folder: Path
    position: int
    files: dict[str, int]


def backup(folder: Path, to: Path, now: datetime) -> Backup:
    """Copy a log into a new folder. It may be in use meanwhile: the copy is the log up to one position.

    Raises:
        StoreError: `to` is there already, or the log cannot be read.
    """
    if to.exists():
        raise StoreError(f"{to} is there already", code="E658", hint="name a folder that is not")
    partial = to.with_name(f"{to.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / SEALED).mkdir(parents=True)
    try:
        with Reader(folder) as reader:
            reader.connection.execute("PRAGMA query_only=0").fetchall()  # of the copy; the log itself is open for reading
            reader.connection.execute("VACUUM INTO ?", (str(partial / FILE),))
        with Reader(partial) as copy:
            position = copy.position
            sealed = [day.file for day in copy.sealed()]
        if (folder / desk.FILE).exists():
            _copied(folder / desk.FILE, partial / desk.FILE)
    except apsw.Error as error:
        raise unusable(folder, error) from error
    for name in (*sealed, keys_of.FILE):
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(folder / name, partial / name)
    files = {path.relative_to(partial).as_posix(): path for path in sorted(partial.rglob("*")) if path.is_file()}
    entries = {name: {"bytes": path.stat().st_size, "sha256": file_hash(path)} for name, path in files.items()}
    said = {"format": FORMAT, "position": position, "taken": now.isoformat(), "files": entries}
    (partial / MANIFEST).write_text(json.dumps(said, indent=1), "utf-8")
    for path in (*files.values(), partial / MANIFEST):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    sizes = {name: path.stat().st_size for name, path in files.items()}
    partial.rename(to)
    return Backup(to, position, sizes)


def _copied(database: Path, to: Path) -> None:
    """A copy of a SQLite file as it is at one moment."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(5000)
        db.execute("VACUUM INTO ?", (str(to),))
    finally:
        db.close()


def restore(source: Path, folder: Path) -> Backup:
    """Bring a backup back, into a folder where no log is. Webhooks come back disabled: a copy may be tried out elsewhere.

    Raises:
        StoreError: the backup is not as it was taken, or a log is there.
        Busy: a server holds the folder.
    """
    said = _manifest(source)
    for name, entry in said["files"].items():
        path = source / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise _refused(source, f"{name} lies outside of it")
        if not path.is_file():
            raise _refused(source, f"{name} is missing")
        if file_hash(path) != entry["sha256"]:
            raise _refused(source, f"{name} is not as it was written")
    with Lock(folder):
        here = (FILE, f"{FILE}-wal", *((desk.FILE,) if desk.FILE in said["files"] else ()))
        if any((folder / name).exists() for name in here):
            raise StoreError(f"a log is in {folder} already", code="E658", hint="move it away first: it would be lost")
        for name in (MARK, audit.FILE):
            (folder / name).unlink(missing_ok=True)
        (folder / SEALED).mkdir(exist_ok=True)
        # The log itself comes last: without it there is none.
        for name in sorted(said["files"], key=lambda name: name == FILE):
            shutil.copy2(source / name, folder / f"{name}.part")
            with (folder / f"{name}.part").open("rb+") as file:
                os.fsync(file.fileno())
            (folder / f"{name}.part").replace(folder / name)
        if desk.FILE in said["files"]:
            _quiet(folder / desk.FILE)
    with Reader(folder) as reader:
        position = reader.position
    return Backup(folder, position, {name: (folder / name).stat().st_size for name in said["files"]})


def _quiet(database: Path) -> None:
    """Nothing is sent to where a webhook goes until somebody says so."""
    with apsw.Connection(str(database)) as db:
        db.execute("UPDATE endpoint SET disabled = 'it came back from a backup' WHERE disabled IS NULL")


def _manifest(source: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        said = json.loads((source / MANIFEST).read_text("utf-8"))
        version, files = said["format"], said["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise _refused(source, f"it has no {MANIFEST} that can be read") from None
    if version > FORMAT:
        raise StoreError("the backup was taken by a newer coterie", code="E651", hint="update coterie")
    if FILE not in files:
        raise _refused(source, "it has no log")
    found: dict[str, dict[str, dict[str, str]]] = said
    return found


def _refused(source: Path, why: str) -> StoreError:
    return StoreError(f"{source} is no whole backup: {why}", code="E659", hint="take another one; nothing was changed")
