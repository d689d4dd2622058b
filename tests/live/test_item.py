"""What is read in one go is what is read with care, letter by letter; what is odd is never read in one go."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.live.item import opened_quickly
from coterie.live.message import Caps, messages
from coterie.live.strict import Unreadable, opened
from tests.live.sent import NOW, made_id

ORDER = {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1", "properties": {"revenue": 12.5}}


def quick(body: bytes, path: str = "/v1/batch") -> bool:
    """Whether a body is read in one go."""
    return opened_quickly(body, single=path != "/v1/batch") is not None


def test_what_clients_send_is_read_in_one_go() -> None:
    batch = {"batch": [{**ORDER, "context": {"ip": "::1"}, "integrations": {}, "userId": None}], "sentAt": "x", "writeKey": "k"}
    assert quick(json.dumps(batch).encode())
    assert quick(json.dumps(batch, ensure_ascii=False, separators=(",", ":")).encode())
    assert quick(json.dumps({**ORDER, "event": 'He said "é" \\ :'}).encode(), "/v1/track")


@pytest.mark.parametrize(
    "item",
    [
        '{"type":"track","type":"page","event":"x","userId":"u"}',
        '{"type":"track","event":"x","userId":"u","properties":{"a":1,"a":2}}',
        '{"type":"track","event":"x","userId":"u","context":{"page":{"url":"1","url":"2"}}}',
        '{"type":"track","event":"x","userId":"u","integrations":{"a":1,"\\u0061":1}}',
        '{"type":"track","event":"x","userId":"u","properties":{"a":9223372036854775808}}',
        '{"type":"track","event":"x","userId":"u","properties":{"a":-9223372036854775809}}',
        '{"type":"track","event":"x","userId":"u","properties":{"a":NaN}}',
        '{"type":"track","event":"x","userId":"u","properties":{"a":"\\ud800"}}',
        '{"type":"track","event":"x","userId":"u","unknown":"kept"}',
        '{"type":"track","event":"x","userId":"u","properties":' + '{"a":' * 20 + "1" + "}" * 20 + "}",
        "7",
    ],
)
def test_what_is_odd_is_not(item: str) -> None:
    assert not quick(f'{{"batch":[{json.dumps(ORDER)},{item}]}}'.encode())
    assert not quick(f'{{"batch":[],"batch":[{json.dumps(ORDER)}]}}'.encode())
    if item != "7":
        assert not quick(item.encode(), "/v1/track")


TEXTS = st.sampled_from(
    ["", "u1", "null", "ü", '"', '\\"":', "x" * 101, "2026-11-22T14:00:00Z", "2026-11-22T13:59:59.5+01:00", "0"]
)
KEYS = st.sampled_from([
    "messageId", "type", "event", "name", "userId", "anonymousId", "previousId", "groupId", "timestamp", "originalTimestamp",
    "sentAt", "properties", "traits", "context", "integrations", "writeKey", "category", "channel", "_metadata", "$offset", "other",
])  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([2**63, 1e19, 0.5]) | TEXTS
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=2) | st.dictionaries(KEYS | TEXTS, v, max_size=3), max_leaves=5)
TYPES = st.sampled_from(["track", "identify", "page", "screen", "group", "alias", "buy", []])
ITEMS = st.builds(
    lambda type_, base, more: {"type": type_, **base, **more},
    TYPES,
    st.sampled_from([{}, ORDER, {"userId": "u", "groupId": "g", "previousId": "p", "event": "e", "context": {"groupId": "h"}}]),
    st.dictionaries(KEYS, VALUES, max_size=4),
)
AROUND = st.dictionaries(st.sampled_from(["sentAt", "writeKey", "context", "integrations", "more"]), VALUES, max_size=2)


@given(st.lists(ITEMS | VALUES, max_size=3), AROUND, st.booleans(), st.sampled_from([40, 400]))
def test_both_ways_of_reading_make_the_same_messages(items: list[Any], around: dict[str, Any], plain: bool, cap: int) -> None:
    same(json.dumps({**around, "batch": items}, ensure_ascii=plain).encode(), "/v1/batch", cap)


@given(ITEMS, st.sampled_from(["/v1/track", "/v1/i", "/v1/page", "/v1/alias"]))
def test_of_single_messages_too(item: dict[str, Any], path: str) -> None:
    same(json.dumps(item).encode(), path, 400)


def same(body: bytes, path: str, cap: int) -> None:
    found: list[Any] = []
    for said in (body, None):
        try:
            read: Any = opened(body) if said is None else body
            found.append(messages(read, path, NOW, make_id=made_id, caps=Caps(item=cap)))
        except Unreadable as error:
            found.append((error.reason, error.message))
    if isinstance(found[0][1], list) and isinstance(found[1][1], list):
        # A refused item that was read in one go is kept as it is written anew, its keys in the order of their names.
        for _, refused in found:
            refused[:] = [(no.index, no.reason, no.said, json.loads(no.item)) for no in refused]
    assert found[0] == found[1]
