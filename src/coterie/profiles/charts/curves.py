"""Two or three lines over the same numbers, each named at its end, and one place marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt

from coterie.profiles.charts.colours import GROUPS, INK, PAPER, QUIET
from coterie.profiles.charts.theme import drawn, raw, rows

DOTS = 12
"""So many points of a line are drawn as such."""
CLOSE = 0.07
"""Lines that end nearer to each other than this share of the height have their names moved apart."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line: its name and its points (x, y); `dashed` for what was only foreseen."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def curves(
    found: Sequence[Curve],
    *,
    title: str,
    across: str,
    up: str,
    note: str = "",
    mark: tuple[float, str] | None = None,
    shares: tuple[bool, bool] = (False, False),
    unit: bool = False,
    height: int = 240,
) -> alt.LayerChart:
    """Lines with their names at the right ends.

    Args:
        mark: a place across, with its words.
        shares: whether the numbers across, and up, are shares of 1.
        unit: up is from 0 to 1 whatever the points.
    """
    room = 7 * max((len(c.name) for c in found), default=0) + 12
    scale = alt.Scale(nice=False, zero=False, rangeMax=alt.ExprRef(f"width - {room}"))
    top = alt.Scale(domain=[0, 1]) if unit else alt.Scale(zero=True, nice=True)
    x = alt.X(
        "x:Q",
        title=across,
        scale=scale,
        axis=alt.Axis(format="%" if shares[0] else ",d", tickMinStep=0.05 if shares[0] else 1, grid=False),
    )
    y = alt.Y("y:Q", title=up, scale=top, axis=alt.Axis(format="%" if shares[1] else "~s", tickCount=5))
    layers = []
    if mark is not None:
        at = alt.Chart(rows([{"x": mark[0], "words": mark[1]}]))
        layers.append(at.mark_rule(strokeDash=[3, 3], color=QUIET).encode(x=x))
        layers.append(at.mark_text(align="left", dx=6, y=0, baseline="top", color=INK, fontWeight=600).encode(x=x, text="words:N"))
    shifts = _shifts(
        [one.points[-1][1] for one in found if one.points], max((b for one in found for _, b in one.points), default=1.0)
    )
    for n, one in enumerate(found):
        colour = GROUPS[n % len(GROUPS)]
        parts = [{"x": a, "y": b, "colour": colour} for a, b in one.points]
        base = alt.Chart(rows(parts)).encode(x=x, y=y)
        layers.append(
            base.mark_line(color=colour, strokeWidth=2, strokeDash=[5, 4]) if one.dashed else base.mark_line(color=colour)
        )
        if len(parts) <= DOTS:
            layers.append(base.mark_point(size=26, filled=True, opacity=1, color=colour, stroke=PAPER))
        if parts:
            last = alt.Chart(rows([{**parts[-1], "name": one.name}]))
            layers.append(last.mark_text(align="left", dx=8, dy=shifts[n]).encode(x=x, y=y, text="name:N", color=raw("colour")))
    return drawn(*layers, title=title, note=note, height=height)


def _shifts(ends: Sequence[float], most: float) -> list[int]:
    """By how many pixels the names at the ends of lines move so that no two lie on each other."""
    order = sorted(range(len(ends)), key=lambda i: -ends[i])
    out = [0] * len(ends)
    for above, below in pairwise(order):
        if ends[above] - ends[below] < CLOSE * most:
            out[above], out[below] = min(out[above], -7), 8
    return out
