"""What sets a segment apart: effects with their intervals, above and below zero."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ABOVE, BELOW, INK, QUIET
from coterie.profiles.charts.theme import drawn, raw, rows


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference (−1 to 1) with its interval, what differs, and the values of both sides in words."""

    name: str
    effect: float
    low: float
    high: float
    words: str = ""
    """Both sides, short; shown at the right where there is room."""


def effects(found: Sequence[Effect], *, title: str, axis: str, note: str = "") -> alt.LayerChart:
    """Bars from zero, to the right where members have more; a thin line is the interval."""
    parts = [
        {
            "name": e.name,
            "effect": e.effect,
            "low": e.low,
            "high": e.high,
            "words": e.words,
            "colour": ABOVE if e.effect > 0 else BELOW,
        }
        for e in found
    ]
    order = [e.name for e in found]
    scale = alt.Scale(domain=[-1, 1], nice=False, rangeMax=alt.ExprRef("width > 280 ? width - 196 : width"))
    base = alt.Chart(rows(parts)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=alt.ExprRef("width < 260 ? 96 : 170")))
    )
    across = alt.Axis(format="+", values=[-1, 0, 1])
    bar = base.mark_bar(height=14).encode(x=alt.X("effect:Q", scale=scale, title=axis, axis=across), color=raw("colour"))
    interval = base.mark_rule(strokeWidth=1.5, color=INK).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    nothing = alt.Chart(rows([{"x": 0}])).mark_rule(color=QUIET).encode(x=alt.X("x:Q", scale=scale))
    values = base.mark_text(align="right", x=alt.ExprRef("width"), opacity=alt.ExprRef("width > 280 ? 1 : 0"), limit=192)
    told = values.encode(text="words:N")
    return drawn(bar, interval, nothing, told, title=title, note=note, height=26 * max(len(found), 1))
