"""Segments: their sizes, their members, their history, and what an expression would find."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coterie.core.windows import local
from coterie.segments.membership import Size
from coterie.server.api.api import DOCUMENTED, Api, answered, asks, body_of, instant, limit_of, parameters
from coterie.server.api.customers import cursor, said
from coterie.server.problems import Problem, absent
from coterie.workspace.history import Step

LONGEST = 20_000
"""Characters of an expression."""
SCHEMA = {
    "type": "object",
    "required": ["expression"],
    "properties": {"expression": {"type": "string", "maxLength": LONGEST, "description": "In the language of the project."}},
}


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["segments"], responses=DOCUMENTED)
    asking = api.asking

    def shown(name: str) -> dict[str, Any]:
        standing = asking.standing
        results = standing.results
        size, (entered, left) = results.sizes[name], asking.moved(name)
        return {
            "name": name,
            "about": results.project.segments[name].notes.get("about"),
            "english": standing.english(name),
            "size": counted(size),
            "since": {"entered": entered, "left": left},
            "in_now": size.inside + entered - left,
            "live": name in standing.living.segments,
        }

    def of_run() -> dict[str, Any]:
        made = asking.standing.results.made
        return {"run": asking.standing.results.generation.number, "run_as_of": instant(made.as_of), "population": made.population}

    @router.get("/segments", openapi_extra=parameters("wait", "timeout"))
    async def segments(request: Request) -> Response:
        """All segments: their sizes as of the last run, who entered and left since, and how many are in now."""
        position = await api.applied(request)

        def ask() -> dict[str, Any]:
            found = [shown(name) for name in asking.standing.results.sizes]
            labels = [{"name": n, "labels": dict(c)} for n, c in asking.standing.results.made.labels.items()]
            return of_run() | {"items": found, "segmentations": labels}

        out = await api.of_all(ask)
        return answered(api.stamped(position) | out)

    @router.get("/segments/{name}", openapi_extra=parameters("wait", "timeout"))
    async def segment(request: Request, name: str) -> Response:
        """One segment."""
        position = await api.applied(request)

        def ask() -> dict[str, Any]:
            if name not in asking.standing.results.sizes:
                raise absent()
            return of_run() | shown(name)

        out = await api.of_all(ask)
        return answered(api.stamped(position) | out)

    @router.get("/segments/{name}/members", openapi_extra=parameters("cursor", "limit", "wait", "timeout"))
    async def members(request: Request, name: str) -> Response:
        """Who is in a segment now, in the order of their ids."""
        position = await api.applied(request)
        limit = limit_of(request)
        text = request.query_params.get("cursor")
        after = None if text is None else said(text)
        if after is not None and not isinstance(after, str):
            raise Problem(400, "cursor", "a cursor is what the page before has named `next`")

        def ask() -> dict[str, Any]:
            if name not in asking.standing.results.sizes:
                raise absent()
            found, more = asking.members(name, after or "", limit)
            return of_run() | {"segment": name, "items": found, "next": cursor(found[-1]) if more else None}

        out = await api.of_all(ask)
        return answered(api.stamped(position) | out)

    @router.get("/segments/{name}/history")
    async def history(request: Request, name: str) -> Response:
        """How a segment's size moved from run to run, who came and left, and why."""
        position = await api.applied(request)

        def ask() -> dict[str, Any]:
            if name not in asking.standing.results.sizes:
                raise absent()
            return {"segment": name, "items": [step_json(step) for step in asking.space.history.sizes(name)]}

        out = await api.of_all(ask)
        return answered(api.stamped(position) | out)

    @router.post("/segments/preview", openapi_extra=asks(SCHEMA))
    async def preview(request: Request) -> Response:
        """How many customers an expression would find, as of the last run: in, out, cannot tell; and the expression in words."""
        body = await body_of(request)
        position = await api.applied(request)
        expression = body.get("expression")
        if not isinstance(expression, str) or not expression.strip() or len(expression) > LONGEST:
            raise Problem(422, "expression", f"say expression: a text of at most {LONGEST:,} characters")

        def ask() -> dict[str, Any]:
            found = asking.standing.results.count(expression)
            zone = asking.standing.results.project.timezone
            return of_run() | {
                "expression": found.expression,
                "english": found.english,
                "size": counted(found.size),
                "definition": found.definition,
                "notices": [str(n) for n in found.notices],
                "as_of": local(found.as_of, zone).isoformat(timespec="seconds"),
            }

        out = await api.of_all(ask)
        return answered({"position": position} | out)

    return router


def step_json(step: Step) -> dict[str, Any]:
    return {
        "as_of": instant(step.as_of),
        "run": step.run,
        "in": step.inside,
        "out": step.outside,
        "cannot_tell": step.cannot_tell,
        "entered": step.entered,
        "left": step.left,
        "reasons": {reason: {"entered": a, "left": b} for reason, (a, b) in step.reasons.items()},
    }


def counted(size: Size) -> dict[str, Any]:
    """A three-way size as JSON."""
    return {"in": size.inside, "out": size.outside, "cannot_tell": size.cannot_tell, "missing": dict(size.missing)}
