"""What clients send becomes messages, or a refusal that says why."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.live.message import KINDS, Caps, Message
from coterie.live.strict import Unreadable
from tests.live.sent import NOW, one, read

ORDER = {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1", "properties": {"revenue": 12.5}}


@pytest.mark.parametrize("path", ["/v1/identify", "/v1/i", "/v1/identify/"])
def test_the_path_says_which_message_it_is(path: str) -> None:
    message = one({"userId": "u1", "traits": {"plan": "pro"}}, path)
    assert (message.type, message.user, message.properties) == ("identify", "u1", {"plan": "pro"})


def test_a_batch_says_things_for_all_and_an_item_says_them_better() -> None:
    shared = {"context": {"ip": "1.1.1.1", "locale": "de"}, "integrations": {"All": True, "A": True}}
    message = one({**ORDER, "context": {"ip": "2.2.2.2"}, "integrations": {"A": False}, "channel": "web"}, **shared)
    assert message.context == {"ip": "2.2.2.2", "locale": "de"}
    assert message.extra == {"integrations": {"All": True, "A": False}, "channel": "web"} or "integrations" in message.extra


@pytest.mark.parametrize(
    ("sent", "original", "time"),
    [
        (None, None, NOW),
        (None, "2020-01-01T00:00:00Z", datetime(2020, 1, 1)),
        ("2026-11-22T13:00:00Z", "2026-11-22T12:59:58Z", NOW - timedelta(seconds=2)),  # an hour slow, two seconds before it sent
        ("2036-11-22T13:00:00Z", "2036-11-22T13:00:00+01:00", NOW - timedelta(hours=1)),  # ten years fast, one hour before
        ("2026-11-22T14:00:00Z", None, NOW),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z", NOW),  # a leap second is the last moment of its minute
        (1795356000, 1795355998000, NOW - timedelta(seconds=2)),
    ],
)
def test_the_clock_of_the_client_does_not_count(sent: object, original: object, time: datetime) -> None:
    message = one({**ORDER, **({} if original is None else {"timestamp": original})}, **({} if sent is None else {"sentAt": sent}))
    assert message.time == time
    assert message.received == NOW


@pytest.mark.parametrize(
    "said", ["yesterday", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", 1e300, [], True]
)
def test_a_time_that_cannot_be_is_refused(said: object) -> None:
    _, refused = read({"batch": [{**ORDER, "timestamp": said}]})
    assert [r.reason for r in refused] == ["time"]


@pytest.mark.parametrize("said", [None, "", " ", "null", "NULL", "undefined", "0", 0, "anonymous", "[object Object]", "NaN", False])
def test_ids_that_stand_for_nobody_are_no_ids(said: object) -> None:
    assert one({**ORDER, "userId": said, "anonymousId": "a1"}).user is None
    _, refused = read({"batch": [{**ORDER, "userId": said}]})
    assert [r.reason for r in refused] == ["no_id"]


@pytest.mark.parametrize(
    ("said", "id_"), [(17850, "17850"), (17850.0, "17850"), ("17850.0", "17850"), (" 0017 ", "0017"), ("e\u0301", "é")]
)
def test_ids_are_written_as_in_files(said: object, id_: str) -> None:
    assert one({**ORDER, "userId": said}).user == id_


@pytest.mark.parametrize("said", ["a\x00b", "a\u202eb", "a\x1bb", "x" * 257, {"id": 1}, ["u1"]])
def test_ids_that_cannot_be_told_apart_are_refused(said: object) -> None:
    _, refused = read({"batch": [{**ORDER, "userId": said}]})
    assert [r.reason for r in refused] == ["id"]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (7, "not_an_object"),
        ({"userId": "u"}, "type"),
        ({"type": "buy", "userId": "u"}, "type"),
        ({"type": "track", "userId": "u"}, "no_event"),
        ({"type": "track", "userId": "u", "event": " "}, "no_event"),
        ({"type": "track", "userId": "u", "event": "x" * 201}, "name_too_long"),
        ({"type": "track", "event": "x"}, "no_id"),
        ({"type": "alias", "userId": "u"}, "no_id"),
        ({"type": "alias", "userId": "u", "previousId": "null"}, "no_id"),
        ({"type": "group", "userId": "u"}, "no_group"),
        ({"type": "identify", "userId": "u", "traits": []}, "not_an_object"),
        ({**ORDER, "messageId": "x" * 101}, "id"),
        ({**ORDER, "messageId": {}}, "id"),
        ({**ORDER, "properties": {"x": "y" * 40_000}}, "too_large"),
        ({**ORDER, "properties": {str(i): i for i in range(1001)}}, "too_many"),
    ],
)
def test_one_item_is_refused_and_the_others_stand(item: object, reason: str) -> None:
    found, refused = read({"batch": [ORDER, item, {**ORDER, "messageId": "m2"}]})
    assert [m.id for m in found] == ["m1", "m2"]
    assert [(r.index, r.reason) for r in refused] == [(1, reason)]
    assert json.loads(refused[0].item) == item


@pytest.mark.parametrize(
    ("body", "reason", "status"),
    [
        (b"", "not_json", 400),
        (b"{", "not_json", 400),
        (b'{"batch": [1,]}', "not_json", 400),
        (b'{"batch": []} x', "not_json", 400),
        (b"7", "not_an_object", 400),
        (b'"x"', "not_an_object", 400),
        (b'{"batch": {}}', "not_a_list", 400),
        (b'{"event": "x"}', "no_batch", 400),
        (b'{"batch": [], "batch": []}', "key_twice", 400),
        (b'{"batch": "\xff"}', "not_utf8", 400),
        (b"[" * 40 + b"]" * 40, "too_deep", 400),
        (b'{"batch": [], "sentAt": "now"}', "time", 400),
        (b'{"batch": [], "context": "x"}', "not_an_object", 400),
        (b'{"batch": [' + b"1," * 10_000 + b"1]}", "too_many", 413),
        (b" " * 1_000_001, "too_large", 413),
    ],
)
def test_a_body_that_cannot_be_read_says_why(body: bytes, reason: str, status: int) -> None:
    with pytest.raises(Unreadable) as found:
        read(body)
    assert (found.value.reason, found.value.status) == (reason, status)


def test_a_path_that_takes_nothing() -> None:
    with pytest.raises(Unreadable) as found:
        read(ORDER, "/v1/nonsense")
    assert found.value.status == 404


def test_an_item_without_an_id_gets_one() -> None:
    found, _ = read({"batch": [{**ORDER, "messageId": None}, ORDER]})
    assert [m.id for m in found] == ["made-0", "m1"]


def test_rudderstack_says_traits_in_the_context() -> None:
    message = one({"type": "identify", "userId": "u1", "context": {"traits": {"plan": "pro"}}})
    assert message.properties == {"plan": "pro"}


def test_what_is_sent_again_has_the_same_content() -> None:
    first = one({**ORDER, "timestamp": "2026-01-01T00:00:00Z", "context": {"a": 1}}, sentAt="2026-01-01T00:00:01Z")
    again = one({**ORDER, "timestamp": "2026-01-01T00:00:00.000Z", "_metadata": {"n": 2}}, sentAt="2026-01-01T00:09:01Z")
    other = one({**ORDER, "timestamp": "2026-01-01T00:00:00Z", "properties": {"revenue": 12}})
    assert first.content() == again.content() != other.content()


def test_a_message_comes_back_from_json() -> None:
    message = one(
        {**ORDER, "anonymousId": "a", "timestamp": "2026-01-01T00:00:00.123456Z", "channel": "web", "context": {"ip": "::1"}}
    )
    assert Message.from_json(message.to_json()) == message


def examples(shared: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The payloads of the specification, each with the path it is sent to."""
    for line in (shared / "data" / "segment_spec_examples" / "segment_spec_examples.jsonl").read_text().splitlines():
        example = json.loads(line)
        item = example["payload"] if example["kind"] == "json" else called(example["method"], example["args"])
        # The manual's payloads leave out who it is where it is of no interest.
        if not item.get("userId") and not item.get("anonymousId"):
            item["anonymousId"] = "visitor-1"
        if item.get("type") == "group" and "groupId" not in item:
            item["groupId"] = "g1"
        yield "/v1/batch" if "type" in item else f"/v1/{guessed(item)}", item


