"""Webhooks: where changes of membership are sent."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coterie.core.errors import DeliveryError, UnknownName
from coterie.live import webhooks
from coterie.live.changes import newest
from coterie.live.egress import Refused
from coterie.live.webhooks import Endpoint
from coterie.server.api.api import DOCUMENTED, Api, answered, asks, body_of, instant
from coterie.server.problems import Problem, absent

SCHEMA = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "description": "By https, to a public address."},
        "segments": {"type": "array", "items": {"type": "string"}, "description": "Of which it hears; all where none is named."},
    },
    "additionalProperties": False,
}


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["webhooks"], responses=DOCUMENTED)

    @router.get("/webhooks")
    async def listed(request: Request) -> Response:
        """Where changes go, and how that stands."""
        found = await api.of_desk(lambda: webhooks.endpoints(api.desk))
        return answered(api.stamped(await api.applied(request)) | {"items": [told(e) for e in found]})

    @router.post("/webhooks", openapi_extra=asks(SCHEMA))
    async def added(request: Request) -> Response:
        """Send changes to a URL from now on. The secret that signs them is shown this once."""
        body = await body_of(request)
        url, names = body.get("url"), body.get("segments", [])
        fine = isinstance(names, list) and all(isinstance(n, str) for n in names) and len(names) <= 1000
        if not isinstance(url, str) or not fine or not set(body) <= {"url", "segments"}:
            raise Problem(422, "webhook", "say url, a text, and segments, a list of names, where not all are wanted")

        def add() -> tuple[Endpoint, str]:
            try:
                return webhooks.add(api.desk, url, names, newest(api.asking.reading), api.random, api.egress.inside)
            except Refused as error:
                hint = {} if error.hint is None else {"hint": error.hint}
                raise Problem(422, error.code, error.message, None, **hint) from None

        found, secret = await api.of_desk(add)
        return answered(api.stamped(await api.applied(request)) | told(found) | {"secret": secret}, 201)

    @router.delete("/webhooks/{id}")
    async def removed(request: Request, id: str) -> Response:
        """Send nothing there any more, and forget what waits."""
        await api.of_desk(lambda: known(lambda: webhooks.remove(api.desk, id)))
        return answered(api.stamped(await api.applied(request)) | {"removed": id})

    @router.post("/webhooks/{id}/rotate")
    async def rotated(request: Request, id: str) -> Response:
        """Another secret, which is shown this once; for a day messages are signed with both."""
        secret = await api.of_desk(lambda: known(lambda: webhooks.rotate(api.desk, id, api.random)))
        return answered(api.stamped(await api.applied(request)) | {"rotated": id, "secret": secret})

    @router.post("/webhooks/{id}/enable")
    async def enabled(request: Request, id: str) -> Response:
        """Send again to one that was disabled, from where it stopped."""
        await api.of_desk(lambda: known(lambda: webhooks.enable(api.desk, id)))
        return answered(api.stamped(await api.applied(request)) | {"enabled": id})

    @router.post("/webhooks/{id}/test")
    async def tried(request: Request, id: str) -> Response:
        """Send a message that says that it is a test, and tell what was answered."""

        def try_out() -> dict[str, Any]:
            try:
                said = known(lambda: webhooks.try_out(api.desk, id, api.egress, api.random))
            except DeliveryError as error:
                return {"delivered": False, "said": error.message}
            return {"delivered": 200 <= said.status < 300, "said": f"answered {said.status}"}

        found = await api.of_desk(try_out)
        return answered(api.stamped(await api.applied(request)) | found)

    return router


def known(ask: Any) -> Any:
    try:
        return ask()
    except UnknownName:
        raise absent() from None


def told(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "segments": endpoint.names,
        "made": instant(endpoint.made),
        "disabled": endpoint.disabled,
        "after": endpoint.after,
        "waiting": endpoint.waiting,
        "sent": endpoint.sent,
        "given_up": endpoint.lost,
        "said": endpoint.said,
    }
