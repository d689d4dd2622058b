"""Commands about runs and what came in: run, quarantine, doctor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress, then
from coterie.core.words import counted

if TYPE_CHECKING:
    from coterie.cli.page import Page
    from coterie.workspace.results import Results
    from coterie.workspace.workspace import Workspace

FATES = {
    "quarantined": "set aside as bad",
    "left_out": "left out by where",
    "undecided": "where cannot be told",
    "without_customer": "without a customer",
    "strangers": "not in the customers source",
    "duplicates": "duplicates",
    "conflicts": "older versions",
    "overlaps": "in two files, counted once",
    "deleted": "deleted",
}
"""What can become of a row that is not kept."""
TOLD = ("rows have no customer", "stand there twice and count once", "stands there twice and counts once")
"""Notes that the table of sources tells already."""
SHOWN_NOTES = 12


def run(
    names: Annotated[list[str] | None, typer.Argument(help="With --accept: the segments and segmentations that are meant.")] = None,
    directory: Dir = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A date (its end), an instant, `now` or `latest event`.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Record past days too, from this date on.")] = None,
    every: Annotated[str | None, typer.Option("--every", help="How far apart: day, week or month; default: by the span.")] = None,
    if_changed: Annotated[bool, typer.Option("--if-changed", help="Do nothing where a run would find nothing new.")] = False,
    line: Annotated[bool, typer.Option("--line", help="Print one line, for logs.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Publish although more moved than max_change lets through.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read the sources, answer every definition, publish and record."""
    from coterie.cli.page import Page
    from coterie.cli.reading import segments_shown

    with opened(directory) as space:
        if if_changed and since is None and not space.due(as_of):
            number, day = space.results.generation.number, local_day_text(space.results)
            typer.echo(f"nothing to do: run {number} is of {day}, and neither data nor definitions changed since")
            return
        with progress(quiet) as say:
            space.run(as_of, say, since=since, every=every, accept=accepted(names, accept))
        if line:
            typer.echo(in_one_line(space))
            return
        if json:
            print_json(space.summary())
            return
        page = Page()
        made = space.results.made
        sources_shown(page, made.data["sources"])
        told = [n.line for n in space.results.notices]
        told += [note for note in made.data["notes"] if not any(text in note for text in TOLD)]
        told += [
            f"{counted(rows, 'row is', 'rows are')} left out of {measure}: its condition cannot be told there"
            for measure, rows in made.unknown_rows.items()
        ]
        if told:
            page.line()
            page.quiet("worth knowing")
            page.listed(told[:SHOWN_NOTES])
            if len(told) > SHOWN_NOTES:
                page.listed([f"and {len(told) - SHOWN_NOTES} more: `{then(directory, 'run --json')}` says all"])
        if made.data["quarantine"]:
            page.line()
            page.warn(f"rows were set aside: `{then(directory, 'quarantine')}` shows them")
        page.line()
        segments_shown(page, space.results, directory)


def accepted(names: list[str] | None, accept: bool) -> list[str]:
    """The definitions whose change is accepted; a * stands for all of them."""
    if names and not accept:
        raise typer.BadParameter(f"a run answers everything; {names[0]} stands behind --accept only")
    return (names or ["*"]) if accept else []


def local_day_text(results: "Results") -> str:
    from coterie.cli.history import day

    return day(results.made.as_of, results.project.timezone)


def in_one_line(space: "Workspace") -> str:
    """A run in one line: what was made, who moved, what was set aside."""
    made = space.results.made
    entered, left = space.history.last_turn(list(space.results.sizes))
    parts = [
        f"{made.population:,} customers",
        f"{len(space.results.sizes):,} segments: {entered:,} entered, {left:,} left",
        f"{sum(rows for _, _, rows, _ in made.data['quarantine']):,} rows set aside",
    ]
    return f"run {space.results.generation.number}, {local_day_text(space.results)}: {', '.join(parts)}"


def sources_shown(page: "Page", sources: list[dict[str, Any]]) -> None:
    """What became of each source's rows."""
    rows = [[s["name"], f"{s['rows']:,}", f"{s['kept']:,}", fates(s)] for s in sources]
    page.table([("source", False), ("rows", True), ("kept", True), ("the others", False)], rows, wide="the others", cut=False)


def fates(source: Mapping[str, Any]) -> str:
    """What became of the rows that were not kept, in words."""
    return ", ".join(
        f"{source[key]:,} {text.removesuffix('s') if source[key] == 1 else text}" for key, text in FATES.items() if source[key]
    )


def quarantine(
    source: Annotated[str | None, typer.Argument(help="Only this source's rows.")] = None,
    directory: Dir = HERE,
    limit: Annotated[int, typer.Option(help="How many rows to show.", min=1)] = 20,
    json: Json = False,
) -> None:
    """Show the rows that could not be read, and why."""
    from coterie.cli.page import Page
    from coterie.cli.shown import one_line

    with opened(directory) as space:
        rows = space.quarantine(source, limit)
        counted = space.results.made.data.get("quarantine", ())
    if json:
        print_json(rows)
        return
    page = Page()
    if not rows:
        page.line("No row was set aside.")
        return
    names = ("source", "file", "line", "column", "value", "reason")
    cells = [[one_line(str(row.get(name) if row.get(name) is not None else "")) for name in names] for row in rows]
    page.table([(name, name == "line") for name in names], cells, wide="reason", cut=False)
    whole = sum(n for s, _, n, _ in counted if source in (None, s))
    if whole > len(rows):
        page.line()
        page.quiet(f"{len(rows):,} of {whole:,} rows; --limit shows more")


def doctor(directory: Dir = HERE, json: Json = False) -> None:
    """Look at versions, stores, disk and what is stale."""
    from coterie.cli.page import WARNING, Page

    with opened(directory) as space:
        findings = space.doctor()
    if json:
        print_json([f.to_json() for f in findings])
    else:
        Page().table(
            [("", False), ("what", False), ("found", False)],
            [[f.state, f.what, f.says + (f" — {f.hint}" if f.hint else "")] for f in findings],
            wide="found",
            cut=False,
            styles=[None if f.state == "ok" else WARNING for f in findings],
        )
    if any(f.state == "broken" for f in findings):
        raise typer.Exit(1)


def add(app: typer.Typer) -> None:
    for command in (run, quarantine, doctor):
        app.command()(command)