def test_every_example_of_the_specification_is_understood(shared: Path) -> None:
    met = set()
    found = list(examples(shared))
    assert len(found) == 109
    for path, item in found:
        message = one(item, path)
        met.add(message.type)
        assert Message.from_json(message.to_json()) == message
        if message.type == "track":
            assert message.name == item["event"]
    assert met == set(KINDS)


def guessed(item: dict[str, Any]) -> str:
    """Which call a payload of the manual without a type belongs to."""
    if "event" in item or "action" in item:
        return "track"
    if "previousId" in item:
        return "alias"
    if "groupId" in item:
        return "group"
    return "page" if "name" in item else "identify"


def called(method: str, args: list[Any]) -> dict[str, Any]:
    """What analytics.js makes of a call."""
    texts = [a for a in args if isinstance(a, str | int)]
    maps = [a for a in args if isinstance(a, dict)]
    item: dict[str, Any] = {"type": method, "anonymousId": "visitor-1"}
    body = maps[0] if maps else {}
    if len(maps) > 1:
        item |= maps[1]
    match method:
        case "track":
            item |= {"event": texts[0], "properties": body}
        case "identify":
            item |= {"userId": texts[0] if texts else None, "traits": body}
        case "group":
            item |= {"groupId": texts[0], "traits": body}
        case "alias":
            item |= {"userId": texts[0], "previousId": texts[1] if len(texts) > 1 else "visitor-1"}
        case _:
            item |= {"name": texts[-1] if texts else None, "properties": body}
            if len(texts) > 1:
                item["category"] = texts[0]
    return item


