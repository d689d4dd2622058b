"""Money or orders month by month, from new and from returning customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import altair as alt

from coterie.profiles.charts.colours import GROUPS, REST
from coterie.profiles.charts.theme import drawn, rows

UNSPLIT = "all customers"
"""Of months in which new and returning customers may not be told apart."""


@dataclass(frozen=True, slots=True)
class MonthBar:
    """A month (its first day), what new and what returning customers brought, and whether the data covers all of it."""

    start: date
    new: float
    returning: float
    complete: bool = True
    split: bool = True
    """False: too few new or returning customers to show; `returning` is then everybody's."""


def months(found: Sequence[MonthBar], *, title: str, axis: str, note: str = "", height: int = 280) -> alt.LayerChart:
    """Stacked bars, returning customers below; a month that is not over is lighter."""
    parts = []
    for m in found:
        both = (("returning customers", m.returning, 0.0), ("new customers", m.new, m.returning))
        for kind, value, start in both if m.split else ((UNSPLIT, m.returning, 0.0),):
            parts.append(
                {
                    "month": m.start.isoformat(),
                    "kind": kind,
                    "start": start,
                    "end": start + value,
                    "over": m.complete,
                }
            )
    kinds = ["returning customers", "new customers"]
    if not all(m.split for m in found):
        kinds.append(UNSPLIT)
    many = len(found) > 18
    label = "%Y" if len(found) > 60 else "%b %y"
    chart = (
        alt.Chart(rows(parts))
        .mark_bar(width=alt.ExprRef(f"max(1, width / {max(len(found), 1)} * 0.72)"))
        .encode(
            x=alt.X(
                "month:T",
                scale=alt.Scale(type="utc", padding=24 if not many else 12),
                title=None,
                axis=alt.Axis(
                    format=label, grid=False, labelSeparation=10, tickCount={"interval": "month", "step": max(1, len(found) // 12)}
                ),
            ),
            y=alt.Y("start:Q", title=axis, scale=alt.Scale(zero=True), axis=alt.Axis(format="~s", tickCount=4)),
            y2="end:Q",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=kinds, range=[GROUPS[0], GROUPS[1], REST][: len(kinds)]),
                legend=alt.Legend(title=None, columns=1),
            ),
            opacity=alt.condition("datum.over", alt.value(1), alt.value(0.45)),
        )
    )
    return drawn(chart, title=title, note=note, height=height)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The best so large a share of customers (0 to 1) and the share of money they brought."""

    customers: float
    money: float
    words: str = ""


def curve(
    points: Sequence[CurvePoint], *, title: str, customers: str, money: str, note: str = "", height: int = 340
) -> alt.LayerChart:
    """The Lorenz curve from the best customer on, the line on which all would bring the same, and points with words."""
    parts = [{"x": p.customers, "y": p.money, "words": p.words} for p in points]
    told = [p for p in parts if p["words"]]
    x = alt.X("x:Q", title=customers, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5))
    y = alt.Y("y:Q", title=money, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5))
    same = alt.Chart(rows([{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(strokeDash=[4, 4], color=REST, strokeWidth=1.5)
    layers = [same.encode(x=x, y=y), alt.Chart(rows(parts)).mark_line(strokeWidth=2.5).encode(x=x, y=y, order="x:Q")]
    if told:
        at = alt.Chart(rows(told)).encode(x=x, y=y)
        layers.append(at.mark_point(size=70, filled=True, opacity=1, color=GROUPS[0]))
        layers.append(at.mark_text(align="left", dx=10, dy=10, baseline="top").encode(text="words:N"))
    return drawn(*layers, title=title, note=note, height=height)
