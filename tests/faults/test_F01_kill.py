"""F01, F02: the process is killed while clients send; what was acknowledged is there, once, and nothing was counted twice."""

import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from coterie.live.log import FILE, Log
from tests.conftest import missing
from tests.faults.loads import Dying
from tests.live.sent import NOW
from tests.server.serving import now_key, started, stored

POINTS = (
    "before_accept", "before_begin", "after_begin", "after_known", "after_events", "before_commit", "after_commit", "after_mark",
    "before_ack", "after_ack", "before_apply_commit", "after_apply_commit", "before_checkpoint", "after_checkpoint",
)  # fmt: skip
SHORT = 4
"""Kills at random moments in a quick run."""


class Kills(Dying):
    """Services of one folder that die one after another."""

    def __init__(self, folder: Path, seed: int):
        super().__init__(folder, now_key(folder), "--apply")
        self.random = random.Random(seed)

    def check(self) -> None:
        """Every acknowledged message is there once, and what was applied is what the log says."""
        counts = stored(self.folder)
        assert self.acknowledged <= set(counts), f"{len(self.acknowledged - set(counts))} acknowledged events are lost"
        twice = [id_ for id_, count in counts.items() if count > 1]
        assert not twice, f"{len(twice)} events are there twice"
        with started_and_applied(self.folder) as log:
            found = {c: (n, t) for c, n, t in log.connection.execute("SELECT customer, events, total FROM counting")}
            number: Counter[str] = Counter()
            total: Counter[str] = Counter()
            for event in log.read(0, 10_000_000):
                number[event.message.user or ""] += 1
                total[event.message.user or ""] += int(str(event.message.properties["revenue"]))
            assert found == {c: (number[c], total[c]) for c in number}


def started_and_applied(folder: Path) -> Log:
    """The log after everything was applied."""
    from coterie.live.writer import Writer
    from tests.server.bare import Counting

    log = Log.open(folder, lambda: NOW, tables=Counting.tables)
    writer = Writer(log, Counting())
    writer.start()
    until = time.monotonic() + 60
    while log.applied < log.position and time.monotonic() < until:
        time.sleep(0.01)
    assert writer.stop()
    return log


@pytest.fixture
def kills(tmp_path: Path) -> Kills:
    return Kills(tmp_path / "live", 1)


def test_kills_at_random_moments(kills: Kills) -> None:
    for _ in range(SHORT):
        kills.once(after=kills.random.uniform(0.01, 0.35))
    kills.check()
    assert len(kills.acknowledged) > 100


def test_a_kill_at_every_point(kills: Kills) -> None:
    for point in POINTS:
        kills.once("--point", point, "--after", "1" if "checkpoint" in point else str(kills.random.randrange(1, 20)))
        kills.check()


@pytest.mark.long
@pytest.mark.parametrize("quarter", range(4))
def test_a_hundred_kills(tmp_path: Path, quarter: int) -> None:
    kills = Kills(tmp_path / "live", quarter)
    for _ in range(25):
        kills.once(after=kills.random.uniform(0.01, 0.35))
    kills.check()


@pytest.mark.parametrize("broken", ["memory-ids", "ack-first", "apply-first"])
def test_a_broken_build_is_found_out(kills: Kills, broken: str) -> None:
    found = False
    for _ in range(12):
        kills.once("--broken", broken, "--point", "before_commit", "--after", "9")
        try:
            kills.check()
        except AssertionError:
            found = True
            break
    assert found


def test_sqlite_counts_what_was_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    service = started(folder, key=now_key(folder))
    items = [{"type": "track", "event": "x", "userId": "u", "messageId": str(i % 90)} for i in range(100)]
    said = [service.batch(items[i : i + 10])[1] for i in range(0, 100, 10)]
    assert service.stop() == 0
    if shutil.which("sqlite3") is None:
        missing("the program sqlite3, which counts what coterie has written, is not here.")
    asked = ["sqlite3", "-readonly", str(folder / FILE), "SELECT count(*) FROM events"]
    count = int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    assert count == sum(s["stored"] for s in said) == 90
    assert sum(s["duplicate"] for s in said) == 10
