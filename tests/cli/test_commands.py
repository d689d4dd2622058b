"""Every command does what it says, and --json says what the façade says."""

import json
from pathlib import Path

import duckdb
import pytest

import coterie
from coterie.workspace.overview import why_json
from coterie.workspace.schema import project_schema
from tests import shops
from tests.cli.calling import Shell

VIP = "revenue >= 100 and last_order within 60 days"


@pytest.fixture(scope="module")
def tiny() -> Path:
    return shops.tiny()


def parity(command: tuple[str, ...], space: coterie.Workspace) -> object:
    match command:
        case ("segments",):
            return space.summary()
        case ("segment", name):
            return space.describe(name)
        case ("traits",):
            return space.traits()
        case ("count", expression):
            return space.count(expression).to_json()
        case ("why", customer, name):
            return why_json(space.why(customer, name), space.project.timezone)
        case ("quarantine",):
            return space.quarantine()
        case ("doctor",):
            return [f.to_json() for f in space.doctor()]
        case _:
            raise AssertionError(command)


@pytest.mark.parametrize(
    "command",
    [
        ("segments",),
        ("segment", "vip"),
        ("segment", "lifecycle"),
        ("segment", "revenue"),
        ("segment", '"; drop table'),
        ("traits",),
        ("count", VIP),
        ("count", "age > 30"),
        ("why", "a1", "vip"),
        ("why", "a4", "german_vip"),
        ("why", "a2", "lifecycle"),
        ("why", "a2", "revenue"),
        ("why", "a2", "count(order within 30 days) > 1"),
        ("quarantine",),
        ("doctor",),
    ],
)
def test_reading_commands_say_what_the_facade_says(shell: Shell, tiny: Path, command: tuple[str, ...]) -> None:
    plain = shell(*command, dir=tiny)
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.strip()
    assert not any(line != line.rstrip() for line in plain.out.splitlines())
    space = coterie.open(tiny)
    said = shell(*command, "--json", dir=tiny)
    assert (said.code, said.err) == (0, "")
    expected = json.loads(json.dumps(parity(command, space)))
    space.close()
    if command == ("doctor",):  # the free disk moves on its own
        found = said.json
        assert [f["what"] for f in found] == [f["what"] for f in expected]
    else:
        assert said.json == expected


def test_count_has_exactly_these_keys(shell: Shell, tiny: Path) -> None:
    said = shell("count", "country = 'DE'", "--json", dir=tiny).json
    assert said == {
        "in": 2,
        "out": 2,
        "cannot_tell": 1,
        "missing": {"country": 1},
        "population": 5,
        "as_of": "2026-03-31T23:59:59",
        "definition": said["definition"],
    }
    assert list(said) == ["in", "out", "cannot_tell", "missing", "population", "as_of", "definition"]


def test_count_for_people(shell: Shell, tiny: Path) -> None:
    said = shell("count", "country = 'DE'", dir=tiny)
    assert said.out == "2 in · 2 out · 1 cannot tell (country missing)\nof 5 customers as of 31 Mar 2026: country is 'DE'\n"


def test_count_tells_of_a_rule_that_can_never_be_true(shell: Shell, tiny: Path) -> None:
    rule = "revenue > 100 and revenue < 50"
    said = shell("count", rule, dir=tiny)
    told = f"""expression:1:19  W110 this can never be true: `revenue > 100` and `revenue < 50` exclude each other
   {rule}
                     ^^^^^^^^^^^^  write `or` between what need not hold at once"""
    assert (said.code, said.out.split("\n\n")[1]) == (0, told + "\n")
    assert shell("count", rule, "--json", dir=tiny).json["notices"] == [told]


