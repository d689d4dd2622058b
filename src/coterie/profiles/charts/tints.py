"""What is typical of each group: a table whose cells are tinted by how far a group lies above or below everybody."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ABOVE, BELOW, HAIRLINE
from coterie.profiles.charts.theme import drawn, raw, rows

MOST = 2.0
"""Standard deviations from everybody from which on the tint is no stronger."""
STRONGEST = 0.42


@dataclass(frozen=True, slots=True)
class Tint:
    """A cell: its group, what it is told by, what is typical there, and by how many standard deviations that is above everybody."""

    group: str
    by: str
    text: str
    effect: float


def tints(found: Sequence[Tint], groups: Sequence[str], by: Sequence[str], *, title: str, note: str = "") -> alt.LayerChart:
    """Groups down, what they are told by across."""
    parts = [
        {
            "x": t.by,
            "y": t.group,
            "text": t.text,
            "colour": ABOVE if t.effect > 0 else BELOW,
            "strength": STRONGEST * min(abs(t.effect) / MOST, 1),
        }
        for t in found
    ]
    top = alt.Axis(orient="top", labelAngle=0, labelLimit=alt.ExprRef(f"width / {max(len(by), 1)} - 8"), labelOverlap=False)
    left = alt.Axis(labelLimit=alt.ExprRef("width < 220 ? 110 : 230"))
    base = alt.Chart(rows(parts)).encode(
        x=alt.X("x:N", sort=list(by), scale=alt.Scale(domain=list(by), paddingInner=0.03), title=None, axis=top),
        y=alt.Y("y:N", sort=list(groups), scale=alt.Scale(domain=list(groups), paddingInner=0.06), title=None, axis=left),
    )
    squares = base.mark_rect(stroke=HAIRLINE).encode(
        color=raw("colour"), opacity=alt.Opacity("strength:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None)
    )
    said = base.mark_text(limit=alt.ExprRef("bandwidth('x') - 6")).encode(text="text:N")
    return drawn(squares, said, title=title, note=note, height=34 * max(len(groups), 1))
