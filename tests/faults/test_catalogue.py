"""The list of faults is whole, and what it names is there."""

import ast
import json
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from coterie.core.errors import StoreError
from coterie.live.backup import MANIFEST, backup, restore
from coterie.live.log import Log
from tests.faults.catalogue import COVERED, LEFT, NONE
from tests.live.sent import NOW, track

TESTS = Path(__file__).resolve().parent.parent
NUMBERS = [f"F{n:02}" for n in (*range(1, 33), *range(50, 83))]


@cache
def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("number", NUMBERS)
def test_every_fault_has_its_tests_or_a_reason(number: str) -> None:
    assert (number in COVERED) + (number in NONE) == 1 or number in LEFT
    for named in COVERED.get(number, ("", ()))[1]:
        path, _, function = named.partition("::")
        assert (TESTS / path).is_file(), named
        assert not function or function in functions(TESTS / path), named


def test_files_are_named_for_faults_of_the_list() -> None:
    named = {re.match(r"test_(F\d\d)_", path.name)[1] for path in Path(__file__).parent.glob("test_F*.py")}  # type: ignore[index]
    assert named <= set(COVERED)


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "sealed/../../outside", "..\\outside"])
def test_a_backup_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with Log.open(tmp_path / "live", lambda: NOW) as log:
        log.accept("web", [track(1)])
    kept = backup(tmp_path / "live", tmp_path / "kept", NOW).folder
    said = json.loads((kept / MANIFEST).read_text())
    (tmp_path / "outside").write_text("x")
    said["files"][name] = {"bytes": 1, "sha256": sha256(b"x").hexdigest()}
    (kept / MANIFEST).write_text(json.dumps(said))
    with pytest.raises(StoreError):
        restore(kept, tmp_path / "new")
    assert not (tmp_path / "new" / "log.sqlite").exists()
