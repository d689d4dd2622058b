"""A service renews what it stands on: at night, and when the project file has changed; a broken file changes nothing."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

import coterie
from coterie.workspace.renewing import Renewal, Renewing, run_beside

GOOD = """timezone: Europe/Berlin
sources:
  customers: {path: customers.csv, id: id}
segments:
  germans: country = 'DE'
"""


class Clock:
    def __init__(self, now: str):
        self.now = datetime.fromisoformat(now)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def shop(tmp_path: Path) -> coterie.Workspace:
    (tmp_path / "customers.csv").write_text("id,country\na,DE\nb,GB\n", encoding="utf-8")
    (tmp_path / "coterie.yaml").write_text(GOOD, encoding="utf-8")
    space = coterie.open(tmp_path)
    space.run()
    return space


def renewing(space: coterie.Workspace, said: list[str], clock: Clock | None = None, **more) -> Renewing:
    return Renewing(space, "Europe/Berlin", clock or Clock("2026-03-01T12:00:00"), said.append, **more)


def change(space: coterie.Workspace, text: str) -> None:
    space.file.write_text(text, encoding="utf-8")


def test_a_changed_project_is_run_once_it_has_settled(shop):
    said: list[str] = []
    watcher = renewing(shop, said)
    watcher.look()
    change(shop, GOOD + "  britons: country = 'GB'\n")
    watcher.look()
    assert shop.store.current().number == 1  # it may still be being written
    watcher.look()
    assert shop.store.current().number == 2
    assert coterie.open(shop.folder).segments.size("britons").inside == 1
    watcher.look()
    assert (watcher.renewal.state, said) == ("served", [])
    assert shop.store.current().number == 2


def test_a_broken_file_changes_nothing_and_shows(shop):
    said: list[str] = []
    watcher = renewing(shop, said)
    change(shop, GOOD + "  british: contry = 'GB'\n")
    for _ in range(4):
        watcher.look()
    assert shop.store.current().number == 1
    assert watcher.renewal.state == "refused"
    assert watcher.renewal.said is not None
    assert "contry" in watcher.renewal.said
    assert "country" in watcher.renewal.said  # what was probably meant
    assert len(said) == 1  # told once, not each second
    change(shop, GOOD)
    watcher.look()
    assert watcher.renewal == Renewal()


def test_a_file_that_is_gone_is_said_and_nothing_changes(shop):
    said: list[str] = []
    watcher = renewing(shop, said)
    shop.file.unlink()
    for _ in range(3):
        watcher.look()
    assert watcher.renewal.state == "refused"
    assert "no project file" in (watcher.renewal.said or "")
    assert shop.store.current().number == 1


def test_the_nightly_run_comes_a_minute_after_local_midnight_and_once(shop):
    ran: list[Path] = []
    clock = Clock("2026-03-28T22:30:00")  # 23:30 in Berlin; the night after this one, clocks go forward
    watcher = renewing(shop, [], clock, run=lambda folder: ran.append(folder))
    for minutes, runs in ((30, 0), (1, 1), (600, 1), (13 * 60, 2)):
        clock.now += timedelta(minutes=minutes)
        watcher.look()
        assert len(ran) == runs, minutes


def test_each_can_be_left_to_others(shop):
    ran: list[Path] = []
    clock = Clock("2026-03-28T22:30:00")
    watcher = renewing(shop, [], clock, run=lambda folder: ran.append(folder), nightly=False, watching=False)
    change(shop, GOOD + "  britons: country = 'GB'\n")
    clock.now += timedelta(days=2)
    watcher.look()
    watcher.look()
    assert ran == []


def test_where_nothing_has_been_run_the_first_run_is_somebodys_own(tmp_path):
    (tmp_path / "coterie.yaml").write_text(GOOD, encoding="utf-8")
    ran: list[Path] = []
    watcher = renewing(coterie.open(tmp_path), [], run=lambda folder: ran.append(folder))
    for _ in range(3):
        watcher.look()
    assert ran == []


def test_a_run_beside_says_why_it_failed(tmp_path):
    assert "no project file" in (run_beside(tmp_path) or "")
