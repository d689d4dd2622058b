"""What gathering the sources gives: where the tables are, what is in them, and what became of every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from coterie.language.types import Type, named


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One kind of event as Parquet, sorted by customer, time and id.

    The table has `_customer` (BIGINT), `time` (UTC), `_day` (local), `_order` (BIGINT: grows with time and id within a
    customer), `id`, `_learned_at` and `columns`; floats are DECIMAL(24,9).

    Attributes:
        kind, source: its name, and the source it comes from.
        rank: its place among the kinds, as the project lists them.
        first, last: the earliest and latest time; None without rows.
        nullable: columns that are missing in some row.
        currencies: of money columns, where it is known.
    """

    kind: str
    source: str
    paths: tuple[Path, ...]
    columns: Mapping[str, Type]
    rows: int
    first: datetime | None
    last: datetime | None
    nullable: frozenset[str]
    rank: int
    currencies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """A table of attributes with their history: of customers, of a lookup, or of accounts.

    The table has a key (`_customer` and `customer`; `_key` for lookups and accounts), one row per key and version with
    `_valid_from`, `_learned_at`, `_gone`, and `columns`; customers have `_first_event` too.

    Attributes:
        role: whose attributes they are.
        rows, keys: versions, and how many different keys they are of.
        known_from: the earliest and latest `_valid_from`; None where there is none.
        gone: whether some version says that its key left.
        constant: columns that hold at any time.
        of: the customers' column that is looked up.
        account, since: of customers, the column with their account, and with the day from which they exist.
    """

    name: str
    role: Literal["customers", "lookup", "accounts"]
    paths: tuple[Path, ...]
    columns: Mapping[str, Type]
    rows: int
    keys: int
    known_from: tuple[datetime, datetime] | None
    gone: bool
    constant: frozenset[str] = frozenset()
    of: str | None = None
    account: str | None = None
    since: str | None = None
    currencies: Mapping[str, str] = field(default_factory=dict)

    @property
    def single(self) -> bool:
        """One version of each."""
        return self.rows == self.keys


