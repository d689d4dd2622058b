"""F05, F06: the disk is full or fails at the n-th call. Nothing is acknowledged that is not there, and a start needs no hands."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from benchmarks.figures import at_most
from coterie.core.errors import CoterieError
from coterie.live.audit import End
from coterie.live.log import Log
from coterie.live.verify import verify
from coterie.live.writer import Limits, Overloaded, Writer
from tests.faults.vfs import Plan, failing
from tests.live.sent import NOW, track
from tests.server.bare import Counting
from tests.server.serving import now_key, serving, stored

ROOM = Limits(room=0)
TIDY = Limits(room=0, wal=2_000)
"""The write-ahead file is brought in, and cut to nothing, again and again."""


@pytest.fixture
def disk() -> Iterator[tuple[str, Plan]]:
    with failing() as found:
        yield found


def attempts(folder: Path, vfs: str) -> tuple[set[str], str]:
    """Ids of what was acknowledged while twenty batches are tried, and why the writer ended, if it did."""
    acknowledged: set[str] = set()
    try:
        log = Log.open(folder, lambda: NOW, vfs=vfs)
    except CoterieError:
        return acknowledged, "not opened"
    writer = Writer(log, limits=TIDY)
    writer.start()
    for i in range(20):
        batch = [track(i * 5 + n) for n in range(5)]
        try:
            receipts = writer.accept("web", batch)
        except CoterieError:
            continue
        assert [r.outcome for r in receipts] == ["stored"] * 5
        acknowledged.update(m.id for m in batch)
    failed = writer.failed
    writer.stop()
    log._leave()
    return acknowledged, failed


def recovered(folder: Path) -> set[str]:
    with Log.open(folder, lambda: NOW) as log:
        found = [e.message.id for e in log.read(0, 10_000)]
        assert len(found) == len(set(found))
        log.accept("web", [track(100_000)])
    assert verify(folder).wrong == ()
    return set(found)


CASES = [
    ("sync", apsw.IOError, apsw.SQLITE_IOERR_FSYNC),
    ("write", apsw.IOError, apsw.SQLITE_IOERR_WRITE),
    ("write", apsw.FullError, apsw.SQLITE_FULL),
    ("read", apsw.IOError, apsw.SQLITE_IOERR_READ),
    ("truncate", apsw.IOError, apsw.SQLITE_IOERR_TRUNCATE),
]


UNRAISABLE = "ignore::pytest.PytestUnraisableExceptionWarning"


@pytest.mark.filterwarnings(UNRAISABLE)
@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize(("kind", "error", "code"), CASES)
def test_a_failure_at_every_call(
    disk: tuple[str, Plan], tmp_path: Path, kind: str, error: type[apsw.Error], code: int, on: bool
) -> None:
    tried, lost = failures(disk, tmp_path, kind, error, code, on=on, every=False)
    assert lost == []
    assert tried


def failures(
    disk: tuple[str, Plan], folder: Path, kind: str, error: type[apsw.Error], code: int, *, on: bool, every: bool
) -> tuple[int, list[str]]:
    """Lets the n-th call of a kind fail, for n = 1, 2, … until none is left to fail (or some of these): how often it was tried,
    and at which calls acknowledged events were lost."""
    vfs, plan = disk
    n, tried, lost = 1, 0, list[str]()
    while True:
        at = folder / f"{kind}-{code}-{on}-{n}"
        plan.fail(kind, n, error, code, on=on)
        acknowledged, failed = attempts(at, vfs)
        hit = plan.failed
        plan.fail("", 0, error, 0)
        if at.exists():
            missing = acknowledged - recovered(at)
            if missing:
                lost.append(f"{kind} {n}: {len(missing)} acknowledged events are lost")
            shutil.rmtree(at)
        if not hit:
            assert len(acknowledged) == 100
            assert not failed
            return tried, lost
        tried += 1
        n += 1 if every else max(1, n // 8)


@pytest.mark.long
@pytest.mark.filterwarnings(UNRAISABLE)
def test_every_call_fails_once(disk: tuple[str, Plan], tmp_path: Path, figure: Callable[..., Any]) -> None:
    tried, lost = 0, list[str]()
    for kind, error, code in CASES:
        for on in (False, True):
            more, found = failures(disk, tmp_path, kind, error, code, on=on, every=True)
            tried, lost = tried + more, lost + found
    figure("live.disk_failures", len(lost), "with acknowledged events lost", goal=at_most(0), n=tried)
    assert lost == []


def test_the_first_failed_sync_ends_the_writer(disk: tuple[str, Plan], tmp_path: Path) -> None:
    vfs, plan = disk
    log = Log.open(tmp_path, lambda: NOW, vfs=vfs)
    writer = Writer(log, limits=ROOM)
    writer.start()
    writer.accept("web", [track(1)])
    plan.fail("sync", 1, apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
    with pytest.raises(Overloaded) as found:
        writer.accept("web", [track(2)])
    assert found.value.reason == "stopped"
    with pytest.raises(Overloaded):  # though the disk would do it now
        writer.accept("web", [track(3)])
    assert writer.failed
    log._leave()


def test_a_full_disk_is_waited_out(disk: tuple[str, Plan], tmp_path: Path) -> None:
    vfs, plan = disk
    log = Log.open(tmp_path, lambda: NOW, vfs=vfs)
    writer = Writer(log, limits=ROOM)
    writer.start()
    writer.accept("web", [track(1)])
    plan.fail("write", 1, apsw.FullError, apsw.SQLITE_FULL, on=True)
    with pytest.raises(Overloaded) as found:
        writer.accept("web", [track(2)])
    assert found.value.reason == "disk"
    assert writer.standing().full
    assert [e.message.id for e in log.read(0, 10)] == ["m1"]  # reading goes on
    plan.fail("", 0, apsw.IOError, 0)
    until = time.monotonic() + 5
    while writer.standing().full and time.monotonic() < until:
        time.sleep(0.05)
    assert writer.accept("web", [track(2)])[0].outcome == "stored"
    assert writer.stop()
    log.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", ["write", "truncate", "sync"])
def test_a_full_disk_stops_nothing_that_follows(disk: tuple[str, Plan], tmp_path: Path, kind: str) -> None:
    """Whatever has no room, accepting, applying, keeping house: it is done when there is room again, and once."""
    vfs, plan = disk
    n = 1
    while True:
        folder = tmp_path / str(n)
        log = Log.open(folder, lambda: NOW, vfs=vfs, tables=Counting.tables)
        writer = Writer(log, Counting(), limits=Limits(room=0, wal=20_000))
        plan.fail(kind, n, apsw.FullError, apsw.SQLITE_FULL)
        writer.start()
        writer.post(lambda log: log.keep_audited(End(1, bytes(32))))
        sent = 0
        for i in range(12):
            try:
                sent += len(writer.accept("web", [track(i * 3 + k) for k in range(3)]))
            except Overloaded:
                time.sleep(0.02)
        hit = plan.failed
        until = time.monotonic() + 10
        while (log.applied < log.position or writer.standing().full) and time.monotonic() < until:
            time.sleep(0.01)
        assert not writer.failed
        assert log.applied == log.position >= sent
        (total,) = log.connection.execute("SELECT sum(events) FROM counting").fetchone() or (0,)
        assert total == log.position
        assert writer.stop()
        log.close()
        if not hit:
            break
        n += max(1, n // 4)
    assert n > 1


def test_little_room_is_no_room(tmp_path: Path) -> None:
    with serving(tmp_path / "live", "--room", str(2**62), key=now_key(tmp_path / "live")) as service:
        until = time.monotonic() + 10
        while service.get("/readyz")[0] == 200 and time.monotonic() < until:
            time.sleep(0.1)
        assert service.get("/readyz")[1]["disk_full"] is True
        status, said = service.batch([{"type": "track", "event": "x", "userId": "u"}])
        assert (status, said["code"]) == (503, "disk")
        assert service.get("/livez")[0] == 200


def test_a_service_whose_disk_fails_ends_and_starts_again(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    key = now_key(folder)
    acknowledged: list[str] = []
    with serving(folder, "--broken", "disk", key=key) as service:
        for i in range(8):
            item = {"type": "track", "event": "x", "userId": "u", "messageId": f"m{i}"}
            try:
                status, said = service.batch([item])
            except OSError:  # it has ended
                break
            if status == 200:
                acknowledged.append(f"m{i}")
            else:
                assert (status, said["code"]) == (503, "stopped")
        assert service.process.wait(30) == 4
    assert acknowledged
    with serving(folder, key=key) as service:
        assert service.batch([{"type": "track", "event": "x", "userId": "u", "messageId": "after"}])[1]["stored"] == 1
        assert service.stop() == 0
    assert {*acknowledged, "after"} <= set(stored(folder))
