"""The commands of the service: serve (as a process, in tests/server), verify, backup, restore."""

from pathlib import Path

import pytest

from coterie.cli.app import execute
from coterie.core.errors import CoterieError
from coterie.live.log import FILE, Log
from coterie.workspace.serving import LIVE, check_address, is_loopback
from tests.live.sent import NOW, track


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "coterie.yaml").write_text("timezone: UTC\nsources: {}\n")
    with Log.open(tmp_path / LIVE, lambda: NOW) as log:
        log.accept("web", [track(i) for i in range(1200)])
    return tmp_path


def test_events_are_saved_brought_back_and_verified(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved, other = str(tmp_path / "saved"), tmp_path / "other"
    other.mkdir()
    (other / "coterie.yaml").write_text("timezone: UTC\nsources: {}\n")
    assert execute(["backup", saved, "--dir", str(project)]) == 0
    assert execute(["restore", saved, "--dir", str(other)]) == 0
    assert execute(["verify", "--dir", str(other)]) == 0
    assert "1,200 events were looked at, up to position 1,200" in capsys.readouterr().out
    path = other / LIVE / FILE
    path.write_bytes(path.read_bytes().replace(b'"order_id":"o77"', b'"order_id":"o78"'))
    assert execute(["verify", "--dir", str(other)]) == 1
    assert "the event at position 78 is not as it was written" in capsys.readouterr().out
    assert execute(["restore", saved, "--dir", str(other)]) == 1
    assert "already" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["verify"], ["backup", "x"], ["restore", "x"], ["serve"]])
def test_where_there_is_nothing(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([*command, "--dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("E")
    assert not (tmp_path / ".coterie").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.3.4.5"])
def test_this_machine_alone(host: str) -> None:
    assert is_loopback(host)
    check_address(host, encrypted=False, proxied=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", "", "2130706433"])
def test_others_need_tls_or_a_proxy(host: str) -> None:
    with pytest.raises(CoterieError) as found:
        check_address(host, encrypted=False, proxied=False)
    assert found.value.code == "E661"
    check_address(host, encrypted=True, proxied=False)
    check_address(host, encrypted=False, proxied=True)


def test_another_address_is_refused_before_anything_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "coterie.yaml").write_text("timezone: UTC\nsources: {}\n")
    assert execute(["serve", "--host", "0.0.0.0", "--dir", str(tmp_path)]) == 1
    assert "E661" in capsys.readouterr().err
    assert not (tmp_path / ".coterie").exists()
