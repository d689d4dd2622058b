"""The log: what is accepted is there once, in order, and stays as it was written."""

import os
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import apsw
import pyarrow.parquet as pq
import pytest

from coterie.core.errors import Busy, StoreError
from coterie.live.backup import backup, restore
from coterie.live.log import FILE, MARK, Damaged, Log, Logged, Reader, Transaction
from coterie.live.message import Caps, Message, Refused
from coterie.live.replay import replay
from coterie.live.sealing import seal_now
from coterie.live.verify import verify
from coterie.live.writer import Limits, Overloaded, Writer
from tests.live.sent import NOW, read, track


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def log(tmp_path: Path, time: Time) -> Iterator[Log]:
    with Log.open(tmp_path, time) as found:
        yield found


def outcomes(log: Log, *messages: Message, source: str = "web", refused: Sequence[Refused] = ()) -> list[str]:
    return [receipt.outcome for receipt in log.accept(source, messages, refused)]


def test_what_is_accepted_is_read_in_order(log: Log) -> None:
    sent = [track(i) for i in range(2500)]
    assert outcomes(log, *sent[:3]) == ["stored"] * 3
    log.accept("web", sent[3:])
    assert log.position == 2500
    assert log.read(0, 10_000) == [Logged(i + 1, "web", m) for i, m in enumerate(sent)]
    assert [e.position for e in log.read(100, 3)] == [101, 102, 103]
    with Reader(log.folder) as reader:
        assert (reader.position, reader.applied) == (2500, 0)
        assert reader.read(2498, 10) == log.read(2498, 10)
    assert verify(log.folder).wrong == ()


def test_one_message_is_stored_once(log: Log) -> None:
    assert outcomes(log, track(1), track(1), track(2)) == ["stored", "duplicate", "stored"]
    assert outcomes(log, track(2)) == ["duplicate"]
    assert log.position == 2


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=25), timedelta(days=400)])
def test_also_long_after(log: Log, time: Time, after: timedelta) -> None:
    outcomes(log, track(1))
    time.now += after
    assert outcomes(log, track(1)) == ["duplicate"]


def test_another_message_of_the_same_id_is_a_conflict(log: Log) -> None:
    assert outcomes(log, track(1), track(1, revenue=7)) == ["stored", "conflict"]
    assert outcomes(log, track(1, revenue=8)) == ["conflict"]
    assert [q.reason for q in log.quarantine()] == ["id_conflict"] * 2
    assert log.read(0, 10)[0].message == track(1)


def test_an_id_belongs_to_its_source(log: Log) -> None:
    assert outcomes(log, track(1)) == outcomes(log, track(1, revenue=7), source="app") == ["stored"]


@pytest.mark.parametrize("at_once", [400, 999, 1000, 1001, 2300])
def test_every_thousandth_position_is_a_link_of_the_chain(log: Log, at_once: int) -> None:
    for first in range(0, 2300, at_once):
        log.accept("web", [track(n) for n in range(first, min(first + at_once, 2300))])
    digests = [bytes(d) for (d,) in log.connection.execute("SELECT digest FROM events ORDER BY position")]
    first_link = sha256(b"".join(digests[:1000])).digest()
    second = sha256(first_link + b"".join(digests[1000:2000])).digest()
    assert log.connection.execute("SELECT position, hash FROM chain ORDER BY position").fetchall() == [
        (1000, first_link),
        (2000, second),
    ]


def test_receipts_stand_in_the_order_of_the_items(log: Log) -> None:
    no = [Refused(0, "no_id", "nobody", b"{}"), Refused(2, "type", "what", b"[]")]
    assert outcomes(log, track(1), track(1), refused=no) == ["quarantined", "stored", "quarantined", "duplicate"]
    assert [(q.reason, q.item) for q in log.quarantine()] == [("no_id", b"{}"), ("type", b"[]")]


