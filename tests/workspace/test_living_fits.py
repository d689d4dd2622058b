"""Fitted values of one customer, by what was learned from everybody, are those that the run found for all."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.language.evaluate import Evaluation, Missing
from coterie.live.log import Log
from coterie.live.people import People
from coterie.workspace.living import Living, people
from coterie.workspace.messages import LOG
from tests.models import buyers

MORE = """
segments:
  top: percentile(revenue) >= 0.9
  third: quantile(revenue by country, 3) = 3
  first_fifty: rank(orders) <= 50
  best_recency: value.r >= 4 and value != 'Champions'
"""


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Living:
    folder: Path = tmp_path_factory.mktemp("buyers")
    buyers.write(folder)
    file = folder / "coterie.yaml"
    text = (
        file.read_text()
        .replace("segments:\n", MORE.lstrip(), 1)
        .replace("segmentations:\n", "segmentations:\n  value: rfm(order.time, order.amount)\n")
    )
    text = text.replace("order_id, options", "order_id, live: Order Completed, options")
    file.write_text(text)
    space = coterie.open(folder)
    space.run()
    return Living(space.results)


def test_one_customer_has_what_the_run_found_for_all(living: Living) -> None:
    made = living.results.made
    with Log.open(living.results.cache.parent / "record" / LOG, clock=lambda: datetime(2026, 7, 1), tables=People.tables) as log:
        of = people(living, log)
        everybody = [str(c) for c in living.everybody().column("customer").to_pylist()]
        known = living.known(everybody)
        differ, scored = [], set()
        with log.applying(0) as tx:
            of.open(tx, made.as_of)
            for customer in everybody:
                found = of.asked(tx, customer, made.as_of)
                assert found is not None
                _, person, evaluation = found
                mine = answers(of, evaluation)
                scored |= set(person.scored)
                differ += [(customer, n, mine[n], v) for n, v in known[customer].answers.items() if mine[n] != v]
    assert not differ, differ[:5]
    assert {"next_year", "buys_soon", "value", "value.r", "alike"} <= scored


def answers(of: People, evaluation: Evaluation) -> dict[str, Any]:
    found = {n: evaluation.definition(n) for n in (*of.project.segments, *of.project.segmentations)}
    return {n: None if isinstance(v, Missing) else v for n, v in found.items()}
