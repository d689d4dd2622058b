"""Many customers at once: worked out beside the writer and written down, they are those of the next run; who was not heard of is
answered as the run has told them."""

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

import coterie
from coterie.live.ahead import Recorder
from coterie.live.log import Log, Logged
from coterie.live.message import Message
from coterie.live.writer import Limits, Writer
from coterie.workspace.asking import Asking
from coterie.workspace.messages import LOG
from coterie.workspace.serving import Following
from coterie.workspace.workspace import Workspace

PROJECT = """
project: corner
timezone: Europe/London
currency: GBP
as_of: now
sources:
  customers: {path: customers.csv, id: customer_id, live: identify}
  order: {path: orders.csv, customer: customer_id, time: ordered_at, id: order_id, columns: {amount: total}, live: Order Completed}
traits:
  orders_90d: count(order within 90 days)
  revenue: sum(order.amount)
  share: revenue / orders_90d
  last_order: last(order.time)
segments:
  buyer: orders_90d >= 1
  french: country = 'FR'
  vip: revenue >= 100 and not french
  dear: share > 20
segmentations:
  stage:
    active: orders_90d > 1
    new: orders_90d = 1
    none: otherwise
"""
CUSTOMERS = 120


def clock() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    (tmp_path / "coterie.yaml").write_text(PROJECT)
    people = [f"c{n},{('FR', 'GB', '')[n % 3]}" for n in range(CUSTOMERS)]
    (tmp_path / "customers.csv").write_text("customer_id,country\n" + "\n".join(people) + "\n")
    today = clock()
    rows = [f"{n},c{n % 80},{today - timedelta(days=n % 150 + 1):%Y-%m-%d} 12:00:00,{n % 37}.50" for n in range(400)]
    (tmp_path / "orders.csv").write_text("order_id,customer_id,ordered_at,total\n" + "\n".join(rows) + "\n")
    space = coterie.open(tmp_path)
    space.run()
    return space


def messages() -> list[Message]:
    """New orders, orders that came by file too, some of somebody new, some still to come, and what customers say of themselves."""
    now, out = clock(), list[Message]()
    for n in range(300):
        at = now - timedelta(days=n % 200, seconds=5) if n % 25 else now + timedelta(hours=1)
        order = n if n % 10 == 0 else 1000 + n
        who = f"c{n % 80}" if n % 10 == 0 else f"c{n * 7 % 130}"
        said = {"order_id": order, "total": n % 50}
        out.append(Message(f"m{n}", "track", "Order Completed", who, None, None, None, at, now, said, {}))
    out += [Message(f"i{n}", "identify", None, f"c{n}", None, None, None, now, now, {"country": "FR"}, {}) for n in range(0, 60, 2)]
    return out


def told(log: Log, before: dict[str, set[tuple[str, str | None]]]) -> dict[str, set[tuple[str, str | None]]]:
    out = {c: set(names) for c, names in before.items()}
    for row in log.connection.execute("SELECT customer, name, label, entered FROM live_change ORDER BY number"):
        customer, name, label, entered = str(row[0]), str(row[1]), None if row[2] is None else str(row[2]), row[3]
        (out.setdefault(customer, set()).add if entered else out.setdefault(customer, set()).remove)((name, label))
    return {c: names for c, names in out.items() if names}


def inside(space: Workspace) -> dict[str, set[tuple[str, str | None]]]:
    """Who is in what by the last run."""
    out: dict[str, set[tuple[str, str | None]]] = {}
    for name in ("buyer", "french", "vip", "dear"):
        for row in space.results.engine.rows(space.results.members(name)):
            out.setdefault(str(row[0]), set()).add((name, None))
    for row in space.results.engine.rows("SELECT customer, stage FROM traits WHERE stage IS NOT NULL"):
        out.setdefault(str(row[0]), set()).add(("stage", str(row[1])))
    return out


def test_many_at_once_are_those_of_the_next_run(shop: Workspace) -> None:
    before = inside(shop)
    with Log.open(shop.store.record / LOG, clock, tables=Following.tables) as log:
        following = Following(shop, log)
        following.prepare()
        asked: list[int] = []
        real = following.ahead

        def ahead(tx: Recorder, events: list[Logged], now: datetime) -> Any:
            found = real(tx, events, now)
            asked.append(0 if found is None else len(events))
            return found

        following.ahead = ahead  # type: ignore[method-assign, assignment]
        writer = Writer(log, following, limits=Limits(room=0, pause=0.05))
        writer.start()
        some = messages()
        writer.accept("w", some[:100])
        writer.accept("w", some[100:])
        until = monotonic() + 30
        while log.applied < log.position and monotonic() < until:
            sleep(0.01)
        assert log.applied == log.position
        assert writer.standing().sustains > 0
        assert writer.stop()
        assert sum(asked) >= 200, "most was worked out beside the writer"
        found = told(log, before)
    shop.run()
    assert found == inside(shop)


def test_who_was_not_heard_of_is_answered_as_the_run_has_told_them(shop: Workspace) -> None:
    with Log.open(shop.store.record / LOG, clock, tables=Following.tables) as log:
        following = Following(shop, log)
        following.prepare()
        with log.applying(0) as tx:
            following.tick(tx, clock())
        asking = Asking(shop, following, clock)
        for n in range(CUSTOMERS):
            quick, whole = asking.seen(f"c{n}"), asking.looked_up(f"c{n}")
            assert quick is not None
            assert plainly(quick) == plainly(whole)
        assert asking.seen("nobody") is None
        writer = Writer(log, following, limits=Limits(room=0))
        writer.start()
        now = clock()
        order = {"order_id": 5000, "total": 500}
        writer.accept("w", [Message("m", "track", "Order Completed", "c1", None, None, None, now, now, order, {})])
        until = monotonic() + 30
        while log.applied < log.position and monotonic() < until:
            sleep(0.01)
        assert writer.stop()
        found = asking.seen("c1") or asking.looked_up("c1")
        assert found.segments["vip"] is True
        assert found.traits["revenue"] >= 500


def plainly(seen: Any) -> Any:
    """Everything but the moment."""
    return [(type(v), v) for field in astuple(seen)[1:6] for v in (field.values() if isinstance(field, dict) else [field])]
