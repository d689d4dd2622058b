"""What a message has said of its customer, beside the log: events and columns as the project's sources read them, packed, so that
they need not be read again from the message for every question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from coterie.language.evaluate import Event
from coterie.language.types import Value
from coterie.live.log import micros, of_micros

_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder()


@dataclass(frozen=True, slots=True)
class Did:
    """A message as rows of the project's sources.

    Attributes:
        events: what its customer did by it; `said`: of themselves, by column.
    """

    events: Sequence[Event] = ()
    said: Mapping[str, Value | None] = field(default_factory=dict)


def packed(of: str, did: Did, read: Mapping[str, frozenset[str]]) -> bytes:
    """Bytes for the database.

    Args:
        of: the name of the results by whose columns it was read.
        read: by kind, the columns that anything asks for; others are left out.
    """
    events = [
        [e.kind, micros(e.time), e.id, {n: _plain(e.values.get(n)) for n in read[e.kind]}] for e in did.events if e.kind in read
    ]
    return _ENCODER.encode([of, events, {n: _plain(v) for n, v in did.said.items()}])


def unpacked(of: str, data: bytes | None) -> Did | None:
    """What was packed by the same results; None where others have read it, or nobody has."""
    if data is None:
        return None
    name, events, said = _DECODER.decode(data)
    if name != of:
        return None
    made = [Event(kind, of_micros(time), id_, {n: _value(v) for n, v in values.items()}) for kind, time, id_, values in events]
    return Did(made, {n: _value(v) for n, v in said.items()})


def _plain(value: Value | None) -> Any:
    """A value as MessagePack has it; what it has not is a list of a letter and what stands for the value."""
    if isinstance(value, Decimal):
        return ["n", str(value)]
    if isinstance(value, datetime):
        return ["t", micros(value)]
    if isinstance(value, date):
        return ["d", value.toordinal()]
    return ["l", *value] if isinstance(value, tuple) else value


def _value(plain: Any) -> Value | None:
    if not isinstance(plain, list):
        return plain  # type: ignore[no-any-return]
    match plain[0]:
        case "n":
            return Decimal(plain[1])
        case "t":
            return of_micros(plain[1])
        case "d":
            return date.fromordinal(plain[1])
        case _:
            return tuple(plain[1:])
