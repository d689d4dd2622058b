"""Real clients, unmodified: each sends its whole vocabulary, and everything arrives once."""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coterie.live.log import Reader
from coterie.live.message import Message
from tests.live.test_message import examples
from tests.server.serving import COMMAND, Service, serving

PROJECT = "timezone: Europe/Berlin\nsources: {}\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "coterie.yaml").write_text(PROJECT)
    with serving(tmp_path, command=COMMAND) as running:
        yield running


def arrived(service: Service, count: int) -> list[Message]:
    """The messages in the log, when there are as many as expected and no more come."""
    until = time.monotonic() + 30
    with Reader(service.folder / ".coterie" / "record" / "live") as reader:
        while reader.position < count and time.monotonic() < until:
            time.sleep(0.05)
        assert not reader.quarantine()
        return [event.message for event in reader.read(0, 1000)]


def said(messages: list[Message]) -> list[tuple[Any, ...]]:
    return sorted((m.type, m.name or "", m.user or "", m.anonymous or "", m.previous or "", m.group or "") for m in messages)


@pytest.mark.parametrize("packed", [False, True])
def test_segment_for_python(service: Service, packed: bool) -> None:
    from segment.analytics.client import Client

    errors: list[Any] = []
    client = Client(
        service.key, host=service.address, gzip=packed, on_error=lambda error, _: errors.append(error), upload_interval=0.05
    )
    then = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    client.identify("u1", {"plan": "pro"})
    client.track("u1", "Order Completed", {"revenue": 12.5}, timestamp=then)
    client.page("u1", "Docs", "Start", {"path": "/"})
    client.screen("u1", "App", "Home")
    client.group("u1", "g1", {"name": "Co"})
    client.alias("a1", "u1")
    client.track(None, "Seen", anonymous_id="a2")
    client.flush()
    client.join()
    assert not errors
    found = arrived(service, 7)
    assert said(found) == [
        ("alias", "", "u1", "", "a1", ""),
        ("group", "", "u1", "", "", "g1"),
        ("identify", "", "u1", "", "", ""),
        ("page", "Start", "u1", "", "", ""),
        ("screen", "Home", "u1", "", "", ""),
        ("track", "Order Completed", "u1", "", "", ""),
        ("track", "Seen", "", "a2", "", ""),
    ]
    (order,) = [m for m in found if m.name == "Order Completed"]
    assert order.original == datetime(2026, 1, 2, 3, 4, 5)
    assert abs((order.time - order.original).total_seconds()) < 5
    assert order.properties == {"revenue": 12.5}


def test_rudderstack_for_python(service: Service) -> None:
    from rudderstack.analytics.client import Client

    errors: list[Any] = []
    client = Client(service.key, host=service.address, gzip=True, on_error=lambda error, _: errors.append(error))
    client.identify("u1", {"plan": "pro"})
    client.track("u1", "Order Completed", {"revenue": 12.5})
    client.page("u1", "Docs", "Start", {"path": "/"})
    client.screen("u1", "App", "Home")
    client.group("u1", "g1", {"name": "Co"})
    client.alias("a1", "u1")
    client.flush()
    client.join()
    assert not errors
    found = arrived(service, 6)
    assert [m.type for m in sorted(found, key=lambda m: m.type)] == ["alias", "group", "identify", "page", "screen", "track"]
    (identify,) = [m for m in found if m.type == "identify"]
    assert (identify.user, identify.properties) == ("u1", {"plan": "pro"})


def test_posthog_for_python(service: Service) -> None:
    from posthog import Posthog

    errors: list[Any] = []
    client = Posthog(service.key, host=service.address, on_error=lambda error, _: errors.append(error), flush_interval=0.05)
    client.capture("bought", distinct_id="u1", properties={"revenue": 12.5})
    client.set(distinct_id="u1", properties={"plan": "pro"})
    client.alias("u1", "a1")
    client.group_identify("company", "g1", {"name": "Co"})
    client.flush()
    client.shutdown()
    assert not errors
    found = arrived(service, 4)
    assert [(m.type, m.previous, m.group) for m in sorted(found, key=lambda m: m.type)] == [
        ("alias", "a1", None),
        ("group", None, "g1"),
        ("identify", None, None),
        ("track", None, None),
    ]
    assert next(m for m in found if m.type == "identify").properties == {"plan": "pro"}


ITEM = {"type": "track", "event": "x", "userId": "u1", "messageId": "m1"}


@pytest.mark.parametrize("quoted", ["{key}:", "{key}:secret", '"{key}":""'])
def test_the_key_as_basic_authorization(service: Service, quoted: str) -> None:
    basic = base64.b64encode(quoted.format(key=service.key).encode()).decode()
    assert service.post("/v1/track", json.dumps(ITEM).encode(), {"Authorization": f"Basic {basic}"})[0] == 200


