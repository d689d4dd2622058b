"""A file as detection sees it: its columns with their facts and rows to look at, and what columns say of each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coterie.language.types import DATE, INTEGER, NUMBERS, TEXT, TIMES, Type
from coterie.sources.ids import id_text
from coterie.sources.reading import LINE, TypedFile
from coterie.sources.vocabulary import meanings

Codes = npt.NDArray[np.int64]
ROWS = 1_500_000
"""Rows looked at; of a longer file, stretches spread evenly over it."""


@dataclass(frozen=True, eq=False)
class SeenColumn:
    """One column: its name in the file, its type, its values (all, or of the rows looked at), and of days and times the first
    and last of the whole file where not all rows were looked at."""

    name: str
    type: Type
    values: pa.ChunkedArray
    ends: tuple[Any, Any] | None = None

    @cached_property
    def missing(self) -> int:
        return int(self.values.null_count)

    @property
    def known(self) -> int:
        return len(self.values) - self.missing

    @cached_property
    def encoded(self) -> tuple[Codes, pa.Array]:
        """Each row's position among the different values (-1: missing), and these values."""
        values = self.values.combine_chunks() if self.values.num_chunks else pa.array([], self.values.type)
        if pa.types.is_list(values.type):
            values = pa.nulls(len(values), pa.string())
        found = values.dictionary_encode()
        codes = found.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, found.dictionary

    @property
    def codes(self) -> Codes:
        return self.encoded[0]

    @property
    def distinct(self) -> int:
        return len(self.encoded[1])

    @cached_property
    def counts(self) -> Codes:
        """Rows of each different value, in the order of `encoded`."""
        codes = self.codes
        return np.bincount(codes[codes >= 0], minlength=self.distinct)

    @property
    def unique(self) -> bool:
        """Nearly every row has a value of its own (a few repeats are somebody's mistake)."""
        return self.known >= 0.99 * len(self.values) and self.distinct >= 0.985 * self.known > 0

    @cached_property
    def keys(self) -> frozenset[str]:
        """Its different values as ids."""
        return frozenset(v for v in id_text(self.encoded[1]).to_pylist() if v is not None)

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """Its values as floats, NaN where missing (numbers and truth values only)."""
        values = self.values.combine_chunks()
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        out: npt.NDArray[np.float64] = values.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
        return out

    def top(self, n: int = 50) -> list[tuple[Any, int]]:
        """The most frequent values with their rows."""
        order = sorted(range(self.distinct), key=lambda i: (-int(self.counts[i]), str(self.encoded[1][i].as_py())))
        return [(self.encoded[1][i].as_py(), int(self.counts[i])) for i in order[:n]]

    @property
    def countable(self) -> bool:
        """Whether it can be an id: a text or a whole number."""
        return self.type in (TEXT, INTEGER)

    @property
    def numeric(self) -> bool:
        return self.type in NUMBERS

    @property
    def dated(self) -> bool:
        return self.type in TIMES

    @cached_property
    def text_share(self) -> float:
        """Share of the different values that hold a blank between letters: names and descriptions, not codes."""
        if self.type != TEXT or not self.distinct:
            return 0.0
        some = self.encoded[1].slice(0, 2000)
        return float(pc.mean(pc.match_substring_regex(some, r"[A-Za-z]{2}.* ").cast(pa.int8())).as_py() or 0)

    @cached_property
    def email_share(self) -> float:
        if self.type != TEXT or not self.distinct:
            return 0.0
        some = self.encoded[1].slice(0, 2000)
        return float(pc.mean(pc.match_substring_regex(some, r"^[^@\s]+@[^@\s]+\.[^@\s]+$").cast(pa.int8())).as_py() or 0)

    def range(self) -> tuple[Any, Any]:
        """The smallest and the largest value; None where there is none."""
        if self.ends is not None:
            return self.ends
        ends = pc.min_max(self.values).as_py()
        return ends["min"], ends["max"]

    def last_day(self) -> date | None:
        end = self.range()[1] if self.dated else None
        return end.date() if isinstance(end, datetime) else end

    def first_day(self) -> date | None:
        start = self.range()[0] if self.dated else None
        return start.date() if isinstance(start, datetime) else start


@dataclass(frozen=True, eq=False)
class SeenFile:
    """A file after reading, for detection.

    Attributes:
        name: a word for it: the file's stem, or stem and sheet.
        path: as the project file shall name it; `sheet` where it is one of a workbook; `files` are how many files it stands for.
        rows: of the whole file; `columns` hold those looked at, all of them when `whole`.
        notes: what reading said. schema: the type of each column. currency: the one sign beside its numbers.
        types: columns whose type has to be declared.
    """

    name: str
    path: str
    rows: int
    columns: Mapping[str, SeenColumn]
    sheet: str | None = None
    whole: bool = True
    files: int = 1
    notes: tuple[str, ...] = ()
    schema: Mapping[str, Type] = field(default_factory=dict)
    currency: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """A short name for it, for people."""
        last = self.path if self.files > 1 else self.path.rpartition("/")[2]
        return last if self.sheet is None else f"{last}, sheet {self.sheet}"

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], float]:
        return {}

    def decides(self, one: str, other: str) -> float:
        """How far a column decides another: the share of its different values (that stand on two rows or more) whose rows
        have one value of the other. 1 where no value repeats."""
        key = (one, other)
        if key not in self._pairs:
            self._pairs[key] = _decides(self.columns[one], self.columns[other])
        return self._pairs[key]


