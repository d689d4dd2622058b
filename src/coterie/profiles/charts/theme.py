"""The one theme of all charts, and how a chart gets its title, its size and its note."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from coterie.profiles.charts.colours import ACCENT, GROUPS, HAIRLINE, INK, QUIET, for_page

FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDTH = 720
"""In pixels, in notebooks; on a page a chart is as wide as its place."""
SMALL = 13
Rows = Iterable[Mapping[str, Any]]

_TEXT = {"labelFont": FONT, "labelFontSize": SMALL, "labelColor": QUIET, "titleFont": FONT, "titleFontSize": SMALL}
CONFIG: Mapping[str, Any] = {
    "font": FONT,
    "background": "transparent",
    "aria": False,  # the page says it in words: a chart is one picture with a table behind it
    "view": {"stroke": None},
    "axis": {
        **_TEXT,
        "titleColor": QUIET,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelPadding": 6,
        "labelLimit": 200,
        "labelOverlap": True,
        "domain": False,
        "ticks": False,
        "gridColor": HAIRLINE,
        "domainColor": HAIRLINE,
        "tickColor": HAIRLINE,
    },
    "axisBand": {"grid": False},
    "legend": {**_TEXT, "titleColor": QUIET, "titleFontWeight": "normal", "orient": "top", "symbolType": "square"},
    "header": {**_TEXT, "titleColor": QUIET},
    "title": {
        "font": FONT,
        "fontSize": 15,
        "fontWeight": 600,
        "color": INK,
        "anchor": "start",
        "subtitleFont": FONT,
        "subtitleFontSize": SMALL,
        "subtitleColor": QUIET,
        "subtitlePadding": 6,
        "offset": 14,
    },
    "text": {"font": FONT, "fontSize": SMALL, "color": INK},
    "bar": {"color": ACCENT},
    "line": {"color": ACCENT, "strokeWidth": 2},
    "rule": {"color": QUIET},
    "range": {"category": list(GROUPS)},
}


def rows(values: Rows) -> alt.InlineData:
    """Rows as a chart's data; what the chart does not draw, its table has."""
    return alt.InlineData(values=[dict(row) for row in values])


def drawn(*layers: alt.Chart, title: str, note: str = "", height: int = 300) -> alt.LayerChart:
    """Layers as one chart with the theme.

    Args:
        title: the finding, as a sentence.
        note: what population, what day, how many cannot be told.
        height: of the plot, in pixels.
    """
    said = alt.Title(title, subtitle=note) if note else alt.Title(title)
    chart: alt.LayerChart = alt.layer(*layers).properties(title=said, width=WIDTH, height=height).configure(**CONFIG)
    return chart


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """A chart for the page: as wide as its place, in the page's colours; its title and note stand beside it as text."""
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec.pop("title", None)
    spec.pop("$schema", None)
    spec["width"] = "container"
    painted: dict[str, Any] = for_page(spec)
    return painted


def raw(field: str) -> alt.Color:
    """Colours that stand in the data themselves, so that layers never share a scale by mistake."""
    return alt.Color(f"{field}:N", scale=None, legend=None)


def room(pixels: int) -> alt.Scale:
    """A scale that keeps so many pixels free on the right, for labels at the ends of bars."""
    return alt.Scale(rangeMax=alt.ExprRef(f"width - (width < 300 ? 56 : {pixels})"), zero=True, nice=False)
