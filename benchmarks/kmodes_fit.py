"""The other side of the benchmarks of groups: run in .venv-bench (scripts/setup bench), which has kmodes.

    .venv-bench/bin/python benchmarks/kmodes_fit.py customers.npz

Prints the seconds of one fit of k-prototypes (one start, Huang's) and its cost. The file holds `numbers`, `codes`, `k` and `gamma`.
"""

import sys
from time import perf_counter

import numpy as np
from kmodes.kprototypes import KPrototypes

found = np.load(sys.argv[1])
numbers, codes = found["numbers"], found["codes"]
x = np.hstack([numbers, codes.astype(float)])
model = KPrototypes(n_clusters=int(found["k"]), init="Huang", n_init=1, gamma=float(found["gamma"]), random_state=0)
started = perf_counter()
model.fit(x, categorical=list(range(numbers.shape[1], x.shape[1])))
print(perf_counter() - started, model.cost_)
