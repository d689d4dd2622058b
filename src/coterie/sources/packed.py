"""Packed files: their bytes as they were before they were packed, and no more of them than there is room for."""

import io
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from coterie.core.errors import DataError
from coterie.sources.options import ReadOptions

HARMLESS = 1 << 28
"""Bytes to which anything may unpack."""
BUFFER = 1 << 20


def open_binary(path: Path, options: ReadOptions) -> BinaryIO:
    """A file's bytes, unpacked where its first bytes say that it is packed by gzip, bzip2 or Zstandard.

    Reading raises DataError (E224) where it unpacks to more than `options.unpack` times its size, or than `options.room`.
    """
    with path.open("rb") as file:
        head = file.read(4)
    packed = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\x28\xb5": "zstd"}.get(head[:2])
    if packed == "bz2" and not head.startswith(b"BZh"):
        packed = None
    if packed is None:
        return path.open("rb")
    stream: BinaryIO
    if packed == "gzip":
        import gzip

        stream = cast(BinaryIO, gzip.open(path, "rb"))  # noqa: SIM115 (its reader closes it)
    else:
        stream = cast(BinaryIO, pa.CompressedInputStream(pa.OSFile(str(path), "rb"), packed))
    return io.BufferedReader(_Counted(stream, path, options), BUFFER)


class _Counted(io.RawIOBase):
    """The bytes of a stream, up to as many as may be."""

    def __init__(self, stream: BinaryIO, path: Path, options: ReadOptions):
        self.stream, self.path, self.options = stream, path, options
        self.size = path.stat().st_size
        self.most = max(HARMLESS, self.size * options.unpack)
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        room = self.options.room
        if room is not None and self.count > room:
            raise DataError(
                f"{self.path} ({megabytes(self.size)}) unpacks to more than the {megabytes(room)} that are free on the disk",
                code="E224",
                hint="make room, or keep the project on another disk",
            )
        if self.count > self.most:
            raise DataError(
                f"{self.path} ({megabytes(self.size)}) unpacks to more than {megabytes(self.most)}, which is more than "
                f"{self.options.unpack} times its size: files made to fill a disk are like that",
                code="E224",
                hint=f"if it is what you expect, say so with COTERIE_UNPACK={10 * self.options.unpack} (times its size), or unpack "
                "it and name the file inside",
            )
        return len(data)

    def close(self) -> None:
        self.stream.close()
        super().close()


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    for unit, power in (("GB", 30), ("MB", 20), ("kB", 10)):
        if size >= 1 << power:
            amount = size / (1 << power)
            return f"{amount:,.0f} {unit}" if amount >= 10 else f"{amount:.1f} {unit}"
    return f"{size} bytes"
