"""The runner of benchmarks, on benchmarks of no weight."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import figures
from benchmarks.figures import Figure, at_least, at_most, keep, read
from benchmarks.measure import Benchmark, Case, Round, Sample, benchmark, by_name, peak_mib, take


def from_numbers(pairs: list[tuple[float, float | None]], **more: object) -> Benchmark:
    """A benchmark whose rounds give these numbers; the first pair is the unmeasured round."""

    def prepare(_: Case) -> Round:
        rounds: Iterator[tuple[float, float | None]] = iter(pairs)

        def one() -> Sample:
            value, against = next(rounds)
            return Sample(value, against, n=10)

        return one

    marked = benchmark("numbers", rounds=len(pairs) - 1, **more)(prepare)  # type: ignore[arg-type]
    found: Benchmark = vars(marked)["__benchmark__"]
    return found


def test_medians_without_the_first_round(tmp_path: Path) -> None:
    taken = take(from_numbers([(99, 1), (1, 2), (3, 2), (8, 4)]), Case(tmp_path))
    assert (taken.value, taken.against, taken.ratio, taken.n) == (3, 2, 1.5, 10)
    assert taken.goal is None
    assert taken.met is None


def test_the_ratio_is_the_median_of_ratios_not_the_ratio_of_medians(tmp_path: Path) -> None:
    # Ratios 0.5, 3, 0.1: their median is 0.5; the medians 5 and 10 would happen to agree, so make them differ.
    taken = take(from_numbers([(1, 1), (5, 10), (30, 10), (1, 100)]), Case(tmp_path))
    assert taken.ratio == 0.5
    assert taken.value == 5
    assert taken.against == 10


@pytest.mark.parametrize(
    ("goal", "pair", "met"),
    [
        (at_most(1.3), (1.3, 1.0), True),
        (at_most(1.3), (1.31, 1.0), False),
        (at_least(2), (2.0, 1.0), True),
        (at_least(2), (1.9, 1.0), False),
        (at_most(0.1), (0.09, None), True),
        (at_most(0.1), (0.11, None), False),
    ],
)
def test_goals(goal: figures.Goal, pair: tuple[float, float | None], met: bool, tmp_path: Path) -> None:
    assert take(from_numbers([pair, pair], goal=goal), Case(tmp_path)).met is met


def test_a_new_figure_takes_the_place_of_its_name_only(tmp_path: Path) -> None:
    path = tmp_path / "build" / "figures.jsonl"
    one, two = (Figure(name, 1.0, "s", None, None, None, None, None, 0.1, "abc") for name in ("one", "two"))
    again = Figure("one", 2.0, "s", 4.0, 0.5, "≤ 1.3", True, 7, 0.1, "def")
    for new in (one, two, again):
        keep(new, path)
    assert read(path) == [again, two]
    names = {"name", "value", "unit", "against", "ratio", "goal", "met", "n", "seconds", "commit"}
    assert all(set(json.loads(line)) == names for line in path.read_text(encoding="utf-8").splitlines())


def test_two_benchmarks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="numbers"):
        by_name([from_numbers([(1, 1)]), from_numbers([(1, 1)])])


def test_peak_memory_sees_what_the_process_held() -> None:
    small = peak_mib(["-c", "pass"])
    assert peak_mib(["-c", "held = b'x' * (200 << 20)"]) > small + 150


def test_commit_is_empty_outside_git(tmp_path: Path) -> None:
    assert figures.commit(tmp_path) == ""
