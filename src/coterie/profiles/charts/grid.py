"""The grid of an RFM segmentation as a heat-map: recency across, frequency (and money) up."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import HAIRLINE, ON_STEPS, QUIET, STEPS, step_of
from coterie.profiles.charts.theme import drawn, raw, rows


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: column and row as they are named on the axes, how much it weighs (None: hidden), and two short texts."""

    across: str
    up: str
    weight: float | None
    text: str
    more: str = ""
    outlined: bool = False


def heat_map(
    cells: Sequence[Cell],
    across: Sequence[str],
    up: Sequence[str],
    *,
    title: str,
    across_title: str,
    up_title: str,
    note: str = "",
    band: int = 44,
    labels_angle: int = 0,
    least: float = 0,
) -> alt.LayerChart:
    """A table of cells coloured by weight in six steps of one hue; hidden cells are outlined only.

    Args:
        across, up: the order of columns (from the left) and rows (from the top).
        band: pixels of a row; with 40 or more the second text stands below the first.
        least: the weight of the lightest step.
    """
    weights = [c.weight for c in cells if c.weight is not None]
    most = max(weights, default=0.0)
    steps = [None if c.weight is None else step_of(c.weight, least, most) for c in cells]
    parts = [
        {
            "x": c.across,
            "y": c.up,
            "text": c.text,
            "more": c.more,
            "fill": "transparent" if s is None else STEPS[s],
            "ink": QUIET if s is None else ON_STEPS[s],
        }
        for c, s in zip(cells, steps, strict=True)
    ]
    top = alt.Axis(orient="top", labelAngle=0, labelLimit=130)
    if labels_angle:
        top = alt.Axis(orient="top", labelAngle=labels_angle, labelAlign="left", labelOverlap=False, labelLimit=130)
    base = alt.Chart(rows(parts)).encode(
        x=alt.X(
            "x:N",
            sort=list(across),
            scale=alt.Scale(domain=list(across), paddingInner=0.03),
            title=across_title,
            axis=top,
        ),
        y=alt.Y("y:N", sort=list(up), scale=alt.Scale(domain=list(up), paddingInner=0.05), title=up_title),
    )
    squares = base.mark_rect(stroke=HAIRLINE).encode(fill=alt.Fill("fill:N", scale=None, legend=None))
    wide = max((len(c.text) for c in cells), default=1) * 7.2 + 4
    two = band >= 40 and any(c.more for c in cells)
    more_wide = max((len(c.more) for c in cells), default=1) * 6.8 + 4
    fits = f"bandwidth('x') >= {more_wide:.0f}"
    first = base.mark_text(
        dy=alt.ExprRef(f"{fits} ? -8 : 0") if two else 0,
        opacity=alt.ExprRef(f"bandwidth('x') >= {min(wide, 60):.0f} ? 1 : bandwidth('x') >= length(datum.text) * 7.2 ? 1 : 0"),
    ).encode(text="text:N", color=raw("ink"))
    layers = [squares, first]
    if two:
        layers.append(base.mark_text(dy=9, opacity=alt.ExprRef(f"{fits} ? 1 : 0")).encode(text="more:N", color=raw("ink")))
    outlined = [{"x": c.across, "y": c.up} for c in cells if c.outlined]
    if outlined:
        frame = alt.Chart(rows(outlined)).mark_rect(fill="transparent", stroke=QUIET, strokeWidth=1.5)
        layers.append(frame.encode(x=alt.X("x:N", sort=list(across)), y=alt.Y("y:N", sort=list(up))))
    return drawn(*layers, title=title, note=note, height=band * max(len(up), 1))
