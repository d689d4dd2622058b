"""The other side of the lifetime-value benchmarks: run in .venv-bench (scripts/setup bench), which has PyMC-Marketing.

    .venv-bench/bin/python benchmarks/pymc_map.py customers.npz

Reads x, t_x and T (weeks) from the file. For each line on standard input it fits a BG/NBD model by MAP and prints how long
building and fitting took, in seconds, as the clock goes and in processor time. The first one compiles and is not warm.
"""

import sys
import warnings
from time import perf_counter, process_time

import numpy as np


def main(path: str) -> None:
    warnings.filterwarnings("ignore")
    import pandas as pd
    from pymc_marketing.clv import BetaGeoModel  # type: ignore[import-not-found]

    data = np.load(path)
    rows = pd.DataFrame({"customer_id": np.arange(len(data["x"])), "frequency": data["x"], "recency": data["t_x"], "T": data["T"]})
    for _ in sys.stdin:
        wall, processor = perf_counter(), process_time()
        model = BetaGeoModel(data=rows)
        model.fit(method="map", progressbar=False)
        sys.stdout.write(f"{perf_counter() - wall} {process_time() - processor}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
