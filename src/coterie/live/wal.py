"""SQLite's write-ahead file read before SQLite does.

SQLite stops at the first frame that does not check, and says nothing: behind a byte that flipped in the middle, acknowledged
events would be gone without a word. And how far the log had come is kept beside it (`Mark`), so that a file that is merely
shorter is noticed too.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

HEADER, FRAME = 32, 24
_BIG, _LITTLE = 0x377F0683, 0x377F0682
_MARK = struct.Struct("<8s16s36sqI")
_MAGIC = b"coterie1"
_MASK = 0xFFFFFFFF
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class Wal:
    """What a write-ahead file holds.

    Attributes:
        frames: pages that check, from the start on.
        commits: transactions that end within them.
        bad: the first frame that does not check though it is of this generation of the file; None where there is none.
        later: transactions that end at or behind the bad frame: the first may have been in the making when the machine
            stopped, a second means that what is bad was once whole.
    """

    frames: int = 0
    commits: int = 0
    bad: int | None = None
    later: int = 0


@lru_cache(maxsize=8)
def _weights(pairs: int) -> Words:
    """What each word of some pairs adds to the two sums at the end, and, in the last two rows, what the sums before do.

    SQLite's checksum ("WAL File Format", 4.2) takes a pair (x, y) by a = a + x + b; b = b + y + a: a linear map, so that the sums
    of many pages are one product. All modulo 2³².
    """
    out = np.zeros((2 * pairs + 2, 2), np.uint32)
    p, q, r, s = 1, 0, 0, 1  # the map of no pair
    for i in range(pairs - 1, -1, -1):
        out[2 * i] = (p + q) & _MASK, (r + s) & _MASK
        out[2 * i + 1] = q, s
        p, q, r, s = (p + q) & _MASK, (p + 2 * q) & _MASK, (r + s) & _MASK, (r + 2 * s) & _MASK
    out[-2], out[-1] = (p, r), (q, s)
    return out


def _sums(words: Words, before: Words) -> Words:
    """The two sums behind rows of words, each going on from two sums before it."""
    weights = _weights(words.shape[1] // 2)
    found: Words = words @ weights[:-2] + before @ weights[-2:]
    return found


def examined(path: Path) -> Wal:
    """What a write-ahead file holds, without changing it. Memory does not grow with the file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Wal()
    with file:
        header = file.read(HEADER)
        if len(header) < HEADER:
            return Wal()
        magic, _, size, _, salt, salt2, c1, c2 = struct.unpack(">8I", header)
        if magic not in (_BIG, _LITTLE) or not 512 <= size <= 65536 or size & (size - 1):
            return Wal(bad=0, later=2) if len(file.read(FRAME + 1)) > FRAME else Wal()
        order = np.dtype(">u4" if magic == _BIG else "<u4")
        first = np.frombuffer(header[:24], order).astype(np.uint32)[None, :]
        if _sums(first, np.zeros((1, 2), np.uint32)).tolist() != [[c1, c2]]:
            return Wal(bad=0, later=2)
        frames = commits = later = at = 0
        bad: int | None = None
        before = np.array([[c1, c2]], np.uint32)
        step = FRAME + size
        while chunk := file.read(step * max(1, _CHUNK // step)):
            rows = np.frombuffer(chunk[: len(chunk) // step * step], np.uint8).reshape(-1, step)
            if not len(rows):
                break
            head = rows[:, :FRAME].copy().view(">u4").astype(np.uint32)
            words = np.delete(rows, slice(8, FRAME), axis=1).copy().view(order).astype(np.uint32)
            ahead = np.concatenate([before, head[:-1, 4:6]])
            ours = (head[:, 2] == salt) & (head[:, 3] == salt2)
            good = ours & (_sums(words, ahead) == head[:, 4:6]).all(axis=1)
            ends = head[:, 1] != 0
            if bad is None and not good.all():
                place = int(np.argmin(good))
                frames, commits = frames + place, commits + int(ends[:place].sum())
                bad = at + place
                later += int(ours[place] and ends[place]) + int((good & ends)[place + 1 :].sum())
            elif bad is None:
                frames, commits = frames + len(rows), commits + int(ends.sum())
            else:
                later += int((good & ends).sum())
            before, at = head[-1:, 4:6], at + len(rows)
        # Behind the end lie frames of an earlier generation of the file, as SQLite leaves them: they are not bad.
        return Wal(frames, commits, bad if later else None, later)


@dataclass(frozen=True, slots=True)
class Marked:
    """What the mark says: the log it belongs to, the last position that was made durable, and the start of the machine."""

    log: bytes
    position: int
    boot: str


class Mark:
    """How far a log has come, in a file beside it: written after each commit, before anybody hears of it.

    Not forced to the disk: a process that is killed leaves it as it was, a machine that loses power may leave an older one,
    which never claims too much.
    """

    def __init__(self, path: Path, log: bytes, boot: str):
        self.log, self.boot = log, boot
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)

    def put(self, position: int) -> None:
        body = _MARK.pack(_MAGIC, self.log, self.boot.encode("ascii").ljust(36)[:36], position, 0)[:-4]
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, body + struct.pack("<I", zlib.crc32(body)))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def read(path: Path) -> Marked | None:
        """What a mark says; None where there is none, or where it does not check."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if len(data) != _MARK.size:
            return None
        magic, log, boot, position, crc = _MARK.unpack(data)
        if magic != _MAGIC or crc != zlib.crc32(data[:-4]):
            return None
        return Marked(log, position, boot.decode("ascii", "replace").strip())
