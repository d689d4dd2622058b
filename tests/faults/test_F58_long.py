"""F58: a question that would take for ever is ended; nobody else waits for it."""

import threading
import time

import pytest

from coterie.workspace.results import Results
from tests.server.api.conftest import folder as folder  # noqa: PLC0414 - the shop, as the API's tests have it
from tests.server.api.conftest import ran as ran  # noqa: PLC0414
from tests.server.api.conftest import shop as shop  # noqa: PLC0414
from tests.server.api.shop import Shop

LIMIT = 0.5
ENDLESS = "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b WHERE (a.range + b.range) % 7 = 3"


def test_a_preview_that_takes_too_long_is_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    api = shop.service.asked
    assert api is not None
    api.patience = LIMIT
    count, began = Results.count, threading.Event()

    def endless(self: Results, expression: str) -> object:
        if "999" in expression:
            began.set()
            self.engine.rows(ENDLESS)
        return count(self, expression)

    monkeypatch.setattr(Results, "count", endless)
    answers = []
    asked = threading.Thread(target=lambda: answers.append(shop.post("segments/preview", {"expression": "orders >= 999"})))
    start = time.monotonic()
    asked.start()
    assert began.wait(10)
    position = shop.order("c02", 5)  # meanwhile
    assert shop.get("customers/c02", wait=position).json()["traits"]["orders"] == 3
    asked.join(20)
    assert time.monotonic() - start < LIMIT + 3
    assert (answers[0].status_code, answers[0].json()["code"]) == (422, "too_long")
    for _ in range(3):  # the next one is not ended for it
        assert shop.post("segments/preview", {"expression": "orders >= 1"}).json()["size"]["in"] == 15


def test_without_a_limit_it_would_not_end(shop: Shop) -> None:
    """What the limit is held against takes longer than any test waits."""
    assert shop.service.asked is not None
    results = shop.service.parts.asking.standing.results  # type: ignore[union-attr]
    timer = threading.Timer(3 * LIMIT, results.engine.interrupt)  # type: ignore[union-attr]
    timer.start()
    began = time.monotonic()
    with pytest.raises(Exception, match="nterrupt"):
        results.engine.rows(ENDLESS)
    assert time.monotonic() - began > 2 * LIMIT
