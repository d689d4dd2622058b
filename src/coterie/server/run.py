"""The service on a socket, until it is told to stop."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import uvicorn

from coterie.core.errors import CoterieError
from coterie.server.app import Parts, Service
from coterie.server.connections import PATIENCE, Connection, allow_many, late

FAILED = 4
"""Exit code when the log could not be written: a new start reads what is there."""


class _Server(uvicorn.Server):
    """A server that a signal ends as a return does: uvicorn's own would raise the signal again before the log is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {found: signal.signal(found, self.handle_exit) for found in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for found, handler in before.items():
                signal.signal(found, handler)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens, or why it cannot.

    Raises:
        CoterieError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(2048)
    except OSError as error:
        found.close()
        words = error.strerror or str(error)
        raise CoterieError(f"{host}:{port} cannot be listened on: {words}", code="E660", hint="give another: --port 8401") from None
    return found


def run(
    parts: Parts,
    listening: socket.socket,
    *,
    proxied: bool = False,
    certificate: Path | None = None,
    secret: Path | None = None,
    started: Callable[[], None] = lambda: None,
    patience: float = PATIENCE,
) -> int:
    """Serve until SIGTERM or SIGINT: then take nothing more, answer who waits, and write everything.

    Args:
        proxied: a proxy in front speaks TLS and says who the client is.
        certificate, secret: of TLS.
        started: called when requests are answered.
        patience: seconds that a request may take to come.

    Returns: the exit code.
    """
    service = Service(parts)
    config = uvicorn.Config(
        service,
        http=Connection,
        loop="auto",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=proxied,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        backlog=2048,
        ssl_certfile=certificate,
        ssl_keyfile=secret,
    )
    server = _Server(config)
    allow_many()

    async def watch() -> None:
        told = False
        looked = monotonic()
        while not server.should_exit:
            if server.started and not told:
                told = True
                started()
            if service.writer.failed:
                server.should_exit = True
            now = monotonic()
            if now - looked > min(1.0, patience):
                looked = now
                for connection in late(server.server_state.connections, now, patience):
                    connection.transport.close()
            await asyncio.sleep(0.05)
        service.end()

    async def both() -> None:
        watching = asyncio.create_task(watch())
        await server.serve(sockets=[listening])
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(both())
    return FAILED if service.writer.failed else 0
