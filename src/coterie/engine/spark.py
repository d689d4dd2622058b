"""Spark, where it already runs: in this process (`local[2]`), on a standalone cluster, or behind Spark Connect.

Tables are Parquet folders, so that other tools read them too; a folder `results-….spark` is to this engine what one file is
to DuckDB. Nothing depends on what a session is set to: instants are TIMESTAMP_NTZ in UTC, and what ANSI mode, the zone,
adaptive execution or the number of partitions change is written so in the language's own words.
"""

import contextlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from sqlglot import exp

from coterie.core.errors import EngineError
from coterie.engine.engine import Batches, Cluster, Query
from coterie.engine.failures import ROOM, UNEXPECTED, is_full
from coterie.engine.folding import Folded
from coterie.engine.scans import Scan
from coterie.engine.written import clear_away, put

JAVA = 17
"""The oldest Java that Spark 4 runs on."""
CATALOG = "tables.json"
"""Of a folder of results: which folder holds which table, and the views with their SQL."""
FORMAT = 1
LOCAL = "local[*]"
INSTALL = "pip install 'coterie[spark]'"


def version_of_java(environment: Mapping[str, str] | None = None) -> int:
    """The version of the Java that Spark would start.

    Raises:
        EngineError: E310, there is none, or it is older than Spark needs.
    """
    home = (os.environ if environment is None else environment).get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    hint = f"install Java {JAVA} (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk@17) and set JAVA_HOME"
    told = ""
    if java is not None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
            told = said.stderr + said.stdout
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is None:
        where = f" in JAVA_HOME ({home})" if home else ""
        raise EngineError(f"engine: spark needs Java, and there is none{where}", code="E310", hint=hint)
    version = int(found[1])
    if version < JAVA:
        raise EngineError(f"engine: spark needs Java {JAVA} or newer, and {java} is version {version}", code="E310", hint=hint)
    return version


def is_remote(url: str) -> bool:
    """Whether a URL is one of Spark Connect, whose Java runs somewhere else."""
    return url.startswith("sc://")


def running() -> str | None:
    """Where the Spark of this process works; None where there is none (one behind Spark Connect is not of this process)."""
    found = sys.modules.get("pyspark")
    context = None if found is None else found.SparkContext._active_spark_context
    return None if context is None else str(context.master)


