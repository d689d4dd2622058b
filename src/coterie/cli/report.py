"""The command that writes the report."""

from pathlib import Path
from typing import Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress


def report(
    directory: Dir = HERE,
    members: Annotated[bool, typer.Option("--members", help="List people by their ids as well.")] = False,
    out: Annotated[Path | None, typer.Option(help="The file to write.", show_default="report.html in the project")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML file of what happened, for any browser."""
    with opened(directory) as space, progress(quiet) as say:
        done = space.report(out, members=members, progress=say)
    if json:
        print_json(done.to_json())
    else:
        holds = "holds ids of customers" if members else "no ids in it"
        typer.echo(f"{done.path.as_posix()}: {done.size / 1e6:.1f} MB, {len(done.sections)} sections, {holds}")
    if show:
        typer.launch(done.path.resolve().as_uri())


def add(app: typer.Typer) -> None:
    app.command()(report)
