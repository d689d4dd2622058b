"""The lifestyles planted in the demo shop, found by what customers spend their orders on: clearly, blurred, and not at all."""

from pathlib import Path

import pytest
from sklearn.metrics import adjusted_rand_score

import coterie
from coterie.workspace.demo import write_demo
from coterie.workspace.demo.groups import CATEGORIES, LIFESTYLES

LINES = 5
"""Fewer lines than these say little about what somebody likes."""


def project() -> str:
    """Of each category its share of what a customer bought."""
    names = [f"share_{place}" for place in range(len(CATEGORIES))]
    bought = zip(names, CATEGORIES, strict=True)
    shares = [f"  {n}: case when lines >= {LINES} then count(line where category = '{c}') / lines end\n" for n, c in bought]
    return f"""\
project: lifestyles
timezone: Europe/London
as_of: 2026-09-30
sources:
  customers: {{path: customers.csv, id: customer_id}}
  line: {{path: order_lines.csv, customer: customer_id, time: ordered_at}}
traits:
  lines: count(line)
{"".join(shares)}segmentations:
  lifestyle: clusters({", ".join(names)})
"""


@pytest.mark.parametrize(
    ("separation", "seed", "least", "groups"),
    [(1.0, 7, 0.9, 4), (1.0, 8, 0.9, 4), (0.5, 7, 0.6, 4), (0.5, 8, 0.6, 4), (0.0, 7, None, 0)],
)
def test_lifestyles_are_found_as_far_as_they_are_apart(
    tmp_path: Path, separation: float, seed: int, least: float | None, groups: int
) -> None:
    shop = write_demo(tmp_path, 2000, seed=seed, separation=separation)
    (tmp_path / "coterie.yaml").write_text(project(), encoding="utf-8")
    workspace = coterie.open(tmp_path)
    workspace.run()
    fit = workspace.models["lifestyle"].fit
    assert fit is not None
    assert len(fit.told["tables"]["groups"]) == groups
    if least is None:
        assert "There are no groups" in fit.told["verdict"]
        return
    rows = workspace.results.engine.rows(
        'SELECT customer, "lifestyle.key" FROM traits WHERE "lifestyle.key" IS NOT NULL ORDER BY 1'
    )
    planted = shop.truth.lifestyle[[int(str(who)[1:]) - 1 for who, _ in rows]]
    assert len(rows) > 900
    assert set(planted.tolist()) == set(range(len(LIFESTYLES)))
    assert adjusted_rand_score(planted, [key for _, key in rows]) >= least
