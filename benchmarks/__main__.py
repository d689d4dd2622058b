"""Run the benchmarks: python -m benchmarks [--only NAME] [--rounds N] [--size N].

Exit codes: 0 all goals met, 1 a goal missed or a benchmark failed, 2 no such benchmark.
"""

import argparse
import traceback
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.figures import FIGURES, Figure, keep
from benchmarks.measure import Case, discover, take


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and keep the figures.")
    parser.add_argument("--only", metavar="NAME", help="run this one")
    parser.add_argument("--rounds", metavar="N", type=int, help="measured rounds each (default: the benchmark's own)")
    parser.add_argument("--size", metavar="N", type=int, help="rows or customers (default: the benchmark's own)")
    asked = parser.parse_args(arguments)
    console = Console()

    known = discover()
    if not known:
        console.print("There are no benchmarks yet: they are functions marked @benchmark in benchmarks/bench_*.py.")
        return 0
    if asked.only is not None and asked.only not in known:
        console.print(f"There is no benchmark called {asked.only!r}. There are: {', '.join(known)}.")
        return 2

    taken: list[Figure] = []
    failed: list[str] = []
    for one in known.values() if asked.only is None else [known[asked.only]]:
        if not one.can_run:
            console.print(f"{one.name} is left out: it needs {one.needs} (make bench ENGINE=spark)", highlight=False)
            continue
        console.print(f"{one.name} …", highlight=False)
        try:
            new = take(one, Case(FIGURES.parent / "bench", asked.size), asked.rounds)
        except Exception:  # one that fails must not keep the others from being measured
            console.print(traceback.format_exc(), markup=False, highlight=False)
            failed.append(one.name)
            continue
        keep(new)
        taken.append(new)

    console.print(table(taken))
    console.print(f"Kept in {FIGURES}", highlight=False)
    if failed:
        console.print(f"Failed: {', '.join(failed)}", style="bold red")
    return 1 if failed or any(new.met is False for new in taken) else 0


def table(figures: Sequence[Figure]) -> Table:
    """Figures as a table for the terminal."""
    shown = Table("figure", "n", "value", "against", "ratio", "goal", "met", "took")
    for one in figures:
        shown.add_row(
            one.name,
            "" if one.n is None else f"{one.n:,}",
            f"{one.value:.4g} {one.unit}",
            "" if one.against is None else f"{one.against:.4g} {one.unit}",
            "" if one.ratio is None else f"{one.ratio:.3g}",
            one.goal or "",
            {True: "yes", False: "[bold red]no[/]", None: ""}[one.met],
            f"{one.seconds:.0f} s",
        )
    return shown


if __name__ == "__main__":
    raise SystemExit(main())
