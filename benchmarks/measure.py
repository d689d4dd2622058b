"""Benchmarks are functions with the mark `@benchmark`; this module finds and runs them.

    @benchmark("rfm_vs_sql", goal=at_most(1.25), unit="s")
    def rfm_vs_sql(case: Case) -> Round:
        path = make_orders(case.folder, rows=case.size or 10_000_000)   # once, not measured
        return lambda: Sample(seconds(ours, path), against=seconds(by_hand, path), n=10_000_000)

The function prepares and gives back one round. Rounds alternate the two sides, so that a slow minute of the machine
meets both; the median of values and the median of ratios are kept.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import ParamSpec

import benchmarks
from benchmarks.figures import Figure, Goal, figure


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round measured: ours, what it is compared with (same unit), and the size of the input."""

    value: float
    against: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What a benchmark is given: a folder for data, kept and shared by all, and a size (None: its usual one)."""

    folder: Path
    size: int | None = None


P = ParamSpec("P")

Round = Callable[[], Sample]
Prepare = Callable[[Case], Round]


@dataclass(frozen=True, slots=True)
class Benchmark:
    name: str
    goal: Goal | None
    unit: str
    rounds: int
    prepare: Prepare
    needs: str | None = None
    """A module without which it cannot be run."""

    @property
    def can_run(self) -> bool:
        return self.needs is None or find_spec(self.needs) is not None


_MARK = "__benchmark__"


def benchmark(
    name: str, *, goal: Goal | None = None, unit: str = "s", rounds: int = 5, needs: str | None = None
) -> Callable[[Prepare], Prepare]:
    """Mark a function as the benchmark `name`. After one unmeasured round it is run `rounds` times."""

    def mark(prepare: Prepare) -> Prepare:
        setattr(prepare, _MARK, Benchmark(name, goal, unit, rounds, prepare, needs))
        return prepare

    return mark


def discover() -> dict[str, Benchmark]:
    """All benchmarks in benchmarks/bench_*.py by name, in order of file and line. Raises ValueError on a name twice."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    modules = [importlib.import_module(f"benchmarks.{name}") for name in names if name.startswith("bench_")]
    return by_name(getattr(thing, _MARK) for module in modules for thing in vars(module).values() if hasattr(thing, _MARK))


def by_name(found: Iterable[Benchmark]) -> dict[str, Benchmark]:
    """Benchmarks by name. The same one met twice (imported elsewhere) is one; two of the same name are a mistake."""
    named: dict[str, Benchmark] = {}
    for one in found:
        if named.setdefault(one.name, one) is not one:
            raise ValueError(f"Two benchmarks are called {one.name!r}: figures are kept by name, so rename one.")
    return named


def take(one: Benchmark, case: Case, rounds: int | None = None) -> Figure:
    """Run a benchmark → its figure: medians over the rounds."""
    started = perf_counter()
    case.folder.mkdir(parents=True, exist_ok=True)
    round_ = one.prepare(case)
    round_()  # warms caches on both sides
    samples = [round_() for _ in range(rounds or one.rounds)]
    return figure(
        one.name,
        median(sample.value for sample in samples),
        one.unit,
        against=_median([sample.against for sample in samples]),
        ratio=_median([sample.value / sample.against if sample.against else None for sample in samples]),
        goal=one.goal,
        n=samples[-1].n,
        seconds=perf_counter() - started,
    )


def _median(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return median(known) if known else None


def seconds(call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    """How long a call takes, in seconds of wall clock."""
    started = perf_counter()
    call(*args, **kwargs)
    return perf_counter() - started


# Linux counts the memory of the process that forks into the child's peak, so a small one in between does the forking.
_LAUNCHER = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *sys.argv[2:]])
_, status, usage = os.wait4(pid, 0)
os.write(int(sys.argv[1]), str(usage.ru_maxrss).encode())
sys.exit(abs(os.waitstatus_to_exitcode(status)))
"""


def peak_mib(arguments: Sequence[str | Path], env: Mapping[str, str] | None = None) -> float:
    """Run Python with these arguments in a process of its own → the most memory it held, in MiB (POSIX only).

    Raises CalledProcessError when it exits with another code than 0.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading) as peak, os.fdopen(writing, "w"):
        subprocess.run(
            [sys.executable, "-c", _LAUNCHER, str(writing), *map(str, arguments)],
            env=None if env is None else {**os.environ, **env},
            pass_fds=[writing],
            check=True,
        )
        return int(os.read(peak.fileno(), 32)) / (1024**2 if sys.platform == "darwin" else 1024)
