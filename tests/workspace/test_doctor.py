"""What doctor finds, and that it changes nothing."""

from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest

import coterie
from coterie.workspace import doctor
from coterie.workspace.doctor import Finding, size
from tests import shops


def found(folder: Path) -> dict[str, Finding]:
    space = coterie.open(folder)
    try:
        return {f.what: f for f in space.doctor()}
    finally:
        space.close()


def files(folder: Path) -> dict[str, bytes]:
    """What is in a folder, without what SQLite keeps beside an open database."""
    found = (p for p in folder.rglob("*") if p.is_file() and "sqlite-" not in p.name)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shops.copied(shops.tiny(), tmp_path / "copy")


def test_all_is_well(folder: Path) -> None:
    before = files(folder)
    findings = found(folder)
    assert {f.state for f in findings.values()} == {"ok"}
    assert list(findings) == [
        "versions", "time zones", "project file", "folder", "disk", "record", "results", "quarantine", "up to date",
    ]  # fmt: skip
    assert f"coterie {coterie.__version__}, Python 3." in findings["versions"].says
    for name in ("duckdb", "SQLite", "sqlglot", "pyarrow"):
        assert f"{name} " in findings["versions"].says
    assert findings["project file"].says.endswith("2 sources, 3 traits, 4 segments, 1 segmentation")
    assert findings["results"].says.startswith("number 1 is shown; 5 customers, finished 20")
    assert findings["quarantine"].says == "1 row set aside, of order"
    assert findings["record"].says == "whole; 2 files loaded so far"
    assert files(folder) == before


def test_a_damaged_results_file_is_broken_with_a_way_out(folder: Path) -> None:
    path = coterie.open(folder).store.current().path
    path.write_bytes(b"nothing" * 1000)
    finding = found(folder)["results"]
    assert finding.state == "broken"
    assert finding.hint == "delete .coterie/cache and run again: no answer changes by that"


def test_a_pointer_of_a_newer_version_is_named(folder: Path) -> None:
    (folder / ".coterie/cache/current.json").write_text('{"version": 99, "generations": []}')
    finding = found(folder)["results"]
    assert finding.state == "broken"
    assert "newer coterie" in finding.says


def test_what_is_stale(folder: Path) -> None:
    text = (folder / "coterie.yaml").read_text()
    (folder / "coterie.yaml").write_text(text.replace("revenue >= 100", "revenue >= 300"))
    finding = found(folder)["up to date"]
    assert (finding.state, finding.hint) == ("stale", "`coterie run` brings the numbers up to date")
    assert finding.says == "the project file was changed since: changed: vip, german_vip"


def test_a_wrong_project_file_is_broken(folder: Path) -> None:
    (folder / "coterie.yaml").write_text("nonsense: yes\n")
    findings = found(folder)
    assert findings["project file"].state == "broken"
    assert findings["results"].state == "ok"
    assert findings["up to date"].state == "stale"


def test_little_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE", 1 << 60)
    assert found(folder)["disk"].state == "broken"


def test_missing_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("duckdb", "no-such-package"))
    assert found(folder)["versions"].says == "no-such-package not installed"

    def gone(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(doctor, "ZoneInfo", gone)
    assert found(folder)["time zones"].state == "broken"


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    finding = found(folder)["folder"]
    assert (finding.state, "permission denied" in finding.says) == ("broken", True)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 KB"), (5_500_000, "5.5 MB"), (80 * 10**9, "80 GB")]
)
def test_sizes(count: int, said: str) -> None:
    assert size(count) == said


def test_findings_are_json() -> None:
    assert Finding("ok", "a", "b").to_json() == {"state": "ok", "what": "a", "says": "b", "hint": None}
