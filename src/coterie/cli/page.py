"""What a command prints for people: lines, facts and tables, laid out for the terminal or plain in a pipe.

On a terminal lines wrap at its width and the widest column of a table gives way. In a pipe nothing is cut, and no line ends
in blanks. COLUMNS counts in both.
"""

import os
import sys
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

QUIET, WARNING, ACCENT = "dim", "yellow", "bold"
ROOM, COMFORT = 24, 40
"""The least width in which a column of text is worth showing, and one in which it reads well."""
GAP = 2
Heading = tuple[str, bool]
"""A heading, and whether its column is of numbers (right-aligned)."""


class Page:
    """Standard output for people."""

    def __init__(self) -> None:
        self.plain = not sys.stdout.isatty()
        columns = os.environ.get("COLUMNS", "")
        self.width = int(columns) if columns.isdigit() and int(columns) > 0 else None
        self.console = Console(
            highlight=False, markup=False, emoji=False, soft_wrap=self.plain, width=10_000 if self.plain else self.width
        )

    def line(self, text: str = "", style: str | None = None) -> None:
        if self.plain:
            self.out(text)
        else:
            self.console.print(Text(text, style=style or ""))

    def out(self, text: str) -> None:
        self.console.file.write(text.rstrip() + "\n")

    def title(self, text: str) -> None:
        self.line(text, ACCENT)

    def quiet(self, text: str) -> None:
        self.line(text, QUIET)

    def warn(self, text: str) -> None:
        self.line(text, WARNING)

    def listed(self, texts: Sequence[str], bullet: str = "·") -> None:
        """Lines with a bullet, wrapped beside it."""
        for text in texts:
            if self.plain:
                self.out(f"  {bullet} {text}")
                continue
            grid = Table.grid(padding=(0, 1, 0, 0))
            grid.add_column(no_wrap=True)
            grid.add_column()
            grid.add_row(Text(f"  {bullet}"), Text(text))
            self.console.print(grid)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and what is said of them, two columns, the second wrapped."""
        width = max((cell_len(name) for name, _ in rows), default=0)
        if self.plain:
            for name, text in rows:
                self.out(f"  {name}{' ' * (width - cell_len(name))}  {text}")
            return
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True, min_width=width + 2)
        grid.add_column(overflow="fold")
        for name, text in rows:
            grid.add_row(Text(f"  {name}", style=QUIET), Text(text))
        self.console.print(grid)

    def table(
        self,
        headings: Sequence[Heading],
        rows: Sequence[Sequence[str]],
        wide: str | None = None,
        *,
        cut: bool = True,
        styles: Sequence[str | None] = (),
    ) -> None:
        """A table of texts.

        Args:
            headings: of its columns.
            wide: the heading of the column that gives way where there is no room; it is left out where almost none is left.
            cut: whether that column is cut with an ellipsis rather than wrapped.
            styles: of the rows.
        """
        if self.plain:
            self.plainly(headings, rows)
            return
        names = [heading for heading, _ in headings]
        cells = [max((cell_len(row[i]) for row in rows), default=0) for i in range(len(names))]
        room = self.console.width - _taken(names, cells, wide)
        if room < min(COMFORT, cells[names.index(wide)] if wide is not None else 0):
            # The headings of numbers over two lines leave more for the text.
            broken = [n.replace(" ", "\n") if right else n for n, right in headings]
            names = [b if cell_len(n) > c else n for n, b, c in zip(names, broken, cells, strict=True)]
            room = self.console.width - _taken(names, cells, wide)
        kept = [i for i, name in enumerate(names) if name != wide or room >= min(ROOM, cells[i])]
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style=QUIET)
        for i in kept:
            if names[i] == wide:
                shown.add_column(Text(names[i]), overflow="ellipsis" if cut else "fold", no_wrap=cut, max_width=max(room, 8))
            else:
                justify: JustifyMethod = "right" if headings[i][1] else "left"
                shown.add_column(Text(names[i]), justify=justify, no_wrap=True, overflow="ellipsis", vertical="top")
        for n, row in enumerate(rows):
            shown.add_row(*(Text(row[i]) for i in kept), style=styles[n] if n < len(styles) else None)
        self.console.print(shown)

    def plainly(self, headings: Sequence[Heading], rows: Sequence[Sequence[str]]) -> None:
        lines = [[heading for heading, _ in headings], *rows]
        widths = [max(cell_len(line[i]) for line in lines) for i in range(len(headings))]
        for line in lines:
            cells = []
            for text, width, (_, right) in zip(line, widths, headings, strict=True):
                blanks = " " * (width - cell_len(text))
                cells.append(blanks + text if right else text + blanks)
            self.out("  ".join(cells))


def _taken(names: Sequence[str], cells: Sequence[int], wide: str | None) -> int:
    """The width of all columns but the wide one, with what stands between."""
    heads = [max(cell_len(part) for part in name.split("\n")) for name in names]
    return sum(max(h, c) + GAP for name, h, c in zip(names, heads, cells, strict=True) if name != wide)
