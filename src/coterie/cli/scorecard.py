"""The command about how good segments are to work with."""

from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, opened, print_json, then

if TYPE_CHECKING:
    from coterie.profiles.scorecard import Colour

STYLES: dict["Colour", str | None] = {"green": "green", "amber": "yellow", "red": "red", "cannot tell": "dim"}


def scorecard(
    name: Annotated[str | None, typer.Argument(help="A segment; all of them where none is named.")] = None,
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """How good segments are to work with: six marks, with numbers."""
    from coterie.cli.page import Page
    from coterie.profiles.scorecard import CRITERIA
    from coterie.workspace.scorecard import to_json

    with opened(directory) as space:
        cards = space.scorecards() if name is None else (space.scorecard(name),)
    if json:
        print_json([to_json(c) for c in cards] if name is None else to_json(cards[0]))
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
    page.line()
    page.line("Where the limits are:")
    page.listed([f"{m.criterion}: {m.limits}" for m in card.marks if m.limits])


def _short(colour: "Colour") -> str:
    return "–" if colour == "cannot tell" else colour


def add(app: typer.Typer) -> None:
    app.command()(scorecard)
