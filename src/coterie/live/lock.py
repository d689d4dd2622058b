"""One process at a time in a folder: a lock that the system itself drops when its holder dies, on Linux, macOS and Windows."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Self

from coterie.core.errors import Busy

NAME = "lock"
_FAR = 2**30
"""The byte that is locked on Windows: beyond the text, which others read."""


def boot_id() -> str:
    """What names this start of the machine; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


class Lock:
    """A file that is locked as long as this object is open; it says who holds it.

    Raises:
        Busy: another process holds it; the message names its process id.
    """

    def __init__(self, folder: Path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / NAME
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _hold(self._fd)
        except OSError:
            holder = self._said()
            os.close(self._fd)
            raise Busy(
                f"another process is serving this project ({holder})",
                hint=f"stop it, or give this one a project folder of its own (the lock is {self.path})",
            ) from None
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, f"{os.getpid()} {boot_id()}\n".encode())

    def _said(self) -> str:
        os.lseek(self._fd, 0, os.SEEK_SET)
        words = os.read(self._fd, 200).decode("ascii", "replace").split()
        return f"process {words[0]}" if words and words[0].isdigit() else "its process id is not known"

    def close(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if sys.platform == "win32":
    import msvcrt

    def _hold(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _hold(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
