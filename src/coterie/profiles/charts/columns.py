"""Upright bars in a given order, such as tenths of customers: what happened, beside what was told and what holds of everybody."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ACCENT, INK, QUIET, REST, UNKNOWN
from coterie.profiles.charts.theme import drawn, raw, rows

TEXTS = 40
"""So many pixels a bar needs for the text above it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One bar.

    Attributes:
        value: its height; None where it may not be shown: then it is hatched up to `at_most`.
        text: above it, where there is room.
        told: what was foreseen, as a short line.
        low, high: the interval of the value.
    """

    name: str
    value: float | None
    text: str = ""
    told: float | None = None
    low: float | None = None
    high: float | None = None
    at_most: float = 0


def columns(
    found: Sequence[Column],
    *,
    title: str,
    axis: str,
    across: str,
    note: str = "",
    share: bool = False,
    line: tuple[float, str] | None = None,
    strong: Sequence[str] = (),
    height: int = 190,
) -> alt.LayerChart:
    """Upright bars from zero.

    Args:
        axis: what is measured, with its unit; `across`: what the bars are.
        share: values are shares of 1.
        line: a value to compare with and its words, such as the share of everybody.
        strong: the names of the bars that the chart is about; the others are grey. None: all of them.
    """
    order = [c.name for c in found]
    parts = [
        {
            "name": c.name,
            "start": 0,
            "value": c.at_most if c.value is None else c.value,
            "top": max(v for v in (c.value, c.told, c.high, c.at_most, 0) if v is not None),
            "text": c.text,
            "colour": UNKNOWN if c.value is None else ACCENT if not strong or c.name in strong else REST,
        }
        for c in found
    ]
    scale = alt.Scale(domainMin=0, zero=True, nice=True)
    up = alt.Axis(format="%" if share else "~s", tickCount=4)
    x = alt.X(
        "name:N", sort=order, title=across, axis=alt.Axis(labelAngle=0, labelOverlap=True), scale=alt.Scale(paddingInner=0.28)
    )
    base = alt.Chart(rows(parts)).encode(x=x)
    layers = [base.mark_bar().encode(y=alt.Y("start:Q", scale=scale, title=axis, axis=up), y2="value:Q", color=raw("colour"))]
    ranges = [{"name": c.name, "low": c.low, "high": c.high} for c in found if c.low is not None and c.high is not None]
    if ranges:
        between = alt.Chart(rows(ranges)).mark_rule(strokeWidth=1.5, color=INK)
        layers.append(between.encode(x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q"))
    ticks = [{"name": c.name, "told": c.told} for c in found if c.told is not None]
    if ticks:
        layers.append(
            alt.Chart(rows(ticks))
            .mark_tick(thickness=2.5, color=INK, size=alt.ExprRef("bandwidth('x') * 1.25"))
            .encode(x=x, y=alt.Y("told:Q", scale=scale))
        )
    if line is not None:
        level, words = line
        ruled = alt.Chart(rows([{"level": level, "words": words}]))
        layers.append(ruled.mark_rule(strokeDash=[4, 4], color=QUIET, strokeWidth=1.5).encode(y=alt.Y("level:Q", scale=scale)))
        said = ruled.mark_text(align="right", baseline="bottom", dy=-4, color=QUIET, x=alt.ExprRef("width"))
        layers.append(said.encode(y=alt.Y("level:Q", scale=scale), text="words:N"))
    if any(c.text for c in found):
        fits = alt.ExprRef(f"width / {max(len(found), 1)} >= {TEXTS} ? 1 : 0")
        told = base.mark_text(dy=-6, baseline="bottom", opacity=fits).encode(y=alt.Y("top:Q", scale=scale), text="text:N")
        layers.append(told)
    return drawn(*layers, title=title, note=note, height=height)
