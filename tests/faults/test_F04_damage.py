"""F04, F15: files that were cut, zeroed or changed. The log opens with everything, or says what is gone; it never ends in a loop,
and never says nothing."""

import random
import shutil
import struct
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from benchmarks.figures import at_most
from coterie.core.errors import StoreError
from coterie.live.log import FILE, MARK, Damaged, Log
from coterie.live.verify import verify
from coterie.live.wal import FRAME, HEADER, examined
from tests.live.sent import NOW, track

WAL = f"{FILE}-wal"
FILES = (FILE, WAL, MARK)
PAGE = 4096 + FRAME
EVENTS = 400
QUICK = 20
"""Mutations of a kind in a quick run."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed process leaves behind: some of it in the database, most in the write-ahead file."""
    folder = tmp_path_factory.mktemp("left")
    log = Log.open(folder / "at-work", lambda: NOW)
    for i in range(0, EVENTS, 4):
        log.accept("web", [track(n) for n in range(i, i + 4)])
        if i == EVENTS // 4:
            log.checkpoint(whole=True)
    (folder / "kept").mkdir()
    for name in FILES:
        shutil.copy(folder / "at-work" / name, folder / "kept" / name)
    log.close()
    return folder / "kept"


def copied(left: Path, to: Path) -> Path:
    shutil.copytree(left, to)
    return to


def test_what_was_left_opens_whole(left: Path, tmp_path: Path) -> None:
    found = examined(left / WAL)
    assert (found.bad, found.later) == (None, 0)
    assert found.commits == EVENTS // 4 - EVENTS // 16 - 1
    with Log.open(copied(left, tmp_path / "x"), lambda: NOW) as log:
        assert not log.clean
        assert len(log.read(0, EVENTS + 1)) == log.position == EVENTS


def cut(data: bytearray, choose: random.Random) -> None:
    del data[choose.randrange(len(data)) :]