def test_what_was_refused_is_taken_when_it_can_be(log: Log) -> None:
    item = {"type": "track", "event": "x", "userId": "u1", "properties": {"text": "y" * 500}}
    for path, body in (("/v1/batch", {"batch": [item, {**item, "userId": None}]}), ("/v1/track", item)):
        made, refused = read(body, path, caps=Caps(item=400))
        log.accept("web", made, refused, path)
    assert [q.reason for q in log.quarantine()] == ["too_large", "too_large", "too_large"]
    assert replay(log, Caps(item=400)) == []
    assert [r.number for r in replay(log)] == [1, 3]
    assert replay(log) == []
    assert [(e.message.id, e.message.received) for e in log.read(0, 10)] == [("refused-1-0", NOW), ("refused-3-0", NOW)]
    assert [q.number for q in log.quarantine()] == [2]
    assert [q.number for q in log.quarantine(replayed=True)] == [1, 2, 3]


def test_a_failed_write_leaves_nothing(log: Log) -> None:
    outcomes(log, track(1))

    def broken(name: str) -> None:
        if name == "before_commit":
            raise OSError("no")

    log.at = broken
    with pytest.raises(OSError, match="no"):
        log.accept("web", [track(2)])
    log.at = lambda _: None
    assert log.position == 1
    assert outcomes(log, track(2)) == ["stored"]
    assert [e.position for e in log.read(0, 10)] == [1, 2]


def test_it_goes_on_where_it_ended(tmp_path: Path, time: Time) -> None:
    for i in range(5):
        with Log.open(tmp_path, time) as log:
            assert log.clean
            assert log.position == i * 700
            log.accept("web", [track(i * 700 + n) for n in range(700)])
    assert verify(tmp_path).wrong == ()
    assert verify(tmp_path).events == 3500


@pytest.mark.parametrize("batch", [1, 100, 250, 1000, 2000])
def test_the_chain_holds_whatever_the_batches(log: Log, batch: int) -> None:
    for start in range(0, 3000, batch):
        log.accept("web", [track(i) for i in range(start, start + batch)][:3000])
    assert verify(log.folder).wrong == ()


def test_one_process_at_a_time(log: Log, time: Time) -> None:
    with pytest.raises(Busy, match=r"process \d+"):
        Log.open(log.folder, time)


