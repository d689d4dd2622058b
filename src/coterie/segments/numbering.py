"""One number for each customer, for good: what the record says of a customer it says of the number.

The ids stand in one place only, `customers/*.parquet`; whoever must forget a customer forgets the id there.
"""

from pathlib import Path

import apsw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coterie.segments.state import Numbers

TABLE = "CREATE TABLE customer_files (file TEXT PRIMARY KEY, first INTEGER NOT NULL, rows INTEGER NOT NULL) WITHOUT ROWID;"
FOLDER = "customers"


class Numbering:
    """The numbers of customers in a record.

    New numbers are given at once and written to a file; they hold from when `keep` names that file in the record's own
    transaction. What was written and never kept is written over.
    """

    def __init__(self, folder: Path, connection: apsw.Connection):
        self.folder, self.connection = folder / FOLDER, connection
        self.ids = self._read()
        self.kept = len(self.ids)

    def _read(self) -> pa.StringArray:
        files = [str(f) for (f,) in self.connection.execute("SELECT file FROM customer_files ORDER BY first")]
        parts = [pq.read_table(self.folder / f).column("customer").combine_chunks() for f in files]
        return pa.concat_arrays(parts) if parts else pa.array([], pa.string())

    def __len__(self) -> int:
        return len(self.ids)

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

    def write(self) -> Path | None:
        """Write the new customers, if any, to a file, which counts for nothing before `keep`."""
        if len(self.ids) == self.kept:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / self._name()
        pq.write_table(pa.table({"customer": self.ids[self.kept :]}), file, compression="zstd")
        return file

    def keep(self) -> None:
        """Name what was written in the record, inside the caller's transaction."""
        if len(self.ids) > self.kept:
            row = (self._name(), self.kept, len(self.ids) - self.kept)
            self.connection.execute("INSERT INTO customer_files VALUES (?, ?, ?)", row)
            self.kept = len(self.ids)

    def _name(self) -> str:
        return f"{self.kept:010d}.parquet"
