"""Promises about size, speed and memory: G36 to G44. `docs/promises.md` lists all of them."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest

import coterie
from coterie.core.errors import CoterieError, Cycle, DefinitionErrors
from coterie.engine.duckdb import DuckDB
from tests import shops
from tests.cli.calling import Shell
from tests.promises.asking import members, shop, write


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_g36_hundred_conditions_and_two_large_lists(tmp_path: Path) -> None:
    """Two uploaded cohorts joined by a condition, or many "or", ran out of memory."""
    people = {f"c{n:05}": {"age": n % 500} for n in range(3000)}
    hundred = " or ".join(f"age = {n}" for n in range(0, 200, 2))
    orders = [(f"c{n:05}", "2026-03-01T10:00:00", n % 97) for n in range(0, 3000, 2)]
    measured = " or ".join(f"count(order where amount = {n}) = 1" for n in range(40))
    rules = {"hundred": hundred, "both": "in_list('a') and not in_list('b') or age = 7", "measured": measured}
    write(tmp_path / "x", rules, people, orders, more="lists: {a: a.txt, b: b.txt}\n")
    (tmp_path / "x/a.txt").write_text("".join(f"c{n:05}\n" for n in range(0, 60_000, 2)))
    (tmp_path / "x/b.txt").write_text("".join(f"c{n:05}\n" for n in range(0, 60_000, 3)))
    space = coterie.open(tmp_path / "x")
    space.run()
    found = members(space)
    assert found["hundred"] == {c for c, cells in people.items() if cells["age"] in range(0, 200, 2)}
    assert found["both"] == {f"c{n:05}" for n in range(3000) if (n % 2 == 0 and n % 3) or n % 500 == 7}
    assert found["measured"] == {c for c, _, amount in orders if amount < 40}


def test_g36_the_engine_has_a_limit_and_a_place_to_spill(tmp_path: Path) -> None:
    """Two uploaded cohorts joined by a condition, or many "or", ran out of memory."""
    with DuckDB(temp=tmp_path) as engine:
        settings = {
            name: str(engine.connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0])
            for name in ("memory_limit", "temp_directory")
        }
        assert settings["temp_directory"] == str(tmp_path)
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        number, unit = settings["memory_limit"].split()
        assert float(number) * {"MiB": 2**20, "GiB": 2**30}[unit] < 0.75 * machine
    with DuckDB(memory="60MB", temp=tmp_path, threads=1) as engine:  # three times that are sorted all the same
        query = "SELECT count(*) FROM (SELECT md5(i::VARCHAR) AS h FROM range(3000000) t(i) ORDER BY h OFFSET 1)"
        assert engine.connection.execute(query).fetchall() == [(2_999_999,)]


def test_g37_a_list_of_70000_ids_is_a_name(tmp_path: Path, shell: Shell) -> None:
    """A long list of ids broke the page."""
    folder = tmp_path / "x"
    write(
        folder,
        {"invited": "in_list('invited')", "not invited": "not invited"},
        [f"c{n}" for n in range(500)],
        more="lists: {invited: l.csv}\n",
    )
    (folder / "l.csv").write_text("id\n" + "".join(f"c{n}\n" for n in range(250, 70_250)))
    space = coterie.open(folder)
    space.run()
    assert (space.segments.size("invited").inside, space.segments.size("not invited").inside) == (250, 250)
    for command in (
        ("segments",),
        ("segments", "--json"),
        ("segment", "invited"),
        ("segment", "invited", "--json"),
        ("plan", "--json"),
    ):
        said = shell(*command, dir=folder)
        assert said.code == 0
        assert len(said.out) < 10_000, command
    assert len(space.sql("invited")) < 10_000
    assert len(str(space.why("c3", "invited").reason)) < 2_000
    assert "69,750 of its 70,000 ids are not customers" in shell("run", dir=folder).out
    with pytest.raises(CoterieError) as wrong:
        space.count("age in (" + ", ".join(map(str, range(70_000))) + ")")
    assert "in_list" in str(wrong.value)


def test_g38_what_rules_share_is_worked_out_once(tmp_path: Path) -> None:
    """A rebuild took forty minutes a segment, each one reading everything anew."""
    shared = "count(order within 90 days)"
    rules = {f"s{n}": f"{shared} > {n} and sum(order.amount) > {n}" for n in range(60)}
    orders = [(f"c{n % 40}", "2026-03-01T10:00:00", n) for n in range(400)]
    space = shop(tmp_path / "many", rules, [f"c{n}" for n in range(40)], orders)
    columns = space.results.engine.fetch("SELECT * FROM traits LIMIT 0").column_names
    assert [c for c in columns if "order" in c] == [shared, "sum(order.amount)"]  # one column each, however many rules
    scans = [_scans(tmp_path / f"n{n}", dict(list(rules.items())[:n]), orders) for n in (1, 60)]
    assert scans[0] == scans[1] > 0


def _scans(folder: Path, rules: dict[str, str], orders: list[tuple[str, str, int]]) -> int:
    """How many queries of a run read the events."""
    asked: list[str] = []
    create = DuckDB.create

    def watched(self: DuckDB, table: str, query: object, *more: object, **named: object) -> object:
        asked.append(str(query))
        return create(self, table, query, *more, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckDB, "create", watched)
        shop(folder, rules, [f"c{n}" for n in range(40)], orders)
    return sum('"event order"' in text for text in asked)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_g39_segments_that_exclude_each_other_are_refused(tmp_path: Path, length: int) -> None:
    """Two segments that exclude each other were worked out for ever."""
    rules = {f"s{n}": f"age > 1 and not s{(n + 1) % length}" for n in range(length)}
    folder = write(tmp_path / "x", rules, {"a": {"age": 3}})
    with pytest.raises(DefinitionErrors) as wrong:
        coterie.open(folder).run()
    (found,) = [e for e in wrong.value.errors if isinstance(e, Cycle)]
    assert found.place is not None
    assert set(found.names) == set(rules)
    assert " → ".join([*found.names, found.names[0]]) in str(found) or " → ".join(found.names) in str(found)


def many(folder: Path, n: int) -> Path:
    """A project of very many segments."""
    head = shops.TINY.partition("segments:\n")[0]
    rules = "".join(f"  s{i}: revenue >= {i // 10} and age > {i % 60}\n" for i in range(n))
    return shops.write_tiny(folder, f"{head}segments:\n{rules}")


def test_g40_hundreds_of_segments_are_listed_in_part_and_all_there(tmp_path: Path, shell: Shell) -> None:
    """The page broke with a thousand groups."""
    folder = many(tmp_path / "x", 400)
    began = perf_counter()
    assert "400 segments" in shell("run", "--line", dir=folder).out
    listed = shell("segments", dir=folder).out
    assert len(listed.splitlines()) < 115
    assert "the first 100 of 400 segments" in listed
    assert len(shell("segments", "--limit", "300", dir=folder).out.splitlines()) > 300
    everything = shell("segments", "--json", dir=folder).json["segments"]
    assert [s["name"] for s in everything] == [f"s{i}" for i in range(400)]
    space = coterie.open(folder)
    people = [(31, 120.5), (45, 250), (None, 500), (52, 120.25), (28, 0)]
    for i, row in enumerate(everything):
        # Kleene's and: false where the revenue is too low, whatever the age.
        asked = [False if money < i // 10 else None if age is None else age > i % 60 for age, money in people]
        assert (row["in"], row["cannot_tell"]) == (asked.count(True), asked.count(None))
    assert space.plan().segments[399].change == 0
    assert perf_counter() - began < 120  # a few seconds; this is to notice what grows with the square


@pytest.mark.long
def test_g40_five_thousand_segments(tmp_path: Path, figure: Callable[..., object]) -> None:
    """The page broke with a thousand groups."""
    folder = many(tmp_path / "x", 5000)
    for command in (("check",), ("run", "--line"), ("segments",), ("segments", "--json"), ("segment", "s77"), ("plan",)):
        began = perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", "from coterie.cli import main; main()", *command, "--dir", str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = perf_counter() - began
        figure(f"5,000 segments: {' '.join(command)}", seconds, "s")
        assert seconds < 240, command
        if command == ("segments", "--json"):
            assert len(json.loads(done.stdout)["segments"]) == 5000


def large(folder: Path, n: int) -> Path:
    """A project of very many customers."""
    folder.mkdir(parents=True)
    with (folder / "customers.csv").open("w") as file:
        file.write("id,name,age\n")
        file.writelines(f"c{i:07},somebody with a long name {i},{i % 90}\n" for i in range(n))
    (folder / "coterie.yaml").write_text(
        "project: large\ntimezone: UTC\nas_of: 2026-03-31\n"
        "sources:\n  customers: {path: customers.csv, id: id, constant: [name, age]}\n"
        "segments:\n  everybody: age >= 0\n  few: age = 3\n"
    )
    return folder


def test_g43_an_export_has_no_largest_number_of_rows(tmp_path: Path) -> None:
    """Exports ended after some ten thousand rows."""
    space = coterie.open(large(tmp_path / "x", 120_000))
    space.run()
    done = space.export("everybody", out=tmp_path / "all.csv", columns=["name", "age"])
    with done.path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert done.rows == len(rows) - 1 == 120_000
    assert [row[0] for row in rows[1:]] == [f"c{i:07}" for i in range(120_000)]
    assert rows[-1][1] == "somebody with a long name 119999"


PEAK = """
import re, sys
from pathlib import Path
import coterie
from coterie.workspace.settings import Settings
space = coterie.open(sys.argv[1], Settings(threads=1, memory="120MB"))
done = space.export(sys.argv[2], form="csv", out=sys.argv[3], columns=["name", "age"])
# Of this process alone; what resource tells begins with the size of the process that started it.
print(done.rows, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.long
def test_g43_an_export_needs_no_more_memory_for_more_rows(
    tmp_path: Path, size: Callable[[int], int], figure: Callable[..., object]
) -> None:
    """Exports ended after some ten thousand rows, or ran out of memory."""
    n = max(size(5_000_000), 1_000_000)
    folder = large(tmp_path / "x", n)
    coterie.open(folder).run()
    peaks = {}
    for rule, rows_are in (("age < 30", 30), ("everybody", 90)):
        command = [sys.executable, "-c", PEAK, str(folder), rule, str(tmp_path / f"{rows_are}.csv")]
        rows, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        peaks[rule] = int(peak)
        figure(f"export where {rule}: peak memory", int(peak), "MB", n=int(rows))
        assert int(rows) == sum(1 for i in range(n) if i % 90 < rows_are)
    assert peaks["everybody"] < 500
    assert peaks["everybody"] - peaks["age < 30"] < 60  # three times the rows


def test_g44_taking_a_segment_away_touches_nothing_else(tmp_path: Path) -> None:
    """Deleting a segment took very long."""
    folder = shops.copied(shops.tiny(), tmp_path / "tiny")
    space = coterie.open(folder)
    record = {p: p.read_bytes() for p in (folder / ".coterie/record/memberships").rglob("*.parquet")}
    steps = space.history.sizes("vip")
    assert record
    shops.write_tiny(folder, shops.TINY.replace("  '\"; drop table': orders > 1\n", ""))
    began = perf_counter()
    space.run()
    assert perf_counter() - began < 60
    assert list(space.segments) == ["vip", "german", "german_vip"]
    assert {p: p.read_bytes() for p in record} == record  # what was recorded stays as it was
    assert space.history.sizes("vip")[: len(steps)][0].inside == steps[0].inside
    assert space.history.diff(1, 2).removed == ('"; drop table',)
    assert '"; drop table' in {row["verdict"] and '"; drop table' for row in _before(space)}


def _before(space: coterie.Workspace) -> list[dict[str, str]]:
    """Who was in it, as it was known after the first run."""
    first = space.history.runs()[0]
    return list(space.history.members('"; drop table', known_at=first.recorded_at.isoformat() + "Z").to_pylist())
