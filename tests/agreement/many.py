"""Very many random programs, for `make long`: how many were asked, on how many the sides differ, and the first of these."""

from collections.abc import Callable, Sequence

from benchmarks.figures import at_most
from coterie.testing.asking import Program
from coterie.testing.oracle import Disagreement
from coterie.testing.programs import program


def agree_on_many(
    least: int,
    definitions: int,
    figure: Callable[..., None],
    name: str,
    differ: Callable[[int, Program], Sequence[Disagreement]],
    told: Callable[[Disagreement], str],
) -> None:
    """Ask until there are enough definitions, write down both numbers, and fail where any differ.

    Args:
        name: before the names of the figures.
        differ: what the sides answer differently, of a seed's program; `told`: one of these, in words.
    """
    programs, bad, first = 0, 0, ""
    seed = 1000
    while programs < least:
        asked = program(seed, definitions=definitions)
        found = differ(seed, asked)
        programs += len(asked.definitions)
        bad += len({d.name for d in found})
        if found and not first:
            first = f"seed {seed}: {told(found[0])}"
        seed += 1
    figure(f"agreement.{name}programs", programs, "programs", n=programs)
    figure(f"agreement.{name}disagreements", bad, "programs", n=programs, goal=at_most(0))
    assert not bad, first