def test_the_key_elsewhere(service: Service) -> None:
    body = json.dumps(ITEM).encode()
    assert service.post("/v1/t", body, {"X-Write-Key": service.key})[0] == 200
    assert service.post(f"/v1/t?writeKey={service.key}", body)[0] == 200
    assert service.post("/v1/t/", json.dumps({**ITEM, "writeKey": service.key}).encode())[1]["duplicate"] == 1
    assert service.post("/v1/t", body, {"Content-Type": "text/plain", "Authorization": f"Bearer {service.key}"})[0] == 200
    for wrong in ({}, {"X-Write-Key": service.key[:-1] + "x"}, {"Authorization": "Basic ????"}, {"X-Write-Key": "ct_ingest_a_b"}):
        assert service.post("/v1/t", body, wrong)[0] == 401


def test_what_browsers_of_posthog_send(service: Service) -> None:
    event = {"event": "seen", "properties": {"distinct_id": "u1", "token": service.key}}
    packed = gzip.compress(json.dumps([event, event]).encode())
    assert service.post("/e/?compression=gzip-js", packed, {"Content-Type": "text/plain"})[1]["stored"] == 2
    form = b"data=" + base64.b64encode(json.dumps(event).encode()).replace(b"+", b"%2B").replace(b"=", b"%3D")
    status, said = service.post("/e/", form, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, said["stored"]) == (200, 1)
    assert service.post("/flags/?v=2", b"{}")[0] == 200
    assert service.get("/array/k/config")[0] == 200


def test_the_settings_that_the_snippet_asks_for(service: Service) -> None:
    status, said = service.get(f"/v1/projects/{service.key}/settings")
    assert status == 200
    assert said["integrations"]["Segment.io"]["apiKey"] == service.key
    assert service.get("/v1/projects/nobody/settings")[0] == 404


def test_each_item_has_its_answer_and_strict_refuses_whole(service: Service) -> None:
    items: list[Any] = [{**ITEM}, {**ITEM}, {**ITEM, "event": "other"}, {"type": "track"}, {**ITEM, "messageId": "m2"}]
    body = json.dumps({"batch": items, "writeKey": service.key}).encode()
    status, said = service.post("/v1/batch?strict=1", body)
    assert (status, [i["index"] for i in said["items"]]) == (400, [3])
    status, said = service.post("/v1/batch", body)
    assert status == 200
    assert {k: said[k] for k in ("success", "stored", "duplicate", "conflict", "quarantined")} == {
        "success": True,
        "stored": 2,
        "duplicate": 1,
        "conflict": 1,
        "quarantined": 1,
    }
    assert [(i["index"], i["status"]) for i in said["items"]] == [(1, "duplicate"), (2, "conflict"), (3, "quarantined")]
    with Reader(service.folder / ".coterie" / "record" / "live") as reader:
        assert [q.reason for q in reader.quarantine()] == ["id_conflict", "no_id"]


def test_an_idempotency_key_names_what_has_no_id(service: Service) -> None:
    body = json.dumps({"batch": [{"type": "track", "event": "x", "userId": "u"}] * 2, "writeKey": service.key}).encode()
    named = {"Idempotency-Key": "a-17"}
    first, again = (service.post("/v1/batch", body, named)[1] for _ in range(2))
    assert (first["stored"], again["duplicate"]) == (2, 2)
    _, said = service.post("/v1/batch", body)
    assert said["stored"] == 2
    assert said["warnings"] == ["no_message_id"]


def test_every_example_of_the_specification_is_taken(service: Service, shared: Path) -> None:
    for n, (path, item) in enumerate(examples(shared)):
        item["messageId"] = f"example-{n}"  # the manual uses some of its ids again
        body = {"batch": [item]} if path.endswith("batch") else item
        status, said = service.post(path, json.dumps({**body, "writeKey": service.key}).encode())
        assert (status, said["stored"], said["quarantined"]) == (200, 1, 0), (item, said)
    found = arrived(service, 109)
    assert len(found) == 109
    assert {m.type for m in found} == {"identify", "track", "page", "screen", "group", "alias"}


def test_it_stops_when_asked_and_is_ready_before(service: Service) -> None:
    assert service.get("/livez")[0] == 200
    time.sleep(2.2)
    status, said = service.get("/readyz")
    assert (status, said["ready"]) == (200, True)
    assert said["last_write_seconds"] <= 2
    assert service.batch([ITEM])[0] == 200
    assert service.stop() == 0


def test_the_key_is_shown_once(tmp_path: Path) -> None:
    (tmp_path / "coterie.yaml").write_text(PROJECT)
    with serving(tmp_path, command=COMMAND) as first:
        assert first.key.startswith("ct_ingest_")
        key = first.key
        assert first.stop() == 0
    held = (tmp_path / ".coterie" / "record" / "live" / "keys.json").read_text()
    assert key not in held
    assert key.split("_")[3] not in held
    with serving(tmp_path, command=COMMAND, key=key) as again:
        assert "write key" not in "".join(again.said)
        assert again.batch([ITEM])[1]["stored"] == 1
