"""The one way out: a POST to an address that somebody has named, and to nothing inside.

A name is resolved once for each attempt; every address that it has must be a public one, and the connection goes to exactly the
address that was looked at. Nothing is followed, no proxy of the environment is used, and little of the answer is read.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from coterie.core.errors import DeliveryError, Permanent, Transient

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a name and a port."""
PORTS = frozenset({443, 8443})
READ = 65_536
"""Bytes of an answer that are read at most."""
PATIENCE = 15.0
"""Seconds for everything: connecting, sending, and the head of the answer."""
LONGEST = 2000
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        # What `is_global` of every Python agrees to, and what leads back inside by another way: compatible, mapped, translated
        # (NAT64, also the local one), 6to4, Teredo, ORCHID, documentation, site-local, 6bone, segment routing.
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_NAMES_INSIDE = (
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home",
    ".corp",
    ".private",
    ".home.arpa",
    ".onion",
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where something is sent: a URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered: the status, and after how many seconds to come again where that was said."""

    status: int
    retry_after: int | None = None


class Refused(Permanent):
    """An address that nothing is sent to."""

    default_code = "E670"


def target(url: str, inside: frozenset[str] = frozenset()) -> Target:
    """A URL that something may be sent to, as far as that shows in its text.

    Args:
        inside: `host:port` of places within one's own network to which things may be sent nevertheless, also by http.

    Raises:
        Refused: nothing is sent there.
    """
    if len(url) > LONGEST or not url.isascii() or not all(32 < ord(c) < 127 for c in url) or "\\" in url:
        raise Refused("a URL is at most 2,000 plain characters, without spaces", hint="write a name with other letters as xn--…")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(f"that is no URL: {url[:200]}") from None
    host = (parts.hostname or "").casefold()
    if parts.scheme not in ("https", "http") or not host:
        raise Refused("a URL begins with https://")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise Refused("a URL carries no name and no password", hint="what is sent is signed: the receiver knows it by that")
    if parts.fragment:
        raise Refused("a URL has no part behind #")
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    found = Target(parts.scheme, host, (443 if parts.scheme == "https" else 80) if port is None else port, path)
    if f"{host}:{found.port}" in inside:
        return found
    if parts.scheme != "https":
        raise Refused("what is sent is sent by https")
    if found.port not in PORTS:
        raise Refused(f"port {found.port} is not sent to", hint="443 and 8443 are")
    literal = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(literal)
    except ValueError:
        _check_name(host)
    else:
        if "%" in host or not allowed(address):
            raise Refused(f"{host} is not a public address")
    return found


def _check_name(host: str) -> None:
    labels = host.removesuffix(".").split(".")
    # A last label of digits, or of 0x and digits, is another way to write an address.
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise Refused(f"{host[:200]} is not the name of a public host")
    if f".{host.removesuffix('.')}".endswith(_NAMES_INSIDE):
        raise Refused(f"{host[:200]} is a name within a network")


def allowed(address: Address) -> bool:
    """Whether an address is a public one, and does not stand for another."""
    if isinstance(address, ipaddress.IPv6Address) and (
        address.scope_id or address.ipv4_mapped or address.sixtofour or address.teredo
    ):
        return False
    inside = any(address in network for network in _INSIDE if network.version == address.version)
    return not inside and address.is_global and not address.is_multicast and not address.is_reserved


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Egress:
    """Sends.

    Args:
        inside: as of `target`.
        resolve: finds the addresses of a name.
        tls: how servers are known; None is this machine's own list of authorities.
    """

    inside: frozenset[str] = frozenset()
    resolve: Resolve = resolved
    tls: ssl.SSLContext | None = None
    patience: float = PATIENCE

    def address(self, to: Target) -> str:
        """The address to connect to, looked up and looked at now.

        Raises:
            Transient: the name has none at the moment. Refused: it has one that nothing is sent to.
        """
        try:
            found = self.resolve(to.host, to.port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise Transient(f"the name {to.host} was not found")
        if f"{to.host}:{to.port}" in self.inside:
            return found[0]
        for text in found:
            try:
                fine = allowed(ipaddress.ip_address(text))
            except ValueError:
                fine = False
            if not fine:
                raise Refused(f"{to.host} has the address {text}, which is not a public one")
        return found[0]

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Said:
        """Send a body.

        Returns: what was answered, whatever that was.

        Raises:
            Transient: nothing was answered. Refused: nothing is sent there.
        """
        to = target(url, self.inside)
        until = monotonic() + self.patience
        lines = [f"POST {to.path} HTTP/1.1", f"Host: {to.authority}", "Connection: close", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {_plain(value)}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        try:
            with socket.create_connection((self.address(to), to.port), timeout=_left(until)) as plain:
                if to.scheme == "http":
                    return _asked(plain, request, until)
                context = self.tls or ssl.create_default_context()
                with context.wrap_socket(plain, server_hostname=to.host) as secure:
                    return _asked(secure, request, until)
        except DeliveryError:
            raise
        except ssl.SSLCertVerificationError as error:
            raise Transient(f"{to.host} could not show that it is {to.host}: {error.verify_message}") from None
        except (OSError, ValueError) as error:
            raise Transient(f"{to.host} did not answer: {type(error).__name__}") from None


def _plain(value: str) -> str:
    if any(ord(c) < 32 or ord(c) > 126 for c in value):
        raise Refused("a header is plain text")
    return value


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _asked(connection: socket.socket, request: bytes, until: float) -> Said:
    """Send a request and read the head of the answer; whatever follows is left unread."""
    connection.settimeout(_left(until))
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        if len(got) >= READ:
            raise Transient("the head of the answer has no end")
        connection.settimeout(_left(until))
        part = connection.recv(min(16_384, READ - len(got)))
        if not part:
            break
        got += part
        if got.startswith(b"HTTP/1.1 1") and b"\r\n\r\n" in got:  # 100 Continue, 103 Early Hints
            got = got.partition(b"\r\n\r\n")[2]
    head = got.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.[01] (\d{3})(?: .*)?", head[0])
    if found is None:
        raise Transient("what was answered is not HTTP")
    after = next((line.partition(":")[2].strip() for line in head[1:] if line.casefold().startswith("retry-after:")), "")
    return Said(int(found[1]), int(after) if after.isascii() and after.isdigit() and len(after) < 8 else None)
