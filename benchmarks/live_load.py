"""A load over loopback, as a process: python -m benchmarks.live_load PORT KEY CONNECTIONS BATCH SECONDS [FIRST].

Each connection sends the next batch when the last one was answered. Bodies are made beforehand, of the events from FIRST on: every
id once, in the order of their numbers. Prints, as JSON,
how many were answered with 200, how many otherwise, and the times to the answer in milliseconds.
"""

import asyncio
import json
import sys
from itertools import count, islice
from time import perf_counter
from typing import cast
from uuid import NAMESPACE_OID, uuid5

import uvloop

ITEM = {
    "type": "track",
    "event": "Order Completed",
    "timestamp": "2026-11-22T14:00:00.123Z",
    "properties": {"revenue": 12.5, "currency": "EUR", "products": [{"product_id": "p17", "price": 12.5, "quantity": 1}]},
    "context": {"library": {"name": "analytics-node", "version": "3.1.0"}, "ip": "192.0.2.7", "userAgent": "Mozilla/5.0 (X11)"},
    "integrations": {},
}


def requests(port: int, key: str, batch: int, many: int, first: int) -> list[bytes]:
    """Requests of new ids: the body is what analytics-node writes."""
    parts = json.dumps({**ITEM, "messageId": "@id@", "userId": "@user@"}, separators=(",", ":"))
    number = count(first)
    out = []
    for _ in range(many):
        named = ((f"node-next-{1795356000000 + n // 5}-{uuid5(NAMESPACE_OID, str(n))}", n) for n in islice(number, batch))
        items = (parts.replace("@id@", name).replace("@user@", f"u{n % 9973}") for name, n in named)
        body = f'{{"batch":[{",".join(items)}],"sentAt":"2026-11-22T14:00:01.000Z","writeKey":"{key}"}}'.encode()
        said = f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        head = f"POST /v1/batch HTTP/1.1\r\n{said}\r\n\r\n"
        out.append(head.encode() + body)
    return out


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, waiting: list[bytes], until: float):
        self.waiting, self.until = waiting, until
        self.good = self.bad = 0
        self.times: list[float] = []
        self.began = 0.0
        self.got = b""
        self.done = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is not registered as one
        self.send()

    def send(self) -> None:
        assert self.transport is not None
        now = perf_counter()
        if now >= self.until or not self.waiting:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.began = now
        self.transport.write(self.waiting.pop())

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        self.times.append(perf_counter() - self.began)
        if head.startswith(b"HTTP/1.1 200"):
            self.good += 1
        else:
            self.bad += 1
        self.got = b""
        self.send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def load(port: int, key: str, connections: int, batch: int, seconds: float, most: int, first: int) -> dict[str, float]:
    waiting = requests(port, key, batch, most, first)[::-1]
    loop = asyncio.get_running_loop()
    began = perf_counter()
    made = [await loop.create_connection(lambda: Client(waiting, began + seconds), "127.0.0.1", port) for _ in range(connections)]
    clients = [client for _, client in made]
    await asyncio.gather(*(client.done for client in clients))
    spent = perf_counter() - began
    times = sorted(time for client in clients for time in client.times)
    return {
        "requests": sum(client.good for client in clients),
        "refused": sum(client.bad for client in clients),
        "seconds": spent,
        "p50": 1000 * times[len(times) // 2],
        "p99": 1000 * times[int(len(times) * 0.99)],
    }


if __name__ == "__main__":
    port, key, connections, batch, seconds = sys.argv[1:6]
    first = int(sys.argv[6]) if len(sys.argv) > 6 else 0
    most = int(float(seconds) * (1000 if int(batch) > 1 else 12_000)) + 100
    print(json.dumps(uvloop.run(load(int(port), key, int(connections), int(batch), float(seconds), most, first))))
