"""Customers: who somebody is now, what happened to them, why they are in a segment."""

import base64
import binascii
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coterie.server.api.api import DOCUMENTED, Api, answered, id_of, instant, limit_of, parameters, whole
from coterie.server.problems import Problem, absent
from coterie.workspace.asking import Happened, Seen
from coterie.workspace.overview import why_json


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["customers"], responses=DOCUMENTED)

    @router.get("/customers", openapi_extra=parameters("id", "wait", "timeout"))
    async def customer_of_id(request: Request) -> Response:
        """One customer by any of their ids, for ids that cannot stand in a path."""
        return await one(api, request, request.query_params.get("id", ""))

    @router.get("/customers/{id}", openapi_extra=parameters("wait", "timeout"))
    async def customer(request: Request, id: str) -> Response:
        """One customer by any of their ids: attributes, traits, segments, labels."""
        return await one(api, request, id)

    @router.get("/customers/{id}/timeline", openapi_extra=parameters("limit", "cursor", "wait", "timeout"))
    async def timeline(request: Request, id: str) -> Response:
        """What happened to a customer, the newest first: events, other messages, segments entered and left."""
        position = await api.applied(request)
        id_, limit = id_of(id), limit_of(request)
        start = cursor_of(request.query_params.get("cursor"))
        customer, items = await api.of_one(lambda: api.asking.timeline(id_))
        page = items[start : start + limit]
        more = start + limit < len(items)
        out: dict[str, Any] = {"customer": customer, "items": [happened(item) for item in page]}
        return answered(api.stamped(position) | out | {"next": cursor(start + limit) if more else None})

    @router.get("/customers/{id}/why/{segment}", openapi_extra=parameters("wait", "timeout"))
    async def why(request: Request, id: str, segment: str) -> Response:
        """Why a customer is in a segment or not, and what would change it."""
        position = await api.applied(request)
        id_ = id_of(id)

        def ask() -> dict[str, Any]:
            results = api.asking.standing.results
            if segment not in results.project.segments and segment not in results.project.segmentations:
                raise absent()
            found = api.asking.why(id_, segment)
            return why_json(found, results.project.timezone) | {"in": found.reason.truth} | api.stamped(position, found.as_of)

        out = await api.of_one(ask)
        return answered(out)

    return router


async def one(api: Api, request: Request, id_: str) -> Response:
    """A customer as they are now."""
    position = await api.applied(request)
    id_ = id_of(id_)
    found = api.asking.seen(id_)
    if found is None:
        found = await api.of_one(lambda: api.asking.seen(id_, patient=True) or api.asking.looked_up(id_))
    return answered(api.stamped(position) | told(found))


def told(seen: Seen) -> dict[str, Any]:
    """A customer as JSON."""
    return {
        "as_of": instant(seen.as_of),
        "run": seen.run,
        "customer": seen.customer,
        "ids": seen.ids,
        "attributes": seen.attributes,
        "traits": seen.traits,
        "segments": seen.segments,
        "labels": seen.labels,
        **({"as_of_run": seen.as_of_run} if seen.as_of_run else {}),
    }


def happened(item: Happened) -> dict[str, Any]:
    return {"at": instant(item.at), "what": item.what, "name": item.name, "id": item.id, "values": item.values}


def cursor(at: int | str) -> str:
    """A place in a list, as a page hands it on."""
    return base64.urlsafe_b64encode(orjson.dumps(at)).decode().rstrip("=")


def cursor_of(text: str | None) -> int:
    """The place that a cursor names; the beginning where there is none."""
    found = None if text is None else said(text)
    if found is None:
        return 0
    return whole(str(found), "cursor", 0, 2**53)


def said(text: str) -> Any:
    """What a cursor holds.

    Raises:
        Problem: it is none of ours.
    """
    try:
        return orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise Problem(400, "cursor", "a cursor is what the page before has named `next`") from None
