"""F01, F28, F33: the service of a project is killed while clients send. What its segments hold then is what a run finds that reads
the log from its beginning."""

import os
import random
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import coterie
from benchmarks.figures import at_most
from coterie.live.keys import Keys
from coterie.live.writer import Writer
from coterie.workspace.living import Living, moved
from coterie.workspace.living import people as people_of
from coterie.workspace.serving import LIVE, served
from tests.faults.loads import Dying, Sent, order
from tests.faults.test_F01_kill import POINTS
from tests.server.serving import stored
from tests.workspace.test_living import inside, results_of, told

PROJECT = """
project: corner
timezone: Europe/London
sources:
  customers: {path: customers.csv, id: customer_id, live: identify}
  order: {path: orders.csv, customer: customer, time: time, id: order, live: Order Completed}
traits:
  orders: count(order)
  revenue: sum(order.revenue)
segments:
  buyer: orders >= 1
  regular: orders >= 20
  spender: revenue >= 5000 and country = 'DE'
  whale: count(order where revenue > 900) >= 3
segmentations:
  stage:
    loyal: orders > 40
    active: orders > 3
    new: otherwise
"""


def shop(folder: Path) -> Path:
    """A shop that a run has seen; half of those who come later are among its customers."""
    folder.mkdir()
    (folder / "coterie.yaml").write_text(PROJECT)
    (folder / "customers.csv").write_text("customer_id,country\n" + "".join(f"u{i},{'GB' if i % 2 else 'DE'}\n" for i in range(25)))
    rows = "".join(f"o{i},u{i % 25},2026-01-0{1 + i % 9}T10:00:00Z,{i}\n" for i in range(60))
    (folder / "orders.csv").write_text("order,customer,time,revenue\n" + rows)
    space = coterie.open(folder)
    space.run()
    space.close()
    return folder


def message(id_: str, choose: random.Random) -> Sent:
    """An order, mostly; sometimes a visitor's, who says later who they are, or an account that is another's too."""
    kind = choose.random()
    who = choose.randrange(50)
    if kind < 0.05:
        return {"type": "identify", "messageId": id_, "userId": f"u{who}", "traits": {"country": choose.choice(("DE", "FR"))}}
    if kind < 0.1:
        return {"type": "identify", "messageId": id_, "userId": f"u{who}", "anonymousId": f"a{who}", "traits": {}}
    if kind < 0.11:
        # Of customers of whom the files know nothing.
        return {"type": "alias", "messageId": id_, "userId": f"u{25 + who // 2}", "previousId": f"u{25 + choose.randrange(25)}"}
    found = order(id_, who, choose.randrange(1000))
    found["properties"]["order"] = id_
    if kind < 0.3:
        return {**{k: v for k, v in found.items() if k != "userId"}, "anonymousId": f"a{who}"}
    return found


class Kills(Dying):
    """Services of one project that die one after another."""

    def __init__(self, folder: Path, seed: int):
        key = Keys(shop(folder) / LIVE).make("ingest", "test", datetime(2026, 11, 22), os.urandom)
        super().__init__(folder, key, "--project", message)
        self.random = random.Random(seed)
        with served(folder) as found, found.log.applying(0) as tx:
            assert found.people is not None
            found.people.tick(tx, found.log.clock())
        space = coterie.open(folder)
        self.before = Living(results_of(space))
        self.first = inside(answers(space))
        space.close()

    def lost(self) -> int:
        """How many acknowledged events are gone, how many are there twice, and in how much the memberships differ."""
        counts = stored(self.folder / LIVE)
        return len(self.acknowledged - set(counts)) + sum(count > 1 for count in counts.values())

    def differ(self) -> list[str]:
        """Customers whose segments, as they were followed, are not those of a run that reads everything anew."""
        with served(self.folder) as found:
            writer = Writer(found.log, found.people)
            writer.start()
            until = time.monotonic() + 120
            while found.log.applied < found.log.position and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(1.2)  # what is due at the first moment
            assert writer.stop()
            assert found.log.applied == found.log.position
            space = coterie.open(self.folder)
            space.run()
            expected = inside(answers(space))
            again = Living(results_of(space))
            of = people_of(again, found.log)
            with found.log.applying(found.log.applied) as tx:
                live = told(self.first, tx)
                # Customers that became others' are told of when the service goes over to the newer results.
                of.open(tx, found.log.clock(), partial(moved, self.before, again))
                after = told(self.first, tx)
            space.close()
        everybody = {*after, *expected}
        wrong = [f"{c}: {after.get(c)}, should be {expected.get(c)}" for c in everybody if after.get(c) != expected.get(c)]
        heard = {c for c in live if live[c] != self.first.get(c)}
        wrong += [f"{c}: followed {live[c]}, should be {expected.get(c)}" for c in heard if live[c] != expected.get(c)]
        return wrong


def answers(space: Any) -> dict[str, dict[str, Any]]:
    from sqlglot import exp

    from coterie.traits.batch import quoted, relation

    fetch = space.results.engine.fetch
    found: dict[str, dict[str, Any]] = {}
    for row in fetch(exp.select("*").from_(relation("segments"))).to_pylist():
        found[row.pop("customer")] = row
    for row in fetch(exp.select(quoted("customer"), quoted("stage")).from_(relation("traits"))).to_pylist():
        found[row["customer"]]["stage"] = row["stage"]
    return found


def test_memberships_after_kills(tmp_path: Path) -> None:
    kills = Kills(tmp_path / "shop", 1)
    for point in ("after_events", "after_commit", "before_apply_commit", "after_apply_commit"):
        kills.once("--point", point, "--after", str(kills.random.randrange(2, 12)))
    for _ in range(2):
        kills.once(after=kills.random.uniform(0.05, 0.35))
    assert len(kills.acknowledged) > 100
    assert kills.lost() == 0
    assert kills.differ() == []


def test_a_build_that_applies_first_is_found_out(tmp_path: Path) -> None:
    """State that runs ahead of the log counts what was never acknowledged."""
    kills = Kills(tmp_path / "shop", 2)
    for _ in range(2):
        kills.once("--broken", "apply-first", "--point", "before_commit", "--after", "6")
    assert kills.differ()


@pytest.mark.long
def test_a_hundred_kills(tmp_path: Path, figure: Callable[..., Any]) -> None:
    lost, differ, kills = 0, 0, 0
    for part in range(4):
        of = Kills(tmp_path / str(part), part)
        for point in POINTS:
            of.once("--point", point, "--after", "1" if "checkpoint" in point else str(of.random.randrange(1, 20)))
        for _ in range(25):
            of.once(after=of.random.uniform(0.01, 0.35))
        kills += of.round
        lost += of.lost()
        differ += len(of.differ())
    figure("live.kills", lost + differ, "events lost or twice, customers otherwise", goal=at_most(0), n=kills)
    assert lost == differ == 0
