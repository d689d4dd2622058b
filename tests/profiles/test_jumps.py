"""Jumps that were planted are found, and noise, drift and growth are none."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import sqrt

import pytest

from coterie.profiles.jumps import jumps

Series = list[tuple[datetime, int]]
Draw = Callable[[random.Random, int], Sequence[float]]


def dated(sizes: Sequence[float]) -> Series:
    return [(datetime(2026, 1, 1) + timedelta(weeks=i), max(0, round(n))) for i, n in enumerate(sizes)]


def noise(r: random.Random, n: int) -> Sequence[float]:
    return [r.gauss(1000, sqrt(1000)) for _ in range(n)]


def wide_noise(r: random.Random, n: int) -> Sequence[float]:
    return [r.gauss(1000, 100) for _ in range(n)]


def growth(r: random.Random, n: int) -> Sequence[float]:
    return [r.gauss(500 + 10 * i, sqrt(500 + 10 * i)) for i in range(n)]


def stock(r: random.Random, n: int) -> Sequence[float]:
    size, out = 1000.0, []
    for _ in range(n):
        size += r.gauss(2, 15)
        out.append(size)
    return out


def constant(r: random.Random, n: int) -> Sequence[float]:
    return [500] * n


@pytest.mark.parametrize("draw", [noise, wide_noise, growth, stock, constant])
@pytest.mark.parametrize("n", [8, 26, 104])
def test_seldom_a_jump_where_there_is_none(draw: Draw, n: int) -> None:
    r = random.Random(n)
    assert sum(bool(jumps(dated(draw(r, n)))) for _ in range(100)) <= 5


@pytest.mark.parametrize("draw", [noise, stock, constant])
@pytest.mark.parametrize(("n", "most"), [(12, 30), (52, 8)])
def test_a_planted_jump_is_found_where_it_is(draw: Draw, n: int, most: int) -> None:
    r, missed = random.Random(n), 0
    for _ in range(100):
        at = r.randrange(4, n - 4)
        found = jumps(dated([s * (1.35 if i >= at else 1) for i, s in enumerate(draw(r, n))]))
        missed += not any(abs(jump.index - at) <= 1 for jump in found)
        for jump in found:
            assert jump.at == datetime(2026, 1, 1) + timedelta(weeks=jump.index)
    assert missed <= most


def test_up_and_down_again_with_the_levels_between() -> None:
    found = jumps(dated([100] * 10 + [300] * 10 + [100] * 10))
    assert [(j.index, j.before, j.after) for j in found] == [(10, 100, 300), (20, 300, 100)]
    assert found[0].change == 2


def test_what_does_not_last_or_is_too_short_is_no_jump() -> None:
    assert jumps(dated([100] * 10 + [300] + [100] * 10)) == ()
    assert jumps(dated([100] * 20 + [300])) == ()
    assert jumps(dated([100, 100, 300, 300, 300])) == ()
    assert jumps([]) == ()
    assert jumps(dated([100_000] * 10 + [101_500] * 10)) == (), "less than 3 %"
    assert jumps(dated([0] * 10 + [300] * 10))[0].change is None