def _decides(one: SeenColumn, other: SeenColumn) -> float:
    a, b = one.codes, other.codes
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    if not len(a):
        return 0.0
    pairs = np.unique(a * np.int64(max(1, other.distinct)) + b) // np.int64(max(1, other.distinct))
    different = np.bincount(pairs, minlength=one.distinct)
    repeated = np.bincount(a, minlength=one.distinct) > 1
    if not repeated.any():
        return 1.0
    return float(np.mean(different[repeated] == 1))


def hidden_dates(typed: TypedFile) -> dict[str, str]:
    """Columns of whole numbers that are days (20250131) or instants (seconds or milliseconds since 1970), by name and every
    value: column → the type to declare."""
    out = {}
    for name, facts in typed.facts.items():
        said = meanings(name)
        if facts.type != INTEGER or not facts.known or max(said.get(m, 0) for m in ("time", "since", "birth_date", "x")) < 0.75:
            continue
        low, high = facts.minimum, facts.maximum
        if not isinstance(low, int) or not isinstance(high, int):
            continue
        if 19000101 <= low <= high <= 22001231:
            values = pc.unique(pq.read_table(typed.path, columns=[name]).column(name)).drop_null().cast(pa.string())
            if all(_is_day(v) for v in values.to_pylist()):
                out[name] = "date"
        elif 315_532_800 <= low <= high < 4_102_444_800 or 315_532_800_000 <= low <= high < 4_102_444_800_000:
            out[name] = "timestamp"
    return out


def _is_day(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def seen(
    typed: TypedFile,
    name: str,
    path: str,
    *,
    sheet: str | None = None,
    files: int = 1,
    types: Mapping[str, str] | None = None,
) -> SeenFile:
    """Look at a typed file.

    Args:
        typed: what reading gave; its Parquet is read here, at most about `ROWS` rows of it.
        name, path, sheet, files, types: as `SeenFile` has them.
    """
    table, whole = _rows(typed.path)
    ends = {n: (f.minimum, f.maximum) for n, f in typed.facts.items() if f.type in TIMES and f.known and not whole}
    columns = {n: SeenColumn(n, t, table.column(n), ends.get(n)) for n, t in typed.schema.items()}
    signs = {f.currency for f in typed.facts.values() if f.currency}
    return SeenFile(
        name=name,
        path=path,
        rows=typed.rows_kept,
        columns=columns,
        sheet=sheet,
        whole=whole,
        files=files,
        types=types or {},
        notes=tuple(str(n) for n in typed.notes),
        schema=typed.schema,
        currency=next(iter(signs)) if len(signs) == 1 else None,
    )


def joined(files: list[SeenFile], name: str, path: str) -> SeenFile:
    """Several files of the same columns as one (a glob)."""
    if len(files) == 1:
        return files[0]
    first = files[0]
    columns = {}
    for column in first.columns.values():
        parts = [f.columns[column.name].values for f in files if f.columns[column.name].type == column.type]
        chunks = [chunk for part in parts for chunk in part.chunks]
        ends = None
        if any(f.columns[column.name].ends for f in files):
            every = [f.columns[column.name].range() for f in files]
            ends = (min(e[0] for e in every if e[0] is not None), max(e[1] for e in every if e[1] is not None))
        columns[column.name] = SeenColumn(column.name, column.type, pa.chunked_array(chunks, column.values.type), ends)
    whole = all(f.whole for f in files)
    return SeenFile(
        name=name,
        path=path,
        rows=sum(f.rows for f in files),
        columns=columns,
        whole=whole,
        files=len(files),
        notes=tuple(dict.fromkeys(n for f in files for n in f.notes)),
        schema=first.schema,
        currency=first.currency,
        types=first.types,
    )


def _rows(path: Path) -> tuple[pa.Table, bool]:
    file = pq.ParquetFile(path)
    try:
        groups, rows = file.num_row_groups, file.metadata.num_rows
        names = [n for n in file.schema_arrow.names if n != LINE]
        if rows <= ROWS or groups < 2:
            table = file.read(columns=names)
            return (table, True) if rows <= ROWS else (table.slice(0, ROWS), False)
        take = max(1, round(groups * ROWS / rows))
        chosen = sorted({int(i) for i in np.linspace(0, groups - 1, take)})
        return file.read_row_groups(chosen, columns=names), False
    finally:
        file.close()


def overlap(foreign: SeenColumn, key: SeenColumn) -> float:
    """The share of a column's different values that a key has."""
    values = foreign.keys
    return len(values & key.keys) / len(values) if values else 0.0


def day_numbers(column: SeenColumn) -> Codes:
    """Each row's day from 1970-01-01 (UTC or as written); missing is the smallest integer."""
    values = column.values.combine_chunks()
    if column.type != DATE:
        values = pc.cast(pc.floor_temporal(values, unit="day"), pa.timestamp("s")).cast(pa.int64())
        return np.where(values.is_null().to_numpy(zero_copy_only=False), NO_DAY, values.fill_null(0).to_numpy() // 86_400)
    days = values.cast(pa.int32()).cast(pa.int64())
    return np.where(days.is_null().to_numpy(zero_copy_only=False), NO_DAY, days.fill_null(0).to_numpy())


NO_DAY = np.int64(np.iinfo(np.int64).min)
