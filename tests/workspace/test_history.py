"""History: what runs, edits, past days and undos leave behind is what the events themselves say for every day."""

import itertools
import random
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import coterie
from coterie.core.errors import CoterieError, StoreError, UnknownName
from coterie.workspace.history import NOT_THERE
from coterie.workspace.past import past_days
from tests import shops

PROJECT = """\
project: moving
timezone: Europe/Berlin
as_of: 2026-03-31
sources:
  customers: {{path: customers.csv, id: id, constant: [country]}}
  order: {{path: 'orders/*.csv', customer: customer, time: at, id: order_id, options: {{types: {{at: timestamp}}}}}}
traits:
  revenue: sum(order.amount)
segments:
  big: revenue >= {threshold}
  lately: exists(order within {days} days)
  german: country = 'DE'
segmentations:
  stage:
    fresh: exists(order within 7 days)
    quiet: otherwise
"""
PEOPLE = {"a": "DE", "b": "FR", "c": None, "d": "DE", "e": "AT", "f": "DE"}
TODAY = date(2026, 3, 31)


@dataclass(frozen=True)
class Order:
    id: int
    customer: str
    day: date
    amount: int


@dataclass
class Shop:
    """A project on disk, and the same in plain Python."""

    folder: Path
    orders: list[Order] = field(default_factory=list)
    threshold: int = 100
    days: int = 30
    files: int = 0

    def start(self) -> "Shop":
        (self.folder / "orders").mkdir(parents=True)
        lines = [f"{i},{c or ''}" for i, c in PEOPLE.items()]
        (self.folder / "customers.csv").write_text("id,country\n" + "\n".join(lines) + "\n")
        self.define()
        return self

    def define(self) -> None:
        (self.folder / "coterie.yaml").write_text(PROJECT.format(threshold=self.threshold, days=self.days))

    def sell(self, orders: list[Order]) -> None:
        self.files += 1
        lines = [f"{o.id},{o.customer},{o.day}T12:00:00,{o.amount}.00" for o in orders]
        (self.folder / f"orders/{self.files:03d}.csv").write_text("order_id,customer,at,amount\n" + "\n".join(lines) + "\n")
        self.orders += orders

    def expected(self, day: date) -> dict[str, dict[str, str | None]]:
        """Everybody's verdicts and label at the end of a day, by the definitions and orders of now."""
        out: dict[str, dict[str, str | None]] = {}
        for who, country in PEOPLE.items():
            mine = [o for o in self.orders if o.customer == who and o.day <= day]
            if not mine and any(o.customer == who for o in self.orders):
                continue  # a customer from the first order on
            out[who] = {
                "big": word(sum(o.amount for o in mine) >= self.threshold),
                "lately": word(any(o.day > day - timedelta(days=self.days) for o in mine)),
                "german": word(None if country is None else country == "DE"),
                "stage": "fresh" if any(o.day > day - timedelta(days=7) for o in mine) else "quiet",
            }
        return out


def word(truth: bool | None) -> str:
    return "cannot tell" if truth is None else "in" if truth else "out"


def found(space: coterie.Workspace, day: date) -> dict[str, dict[str, str | None]]:
    out: dict[str, dict[str, str | None]] = {}
    for name in ("big", "lately", "german", "stage"):
        table = space.history.members(name, str(day))
        for row in table.to_pylist():
            out.setdefault(row["customer"], {})[name] = row.get("verdict", row.get("label"))
    return out


def days_of(space: coterie.Workspace) -> list[date]:
    """The recorded days: their last instants in Berlin."""
    return [(s.as_of.replace(tzinfo=UTC) + timedelta(hours=1)).date() for s in space.history.snapshots()]


def new_orders(draw: random.Random, known: int, n: int) -> list[Order]:
    return [
        Order(known + i, draw.choice("abcdef"), TODAY - timedelta(days=draw.randrange(60)), draw.randrange(1, 9) * 10)
        for i in range(n)
    ]


Expected = dict[date, dict[str, dict[str, str | None]]]


