"""Closed days as Parquet files, which every engine reads: one file a local day, its SHA-256 in the log."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from coterie.live.log import SEALED, Log, Reader, Sealed, at_rest
from coterie.live.message import Message

ROWS = 20_000
"""Rows that are in memory at once."""
SCHEMA = pa.schema([
    pa.field("position", pa.int64(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
    pa.field("type", pa.string(), nullable=False),
    pa.field("name", pa.string()),
    pa.field("user", pa.string()),
    pa.field("anonymous", pa.string()),
    pa.field("time", pa.timestamp("us"), nullable=False),
    pa.field("received", pa.timestamp("us"), nullable=False),
    pa.field("digest", pa.binary(16), nullable=False),
    pa.field("body", pa.string(), nullable=False),
])  # fmt: skip
"""`body` is the whole message as JSON (`Message.from_json`); times are UTC."""


def seal(reader: Reader, keep: Callable[[Sealed], None]) -> list[Sealed]:
    """Write every closed day that is not sealed yet, the oldest first.

    Args:
        reader: of the log.
        keep: writes into the log that a day is sealed (`Log.keep_sealed`); only then it is.
    """
    out = []
    for day, first, last in reader.closed():
        done = _written(reader, day, first, last)
        keep(done)
        out.append(done)
    return out


def seal_now(log: Log) -> list[Sealed]:
    """The same by the process that holds the log."""
    with Reader(log.folder) as reader:
        return seal(reader, log.keep_sealed)


def _written(reader: Reader, day: str, first: int, last: int) -> Sealed:
    folder = reader.folder / SEALED
    folder.mkdir(exist_ok=True)
    path = folder / f"{day}.parquet"
    partial = path.with_suffix(".part")
    rows = 0
    with pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        after = first - 1
        while after < last:
            found = list(at_rest(reader.connection, after, min(ROWS, last - after)))
            found = [row for row in found if row[0] <= last]
            if not found:
                break
            messages = [Message.from_json(body) for _, _, _, body in found]
            columns = [
                [row[0] for row in found],
                [row[1] for row in found],
                [m.id for m in messages],
                [m.type for m in messages],
                [m.name for m in messages],
                [m.user for m in messages],
                [m.anonymous for m in messages],
                [m.time for m in messages],
                [m.received for m in messages],
                [row[2] for row in found],
                [row[3].decode() for row in found],
            ]
            writer.write_table(pa.table(columns, schema=SCHEMA))
            rows += len(found)
            after = found[-1][0]
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    return Sealed(day, f"{SEALED}/{path.name}", first, last, rows, file_hash(path))


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
