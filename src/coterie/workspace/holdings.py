"""Where ids and personal data lie: every file of `.coterie/` and, of each, the columns that may hold them.

Privacy reads this to find, export and erase a person; a test plants a marker and finds it nowhere else.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of file.

    Attributes:
        files: a pattern below `.coterie/`.
        form: how it is read.
        columns: which columns may hold ids or personal data: "*" for all (a source's own columns are anybody's guess), or
            (table, column) pairs as `table.column`; empty where none may.
        about: what it is.
    """

    files: str
    form: Literal["parquet", "duckdb", "sqlite", "json", "text"]
    columns: tuple[str, ...]
    about: str


HOLDINGS: tuple[Holding, ...] = (
    Holding("cache/shards/*.parquet", "parquet", ("*",), "files as they were read, typed"),
    Holding("cache/shards/*.json", "json", ("*",), "what was read of a file: its columns, and examples of what was set aside"),
    Holding("cache/events/*.parquet", "parquet", ("*",), "events, sorted"),
    Holding("cache/attributes/*.parquet", "parquet", ("*",), "customers, lookups and accounts with their history"),
    Holding(
        "cache/ids/*.parquet",
        "parquet",
        ("*",),
        "the ids that a source has, hashes of its rows, and rows that could not be used",
    ),
    Holding("cache/ids/*.json", "json", (), "how many rows of a source met which fate"),
    Holding("cache/quarantine/**/*.parquet", "parquet", ("*",), "rows that could not be used, as they came"),
    Holding("cache/gathered/*.json", "json", ("quarantine", "notes"), "what became of each source, with examples of bad rows"),
    Holding("cache/files.json", "json", (), "size, time and hash of the sources' files"),
    Holding("cache/current.json", "json", (), "which results are published"),
    Holding("cache/failure.json", "json", ("*",), "what the last failed run said, which may quote a bad row"),
    Holding("cache/results-*.duckdb", "duckdb", ("traits.*", "lists.customer", "coterie_run.json"), "the results of a run"),
    Holding("results/memberships/*/*.parquet", "parquet", ("*",), "who is in what, by day, as Spark writes it"),
    Holding("record/attributes/*.parquet", "parquet", ("*",), "what was known of customers, as it was learned"),
    Holding("record/customers/*.parquet", "parquet", ("customer",), "the number of each customer"),
    Holding("record/memberships/*.parquet", "parquet", (), "memberships by customers' numbers, a file a snapshot"),
    Holding(
        "record/record.sqlite",
        "sqlite",
        (
            "identity.id",
            "identity.customer",
            "fits.parameters",
            "overrides.customer",
            "overrides.reason",
            "overrides.author",
            "overrides.removed_by",
            "projects.text",
        ),
        "loads, ids, fits, who is in by hand, runs and the project files they used",
    ),
    Holding("lock", "text", (), "the process at work"),
    Holding(".gitignore", "text", (), "keeps the folder out of version control"),
)


def holding_of(path: str) -> Holding | None:
    """The declared kind of a file, by its path below `.coterie/`; None where it is declared nowhere."""
    from pathlib import PurePosixPath

    name = PurePosixPath(path)
    for holding in HOLDINGS:
        if name.match(holding.files) or ("**/" in holding.files and name.match(holding.files.replace("**/", ""))):
            return holding
    return None
