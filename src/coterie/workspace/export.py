"""Customers of a segment as a file: CSV, JSON Lines, Parquet or Excel, streamed, so that memory stays flat.

Customers stand in the order of their ids and values are written in one way only, so the same results give the same bytes.
Times are UTC (ISO 8601 with Z); in Excel, which knows no zones, they are the project's local time.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from coterie.core.errors import CoterieError, StoreError
from coterie.core.windows import local
from coterie.workspace.results import Results

ENDINGS = {"csv": ".csv", "parquet": ".parquet", "jsonl": ".jsonl", "xlsx": ".xlsx"}
STDOUT = "-"
XLSX_ROWS = 1_048_575
"""Rows of a sheet below its heading."""
XLSX_COLUMNS = 16_384
XLSX_TEXT = 32_767
"""Characters of a cell."""
BATCH = 100_000
FORMULA = "^[=+\\-@\t\r\x00\u2212\uff1d\uff0b\uff0d\uff20]"
"""How a text begins that a spreadsheet may run."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: where (`-` for standard output) and how many customers."""

    path: Path
    rows: int

    def __iter__(self) -> Iterator[Any]:
        return iter((self.path, self.rows))


def export(
    results: Results,
    name: str,
    form: str | None = None,
    columns: Sequence[str] | None = None,
    out: Path | str | None = None,
    *,
    raw: bool = False,
    force: bool = False,
) -> Exported:
    """Write the customers of a segment, or those who meet a condition.

    Args:
        results: of a run.
        name: a segment, or any condition.
        form: csv, parquet, jsonl or xlsx; None takes it from the ending of `out`, else csv.
        columns: what to bring along beside the id; None are the columns that the rule reads.
        out: a file, a folder, or `-` for standard output (csv, jsonl); None is `<segment>.<form>` in the current folder.
        raw: leave texts of a CSV as they are that a spreadsheet would run as formulas.
        force: replace a file that is there.

    Raises:
        CoterieError: E520 an unknown form, E521 the file is there, E522 more than a sheet holds, E523 it cannot be written.
    """
    form = _form(form, out)
    query = results.selected(name, columns)
    if form == "xlsx":
        _refuse_large(results.engine.rows(exp.select(exp.Count(this=exp.Star())).from_(query.subquery("s"))), query)
    batches = even(results.engine.batches(query, f"export {name}"), BATCH)
    if out == STDOUT:
        return Exported(Path(STDOUT), _to_stdout(form, batches, raw))
    path = _target(name, form, out)
    if path.exists() and not force:
        raise CoterieError(
            f"{path.as_posix()} is there already",
            code="E521",
            hint="name another file with --out, or replace it with --force",
        )
    with _whole(path) as file:
        match form:
            case "csv":
                rows = write_csv(batches, file, raw=raw)
            case "jsonl":
                rows = write_jsonl(batches, file)
            case "parquet":
                rows = write_parquet(batches, file)
            case _:
                rows = write_xlsx(batches, file, results.project.timezone, results.made.as_of)
    return Exported(path, rows)


def _form(form: str | None, out: Path | str | None) -> str:
    """The form asked for, else the one that the file's ending names."""
    if form is None:
        ending = Path(out).suffix.lower() if out is not None else ""
        return next((f for f, e in ENDINGS.items() if e == ending), "csv")
    if form not in ENDINGS:
        raise CoterieError(f"{form!r} is no form of export", code="E520", hint=f"the forms are {', '.join(ENDINGS)}")
    return form


def _target(name: str, form: str, out: Path | str | None) -> Path:
    if out is not None and not Path(out).is_dir():
        return Path(out)
    return (Path(out) if out is not None else Path()) / f"{file_name(name)}{ENDINGS[form]}"


def file_name(name: str) -> str:
    """A segment's name as a file's: letters and digits stay, what a path or a shell would take amiss does not."""
    plain = "".join(c if c.isalnum() or c in "-_" else " " for c in name)
    return "_".join(plain.split())[:80] or "export"