def cut_at_a_frame(data: bytearray, choose: random.Random) -> None:
    del data[HEADER + PAGE * choose.randrange(len(data) // PAGE) :]


def zero_the_end(data: bytearray, choose: random.Random) -> None:
    place = choose.randrange(len(data))
    data[place:] = bytes(len(data) - place)


def flip(data: bytearray, choose: random.Random) -> None:
    data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)


def repeat_a_frame(data: bytearray, choose: random.Random) -> None:
    frames = (len(data) - HEADER) // PAGE
    source, target = (HEADER + PAGE * choose.randrange(frames) for _ in range(2))
    data[target : target + PAGE] = data[source : source + PAGE]


def stale_salt(data: bytearray, choose: random.Random) -> None:
    place = HEADER + PAGE * choose.randrange((len(data) - HEADER) // PAGE) + 8
    data[place : place + 4] = struct.pack(">I", choose.randrange(2**32))


def opened(folder: Path) -> tuple[int, Damaged | None]:
    """How many events a start finds, and what it says is gone."""
    try:
        with Log.open(folder, lambda: NOW) as log:
            return len(log.read(0, EVENTS + 1)), None
    except Damaged as error:
        return 0, error


Damage = Callable[[bytearray, random.Random], None]
KINDS: list[Damage] = [cut, cut_at_a_frame, zero_the_end, flip, repeat_a_frame, stale_salt]


@pytest.mark.parametrize("damage", KINDS)
def test_a_damaged_write_ahead_file(left: Path, tmp_path: Path, damage: Damage) -> None:
    choose = random.Random(damage.__name__)
    refused = [damaged(copied(left, tmp_path / str(i)), damage, choose) for i in range(QUICK)]
    assert any(refused)


def damaged(folder: Path, damage: Damage, choose: random.Random) -> bool:
    """Damages a write-ahead file: whether a start refused it. Where it did not, everything is there; where it did, it said exactly
    what is gone, and goes on without that when it is told to."""
    data = bytearray((folder / WAL).read_bytes())
    damage(data, choose)
    (folder / WAL).write_bytes(data)
    count, error = opened(folder)
    if error is None:
        assert count == EVENTS
        return False
    assert error.last == EVENTS
    assert error.aside is not None
    assert (error.aside / WAL).read_bytes() == data
    again = opened(folder)[1]  # the same once more, and no second copy
    assert again is not None
    assert (again.first, again.last, again.aside) == (error.first, error.last, error.aside)
    with Log.open(folder, lambda: NOW, accept_loss=True) as log:
        there = log.read(0, EVENTS + 1)
        assert [e.position for e in there] == list(range(1, error.first))
        assert log.accept("web", [track(EVENTS - 1)])[0].position == EVENTS + 1
        assert [e.message for e in there] == [track(n) for n in range(error.first - 1)]
    assert verify(folder).wrong == ()
    assert verify(folder).lost
    with Log.open(folder, lambda: NOW) as log:
        assert log.position == EVENTS + 1
    return True


def test_a_log_that_says_nothing_would_be_found_out(left: Path, tmp_path: Path) -> None:
    """SQLite alone opens a file with a changed byte in the middle, and what came after is gone without a word."""
    folder = copied(left, tmp_path / "x")
    data = bytearray((folder / WAL).read_bytes())
    data[HEADER + 10 * PAGE + 100] ^= 1
    (folder / WAL).write_bytes(data)
    assert examined(folder / WAL).later > 1
    with apsw.Connection(str(folder / FILE)) as db:
        (count,) = db.execute("SELECT count(*) FROM events").fetchone() or (0,)
        assert int(str(count)) < EVENTS
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_without_the_mark_a_changed_byte_is_told_too(left: Path, tmp_path: Path) -> None:
    folder = copied(left, tmp_path / "x")
    (folder / MARK).unlink()
    data = bytearray((folder / WAL).read_bytes())
    data[HEADER + 10 * PAGE + 100] ^= 1
    (folder / WAL).write_bytes(data)
    error = opened(folder)[1]
    assert error is not None
    assert "how many is not known" in error.message


def test_an_unfinished_write_at_the_end_is_no_loss(left: Path, tmp_path: Path) -> None:
    folder = copied(left, tmp_path / "x")
    with (folder / WAL).open("ab") as file:
        file.write((folder / WAL).read_bytes()[HEADER : HEADER + PAGE // 2])
    assert opened(folder) == (EVENTS, None)


@pytest.fixture
def rest(left: Path, tmp_path: Path) -> Path:
    """A log that was closed: everything is in the database."""
    folder = copied(left, tmp_path / "rest")
    Log.open(folder, lambda: NOW).close()
    return folder


def test_a_changed_byte_at_rest_is_named(rest: Path) -> None:
    whole, choose = (rest / FILE).read_bytes(), random.Random(1)
    for _ in range(QUICK):
        changed(rest, whole, choose)


def changed(folder: Path, whole: bytes, choose: random.Random) -> None:
    """One byte somewhere in the text of an event, in the database."""
    number = choose.randrange(EVENTS)
    body = track(number).to_json()
    place = whole.index(body) + choose.randrange(len(body))
    (folder / FILE).write_bytes(whole[:place] + bytes([whole[place] ^ (1 << choose.randrange(7))]) + whole[place + 1 :])
    assert any(f"position {number + 1:,} " in said for said in verify(folder).wrong)


def test_any_changed_byte_of_the_database_ends_in_an_answer(rest: Path) -> None:
    whole, choose = (rest / FILE).read_bytes(), random.Random(2)
    for _ in range(QUICK):
        flipped(rest, whole, choose)


def flipped(folder: Path, whole: bytes, choose: random.Random) -> None:
    """One bit anywhere in the database: it is told, or everything is there."""
    data = bytearray(whole)
    flip(data, choose)
    (folder / FILE).write_bytes(data)
    (folder / WAL).unlink(missing_ok=True)
    try:
        found = verify(folder)
    except StoreError:
        return
    if not found.wrong:
        with Log.open(folder, lambda: NOW) as log:
            assert [e.message for e in log.read(0, EVENTS + 1)] == [track(n) for n in range(EVENTS)]


@pytest.mark.long
def test_five_hundred_mutations(left: Path, rest: Path, tmp_path: Path, figure: Callable[..., Any]) -> None:
    choose = random.Random(500)
    whole = (rest / FILE).read_bytes()
    trials: list[Callable[[], object]] = []
    for kind in KINDS:
        trials += [partial(damaged, copied(left, tmp_path / f"{kind.__name__}-{i}"), kind, choose) for i in range(50)]
    trials += [partial(changed, rest, whole, choose)] * 100 + [partial(flipped, rest, whole, choose)] * 100
    silent = 0
    for trial in trials:
        try:
            trial()
        except Exception:  # whatever a mutation brings about but an answer
            traceback.print_exc()
            silent += 1
    figure("live.mutations", silent, "neither whole nor told", goal=at_most(0), n=len(trials))
    assert silent == 0
