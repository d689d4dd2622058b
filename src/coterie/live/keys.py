"""Keys of a service. A key is shown once, when it is made; kept is its SHA-256, with what it may do and whose it is."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Literal, get_args

from coterie.core.errors import StoreError

Scope = Literal["ingest", "read", "write", "admin"]
FILE = "keys.json"
FORMAT = 1
LOOK = 1.0
"""Seconds after which a key that another process has made or removed is seen."""
Random = Callable[[int], bytes]
"""So many random bytes, fit for secrets."""
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret.

    Attributes:
        id: what stands in the key itself, by which it is found.
        scope: `ingest` may only send events.
        name: for people; of an ingest key the source of what comes with it.
        hash: SHA-256 of the whole key, in hex.
        made: when, naive UTC.
    """

    id: str
    scope: Scope
    name: str
    hash: str
    made: datetime


class Keys:
    """The keys of one folder, in memory as long as this lives."""

    def __init__(self, folder: Path):
        self.path = folder / FILE
        self._changed = _changed(self.path)
        self._looked = 0.0
        self.all: dict[str, Key] = {key.id: key for key in _read(self.path)}

    def refresh(self, now: float) -> None:
        """Take up what another process has changed; looks at most once a second.

        Args:
            now: monotonic seconds.
        """
        if now - self._looked < LOOK:
            return
        self._looked = now
        changed = _changed(self.path)
        if changed != self._changed:
            with contextlib.suppress(StoreError):
                self.all = {key.id: key for key in _read(self.path)}
                self._changed = changed

    def find(self, text: str | None) -> Key | None:
        """The key that a text is; None where it is none."""
        if not text or len(text) > 200:
            return None
        parts = text.split("_")
        key = self.all.get(parts[2]) if len(parts) == 4 else None
        found = sha256(text.encode("utf-8", "replace")).hexdigest()
        return key if compare_digest(found, key.hash if key else "0" * 64) else None

    def make(self, scope: Scope, name: str, now: datetime, random: Random) -> str:
        """Make a key and keep its hash. Returns the key itself, which nobody can show again."""
        id_ = _spelt(random(6), 8)
        text = f"ct_{scope}_{id_}_{_spelt(random(32), 43)}"
        self.all[id_] = Key(id_, scope, name, sha256(text.encode()).hexdigest(), now)
        _write(self.path, self.all.values())
        return text

    def remove(self, id_: str) -> bool:
        """Whether there was such a key; it counts no longer."""
        if self.all.pop(id_, None) is None:
            return False
        _write(self.path, self.all.values())
        return True


def _spelt(data: bytes, length: int) -> str:
    number, out = int.from_bytes(data, "big"), []
    for _ in range(length):
        number, digit = divmod(number, 62)
        out.append(_LETTERS[digit])
    return "".join(out)


def _changed(path: Path) -> tuple[int, int]:
    """What is another after a file was written anew."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_ino)


def _read(path: Path) -> list[Key]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        raise StoreError(f"the keys cannot be read: {path}", code="E657", hint="bring the file back from a backup") from None
    if found.get("format") != FORMAT:
        raise StoreError("the keys were written by a newer coterie", code="E651", hint="update coterie")
    return [
        Key(row["id"], row["scope"], row["name"], row["hash"], datetime.fromisoformat(row["made"]))
        for row in found["keys"]
        if row["scope"] in get_args(Scope)
    ]


def _write(path: Path, keys: Iterable[Key]) -> None:
    """The whole file or the one before, readable by its owner only."""
    rows = [{**asdict(key), "made": key.made.isoformat()} for key in keys]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}-")  # of mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "keys": rows}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    Path(partial).replace(path)
