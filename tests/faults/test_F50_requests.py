"""F35, F36, F50 to F54, F61, F63, F65, F73: requests by the thousand that mean no good. No answer of 5xx, none that takes long,
none that says what whoever asks may not know."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.figures import at_most
from coterie.server.rates import Rate, Rates
from coterie.workspace.run import utc_now
from tests.faults.hostile import Attack, Attacker, Line
from tests.server.api.conftest import ran as ran  # noqa: PLC0414 - the shop's folder, as the API's tests have it
from tests.server.api.shop import Shop, serving
from tests.server.api.test_guard import routes

CANARY = "canary-4711-7f3a"
"""Stands in what is known of customers, and nowhere in what is sent."""
FREE = Rates(asked=Rate(1e6, 1e6), heavy=Rate(1e6, 1e6), refused=Rate(1e6, 1e6))
SLOW = 10.0
QUICK, LONG = 3000, 25_000


@pytest.fixture(scope="module")
def shop(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = Path(shutil.copytree(ran, tmp_path_factory.mktemp("hostile") / "shop"))
    with serving(folder, rates=FREE) as found:
        position = found.send(type="identify", userId=CANARY, traits={"country": CANARY})
        assert CANARY in found.get(f"customers/{CANARY}", wait=position).text
        yield found


@pytest.fixture(scope="module")
def keys(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from coterie.live.keys import Keys

    foreign = Keys(tmp_path_factory.mktemp("other")).make("admin", "other", utc_now(), os.urandom)
    return {**shop.keys, "none": "", "wrong": shop.keys["admin"][:-1] + "!", "foreign": foreign}


def attacked(shop: Shop, keys: dict[str, str], count: int, seed: int) -> tuple[Counter[int], list[str]]:
    """Sends that many requests: how often each status was answered, and what was wrong with which request."""
    asked = [r for r in routes(shop) if not r[1].endswith("/stream")]
    attacker = Attacker(Random(seed), asked, keys)
    line = Line(shop.client.base_url.port or 0)
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    for _ in range(count):
        attack = attacker.next()
        try:
            status, body, took = line.send(attack)
        except OSError as error:
            wrong.append(f"{said(attack)}: {error!r}")
            continue
        statuses[status] += 1
        wrong += [f"{said(attack)}: {why}" for why in complaints(attack, status, body, took, shop)]
    line.close()
    return statuses, wrong


def said(attack: Attack) -> str:
    return f"{attack.method} {attack.path[:300]} {attack.headers} {attack.body[:300]!r} by {attack.who}"


def complaints(attack: Attack, status: int, body: bytes, took: float, shop: Shop) -> Iterator[str]:
    if status >= 500 and not (status == 504 and b'"code":"wait"' in body):
        yield f"answered {status} {body[:300]!r}"
    if took > SLOW:
        yield f"took {took:.1f} s"
    if b"Traceback" in body or b'File "' in body or str(shop.service.parts.log.folder).encode() in body or b"root:x:" in body:
        yield f"tells of the machine: {body[:300]!r}"
    if any(key.encode() in body for name, key in shop.keys.items() if key != attack_key(attack)):
        yield f"shows a key: {body[:300]!r}"
    if CANARY.encode() in body and attack.who not in ("read", "write", "admin"):
        yield f"shows what is known of customers: {body[:300]!r}"
    if attack.path.startswith("/api/") and attack.who in ("none", "wrong", "foreign") and status not in (400, 401, 405):
        yield f"is let in: {status} {body[:300]!r}"


def attack_key(attack: Attack) -> str:
    """What the client has said itself may come back to it."""
    return next((v.removeprefix("Bearer ") for n, v in attack.headers.items() if n != "range"), "")


def test_hostile_requests(shop: Shop, keys: dict[str, str]) -> None:
    statuses, wrong = attacked(shop, keys, QUICK, 1)
    assert wrong == []
    assert statuses[200] > QUICK / 20, "some are taken, so that more is met than the door"
    alive(shop)


def alive(shop: Shop) -> None:
    position = shop.order("c02", 1)
    assert shop.get("customers/c02", wait=position).json()["position"] >= position
    assert shop.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("broken", ["number", "leak", "door"])
def test_a_build_that_gives_way_is_found_out(
    shop: Shop, keys: dict[str, str], broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken == "number":
        monkeypatch.setattr("coterie.server.api.api.whole", lambda text, *_: int(text))
    elif broken == "leak":
        monkeypatch.setattr("coterie.server.problems.Problem.body", lambda self: f"{CANARY} Traceback {self.detail}".encode())
    else:
        monkeypatch.setattr("coterie.server.guard.Guard.let", lambda self, scope: (None, None))
    assert attacked(shop, keys, 1000, 2)[1]


def described(shop: Shop, keys: dict[str, str], examples: int) -> tuple[int, list[str]]:
    """Questions that Schemathesis makes from the description of the API, such as it describes and others."""
    import hypothesis
    from schemathesis import GenerationMode, openapi

    schema = openapi.from_dict(shop.get("openapi.json").json())
    wrong: list[str] = []
    sent = 0

    def ask(case: Any) -> None:
        nonlocal sent
        if case.path.endswith("/stream"):
            return
        sent += 1
        case.query = {**(case.query if isinstance(case.query, dict) else {}), "timeout": 0}
        case.headers = {"authorization": f"Bearer {keys['admin']}"}
        answer = case.call(base_url=str(shop.client.base_url).rstrip("/"), timeout=20)
        if answer.status_code >= 500 and not (answer.status_code == 504 and answer.json()["code"] == "wait"):
            wrong.append(f"{case.as_curl_command()}: {answer.status_code} {answer.text[:300]}")
        if "Traceback" in answer.text:
            wrong.append(f"{case.as_curl_command()}: {answer.text[:300]}")

    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except Exception:  # an operation without anything that could be wrong
                if mode is GenerationMode.POSITIVE:
                    raise
                continue
            checks = list(hypothesis.HealthCheck)
            settings = hypothesis.settings(
                max_examples=examples, database=None, deadline=None, derandomize=True, suppress_health_check=checks
            )
            try:
                settings(hypothesis.given(strategy)(ask))()
            except hypothesis.errors.Unsatisfiable:
                if mode is GenerationMode.POSITIVE:
                    raise
    return sent, wrong


@pytest.mark.filterwarnings("ignore")
def test_what_the_description_allows_and_what_not(shop: Shop, keys: dict[str, str]) -> None:
    sent, wrong = described(shop, keys, 8)
    assert wrong == []
    assert sent > 100
    alive(shop)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_twenty_five_thousand_hostile_requests(shop: Shop, keys: dict[str, str], figure: Callable[..., Any]) -> None:
    sent, wrong = described(shop, keys, 120)
    for seed in range(10, 20):
        wrong += attacked(shop, keys, LONG // 10, seed)[1]
        alive(shop)
    figure("live.hostile_requests", len(wrong), "answered wrongly", goal=at_most(0), n=LONG + sent)
    assert wrong == []
