"""Orders at a rate over loopback, as a process: python -m benchmarks.live_rate PORT WRITE READ RATE BATCH SECONDS CUSTOMERS FIRST.

Batches are sent when they are due, whether those before were answered or not, over as many connections as that takes (64 at most;
a batch that finds none waits, and its waiting counts). Five times a second the customer of an event is asked for until the answer
knows of it. Prints as JSON: events by what became of them, the times from a batch's moment to its acknowledgement and from an
event's moment to an answer that knows it (milliseconds), and the processor's time of this process (seconds).
"""

import asyncio
import json
import random
import sys
from collections import deque
from datetime import UTC, datetime
from time import perf_counter, process_time, time
from typing import cast

import uvloop

EVENT = (
    '{"type":"track","event":"Order Completed","messageId":"node-next-%d-%d","userId":"%d","timestamp":"%s",'
    '"properties":{"id":%d,"amount":%.2f,"quantity":%d,"category":"%s","channel":"web"},'
    '"context":{"library":{"name":"analytics-node","version":"3.1.0"},"ip":"192.0.2.7","userAgent":"Mozilla/5.0 (X11)"},'
    '"integrations":{}}'
)
CONNECTIONS = 64


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.got = b""
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((0, b""))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        self.got = b""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((int(head[9:12]), body))


class Load:
    def __init__(self, port: int, write: str, read: str, batch: int, customers: int, first: int):
        self.port, self.write, self.read, self.batch, self.customers = port, write, read, batch, customers
        self.number, self.draw = first, random.Random(first)
        self.idle: deque[Connection] = deque()
        self.open = 0
        self.freed = asyncio.Event()
        self.acked: list[float] = []
        self.seen: list[float] = []
        self.counts = {"stored": 0, "other": 0, "refused": 0}

    async def connection(self) -> Connection:
        while not self.idle:
            if self.open < CONNECTIONS:
                self.open += 1
                return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self.port))[1]
            self.freed.clear()
            await self.freed.wait()
        return self.idle.pop()

    def body(self) -> tuple[bytes, int]:
        """A batch of new orders, and one of its customers."""
        pick, now = self.draw.random, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
        items, one, stamp = [], 1, int(time())
        for _ in range(self.batch):
            self.number += 1
            one = 1 + int(self.customers * pick())
            kind = ("Garden", "Games", "Toys", "Books")[int(4 * pick())]
            items.append(EVENT % (stamp, self.number, one, now, self.number, 5 + 95 * pick(), 1 + int(3 * pick()), kind))
        said = f'{{"batch":[{",".join(items)}],"sentAt":"{now}","writeKey":"{self.write}"}}'.encode()
        head = f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(said)}\r\n\r\n".encode() + said, one

    async def send(self, due: float, *, look: bool) -> None:
        request, customer = self.body()
        at = await self.connection()
        status, body = await at.ask(request)
        self.give_back(at, status)
        if status != 200:
            self.counts["refused"] += self.batch
            return
        self.acked.append(perf_counter() - due)
        said = json.loads(body)
        self.counts["stored"] += said["stored"]
        self.counts["other"] += self.batch - said["stored"]
        if look:
            await self.look(due, customer, said["position"])

    async def look(self, due: float, customer: int, position: int) -> None:
        at = await self.connection()
        path = f"/api/v1/customers/{customer}?wait={position}&timeout=30"
        status, _ = await at.ask(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.read}\r\n\r\n".encode()
        )
        self.give_back(at, status)
        if status == 200:
            self.seen.append(perf_counter() - due)
        else:
            self.counts["other"] += 1

    def give_back(self, at: Connection, status: int) -> None:
        if status:
            self.idle.append(at)
        else:
            self.open -= 1
        self.freed.set()

    async def run(self, rate: float, seconds: float) -> None:
        began, asked = perf_counter(), 0.0
        going: set[asyncio.Task[None]] = set()
        for n in range(int(rate * seconds / self.batch)):
            due = began + n * self.batch / rate
            wait = due - perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            elif n % 10 == 0:
                await asyncio.sleep(0)
            look = due - asked >= 0.2
            asked = due if look else asked
            task = asyncio.create_task(self.send(due, look=look))
            going.add(task)
            task.add_done_callback(going.discard)
            while len(going) > 2 * CONNECTIONS:
                await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
        if going:
            await asyncio.wait(going)


def part(times: list[float], share: float) -> float:
    found = sorted(times)
    return 1000 * found[int(len(found) * share)] if found else float("nan")


async def main(port: str, write: str, read: str, *numbers: str) -> None:
    rate, batch, seconds, customers, first = (float(n) for n in numbers)
    load = Load(int(port), write, read, int(batch), int(customers), int(first))
    began = perf_counter()
    await load.run(rate, seconds)
    spent = perf_counter() - began
    print(
        json.dumps(
            {
                **load.counts,
                "seconds": spent,
                "ack_p50": part(load.acked, 0.5),
                "ack_p99": part(load.acked, 0.99),
                "visible_p50": part(load.seen, 0.5),
                "visible_p99": part(load.seen, 0.99),
                "looked": len(load.seen),
                "cpu": process_time(),
            }
        )
    )


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
