"""Small counts are hidden, and so is what would give them away: cells of 1 to k − 1, and others beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

K = 10


@dataclass(frozen=True, slots=True)
class Hidden:
    """A table's cells that may not be shown.

    Attributes:
        cells: one row of flags per row of the table; small: those that are hidden because they are small (the others
            are hidden because they would give a small one away).
        totals: the totals of rows and columns must be hidden too: nothing else helps.
    """

    cells: tuple[tuple[bool, ...], ...]
    small: tuple[tuple[bool, ...], ...]
    totals: bool
    k: int = K

    def words(self, row: int, column: int) -> str | None:
        """What stands in place of a hidden cell ("fewer than 10", "hidden"), None where it is shown."""
        raise NotImplementedError


def hide(table: Sequence[Sequence[int]], k: int = K, *, rows: bool = True, columns: bool = True) -> Hidden:
    """Hide small counts of a table.

    Args:
        table: counts ≥ 0, rows of one length.
        k: counts from 1 to k − 1 are hidden; 1 hides nothing.
        rows, columns: whether the totals of rows, of columns are shown or can be known.
    """
    raise NotImplementedError


def hide_list(counts: Mapping[str, int], k: int = K, *, total: bool = True) -> frozenset[str]:
    """The keys of a list of counts to hide; `total`: their sum is shown or can be known."""
    raise NotImplementedError


def is_small(n: int, k: int = K) -> bool:
    """Whether a count may not be shown: 1 to k − 1."""
    return 0 < n < k


def shown(n: int, k: int = K) -> str:
    """A count that stands alone, for people."""
    return f"fewer than {k}" if is_small(n, k) else f"{n:,}"
