"""A look at everything a project stands on: versions, stores, disk, and what is stale. Nothing is changed."""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import apsw

import coterie
from coterie.core.errors import CoterieError
from coterie.core.words import counted
from coterie.sources.record import FILE as RECORD
from coterie.workspace.freshness import stale
from coterie.workspace.project import Project, load
from coterie.workspace.results import Results
from coterie.workspace.store import Generation, Store

PACKAGES = ("duckdb", "sqlglot", "pyarrow", "numpy", "google-re2", "xlsxwriter", "python-calamine")
LITTLE = 2 * 1024**3
"""Free disk below which a run may not get through."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `state`: ok, stale (works, but not up to date), broken. `hint` is what to do about it."""

    state: Literal["ok", "stale", "broken"]
    what: str
    says: str
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state, "what": self.what, "says": self.says, "hint": self.hint}


def examine(store: Store, file: Path, opened: Callable[[], Results]) -> list[Finding]:
    """Look at a project.

    Args:
        store: its own folder.
        file: its project file.
        opened: opens the newest results; raises CoterieError where that cannot be done.
    """
    found = [versions(), zones()]
    project = None
    try:
        project = load(file)
        found.append(project_file(project))
    except CoterieError as error:
        found.append(Finding("broken", "project file", str(error).splitlines()[0], "`coterie check` shows the places"))
    found += [writable(file.parent), disk(file.parent, store), record(store)]
    found += list(published(store, file, opened))
    return found


def versions() -> Finding:
    parts = [f"coterie {coterie.__version__}", f"Python {platform.python_version()}"]
    missing = []
    for name in PACKAGES:
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    parts.insert(3, f"SQLite {apsw.sqlite_lib_version()}")
    if missing:
        return Finding("broken", "versions", f"{', '.join(missing)} not installed", "install coterie again: pip install coterie")
    return Finding("ok", "versions", ", ".join(parts))


def zones() -> Finding:
    """Whether the data of time zones is there: without it no day has a beginning."""
    try:
        ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        return Finding("broken", "time zones", "their data is missing", "install it: pip install tzdata")
    return Finding("ok", "time zones", "their data is there")


def project_file(project: Project) -> Finding:
    parts = [
        counted(len(project.sources), "source"),
        counted(len(project.traits), "trait"),
        counted(len(project.segments), "segment"),
        counted(len(project.segmentations), "segmentation"),
    ]
    notices = f"; {counted(len(project.notices), 'notice')} (`coterie check`)" if project.notices else ""
    return Finding("ok", "project file", f"{project.file.as_posix()}: {', '.join(parts)}{notices}")


def writable(folder: Path) -> Finding:
    """Whether a file can be made in the folder."""
    try:
        handle, path = tempfile.mkstemp(dir=folder, prefix=".coterie-doctor-")
        os.close(handle)
        Path(path).unlink()
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        return Finding("broken", "folder", f"{folder} cannot be written: {said}", "results are kept there: see who may write to it")
    return Finding("ok", "folder", f"{folder.resolve()} can be written")


def disk(folder: Path, store: Store) -> Finding:
    free = shutil.disk_usage(folder).free
    says = f"{size(free)} free; cache {size(_held(store.cache))}, record {size(_held(store.record))}"
    if free < LITTLE:
        return Finding(
            "broken", "disk", says, "a run may need more: make room; .coterie/cache can be deleted, a run makes it again"
        )
    return Finding("ok", "disk", says)


def _held(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0


def size(count: int) -> str:
    """A number of bytes for people."""
    amount = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 10 else f"{amount:,.1f} {unit}"
        amount /= 1000
    return ""


def record(store: Store) -> Finding:
    """Whether the record, which cannot be made again, can be read and is whole."""
    path = store.record / RECORD
    if not path.is_file():
        return Finding("ok", "record", "nothing is recorded yet")
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            whole = connection.execute("PRAGMA quick_check").fetchone()
            loads = connection.execute("SELECT count(*) FROM loads").fetchone()
        finally:
            connection.close()
    except apsw.Error as error:
        return Finding("broken", "record", f"{path} cannot be read: {error}", "restore it from a copy; it cannot be made again")
    if whole is None or whole[0] != "ok":
        return Finding("broken", "record", f"{path} is damaged", "restore it from a copy; it cannot be made again")
    files = int(str(loads[0])) if loads else 0
    return Finding("ok", "record", f"whole; {counted(files, 'file')} loaded so far")


def published(store: Store, file: Path, opened: Callable[[], Results]) -> Iterator[Finding]:
    """The results that are there, and whether they still hold."""
    try:
        kept = store.generations()
    except CoterieError as error:
        yield Finding("broken", "results", error.message, error.hint)
        return
    if not kept:
        failure = store.failure()
        if failure is not None:
            yield Finding(
                "broken", "results", f"none; the last run failed: {failure[1].splitlines()[0]}", "mend it and `coterie run`"
            )
        else:
            yield Finding("stale", "results", "there are none yet", "make them with `coterie run`")
        return
    try:
        results = opened()
        made = results.made
        yield Finding("ok", "results", f"{_numbers(kept)}; {counted(made.population, 'customer')}, finished {_utc(made.finished)}")
        bad = made.data.get("quarantine", ())
        rows = sum(int(n) for _, _, n, _ in bad)
        names = ", ".join(dict.fromkeys(str(s) for s, *_ in bad))
        if rows:
            yield Finding("ok", "quarantine", f"{counted(rows, 'row')} set aside, of {names}", "`coterie quarantine` shows them")
        else:
            yield Finding("ok", "quarantine", "no row was set aside")
        said = stale(results, store, file).said()
        for line in said:
            yield Finding("stale", "up to date", line, "`coterie run` brings the numbers up to date")
        if not said:
            yield Finding("ok", "up to date", "the project file and the files of the sources are as they were read")
    except CoterieError as error:
        yield Finding("broken", "results", error.message, "delete .coterie/cache and run again: no answer changes by that")


def _numbers(kept: list[Generation]) -> str:
    older = ", ".join(str(g.number) for g in kept[1:])
    return f"number {kept[0].number} is shown" + (f", {older} is kept" if older else "")


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
