"""Groups keep their key over a refit where they are the same group; what became of the others is said.

The same customers are labelled by the old fit and by the new one. Old and new groups are paired so that together they share the
most members (Kuhn's assignment; of equal shares the nearer centres); a pair that shares enough is one group that goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coterie.models.clusters.prototypes import Floats, Matrix

Keys = npt.NDArray[np.int64]

SAME = 0.3
"""Groups are the same one where those in both are at least this share of those in either."""
PART = 0.2
"""A group that has split gave each of its parts at least this share of its members …"""
MOSTLY = 0.5
"""… and each part comes mostly from it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of groups at a refit.

    Attributes:
        what: "kept", "born", "died", "split" or "merged".
        before, after: the keys of the groups it is about, old and new.
        shared: of all customers in these groups before or after, the share in both; 0 where there is nothing to share.
    """

    what: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    shared: float


@dataclass(frozen=True, slots=True)
class Identity:
    """The key of each new group, and what became of all of them; `moved` is the share of customers whose key changed."""

    keys: tuple[int, ...]
    changes: tuple[Change, ...]
    moved: float


def first_keys(centres: Floats) -> tuple[int, ...]:
    """Keys 1 … k for groups nobody has seen before, by where they lie, so that no seed and no close count of members decides:
    from the centre with the highest values in all to the lowest."""
    order = np.lexsort((*centres.T, centres.sum(axis=1)))[::-1]
    keys = np.empty(len(centres), int)
    keys[order] = np.arange(1, len(centres) + 1)
    return tuple(int(key) for key in keys)


def kept_keys(
    before: Keys, now: npt.NDArray[np.integer[Any]], x: Matrix, groups: int, known: Sequence[int], next_key: int
) -> Identity:
    """Give new groups their old keys.

    Args:
        before: each customer's old key, 0 for none; `now`: the new group, 0 … groups − 1, −1 for none.
        x: the rows of the same customers, for the centres.
        known: the old keys. next_key: the first key that no group ever had.
    """
    from scipy.optimize import linear_sum_assignment

    old = list(known)
    shared = np.array([[float(np.sum((before == key) & (now == j))) for j in range(groups)] for key in old]).reshape(
        len(old), groups
    )
    of_old = np.array([float(np.sum(before == key)) for key in old])
    of_new = np.array([float(np.sum(now == j)) for j in range(groups)])
    overlap = shared / np.maximum(of_old[:, None] + of_new - shared, 1)
    apart = np.array([[_apart(x[before == key], x[now == j]) for j in range(groups)] for key in old]).reshape(len(old), groups)
    pairs = zip(*linear_sum_assignment(overlap - 1e-3 * apart / max(apart.max(initial=0), 1e-12), maximize=True), strict=True)
    same = {int(j): int(i) for i, j in pairs if overlap[i, j] >= SAME}
    keys = []
    for j in range(groups):
        keys.append(old[same[j]] if j in same else next_key)
        next_key += j not in same
    changes = [
        Change("kept", (old[i],), (keys[j],), float(overlap[i, j])) for j, i in sorted(same.items(), key=lambda p: keys[p[0]])
    ]
    gave = shared / np.maximum(of_old[:, None], 1)
    came = shared / np.maximum(of_new, 1)
    split = {i: [j for j in range(groups) if gave[i, j] >= PART and came[i, j] >= MOSTLY] for i in range(len(old))}
    merged = {j: [i for i in range(len(old)) if came[i, j] >= PART and gave[i, j] >= MOSTLY] for j in range(groups)}
    explained_new, explained_old = set(same), set(same.values())
    for i, parts in split.items():
        if len(parts) > 1:
            changes.append(Change("split", (old[i],), tuple(sorted(keys[j] for j in parts)), float(gave[i, parts].sum())))
            explained_new |= set(parts)
            explained_old.add(i)
    for j, sources in merged.items():
        if len(sources) > 1:
            changes.append(Change("merged", tuple(old[i] for i in sources), (keys[j],), float(came[sources, j].sum())))
            explained_old |= set(sources)
            explained_new.add(j)
    changes += [Change("born", (), (keys[j],), 0.0) for j in range(groups) if j not in explained_new]
    changes += [Change("died", (old[i],), (), 0.0) for i in range(len(old)) if i not in explained_old]
    after = np.array([*keys, 0])[now]
    return Identity(tuple(keys), tuple(changes), float(np.mean(before != after)) if len(now) else 0.0)


def _apart(a: Matrix, b: Matrix) -> float:
    """The distance of the centres of two sets of rows; 0 where one is empty."""
    return float(np.linalg.norm(a.mean(axis=0) - b.mean(axis=0))) if len(a) and len(b) else 0.0
