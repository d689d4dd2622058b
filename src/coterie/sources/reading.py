"""Reading one source: open it, look at all its values, write it as Parquet with coterie's types, set bad rows apart."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coterie.core.errors import DataError
from coterie.core.place import Place
from coterie.core.words import counted
from coterie.language.types import INTEGER, MONEY, TEXT, TIMES, Type
from coterie.sources import numbers
from coterie.sources.cells import ARROW, Evidence, Typed, repeats, shown
from coterie.sources.decide import TYPES, decide, declared_types
from coterie.sources.facts import ColumnFacts, FactsOf
from coterie.sources.kinds import open_source
from coterie.sources.native import AnyPlan, NativeEvidence, as_text, needs_look, plan_of
from coterie.sources.options import ReadOptions
from coterie.sources.partitions import Partitioned
from coterie.sources.raw import Bad, Chunk, Note, Reader, TextRule

__all__ = ["LINE", "Quarantined", "ReadOptions", "Reader", "TypedFile", "open_source", "read_typed"]

LINE = "_line"
"""The column that says where in its file a row stood."""
QUARANTINE = pa.schema(
    [("line", pa.int64()), ("column", pa.string()), ("value", pa.string()), ("reason", pa.string()), ("row", pa.string())]
)
"""A bad row: where it stood, the first cell to blame, why, and the row as JSON (as its text where it has no cells)."""

T = TypeVar("T")
Progress = Callable[[int], None]
_LONG = 4_000  # characters of a bad row that are kept


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Rows set apart: how many, and a few of them."""

    count: int
    examples: tuple[Bad, ...]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TypedFile:
    """One source after reading.

    Attributes:
        path: Parquet with the typed columns under their names in the file, and `_line`.
        quarantine: Parquet with the bad rows (schema `QUARANTINE`), or None when there are none.
        kind: csv, parquet, jsonl, excel, sql.
        location: where it came from, without secrets.
        schema: type of each column.
        rows_in, rows_kept: rows of data in the source (blank and total rows are none), and those that were kept.
        quarantined: the others.
        notes: what was guessed, left out or changed, and why.
        content_hash: sha256 of the bytes; for a database of the rows.
        facts: of each column.
    """

    path: Path
    quarantine: Path | None
    kind: str
    location: str
    schema: Mapping[str, Type]
    rows_in: int
    rows_kept: int
    quarantined: Quarantined
    notes: tuple[Note, ...]
    content_hash: str
    facts: Mapping[str, ColumnFacts]


def read_typed(
    location: str | Path,
    options: ReadOptions,
    out: Path,
    quarantine: Path,
    progress: Progress | None = None,
    kind: str | None = None,
) -> TypedFile:
    """Read a file, folder or database into typed Parquet.

    Args:
        location: a path, or the URL of a database.
        options: what is known of it.
        out, quarantine: the Parquet files to write (the second only when rows are bad).
        progress: called with the number of rows so far, during each of the two passes.
        kind: csv, parquet, jsonl, excel or sql; None looks.

    Raises:
        DataError: it cannot be read, can be read in two ways, or unpacks to more than it may or than the disk has room for.
        MissingColumn: the options name a column that is not there.
    """
    if options.room is None:
        options = replace(options, room=shutil.disk_usage(out.parent).free)
    reader = open_source(location, options, kind)
    if options.partition:
        reader = cast(Reader, Partitioned(reader, options.partition))
    spool = _Spool(out.with_name(out.name + ".cells")) if not getattr(reader, "cheap", False) else None
    try:
        look = _Look(reader, options)
        for chunk in look.through(progress):
            if spool is not None:
                spool.add(chunk)
        if spool is not None:
            spool.close()
        plans, notes = look.plans()
        chunks = spool.chunks() if spool is not None else look.without_totals(reader.chunks())
        writer = _Writer(look, plans, out, quarantine)
        try:
            for chunk in chunks:
                writer.add(chunk)
                if progress is not None:
                    progress(writer.rows)
        finally:
            writer.close()
        if not writer.bad:
            quarantine.unlink(missing_ok=True)  # of an earlier reading
        return writer.result(notes)
    except BaseException:
        out.unlink(missing_ok=True)
        quarantine.unlink(missing_ok=True)
        raise
    finally:
        if spool is not None:
            spool.remove()


