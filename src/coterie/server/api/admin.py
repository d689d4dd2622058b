"""What an administrator looks at: keys, who has changed what, and what could not be taken."""

from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coterie.live.log import read_audited
from coterie.live.replay import replay_some
from coterie.server.api.api import DOCUMENTED, Api, answered, instant, limit_of, parameters, whole
from coterie.server.api.changes import BIGGEST


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["administration"], responses=DOCUMENTED)

    @router.get("/keys")
    async def keys(request: Request) -> Response:
        """The keys, without their secrets. `coterie keys` makes and removes them."""
        found = sorted(api.keys.all.values(), key=lambda key: key.made)
        items = [{"id": k.id, "scope": k.scope, "name": k.name, "made": instant(k.made)} for k in found]
        return answered(api.stamped(await api.applied(request)) | {"items": items})

    @router.get("/audit", openapi_extra=parameters("after", "limit"))
    async def audit(request: Request) -> Response:
        """Who has changed what, behind a number, in order; `whole` is false where an entry was changed, taken out or cut off."""
        limit = limit_of(request)
        after = whole(request.query_params.get("after", "0"), "after", 0, BIGGEST)
        found = await api.of_desk(lambda: api.desk.noted(after, limit))
        broken = await api.of_desk(lambda: api.desk.broken(read_audited(api.asking.reading.reader.connection)))
        items = [
            {"number": e.number, "at": instant(e.at), "who": e.who, "what": e.what, "about": e.about, "hash": e.hash.hex()}
            for e in found
        ]
        next_ = found[-1].number if found else after
        return answered(api.stamped(await api.applied(request)) | {"items": items, "next": next_, "whole": broken is None})

    @router.get("/quarantine", openapi_extra=parameters("limit"))
    async def quarantine(request: Request) -> Response:
        """What could not be taken or applied, the oldest first, with the reason; the items themselves stay where they are."""
        limit = limit_of(request)
        found = await api.of_one(lambda: api.asking.reading.reader.quarantine(limit))
        items = [
            {
                "number": q.number,
                "received": instant(q.received),
                "source": q.source,
                "reason": q.reason,
                "said": q.said if q.reason != "not_applied" else "it could not be applied",
                "position_of": q.position,
                "path": q.path,
                "bytes": len(q.item),
            }
            for q in found
        ]
        return answered(api.stamped(await api.applied(request)) | {"items": items})

    @router.post("/quarantine/again")
    async def again(request: Request) -> Response:
        """Read what could not be taken once more, as `coterie refused --again` does: what can be read now is taken."""
        taken = 0
        after: int | None = 0
        while after is not None:
            some, after = await api.of_log(partial(replay_some, after=after))
            taken += len(some)
        return answered(api.stamped(await api.applied(request)) | {"taken": taken})

    return router
