"""F08, F12: two services of one folder; a service that is asked to stop."""

import threading
from pathlib import Path

import pytest

from coterie.core.errors import StoreError
from tests.faults.loads import Client
from tests.server.serving import now_key, serving, started, stored


def test_one_of_two_serves(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    key = now_key(folder)
    with serving(folder, key=key) as first:
        with pytest.raises(StoreError, match=f"process {first.process.pid}") as found:
            started(folder, key=key)
        assert found.value.code == "75"
        assert first.batch([{"type": "track", "event": "x", "userId": "u"}])[0] == 200
        first.kill()
        with serving(folder, key=key) as second:  # at once: the lock died with its holder
            assert second.batch([{"type": "track", "event": "x", "userId": "u"}])[0] == 200


def test_a_stop_under_load_answers_everybody(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    key = now_key(folder)
    acknowledged: set[str] = set()
    for round_ in range(3):
        service = started(folder, "--apply", key=key)
        clients = [Client(service, i, round_ * 100 + i, []) for i in range(4)]
        for client in clients:
            client.start()
        threading.Event().wait(0.3)
        assert service.stop() == 0
        for client in clients:
            client.join(30)
            acknowledged |= client.acknowledged
        assert not (folder / "log.sqlite-wal").exists()
    assert acknowledged <= set(stored(folder))
    assert acknowledged
