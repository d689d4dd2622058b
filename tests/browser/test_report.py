"""The report in a real Chromium: nothing is asked for, every chart is drawn, and it can be read by all, anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import coterie
from coterie.profiles.charts.colours import contrast
from coterie.workspace.demo import write_demo


@dataclass
class Opened:
    """A page with what it asked for and what it complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """The report of a small shop with half a year on record."""
    folder = tmp_path_factory.mktemp("browser") / "shop"
    write_demo(folder, 700)
    space = coterie.open(folder)
    space.run(since="2026-03-01", every="month")
    written = space.report()
    space.close()
    return written.path


@pytest.fixture
def opened(browser: Browser, file: Path, request) -> Iterator[Opened]:
    options = getattr(request, "param", {})
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    found = Opened(context.new_page())
    page = found.page
    page.on("request", lambda asked: found.asked.append(asked.url))
    page.on("console", lambda said: found.complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn=yes]")
    yield found
    context.close()


NARROW = {"viewport": {"width": 360, "height": 740}}


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Opened, file: Path) -> None:
    for folded in opened.page.locator("details").all():
        folded.evaluate("e => { e.open = true }")
    opened.page.wait_for_function("[...document.querySelectorAll('[data-chart]')].every(e => e.dataset.drawn === 'yes')")
    assert opened.asked == [file.as_uri()]
    assert opened.complaints == []


def test_the_page_can_ask_for_nothing_either(opened: Opened) -> None:
    tried = opened.page.evaluate("fetch('https://example.com').then(() => 'sent', () => 'refused')")
    assert tried == "refused"


def test_every_chart_is_drawn_with_marks(opened: Opened) -> None:
    opened.page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    opened.page.wait_for_function("[...document.querySelectorAll('[data-chart]')].every(e => e.dataset.drawn === 'yes')")
    found = opened.page.evaluate(
        """[...document.querySelectorAll('[data-chart]')].map(place => {
          const svg = place.querySelector('svg'), box = svg.getBoundingClientRect();
          const kinds = ['.mark-rect path', '.mark-line path', '.mark-area path', '.mark-symbol path', '.mark-rule line'];
          const marks = svg.querySelectorAll(kinds.join());
          const seen = [...marks].filter(m => { const b = m.getBBox(); return b.width + b.height > 0 }).length;
          return [place.dataset.chart, seen, box.width, box.height, svg.outerHTML.includes('NaN')];
        })"""
    )
    kinds = {key.partition("-")[0] for key, *_ in found}
    assert kinds >= {
        "segment",
        "treemap",
        "grid",
        "cells",
        "labels",
        "size",
        "flows",
        "moves",
        "apart",
        "upset",
        "months",
        "retention",
        "lorenz",
        "sizes",
        "tried",
        "typical",
        "worth",
        "spread",
        "alive",
        "holdout",
        "lift",
        "calibration",
        "money",
        "drives",
    }
    for key, marks, width, height, broken in found:
        assert marks >= 2, key
        assert width > 200, key
        assert height > 60, key
        assert not broken, key


def test_no_label_is_drawn_outside_its_chart(opened: Opened) -> None:
    outside = opened.page.evaluate(
        """[...document.querySelectorAll('[data-chart] svg')].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')]
            .filter(t => getComputedStyle(t).opacity !== '0' && t.getAttribute('opacity') !== '0' && t.textContent)
            .filter(t => { const b = t.getBoundingClientRect();
              return b.left < frame.left - 2 || b.right > frame.right + 2 || b.top < frame.top - 2 || b.bottom > frame.bottom + 2 })
            .map(t => svg.closest('[data-chart]').dataset.chart + ': ' + t.textContent);
        })"""
    )
    assert outside == []


@pytest.mark.parametrize("opened", [NARROW], indirect=True)
def test_a_narrow_page_does_not_scroll_sideways(opened: Opened) -> None:
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    wide = opened.page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, p, li, nav, summary')].filter(e => e.getBoundingClientRect().right > 361)"
        ".map(e => e.textContent)"
    )
    assert wide == []


