"""A world without a network, inside this process and for the processes it starts."""

import ipaddress
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest


class NetworkUsed(AssertionError):
    """Something reached for another machine."""


def is_local(host: object) -> bool:
    """Whether a host as given to `connect` or `getaddrinfo` is this machine."""
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def forbid_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Python's sockets and name look-ups in this process raise NetworkUsed for any host but this machine.

    Libraries with their own C sockets are not met by this: run them through NoNetwork.run.
    """

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
                raise NetworkUsed(f"connect to {address[0]}:{address[1]}")
            return original(self, address)

        return connect

    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_local(host):
            raise NetworkUsed(f"look up {host}")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@cache
def isolating_prefix() -> tuple[str, ...] | None:
    """The words before a command that run it in a network namespace of its own; None where that cannot be had."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    # Root may make one; others may inside a user namespace, where the system allows those.
    for options in (("--net",), ("--map-root-user", "--net")):
        prefix = (unshare, *options)
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return None


@dataclass(frozen=True, slots=True)
class NoNetwork:
    """What the fixture `no_network` gives."""

    prefix: tuple[str, ...] | None
    missing: Callable[[str], NoReturn]

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command that has no network at all, not even loopback → what it printed and its exit code."""
        if self.prefix is None:
            self.missing("processes cannot be cut off from the network here (unshare --net does not work).")
        options = {"capture_output": True, "text": True, "check": False} | options
        completed: subprocess.CompletedProcess[str] = subprocess.run([*self.prefix, *map(str, command)], **options)
        return completed
