"""Events over HTTP that are on the disk before they are acknowledged, against a plain server that promises as much."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from benchmarks.figures import at_least, at_most
from benchmarks.measure import Case, Round, Sample, benchmark

SECONDS = 4.0


def accepted(side: str, folder: Path, connections: int, batch: int) -> Mapping[str, float]:
    """What a server acknowledges to so many connections: requests, seconds, and the times to the answer in milliseconds."""
    shutil.rmtree(folder, ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live_server", side, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port, key = server.stdout.readline().split()
        load = [sys.executable, "-m", "benchmarks.live_load", port, key, str(connections), str(batch)]
        subprocess.run([*load, "0.3"], check=True, capture_output=True)
        done = subprocess.run([*load, str(SECONDS), "10000000"], check=True, capture_output=True, text=True)
        said: dict[str, float] = json.loads(done.stdout)
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    if said["refused"]:
        raise AssertionError(f"{side} refused {said['refused']} requests")
    print(f"  {side}: {said}")
    return said


def rate(said: Mapping[str, float], batch: int) -> float:
    """Events a second."""
    return said["requests"] * batch / said["seconds"]


def against_plain(case: Case, connections: int, batch: int) -> Round:
    def round_() -> Sample:
        value = rate(accepted("ours", case.folder / "live-ours", connections, batch), batch)
        return Sample(value, rate(accepted("plain", case.folder / "live-plain", connections, batch), batch), batch)

    return round_


@benchmark("live.single_requests", unit="requests/s", goal=at_least(1000), rounds=3)
def singles(case: Case) -> Round:
    """32 connections, one event a request, each on the disk before it is answered."""
    return lambda: Sample(rate(accepted("ours", case.folder / "live-ours", 32, 1), 1))


@benchmark("live.single_p99", unit="ms", goal=at_most(50), rounds=3)
def slowest(case: Case) -> Round:
    """The time to the answer that 99 of 100 of the same requests do not exceed."""
    return lambda: Sample(accepted("ours", case.folder / "live-ours", 32, 1)["p99"])


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
