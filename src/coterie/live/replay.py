"""What was refused is tried again: after coterie has learned to read it, or takes more."""

from dataclasses import dataclass

from coterie.live.log import Log, Quarantined, Receipt
from coterie.live.message import Caps, Message, messages
from coterie.live.strict import Unreadable

FINAL = frozenset({"id_conflict", "not_applied"})
"""What trying again does not help."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """An item that was taken after all: its number in quarantine, and what became of its messages."""

    number: int
    receipts: tuple[Receipt, ...]


def replay(log: Log, caps: Caps | None = None) -> list[Replayed]:
    """Read everything in quarantine anew, and accept what can be read now.

    The time of receipt stays what it was; what the batch around an item said for all of it is not known any more. An item is
    taken once, however often this is asked for: one without an id gets one from its number.
    """
    out: list[Replayed] = []
    after: int | None = 0
    while after is not None:
        some, after = replay_some(log, after, caps)
        out += some
    return out


def replay_some(log: Log, after: int, caps: Caps | None = None, most: int = 100) -> tuple[list[Replayed], int | None]:
    """The same of some items behind a number: those that were taken, and the number to go on behind; None where none is left."""
    out = []
    items = log.quarantine(most, after=after)
    for item in items:
        made = [] if item.reason in FINAL else _read(item, caps)
        if made:
            receipts = log.accept(item.source, made)
            log.replayed(item.number)
            out.append(Replayed(item.number, tuple(receipts)))
    return out, items[-1].number if len(items) == most else None


def _read(item: Quarantined, caps: Caps | None) -> list[Message]:
    path = item.path or "/v1/batch"
    single = path.startswith("/v1/") and path.rsplit("/", 1)[1] not in ("batch", "b", "import")
    whole = single or item.reason == "not_understood"
    body = item.item if whole else b'{"batch":[' + item.item + b"]}"
    try:
        made, refused = messages(body, path, item.received, make_id=lambda index: f"refused-{item.number}-{index}", caps=caps)
    except Unreadable:
        return []
    return [] if refused else made
