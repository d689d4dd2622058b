"""Commands about membership by hand: include, exclude."""

import getpass
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, opened, print_json, then
from coterie.core.words import counted

if TYPE_CHECKING:
    from coterie.segments.by_hand import Side

Name = Annotated[str, typer.Argument(metavar="SEGMENT", help="The segment.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="The customers' ids.")]
Reason = Annotated[str | None, typer.Option(help="Why; needed unless --remove.")]
Until = Annotated[str | None, typer.Option(help="The last day on which it counts, as in 2026-12-31.")]
Author = Annotated[str | None, typer.Option(help="Who says so; else COTERIE_AUTHOR, else the name of the login.")]
Remove = Annotated[bool, typer.Option("--remove", help="Take it back: the rule decides again.")]


def include(
    name: Name,
    ids: Ids,
    directory: Dir = HERE,
    reason: Reason = None,
    until: Until = None,
    author: Author = None,
    remove: Remove = False,
    json: Json = False,
) -> None:
    """Put customers into a segment by hand, whatever its rule says."""
    by_hand("include", name, ids, directory, reason, until, author, remove, json)


def exclude(
    name: Name,
    ids: Ids,
    directory: Dir = HERE,
    reason: Reason = None,
    until: Until = None,
    author: Author = None,
    remove: Remove = False,
    json: Json = False,
) -> None:
    """Keep customers out of a segment, whatever its rule says."""
    by_hand("exclude", name, ids, directory, reason, until, author, remove, json)


def by_hand(
    side: "Side",
    name: str,
    ids: list[str],
    directory: Path,
    reason: str | None,
    until: str | None,
    author: str | None,
    remove: bool,
    json: bool,
) -> None:
    """Put customers on a side of a segment, or take that back, and say what became of the ids."""
    from coterie.cli.page import Page
    from coterie.segments.by_hand import PAST
    from coterie.workspace.hands import some

    if remove and (reason or until):
        raise typer.BadParameter("--remove takes back what was said; a reason or an end belong to saying it")
    if not remove and reason is None:
        raise typer.BadParameter("--reason is needed, as in --reason 'asked for it by mail'")
    with opened(directory) as space:
        who = author or os.environ.get("COTERIE_AUTHOR") or _login()
        if remove:
            done = space.take_back(name, side, ids, author=who)
        elif side == "include":
            done = space.include(name, ids, reason=reason or "", until=day_of(until), author=who)
        else:
            done = space.exclude(name, ids, reason=reason or "", until=day_of(until), author=who)
    if json:
        print_json(done.to_json())
        return
    page = Page()
    customers = counted(len(done.matched), "customer")
    verb = "no longer " if remove else ""
    page.line(f"{customers} {verb}{PAST[side]} by hand: {name}")
    if done.unmatched:
        what = f"not {PAST[side]} by hand" if remove else "not a customer"
        page.warn(f"{len(done.unmatched):,} {what}: {some(done.unmatched)}")
    if done.duplicates:
        page.line(f"{len(done.duplicates):,} typed twice or so already: {some(done.duplicates)}")
    if done.beaten:
        page.warn(f"{len(done.beaten):,} excluded by hand too, and stay out: {some(done.beaten)}")
    page.line(f"It counts from the next run on: {then(directory, 'run')}")


def day_of(text: str | None) -> date | None:
    """A day as people type it on the command line."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as 2026-12-31") from None


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def add(app: typer.Typer) -> None:
    for command in (include, exclude):
        app.command()(command)
