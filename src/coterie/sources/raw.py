"""What every reader hands over: chunks of cells with their line numbers, before anything is said of their types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Lines = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.int8]
TextRule = Literal["full", "dates", "iso"]
"""What a text may turn into: anything (CSV, where all is text), a date in any form (Excel), an ISO date (typed files)."""


class Cell(IntEnum):
    """What a typed file (JSON, a workbook, a database) says a cell is; its text is beside it."""

    MISSING = 0
    INTEGER = 1
    NUMBER = 2
    TEXT = 3
    BOOLEAN = 4
    LIST = 5  # the text is a JSON array
    TIME = 6  # a date or a time, the text is ISO 8601


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was guessed, left out or changed while reading, and why."""

    text: str
    column: str | None = None

    def __str__(self) -> str:
        return f"{self.column}: {self.text}" if self.column is not None else self.text


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be read; `row` is its text."""

    line: int
    column: str | None
    value: str | None
    reason: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some thousand rows.

    Attributes:
        lines: the line (or row) number of each row in its file, from 1.
        columns: one Arrow array per column, all of one length: strings (or dictionary-encoded strings), or from a file
            that carries types the array as it came.
        kinds: for columns of JSON, workbooks and databases, what each cell was said to be (`Cell`).
        bad: rows that could not be read at all; they are in none of the arrays.
        blank: rows without any value, left out.
    """

    lines: Lines
    columns: Mapping[str, pa.Array]
    kinds: Mapping[str, Kinds] = field(default_factory=dict)
    bad: tuple[Bad, ...] = ()
    blank: int = 0


@runtime_checkable
class Reader(Protocol):
    """An opened source. `chunks()` may be called more than once and gives the same rows each time."""

    @property
    def kind(self) -> str:
        """csv, parquet, jsonl, excel or sql."""

    @property
    def location(self) -> str:
        """Where it is, for messages; never with a password."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, as far as they are known before all rows are read."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was guessed and why, complete once all chunks were read."""

    @property
    def rule(self) -> TextRule:
        """What a text cell may turn into."""

    @property
    def blank_is_missing(self) -> bool:
        """Whether a cell of blanks is a missing one."""

    @property
    def likely_decimal(self) -> str | None:
        """The decimal sign that the file's own form speaks for, where nothing else decides."""

    @property
    def content_hash(self) -> str:
        """sha256 of the bytes (of the rows, for a database), known once all chunks were read."""

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in the order of the file."""
