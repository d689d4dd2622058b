"""An engine for tests that keeps events as a run does, sorted in Parquet, so that their scans are folded."""

import tempfile
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from coterie.engine.duckdb import DuckDB
from coterie.traits.batch import KEY, ORDER, SORTED

ROWS = 3
"""Rows in a row group: few, so that customers lie over several."""


class SortedEvents(DuckDB):
    """DuckDB, where tables of events that are registered lie sorted in small row groups and every scan is folded that can be."""

    def __init__(self, threads: int = 1, rows: int = ROWS):
        super().__init__(threads=threads, fold_from=0)
        self.folder = tempfile.TemporaryDirectory(prefix="coterie-sorted-")
        self.size, self.numbers = rows, count()

    def register(self, table: str, data: pa.Table, *, temporary: bool = False) -> None:
        if not {KEY, ORDER} <= set(data.column_names):
            return super().register(table, data, temporary=temporary)
        path = Path(self.folder.name) / f"{next(self.numbers)}.parquet"
        ordered = data.sort_by([(KEY, "ascending"), (ORDER, "ascending")])
        pq.write_table(ordered, path, row_group_size=self.size)
        self.parquet(table, [path], temporary=temporary, sorted_by=SORTED)
        return None

    def close(self) -> None:
        super().close()
        self.folder.cleanup()
