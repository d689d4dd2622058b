"""Lifetime value: BG/NBD against PyMC-Marketing's warm MAP fit, and a million customers fitted and scored.

All in processor time: nothing here uses a second thread, so that is what the clock shows on a machine with nothing else to do.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import IO

import numpy as np

from benchmarks.figures import ROOT, at_most
from benchmarks.measure import Case, Round, Sample, benchmark
from coterie.models.value.beta_geometric import BG_NBD
from coterie.models.value.choice import Before, fit
from coterie.models.value.history import History
from coterie.models.value.likelihood import maximise
from coterie.models.value.pareto_nbd import PARETO_NBD
from coterie.models.value.quality import Holdout

MANY = 1_000_000
HORIZON = 182
PYMC = ROOT / ".venv-bench" / "bin" / "python"


def customers(n: int, seed: int = 1) -> Before:
    """BG/NBD customers of a shop, seen for up to two years by the day, and their orders in half a year after that."""
    draw = np.random.default_rng(seed)
    rate, chance = draw.gamma(0.55, 1 / 42, n), draw.beta(0.8, 2.4, n)
    T = draw.integers(1, 730, n).astype(float)
    chances, leaving = draw.poisson(rate * T), draw.geometric(chance)
    x, gone = np.minimum(chances, leaving), leaving <= chances
    # The last of x purchases among all that there were chances for is an order statistic of uniform times.
    last = draw.beta(np.maximum(x, 1), np.where(gone, chances - x, 0) + 1.0)
    t_x = np.where(x > 0, np.ceil(last * T), 0.0)
    orders = np.where(gone, 0, np.minimum(draw.poisson(rate * HORIZON), np.maximum(leaving - chances, 0)))
    spend = np.where(x > 0, draw.gamma(6.25 * np.maximum(x, 1)) / draw.gamma(3.74, 1 / 15.44, n) / np.maximum(x, 1), 0.0)
    return Before(History(x.astype(float), t_x, T, spend.round(2)), Holdout(orders.astype(float), HORIZON))


def cdnow() -> History:
    """The CDNOW sample, from the shared data."""
    import pandas as pd

    folder = Path(os.environ.get("COTERIE_SHARED") or ROOT.parent / "shared")
    rows = pd.read_csv(folder / "data/cdnow_sample/cdnow_customers_summary_with_transactions.csv")
    # Its weeks are rounded to two places.
    t_x, T = (np.rint(rows[name].to_numpy() * 7) for name in ("t_x", "T"))
    return History(rows["x"].to_numpy(float), t_x, T, rows["zbar"].to_numpy(float))


class Map:
    """PyMC-Marketing in its own process, kept warm."""

    def __init__(self, history: History, folder: Path):
        subprocess.run([ROOT / "scripts" / "setup", "bench"], check=True)
        x, t_x, T = history.weeks()
        path = folder / f"customers_{len(history)}.npz"
        np.savez(path, x=x, t_x=t_x, T=T)
        command = [PYMC, ROOT / "benchmarks" / "pymc_map.py", path]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def seconds(self) -> float:
        """The processor time of one fit."""
        asking, answering = self._pipes()
        asking.write("fit\n")
        asking.flush()
        return float(answering.readline().split()[1])

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def __del__(self) -> None:
        if process := getattr(self, "process", None):
            process.kill()
            process.wait()
            for pipe in self._pipes():
                pipe.close()


def against_map(history: History, case: Case, repeats: int) -> Round:
    other = Map(history, case.folder)

    def ours() -> None:
        for _ in range(repeats):
            maximise(BG_NBD, history.counts())

    return lambda: Sample(processor_seconds(ours) / repeats, other.seconds(), len(history))


def processor_seconds(call: Callable[[], object]) -> float:
    started = process_time()
    call()
    return process_time() - started


@benchmark("value.bg_nbd_cdnow_vs_pymc_map", goal=at_most(1 / 200), rounds=3)
def small(case: Case) -> Round:
    """CDNOW: distinct histories counted and BG/NBD fitted with standard errors, against a warm MAP fit (no errors)."""
    return against_map(cdnow(), case, 20)


@benchmark("value.bg_nbd_1m_vs_pymc_map", goal=at_most(1 / 8), rounds=1)
def large(case: Case) -> Round:
    """The same for a million customers."""
    return against_map(customers(case.size or MANY).history, case, 1)


@benchmark("value.fit_and_score_1m", goal=at_most(10), rounds=3)
def whole(case: Case) -> Round:
    """A million customers: four models compared on a holdout, the best and Gamma-Gamma fitted to all, everybody scored with
    an interval."""
    before = customers(case.size or MANY)
    history = before.history

    def both() -> None:
        found = fit(history, before)
        found.score(history.x, history.t_x, history.T, history.spend, 365)

    return lambda: Sample(processor_seconds(both), n=len(history))


@benchmark("value.pareto_nbd_100k", goal=at_most(3), rounds=3)
def pareto(case: Case) -> Round:
    """Pareto/NBD by maximum likelihood, with standard errors."""
    history = customers(case.size or 100_000).history
    return lambda: Sample(processor_seconds(lambda: maximise(PARETO_NBD, history.counts())), n=len(history))
