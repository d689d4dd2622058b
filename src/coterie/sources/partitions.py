"""Folders that name a column and its value, as Hive and Spark write them: `visits/day=2026-01-01/part-0.parquet`."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from coterie.sources.raw import Chunk, Reader

Partition = tuple[tuple[str, str | None], ...]
NULL = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


def partition_of(name: str) -> Partition:
    """The columns that the folders in a file's name (with `/`) stand for; a value is text, None where it is missing."""
    folders = [part.partition("=") for part in name.split("/")[:-1]]
    named = [(unquote(column), unquote(value)) for column, sign, value in folders if column and sign]
    return tuple((column, None if value == NULL else value) for column, value in named)


class Partitioned:
    """A reader whose rows also have the columns of a partition: a whole number where the value is written as one, else text."""

    def __init__(self, reader: Reader, partition: Partition):
        self.reader, self.partition = reader, dict(partition)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*(c for c in self.reader.columns if c not in self.partition), *self.partition)

    def chunks(self) -> Iterator[Chunk]:
        for chunk in self.reader.chunks():
            n = len(chunk.lines)
            own = {name: array for name, array in chunk.columns.items() if name not in self.partition}
            yield replace(chunk, columns={**own, **{name: _repeated(value, n) for name, value in self.partition.items()}})


def _repeated(value: str | None, rows: int) -> pa.Array:
    if value is None:
        return pa.nulls(rows, pa.string())
    if _WHOLE.fullmatch(value):
        return pa.array(np.full(rows, int(value), np.int64))
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))
