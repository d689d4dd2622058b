"""CSV and its kin (tab, semicolon, pipe): what stands between cells, in which encoding, under which header, is found."""

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from coterie.core.errors import DataError
from coterie.core.place import Place
from coterie.sources.cells import repeats
from coterie.sources.headers import find_header, named
from coterie.sources.kinds import Kind
from coterie.sources.options import ReadOptions
from coterie.sources.packed import open_binary
from coterie.sources.raw import Bad, Chunk, Note, TextRule

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
SAMPLE = 1 << 18  # bytes looked at to find delimiter and header
BLOCK = 1 << 23
LONGEST = 1 << 24  # bytes of one row
MOST_COLUMNS = 10_000
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LIKELY = ["cp1252", "iso8859_15", "cp1250", "iso8859_2", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"]
_LIKELY += ["mac_roman", "cp437", "cp850", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns what the system says about a file into an error that says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"there is no file {where}", hint="check the path") from None
    except EOFError as error:
        raise DataError(f"{where} ends too early: {error}", hint="the packed file is cut off; copy or download it again") from None
    except (OSError, pa.ArrowException) as error:
        words = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise DataError(f"{where} cannot be read: {words}", hint="check the file and its permissions") from None
    except Exception as error:
        if type(error).__module__ in ("zlib", "builtins") and type(error).__name__ == "error":
            raise DataError(
                f"{where} cannot be unpacked: {error}", hint="the packed file is damaged; copy or download it again"
            ) from None
        raise


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Survey:
    """One reading of all bytes, before any of them is given a meaning."""

    size: int
    head: bytes
    quotes: int
    nul: int
    utf8: bool
    non_ascii: bytes  # stretches with bytes above 127
    carriage_only: bool
    broken_cells: bool  # a line may end inside a quoted cell
    longest: int  # bytes of the longest line, at least where it is longer than a block


def survey(path: Path, options: ReadOptions) -> Survey:
    """Read a file once.

    Raises:
        DataError: a line of more than 16 MB, which is no CSV; or it unpacks to too much.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = quotes = nul = since_line = newlines = returns = 0
    utf8, broken, open_quote = True, False, 0
    longest = 0
    head, strange = b"", bytearray()
    with open_binary(path, options) as file:
        while block := file.read(1 << 20):
            size += len(block)
            if len(head) < SAMPLE:
                head += block[: SAMPLE - len(head)]
            here = block.count(b'"')
            if here * 50 > len(block):
                broken = True
            elif not broken and (here or open_quote):
                parts = block.split(b'"')
                broken = any(b"\n" in part for part in parts[1 - open_quote :: 2])
            open_quote ^= here & 1
            quotes += here
            nul += block.count(b"\0")
            ascii_only = block.isascii()
            if utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    utf8 = False
            if not ascii_only and len(strange) < 1 << 16:
                strange += _around_non_ascii(block)
            newlines += block.count(b"\n")
            returns += block.count(b"\r")
            last = max(block.rfind(b"\n"), block.rfind(b"\r"))
            since_line = since_line + len(block) if last < 0 else len(block) - last
            longest = max(longest, since_line)
            if since_line > LONGEST:
                raise DataError(
                    f"{path} has a line of more than {LONGEST >> 20} MB, near byte {size:,}",
                    hint="this is no CSV file, or its lines end in an unusual way",
                )
    if utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            utf8 = False
    return Survey(size, head, quotes, nul, utf8, bytes(strange), returns > 0 and newlines == 0, broken, longest)


def _around_non_ascii(block: bytes) -> bytes:
    raw = np.frombuffer(block, np.uint8)
    out = bytearray()
    end = 0
    for at in np.flatnonzero(raw > 127)[:4000]:
        if at < end:
            continue
        start = max(block.rfind(b"\n", 0, at) + 1, int(at) - 60)
        stop = block.find(b"\n", at)
        end = min(len(block) if stop < 0 else stop + 1, int(at) + 60)
        out += block[start:end]
        if len(out) > 1 << 15:
            break
    return bytes(out)


def find_encoding(seen: Survey, given: str | None) -> tuple[str, str | None]:
    """The codec of a text file and, where it had to be guessed, what to say about it."""
    if given is not None:
        try:
            codecs.lookup(given)
        except LookupError:
            raise DataError(f"there is no encoding {given!r}", hint="such as utf-8, windows-1252 or utf-16") from None
        return given, None
    for bom, codec in _BOMS:
        if seen.head.startswith(bom):
            return codec, None if codec == "utf-8-sig" else f"encoding {codec}, by its first bytes"
    if seen.nul > 0.2 * seen.size:
        even, odd = seen.head[::2].count(0), seen.head[1::2].count(0)
        codec = "utf-16-le" if odd > even else "utf-16-be"
        return codec, f"encoding {codec}: every second byte is zero"
    if seen.utf8:
        return "utf-8", None
    from charset_normalizer import from_bytes

    found = {match.encoding: match.chaos for match in from_bytes(seen.non_ascii, cp_isolation=_LIKELY, threshold=0.5)}
    codec = min(found, key=lambda name: found[name], default="cp1252")
    # Windows-1252 and its neighbours share most letters; the commonest is taken where the text does not tell.
    if found.get("cp1252", 1.0) <= found.get(codec, 0.0) + 0.02:
        codec = "cp1252"
    names = {"cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251"}
    return codec, f"encoding {names.get(codec, codec)}, a guess: the file is not UTF-8"


class Transcoded(io.RawIOBase):
    """A stream of bytes in some encoding, as UTF-8. Bytes that the encoding does not have become �."""

    def __init__(self, raw: BinaryIO, codec: str):
        self.raw, self.decoder = raw, codecs.getincrementaldecoder(codec)("replace")
        self.rest = b""
        self.done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest and not self.done:
            block = self.raw.read(1 << 16)
            self.done = not block
            self.rest = self.decoder.decode(block, final=self.done).encode("utf-8")
        n = min(len(buffer), len(self.rest))
        buffer[:n] = self.rest[:n]
        self.rest = self.rest[n:]
        return n

    def close(self) -> None:
        self.raw.close()
        super().close()


def rows_of(text: str, delimiter: str, escape: str | None = None) -> list[tuple[int, list[str]]]:
    """The first rows of a sample with the number of the line on which each begins; a last, cut row is left out."""
    out = []
    lines = text.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter, escapechar=escape, strict=False)
    start = 1
    try:
        for row in reader:
            out.append((start, row))
            start = reader.line_num + 1
            if len(out) >= 500:
                break
    except csv.Error:
        pass
    return out


def find_delimiter(text: str) -> tuple[str, str]:
    """What stands between cells: the mark under which most lines have the same number of cells, more than one.

    Returns:
        The delimiter and why.
    """
    best: tuple[float, int, str] = (0.0, 0, ",")
    for mark in DELIMITERS:
        sizes = [len(row) for _, row in rows_of(text, mark) if any(cell.strip() for cell in row)]
        several = [size for size in sizes if size > 1]
        if not several:
            continue
        usual, count = max(Counter(several).items(), key=lambda item: (item[1], item[0]))
        share = count / len(sizes)
        # A header of the usual width speaks for a mark; a decimal comma beside semicolons does not have one.
        first = next((i for i, size in enumerate(sizes) if size == usual), 0)
        score = share + (0.2 if first == 0 else 0.0)
        best = max(best, (round(score, 2), usual, mark))
    if best[0] == 0:
        return ",", "one column: no line has a comma, semicolon, tab or pipe"
    return best[2], f"{NAMES[best[2]]} between cells: {best[1]} columns"


class CsvReader:
    """A CSV file; see `coterie.sources.raw.Reader`."""

    kind = "csv"
    rule: TextRule = "full"
    blank_is_missing = True

    def __init__(self, location: str, options: ReadOptions):
        self.location, self.options = location, options
        self.path = Path(location)
        self._notes: list[Note] = []
        with reading(location):
            if self.path.is_dir():
                raise DataError(f"{location} is a folder", hint="name a file, or a pattern such as orders/*.csv")
            self.survey = survey(self.path, options)
            self.content_hash = file_hash(self.path)
        if not self.survey.size:
            raise DataError(f"{location} is empty", hint="export it again; a file without rows still has a line of column names")
        self.encoding, said = find_encoding(self.survey, options.encoding)
        if said:
            self._notes.append(Note(said))
        text = self._sample()
        if not text.strip():
            raise DataError(f"{location} holds nothing but blank lines", hint="export it again")
        self._dialect(text)

    def _dialect(self, text: str) -> None:
        options = self.options
        if options.delimiter is not None:
            self.delimiter = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
            if len(self.delimiter) != 1:
                raise DataError(f"{options.delimiter!r} is no delimiter", hint="one character, such as , ; | or tab")
        else:
            self.delimiter, why = find_delimiter(text)
            if self.delimiter != ",":
                self._notes.append(Note(why))
        self.escape = _backslash(text, self.delimiter)
        if self.escape:
            self._notes.append(Note('quotes inside cells are written \\"'))
        rows = rows_of(text, self.delimiter, self.escape)
        if self.survey.size > SAMPLE and len(rows) > 1:
            rows = rows[:-1]  # the sample may end inside it
        if (
            self.path.suffix.lower() == ".csv"
            and rows
            and rows[0][1]
            and rows[0][1][0].lower().startswith("sep=")
            and len(text) > 6
        ):
            rows = rows_of(text, self.delimiter)[1:]
        found = find_header(rows, options.header, self.location)
        self._notes += found.notes
        self.names, said = named(found.cells, found.line, self.location, MOST_COLUMNS)
        self._notes += said
        self.width = len(found.cells)
        self.unnamed = frozenset(name for name, cell in zip(self.names, found.cells, strict=True) if not cell.strip())
        self.first_line = found.first_line
        self.pads = _pads(rows, found.first_line)
        if self.pads:
            self._notes.append(Note("a blank after each delimiter is left out"))
        self.columns = tuple(self.names)
        self.likely_decimal = "." if self.delimiter == "," else None

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def _sample(self) -> str:
        with reading(self.location), self._stream() as stream:
            raw = stream.read(SAMPLE)
        text = raw.decode("utf-8", "replace")
        if len(raw) < SAMPLE:
            return text
        end = max(text.rfind("\n"), text.rfind("\r"))
        if end < 0:
            raise DataError(
                f"the first line of {self.location} is longer than {SAMPLE:,} bytes",
                hint="a table has the names of its columns there; the file may be no CSV, or its lines end in an unusual way",
            )
        return text[: end + 1]

    def _stream(self) -> BinaryIO:
        """The file's text as UTF-8, without a byte order mark."""
        raw = open_binary(self.path, self.options)
        if self.survey.utf8 and codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig"):
            if self.survey.head.startswith(codecs.BOM_UTF8):
                raw.read(3)
            return raw
        return io.BufferedReader(Transcoded(raw, self.encoding), 1 << 20)

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in the order of the file, as strings."""
        with reading(self.location):
            yield from self._quick()

    def _skip_to_first(self, stream: BinaryIO) -> int:
        line = 1
        while line < self.first_line:
            if not _read_line(stream, self.survey.carriage_only):
                break
            line += 1
        return line

    def _quick(self) -> Iterator[Chunk]:
        """Arrow's parser, one thread, so that rows can be numbered."""
        names = [f"c{i}" for i in range(self.width)]
        stream = self._stream()
        bad_rows: list[tuple[int, int, str]] = []

        def refuse(row: Any) -> str:
            bad_rows.append((row.number, row.actual_columns, row.text))
            return "skip"

        with stream:
            line = self._skip_to_first(stream)
            try:
                block = max(BLOCK, 3 * self.survey.longest)
                source = pv.open_csv(
                    _Guarded(stream),
                    read_options=pv.ReadOptions(use_threads=False, column_names=names, block_size=block),
                    parse_options=pv.ParseOptions(
                        delimiter=self.delimiter, newlines_in_values=self.survey.quotes > 0, ignore_empty_lines=False,
                        invalid_row_handler=refuse, escape_char=self.escape or False, double_quote=True,
                    ),
                    convert_options=pv.ConvertOptions(
                        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=not self.survey.utf8
                    ),
                )  # fmt: skip
            except pa.ArrowInvalid as error:
                if "Empty CSV" in str(error):
                    return
                raise self._never_closed(line) from None
            last: pa.RecordBatch | None = None
            row, extra, taken = 0, 0, 0  # rows so far, lines inside cells so far, bad rows dealt with
            while True:
                try:
                    batch = source.read_next_batch()
                except StopIteration:
                    break
                except pa.ArrowInvalid:
                    raise self._never_closed(line + row + extra) from None
                new = bad_rows[taken:]
                chunk, row, extra, used = self._number(batch, new, line, row, extra)
                taken += used
                last = batch.slice(batch.num_rows - 1) if batch.num_rows else last
                yield chunk
            if self.survey.quotes % 2 and self.survey.broken_cells:
                # The number of quotes is odd: is the last cell one that has swallowed the rest of the file?
                ending = bad_rows[-1][2] if bad_rows and bad_rows[-1][0] > row - 1 else ""
                if "\n" in ending.rstrip("\n") or (
                    last is not None and "\n" in str(last.column(self.width - 1)[0].as_py()).rstrip("\n")
                ):
                    raise self._never_closed(line + row + extra - 1)
            if taken < len(bad_rows):
                chunk, row, extra, used = self._number(None, bad_rows[taken:], line, row, extra)
                yield chunk

    def _number(
        self, batch: pa.RecordBatch | None, refused: list[tuple[int, int, str]], line: int, row: int, extra: int
    ) -> tuple[Chunk, int, int, int]:
        """Give each row its line: rows so far, bad rows between, and line breaks inside cells."""
        n = batch.num_rows if batch is not None else 0
        # Rows are numbered from 1 with the bad ones: fill the gaps they leave.
        gaps = np.array([number for number, _, _ in refused], dtype=np.int64)
        good = np.arange(row + 1, row + n + 1, dtype=np.int64)
        used = 0
        for number in gaps:  # few, as a file of bad rows is refused
            if batch is not None and number > row + n + used:
                break
            used += 1
        inside = gaps[:used]
        if used:
            order = np.sort(inside)
            # The k-th good row stands behind all bad rows with a number not above its own.
            shifted = np.setdiff1d(np.arange(row + 1, row + n + used + 1, dtype=np.int64), order, assume_unique=True)
            good = shifted[:n]
        breaks = np.zeros(n, np.int64)
        if batch is not None and self.survey.broken_cells:
            for column in batch.columns:
                counted = pc.count_substring(column, "\n")
                if pc.any(pc.greater(counted, 0)).as_py():
                    breaks += counted.to_numpy(zero_copy_only=False)
        bad_breaks = np.array([text.rstrip("\n").count("\n") for _, _, text in refused[:used]], dtype=np.int64)
        every = np.concatenate([good, inside])
        order = np.argsort(every, kind="stable")
        step = np.concatenate([breaks, bad_breaks])[order]
        before = np.empty(len(every), np.int64)
        before[order] = extra + np.concatenate([[0], np.cumsum(step)[:-1]]) if len(every) else 0
        lines = line - 1 + every + before
        bad = tuple(
            Bad(int(at), None, None, f"{count} cells where the header has {self.width}", text.rstrip("\r\n")[:4000])
            for at, (_, count, text) in zip(lines[n:], refused[:used], strict=True)
            if text.strip()
        )
        blank = used - len(bad)
        chunk = self._chunk(lines[:n], list(batch.columns) if batch is not None else None, bad, blank)
        return chunk, row + n + used, extra + int(step.sum()), used

    def _chunk(
        self, lines: np.ndarray[Any, np.dtype[np.int64]], arrays: list[pa.Array] | None, bad: tuple[Bad, ...], blank: int
    ) -> Chunk:
        if arrays is None:
            empty = pa.array([], pa.string())
            return Chunk(lines, dict.fromkeys(self.names, empty), bad=bad, blank=blank)
        if self.pads:
            arrays = [arrays[0], *(pc.utf8_ltrim(array, " ") for array in arrays[1:])]
        blank_rows = _all_blank(arrays)
        if blank_rows is not None:
            keep = pa.array(~blank_rows)
            arrays = [array.filter(keep) for array in arrays]
            lines = lines[~blank_rows]
            blank += int(blank_rows.sum())
        if not self.survey.utf8:
            arrays, lines, more = self._undecoded(arrays, lines)
            bad += more
        columns = {
            name: array.dictionary_encode() if repeats(array) else array for name, array in zip(self.names, arrays, strict=True)
        }
        return Chunk(lines, columns, bad=bad, blank=blank)

    def _undecoded(self, arrays: list[pa.Array], lines: Any) -> tuple[list[pa.Array], Any, tuple[Bad, ...]]:
        """Rows with bytes that the encoding does not have are set apart."""
        broken = np.zeros(len(lines), np.bool_)
        for array in arrays:
            broken |= pc.match_substring(array, "\ufffd").to_numpy(zero_copy_only=False)
        if not broken.any():
            return arrays, lines, ()
        bad = []
        for at in np.flatnonzero(broken):
            row = [array[int(at)].as_py() for array in arrays]
            index, value = next((i, cell) for i, cell in enumerate(row) if "\ufffd" in cell)
            bad.append(
                Bad(int(lines[at]), self.names[index], value, f"bytes that {self.encoding} does not have", self.delimiter.join(row))
            )
        keep = pa.array(~broken)
        return [array.filter(keep) for array in arrays], lines[~broken], tuple(bad)

    def _never_closed(self, near: int) -> DataError:
        return DataError(
            "a quote that is opened and never closed swallows the rows behind it",
            place=Place(self.location, near, 1),
            hint='write a quote inside a cell twice (""), or take it out',
        )


class _Guarded(io.RawIOBase):
    """Passes bytes on; Arrow closes what it is given, and the file is closed elsewhere."""

    def __init__(self, stream: BinaryIO):
        self.stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.stream.read(size)


def _read_line(stream: BinaryIO, carriage_only: bool) -> bytes:
    if not carriage_only:
        return stream.readline()
    out = bytearray()
    while byte := stream.read(1):
        out += byte
        if byte == b"\r":
            break
    return bytes(out)


def _all_blank(arrays: list[pa.Array]) -> Any:
    """Which rows have nothing in any cell, or None when there are none."""
    blank = None
    for array in arrays:
        here = pc.equal(pc.binary_length(array), 0)
        blank = here if blank is None else pc.and_(blank, here)
        if not pc.any(blank).as_py():
            return None
    return blank.to_numpy(zero_copy_only=False) if blank is not None else None


def _pads(rows: list[tuple[int, list[str]]], first_line: int) -> bool:
    """Whether every cell but the first of a row begins with a blank, as `a, b, c` is written."""
    rest = [cell for line, row in rows if line >= first_line for cell in row[1:] if cell]
    return len(rest) > 0 and all(cell.startswith(" ") for cell in rest) and any(cell.strip() for cell in rest)


def _backslash(text: str, delimiter: str) -> str | None:
    """`\\` where quotes inside quoted cells are written `\\"`, as databases export them."""
    if '\\"' not in text:
        return None
    plain = Counter(len(row) for _, row in rows_of(text, delimiter) if row)
    escaped = Counter(len(row) for _, row in rows_of(text, delimiter, "\\") if row)
    return "\\" if len(escaped) < len(plain) else None


def _open(location: str, options: ReadOptions) -> CsvReader:
    return CsvReader(location, options)


KIND = Kind("csv", _open, endings=(".csv", ".tsv", ".tab", ".txt", ".psv"))
