"""JSON as its standard says, and no more: what two readers could take for two things is found, not guessed.

The quick path reads with msgspec into a type that holds nothing odd, and proves by counting that no key stood twice. Where it
cannot, the items are read one by one and what is odd about each is said: a number that is not finite or does not fit 64 bits, a
key that stands twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
import orjson

from coterie.core.errors import DataError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

DEEPEST = 32
"""How deep objects and arrays may nest."""
_NOT_SHAPE = bytes(set(range(256)) - set(b'{}[]"'))
_ONE_KIND = bytes.maketrans(b"[]", b"{}")
_BLANKS = " \t\n\r"
_FEWEST = -(2**63)
_MOST = 2**63 - 1
_LARGE = 9.2e18
"""From here on a number may be one that was written as a whole number and does not fit 64 bits."""
_QUICK = 6
"""How deep a value may nest to be read quickly."""
_COUNTED = 4096
"""Bytes from which on numpy counts quicker than bytes do."""


def _nested(levels: int) -> Any:
    """The type of JSON values that nest so deep, of numbers that 64 bits surely hold."""
    whole, fraction = Annotated[int, msgspec.Meta(ge=_FEWEST, le=_MOST)], Annotated[float, msgspec.Meta(ge=-_LARGE, le=_LARGE)]
    leaf: Any = str | whole | fraction | bool | None
    found = leaf
    for _ in range(levels):
        found = leaf | list[found] | dict[str, found]  # type: ignore[valid-type]
    return found


Leaf: Any = _nested(0)
Plain: Any = _nested(_QUICK)
_READER = msgspec.json.Decoder(Plain)


class Unreadable(DataError):
    """A body that cannot be read at all: nothing of it was taken. `status` is what an HTTP answer says."""

    default_code = "E650"

    def __init__(self, reason: str, said: str, *, status: int = 400, hint: str | None = None):
        super().__init__(said, hint=hint)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Odd:
    """What stands in a value that JSON's standard does not allow, or that no 64 bits hold."""

    reason: str
    said: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """A body that was read: what stands around the items, and the items.

    Attributes:
        fields: the keys around the items; empty where the body is a list of items.
        items: each item as it was read. A body that is one item is a list of one.
        single: the body is one item, not a list of them.
        raw: the bytes of items that were read one by one; an item that is not named here is written anew when asked for.
        odd: what is wrong with some items, by their index.
        lines: the items written anew without blanks, one a line; empty where nobody did.
    """

    fields: Mapping[str, Json]
    items: Sequence[Any]
    single: bool = False
    raw: Mapping[int, bytes] = field(default_factory=dict)
    odd: Mapping[int, Odd] = field(default_factory=dict)
    lines: bytes = b""

    def bytes_of(self, index: int) -> bytes:
        found = self.raw.get(index)
        return msgspec.json.encode(self.items[index]) if found is None else found

    def within(self, most: int) -> bool:
        """Whether every item, written without blanks, is known to have no more bytes than that."""
        at = 0
        while len(self.lines) - at > most:
            end = self.lines.rfind(b"\n", at, at + most + 1)
            if end < 0:
                return False
            at = end + 1
        return bool(self.lines)


def too_deep(body: bytes) -> bool:
    """Whether brackets nest deeper than DEEPEST, told from the bytes alone, before anything parses them."""
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    shape = body.translate(_ONE_KIND, _NOT_SHAPE)
    left = b"".join(shape.split(b'"')[::2])
    for _ in range(DEEPEST):
        if not left:
            return False
        left = left.replace(b"{}", b"")
    return bool(left)


def opened(body: bytes) -> Envelope:
    """The items of a body: of an object with `batch` (a list) those in it, else of the body as it is.

    Raises:
        Unreadable: it is no JSON, nests too deep, or its own keys stand twice.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    value = _plain(body)
    if value is not None:
        return _envelope(value)
    if too_deep(body):
        raise Unreadable("too_deep", f"objects and arrays nest deeper than {DEEPEST}")
    return _one_by_one(body)


def _envelope(value: Json) -> Envelope:
    if isinstance(value, dict):
        batch = value.get("batch")
        if isinstance(batch, list):
            return Envelope({k: v for k, v in value.items() if k != "batch"}, batch)
        if "batch" in value:
            raise Unreadable("not_a_list", f"batch is {_kind(batch)}: it is a list of messages")
        return Envelope(value, [value], single=True)
    if isinstance(value, list):
        return Envelope({}, value)
    raise Unreadable("not_an_object", f"the body is {_kind(value)}: it is an object, or a list of them")


def _plain(body: bytes) -> dict[str, Json] | list[Json] | None:
    """The value, where nothing in it is odd; None where it must be looked at closely."""
    try:
        value = _READER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(value, dict | list):
        return None
    return value if same_quotes(body, orjson.dumps(value)) else None


def same_quotes(body: bytes, *again: bytes) -> bool:
    """Whether no key of a body was lost when its value was written again: each key is two quotes, and texts have theirs in both.

    Where a quote of a text is written as a number (`\\u0022`) that cannot be told.
    """
    if again[0] == body:
        return True
    return _quotes(body) == sum(map(_quotes, again)) and not (b"\\" in body and b"\\u0022" in body)


def _quotes(text: bytes) -> int:
    if len(text) < _COUNTED:
        return text.count(b'"')
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == 34))


class _Twice(dict[str, Any]):
    """An object in which a key stood twice."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    out = _Twice(found)
    for name, _ in pairs:
        if name in seen:
            out.key = name
        seen.add(name)
    return out


