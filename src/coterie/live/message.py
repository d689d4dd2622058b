"""Messages of customers: what any client sends that speaks Segment's protocol, RudderStack's or PostHog's, as one kind of value.

Pure: bytes in, messages and refusals out. What is refused is one item, with the reason; the others of its batch stand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal

import msgspec
import orjson
from msgspec import UNSET

from coterie.live import posthog
from coterie.live.ids import BadId, clean_id, message_id
from coterie.live.instants import EARLIEST, BadTime, corrected, instant
from coterie.live.item import Item, as_item, opened_quickly
from coterie.live.strict import Envelope, Json, Unreadable, opened

Kind = Literal["identify", "track", "page", "screen", "group", "alias"]
KINDS: tuple[Kind, ...] = ("identify", "track", "page", "screen", "group", "alias")
SHORT: Mapping[str, Kind] = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}
"""The paths that browsers call."""
BATCHES = frozenset({"batch", "b", "import"})
POSTHOG = frozenset({"e", "capture", "track", "batch", "i/v0/e"})
"""PostHog's paths, which stand at the root: `/batch/`, `/e/`."""
NAME = 200
"""Characters of an event's name."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What is taken at most.

    Attributes:
        body: bytes of a body, unpacked.
        item: bytes of one message, written without blanks.
        items: messages of a batch.
        properties: keys of a message's properties or traits.
    """

    body: int = 1_000_000
    item: int = 32 * 1024
    items: int = 10_000
    properties: int = 1000


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message.

    Attributes:
        id: its own id, by which it is told from others of its source (up to 100 characters); made by the server where it came
            without.
        name: of a track the event, of a page or screen its name.
        user, anonymous, previous, group: ids, cleaned; None where there is none, or one that stands for nobody (null, 0, "").
        time: when it happened by our clock, naive UTC: received − (sent − original).
        received: when it came.
        properties: of an identify and a group the traits.
        context: what the client says about itself, with what its batch says for all.
        original: when it happened by the client's clock, where it said so.
        extra: everything else that came with it.
    """

    id: str
    type: Kind
    name: str | None = None
    user: str | None = None
    anonymous: str | None = None
    previous: str | None = None
    group: str | None = None
    time: datetime = EARLIEST
    received: datetime = EARLIEST
    properties: Mapping[str, Any] = msgspec.field(default_factory=dict)
    context: Mapping[str, Any] = msgspec.field(default_factory=dict)
    original: datetime | None = None
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def to_json(self) -> bytes:
        """JSON of one line; keys of no value are left out."""
        return _ENCODER.encode(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> "Message":
        """What `to_json` has written.

        Raises:
            msgspec.MsgspecError: it is something else.
        """
        return _DECODER.decode(data)

    def content(self) -> bytes:
        """8 bytes of a hash of what was said, by whom and when by the client's clock.

        What a client that sends again may say differently (when it sent, through what, how often) does not count.
        """
        said = (self.type, self.name, self.user, self.anonymous, self.previous, self.group, self.original, self.properties)
        return blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Message)


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was not taken.

    Attributes:
        index: its place in its batch, from 0.
        reason: a stable code.
        said: the reason in plain words.
        item: the item as it came, kept.
    """

    index: int
    reason: str
    said: str
    item: bytes


