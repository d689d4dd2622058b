"""What came by message is what a run finds: memberships followed live are those of the next run, whatever came by file."""

from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.language.evaluate import Evaluation, Missing
from coterie.live.log import Log, Transaction
from coterie.live.message import Message
from coterie.live.people import People
from coterie.workspace.living import Living, moved, people
from coterie.workspace.messages import LOG
from coterie.workspace.results import Results
from coterie.workspace.workspace import Workspace

PROJECT = """
project: corner
timezone: Europe/London
currency: GBP
as_of: now
sources:
  customers: {path: customers.csv, id: customer_id, live: identify}
  order: {path: orders.csv, customer: customer_id, time: ordered_at, id: order_id, columns: {amount: total}, live: Order Completed}
  view: {live: page, options: {types: {path: text}}}
traits:
  orders_90d: count(order within 90 days)
  revenue: sum(order.amount)
segments:
  buyer: orders_90d >= 1
  french: country = 'FR'
  german: country = 'DE' and orders_90d = 1
  vip: revenue >= 100
  looked: exists(view where path starts with '/shoes' within 24 hours) and not exists(order within 1 hour)
segmentations:
  stage:
    active: orders_90d > 1
    new: orders_90d = 1
    none: otherwise
"""
NUMBER = count(1)


def shop(folder: Path) -> Workspace:
    today = datetime.now()
    (folder / "coterie.yaml").write_text(PROJECT)
    (folder / "customers.csv").write_text("customer_id,country\nc1,GB\nc2,DE\nc3,GB\n")
    days = [(1, "c1", 40, 10), (2, "c1", 45, 20), (3, "c2", 80, 200)]
    rows = [f"{n},{c},{today - timedelta(days=back):%Y-%m-%d} 12:00:00,{total}.00" for n, c, total, back in days]
    (folder / "orders.csv").write_text("order_id,customer_id,ordered_at,total\n" + "\n".join(rows) + "\n")
    return coterie.open(folder)


def track(user: str | None, name: str, properties: dict[str, Any], at: datetime, *, anonymous: str | None = None) -> Message:
    kind: Any = "track" if name != "page" else "page"
    return Message(f"m{next(NUMBER)}", kind, None if kind == "page" else name, user, anonymous, None, None, at, at, properties, {})


def identify(user: str, anonymous: str | None, at: datetime, traits: dict[str, Any] | None = None) -> Message:
    return Message(f"m{next(NUMBER)}", "identify", None, user, anonymous, None, None, at, at, traits or {}, {})


def applied(log: Log, of: People, now: datetime) -> None:
    while log.applied < log.position:
        events = log.read(log.applied, 100)
        with log.applying(events[-1].position) as tx:
            of.apply(tx, events, now)


def followed(space: Workspace, log: Log, of: People, now: datetime) -> dict[str, dict[str, Any]]:
    out = {}
    with log.applying(log.applied) as tx:
        for customer in members(space):
            found = of.asked(tx, customer, now)
            assert found is not None, customer
            out[found[0]] = answers(of, found[2])
    return out


def answers(of: People, evaluation: Evaluation) -> dict[str, Any]:
    found = {n: evaluation.definition(n) for n in (*of.project.segments, *of.project.segmentations)}
    return {n: None if isinstance(v, Missing) else v for n, v in found.items()}


def members(space: Workspace) -> dict[str, dict[str, Any]]:
    """What the last run has answered."""
    frame = space.results.engine.fetch
    out = {}
    for row in frame(space.results.selected("vip", ["customer"])).to_pylist():
        out[row["customer"]] = row
    from sqlglot import exp

    from coterie.traits.batch import quoted, relation

    found: dict[str, dict[str, Any]] = {}
    for row in frame(exp.select("*").from_(relation("segments"))).to_pylist():
        found[row.pop("customer")] = row
    for row in frame(exp.select(quoted("customer"), quoted("stage")).from_(relation("traits"))).to_pylist():
        found[row["customer"]]["stage"] = row["stage"]
    return found


def inside(found: dict[str, dict[str, Any]]) -> dict[str, set[tuple[str, str | None]]]:
    """Who is in what."""
    out = {
        c: {(n, v if isinstance(v, str) else None) for n, v in a.items() if v is True or isinstance(v, str)}
        for c, a in found.items()
    }
    return {c: names for c, names in out.items() if names}


