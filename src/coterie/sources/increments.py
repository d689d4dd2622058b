"""A database read from where it was left: each run reads the rows that changed since the last one.

What was read together is a batch: the rows that changed after one instant, up to another, as the database writes them. The
record keeps the batches, so that they can be read again one by one when the cache is gone. A row that is deleted without a
mark (`deleted:`) is not noticed, nor one that is written late with an older time of change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow.parquet as pq

from coterie.core.hashing import fingerprint
from coterie.sources.loads import Loads
from coterie.sources.options import ReadOptions
from coterie.sources.relations import SourceFile
from coterie.sources.shards import Progress, Shards, without_password
from coterie.sources.source import Source

EDGE = "coterie_edge"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that changed after `after` (None: from the beginning) and until `up_to`, first read at `learned_at`."""

    after: str | None
    up_to: str
    learned_at: datetime


def batches(source: Source, url: str, options: ReadOptions, shards: Shards, record: Loads, now: datetime) -> list[Batch]:
    """All batches, the one that is new now among them."""
    return known(record, source.name, latest_change(source, url, options, shards), now)


def known(record: Loads, name: str, edge: str | None, now: datetime) -> list[Batch]:
    """The batches of a source, the newest of which ends where it last changed."""
    found = record.batches(name)
    if edge is not None and (not found or edge != found[-1][0]):
        record.add_batch(name, edge, now)
        found = record.batches(name)
    out: list[Batch] = []
    for up_to, when in found:
        out.append(Batch(out[-1].up_to if out else None, up_to, when))
    return out


def files(
    source: Source, url: str, options: ReadOptions, shards: Shards, found: Sequence[Batch], progress: Progress | None
) -> list[SourceFile]:
    """The batches as shards, read now where they are not there."""
    out = []
    for batch in found:
        name = f"{without_password(source.url or '')} up to {batch.up_to}"
        content = fingerprint(url, options.table or "", options.query or "", batch.after or "", batch.up_to)
        asked = replace(options, table=None, query=query_of(source, options, batch))
        shard = shards.of(url, content, asked, source.kind, progress, name)
        out.append(SourceFile(name, shard, batch.learned_at))
    return out


def latest_change(source: Source, url: str, options: ReadOptions, shards: Shards) -> str | None:
    """When a row last changed, as the database writes it."""
    assert source.updated_at is not None
    query = f"SELECT CAST(MAX({quoted(source.updated_at)}) AS CHAR(64)) AS {EDGE} FROM {rows_of(options)}"  # noqa: S608
    asked = ReadOptions(query=query, columns={EDGE: "text"})
    partial = shards.folder / f".edge-{fingerprint(source.name)}.parquet"
    bad = partial.with_suffix(".bad.parquet")
    shards.folder.mkdir(parents=True, exist_ok=True)
    try:
        shards.read(url, asked, partial, bad, progress=None, kind=source.kind)
        values = pq.read_table(partial, columns=[EDGE]).column(EDGE).to_pylist()
    finally:
        partial.unlink(missing_ok=True)
        bad.unlink(missing_ok=True)
    return str(values[0]).strip() if values and values[0] is not None else None


def query_of(source: Source, options: ReadOptions, batch: Batch) -> str:
    assert source.updated_at is not None
    column = quoted(source.updated_at)
    limits = [f"{column} <= {literal(batch.up_to)}"]
    if batch.after is not None:
        limits.insert(0, f"{column} > {literal(batch.after)}")
        where = " AND ".join(limits)
    else:
        where = f"{limits[0]} OR {column} IS NULL"
    return f"SELECT * FROM {rows_of(options)} WHERE {where}"  # noqa: S608 (names and values are quoted)


def rows_of(options: ReadOptions) -> str:
    if options.query is not None:
        return f"({options.query.strip().rstrip(';')}) AS coterie_rows"
    return ".".join(quoted(part) for part in (options.table or "").split("."))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
