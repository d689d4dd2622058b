"""The theme, the colours and the layouts of charts; every chart draws its marks without a warning."""

import json
import math
import re
from datetime import date
from itertools import combinations
from pathlib import Path

import altair as alt
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st

from coterie.profiles.charts import bars, colours, effects, flows, goals, grid, intersections, lines, months, theme, treemap
from coterie.profiles.page import words
from coterie.profiles.page.render import as_json, said

STATIC = Path(words.__file__).parent / "static"


@pytest.mark.parametrize("page", [colours.LIGHT, colours.DARK])
def test_text_can_be_read(page) -> None:
    for token in ("ink", "quiet", "accent"):
        assert colours.contrast(page[token], page["paper"]) >= 4.5, token
    inks = ("ink", "ink", "ink", "ink", "paper", "paper")
    assert tuple(colours.LIGHT[i] for i in inks) == colours.ON_STEPS
    for n, ink in enumerate(inks, 1):
        assert colours.contrast(page[f"step-{n}"], page[ink]) >= 4.5, n
    on = colours.ON_GROUPS if page is colours.LIGHT else colours.DARK_ON_GROUPS
    for name, ink in on.items():
        assert colours.contrast(page[name.removeprefix("on-")], ink) >= 4.5, name


@pytest.mark.parametrize("page", [colours.LIGHT, colours.DARK], ids=["light", "dark"])
def test_marks_stand_out_and_groups_from_each_other(page) -> None:
    groups = [f"group-{n}" for n in range(1, 11)]
    for token in (*groups, "rest", "unknown", "accent"):
        assert colours.contrast(page[token], page["paper"]) >= 3, token
    for one, other in combinations(groups, 2):
        assert _apart(page[one], page[other]) >= 15, (one, other)


def _apart(one: str, other: str) -> float:
    """How different two colours look: the distance in CIE Lab; 2 can just be told."""
    return math.dist(_lab(one), _lab(other))


