"""A project's own folder, `.coterie/`: what can be computed again (cache) and what cannot (record).

The results of a run are one DuckDB file, or one folder of Parquet that Spark wrote, built aside and then named by
`current.json`, so that readers always find a whole one. The last two stay. Deleting the cache and running again changes no answer.
"""

import contextlib
import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from coterie.core.errors import Busy, StoreError
from coterie.engine.written import clear_away

VERSION = 1
KEPT = 2


@dataclass(frozen=True, slots=True)
class Generation:
    """The published results of one run: its number, its file and what is said of it."""

    number: int
    path: Path
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of a project's cache and record."""

    root: Path

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def record(self) -> Path:
        return self.root / "record"

    @property
    def pointer(self) -> Path:
        return self.cache / "current.json"

    @property
    def failed(self) -> Path:
        """What the last run died of, as long as no later one has succeeded."""
        return self.cache / "failed.json"

    def note_failure(self, when: datetime, said: str) -> None:
        """Keep why a run failed, so that what is shown from then on is marked as older."""
        with contextlib.suppress(OSError):
            write_whole(self.failed, json.dumps({"when": when.isoformat(), "said": said}))

    def failure(self) -> tuple[datetime, str] | None:
        """When the last run failed and what it said; None where it did not."""
        try:
            said = json.loads(self.failed.read_text(encoding="utf-8"))
            return datetime.fromisoformat(said["when"]), str(said["said"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def prepare(self) -> None:
        """Make the folders; what lies in them is nobody else's business."""
        try:
            for folder in (self.root, self.cache, self.record, self.scratch):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.root, self.cache, self.record, self.scratch, *self.root.glob("results/memberships")):
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{error.filename or self.root} cannot be written: {(error.strerror or str(error)).lower()}",
                hint="coterie keeps its results there: make room, or see who may write to the folder",
            ) from None

    @property
    def scratch(self) -> Path:
        """For what does not fit into memory; emptied at each run."""
        return self.cache / "scratch"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the project for one run at a time.

        Raises:
            Busy: another process holds it.
        """
        self.prepare()
        handle = (self.root / "lock").open("a+")
        try:
            if not _take(handle.fileno()):
                handle.seek(0)
                owner = handle.read().strip()
                raise Busy(
                    "another run is at work on this project" + (f" (process {owner})" if owner else ""),
                    hint="wait until it has finished; reading (segments, count, why, export) works meanwhile",
                )
            handle.seek(0)
            handle.truncate()
            handle.write(str(os.getpid()))
            handle.flush()
            yield
        finally:
            handle.close()

    def generations(self) -> list[Generation]:
        """What is published, the current one first; empty before the first run.

        Raises:
            StoreError: the pointer was written by a newer version of coterie.
        """
        try:
            said = json.loads(self.pointer.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return []
        if said.get("version", 0) > VERSION:
            raise StoreError(
                f"{self.pointer} was written by a newer coterie (format {said['version']}, this one reads {VERSION})",
                code="E502",
                hint="use the newer version, or delete .coterie/cache and run again",
            )
        found = [Generation(g["number"], self.cache / g["file"], g["about"]) for g in said["generations"]]
        return [g for g in found if g.path.exists()]

    def shown(self) -> frozenset[str]:
        """The files of the cache that published results read."""
        return frozenset(file for generation in self.generations() for file in generation.about.get("files", ()))

    def current(self) -> Generation:
        """The newest published results.

        Raises:
            StoreError: nothing has been run yet.
        """
        found = self.generations()
        if not found:
            raise StoreError("there are no results yet", code="E503", hint="make them with `coterie run`")
        return found[0]

    def aside(self, ending: str) -> Path:
        """Where the next results are built: a file or folder whose name ends so. Leftovers of runs that were killed go first."""
        for stale in self.cache.glob("partial-*"):
            clear_away(stale)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True, exist_ok=True)
        return self.cache / f"partial-{os.getpid()}{ending}"

    def discard(self, partial: Path) -> None:
        """Delete what was built aside."""
        for left in self.cache.glob(f"{partial.name}*"):
            clear_away(left)

    def publish(self, partial: Path, about: dict[str, Any], number: int) -> Generation:
        """Make what was built aside the current results, in one step; older ones beyond the last two go.

        Args:
            number: of the run; larger than that of any results before.

        Raises:
            StoreError: E505, what was built is not whole.
        """
        if partial.with_name(f"{partial.name}.wal").exists():
            raise StoreError(
                f"the results {partial} could not be written to their end",
                code="E505",
                hint="free some disk space and run again; the last results are untouched",
            )
        older = self.generations()
        path = self.cache / f"results-{number:06d}{partial.suffix}"
        for file in [partial] if partial.is_file() else partial.rglob("*"):
            if file.is_file():
                _synced(file)
        partial.replace(path)
        kept = [Generation(number, path, about), *older[: KEPT - 1]]
        self.point(kept)
        self.failed.unlink(missing_ok=True)
        names = {g.path.name for g in kept}
        for stale in self.cache.glob("results-*.*"):
            if stale.name not in names and not stale.name.endswith(".wal"):
                clear_away(stale)
        return kept[0]

    def point(self, generations: list[Generation]) -> None:
        """Name the published results, the current one first."""
        listed = [{"number": g.number, "file": g.path.name, "about": g.about} for g in generations]
        write_whole(self.pointer, json.dumps({"version": VERSION, "generations": listed}, indent=1, default=str))


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that a reader finds the old or the new text, never a part."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(partial).replace(path)


def _synced(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
