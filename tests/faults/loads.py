"""Clients that send while a service dies, and remember what it acknowledged."""

import http.client
import json
import random
import threading
from collections.abc import Callable
from typing import Any

from tests.server.serving import Service

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
