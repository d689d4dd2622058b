"""What may not be read or written is said with its name, before any work, whoever runs the project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.spark.projects import write_project

COTERIE = Path(sys.executable).with_name("coterie")
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""Root may read and write anything, unless it is told to ask like anybody else."""


def bound() -> list[str]:
    if os.name != "posix":
        pytest.skip("permissions are those of POSIX")
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None or subprocess.run([*BOUND, "true"], capture_output=True, check=False).returncode:
        pytest.skip("run by root, who may do anything here")
    return BOUND


def run(folder: Path, engine: str = "duckdb") -> tuple[int, str]:
    """`coterie run` by somebody who is bound by permissions → exit code, what it says on stderr."""
    command = [*bound(), str(COTERIE), "run", "--quiet", "--dir", str(folder)]
    did = subprocess.run(command, env={**os.environ, "COTERIE_ENGINE": engine}, capture_output=True, text=True, check=False)
    return did.returncode, did.stderr


def unreadable(path: str) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        (folder / path).chmod(0o000)

    return made


def below(folder: Path) -> None:
    (folder / "visits" / "deep").mkdir()
    shutil.copy(folder / "visits" / "0.csv", folder / "visits" / "deep" / "9.csv")
    (folder / "visits" / "deep").chmod(0o000)


def unwritable(path: str) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        (folder / path).mkdir(parents=True, exist_ok=True)
        (folder / path).chmod(0o555)

    return made


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a file": (unreadable("orders.csv"), "E218 {}/orders.csv cannot be read: permission denied"),
    "a folder": (unreadable("visits"), "E218 {}/visits cannot be read: permission denied"),
    "a folder below": (below, "E218 {}/visits/deep cannot be read: permission denied"),
    "the project": (unreadable("coterie.yaml"), "E180 {}/coterie.yaml cannot be read: permission denied"),
    "no room for results": (unwritable("."), "E500 {}/.coterie cannot be written: permission denied"),
    "the cache": (unwritable(".coterie/cache"), "E500 {}/.coterie/cache/scratch cannot be written: permission denied"),
    "the record": (unwritable(".coterie/record"), "E500 {}/.coterie/record cannot be written: permission denied"),
    "what others read": (
        unwritable(".coterie/results/memberships"),
        "E500 {}/.coterie/results/memberships cannot be written: permission denied",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_may_not_be_used_is_said(case: str, tmp_path: Path) -> None:
    shut, message = CASES[case]
    said_of_it(tmp_path, shut, message, "duckdb")


@pytest.mark.spark
@pytest.mark.parametrize("case", ["a folder below", "what others read"])
def test_it_is_said_on_spark_as_well(case: str, tmp_path: Path) -> None:
    shut, message = CASES[case]
    said_of_it(tmp_path, shut, message, "local[2]")


def said_of_it(tmp_path: Path, shut: Callable[[Path], None], message: str, engine: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    write_project(folder, engine)
    shut(folder)
    try:
        code, said = run(folder, engine)
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
    assert code == 1
    assert message.format(folder) in said
    assert not list(folder.glob(".coterie/cache/results-*"))
