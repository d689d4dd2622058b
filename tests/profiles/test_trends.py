"""Sizes and means over recorded days: intervals that cover, changes of level where they are, segments that stand still."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from coterie.profiles.apart import Apart
from coterie.profiles.jumps import jumps_of_means
from coterie.profiles.scorecard import Evidence, Stay, scorecard
from coterie.profiles.trends import of_means, of_sizes

START = datetime(2026, 1, 1)


def means(rng: np.random.Generator, levels: list[float], n: int = 100) -> list[tuple[datetime, float, float]]:
    out = []
    for i, level in enumerate(levels):
        paid = level * rng.lognormal(-0.5, 1, n)
        out.append((START + timedelta(days=30 * i), float(paid.mean()), float(paid.std(ddof=1) / np.sqrt(n))))
    return out


def test_a_level_that_stays_has_hardly_a_jump_and_a_change_is_found_where_it_is() -> None:
    alarms = found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        alarms += bool(jumps_of_means(means(rng, [50.0] * 18)))
        jumped = jumps_of_means(means(rng, [50.0] * 9 + [130.0] * 9, 200))
        found += [abs(j.index - 9) <= 1 for j in jumped] == [True]
    assert alarms <= 8
    assert found >= 85


def test_the_change_from_first_to_last_is_chance_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    sizes = [of_sizes("n", [(START, int(a)), (START + timedelta(days=9), int(b))]) for a, b in rng.poisson(200, (600, 2))]
    moved = sum(t.change is not None and t.change[1] for t in sizes)
    assert 10 <= moved <= 50
    paid = [of_means("spend", means(rng, [50.0, 50.0], 200)).change for _ in range(400)]
    assert 6 <= sum(c is not None and c[1] for c in paid) <= 36


def test_intervals_of_sizes_cover() -> None:
    rng = np.random.default_rng(8)
    points = [of_sizes("n", [(START, int(n))]).points[0] for n in rng.poisson(40, 2000)]
    assert 0.93 <= np.mean([p.low <= 40 <= p.high for p in points]) <= 0.97
    assert of_sizes("n", [(START, 0)]).points[0].low == 0
    assert of_sizes("n", [(START, 5)]).change is None


def test_a_segment_is_stale_when_nobody_moves_nothing_names_it_and_its_rule_is_old() -> None:
    def stays(*turned: tuple[int, int]) -> list[Stay]:
        days = [START + timedelta(days=30 * i) for i in range(len(turned) + 1)]
        return [Stay(a, b, 50, *t) for a, b, t in zip(days, days[1:], turned, strict=False)]

    apart = Apart("s", 50, 500, (), (), "not compared")
    still = Evidence("s", 550, 50, 0, {}, [], None, None, {}, apart, frozenset(), stays((3, 1), (0, 0), (0, 0), (0, 0)))
    assert "for 90 days" in scorecard(still).stale
    assert not scorecard(replace(still, used_by=("other",))).stale
    assert not scorecard(replace(still, stays=stays((0, 0), (0, 0), (0, 1)))).stale
    assert not scorecard(replace(still, stays=stays((0, 0)))).stale
    assert not scorecard(replace(still, stays=())).stale


def test_relative_change_is_that_of_the_ends() -> None:
    change = of_sizes("n", [(START, 100), (START + timedelta(days=1), 90), (START + timedelta(days=2), 400)]).change
    assert change is not None
    assert change[0] == pytest.approx(3.0)
    assert change[1]
