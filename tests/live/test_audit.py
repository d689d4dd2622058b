"""The list of who has changed what: what was changed in it, taken out of it or cut off is noticed."""

from pathlib import Path

import pytest

from coterie.live import audit, webhooks
from coterie.live.backup import backup, restore
from coterie.live.desk import Desk
from coterie.live.log import Log
from coterie.live.verify import verify
from tests.live.sent import NOW, track


def written(folder: Path, *, anchored: bool = True) -> None:
    """A log, and a list of four."""
    with Log.open(folder, lambda: NOW) as log, Desk(folder, lambda: NOW) as desk:
        log.accept("web", [track(1)])
        for n in range(4):
            desk.note("k", f"did {n}")
        end = desk.end()
        assert end is not None
        if anchored:
            log.keep_audited(end)


def harmed(folder: Path, sql: str) -> None:
    with Desk(folder, lambda: NOW) as desk, desk.transaction() as db:
        db.execute(sql)


def test_a_whole_list_is_whole(tmp_path: Path) -> None:
    written(tmp_path)
    assert (verify(tmp_path).wrong, verify(tmp_path).audited) == ((), 4)
    with Desk(tmp_path, lambda: NOW) as desk:
        desk.note("k", "one more, that the log has not heard of")
        assert desk.broken() is None
    assert (verify(tmp_path).wrong, verify(tmp_path).audited) == ((), 5)


HARM = [
    ("DELETE FROM audit WHERE number = 4", 4),
    ("DELETE FROM audit WHERE number > 1", 2),
    ("DELETE FROM audit", 1),
    ("DELETE FROM audit WHERE number = 2", 2),
    ("UPDATE audit SET who = 'x' WHERE number = 4", 4),
    ("UPDATE audit SET about = 'x' WHERE number = 2", 2),
]


@pytest.mark.parametrize(("sql", "first"), HARM)
@pytest.mark.parametrize("left", ["file", "log", "both"])
def test_what_was_done_to_it_is_told(tmp_path: Path, sql: str, first: int, left: str) -> None:
    written(tmp_path, anchored=left != "file")
    if left == "log":
        (tmp_path / audit.FILE).unlink()
    harmed(tmp_path, sql)
    assert verify(tmp_path).wrong == (f"the list of who has changed what is not as it was written from entry {first} on",)


def test_what_is_written_behind_a_cut_does_not_hide_it(tmp_path: Path) -> None:
    written(tmp_path)
    harmed(tmp_path, "DELETE FROM audit WHERE number > 2")
    with Desk(tmp_path, lambda: NOW) as desk:
        for n in range(5):
            desk.note("k", f"other {n}")
        assert desk.broken() == 4
    assert len(verify(tmp_path).wrong) == 1


def test_a_list_that_is_gone_is_missed(tmp_path: Path) -> None:
    written(tmp_path)
    for path in tmp_path.glob("desk.sqlite*"):
        path.unlink()
    assert verify(tmp_path).wrong == ("the list of who has changed what is gone: desk.sqlite is missing",)


def test_a_backup_brings_it_back_and_sends_nothing(tmp_path: Path) -> None:
    written(tmp_path / "here")
    with Desk(tmp_path / "here", lambda: NOW) as desk:
        webhooks.add(desk, "https://example.com/", (), 0, lambda n: bytes(n), frozenset())
    backup(tmp_path / "here", tmp_path / "kept", NOW)
    restore(tmp_path / "kept", tmp_path / "there")
    assert (verify(tmp_path / "there").wrong, verify(tmp_path / "there").audited) == ((), 4)
    with Desk(tmp_path / "there", lambda: NOW) as desk:
        (found,) = webhooks.endpoints(desk)
        assert found.disabled == "it came back from a backup"
        webhooks.enable(desk, found.id)
        assert webhooks.endpoints(desk)[0].disabled is None