@pytest.mark.parametrize("seed", [1, 2])
def test_history_is_what_the_events_say_for_every_day(tmp_path: Path, seed: int) -> None:
    """A random sequence of runs, edits, past days, new orders and undos, against plain Python."""
    draw = random.Random(seed)
    shop = Shop(tmp_path / "shop").start()
    shop.sell(new_orders(draw, 0, 12))
    space = coterie.open(shop.folder)
    expected: Expected = {}
    before: list[Expected] = []  # what undo goes back to
    for _ in range(14):
        act = draw.choice(["run", "run", "past", "edit", "sell", "undo"])
        if act == "edit":
            shop.threshold, shop.days = draw.randrange(2, 20) * 10, draw.choice([7, 14, 30])
            shop.define()
        elif act == "sell":
            shop.sell(new_orders(draw, len(shop.orders), 5))
        elif act == "undo":
            if len(before) < 2 or len(space.store.generations()) < 2:
                continue
            space.undo()
            expected = before.pop()
        else:
            day = TODAY - timedelta(days=draw.randrange(20))
            since = day - timedelta(days=draw.randrange(3, 12)) if act == "past" else None
            space.run(str(day), since=None if since is None else str(since), every="day" if since else None)
            before.append(dict(expected))
            for n in range((day - since).days + 1 if since else 1):
                expected[day - timedelta(days=n)] = shop.expected(day - timedelta(days=n))
        check(space, expected)
    assert len(expected) > 3
    space.close()


def check(space: coterie.Workspace, expected: Expected) -> None:
    if not expected:
        return
    assert days_of(space) == sorted(expected)
    for day, memberships in expected.items():
        assert found(space, day) == memberships, day
    # Sizes, comings and goings, and intervals all say the same as the days do.
    for name in ("big", "lately", "german"):
        inside = [{who for who, m in expected[day].items() if m[name] == "in"} for day in sorted(expected)]
        steps = space.history.sizes(name)
        assert [s.inside for s in steps] == [len(x) for x in inside]
        pairs = list(itertools.pairwise(inside))
        assert [(s.entered, s.left) for s in steps[1:]] == [(len(b - a), len(a - b)) for a, b in pairs]
        for step in steps[1:]:
            assert sum(a for a, _ in step.reasons.values()) == step.entered
            assert sum(b for _, b in step.reasons.values()) == step.left
        ends = [s.as_of for s in space.history.snapshots()]
        rows = space.history.intervals(name).to_pylist()
        for end, members in zip(ends, inside, strict=True):
            assert {r["customer"] for r in rows if r["entered"] <= end and (r["left"] is None or r["left"] > end)} == members


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Shop, coterie.Workspace]]:
    made = Shop(tmp_path / "shop").start()
    made.sell([Order(1, "a", date(2026, 3, 1), 150), Order(2, "b", date(2026, 3, 10), 60), Order(3, "d", date(2026, 2, 20), 200)])
    space = coterie.open(made.folder)
    yield made, space
    space.close()


Both = tuple[Shop, coterie.Workspace]


def test_a_second_run_adds_nothing(shop: Both) -> None:
    _, space = shop
    for _ in range(2):
        space.run("2026-03-20")
    assert len(space.history.snapshots()) == 1
    assert [(s.inside, s.entered, s.left) for s in space.history.sizes("big")] == [(2, 0, 0)]
    assert space.history.intervals("big").num_rows == 2


def test_past_days_are_the_runs_that_would_have_happened(shop: Both, tmp_path: Path) -> None:
    made, space = shop
    space.run("2026-03-20", since="2026-03-05", every="day")
    shutil.rmtree(shops.copied(made.folder, tmp_path / "daily") / ".coterie")
    other = coterie.open(tmp_path / "daily")
    for n in range(16):
        other.run(str(date(2026, 3, 5) + timedelta(days=n)))
    for name in ("big", "lately", "german"):
        mine, theirs = space.history.sizes(name), other.history.sizes(name)
        assert [(s.as_of, s.inside, s.entered, s.left, s.reasons) for s in mine] == [
            (s.as_of, s.inside, s.entered, s.left, s.reasons) for s in theirs
        ]
        assert space.history.intervals(name).drop_columns("run").equals(other.history.intervals(name).drop_columns("run"))
    other.close()


