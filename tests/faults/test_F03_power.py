"""F03: before each answer of 200 the log's file was forced to the disk, after the last write to it."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.conftest import missing
from tests.server.serving import BARE, now_key, started

CALL = re.compile(r"^\d+\s+(?:[\d.]+\s+)?(\w+)\((\d+)(?:<([^>]*)>)?(.*)")


def traced(folder: Path, out: Path, *arguments: str) -> list[tuple[str, str, str]]:
    """The calls of a service that took ten batches: name, file and the rest."""
    if shutil.which("strace") is None:
        missing("strace, which shows what is forced to the disk, is not here.")
    watch = ("strace", "-f", "-y", "-s", "40", "-e", "trace=pwrite64,write,writev,fdatasync,fsync,sendto,sendmsg", "-o", str(out))
    service = started(folder, *arguments, command=(*watch, *BARE), key=now_key(folder))
    for i in range(10):
        items = [{"type": "track", "event": "x", "userId": "u", "messageId": f"{i}-{n}"} for n in range(1 + i * 3)]
        assert service.batch(items)[0] == 200
    subprocess.run(["pkill", "-TERM", "-P", str(service.process.pid)], check=False)
    service.process.wait(60)
    service.closed()
    lines = out.read_text(errors="replace").splitlines()
    return [(m.group(1), m.group(3) or "", m.group(4)) for line in lines if (m := CALL.match(line))]


def unforced(calls: list[tuple[str, str, str]]) -> tuple[int, int]:
    """How many answers of 200 there were, and before how many of them the log's last write was not forced."""
    answers = bad = 0
    dirty = False
    for name, file, rest in calls:
        if file.endswith("log.sqlite-wal"):
            dirty = name in ("pwrite64", "write", "writev") or (dirty and "= 0" not in rest)
        elif "HTTP/1.1 200" in rest:
            answers += 1
            bad += dirty
    return answers, bad


def test_every_answer_is_forced(tmp_path: Path) -> None:
    assert unforced(traced(tmp_path / "live", tmp_path / "calls")) == (10, 0)


def test_a_build_without_it_is_found_out(tmp_path: Path) -> None:
    answers, bad = unforced(traced(tmp_path / "live", tmp_path / "calls", "--broken", "no-fsync"))
    assert answers == 10
    assert bad > 0
