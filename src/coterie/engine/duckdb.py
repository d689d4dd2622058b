"""DuckDB, in process: one file of results, with limits on memory set and nothing ever downloaded."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock, local

import duckdb
import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import EngineError
from coterie.engine.engine import Query
from coterie.engine.failures import ROOM, UNEXPECTED, is_full
from coterie.engine.folding import Folded, NotFolded, fold
from coterie.engine.scans import Scan, recognised
from coterie.engine.sorted_files import MergedRows, ParquetRows
from coterie.engine.written import listed, put
from coterie.language.dialects.duckdb import DuckDB as Words

MEMORY = "70%"

FOLD_FROM = 100_000
"""Scans of fewer rows are left to DuckDB, which answers them at once."""

PACKED = "FORMAT parquet, COMPRESSION lz4_raw"
"""How rows are kept between runs: they are read far more often than written, and LZ4 is read in half the time that Zstandard
takes, for files two fifths larger."""

AHEAD = 600_000_000
"""Bytes of folded scans that are kept for queries that are still to come."""


class DuckDB:
    """The DuckDB engine.

    Args:
        path: a database file, or None for memory.
        read_only: open the file without the right to change it, beside other readers.
        threads, memory: limits; None leaves DuckDB's own number of threads and gives it most of the machine's memory.
        temp: a folder for what does not fit into memory.
        fold_from: grouped scans of sorted Parquet files are folded (see `folding`) from so many rows on; None for never.
    """

    dialect = "duckdb"
    version = f"duckdb {duckdb.__version__}"

    def __init__(
        self,
        path: Path | None = None,
        *,
        read_only: bool = False,
        threads: int | None = None,
        memory: str | None = None,
        temp: Path | None = None,
        fold_from: int | None = FOLD_FROM,
    ):
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "preserve_insertion_order": False,
            # Texts are packed by the plain dictionary: results are written a third faster and grow by some megabytes.
            "disabled_compression_methods": "dict_fsst,zstd",
            "memory_limit": memory or MEMORY,
        }
        if threads is not None:
            settings["threads"] = threads
        if temp is not None:
            settings["temp_directory"] = str(temp)
        try:
            self.connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=settings)
        except duckdb.Error as error:
            full = is_full(_words(error))
            raise EngineError(
                f"the results file {path} cannot be opened: {_words(error)}",
                code="E303" if full else "E302",
                hint=ROOM if full else "if another program writes to it, close that; else delete the file and run again",
            ) from error
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")
        self.threads = threads or os.cpu_count() or 1
        self.fold_from = fold_from
        self.sorted: dict[str, _Sorted] = {}
        self.ahead: list[Scan] = []
        self.ready: dict[Scan, Folded] = {}
        self.folds = 0
        self.conditions = _Conditions()

    def text(self, query: Query) -> str:
        return query if isinstance(query, str) else query.sql(dialect="duckdb")

    def execute(self, query: Query, about: str = "") -> duckdb.DuckDBPyConnection:
        sql = self.text(query)
        try:
            return self.connection.execute(sql)
        except (duckdb.Error, RecursionError) as error:
            raise _explained(error, about, sql) from error

    def create(self, table: str, query: Query, about: str = "", *, temporary: bool = False) -> None:
        self.sorted.pop(table, None)
        kind = "TEMP TABLE" if temporary else "TABLE"
        with self.folding(query) as asked:
            self.execute(f"CREATE OR REPLACE {kind} {_name(table)} AS {self.text(asked)}", about or f"make {table}")

    def view(self, name: str, query: Query, *, temporary: bool = False) -> None:
        self.sorted.pop(name, None)
        kind = "TEMP VIEW" if temporary else "VIEW"
        self.execute(f"CREATE OR REPLACE {kind} {_name(name)} AS {self.text(query)}", f"make {name}")

    def parquet(
        self,
        name: str,
        paths: Sequence[Path],
        *,
        temporary: bool = False,
        file: str | None = None,
        sorted_by: Sequence[str] = (),
    ) -> None:
        self.view(name, Words().files([listed(path) for path in paths], file), temporary=temporary)
        if sorted_by and file is None:
            self.sorted[name] = _Sorted(tuple(paths), tuple(sorted_by))

    def register(self, table: str, data: pa.Table, *, temporary: bool = False) -> None:
        self.connection.register("coterie_rows", data)
        try:
            self.create(table, "SELECT * FROM coterie_rows", temporary=temporary)
        finally:
            self.connection.unregister("coterie_rows")

    def lend(self, name: str, data: pa.Table) -> None:
        """Let queries read a table where it lies, in the place of one of this name before."""
        self.connection.register(name, data)

    def numbered(self, table: str, query: Query, order: str, name: str, first: int = 0) -> None:
        column, called = (exp.to_identifier(n, quoted=True).sql(dialect="duckdb") for n in (order, name))
        place = f"{first - 1} + row_number() OVER (ORDER BY {column})"
        numbered = f"SELECT *, CAST({place} AS BIGINT) AS {called} FROM ({self.text(query)})"  # noqa: S608
        self.create(table, numbered, f"number {table}", temporary=True)

    def drop(self, table: str) -> None:
        self.sorted.pop(table, None)
        named = exp.Literal.string(table).sql(dialect="duckdb")
        views = f"SELECT 1 FROM duckdb_views() WHERE view_name = {named} AND NOT internal"  # noqa: S608 - a quoted literal
        kind = "VIEW" if self.rows(views, f"drop {table}") else "TABLE"
        self.execute(f"DROP {kind} IF EXISTS {_name(table)}", f"drop {table}")

    def fetch(self, query: Query, about: str = "") -> pa.Table:
        with self.folding(query) as asked:
            sql = self.text(asked)
            try:
                return self.connection.sql(sql).to_arrow_table()
            except (duckdb.Error, RecursionError) as error:
                raise _explained(error, about, sql) from error

    def batches(self, query: Query, about: str = "", *, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        with self.folding(query) as asked:
            sql = self.text(asked)
            try:
                reader = self.connection.sql(sql).to_arrow_reader(rows)
                try:
                    none = True
                    for batch in reader:
                        none = False
                        yield batch
                    if none:
                        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
                finally:
                    reader.close()
            except (duckdb.Error, OSError, RecursionError) as error:
                raise _explained(error, about, sql) from error

    def rows(self, query: Query, about: str = "") -> list[tuple[object, ...]]:
        with self.folding(query) as asked:
            return self.execute(asked, about).fetchall()

    def write_parquet(self, query: Query, path: Path, about: str = "") -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-", suffix=".parquet")
        os.close(handle)
        target = exp.Literal.string(partial).sql(dialect="duckdb")
        try:
            with self.folding(query) as asked:
                done = self.execute(f"COPY ({self.text(asked)}) TO {target} ({PACKED})", about)
                row = done.fetchone()
            put(Path(partial), path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(partial).unlink()
            raise
        return int(row[0]) if row else 0

    def schema(self, query: Query) -> Mapping[str, str]:
        return {str(name): str(type_) for name, type_, *_ in self.rows(f"DESCRIBE {self.text(query)}")}

    def finish(self) -> None:
        self.execute("FORCE CHECKPOINT", "write the results to disk")
        self.close()

    def interrupt(self) -> None:
        self.connection.interrupt()

    def close(self) -> None:
        self.conditions.close()
        self.connection.close()

    # --- grouped scans of sorted rows

    @contextlib.contextmanager
    def foreseen(self, queries: Sequence[exp.Expression]) -> Iterator[None]:
        """Say which queries are about to be asked: their scans of the same rows are then folded together.

        The first of them that is asked has its scan folded in one pass with those of the following ones, as many as `AHEAD`
        has room for; each table is kept until its query is asked. So the same definitions as of many instants cost one
        decoding of the events, and little more for each instant. Queries that never come cost memory until the end.
        """
        self.ahead = [scan for query in queries for _, scan in self.scans(query)]
        try:
            yield
        finally:
            self.ahead, self.ready = [], {}

    @contextlib.contextmanager
    def folding(self, query: Query) -> Iterator[Query]:
        """The query with its scans of sorted rows replaced by queries over their folded primitives, which stand ready."""
        found = self.scans(query)
        tables = {number: folded.table() for number, scan in found if (folded := self.folded(scan)) is not None}
        if isinstance(query, str) or not tables:
            yield query
            return
        scans, asked, names = dict(found), query.copy(), []
        try:
            for number, select in enumerate(list(asked.find_all(exp.Select))):
                if number not in tables:
                    continue
                names.append(f"coterie_folded_{self.folds}")
                self.folds += 1
                self.connection.register(names[-1], tables[number])
                outer = scans[number].outer(names[-1])
                if select is asked:
                    asked = outer
                else:
                    select.replace(outer)
            yield asked
        finally:
            for name in names:
                self.connection.unregister(name)

    def scans(self, query: Query) -> list[tuple[int, Scan]]:
        """The scans in a query that can be folded, with their places among its selects."""
        if isinstance(query, str) or self.fold_from is None or not self.sorted:
            return []
        found = []
        for number, select in enumerate(query.find_all(exp.Select)):
            source = select.args.get("from_")
            known = None if source is None or not select.args.get("group") else self.sorted.get(source.this.name)
            rows = None if known is None else known.rows()
            if known is None or rows is None or rows.rows < self.fold_from:
                continue
            scan = recognised(select, rows.schema, "duckdb")
            if scan is not None and scan.key == known.key:
                found.append((number, scan))
        return found

    def foldable(self, query: exp.Expression) -> Scan | None:
        return next((scan for number, scan in self.scans(query) if number == 0), None)

    def folded(self, scan: Scan) -> Folded | None:
        """What a scan folds to, or None where its rows must be left to DuckDB."""
        if scan in self.ready:
            return self.ready.pop(scan)
        known = self.sorted[scan.relation]
        rows = known.rows()
        assert rows is not None
        together = [scan]
        if scan in self.ahead:
            later = self.ahead[self.ahead.index(scan) + 1 :]
            room = AHEAD - rows.most(scan.key) * scan.width
            for other in dict.fromkeys(s for s in later if s.relation == scan.relation and s != scan):
                room -= rows.most(scan.key) * other.width
                if room < 0:
                    break
                together.append(other)
        try:
            first, *others = fold(together, rows, self.conditions, self.threads)
        except (NotFolded, duckdb.Error, pa.ArrowException, OSError):
            # What is wrong, if anything, is for the query itself to say; a scan that cannot be folded spoils no others.
            self.ahead = [s for s in self.ahead if s != scan]
            return None if len(together) == 1 else self.folded(scan)
        self.ready.update(zip(together[1:], others, strict=True))
        return first

    def __enter__(self) -> "DuckDB":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Sorted:
    """Parquet files whose rows were written sorted by a key, and within it by an order; looked at when they are asked for."""

    def __init__(self, paths: tuple[Path, ...], by: tuple[str, ...]):
        self.paths, self.by = paths, by
        self.found: ParquetRows | MergedRows | None = None
        self.looked = False

    @property
    def key(self) -> str:
        return self.by[0]

    def rows(self) -> ParquetRows | MergedRows | None:
        """Their rows, where they are there and row groups are in order: those of one file, or of a large and a small one."""
        if not self.looked:
            self.looked = True
            with contextlib.suppress(OSError, pa.ArrowException, KeyError, NotFolded):
                large, *small = (ParquetRows(path) for path in self.paths)
                if not all(rows.rises(self.key) for rows in (large, *small)):
                    return None
                if not small:
                    self.found = large
                elif len(small) == 1 and len(self.by) == 2:
                    self.found = MergedRows(large, small[0], *self.by)
        return self.found


class _Conditions:
    """Conditions in SQL over tables in memory, on a small connection beside the engine's for each thread that asks."""

    def __init__(self) -> None:
        self.connections: list[duckdb.DuckDBPyConnection] = []
        self.own = local()
        self.opening = Lock()

    def __call__(self, table: pa.Table, conditions: Sequence[str]) -> list[pa.Array]:
        if not hasattr(self.own, "cursor"):
            self.own.cursor = self.cursor()
        cursor = self.own.cursor
        cursor.register("asked", table)
        try:
            columns = ", ".join(f"CAST({text} AS BOOLEAN) AS c{i}" for i, text in enumerate(conditions))
            found = cursor.sql(f"SELECT {columns} FROM asked").to_arrow_table()  # noqa: S608 - conditions are generated
        finally:
            cursor.unregister("asked")
        return [column.combine_chunks() for column in found.columns]

    def cursor(self) -> duckdb.DuckDBPyConnection:
        with self.opening:
            if not self.connections:
                # One thread, so that rows keep their order.
                self.connections.append(duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}))
            self.connections.append(self.connections[0].cursor())
            self.connections[-1].execute("SET TimeZone = 'UTC'")
            return self.connections[-1]

    def close(self) -> None:
        for connection in reversed(self.connections):
            connection.close()
        self.connections, self.own = [], local()


def _name(table: str) -> str:
    return exp.to_identifier(table, quoted=True).sql(dialect="duckdb")


def _words(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _explained(error: BaseException, about: str, sql: str) -> EngineError:
    words = _words(error)
    hint = UNEXPECTED
    code = "E300"
    if is_full(words):
        code, hint = "E303", ROOM
    elif "out of memory" in words.lower():
        code, hint = "E304", "close other programs, or give coterie more memory with COTERIE_MEMORY (as in 8GB)"
    return EngineError(f"{about or 'a query'} failed: {words}", step=about, sql=sql, code=code, hint=hint)