class _No(Exception):
    """An item is refused: a code and the words."""

    def __init__(self, reason: str, said: str):
        super().__init__(said)
        self.reason, self.said = reason, said


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is said for all items of a body, by the client and by whoever reads it."""

    kind: Kind | None
    received: datetime
    sent: datetime | None
    context: Mapping[str, Json]
    integrations: Mapping[str, Json]
    make_id: Callable[[int], str]
    caps: Caps


def messages(
    body: bytes | Envelope,
    path: str,
    received: datetime,
    *,
    make_id: Callable[[int], str],
    caps: Caps | None = None,
) -> tuple[list[Message], list[Refused]]:
    """The messages of a body, in their order, and the items that are refused.

    Args:
        body: JSON as it came, unpacked; or as `read` has read it.
        path: of the request; its last part says which message it is, or that it is a batch.
        received: when it came, naive UTC.
        make_id: an id for an item that has none, by its index: the same for the same request, where the client names it.
        caps: what is taken at most.

    Raises:
        Unreadable: the body as a whole cannot be read, or is too large.
    """
    caps = caps or Caps()
    kind, of_posthog = _kind(path)
    if isinstance(body, bytes):
        if len(body) > caps.body:
            raise Unreadable("too_large", f"the body has {len(body):,} bytes: {caps.body:,} are taken", status=413)
        body = read(body, path)
    if kind is None and body.single and "type" not in body.fields and not of_posthog:
        raise Unreadable("no_batch", "the body has no key batch, which lists the messages")
    if len(body.items) > caps.items:
        raise Unreadable("too_many", f"the batch has {len(body.items):,} messages: {caps.items:,} are taken", status=413)
    small = body.within(caps.item)
    batch = _batch(body, received, kind, make_id, caps)
    made: list[Message] = []
    refused: list[Refused] = []
    for index, item in enumerate(body.items):
        try:
            if not small and (size := len(_ENCODER.encode(item))) > caps.item and index not in body.odd:
                raise _No("too_large", f"the message has {size:,} bytes: {caps.item:,} are taken")
            if type(item) is Item:
                made.append(_message(item, _NOTHING, batch, index))
                continue
            odd = body.odd.get(index)
            if odd is not None:
                raise _No(odd.reason, odd.said)
            if not isinstance(item, dict):
                raise _No("not_an_object", "the item is no object")
            made.append(_message(*as_item(posthog.as_segment(item) if of_posthog else item), batch, index))
        except (BadId, BadTime) as error:
            refused.append(Refused(index, "id" if isinstance(error, BadId) else "time", str(error), body.bytes_of(index)))
        except _No as no:
            refused.append(Refused(index, no.reason, no.said, body.bytes_of(index)))
    return made, refused


def read(body: bytes, path: str) -> Envelope:
    """The items of a body that came on a path, quickly where they are as nearly all are.

    Raises:
        Unreadable: it is no JSON, nests too deep, or its own keys stand twice.
    """
    kind, of_posthog = _kind(path)
    found = None if of_posthog else opened_quickly(body, single=kind is not None)
    return opened(body) if found is None else found


def _kind(path: str) -> tuple[Kind | None, bool]:
    """Which message a path takes, None for a batch, and whether it is one of PostHog's."""
    parts = path.strip("/")
    if parts.startswith("v1/"):
        last = parts[3:]
        if last in BATCHES:
            return None, False
        kind = SHORT.get(last) or (last if last in KINDS else None)
        if kind is not None:
            return kind, False
    elif parts in POSTHOG:
        return None, True
    raise Unreadable("path", f"{path[:80]!r} takes no messages", status=404)


def _batch(body: Envelope, received: datetime, kind: Kind | None, make_id: Callable[[int], str], caps: Caps) -> _Batch:
    fields = body.fields
    try:
        sent = instant(fields.get("sentAt", fields.get("sent_at")), "sentAt")
    except BadTime as error:
        if body.single:
            sent = None  # said of the item itself
        else:
            raise Unreadable("time", str(error)) from None
    if body.single:
        return _Batch(kind, received, sent, {}, {}, make_id, caps)
    integrations = fields.get("integrations")
    for_all = integrations if isinstance(integrations, dict) else {}
    try:
        context = _object(fields.get("context"), "context")
    except _No as no:
        raise Unreadable(no.reason, no.said) from None
    return _Batch(kind, received, sent, context, for_all, make_id, caps)


_NOTHING: Mapping[str, Json] = {}


