"""The two questions that are asked most go straight to their answers: finding their routes takes longer than answering them.

They are routes like all others, and are described as such; what stands before all routes stands before these.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from coterie.server.answers import Receive, Scope, Send
from coterie.server.guard import ROOT
from coterie.server.problems import Problem, said

logger = logging.getLogger(__name__)
CUSTOMER, DECIDE = f"{ROOT}customers/", f"{ROOT}decide"
Answer = Callable[..., Awaitable[Response]]


class Straight:
    """Answers `GET customers/{id}` and `POST decide`; everything else goes on.

    Args:
        customer: answers a request and an id; `decide`: a request.
    """

    def __init__(self, app: FastAPI, customer: Answer, decide: Answer):
        self.app, self.customer, self.decide = app, customer, decide

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.found(scope, receive)
        if answer is None:
            await self.app(scope, receive, send)
            return
        try:
            response = await answer
        except Problem as problem:
            response = said(problem)
        except Exception as error:
            logger.exception("%s %s", scope["method"], scope["path"])
            response = said(Problem(500, "mistake", f"{type(error).__name__}: the log of the service says more"))
        await response(scope, receive, send)

    def found(self, scope: Scope, receive: Receive) -> Awaitable[Any] | None:
        if scope["type"] != "http":
            return None
        path, method = scope["path"], scope["method"]
        if method == "GET" and path.startswith(CUSTOMER):
            id_ = path[len(CUSTOMER) :]
            return self.customer(Request(scope, receive), id_) if id_ and "/" not in id_ else None
        return self.decide(Request(scope, receive)) if method == "POST" and path == DECIDE else None
