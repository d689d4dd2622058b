"""The project that is served: which results answer, how far the log is applied, and how its file stands to them."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coterie.server.api.api import DOCUMENTED, Api, answered, instant, parameters


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["project"], responses=DOCUMENTED)

    @router.get("/project", openapi_extra=parameters("wait", "timeout"))
    async def project(request: Request) -> Response:
        """The results that answer, how many events are not applied yet, and whether the project file is what is served.

        `file.state` is `served`, `preparing` (a run with what has changed is going on) or `refused` (it cannot be used, as
        `file.said` tells, and what was served is served on).
        """
        position = await api.applied(request)

        def ask() -> dict[str, Any]:
            results = api.asking.standing.results
            made = results.made
            return {
                "name": results.project.name,
                "timezone": results.project.timezone,
                "run": results.generation.number,
                "run_as_of": instant(made.as_of),
                "run_finished": instant(made.finished),
                "population": made.population,
            }

        found, renewal = await api.of_all(ask), api.renewal()
        since = None if renewal.since is None else instant(renewal.since)
        file = {"state": renewal.state, "said": renewal.said, "since": since}
        return answered(api.stamped(position) | found | {"behind": api.log.position - position, "file": file})

    return router
