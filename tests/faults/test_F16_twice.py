"""F16, F20, F22, F24: the same ids at once from many; more than can be taken; every item has an outcome."""

import json
import threading
from pathlib import Path

from tests.faults.loads import order
from tests.server.serving import now_key, serving, stored


def test_many_send_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    items = [order(str(i), i % 7, i) for i in range(500)]
    totals = {"stored": 0, "duplicate": 0}
    lock = threading.Lock()
    with serving(folder, key=now_key(folder)) as service:

        def send(number: int) -> None:
            for start in range(0, 500, 50):
                status, said = service.batch(items[(start + number * 50) % 500 :][:50])
                assert status == 200
                with lock:
                    for name in totals:
                        totals[name] += said[name]

        threads = [threading.Thread(target=send, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert service.stop() == 0
    assert totals == {"stored": 500, "duplicate": 9500}
    assert stored(folder) == {str(i): 1 for i in range(500)}


def test_more_than_can_be_taken_is_told_to_come_again(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    codes: list[int] = []
    acknowledged: set[str] = set()
    lock = threading.Lock()
    with serving(folder, "--requests", "2", key=now_key(folder)) as service:

        def send(number: int) -> None:
            for i in range(20):
                items = [order(f"{number}-{i}-{n}", n, n) for n in range(20)]
                status, said = service.batch(items)
                with lock:
                    codes.append(status)
                    if status == 200:
                        acknowledged.update(str(item["messageId"]) for item in items)
                    else:
                        assert said["code"] == "queue"

        threads = [threading.Thread(target=send, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(codes) == {200, 503}
        assert service.batch([order("last", 1, 1)])[0] == 200
        assert service.stop() == 0
    assert acknowledged | {"last"} == set(stored(folder))


def test_every_item_has_one_outcome(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    with serving(folder, key=now_key(folder)) as service:
        for k in range(12):
            items = [order(f"{k}-{i}", i, i) if i % 12 >= k else {"type": "nonsense", "n": i} for i in range(24)]
            status, said = service.post("/v1/batch", json.dumps({"batch": items, "writeKey": service.key}).encode())
            assert status == 200
            assert said["stored"] + said["duplicate"] + said["conflict"] + said["quarantined"] == 24
            assert said["quarantined"] == 2 * k
            assert [i["index"] for i in said.get("items", [])] == [i for i in range(24) if i % 12 < k]