def _refuse_large(counted: list[tuple[object, ...]], query: exp.Select) -> None:
    rows = int(str(counted[0][0]))
    columns = len(query.expressions)
    if rows > XLSX_ROWS or columns > XLSX_COLUMNS:
        what = f"{rows:,} customers" if rows > XLSX_ROWS else f"{columns:,} columns"
        most = f"{XLSX_ROWS:,} rows below its heading" if rows > XLSX_ROWS else f"{XLSX_COLUMNS:,} columns"
        raise CoterieError(
            f"{what} do not fit into an Excel sheet, which holds {most}",
            code="E522",
            hint="write them as csv, parquet or jsonl: --format csv",
        )


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name when all of it is written, and not at all when something fails."""
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}-", suffix=".partial")
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(partial).chmod(0o666 & ~mask)
        Path(partial).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(partial).unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path.as_posix()} cannot be written: {(error.strerror or str(error)).lower()}",
        code="E523",
        hint="make room, or name another place with --out; nothing was left behind",
    )


def _to_stdout(form: str, batches: Iterator[pa.RecordBatch], raw: bool) -> int:
    if form not in ("csv", "jsonl"):
        raise CoterieError(
            f"{form} cannot be written to the screen",
            code="E520",
            hint="name a file with --out, or take --format csv or jsonl",
        )
    sys.stdout.flush()
    file = sys.stdout.buffer
    rows = write_csv(batches, file, raw=raw) if form == "csv" else write_jsonl(batches, file)
    file.flush()
    return rows


def even(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of one size, the last one smaller; at least one, which may be empty."""
    held: list[pa.RecordBatch] = []
    count = 0
    schema: pa.Schema | None = None
    full = False
    for batch in batches:
        schema = batch.schema
        while count + batch.num_rows >= rows:
            full = True
            held.append(batch.slice(0, rows - count))
            yield _one(held)
            batch = batch.slice(rows - count)
            held, count = [], 0
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
    if held:
        yield _one(held)
    elif schema is not None and not full:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


# --- texts