def test_check_and_run_tell_of_rules_that_can_never_be_true(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    file = folder / "coterie.yaml"
    file.write_text(file.read_text().replace("segments:\n", "segments:\n  nobody: revenue > 100 and revenue < 50\n", 1))
    line = 1 + file.read_text().splitlines().index("  nobody: revenue > 100 and revenue < 50")
    told = f":{line}:29  W110 the segment 'nobody' can never be true: `revenue > 100` and `revenue < 50` exclude each other"
    said = shell("check", dir=folder)
    assert (said.code, said.out.splitlines()[0].endswith(told)) == (0, True)
    assert "                             ^^^^^^^^^^^^" in said.out.splitlines()[2]
    run = shell("run", dir=folder)
    assert (run.code, told in run.out) == (0, True)


def test_segments_for_people(shell: Shell, tiny: Path) -> None:
    lines = shell("segments", dir=tiny).out.splitlines()
    assert lines[:3] == [
        "segment        in  share  cannot tell  revenue  who",
        "vip             3   60 %                  50 %  Spent a hundred or more, lately",
        "german          2   40 %            1     63 %  country is 'DE'",
    ]
    assert lines[-1] == "5 customers as of 31 Mar 2026, revenue 990.75 EUR"


def test_why_shows_each_condition_and_what_would_change_it(shell: Shell, tiny: Path) -> None:
    said = shell("why", "a3", "vip", dir=tiny).out
    assert said.splitlines()[0] == "a3 · vip: no, as of 31 Mar 2026"
    assert "  revenue >= 100                              yes" in said
    assert "    last_order: last(order.time)                     1 Jun 2025, 09:00" in said
    assert "What would change it, each by itself:" in said


def test_why_of_a_label_says_what_would_lead_to_another(shell: Shell, tiny: Path) -> None:
    said = shell("why", "a3", "lifecycle", "--json", dir=tiny).json
    assert said["reason"]["value"] == "lapsed"
    assert any("'active'" in change for change in said["changes"])


def test_sql_names_the_file_to_open(shell: Shell, tiny: Path) -> None:
    first, *rest = shell("sql", "vip", dir=tiny).out.splitlines()
    assert first == f"-- duckdb -readonly {tiny}/.coterie/cache/results-000001.duckdb"
    assert rest[0] == "SELECT"
    assert rest[-1].endswith(";")


def test_sql_that_needs_the_events_reads_their_files(shell: Shell, tiny: Path) -> None:
    said = shell("sql", "count(order within 7 days) > 0", dir=tiny).out
    assert said.splitlines()[1] == 'WITH "event order" AS ('
    with duckdb.connect(str(tiny / ".coterie/cache/results-000001.duckdb"), read_only=True) as other:
        assert other.execute(said).fetchall() == [("a4",)]


def test_schema_is_the_schema(shell: Shell) -> None:
    assert shell("schema").json == project_schema()


def test_version(shell: Shell) -> None:
    assert shell("--version").out == f"coterie {coterie.__version__}\n"


def test_run_says_what_came_in_and_what_came_out(shell: Shell, tmp_path: Path) -> None:
    folder = shops.write_tiny(tmp_path / "new")
    said = shell("run", dir=folder)
    assert (said.code, said.err) == (0, "")  # no progress where nobody watches
    assert "order         6     5  1 set aside as bad" in said.out
    assert "rows were set aside" in said.out
    assert said.out.splitlines()[-1] == "5 customers as of 31 Mar 2026, revenue 990.75 EUR"
    then = shell("run", "--as-of", "2025-06-30", "--json", dir=folder)
    assert then.json["as_of"] == "2025-06-30T23:59:59"
    assert shell("segments", "--json", dir=folder).json == then.json


@pytest.mark.parametrize("as_of", ["yesterday", "2026-02-30", ""])
def test_run_refuses_what_is_no_date(shell: Shell, tmp_path: Path, as_of: str) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    said = shell("run", "--as-of", as_of, dir=folder)
    assert (said.code, said.out) == (1, "")
    assert "E170" in said.err
    assert "stale" not in shell("segments", dir=folder).out  # a mistyped command is no failed run


def test_check_and_fmt(shell: Shell, tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    said = shell("check", dir=folder)
    assert said.out == f"{folder}/coterie.yaml is right: 3 traits, 4 segments, 1 segmentation\n"
    assert shell("check", "--json", dir=folder).json == {
        "ok": True, "traits": 3, "segments": 4, "segmentations": 1, "notices": [],
    }  # fmt: skip
    text = (folder / "coterie.yaml").read_text()
    would = shell("fmt", "--check", dir=folder)
    assert (would.code, (folder / "coterie.yaml").read_text()) == (1, text)
    assert shell("fmt", dir=folder).code == 0
    assert shell("fmt", "--check", dir=folder).code == 0
    assert (folder / "coterie.yaml").read_text() != text
    assert shell("check", dir=folder).code == 0


def test_init_writes_a_project_that_runs(shell: Shell, tmp_path: Path) -> None:
    folder = shops.write_tiny(tmp_path / "new")
    (folder / "coterie.yaml").unlink()
    dates = (folder / "orders.csv").read_text().replace("not a date", "2026-01-05 12:00:00")
    (folder / "orders.csv").write_text(dates)
    files = [str(folder / "customers.csv"), str(folder / "orders.csv")]
    said = shell("init", *files, dir=folder)
    assert (said.code, said.err) == (0, "")
    assert "this data supports" in said.out
    assert "not yet, and what it would need" in said.out
    assert f"Next: coterie run --dir {folder}" in said.out
    again = shell("init", *files, dir=folder)
    assert (again.code, again.err.startswith("E482 ")) == (1, True)
    assert shell("init", *files, "--force", dir=folder).code == 0
    assert shell("run", dir=folder).code == 0


def test_demo_says_what_it_wrote(shell: Shell, tmp_path: Path) -> None:
    said = shell("demo", str(tmp_path / "shop"), "--customers", "20")
    assert said.code == 0
    assert "20  one row per customer" in said.out
    assert said.out.splitlines()[-1].endswith(f"Next: coterie run --dir {tmp_path}/shop")


def test_export_to_the_screen(capsysbinary: pytest.CaptureFixture[bytes], tiny: Path) -> None:
    from coterie.cli.app import execute

    assert execute(["export", "vip", "--columns", "country,german", "--out", "-", "--dir", str(tiny)]) == 0
    out, err = capsysbinary.readouterr()
    assert out == b"customer,country,german\r\na1,DE,true\r\na2,FR,false\r\na4,,\r\n"
    assert err == b""


def test_export_to_a_file(shell: Shell, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell("export", "vip", dir=tiny).err == "3 customers in vip.csv\n"
    again = shell("export", "vip", dir=tiny)
    assert (again.code, again.err.splitlines()[0]) == (1, "E521 vip.csv is there already")
    assert shell("export", "vip", "--force", dir=tiny).code == 0
    assert shell("export", '"; drop table', "--format", "jsonl", dir=tiny).err == "1 customer in drop_table.jsonl\n"
    assert shell("export", "vip", "--out", "x.parquet", dir=tiny).code == 0
    assert (tmp_path / "x.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize(
    "arguments",
    [(), ("nonsense",), ("count",), ("count", "true", "--nonsense"), ("why", "a1"), ("quarantine", "--limit", "many"), ("init",)],
)
def test_what_is_no_command_is_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    said = shell(*arguments)
    assert said.code == 2
    assert "Traceback" not in said.err
