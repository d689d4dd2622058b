"""A message as clients write it, read in one go: the shape that all of them send, decoded and checked at once.

The types say what JSON's standard leaves open: numbers that 64 bits hold, objects that do not nest deep. What they do not say is
proved by counting: written anew, a body has as many quotes as it came with, unless a key stood twice or one is not known here.
What is not of this shape is read by `strict`, which says what is odd about it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import UNSET

from coterie.live.strict import Envelope, Json, Leaf, Plain, same_quotes

if TYPE_CHECKING:
    _Any: TypeAlias = Any
    _Object: TypeAlias = Any
else:
    _Any = Leaf | msgspec.UnsetType
    _Object = dict[str, Plain] | None | msgspec.UnsetType


class Item(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """A message's own keys; UNSET is what it does not have. Values are whatever came: what is said here of their types holds for
    what is read quickly."""

    message_id: _Any = UNSET
    type: _Any = UNSET
    event: _Any = UNSET
    name: _Any = UNSET
    user_id: _Any = UNSET
    anonymous_id: _Any = UNSET
    previous_id: _Any = UNSET
    group_id: _Any = UNSET
    timestamp: _Any = UNSET
    original_timestamp: _Any = UNSET
    sent_at: _Any = UNSET
    received_at: _Any = UNSET
    properties: _Object = UNSET
    traits: _Object = UNSET
    context: _Object = UNSET
    integrations: _Object = UNSET
    write_key: _Any = UNSET
    category: _Any = UNSET
    channel: _Any = UNSET
    metadata: _Object = msgspec.field(default=UNSET, name="_metadata")
    offset: _Any = msgspec.field(default=UNSET, name="$offset")

    def said(self) -> dict[str, Json]:
        """What it has, by the keys as they came."""
        return {key: value for key, name in _KEYS.items() if (value := getattr(self, name)) is not UNSET}


class _Batch(msgspec.Struct, gc=False, kw_only=True, rename="camel", omit_defaults=True):
    """What stands around messages."""

    batch: list[Item]
    sent_at: _Any = UNSET
    write_key: _Any = UNSET
    context: _Object = UNSET
    integrations: _Object = UNSET


_KEYS = {found.encode_name: found.name for found in msgspec.structs.fields(Item)}
_AROUND = tuple((found.encode_name, found.name) for found in msgspec.structs.fields(_Batch) if found.name != "batch")
_ONE = msgspec.json.Decoder(Item)
_MANY = msgspec.json.Decoder(_Batch)
_ENCODER = msgspec.json.Encoder()


def as_item(said: Mapping[str, Json]) -> tuple[Item, dict[str, Json]]:
    """An object as an item, and those of its keys that an item does not know."""
    known: dict[str, Any] = {}
    rest: dict[str, Json] = {}
    for key, value in said.items():
        name = _KEYS.get(key)
        if name is None:
            rest[key] = value
        else:
            known[name] = value
    return Item(**known), rest


def opened_quickly(body: bytes, *, single: bool) -> Envelope | None:
    """A body of nothing but items as they are known; None where it has to be read with more care.

    Args:
        single: the body is one item, not a batch.
    """
    try:
        around: tuple[bytes, ...] = ()
        if single:
            items = [_ONE.decode(body)]
            fields = items[0].said()
        else:
            many = _MANY.decode(body)
            items = many.batch
            fields = {key: value for key, name in _AROUND if (value := getattr(many, name)) is not UNSET}
            around = (b'"batch"', _ENCODER.encode(fields))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    lines = _ENCODER.encode_lines(items)
    if not same_quotes(body, lines, *around):
        return None
    return Envelope(fields, items, single, lines=lines)
