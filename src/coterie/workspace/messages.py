"""Messages as rows that a run reads: what the log has had, as files of the sources that say `live:`, a file a day.

The files are made from the log and can be made again. A closed day is written once; when ids turn out to be one customer's,
or the project says otherwise what a row is, all are.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from coterie.core.windows import local_day
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.live.log import FILE, Logged, Reader
from coterie.live.rows import Rows, plain, row
from coterie.sources.attributes import MESSAGES
from coterie.sources.cells import ARROW
from coterie.sources.files import Found, read_json, write_json
from coterie.sources.source import Source
from coterie.workspace.project import Project

LOG = "live"
"""The folder of the log, in the record."""
FOLDER = "messages"
AT_ONCE = 10_000
KINDS: Mapping[str, Type] = {
    "text": TEXT, "integer": INTEGER, "money": MONEY, "float": FLOAT, "boolean": BOOLEAN, "date": DATE, "timestamp": TIMESTAMP,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """What a run takes from the log.

    Attributes:
        position: up to where.
        files: of each source that says `live:`.
    """

    position: int
    files: Mapping[str, tuple[Found, ...]]

    def of(self, source: Source) -> Sequence[Found]:
        return self.files.get(source.name, ())


def taken(project: Project, cache: Path, record: Path) -> Taken:
    """The rows of all messages that have been applied, as files.

    Args:
        project: which messages are rows of which source.
        cache, record: of the project.
    """
    sources = [s for s in project.sources.values() if s.live is not None]
    if not sources:
        return Taken(0, {})
    folder = cache / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    none = {s.name: (_columns(folder, s),) if s.path is None else () for s in sources}
    if not (record / LOG / FILE).exists():
        return Taken(0, none)
    with Reader(record / LOG) as log:
        log.connection.execute("BEGIN").fetchall()  # one moment, whatever is applied meanwhile
        position = log.applied
        customers = _customers(log)
        mark = _mark(sources, customers, project.timezone)
        known = read_json(folder / "known.json") or {}
        days: dict[str, Any] = dict(known["days"]) if known.get("mark") == mark else {}  # type: ignore[call-overload]
        if not days:
            for old in folder.glob("*.jsonl"):
                old.unlink()
        closed = sorted(days)[:-1]
        after = max((int(days[d]) for d in closed), default=0)
        for day, events in _by_day(log, after, position, project.timezone):
            for source in sources:
                _write(folder, source, day, events, customers)
            days[day] = events[-1].position
        write_json(folder / "known.json", {"mark": mark, "days": days})
    found = {}
    for source in sources:
        files = [folder / _name(source, day) for day in sorted(days)]
        if source.role == "customers":
            files = _people(folder, source, files)
        came = tuple(Found(f, f"{MESSAGES}{f.name}") for f in files if f.exists())
        found[source.name] = (*none[source.name], *came)
    return Taken(position, found)


def _name(source: Source, day: str) -> str:
    # A name may hold anything; a file's may not.
    return f"{sha256(source.name.encode()).hexdigest()[:12]}-{day}.jsonl"


def _customers(log: Reader) -> Mapping[str, str]:
    """Who goes by another id."""
    there = log.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'live_id'").fetchall()
    return dict(log.connection.execute("SELECT id, customer FROM live_id WHERE id != customer")) if there else {}


def _mark(sources: Sequence[Source], customers: Mapping[str, str], zone: str) -> str:
    said = [[s.name, s.role, s.id, s.customer, s.time, repr(s.live)] for s in sources]
    text = json.dumps([said, sorted(customers.items()), zone, 1], ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _by_day(log: Reader, after: int, upto: int, zone: str) -> Iterator[tuple[str, list[Logged]]]:
    """Messages by the local day on which they came; a day that the clock went back to is a part of the one before."""
    day, events = "", list[Logged]()
    while after < upto:
        some = [e for e in log.read(after, AT_ONCE) if e.position <= upto]
        if not some:
            break
        for event in some:
            of = max(day, str(local_day(event.message.received, zone)))
            if of != day and events:
                yield day, events
                events = []
            day = of
            events.append(event)
        after = some[-1].position
    if events:
        yield day, events


def _write(folder: Path, source: Source, day: str, events: Sequence[Logged], customers: Mapping[str, str]) -> None:
    of = Rows([source])
    path = folder / _name(source, day)
    partial = path.with_suffix(".partial")
    rows = 0
    with partial.open("w", encoding="utf-8") as file:
        for event in events:
            message = event.message
            id_ = message.user or message.anonymous
            if id_ is None:
                continue
            for one in of.of(message):
                said = row(one, message, customers.get(id_, id_), {})
                file.write(json.dumps({k: plain(v) for k, v in said.items()}, ensure_ascii=False) + "\n")
                rows += 1
    if rows:
        partial.replace(path)
    else:
        partial.unlink()
        path.unlink(missing_ok=True)


def _people(folder: Path, source: Source, days: Sequence[Path]) -> list[Path]:
    """One row a customer, with the last that was said in each column."""
    assert source.id is not None
    last: dict[str, dict[str, Any]] = {}
    for path in days:
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                said = json.loads(line)
                last.setdefault(str(said[source.id]), {}).update(said)
    path = folder / f"{sha256(source.name.encode()).hexdigest()[:12]}-people.jsonl"
    path.unlink(missing_ok=True)
    if not last:
        return []
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in last.values()), encoding="utf-8")
    return [path]


def _columns(folder: Path, source: Source) -> Found:
    """A file without rows, which says what columns there are before the first message."""
    types = source.options.get("types")
    declared = {str(n): KINDS[str(t)] for n, t in types.items() if str(t) in KINDS} if isinstance(types, Mapping) else {}
    named = {n: pa.string() for n in (source.customer, source.id) if n is not None}
    if source.time is not None:
        named[source.time] = pa.timestamp("us", "UTC")
    schema = pa.schema([*named.items(), *((n, ARROW[t]) for n, t in declared.items() if n not in named)])
    path = folder / f"{sha256(source.name.encode()).hexdigest()[:12]}-columns.parquet"
    pq.write_table(schema.empty_table(), path)
    return Found(path, f"{MESSAGES}{path.name}")
