"""How far a goal is: where it began, where it is with its interval, where it should be by now and where it should end."""

import altair as alt

from coterie.profiles.charts.colours import ACCENT, INK, QUIET, REST
from coterie.profiles.charts.theme import drawn, rows


def goal(
    *,
    start: float,
    now: float,
    low: float | None,
    high: float | None,
    needed: float,
    target: float,
    title: str,
    axis: str,
    note: str = "",
) -> alt.LayerChart:
    """One line: a ring where it began, a disc with its interval where it is, ticks for what is needed now and at the end."""
    values = [v for v in (start, now, low, high, needed, target) if v is not None]
    margin = (max(values) - min(values)) * 0.15 or abs(now) * 0.1 or 1.0
    scale = alt.Scale(domain=[min(values) - margin, max(values) + margin], nice=True, zero=False)
    across = alt.Axis(format=",.4~g", tickCount=5)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, title=axis, axis=across)

    layers = []
    if low is not None and high is not None:
        layers.append(
            alt.Chart(rows([{"a": low, "b": high}])).mark_rule(strokeWidth=3, color=ACCENT, y=52).encode(x=x("a"), x2="b:Q")
        )
    points = [
        {"v": start, "words": "start", "line": 84, "shape": "start"},
        {"v": now, "words": "now", "line": 28, "shape": "now"},
    ]
    ticks = [{"v": needed, "words": "needed by now"}, {"v": target, "words": "goal"}]
    layers += [
        alt.Chart(rows(ticks)).mark_tick(thickness=2, size=34, color=INK, y=52).encode(x=x("v")),
        alt.Chart(rows(ticks[:1])).mark_text(y=84, color=QUIET).encode(x=x("v"), text="words:N"),
        alt.Chart(rows(ticks[1:])).mark_text(y=24, color=INK, fontWeight=600).encode(x=x("v"), text="words:N"),
        alt.Chart(rows(points[:1])).mark_point(size=90, color=REST, strokeWidth=2, y=52, opacity=1).encode(x=x("v")),
        alt.Chart(rows(points[1:])).mark_point(size=110, filled=True, color=ACCENT, y=52, opacity=1).encode(x=x("v")),
        alt.Chart(rows(points[1:])).mark_text(y=24, color=ACCENT, fontWeight=600).encode(x=x("v"), text="words:N"),
    ]
    return drawn(*layers, title=title, note=note, height=104)
