"""Sizes over time, with the days on which the level jumped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import altair as alt

from coterie.profiles.charts.colours import ACCENT, INK, PAPER, QUIET
from coterie.profiles.charts.theme import drawn, rows

LONG = 120
"""Over so many days and more an axis names months."""


@dataclass(frozen=True, slots=True)
class Step:
    """A size on a day; None where it is hidden."""

    day: date
    size: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A day to point at, with a few words."""

    day: date
    words: str


def line(
    steps: Sequence[Step],
    marks: Sequence[Mark] = (),
    *,
    title: str,
    axis: str = "customers",
    note: str = "",
    colour: str = ACCENT,
    height: int = 150,
) -> alt.LayerChart:
    """One line from zero, its last value written at its end; a dashed line on each day marked."""
    parts = [{"day": s.day.isoformat(), "size": s.size} for s in steps if s.size is not None]
    x = alt.X("day:T", scale=alt.Scale(type="utc", rangeMax=alt.ExprRef("width - 48")), title=None, axis=_days(steps))
    y = alt.Y("size:Q", title=axis, scale=alt.Scale(zero=True), axis=alt.Axis(format=",d", tickCount=3, tickMinStep=1))
    base = alt.Chart(rows(parts))
    layers = []
    if marks:
        at = alt.Chart(rows({"day": m.day.isoformat(), "words": m.words} for m in marks))
        layers.append(at.mark_rule(strokeDash=[3, 3], color=QUIET).encode(x=x))
        layers.append(at.mark_text(align="right", dx=-5, y=0, baseline="top", color=INK).encode(x=x, text="words:N"))
    layers.append(base.mark_line(color=colour, strokeWidth=2, point=alt.OverlayMarkDef(size=18, color=colour)).encode(x=x, y=y))
    if parts:
        last = alt.Chart(rows([parts[-1]]))
        layers.append(last.mark_point(size=50, filled=True, color=colour, stroke=PAPER, opacity=1).encode(x=x, y=y))
        layers.append(last.mark_text(align="left", dx=7, fontWeight=600).encode(x=x, y=y, text=alt.Text("size:Q", format=",d")))
    return drawn(*layers, title=title, note=note, height=height)


def _days(steps: Sequence[Step]) -> alt.Axis:
    """An axis of days whose labels have room in a small chart."""
    span = (steps[-1].day - steps[0].day).days if steps else 0
    label = "%b %y" if span >= LONG else "%-d %b"
    return alt.Axis(format=label, tickCount=4, labelOverlap="greedy", labelSeparation=12, labelFlush=True, grid=False)
