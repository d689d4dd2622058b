"""`coterie serve` over the benchmarks' business, as a process of its own that is watched."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import Request, urlopen

from coterie.workspace.workspace import Workspace


@dataclass
class Service:
    """A service that runs.

    Attributes:
        write, read: keys.
        memory: MiB that it held, second by second.
    """

    process: subprocess.Popen[str]
    port: int
    write: str
    read: str
    memory: list[float] = field(default_factory=list)

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"http://127.0.0.1:{self.port}{path}", data, {"Authorization": f"Bearer {self.read}"})
        with urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def ready(self) -> Any:
        return self.ask("/readyz")

    def caught_up(self, seconds: float = 600) -> float:
        """Wait until everything is applied; after how many seconds that was."""
        began = monotonic()
        while monotonic() - began < seconds:
            found = self.ready()
            if found["applied"] >= found["position"]:
                return monotonic() - began
            sleep(0.02)
        raise TimeoutError(f"not everything is applied after {seconds:g} s")

    @property
    def cpu(self) -> float:
        """Seconds of the processor so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def held(self) -> float:
        """MiB that it holds now, the files that it looks into included as far as they are in memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]

    def watch(self) -> None:
        while self.process.poll() is None:
            try:
                self.memory.append(self.held())
            except (OSError, TypeError):
                return
            sleep(1)


@contextmanager
def serving(space: Workspace) -> Iterator[Service]:
    """The service of a project, ready to be asked."""
    folder = str(space.folder)
    made = subprocess.run(
        [sys.executable, "-m", "coterie", "keys", "add", "read", "bench", "--dir", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    command = [sys.executable, "-m", "coterie", "serve", "--dir", folder, "--port", "0", "--no-nightly"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        write = re.search(r"ct_ingest_\w+", process.stdout.readline())
        port = re.search(r":(\d+): ", process.stdout.readline())
        assert write is not None
        assert port is not None
        service = Service(process, int(port[1]), write[0], made.stdout.strip())
        threading.Thread(target=service.watch, daemon=True).start()
        service.caught_up()
        yield service
    finally:
        process.terminate()
        process.communicate(timeout=60)


def rate(service: Service, rate: float, seconds: float, customers: int, *, batch: int = 100, first: int = 10**9) -> dict[str, Any]:
    """Orders at a rate; what became of them, as `live_rate` prints it."""
    numbers = (rate, batch, seconds, customers, first)
    command = [sys.executable, "-m", "benchmarks.live_rate", str(service.port), service.write, service.read, *map(str, numbers)]
    said: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return said
