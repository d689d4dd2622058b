"""F27, F40: the clock jumps, or moves on while nobody sends anything. Timed exits happen, nothing is counted twice or left out, and
nobody is asked again and again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.live.message import Message
from coterie.live.writer import Writer
from coterie.workspace.living import Living
from coterie.workspace.living import people as people_of
from coterie.workspace.serving import served
from tests.live.test_webhooks import until
from tests.server.api import shop as shops
from tests.server.api.conftest import folder as folder  # noqa: PLC0414 - the shop's folder, as the API's tests have it
from tests.server.api.conftest import ran as ran  # noqa: PLC0414
from tests.workspace.test_living import answers, identify, inside, members, results_of, shop, told, track

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


class Clock:
    """Runs on, from wherever a test puts it."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        return datetime.utcnow() + self.offset


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("coterie.workspace.serving.utc_now", found)
    monkeypatch.setattr(shops, "utc_now", found)
    return found


def test_timed_exits_happen_though_nobody_sends(folder: Path, clock: Clock) -> None:
    with shops.serving(folder) as shop:
        position = shop.order("c02", 5)
        assert shop.get("customers/c02", wait=position).json()["segments"]["fresh"] is True

        def said() -> list[tuple[str, bool]]:
            found = shop.get("changes", name="fresh", customer="c02").json()["items"]
            return [(c["name"], c["entered"]) for c in found]

        assert said() == [("fresh", True)]
        clock.offset = 29 * DAY
        time.sleep(1.5)
        assert said() == [("fresh", True)]
        clock.offset = 31 * DAY
        until(lambda: said() == [("fresh", True), ("fresh", False)], 10)
        found = shop.get("customers/c02").json()
        assert (found["segments"]["fresh"], found["traits"]["quick"]) == (False, 0)


def test_they_happen_at_the_next_start(folder: Path, clock: Clock) -> None:
    with shops.serving(folder) as shop:
        position = shop.order("c02", 5)
        assert shop.get("customers/c02", wait=position).json()["segments"]["fresh"] is True
    clock.offset = 33 * DAY
    with shops.serving(folder) as shop:
        until(lambda: any(not c["entered"] for c in shop.get("changes", name="fresh", customer="c02").json()["items"]), 10)


JUMPS: dict[str, list[timedelta]] = {
    "an hour back": [timedelta(), -HOUR, -HOUR, timedelta()],
    "a day ahead and back": [timedelta(), DAY, DAY, timedelta()],
    "back five seconds again and again": [-5 * SECOND * n for n in range(12)],
    "to and fro": [timedelta(), 40 * DAY, -3 * DAY, 2 * HOUR, -HOUR, timedelta()],
}


@contextmanager
def followed(folder: Path) -> Iterator[tuple[Any, Writer, list[int]]]:
    """A project that is served without a network, and how often time was looked at for it."""
    with served(folder) as found:
        assert found.people is not None
        writer, ticks, tick = Writer(found.log, found.people), [0], found.people.tick

        def counted(*said: Any) -> None:
            ticks[0] += 1
            tick(*said)

        found.people.tick = counted  # type: ignore[method-assign, assignment]
        writer.start()
        yield found, writer, ticks
        assert writer.stop()


def messages(n: int, now: datetime) -> list[Message]:
    who = f"c{n % 3 + 1}"
    return [
        track(who, "page", {"path": "/shoes/red"}, now - timedelta(hours=n % 5)),
        track(None, "page", {"path": "/shoes/blue"}, now, anonymous=f"a{n}"),
        track(who, "Order Completed", {"order_id": f"n{n}", "total": 30}, now - timedelta(minutes=n)),
        identify(who, f"a{n}", now, {"country": "FR" if n % 2 else "DE"}),
    ]


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=list(JUMPS))
def test_the_clock_jumps(tmp_path: Path, clock: Clock, jumps: list[timedelta]) -> None:
    space = shop(tmp_path)
    space.run()
    first = inside(members(space))
    space.close()
    with followed(tmp_path) as (found, writer, ticks):
        for n, offset in enumerate(jumps):
            clock.offset = offset
            assert all(r.outcome == "stored" for r in writer.accept("web", messages(n, clock())))
            time.sleep(0.05)
        until(lambda: found.log.applied == found.log.position)
        # As soon as time is beyond the furthest that the clock has said.
        clock.offset = max(*jumps, timedelta()) + 2 * DAY
        before = ticks[0]
        time.sleep(2.5)
        assert ticks[0] - before < 60, "nobody is asked again and again"
        space = coterie.open(tmp_path)
        living = Living(results_of(space))
        whole = people_of(living, found.log)
        with found.log.applying(found.log.applied) as tx:
            live = told(first, tx)
            expected = {}
            for customer in ("c1", "c2", "c3"):
                asked = whole.asked(tx, customer, clock())
                assert asked is not None
                expected[customer] = answers(whole, asked[2])
        assert {c: live.get(c, set()) for c in expected} == {c: inside(expected).get(c, set()) for c in expected}
        assert set(live) == set(inside(expected))
        space.close()


def test_newer_results_are_taken_up_though_the_clock_went_back(folder: Path, clock: Clock) -> None:
    with shops.serving(folder) as shop:
        assert shop.get("customers/c02").json()["run"] == 1
        clock.offset = -2 * HOUR
        space = coterie.open(folder)
        space.run()
        space.close()
        until(lambda: shop.get("customers/c02").json()["run"] == 2, 10)
