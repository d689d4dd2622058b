"""Commands that read results: segments, segment, traits, count, why, sql, export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, console, print_json, workspace

if TYPE_CHECKING:
    from rich.console import Console

    from coterie.workspace.workspace import Workspace


def segments(directory: Dir = HERE, json: Json = False) -> None:
    """All segments with their sizes, and the labels of segmentations."""
    from coterie.cli.shown import day

    space = workspace(directory)
    if json:
        print_json(space.summary())
        return
    said = console()
    segments_table(space, said)
    said.print()
    results = space.results
    said.print(f"{results.made.population:,} customers as of {day(results.made.as_of, results.project.timezone)}", markup=False)
    stale(space, said)


def segments_table(space: "Workspace", said: "Console") -> None:
    from coterie.cli.shown import labels, share, table

    results = space.results
    population, revenue = results.made.population, results.revenue
    headings = [("segment", False), ("in", True), ("share", True), ("cannot tell", True)]
    headings += [("revenue", True)] if revenue else []
    rows = []
    for name, size in results.sizes.items():
        row = [name, f"{size.inside:,}", share(size.inside, population), f"{size.cannot_tell:,}" if size.cannot_tell else ""]
        if revenue:
            row.append(share(revenue[name], revenue[""]))
        about = results.project.segments[name].notes.get("about")
        rows.append([*row, str(about or results.english(name)).replace("\n", " ")])
    if rows:
        said.print(table([*headings, ("who", False)], rows, wide="who"))
    for name, counts in results.made.labels.items():
        found = [[label, f"{n:,}", share(n, population)] for label, n in labels(counts)]
        said.print()
        said.print(table([(name, False), ("customers", True), ("share", True)], found))


def stale(space: "Workspace", said: "Console") -> None:
    """Say it when the project file is no longer what was run."""
    if space.edited():
        said.print(f"{space.file.name} was changed since this run: `coterie run` brings the numbers up to date", markup=False)


def segment(
    name: Annotated[str, typer.Argument(help="A segment or a segmentation.")], directory: Dir = HERE, json: Json = False
) -> None:
    """One segment: its rule in words, its size, its revenue, what it overlaps with."""
    from coterie.cli.shown import day, labels, money, share, table, three_way

    space = workspace(directory)
    results = space.results
    if json:
        print_json(space.describe(name))
        return
    said = console()
    definition = results.definition(name)
    notes = (results.project.segments.get(name) or results.project.segmentations.get(name) or results.project.traits[name]).notes
    resolved = results.catalog.definitions[name]
    said.print(name, style="bold", markup=False)
    if notes.get("about"):
        said.print(str(notes["about"]), markup=False)
    said.print()
    from coterie.language.format import format as canonical

    said.print(f"  rule      {canonical(definition.written)}", markup=False)
    said.print(f"  in words  {results.english(name)}", markup=False)
    if name in results.sizes:
        size = results.sizes[name]
        said.print(f"  size      {three_way(size)}", markup=False)
        said.print(f"  share     {share(size.inside, size.population)} of {size.population:,} customers", markup=False)
        if results.revenue and results.money:
            part, whole = results.revenue[name], results.revenue[""]
            said.print(f"  {results.money:<9} {money(part, results.project.currency)}, {share(part, whole)} of all", markup=False)
    said.print(f"  follows   {', '.join(sorted(definition.fresh)) or 'nothing'} (live state: {definition.state})", markup=False)
    for key, found in notes.items():
        if key != "about":
            said.print(f"  {key:<9} {found}", markup=False)
    zone = results.project.timezone
    said.print(f"  as of     {day(results.made.as_of, zone)}; definition {resolved.hash}", markup=False)
    if name in results.sizes and results.sizes[name].inside:
        over = sorted(results.overlap(name).items(), key=lambda p: (-p[1], p[0]))[:8]
        rows = [[other, f"{n:,}", share(n, results.sizes[name].inside)] for other, n in over if n]
        if rows:
            said.print()
            said.print(table([("also in", False), ("customers", True), ("of this segment", True)], rows))
    if name in results.made.labels:
        rows = [[lab, f"{n:,}", share(n, results.made.population)] for lab, n in labels(results.made.labels[name])]
        said.print()
        said.print(table([("label", False), ("customers", True), ("share", True)], rows))
    stale(space, said)


def traits(directory: Dir = HERE, json: Json = False) -> None:
    """All traits: what they are, of which kind, and when they can change."""
    from coterie.cli.shown import table

    found = workspace(directory).traits()
    if json:
        print_json(found)
        return
    rows = [[t["name"], t["type"], f"{t['known']:,}", ", ".join(t["fresh"]), t["english"]] for t in found]
    headings = [("trait", False), ("kind", False), ("known", True), ("follows", False), ("what", False)]
    console().print(table(headings, rows, wide="what"))


def count(
    expression: Annotated[str, typer.Argument(help="A condition, as in \"revenue > 1000 and country = 'DE'\".")],
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """Count the customers that meet any condition: in, out, cannot tell."""
    from coterie.cli.shown import day, three_way

    found = workspace(directory).count(expression)
    if json:
        print_json(found.to_json())
        return
    said = console()
    said.print(three_way(found.size), markup=False)
    said.print(f"of {found.size.population:,} customers as of {day(found.as_of, found.timezone)}: {found.english}", markup=False)


def why(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    name: Annotated[str, typer.Argument(help="A segment, segmentation, trait or expression.")],
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """Why a customer is in a segment or not: each condition with what was found, and what would change it."""
    from coterie.cli.shown import MARKS, day, reason_json, reasons, table, value

    space = workspace(directory)
    found = space.why(customer, name)
    if json:
        print_json(
            {
                "customer": found.customer,
                "name": found.name,
                "as_of": found.as_of.isoformat(),
                "reason": reason_json(found.reason),
                "changes": [c.words for c in found.changes],
            }
        )
        return
    said = console()
    zone = space.results.project.timezone
    answer = MARKS[found.reason.truth] if found.reason.condition else value(found.reason.value)
    said.print(f"{customer} · {name}: {answer}, as of {day(found.as_of, zone)}", style="bold", markup=False)
    said.print()
    rows = [list(line) for line in reasons(found.reason)]
    said.print(table([("condition", False), ("holds", False), ("found", False)], rows))
    said.print()
    if found.changes:
        said.print("What would change it:", markup=False)
        for change in found.changes:
            said.print(f"  · {change.words}", markup=False)
    else:
        said.print("What would change it: no single change that we know how to try would.", markup=False)


def sql(name: Annotated[str, typer.Argument(help="A segment, trait or expression.")], directory: Dir = HERE) -> None:
    """Print the SQL of a segment, to paste into a DuckDB shell on the results file."""
    space = workspace(directory)
    typer.echo(f"-- duckdb -readonly {space.results.generation.path.as_posix()}")
    typer.echo(space.sql(name) + ";")


def export(
    name: Annotated[str, typer.Argument(help="A segment, or any condition.")],
    directory: Dir = HERE,
    form: Annotated[str, typer.Option("--format", help="csv, parquet, jsonl or xlsx.")] = "csv",
    columns: Annotated[str | None, typer.Option(help="Columns to bring along, separated by commas.")] = None,
    out: Annotated[str | None, typer.Option(help="The file to write; - for the screen (csv, jsonl).")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Do not disarm texts that a spreadsheet would run as formulas.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the customers of a segment to a file."""
    listed = None if columns is None else [c.strip() for c in columns.split(",") if c.strip()]
    path, rows = workspace(directory).export(name, form, columns=listed, out=out, raw=raw, force=force)
    if path != Path("-"):
        typer.echo(f"{rows:,} customers in {path.as_posix()}", err=True)


def add(app: typer.Typer) -> None:
    for command in (segments, segment, traits, count, why, sql, export):
        app.command()(command)
