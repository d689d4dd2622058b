"""The files that a source names, and what is in them: found in a fixed order, known by the hash of their content."""

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coterie.core.errors import DataError, did_you_mean
from coterie.sources.partitions import Partition, partition_of
from coterie.sources.source import Source

BLOCK = 1 << 20
MARKERS = ("_SUCCESS", "_metadata", "_common_metadata")
"""What Spark writes beside the rows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a source: where it is, and its name relative to the project (with `/`)."""

    path: Path
    name: str

    @property
    def partition(self) -> Partition:
        return partition_of(self.name)


@dataclass(slots=True)
class Hashes:
    """SHA-256 of files, remembered by size and time of change: a file is read again only when one of the two moved."""

    known: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def load(cls, path: Path) -> "Hashes":
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls({str(k): (int(v[0]), int(v[1]), str(v[2])) for k, v in data.items()})
        except (OSError, ValueError, TypeError, AttributeError, IndexError):
            return cls()

    def of(self, path: Path) -> str:
        """The hash of a file's bytes.

        Raises:
            DataError: E218, it cannot be read.
        """
        try:
            state = path.stat()
            key, size, moved = str(path), state.st_size, state.st_mtime_ns
            seen = self.known.get(key)
            if seen is not None and seen[:2] == (size, moved):
                return seen[2]
            digest = digest_of(path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read: {(error.strerror or str(error)).lower()}",
                code="E218",
                hint="see who may read it; the last results stay",
            ) from error
        self.known[key] = (size, moved, digest)
        self.changed = True
        return digest

    def missing(self, paths: Iterable[Path]) -> list[Path]:
        """Those that would have to be read."""
        return [path for path in paths if self.known.get(str(path), (-1, -1))[:2] != _state(path)]

    def put(self, path: Path, digest: str) -> None:
        """Remember what was found elsewhere."""
        size, moved = _state(path)
        self.known[str(path)] = (size, moved, digest)
        self.changed = True

    def save(self, path: Path) -> None:
        if self.changed:
            write_json(path, self.known)
            self.changed = False


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-2, -2)
    return found.st_size, found.st_mtime_ns


def adds_up(source: Source) -> bool:
    """Whether a source's files add up (a glob or a folder) rather than each replacing the last."""
    return source.path is not None and (glob.has_magic(source.path) or source.path.endswith("/"))


def find(folder: Path, source: Source) -> tuple[Found, ...]:
    """The files of a source, by name. A folder gives every file in it, below it too, that is not hidden.

    Raises:
        DataError: E210, there is none; E218, a folder may not be read.
    """
    try:
        return _found(folder, source)
    except OSError as error:
        raise DataError(
            f"{error.filename or source.path} cannot be read: {(error.strerror or str(error)).lower()}",
            code="E218",
            hint="see who may read it; the last results stay",
            place=source.place,
        ) from None


def _found(folder: Path, source: Source) -> tuple[Found, ...]:
    assert source.path is not None
    wanted = folder / source.path
    if glob.has_magic(source.path) and not wanted.exists():
        pattern = Path(glob.escape(str(folder))) / source.path  # the folder's own name is no pattern
        paths = [Path(p) for p in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207 (an absolute pattern)
        paths = [p for p in paths if p.is_file() and not p.name.startswith(".")]
        if not paths:
            raise DataError(
                f"no file matches {source.path}, which {source.name} reads",
                code="E210",
                hint=f"looked in {folder}: {_listed(wanted.parent)}",
                place=source.place,
            )
    elif wanted.is_dir():
        if os.path.isdir(wanted / "_delta_log"):  # noqa: PTH112 (which does not mind what may not be read)
            raise DataError(
                f"the folder {source.path}, which {source.name} reads, is a Delta table: not all of its files count",
                code="E210",
                hint=f"let Spark read it: engine: spark, and table: delta.`{wanted.absolute()}` in place of path:",
                place=source.place,
            )
        paths = [p for p in _below(wanted) if p.is_file() and not _hidden(p.relative_to(wanted)) and p.name not in MARKERS]
        if not paths:
            raise DataError(
                f"the folder {source.path}, which {source.name} reads, is empty",
                code="E210",
                hint="put the files there, or name another folder",
                place=source.place,
            )
    elif wanted.is_file():
        paths = [wanted]
    else:
        raise DataError(
            f"{source.name} reads {source.path}, which is not there",
            code="E210",
            hint=f"{did_you_mean(wanted.name, _names(wanted.parent), f'In {wanted.parent}')}; the last results stay",
            place=source.place,
        )
    return tuple(sorted((Found(p, _relative(p, folder)) for p in paths), key=lambda f: f.name))


def _below(folder: Path) -> Iterator[Path]:
    """All files below a folder; one that may not be looked into is an error, and not an empty one."""

    def refused(error: OSError) -> None:
        raise error

    for inside, _, names in os.walk(folder, onerror=refused):
        yield from (Path(inside) / name for name in names)


def write_json(path: Path, data: object) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        partial.write_text(json.dumps(data, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_json(path: Path) -> Mapping[str, object] | None:
    """What `write_json` wrote, or None where there is nothing that can be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    except OSError:
        return []


def _listed(folder: Path) -> str:
    names = _names(folder)
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else "nothing is there"
