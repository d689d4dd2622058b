"""Amounts of groups as bars, each with the interval in which it probably lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ACCENT, INK, REST
from coterie.profiles.charts.theme import drawn, raw, room, rows


@dataclass(frozen=True, slots=True)
class Amount:
    """A group's amount, between what it probably lies, and the text at the end of its bar."""

    name: str
    value: float
    low: float
    high: float
    text: str
    short: str = ""


def amounts(
    found: Sequence[Amount],
    *,
    title: str,
    axis: str,
    note: str = "",
    colours: Mapping[str, str] | None = None,
    text_room: int = 190,
) -> alt.LayerChart:
    """Bars from zero in the order given; a thin line is the interval."""
    order = [a.name for a in found]
    painted = colours or dict.fromkeys(order, ACCENT)
    parts = [
        {
            "name": a.name,
            "start": 0,
            "value": a.value,
            "low": a.low,
            "high": a.high,
            "text": a.text,
            "short": a.short or a.text,
            "colour": painted.get(a.name, REST),
        }
        for a in found
    ]
    scale = room(text_room)
    base = alt.Chart(rows(parts)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=alt.ExprRef("width < 60 ? 110 : 210")))
    )
    across = alt.Axis(format="~s", tickCount=3)
    bar = base.mark_bar(height=16).encode(
        x=alt.X("start:Q", scale=scale, title=axis, axis=across), x2="value:Q", color=raw("colour")
    )
    interval = base.mark_rule(strokeWidth=1.5, color=INK).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    text = base.mark_text(align="left", dx=8, text=alt.ExprRef("width < 300 ? datum.short : datum.text"))
    return drawn(bar, interval, text.encode(x=alt.X("high:Q", scale=scale)), title=title, note=note, height=28 * max(len(found), 1))