def test_an_sqlite_that_loses_commits_is_told_of(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    with Log.open(tmp_path, time) as log:
        assert log.notes == []
    monkeypatch.setattr("apsw.sqlite_lib_version", lambda: "3.51.1")
    with Log.open(tmp_path, time) as log:
        assert "SQLite 3.51.1" in log.notes[0]


@pytest.mark.skipif(os.name != "posix", reason="has no such rights")
def test_nobody_else_may_look(tmp_path: Path, time: Time) -> None:
    Log.open(tmp_path / "live", time).close()
    assert (tmp_path / "live").stat().st_mode & 0o077 == 0


def test_a_newer_format_is_refused(tmp_path: Path, time: Time) -> None:
    Log.open(tmp_path, time).close()
    with apsw.Connection(str(tmp_path / FILE)) as db:
        db.execute("PRAGMA user_version=2")
    with pytest.raises(StoreError, match="newer") as found:
        Log.open(tmp_path, time)
    assert found.value.code == "E651"


def test_another_database_is_refused(tmp_path: Path, time: Time) -> None:
    with apsw.Connection(str(tmp_path / FILE)) as db:
        db.execute("CREATE TABLE t (x)")
    with pytest.raises(StoreError, match="no log"):
        Log.open(tmp_path, time)
    (tmp_path / FILE).write_bytes(b"hello" * 1000)
    with pytest.raises(StoreError):
        Log.open(tmp_path, time)


def test_a_log_that_was_removed_is_missed(tmp_path: Path, time: Time) -> None:
    with Log.open(tmp_path, time) as log:
        log.accept("web", [track(1), track(2)])
    (tmp_path / FILE).unlink()
    with pytest.raises(Damaged) as found:
        Log.open(tmp_path, time)
    assert (found.value.first, found.value.last) == (1, 2)
    with Log.open(tmp_path, time, accept_loss=True) as log:
        assert outcomes(log, track(3)) == ["stored"]
    Log.open(tmp_path, time).close()


class Sums:
    """Remembers positions; refuses what is poison; wants to be called when it says."""

    tables = ("CREATE TABLE IF NOT EXISTS sums (position INTEGER PRIMARY KEY) STRICT",)

    def __init__(self) -> None:
        self.poison: set[str] = set()
        self.wants: datetime | None = None
        self.ticks = 0

    def apply(self, tx: Transaction, events: Sequence[Logged], now: datetime) -> None:
        for event in events:
            tx.execute("INSERT INTO sums VALUES (?)", (event.position,))
            if event.message.id in self.poison:
                raise ValueError("cannot")

    def due(self) -> datetime | None:
        return self.wants

    def tick(self, tx: Transaction, now: datetime) -> None:
        self.ticks += 1
        self.wants = None


def applied(log: Log, sums: Sums) -> list[int]:
    """The positions that were applied, in order, after all were."""
    writer = Writer(log, sums)
    writer.start()
    while log.applied < log.position:
        assert not writer.failed
    assert writer.stop()
    return [int(str(p)) for (p,) in log.connection.execute("SELECT position FROM sums ORDER BY position")]


def test_every_event_is_applied_once_and_poison_is_set_aside(tmp_path: Path, time: Time) -> None:
    sums = Sums()
    sums.poison = {"m17", "m1234"}
    with Log.open(tmp_path, time, tables=sums.tables) as log:
        log.accept("web", [track(i) for i in range(3000)])
        assert applied(log, sums) == [i for i in range(1, 3001) if i not in (18, 1235)]
        found = log.quarantine()
        assert [(q.position, q.reason) for q in found] == [(18, "not_applied"), (1235, "not_applied")]
        assert "ValueError: cannot" in found[0].said
        assert len(log.read(0, 10_000)) == 3000


def test_applying_goes_on_behind_an_unclean_end(tmp_path: Path, time: Time) -> None:
    sums = Sums()
    log = Log.open(tmp_path, time, tables=sums.tables)
    log.accept("web", [track(i) for i in range(30)])
    log._leave()  # as a killed process does
    log = Log.open(tmp_path, time, tables=sums.tables)
    assert not log.clean
    assert applied(log, sums) == list(range(1, 31))
    log.close()


def test_what_ends_the_process_each_time_is_set_aside(tmp_path: Path, time: Time) -> None:
    sums = Sums()
    for _ in range(3):
        log = Log.open(tmp_path, time, tables=sums.tables)
        log.accept("web", [track(1), track(2)])
        log.attempt(1)
        log._leave()
    with Log.open(tmp_path, time, tables=sums.tables) as log:
        assert applied(log, sums) == [2]
        assert [q.position for q in log.quarantine()] == [1]


def test_a_tick_comes_when_it_is_due(tmp_path: Path, time: Time) -> None:
    sums = Sums()
    with Log.open(tmp_path, time, tables=sums.tables) as log:
        writer = Writer(log, sums)
        sums.wants = time.now + timedelta(hours=1)
        writer.start()
        writer.accept("web", [track(1)])
        assert sums.ticks == 0
        time.now += timedelta(hours=2)
        writer.probe()
        while not sums.ticks:
            assert not writer.failed
        assert writer.stop()
        assert sums.ticks == 1


def test_a_full_queue_is_said(log: Log) -> None:
    writer = Writer(log, limits=Limits(requests=0))
    with pytest.raises(Overloaded) as found:
        writer.accept("web", [track(1)])
    assert (found.value.reason, found.value.retry_after) == ("queue", 1)


def test_another_program_that_holds_the_log_is_waited_for(log: Log) -> None:
    sums = Sums()
    for sql in sums.tables:
        log.connection.execute(sql)
    writer = Writer(log, sums)
    writer.start()
    other = apsw.Connection(str(log.folder / FILE))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Overloaded):
        writer.accept("web", [track(1)])
    other.close()
    assert writer.accept("web", [track(1)])[0].outcome == "stored"
    assert not writer.failed
    assert writer.stop()


def test_a_reader_that_stays_holds_nobody_up(log: Log) -> None:
    with Reader(log.folder) as reader, reader.connection:
        assert reader.read(0, 1) == []
        for start in range(0, 3000, 100):
            log.accept("web", [track(i) for i in range(start, start + 100)])
        began = perf_counter()
        log.checkpoint(whole=True)
        assert perf_counter() - began < 2
        assert reader.read(0, 1) == []
    assert log.checkpoint(whole=True) == 0
    assert log.wal_size() == 0


