"""Which engine does a project's work: DuckDB in this process, or Spark where it runs; an engine is loaded when it is asked for."""

import os
from collections.abc import Mapping
from pathlib import Path

from coterie.engine.engine import Engine
from coterie.workspace.project import Project
from coterie.workspace.settings import Settings

DUCKDB, SPARK = ".duckdb", ".spark"
"""How the names of results end, which says who made them: a file of DuckDB, a folder of Parquet."""


def is_spark(engine: str) -> bool:
    return engine != "duckdb"


def ending(engine: str) -> str:
    """How the results of an engine end."""
    return SPARK if is_spark(engine) else DUCKDB


def engine_of(project: Project, settings: Settings) -> str:
    """Which engine makes the next results: the machine's word (COTERIE_ENGINE) before the project's."""
    return settings.engine or project.engine


def shown(engine: str) -> str:
    """An engine as it may be kept and shown: without what follows its address, such as a token."""
    return engine.partition(";")[0]


def opened(
    engine: str,
    settings: Settings,
    path: Path | None = None,
    *,
    read_only: bool = False,
    temp: Path | None = None,
    spark: Mapping[str, str] | None = None,
) -> Engine:
    """An engine, ready to work.

    Args:
        engine: duckdb, spark, or where Spark runs.
        path: the results to make or to read; None keeps nothing.
        temp: for what does not fit into memory, and for tables on the way.
        spark: settings of Spark.

    Raises:
        EngineError: it is not installed, does not answer, or cannot open the results.
    """
    if is_spark(engine):
        from coterie.engine.spark import Spark, running

        url = running() if engine == "spark" else engine
        said = dict(spark or {})
        if settings.memory is not None and "%" not in settings.memory:
            said.setdefault("spark.driver.memory", settings.memory.lower().removesuffix("b"))
        threads = settings.threads or os.cpu_count() or 1
        return Spark(path, url=url or f"local[{threads}]", read_only=read_only, temp=temp, settings=said)
    from coterie.engine.duckdb import DuckDB

    return DuckDB(path, read_only=read_only, threads=settings.threads, memory=settings.memory, temp=temp)


def reader(path: Path, settings: Settings, maker: str) -> Engine:
    """The engine that reads published results: DuckDB what it made, and Spark, where the machine or else the maker says, the
    rest."""
    if path.suffix != SPARK:
        return opened("duckdb", settings, path, read_only=True)
    said = settings.engine or maker
    said = said if is_spark(said) else "spark"
    # What is read by way of files must lie where all of a cluster sees it.
    temp = None if said.startswith(("spark", "local")) and "://" not in said else path.parent / "reading"
    return opened(said, settings, path, read_only=True, temp=temp)
