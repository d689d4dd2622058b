"""Commands that judge definitions: test, lint, goals."""

from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress, then

if TYPE_CHECKING:
    from coterie.cli.page import Page
    from coterie.workspace.goals import Standing
    from coterie.workspace.trial import Trial


def trial(
    names: Annotated[list[str] | None, typer.Argument(help="Segments and segmentations; all of them otherwise.")] = None,
    directory: Dir = HERE,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Try the examples and expectations of segments on the data."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        with progress(quiet) as say:
            found = space.test(names or (), say)
        if json:
            print_json(found.to_json())
        else:
            trial_shown(Page(), found, space.project.timezone)
    if found.failed:
        raise typer.Exit(1)


def trial_shown(page: "Page", found: "Trial", zone: str) -> None:
    """What came of examples and expectations, for people."""
    from coterie.cli.shown import reasons

    for held in found.failed:
        page.warn(held.in_words())
        if held.why is not None:
            page.table([("condition", False), ("holds", False), ("found", False)], [list(r) for r in reasons(held.why, zone)])
        page.line()
    if found.idle:
        page.quiet("no example exercises: each of these could be the other way round, and every example would still come out right")
        page.listed([f"{name}: {text}" for name, text in found.idle])
        page.line()
    if not found.held:
        page.line("Nothing to test: write `examples: {in: […], out: […]}` or `expect: [size > 0]` beside a segment.")
        return
    if found.untested:
        page.quiet(f"{len(found.untested):,} without examples and expectations: {', '.join(found.untested[:8])}")
    passed = len(found.held) - len(found.failed)
    page.line(f"{passed:,} passed" + (f", {len(found.failed):,} failed" if found.failed else ""))


def lint(directory: Dir = HERE, json: Json = False) -> None:
    """What is double, empty, unused or odd in the definitions."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.lint()
        stale = bool(space.stale())
    if json:
        print_json([smell.to_json() for smell in found])
    else:
        page = Page()
        for smell in found:
            page.warn(f"{smell.code}  {smell.said}")
            page.line(f"     {smell.todo}")
        if stale:
            page.line(f"These are the definitions and customers of the last run: `{then(directory, 'run')}` first")
        page.line(f"{len(found):,} finding{'' if len(found) == 1 else 's'}" if found else "nothing found")
    if found:
        raise typer.Exit(1)


def goals(directory: Dir = HERE, json: Json = False) -> None:
    """How far the goals are."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found, zone = space.goals(), space.results.project.timezone
    if json:
        print_json([standing.to_json(zone) for standing in found])
        return
    page = Page()
    if not found:
        page.line("No goal is set: write `goal: {metric: avg(revenue), change: +5%, per: quarter}` beside a segment.")
    for standing in found:
        page.title(f"{standing.goal.name or 'everybody'}: {standing.goal.metric} {standing.goal.wanted}".rstrip())
        page.line(f"  {goal_said(standing)}")


def goal_said(standing: "Standing") -> str:
    """How a goal stands, in a sentence."""
    return f"Not measured: {standing.why}" if standing.progress is None else standing.progress.sentence


def add(app: typer.Typer) -> None:
    app.command()(goals)
    app.command("test")(trial)
    app.command()(lint)