def _lab(colour: str) -> tuple[float, float, float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_contrast_is_that_of_wcag() -> None:
    assert colours.contrast("#ffffff", "#000000") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_groups_keep_their_colour() -> None:
    names = [f"g{n}" for n in range(12)]
    assert list(colours.by_key(names[:3]).values()) == list(colours.GROUPS[:3])
    kept = colours.by_key(names)
    assert kept["g0"] == colours.GROUPS[0]
    assert kept["g10"] == kept["g11"] == colours.REST


def test_each_colour_becomes_a_variable_of_its_own() -> None:
    shared = [v for k, v in {**colours.LIGHT, **colours.ON_GROUPS}.items() if k != "accent"]
    assert len(shared) == len(set(shared))
    spec = {"a": colours.INK, "b": [colours.UNKNOWN, {"c": colours.ACCENT}], "d": 1, "e": "text"}
    assert colours.for_page(spec) == {"a": "var(--ink)", "b": ["url(#cannot-tell)", {"c": "var(--group-1)"}], "d": 1, "e": "text"}


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=40))
def test_a_treemap_is_filled_in_proportion(values: list[int]) -> None:
    values.sort(reverse=True)
    boxes = treemap.squarify(values, 1.6, 1.0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
    assert areas == pytest.approx([v / sum(values) * 1.6 for v in values], rel=1e-6)
    for left, top, right, bottom in boxes:
        assert -1e-9 <= left < right <= 1.6 + 1e-9
        assert -1e-9 <= top < bottom <= 1 + 1e-9


CHARTS = {
    "bars": (bars.bars([bars.Bar("a", 5, "5", 2), bars.Bar("b", 3, "3")], title="t", axis="customers"), 3 + 2),
    "pairs": (bars.pairs([bars.Pair("a", 0.1, 0.5), bars.Pair("b", 0.3, 0.2)], title="t", axis="share", money="revenue"), 6),
    "grid": (
        grid.heat_map(
            [grid.Cell("1", "1", 5, "5", "x", outlined=True), grid.Cell("2", "1", None, "<10")],
            ["1", "2"],
            ["1"],
            title="t",
            across_title="x",
            up_title="y",
        ),
        3,
    ),
    "treemap": (treemap.treemap([treemap.Tile("a", 3, "3"), treemap.Tile("b", 1, "1")], title="t", colours={}), 2),
    "line": (
        lines.line([lines.Step(date(2026, 1, d), d) for d in range(1, 9)], [lines.Mark(date(2026, 1, 5), "+3 %")], title="t"),
        10,
    ),
    "months": (
        months.months([months.MonthBar(date(2026, m, 1), 2, 5, m < 3, m > 1) for m in (1, 2, 3)], title="t", axis="amount"),
        5,
    ),
    "curve": (
        months.curve(
            [months.CurvePoint(0, 0), months.CurvePoint(0.2, 0.8, "best"), months.CurvePoint(1, 1)],
            title="t",
            customers="c",
            money="m",
        ),
        3,
    ),
    "sankey": (
        flows.sankey([flows.Band("a", "a", 5), flows.Band("a", "b", 2)], ["a", "b"], title="t", then="x", now="y", colours={}),
        5,
    ),
    "effects": (effects.effects([effects.Effect("a", 0.5, 0.4, 0.6, "1 | 2")], title="t", axis="effect"), 3),
    "upset": (
        intersections.upset(
            [intersections.Together(("a", "b"), 5), intersections.Together(("a",), 2)], {"a": 7, "b": 5}, title="t"
        ),
        2 + 4 + 1,
    ),
    "goal": (goals.goal(start=1, now=2, low=1.5, high=2.5, needed=1.8, target=3, title="t", axis="revenue"), 5),
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_draws_its_marks(name: str, capfd) -> None:
    chart, least = CHARTS[name]
    assert isinstance(chart, alt.LayerChart)
    spec = chart.to_dict()
    assert spec["title"]["text"] == "t"
    svg = vl_convert.vegalite_to_svg(spec, vl_version=alt.SCHEMA_VERSION.rsplit(".", 1)[0])
    assert "NaN" not in svg
    marks = len(re.findall(r"<path|<line|<rect", svg))
    assert marks >= least
    assert "WARN" not in capfd.readouterr().err


@pytest.mark.parametrize("name", CHARTS)
def test_on_a_page_a_chart_has_no_colour_of_its_own(name: str) -> None:
    spec = theme.specification(CHARTS[name][0])
    assert spec["width"] == "container"
    assert "title" not in spec
    assert not re.findall(r"#[0-9a-f]{6}\b", json.dumps(spec))


def test_the_script_is_of_the_version_that_altair_writes() -> None:
    script = (STATIC / "vega.js").read_text(encoding="utf-8")
    version = re.search(r"window\.vegaVersions=\{lite:[\"'`]([\d.]+)[\"'`]", script)
    assert version is not None
    assert alt.SCHEMA_VERSION.startswith(f"v{version.group(1)}.")
    assert "</script" not in script.lower()
    assert "<!--" not in script
    licences = (STATIC / "vega.LICENCES.txt").read_text(encoding="utf-8")
    for package in ("vega (BSD-3-Clause)", "vega-lite", "vega-embed", "d3-array"):
        assert package in licences


def test_numbers_in_words() -> None:
    assert [words.percent(f) for f in (0.0, 0.0951, 0.0995, 0.47, 1.0)] == ["0.0 %", "9.5 %", "10 %", "47 %", "100 %"]
    assert words.percent(-0.31) == "−31 %"
    assert words.percent(0.12, sign=True) == "+12 %"
    assert words.money(1234.5, "GBP") == "1,234.50 GBP"
    assert words.money(-3, None) == "−3.00"
    assert [words.short(v) for v in (999, 1000, 53_460, 1_020_000, 999_600)] == ["999", "1.00k", "53.5k", "1.02m", "1.00m"]
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed(list("abcdef")) == "a, b, c, d and 2 more"


def test_texts_are_escaped() -> None:
    assert said("`<b>` is 5 % & more") == "<code>&lt;b&gt;</code> is 5\u00a0% &amp; more"
    assert as_json({"a": "</script><!--"}) == '{"a":"\\u003c/script\\u003e\\u003c!--"}'
