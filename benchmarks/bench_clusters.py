"""Groups of customers: k-prototypes against kmodes, a million customers, and the choice of their number against scikit-learn."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.figures import ROOT, at_most
from benchmarks.measure import Case, Round, Sample, benchmark, peak_mib, seconds
from coterie.models.clusters.fitting import fit
from coterie.models.clusters.prototypes import Block, Codes, Floats, height, one_hot, prototypes

KMODES = ROOT / ".venv-bench" / "bin" / "python"
GROUPS = 6
GAMMA = 0.5
NUMBERS, CATEGORIES, LEVELS = 8, 6, 6
ROWS = 1_000_000
CAREFULLY = 30_000
"""Customers on whom scikit-learn's loop takes ten starts."""


def mixed(n: int, seed: int = 0) -> tuple[Floats, Codes]:
    """Eight numbers and six categories of six levels, of six groups."""
    draw = np.random.default_rng(seed)
    centres, own = draw.normal(0, 2, (GROUPS, NUMBERS)), draw.integers(0, LEVELS, (GROUPS, CATEGORIES))
    group = draw.integers(0, GROUPS, n)
    numbers = centres[group] + draw.normal(size=(n, NUMBERS))
    codes = np.where(draw.random((n, CATEGORIES)) < 0.6, own[group], draw.integers(0, LEVELS, (n, CATEGORIES)))
    return (numbers - numbers.mean(axis=0)) / numbers.std(axis=0), codes


def mixed_table(n: int) -> pa.Table:
    numbers, codes = mixed(n)
    levels = pa.array(list("abcdef"))
    columns = {f"number_{j}": pa.array(column) for j, column in enumerate(numbers.T)}
    columns |= {
        f"level_{j}": pa.DictionaryArray.from_arrays(pa.array(column, pa.int32()), levels) for j, column in enumerate(codes.T)
    }
    return pa.table(columns)


def numeric(n: int, seed: int = 0) -> Floats:
    """Twenty numbers of six groups."""
    draw = np.random.default_rng(seed)
    group = draw.integers(0, GROUPS, n)
    return np.asarray(draw.normal(0, 1.6, (GROUPS, 20))[group] + draw.normal(size=(n, 20)))


@cache
def with_kmodes(path: Path) -> tuple[float, float]:
    """Seconds and cost of kmodes: measured once, since it takes minutes."""
    subprocess.run([ROOT / "scripts" / "setup", "bench"], check=True)
    command = [KMODES, ROOT / "benchmarks" / "kmodes_fit.py", path]
    taken, cost = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(taken), float(cost)


@benchmark("clusters.vs_kmodes", goal=at_most(1 / 30), rounds=3)
def kmodes(case: Case) -> Round:
    """Twelve starts of ours against one of kmodes, on 100,000 customers with 8 numbers and 6 categories; ours costs no more."""
    n = case.size or 100_000
    numbers, codes = mixed(n)
    path = case.folder / f"mixed_{n}.npz"
    np.savez(path, numbers=numbers, codes=codes, k=GROUPS, gamma=GAMMA)

    def ours() -> float:
        hot = [one_hot(column, LEVELS, GAMMA) for column in codes.T]
        starts = range(NUMBERS, NUMBERS + CATEGORIES * LEVELS, LEVELS)
        blocks = [Block(first, first + LEVELS, height(GAMMA)) for first in starts]
        return prototypes(np.hstack([numbers, *hot]), GROUPS, seed=0, blocks=blocks).cost

    def round_() -> Sample:
        taken, cost = with_kmodes(path)
        if (found := ours()) > cost * (1 + 1e-9):
            raise AssertionError(f"ours costs more: {found} > {cost}")
        return Sample(seconds(ours), taken, n)

    return round_


@benchmark("clusters.1m_mixed", goal=at_most(10), rounds=1)
def million(case: Case) -> Round:
    """A million customers with 8 numbers and 6 categories: learned, weighed, six groups found, named and measured."""
    n = case.size or ROWS
    table = mixed_table(n)
    return lambda: Sample(seconds(fit, table, groups=GROUPS), n=n)


@benchmark("clusters.choosing_vs_scikit_learn", goal=at_most(1 / 8), rounds=1)
def choosing(case: Case) -> Round:
    """How many groups, 2 to 12, in a million customers × 20: against a loop of KMeans and silhouette for each number.

    The loop is as people write it: scikit-learn's own number of starts, which is one, and the silhouette on a sample of 10,000
    (on all rows it would take days). One start finds a poor optimum now and then, and another number of groups with it; so the
    number is compared with that of ten starts for each, on a part of the customers, which is not timed.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    n = case.size or ROWS
    x = numeric(n)
    table = pa.table({f"x{j}": column for j, column in enumerate(x.T)})

    def loop(rows: Floats, starts: int) -> int:
        widths = {}
        for k in range(2, 13):
            labels = KMeans(k, n_init=starts, random_state=0).fit_predict(rows)
            widths[k] = silhouette_score(rows, labels, sample_size=10_000, random_state=0)
        return max(widths, key=lambda k: widths[k])

    with_care = loop(x[:CAREFULLY], 10)
    theirs: list[float] = []

    def round_() -> Sample:
        found: list[int] = []
        value = seconds(lambda: found.append(fit(table).chosen))
        if not theirs:  # minutes: once is enough
            theirs.append(seconds(loop, x, 1))
            if found[0] != with_care:
                raise AssertionError(f"not the same number of groups: {found[0]}, with care {with_care}")
        return Sample(value, theirs[0], n)

    return round_


@benchmark("clusters.choosing_memory", goal=at_most(2048), unit="MiB", rounds=1)
def memory(case: Case) -> Round:
    """The most memory that choosing and finding the groups of a million customers × 20 holds, with the table."""
    n = case.size or ROWS
    path = case.folder / f"numeric_{n}.arrow"
    table = pa.table({f"x{j}": column for j, column in enumerate(numeric(n).T)})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return lambda: Sample(peak_mib(["-m", "benchmarks.bench_clusters", path]), n=n)


if __name__ == "__main__":
    with pa.OSFile(sys.argv[1]) as file:
        fit(pa.ipc.open_file(file).read_all())
