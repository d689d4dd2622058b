"""An engine whose tables and views are all temporary, and gone at the end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine, Query
from coterie.engine.folding import Folded
from coterie.engine.scans import Scan


class Scratch:
    """Another engine, with everything made through this one temporary. Leaving the `with` drops it all."""

    def __init__(self, engine: Engine):
        self.engine, self.dialect, self.version = engine, engine.dialect, engine.version
        self.made: dict[str, None] = {}

    def text(self, query: Query) -> str:
        return self.engine.text(query)

    def create(self, table: str, query: Query, about: str = "", *, temporary: bool = True) -> None:
        self.engine.create(table, query, about, temporary=temporary)
        self.made[table] = None

    def view(self, name: str, query: Query, *, temporary: bool = True) -> None:
        self.engine.view(name, query, temporary=temporary)
        self.made[name] = None

    def parquet(
        self,
        name: str,
        paths: Sequence[Path],
        *,
        temporary: bool = True,
        file: str | None = None,
        sorted_by: Sequence[str] = (),
    ) -> None:
        self.engine.parquet(name, paths, temporary=temporary, file=file, sorted_by=sorted_by)
        self.made[name] = None

    def register(self, table: str, data: pa.Table, *, temporary: bool = True) -> None:
        self.engine.register(table, data, temporary=temporary)
        self.made[table] = None

    def numbered(self, table: str, query: Query, order: str, name: str, first: int = 0) -> None:
        self.engine.numbered(table, query, order, name, first)
        self.made[table] = None

    def drop(self, table: str) -> None:
        self.engine.drop(table)
        self.made.pop(table, None)

    def fetch(self, query: Query, about: str = "") -> pa.Table:
        return self.engine.fetch(query, about)

    def batches(self, query: Query, about: str = "", *, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        return self.engine.batches(query, about, rows=rows)

    def rows(self, query: Query, about: str = "") -> list[tuple[object, ...]]:
        return self.engine.rows(query, about)

    def write_parquet(self, query: Query, path: Path, about: str = "") -> int:
        return self.engine.write_parquet(query, path, about)

    def schema(self, query: Query) -> Mapping[str, str]:
        return self.engine.schema(query)

    def foreseen(self, queries: Sequence[exp.Expression]) -> AbstractContextManager[None]:
        return self.engine.foreseen(queries)

    def foldable(self, query: exp.Expression) -> Scan | None:
        return self.engine.foldable(query)

    def folded(self, scan: Scan) -> Folded | None:
        return self.engine.folded(scan)

    def finish(self) -> None:
        self.engine.finish()

    def close(self) -> None:
        for name in reversed(list(self.made)):
            self.drop(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
