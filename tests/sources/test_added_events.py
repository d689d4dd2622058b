"""New files beside those that are there: gathering in steps gives what gathering everything at once gives."""

import random
import shutil
from datetime import datetime, timedelta
from typing import Any

import pytest

from coterie.sources import assembly
from coterie.sources.gathered import Gathered
from coterie.sources.loads import Loads
from tests.sources.gathering import FIRST, SECOND, THIRD, Project, source, table_bytes

ORDER = {"customer": "who", "time": "at"}
HEAD = "order_id,who,at,total,dept,void,basket"
SOURCES: dict[str, dict[str, Any]] = {
    "with an id": {"id": "order_id"},
    "without an id": {},
    "with tombstones": {"id": "order_id", "deleted": "void"},
    "lines": {"lines": "basket", "sum": ["total"]},
    "folded": {"fold": ["dept"], "where": "total >= 0"},
}


@pytest.fixture(autouse=True)
def any_number_is_few(monkeypatch):
    monkeypatch.setattr(assembly, "FEW", 0)


def row(draw: random.Random, number: int) -> str:
    """A row that says something new, most of the time on the hour, so that rows of several files have the same time."""
    at = datetime(2026, 1, 1) + timedelta(hours=draw.randrange(48))
    who = draw.choice(["a", "b", "c", "d", "", "x"]) if draw.random() < 0.9 else f"new{number}"
    when = f"{at:%Y-%m-%d %H:%M:%S}" if draw.random() < 0.95 else ""
    dept = draw.choice(["Shoes", "shoes", "SÜSS", ""])
    return f"{draw.choice('zya')}{number},{who},{when},{number}.5,{dept},{'yes' if draw.random() < 0.1 else ''},b{number // 3}"


def steps(project: Project, files: list[list[str]]) -> list[Gathered]:
    """What is gathered as each file comes, one after the other."""
    out = []
    for n, rows in enumerate(files):
        project.write(f"days/{n}.csv", HEAD, *rows)
        out.append(project.gather(FIRST + timedelta(days=n)))
        table_bytes(out[-1])  # every file of it lies sorted
    return out


def check(project: Project, mine: Gathered) -> None:
    """The same gathered at once: when each file came first is in the record."""
    tables = table_bytes(mine)
    shutil.rmtree(project.stores.cache)
    theirs = project.gather(THIRD)
    assert [len(e.paths) for e in theirs.events.values()] == [1] * len(theirs.events)
    assert tables == table_bytes(theirs)
    for kind, facts in mine.events.items():
        other = theirs.events[kind]
        assert (facts.rows, facts.first, facts.last, facts.nullable) == (other.rows, other.first, other.last, other.nullable)
    notes = tuple(note for note in mine.notes if "no longer there" not in note)
    assert (mine.sources, mine.quarantine, notes) == (theirs.sources, theirs.quarantine, theirs.notes)
    assert mine.fingerprint == theirs.fingerprint


@pytest.mark.parametrize("form", SOURCES)
def test_in_steps_or_at_once(tmp_path, form):
    """Some files say again what an earlier one said, or take it away: then all is gathered anew, and no one sees it."""
    beside = set()
    for seed in range(3):
        draw = random.Random(f"{form} {seed}")
        project = Project(tmp_path / str(seed), source("order", path="days/*.csv", **ORDER, **SOURCES[form]))
        files: list[list[str]] = []
        for n in range(3):
            rows = [row(draw, n * 100 + i) for i in range(draw.randrange(3, 25))]
            if n and seed == 2:
                rows += draw.sample(files[0], 2)
            files.append(rows)
        gathered = steps(project, files)
        beside.add(len(gathered[-1].events["order"].paths))
        check(project, gathered[-1])
    assert beside == {1, 2}


def grown(tmp_path, *files: list[str], **fields) -> tuple[Project, list[Gathered]]:
    project = Project(tmp_path, source("order", path="days/*.csv", **ORDER, **fields))
    return project, steps(project, list(files))


FEW_ROWS = ["o1,b,2026-01-02,1,x,,1", "o2,d,2026-01-02,2,x,,2"]


