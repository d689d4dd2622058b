"""Who may ask what: every route with every kind of key, hostile paths and names, rates."""

import http.client
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from benchmarks.figures import at_most
from coterie.server.api.routes import schema
from coterie.server.api.straight import Straight
from coterie.server.guard import MAY, NOUNS, OPEN, ROOT
from coterie.server.rates import Buckets, Rate, Rates
from tests.server.api.shop import Shop, serving

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
NEEDED = {"webhooks": "write", "keys": "admin", "audit": "admin", "quarantine": "admin"}
"""What a noun's routes need, where that is not reading."""
ALLOWED = {"ingest": (), "read": ("read",), "write": ("read", "write"), "admin": ("read", "write", "admin")}
GIVEN: tuple[str, ...] = ("none", "wrong", "foreign", "ingest", "read", "write", "admin")


@pytest.fixture(scope="module")
def shop(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    import shutil

    folder = Path(shutil.copytree(ran, tmp_path_factory.mktemp("guarded") / "shop"))
    with serving(folder, rates=Rates(refused=Rate(1e6, 1e6), heavy=Rate(1e6, 1e6))) as found:
        yield found


@pytest.fixture(scope="module")
def foreign(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An administrator's key of another project."""
    import os

    from coterie.live.keys import Keys
    from coterie.workspace.run import utc_now

    return Keys(tmp_path_factory.mktemp("other")).make("admin", "other", utc_now(), os.urandom)


def routes(shop: Shop) -> list[tuple[str, str]]:
    straight = shop.service.guard.app
    assert isinstance(straight, Straight)
    app = straight.app
    assert isinstance(app, FastAPI)
    paths = schema(app)["paths"].items()
    found = {(method.upper(), path) for path, methods in paths for method in methods}
    for route in app.routes:
        found |= {(method, getattr(route, "path", "")) for method in getattr(route, "methods", None) or ()}
    return sorted(found)


def headers(shop: Shop, given: str, foreign: str) -> dict[str, str]:
    match given:
        case "none":
            return {}
        case "wrong":
            return {"authorization": f"Bearer {shop.keys['admin'][:-1]}!"}
        case "foreign":
            return {"authorization": f"Bearer {foreign}"}
        case _:
            return shop.bearer(given)


def filled(path: str) -> list[str]:
    """A route with something that is there, and with something that is not."""
    there = path.replace("{id}", "c03").replace("{segment}", "regulars").replace("{name}", "regulars").replace("{number}", "1")
    absent = path
    for name in ("{id}", "{segment}", "{name}", "{number}"):
        absent = absent.replace(name, "999999")
    return [there] if there == absent else [there, absent]


def leaks(shop: Shop, foreign: str) -> tuple[int, list[Any]]:
    """Asks every route with every key and every method: how many cells, and those that were answered wrongly."""
    cells, wrong = 0, list[Any]()
    known = {path for _, path in routes(shop)}
    assert len(known) >= 12, "the routes are found"
    for path, given, method in product(sorted(known), GIVEN, METHODS):
        if path in OPEN or path.endswith("/stream"):
            continue
        noun = path[len(ROOT) :].partition("/")[0] if path.startswith(ROOT) else ""
        for one in filled(path):
            cells += 1
            answer = shop.client.request(method, one, headers=headers(shop, given, foreign))
            expected = expectation(given, NEEDED.get(noun, "read"))
            fine = answer.status_code == expected or (expected == 200 and answer.status_code not in (401, 403))
            if path == "/metrics":  # who asks from this machine may read them
                fine = answer.status_code in (200, 405)
            if not fine or answer.status_code >= 500 or (expected != 200 and b"c03" in answer.content):
                wrong.append((method, one, given, answer.status_code, answer.text[:200]))
    return cells, wrong


def expectation(given: str, needed: str) -> int:
    if given in ("none", "wrong", "foreign"):
        return 401
    return 200 if needed in ALLOWED[given] else 403


def test_every_route_with_every_key(shop: Shop, foreign: str) -> None:
    cells, wrong = leaks(shop, foreign)
    assert cells >= 500
    assert wrong == []


@pytest.mark.long
def test_the_matrix_as_a_figure(shop: Shop, foreign: str, figure: Callable[..., Any]) -> None:
    cells, wrong = leaks(shop, foreign)
    figure("live.leaks", len(wrong), "of route × method × key", goal=at_most(0), n=cells)
    assert wrong == []


def test_the_matrix_can_fail(shop: Shop, foreign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAY, "ingest", frozenset({"read"}))
    assert leaks(shop, foreign)[1]


def test_streams_want_a_key(shop: Shop, foreign: str) -> None:
    for given in ("none", "wrong", "foreign", "ingest"):
        answer = shop.client.get("/api/v1/changes/stream", headers=headers(shop, given, foreign))
        assert answer.status_code == (403 if given == "ingest" else 401)


def test_every_noun_has_routes_and_every_route_a_noun(shop: Shop) -> None:
    nouns = {path[len(ROOT) :].partition("/")[0] for _, path in routes(shop) if path.startswith(ROOT)}
    assert nouns <= set(NOUNS)
    for _, path in routes(shop):
        assert path.startswith(ROOT) or path in OPEN or path == "/metrics", path


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/customers/c03",
        "/api/v1//customers/c03",
        "/API/v1/customers/c03",
        "/api/v1/customers/c03.",
        "/api/v1/customers/%2e%2e/segments",
        "/api/v1/customers/..%2fsegments",
        "/api/v1/livez/../customers/c03",
        "/livez/../api/v1/customers/c03",
        "/livez%2f..%2fapi/v1/customers/c03",
        "/livez;/api/v1/customers/c03",
        "/metrics/../api/v1/customers/c03",
        "/api/v1/",
        "/api",
        "/",
        "/docs",
        "/openapi.json",
        "/api/v1/audit%00",
        "/api/v1/customers/c03%00",
    ],
)
def test_hostile_paths(shop: Shop, path: str, foreign: str) -> None:
    for given in ("none", "wrong", "ingest", "read"):
        for more in ({}, {"x-original-url": "/livez", "x-http-method-override": "GET", "x-rewrite-url": "/livez"}):
            connection = http.client.HTTPConnection(
                "127.0.0.1", shop.client.base_url.port or 0, timeout=10
            )  # sends a path as it is
            connection.request("GET", path, headers={**headers(shop, given, foreign), **more})
            answer = connection.getresponse()
            assert answer.status == {"none": 401, "wrong": 401, "ingest": 403, "read": 404}[given], (path, given, answer.read())
            connection.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "", "127.0.0.1@evil.example", "[::1"]
)
def test_another_name_is_not_answered(shop: Shop, host: str) -> None:
    for path in ("/livez", "/api/v1/customers/c03", "/metrics"):
        answer = shop.client.get(path, headers={**shop.bearer("admin"), "host": host})
        assert answer.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8400"])