class _Look:
    """The first pass: evidence of every column over all rows."""

    def __init__(self, reader: Reader, options: ReadOptions):
        self.reader, self.options = reader, options
        self.evidence: dict[str, Evidence | NativeEvidence] = {}
        self.order: list[str] = []
        self.declared = dict(options.columns)
        self.rows = 0
        self.bad: list[Bad] = []
        self.blank = 0
        self.totals: list[tuple[int, str]] = []

    def through(self, progress: Progress | None) -> Iterator[Chunk]:
        """Look at each chunk and hand it on; total rows at the end are taken out."""
        held: Chunk | None = None
        for chunk in self.reader.chunks():
            if held is not None:
                yield self._see(held)
                if progress is not None:
                    progress(self.rows)
            held = chunk
        if held is not None:
            if self.options.skip_total_rows and self.reader.rule != "iso":
                held, self.totals = split_totals(held, alone=self.rows == 0)
            yield self._see(held)

    def without_totals(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The same chunks a second time (files whose rows are cheap to read again have no total rows)."""
        return chunks

    def _see(self, chunk: Chunk) -> Chunk:
        n = len(chunk.lines)
        for name, array in chunk.columns.items():
            if name not in self.evidence:
                seen = self.evidence[name] = self._new(name, array.type)
                self.order.append(name)
                if self.rows and isinstance(seen, Evidence):
                    seen.rows = self.rows

        def look(name: str) -> None:
            seen, array = self.evidence[name], chunk.columns[name]
            if isinstance(seen, Evidence):
                seen.observe(_text_of(array), chunk.kinds.get(name), chunk.lines, self.options)
            elif needs_look(seen.type):
                seen.observe(array)

        _each(look, list(chunk.columns))
        self.rows += n
        self.bad += chunk.bad
        self.blank += chunk.blank
        if len(self.bad) > 1000 and len(self.bad) > self.rows:
            raise self.mostly_bad()
        return chunk

    def _known(self, name: str) -> int:
        seen = self.evidence.get(name)
        return seen.known if seen is not None else 0

    def mostly_bad(self) -> DataError:
        first = self.bad[0]
        return DataError(
            f"{len(self.bad):,} rows of {self.reader.location} cannot be read and only {self.rows:,} can: {first.reason}",
            place=Place(self.reader.location, first.line, 1),
            hint="the delimiter, the quotes or the encoding may be other ones: say them for this source",
        )

    def _new(self, name: str, type_: pa.DataType) -> Evidence | NativeEvidence:
        declared = _known_type(self.declared.get(name))
        if _is_text(type_) or not _direct(type_, declared):
            rule: TextRule = self.reader.rule if declared is None else "full"
            return Evidence(name, rule=rule, blank_is_missing=self.reader.blank_is_missing)
        return NativeEvidence(name, type_)

    def plans(self) -> tuple[dict[str, AnyPlan], list[Note]]:
        reader, options = self.reader, self.options
        if self.bad and not self.rows:
            raise self.mostly_bad()
        columns = tuple(self.order) or reader.columns
        # A column with neither name nor value is the trace of a delimiter at the end of every line.
        unnamed: frozenset[str] = getattr(reader, "unnamed", frozenset())
        empty = {name for name in columns if name in unnamed and name not in options.columns and not self._known(name)}
        columns = tuple(name for name in columns if name not in empty)
        declared = declared_types(options, columns, reader.location)
        for name in empty:
            self.evidence.pop(name, None)
        for name in columns:  # a file with a header and no rows
            self.evidence.setdefault(name, Evidence(name))
        texts = {name: seen for name, seen in self.evidence.items() if isinstance(seen, Evidence)}
        named = {name: written for name, written in options.columns.items() if name in texts}
        made, notes = decide(texts, _with_columns(options, named), reader.location, reader.likely_decimal)
        plans: dict[str, AnyPlan] = {}
        for name in columns:
            seen = self.evidence[name]
            if isinstance(seen, NativeEvidence):
                plans[name], said = plan_of(seen, options, declared.get(name))
                notes += [Note(text, name) for text in said]
            else:
                plans[name] = made[name]
        if self.blank:
            notes.append(Note(f"{counted(self.blank, 'blank row')} left out"))
        if self.totals:
            listed = "; ".join(f"line {line:,}: {text}" for line, text in self.totals)
            notes.append(Note(f"{len(self.totals)} total row{'s' if len(self.totals) > 1 else ''} at the end left out ({listed})"))
        return plans, notes


_THREADS = min(8, os.cpu_count() or 1)


def _each(work: Callable[[str], T], names: list[str]) -> list[T]:
    """Do the same for every column, several at once: the arrays' own code runs beside other threads."""
    if len(names) < 2 or _THREADS < 2:
        return [work(name) for name in names]
    return list(_pool().map(work, names))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="columns")


