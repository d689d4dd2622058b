"""All routes of the API together, its documentation, and what becomes of errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from coterie.server.api import admin, changes, customers, decide, project, segments, webhooks
from coterie.server.api.api import Api, answered
from coterie.server.api.straight import Straight
from coterie.server.guard import NOUNS, ROOT
from coterie.server.problems import Problem, absent, said

MODULES = (project, customers, segments, changes, decide, webhooks, admin)


def add(app: FastAPI, api: Api) -> Straight:
    """Add the routes of every noun, and the description of all. Returns what answers the most frequent of them at once."""
    found: dict[str, Any] = {}
    for module in MODULES:
        router = module.routes(api)
        app.include_router(router, prefix=ROOT.rstrip("/"))
        found |= {route.path: route.endpoint for route in router.routes if isinstance(route, APIRoute)}

    @app.get(f"{ROOT}openapi.json", include_in_schema=False)
    async def described(_: Request) -> Response:
        return answered(schema(app))

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        return said(error)

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return said(absent())
        headers = [(k.encode(), v.encode()) for k, v in (error.headers or {}).items()]
        return said(Problem(error.status_code, "http", str(error.detail), headers))

    @app.exception_handler(RequestValidationError)
    async def of_question(_: Request, __: RequestValidationError) -> Response:
        return said(Problem(422, "question", "the question is not understood"))

    @app.exception_handler(Exception)
    async def of_ours(_: Request, error: Exception) -> Response:
        return said(Problem(500, "mistake", f"{type(error).__name__}: the log of the service says more"))

    return Straight(app, found["/customers/{id}"], found["/decide"])


def schema(app: FastAPI) -> dict[str, Any]:
    """The API as OpenAPI describes it, with the key that each route needs."""
    if app.openapi_schema is None:
        found = app.openapi()
        found["info"]["description"] = "Who customers are, now. Every answer says up to which position of the log it knows."
        found.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, methods in found["paths"].items():
            noun = path[len(ROOT) :].partition("/")[0] if path.startswith(ROOT) else ""
            for operation in methods.values():
                if noun in NOUNS:
                    operation["security"] = [{"key": []}]
                    operation["description"] = f"{operation.get('description', '')}\n\nNeeds a key that may {NOUNS[noun]}.".strip()
                    operation["responses"].pop("422", None) if operation["responses"].get("422", {}).get(
                        "description"
                    ) == "Validation Error" else None
        app.openapi_schema = found
    return app.openapi_schema