def _message(item: Item, rest: Mapping[str, Json], batch: _Batch, index: int) -> Message:
    """An item and the keys that it does not know as a message."""
    type_ = batch.kind or _type(item.type)
    user = clean_id(item.user_id, "userId") if item.user_id is not UNSET else None
    anonymous = clean_id(item.anonymous_id, "anonymousId") if item.anonymous_id is not UNSET else None
    group = clean_id(item.group_id, "groupId") if item.group_id is not UNSET else None
    context = item.context if type(item.context) is dict else _object(item.context, "context")
    previous = None
    if type_ == "group":
        if group is None:
            raise _No("no_group", "a group message names its group in groupId")
    elif group is None and "groupId" in context:
        group = clean_id(context["groupId"], "context.groupId")
    if type_ == "alias":
        previous = clean_id(item.previous_id, "previousId") if item.previous_id is not UNSET else None
        if previous is None or user is None:
            raise _No("no_id", "an alias names two ids: previousId, and userId in its place")
    elif user is None and anonymous is None:
        raise _No("no_id", "the message has neither a userId nor an anonymousId that stands for somebody")
    properties = _properties(item, type_, context, batch.caps)
    sent, received = batch.sent, batch.received
    if sent is None and item.sent_at is not UNSET:
        sent = instant(item.sent_at, "sentAt")
    said = item.original_timestamp or item.timestamp
    original = instant(said) if said is not UNSET else None
    more = rest or item.channel is not UNSET or batch.integrations or item.integrations
    return Message(
        (message_id(item.message_id) if item.message_id is not UNSET else None) or batch.make_id(index),
        type_,
        _name(item, type_, properties),
        user,
        anonymous,
        previous,
        group,
        corrected(received, sent, original) if item.offset is UNSET else _time(item.offset, received, sent, original),
        received,
        properties,
        {**batch.context, **context} if batch.context else context,
        original,
        _extra(item, rest, batch) if more else {},
    )


def _extra(item: Item, rest: Mapping[str, Json], batch: _Batch) -> dict[str, Json]:
    """What a message says besides."""
    extra: dict[str, Json] = {key: value for key, value in rest.items() if value is not None} if rest else {}
    if item.channel is not UNSET and item.channel is not None:
        extra["channel"] = item.channel
    if batch.integrations or item.integrations:
        integrations = {**batch.integrations, **_object(item.integrations, "integrations")}
        if integrations:
            extra["integrations"] = integrations
    return extra


def _time(offset: object, received: datetime, sent: datetime | None, original: datetime | None) -> datetime:
    """When it happened: PostHog's browsers say instead how many milliseconds before they sent."""
    if isinstance(offset, int | float) and original is None and 0 <= offset < 1e12:
        return received - timedelta(milliseconds=offset)
    return corrected(received, sent, original)


def _type(said: object) -> Kind:
    if isinstance(said, str) and said in KINDS:
        return said
    shown = f"{said[:40]!r}" if isinstance(said, str) else "missing"
    raise _No("type", f"type is {shown}: it is one of {', '.join(KINDS)}")


def _object(found: Any, name: str) -> dict[str, Json]:
    if isinstance(found, dict):
        return found
    if found is None or found is UNSET:
        return {}
    raise _No("not_an_object", f"{name} is no object")


def _properties(item: Item, type_: Kind, context: dict[str, Json], caps: Caps) -> dict[str, Json]:
    if type_ == "track" and type(item.properties) is dict:
        found: dict[str, Json] = item.properties
    elif type_ in ("identify", "group"):
        # RudderStack's clients put the traits into the context.
        found = _object(item.traits, "traits") or _object(context.get("traits"), "traits")
    else:
        found = _object(item.properties, "properties")
    if len(found) > caps.properties:
        raise _No("too_many", f"the message has {len(found):,} properties: {caps.properties:,} are taken")
    if type_ in ("page", "screen") and isinstance(item.category, str) and item.category and "category" not in found:
        found = {**found, "category": item.category}
    return found


def _name(item: Item, type_: Kind, properties: Mapping[str, Json]) -> str | None:
    if type_ == "track":
        found = item.event
        if not isinstance(found, str) or not found.strip():
            raise _No("no_event", "a track names its event in event")
    elif type_ in ("page", "screen"):
        found = item.name or properties.get("name")
        if not isinstance(found, str) or not found.strip():
            return None
    else:
        return None
    if len(found) > NAME:
        raise _No("name_too_long", f"the name has {len(found):,} characters: {NAME} are taken")
    if "\x00" in found:
        raise _No("name", "the name holds a character that cannot be seen (U+0000)")
    return found.strip()
