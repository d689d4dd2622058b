"""Room that is kept back for a start on a disk that others have filled."""

from pathlib import Path

import pytest

from coterie.live.reserve import FILE, PLENTY, SIZE, kept, released
from coterie.workspace.serving import LIVE, served
from tests.workspace.test_living import shop


def test_it_is_kept_where_there_is_plenty(tmp_path: Path) -> None:
    assert not kept(tmp_path, lambda _: PLENTY * SIZE - 1)
    assert not (tmp_path / FILE).exists()
    assert kept(tmp_path, lambda _: PLENTY * SIZE)
    stat = (tmp_path / FILE).stat()
    assert stat.st_size == SIZE
    assert stat.st_blocks * 512 >= SIZE, "the disk has set it aside"
    assert kept(tmp_path, lambda _: 0), "it is there"


def test_it_is_given_up_where_there_is_none(tmp_path: Path) -> None:
    assert not released(tmp_path, lambda _: 0)
    kept(tmp_path)
    assert not released(tmp_path, lambda _: SIZE)
    assert released(tmp_path, lambda _: SIZE - 1)
    assert not (tmp_path / FILE).exists()


def test_a_disk_that_fills_meanwhile_keeps_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    assert not kept(tmp_path, lambda _: PLENTY * SIZE)
    assert not (tmp_path / FILE).exists()


def test_a_service_keeps_it_and_starts_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop(tmp_path).close()
    with served(tmp_path) as found:
        assert (tmp_path / LIVE / FILE).stat().st_size == SIZE
        assert not any("full" in note for note in found.notes)
    monkeypatch.setattr("coterie.live.reserve.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with served(tmp_path) as found:
        assert not (tmp_path / LIVE / FILE).exists()
        assert any("full" in note for note in found.notes)
