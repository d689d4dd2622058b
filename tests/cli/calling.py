"""Commands called in this process, as a shell would call them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from coterie.cli.app import execute


class Said(NamedTuple):
    """What a command gave: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Calls commands on the project of a folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]):
        self.capsys = capsys

    def __call__(self, *arguments: str, dir: Path | None = None) -> Said:
        self.capsys.readouterr()
        code = execute([*arguments, *([] if dir is None else ["--dir", str(dir)])])
        out, err = self.capsys.readouterr()
        return Said(code, out, err)
