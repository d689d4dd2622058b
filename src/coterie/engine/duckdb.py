"""DuckDB, in process: one file of results, with limits on memory set and nothing ever downloaded."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp, parse_one

from coterie.core.errors import EngineError
from coterie.engine.engine import Query

MEMORY = "70%"
ROOM = "free some disk space and run again; the last results are untouched"
FULL = ("no space left", "file too large", "quota exceeded", "disk full", "disk is full")


class DuckDB:
    """The DuckDB engine.

    Args:
        path: a database file, or None for memory.
        read_only: open the file without the right to change it, beside other readers.
        threads, memory: limits; None leaves DuckDB's own number of threads and gives it most of the machine's memory.
        temp: a folder for what does not fit into memory.
    """

    dialect = "duckdb"

    def __init__(
        self,
        path: Path | None = None,
        *,
        read_only: bool = False,
        threads: int | None = None,
        memory: str | None = None,
        temp: Path | None = None,
    ):
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "preserve_insertion_order": False,
            "memory_limit": memory or MEMORY,
        }
        if threads is not None:
            settings["threads"] = threads
        if temp is not None:
            settings["temp_directory"] = str(temp)
        try:
            self.connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=settings)
        except duckdb.Error as error:
            full = _is_full(_words(error))
            raise EngineError(
                f"the results file {path} cannot be opened: {_words(error)}",
                code="E303" if full else "E302",
                hint=ROOM if full else "if another program writes to it, close that; else delete the file and run again",
            ) from error
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")

    def text(self, query: Query) -> str:
        return query if isinstance(query, str) else query.sql(dialect="duckdb")

    def execute(self, query: Query, about: str = "") -> duckdb.DuckDBPyConnection:
        sql = self.text(query)
        try:
            return self.connection.execute(sql)
        except (duckdb.Error, RecursionError) as error:
            raise _explained(error, about, sql) from error

    def create(self, table: str, query: Query, about: str = "", *, temporary: bool = False) -> None:
        kind = "TEMP TABLE" if temporary else "TABLE"
        self.execute(f"CREATE OR REPLACE {kind} {_name(table)} AS {self.text(query)}", about or f"make {table}")

    def view(self, name: str, query: Query, *, temporary: bool = False) -> None:
        kind = "TEMP VIEW" if temporary else "VIEW"
        self.execute(f"CREATE OR REPLACE {kind} {_name(name)} AS {self.text(query)}", f"make {name}")

    def parquet(self, name: str, paths: Sequence[Path], *, temporary: bool = False, file: str | None = None) -> None:
        self.view(name, f"SELECT * FROM {self.files(paths, file=file)}", temporary=temporary)  # noqa: S608 - paths are quoted literals

    def scan(self, paths: Sequence[Path]) -> exp.Expression:
        found = parse_one(f"SELECT * FROM {self.files(paths)}", dialect="duckdb")  # noqa: S608 - paths are quoted literals
        assert isinstance(found, exp.Expression)
        return found

    def files(self, paths: Sequence[Path], *, file: str | None = None) -> str:
        """Parquet files as a table function."""
        listed = ", ".join(exp.Literal.string(str(p)).sql(dialect="duckdb") for p in paths)
        options = ", union_by_name = true" if len(paths) > 1 else ""
        if file is not None:
            options += f", filename = {exp.Literal.string(file).sql(dialect='duckdb')}"
        return f"read_parquet([{listed}]{options})"

    def register(self, table: str, data: pa.Table, *, temporary: bool = False) -> None:
        self.connection.register("coterie_rows", data)
        try:
            self.create(table, "SELECT * FROM coterie_rows", temporary=temporary)
        finally:
            self.connection.unregister("coterie_rows")

    def drop(self, table: str) -> None:
        named = exp.Literal.string(table).sql(dialect="duckdb")
        views = f"SELECT 1 FROM duckdb_views() WHERE view_name = {named} AND NOT internal"  # noqa: S608 - a quoted literal
        kind = "VIEW" if self.rows(views, f"drop {table}") else "TABLE"
        self.execute(f"DROP {kind} IF EXISTS {_name(table)}", f"drop {table}")

    def fetch(self, query: Query, about: str = "") -> pa.Table:
        sql = self.text(query)
        try:
            return self.connection.sql(sql).to_arrow_table()
        except (duckdb.Error, RecursionError) as error:
            raise _explained(error, about, sql) from error

    def batches(self, query: Query, about: str = "", *, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        sql = self.text(query)
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
        return self.execute(query, about).fetchall()

    def write_parquet(self, query: Query, path: Path, about: str = "") -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-", suffix=".parquet")
        os.close(handle)
        target = exp.Literal.string(partial).sql(dialect="duckdb")
        try:
            done = self.execute(f"COPY ({self.text(query)}) TO {target} (FORMAT parquet, COMPRESSION zstd)", about)
            row = done.fetchone()
            Path(partial).replace(path)
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

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "DuckDB":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _name(table: str) -> str:
    return exp.to_identifier(table, quoted=True).sql(dialect="duckdb")


def _words(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _is_full(words: str) -> bool:
    """Whether the engine speaks of a disk that has no room."""
    return any(said in words.lower() for said in FULL)


def _explained(error: BaseException, about: str, sql: str) -> EngineError:
    words = _words(error)
    hint = "this should not happen with a checked project: please report it with the SQL"
    code = "E300"
    if _is_full(words):
        code, hint = "E303", ROOM
    elif "out of memory" in words.lower():
        code, hint = "E304", "close other programs, or give coterie more memory with COTERIE_MEMORY (as in 8GB)"
    return EngineError(f"{about or 'a query'} failed: {words}", step=about, sql=sql, code=code, hint=hint)
