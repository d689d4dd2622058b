"""What an engine can do: make tables, answer queries, write Parquet. Everything above speaks to this and to nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import pyarrow as pa
from sqlglot import exp

from coterie.engine.folding import Folded
from coterie.engine.scans import Scan

Query = exp.Expression | str
Batches = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Engine(Protocol):
    """A place where SQL runs. Queries are SQLGlot trees, generated in the engine's own dialect (or text already in it).

    Every method raises `EngineError` with the step, the SQL and the engine's words.
    """

    dialect: str

    @property
    def version(self) -> str:
        """The engine and its version: what it works out for itself (a hash, say) is understood by no other."""

    def text(self, query: Query) -> str:
        """The query in this engine's words."""

    def create(self, table: str, query: Query, about: str = "", *, temporary: bool = False) -> None:
        """Make a table of what a query gives; replaces one of that name. A temporary one is gone with the engine."""

    def view(self, name: str, query: Query, *, temporary: bool = False) -> None:
        """Make a view; replaces one of that name."""

    def parquet(
        self,
        name: str,
        paths: Sequence[Path],
        *,
        temporary: bool = False,
        file: str | None = None,
        sorted_by: Sequence[str] = (),
    ) -> None:
        """Make a view of Parquet files that have the same columns (by name; a column missing in one is NULL there).

        `file`: the name of a column to add, which holds the path of each row's file. `sorted_by`: columns by which the
        rows of each file were written sorted; an engine may make use of that where it finds it true.
        """

    def register(self, table: str, data: pa.Table, *, temporary: bool = False) -> None:
        """Make a table of rows held in memory."""

    def numbered(self, table: str, query: Query, order: str, name: str, first: int = 0) -> None:
        """Make a temporary table of the rows of a query with their place in the order of a column, from `first` on."""

    def drop(self, table: str) -> None:
        """Drop a table or view, if it is there."""

    def fetch(self, query: Query, about: str = "") -> pa.Table:
        """All rows of a query, in memory."""

    def batches(self, query: Query, about: str = "", *, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The rows of a query, some at a time, so that memory stays flat: at least one batch, which says what columns there are.

        Nothing else may be asked of the engine before the last batch is taken.
        """

    def rows(self, query: Query, about: str = "") -> list[tuple[object, ...]]:
        """All rows of a small query as Python values."""

    def write_parquet(self, query: Query, path: Path, about: str = "") -> int:
        """Write what a query gives to one Parquet file (never half a file); returns the number of rows."""

    def schema(self, query: Query) -> Mapping[str, str]:
        """The columns of a query and their types as this engine names them."""

    def foreseen(self, queries: Sequence[exp.Expression]) -> AbstractContextManager[None]:
        """Say which queries are about to be asked, for an engine that can make use of that."""

    def foldable(self, query: exp.Expression) -> Scan | None:
        """The grouped scan that a query is, where this engine can fold it."""

    def folded(self, scan: Scan) -> Folded | None:
        """What such a scan folds to, without a table made of it; None where it must be asked as a query after all."""

    def finish(self) -> None:
        """Close, with everything written to where it stays; what `close` could not write it would not tell."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


@runtime_checkable
class Interruptible(Protocol):
    """An engine whose queries can be ended before they are done."""

    def interrupt(self) -> None:
        """From another thread: end the query that runs, which raises `EngineError`; nothing happens where none does."""


@runtime_checkable
class Cluster(Engine, Protocol):
    """An engine whose rows lie elsewhere: what grows with customers or events is worked out there and never comes here."""

    def mapped(
        self, table: str, query: Query, function: Batches, schema: pa.Schema, about: str = "", *, temporary: bool = False
    ) -> None:
        """Make a table of what a function makes of the rows of a query, where the rows are.

        Args:
            function: takes some of the rows, batch by batch, and gives batches; it is sent to other processes, each of which
                sees other rows.
            schema: of what it gives.
        """

    def take_over(self, table: str, other: "Cluster", query: Query) -> None:
        """Make a temporary table of what a query of another engine of the same cluster gives."""

    def may_be_large(self) -> None:
        """Say that what is asked from now on may be of any size, which the engine does not see by itself."""
