"""Files as typed Parquet, kept by what is in them: a file is read once, however many sources, runs or names it has."""

import errno
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pyarrow.parquet as pq

from coterie.core.errors import CoterieError, DataError, StoreError
from coterie.core.hashing import fingerprint
from coterie.engine.written import remove
from coterie.language.types import DATE, TIMESTAMP, Type, named
from coterie.sources.files import read_json, write_json
from coterie.sources.options import LIMITS, UNPACK, ReadOptions
from coterie.sources.reading import TypedFile, read_typed
from coterie.sources.source import Source

FORMAT = "1"
"""Of the shards; a new one when the reading changes, so that old shards are read anew."""

Progress = Callable[[str, int], None]
"""Told what is being done and how many rows are done."""
Read = Callable[..., TypedFile]


@dataclass(frozen=True, slots=True)
class Shard:
    """A typed file in the cache.

    Attributes:
        path: the Parquet: the file's own columns, and `_line`.
        bad: Parquet of its rows in quarantine, or None.
        content: the hash of the file's bytes (of a database: of its rows).
        key: content and options together; the name in the cache.
        types, known: of each column its type and in how many rows it is known.
        spans: of columns of days and times the first and last, as ISO text.
        currencies: of columns whose numbers carried one currency sign.
        rows, kept, size: rows in the file, rows in the Parquet, bytes unpacked.
        reasons: why rows are in quarantine, with their number.
        examples: a few of them: (line, column, value, reason).
        notes: what was guessed, left out or changed.
    """

    path: Path
    bad: Path | None
    content: str
    key: str
    types: Mapping[str, Type]
    known: Mapping[str, int]
    spans: Mapping[str, tuple[str, str]]
    currencies: Mapping[str, str]
    rows: int
    kept: int
    size: int
    reasons: Mapping[str, int]
    examples: tuple[tuple[int, str | None, str | None, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shards:
    """The typed files in a folder of the cache."""

    folder: Path
    read: Read = read_typed

    def of(
        self,
        location: str | Path,
        content: str,
        options: ReadOptions,
        kind: str | None,
        progress: Progress | None = None,
        name: str = "",
    ) -> Shard:
        """The shard of a file, read now if it is not there.

        Args:
            location: a path, or the URL of a database.
            content: the hash of its bytes; for a part of a database whatever names that part.
            options: how to read it.
            kind: csv, parquet …; None looks.
            name: of the file, for messages.
        """
        ending = "".join(Path(str(location)).suffixes[-2:]).lower()
        key = key_of(content, options, kind, ending)
        return self.load(key) or self.make(location, key, content, options, kind, progress, name)

    def of_rows(self, url: str, options: ReadOptions, kind: str | None, progress: Progress | None = None, name: str = "") -> Shard:
        """The shard of what a database holds now: read each time, kept under the hash of its rows."""
        return self.make(url, None, "", options, kind, progress, name)

    def make(
        self,
        location: str | Path,
        key: str | None,
        content: str,
        options: ReadOptions,
        kind: str | None,
        progress: Progress | None,
        name: str,
    ) -> Shard:
        """Read a file or a database into a shard; without a key it is named by its content."""
        self.folder.mkdir(parents=True, exist_ok=True)
        own = f".partial-{os.getpid()}-{uuid4().hex[:12]}"
        partial, partial_bad = (self.folder / f"{own}{end}" for end in (".parquet", ".bad.parquet"))
        try:
            typed = self.read(
                location,
                options,
                partial,
                partial_bad,
                progress=None if progress is None else (lambda rows: progress(f"reading {name or location}", rows)),
                kind=kind,
            )
            if key is None:
                content = typed.content_hash
                key = key_of(content, options, kind, "")
                found = self.load(key)
                if found is not None:
                    return found
            out = self.folder / f"{key}.parquet"
            if partial_bad.exists():
                partial_bad.replace(self.folder / f"{key}.bad.parquet")
            partial.replace(out)
        except CoterieError:
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
                raise StoreError(
                    f"there is no room in {self.folder} for the rows of {name or location}: {error.strerror or error}",
                    code="E506",
                    hint="free some disk space and run again; the last results are untouched",
                ) from error
            raise DataError(
                f"{name or location} cannot be read: {error.strerror or error}",
                hint="check the disk, the path and its permissions; the last results stay",
            ) from error
        finally:
            partial.unlink(missing_ok=True)
            partial_bad.unlink(missing_ok=True)
        write_json(self.folder / f"{key}.json", _plain(typed, content, key, out))
        shard = self.load(key)
        assert shard is not None
        return shard

    def remove(self, shard: Shard) -> None:
        """Forget a shard."""
        for end in (".json", ".parquet", ".bad.parquet"):
            remove(self.folder / f"{shard.key}{end}")

    def load(self, key: str) -> Shard | None:
        """A shard that is there, or None."""
        path = self.folder / f"{key}.parquet"
        data = read_json(self.folder / f"{key}.json")
        if data is None or not path.exists():
            return None
        try:
            return _shard(cast(dict[str, Any], data), self.folder, path)
        except (KeyError, TypeError, ValueError):
            return None


def key_of(content: str, options: ReadOptions, kind: str | None, ending: str) -> str:
    """The name of a shard: of its content, and of how it was read."""
    return f"{content[:24]}-{fingerprint(FORMAT, repr(sorted(_said(options).items())), kind or '', ending)[:10]}"


def options_of(source: Source, zone: str, texts: Mapping[str, str] | None = None, unpack: int = UNPACK) -> ReadOptions:
    """How a source's files are to be read.

    Args:
        zone: the project's time zone.
        texts: column → type, beside those that the source declares.
        unpack: how many times its size a packed file may unpack to.
    """
    given = {key: value for key, value in source.options.items() if key not in ("types", "columns", "missing")}
    known = {f.name for f in fields(ReadOptions)}
    declared = {**(texts or {}), **_types(source.options.get("types") or source.options.get("columns") or {})}
    missing = source.options.get("missing", ())
    options = ReadOptions(
        sheet=source.sheet,
        table=source.table,
        query=source.query,
        timezone=source.timezone or zone,
        columns=declared,
        missing=(missing,) if isinstance(missing, str) else tuple(cast(tuple[str, ...], missing)),
        unpack=unpack,
    )
    return replace(options, **{key: value for key, value in given.items() if key in known})  # type: ignore[arg-type]


def expanded(url: str, environ: Mapping[str, str], folder: Path, source: Source) -> str:
    """A URL with the variables of the environment put in, a relative SQLite file taken from the project's folder.

    Raises:
        DataError: E213, a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise DataError(
                f"{source.name} needs the environment variable {match[1]}, which is not set",
                code="E213",
                hint=f"set it first: export {match[1]}=…",
                place=source.place,
            )
        return environ[match[1]]

    url = re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, url)
    head = "sqlite:///"
    if url.startswith(head) and not url.startswith(head + "/"):
        return head + str(folder / url.removeprefix(head))
    return url


def without_password(url: str) -> str:
    """A URL as it may be shown and kept."""
    return re.sub(r"(://[^:/@\s]*):(?!\$\{)[^/\s]*@", r"\1:***@", url)


def _types(declared: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in cast(Mapping[str, object], declared).items()}


def _said(options: ReadOptions) -> dict[str, object]:
    out: dict[str, object] = {f.name: getattr(options, f.name) for f in fields(options) if f.name not in LIMITS}
    out["columns"] = sorted(options.columns.items())
    return {name: value for name, value in out.items() if name not in ("partition", "first") or value not in ((), 1)}


def _plain(typed: TypedFile, content: str, key: str, path: Path) -> dict[str, object]:
    facts = typed.facts
    spans = {
        name: (f.minimum.isoformat(), f.maximum.isoformat())
        for name, f in facts.items()
        if f.type in (DATE, TIMESTAMP) and isinstance(f.minimum, date) and isinstance(f.maximum, date)
    }
    metadata = pq.read_metadata(path)
    return {
        "bad": typed.quarantine is not None,
        "content": content,
        "key": key,
        "types": [[name, str(type_)] for name, type_ in typed.schema.items()],
        "known": {name: f.known for name, f in facts.items()},
        "spans": spans,
        "currencies": {name: f.currency for name, f in facts.items() if f.currency},
        "rows": typed.rows_in,
        "kept": typed.rows_kept,
        "size": sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)),
        "reasons": dict(typed.quarantined.reasons),
        "examples": [(b.line, b.column, b.value, b.reason) for b in typed.quarantined.examples],
        "notes": [str(note) for note in typed.notes],
    }


def _shard(data: dict[str, Any], folder: Path, path: Path) -> Shard:
    bad = folder / f"{data['key']}.bad.parquet"
    if data["bad"] and not bad.exists():
        raise ValueError("the quarantine is gone")
    return Shard(
        path=path,
        bad=bad if data["bad"] else None,
        content=data["content"],
        key=data["key"],
        types={name: named(text) for name, text in data["types"]},
        known=data["known"],
        spans={name: (a, b) for name, (a, b) in data["spans"].items()},
        currencies=data["currencies"],
        rows=data["rows"],
        kept=data["kept"],
        size=data["size"],
        reasons=data["reasons"],
        examples=tuple((line, column, value, reason) for line, column, value, reason in data["examples"]),
        notes=tuple(data["notes"]),
    )


def span_of_days(shards: tuple[Shard, ...], column: str) -> tuple[date, date] | None:
    """The first and last day in a column over all shards."""
    spans = [s.spans[column] for s in shards if column in s.spans]
    if not spans:
        return None
    days = [datetime.fromisoformat(end).date() for span in spans for end in span]
    return min(days), max(days)
