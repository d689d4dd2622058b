"""Questions over loopback, by wrk where it is there, otherwise by a process of ours:
python -m benchmarks.live_ask PORT READ get|decide CONNECTIONS SECONDS CUSTOMERS."""

import asyncio
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import uvloop

from benchmarks.live_rate import Connection, part

RULE = "orders >= 3 and country = 'DE'"
VARIANTS = f'{{"name":"a","segment":"s1"}},{{"name":"b","segment":"s2"}},{{"name":"c","rule":"{RULE}"}},{{"name":"d"}}'


class Asked(NamedTuple):
    """Answers a second, and how long they took (milliseconds)."""

    rate: float
    p50: float
    p99: float


def asked(port: int, read: str, what: str, connections: int, seconds: float, customers: int) -> Asked:
    """Random customers asked for (`get`), or decided about (`decide`)."""
    if shutil.which("wrk") is None:
        numbers = (port, read, what, connections, seconds, customers)
        command = [sys.executable, "-m", "benchmarks.live_ask", *map(str, numbers)]
        return Asked(*json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    if what == "get":
        lines = f'return wrk.format("GET", "/api/v1/customers/" .. math.random({customers}))'
    else:
        body = f'{{"customer":"\' .. math.random({customers}) .. \'","variants":[{VARIANTS.replace(chr(39), chr(92) + chr(39))}]}}'
        lines = f"""return wrk.format("POST", "/api/v1/decide", nil, '{body}')"""
    script = f"""
wrk.headers["Authorization"] = "Bearer {read}"
wrk.headers["Content-Type"] = "application/json"
bad = 0
function request() {lines} end
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ask.lua"
        path.write_text(script)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{int(seconds)}s", "--latency", "-s", str(path), f"http://127.0.0.1:{port}"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise AssertionError(said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None
    return Asked(float(rate[1]), latency(said, 50), latency(said, 99))


def latency(said: str, percent: int) -> float:
    """A latency of wrk's in milliseconds."""
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


async def main(port: str, read: str, what: str, *numbers: str) -> None:
    connections, seconds, customers = (float(n) for n in numbers)
    until, times, draw = perf_counter() + seconds, list[float](), random.Random(5)
    head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {read}\r\n"

    def request() -> bytes:
        who = draw.randint(1, int(customers))
        if what == "get":
            return f"GET /api/v1/customers/{who} HTTP/1.1\r\n{head}\r\n".encode()
        body = f'{{"customer":"{who}","variants":[{VARIANTS}]}}'
        return f"POST /api/v1/decide HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    async def one() -> None:
        at = (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", int(port)))[1]
        while (began := perf_counter()) < until:
            status, body = await at.ask(request())
            if status != 200:
                raise AssertionError(f"{status} {body!r}")
            times.append(perf_counter() - began)

    await asyncio.gather(*(one() for _ in range(int(connections))))
    print(json.dumps([len(times) / seconds, part(times, 0.5), part(times, 0.99)]))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
