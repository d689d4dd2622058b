"""The service as one ASGI application: the routes of events first, then everything else."""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import apsw
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from coterie.core.errors import CoterieError
from coterie.live.desk import Desk
from coterie.live.egress import Egress
from coterie.live.hooks.given import Hooks
from coterie.live.keys import Key, Keys
from coterie.live.log import Applier, Log, Reader
from coterie.live.message import Caps
from coterie.live.sealing import seal
from coterie.live.webhooks import SCHEDULE, Sender, endpoints
from coterie.live.writer import Limits, Writer
from coterie.server.answers import Receive, Scope, Send
from coterie.server.api.api import Api
from coterie.server.api.routes import add
from coterie.server.guard import App, Guard
from coterie.server.ingest import Ingest, told_on
from coterie.server.metrics import text
from coterie.server.rates import Rates
from coterie.workspace.asking import Asking
from coterie.workspace.renewing import Renewal

logger = logging.getLogger(__name__)
SEALING = 60.0
"""Seconds between looks whether a day is over."""
FRESH = 2.0
"""Seconds that a durable write may be old for the service to be ready."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of: opened and closed by who starts it.

    Attributes:
        applier: what follows from events; None takes them and does nothing more.
        random: random bytes, fit for ids.
        asking: who answers questions; without it, and without `desk`, there is no API.
        desk: where changes go, and who has changed what; `egress`: the way out; `schedule`: of Standard Webhooks.
        renewal: how the project file stands to what is served.
        hosts: the names by which the service may be asked; None for any. `proxied`: a proxy stands in front.
    """

    log: Log
    keys: Keys
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    applier: Applier | None = None
    limits: Limits | None = None
    caps: Caps | None = None
    asking: Asking | None = None
    desk: Desk | None = None
    egress: Egress = field(default_factory=Egress)
    schedule: Sequence[float] = SCHEDULE
    hosts: frozenset[str] | None = None
    proxied: bool = False
    rates: Rates | None = None
    renewal: Callable[[], Renewal] = Renewal


class Service:
    """Events go straight to the ingest; all other requests to FastAPI."""

    def __init__(self, parts: Parts):
        self.parts = parts
        self.writer = Writer(parts.log, parts.applier, limits=parts.limits)
        hooks = None if parts.desk is None else Hooks(parts.desk)
        self.ingest = Ingest(parts.keys, self.writer, parts.clock, parts.random, parts.caps, hooks=hooks)
        self.asked: Api | None = None
        self.sender: Sender | None = None
        p = parts
        if p.asking is not None and p.desk is not None:
            self.asked = Api(p.log, p.asking, p.clock, p.keys, p.desk, p.egress, p.random, p.renewal, self.writer.post)
            self.sender = Sender(
                p.desk,
                lambda: Reader(p.log.folder).connection,
                p.log.identity[:4].hex(),
                p.egress,
                lambda: int.from_bytes(p.random(4), "big") / 2**32,
                schedule=p.schedule,
            )
        self.guard = Guard(_api(self), p.keys, hosts=p.hosts, proxied=p.proxied, rates=p.rates, noted=self._noted)

    def _noted(self, key: Key, method: str, path: str, status: int) -> None:
        """Somebody has changed something, or looked as an administrator: it goes into the list, beside the work."""
        api, desk = self.asked, self.parts.desk
        if api is not None and desk is not None:

            def note() -> None:
                desk.note(key.id, f"{method} {path[:200]}", str(status))
                self.writer.post(self.keep_end)

            api.later(note)

    def keep_end(self, log: Log) -> None:
        """How far the list has come is written into the log; of a list that was cut off it keeps the old end."""
        desk = self.parts.desk
        end = None if desk is None else desk.end()
        if desk is not None and end is not None and end != log.audited() and desk.has(log.audited()):
            log.keep_audited(end)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.ingest.takes(scope["path"]):
            await self.ingest(scope, receive, send)
        else:
            await self.guard(scope, receive, send)

    def behind(self) -> float | None:
        """Seconds since the oldest event that is not applied was received; None where all are."""
        log, asking = self.parts.log, self.parts.asking
        if asking is None or log.applied >= log.position:
            return None
        waiting = asking.reading.reader.read(log.applied, 1)
        return (self.parts.clock() - waiting[0].message.received).total_seconds() if waiting else None

    def end(self) -> None:
        """What waits or streams is to come to its end."""
        if self.asked is not None:
            self.asked.ending.set()

    async def ready(self) -> dict[str, object]:
        """How the service stands; `ready` after a write that was forced to the disk less than two seconds ago."""
        began = monotonic()
        standing = self.writer.standing()
        if began - standing.written > FRESH:
            self.writer.probe()
            while standing.written < began and monotonic() - began < FRESH and not standing.failed:
                await asyncio.sleep(0.005)
                standing = self.writer.standing()
        fresh = monotonic() - standing.written <= FRESH
        return {
            "ready": fresh and not standing.failed and not standing.full,
            "position": standing.position,
            "applied": standing.applied,
            "waiting": standing.waiting,
            "sustains": round(standing.sustains),
            "failed": bool(standing.failed),
            "disk_full": standing.full,
            "last_write_seconds": round(monotonic() - standing.written, 3),
        }


async def _seal_days(service: Service) -> None:
    """Write each day into Parquet soon after it is over, beside everything else."""
    while True:
        try:
            await asyncio.to_thread(_seal, service)
        except (CoterieError, OSError, apsw.Error):
            logger.exception("a closed day could not be sealed")
        await asyncio.sleep(SEALING)


def _seal(service: Service) -> None:
    with Reader(service.parts.log.folder) as reader:
        seal(reader, lambda day: service.writer.post(lambda log: log.keep_sealed(day)))


def _api(service: Service) -> App:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # The thread that writes and the one that answers take turns: shorter ones than Python's five milliseconds.
        before = sys.getswitchinterval()
        sys.setswitchinterval(0.0005)
        # What a request makes holds no circles: looking for them after every seven hundred objects is in vain.
        gc.collect()
        gc.freeze()
        thresholds = gc.get_threshold()
        gc.set_threshold(50_000, 20, 20)
        service.writer.deliver_with(told_on(asyncio.get_running_loop()))
        service.writer.start()
        service.writer.post(service.keep_end)
        sealing = asyncio.create_task(_seal_days(service))
        if service.sender is not None:
            service.sender.start()
        try:
            yield
        finally:
            sealing.cancel()
            if service.sender is not None:
                await asyncio.to_thread(service.sender.stop)
            await asyncio.to_thread(service.writer.stop, 10)
            if service.asked is not None:
                service.asked.close()
            sys.setswitchinterval(before)
            gc.set_threshold(*thresholds)
            gc.unfreeze()

    api = FastAPI(title="coterie", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)

    @api.get("/livez")
    async def livez() -> JSONResponse:
        return JSONResponse({"live": True})

    @api.get("/readyz")
    async def readyz() -> JSONResponse:
        found = await service.ready()
        return JSONResponse(found, 200 if found["ready"] else 503)

    @api.get("/metrics")
    async def metrics() -> Response:
        guard, asked, desk = service.guard, service.asked, service.parts.desk
        hooks = [] if asked is None or desk is None else await asked.of_desk(lambda: endpoints(desk))
        said = text(
            service.writer.standing(), service.behind(), guard.served, guard.turned_away, asked.streams if asked else 0, hooks
        )
        return PlainTextResponse(said, headers={"cache-control": "no-store"}, media_type="text/plain; version=0.0.4")

    return api if service.asked is None else add(api, service.asked)
