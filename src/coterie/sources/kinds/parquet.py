"""Parquet: a file or a folder of them. Its types are kept; a text stays text unless all of it is ISO dates."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coterie.core.errors import DataError
from coterie.sources.headers import named
from coterie.sources.kinds import Kind
from coterie.sources.kinds.csv import MOST_COLUMNS, file_hash, reading
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Chunk, Note, TextRule

ROWS = 1 << 18


class ParquetReader:
    """A Parquet file or a folder of them with one schema; see `coterie.sources.raw.Reader`."""

    kind = "parquet"
    rule: TextRule = "iso"
    blank_is_missing = False
    likely_decimal = "."
    cheap = True  # reading twice costs less than keeping the cells

    def __init__(self, location: str, options: ReadOptions):
        self.location, self.options = location, options
        path = Path(location)
        self.files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not self.files:
            raise DataError(f"the folder {location} holds no .parquet file", hint="name a file or another folder")
        self._notes: list[Note] = []
        self.schema = self._schema()
        self.flat = list(_flat(self.schema, self._notes))
        names, said = named([name for name, _ in self.flat], 0, location, MOST_COLUMNS)
        self._notes += [note for note in said if "has no name" not in note.text]
        self.columns = tuple(names)
        hashes = [file_hash(file) for file in self.files]
        self.content_hash = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def _open(self, file: Path) -> pq.ParquetFile:
        with reading(str(file)):
            if not file.stat().st_size:
                raise DataError(f"{file} is empty", hint="export it again")
        try:
            return pq.ParquetFile(file, coerce_int96_timestamp_unit="us")
        except (pa.ArrowException, OSError) as error:
            raise damaged(file, error) from None

    def _schema(self) -> pa.Schema:
        first: pa.Schema | None = None
        for file in self.files:
            with self._open(file) as parquet:
                try:
                    found = parquet.schema_arrow.remove_metadata()
                except (pa.ArrowException, ValueError) as error:
                    raise damaged(file, error) from None
            if first is None:
                first = found
            elif not found.equals(first):
                mine, theirs = dict(zip(first.names, first.types, strict=True)), dict(zip(found.names, found.types, strict=True))
                odd = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
                raise DataError(
                    f"{file} has other columns than {self.files[0]}: {', '.join(odd[:5]) or 'in another order'}",
                    hint="name the files by a pattern (folder/*.parquet), so that each is read by itself",
                )
        assert first is not None
        return first

    def chunks(self) -> Iterator[Chunk]:
        """The rows, in the order of the files; a row's line is its number."""
        row = first = self.options.first
        for file in self.files:
            with self._open(file) as parquet:
                batches = parquet.iter_batches(batch_size=ROWS)
                while True:
                    try:
                        batch = next(batches)
                        columns = self._columns(batch)
                    except StopIteration:
                        break
                    except (pa.ArrowException, OSError, ValueError) as error:
                        raise damaged(file, error) from None
                    yield Chunk(np.arange(row, row + batch.num_rows, dtype=np.int64), columns)
                    row += batch.num_rows
        if row == first:
            yield Chunk(np.zeros(0, np.int64), self._columns(pa.RecordBatch.from_pylist([], schema=self.schema)))

    def _columns(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {name: _plain(_at(batch, path)) for name, (_, path) in zip(self.columns, self.flat, strict=True)}


def damaged(file: Path, error: BaseException) -> DataError:
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{file} cannot be read as Parquet: {words}", hint="the file is damaged or no Parquet; write or copy it again")


def _flat(schema: pa.Schema, notes: list[Note]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The columns with the way to each: those of a struct become `struct.field`, deeper ones JSON text."""
    for index, field in enumerate(schema):
        if pa.types.is_struct(field.type) and field.type.num_fields:
            notes.append(Note(f"a struct: its {field.type.num_fields} fields are columns {field.name}.…", field.name))
            for inner in range(field.type.num_fields):
                yield f"{field.name}.{field.type.field(inner).name}", (index, inner)
        else:
            yield field.name, (index,)
        if pa.types.is_map(field.type) or _nested(field.type):
            notes.append(Note(f"{field.type} is kept as JSON text", field.name))


def _nested(type_: pa.DataType) -> bool:
    return bool((pa.types.is_list(type_) or pa.types.is_large_list(type_)) and pa.types.is_nested(type_.value_type))


def _at(batch: pa.RecordBatch, path: tuple[int, ...]) -> pa.Array:
    array = batch.column(path[0])
    return pc.struct_field(array, [path[1]]) if len(path) > 1 else array


def _plain(array: pa.Array) -> pa.Array:
    """A column in one of the types that are read further."""
    t = array.type
    if isinstance(t, pa.ExtensionType):
        array, t = array.storage, array.storage.type
    if pa.types.is_dictionary(t):
        if pa.types.is_string(t.value_type):
            return array
        return _plain(array.cast(t.value_type))
    if (
        pa.types.is_string(t)
        or pa.types.is_boolean(t)
        or pa.types.is_integer(t)
        or pa.types.is_floating(t)
        or pa.types.is_timestamp(t)
    ):
        return array.cast(pa.float32()) if pa.types.is_float16(t) else array
    if pa.types.is_date(t):
        return array.cast(pa.date32())
    if pa.types.is_decimal(t):
        return array
    if pa.types.is_large_string(t) or pa.types.is_string_view(t):
        return array.cast(pa.string())
    if pa.types.is_null(t):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t) or pa.types.is_binary_view(t):
        try:
            return array.cast(pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            return pa.array([None if v is None else v.hex() for v in array.to_pylist()], pa.string())
    if (pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_fixed_size_list(t)) and not pa.types.is_nested(
        t.value_type
    ):
        return distinct_lists(array)
    if pa.types.is_time(t):
        return array.cast(pa.string())
    if pa.types.is_duration(t):
        return array.cast(pa.int64())
    import json

    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()], pa.string())


def distinct_lists(array: pa.Array) -> pa.Array:
    """Lists of any scalar as lists of text, each without missing and repeated elements."""
    n = len(array)
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    parents = pc.list_parent_indices(array).to_numpy(zero_copy_only=False).astype(np.int64)
    values = pc.list_flatten(array)
    texts = values if pa.types.is_string(values.type) else values.cast(pa.string())
    valid = texts.is_valid().to_numpy(zero_copy_only=False)
    coded = texts.dictionary_encode()
    codes = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    key = parents * max(1, len(coded.dictionary)) + codes
    key[~valid] = -1
    _, first = np.unique(key, return_index=True)
    keep = np.zeros(len(key), np.bool_)
    keep[first] = True
    keep &= valid
    counts = np.bincount(parents[keep], minlength=n) if n else np.zeros(0, np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    kept: Any = texts.filter(pa.array(keep))
    missing = array.is_null()
    return pa.ListArray.from_arrays(pa.array(offsets), kept, mask=missing if n else None)


def _open(location: str, options: ReadOptions) -> ParquetReader:
    return ParquetReader(location, options)


KIND = Kind("parquet", _open, endings=(".parquet", ".pq", ".parq"), magic=(b"PAR1",))
