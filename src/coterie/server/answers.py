"""Answers of the ingest routes, as the protocol of ASGI wants them, with what browsers of other sites need to read them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_ANY_SITE: Headers = [(b"access-control-allow-origin", b"*"), (b"x-content-type-options", b"nosniff")]
_JSON: Headers = [(b"content-type", b"application/json"), *_ANY_SITE]
ASKED = frozenset({
    "authorization", "content-type", "content-encoding", "x-retry-count", "anonymousid", "sentat", "x-write-key",
    "idempotency-key", "x-strict-mode", "x-request-id", "batching",
})  # fmt: skip
"""Headers that clients of browsers ask to be allowed to send."""


async def answer(send: Send, status: int, value: Any, more: Headers | None = None) -> None:
    """An answer of JSON."""
    body = orjson.dumps(value)
    headers = [*_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers + more if more else headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, status: int, code: str, message: str, more: Headers | None = None) -> None:
    """An error with the two keys that Segment's clients read."""
    await answer(send, status, {"success": False, "code": code, "message": message}, more)


async def allow(send: Send, asked: str) -> None:
    """What a browser asks before it sends: allowed are the methods and, of the headers it names, those that clients use."""
    names = [name.strip() for name in asked.split(",")]
    allowed = ", ".join(name for name in names if name.lower() in ASKED)
    headers: Headers = [
        *_ANY_SITE,
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"access-control-request-headers"),
        (b"content-length", b"0"),
    ]
    if allowed:
        headers.append((b"access-control-allow-headers", allowed.encode("latin-1")))
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
