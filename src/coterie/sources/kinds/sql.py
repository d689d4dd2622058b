"""Databases by URL, through SQLAlchemy: a table or a query, read in a read-only transaction, streamed."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from coterie.core.errors import DataError, did_you_mean
from coterie.sources.headers import named
from coterie.sources.kinds import Kind
from coterie.sources.kinds.csv import MOST_COLUMNS
from coterie.sources.kinds.jsonl import _strings, cell_of
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Cell, Chunk, Note, TextRule

ROWS = 20_000
_READS = re.compile(r"^\s*(?:--[^\n]*\n|/\*.*?\*/|\s|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)
_EXTRAS = {"postgresql": "pip install 'coterie[postgres]'"}


class SqlReader:
    """A table or the rows of a query; see `coterie.sources.raw.Reader`."""

    kind = "sql"
    rule: TextRule = "iso"
    blank_is_missing = False
    likely_decimal = "."

    def __init__(self, location: str, options: ReadOptions):
        import sqlalchemy as sa

        self.options = options
        try:
            where = self.url = sa.make_url(location)
        except sa.exc.ArgumentError:
            raise DataError(
                "the address of the database cannot be read", hint="such as postgresql://user:password@host:5432/database"
            ) from None
        self._secret = self.url.password
        self.url = _prepared(self.url)
        self.location = where.render_as_string(hide_password=True)
        self._notes: list[Note] = []
        self.columns: tuple[str, ...] = ()
        self._hash = hashlib.sha256()
        self.engine = self._connect()
        self.statement = self._statement()

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    @property
    def content_hash(self) -> str:
        return self._hash.hexdigest()

    def _connect(self) -> Any:
        import sqlalchemy as sa

        arguments = {"connect_timeout": 15} if self.url.get_backend_name() == "postgresql" else {}
        try:
            return sa.create_engine(self.url, poolclass=sa.NullPool, connect_args=arguments)
        except ModuleNotFoundError as error:
            backend = self.url.get_backend_name()
            raise DataError(
                f"reading {backend} needs the package {error.name}", hint=_EXTRAS.get(backend, f"pip install {error.name}")
            ) from None
        except sa.exc.SQLAlchemyError as error:
            raise self._error(error) from None

    def _statement(self) -> Any:
        import sqlalchemy as sa

        table, query = self.options.table, self.options.query
        if table and query:
            raise DataError("a source reads a table or a query, not both", hint="leave one of `table:` and `query:` out")
        if query:
            if not _READS.match(query):
                raise DataError(
                    "a query that does not begin with SELECT or WITH is not run", hint="coterie only reads from databases"
                )
            # As it is written: a colon in it is no parameter.
            return sa.text(re.sub(r"(?<!\\):(?=\w)", r"\\:", query.strip().rstrip(";")))
        names = self._tables()
        if not table:
            if len(names) != 1:
                raise DataError(
                    f"{self.location} has {len(names)} tables, and the source does not say which",
                    hint=f"say `table:` or `query:`; {did_you_mean('', names, 'its tables')}",
                )
            table = names[0]
        schema, _, name = table.rpartition(".")
        if table in names:
            schema, name = "", table
        elif not schema:
            raise DataError(f"{self.location} has no table {table!r}", hint=did_you_mean(table, names, "Its tables"))
        return sa.select(sa.text("*")).select_from(sa.table(name, schema=schema or None))

    def _tables(self) -> list[str]:
        import sqlalchemy as sa

        try:
            inspector = sa.inspect(self.engine)
            return sorted([*inspector.get_table_names(), *inspector.get_view_names()])
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise self._error(error) from None

    def _error(self, error: BaseException) -> DataError:
        """What the database said, without the password."""
        words = str(getattr(error, "orig", None) or error).strip().splitlines()
        text = words[0] if words else type(error).__name__
        for secret in {self._secret, quote(self._secret, safe="")} if self._secret else set():
            text = text.replace(str(secret), "***")
        return DataError(f"{self.location}: {text}", hint="check the address, the rights of its user, and that the server runs")

    def chunks(self) -> Iterator[Chunk]:
        """The rows as the database gives them; a row's line is its number."""
        import sqlalchemy as sa

        self._hash = hashlib.sha256()
        row = 1
        options: dict[str, Any] = {"stream_results": True, "yield_per": ROWS}
        if self.url.get_backend_name() == "postgresql":
            options["postgresql_readonly"] = True
        try:
            with self.engine.connect() as connection:
                result = connection.execution_options(**options).execute(self.statement)
                names, said = named([str(key) for key in result.keys()], 0, self.location, MOST_COLUMNS)  # noqa: SIM118
                self._notes = list(said)
                self.columns = tuple(names)
                self._hash.update("\x1f".join(self.columns).encode())
                for rows in result.partitions(ROWS):
                    yield self._chunk(rows, row)
                    row += len(rows)
                if row == 1:
                    yield self._chunk([], row)
        except (sa.exc.SQLAlchemyError, OSError, OverflowError) as error:
            raise self._error(error) from None
        except Exception as error:
            if type(error).__module__.split(".")[0] in ("psycopg", "psycopg2", "sqlite3", "pymysql", "MySQLdb"):
                raise self._error(error) from None
            raise

    def _chunk(self, rows: Sequence[Any], first: int) -> Chunk:
        columns, kinds = {}, {}
        values = list(zip(*rows, strict=True)) if rows else [()] * len(self.columns)
        for name, column in zip(self.columns, values, strict=True):
            texts, said = _cells(column)
            columns[name] = _strings(texts)
            kinds[name] = np.array(said, dtype=np.int8)
            self._hash.update("\x1f".join("\x00" if t is None else t for t in texts).encode("utf-8", "replace"))
        return Chunk(np.arange(first, first + len(rows), dtype=np.int64), columns, kinds)


_QUICK: dict[type, Cell] = {int: Cell.INTEGER, str: Cell.TEXT}


def _cells(column: Sequence[Any]) -> tuple[list[str | None], list[int]]:
    """Values of a database as text and kind; a column of one plain type goes the short way."""
    types = set(map(type, column)) - {type(None)}
    if len(types) == 1 and (kind := _QUICK.get(only := types.pop())) is not None:
        if only is str:
            return list(column), [0 if v is None else int(kind) for v in column]
        return [None if v is None else str(v) for v in column], [0 if v is None else int(kind) for v in column]
    pairs = [cell_of(value) for value in column]
    return [text for text, _ in pairs], [int(kind) for _, kind in pairs]


def _prepared(url: Any) -> Any:
    """The URL with the driver that coterie installs, and for SQLite a connection that cannot write or create."""
    backend = url.drivername.split("+", 1)[0]
    if backend in ("postgres", "postgresql") and "+" not in url.drivername:
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        name = url.database
        if not name or name == ":memory:":
            raise DataError("sqlite:// names no file", hint="such as sqlite:///shop.db")
        path = Path(name)
        if not path.is_file():
            raise DataError(
                f"there is no database file {name}",
                hint="check the path: three slashes for a relative one, four for an absolute one",
            )
        return url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})
    return url


def _open(location: str, options: ReadOptions) -> SqlReader:
    if "://" not in location:
        location = f"sqlite:///{location}"
    return SqlReader(location, options)


KIND = Kind(
    "sql", _open, endings=(".db", ".sqlite", ".sqlite3"), magic=(b"SQLite format 3\x00",),
    schemes=("sqlite", "postgresql", "postgres", "mysql", "mariadb", "mssql",
        "oracle", "snowflake", "redshift", "bigquery", "trino"),
)  # fmt: skip
