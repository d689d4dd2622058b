"""A service in a process of its own, as tests start, ask, kill and stop it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coterie.core.errors import StoreError
from coterie.live.keys import Keys
from coterie.live.log import Log

COMMAND = (sys.executable, "-c", "from coterie.cli import main; main()", "serve", "--port", "0")
BARE = (sys.executable, "-m", "tests.server.bare")
"""The same service without a project, quick to start, with crash points."""
WAIT = 60.0


@dataclass
class Service:
    """A running service. `said` is what it printed so far."""

    process: subprocess.Popen[str]
    folder: Path
    said: list[str] = field(default_factory=list)
    address: str = ""
    key: str = ""

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None, timeout: float = 30) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        request = urllib.request.Request(self.address + path, body, headers or {}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def batch(self, items: list[dict[str, Any]], **envelope: Any) -> tuple[int, Any]:
        return self.post("/v1/batch", json.dumps({"batch": items, "writeKey": self.key, **envelope}).encode())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT)
        self.closed()

    def closed(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT)
        self.closed()
        return code


def started(folder: Path, *arguments: str, command: tuple[str, ...] = BARE, key: str = "") -> Service:
    """Start a service of a folder and wait until it listens. Raises StoreError with what it said where it ends instead."""
    process = subprocess.Popen(
        [*command, "--dir", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    service = Service(process, folder, key=key)
    assert process.stdout is not None
    until = time.monotonic() + WAIT
    for line in process.stdout:
        service.said.append(line)
        made = re.search(r"ct_ingest_\w+", line)
        service.key = made.group() if made else service.key
        found = re.search(r"Listening on (http://\S+?:\d+)", line)
        if found:
            service.address = found.group(1)
            return service
        assert time.monotonic() < until
    code = process.wait(WAIT)
    service.closed()
    raise StoreError(f"ended with {code}: {''.join(service.said)}", code=str(code))


@contextmanager
def serving(folder: Path, *arguments: str, command: tuple[str, ...] = BARE, key: str = "") -> Iterator[Service]:
    """A service that is stopped at the end."""
    service = started(folder, *arguments, command=command, key=key)
    try:
        yield service
    finally:
        service.kill()


def now_key(folder: Path) -> str:
    """An ingest key of a folder, made before its service starts."""
    from tests.live.sent import NOW

    return Keys(folder).make("ingest", "test", NOW, os.urandom)


def stored(folder: Path) -> dict[str, int]:
    """The ids of the events in a log, each with how often it is there. The log is opened as a start would."""
    from tests.live.sent import NOW

    counts: dict[str, int] = {}
    with Log.open(folder, lambda: NOW) as log:
        after = 0
        while events := log.read(after, 10_000):
            for event in events:
                counts[event.message.id] = counts.get(event.message.id, 0) + 1
            after = events[-1].position
    return counts
