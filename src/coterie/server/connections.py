"""Connections that take a request of a size and in a time: uvicorn's own wait for ever, and for any number of headers."""

import sys
from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 65_536
"""Bytes of a request line and its headers, at most."""
PATIENCE = 30.0
"""Seconds that a request may take to come, from its first byte (or from the connection) to its last."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """One client."""

    head = 0
    """Bytes of a head that has not come whole."""
    begun = False
    """Whether a request has ever begun."""
    since: tuple[object, float] | None = None
    """What has been coming, and since when (`late`)."""

    def on_message_begin(self) -> None:
        self.begun = True
        super().on_message_begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.headed():
            self.head = 0
            return
        self.head += len(data)
        if self.head > HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def headed(self) -> bool:
        """Whether no head is half there."""
        return not self.begun or dict.__contains__(self.scope, "method")

    def coming(self) -> object | None:
        """The request that has not come whole; None where the client waits for an answer, or for nothing."""
        if not self.begun:
            return self
        if not self.headed():
            return self.scope
        # What was answered before it came whole is waited for, too: whoever is let in no more than that may send for ever.
        return self.cycle if self.cycle.more_body else None


def late(connections: Iterable[object], now: float, patience: float) -> list[Connection]:
    """Connections whose request has been coming for too long. To be asked again and again: what comes is first seen then.

    Args:
        now: seconds of a clock that does not jump.
    """
    out = []
    for connection in connections:
        if not isinstance(connection, Connection):
            continue
        request = connection.coming()
        if request is None:
            connection.since = None
        elif connection.since is None or connection.since[0] is not request:
            connection.since = (request, now)
        elif now - connection.since[1] > patience:
            out.append(connection)
    return out


def allow_many() -> None:
    """Let this process hold as many connections as it may: many systems begin with 1,024."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
