"""Sources read by a cluster: each file by one of its tasks, in the way in which this process would read it, so that what a
cell means is said once; and tables that only the cluster can read.

What comes here is what became of each file: its columns, how many rows, why some are bad.
"""

import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp
from sqlglot.errors import ParseError

from coterie.core.errors import CoterieError, DataError, DefinitionError, EngineError, MissingColumn
from coterie.core.hashing import fingerprint
from coterie.engine.engine import Cluster
from coterie.engine.written import clear_away
from coterie.language.types import Type
from coterie.sources import increments
from coterie.sources.files import Found, Hashes, digest_of, write_json
from coterie.sources.loads import Loads
from coterie.sources.options import ReadOptions
from coterie.sources.relations import SourceFile, unified
from coterie.sources.shards import Progress, Shard, Shards, key_of
from coterie.sources.source import Source

LARGE = 8 << 20
"""Bytes of a source's files: fewer are read by this process, sooner than a cluster has begun to."""
ASKED, DONE = "files to read", "files read"
TASKS = 4096
"""At most so many tasks; each then reads several files."""
_ANSWER = pa.schema([("place", pa.int64()), ("answer", pa.binary())])


@dataclass(frozen=True)
class Job:
    """One file to be read into a shard."""

    path: str
    name: str
    content: str
    options: ReadOptions


@dataclass(frozen=True)
class Reading:
    """Reads files into shards, in whatever process it is."""

    shards: Shards
    kind: str | None

    def __call__(self, job: Job) -> str:
        return self.shards.of(job.path, job.content, job.options, self.kind, None, job.name).key


@dataclass(frozen=True)
class Answering:
    """Does jobs that come as rows; an answer, or the error, goes back as bytes."""

    work: Any

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place, job in zip(batch.column("place").to_pylist(), batch.column("job").to_pylist(), strict=True):
                try:
                    answer = self.work(pickle.loads(job))  # noqa: S301 (this process has written it)
                except CoterieError as error:
                    answer = error
                except OSError as error:
                    answer = DataError(
                        f"a file cannot be read where Spark runs: {(error.strerror or str(error)).lower()}: {error.filename}",
                        code="E218",
                        hint="all machines must see the project and its sources under one path, and may read them",
                    )
                yield pa.RecordBatch.from_pylist([{"place": place, "answer": pickle.dumps(answer)}], schema=_ANSWER)


def each(cluster: Cluster, work: Any, jobs: Sequence[Any], about: str) -> list[Any]:
    """Let a cluster do the same for all of some jobs; the first error is raised here."""
    if not jobs:
        return []
    places = pa.array(range(len(jobs)), pa.int64())
    cluster.register(ASKED, pa.table({"place": places, "job": [pickle.dumps(job) for job in jobs]}), temporary=True)
    query = f"SELECT /*+ REPARTITION({min(len(jobs), TASKS)}) */ `place`, `job` FROM `{ASKED}`"  # noqa: S608
    cluster.mapped(DONE, query, Answering(work), _ANSWER, about, temporary=True)
    found = cluster.rows(f"SELECT `place`, `answer` FROM `{DONE}` ORDER BY `place`", about)  # noqa: S608
    answers = [pickle.loads(cast(bytes, answer)) for _, answer in found]  # noqa: S301
    for made in (ASKED, DONE):
        cluster.drop(made)
    for answer in answers:
        if isinstance(answer, CoterieError):
            raise answer
    return answers


def read_files(
    cluster: Cluster, shards: Shards, hashes: Hashes, found: Sequence[Found], options: ReadOptions, kind: str | None, name: str
) -> None:
    """Make the shards of files that are not there yet, and their hashes."""
    new = hashes.missing(file.path for file in found)
    for path, digest in zip(new, each(cluster, digest_of, [p.absolute() for p in new], f"hash the files of {name}"), strict=True):
        hashes.put(path, digest)
    jobs = []
    for file in found:
        job = job_of(file, hashes.of(file.path), options)
        if shards.load(key_of(job.content, job.options, kind, ending(file.path))) is None:
            jobs.append(replace(job, path=str(file.path.absolute())))
    each(cluster, Reading(there(shards), kind), jobs, f"read {name}")


def there(shards: Shards) -> Shards:
    return replace(shards, folder=shards.folder.absolute())


def job_of(file: Found, content: str, options: ReadOptions) -> Job:
    """How a file is read; the same bytes under folders that name other values are another file."""
    if file.partition:
        content, options = fingerprint(content, str(file.partition)), replace(options, partition=file.partition)
    return Job(str(file.path), file.name, content, options)


def ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]).lower()


# --- tables of the cluster


def read_table(cluster: Cluster, shards: Shards, source: Source, options: ReadOptions, progress: Progress | None) -> Shard:
    """The shard of a table of the cluster's catalog: read each time, kept under a hash of its rows.

    Raises:
        DataError: E210, there is no such table, or it cannot be read. DefinitionError: the name cannot be read.
    """
    table = table_of(source)
    if progress is not None:
        progress(f"reading {source.table}", 0)
    query = exp.select(exp.Star()).from_(table)
    cluster.may_be_large()
    try:
        columns = cluster.schema(query)
        content = hash_of(cluster, table, columns)
    except EngineError as error:
        raise unread(source, error) from error
    return copied(cluster, shards, source, options, query, content)


def copied(cluster: Cluster, shards: Shards, source: Source, options: ReadOptions, query: exp.Expression, content: str) -> Shard:
    """The shard of some rows of a table, copied where it is not there."""
    key = key_of(content, options, "table", "")
    shard = shards.load(key)
    if shard is not None:
        return shard
    raw = shards.folder / f".partial-{os.getpid()}-{key}"
    shards.folder.mkdir(parents=True, exist_ok=True)
    parts = Shards(shards.folder.absolute() / f"{raw.name}-parts", shards.read)
    try:
        cluster.write_parquet(query, raw, f"read {source.table}")
        return whole(cluster, shards, parts, sorted(raw.glob("*.parquet")), key, content, options, source)
    except EngineError as error:
        raise unread(source, error) from error
    finally:
        clear_away(raw)
        clear_away(parts.folder)


def read_changes(
    cluster: Cluster, shards: Shards, source: Source, options: ReadOptions, record: Loads, now: datetime, progress: Progress | None
) -> list[SourceFile]:
    """The shards of a table read from where it was left: each run reads the rows that changed since the last one.

    Raises:
        DataError: E210, there is no such table, or it cannot be read; E201, it has no such column.
    """
    table, name = table_of(source), source.updated_at or ""
    if progress is not None:
        progress(f"reading {source.table}", 0)
    cluster.may_be_large()
    changed: exp.Expression = exp.column(name, quoted=True)
    try:
        columns = cluster.schema(exp.select(exp.Star()).from_(table))
        kind = columns.get(name)
        if kind is None:
            raise MissingColumn(
                f"{source.name} names {name!r} as the column that says when a row changed, and {source.table} has none such",
                code="E201",
                hint=f"its columns: {', '.join(columns)}",
                place=source.place,
            )
        if kind == "timestamp":  # as a number it is the same whatever the zone of the session
            changed, kind = exp.Anonymous(this="UNIX_MICROS", expressions=[changed]), "bigint"
        last = exp.Cast(this=exp.Max(this=changed.copy()), to=exp.DataType.build("text"))
        ((edge,),) = cluster.rows(exp.select(last).from_(table), f"when {source.table} last changed")
    except EngineError as error:
        raise unread(source, error) from error

    def limit(text: str) -> exp.Expression:
        return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build(str(kind), dialect="spark"))

    out = []
    for batch in increments.known(record, source.name, None if edge is None else str(edge), now):
        rows: exp.Expr = exp.LTE(this=changed.copy(), expression=limit(batch.up_to))
        if batch.after is None:
            rows = exp.or_(rows, exp.Is(this=changed.copy(), expression=exp.Null()))
        else:
            rows = exp.and_(rows, exp.GT(this=changed.copy(), expression=limit(batch.after)))
        content = fingerprint(source.table or "", repr(sorted(columns.items())), batch.after or "", batch.up_to)
        query = exp.select(exp.Star()).from_(table.copy()).where(rows)
        shard = copied(cluster, shards, source, options, query, content)
        out.append(SourceFile(f"{source.table} up to {batch.up_to}", shard, batch.learned_at))
    return out


def table_of(source: Source) -> exp.Expression:
    try:
        return exp.to_table(source.table or "", dialect="spark")
    except ParseError:
        raise DefinitionError(
            f"{source.table!r} is no name of a table", code="E215", hint="write db.orders or catalog.db.orders", place=source.place
        ) from None


