"""The report's numbers are those that `count` gives; nobody can be told from it; it needs nothing but itself."""

import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import coterie
from coterie.core.errors import StoreError, UnknownName
from coterie.language.format import literal
from coterie.language.names import written
from coterie.workspace.report import FILE
from tests import shops

SECTIONS = [
    "goals", "findings", "segments", "groups", "personas", "value", "lifetime", "predictions", "lifecycle", "sizes", "movement",
    "apart", "scorecard", "overlap", "turnover", "retention", "concentration", "quality",
]  # fmt: skip


@pytest.fixture(scope="module")
def space():
    opened = coterie.open(shops.demo())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(space, tmp_path_factory) -> str:
    done = space.report(tmp_path_factory.mktemp("report") / "r.html")
    assert done.size == done.path.stat().st_size < 5_000_000
    assert list(done.sections) == SECTIONS
    return done.path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def open_page(space, tmp_path_factory) -> str:
    """The page with people in it, where nothing is hidden."""
    return space.report(tmp_path_factory.mktemp("report") / "m.html", members=True).path.read_text(encoding="utf-8")


def numbers(page: str) -> dict[str, Any]:
    found = re.search(r'id="coterie-numbers">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


def inside(space, expression: str) -> int:
    return space.count(expression).size.inside


@pytest.mark.parametrize("which", ["page", "open_page"])
def test_sizes_are_what_count_says(which: str, request, space) -> None:
    said = numbers(request.getfixturevalue(which))
    assert said["population"] == space.results.made.population
    hidden = 0
    listed = said["sections"]["segments"]
    assert [s["name"] for s in listed] == list(space.segments)
    for segment in listed:
        size = space.count(written(segment["name"])).size
        for key, really in (("in", size.inside), ("out", size.outside), ("cannot_tell", size.cannot_tell)):
            hidden += segment[key] is None
            assert segment[key] in (None, really), (segment["name"], key)
            assert really == 0 or really >= said["k"] or segment[key] is None
    assert (hidden > 0) == (which == "page")


def test_sums_of_money_are_those_of_the_members(open_page: str, space) -> None:
    said = numbers(open_page)
    money = said["money"]
    for segment in said["sections"]["segments"]:
        rows = space.segments.members(segment["name"], [money])
        assert Decimal(segment["money"]) == sum((r[money] or Decimal(0) for r in rows), Decimal(0))


def test_labels_are_what_count_says(open_page: str, page: str, space) -> None:
    for text in (open_page, page):
        for segmentation in numbers(text)["sections"]["lifecycle"]:
            for label in segmentation["labels"]:
                name = written(segmentation["name"])
                if label["customers"] is None:
                    continue
                if label["label"] is None:
                    assert label["customers"] == space.count(f"{name} = 'x'").size.cannot_tell
                else:
                    assert label["customers"] == inside(space, f"{name} = {literal(label['label'])}")


def test_the_grid_is_what_count_says(open_page: str, space) -> None:
    (grid,) = numbers(open_page)["sections"]["value"]
    name = grid["name"]
    for cell in grid["scores"]:
        assert cell["customers"] == inside(space, f"{name}.r = {cell['r']} and {name}.f = {cell['f']}")
    for label in grid["labels"]:
        assert label["customers"] == inside(space, f"{name} = {literal(label['label'])}")
    assert sum(c["customers"] for c in grid["cells"]) == inside(space, f"{name} is known")
    whole = sum(Decimal(c["money"]) for c in grid["cells"])
    assert whole == numbers_total(space) == sum(Decimal(label["money"]) for label in grid["labels"])


def numbers_total(space) -> Decimal:
    return space.results.revenue[""]


def test_coverage_overlap_and_findings_are_what_count_says(open_page: str, space) -> None:
    said = numbers(open_page)["sections"]
    for column in said["quality"]["coverage"][:12]:
        assert column["known"] == inside(space, f"{written(column['column'])} is known"), column
    members = {n: {r["customer"] for r in space.segments.members(n)} for n in said["overlap"]["segments"]}
    for together in said["overlap"]["combinations"]:
        within = set.intersection(*(members[n] for n in together["segments"]))
        beside = [members[n] for n in members if n not in together["segments"]]
        assert together["customers"] == len(within.difference(*beside))
    counted = [n for f in said["findings"] for n in f["numbers"] if n["expression"]]
    assert counted
    for number in counted:
        assert int(number["value"]) == inside(space, number["expression"]), number


def test_what_sets_apart_is_what_count_says(open_page: str, space) -> None:
    checked = 0
    for segment in numbers(open_page)["sections"]["apart"]["segments"]:
        name = written(segment["segment"])
        for d in segment["differences"][:3]:
            if d["shape"] != "share" or d["value"] == "true":
                continue
            condition = f"{written(d['column'])} = {literal(d['value'])}"
            assert d["members"]["having"] == inside(space, f"{name} and {condition}")
            assert d["others"]["having"] == inside(space, f"not {name} and {condition}")
            checked += 1
    assert checked


def test_months_retention_and_concentration_add_up(open_page: str, space) -> None:
    said = numbers(open_page)
    months, curve, cohorts = (said["sections"][k] for k in ("turnover", "concentration", "retention"))
    assert sum(m["new"] for m in months["months"]) == inside(space, f"exists({months['kind']})")
    assert sum(Decimal(m["money"]) for m in months["months"]) == numbers_total(space)
    assert curve["buyers"] == inside(space, f"{curve['column']} > 0")
    points = curve["points"]
    assert all(a["customers"] <= b["customers"] and Decimal(a["money"]) <= Decimal(b["money"]) for a, b in pairwise(points))
    assert sum(c["customers"] for c in cohorts["cohorts"]) == inside(space, f"exists({cohorts['kind']})")


def test_what_is_expected_is_what_the_traits_hold(open_page: str, space) -> None:
    (told,) = numbers(open_page)["sections"]["lifetime"]
    rows = space.results.engine.fetch("SELECT * FROM traits WHERE next_year IS NOT NULL").to_pylist()
    assert told["customers"] == len(rows)
    assert told["expected"] == pytest.approx(sum(r["next_year"] for r in rows), abs=0.01)
    assert 0 < told["low"] < told["expected"] < told["high"]
    assert {g["of"] for g in told["groups"]} == {"value", "tastes", "lifecycle"}
    for group in told["groups"]:
        own = [r["next_year"] for r in rows if r[group["of"]] == group["label"]]
        assert group["customers"] == len(own)
        assert group["expected"] == pytest.approx(sum(own), abs=0.01)
        assert group["low"] <= group["high"]


def test_models_are_told_as_they_were_fitted(open_page: str, page: str, space) -> None:
    fits = {s.name: s.fit for s in space.models.states()}
    for said, hides in ((numbers(open_page), False), (numbers(page), True)):
        predictions = {p["name"]: p for p in said["sections"]["predictions"]}
        assert set(predictions) == {"likely_to_buy", "spend_next"}
        quality = fits["likely_to_buy"].parameters["quality"]
        told = predictions["likely_to_buy"]
        assert told["verdict"] == quality["verdict"]
        for shown, (customers, _, foreseen, happened, _) in zip(told["tenths"], quality["tenths"], strict=True):
            assert shown["customers"] == customers
            assert shown["told"] == pytest.approx(foreseen, abs=1e-4)
            if hides and 0 < round(customers * happened) < 10:
                assert shown["happened"] is None
            if not hides:
                assert shown["happened"] == pytest.approx(happened, abs=1e-4)
        (groups,) = said["sections"]["groups"]
        for group in groups["labels"]:
            if group["label"] and group["customers"] is not None:
                assert group["customers"] == inside(space, f"tastes = {literal(group['label'])}")


def test_the_numbers_are_those_that_people_read(page: str) -> None:
    said = numbers(page)
    table = _table(page, "segments-1")
    assert len(table) == len(said["sections"]["segments"])
    for row, segment in zip(table, said["sections"]["segments"], strict=True):
        assert row[0] == segment["name"]
        for text, key in ((row[2], "in"), (row[4], "out"), (row[5], "cannot_tell")):
            n = segment[key]
            assert text == f"{n:,}" if n is not None else text in ("fewer than 10", "hidden")


def test_nobody_can_be_told(page: str, space) -> None:
    ids = {r["customer"] for name in space.segments for r in space.segments.members(name)}
    assert len(ids) > 100
    assert not [i for i in ids if i in page]
    mails = space.results.engine.fetch("SELECT email FROM traits WHERE email IS NOT NULL")["email"].to_pylist()
    assert not [m for m in mails if m in page]
    assert _first_words(page).startswith("This file holds no ids and no data of single persons")
    small = [(path, n) for path, n in _counts(numbers(page)["sections"]) if 0 < n < 10]
    assert small == []


def test_members_are_said_in_the_first_line(open_page: str, space) -> None:
    assert _first_words(open_page).startswith("This file holds personal data: the ids of customers")
    said = numbers(open_page)
    assert said["members"] is True
    for name, found in said["sections"]["members"].items():
        ids = [r["customer"] for r in space.segments.members(name)]
        assert found == {"size": len(ids), "ids": ids[:1000]}
        assert all(f">{i}<" in open_page for i in ids[:20])


def test_it_needs_nothing_but_itself(page: str) -> None:
    tags = _Tags()
    tags.feed(page)
    policy = next(a["content"] for t, a in tags.found if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    for tag, attributes in tags.found:
        assert not {"src", "srcset", "data", "action"} & attributes.keys(), tag
        assert attributes.get("href", "#").startswith("#"), tag
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in page.split("</style>", maxsplit=1)[0]
    links = {a["href"][1:] for t, a in tags.found if t == "a"}
    ids = [a["id"] for _, a in tags.found if "id" in a]
    assert links <= set(ids)
    assert len(ids) == len(set(ids))
    levels = [int(t[1]) for t, _ in tags.found if t in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_names_and_notes_are_text(tmp_path: Path) -> None:
    project = shops.TINY.replace("Spent a hundred or more, lately", "</script><script>alert(1)</script><img src=x onerror=y>")
    folder = shops.write_tiny(tmp_path / "tiny", project)
    space = coterie.open(folder)
    space.run()
    done = space.report()
    assert done.path == folder / FILE
    text = done.path.read_text(encoding="utf-8")
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text
    ours = text.split("<!-- The script", maxsplit=1)[0]
    assert "<img" not in ours
    assert ours.count("<script") == 2
    space.close()


def test_without_a_run_there_is_no_report(tmp_path: Path) -> None:
    space = coterie.open(shops.write_tiny(tmp_path / "tiny"))
    with pytest.raises(StoreError):
        space.report()


def test_charts_for_notebooks(space) -> None:
    charts = space.charts
    for chart in (charts.segments(), charts.rfm_grid("value"), charts.labels("lifecycle"), charts.months(), charts.overlap()):
        assert chart.to_dict()["title"]["text"]
    for chart in (charts.groups("tastes"), charts.labels("tastes"), charts.tried("tastes"), charts.worth("next_year", "lifecycle")):
        assert chart.to_dict()["title"]["text"]
    for chart in (charts.alive("next_year"), charts.holdout("next_year"), charts.lift("likely_to_buy")):
        assert chart.to_dict()["title"]["text"]
    with pytest.raises(UnknownName, match="nothing to draw of 'valu'"):
        charts.treemap("valu")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {k: v or "" for k, v in attrs}))


def _first_words(page: str) -> str:
    body = page.split("<body>")[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body[:2000])).strip()


def _table(page: str, id_: str) -> list[list[str]]:
    found = re.search(rf'<table id="{id_}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert found is not None
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", found.group(1))]


PEOPLE = {"in", "out", "cannot_tell", "customers", "known", "none", "rest", "buyers", "new", "having", "zero", "negative"}


def _counts(value: Any, path: str = "") -> list[tuple[str, int]]:
    """Every number of people in the numbers of a page, with where it stands."""
    out = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in PEOPLE and isinstance(inner, int):
                out.append((f"{path}.{key}", inner))
            elif key in ("active", "table"):
                flat = [n for row in inner for n in (row if isinstance(row, list) else [row])]
                out += [(f"{path}.{key}", n) for n in flat if n is not None]
            else:
                out += _counts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            out += _counts(inner, f"{path}[{place}]")
    return out
