"""include and exclude on the command line."""

from pathlib import Path

from tests import shops
from tests.cli.calling import Shell


def test_include_and_exclude(tmp_path: Path, shell: Shell) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "tiny")
    done = shell("include", "vip", "a5", "zz", "--reason", "a friend", "--author", "Ann", "--until", "2999-12-31", dir=folder)
    assert done.code == 0
    assert done.out.splitlines()[:2] == ["1 customer included by hand: vip", "1 not a customer: zz"]
    assert shell("run", dir=folder).code == 0
    assert "included by hand by Ann until 31 Dec 2999: a friend" in shell("why", "a5", "vip", dir=folder).out
    assert shell("include", "vip", "a5", dir=folder).code == 2
    assert shell("include", "vip", "a5", "--reason", "x", "--until", "soon", dir=folder).code == 2
    assert shell("exclude", "vip", "zz", "--reason", "x", dir=folder).code == 1
    assert shell("include", "vip", "a5", "--remove", "--json", dir=folder).json["removed"] is True