def test_new_rows_lie_beside_the_others(tmp_path):
    new = ["o0,b,2026-01-01,3,x,,3", "o3,b,2026-01-02,4,,,4", "o4,a,2026-01-01,5,x,,5", "o5,c,2026-01-01,6,x,,6"]
    project, (before, after) = grown(tmp_path, FEW_ROWS, new, id="order_id")
    assert after.events["order"].paths[0] == before.events["order"].paths[0]
    assert len(after.events["order"].paths) == 2
    expected = [("b", "o0"), ("b", "o1"), ("b", "o3"), ("d", "o2"), ("a", "o4"), ("c", "o5")]
    assert project.events(after, "order", "customer", "id") == expected  # who is new has the next number
    check(project, after)


def test_another_file_is_taken_in_with_the_last_new_one(tmp_path):
    files = [FEW_ROWS, ["o3,a,2026-01-01,3,x,,3"], ["o4,a,2026-01-01,3,x,,3", "o5,aa,2026-01-05,3,x,,3"]]
    project, (first, _, third) = grown(tmp_path, *files, id="order_id")
    assert [third.events["order"].paths[0], len(third.events["order"].paths)] == [first.events["order"].paths[0], 2]
    check(project, third)


@pytest.mark.parametrize(
    ("again", "fields"),
    [
        ("o1,b,2026-01-02,1,x,,1", {"id": "order_id"}),
        ("o1,b,2026-01-02,7,x,,1", {"id": "order_id"}),
        ("o1,,,,,yes,", {"id": "order_id", "deleted": "void"}),
        ("o1,b,2026-01-02,1,x,,1", {}),
        ("o7,b,2026-01-03,1,x,,1", {"lines": "basket"}),
        ("o7,zz,2026-01-03,1,x,,1", {"lines": "basket"}),
    ],
)
def test_a_row_that_meets_an_earlier_one_has_all_gathered_anew(tmp_path, again, fields):
    project, (_, after) = grown(tmp_path, FEW_ROWS, [again, "o9,q,2026-01-02,1,x,,9"], **fields)
    assert [len(e.paths) for e in after.events.values()] == [1] * len(after.events)
    check(project, after)


def test_a_tombstone_of_the_first_file_still_takes_away(tmp_path):
    fields = {"id": "order_id", "deleted": "void", "updated_at": "total"}
    project, (_, after) = grown(tmp_path, [*FEW_ROWS, "o3,,,9,,yes,"], ["o3,b,2026-01-02,3,x,,3"], **fields)
    assert project.events(after, "order", "id") == [("o1",), ("o2",)]
    check(project, after)


def test_a_column_that_changes_its_kind_or_is_new_has_all_gathered_anew(tmp_path):
    for name, rows in {"kind": ["o3,b,2026-01-02,3.5,x,,3"], "known": ["o3,b,2026-01-02,3,x,no,3"]}.items():
        project, (_, after) = grown(tmp_path / name, FEW_ROWS, rows, id="order_id")
        assert len(after.events["order"].paths) == 1
        check(project, after)


def test_days_before_the_others_begin_where_they_do(tmp_path):
    """Days are instants of a zone whose clock was changed in between."""
    project = Project(tmp_path, source("order", path="days/*.csv", **ORDER), zone="Europe/Berlin")
    project.write("days/1.csv", "who,at", "a,2026-01-01", "b,2026-02-01")
    project.gather(FIRST)
    project.write("days/2.csv", "who,at", "a,2025-07-01", "c,2026-08-01", "a,2025-10-26", "a,2026-03-29")
    gathered = project.gather(SECOND)
    assert len(gathered.events["order"].paths) == 2
    check(project, gathered)


def test_more_than_a_tenth_is_sorted_with_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "FEW", 10)
    rows = [f"o{n},c{n % 7},2026-01-02,{n},x,,{n}" for n in range(40)]
    _, (_, two, three) = grown(tmp_path, rows[:20], rows[20:22], rows[22:23], id="order_id")
    assert [len(g.events["order"].paths) for g in (two, three)] == [2, 1]


def two_sources(tmp_path, **fields) -> Project:
    customers = source("customers", path="c.csv", id="id")
    visits = source("visit", path="visits/*.csv", **ORDER)
    project = Project(tmp_path, customers, source("order", path="days/*.csv", id="order_id", **ORDER), visits, **fields)
    project.write("c.csv", "id,city", "b,Rome", "d,Oslo")
    project.write("days/1.csv", HEAD, *FEW_ROWS)
    project.write("visits/1.csv", "who,at", "d,2026-01-01", "e,2026-01-01")
    return project


