"""Writing columns to files, the same bytes each time: CSV and JSON Lines as they grow, Parquet, and text columns."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from coterie.workspace.demo.draws import Booleans, Floats, Integers


def ids(prefix: str, numbers: Integers, digits: int = 7) -> pa.Array:
    """Ids such as `C0000012` as a text column. numbers < 0 become missing."""
    text = pc.binary_join_element_wise(prefix, pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0"), "")
    return hidden(text, numbers < 0) if len(numbers) and numbers.min() < 0 else text


def words(choices: Sequence[str | None], positions: Integers) -> pa.Array:
    """A text column that takes each entry from `choices`; a choice of None is missing."""
    return pa.array(choices, type=pa.string()).take(pa.array(positions))


def hidden(column: pa.Array, where: Booleans) -> pa.Array:
    """The column with missing entries where `where` is true."""
    return pc.if_else(pa.array(where), pa.scalar(None, column.type), column)


def money(pence: Integers) -> pa.Array:
    """Whole pence as an exact decimal(18, 2) column of pounds."""
    return exact(pence, 18, 2)


def exact(units: Integers, precision: int, scale: int) -> pa.Array:
    """Whole units of 10^-scale as an exact decimal column. Built from its bytes: a cast would divide row by row."""
    pairs = np.empty((len(units), 2), dtype="<i8")
    pairs[:, 0] = units
    pairs[:, 1] = units >> 63
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(units), [None, pa.py_buffer(pairs.tobytes())])


def times(seconds: Integers) -> pa.Array:
    """Wall-clock seconds as a timestamp column, written `2026-09-30 17:05:09`."""
    return pa.array(seconds.astype("datetime64[s]"))


def dates(days: Integers) -> pa.Array:
    """Day numbers as a date column, written `2026-09-30`."""
    return pa.array(days.astype("datetime64[D]"))


def iso(seconds: Integers, offset: Integers) -> pa.Array:
    """Wall-clock seconds with their offset as text: `2026-09-30T17:05:09+01:00`. Offsets are 0 or one hour."""
    text = pc.strftime(times(seconds), format="%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(text, words(["+00:00", "+01:00"], offset // 3600), "")


def moment(seconds: int) -> datetime:
    """One wall-clock second as a datetime without a zone, as spreadsheets keep it."""
    value: datetime = np.datetime64(seconds, "s").item()
    return value


def quoted(choices: Sequence[str]) -> list[str]:
    """Each text as a JSON literal."""
    return [json.dumps(choice, ensure_ascii=False) for choice in choices]


class TableFile:
    """A CSV or Parquet file that grows by tables of one schema, by the ending of its path. Counts its rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._writer: Any = None

    def add(self, table: pa.Table) -> None:
        """Append the rows of a table; the first one decides the columns."""
        if self._writer is None:
            if self.path.suffix == ".csv":
                options = pyarrow.csv.WriteOptions(quoting_header="none", batch_size=16_384)
                self._writer = pyarrow.csv.CSVWriter(self.path, table.schema, write_options=options)
            else:
                self._writer = pyarrow.parquet.ParquetWriter(self.path, table.schema, compression="zstd")
        self._writer.write_table(table)
        self.rows += table.num_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()


class LinesFile:
    """A JSON Lines file that grows by columns of finished lines. Counts its rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file: BinaryIO = path.open("wb")

    def add(self, lines: pa.Array) -> None:
        """Append one line of JSON per entry."""
        if len(lines):
            ended = pc.binary_join_element_wise(lines, "\n", "").cast(pa.large_string())
            first, last = np.frombuffer(ended.buffers()[1], dtype=np.int64)[[ended.offset, ended.offset + len(ended)]]
            self._file.write(memoryview(ended.buffers()[2])[int(first) : int(last)])
            self.rows += len(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def flags(values: Booleans) -> pa.Array:
    """A boolean column, written true and false."""
    return pa.array(values)


def rounded(values: Floats, to: int) -> Integers:
    """Floats as whole numbers, rounded to multiples of `to`."""
    return (np.floor(values / to + 0.5) * to).astype(np.int64)
