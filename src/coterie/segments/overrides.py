"""The record of who was put into a segment or out of it by hand: who said so, when, why, until when, and who took it back.

Tables of their own in `record/record.sqlite`. Nothing is deleted: what is taken back carries the instant when it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from coterie.segments.by_hand import ByHand, Side
from coterie.sources.record import FILE, Part, connected

_TABLES = """
CREATE TABLE overrides (
    number INTEGER PRIMARY KEY, segment TEXT NOT NULL, side TEXT NOT NULL, customer TEXT NOT NULL, author TEXT,
    reason TEXT NOT NULL, added_at TEXT NOT NULL, until TEXT, removed_at TEXT, removed_by TEXT
);
CREATE INDEX overrides_by_segment ON overrides (segment, side, customer);
"""


@dataclass(frozen=True, slots=True)
class Override:
    """One customer put in or out by hand, as it was said and, where it was, taken back."""

    segment: str
    side: Side
    customer: str
    author: str | None
    reason: str
    added_at: datetime
    until: date | None
    removed_at: datetime | None
    removed_by: str | None


class Overrides:
    """What was said by hand, of all segments.

    Args:
        folder: the record.
    """

    def __init__(self, folder: Path):
        self.path = folder / FILE
        self.connection = connected(folder, Part("overrides", 1, _TABLES))

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Overrides":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(
        self,
        segment: str,
        side: Side,
        customers: Iterable[str],
        *,
        author: str | None,
        reason: str,
        until: date | None,
        now: datetime,
    ) -> None:
        """Put customers on a side; what was said of them on that side before is taken back."""
        customers = list(customers)
        with self.connection:
            self._remove(segment, side, customers, author, now)
            self.connection.executemany(
                "INSERT INTO overrides (segment, side, customer, author, reason, added_at, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(segment, side, c, author, reason, now.isoformat(), None if until is None else f"{until}") for c in customers],
            )

    def remove(self, segments: Sequence[str], side: Side, customers: Iterable[str], *, author: str | None, now: datetime) -> None:
        """Take back what was said of customers on a side of a segment (under any of its names)."""
        customers = list(customers)
        with self.connection:
            for segment in segments:
                self._remove(segment, side, customers, author, now)

    def _remove(self, segment: str, side: Side, customers: Iterable[str], author: str | None, now: datetime) -> None:
        self.connection.executemany(
            "UPDATE overrides SET removed_at = ?, removed_by = ?"
            " WHERE segment = ? AND side = ? AND customer = ? AND removed_at IS NULL",
            [(now.isoformat(), author, segment, side, c) for c in customers],
        )

    def all(self) -> list[Override]:
        """Everything that was ever said, in that order."""
        query = "SELECT segment, side, customer, author, reason, added_at, until, removed_at, removed_by FROM overrides"
        out = []
        for segment, side, customer, author, reason, added, until, removed, by in self.connection.execute(
            f"{query} ORDER BY number"
        ):
            out.append(
                Override(
                    str(segment),
                    "include" if side == "include" else "exclude",
                    str(customer),
                    None if author is None else str(author),
                    str(reason),
                    datetime.fromisoformat(str(added)),
                    None if until is None else date.fromisoformat(str(until)),
                    None if removed is None else datetime.fromisoformat(str(removed)),
                    None if by is None else str(by),
                )
            )
        return out


def standing(said: Iterable[Override]) -> dict[str, tuple[ByHand, ...]]:
    """What has not been taken back, by segment; customers of whom the same was said at once stand together."""
    found: dict[str, dict[ByHand, list[str]]] = {}
    for one in said:
        if one.removed_at is None:
            entry = ByHand(one.side, author=one.author, reason=one.reason, until=one.until, added_at=one.added_at)
            found.setdefault(one.segment, {}).setdefault(entry, []).append(one.customer)
    return {
        segment: tuple(ByHand(e.side, tuple(ids), None, e.author, e.reason, e.until, e.added_at) for e, ids in entries.items())
        for segment, entries in found.items()
    }
