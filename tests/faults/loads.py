"""Clients that send while a service dies, and remember what it acknowledged."""

import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server.serving import Service, started

Sent = dict[str, Any]


class Client(threading.Thread):
    """Sends batches of 1 to 200 orders until the service is gone; a fifth of the ids were sent before.

    Args:
        again: batches to begin with; those without an answer.
        make: another message, of an id.

    Attributes:
        acknowledged: ids of messages that the service said are there.
        open: batches without an answer, to be sent again.
    """

    def __init__(self, service: Service, number: int, seed: int, again: list[list[Sent]], make: "Make | None" = None):
        super().__init__(daemon=True)
        self.service, self.number, self.make = service, number, make or an_order
        self.random = random.Random(seed)
        self.acknowledged: set[str] = set()
        self.open: list[list[Sent]] = list(again)
        self.sent: list[Sent] = [item for batch in again for item in batch]
        self.count = 0
        self.seed = seed

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        waiting, self.open = self.open, []
        try:
            while True:
                batch = waiting.pop() if waiting else self.next()
                self.open.append(batch)
                body = json.dumps({"batch": batch, "writeKey": self.service.key})
                connection.request("POST", "/v1/batch", body)
                answer = connection.getresponse()
                said = json.loads(answer.read())
                if answer.status != 200:
                    return
                assert said["stored"] + said["duplicate"] == len(batch), said
                self.open.pop()
                self.acknowledged.update(item["messageId"] for item in batch)
        except (OSError, http.client.HTTPException, ValueError):
            self.open += waiting
        finally:
            connection.close()

    def next(self) -> list[Sent]:
        out = []
        for _ in range(self.random.choice((1, 1, 5, 20, 200))):
            if self.sent and self.random.random() < 0.2:
                out.append(self.random.choice(self.sent))
                continue
            self.count += 1
            item = self.make(f"{self.seed}-{self.number}-{self.count}", self.random)
            self.sent.append(item)
            out.append(item)
        return out


Make = Callable[[str, random.Random], Sent]


class Dying:
    """Services of one folder that die one after another, while four clients send.

    Args:
        folder: of the log or of the project, as `started` takes it; `key`: with which is sent.
        kind: what is served, as an argument of `started`; `make`: other messages.

    Attributes:
        acknowledged: ids of messages that a service said are there.
    """

    def __init__(self, folder: Path, key: str, kind: str, make: Make | None = None):
        self.folder, self.key, self.kind, self.make = folder, key, kind, make
        self.acknowledged: set[str] = set()
        self.open: list[list[list[Sent]]] = [[] for _ in range(4)]
        self.round = 0

    def once(self, *arguments: str, after: float | None = None) -> None:
        """Start, send, and let it die: after some seconds, or by itself."""
        self.round += 1
        service = started(self.folder, self.kind, *arguments, key=self.key)
        clients = [Client(service, i, self.round * 100 + i, again, self.make) for i, again in enumerate(self.open)]
        for client in clients:
            client.start()
        try:
            if after is not None:
                time.sleep(after)
                service.kill()
            service.process.wait(30)
        finally:
            service.kill()
            for client in clients:
                client.join(30)
                self.acknowledged |= client.acknowledged
        self.open = [client.open for client in clients]


def an_order(id_: str, choose: random.Random) -> Sent:
    return order(id_, choose.randrange(50), choose.randrange(1000))


def order(id_: str, customer: int, revenue: int) -> Sent:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": id_,
        "userId": f"u{customer}",
        "timestamp": "2026-11-22T14:00:00Z",
        "properties": {"revenue": revenue},
    }
