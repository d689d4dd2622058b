"""What a reader is told about a file; everything left out is found by looking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

UNPACK = 200
"""Tables of text seldom shrink to less than a twentieth; this is ten times as much."""
LIMITS = ("unpack", "room")
"""Options that change nothing of what is read: beyond them nothing is."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read one source.

    Attributes:
        delimiter: between the cells of a CSV file; None finds it.
        encoding: of a text file (a codec's name); None finds it.
        header: the line with the column names, from 1; 0 for a file without one; None finds it.
        decimal: `.` or `,`; None finds it, column by column.
        dates: the order of dates such as 03/04/2025; None finds it.
        sheet: of a workbook; None takes the first that holds anything.
        table, query: of a database: one of the two.
        missing: further texts that stand for a missing value, such as `N/A`.
        timezone: of times without an offset.
        columns: column → type where the guess is not wanted: text, integer, money, float, boolean, date, timestamp, list.
        skip_total_rows: leave out rows such as `Total` at the end of a file.
        unpack: how many times its size a packed file may unpack to.
        room: to how many bytes at most; None does not ask.
        partition: columns that folders above the file name (`day=2026-01-01/`), with their text; None: missing.
        first: the number of the first row of a Parquet file, which is a part of a table.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: int | None = None
    decimal: Literal[".", ","] | None = None
    dates: Literal["dmy", "mdy", "ymd"] | None = None
    sheet: str | None = None
    table: str | None = None
    query: str | None = None
    missing: tuple[str, ...] = ()
    timezone: str = "UTC"
    columns: Mapping[str, str] = field(default_factory=dict)
    skip_total_rows: bool = True
    unpack: int = UNPACK
    room: int | None = None
    partition: tuple[tuple[str, str | None], ...] = ()
    first: int = 1
