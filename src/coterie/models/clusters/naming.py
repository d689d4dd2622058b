"""A short name for each group, from what sets it apart most: "high income, low spending score"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from coterie.models.clusters.columns import Category, Encoded, Encoding, Items, Number
from coterie.models.clusters.prototypes import Labels, Matrix

SMALL = 0.4
"""A trait that lies less than this many standard deviations from everybody's mean sets no group apart."""
LARGE = 1.5
"""From here on it is very high, or very low."""
TOLD = 4
"""How many traits are told of a group."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that sets a group apart: the column, the words, and by how many standard deviations from everybody's mean."""

    column: str
    words: str
    effect: float


def traits(x: Matrix, labels: Labels, encoding: Encoding, groups: int) -> tuple[tuple[Trait, ...], ...]:
    """What sets each group apart, the strongest first, one for each column.

    Args:
        x: rows as `encoding` makes them; labels: each row's group, 0 … groups − 1.
    """
    member = (labels == np.arange(groups)[:, None]).astype(x.dtype)
    means = (member @ x) / np.maximum(member.sum(axis=1), 1)[:, None]
    middle = x.mean(axis=0)
    spread = np.sqrt(np.maximum(np.einsum("ij,ij->j", x, x) / len(x) - middle**2, 1e-9))
    told = []
    for effects in (means - middle) / spread:
        found = (_trait(column, effects[span]) for column, span in encoding.spans())
        strong = sorted((t for t in found if abs(t.effect) >= SMALL), key=lambda t: (-abs(t.effect), t.column))
        told.append(tuple(strong[:TOLD]))
    return tuple(told)


def names(told: Sequence[Sequence[Trait]]) -> tuple[str, ...]:
    """A name for each group from what is told of it: two traits, more where two names would be the same."""
    found: list[str] = []
    for length in range(2, TOLD + 1):
        found = [", ".join(t.words for t in one[:length]) or "like everybody" for one in told]
        if len(set(found)) == len(found):
            break
    return tuple(name if found.count(name) == 1 else f"{name} ({found[: j + 1].count(name)})" for j, name in enumerate(found))


def unused(name: str, taken: Sequence[str]) -> str:
    """A name that no other group has."""
    n = 1
    wanted = name
    while wanted in taken:
        n += 1
        wanted = f"{name} ({n})"
    return wanted


def _trait(column: Encoded, effects: Matrix) -> Trait:
    best = int(np.abs(effects).argmax())
    effect = float(effects[best])
    subject = column.name.replace("_", " ").strip()
    match column:
        case Number(kind="date"):
            words = f"{'late' if effect > 0 else 'early'} {subject}"
        case Number():
            words = f"{'very ' * (abs(effect) >= LARGE)}{'high' if effect > 0 else 'low'} {subject}"
        case Category(kind="boolean"):
            said = (column.words[best] == "true") == (effect > 0)
            words = f"{subject} {'yes' if said else 'no'}"
        case Category():
            # Of several levels the one it has more of says more than one it has less of.
            best = int(effects.argmax())
            effect = float(effects[best])
            words = f"{subject} {column.words[best]}"
        case Items():
            words = f"{subject} {'with' if effect > 0 else 'without'} {column.levels[best]}"
        case _:
            assert_never(column)
    return Trait(column.name, words, round(effect, 3))
