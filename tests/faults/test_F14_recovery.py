"""F09, F14: a write-ahead file that became long is read again at a start, in little memory; and it becomes short again as soon as
nobody reads what is older."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from benchmarks.figures import at_most
from coterie.live.log import FILE, Log
from coterie.live.writer import Limits, Writer
from tests.live.sent import NOW, track

START = textwrap.dedent("""
    import sys, time
    from datetime import datetime
    from pathlib import Path
    from coterie.live.log import Log
    began = time.perf_counter()
    log = Log.open(Path(sys.argv[1]), lambda: datetime(2026, 11, 22))
    lines = Path("/proc/self/status").read_text().splitlines()
    print(log.position, int(next(l.split()[1] for l in lines if l.startswith("VmHWM"))) / 1024, time.perf_counter() - began)
    log._leave()
""")


def left(folder: Path, size: int) -> int:
    """A log that was never brought in, with so many bytes in its write-ahead file. Returns its last position."""
    log = Log.open(folder, lambda: NOW)
    text, n = "x" * 30_000, 0
    while log.wal_size() < size:
        log.accept("web", [track(n + i, text=text) for i in range(100)])
        n += 100
    log._leave()
    assert (folder / f"{FILE}-wal").stat().st_size >= size
    return n


def started(folder: Path) -> tuple[int, float, float]:
    """Position, MiB and seconds of a start."""
    done = subprocess.run([sys.executable, "-c", START, str(folder)], capture_output=True, text=True, check=True)
    position, memory, seconds = done.stdout.split()
    return int(position), float(memory), float(seconds)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


@needs_proc
def test_a_long_write_ahead_file_takes_little_memory(tmp_path: Path) -> None:
    n = left(tmp_path, 150_000_000)
    position, memory, seconds = started(tmp_path)
    assert position == n
    assert memory < 200
    assert seconds < 30


@needs_proc
@pytest.mark.long
def test_a_gigabyte(tmp_path: Path, figure: Callable[..., Any]) -> None:
    n = left(tmp_path, 1_000_000_000)
    position, memory, seconds = started(tmp_path)
    assert position == n
    figure("live.recovery_memory", memory, "MiB for 1 GB that was not brought in", goal=at_most(512), n=n)
    figure("live.recovery", seconds, "s for 1 GB that was not brought in", goal=at_most(60), n=n)
    assert memory <= 512
    assert seconds <= 60


def test_a_long_reader_ends_and_the_file_is_short_again(tmp_path: Path) -> None:
    log = Log.open(tmp_path, lambda: NOW)
    writer = Writer(log, limits=Limits(room=0, wal=500_000))
    writer.start()
    writer.accept("web", [track(0)])
    reader = apsw.Connection(str(tmp_path / FILE), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN").fetchall()
    (before,) = reader.execute("SELECT count(*) FROM events").fetchone() or (0,)
    for i in range(1, 60):
        assert writer.accept("web", [track(i * 100 + k, text="y" * 1000) for k in range(100)])[0].outcome == "stored"
    time.sleep(1.5)
    assert log.wal_size() > 5_000_000
    assert reader.execute("SELECT count(*) FROM events").fetchone() == (before,)
    reader.close()
    until = time.monotonic() + 15
    n = 6000
    while log.wal_size() > 1_000_000 and time.monotonic() < until:
        writer.accept("web", [track(n)])
        n += 1
        time.sleep(0.1)
    assert log.wal_size() <= 1_000_000
    assert writer.stop()
    log.close()
