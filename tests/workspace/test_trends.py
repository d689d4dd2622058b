"""A segment over recorded days is what the events themselves say for every day."""

from datetime import timedelta

import numpy as np
import pytest

import coterie
from coterie.core.errors import StoreError
from tests import shops
from tests.cli.calling import Shell

DAYS = 30


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    opened = coterie.open(shops.copied(shops.demo(), tmp_path_factory.mktemp("trends") / "shop"))
    opened.run(since="2026-06-15", every="month")
    yield opened
    opened.close()


def test_sizes_and_spending_are_those_of_the_events(space) -> None:
    size, spent = space.trends("loyal")
    history = space.history
    assert [p.value for p in size.points] == [s.inside for s in history.sizes("loyal")]
    assert len(size.points) >= 4
    orders = space.results.engine
    space.results.attach_events()
    rows = orders.fetch(
        'SELECT t.customer, e.time, e.amount::DOUBLE AS amount FROM "event order" e JOIN traits t ON t._customer = e._customer'
    ).to_pylist()
    assert spent.points
    for point in spent.points:
        then = history.members("loyal", f"{point.at.isoformat()}+00:00").to_pylist()
        paid = {m["customer"]: 0.0 for m in then if m["verdict"] == "in"}
        for row in rows:
            if row["customer"] in paid and point.at - timedelta(days=DAYS) < row["time"] <= point.at:
                paid[row["customer"]] += row["amount"]
        values = np.array(list(paid.values()))
        assert point.value == pytest.approx(values.mean())
        assert point.high - point.value == pytest.approx(1.959964 * values.std(ddof=1) / np.sqrt(len(values)), rel=1e-5)


def test_drift_compares_members_then_and_now(space) -> None:
    since, until, found = space.drift("loyal")
    assert since < until == space.results.made.as_of
    assert "loyalty_tier" in {d.column for d in found}
    tier = next(d for d in found if d.column == "loyalty_tier" and d.value == "gold")
    shares = []
    table = space.traits_at([f"{at.isoformat()}+00:00" for at in (since, until)])
    for at in (since, until):
        inside = {
            m["customer"] for m in space.history.members("loyal", f"{at.isoformat()}+00:00").to_pylist() if m["verdict"] == "in"
        }
        tiers = [r["loyalty_tier"] for r in table if r["as_of"] == at and r["customer"] in inside]
        shares.append(np.mean([t == "gold" for t in tiers if t is not None]))
    assert tier.effect == pytest.approx(shares[1] - shares[0])


def test_the_command_line_says_the_same(space, capsys) -> None:
    shell = Shell(capsys)
    said = shell("scorecard", "loyal", "--drift", "--json", dir=space.folder).json
    assert [len(t["points"]) for t in said["trends"]] == [len(t.points) for t in space.trends("loyal")]
    assert len(said["drift"]) == len(space.drift("loyal")[2])
    shown = shell("scorecard", "loyal", "--drift", "-q", dir=space.folder).out
    assert "Over the recorded days:" in shown
    assert "traits of the members drifted" in shown


def test_stays_count_who_left_and_who_came(space) -> None:
    steps, stays = space.history.sizes("loyal"), space.history.stays(["loyal"])["loyal"]
    assert [s.entered for s in stays] == [s.entered for s in steps[1:]]
    assert [s.before for s in stays] == [s.inside for s in steps[:-1]]
    assert [s.left for s in stays] == [s.left for s in steps[1:]]


def test_one_day_is_no_history() -> None:
    with pytest.raises(StoreError, match="fewer than two days"):
        coterie.open(shops.demo()).drift("loyal")
