"""Hiding small counts where sums over groups of them are known too."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from coterie.profiles.hidden import hide_list, is_small

Key = TypeVar("Key", bound=Hashable)


def hide_in_groups(counts: Mapping[Key, int], groups: Iterable[Iterable[Key]], k: int) -> frozenset[Key]:
    """The keys to hide: small counts, and of each group whose sum is known another one where only one would be hidden.

    Args:
        counts: ≥ 0.
        groups: sets of keys whose sums are shown somewhere.
        k: counts from 1 to k − 1 are small.
    """
    hidden = {key for key, n in counts.items() if is_small(n, k)}
    known = [frozenset(group) & counts.keys() for group in groups]
    changed = True
    while changed:
        changed = False
        for group in known:
            inside = group & hidden
            others = [key for key in group - hidden if counts[key]]
            if len(inside) == 1 and others:
                hidden.add(min(others, key=lambda key: (counts[key], str(key))))
                changed = True
    return frozenset(hidden)


def three(inside: int, outside: int, cannot_tell: int, k: int) -> tuple[int | None, int | None, int | None]:
    """A three-way size with what may not be shown as None; the three add up to the population, which everybody knows."""
    counts = {"in": inside, "out": outside, "cannot tell": cannot_tell}
    hidden = hide_list(counts, k)
    a, b, c = (None if name in hidden else n for name, n in counts.items())
    return a, b, c


def said(n: int | None, really: int, k: int) -> str:
    """A count or what stands in its place."""
    if n is not None:
        return f"{n:,}"
    return f"fewer than {k}" if is_small(really, k) else "hidden"
