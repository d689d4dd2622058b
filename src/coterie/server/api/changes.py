"""Changes of membership in their order: as pages, and as a stream of server-sent events."""

import asyncio
from collections.abc import AsyncIterator

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from coterie.live.changes import Changed, newest, read
from coterie.server.api.api import DOCUMENTED, Api, answered, id_of, limit_of, parameters, whole
from coterie.server.problems import Problem

STREAMS = 200
"""Streams at a time."""
LOOK = 0.1
"""Seconds after which a stream looks for changes."""
BEAT = 15.0
"""Seconds after which a stream that has nothing to say says so."""
BIGGEST = 2**63 - 1


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["changes"], responses=DOCUMENTED)

    @router.get("/changes", openapi_extra=parameters("after", "name", "customer", "limit", "wait", "timeout"))
    async def changes(request: Request) -> Response:
        """Who entered and who left which segment, behind a number, in order."""
        position = await api.applied(request)
        query, limit = request.query_params, limit_of(request)
        after = whole(query.get("after", "0"), "after", 0, BIGGEST)
        customer = query.get("customer")
        found = read(
            api.asking.reading, after, limit, name=query.get("name"), customer=None if customer is None else id_of(customer)
        )
        items = [change.to_json() for change in found]
        next_ = found[-1].number if found else after
        return answered(api.stamped(position) | {"items": items, "next": next_, "more": len(found) == limit})

    @router.get("/changes/stream", openapi_extra=parameters("after", "name"))
    async def stream(request: Request) -> Response:
        """The same as server-sent events, from now on, from `after`, or from the Last-Event-ID of a stream that broke."""
        query = request.query_params
        said = request.headers.get("last-event-id") or query.get("after")
        after = newest(api.asking.reading) if said is None else whole(said, "Last-Event-ID", 0, BIGGEST)
        if api.streams >= STREAMS:
            raise Problem(503, "streams", f"{STREAMS} streams are open", [(b"retry-after", b"10")])
        headers = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
        return StreamingResponse(told(after, query.get("name")), 200, headers, "text/event-stream")

    async def told(after: int, name: str | None) -> AsyncIterator[bytes]:
        api.streams += 1
        try:
            yield b"retry: 1000\n\n"
            loop = asyncio.get_running_loop()
            quiet = loop.time()
            while not api.ending.is_set():
                found = read(api.asking.reading, after, 500, name=name)
                if found:
                    after, quiet = found[-1].number, loop.time()
                    yield b"".join(event(change) for change in found)
                    continue
                if loop.time() - quiet >= BEAT:
                    quiet = loop.time()
                    yield b": nothing new\n\n"
                await asyncio.sleep(LOOK)
        finally:
            api.streams -= 1

    return router


def event(change: Changed) -> bytes:
    """A change as a server-sent event; its id is its number."""
    kind = "entered" if change.entered else "left"
    return f"id: {change.number}\nevent: {kind}\ndata: ".encode() + orjson.dumps(change.to_json()) + b"\n\n"
