"""`coterie report` as a shell calls it."""

import re
from pathlib import Path

from tests import shops
from tests.cli.calling import Shell


def test_the_command(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "page.html"
    done = shell("report", "--out", str(out), dir=shops.demo())
    assert done.code == 0
    assert re.fullmatch(rf"{re.escape(out.as_posix())}: 1\.\d MB, 18 sections, no ids in it\n", done.out)
    said = shell("report", "--members", "--json", "--out", str(out), dir=shops.demo()).json
    assert said == {"file": out.as_posix(), "bytes": out.stat().st_size, "members": True, "sections": said["sections"]}
    assert said["sections"][-1] == "members"
    (tmp_path / "file").write_text("")
    wrong = shell("report", "--out", str(tmp_path / "file" / "page.html"), dir=shops.demo())
    assert wrong.code == 1
    assert "cannot be written" in wrong.err
