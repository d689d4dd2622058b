"""Whether what was told came true: told across, what happened up, intervals, and the line on which both agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ACCENT, PAPER, QUIET, REST
from coterie.profiles.charts.theme import drawn, rows


@dataclass(frozen=True, slots=True)
class Point:
    """Some customers: what was told of them, what happened, and between what that may lie by chance."""

    told: float
    happened: float
    low: float
    high: float


def calibration(
    points: Sequence[Point], *, title: str, across: str, up: str, note: str = "", share: bool = True, height: int = 260
) -> alt.LayerChart:
    """Points with their intervals around the diagonal."""
    most = max((max(p.told, p.high) for p in points), default=1.0)
    scale = alt.Scale(domain=[0, min(most * 1.05, 1.0) if share else most * 1.05], nice=True, clamp=True)
    axis = alt.Axis(format="%" if share else "~s", tickCount=5)
    parts = [{"told": p.told, "happened": p.happened, "low": p.low, "high": p.high} for p in points]
    x = alt.X("told:Q", title=across, scale=scale, axis=axis)
    y = alt.Y("happened:Q", title=up, scale=scale, axis=axis)
    same = alt.Chart(rows([{"told": 0, "happened": 0}, {"told": most, "happened": most}]))
    base = alt.Chart(rows(parts)).encode(x=x)
    layers = [
        same.mark_line(strokeDash=[4, 4], color=REST, strokeWidth=1.5).encode(x=x, y=y),
        base.mark_rule(strokeWidth=1.5, color=QUIET).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_point(size=70, filled=True, opacity=1, color=ACCENT, stroke=PAPER).encode(y=y),
    ]
    return drawn(*layers, title=title, note=note, height=height)
