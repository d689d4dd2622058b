"""F25, F50 to F54: bodies that are too large, packed to burst, nested, cut short, slow. No answer of 5xx, no end of the process."""

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from coterie.live.inflate import inflated
from coterie.live.log import Reader
from coterie.live.strict import Unreadable
from tests.server.serving import Service, now_key, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("hostile") / "live"
    with serving(folder, key=now_key(folder)) as running:
        yield running
        assert running.batch([{"type": "track", "event": "x", "userId": "u"}])[1]["stored"] == 1
        assert running.stop() == 0


def memory(service: Service) -> int:
    """Bytes that the process holds."""
    text = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) * 1024


def raw(service: Service, data: bytes, *, wait: float = 10) -> bytes:
    """What comes back on a connection of its own; also where the service closes before all was sent."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=wait) as connection:
        out = b""
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                out += part
                if b"\r\n\r\n" in out:
                    break
        except OSError:
            pass
        return out


def head(service: Service, *lines: str) -> bytes:
    return "\r\n".join(["POST /v1/batch HTTP/1.1", "Host: x", f"X-Write-Key: {service.key}", *lines, "", ""]).encode()


def test_a_length_that_is_too_much_is_refused_unread(service: Service) -> None:
    assert b" 413 " in raw(service, head(service, "Content-Length: 1000000000"))[:20]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_hundred_megabytes_in_pieces(service: Service) -> None:
    before = memory(service)
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    answer = raw(service, head(service, "Transfer-Encoding: chunked") + piece * 100)
    assert answer == b"" or b" 413 " in answer[:20]  # it may close while more comes
    assert memory(service) - before < 50_000_000


@pytest.mark.parametrize(
    "lines", [["Content-Length: -1"], ["Content-Length: 9" + "9" * 40], ["Content-Length: 5", "Content-Length: 6"]]
)
def test_lengths_that_are_none(service: Service, lines: list[str]) -> None:
    assert b" 400 " in raw(service, head(service, *lines) + b"{}")[:20] or b" 413 " in raw(service, head(service, *lines))[:20]


def bomb(size: int) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([engine.compress(bytes(1 << 20)) for _ in range(size >> 20)]) + engine.flush()


GOOD = json.dumps([{"type": "track", "event": "x", "userId": "u", "messageId": str(i)} for i in range(50)]).encode()
PACKED = [
    (bomb(1 << 28), 413),
    (gzip.compress(bytes(200_000)), 413),
    (gzip.compress(gzip.compress(GOOD)), 400),
    (gzip.compress(b"") * 10_000, 400),
    (gzip.compress(GOOD)[:-9], 400),
    (gzip.compress(GOOD) + b"x", 400),
    (gzip.compress(GOOD) * 2, 400),
    (b"\x1f\x8b" + Random(50).randbytes(50), 400),
]
NAMES = ("bomb", "zeros", "packed twice", "empty members", "cut", "more behind", "two members", "noise")
"""Bytes would name the tests otherwise, and those of a packed body say when it was packed."""


@pytest.mark.parametrize(("body", "status"), PACKED, ids=NAMES)
def test_packed_bodies_that_burst(service: Service, body: bytes, status: int) -> None:
    began = time.perf_counter()
    headers = {"X-Write-Key": service.key, "Content-Encoding": "gzip"}
    assert service.post("/v1/batch", body, headers)[0] == status
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 1000])
def test_encodings_that_are_not_read(service: Service, encoding: str) -> None:
    assert service.post("/v1/batch", b"{}", {"X-Write-Key": service.key, "Content-Encoding": encoding})[0] == 415


def test_what_is_packed_well_is_read(service: Service) -> None:
    for body, encoding in ((gzip.compress(GOOD), "gzip"), (zlib.compress(GOOD), "deflate"), (gzip.compress(GOOD), "")):
        status, said = service.post(
            "/v1/batch", body, {"X-Write-Key": service.key, **({"Content-Encoding": encoding} if encoding else {})}
        )
        assert (status, said["stored"] + said["duplicate"]) == (200, 50)


def test_inflating_holds_little() -> None:
    began = time.process_time()
    with pytest.raises(Unreadable):
        inflated(bomb(1 << 28), 1_000_000)
    assert time.process_time() - began < 3  # most of it is making the bomb


ODD = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"batch":[' + b"[" * 50 + b"]" * 50 + b"]}",
    b'{"batch": [1e999, NaN, Infinity]}',
    b'{"batch": [' + b"9" * 5000 + b"]}",
    b"\xff\xfe{\x00}\x00",
    b'{"batch": "\xed\xa0\x80"}',
    b'{"batch": [{"type": "track", "event": "\\ud800", "userId": "\\udfff"}]}',
    b'{"batch": [{"type": "track", "event": "a\\u0000b", "userId": "x\\u0000"}]}',
    b'{"batch": [{"userId": {"$ne": 1}, "type": ["track"], "event": {"a": 1}, "timestamp": {}, "context": 7, "messageId": []}]}',
    b'{"batch": [null, true, 1, "x", [], {}], "context": [], "integrations": 5, "sentAt": []}',
    b'{"batch": [{"type": "track", "event": "x", "userId": "u", "properties": {"' + b"k" * 5000 + b'": 1}}]}',
    b'{"batch": [{"type": "identify", "userId": "u", "traits": {"__proto__": {"a": 1}, "constructor": 1}}]}',
    b"null",
    b"\x00" * 1000,
    b'"' * 9999,
    b"data=%%%%",
    b"data=" + b"A" * 50_000,
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t", "/v1/identify", "/batch/", "/e/"])
def test_odd_bodies(service: Service, path: str, body: bytes) -> None:
    for headers in (
        {"X-Write-Key": service.key},
        {"X-Write-Key": service.key, "Content-Type": "text/plain", "Content-Encoding": "identity"},
        {},
    ):
        status, said = service.post(path, body, headers)
        assert status in (200, 400, 401, 413), said


NAUGHTY = [
    "'; DROP TABLE events; --", "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>", "../../etc/passwd", "\u202etxt.exe",
    "﷽" * 50, "Ω≈ç√∫˜", "𝒳" * 20, "İıſ", "e\u0301", "\ufeff", "\x7f\x80", "a\x00b", "=cmd|' /C calc'!A0", "%s%n",
    "\\", '"', "\r\nX: y",
]  # fmt: skip


def test_texts_come_back_as_they_were(service: Service) -> None:
    items = [
        {
            "type": "track",
            "event": "x",
            "userId": "u",
            "messageId": f"naughty-{i}",
            "properties": {text: text, "in": [text, {text: text}]},
        }
        for i, text in enumerate(NAUGHTY)
    ]
    assert service.batch(items)[1]["stored"] == len(NAUGHTY)
    with Reader(service.folder) as reader:
        found = {e.message.id: e.message.properties for e in reader.read(0, 10_000)}
    assert [found[f"naughty-{i}"] for i in range(len(NAUGHTY))] == [i["properties"] for i in items]


def test_clients_that_are_slow_hold_nobody_up(service: Service) -> None:
    slow = []
    for i in range(200):
        connection = socket.create_connection(("127.0.0.1", service.port), timeout=10)
        connection.sendall(
            head(service, "Content-Length: 1000")[: 40 + i] if i % 2 else head(service, "Content-Length: 1000") + b"{"
        )
        slow.append(connection)
    try:
        began = time.perf_counter()
        for i in range(20):
            assert service.batch([{"type": "track", "event": "x", "userId": "u", "messageId": f"quick-{i}"}])[0] == 200
        assert time.perf_counter() - began < 10
    finally:
        for connection in slow:
            connection.close()
    assert service.get("/livez")[0] == 200


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/batch/../x", "//v1/batch", "/v1/projects/x/settings/y", "/", "/docs", "/openapi.json"]
)
def test_other_paths_give_nothing(service: Service, path: str) -> None:
    assert service.post(path, b"{}", {"X-Write-Key": service.key})[0] in (400, 401, 404, 405)
