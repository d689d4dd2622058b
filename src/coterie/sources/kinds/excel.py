"""Workbooks: .xlsx, .xlsm, .xls, .xlsb and .ods, one sheet of them."""

import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from coterie.core.errors import DataError, did_you_mean
from coterie.sources.headers import find_header, named
from coterie.sources.kinds import Kind
from coterie.sources.kinds.csv import MOST_COLUMNS, file_hash, reading
from coterie.sources.kinds.jsonl import ROWS, Table, cell_of
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Bad, Cell, Chunk, Note, TextRule

MOST_CELLS = 200_000_000
MOST_BYTES = 4 << 30
_REFERENCE = re.compile(rb' r="([A-Z]{1,3})(\d{1,7})"')


class ExcelReader:
    """One sheet of a workbook; see `coterie.sources.raw.Reader`."""

    kind = "excel"
    rule: TextRule = "dates"
    blank_is_missing = True
    likely_decimal = "."

    def __init__(self, location: str, options: ReadOptions):
        self.location, self.options = location, options
        path = Path(location)
        self._notes: list[Note] = []
        with reading(location):
            if path.is_dir():
                raise DataError(f"{location} is a folder", hint="name a workbook in it")
            if not path.stat().st_size:
                raise DataError(f"{location} is empty", hint="save the workbook again")
            self.content_hash = file_hash(path)
        if zipfile.is_zipfile(path):
            check_size(path)
        self.workbook = self._open(path)
        self.sheet = self._choose()
        self._layout()

    def _open(self, path: Path) -> Any:
        import python_calamine as calamine

        try:
            return calamine.CalamineWorkbook.from_path(str(path))
        except calamine.PasswordError:
            raise DataError(f"{self.location} is protected by a password", hint="save a copy without one") from None
        except BaseException as error:  # the reader's Rust code may panic on a crafted file
            if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
                raise
            raise DataError(
                f"{self.location} cannot be read as a workbook: {error}",
                hint="open it in a spreadsheet program and save it as .xlsx or CSV",
            ) from None

    def _rows(self, name: str) -> tuple[int, Iterator[list[Any]]]:
        """The number of the first row, and the rows."""
        try:
            sheet = self.workbook.get_sheet_by_name(name)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
                raise
            raise DataError(f"sheet {name!r} of {self.location} cannot be read: {error}", hint="save the workbook again") from None
        return (sheet.start[0] + 1 if sheet.start else 1), sheet.iter_rows()

    def _choose(self) -> str:
        names: list[str] = list(self.workbook.sheet_names)
        given = self.options.sheet
        if given is not None:
            if given in names:
                return given
            if given.isdigit() and 1 <= int(given) <= len(names):
                return names[int(given) - 1]
            raise DataError(f"{self.location} has no sheet {given!r}", hint=did_you_mean(given, names, "Its sheets"))
        filled = []
        for name in names:
            _, rows = self._rows(name)
            if any(cell not in ("", None) for row in islice(rows, 200) for cell in row):
                filled.append(name)
        if not filled:
            raise DataError(f"{self.location} holds nothing in its sheets ({', '.join(names)})", hint="save the workbook again")
        if len(filled) > 1:
            others = ", ".join(repr(name) for name in filled[1:])
            self._notes.append(Note(f"sheet {filled[0]!r} is read; others hold something too: {others} (choose with `sheet:`)"))
        return filled[0]

    def _layout(self) -> None:
        first, rows = self._rows(self.sheet)
        sample = [(first + i, [_shown(cell) for cell in row]) for i, row in enumerate(islice(rows, 500))]
        # Cells right of the table, and rows of nothing, say nothing about its width.
        sample = [(line, _trim(row)) for line, row in sample]
        found = find_header([(line, row) for line, row in sample if row], self.options.header, f"{self.location} ({self.sheet})")
        self._notes += found.notes
        self.names, said = named(found.cells, found.line, self.location, MOST_COLUMNS)
        self.unnamed = frozenset(name for name, cell in zip(self.names, found.cells, strict=True) if not cell.strip())
        self._notes += said
        self.first_row = found.first_line
        self.columns = tuple(self.names)

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def chunks(self) -> Iterator[Chunk]:
        """The rows below the header; a row's line is its number in the sheet."""
        names = dict.fromkeys(self.columns)
        width = len(self.names)
        first, rows = self._rows(self.sheet)
        table = Table(names)
        for line, row in enumerate(rows, first):
            if line < self.first_row:
                continue
            filled = [i for i, cell in enumerate(row) if cell is not None and not (isinstance(cell, str) and not cell.strip())]
            if not filled:
                table.blank += 1
                continue
            if filled[-1] >= width:
                whole = ", ".join(_shown(cell) for cell in row)
                table.bad.append(Bad(line, None, None, f"{filled[-1] + 1} cells where the header has {width}", whole))
                continue
            table.add(line, {self.columns[i]: _cell(row[i]) for i in filled})
            if len(table) >= ROWS:
                yield table.chunk()
                table = Table(names)
        table.blank = 0 if not len(table) else table.blank
        yield table.chunk()


def _cell(value: Any) -> tuple[str | None, int]:
    if isinstance(value, str) and not value.strip():
        return None, Cell.MISSING
    return cell_of(value)


def _shown(value: Any) -> str:
    text, _ = cell_of(value)
    return text or ""


def _trim(row: list[str]) -> list[str]:
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def check_size(path: Path) -> None:
    """Refuses a workbook that would not fit in memory: too many bytes when unpacked, or a cell far out in an empty sheet.

    Raises:
        DataError: with what is too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
            if total > MOST_BYTES:
                raise DataError(f"{path} unpacks to {total >> 20:,} MB", hint="export the sheet as CSV")
            for entry in archive.infolist():
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", entry.filename):
                    _check_sheet(archive, entry, path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a workbook: {error}", hint="the file is damaged; save it again") from None
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise DataError(f"{path} cannot be read as a workbook: {error}", hint="the file is damaged; save it again") from None
        raise


def _check_sheet(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    right = down = 1
    rest = b""
    with archive.open(entry) as file:
        while block := file.read(1 << 20):
            block = rest + block
            found = _REFERENCE.findall(block)
            rest = block[-24:]
            if not found:
                continue
            down = max(down, int(found[-1][1]), int(found[0][1]))
            wide = max({letters for letters, _ in found}, key=lambda letters: (len(letters), letters))
            right = max(right, _column(wide))
            if right * down > MOST_CELLS:
                raise DataError(
                    f"{path} has a cell in column {wide.decode()} and one in row {down:,}: more than {MOST_CELLS:,} cells",
                    hint="delete the stray cells far from the table, or export the sheet as CSV",
                )


def _column(letters: bytes) -> int:
    out = 0
    for letter in letters:
        out = out * 26 + letter - 64
    return out


def _open(location: str, options: ReadOptions) -> ExcelReader:
    return ExcelReader(location, options)


KIND = Kind("excel", _open, endings=(".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), magic=(b"\xd0\xcf\x11\xe0",))