def test_its_own_names_are(shop: Shop, host: str) -> None:
    assert shop.client.get("/livez", headers={"host": host}).status_code == 200


def test_absent_is_absent(shop: Shop) -> None:
    """What is not here, what is another's and what never was cannot be told apart."""
    paths = (
        "customers/nobody",
        "customers/nobody/timeline",
        "segments/none",
        "segments/none/members",
        "nothing",
        "customers/a%00b",
    )
    bodies = {shop.get(path).content for path in paths}
    bodies |= {shop.get("customers/c03/why/none").content, shop.get("customers/nobody/why/regulars").content}
    assert len(bodies) == 1
    assert {shop.get(path).status_code for path in paths} == {404}


BAD: list[Any] = [
    b"",
    b"[",
    b"[]",
    b"null",
    b'{"expression": NaN}',
    b'{"expression": "\\ud800"}',
    b'{"expression": 1e999}',
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"expression": "' + b"(" * 10_000 + b'"}',
    b'{"expression": "' + b"not " * 4000 + b'orders > 1"}',
    b'{"expression": ""}',
    b'{"expression": "orders > 99999999999999999999999999999999999999999999999999999"}',
    b'{"expression": "country = \'x\'; drop table customers"}',
    b'{"expression": "{{7*7}}"}',
    b'{"expression": "__import__(\'os\')"}',
    b'{"customer": 5, "variants": []}',
    b'{"customer": "", "variants": [{"name": "a"}]}',
    b'{"customer": "c03", "variants": [{"name": "a", "rule": "read_text(\'/etc/passwd\') = \'\'"}]}',
    b'{"customer": "c03", "variants": [{"name": "a", "segment": "x\' or 1=1"}]}',
    b'{"customer": "c03", "variants": [{"name": {}, "segment": []}]}',
    b'{"customer": "c03", "variants": [{"name": "a", "rule": "orders"}]}',
    b'{"customer": "' + b"x" * 100_000 + b'", "variants": [{"name": "a"}]}',
    b"x" * 300_000,
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("path", ["segments/preview", "decide"])
@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_hostile_questions(shop: Shop, path: str, body: bytes) -> None:
    answer = shop.client.post(f"/api/v1/{path}", content=body, headers=shop.bearer("read"))
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text


NAUGHTY = [
    "' or '1'='1",
    '"; DROP TABLE traits; --',
    "c03' UNION SELECT 1--",
    "%00",
    "%F0%9F%98%80",
    "%ED%A0%80",
    "../../etc/passwd",
    "{{7*7}}",
    "${7*7}",
    "%2e%2e",
    "a" * 2000,
    "\u202ec03",
    "c03%0d%0aX: y",
]


@pytest.mark.parametrize("text", NAUGHTY)
def test_hostile_names(shop: Shop, text: str) -> None:
    for path in ("customers/{}", "customers/{}/timeline", "customers/c03/why/{}", "segments/{}", "segments/{}/members"):
        answer = shop.get(path.format(text))
        assert answer.status_code in (404, 400), answer.text
    for name in ("wait", "timeout", "limit", "cursor", "after", "name", "customer", "id"):
        for path in ("customers", "customers/c03/timeline", "changes", "segments/regulars/members", "segments"):
            answer = shop.client.get(f"/api/v1/{path}", params={name: text}, headers=shop.bearer("read"))
            assert answer.status_code < 500, (path, name, answer.text)


@pytest.mark.parametrize("value", ["-1", "1.5", "nan", "inf", str(2**63), str(2**64), "1e3", "٣", " 1", "9" * 400])
def test_hostile_numbers(shop: Shop, value: str) -> None:
    for path, name in (("changes", "after"), ("changes", "limit"), ("customers/c03", "wait"), ("customers/c03/timeline", "cursor")):
        assert shop.get(path, **{name: value}).status_code == 400
    answer = shop.get("customers/c03", wait=0, timeout=value)
    assert answer.status_code in (200, 400)


def test_a_bucket_fills_again() -> None:
    buckets = Buckets(Rate(2, 3))
    assert [buckets.take("a", 10.0) for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take("b", 10.0) == 0
    assert buckets.take("a", 10.4) == 1
    assert buckets.take("a", 10.5) == 0
    assert [buckets.take("a", 100.0) for _ in range(4)] == [0, 0, 0, 1]
    passed = sum(buckets.take("c", 200 + i / 100) == 0 for i in range(6000))  # 100 a second for a minute
    assert passed <= 2 * 60 * 1.05 + 3


def test_who_asks_too_often_comes_again_later(folder: Path) -> None:
    with serving(folder, rates=Rates(asked=Rate(0.5, 5), refused=Rate(0.5, 3))) as shop:
        found = [shop.get("changes").status_code for _ in range(8)]
        assert found == [200] * 5 + [429] * 3
        refused = shop.get("changes")
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        assert shop.get("changes", key="write").status_code == 200, "another key has a bucket of its own"
        found = [shop.client.get("/api/v1/changes", headers={"authorization": "Bearer x"}).status_code for _ in range(5)]
        assert found == [401] * 3 + [429] * 2
