"""Rows that lie sorted in Parquet files: of one file, or of a large one and a small one that is merged into it as it is read.

Sorted rows are rewritten as a whole only now and then; what came since lies in a small file beside them. Whoever asks for
rows in their order gets those of both, chunk by chunk of the large file.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Lock, local

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coterie.engine.folding import Integers, NotFolded, integers


class ParquetRows:
    """The row groups of a Parquet file."""

    def __init__(self, path: Path):
        self.path = path
        self.metadata = pq.read_metadata(path)
        self.file_schema = self.metadata.schema.to_arrow_schema()
        self.names = {self.metadata.schema.column(i).path: i for i in range(self.metadata.num_columns)}
        self.open = local()

    @cached_property
    def schema(self) -> Mapping[str, pa.DataType]:
        return {f.name: f.type for f in self.file_schema}

    @property
    def chunks(self) -> int:
        return int(self.metadata.num_row_groups)

    @property
    def rows(self) -> int:
        return int(self.metadata.num_rows)

    def most(self, column: str) -> int:
        """How many different values an integer column can have, as far as is known."""
        spans = [self.span(i, column) for i in range(self.chunks)]
        known = [s for s in spans if s is not None]
        return min(self.rows, max(b for _, b in known) - min(a for a, _ in known) + 1) if known else self.rows

    @cached_property
    def dictionaries(self) -> list[str]:
        """Text that the file keeps as dictionaries."""
        if not self.chunks:
            return []
        first = self.metadata.row_group(0)
        texts = [name for name, type_ in self.schema.items() if pa.types.is_string(type_) and name in self.names]
        return [name for name in texts if any("DICTIONARY" in e for e in first.column(self.names[name]).encodings)]

    def read(self, chunk: int, columns: Sequence[str]) -> pa.Table:
        if not hasattr(self.open, "file"):
            self.open.file = pq.ParquetFile(self.path, metadata=self.metadata, read_dictionary=self.dictionaries, pre_buffer=False)
        table = self.open.file.read_row_group(chunk, columns=columns, use_threads=False)
        if any(c.num_chunks != 1 for c in table.columns):
            table = table.unify_dictionaries().combine_chunks()
        return table

    def span(self, chunk: int, column: str) -> tuple[int, int] | None:
        stats = self.metadata.row_group(chunk).column(self.names[column]).statistics
        if stats is None or not stats.has_min_max or not stats.has_null_count or stats.null_count:
            return None
        low, high = stats.min_raw, stats.max_raw
        return (low, high) if isinstance(low, int) and isinstance(high, int) else None

    def rises(self, column: str) -> bool:
        """Whether the row groups follow each other in the order of a column, as far as is known of them."""
        spans = [self.span(i, column) for i in range(self.chunks)]
        return all(a is not None and b is not None and a[1] <= b[0] for a, b in pairwise(spans))


class MergedRows:
    """The rows of a large file with those of a small one among them, each where it belongs.

    The chunks are those of the large file. The columns of the small one are held in memory once they were asked for.

    Args:
        large, small: files with the same columns.
        key, order: by which the rows of both lie sorted; `order` grows over the whole of the large file.

    Raises:
        NotFolded: the large file does not say where its row groups begin and end, or they do not follow each other.
    """

    def __init__(self, large: ParquetRows, small: ParquetRows, key: str, order: str):
        self.large, self.small, self.key, self.order = large, small, key, order
        self.held: dict[str, pa.Array] = {}
        self.holding = Lock()
        self.before: dict[int, Integers] = {}
        self.bounds = self.shared_out()

    @property
    def schema(self) -> Mapping[str, pa.DataType]:
        return self.large.schema

    @property
    def chunks(self) -> int:
        return self.large.chunks

    @property
    def rows(self) -> int:
        return self.large.rows + self.small.rows

    def most(self, column: str) -> int:
        """How many different values an integer column can have, as far as is known."""
        return self.large.most(column) + self.small.most(column)

    def shared_out(self) -> Integers:
        """Where the small file's rows for each chunk begin, and where they end."""
        spans = [(self.large.span(i, self.key), self.large.span(i, self.order)) for i in range(self.chunks)]
        told = [(key, order) for key, order in spans if key is not None and order is not None]
        rising = self.large.rises(self.key) and self.large.rises(self.order)
        if not rising or not told or len(told) < len(spans):
            raise NotFolded(f"the rows do not lie sorted by {self.key} and {self.order}")
        lows, highs, begins = (np.array(ends) for ends in zip(*((*key, order[0]) for key, order in told), strict=True))
        keys, orders = self.values(self.key), self.values(self.order)
        first, last = np.searchsorted(highs, keys, "left"), np.searchsorted(lows, keys, "right") - 1
        # A group may lie over several chunks: then the order tells.
        chunk = np.where(first < last, np.clip(np.searchsorted(begins, orders, "right") - 1, first, last), np.maximum(last, 0))
        return np.searchsorted(chunk, np.arange(self.chunks + 1))

    def column(self, name: str) -> pa.Array:
        """A column of the small file in one piece, stored as the large file's."""
        with self.holding:
            if name not in self.held:
                read = pq.read_table(self.small.path, columns=[name], read_dictionary=self.large.dictionaries, use_threads=False)
                pieces = read.unify_dictionaries().column(name).chunks
                self.held[name] = pa.concat_arrays(pieces) if pieces else pa.array([], read.schema.field(name).type)
            return self.held[name]

    def values(self, name: str) -> Integers:
        return integers(self.column(name))[0]

    def read(self, chunk: int, columns: Sequence[str]) -> pa.Table:
        start, stop = self.bounds[chunk], self.bounds[chunk + 1]
        if start == stop:
            return self.large.read(chunk, columns)
        placing = chunk not in self.before
        table = self.large.read(chunk, sorted({*columns, self.key, self.order}) if placing else columns)
        if placing:
            self.before[chunk] = self.places(table, slice(start, stop))
        before, n = self.before[chunk], table.num_rows
        taken = np.insert(np.arange(n), before, np.arange(n, n + stop - start))
        small = pa.table({name: self.column(name)[start:stop] for name in columns})
        both = pa.concat_tables([table.select(columns), small.cast(table.select(columns).schema)])
        return both.unify_dictionaries().combine_chunks().take(pa.array(taken))

    def places(self, table: pa.Table, rows: slice) -> Integers:
        """Before which rows of a chunk some rows of the small file belong."""
        key, order = (integers(table.column(name).chunk(0))[0] for name in (self.key, self.order))
        keys, orders = self.values(self.key)[rows], self.values(self.order)[rows]
        first, last = np.searchsorted(key, keys, "left"), np.searchsorted(key, keys, "right")
        return np.clip(np.searchsorted(order, orders), first, last)

    def span(self, chunk: int, column: str) -> tuple[int, int] | None:
        large, start, stop = self.large.span(chunk, column), self.bounds[chunk], self.bounds[chunk + 1]
        if large is None or start == stop:
            return large
        values, known = integers(self.column(column)[start:stop])
        return None if known is not None else (min(large[0], int(values.min())), max(large[1], int(values.max())))
