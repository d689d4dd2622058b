"""Requests that mean no good: texts that other programs stumble over, put into every name, value, path, query and header, and
bodies that are damaged, nested, packed or wrong."""

import gzip
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

from tests.live.test_egress import URLS

TEXTS = [
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufffe", "\ufeff", "\u202etxt", "\u2028", "é", "e\u0301", "İ",
    "ß", "𝒳" * 9, "﷽" * 40, "' OR '1'='1", "'; DROP TABLE events; --", '"; DELETE FROM live_customer; --',
    "1); ATTACH 'x' AS y; --", "c03' UNION SELECT body FROM events --",
    "') UNION SELECT * FROM read_text('/etc/passwd') --", "x'||(SELECT hash FROM audit)||'", "%' ESCAPE '", "\\'; --",
    "`id`", "$(id)", "; cat /etc/passwd", "{{7*7}}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "{% import os %}",
    "${jndi:ldap://127.0.0.1/x}", "__class__", "{0.__class__.__init__.__globals__}", "%s%n%x", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "../../../etc/passwd", "..\\..\\x", "/etc/passwd",
    "file:///etc/passwd", "\r\nX-Evil: 1", "\n", "\t", "null", "undefined", "NaN", "true", "0", "-1", "1e999", "9" * 400,
    str(2** 63), str(-(2** 63)-1), "1.5", "٣", "0x7f", "[]", "{}", "a" * 5000, "A" * 200_000, "*", "?", "&a=b", "#", "%",
    "%00", "%zz", "%25%32%65", "\\u0000", "constructor", "__proto__", "orders > 1", "not " * 50+"orders > 1", "(" * 500,
    "count(order)", "sum(order.revenue where revenue > 1 within 400 days) > 0", "country = 'DE'",
    "read_text('/etc/passwd') = ''",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1.5, -0.0, 1e308, 5e-324, 1e-9]