def _whole(text: str) -> Any:
    if len(text) <= 20:
        number = int(text)
        if _FEWEST <= number <= _MOST:
            return number
    return Odd("number_too_large", f"{text[:24]}{'…' if len(text) > 24 else ''} is beyond 64 bits: send it as a text")


def _fraction(text: str) -> Any:
    number = float(text)
    return number if number - number == 0 else Odd("not_finite", f"{text[:24]} is larger than any number that can be kept")


def _constant(text: str) -> Any:
    return Odd("not_finite", f"{text} is no JSON: leave the key out, or send null")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)


def _one_by_one(body: bytes) -> Envelope:
    """The same for bodies that hold something odd: every item with its own bytes, and what is wrong with it."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("not_utf8", f"byte {error.start} is not UTF-8") from None
    try:
        fields, entries, kind = _walked(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable("not_json", f"the body is no JSON: {error.msg.lower()} ({where})") from None
    if not kind:
        return _envelope(fields["batch"] if not entries else None)
    if isinstance(fields, _Twice):
        raise Unreadable("key_twice", f"{fields.key!r} stands twice in one object: which of the two counts cannot be told")
    cleaned, odd = _cleaned(fields)
    if odd is not None and kind != "item":
        raise Unreadable(odd.reason, odd.said)
    if kind == "item":
        return Envelope(_object_of(cleaned), [cleaned], True, {0: _bytes(text)}, {0: odd} if odd else {})
    items: list[Json] = []
    raw: dict[int, bytes] = {}
    wrong: dict[int, Odd] = {}
    for index, (found, start, end) in enumerate(entries):
        said = text[start:end]
        item, odd = _cleaned(found)
        items.append(item)
        raw[index] = _bytes(said)
        if odd is not None:
            wrong[index] = odd
    return Envelope(_object_of(cleaned), items, False, raw, wrong)


def _object_of(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _walked(text: str) -> tuple[dict[str, Any], list[tuple[Any, int, int]], str]:
    """What stands around the items, each item with its place, and which of `batch`, `list` and `item` the body is.

    Raises json.JSONDecodeError.
    """
    start = _past_blanks(text, 0)
    if text[start : start + 1] == "[":
        entries, end = _entries(text, start)
        _ended(text, end)
        return {}, entries, "list"
    value, end = _decoded(text, start)
    _ended(text, end)
    if not isinstance(value, dict):
        return {"batch": value if not isinstance(value, Odd) else None}, [], ""
    if "batch" not in value or isinstance(value, _Twice):
        return value, [], "item"
    if not isinstance(value["batch"], list):
        raise Unreadable("not_a_list", f"batch is {_kind(value['batch'])}: it is a list of messages")
    # Once more, for the places of the items: the keys around them are few.
    at = _past_blanks(text, start + 1)
    entries = []
    while text[at] == '"':
        name, at = _decoded(text, at)
        at = _past_blanks(text, _past_blanks(text, at) + 1)
        if name == "batch":
            entries, at = _entries(text, at)
        else:
            _, at = _decoded(text, at)
        at = _past_blanks(text, at)
        at = _past_blanks(text, at + 1) if text[at] == "," else at
    return {k: v for k, v in value.items() if k != "batch"}, entries, "batch"


def _entries(text: str, start: int) -> tuple[list[tuple[Any, int, int]], int]:
    """The entries of an array that begins at a place, and where it ends."""
    at = _past_blanks(text, start + 1)
    out: list[tuple[Any, int, int]] = []
    if text[at : at + 1] == "]":
        return out, at + 1
    while True:
        value, end = _decoded(text, at)
        out.append((value, at, end))
        at = _past_blanks(text, end)
        if text[at : at + 1] == "]":
            return out, at + 1
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
        at = _past_blanks(text, at + 1)


def _decoded(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except StopIteration as stop:
        raise json.JSONDecodeError("Expecting value", text, int(stop.value or at)) from None


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _ended(text: str, at: int) -> None:
    at = _past_blanks(text, at)
    if at != len(text):
        raise json.JSONDecodeError("Extra data", text, at)


def _cleaned(value: Any) -> tuple[Any, Odd | None]:
    """A value without halves of characters, each of which becomes U+FFFD, and the first odd thing that was met in it."""
    if isinstance(value, Odd):
        return None, value
    if isinstance(value, str):
        return (value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")), None
    if isinstance(value, list):
        done = [_cleaned(entry) for entry in value]
        return [found for found, _ in done], next((odd for _, odd in done if odd), None)
    if isinstance(value, dict):
        first = None
        if isinstance(value, _Twice):
            first = Odd("key_twice", f"{value.key!r} stands twice in one object: which of the two counts cannot be told")
        out = {}
        for name, entry in value.items():
            out[_cleaned(name)[0]], odd = _cleaned(entry)
            first = first or odd
        return out, first
    return value, None


def _kind(value: object) -> str:
    if isinstance(value, Odd):
        return "a number that cannot be kept"
    names = {
        "dict": "an object",
        "list": "a list",
        "str": "a text",
        "int": "a number",
        "float": "a number",
        "bool": "true or false",
    }
    return names.get(type(value).__name__, "null")
