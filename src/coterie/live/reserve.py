"""Room on the disk that is kept back: a service whose disk others have filled can start with it, and answer questions."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

FILE = "reserve"
SIZE = 8_000_000
"""Bytes that are kept back."""
PLENTY = 4
"""Kept back is only where so many times as much is free."""


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def released(folder: Path, free: Callable[[Path], int] = free_bytes) -> bool:
    """Give the reserve of a folder up where the disk is as good as full. Whether it was.

    Args:
        free: how many bytes of a folder's disk are free.
    """
    path = folder / FILE
    if not path.exists() or free(folder) >= SIZE:
        return False
    path.unlink(missing_ok=True)
    return True


def kept(folder: Path, free: Callable[[Path], int] = free_bytes) -> bool:
    """Keep room back in a folder, where there is plenty. Whether it is kept."""
    path = folder / FILE
    with contextlib.suppress(OSError):
        if path.exists() and path.stat().st_size == SIZE:
            return True
        if free(folder) < PLENTY * SIZE:
            return False
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, SIZE)
            else:
                file.write(os.urandom(SIZE))  # of zeros a disk might keep none
        return True
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return False
