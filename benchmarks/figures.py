"""A figure is one measured number with its goal; `build/figures.jsonl` holds the latest one of each name."""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "build" / "figures.jsonl"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a number keeps or misses."""

    sign: Literal["≤", "≥"]
    bound: float

    def is_met(self, number: float) -> bool:
        return number <= self.bound if self.sign == "≤" else number >= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:.4g}"


def at_most(bound: float) -> Goal:
    """The goal of a time, a size or a ratio."""
    return Goal("≤", bound)


def at_least(bound: float) -> Goal:
    """The goal of a rate, a score or a count."""
    return Goal("≥", bound)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    `value` and `against` are in `unit`; `against` is what the value is compared with, measured in the same run, and
    `ratio` is value / against: below 1 means less time or memory than the other. The goal is about the ratio where
    there is one, otherwise about the value. `n` is the size of the input (rows, customers, programs), `seconds` how
    long the whole measurement took, `commit` the code it was taken from.
    """

    name: str
    value: float
    unit: str
    against: float | None
    ratio: float | None
    goal: str | None
    met: bool | None
    n: int | None
    seconds: float
    commit: str


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    against: float | None = None,
    ratio: float | None = None,
    goal: Goal | None = None,
    n: int | None = None,
    seconds: float = 0.0,
) -> Figure:
    """A Figure with what can be worked out: ratio, whether the goal is met, the commit."""
    if ratio is None and against:
        ratio = value / against
    met = None if goal is None else goal.is_met(value if ratio is None else ratio)
    shown = None if goal is None else str(goal)
    return Figure(name, value, unit, against, ratio, shown, met, n, round(seconds, 3), commit())


def commit(root: Path = ROOT) -> str:
    """The short name of the commit checked out in `root`, with + after it when files differ; "" outside git."""
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def read(path: Path = FIGURES) -> list[Figure]:
    """The figures kept in a file; none when there is no file."""
    if not path.exists():
        return []
    return [Figure(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def keep(new: Figure, path: Path = FIGURES) -> None:
    """Write a figure into the file in place of the one of the same name; other names stay."""
    with _locked(path):
        kept = {old.name: old for old in read(path)} | {new.name: new}
        lines = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in kept.values()]
        draft = path.with_suffix(".draft")
        draft.write_text("".join(lines), encoding="utf-8")
        draft.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Tests that run in several processes write the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
