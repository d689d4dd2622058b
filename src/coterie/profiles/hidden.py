"""Small counts are hidden, and so is what would give them away: cells of 1 to k − 1, and others beside them.

A table is shown with its totals, so a hidden cell could be found by subtraction. Cells are hidden until every small one could
be larger or smaller with all shown cells and totals as they are: then at least two different tables look the same. Whether
a cell can change is asked exactly, as a path through the other hidden cells (the tables with given totals are a
transport polytope). Besides, the hidden cells of a line with a shown total add up to at least k where the line has cells
enough: otherwise they would be known to be tiny.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

K = 10
Cell = tuple[int, int]


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
        if not self.cells[row][column]:
            return None
        return f"fewer than {self.k}" if self.small[row][column] else "hidden"


def hide(table: Sequence[Sequence[int]], k: int = K, *, rows: bool = True, columns: bool = True) -> Hidden:
    """Hide small counts of a table.

    Args:
        table: counts ≥ 0, rows of one length.
        k: counts from 1 to k − 1 are hidden; 1 hides nothing.
        rows, columns: whether the totals of rows, of columns are shown or can be known.
    """
    height, width = len(table), len(table[0]) if table else 0
    everything = [(i, j) for i in range(height) for j in range(width)]
    small = {(i, j) for i, j in everything if is_small(table[i][j], k)}
    hidden = set(small)
    lines = [[(i, j) for j in range(width)] for i in range(height)] if rows else []
    lines += [[(i, j) for i in range(height)] for j in range(width)] if columns else []

    def value(cell: Cell) -> int:
        return table[cell[0]][cell[1]]

    def rank(cell: Cell) -> tuple[bool, int, Cell]:
        return value(cell) == 0, value(cell), cell  # a nothing protects badly: it can only grow

    changed = bool(lines)
    while changed:
        changed = False
        for line in lines:
            out = [c for c in line if c in hidden]
            left = [c for c in line if c not in hidden and value(c)]
            if any(c in small for c in out) and sum(map(value, out)) < k and left:
                hidden.add(min(left, key=rank))
                changed = True
        if changed:
            continue
        for cell in sorted(small, key=rank):
            ways = _Ways.around(cell, hidden, value, rows, columns)
            if not ways.changes:
                open_ = [c for c in everything if c not in hidden]
                helping = [c for c in open_ if ways.would_help(c, value(c))]
                beside = [c for line in lines if cell in line for c in line if c not in hidden]
                candidates = helping or beside or open_
                if candidates:
                    hidden.add(min(candidates, key=rank))
                    changed = True
                    break
    totals = bool(lines) and any(not _Ways.around(c, hidden, value, rows, columns).changes for c in small)
    return Hidden(_flags(hidden, height, width), _flags(small, height, width), totals, k)


def _flags(cells: set[Cell], height: int, width: int) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple((i, j) in cells for j in range(width)) for i in range(height))


Node = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Ways:
    """Whether another table of counts agrees with all that is shown and differs in one cell.

    Raising cell (i, j) by one needs a way back from column j to row i: lower a hidden cell in a column (one that is not 0),
    raise one in a row, and so on; lowering it needs a way from row i to column j. Totals that are not shown tie nothing: all
    rows, or all columns, are then one.

    Attributes:
        changes: there is a way.
        loops: for raising, and for lowering where the cell is not 0: what is reached from the way's beginning, and from what
            its end is reached.
    """

    changes: bool
    loops: tuple[tuple[frozenset[Node], frozenset[Node]], ...]
    rows: bool
    columns: bool

    @classmethod
    def around(cls, cell: Cell, hidden: set[Cell], value: Callable[[Cell], int], rows: bool, columns: bool) -> "_Ways":
        forth: dict[Node, set[Node]] = {}
        back: dict[Node, set[Node]] = {}
        for other in hidden - {cell}:
            a, b = _nodes(other, rows, columns)
            forth.setdefault(a, set()).add(b)
            back.setdefault(b, set()).add(a)
            if value(other):
                forth.setdefault(b, set()).add(a)
                back.setdefault(a, set()).add(b)
        row, column = _nodes(cell, rows, columns)
        directions = [(column, row), (row, column)] if value(cell) else [(column, row)]
        loops = tuple((_reached(forth, start), _reached(back, end)) for start, end in directions)
        found = any(end in reached for (_, end), (reached, _) in zip(directions, loops, strict=True))
        return cls(found, loops, rows, columns)

    def would_help(self, cell: Cell, count: int) -> bool:
        """Whether there would be a way with this cell hidden too."""
        row, column = _nodes(cell, self.rows, self.columns)
        return any(
            (row in reached and column in reaching) or (count > 0 and column in reached and row in reaching)
            for reached, reaching in self.loops
        )


def _nodes(cell: Cell, rows: bool, columns: bool) -> tuple[Node, Node]:
    return ("row", cell[0] if rows else 0), ("column", cell[1] if columns else 0)


def _reached(ways: Mapping[Node, set[Node]], start: Node) -> frozenset[Node]:
    seen, stack = {start}, [start]
    while stack:
        for following in ways.get(stack.pop(), ()):
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return frozenset(seen)


def hide_list(counts: Mapping[str, int], k: int = K, *, total: bool = True) -> frozenset[str]:
    """The keys of a list of counts to hide; `total`: their sum is shown or can be known.

    Where nothing else helps (a single small count is all there is) everything is hidden, and the total must be too.
    """
    names = list(counts)
    found = hide([[counts[n] for n in names]], k, rows=total, columns=False)
    return frozenset(n for n, flag in zip(names, found.cells[0], strict=True) if flag)


def is_small(n: int, k: int = K) -> bool:
    """Whether a count may not be shown: 1 to k − 1."""
    return 0 < n < k


def guarded(text: str, k: int = K) -> str:
    """A sentence without small counts of customers: "7 customers" and "(7:" become "fewer than 10 …"."""

    def told(found: re.Match[str]) -> str:
        after = found[3].replace("customer", "customers").replace("ss", "s")
        return f"{found[1]}fewer than {k}{after}" if is_small(int(found[2]), k) else found[0]

    text = re.sub(r"(^|[^\d.,])(\d{1,9})( customers?\b)", told, text)
    return re.sub(r"(\()(\d{1,9})(:)", told, text)


def shown(n: int, k: int = K) -> str:
    """A count that stands alone, for people."""
    return f"fewer than {k}" if is_small(n, k) else f"{n:,}"
