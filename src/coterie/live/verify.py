"""Whether a log is as it was written: every event, the chain over all of them, the ids, the sealed days; and the list of who has
changed what, beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import apsw
import pyarrow as pa
import pyarrow.parquet as pq

from coterie.live import audit, desk
from coterie.live.audit import End
from coterie.live.log import MARK, Reader, at_rest, digest_of, read_audited
from coterie.live.message import Message
from coterie.live.sealing import file_hash
from coterie.live.wal import Mark

STEP = 10_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        events: that were looked at.
        position: of the last of them.
        sealed: days in Parquet.
        wrong: what is not as it was written, in plain words, in the order of the log; empty where all is well.
        lost: ranges of positions that are known to be gone, with when and why.
        audited: entries of the list of who has changed what.
    """

    events: int
    position: int
    sealed: int
    wrong: tuple[str, ...]
    lost: tuple[str, ...]
    audited: int = 0


def verify(folder: Path) -> Verified:
    """Walk through a log. It may be in use meanwhile: what is looked at is what was there when this began.

    Raises:
        StoreError: there is no log, or it cannot be opened at all.
    """
    with Reader(folder) as reader:
        c = reader.connection
        wrong: list[str] = []
        events = last = 0
        lost: list[tuple[int, int, str]] = []
        sealed = audited = 0
        mark = Mark.read(folder / MARK)
        try:
            with c:
                wrong += _pages(c)
                lost = [
                    (int(a), int(b), str(said)) for a, b, said in c.execute("SELECT first, last, said FROM lost ORDER BY first")
                ]
                events, last = _events(c, wrong, lost)
                (identity,) = c.execute("SELECT value FROM facts WHERE name = 'log'").fetchone() or (None,)
                end = max([last, *(end for _, end, _ in lost)])
                if mark is not None and mark.log == identity and mark.position > end:
                    wrong.append(f"the events at positions {end + 1:,} to {mark.position:,} are missing")
                for day in reader.sealed():
                    sealed += 1
                    wrong += _day(folder, day.file, day.hash, day.rows)
                end_of_list = read_audited(c)
            audited, said = _audit(folder, end_of_list)
            wrong += said
        except apsw.Error as error:
            wrong.append(f"the log cannot be read to its end: {error}")
        return Verified(events, last, sealed, tuple(wrong), tuple(said for *_, said in lost), audited)


def _pages(c: apsw.Connection) -> Iterator[str]:
    for (said,) in c.execute("PRAGMA integrity_check(20)"):
        if said != "ok":
            yield f"SQLite finds: {said}"


def _events(c: apsw.Connection, wrong: list[str], lost: list[tuple[int, int, str]]) -> tuple[int, int]:
    links = {int(position): bytes(found) for position, found in c.execute("SELECT position, hash FROM chain")}
    (known,) = c.execute("SELECT count(*) FROM ids").fetchone() or (0,)
    gone = {position for first, last, _ in lost for position in range(first, last + 1)}
    events = last = 0
    before = b""
    digests: list[bytes] = []
    while rows := list(at_rest(c, last, STEP)):
        ids = []
        for position, source, digest, body in rows:
            wrong.extend(f"the event at position {n:,} is missing" for n in range(last + 1, position) if n not in gone)
            whole = digest_of(source, body) == digest
            if not whole:
                wrong.append(f"the event at position {position:,} is not as it was written")
            digests.append(digest)
            if position in links:
                before = sha256(before + b"".join(digests)).digest()
                if before != links[position]:
                    wrong.append(f"the chain does not hold between positions {position - len(digests) + 1:,} and {position:,}")
                    before = links[position]
                digests = []
            if whole:
                ids.append((source, Message.from_json(body).id, position))
            last = position
            events += 1
        for source, id_, position in ids:
            found = c.execute("SELECT position FROM ids WHERE source = ? AND id = ?", (source, id_)).fetchone()
            if found is None or found[0] != position:
                wrong.append(f"the event at position {position:,} is not among the ids that tell messages apart")
    if known != events:
        wrong.append(f"{known:,} ids are kept of {events:,} events")
    return events, last


def _audit(folder: Path, end: End | None) -> tuple[int, list[str]]:
    """How many entries the list of who has changed what has, and what is wrong with it.

    Args:
        end: how far it had come, as the log knows it.
    """
    ends = (audit.read(folder), end)
    path = folder / desk.FILE
    if not path.exists():
        return 0, [f"the list of who has changed what is gone: {path.name} is missing"] if any(ends) else []
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(5000)
        with db:
            found = audit.broken(db, ends)
            last = audit.end_of(db)
    except apsw.Error as error:
        return 0, [f"the list of who has changed what cannot be read: {error}"]
    finally:
        db.close()
    return 0 if last is None else last.number, [] if found is None else [
        f"the list of who has changed what is not as it was written from entry {found:,} on"
    ]


def _day(folder: Path, name: str, expected: str, rows: int) -> Iterator[str]:
    path = folder / name
    if not path.exists():
        yield f"{name} is missing"
    elif file_hash(path) != expected:
        yield f"{name} is not as it was written"
    else:
        try:
            found = pq.read_metadata(path).num_rows
        except (OSError, pa.ArrowException) as error:
            yield f"{name} cannot be read: {error}"
        else:
            if found != rows:
                yield f"{name} has {found:,} rows: {rows:,} were written"
