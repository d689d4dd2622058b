"""JSON Lines, or one JSON array: objects become rows, objects inside them `outer.inner` columns."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from coterie.core.errors import DataError
from coterie.core.place import Place
from coterie.sources.headers import Names
from coterie.sources.kinds import Kind
from coterie.sources.kinds.csv import LONGEST, MOST_COLUMNS, file_hash, reading
from coterie.sources.options import ReadOptions
from coterie.sources.packed import open_binary
from coterie.sources.raw import Bad, Cell, Chunk, Note, TextRule

ROWS = 20_000
DEEPEST = 8  # objects in objects that become columns; deeper ones are JSON text
MOST_KEYS = 256
NESTING = 32  # brackets in brackets, looked at before anything is parsed
ARRAY_LIMIT = 1 << 30
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Number(str):
    """A JSON number with a point or an exponent, as it is written."""

    __slots__ = ()


class Whole(str):
    """A JSON whole number, as it is written."""

    __slots__ = ()


class Refused(ValueError):
    """A row that is no row; the text says why."""


def _refuse_constant(text: str) -> NoReturn:
    raise Refused(f"{text} is not a number that JSON has")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Refused(f"the key {key!r} stands twice")
            seen.add(key)
    return out


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=Number, parse_int=Whole, parse_constant=_refuse_constant)


def depth_of(data: bytes) -> int:
    """How deep brackets stand in brackets, found without parsing."""
    if data.count(b"{") + data.count(b"[") <= NESTING:
        return 0
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", data):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def cell_of(value: Any) -> tuple[str | None, int]:
    """A Python value as text and what it was: for JSON, workbooks and databases alike."""
    match value:
        case None:
            return None, Cell.MISSING
        case Whole():
            return str.__str__(value), Cell.INTEGER
        case Number():
            return str.__str__(value), Cell.NUMBER
        case str():
            return value, Cell.TEXT
        case bool():
            return ("true" if value else "false"), Cell.BOOLEAN
        case int():
            return (str(value), Cell.INTEGER) if abs(value) < 10**4000 else ("1" + "0" * 40, Cell.INTEGER)
        case float():
            if value != value:
                return None, Cell.MISSING
            if value in (float("inf"), float("-inf")):
                return str(value), Cell.TEXT
            return (str(int(value)), Cell.INTEGER) if value.is_integer() and abs(value) < 1e15 else (repr(value), Cell.NUMBER)
        case Decimal():
            return _decimal(value)
        case datetime():
            return value.isoformat(sep=" "), Cell.TIME
        case date():
            return value.isoformat(), Cell.TIME
        case time():
            return value.isoformat(), Cell.TEXT
        case timedelta():
            return str(value), Cell.TEXT
        case list() | tuple() | set() | frozenset():
            items = list(value)
            if any(isinstance(item, dict | list) for item in items):
                return json.dumps(_unwrapped(items), ensure_ascii=False, default=str), Cell.TEXT
            return json.dumps([_plain(item) for item in items], ensure_ascii=False, default=str), Cell.LIST
        case dict():
            return json.dumps(_unwrapped(value), ensure_ascii=False, default=str), Cell.TEXT
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex(), Cell.TEXT
        case _:
            return str(value), Cell.TEXT


def _unwrapped(value: Any) -> Any:
    """A value with its numbers as numbers, to be written as JSON again."""
    match value:
        case Whole():
            return int(value) if len(value) < 1000 else str(value)
        case Number():
            return float(value)
        case dict():
            return {str(key): _unwrapped(item) for key, item in value.items()}
        case list():
            return [_unwrapped(item) for item in value]
        case _:
            return value


def _plain(item: Any) -> Any:
    return item if item is None or isinstance(item, bool) else str(item)


def _decimal(value: Decimal) -> tuple[str | None, int]:
    if value.is_nan():
        return None, Cell.MISSING
    if value.is_infinite():
        return str(value), Cell.TEXT
    if value == value.to_integral_value() and int(value.as_tuple().exponent) >= 0:
        return str(int(value)), Cell.INTEGER
    return format(value, "f"), Cell.NUMBER


Row = dict[str, tuple[str | None, int]]
_NOTHING = (None, int(Cell.MISSING))


class Table:
    """Gathers rows of named cells into a chunk; columns may join at any row."""

    def __init__(self, columns: dict[str, None]):
        self.columns = columns  # their names, in order; shared by all chunks of a file
        self.rows: list[Row] = []
        self.lines: list[int] = []
        self.bad: list[Bad] = []
        self.blank = 0

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, line: int, row: Row) -> None:
        self.lines.append(line)
        self.rows.append(row)

    def chunk(self) -> Chunk:
        columns, kinds = {}, {}
        for name in self.columns:
            cells = [row.get(name, _NOTHING) for row in self.rows]
            columns[name] = _strings([text for text, _ in cells])
            kinds[name] = np.array([kind for _, kind in cells], dtype=np.int8)
        return Chunk(np.array(self.lines, dtype=np.int64), columns, kinds, tuple(self.bad), self.blank)


def _strings(texts: list[str | None]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except (UnicodeEncodeError, pa.ArrowException):  # a lone surrogate
        return pa.array([None if t is None else _SURROGATE.sub("\ufffd", t) for t in texts], pa.string())


_AS_IT_IS: dict[type, int] = {str: int(Cell.TEXT), Whole: int(Cell.INTEGER), Number: int(Cell.NUMBER)}


def flatten(value: dict[str, Any], out: Row, path: str = "", depth: int = 1) -> int:
    """Objects in objects as `outer.inner`.

    Returns:
        How many cells were put into `out`; fewer than that in it means that a name stood twice.
    """
    found = 0
    for key, item in value.items():
        name = f"{path}{key}" if path else key
        kind = _AS_IT_IS.get(type(item))
        if kind is not None:
            out[name] = item, kind
        elif type(item) is dict and depth < DEEPEST:
            found += flatten(item, out, f"{name}.", depth + 1) - 1
        else:
            out[name] = cell_of(item)
        found += 1
    return found


class JsonReader:
    """JSON Lines or a JSON array; see `coterie.sources.raw.Reader`."""

    kind = "jsonl"
    rule: TextRule = "iso"
    blank_is_missing = False
    likely_decimal = "."

    def __init__(self, location: str, options: ReadOptions):
        self.location, self.options = location, options
        self.path = Path(location)
        self.naming = Names()
        self.names: dict[str, None] = {}
        self.called: dict[str, str] = {}  # key → the name of its column
        with reading(location):
            if self.path.is_dir():
                raise DataError(f"{location} is a folder", hint="name a file, or a pattern such as visits/*.jsonl")
            self.content_hash = file_hash(self.path)
            with open_binary(self.path, self.options) as file:
                self.head = file.read(1 << 16)
        if not self.head.strip():
            raise DataError(f"{location} is empty", hint="export it again")
        self.codec = "utf-16" if self.head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.names)

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self.naming.notes)

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in the order of the file."""
        self.names, self.called, self.naming = {}, {}, Names()
        called = self.called
        table = Table(self.names)
        with reading(self.location):
            for line, value, raw in self._values():
                if isinstance(value, Refused):
                    table.bad.append(Bad(line, None, None, str(value), raw[:4000]))
                elif not isinstance(value, dict):
                    table.bad.append(Bad(line, None, None, "not a JSON object", raw[:4000]))
                else:
                    cells: Row = {}
                    found = flatten(value, cells)
                    if found != len(cells) or found > MOST_KEYS:
                        why = "a key stands twice" if found != len(cells) else f"more than {MOST_KEYS} keys in one row"
                        table.bad.append(Bad(line, None, None, why, raw[:4000]))
                        continue
                    row = {called.get(key) or self._call(key): cell for key, cell in cells.items()}
                    table.add(line, row)
                    if len(self.names) > MOST_COLUMNS:
                        raise DataError(
                            f"{self.location} has more than {MOST_COLUMNS:,} different keys",
                            place=Place(self.location, line, 1),
                            hint="keys that are data (ids, dates) belong into values",
                        )
                if len(table) >= ROWS or len(table.bad) >= ROWS:
                    yield table.chunk()
                    table = Table(self.names)
        yield table.chunk()

    def _call(self, key: str) -> str:
        """The name of the column for a key that has not been met before."""
        name = self.called[key] = self.naming.add(_SURROGATE.sub("\ufffd", key))
        self.names[name] = None
        return name

    def _values(self) -> Iterator[tuple[int, Any, str]]:
        start = (
            self.head.decode("utf-16", "ignore")
            if self.codec == "utf-16"
            else self.head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        )
        first = start.lstrip()
        whole_file = first.startswith("[") or (first.startswith("{") and not _is_lines(first))
        yield from self._whole() if whole_file else self._lines()

    def _lines(self) -> Iterator[tuple[int, Any, str]]:
        with open_binary(self.path, self.options) as stream:
            file: Any = stream
            if self.codec == "utf-16":
                import io

                from coterie.sources.kinds.csv import Transcoded

                file = io.BufferedReader(Transcoded(stream, "utf-16"))
            number = 0
            while data := file.readline(LONGEST + 1):
                number += 1
                if len(data) > LONGEST:
                    raise DataError(
                        f"{self.location}:{number} is longer than {LONGEST >> 20} MB", hint="JSON Lines has one object on each line"
                    )
                if number == 1:
                    data = data.removeprefix(b"\xef\xbb\xbf")
                data = data.strip()
                if not data:
                    continue
                yield number, *_parse(data)

    def _whole(self) -> Iterator[tuple[int, Any, str]]:
        with open_binary(self.path, self.options) as file:
            data = file.read(ARRAY_LIMIT + 1)
        if len(data) > ARRAY_LIMIT:
            raise DataError(
                f"{self.location} is one JSON array of more than 1 GB", hint="write it as JSON Lines, one object on each line"
            )
        if depth_of(data) > NESTING:
            raise DataError(f"{self.location} nests deeper than {NESTING} levels", hint="write plainer objects")
        try:
            text = data.decode(self.codec)
        except UnicodeDecodeError as error:
            raise DataError(f"{self.location} is not UTF-8 (byte {error.start:,})", hint="save it as UTF-8") from None
        at, line, end = 0, 1, len(text)
        blank = re.compile(r"[\s,]*")
        opened = blank.match(text)
        at = opened.end() if opened else 0
        in_array = text[at] == "["
        at += in_array
        counted = 0
        while True:
            gap = blank.match(text, at)
            at = gap.end() if gap else at
            if at >= end or (in_array and text[at] == "]"):
                break
            line += text.count("\n", counted, at)
            counted = at
            try:
                value, stop = DECODER.raw_decode(text, at)
            except Refused as error:
                raise DataError(
                    f"{error}", place=Place(self.location, line, 1), hint="as JSON Lines such rows would be set apart one by one"
                ) from None
            except (ValueError, RecursionError) as error:
                words = getattr(error, "msg", str(error))
                where = getattr(error, "lineno", line)
                raise DataError(
                    f"not JSON: {words}",
                    place=Place(self.location, where, 1),
                    hint="write one object per line (JSON Lines) or one array of objects",
                ) from None
            if not in_array and isinstance(value, dict) and at == 0:
                lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
                if lists and stop >= len(text.rstrip()):
                    raise DataError(
                        f"{self.location} is one object; its rows seem to be under {lists[0]!r}",
                        hint=f"write that list alone, for example: jq -c '.{lists[0]}[]' {self.path.name} > rows.jsonl",
                    )
            yield line, value, text[at : min(stop, at + 4000)]
            at = stop


def _is_lines(text: str) -> bool:
    """Whether the first line is an object by itself."""
    first = text.split("\n", 1)[0].strip()
    return not first or first.endswith("}") or "\n" not in text


def _parse(data: bytes) -> tuple[Any, str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Refused("bytes that are not UTF-8"), data[:4000].decode("utf-8", "replace")
    if depth_of(data) > NESTING:
        return Refused(f"nested deeper than {NESTING} levels"), text
    try:
        value, end = DECODER.raw_decode(text)
    except Refused as error:
        return error, text
    except (ValueError, RecursionError) as error:
        return Refused(f"not JSON: {getattr(error, 'msg', error)}"), text
    if end != len(text):
        return Refused("more than one JSON value on the line"), text
    return value, text


def _open(location: str, options: ReadOptions) -> JsonReader:
    return JsonReader(location, options)


KIND = Kind("jsonl", _open, endings=(".jsonl", ".ndjson", ".json"))
