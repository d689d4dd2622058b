"""A treemap: rectangles whose areas are values, as square as may be (Bruls, Huizing, van Wijk 2000)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import PAPER, REST, on
from coterie.profiles.charts.theme import drawn, raw, rows

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def squarify(values: Sequence[float], width: float = 1.0, height: float = 1.0) -> list[Box]:
    """Lay out positive values, largest first, in a rectangle; their areas are in proportion to them."""
    whole = sum(values)
    if not whole:
        return []
    areas = [v / whole * width * height for v in values]
    boxes: list[Box] = []
    left, top, right, bottom = 0.0, 0.0, width, height
    row: list[float] = []

    def worst(row: Sequence[float], side: float) -> float:
        total = sum(row)
        return max(max(side**2 * a / total**2, total**2 / (side**2 * a)) for a in row)

    def lay(row: Sequence[float]) -> None:
        nonlocal left, top
        total = sum(row)
        if right - left >= bottom - top:
            thick, at = total / (bottom - top), top
            for area in row:
                boxes.append((left, at, left + thick, at + area / thick))
                at += area / thick
            left += thick
        else:
            thick, at = total / (right - left), left
            for area in row:
                boxes.append((at, top, at + area / thick, top + thick))
                at += area / thick
            top += thick

    for area in areas:
        side = min(right - left, bottom - top)
        if row and worst([*row, area], side) > worst(row, side):
            lay(row)
            row = []
        row.append(area)
    lay(row)
    return boxes


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle: its name, its value (> 0), and two short texts below the name."""

    name: str
    value: float
    text: str
    more: str = ""


def treemap(tiles: Sequence[Tile], *, title: str, colours: Mapping[str, str], note: str = "", height: int = 380) -> alt.LayerChart:
    """Tiles by value, the largest first, with their names in them where they fit."""
    listed = sorted((t for t in tiles if t.value > 0), key=lambda t: (-t.value, t.name))
    boxes = squarify([t.value for t in listed], 1.6, 1.0)
    parts = []
    for tile, (left, top, right, bottom) in zip(listed, boxes, strict=True):
        fill = colours.get(tile.name, REST)
        parts.append(
            {
                "name": tile.name,
                "text": tile.text,
                "more": tile.more,
                "x": left / 1.6,
                "x2": right / 1.6,
                "y": top,
                "y2": bottom,
                "fill": fill,
                "ink": on(fill),
            }
        )
    plain = alt.Scale(domain=[0, 1], nice=False, zero=True)
    base = alt.Chart(rows(parts)).encode(
        x=alt.X("x:Q", scale=plain, axis=None), y=alt.Y("y:Q", scale=alt.Scale(domain=[1, 0], nice=False), axis=None)
    )
    squares = base.mark_rect(stroke=PAPER, strokeWidth=2).encode(x2="x2:Q", y2="y2:Q", color=raw("fill"))

    def words(field: str, line: int) -> alt.Chart:
        seen = f"(datum.x2 - datum.x) * width > 56 && (datum.y2 - datum.y) * height > {24 + 18 * line}"
        text: alt.Chart = base.mark_text(
            align="left",
            baseline="top",
            dx=9,
            dy=9 + 18 * line,
            fontWeight=600 if line == 0 else "normal",
            limit=alt.ExprRef("(datum.x2 - datum.x) * width - 14"),
            opacity=alt.ExprRef(f"{seen} ? 1 : 0"),
        ).encode(text=f"{field}:N", color=raw("ink"))
        return text

    return drawn(squares, words("name", 0), words("text", 1), words("more", 2), title=title, note=note, height=height)
