"""What the API says of customers, segments and changes, while messages come."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from coterie.workspace.renewing import Renewing
from coterie.workspace.run import utc_now
from coterie.workspace.workspace import open as open_workspace
from tests.server.api.shop import Shop, serving


def test_a_customer_of_files(shop: Shop) -> None:
    found = shop.get("customers/c03").json()
    assert found["attributes"] == {"country": "DE"}
    assert found["traits"] == {"orders": 3, "revenue": 60, "last_order": "2026-01-03T10:00:00Z", "quick": 0}
    assert found["segments"] == {"buyers": True, "regulars": True, "fresh": False, "german": True}
    assert found["labels"] == {"worth": "low"}
    assert (found["position"], found["run"]) == (0, 1)
    assert found["as_of"].endswith("Z")


def test_the_project_says_what_it_stands_on(shop: Shop) -> None:
    position = shop.order("c02", 5)
    found = shop.get("project", wait=position).json()
    assert {n: found[n] for n in ("name", "timezone", "run", "population", "behind")} == {
        "name": "shop",
        "timezone": "Europe/London",
        "run": 1,
        "population": 20,
        "behind": 0,
    }
    assert found["file"] == {"state": "served", "said": None, "since": None}


def test_a_changed_project_is_taken_over_and_a_broken_one_is_shown(folder: Path) -> None:
    file, told = folder / "coterie.yaml", list[str]()
    renewing = Renewing(open_workspace(folder), "Europe/London", utc_now, told.append, nightly=False)
    with serving(folder, renewal=lambda: renewing.renewal) as shop:
        position = shop.order("c02", 5)
        good = file.read_text(encoding="utf-8")
        file.write_text(good.replace("orders >= 3", "ordrs >= 3"), encoding="utf-8")
        renewing.look()
        renewing.look()
        found = shop.get("project", wait=position).json()
        assert (found["run"], found["file"]["state"]) == (1, "refused")
        assert "ordrs" in found["file"]["said"]
        assert len(told) == 1
        assert shop.get("customers/c02").json()["segments"]["regulars"] is True  # 2 by file, 1 sent
        file.write_text(good.replace("orders >= 3", "orders >= 4"), encoding="utf-8")
        renewing.look()
        renewing.look()
        until = time.monotonic() + 30
        while shop.get("project").json()["run"] == 1 and time.monotonic() < until:
            time.sleep(0.05)
        found = shop.get("project").json()
        assert (found["run"], found["file"]["state"]) == (2, "served")
        assert shop.get("customers/c02").json()["segments"]["regulars"] is False
        left = [c for c in shop.get("changes").json()["items"] if c["customer"] == "c02" and c["name"] == "regulars"]
        assert [c["entered"] for c in left] == [True, False]


def test_an_event_is_seen_in_the_next_answer(shop: Shop) -> None:
    assert shop.get("customers/c02").json()["segments"]["regulars"] is False
    position = shop.order("c02", 150)
    found = shop.get("customers/c02", wait=position).json()
    assert found["position"] >= position
    assert found["traits"]["orders"] == 3
    assert found["traits"]["quick"] == 1
    assert found["segments"] == {"buyers": True, "regulars": True, "fresh": True, "german": False}
    assert found["labels"] == {"worth": "high"}


def test_a_customer_in_memory_and_one_read_whole_are_answered_alike(folder: Path) -> None:
    with serving(folder) as shop:
        for n in range(6):
            position = shop.order(f"c{n:02}", 30 + n)
            position = shop.send(type="identify", userId=f"c{n:02}", traits={"country": "AT"})
        ids = [*(f"c{n:02}" for n in range(6)), "new"]
        position = shop.order("new", 7)
        shop.get("customers/c00", wait=position)
        warm = {id_: shop.service.parts.asking.seen(id_) for id_ in ids}  # type: ignore[union-attr]
        whole = {id_: shop.service.parts.asking.looked_up(id_) for id_ in ids}  # type: ignore[union-attr]
        for id_ in ids:
            one, other = warm[id_], whole[id_]
            assert one is not None
            for part in ("customer", "ids", "attributes", "traits", "segments", "labels", "run"):
                assert getattr(one, part) == getattr(other, part), (id_, part)
        assert warm["c01"].attributes == {"country": "AT"}  # type: ignore[union-attr]
        before = {id_: shop.get(f"customers/{id_}").json() for id_ in ids}
    with serving(folder) as again:
        after = {id_: again.get(f"customers/{id_}").json() for id_ in ids}
    for id_ in ids:
        assert before[id_] | {"as_of": ""} == after[id_] | {"as_of": ""}


def test_a_visitor_who_signs_in_is_one_customer(shop: Shop) -> None:
    shop.send(event="Order Completed", anonymousId="visitor", properties={"order": "v1", "revenue": 5})
    position = shop.send(type="identify", userId="c00", anonymousId="visitor", traits={})
    one = shop.get("customers/visitor", wait=position).json()
    other = shop.get("customers/c00").json()
    assert one | {"as_of": ""} == other | {"as_of": ""}
    assert one["ids"] == ["c00", "visitor"]
    assert one["traits"]["orders"] == 1


def test_why_says_what_would_change_it(shop: Shop) -> None:
    position = shop.order("c01", 20)
    found = shop.get("customers/c01/why/regulars", wait=position).json()
    assert found["in"] is False
    assert found["reason"]["children"][0]["value"] == 2
    assert found["changes"] == ["1 more order"]
    position = shop.order("c01", 20)
    assert shop.get("customers/c01/why/regulars", wait=position).json()["in"] is True
    assert shop.get("customers/c01/why/worth").json()["reason"]["value"] == "low"


def test_the_timeline_holds_everything_once(shop: Shop) -> None:
    shop.send(type="page", name="Start", userId="c01", properties={"path": "/"})
    position = shop.order("c01", 200)
    first = shop.get("customers/c01/timeline", limit=4, wait=position).json()
    items = list(first["items"])
    assert first["next"]
    items += shop.get("customers/c01/timeline", limit=100, cursor=first["next"]).json()["items"]
    assert [i["at"] for i in items] == sorted((i["at"] for i in items), reverse=True)
    assert [(i["what"], i["name"]) for i in items if i["what"] in ("event", "message")] == [
        ("event", "order"),
        ("message", "Start"),
        ("event", "order"),
    ]
    assert {(i["what"], i["name"]) for i in items if i["what"] in ("entered", "left")} == {
        ("entered", "fresh"),
        ("entered", "worth"),
        ("left", "worth"),
    }


def test_segments_are_of_the_run_and_of_now(shop: Shop) -> None:
    position = [shop.order("c00", 1) for _ in range(3)][-1]
    found = {s["name"]: s for s in shop.get("segments", wait=position).json()["items"]}
    assert found["regulars"]["size"] == {"in": 5, "out": 15, "cannot_tell": 0, "missing": {}}
    assert found["regulars"]["since"] == {"entered": 1, "left": 0}
    assert found["regulars"]["in_now"] == 6
    assert found["buyers"]["in_now"] == 16
    one = shop.get("segments/regulars").json()
    assert one["english"] == "orders is at least 3"
    assert one["about"] == "Bought three times or more."


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_members_are_those_of_now_in_pages(shop: Shop, limit: int) -> None:
    for user in ("c02", "zoe", "zoe", "aa", "c10"):
        shop.order(user, 1)
    shop.order("zoe", 1)
    position = shop.send(type="alias", userId="c20", previousId="c19")
    shop.get("changes", wait=position)
    ids: list[str] = []
    query: dict[str, Any] = {}
    for _ in range(40):
        page = shop.get("segments/regulars/members", limit=limit, **query).json()
        assert len(page["items"]) <= limit
        ids += page["items"]
        if page["next"] is None:
            break
        query = {"cursor": page["next"]}
    everybody = [f"c{i:02}" for i in range(21)] + ["aa", "zoe"]
    expected = [id_ for id_ in sorted(everybody) if is_in(shop, id_, "regulars")]
    assert ids == expected
    assert {"zoe", "c02", "c10"} <= set(ids)
    assert "aa" not in ids


def is_in(shop: Shop, id_: str, segment: str) -> bool:
    found = shop.get(f"customers/{id_}")
    return found.status_code == 200 and found.json()["customer"] == id_ and found.json()["segments"][segment] is True


def test_changes_are_read_on_from_a_number(shop: Shop) -> None:
    position = [shop.order(f"new{n}", 1) for n in range(4)][-1]
    whole = shop.get("changes", wait=position).json()
    assert [i["number"] for i in whole["items"]] == list(range(1, len(whole["items"]) + 1))
    found: list[Any] = []
    after = 0
    while page := shop.get("changes", after=after, limit=3).json()["items"]:
        found += page
        after = page[-1]["number"]
    assert found == whole["items"]
    only = shop.get("changes", name="buyers", customer="new2").json()["items"]
    assert [(i["customer"], i["name"], i["entered"]) for i in only] == [("new2", "buyers", True)]


def test_a_stream_goes_on_where_it_broke(shop: Shop) -> None:
    def events(after: str | None, count: int) -> list[tuple[str, Any]]:
        headers = shop.bearer("read") | ({"last-event-id": after} if after else {})
        out: list[tuple[str, Any]] = []
        with shop.client.stream("GET", "/api/v1/changes/stream", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            started.set()
            number = ""
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    number = line[4:]
                if line.startswith("data: "):
                    out.append((number, json.loads(line[6:])))
                    if len(out) == count:
                        break
        return out

    started = threading.Event()
    first: list[tuple[str, Any]] = []
    shop.order("before", 1)
    shop.get("changes", wait=1)
    thread = threading.Thread(target=lambda: first.extend(events(None, 2)))
    thread.start()
    assert started.wait(10)
    position = shop.order("seen", 1)
    thread.join(10)
    everything = shop.get("changes", wait=position).json()["items"]
    behind = [c for c in everything if c["customer"] == "seen"]
    assert [c for _, c in first] == behind[:2]
    for _ in range(3):
        position = shop.order("later", 1)
    everything = shop.get("changes", wait=position).json()["items"]
    rest = [c for c in everything if c["number"] > int(first[-1][0])]
    assert [c for _, c in events(first[-1][0], len(rest))] == rest


def test_a_preview_counts_and_speaks(shop: Shop) -> None:
    found = shop.post("segments/preview", {"expression": "orders >= 2 and country = 'DE'"}).json()
    assert found["size"]["in"] == sum(1 for i in range(20) if i % 4 >= 2 and i % 3 == 0)
    assert found["english"] == "orders is at least 2 and country is 'DE'"
    wrong = shop.post("segments/preview", {"expression": "ordrs >= 2"})
    assert wrong.status_code == 422
    assert "orders" in wrong.json()["hint"]


def test_deciding(shop: Shop) -> None:
    variants = [
        {"name": "club", "segment": "regulars"},
        {"name": "german", "rule": "country = 'DE' and orders >= 1"},
        {"name": "once", "rule": "sum(order.revenue where revenue > 1 within 400 days) > 0"},
        {"name": "plain"},
    ]

    def decide(**who: str) -> Any:
        return shop.post("decide", {**who, "variants": variants}).json()

    assert decide(customer="c03")["variant"] == "club"
    assert decide(customer="c06")["variant"] == "german"
    assert decide(customer="c01")["variant"] == "once"
    assert decide(customer="c08")["variant"] == "plain"
    assert decide(anonymous="nobody-yet")["variant"] == "plain"
    position = shop.order("c03", 5)
    shop.order("c06", 5)
    shop.get("changes", wait=position + 1)
    warm = decide(customer="c06")
    assert warm["variant"] == "club"
    assert warm["reason"] == "orders is at least 3"
    position = shop.order("c05", 5)
    shop.get("changes", wait=position)
    found = decide(customer="c05")
    assert (found["variant"], [c["holds"] for c in found["considered"]]) == ("once", [False, False, True])
    nobody = shop.post("decide", {"customer": "c08", "variants": variants[:1]}).json()
    assert (nobody["variant"], nobody["reason"]) == (None, "none of the variants holds")


def test_waiting_ends(shop: Shop) -> None:
    began = time.monotonic()
    found = shop.get("customers/c01", wait=10**9, timeout=0.2)
    assert found.status_code == 504
    assert 0.15 < time.monotonic() - began < 5
    assert found.json()["position"] == 0


def test_a_later_run_is_taken_up(folder: Path) -> None:
    with serving(folder) as shop:
        position = shop.order("c02", 1)
        assert shop.get("customers/c02", wait=position).json()["run"] == 1
        space = open_workspace(folder)
        space.run()
        space.close()
        until = time.monotonic() + 20
        while shop.get("customers/c02").json()["run"] != 2 and time.monotonic() < until:
            time.sleep(0.05)
        found = shop.get("customers/c02").json()
        assert (found["run"], found["traits"]["orders"]) == (2, 3)
        assert shop.get("segments").json()["run"] == 2


def test_nothing_has_been_run(tmp_path: Path, ran: Path) -> None:
    for name in ("coterie.yaml", "customers.csv", "orders.csv"):
        (tmp_path / name).write_bytes((ran / name).read_bytes())
    with serving(tmp_path) as shop:
        shop.order("c01", 1)
        for path in ("customers/c01", "segments", "segments/regulars/members"):
            found = shop.get(path)
            assert (found.status_code, found.json()["code"]) == (503, "nothing_run")
        assert shop.get("changes").json()["items"] == []


def test_the_server_ends_though_a_stream_is_open(folder: Path) -> None:
    with serving(folder) as shop:
        ended = threading.Event()

        def read() -> None:
            with httpx.stream("GET", f"{shop.client.base_url}/api/v1/changes/stream", headers=shop.bearer("read"), timeout=60) as s:
                opened.set()
                for _ in s.iter_bytes():
                    pass
            ended.set()

        opened = threading.Event()
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert opened.wait(10)
        began = time.monotonic()
    assert ended.wait(5)
    assert time.monotonic() - began < 6