def _with_columns(options: ReadOptions, columns: Mapping[str, str]) -> ReadOptions:
    return replace(options, columns=columns)


def _known_type(written: str | None) -> Type | None:
    return TYPES.get(written) if written is not None else None


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _is_text(type_.value_type)
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _direct(type_: pa.DataType, declared: Type | None) -> bool:
    """Whether a typed column can become the declared type without passing through text."""
    if declared is None or declared == TEXT:
        return True
    numeric = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    if str(declared) in ("integer", "money", "float"):
        return bool(numeric)
    if declared in TIMES:
        return bool(pa.types.is_timestamp(type_) or pa.types.is_date(type_))
    return bool(pa.types.is_boolean(type_) if str(declared) == "boolean" else pa.types.is_list(type_))


def _text_of(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if _is_text(array.type):
        return array if not pa.types.is_large_string(array.type) else array.cast(pa.string())
    return as_text(array)


class _Writer:
    """The second pass: converts, sets bad rows apart, writes, and gathers the facts."""

    def __init__(self, look: _Look, plans: Mapping[str, AnyPlan], out: Path, quarantine: Path):
        self.look, self.plans = look, plans
        self.out, self.quarantine = out, quarantine
        self.schema = pa.schema([*((name, ARROW[plan.type]) for name, plan in plans.items()), (LINE, pa.int64())])
        self.parquet: pq.ParquetWriter | None = None
        self.bad_parquet: pq.ParquetWriter | None = None
        self.facts = {name: FactsOf(plan.type) for name, plan in plans.items()}
        self.rows = self.kept = self.bad = 0
        self.examples: list[Bad] = []
        self.reasons: dict[str, int] = {}
        self.bad_cells: dict[str, int] = {}
        self.repeats: dict[str, int] = {}
        self.skips: dict[str, int] = {}
        self.nans: dict[str, int] = {}
        self._add_bad(list(look.bad))

    def add(self, chunk: Chunk) -> None:
        n = len(chunk.lines)
        self.rows += n
        if not n:
            return
        arrays: dict[str, pa.Array] = {}
        why: dict[str, pa.Array] = {}

        def convert(name: str) -> Typed:
            plan, array = self.plans[name], chunk.columns.get(name)
            if array is None:
                return Typed(pa.nulls(n, ARROW[plan.type]), None)
            if isinstance(self.look.evidence.get(name), Evidence):
                array = _text_of(array)
            return plan.convert(array)

        for name, typed in zip(self.plans, _each(convert, list(self.plans)), strict=True):
            arrays[name] = typed.array
            if typed.reasons is not None:
                why[name] = typed.reasons
            for counter, count in ((self.repeats, typed.repeats), (self.skips, typed.skips), (self.nans, typed.not_numbers)):
                if count:
                    counter[name] = counter.get(name, 0) + count
        lines = pa.array(chunk.lines)
        if why:
            bad = np.zeros(n, np.bool_)
            for name, reasons in why.items():
                mask = reasons.is_valid().to_numpy(zero_copy_only=False)
                self.bad_cells[name] = self.bad_cells.get(name, 0) + int(mask.sum())
                bad |= mask
            self._set_apart(chunk, np.flatnonzero(bad), why)
            good = pa.array(~bad)
            arrays = {name: array.filter(good) for name, array in arrays.items()}
            lines = lines.filter(good)
        _each(lambda name: self.facts[name].observe(arrays[name]), list(arrays))
        self.kept += len(lines)
        if self.parquet is None:
            self.parquet = self._open(
                [name for name, array in arrays.items() if not pa.types.is_list(array.type) and repeats(array)]
            )
        self.parquet.write_table(pa.table([*arrays.values(), lines], schema=self.schema))

    def _set_apart(self, chunk: Chunk, index: Any, why: Mapping[str, pa.Array]) -> None:
        if not len(index):
            return
        take = pa.array(index)
        cells_of = {name: _text_of(array).take(take).to_pylist() for name, array in chunk.columns.items()}
        reasons_of = {name: reasons.take(take).to_pylist() for name, reasons in why.items()}
        found = []
        for row, at in enumerate(index):
            column = next(name for name, reasons in reasons_of.items() if reasons[row] is not None)
            whole = json.dumps({name: values[row] for name, values in cells_of.items()}, ensure_ascii=False)
            found.append(Bad(int(chunk.lines[at]), column, cells_of[column][row], reasons_of[column][row], whole))
        self._add_bad(found)

    def _add_bad(self, found: list[Bad]) -> None:
        if not found:
            return
        self.bad += len(found)
        for bad in found:
            key = f"{bad.column}: {bad.reason}" if bad.column else bad.reason
            if key in self.reasons or len(self.reasons) < 100:
                self.reasons[key] = self.reasons.get(key, 0) + 1
            if len(self.examples) < 10:
                self.examples.append(bad)
        if self.bad_parquet is None:
            self.bad_parquet = pq.ParquetWriter(self.quarantine, QUARANTINE, compression="zstd")
        columns = ([b.line for b in found], [b.column for b in found], [_sound(b.value) for b in found])
        more = ([b.reason for b in found], [_sound(b.row[:_LONG]) for b in found])
        self.bad_parquet.write_table(pa.table([*columns, *more], schema=QUARANTINE))

    def _open(self, repeating: list[str]) -> pq.ParquetWriter:
        """A dictionary only where values repeat: elsewhere it costs time and gains nothing."""
        return pq.ParquetWriter(
            self.out, self.schema, compression="snappy", use_dictionary=repeating, column_encoding={LINE: "DELTA_BINARY_PACKED"}
        )

    def close(self) -> None:
        if self.parquet is None:
            self.parquet = self._open([])
        self.parquet.close()
        if self.bad_parquet is not None:
            self.bad_parquet.close()

    def result(self, notes: list[Note]) -> TypedFile:
        reader = self.look.reader
        for name, plan in self.plans.items():
            if plan.declared and self.bad_cells.get(name, 0) * 2 > self.rows:
                example = next((bad for bad in self.examples if bad.column == name), None)
                raise DataError(
                    f"column {name!r} is declared {plan.type}, and {self.bad_cells[name]:,} of {self.rows:,} rows are not"
                    + (f" ({shown(example.value)}: {example.reason})" if example else ""),
                    place=Place(reader.location, example.line, 1) if example else None,
                    hint="leave the declaration out and the type is found by looking",
                )
            if count := self.repeats.get(name):
                times = counted(count, "local time happens", "local times happen")
                notes.append(Note(f"{times} twice (clocks set back): the first is taken", name))
            if count := self.skips.get(name):
                times = counted(count, "local time")
                notes.append(Note(f"{times} never happened (clocks set forward): moved forward by the gap", name))
            if count := self.nans.get(name):
                notes.append(Note(f"{count:,} NaN read as missing", name))
        facts = {}
        for name, gathered in self.facts.items():
            plan = self.plans[name]
            decimals = int(plan.evidence.split()[0]) if plan.evidence.endswith("decimals") else (4 if plan.type == MONEY else 0)
            if plan.type == INTEGER:
                decimals = 0
            facts[name] = gathered.facts(decimals=decimals, padded=plan.padded, currency=plan.currency, evidence=plan.evidence)
        return TypedFile(
            path=self.out,
            quarantine=self.quarantine if self.bad else None,
            kind=reader.kind,
            location=reader.location,
            schema={name: plan.type for name, plan in self.plans.items()},
            rows_in=self.rows + len(self.look.bad),
            rows_kept=self.kept,
            quarantined=Quarantined(self.bad, tuple(self.examples), dict(self.reasons)),
            notes=(*reader.notes, *notes),
            content_hash=reader.content_hash,
            facts=facts,
        )


def _sound(text: str | None) -> str | None:
    """Text that UTF-8 can hold: a lone surrogate becomes �."""
    return text if text is None else text.encode("utf-8", "replace").decode("utf-8")


@dataclass(slots=True)
class _Spool:
    """Cells of the first pass, kept on disk for the second, so that both see the same rows."""

    path: Path
    sink: Any = None
    chunks_held: list[int] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        if self.sink is None:
            self.sink = pa.OSFile(str(self.path), "wb")
        arrays = [array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array for array in chunk.columns.values()]
        batch = pa.RecordBatch.from_arrays([*arrays, pa.array(chunk.lines)], names=[*chunk.columns, LINE])
        # Each chunk is a stream of its own, since columns may join later (JSON) and dictionaries change.
        with pa.ipc.new_stream(self.sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
            stream.write_batch(batch)

    def close(self) -> None:
        if self.sink is not None:
            self.sink.close()

    def chunks(self) -> Iterator[Chunk]:
        if self.sink is None:
            return
        with pa.OSFile(str(self.path), "rb") as source:
            size = source.size()
            while source.tell() < size:
                with pa.ipc.open_stream(source) as stream:
                    for batch in stream:
                        columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names[:-1])}
                        yield Chunk(batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False), columns)

    def remove(self) -> None:
        if self.sink is not None and not self.sink.closed:
            self.sink.close()
        self.path.unlink(missing_ok=True)


