"""One number for each customer, for good: what the record says of a customer it says of the number.

The ids stand in one place only, `customers/*.parquet`; whoever must forget a customer forgets the id there.
"""

from functools import cached_property
from pathlib import Path

import apsw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coterie.engine.written import clear_away
from coterie.segments.state import Numbers

TABLE = "CREATE TABLE customer_files (file TEXT PRIMARY KEY, first INTEGER NOT NULL, rows INTEGER NOT NULL) WITHOUT ROWID;"
FOLDER = "customers"


class Numbering:
    """The numbers of customers in a record: the n-th customer that it ever met has n, from 0 on.

    New numbers are given at once and written to a file; they hold from when `keep` names that file in the record's own
    transaction. What was written and never kept is written over.
    """

    def __init__(self, folder: Path, connection: apsw.Connection):
        self.folder, self.connection = folder / FOLDER, connection
        self.kept = sum(rows for _, rows in self._named())
        self.added = 0
        """New customers that a cluster has written."""

    def _named(self) -> list[tuple[str, int]]:
        """The files in the order of their numbers, each with its rows."""
        return [(str(f), int(str(n))) for f, n in self.connection.execute("SELECT file, rows FROM customer_files ORDER BY first")]

    @property
    def files(self) -> list[Path]:
        """Parquet of `number` and `customer`, one file a run that met new ones; a cluster's are folders."""
        return [*(self.folder / file for file, _ in self._named()), *([self.next_file] if self.added else [])]

    @cached_property
    def ids(self) -> pa.StringArray:
        parts = [pq.read_table(file).sort_by("number").column("customer").combine_chunks() for file in self.files]
        return pa.concat_arrays(parts) if parts else pa.array([], pa.string())

    def __len__(self) -> int:
        return len(self.ids) if "ids" in self.__dict__ else self.kept + self.added

    def of(self, ids: pa.StringArray) -> Numbers:
        """The numbers of some customers; those who have none get the next ones, in the order of their ids."""
        places = pc.index_in(ids, value_set=self.ids)
        if places.null_count:
            new = pc.unique(ids.filter(pc.is_null(places)))
            self.ids = pa.concat_arrays([self.ids, new.take(pc.sort_indices(new))])
            places = pc.index_in(ids, value_set=self.ids)
        return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.int64)

    def find(self, customer: str) -> int | None:
        """The number of a customer; None where there never was one."""
        place = pc.index(self.ids, pa.scalar(customer, pa.string())).as_py()
        return None if place < 0 else int(place)

    @property
    def next_file(self) -> Path:
        """Where new customers are written, which counts for nothing before `keep`."""
        return self.folder / f"{self.kept:010d}.parquet"

    def write(self) -> Path | None:
        """Write the new customers, if any, to a file; a cluster has written its own."""
        if len(self) == self.kept:
            return None
        if not self.added:
            self.folder.mkdir(parents=True, exist_ok=True)
            clear_away(self.next_file)
            pq.write_table(numbered(self.ids[self.kept :], self.kept), self.next_file, compression="zstd")
        return self.next_file

    def keep(self) -> None:
        """Name what was written in the record, inside the caller's transaction."""
        if len(self) > self.kept:
            row = (self.next_file.name, self.kept, len(self) - self.kept)
            self.connection.execute("INSERT INTO customer_files VALUES (?, ?, ?)", row)
            self.kept, self.added = len(self), 0


def numbered(ids: pa.StringArray, first: int) -> pa.Table:
    """Customers with their numbers, from `first` on."""
    return pa.table({"number": pa.array(np.arange(first, first + len(ids))), "customer": ids})


def written_down(connection: apsw.Connection, folder: Path) -> None:
    """To form 3 of the history: files of customers say the numbers, which had been the places of their rows."""
    for file, first in connection.execute("SELECT file, first FROM customer_files"):
        path = folder / FOLDER / str(file)
        pq.write_table(numbered(pq.read_table(path).column("customer"), int(str(first))), path, compression="zstd")