WORDS = (
    "type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "sentAt", "properties",
    "traits", "context", "name", "integrations", "batch", "writeKey", "api_key", "data", "distinct_id", "$set", "uuid",
    "originalTimestamp",
)  # fmt: skip
KINDS = ("track", "identify", "page", "screen", "group", "alias")
INGEST = (
    "/v1/batch", "/v1/b", "/v1/track", "/v1/t", "/v1/identify", "/v1/i", "/v1/page", "/v1/screen", "/v1/group", "/v1/alias",
    "/v1/import", "/batch/", "/e/", "/capture/", "/i/v0/e/", "/v1/projects/{}/settings", "/array/{}/config", "/flags/",
    "/decide/",
)  # fmt: skip
HEADERS = (
    "content-encoding", "content-type", "x-forwarded-for", "x-original-url", "x-http-method-override", "idempotency-key", "range",
    "last-event-id", "cookie", "origin", "accept-encoding", "if-none-match", "x-strict-mode",
)  # fmt: skip
SAID = (
    "gzip", "deflate", "br", "gzip, gzip", "identity", "text/plain", "application/json; charset=utf-16", "127.0.0.1", "/livez",
    "GET", "bytes=0-,0-,0-", "1",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get")


@dataclass(frozen=True, slots=True)
class Attack:
    """A request as it is sent, and who pretends to send it."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    who: str


@dataclass
class Attacker:
    """Makes requests; the same ones for the same seed.

    Args:
        routes: methods and paths of the API, as its description has them.
        keys: by who gives them; "none", "wrong" and whatever else is no key are among them.
    """

    random: Random
    routes: Sequence[tuple[str, str]]
    keys: dict[str, str]
    count: int = field(default=0)

    def next(self) -> Attack:
        self.count += 1
        return self.event() if self.random.random() < 0.5 else self.question()

    def text(self) -> str:
        choose = self.random
        if choose.random() < 0.8:
            return choose.choice(TEXTS)
        return "".join(chr(choose.randrange(choose.choice((128, 0x11000, 0x110000)))) for _ in range(12))

    def value(self, depth: int = 0) -> Any:
        choose = self.random
        match choose.randrange(9 if depth < 4 else 6):
            case 0 | 1 | 2:
                return self.text()
            case 3:
                return choose.choice(NUMBERS)
            case 4:
                return choose.choice((None, True, False, float("nan"), float("inf")))
            case 5:
                return choose.choice(WORDS)
            case 6:
                return [self.value(depth + 1) for _ in range(choose.randrange(4))]
            case _:
                return {self.name(): self.value(depth + 1) for _ in range(choose.randrange(5))}

    def name(self) -> str:
        return self.random.choice(WORDS) if self.random.random() < 0.6 else self.text()

    def message(self) -> Any:
        """A message that was well, with some of it made otherwise."""
        choose = self.random
        out: dict[str, Any] = {
            "type": choose.choice(KINDS), "event": "Order Completed", "userId": "h", "messageId": f"h{choose.randrange(10**9)}",
            "properties": {"order": f"h{choose.randrange(10**6)}", "revenue": 1}, "timestamp": "2026-11-22T14:00:00Z",
        }  # fmt: skip
        for _ in range(choose.randrange(4)):
            place = choose.choice((out, out["properties"] if isinstance(out.get("properties"), dict) else out))
            place[self.name()] = self.value()
        return out if choose.random() < 0.95 else self.value()

    def damaged(self, body: bytes) -> bytes:
        """A body cut, doubled, flipped, packed, nested; mostly left as it is."""
        choose = self.random
        match choose.randrange(24):
            case 0:
                return body[: choose.randrange(len(body) + 1)]
            case 1:
                return body * 2
            case 2:
                at = choose.randrange(len(body) + 1)
                return body[:at] + choose.randbytes(3) + body[at:]
            case 3:
                return gzip.compress(body)
            case 4:
                return gzip.compress(bytes(choose.choice((10**6, 10**7))))
            case 5:
                return gzip.compress(body)[: choose.randrange(10, 40)]
            case 6:
                return choose.choice((b"[", b'{"a":')) * choose.choice((10, 100, 10_000))
            case 7:
                return choose.randbytes(choose.randrange(200))
            case 8:
                return body + b"\x00" * choose.randrange(2000)
            case 9:
                return body.decode("utf-8", "replace").encode(choose.choice(("utf-16", "utf-32", "utf-7")))
            case _:
                return body

    def event(self) -> Attack:
        choose = self.random
        who = choose.choice(("ingest", "ingest", "ingest", *self.keys))
        path = choose.choice(INGEST)
        if "{}" in path:
            path = path.format(quote(self.text().encode("utf-8", "surrogatepass"), safe="")[:3000])
        many: Any = [self.message() for _ in range(choose.choice((1, 1, 3, 30)))]
        body: Any = (
            {"batch": many, "writeKey": self.keys[who]}
            if "b" in path
            else {**many[0], "writeKey": self.keys[who]}
            if isinstance(many[0], dict)
            else many[0]
        )
        if choose.random() < 0.1:
            body = {**body, self.name(): self.value()} if isinstance(body, dict) else body
        headers = self.headers(who if choose.random() < 0.5 else "none")
        return Attack(choose.choice(("POST",) * 8 + METHODS), path + self.query(), self.damaged(dumped(body)), headers, who)

    def question(self) -> Attack:
        choose = self.random
        method, path = choose.choice(self.routes)
        who = choose.choice((*self.keys, "read", "write", "admin"))
        for name in ("{id}", "{segment}", "{name}", "{number}"):
            text = choose.choice(("c03", "regulars", self.text(), self.text()))
            path = path.replace(
                name, quote(text.encode("utf-8", "surrogatepass"), safe="/" if choose.random() < 0.2 else "")[:8000]
            )
        if choose.random() < 0.1:
            method = choose.choice(METHODS)
        body = b""
        if method in ("POST", "PUT", "PATCH") or choose.random() < 0.05:
            body = self.damaged(dumped(self.asked(path)))
        return Attack(method, path + self.query(), body, self.headers(who), who)

    def asked(self, path: str) -> Any:
        """The body of a question, mostly one that its route understands."""
        choose = self.random
        if choose.random() < 0.2:
            return self.value()
        if path.endswith("/preview"):
            return {"expression": choose.choice((self.text(), f"country = '{self.text()}'", self.value()))}
        if path.endswith("/decide"):
            names = ("name", "name", "segment", "rule", self.name())
            variants = [{choose.choice(names): self.text() for _ in range(2)} for _ in range(choose.randrange(4))]
            who = choose.choice(("customer", "anonymous"))
            return {who: choose.choice(("c03", self.text(), self.value())), "variants": choose.choice((variants, self.value()))}
        return {"url": choose.choice((*URLS, self.value())), "segments": [self.text()]}

    def query(self) -> str:
        choose = self.random
        if choose.random() < 0.5:
            return ""
        names = (
            "wait",
            "limit",
            "cursor",
            "after",
            "name",
            "customer",
            "id",
            "strict",
            "writeKey",
            "_",
            "compression",
            self.text(),
        )
        parts = []
        for _ in range(choose.randrange(1, 4)):
            name = choose.choice(names)
            value = str(choose.choice((self.text(), choose.choice(NUMBERS))))
            parts.append(f"{quote(name.encode('utf-8', 'surrogatepass'))}={quote(value.encode('utf-8', 'surrogatepass'))}")
        return ("?timeout=0&" + "&".join(parts))[:16_000]

    def headers(self, who: str) -> dict[str, str]:
        choose = self.random
        out: dict[str, str] = {}
        if self.keys[who]:
            kind = choose.choice(("authorization", "authorization", "x-api-key", "x-write-key"))
            out[kind] = f"Bearer {self.keys[who]}" if kind == "authorization" else self.keys[who]
        if choose.random() < 0.3:
            name, said = choose.choice(HEADERS), choose.choice((*SAID, self.text()))
            out[name] = "".join(c for c in said if c.isprintable() and ord(c) < 256)[:4000]
        return out


def dumped(value: Any) -> bytes:
    """JSON as Python writes it where nobody stops it: NaN, lone surrogates and all."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@dataclass
class Line:
    """A connection that is made again when it was closed."""

    port: int
    connection: http.client.HTTPConnection | None = None

    def send(self, attack: Attack) -> tuple[int, bytes, float]:
        """Status, body, and how many seconds it took."""
        began = time.perf_counter()
        for fresh in (False, True):
            if self.connection is None or fresh:
                self.close()
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                path = attack.path.replace(" ", "%20")
                self.connection.putrequest(attack.method, path, skip_accept_encoding=True)
                for name, value in attack.headers.items():
                    self.connection.putheader(name, value.encode("latin-1"))
                self.connection.putheader("Content-Length", str(len(attack.body)))
                self.connection.endheaders(attack.body)
                answer = self.connection.getresponse()
                body = answer.read(1_000_000)
                if answer.will_close or not answer.isclosed():
                    self.close()
                return answer.status, body, time.perf_counter() - began
            except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
                if fresh:
                    raise
            except BaseException:
                self.close()
                raise
        raise AssertionError

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
