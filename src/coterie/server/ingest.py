"""The routes that take events: `/v1/batch`, `/v1/track`, `/v1/t` and their like, PostHog's `/batch/` and `/e/`.

Bad data is never answered with a code that makes a client send it again, and overload never with one that makes it drop what
it has: 200 with what became of each item, 400, 401, 413 for what cannot be taken at all, 503 with Retry-After for later.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from time import monotonic
from urllib.parse import parse_qs, unquote_to_bytes

from coterie.core.errors import StoreError
from coterie.live.hooks.given import Hooks, taken
from coterie.live.hooks.signatures import VENDORS, Vendor, signed_by
from coterie.live.inflate import inflated
from coterie.live.item import Item
from coterie.live.keys import Key, Keys
from coterie.live.log import Offer, Receipt
from coterie.live.message import BATCHES, KINDS, POSTHOG, SHORT, Caps, Refused, messages, read
from coterie.live.strict import Envelope, Unreadable
from coterie.live.write_key import body_key, header_key
from coterie.live.writer import Answer, Done, Overloaded, Writer
from coterie.server.answers import Receive, Scope, Send, allow, answer, refuse

logger = logging.getLogger(__name__)
PATHS = frozenset({*(f"/v1/{p}" for p in (*KINDS, *SHORT, *BATCHES)), *(f"/{p}" for p in POSTHOG)})
HOOKS: Mapping[str, Vendor] = {f"/v1/hooks/{vendor}": vendor for vendor in VENDORS}
"""Where vendors send their signed webhooks."""
BESIDE = ("/v1/projects/", "/v1/hooks/", "/array/", "/flags", "/decide")
PATIENCE = 30.0
"""Seconds that a body may take to come."""
_FLAGS = {"featureFlags": {}, "featureFlagPayloads": {}, "flags": {}, "errorsWhileComputingFlags": False, "sessionRecording": False}
_CONFIG = {"supportedCompression": ["gzip", "gzip-js"], "hasFeatureFlags": False, "sessionRecording": False, "surveys": False}


class _Gone(Exception):
    """The client went away."""


class Ingest:
    """Takes events of whoever has an ingest key, and answers when they are on the disk."""

    def __init__(
        self,
        keys: Keys,
        writer: Writer,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        caps: Caps | None = None,
        patience: float = PATIENCE,
        hooks: Hooks | None = None,
    ):
        self.keys = keys
        self.writer = writer
        self.clock = clock
        self.random = random
        self.caps = caps or Caps()
        self.patience = patience
        self.hooks = hooks
        self._found: dict[str, Key] = {}

    def takes(self, path: str) -> bool:
        """Whether a path is one of these routes."""
        return path in PATHS or path.rstrip("/") in PATHS or path.startswith(BESIDE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path: str = scope["path"].rstrip("/")
        method = scope["method"]
        if method == "OPTIONS":
            await allow(send, headers.get(b"access-control-request-headers", b"").decode("latin-1"))
        elif path in PATHS and method == "POST":
            await self._post(path, headers, scope, receive, send)
        elif path in HOOKS and method == "POST" and self.hooks is not None:
            await self._hook(self.hooks, HOOKS[path], headers, scope, receive, send)
        elif path in PATHS or path in HOOKS:
            await refuse(send, 405, "method", "events come by POST", [(b"allow", b"POST, OPTIONS")])
        else:
            await self._beside(path, scope, send)

    async def _beside(self, path: str, scope: Scope, send: Send) -> None:
        """What clients ask for besides: settings of a source, and PostHog's configuration."""
        parts = path.split("/")
        if path.startswith("/v1/projects/") and len(parts) == 5 and parts[4] == "settings" and scope["method"] in ("GET", "HEAD"):
            key = self._key(parts[3])
            if key is None:
                await refuse(send, 404, "key", "no such write key")
                return
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            segment = {"apiKey": parts[3], "apiHost": f"{host}/v1", "protocol": scope.get("scheme", "http")}
            await answer(send, 200, {"integrations": {"Segment.io": segment}, "plan": {}, "edgeFunction": {}, "metrics": {}})
        elif path.startswith("/array/") and len(parts) == 4 and parts[3] == "config":
            await answer(send, 200, {**_CONFIG, "token": parts[2][:200]})
        elif path in ("/flags", "/decide"):
            await answer(send, 200, _FLAGS)
        else:
            await refuse(send, 404, "path", "nothing is here")

    async def _post(self, path: str, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
        received = self.clock()
        query = parse_qs(scope["query_string"].decode("latin-1")) if scope["query_string"] else {}
        try:
            packed = await self._body(headers, receive)
            offer, warned = self._offer(path, headers, query, packed, received)
        except Unreadable as error:
            # No WWW-Authenticate: a browser would ask the visitor for a password.
            await refuse(send, error.status, error.reason, error.message)
            return
        except _Gone:
            return
        if offer.refused and (query.get("strict", ["0"])[0] == "1" or headers.get(b"x-strict-mode") == b"1"):
            said = f"{len(offer.refused)} of {len(offer.messages) + len(offer.refused)} items cannot be taken: nothing was stored"
            items = [{"index": r.index, "status": "refused", "reason": r.reason, "message": r.said} for r in offer.refused]
            await answer(send, 400, {"success": False, "code": "refused", "message": said, "items": items})
            return
        await self._answered(offer, warned, send)

    async def _answered(self, offer: Offer, warned: bool, send: Send) -> None:
        """Write what a request brings, and answer when it is on the disk."""
        try:
            receipts = await self._written(offer)
        except Overloaded as error:
            later = [(b"retry-after", str(error.retry_after).encode())]
            await refuse(send, 503, error.reason, error.message, later)
            return
        except StoreError as error:
            await refuse(send, 503, "stopped", error.message, [(b"retry-after", b"5")])
            return
        await answer(send, 200, _told(receipts, warned, self.writer.log.position))

    async def _hook(
        self, hooks: Hooks, vendor: Vendor, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A vendor's webhook: the bytes of its body are what was signed."""
        received = self.clock()
        try:
            body = await self._body(headers, receive)
        except Unreadable as error:
            await refuse(send, error.status, error.reason, error.message)
            return
        except _Gone:
            return
        if hooks.stale(monotonic()):
            await asyncio.to_thread(hooks.look, monotonic())
        known = hooks.of(vendor)
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        place = signed_by(vendor, [secret for _, secret in known], said, body, received)
        if place is None:
            # Of a vendor that nobody has set up the answer is the same.
            await refuse(send, 401, "signature", "the signature is not right, or not of now")
            return
        hook = known[place][0]
        try:
            made, refused = taken(hook, body, said, received, self.caps)
        except Exception:
            logger.exception("a webhook of %s could not be read", vendor)
            made, refused = [], [Refused(0, "not_understood", "coterie stopped on a mistake of its own", body)]
        await self._answered(Offer.of(hook.name, made, refused, scope["path"]), False, send)

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        most = self.caps.body
        said = headers.get(b"content-length", b"0")
        if said.isdigit() and len(said) < 20 and int(said) > most:
            raise Unreadable("too_large", f"the body has {int(said):,} bytes: {most:,} are taken", status=413)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            if len(body) > most:
                raise Unreadable("too_large", f"the body has more than {most:,} bytes", status=413)
            return body
        try:
            async with asyncio.timeout(self.patience):
                return await _rest(message, receive, most)
        except TimeoutError:
            raise Unreadable("slow", f"the body did not come within {self.patience:.0f} seconds", status=408) from None

    def _offer(
        self, path: str, headers: Mapping[bytes, bytes], query: Mapping[str, list[str]], packed: bytes, received: datetime
    ) -> tuple[Offer, bool]:
        """What a request brings, and whether some of it came without an id.

        Raises:
            Unreadable: nothing of it can be taken.
        """
        text = headers.get(b"authorization")
        given = header_key(
            None if text is None else text.decode("latin-1"),
            headers.get(b"x-write-key", b"").decode("latin-1") or None,
            query.get("writeKey", query.get("_", [""]))[0] if "writeKey" in query else None,
        )
        key = self._key(given)
        if given is not None and key is None:
            raise Unreadable("key", "no such write key", status=401)
        body = inflated(packed, self.caps.body, headers.get(b"content-encoding", b"").decode("latin-1"))
        if body.startswith(b"data="):
            body = _form(body)
        found = read(body, path)
        if key is None:
            key = self._key(_body_key(found))
            if key is None:
                raise Unreadable("key", "the request has no write key, or one that is not known", status=401)
        without: list[int] = []
        named = headers.get(b"idempotency-key")

        def make_id(index: int) -> str:
            if named is not None:
                return f"request-{blake2b(named, digest_size=16).hexdigest()}-{index}"
            without.append(index)
            return f"made-{self.random(12).hex()}"

        try:
            made, refused = messages(found, path, received, make_id=make_id, caps=self.caps)
        except Unreadable:
            raise
        except Exception:
            # A mistake of ours: the client is not to send it again, and nothing of it is to be lost.
            logger.exception("a body on %s could not be read", path)
            made, refused = [], [Refused(0, "not_understood", "coterie stopped on a mistake of its own", body)]
        return Offer.of(key.name, made, refused, path), bool(without)

    def _key(self, text: str | None) -> Key | None:
        """The ingest key that a text is. What was found once is found at once."""
        self.keys.refresh(monotonic())
        if text is None:
            return None
        key = self._found.get(text)
        if key is None:
            key = self.keys.find(text)
            if key is None or key.scope not in ("ingest", "admin"):
                return None
            if len(self._found) < 1000:
                self._found[text] = key
        return key if key.id in self.keys.all else None

    async def _written(self, offer: Offer) -> list[Receipt]:
        if not offer.messages and not offer.refused:
            return []
        future: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()

        def done(found: Answer) -> None:
            if future.done():
                return
            if isinstance(found, StoreError):
                future.set_exception(found)
            else:
                future.set_result(found)

        self.writer.offer(offer, done)
        return await future


def told_on(loop: asyncio.AbstractEventLoop) -> Callable[[Sequence[tuple[Done, Answer]]], None]:
    """What calls the requests of one transaction back, all at once, on their event loop."""

    def tell(answers: Sequence[tuple[Done, Answer]]) -> None:
        for done, found in answers:
            done(found)

    def deliver(answers: Sequence[tuple[Done, Answer]]) -> None:
        try:
            loop.call_soon_threadsafe(tell, answers)
        except RuntimeError:
            logger.warning("%d requests were written after the server had stopped", len(answers))

    return deliver


async def _rest(message: Mapping[str, object], receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise _Gone
        part = message.get("body", b"")
        assert isinstance(part, bytes)
        size += len(part)
        if size > most:
            raise Unreadable("too_large", f"the body has more than {most:,} bytes", status=413)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _form(body: bytes) -> bytes:
    """The body within a form: PostHog's browsers write `data=` and Base64."""
    data = unquote_to_bytes(body[5:].partition(b"&")[0].replace(b"+", b" "))
    try:
        return base64.b64decode(data.replace(b" ", b"+"), validate=True)
    except binascii.Error:
        return data


def _body_key(said: Envelope) -> str | None:
    found = body_key(said.fields)
    if found is None and said.items:
        first = said.items[0]
        found = body_key(first.said() if isinstance(first, Item) else first) if isinstance(first, Item | dict) else None
    return found


def _told(receipts: Sequence[Receipt], warned: bool, position: int) -> dict[str, object]:
    """The body of an answer: how many of each, and what is to be said of single items. What is not named was stored."""
    counts = {"stored": 0, "duplicate": 0, "conflict": 0, "quarantined": 0}
    items: list[dict[str, object]] = []
    last = 0
    for index, receipt in enumerate(receipts):
        counts[receipt.outcome] += 1
        if receipt.outcome == "stored":
            last = receipt.position or last
            continue
        item: dict[str, object] = {"index": index, "status": receipt.outcome}
        if receipt.position is not None:
            item["position"] = receipt.position
        if receipt.reason:
            item |= {"reason": receipt.reason, "message": receipt.said}
        items.append(item)
    out: dict[str, object] = {"success": True, "status": 1, "position": last or position, **counts}
    if items:
        out["items"] = items
    if warned:
        out["warnings"] = ["no_message_id"]
    return out