def test_a_record_of_form_1_is_counted_once(shop: Both) -> None:
    """Its snapshots had no sizes: what a migration counts is what the runs would have written down."""
    made, space = shop
    space.run("2026-03-20", since="2026-03-12", every="day")
    space.run("2026-03-20")
    made.threshold = 100
    made.define()
    space.run("2026-03-21")
    space.undo()
    space.run("2026-03-22", since="2026-03-21", every="day")
    names = ["big", "lately", "german"]
    written = space.history.all_sizes(names)
    assert all(len(series) == 11 for series in written.values())
    assert {n: [size for _, size in series] for n, series in written.items()} == {
        n: [s.inside for s in space.history.sizes(n)] for n in names
    }
    space.close()
    old = sqlite3.connect(space.store.record / "record.sqlite")
    told = "SELECT number, sizes FROM snapshots ORDER BY number"
    stored = old.execute(told).fetchall()
    old.executescript("ALTER TABLE snapshots DROP COLUMN sizes; UPDATE forms SET version = 1 WHERE part = 'history';")
    for file in (space.store.record / "customers").glob("*.parquet"):
        pq.write_table(pq.read_table(file).drop_columns("number"), file)
    old.close()
    again = coterie.open(made.folder)
    assert again.history.all_sizes(names) == written
    again.close()
    new = sqlite3.connect(space.store.record / "record.sqlite")
    assert new.execute(told).fetchall() == stored
    new.execute("UPDATE forms SET version = 4 WHERE part = 'history'")
    new.commit()
    new.close()
    with pytest.raises(StoreError, match="newer coterie") as error:
        again.history.all_sizes(names)
    assert error.value.code == "E503"


def test_the_reason_is_told(shop: Both) -> None:
    made, space = shop
    space.run("2026-03-15")
    made.sell([Order(4, "b", date(2026, 3, 16), 70)])  # b: 130 in all; nothing of d, whose last order falls out of 30 days
    space.run("2026-03-25")
    assert space.history.sizes("big")[-1].reasons == {"data": (1, 0)}
    assert space.history.sizes("lately")[-1].reasons == {"time": (0, 1)}
    made.threshold = 140
    made.define()
    space.run("2026-03-26")
    assert space.history.sizes("big")[-1].reasons == {"definition": (0, 1)}
    assert space.history.changed(3) == ("big",)
    made.sell([Order(5, "c", date(2026, 3, 26), 500)])
    (made.folder / "customers.csv").write_text("id,country\na,DE\nb,FR\nc,\nd,DE\ne,AT\nf,DE\ng,DE\n")
    space.run("2026-03-28")
    assert space.history.sizes("german")[-1].reasons == {"new customer": (1, 0)}
    assert space.history.sizes("big")[-1].reasons == {"data": (1, 0)}


def test_only_what_a_rule_reads_counts_as_data_for_it(shop: Both) -> None:
    """A visit is nothing new for a rule on orders."""
    made, space = shop
    (made.folder / "visits.csv").write_text("customer,at\nd,2026-03-22T10:00:00\n")
    text = (made.folder / "coterie.yaml").read_text()
    text = text.replace("traits:", "  visit: {path: visits.csv, customer: customer, time: at}\ntraits:")
    (made.folder / "coterie.yaml").write_text(text.replace("  german:", "  seen: exists(visit within 9 days) or lately\n  german:"))
    space.run("2026-03-15")
    space.run("2026-03-25")
    assert space.history.sizes("lately")[-1].reasons == {"time": (0, 1)}
    assert space.history.sizes("seen")[-1].reasons == {}
    space.run("2026-03-31")
    assert space.history.sizes("seen")[-1].reasons == {"time": (0, 2)}


def test_as_it_was_known_then(shop: Both) -> None:
    """Late data changes what is known of a day; what was known then can still be told (two clocks)."""
    made, space = shop
    space.run("2026-03-15")
    then = datetime.now(UTC).replace(tzinfo=None)
    made.sell([Order(9, "e", date(2026, 3, 2), 900)])
    space.run("2026-03-15")
    now = {r["customer"] for r in space.history.members("big", "2026-03-15").to_pylist() if r["verdict"] == "in"}
    known = space.history.members("big", "2026-03-15", known_at=then.isoformat() + "Z").to_pylist()
    assert now == {"a", "d", "e"}
    assert {r["customer"] for r in known if r["verdict"] == "in"} == {"a", "d"}


