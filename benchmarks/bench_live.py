"""Events over HTTP that are on the disk before they are acknowledged, against a plain server that promises as much."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.figures import at_least
from benchmarks.measure import Case, Round, Sample, benchmark

SECONDS = 4.0


def accepted(side: str, folder: Path, connections: int, batch: int) -> float:
    """Events a second that a server acknowledges to so many connections."""
    shutil.rmtree(folder, ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live_server", side, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port, key = server.stdout.readline().split()
        load = [sys.executable, "-m", "benchmarks.live_load", port, key, str(connections), str(batch)]
        subprocess.run([*load, "0.3"], check=True, capture_output=True)
        said = json.loads(subprocess.run([*load, str(SECONDS)], check=True, capture_output=True, text=True).stdout)
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    if said["refused"]:
        raise AssertionError(f"{side} refused {said['refused']} requests")
    print(f"  {side}: {said}")
    rate: float = said["requests"] * batch / said["seconds"]
    return rate


def against_plain(case: Case, connections: int, batch: int) -> Round:
    def round_() -> Sample:
        value = accepted("ours", case.folder / "live-ours", connections, batch)
        return Sample(value, accepted("plain", case.folder / "live-plain", connections, batch), batch)

    return round_


@benchmark("live.accept_vs_fastapi", unit="events/s", goal=at_least(3), rounds=3)
def ones(case: Case) -> Round:
    """64 connections, one event a request."""
    return against_plain(case, 64, 1)


@benchmark("live.accept_vs_fastapi_100", unit="events/s", goal=at_least(2), rounds=3)
def hundreds(case: Case) -> Round:
    """16 connections, a hundred events a request."""
    return against_plain(case, 16, 100)


@benchmark("live.fsync", unit="ms", rounds=3)
def fsync(case: Case) -> Round:
    """What forcing four kilobytes to this disk takes: what no server is quicker than."""
    case.folder.mkdir(parents=True, exist_ok=True)
    path = case.folder / "fsync"

    def round_() -> Sample:
        count = 200
        with path.open("wb") as file:
            began = perf_counter()
            for _ in range(count):
                file.write(bytes(4096))
                file.flush()
                os.fdatasync(file.fileno())
            spent = perf_counter() - began
        path.unlink()
        return Sample(1000 * spent / count, None, count)

    return round_