def test_posthog_is_understood() -> None:
    group = {"$group_type": "co", "$group_key": "g", "$group_set": {"n": 1}}
    sent = {
        "api_key": "k",
        "sent_at": "2026-11-22T14:00:01Z",
        "batch": [
            {
                "event": "bought",
                "distinct_id": "u1",
                "uuid": "1",
                "timestamp": "2026-11-22T14:00:00Z",
                "properties": {"a": 1, "$lib": "x"},
            },
            {"event": "$identify", "distinct_id": "u1", "properties": {"$anon_distinct_id": "a1", "$set": {"plan": "pro"}}},
            {"event": "$set", "distinct_id": "u1", "$set": {"plan": "max"}, "properties": {}},
            {"event": "$create_alias", "distinct_id": "u1", "properties": {"distinct_id": "u1", "alias": "a2"}},
            {"event": "$groupidentify", "distinct_id": "u1", "properties": group},
            {
                "event": "$pageview",
                "distinct_id": "d",
                "properties": {"$device_id": "d", "title": "Home", "$current_url": "http://x/"},
            },
            {"event": "off", "distinct_id": "u1", "offset": 5000, "properties": {}},
        ],
    }
    found, refused = read(sent, "/batch/")
    assert not refused
    assert [(m.type, m.name, m.user, m.anonymous, m.previous, m.group) for m in found] == [
        ("track", "bought", "u1", None, None, None),
        ("identify", None, "u1", "a1", None, None),
        ("identify", None, "u1", None, None, None),
        ("alias", None, "u1", None, "a2", None),
        ("group", None, "u1", None, None, "g"),
        ("page", "Home", None, "d", None, None),
        ("track", "off", "u1", None, None, None),
    ]
    assert found[0].time == NOW - timedelta(seconds=1)
    assert found[0].context["library"] == {"name": "x", "version": None}
    assert [m.properties for m in found[1:3]] == [{"plan": "pro"}, {"plan": "max"}]
    assert found[4].properties == {"group_type": "co", "n": 1}
    assert found[6].time == NOW - timedelta(seconds=5)
    (single,), _ = read({"event": "x", "properties": {"distinct_id": "u", "token": "k"}}, "/e/")
    assert (single.name, single.properties) == ("x", {})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans(), st.integers(0, 1))
def test_any_properties_come_through_as_they_were(properties: dict[str, Any], plain: bool, blanks: int) -> None:
    item = {**ORDER, "properties": properties}
    said = json.dumps({"batch": [item]}, ensure_ascii=plain, separators=((",", ":"), (", ", " : "))[blanks])
    (message,), refused = read(said.encode())
    assert not refused
    assert json.dumps(message.properties) == json.dumps(properties)
    assert json.dumps(Message.from_json(message.to_json()).properties) == json.dumps(properties)


@given(st.binary(max_size=60) | TEXTS.map(str.encode))
def test_no_bytes_are_too_much(body: bytes) -> None:
    try:
        read(body)
    except Unreadable as error:
        assert error.status in (400, 413)  # noqa: PT017 - it need not be raised


def test_caps_are_what_is_asked_for() -> None:
    with pytest.raises(Unreadable):
        read({"batch": [ORDER]}, caps=Caps(body=20))
    assert len(read({"batch": [ORDER]}, caps=Caps(item=50))[1]) == 1
