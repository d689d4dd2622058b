"""An UpSet plot: which groups customers are in at once, the largest combinations first (Lex and others 2014)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ACCENT, HAIRLINE, INK, QUIET
from coterie.profiles.charts.theme import drawn, raw, rows

BARS, ROW = 170, 26
"""Pixels of the bars above, and of each group's row of dots."""


@dataclass(frozen=True, slots=True)
class Together:
    """Customers who are in exactly these groups."""

    groups: tuple[str, ...]
    customers: int


def upset(
    found: Sequence[Together], sizes: Mapping[str, int], *, title: str, note: str = "", axis: str = "customers"
) -> alt.LayerChart:
    """Bars of the combinations over a matrix of dots.

    Args:
        found: combinations in order, from the left.
        sizes: the groups in order, from the top, with how many are in each.
    """
    groups = list(sizes)
    height = BARS + 24 + ROW * len(groups)
    most = max((t.customers for t in found), default=1)
    columns = [str(i) for i in range(len(found))]
    place = {g: BARS + 24 + ROW * (i + 0.5) for i, g in enumerate(groups)}
    up = alt.Scale(domain=[0, height], range=[0, alt.ExprRef("height")], nice=False, zero=False)
    x = alt.X(
        "i:N",
        sort=columns,
        scale=alt.Scale(domain=columns, padding=0.25, rangeMin=alt.ExprRef("206"), rangeMax=alt.ExprRef("width")),
        axis=None,
    )

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=up, axis=None)

    bars = [
        {"i": str(n), "top": BARS - (BARS - 20) * t.customers / most, "foot": BARS, "n": t.customers} for n, t in enumerate(found)
    ]
    dots = [{"i": str(n), "y": place[g], "colour": INK if g in t.groups else HAIRLINE} for n, t in enumerate(found) for g in groups]
    ties = [
        {"i": str(n), "from": min(place[g] for g in t.groups), "to": max(place[g] for g in t.groups)}
        for n, t in enumerate(found)
        if len(t.groups) > 1
    ]
    names = [{"y": place[g], "words": g, "n": f"{sizes[g]:,}"} for g in groups]
    bar = alt.Chart(rows(bars)).encode(x=x)
    layers = [
        alt.Chart(rows({"y": place[g] + ROW / 2} for g in groups)).mark_rule(color=HAIRLINE).encode(y=y("y")),
        bar.mark_bar(color=ACCENT).encode(y=y("top"), y2="foot:Q"),
        bar.mark_text(dy=-8, opacity=alt.ExprRef("bandwidth('x') > 24 ? 1 : 0")).encode(
            y=y("top"), text=alt.Text("n:Q", format=",d")
        ),
        alt.Chart(rows(ties))
        .mark_rule(strokeWidth=2, color=INK)
        .encode(x=alt.X("i:N", sort=columns, bandPosition=0.5), y=y("from"), y2="to:Q"),
        alt.Chart(rows(dots))
        .mark_circle(size=90, opacity=1)
        .encode(
            x=alt.X("i:N", sort=columns, bandPosition=0.5),
            y=y("y"),
            color=raw("colour"),
        ),
        alt.Chart(rows(names)).mark_text(align="left", x=0, limit=152).encode(y=y("y"), text="words:N"),
        alt.Chart(rows(names)).mark_text(align="right", x=198, color=QUIET).encode(y=y("y"), text="n:N"),
        alt.Chart(rows([{"y": 8.0, "words": axis}])).mark_text(align="left", x=0, color=QUIET).encode(y=y("y"), text="words:N"),
    ]
    return drawn(*layers, title=title, note=note, height=height)
