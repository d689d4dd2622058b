"""What the project file says of a source: where it is, what its columns mean, whom and since when it knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from coterie.core.definition import Definition, Written

Role = Literal["customers", "events", "lookup", "accounts"]


CALLS = ("identify", "page", "screen", "group")
"""What a client can say beside that something happened."""


@dataclass(frozen=True, slots=True)
class Live:
    """Which messages of clients are rows of a source.

    Attributes:
        calls: of `CALLS`.
        events: names of what was tracked.
        columns: the file's column → the message's property, where that has another name (`products.0.name` goes inside).
    """

    calls: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source(Definition):
    """One source of the project (LANGUAGE.md section 0).

    Attributes:
        role: `customers` (one row per id), `events` (a kind of event), `lookup` (adds attributes by a key), `accounts`.
        path: a file, glob or folder relative to the project, or None with `url`.
        url: a database (`postgresql://…`, `sqlite:///…`); may hold ${VARIABLES} of the environment.
        table, query, sheet: what to read of a database or workbook.
        kind: csv, parquet, jsonl, excel, sql …; None guesses by name and content.
        id: the column that identifies a row (customers: the customer; events: the event); None where there is none. A file of
            customers without ids may say `_line`: each row is then the customer of that line.
        customer, time: of events: the columns that say who and when.
        columns: coterie's name → the file's column, or an expression over the file's columns. Columns not named keep their
            own name, except those used as id, customer or time.
        where: which rows count, an expression over the file's columns.
        lines: the column by which rows are lines of one event; gives `<name>_line` (rows) and `<name>` (one per id).
        sum: the columns that are added up over lines.
        account: of customers: the column that names their account.
        since: of customers: the column from which day they exist.
        valid_from: a column or a date from which the values hold; before that they are not recorded.
        constant: columns assumed never to have changed.
        lookup: of a lookup: the customers' column that is looked up by this source's `id`.
        covers: an expression over the customers' columns: whom this source knows.
        complete_from, complete_to: since and until when it knows everything.
        timezone: of times without an offset; None is the project's.
        updated_at, deleted: for incremental reading: when a row changed, and the column that marks it as gone.
        fold: text columns whose case and Unicode form are folded at import.
        currency: of money columns: column → ISO code, or one code for all.
        options: how to read the file (delimiter, encoding, header, decimal, dates, types …).
        live: the messages that are rows of it too, or None; without a path these are all there is.
        personal, sensitive, purpose: kept and shown; read by privacy.
    """

    role: Role = "events"
    path: str | None = None
    url: str | None = None
    table: str | None = None
    query: str | None = None
    sheet: str | None = None
    kind: str | None = None
    id: str | None = None
    customer: str | None = None
    time: str | None = None
    columns: Mapping[str, Written] = field(default_factory=dict)
    where: Written | None = None
    lines: str | None = None
    sum: tuple[str, ...] = ()
    account: str | None = None
    since: str | None = None
    valid_from: str | date | None = None
    constant: tuple[str, ...] = ()
    lookup: str | None = None
    covers: Written | None = None
    complete_from: date | None = None
    complete_to: date | None = None
    timezone: str | None = None
    updated_at: str | None = None
    deleted: str | None = None
    fold: tuple[str, ...] = ()
    currency: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    live: "Live | None" = None
    personal: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
