"""Errors as problem+json (RFC 9457): a title that is the same for all of a kind, and in plain words what was found."""

from typing import Any

import orjson
from starlette.responses import Response

from coterie.server.answers import Headers, Send

TITLES = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "This key may not do that",
    404: "Nothing is here",
    405: "Not this way",
    408: "The request took too long",
    413: "The request is too large",
    415: "JSON is needed",
    422: "The request cannot be answered",
    429: "Too many requests",
    500: "coterie stopped on a mistake of its own",
    503: "Not now",
    504: "Not yet",
}


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: of HTTP.
        code: for programs, the same whatever the words are.
        detail: for people.
        headers: to be sent with it.
        more: further members.
    """

    def __init__(self, status: int, code: str, detail: str, headers: Headers | None = None, **more: Any):
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.more = status, code, detail, headers or [], more

    def body(self) -> bytes:
        title = TITLES.get(self.status, "This cannot be answered")
        said = {"type": "about:blank", "title": title, "status": self.status, "code": self.code, "detail": self.detail}
        return orjson.dumps({**said, **self.more})

    async def answer(self, send: Send) -> None:
        """As the protocol of ASGI wants it."""
        body = self.body()
        headers: Headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def absent() -> Problem:
    """Nothing is here, or nothing for this key: which of the two is nobody's business."""
    return Problem(404, "absent", "there is nothing of that name here")


def said(problem: Problem) -> Response:
    """The same as an answer of a route."""
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in problem.headers}
    headers |= {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(problem.body(), problem.status, headers, "application/problem+json")