def session_at(url: str, settings: Mapping[str, str] | None = None) -> Any:
    """A Spark session of our own: its temporary views are seen by nobody else.

    Args:
        url: `local[2]`, `spark://host:7077`, `yarn`, or `sc://host:15002` of Spark Connect.
        settings: of Spark, as in `spark.executor.memory`; what only a new process can take is used where there is none yet.

    Raises:
        EngineError: E310 no Java, E311 no pyspark, E312 nobody answers there, E314 this process has another Spark already.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pandas that PySpark does not need here
            from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError(f"engine: spark needs PySpark: {error}", code="E311", hint=INSTALL) from None
    if not is_remote(url):
        version_of_java()
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    _reachable(url)
    if url == "yarn" and not (os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")):
        raise EngineError(
            "engine: yarn needs to know the cluster, and neither HADOOP_CONF_DIR nor YARN_CONF_DIR is set",
            code="E312",
            hint="set HADOOP_CONF_DIR to the folder that holds the cluster's core-site.xml and yarn-site.xml",
        )
    there = running()
    if there is not None and there != url:
        raise EngineError(
            f"this process works with Spark at {there}, and cannot work at {url.partition(';')[0]} as well",
            code="E314",
            hint="a process has one Spark: use another process, or end that one with `SparkSession.getActiveSession().stop()`",
        )
    logging.getLogger("SQLQueryContextLogger").disabled = True  # says on stderr what the error says
    builder = SparkSession.builder.appName("coterie")
    for key, value in {**_quiet(url), **(settings or {})}.items():
        builder = builder.config(key, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if is_remote(url):
                found = builder.remote(url).create()
            else:
                with _muted():
                    found = builder.master(url).getOrCreate().newSession()
            for key, value in {**_OURS, **{k: v for k, v in (settings or {}).items() if k.startswith("spark.sql.")}}.items():
                with contextlib.suppress(Exception):  # what cannot be changed in a session was said when it was made
                    found.conf.set(key, value)
    except Exception as error:
        raise EngineError(
            f"Spark does not start at {url}: {_words(error)}",
            code="E312",
            hint="see that the URL is right and that a cluster answers there; `engine: spark` alone uses this machine",
        ) from error
    return found


def _quiet(url: str) -> dict[str, str]:
    """Settings of a process of our own: no web page, no bar, no log on the terminal."""
    if is_remote(url):
        return {}
    log = Path(__file__).with_name("log4j2.properties").as_uri()
    here = {}
    if url.startswith("local"):
        # One process does all the work: its heap may be half of the machine, and more partitions than threads only cost.
        threads = re.sub(r"\D", "", url) or str(os.cpu_count() or 1)
        here = {"spark.driver.memory": f"{max(1024, _memory() // 2)}m", "spark.sql.shuffle.partitions": threads}
    return {
        **here,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log}",
    }


_OURS = {
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.partitionOverwriteMode": "static",
    "spark.sql.caseSensitive": "false",
    # Where conditions name other columns' conditions, their number doubles with each: minutes of planning, and the heap.
    "spark.sql.constraintPropagation.enabled": "false",
    # What is broadcast passes through this process: at most so much, far below the smallest spark.driver.maxResultSize (8m).
    "spark.sql.autoBroadcastJoinThreshold": "2m",
    "spark.sql.variable.substitute": "false",  # ${…} in a name is a name
}


SMALL = 8 << 20
"""Bytes of Parquet: of less, a query is run sooner than it is compiled and spread over tasks."""
A_TASK = 64 << 20
"""Bytes of Parquet for each task of this process that joins or groups, so that what it holds stays in memory."""
_WHEN_SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.autoBroadcastJoinThreshold": "-1",  # a job each, and by what Spark guesses of sizes
}


def _memory() -> int:
    """The machine's memory in MiB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    except (AttributeError, ValueError, OSError):
        return 4096


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Keep what Java prints as it starts off the terminal."""
    try:
        terminal = os.dup(2)
    except OSError:
        yield
        return
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _reachable(url: str) -> None:
    """See that somebody listens before Spark is asked, which tries for minutes.

    Raises:
        EngineError: E312, nobody does.
    """
    import socket

    if not url.startswith(("spark://", "sc://")):
        return
    whole = urlsplit(url.partition(";")[0].rstrip("/").split(",")[0])
    address = (whole.hostname or "", whole.port or (15002 if is_remote(url) else 7077))
    try:
        socket.create_connection(address, timeout=10).close()
    except OSError as error:
        raise EngineError(
            f"no Spark answers at {url}: {(error.strerror or str(error)).lower()}",
            code="E312",
            hint="start the cluster, or see that the address and port are right; the last results stay",
        ) from None


class Spark:
    """The Spark engine.

    Args:
        path: the folder of kept tables, or None where nothing is kept.
        url: where Spark runs, as of `session_at`; None is where this process works with Spark already, or else this machine.
        read_only: open a folder that is there.
        temp: a folder, seen by all of the cluster, for tables on the way.
        settings: of Spark.
    """

    dialect = "spark"

    def __init__(
        self,
        path: Path | None = None,
        *,
        url: str | None = None,
        read_only: bool = False,
        temp: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ):
        self.path = path
        url = url or running() or LOCAL
        self.session = session_at(url, settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.session.udf.register("NFC_NORMALIZE", _composed, "string")
        self.scratch: Path | None = None
        self.temp = temp
        self.kept: dict[str, str] = {}
        self.views: dict[str, str] = {}
        self.folders: dict[str, Path] = {}
        self.held: dict[str, Any] = {}
        self.made = 0
        self.local = url.startswith("local")
        self.free = {key: self.session.conf.get(key, None) for key in _WHEN_SMALL if key not in (settings or {})}
        self.sizes: dict[str, int] = {}
        self._suit({})
        if path is not None and (read_only or (path / CATALOG).exists()):
            self._open(path)
        elif path is not None:
            path.mkdir(parents=True, exist_ok=True)

    def _open(self, path: Path) -> None:
        try:
            said = json.loads((path / CATALOG).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EngineError(
                f"the results folder {path} cannot be opened: {error}", code="E302", hint="delete the folder and run again"
            ) from None
        if said["format"] > FORMAT:
            raise EngineError(
                f"the results folder {path} was written by a newer coterie (format {said['format']}, this one reads {FORMAT})",
                code="E502",
                hint="use the newer version, or delete .coterie/cache and run again",
            )
        self.kept = dict(said["tables"])
        self._suit({folder: _bytes(path / folder) for folder in self.kept.values()})
        for table, folder in self.kept.items():
            self._read(table, [path / folder])
        for name, sql in said["views"].items():
            self.view(name, sql)

    # --- queries

    @property
    def version(self) -> str:
        return f"spark {version('pyspark')}"

    def text(self, query: Query) -> str:
        return query if isinstance(query, str) else query.sql(dialect="spark")

    def frame(self, query: Query, about: str = "") -> Any:
        """The data frame of a query; nothing is computed yet."""
        with self.at_work(about, query):
            return self.session.sql(self.text(query))

    @contextlib.contextmanager
    def at_work(self, about: str, query: Query) -> Iterator[None]:
        try:
            yield
        except EngineError:
            raise
        except Exception as error:
            raise _explained(error, about, self.text(query)) from error

    def create(self, table: str, query: Query, about: str = "", *, temporary: bool = False) -> None:
        about = about or f"make {table}"
        frame = self.frame(query, about)
        folder = self._folder(table, temporary)
        with self.at_work(about, query):
            frame.write.parquet(_uri(folder))
        self._keep(table, folder, temporary, frame.schema)

    def mapped(
        self, table: str, query: Query, function: Batches, schema: pa.Schema, about: str = "", *, temporary: bool = False
    ) -> None:
        from pyspark.sql.pandas.types import from_arrow_schema

        about = about or f"make {table}"
        kinds = from_arrow_schema(schema, prefer_timestamp_ntz=True)
        frame, folder = self.frame(query, about), self._folder(table, temporary)
        with self.at_work(about, query), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pandas that PySpark does not need here
            names = frame.columns  # a dot in one would be read as a part of it

            def named(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
                return function(batch.rename_columns(names) for batch in batches)

            plain = frame.toDF(*(f"c{i}" for i in range(len(names))))
            plain.mapInArrow(named, kinds).write.parquet(_uri(folder))
        self._keep(table, folder, temporary, kinds)

    def take_over(self, table: str, other: Cluster, query: Query) -> None:
        folder = self._folder(table, temporary=True)
        other.write_parquet(query, folder, f"make {table}")
        self._keep(table, folder, True, None)

    def numbered(self, table: str, query: Query, order: str, name: str, first: int = 0) -> None:
        """Sorted by ranges, each range a file: a row's place is that in its file and the rows of the files before."""
        from pyspark.sql import functions as f

        about = f"number {table}"
        frame, folder = self.frame(query, about), self._folder(table, temporary=True)
        key = frame[_name(order)]
        with self.at_work(about, query):
            frame.repartitionByRange(key).sortWithinPartitions(key).write.parquet(_uri(folder))
            before, places = first, []
            for part in sorted(folder.glob("part-*")):
                places += [f.lit(part.name), f.lit(before)]
                before += pq.read_metadata(part).num_rows
            here = f.create_map(*places)[f.col("_metadata.file_name")] + f.col("_metadata.row_index")
            read = self.session.read.schema(frame.schema).parquet(_pattern(folder))
            read.withColumn(name, here.cast("bigint")).createOrReplaceTempView(_name(table))
        self._forget(table)
        self.folders[table] = folder

    def view(self, name: str, query: Query, *, temporary: bool = False) -> None:
        sql = self.text(query)
        with self.at_work(f"make {name}", sql):
            # What it means is settled now. As a text it would be read again in each query, with all views below it.
            frame = self.session.sql(sql)
            frame.createOrReplaceTempView(_name(name))
        self._forget(name)
        if temporary and self.local and sum(self.sizes.values()) <= SMALL:
            self.held[name] = frame.persist()  # planning it again takes longer than having it
        if not temporary:
            self.views[name] = sql

    def parquet(
        self,
        name: str,
        paths: Sequence[Path],
        *,
        temporary: bool = False,
        file: str | None = None,
        sorted_by: Sequence[str] = (),
    ) -> None:
        self._forget(name)
        self._suit({str(path): _bytes(path) for path in paths})
        self._read(name, paths, file=file)

    def register(self, table: str, data: pa.Table, *, temporary: bool = False) -> None:
        folder = self._folder(table, temporary)
        folder.mkdir(parents=True)
        pq.write_table(_plain(data), folder / "part-00000.parquet", coerce_timestamps="us")
        self._keep(table, folder, temporary, None)

    def drop(self, table: str) -> None:
        with contextlib.suppress(Exception):  # a Java that has died has no views; what it died of has been said
            self.session.catalog.dropTempView(_name(table))
        self._forget(table)

    def fetch(self, query: Query, about: str = "") -> pa.Table:
        if sum(self.sizes.values()) <= SMALL:
            frame = self.frame(query, about)
            try:
                with self.at_work(about, query):
                    found = frame.toArrow()
                return found.cast(pa.schema([f.with_nullable(True) for f in found.schema]))
            except EngineError as error:
                if "maxresultsize" not in str(error.__cause__).lower():
                    raise
        return pa.Table.from_batches(list(self.batches(query, about)))  # by way of files, whatever may be handed over

    def batches(self, query: Query, about: str = "", *, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        # By way of files, in the order of the query: what reaches this process is a batch at a time.
        folder = self._folder("batches", temporary=True)
        frame = self.frame(query, about)
        with self.at_work(about, query):
            frame.write.parquet(_uri(folder))
        parts = sorted(folder.glob("part-*"))
        none = True
        for part in parts:
            for batch in ds.dataset(part, format="parquet").to_batches(batch_size=rows):
                if batch.num_rows:
                    none = False
                    yield batch.cast(pa.schema([f.with_nullable(True).remove_metadata() for f in batch.schema]))
        if none:
            yield pa.RecordBatch.from_pylist([], schema=frame.limit(0).toArrow().schema)
        clear_away(folder)

    def rows(self, query: Query, about: str = "") -> list[tuple[object, ...]]:
        frame = self.frame(query, about)
        with self.at_work(about, query):
            return [tuple(row) for row in frame.collect()]

    def write_parquet(self, query: Query, path: Path, about: str = "") -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=".partial-"))
        frame = self.frame(query, about)
        try:
            with self.at_work(about, query):
                frame.write.mode("overwrite").parquet(_uri(partial))
            found: int = sum(pq.read_metadata(part).num_rows for part in partial.glob("*.parquet"))
            put(partial, path)
        except BaseException:
            clear_away(partial)
            raise
        return found

    def schema(self, query: Query) -> Mapping[str, str]:
        return {field.name: field.dataType.simpleString() for field in self.frame(query).schema.fields}

    @contextlib.contextmanager
    def foreseen(self, queries: Sequence[exp.Expression]) -> Iterator[None]:
        yield

    def foldable(self, query: exp.Expression) -> Scan | None:
        return None

    def folded(self, scan: Scan) -> Folded | None:
        return None

    def finish(self) -> None:
        if self.path is not None:
            said = {"format": FORMAT, "tables": self.kept, "views": self.views}
            (self.path / CATALOG).write_text(json.dumps(said, indent=1), encoding="utf-8")
        self.close()

    def close(self) -> None:
        for name in list(self.held):
            self._let_go(name)
        if self.scratch is not None:
            clear_away(self.scratch)
            self.scratch = None

    def __enter__(self) -> "Spark":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- where tables lie

    def _folder(self, table: str, temporary: bool) -> Path:
        """A new folder for a table's rows."""
        self.made += 1
        name = f"{re.sub(r'[^A-Za-z0-9_]+', '_', table)[:40]}-{self.made}"
        if self.path is not None and not temporary:
            return self.path / name
        if self.scratch is None:
            if self.temp is not None:
                self.temp.mkdir(parents=True, exist_ok=True)
            self.scratch = Path(tempfile.mkdtemp(prefix="coterie-spark-", dir=self.temp))
        return self.scratch / name

    def _keep(self, table: str, folder: Path, temporary: bool, schema: Any) -> None:
        self._read(table, [folder], schema)
        self._forget(table)
        self.folders[table] = folder
        if self.path is not None and not temporary:
            self.kept[table] = folder.name

    def _read(self, name: str, paths: Sequence[Path], schema: Any = None, *, file: str | None = None) -> None:
        reader = self.session.read
        schema = _columns(paths) if schema is None else schema
        reader = reader.schema(schema) if schema is not None else reader.option("mergeSchema", str(len(paths) > 1).lower())
        with self.at_work(f"read {name}", ", ".join(map(str, paths))):
            frame = reader.parquet(*map(_pattern, paths)) if file is None else self._named(reader, paths, file)
            frame.createOrReplaceTempView(_name(name))

    def may_be_large(self) -> None:
        self._suit({"?": SMALL + 1})

    def _suit(self, more: Mapping[str, int]) -> None:
        """Set the session for as much as there is to read, by its path, where nobody has set it.

        What it makes of that does not count: the steps of a run would be others with more definitions.
        """
        self.sizes |= more
        there = sum(self.sizes.values())
        wanted: dict[str, str | None] = dict(_WHEN_SMALL)
        if there > SMALL:
            wanted = dict(self.free)
            if self.local:
                least = int(self.free.get("spark.sql.shuffle.partitions") or 1)
                wanted["spark.sql.shuffle.partitions"] = str(max(least, there // A_TASK))
        for key in self.free:
            if wanted[key] is None:
                self.session.conf.unset(key)
            elif self.session.conf.get(key, None) != wanted[key]:
                self.session.conf.set(key, wanted[key])

    def _named(self, reader: Any, paths: Sequence[Path], file: str) -> Any:
        """The rows of files or folders with the path of each as a column."""
        from pyspark.sql import functions as f

        if any(path.is_dir() for path in paths):
            parts = [reader.parquet(_pattern(path)).withColumn(file, f.lit(str(path))) for path in paths]
            return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)
        plain = f.regexp_replace(f.col("_metadata.file_path"), "^file:(//)?", "")
        absolute = f.url_decode(f.replace(plain, f.lit("+"), f.lit("%2B")))
        as_given = f.create_map(*(f.lit(text) for path in paths for text in (str(path.absolute()), str(path))))
        return reader.parquet(*map(_pattern, paths)).withColumn(file, as_given[absolute])

    def _forget(self, name: str) -> None:
        """What was called so before is gone; its rows with it."""
        self.views.pop(name, None)
        self.kept.pop(name, None)
        self._let_go(name)
        folder = self.folders.pop(name, None)
        if folder is not None:
            clear_away(folder)

    def _let_go(self, name: str) -> None:
        """What a view held in memory is not any more."""
        held = self.held.pop(name, None)
        if held is not None:
            with contextlib.suppress(Exception):  # as in `drop`
                held.unpersist()


def _composed(text: str | None) -> str | None:
    """NFC, which Spark's SQL has no word for."""
    return None if text is None else unicodedata.normalize("NFC", text)


def _files(path: Path) -> list[Path]:
    """A Parquet file, or those of a folder of them; none where they lie deeper."""
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path]


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path) if file.exists())