def test_closed_days_are_sealed(tmp_path: Path, time: Time) -> None:
    with Log.open(tmp_path, time, zone=ZoneInfo("Asia/Tokyo")) as log:  # 23:00 there
        log.accept("web", [track(i) for i in range(5)])
        time.now += timedelta(hours=2)
        log.accept("web", [track(i) for i in range(5, 8)])
        time.now -= timedelta(hours=2)  # a clock that goes back opens no day again
        log.accept("web", [track(i) for i in range(8, 10)])
        time.now += timedelta(days=3)
        log.accept("web", [track(10)])
        done = seal_now(log)
        assert [(d.day, d.first, d.last, d.rows) for d in done] == [("2026-11-22", 1, 5, 5), ("2026-11-23", 6, 10, 5)]
        assert seal_now(log) == []
        with Reader(tmp_path) as reader:
            assert reader.sealed() == done
        rows = pq.read_table(tmp_path / done[0].file).to_pylist()
        assert [Message.from_json(row["body"]) for row in rows] == [track(i) for i in range(5)]
        assert rows[3]["user"] == "u3"
        assert verify(tmp_path).wrong == ()
        assert verify(tmp_path).sealed == 2
        (tmp_path / done[0].file).write_bytes(b"x" + (tmp_path / done[0].file).read_bytes()[1:])
        assert verify(tmp_path).wrong == (f"{done[0].file} is not as it was written",)


def test_a_backup_while_it_is_written_comes_back(tmp_path: Path, time: Time) -> None:
    with Log.open(tmp_path / "live", time) as log:
        log.accept("web", [track(i) for i in range(1500)])
        time.now += timedelta(days=1)
        log.accept("web", [track(1500)])
        seal_now(log)
        taken = backup(tmp_path / "live", tmp_path / "saved", time.now)
        log.accept("web", [track(1501)])
        events = log.read(0, 1501)
    assert taken.position == 1501
    back = restore(tmp_path / "saved", tmp_path / "again")
    assert back.position == 1501
    assert verify(tmp_path / "again").wrong == ()
    with Log.open(tmp_path / "again", time) as log:
        assert log.read(0, 10_000) == events
        assert outcomes(log, track(1500), track(1501)) == ["duplicate", "stored"]
    with pytest.raises(StoreError, match="already"):
        restore(tmp_path / "saved", tmp_path / "again")
    with pytest.raises(StoreError, match="already"):
        backup(tmp_path / "live", tmp_path / "saved", time.now)


def test_a_backup_with_a_changed_byte_is_refused(tmp_path: Path, time: Time) -> None:
    with Log.open(tmp_path / "live", time) as log:
        log.accept("web", [track(i) for i in range(50)])
    backup(tmp_path / "live", tmp_path / "saved", time.now)
    path = tmp_path / "saved" / FILE
    whole = path.read_bytes()
    choose = random.Random(5)
    for _ in range(20):
        place = choose.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StoreError, match="no whole backup"):
            restore(tmp_path / "saved", tmp_path / "again")
    assert not (tmp_path / "again" / FILE).exists()


def test_verify_names_what_was_changed(tmp_path: Path, time: Time) -> None:
    with Log.open(tmp_path, time) as log:
        log.accept("web", [track(i) for i in range(2100)])
    for sql, said in (
        ("UPDATE events SET body = replace(body, 'o41', 'o42') WHERE position = 42", "position 42 is not as"),
        ("DELETE FROM events WHERE position = 2000", "position 2,000 is missing"),
        ("DELETE FROM events WHERE position > 2090", "positions 2,091 to 2,100 are missing"),
        ("UPDATE events SET digest = zeroblob(16) WHERE position = 7", "chain does not hold between positions 1 and 1,000"),
        ("DELETE FROM ids WHERE position = 5", "position 5 is not among the ids"),
    ):
        copy = tmp_path / "copy"
        copy.mkdir(exist_ok=True)
        for name in (FILE, MARK):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
        with apsw.Connection(str(copy / FILE)) as db:
            db.execute(sql)
        assert any(said in line for line in verify(copy).wrong), verify(copy).wrong


def test_a_reader_is_told_of_a_changed_event(tmp_path: Path, time: Time) -> None:
    with Log.open(tmp_path, time) as log:
        log.accept("web", [track(1)])
        log.connection.execute("UPDATE events SET body = replace(body, 'o1', 'o2')")
        with pytest.raises(Damaged, match="position 1"):
            log.read(0, 10)
