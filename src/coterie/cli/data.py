"""Commands about runs and what came in: run, quarantine, doctor."""

from typing import Annotated, Any

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, console, print_json, progress, workspace


def run(
    directory: Dir = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A date (its end), an instant, `now` or `latest event`.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read the sources, answer every definition, publish the results."""
    from coterie.cli.reading import segments_table
    from coterie.cli.shown import day

    space = workspace(directory)
    with progress(quiet) as say:
        done = space.run(as_of, say)
    results = space.results
    if json:
        print_json(space.summary())
        return
    said = console()
    for source in results.made.data["sources"]:
        said.print(source_line(source), markup=False)
    for note in [*(str(n) for n in space.project.notices), *results.made.data["notes"]]:
        said.print(f"  note: {note}", markup=False)
    for bad in results.made.data["quarantine"]:
        name, reason, rows, _ = bad
        said.print(f"  set aside: {name}: {rows:,} rows, {reason} (see `coterie quarantine {name}`)", markup=False)
    for measure, rows in results.made.unknown_rows.items():
        said.print(f"  left out of {measure}: {rows:,} rows, its condition cannot be told for them", markup=False)
    said.print()
    segments_table(space, said)
    said.print()
    zone = results.project.timezone
    said.print(f"{results.made.population:,} customers as of {day(done.as_of, zone)}", markup=False)


def source_line(source: dict[str, Any]) -> str:
    """What became of a source's rows, in one line."""
    words = {
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
    parts = [f"{source[key]:,} {text}" for key, text in words.items() if source[key]]
    kept = f"{source['kept']:,} of {source['rows']:,} rows"
    return f"{source['name']}: {kept}" + (f" ({', '.join(parts)})" if parts else "")


def quarantine(
    source: Annotated[str | None, typer.Argument(help="Only this source's rows.")] = None,
    directory: Dir = HERE,
    limit: Annotated[int, typer.Option(help="How many rows to show.")] = 20,
    json: Json = False,
) -> None:
    """Show the rows that could not be read: where they stand, what they say, and why."""
    from coterie.cli.shown import table

    rows = workspace(directory).quarantine(source, limit)
    if json:
        print_json([dict(r) for r in rows])
        return
    if not rows:
        typer.echo("No row was set aside.")
        return
    cells = [
        [str(r.get(c) if r.get(c) is not None else "") for c in ("source", "file", "line", "column", "value", "reason")]
        for r in rows
    ]
    headings = [("source", False), ("file", False), ("line", True), ("column", False), ("value", False), ("reason", False)]
    console().print(table(headings, cells, wide="reason"))


def doctor(directory: Dir = HERE, json: Json = False) -> None:
    """Look at versions, stores, disk and what is stale; exit 1 when something is broken."""
    findings = workspace(directory).doctor()
    if json:
        print_json([f.to_json() for f in findings])
    else:
        marks = {"ok": "ok     ", "stale": "stale  ", "broken": "BROKEN "}
        for finding in findings:
            typer.echo(f"{marks[finding.state]} {finding.what}: {finding.says}")
            if finding.hint:
                typer.echo(f"         {finding.hint}")
    if any(f.state == "broken" for f in findings):
        raise typer.Exit(1)


def add(app: typer.Typer) -> None:
    for command in (run, quarantine, doctor):
        app.command()(command)
