"""A small shop that is served in this process: keys of every kind, customers of files, messages that make rows."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from coterie.live.desk import Desk
from coterie.server.app import Parts, Service
from coterie.server.guard import LOOPBACK
from coterie.workspace.asking import Asking
from coterie.workspace.run import utc_now
from coterie.workspace.serving import served
from coterie.workspace.workspace import open as open_workspace

PROJECT = """
project: shop
timezone: Europe/London
sources:
  customers:
    path: customers.csv
    id: id
    live: identify
  order:
    path: orders.csv
    customer: customer
    time: time
    id: order
    live: Order Completed
traits:
  orders: count(order)
  revenue: sum(order.revenue)
  last_order: last(order.time)
  quick: count(order within 2 hours)
segments:
  buyers: orders >= 1
  regulars:
    where: orders >= 3
    about: Bought three times or more.
  fresh: last_order within 30 days
  german: country = 'DE'
segmentations:
  worth:
    labels:
      high: revenue >= 100
      low: otherwise
"""
CUSTOMERS = "id,country\n" + "".join(f"c{i:02},{'DE' if i % 3 == 0 else 'GB'}\n" for i in range(20))
ORDERS = "customer,time,order,revenue\n" + "".join(
    f"c{i:02},2026-01-0{1 + n}T10:00:00Z,o{i}-{n},{10 * (n + 1)}\n" for i in range(20) for n in range(i % 4)
)


def written(folder: Path) -> Path:
    """The shop's files, run once."""
    for name, text in (("coterie.yaml", PROJECT), ("customers.csv", CUSTOMERS), ("orders.csv", ORDERS)):
        (folder / name).write_text(text, encoding="utf-8")
    space = open_workspace(folder)
    space.run()
    space.close()
    return folder


@dataclass
class Shop:
    """The service, asked in this process."""

    service: Service
    client: httpx.Client
    keys: dict[str, str]
    sent: int = field(default=0)

    def get(self, path: str, key: str = "read", **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", params=query or None, headers=self.bearer(key))

    def post(self, path: str, body: Any, key: str = "read", **query: Any) -> Any:
        return self.client.post(f"/api/v1/{path}", json=body, params=query or None, headers=self.bearer(key))

    def bearer(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[key]}"} if key else {}

    def send(self, **message: Any) -> int:
        """Send a message; returns its position."""
        self.sent += 1
        body = {"messageId": f"m{self.sent}", "type": "track", "writeKey": self.keys["ingest"], **message}
        answer = self.client.post("/v1/batch", json={"batch": [body], "writeKey": self.keys["ingest"]})
        assert answer.json()["stored"] == 1, answer.text
        position: int = answer.json()["position"]
        return position

    def order(self, user: str, revenue: float, **more: Any) -> int:
        return self.send(
            event="Order Completed", userId=user, properties={"order": f"live-{self.sent}", "revenue": revenue}, **more
        )


@contextmanager
def serving(folder: Path, **more: Any) -> Iterator[Shop]:
    """The shop of a folder, served."""
    with served(folder) as found, Desk(found.log.folder, utc_now) as desk:
        assert found.people is not None
        keys = {scope: found.keys.make(scope, scope, utc_now(), os.urandom) for scope in ("ingest", "read", "write", "admin")}
        asking = Asking(found.people.space, found.people, utc_now)
        parts = Parts(found.log, found.keys, utc_now, os.urandom, found.people, asking=asking, desk=desk, hosts=LOOPBACK)
        service = Service(replace(parts, **more))
        with listening(service) as address, httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
            yield Shop(service, client, keys)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """An application on a socket of this machine, on a thread of its own; its address."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", ws="none", lifespan="on", log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.005)
    assert server.started
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        if hasattr(app, "end"):
            app.end()
        server.should_exit = True
        thread.join(30)
        bound.close()