def test_undo(shop: Both) -> None:
    made, space = shop
    space.run("2026-03-10")
    made.threshold = 500
    made.define()
    space.run("2026-03-20")
    assert space.segments.size("big").inside == 0
    assert space.undo().number == 2
    assert space.segments.size("big").inside == 2
    assert [s.run for s in space.history.snapshots()] == [1]
    assert [r.undone for r in space.history.runs()] == [False, True]
    with pytest.raises(StoreError, match="are not there any more") as wrong:
        space.undo()
    assert wrong.value.code == "E507"
    assert space.run("2026-03-21").generation.number == 3
    assert space.history.sizes("big")[-1].reasons == {"definition": (0, 2)}


def test_a_rename_keeps_its_history(shop: Both) -> None:
    made, space = shop
    space.run("2026-03-10")
    text = (made.folder / "coterie.yaml").read_text()
    (made.folder / "coterie.yaml").write_text(
        text.replace("  big: revenue >= 100", "  spender:\n    where: revenue >= 100\n    was: big")
    )
    space.run("2026-03-20")
    assert [s.inside for s in space.history.sizes("spender")] == [2, 2]
    assert space.history.sizes("spender")[-1].reasons == {}
    found = space.history.diff(1, 2)
    assert (found.added, found.removed, found.changed, found.renamed) == ((), (), (), {"big": "spender"})


def test_movements(shop: Both) -> None:
    made, space = shop
    space.run("2026-03-05")
    made.sell([Order(4, "b", date(2026, 3, 19), 70)])
    space.run("2026-03-20")
    moves = space.history.moves("stage")
    assert moves.table == {("fresh", "quiet"): 1, ("quiet", "quiet"): 4, (NOT_THERE, "fresh"): 1}
    assert [x.customers for x in space.history.labels("stage")] == [{"fresh": 1, "quiet": 4}, {"fresh": 1, "quiet": 5}]


def test_results_that_were_shown_and_not_recorded_are_recorded_by_the_next_run(shop: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    _, space = shop
    with monkeypatch.context() as killed:
        killed.setattr("coterie.segments.history.Record.keep", _stop)
        with pytest.raises(KeyboardInterrupt):
            space.run("2026-03-10")
    assert space.history.runs() == []
    space.run("2026-03-20")
    assert [(r.number, r.undone) for r in space.history.runs()] == [(1, False), (2, False)]
    assert [s.inside for s in space.history.sizes("big")] == [2, 2]


def test_an_undo_that_was_cut_short_is_finished(shop: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    made, space = shop
    space.run("2026-03-10")
    space.run("2026-03-20")
    with monkeypatch.context() as killed:
        killed.setattr("coterie.workspace.store.Store.point", _stop)
        with pytest.raises(KeyboardInterrupt):
            space.undo()
    made.threshold = 190
    made.define()
    space.run("2026-03-21")
    assert [s.run for s in space.history.snapshots()] == [1, 3]
    assert [g.number for g in space.store.generations()] == [3, 1]


def _stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_wrong_names_and_days(shop: Both) -> None:
    _, space = shop
    with pytest.raises(StoreError, match="nothing is recorded yet"):
        space.history.sizes("big")
    space.run("2026-03-10")
    with pytest.raises(UnknownName, match="no segment 'bigg' is recorded") as wrong:
        space.history.sizes("bigg")
    assert "did you mean 'big'?" in str(wrong.value.hint)
    with pytest.raises(StoreError, match="nothing is recorded so early"):
        space.history.members("big", "2026-01-01")
    with pytest.raises(StoreError, match="no two days"):
        space.history.moves("stage")
    with pytest.raises(UnknownName, match="there is no run 7"):
        space.history.diff(1, 7)
    for since, every, said in (("soon", None, "is no date"), ("2026-05-01", None, "not before"), ("2026-01-01", "year", "apart")):
        with pytest.raises(CoterieError, match=said):
            space.run("2026-03-10", since=since, every=every)
    assert len(space.history.runs()) == 1


def test_which_past_days() -> None:
    end = datetime(2026, 3, 31, 21, 59, 59)

    def days(since: str, every: str | None = None) -> list[str]:
        return [f"{d:%m-%d}" for d in past_days(since, every, end, "UTC")]

    assert days("2026-03-28") == ["03-28", "03-29", "03-30"]
    assert days("2026-03-01", "week") == ["03-03", "03-10", "03-17", "03-24"]
    assert days("2025-11-30", "month") == ["11-30", "12-31", "01-31", "02-28"]
    assert len(days("2025-03-31")) == 52
    assert len(days("2016-03-31")) == 120