def unread(source: Source, error: EngineError) -> DataError:
    said = str(error.message)
    if "TABLE_OR_VIEW_NOT_FOUND" in said or "NO_SUCH" in said or "_NOT_FOUND" in said:
        return DataError(
            f"{source.name} reads {source.table}, and Spark's catalog has no such table",
            code="E210",
            hint="see what SHOW TABLES says there; settings of the catalog go under spark: in the project file",
            place=source.place,
        )
    may = "see that the user that Spark runs as may read it" if error.code == "E313" else "see what Spark says"
    return DataError(
        f"{source.table} cannot be read: {said}", code="E218", hint=f"{may}; the last results stay", place=source.place
    )


def hash_of(cluster: Cluster, table: exp.Expression, columns: Mapping[str, str]) -> str:
    """A hash of the rows of a table, in whatever order they come."""

    def hashed(name: str, kind: str) -> exp.Expression:
        column = exp.column(name, quoted=True)
        return exp.Cast(this=column, to=exp.DataType.build("text")) if "map<" in kind else column

    row = exp.Anonymous(this="XXHASH64", expressions=[hashed(name, kind) for name, kind in columns.items()])
    total = exp.Anonymous(this="SUM", expressions=[exp.Cast(this=row, to=exp.DataType.build("decimal(20,0)"))])
    ((rows, told),) = cluster.rows(exp.select(exp.Count(this=exp.Star()), total).from_(table), "hash a table")
    said = f"{rows} {told} {sorted(columns.items())}"
    return fingerprint(said, "a") + fingerprint(said, "b")


def whole(
    cluster: Cluster,
    shards: Shards,
    parts: Shards,
    files: Sequence[Path],
    key: str,
    content: str,
    options: ReadOptions,
    source: Source,
) -> Shard:
    """One shard of the parts of a table, whose columns are of one type in all of them."""
    jobs, first = [], 1
    for number, file in enumerate(files):
        jobs.append(Job(str(file.absolute()), source.table or "", f"{content[:16]}{number:08d}", replace(options, first=first)))
        first += pq.read_metadata(file).num_rows
    made = _parts(cluster, parts, jobs, source)
    types, clashes = unified(made)
    told = {name: clashes.get(name, str(type_)) for name, type_ in types.items()}
    differ = {name: text for name, text in told.items() if any(str(part.types[name]) != text for part in made)}
    if differ:
        again = replace(options, columns={**differ, **options.columns})
        made = _parts(cluster, parts, [replace(job, options=replace(again, first=job.options.first)) for job in jobs], source)
    out, bad = shards.folder / f"{key}.parquet", shards.folder / f"{key}.bad.parquet"
    for folder in (out, bad):
        clear_away(folder)
    for number, part in enumerate(made):
        for folder, of_part in ((out, part.path), (bad, part.bad)):
            if of_part is not None:
                folder.mkdir(exist_ok=True)
                of_part.replace(folder / f"part-{number:05d}.parquet")
    write_json(shards.folder / f"{key}.json", _told(made, content, key, bad.exists()))
    shard = shards.load(key)
    assert shard is not None
    return shard


def _parts(cluster: Cluster, parts: Shards, jobs: Sequence[Job], source: Source) -> list[Shard]:
    keys = each(cluster, Reading(parts, "parquet"), jobs, f"read {source.table}")
    return [shard for shard in map(parts.load, keys) if shard is not None]


def _told(parts: Sequence[Shard], content: str, key: str, bad: bool) -> dict[str, object]:
    """What the parts of a shard say, taken together."""

    def total(field: str) -> dict[str, int]:
        out: dict[str, int] = {}
        for part in parts:
            for name, n in getattr(part, field).items():
                out[name] = out.get(name, 0) + n
        return out

    types: Mapping[str, Type] = parts[0].types
    spans: dict[str, list[str]] = {}
    for part in parts:
        for name, ends in part.spans.items():
            spans.setdefault(name, []).extend(ends)
    return {
        "bad": bad,
        "content": content,
        "key": key,
        "types": [[name, str(type_)] for name, type_ in types.items()],
        "known": total("known"),
        "spans": {name: (min(ends), max(ends)) for name, ends in spans.items()},
        "currencies": {},
        "rows": sum(part.rows for part in parts),
        "kept": sum(part.kept for part in parts),
        "size": sum(part.size for part in parts),
        "reasons": total("reasons"),
        "examples": [example for part in parts for example in part.examples][:10],
        "notes": list(dict.fromkeys(note for part in parts for note in part.notes)),
    }


__all__ = ["LARGE", "each", "job_of", "read_changes", "read_files", "read_table"]
