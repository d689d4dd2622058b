"""F25: clients that send slowly, half of something, or something that has no end. They are let go of in time, hold nobody up, and
take no memory."""

import socket
import time
from collections.abc import Iterator

import pytest

from coterie.server.connections import allow_many
from tests.faults.test_F50_hostile import head, memory, raw
from tests.server.serving import Service, now_key, serving

PATIENCE = 1.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("slow") / "live"
    with serving(folder, "--patience", str(PATIENCE), key=now_key(folder)) as running:
        yield running
        assert running.batch([{"type": "track", "event": "x", "userId": "u"}])[1]["stored"] == 1
        assert running.stop() == 0


def connected(service: Service, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=20)
    connection.sendall(data)
    return connection


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side lets go of a connection; what it says before does not count."""
    until = time.monotonic() + seconds
    connection.settimeout(seconds)
    try:
        while time.monotonic() < until:
            if not connection.recv(65536):
                return True
    except ConnectionError:
        return True
    except TimeoutError:
        pass
    return False


BEGUN = [
    b"",
    b"P",
    b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-A: b",
    b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n",
]


@pytest.mark.parametrize("begun", BEGUN, ids=range(len(BEGUN)))
def test_a_head_that_does_not_come(service: Service, begun: bytes) -> None:
    with connected(service, begun) as connection:
        assert not closed_within(connection, PATIENCE / 2)
        assert closed_within(connection, 6)


@pytest.mark.parametrize("path", ["/v1/batch", "/api/v1/decide", "/e/"])
@pytest.mark.parametrize("begun", [b"", b"{"])
def test_a_body_that_does_not_come(service: Service, path: str, begun: bytes) -> None:
    said = head(service, "Content-Length: 1000", "Expect: 100-continue").replace(b"/v1/batch", path.encode()) + begun
    with connected(service, said) as connection:
        assert closed_within(connection, 6)


def test_one_byte_at_a_time(service: Service) -> None:
    """Each byte in time, and the whole not: what is begun is to be over."""
    with connected(service, head(service, "Transfer-Encoding: chunked")) as connection:
        began = time.monotonic()
        assert sent(connection, b"1\r\n{\r\n", 60, 0.1) < 60
        assert time.monotonic() - began < 6


def sent(connection: socket.socket, data: bytes, times: int, pause: float = 0) -> int:
    """How often something could be sent before the other side let go."""
    for n in range(times):
        try:
            connection.sendall(data.replace(b"%d", b"%d" % n))
        except OSError:
            return n
        time.sleep(pause)
    return times


def test_a_second_request_that_does_not_come(service: Service) -> None:
    with connected(service, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert b"200 OK" in connection.recv(65536)
        assert not closed_within(connection, 2.5), "a connection may be kept for the next request"
        connection.sendall(b"GET /livez HT")
        assert closed_within(connection, 6)


@pytest.mark.parametrize("line", [b"X-%d: " + b"y" * 1000 + b"\r\n", b"z" * 1000])
def test_a_head_without_an_end(service: Service, line: bytes) -> None:
    before = memory(service)
    with connected(service, b"GET /livez?" if line[:1] == b"z" else b"GET /livez HTTP/1.1\r\nHost: x\r\n") as connection:
        assert sent(connection, line, 200_000) < 200_000
    assert memory(service) - before < 20_000_000


def test_a_head_that_is_too_large_is_told_so(service: Service) -> None:
    lines = [f"X-{n}: {'y' * 1000}" for n in range(90)]
    assert b" 431 " in raw(service, head(service, *lines)[:-4])[:20]


def test_two_thousand_slow_clients(service: Service) -> None:
    allow_many()
    slow = []
    try:
        for i in range(2000):
            slow.append(connected(service, head(service, "Content-Length: 1000")[: 20 + i % 60]))
            if i % 100 == 0:
                began = time.perf_counter()
                assert service.batch([{"type": "track", "event": "x", "userId": "u", "messageId": f"quick-{i}"}])[0] == 200
                assert time.perf_counter() - began < 2
        assert all(closed_within(connection, 10) for connection in slow)
    finally:
        for connection in slow:
            connection.close()


def test_many_requests_at_once_on_one_connection(service: Service) -> None:
    """Answers come in the order of the requests."""
    body = b'{"type":"track","event":"x","userId":"u"}'
    one = head(service, f"Content-Length: {len(body)}").replace(b"/v1/batch", b"/v1/track") + body
    with connected(service, (one + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") * 50) as connection:
        got = b""
        while got.count(b"HTTP/1.1 200") < 100 and (part := connection.recv(65536)):
            got += part
    assert got.count(b"HTTP/1.1 200") == 100
    assert got.count(b'"stored":1') == 50


def test_more_than_was_said(service: Service) -> None:
    """Bytes behind the body are the next request; where they are none, the connection ends."""
    body = b'{"type":"track","event":"x","userId":"u"}'
    said = head(service, f"Content-Length: {len(body)}").replace(b"/v1/batch", b"/v1/track") + body
    with connected(service, said + b"garbage\x00\r\n\r\n") as connection:
        got = b""
        while part := connection.recv(65536):
            got += part
    assert got.count(b"HTTP/1.1 400") == 1
    assert got.count(b"HTTP/1.1") <= 2
