"""The command about how good segments are to work with."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress, then

if TYPE_CHECKING:
    from coterie.cli.page import Page
    from coterie.profiles.drift import Drift
    from coterie.profiles.scorecard import Colour
    from coterie.profiles.trends import Point, Trend

STYLES: dict["Colour", str | None] = {"green": "green", "amber": "yellow", "red": "red", "cannot tell": "dim"}


def scorecard(
    name: Annotated[str | None, typer.Argument(help="A segment; all of them where none is named.")] = None,
    directory: Dir = HERE,
    drift: Annotated[bool, typer.Option("--drift", help="Also whether members are others than they were.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """How good segments are to work with: six marks, with numbers."""
    from coterie.cli.page import Page
    from coterie.cli.shown import day
    from coterie.profiles.scorecard import CRITERIA
    from coterie.workspace.scorecard import to_json
    from coterie.workspace.trends import drift_json, trend_json

    with opened(directory) as space:
        zone = space.results.project.timezone
        cards = space.scorecards() if name is None else (space.scorecard(name),)
        over = space.trends(name) if name is not None else ()
        since, until, moved = None, None, None
        if drift and name is not None:
            with progress(quiet) as said:
                since, until, moved = space.drift(name, said)
    if json:
        if name is None:
            print_json([to_json(c) for c in cards])
        else:
            told = to_json(cards[0]) | {"trends": [trend_json(t) for t in over]}
            print_json(told if moved is None else told | {"drift": [drift_json(d) for d in moved]})
        return
    page = Page()
    if name is None:
        rows = [[c.segment, *(_short(c[criterion].colour) for criterion in CRITERIA), c.advice] for c in cards]
        headings = [("segment", False), *((criterion, False) for criterion in CRITERIA), ("what to do first", False)]
        page.table(headings, rows, wide="what to do first")
        if cards:
            page.line()
            page.quiet(f"`{then(directory, f'scorecard {cards[0].segment}')}` shows the numbers behind the marks of one")
        return
    card = cards[0]
    page.title(card.segment)
    page.line()
    rows = [[m.criterion, m.colour, m.number] for m in card.marks]
    headings = [("", False), ("mark", False), ("why", False)]
    page.table(headings, rows, wide="why", cut=False, styles=[STYLES[m.colour] for m in card.marks])
    if any(m.suggestion for m in card.marks):
        page.line()
        page.listed([f"{m.criterion}: {m.suggestion}" for m in card.marks if m.suggestion])
    if card.stale:
        page.line()
        page.warn(f"stale: {card.stale}")
    if any(len(t.points) > 1 for t in over):
        page.line()
        page.line("Over the recorded days:")
        page.listed([_over(t, zone) for t in over if len(t.points) > 1])
    if moved is not None and since is not None and until is not None:
        _moved(page, moved, f"{day(since, zone)} to {day(until, zone)}")
    page.line()
    page.line("Where the limits are:")
    page.listed([f"{m.criterion}: {m.limits}" for m in card.marks if m.limits])


def _over(trend: "Trend", zone: str) -> str:
    """A trend in one sentence: the first day, the last, and each change of level."""
    from coterie.cli.shown import day

    first, last = trend.points[0], trend.points[-1]
    text = f"{trend.what}: {_point(first)} on {day(first.at, zone)}, {_point(last)} on {day(last.at, zone)}"
    change = trend.change
    if change is not None:
        text += f" ({100 * change[0]:+.0f} %{'' if change[1] else ', no more than chance'})"
    for jump in trend.jumps:
        text += f"; the level went from {jump.before:,.0f} to {jump.after:,.0f} by {day(jump.at, zone)}"
    return text


def _point(point: "Point") -> str:
    return f"{point.value:,.0f} ({point.low:,.0f} to {point.high:,.0f})"


def _moved(page: "Page", found: "Sequence[Drift]", days: str) -> None:
    drifted = [d for d in found if d.holds]
    page.line()
    page.line(f"From {days} {len(drifted):,} of {len(found):,} traits of the members drifted" + (":" if drifted else "."))
    rows = [
        [d.column if d.value in (None, "true") else f"{d.column} {d.value}", f"{d.effect:+.2f}", f"{d.low:+.2f} to {d.high:+.2f}",
         f"{d.everybody:+.2f}"]
        for d in drifted
    ]  # fmt: skip
    if rows:
        page.table([("trait", False), ("members", True), ("95 % interval", True), ("everybody", True)], rows)


def _short(colour: "Colour") -> str:
    return "–" if colour == "cannot tell" else colour


def add(app: typer.Typer) -> None:
    app.command()(scorecard)