_TOTALS = frozenset(
    word.strip()
    for word in """
    total, totals, grand total, sum, sum total, subtotal, overall, gesamt, gesamtsumme, summe, insgesamt, total général,
    total general, totale, somme, suma, totaal, som, totalt, samtals, razem, łącznie, celkem, összesen, итого, всего, 合計, 合计
    """.split(",")  # noqa: SIM905
)


def split_totals(chunk: Chunk, alone: bool) -> tuple[Chunk, list[tuple[int, str]]]:
    """Take rows such as `Total` off the end of the last chunk.

    A row counts as one when its first cell with anything in it is such a word, the word stands nowhere else in that
    column, and the row either leaves out cells that the rows above have or holds the sum of a column (checked when the
    file is this one chunk: `alone`).
    """
    n = len(chunk.lines)
    found: list[tuple[int, str]] = []
    columns = {name: _text_of(array) for name, array in chunk.columns.items() if len(array)}
    end = n
    while end > 1 and len(found) < 3:
        row = {name: (array[end - 1].as_py() or "").strip() for name, array in columns.items()}
        filled = [name for name, value in row.items() if value]
        if not filled:
            break
        first = filled[0]
        word = row[first].rstrip(":").strip().casefold()
        if word not in _TOTALS:
            break
        above = {name: array.slice(0, end - 1) for name, array in columns.items()}
        same = pc.sum(pc.equal(pc.utf8_lower(pc.utf8_trim_whitespace(_plain(above[first]))), row[first].casefold())).as_py()
        if same:
            break
        bare = any(not row[name] and _share_filled(array) >= 0.9 for name, array in above.items())
        if not bare and not (alone and end <= 100_000 and any(_adds_up(above[name], row[name]) for name in filled[1:])):
            break
        found.append((int(chunk.lines[end - 1]), ", ".join(row[name] for name in filled)[:80]))
        end -= 1
    if not found:
        return chunk, []
    kept = {name: array.slice(0, end) for name, array in chunk.columns.items()}
    kinds = {name: kind[:end] for name, kind in chunk.kinds.items()}
    return Chunk(chunk.lines[:end], kept, kinds, chunk.bad, chunk.blank), found[::-1]


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array


def _share_filled(array: pa.Array) -> float:
    values = pc.utf8_trim_whitespace(_plain(array))
    return float((pc.sum(pc.not_equal(values, "")).as_py() or 0) / max(1, len(array)))


def _adds_up(array: pa.Array, total: str) -> bool:
    """Whether a cell is the sum of those above it, as the plainest reading has them."""
    for sign in (".", ","):
        texts = pa.concat_arrays([_plain(array), pa.array([total])])
        canon = numbers.canonical(pc.utf8_trim_whitespace(texts), "." if sign == "." else ",")
        values, _ = numbers.to_decimals(canon, 4, 14)
        last = values[len(values) - 1].as_py()
        if last is not None and last == pc.sum(values.slice(0, len(values) - 1)).as_py():
            return True
    return False
