"""F66, F70, F75: a key is looked at in the same time however much of it is right, and nothing is open without one."""

import os
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from math import sqrt
from pathlib import Path
from random import Random
from statistics import fmean, variance
from time import perf_counter_ns

import pytest

from coterie.live.keys import Keys

SAMPLES = 12_000


def t_of(find: Callable[[str], object], right: str) -> float:
    """Welch's t between the times of two wrong keys: one wrong from its secret's first letter on, one in its last letter only.

    What took longest is left out on both sides: other programs, and not the comparison, made it long.
    """
    head, _, secret = right.rpartition("_")
    early, late = f"{head}_{'?' * len(secret)}", f"{right[:-1]}?"
    times: dict[str, list[int]] = {early: [], late: []}
    choose = Random(1)
    for _ in range(SAMPLES):
        for text in choose.sample((early, late), 2):
            began = perf_counter_ns()
            found = find(text)
            took = perf_counter_ns() - began
            assert not found
            times[text].append(took)
    a, b = (sorted(t)[: SAMPLES * 8 // 10] for t in times.values())
    return (fmean(a) - fmean(b)) / sqrt(variance(a) / len(a) + variance(b) / len(b))


@pytest.fixture
def key(tmp_path: Path) -> tuple[Keys, str]:
    keys = Keys(tmp_path)
    return keys, keys.make("admin", "a", datetime(2026, 1, 1), os.urandom)


def test_how_much_of_a_key_is_right_does_not_show(key: tuple[Keys, str]) -> None:
    keys, right = key
    assert min(abs(t_of(keys.find, right)) for _ in range(3)) < 4.5


def test_a_comparison_that_shows_it_is_found_out(key: tuple[Keys, str]) -> None:
    _, right = key

    def letter_by_letter(text: str) -> bool:
        return all(a == b for a, b in zip(text, right, strict=True))

    assert min(abs(t_of(letter_by_letter, right)) for _ in range(3)) > 4.5


def test_unknown_ids_are_compared_too(key: tuple[Keys, str], monkeypatch: pytest.MonkeyPatch) -> None:
    keys, right = key
    compared = []

    def counted(a: str, b: str) -> bool:
        compared.append((a, b))
        return compare_digest(a, b)

    monkeypatch.setattr("coterie.live.keys.compare_digest", counted)
    for text in (right, right[:-1] + "?", right.replace(right.split("_")[2], "nobodysk"), "short", "a_b_c_d"):
        keys.find(text)
    assert len(compared) == 5
    assert all(len(a) == len(b) == len(sha256().hexdigest()) for a, b in compared)