def _columns(paths: Sequence[Path]) -> Any:
    """The columns as the files say themselves, which Spark would start a job to read; None where it must."""
    from pyspark.sql.pandas.types import from_arrow_schema

    try:
        found = [pq.read_schema(_files(path)[0]) for path in paths]
        return from_arrow_schema(pa.unify_schemas(found), prefer_timestamp_ntz=True)
    except Exception:  # no file, a type that only Spark can read, types that differ: it says so better
        return None


def _uri(path: Path) -> str:
    """Where to write; signs such as % and + stand for themselves."""
    return f"file://{path.absolute()}"


def _pattern(path: Path) -> str:
    """What to read, which Spark takes as a pattern."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", _uri(path))


def _name(table: str) -> str:
    return exp.to_identifier(table, quoted=True).sql(dialect="spark")


def _plain(data: pa.Table) -> pa.Table:
    """Columns as Spark can read them from Parquet: texts instead of dictionaries, signed numbers."""
    fields = []
    for field in data.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        elif pa.types.is_null(kind):
            kind = pa.string()
        elif pa.types.is_unsigned_integer(kind):
            kind = pa.int64()
        fields.append(pa.field(field.name, kind))
    return data.cast(pa.schema(fields))


def _words(error: BaseException) -> str:
    """The first thing that Spark says, without its stack and the plan."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line.removeprefix(": ") for line in lines if not line.startswith("An error occurred while calling ")]
    return said[0] if said else type(error).__name__


def _explained(error: BaseException, about: str, sql: str) -> EngineError:
    words = _words(error)
    hint, code = UNEXPECTED, "E300"
    low = str(error).lower()
    if is_full(low):
        code, hint = "E303", ROOM
    elif "outofmemory" in low or "java heap space" in low:
        code, hint = "E304", "give Spark more memory (spark.driver.memory, spark.executor.memory)"
    elif "permission denied" in low or "accesscontrolexception" in low:
        code, hint = "E313", "see that the user that Spark runs as may read and write the project's folder"
    elif "maxresultsize" in low:
        code, hint = "E304", "raise spark.driver.maxResultSize"
    return EngineError(f"{about or 'a query'} failed: {words}", step=about, sql=sql, code=code, hint=hint)
