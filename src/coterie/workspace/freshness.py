"""Whether results still say what the project file and its sources say now, and if not, why.

Nothing is read but the project file and the state of the sources' files (size and time of change), so that every command can
afford to ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coterie.core.errors import CoterieError, DataError, StoreError
from coterie.sources.files import Hashes, find
from coterie.workspace.definitions import catalog as catalog_of
from coterie.workspace.hands import recorded, some, with_hands
from coterie.workspace.project import Project, load
from coterie.workspace.results import Results, made_scope
from coterie.workspace.store import Store

HASHES = "files.json"


@dataclass(frozen=True, slots=True)
class Stale:
    """What has happened since a run.

    Attributes:
        edited: the text of the project file is another one.
        broken: what is wrong with the project file as it is now, or None.
        added, changed, removed: definitions that are new, mean something else, or are gone (not known while it is broken).
        files: (source, file, what) of files that are newer, new or gone.
        failed: when a later run failed, and what it said.
        by_hand: segments into or out of which somebody was put by hand since.
    """

    edited: bool = False
    broken: str | None = None
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    files: tuple[tuple[str, str, str], ...] = ()
    failed: tuple[datetime, str] | None = None
    by_hand: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.edited or bool(self.files) or self.failed is not None or bool(self.by_hand)

    def said(self) -> list[str]:
        """The reasons, one a line, in plain words."""
        out = []
        if self.failed is not None:
            first = self.failed[1].splitlines()[0] if self.failed[1] else "no reason was kept"
            out.append(f"a later run failed ({first}), so these are the results of the one before")
        if self.broken is not None:
            if self.failed is None or self.failed[1].splitlines()[:1] != self.broken.splitlines()[:1]:
                out.append(f"the project file was changed and has mistakes now ({self.broken.splitlines()[0]})")
        elif self.edited:
            parts = [f"{word} {some(names)}" for word, names in self._by_word() if names]
            said = f": {'; '.join(parts)}" if parts else ", though every definition means the same"
            out.append(f"the project file was changed since{said}")
        if self.by_hand:
            out.append(f"somebody was put in or out by hand since: {some(self.by_hand)}")
        whats = dict.fromkeys(what for _, _, what in self.files)
        for what in whats:
            names = tuple(dict.fromkeys(file for _, file, w in self.files if w == what))
            out.append(f"{some(names)} {'is' if len(names) == 1 else 'are'} {what}")
        return out

    def _by_word(self) -> list[tuple[str, tuple[str, ...]]]:
        return [("changed:", self.changed), ("new:", self.added), ("gone:", self.removed)]

    def to_json(self) -> list[str]:
        return self.said()


def stale(results: Results, store: Store, file: Path) -> Stale:
    """What has happened to a project since its results were made."""
    try:
        hands = recorded(store.record)
    except StoreError:
        hands = results.made.hands  # a damaged record is for the next run and for `doctor` to say
    put = tuple(n for n in sorted({*hands, *results.made.hands}) if hands.get(n) != results.made.hands.get(n))
    return replace(_stale(results, store, file), by_hand=put)


def _stale(results: Results, store: Store, file: Path) -> Stale:
    failed = store.failure()
    later = failed if failed is not None and failed[0] > results.made.finished else None
    try:
        edited = _text(file) != results.made.project_text
        project = with_hands(load(file), results.made.hands) if edited else results.project
    except CoterieError as error:
        return Stale(True, str(error), failed=later)
    if not edited:
        return Stale(files=moved(project, results.made.data, store, results.made.finished, file.parent), failed=later)
    files = moved(project, results.made.data, store, results.made.finished, file.parent)
    try:
        now = catalog_of(project, made_scope(project, results.made)).definitions
    except CoterieError as error:
        return Stale(True, str(error), files=files, failed=later)
    then = results.catalog.definitions
    return Stale(
        True,
        added=tuple(n for n in now if n not in then),
        changed=tuple(n for n in now if n in then and now[n].hash != then[n].hash),
        removed=tuple(n for n in then if n not in now),
        files=files,
        failed=later,
    )


def _text(file: Path) -> str | None:
    """What a run keeps of a project file; None where it cannot be read, which `load` explains."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def moved(
    project: Project, data: Mapping[str, Any], store: Store, finished: datetime, folder: Path
) -> tuple[tuple[str, str, str], ...]:
    """Files of the sources that are not as they were read: (source, file, what)."""
    known = Hashes.load(store.cache / HASHES).known
    loaded = {s["name"]: {name: content for name, content, *_ in s["files"]} for s in data.get("sources", ())}
    out: list[tuple[str, str, str]] = []
    for source in project.sources.values():
        if source.path is None or source.name not in loaded:
            continue
        then = loaded[source.name]
        try:
            found = find(folder, source)
        except DataError:
            out.append((source.name, source.path, "gone"))
            continue
        for one in found:
            if one.name not in then:
                out.append((source.name, one.name, "new"))
                continue
            state = one.path.stat()
            seen = known.get(str(one.path))
            if seen is not None and seen[:2] == (state.st_size, state.st_mtime_ns):
                newer = seen[2] != then[one.name]
            else:
                newer = datetime.fromtimestamp(state.st_mtime, UTC).replace(tzinfo=None) > finished
            if newer:
                out.append((source.name, one.name, "newer than what was read"))
        names = {one.name for one in found}
        out += [(source.name, name, "gone") for name in then if name not in names]
    return tuple(out)