@dataclass(frozen=True, slots=True)
class Bad:
    """Rows of a source in quarantine for one reason, with a few of them: (file, line, column, value)."""

    source: str
    reason: str
    rows: int
    examples: tuple[tuple[str, int, str | None, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of the rows of a source: rows = kept + everything else.

    Attributes:
        files: (name, content hash, rows, when first loaded).
        rows: in its files.
        kept: in the tables.
        quarantined: could not be read or used.
        left_out: `where:` is false for them; `undecided`: it cannot be told.
        without_customer: no id of a customer; `strangers`: not in the customers source, where only these count.
        duplicates: the same id and content again; `conflicts`: the same id with other content, an older one.
        overlaps: the same row in two files, counted once; `identical`: the same row in one file, all counted.
        deleted: rows that a tombstone took away, and tombstones.
        learned_at: when its newest file was first loaded.
        ids, met: different ids of customers in it, and how many of them the customers source has.
        columns: of its files, with their types.
    """

    name: str
    role: str
    files: tuple[tuple[str, str, int, datetime], ...] = ()
    rows: int = 0
    kept: int = 0
    quarantined: int = 0
    left_out: int = 0
    undecided: int = 0
    without_customer: int = 0
    strangers: int = 0
    duplicates: int = 0
    conflicts: int = 0
    overlaps: int = 0
    identical: int = 0
    deleted: int = 0
    learned_at: datetime | None = None
    ids: int = 0
    met: int | None = None
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def match(self) -> float | None:
        """The share of its ids that the customers source has; None without such a source or ids."""
        return None if self.met is None or not self.ids else self.met / self.ids


@dataclass(frozen=True, slots=True)
class Gathered:
    """The tables of a project and what is known of them.

    Attributes:
        events: by kind, in the order of the project file.
        customers: the customers with their attributes.
        lookups: tables that add attributes to customers.
        accounts: the table of accounts, or None; its columns are `account.<name>`.
        quarantine: bad rows, by source and reason; `bad_rows`: their Parquet by source.
        notes: what a person should know, in plain words.
        sources: what became of each source's rows.
        fingerprint: the version of the data: equal where the same files, seen the same way, gave it.
    """

    events: Mapping[str, EventFacts]
    customers: AttributeFacts
    lookups: tuple[AttributeFacts, ...]
    accounts: AttributeFacts | None
    quarantine: tuple[Bad, ...]
    bad_rows: Mapping[str, Path]
    notes: tuple[str, ...]
    sources: Mapping[str, SourceReport]
    fingerprint: str

    @property
    def attributes(self) -> dict[str, Type]:
        """The columns that a customer has, those of lookups included, without those of accounts."""
        out = dict(self.customers.columns)
        for lookup in self.lookups:
            out.update(lookup.columns)
        return out

    @property
    def looked_up(self) -> dict[str, list[str]]:
        """The columns that each lookup adds to customers."""
        return {lookup.name: list(lookup.columns) for lookup in self.lookups}

    @property
    def undated(self) -> frozenset[str]:
        """Columns of customers that are taken to hold at any time."""
        return self.customers.constant.union(*(lookup.constant for lookup in self.lookups))

    @property
    def paths(self) -> list[Path]:
        tables: list[EventFacts | AttributeFacts] = [*self.events.values(), self.customers, *self.lookups]
        if self.accounts is not None:
            tables.append(self.accounts)
        return [p for t in tables for p in t.paths] + list(self.bad_rows.values())

    @property
    def last_event(self) -> datetime | None:
        """The latest time of any event."""
        return max((e.last for e in self.events.values() if e.last is not None), default=None)

    def last_event_by(self, now: datetime) -> datetime | None:
        """The latest time of any event where none lies after `now`; else None, and the events must be asked."""
        last = self.last_event
        return last if last is not None and last <= now else None


# --- to JSON and back


def to_json(gathered: Gathered, folder: Path) -> dict[str, Any]:
    """As plain values; paths are relative to the cache."""

    def rel(paths: tuple[Path, ...]) -> list[str]:
        return [p.relative_to(folder).as_posix() for p in paths]

    def types(columns: Mapping[str, Type]) -> list[list[str]]:
        return [[name, str(type_)] for name, type_ in columns.items()]

    def table(t: AttributeFacts) -> dict[str, Any]:
        return {
            "name": t.name, "role": t.role, "paths": rel(t.paths), "columns": types(t.columns), "rows": t.rows,
            "keys": t.keys, "known_from": None if t.known_from is None else [x.isoformat() for x in t.known_from],
            "gone": t.gone, "constant": sorted(t.constant), "of": t.of, "account": t.account, "since": t.since,
            "currencies": dict(t.currencies),
        }  # fmt: skip

    return {
        "events": [
            {
                "kind": e.kind, "source": e.source, "paths": rel(e.paths), "columns": types(e.columns), "rows": e.rows,
                "first": _iso(e.first), "last": _iso(e.last), "nullable": sorted(e.nullable), "rank": e.rank,
                "currencies": dict(e.currencies),
            }
            for e in gathered.events.values()
        ],
        "customers": table(gathered.customers),
        "lookups": [table(t) for t in gathered.lookups],
        "accounts": None if gathered.accounts is None else table(gathered.accounts),
        "quarantine": [bad_to_json(b) for b in gathered.quarantine],
        "bad_rows": {name: rel((path,))[0] for name, path in gathered.bad_rows.items()},
        "notes": list(gathered.notes),
        "sources": [_report(r) for r in gathered.sources.values()],
        "fingerprint": gathered.fingerprint,
    }  # fmt: skip


def from_json(data: Mapping[str, Any], folder: Path) -> Gathered:
    """What `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is of another form.
    """

    def paths(names: list[str]) -> tuple[Path, ...]:
        return tuple(folder / name for name in names)

    def types(columns: list[list[str]]) -> dict[str, Type]:
        return {name: named(text) for name, text in columns}

    def table(t: Mapping[str, Any]) -> AttributeFacts:
        known = t["known_from"]
        return AttributeFacts(
            name=t["name"], role=t["role"], paths=paths(t["paths"]), columns=types(t["columns"]), rows=t["rows"],
            keys=t["keys"], gone=t["gone"], constant=frozenset(t["constant"]), of=t["of"], account=t["account"],
            known_from=None if known is None else (datetime.fromisoformat(known[0]), datetime.fromisoformat(known[1])),
            since=t["since"], currencies=t["currencies"],
        )  # fmt: skip

    events = {
        e["kind"]: EventFacts(
            kind=e["kind"], source=e["source"], paths=paths(e["paths"]), columns=types(e["columns"]), rows=e["rows"],
            first=_time(e["first"]), last=_time(e["last"]), nullable=frozenset(e["nullable"]), rank=e["rank"],
            currencies=e["currencies"],
        )
        for e in data["events"]
    }  # fmt: skip
    return Gathered(
        events=events,
        customers=table(data["customers"]),
        lookups=tuple(table(t) for t in data["lookups"]),
        accounts=None if data["accounts"] is None else table(data["accounts"]),
        quarantine=tuple(bad_from_json(b) for b in data["quarantine"]),
        bad_rows={name: folder / path for name, path in data["bad_rows"].items()},
        notes=tuple(data["notes"]),
        sources={r["name"]: _reported(r) for r in data["sources"]},
        fingerprint=data["fingerprint"],
    )


def bad_to_json(bad: Bad) -> list[Any]:
    return [bad.source, bad.reason, bad.rows, [list(e) for e in bad.examples]]


def bad_from_json(data: Sequence[Any]) -> Bad:
    source, reason, rows, examples = data
    return Bad(source, reason, rows, tuple(tuple(e) for e in examples))


def _iso(moment: datetime | date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_COUNTS = (
    "rows", "kept", "quarantined", "left_out", "undecided", "without_customer", "strangers", "duplicates", "conflicts",
    "overlaps", "identical", "deleted", "ids", "met",
)  # fmt: skip


def _report(r: SourceReport) -> dict[str, Any]:
    return {
        "name": r.name,
        "role": r.role,
        "files": [[name, content, rows, when.isoformat()] for name, content, rows, when in r.files],
        "learned_at": _iso(r.learned_at),
        "columns": [list(c) for c in r.columns],
        **{name: getattr(r, name) for name in _COUNTS},
    }


def _reported(r: Mapping[str, Any]) -> SourceReport:
    return SourceReport(
        name=r["name"],
        role=r["role"],
        files=tuple((name, content, rows, datetime.fromisoformat(when)) for name, content, rows, when in r["files"]),
        learned_at=_time(r["learned_at"]),
        columns=tuple((name, type_) for name, type_ in r["columns"]),
        **{name: r[name] for name in _COUNTS},
    )