@pytest.mark.parametrize("opened", [{}, {"color_scheme": "dark"}], indirect=True, ids=["light", "dark"])
def test_texts_and_marks_stand_out(opened: Opened, request) -> None:
    dark = "dark" in request.node.name
    ground, texts = opened.page.evaluate(
        """[getComputedStyle(document.body).backgroundColor,
          [...document.querySelectorAll('h1, h2, h3, p, li, a, summary, th, td, caption')]
            .filter(e => e.checkVisibility() && e.textContent.trim()).map(e => getComputedStyle(e).color)]"""
    )
    paper = _hex(ground)
    assert paper == ("#16161a" if dark else "#fbfaf8")
    for colour in set(texts):
        assert contrast(_hex(colour), paper) >= 4.5, colour
    labels = opened.page.evaluate(
        "[...document.querySelectorAll('[data-chart] .role-axis-label text')].map(e => getComputedStyle(e).fill)"
    )
    assert labels
    assert all(contrast(_hex(colour), paper) >= 4.5 for colour in set(labels))


def test_all_can_be_reached_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the report"
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        name, where = page.evaluate("[document.activeElement.tagName, document.activeElement.className]")
        reached.add((name, where))
        if name == "BODY":
            break
    assert {name for name, _ in reached} >= {"A", "SUMMARY", "DIV"}
    count = page.locator("nav a").count()
    assert count == 18
    page.locator("details.behind summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.behind").first.evaluate("e => e.open")
    page.locator("nav a[href='#value']").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#value"


def test_screen_readers_find_names_and_order(opened: Opened) -> None:
    found = opened.page.evaluate(
        """({
          lang: document.documentElement.lang, title: document.title,
          levels: [...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1]),
          charts: [...document.querySelectorAll('[data-chart]')].map(e => [e.getAttribute('role'), e.getAttribute('aria-label')]),
          behind: [...document.querySelectorAll('figure')]
            .map(e => e.querySelectorAll('table caption, table thead th[scope=col]').length),
          rows: [...document.querySelectorAll('tbody tr')].filter(e => !e.querySelector('th[scope=row]')).length,
          regions: [...document.querySelectorAll('[role=region]')].filter(e => !e.getAttribute('aria-label')).length,
          ids: [...document.querySelectorAll('[id]')].map(e => e.id),
          unnamed: [...document.querySelectorAll('a, summary, nav, section')]
            .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label'))).length,
          hidden: [...document.querySelectorAll('[data-chart] svg')].filter(e => e.getAttribute('aria-hidden') !== 'true').length,
          landmarks: ['header', 'nav', 'main', 'footer'].map(n => document.querySelectorAll('body ' + n).length),
        })"""
    )
    assert found["lang"] == "en"
    assert found["title"]
    assert found["levels"][0] == 1
    assert found["levels"].count(1) == 1
    assert all(b - a <= 1 for a, b in zip(found["levels"], found["levels"][1:], strict=False))
    assert all(role == "img" and len(label) > 40 for role, label in found["charts"])
    assert all(n >= 3 for n in found["behind"])
    assert (found["rows"], found["regions"], found["unnamed"], found["hidden"]) == (0, 0, 0, 0)
    assert len(found["ids"]) == len(set(found["ids"]))
    assert found["landmarks"] == [1, 1, 1, 1]


def test_it_prints_light_and_without_what_cannot_be_clicked(browser: Browser, file: Path, tmp_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn=yes]")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()") == "#1d1c22"
    assert not page.locator("nav").is_visible()
    assert not page.locator("summary").first.is_visible()
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    pages = printed.count(b"/Type /Page\n") or printed.count(b"/Type /Page ")
    assert 5 <= pages <= 60
    context.close()


def test_a_script_that_sneaks_in_does_not_run(browser: Browser, file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.html"
    text = file.read_text(encoding="utf-8")
    changed.write_text(text.replace("</body>", "<script>document.title = 'taken'</script></body>"), encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(changed.as_uri())
    page.wait_for_selector("html[data-drawn=yes]")
    assert page.title() != "taken"
    context.close()


def _hex(colour: str) -> str:
    numbers = [int(n) for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return "#" + "".join(f"{n:02x}" for n in numbers)