def texts(column: pa.Array) -> pa.Array:
    """Values as text, written in one way: dates and instants as ISO 8601, money with two places or what it has."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _stripped(pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%S"), "Z")
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(column.cast(pa.string()), r"(\.\d{2}\d*?)0+$", r"\1")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.array([None if v is None else _json(v) for v in column.to_pylist()], pa.string())
    if pa.types.is_string(kind):
        return column
    return column.cast(pa.string())


def _stripped(times: pa.Array, zone: str) -> pa.Array:
    """Times without a fraction that is nothing, and with their zone."""
    plain = pc.replace_substring_regex(times, r"\.0+$", "")
    return pc.binary_join_element_wise(plain, pa.scalar(zone), pa.scalar(""))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def disarmed(values: pa.Array) -> pa.Array:
    """Texts that a spreadsheet would run as a formula get an apostrophe in front."""
    return pc.if_else(
        pc.match_substring_regex(values, FORMULA),
        pc.binary_join_element_wise(pa.scalar("'"), values, pa.scalar("")),
        values,
    )


def write_csv(batches: Iterator[pa.RecordBatch], file: IO[bytes], *, raw: bool = False) -> int:
    """RFC 4180: a heading, commas, CRLF; quotes where they are needed. Missing is an empty cell, an empty text `""`."""
    rows = 0
    headed = False
    for batch in batches:
        if not headed:
            names = pa.array(batch.schema.names, pa.string())
            file.write(",".join(quoted_cells(names if raw else disarmed(names)).to_pylist()).encode() + b"\r\n")
            headed = True
        if not batch.num_rows:
            continue
        cells = []
        for column in batch.columns:
            values = texts(column)
            if _is_text(column.type):
                values = quoted_cells(values if raw else disarmed(values))
            cells.append(pc.fill_null(values, ""))
        lines = cells[0] if len(cells) == 1 else pc.binary_join_element_wise(*cells, pa.scalar(","))
        file.write("\r\n".join(lines.to_pylist()).encode() + b"\r\n")
        rows += batch.num_rows
    return rows


def quoted_cells(values: pa.Array) -> pa.Array:
    """Texts as cells of a CSV file."""
    inside = pc.replace_substring(values, '"', '""')
    wrapped = pc.binary_join_element_wise(pa.scalar('"'), inside, pa.scalar('"'), pa.scalar(""))
    needs = pc.or_(pc.match_substring_regex(values, '[",\r\n]|^[ \t]|[ \t]$'), pc.equal(values, ""))
    return pc.if_else(needs, wrapped, values)


def write_jsonl(batches: Iterator[pa.RecordBatch], file: IO[bytes]) -> int:
    """One JSON object a line, keys in the order of the columns; missing is null, money a number."""
    rows = 0
    for batch in batches:
        parts = [_fragments(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
        for cells in zip(*parts, strict=True):
            file.write(("{" + ", ".join(cells) + "}\n").encode())
        rows += batch.num_rows
    return rows


def _fragments(name: str, column: pa.Array) -> list[str]:
    key = encode_basestring(name) + ": "
    values = texts(column).to_pylist()
    kind = column.type
    quoting = pa.types.is_string(kind) or pa.types.is_temporal(kind)
    quote: Callable[[str], str] = encode_basestring if quoting else str
    return [key + ("null" if v is None else quote(v)) for v in values]


# --- Parquet, Excel


def write_parquet(batches: Iterator[pa.RecordBatch], file: IO[bytes]) -> int:
    """Parquet (zstd), instants in UTC."""
    rows = 0
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            batch = in_utc(batch)
            if writer is None:
                writer = pq.ParquetWriter(file, batch.schema, compression="zstd")
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


def in_utc(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Instants say that they are UTC."""
    columns, fields = [], []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_timestamp(field.type):
            column = column.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
        columns.append(column)
        fields.append(pa.field(field.name, column.type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def write_xlsx(batches: Iterator[pa.RecordBatch], file: IO[bytes], zone: str, created: datetime) -> int:
    """An Excel workbook with one sheet. Every text is a text, never a formula; numbers of more than 15 digits are texts.

    Raises:
        CoterieError: E522, a text is longer than a cell.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    book.set_properties({"created": created.replace(microsecond=0)})
    sheet = book.add_worksheet("customers")
    bold = book.add_format({"bold": True})
    instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    line = 0
    try:
        for batch in batches:
            if line == 0:
                for place, name in enumerate(batch.schema.names):
                    sheet.write_string(0, place, name, bold)
                sheet.freeze_panes(1, 0)
                line = 1
            columns = [column.to_pylist() for column in batch.columns]
            for row in zip(*columns, strict=True):
                for place, value in enumerate(row):
                    _cell(sheet, line, place, value, zone, instant)
                line += 1
    finally:
        book.close()
    return max(0, line - 1)


def _cell(sheet: Any, line: int, place: int, value: Any, zone: str, instant: Any) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(line, place, value)
            return
        case int() | float() | Decimal() if _fits(value):
            sheet.write_number(line, place, float(value))
            return
        case datetime() if value.year >= 1900:
            sheet.write_datetime(line, place, local(value, zone).replace(tzinfo=None), instant)
            return
        case date() if not isinstance(value, datetime) and value.year >= 1900:
            sheet.write_datetime(line, place, value)
            return
        case list():
            text = _json(value)
        case _:
            text = str(value)
    if len(text) > XLSX_TEXT:
        raise CoterieError(
            f"a text of {len(text):,} characters does not fit into a cell of Excel, which holds {XLSX_TEXT:,}",
            code="E522",
            hint="write it as csv, parquet or jsonl: --format csv",
        )
    sheet.write_string(line, place, text)


def _fits(number: int | float | Decimal) -> bool:
    """Whether Excel, which keeps 15 digits, keeps this number."""
    return isinstance(number, float) or Decimal(f"{float(number):.15g}") == number
