"""Nothing is sent inside, in whatever way an address is written, whatever a name turns into, whatever a receiver answers."""

import ipaddress
import socket
import threading
import time

import pytest

from coterie.core.errors import DeliveryError, Transient
from coterie.live.egress import Egress, Refused, allowed, resolved, target

FORMS = [
    # the same few addresses in many spellings
    *("127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "0x7f.0.0.1"),
    *("127.0.0.1.", "127.000.000.001", "0", "0.0.0.0", "00000000", "0x0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[0::ffff:169.254.169.254]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]"),
    *("[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[2001::1]", "[2001:0000:4136:e378:8000:63bf:3fff:fdd2]", "[fe80::1]"),
    *("[fe80::1%25eth0]", "[fe80::1%eth0]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[::1%251]", "[2001:db8::1]"),
    *(
        "169.254.169.254",
        "169.254.43518",
        "2852039166",
        "0xa9fea9fe",
        "0xA9.0xFE.0xA9.0xFE",
        "0251.0376.0251.0376",
        "100.100.100.200",
    ),
    *("10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1", "100.64.0.1", "192.0.0.1", "192.0.0.192"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *(
        "localhost",
        "LOCALHOST",
        "localhost.",
        "localhost.localdomain",
        "foo.localhost",
        "printer.local",
        "metadata.google.internal",
    ),
    *("metadata", "intranet", "router.lan", "x.home.arpa", "db.corp", "hidden.onion", "a..b", "-a.example.com", "a_.-b.com"),
    *(
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127。0。0。1",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "exämple.com",
        "127.0.0.1%00.example.com",
        "example.com%2f@127.0.0.1",
    ),
]
URLS = [
    *(f"https://{host}/hook" for host in FORMS),
    "http://example.com/",
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:443x/",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\.127.0.0.1/",
    "https:///path",
    "https://",
    "https:/example.com",
    "https:example.com",
    "//example.com/",
    "example.com",
    "",
    " https://example.com/",
    "https://example.com/ x",
    "https://example.com/\r\nX-Evil: 1",
    "https://example.com/%0d%0a\n",
    "https://example.com/\t",
    "https://exa\x00mple.com/",
    "https://example.com/#part",
    "https://[::1/",
    "https://::1/",
    "https://[example.com]/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "dict://127.0.0.1/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "https://" + "a" * 64 + ".com/",
    "https://example.com/" + "a" * 3000,
]


@pytest.mark.parametrize("url", URLS)
def test_it_is_not_sent_to(url: str) -> None:
    with pytest.raises(Refused):
        target(url)


def test_there_are_many_forms() -> None:
    assert len(URLS) >= 120


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://hooks.example.co.uk/a/b?c=d&e=%20",
        "https://example.com:8443/",
        "https://xn--exmple-cua.com/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://1.example.com/",
    ],
)
def test_it_is_sent_to(url: str) -> None:
    assert target(url).scheme == "https"


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["127.0.0.1", "93.184.215.14"],
        ["::1"],
        ["2606:4700:4700::1111", "10.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["::ffff:169.254.169.254"],
        ["fe80::1%eth0"],
        ["no address"],
    ],
)
def test_a_name_that_leads_inside(found: list[str]) -> None:
    egress = Egress(resolve=lambda host, port: found)
    with pytest.raises(Refused):
        egress.post("https://example.com/", b"{}", {})


def test_what_was_looked_at_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that turns round between looking and connecting."""
    asked: list[str] = []
    connected: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    egress = Egress(resolve=resolve)
    with pytest.raises(Transient):
        egress.post("https://example.com/", b"{}", {})
    assert (asked, connected) == (["example.com"], [("93.184.215.14", 443)])
    with pytest.raises(Refused):
        egress.post("https://example.com/", b"{}", {})
    assert len(connected) == 1


def test_every_private_address_is_inside() -> None:
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10"):
        of = ipaddress.ip_network(network)
        for address in (of[0], of[1], of[of.num_addresses // 2], of[-1]):
            assert not allowed(address)
    assert allowed(ipaddress.ip_address("8.8.8.8"))


def test_a_name_that_is_not_there() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror

    with pytest.raises(Transient):
        Egress(resolve=nowhere).post("https://example.com/", b"", {})


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, inside, got):
        assert Egress(inside=inside).post(url, b"{}", {"x": "y"}).status == 204
    assert got[0].startswith(b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    ("answer", "status", "after"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, None),
        (b"HTTP/1.0 500 Oh\r\n\r\n", 500, None),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", 302, None),
        (b"HTTP/1.1 429 Slow\r\nretry-after: 30\r\n\r\n", 429, 30),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n", 429, None),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999\r\n\r\n", 429, None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 200_000, 200, None),
        (b"HTTP/1.1 410 Gone", 410, None),
    ],
)
def test_what_is_answered(answer: bytes, status: int, after: int | None) -> None:
    with receiver(answer) as (url, inside, _):
        found = Egress(inside=inside).post(url, b"{}", {})
    assert (found.status, found.retry_after) == (status, after)


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 2xx\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000]
)
def test_what_is_no_answer(answer: bytes) -> None:
    with receiver(answer) as (url, inside, _), pytest.raises(Transient):
        Egress(inside=inside).post(url, b"{}", {})


@pytest.mark.parametrize("slowly", [b"", b"HTTP/1.1 200 OK\r\n", b"x"])
def test_a_receiver_that_takes_its_time_is_left(slowly: bytes) -> None:
    with receiver(slowly, drip=True) as (url, inside, _):
        began = time.monotonic()
        with pytest.raises(DeliveryError):
            Egress(inside=inside, patience=0.5).post(url, b"{}", {})
        assert time.monotonic() - began < 3


def test_headers_stay_in_their_lines() -> None:
    with receiver(b"HTTP/1.1 200 OK\r\n\r\n") as (url, inside, got):
        with pytest.raises(Refused):
            Egress(inside=inside).post(url, b"{}", {"webhook-id": "a\r\nX: y"})
        assert not got


def test_a_server_that_nobody_vouches_for_is_not_believed() -> None:
    """By TLS to a receiver that speaks none."""
    with receiver(b"HTTP/1.1 200 OK\r\n\r\n") as (url, inside, _), pytest.raises(Transient):
        Egress(inside=inside, patience=2).post(url.replace("http://", "https://"), b"{}", {})


def test_this_machine_resolves_itself() -> None:
    assert "127.0.0.1" in resolved("127.0.0.1", 443)


class receiver:  # noqa: N801
    """A receiver on this machine that gives one answer, whatever it is asked."""

    def __init__(self, answer: bytes, *, drip: bool = False):
        self.answer, self.drip, self.got, self.over = answer, drip, list[bytes](), threading.Event()

    def __enter__(self) -> tuple[str, frozenset[str], list[bytes]]:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(0.05)
        port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        return f"http://127.0.0.1:{port}/hook", frozenset({f"127.0.0.1:{port}"}), self.got

    def _work(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(5)
                    part = connection.recv(65536)
                    if part:
                        self.got.append(part)
                    connection.sendall(self.answer)
                    while self.drip and not self.over.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    pass

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.listening.close()
        self.thread.join(5)
