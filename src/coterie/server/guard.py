"""What stands before every route that is not for events: the host's name, the rate, the key and what it may do.

Nothing is answered that is not named here: a route of the API is found under its noun, and a noun without a scope is nobody's.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

from coterie.live.keys import Key, Keys
from coterie.live.keys import Scope as KeyScope
from coterie.server.answers import Headers, Receive, Scope, Send
from coterie.server.problems import Problem, absent
from coterie.server.rates import Buckets, Rates

ROOT = "/api/v1/"
OPEN = frozenset({"/livez", "/readyz"})
"""Answered without a key: whether the service lives, and whether it is ready."""
METRICS = "/metrics"
NOUNS: dict[str, Literal["read", "write", "admin"]] = {
    "openapi.json": "read",
    "project": "read",
    "customers": "read",
    "segments": "read",
    "changes": "read",
    "decide": "read",
    "webhooks": "write",
    "keys": "admin",
    "audit": "admin",
    "quarantine": "admin",
}
"""What a key needs for the routes of a noun."""
HEAVY = frozenset({"segments"})
"""Nouns whose routes may look at everybody."""
MAY: dict[KeyScope, frozenset[str]] = {
    "ingest": frozenset(),
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
    "admin": frozenset({"read", "write", "admin"}),
}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
BODY = 256_000
"""Bytes of a question, at most."""

App = Callable[[Scope, Receive, Send], Any]


class Guard:
    """Lets through who may.

    Args:
        app: what is guarded.
        hosts: the names by which the service may be called; None for any.
        proxied: a proxy stands in front, so that everybody comes from its address.
        noted: called with every request that changes something or is an administrator's: the key, the method, the path and the
            status of its answer.
    """

    def __init__(
        self,
        app: App,
        keys: Keys,
        *,
        hosts: frozenset[str] | None,
        proxied: bool = False,
        rates: Rates | None = None,
        noted: Callable[[Key, str, str, int], None] | None = None,
        now: Callable[[], float] = monotonic,
    ):
        self.app, self.keys, self.hosts, self.proxied, self.noted, self.now = app, keys, hosts, proxied, noted, now
        rates = rates or Rates()
        self.asked, self.heavy, self.refused = Buckets(rates.asked), Buckets(rates.heavy), Buckets(rates.refused)
        self.served = 0
        self.turned_away = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            key, needed = self.let(scope)
        except Problem as problem:
            self.turned_away += 1
            await problem.answer(send)
            return
        self.served += 1
        scope["coterie.key"] = key
        if key is not None and needed != "read" and self.noted is not None:
            send = self._watched(key, scope["method"], scope["path"], send)
        await self.app(scope, receive, send)

    def let(self, scope: Scope) -> tuple[Key | None, str | None]:
        """The key of a request that may be answered, and what it needed.

        Raises:
            Problem: it may not.
        """
        path: str = scope["path"]
        headers: Headers = scope["headers"]
        found = dict(headers)
        if self.hosts is not None and name_of(found.get(b"host", b"").decode("latin-1")) not in self.hosts:
            raise Problem(400, "host", "this service is called by another name")
        if path in OPEN:
            return None, None
        address = scope["client"][0] if scope.get("client") else ""
        now = self.now()
        if path == METRICS and self._beside(address, found):
            return None, None
        wait = self.refused.empty(address, now)
        if wait:
            raise later(wait)
        self.keys.refresh(now)
        key = self.keys.find(key_of(found))
        if key is None:
            self.refused.take(address, now)
            raise Problem(401, "key", "give a key: Authorization: Bearer ct_read_…", [(b"www-authenticate", b"Bearer")])
        wait = self.asked.take((key.id, address), now)
        if wait:
            raise later(wait)
        noun = path[len(ROOT) :].partition("/")[0] if path.startswith(ROOT) else ""
        needed = "read" if path == METRICS else NOUNS.get(noun)
        may = MAY.get(key.scope, frozenset())
        if not may:
            raise Problem(403, "scope", "a key of that kind only sends events")
        if needed is None:
            raise absent()
        if needed not in may:
            raise Problem(403, "scope", f"that needs a key that may {needed}")
        if noun in HEAVY:
            wait = self.heavy.take((key.id, address), now)
            if wait:
                raise later(wait)
        return key, needed

    def _beside(self, address: str, headers: dict[bytes, bytes]) -> bool:
        """Whether somebody on this machine asks, and not a proxy for somebody else."""
        passed_on = any(h in headers for h in (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"))
        return not self.proxied and not passed_on and address in ("127.0.0.1", "::1")

    def _watched(self, key: Key, method: str, path: str, send: Send) -> Send:
        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start" and self.noted is not None:
                self.noted(key, method, path, message["status"])
            await send(message)

        return watched


def later(wait: int) -> Problem:
    return Problem(429, "rate", f"come again in {wait} s", [(b"retry-after", str(wait).encode())])


def key_of(headers: dict[bytes, bytes]) -> str | None:
    """The key that a request gives: as a bearer, or in X-API-Key."""
    said = headers.get(b"authorization")
    if said is not None:
        kind, _, text = said.decode("latin-1").partition(" ")
        return text.strip() if kind.casefold() == "bearer" else None
    other = headers.get(b"x-api-key")
    return None if other is None else other.decode("latin-1").strip()


def name_of(host: str) -> str:
    """A host without its port, in small letters."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).casefold()
