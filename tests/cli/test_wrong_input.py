"""Wrong input: a message with a place and a way out, exit 1, and the last results stay, marked as stale."""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import shops
from tests.cli.calling import Shell

Change = Callable[[Path], object]


def replaced(old: str, new: str, file: str = "coterie.yaml") -> Change:
    def change(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return change


def written(file: str, content: str | bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def both(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)
LOST = "".join(",".join(line.split(",")[:3]) + "\n" for line in shops.ORDERS.splitlines())
GERMAN = "german: country = 'DE'"
GUESSED = replaced(", options: {types: {at: timestamp}}", "")
TWO_DATES = "order_id,customer,at,amount\n1,a1,03/04/2025,5.00\n2,a2,05/06/2025,5.00\n"
MIXED_DATES = "order_id,customer,at,amount\n1,a1,2025-04-03,5.00\n2,a2,05/06/2025,5.00\n"

WRONG: dict[str, tuple[Change, str, str, str]] = {
    # what: (change, code, place, way out)
    "missing column": (replaced("order.amount", "order.amuont"), "E102", "coterie.yaml:12:22", "did you mean 'amount'?"),
    "unknown name": (replaced("vip and german", "vipp and german"), "E102", "coterie.yaml:20:15", "did you mean 'vip'?"),
    "wrong type": (replaced(GERMAN, "german: country > 5"), "E104", "coterie.yaml:19:11", "number(country)"),
    "cycle": (replaced(GERMAN, "german: german_vip"), "E103", "coterie.yaml:19:11", "german → german_vip → german"),
    "no file": (lambda f: (f / "orders.csv").unlink(), "E210", "coterie.yaml:8:3", "did you mean 'customers.csv'?"),
    "empty file": (written("orders.csv", ""), "E200", "orders.csv is empty", "export it again"),
    "unreadable file": (written("orders.csv", b"\x00\x01\x02PAR1" * 50), "E2", "orders.csv", ""),
    "billion laughs": (written("coterie.yaml", LAUGHS), "E183", "coterie.yaml:2:8", "put the whole in quotes"),
    "10,000 terms": (
        replaced(GERMAN, "german: " + " or ".join(f"age = {i}" for i in range(10_000))), "E138", "coterie.yaml:19:11", "in_list",
    ),
    "10,000 brackets": (
        replaced(GERMAN, "german: " + "not (" * 10_000 + "age = 1" + ")" * 10_000), "E138", "coterie.yaml:19:11", "at most",
    ),
    "lost column": (
        written("orders.csv", LOST), "E201", "coterie.yaml:8:3", "trait revenue, segments vip, german_vip use it",
    ),
    "lost id": (replaced("id,email", "key,email", "customers.csv"), "E201", "coterie.yaml:7:3", "It has: age, country"),
    "lost time": (
        replaced("customer,at", "customer,moment", "orders.csv"), "E201", "coterie.yaml:8:3",
        "orders.csv has no column 'at' any more (it had until the run of",
    ),
    "ambiguous dates": (both(written("orders.csv", TWO_DATES), GUESSED), "E210", "orders.csv:2:1", "`options: {dates: dmy}` or"),
    "mixed dates": (both(written("orders.csv", MIXED_DATES), GUESSED), "E213", "orders.csv:2:1", "write them in one way"),
    "no YAML": (written("coterie.yaml", "sources:\n\tx: 1\n"), "E182", "coterie.yaml:2:1", "blanks"),
    "empty project": (written("coterie.yaml", ""), "E187", "coterie.yaml:1:1", "coterie init"),
    "not UTF-8": (written("coterie.yaml", "project: x\n".encode("utf-16")), "E180", "coterie.yaml", "save it as UTF-8"),
    "no such list": (
        replaced("segments:\n", "lists: {x: no.txt}\n\nsegments:\n  l: in_list('x')\n"), "E504", "no.txt", "one id a line",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input(shell: Shell, tmp_path: Path, what: str) -> None:
    change, code, place, way_out = WRONG[what]
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    before = shell("segments", "--json", dir=folder).json
    change(folder)
    said = shell("run", dir=folder)
    assert (said.code, said.out) == (1, "")
    for text in (code, place, way_out):
        assert text in said.err, said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) < 150
    after = shell("segments", "--json", dir=folder)
    assert after.code == 0
    stale = after.json.pop("stale")
    assert stale[0].startswith(f"a later run failed ({said.err.splitlines()[0]}")
    assert {**after.json, "stale": []} == before
    for_people = shell("segments", dir=folder).out
    assert f"stale: `coterie run --dir {folder}` brings the numbers up to date" in for_people
    assert shell("why", "a1", "vip", dir=folder).code == 0
    assert shell("count", "count(order within 10 days) > 0", dir=folder).code == 0
    assert not list((folder / ".coterie/cache").glob("*partial*"))


def test_after_a_failure_the_next_good_run_clears_the_mark(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    good = (folder / "coterie.yaml").read_text()
    replaced("vip and german", "vipp")(folder)
    assert shell("run", dir=folder).code == 1
    (folder / "coterie.yaml").write_text(good)
    assert shell("segments", "--json", dir=folder).json["stale"]
    assert shell("run", dir=folder).code == 0
    assert shell("segments", "--json", dir=folder).json["stale"] == []


def test_data_that_changes_while_runs_fail_does_not_take_the_results_away(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    replaced("vip and german", "vipp")(folder)
    for i in range(3):
        (folder / "orders.csv").write_text(f"{shops.ORDERS}{10 + i},a2,2026-03-0{i + 1} 10:00:00,1.00\n")
        assert shell("run", dir=folder).code == 1
    assert shell("why", "a1", "vip", dir=folder).code == 0
    assert shell("count", "count(order within 10 days) > 0", "--json", dir=folder).json["in"] == 1


def test_rows_that_are_wrong_are_set_aside_and_counted(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    with (folder / "customers.csv").open("a") as file:
        file.write("a1,other@example.com,FR,99\n")
    said = shell("run", "--json", dir=folder).json
    assert [q["rows"] for q in said["quarantine"]] == [1, 1]
    rows = shell("quarantine", "customers", "--json", dir=folder).json
    assert [(r["source"], r["file"], r["line"]) for r in rows] == [("customers", "customers.csv", 7)]
    assert "line 2" in rows[0]["reason"]
    assert shell("quarantine", "nosuch", dir=folder).code == 1
    assert len(shell("quarantine", "--limit", "1", "--json", dir=folder).json) == 1


def test_what_has_changed_since_a_run_is_named(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    replaced("revenue >= 100", "revenue >= 200")(folder)
    replaced(GERMAN, f"{GERMAN}\n  young: age < 30")(folder)
    said = shell("segments", "--json", dir=folder).json["stale"]
    assert said == ["the project file was changed since: changed: vip, german_vip; new: young"]
    assert "changed: vip, german_vip" in shell("segment", "german", dir=folder).out


def test_comments_change_no_definition(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    replaced("project: tiny", "# a comment\nproject: tiny")(folder)
    said = shell("segments", "--json", dir=folder).json["stale"]
    assert said == ["the project file was changed since, though every definition means the same"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: (f / "orders.csv").write_text(shops.ORDERS + "\n"), "orders.csv is newer than what was read"),
        (lambda f: (f / "orders.csv").unlink(), "orders.csv is gone"),
    ],
)
def test_files_that_moved_are_named(shell: Shell, tmp_path: Path, change: Change, said: str) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    assert shell("segments", "--json", dir=folder).json["stale"] == []
    change(folder)
    assert shell("segments", "--json", dir=folder).json["stale"] == [said]


@pytest.mark.parametrize("command", ["run", "check"])
def test_another_run_at_work_is_75(shell: Shell, tmp_path: Path, command: str) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    with (folder / ".coterie/lock").open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = shell(command, dir=folder)
        assert said.code == 75
        assert said.err.startswith("E501 another run is at work on this project")
        assert shell("count", "vip", dir=folder).code == 0
    assert shell("segments", "--json", dir=folder).json["stale"] == []  # waiting is no failure


def test_before_the_first_run(shell: Shell, tmp_path: Path) -> None:
    folder = shops.write_tiny(tmp_path / "new")
    said = shell("segments", dir=folder)
    assert (said.code, said.err.splitlines()[0]) == (1, "E503 there are no results yet")
    doctor = shell("doctor", "--json", dir=folder)
    assert doctor.code == 0
    assert [f["state"] for f in doctor.json if f["what"] == "results"] == ["stale"]


def test_where_there_is_no_project(shell: Shell, tmp_path: Path) -> None:
    for command in (["run"], ["segments"], ["check"], ["fmt"], ["count", "true"], ["export", "vip"]):
        said = shell(*command, dir=tmp_path)
        assert said.code == 1
        assert "E180 there is no project file" in said.err
        assert "coterie init" in said.err
    assert not (tmp_path / ".coterie").exists()
    assert shell("doctor", dir=tmp_path).code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("segment", "vpi"), "E102", "did you mean 'vip'?"),
        (("count", "revenu > 1"), "E102", "did you mean 'revenue'?"),
        (("count", "revenue"), "E104", ""),
        (("count", "revenue >"), "E1", ""),
        (("why", "a9", "vip"), "E108", "a1, a2, a3, a4, a5"),
        (("why", "a1", "vpi"), "E102", "did you mean 'vip'?"),
        (("sql", "vpi"), "E102", "did you mean 'vip'?"),
        (("export", "lifecycle"), "E104", "lifecycle = '…'"),
        (("export", "revenue"), "E104", "revenue is known"),
        (("export", "vip", "--columns", "reveneu"), "E102", "did you mean 'revenue'?"),
        (("export", "vip", "--format", "pdf"), "E520", "csv, parquet, jsonl, xlsx"),
        (("export", "vip", "--format", "xlsx", "--out", "-"), "E520", "--out"),
        (("export", "vip", "--out", "/nonsense/x.csv"), "E523", "--out"),
    ],
)
def test_wrong_names(shell: Shell, arguments: tuple[str, ...], code: str, hint: str) -> None:
    said = shell(*arguments, dir=shops.tiny())
    assert (said.code, said.out) == (1, "")
    assert code in said.err
    assert hint in said.err


def test_a_mistake_of_our_own_is_no_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("ouch")

    monkeypatch.setattr("coterie.workspace.workspace.Workspace.count", broken)
    said = shell("count", "true", dir=shops.tiny())
    assert said.code == 1
    assert said.err.splitlines()[0] == "coterie stopped on a mistake of its own: ValueError: ouch"
    assert "Traceback" not in said.err
    monkeypatch.setenv("COTERIE_DEBUG", "1")
    assert "Traceback" in shell("count", "true", dir=shops.tiny()).err


def test_a_record_that_is_damaged_is_broken(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    (folder / ".coterie/record/record.sqlite").write_bytes(b"no database" * 500)
    found = shell("doctor", "--json", dir=folder)
    assert found.code == 1
    assert [f["what"] for f in json.loads(found.out) if f["state"] == "broken"] == ["record"]
    assert shell("run", dir=folder).code == 1
    assert shell("count", "vip", dir=folder).code == 0
