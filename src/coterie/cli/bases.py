"""The command about which variables separate customers."""

from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, opened, print_json

if TYPE_CHECKING:
    from coterie.workspace.separating import Variable

SHOWN = 25


def bases(
    directory: Dir = HERE,
    target: Annotated[
        str | None, typer.Option("--for", help="A trait, a segment or a condition; the money trait otherwise.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many variables at most.", min=1)] = SHOWN,
    json: Json = False,
) -> None:
    """Which variables separate customers, and can be acted on."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.bases(target)
    if json:
        print_json(found.to_json())
        return
    page = Page()
    same: dict[str, list[str]] = {}
    for v in found.variables:
        if v.told.same_as is not None:
            same.setdefault(v.told.same_as, []).append(v.told.column)
    first = [v for v in found.variables if v.told.same_as is None]
    clear = [v for v in first if v.told.holds and not v.told.why_not]
    page.line(
        f"{len(clear):,} of {len(first):,} variables separate customers by {found.target} and can be acted on"
        + (f", {len(first) - len(clear):,} do not:" if len(clear) < len(first) else ":")
    )
    headings = [("variable", False), ("base", False), ("accounts for", True), ("95 % interval", True), ("known", True)]
    headings += [("groups", True), ("evenness", True), ("moves", False), ("but", False)]
    page.table(headings, [_row(v, same) for v in first[:limit]], wide="but", cut=False)
    page.line()
    if len(first) > limit:
        page.quiet(f"the first {limit:,} of {len(first):,}; --limit shows more")
    if found.left_out:
        page.quiet(f"Left out, made of the same data as {found.target}: {', '.join(found.left_out)}.")
    page.quiet(found.honesty)


def _row(v: "Variable", same: dict[str, list[str]]) -> list[str]:
    s = v.told
    but = [s.why_not] if s.why_not else [] if s.holds else ["no more than chance"]
    if s.column in same:
        but.append(f"the same once more: {', '.join(same[s.column])}")
    told = "" if s.strength is None else f"{100 * s.strength:.1f} %"
    reach = "" if s.low is None or s.high is None else f"{100 * s.low:.1f} to {100 * s.high:.1f}"
    cells = [s.column, v.base, told, reach, f"{100 * s.known:.0f} %", f"{s.groups}", f"{s.evenness:.2f}", v.moves]
    return [*cells, "; ".join(but)]


def add(app: typer.Typer) -> None:
    app.command()(bases)
