"""The list of who has changed what, as a chain with an end that is kept elsewhere.

Each entry holds the hash of the one before, so that nothing can be taken out of the list or changed without the rest telling. That
its last entries were cut off the rest cannot tell: how far the list had come stands in a file beside it as well, and in the log.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw

FILE = "audit.end"


@dataclass(frozen=True, slots=True)
class End:
    """How far the list has come: the number of its last entry, and its hash."""

    number: int
    hash: bytes

    def to_bytes(self) -> bytes:
        return self.number.to_bytes(8, "big") + self.hash

    @classmethod
    def of(cls, data: object) -> "End | None":
        """What `to_bytes` made; None of anything else."""
        if not isinstance(data, bytes) or len(data) != 40:
            return None
        return cls(int.from_bytes(data[:8], "big"), data[8:])


def chained(before: bytes, row: tuple[int, int, str, str, str]) -> bytes:
    """SHA-256 of the hash before and an entry."""
    return sha256(before + json.dumps(row, ensure_ascii=False).encode()).digest()


def end_of(db: apsw.Connection) -> End | None:
    """How far a list has come; None where it is empty."""
    rows: list[Any] = db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchall()
    return End(*rows[0]) if rows else None


def holds(db: apsw.Connection, end: End | None) -> bool:
    """Whether a list still has the entry that was its last one."""
    return end is None or bool(db.execute("SELECT 1 FROM audit WHERE number = ? AND hash = ?", (end.number, end.hash)).fetchall())


def broken(db: apsw.Connection, ends: Iterable[End | None] = ()) -> int | None:
    """The number of the first entry that is not as it was written, or is missing; None where all are there.

    Args:
        ends: of which the list is known to have had them.
    """
    before, expected = b"", 1
    for number, at, who, what, about, hash_ in db.execute("SELECT * FROM audit ORDER BY number"):
        if number != expected or chained(before, (number, at, who, what, about)) != hash_:
            return expected
        assert isinstance(hash_, bytes)
        before, expected = hash_, expected + 1
    missing = [min(end.number, expected) for end in ends if end is not None and not holds(db, end)]
    return min(missing, default=None)


def put(folder: Path, end: End) -> None:
    """Write the end of the list beside it: the whole file, or the one before."""
    partial = folder / f".{FILE}"
    with partial.open("wb") as file:
        file.write(end.to_bytes().hex().encode())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / FILE)


def read(folder: Path) -> End | None:
    """The end as it stands beside the list."""
    try:
        return End.of(bytes.fromhex((folder / FILE).read_text("ascii")))
    except (OSError, ValueError):
        return None