def test_new_customers_of_one_source_leave_the_tables_of_another_alone(tmp_path):
    project = two_sources(tmp_path)
    before = project.gather(FIRST)
    project.write("visits/2.csv", "who,at", "a,2026-01-03", "b,2026-01-03")
    after = project.gather(SECOND)
    assert after.events["order"].paths == before.events["order"].paths
    assert not any("events order" in what or "rows of order" in what for what in project.told)
    check(project, after)


def test_who_is_no_customer_any_more_leaves_no_number_to_another(tmp_path):
    project = two_sources(tmp_path)
    project.gather(FIRST)
    project.write("visits/2.csv", "who,at", "z,2026-01-03", "a,2026-01-03")
    project.gather(SECOND)
    (project.folder / "visits/2.csv").unlink()
    project.write("visits/3.csv", "who,at", "y,2026-01-03", "d,2026-01-03")
    gathered = project.gather(THIRD)
    assert [c for (c,) in project.customers(gathered, "customer")] == ["b", "d", "e", "y"]
    check(project, gathered)


def test_who_becomes_a_customer_has_the_events_from_before(tmp_path):
    project = two_sources(tmp_path, population="customers")
    assert project.events(project.gather(FIRST), "visit", "customer") == [("d",)]
    project.write("c.csv", "id,city", "b,Rome", "d,Oslo", "e,Bern")
    project.write("visits/2.csv", "who,at", "f,2026-01-03", "e,2026-01-03")
    gathered = project.gather(SECOND)
    assert project.events(gathered, "visit", "customer") == [("d",), ("e",), ("e",)]
    check(project, gathered)
    project.write("visits/3.csv", "who,at", "f,2026-01-04", "b,2026-01-04")
    gathered = project.gather(THIRD)
    assert len(gathered.events["visit"].paths) == 2
    assert gathered.sources["visit"].strangers == 2
    check(project, gathered)


def test_what_a_source_of_attributes_holds_is_asked_once(tmp_path, monkeypatch):
    project = two_sources(tmp_path)
    project.write("c.csv", "id,city", "b,Rome", "d,Oslo", "d,Oslo")
    project.gather(FIRST)
    for n, again in enumerate((False, True, True)):
        project.write("visits/2.csv", "who,at", f"z,2026-01-{n + 3:02}")
        if again:
            project.write("c.csv", "id,city", "b,Rome", "d,Oslo", ",Bern")  # a row without an id is shown each time
        asked = len(queries(project, monkeypatch, "rows of customers"))
        assert bool(asked) == again
        found = project.gather(SECOND).sources["customers"]
        assert (found.kept, found.duplicates, found.quarantined) == ((2, 0, 1) if again else (2, 1, 0))
    check(project, project.gather(SECOND))


def queries(project: Project, monkeypatch, about: str) -> list[str]:
    """What a gathering makes under this name."""
    made, create = [], type(project.engine).create

    def noted(self, table, query, said="", **how):
        made.append(said)
        return create(self, table, query, said, **how)

    with monkeypatch.context() as patched:
        patched.setattr(type(project.engine), "create", noted)
        project.gather(SECOND)
    return [said for said in made if said == about]


def test_another_map_of_ids_has_all_gathered_anew(tmp_path):
    project = two_sources(tmp_path)
    project.gather(FIRST)
    with Loads(project.stores.record) as record:
        record.set_identity({("order", "b"): "d", ("visit", "d"): "b"})
    project.write("days/2.csv", HEAD, "o7,b,2026-01-02,1,x,,7")
    gathered = project.gather(SECOND)
    assert project.events(gathered, "order", "customer", "id") == [("d", "o1"), ("d", "o2"), ("d", "o7")]
    check(project, gathered)


def test_tables_that_are_lost_are_made_again(tmp_path):
    for lost in ("events", "ids", "attributes"):
        project, _ = grown(tmp_path / lost, FEW_ROWS, ["o3,a,2026-01-01,3,x,,3"], id="order_id")
        shutil.rmtree(project.stores.cache / lost)
        project.write("days/9.csv", HEAD, "o9,e,2026-01-01,3,x,,9")
        gathered = project.gather(THIRD)
        check(project, gathered)