def told(first: dict[str, set[tuple[str, str | None]]], tx: Transaction) -> dict[str, set[tuple[str, str | None]]]:
    """Who is in what after all changes that were told."""
    out = {c: set(names) for c, names in first.items()}
    for customer, name, label, entered in tx.execute("SELECT customer, name, label, entered FROM live_change ORDER BY number"):
        (out.setdefault(customer, set()).add if entered else out.setdefault(customer, set()).remove)((name, label))
    return {c: names for c, names in out.items() if names}


def results_of(space: Workspace) -> Results:
    """The newest results, in a hand of their own."""
    return Results(space.store.current(), space.store.cache, settings=space.settings)


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Workspace, Log]:
    space = shop(tmp_path)
    space.run()
    return space, Log.open(space.store.record / LOG, clock=lambda: datetime.utcnow(), tables=People.tables)


def test_what_came_by_message_is_what_the_next_run_finds(opened: tuple[Workspace, Log]) -> None:
    space, log = opened
    now = datetime.utcnow()
    of = people(Living(space.results), log)
    with log.applying(0) as tx:
        of.open(tx, now)
    assert followed(space, log, of, now) == members(space)
    first, before = inside(members(space)), Living(results_of(space))

    messages = [
        track("c2", "Order Completed", {"order_id": "4", "total": "60.50"}, now - timedelta(minutes=5)),
        track("c3", "Order Completed", {"order_id": 5, "total": 120}, now - timedelta(days=3)),
        track(None, "page", {"path": "/shoes/red"}, now - timedelta(hours=2), anonymous="a1"),
        track("c1", "Order Completed", {"order_id": "2", "total": 45}, now - timedelta(days=20)),  # came by file too
        identify("c9", "a1", now - timedelta(minutes=1)),
        identify("c3", None, now, {"country": "FR"}),
        identify("c9", None, now, {"country": "FR", "mood": "good"}),
        identify("c2", None, now, {"mood": "bad"}),
        track("c8", "page", {"path": "/shoes/blue"}, now - timedelta(hours=30)),
        track("c8", "Order Completed", {"order_id": "9", "total": "a lot"}, now),
    ]
    for message in messages:
        log.accept("web", [message])
        applied(log, of, now)
    live = followed(space, log, of, now)
    assert live["c2"]["vip"] is True
    assert live["c2"]["stage"] == "new"
    assert live["c3"] == {
        "buyer": True, "french": True, "german": False, "vip": True, "looked": False, "stage": "new",
    }  # fmt: skip
    assert live["c2"]["german"] is True

    space.run()
    assert space.results.made.data["position"] == len(messages)
    found = members(space)
    assert set(found) == {"c1", "c2", "c3", "c8", "c9"}
    assert found["c9"]["looked"] is True
    again = people(Living(space.results), log)
    with log.applying(log.applied) as tx:
        again.open(tx, now, partial(moved, before, Living(space.results)))
        # What was first found, with every change that was told since, is what holds now.
        assert told(first, tx) == inside(found)
    # Followed on the old results, and on the new: the same, and the same as the run's own.
    assert followed(space, log, again, now) == found
    assert {c: a for c, a in live.items() if c in ("c1", "c2", "c3")} == {c: found[c] for c in ("c1", "c2", "c3")}
    with log.applying(log.applied) as tx:
        asked = of.asked(tx, "a1", now)
        assert asked is not None
        assert (asked[0], answers(of, asked[2])) == ("c9", found["c9"])
        assert list(tx.execute("SELECT said FROM live_unfit")) == [("total: 'a lot' is no money",)]
    log.close()


def test_time_alone_takes_somebody_out(opened: tuple[Workspace, Log]) -> None:
    """Nobody sends anything, and yet a window of hours runs out: of whom the run has seen, too."""
    space, log = opened
    now = datetime.utcnow()
    of = people(Living(space.results), log)
    with log.applying(0) as tx:
        of.open(tx, now)
    log.accept("web", [track("c3", "page", {"path": "/shoes/red"}, now - timedelta(hours=23))])
    applied(log, of, now)
    space.run()
    later = people(Living(space.results), log)
    with log.applying(log.applied) as tx:
        later.open(tx, now)
        while (due := later.due()) is not None and due <= now + timedelta(minutes=59):
            later.tick(tx, max(now, due))
        assert ("c3", "looked") not in {(c, n) for c, n in tx.execute("SELECT customer, name FROM live_change WHERE NOT entered")}
        while (due := later.due()) is not None and due <= now + timedelta(minutes=61):
            later.tick(tx, due)
        assert ("c3", "looked") in {(c, n) for c, n in tx.execute("SELECT customer, name FROM live_change WHERE NOT entered")}
    log.close()
