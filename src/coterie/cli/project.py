"""Commands about the project file: demo, init, check, fmt, schema."""

from pathlib import Path
from typing import Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, print_json, progress, workspace


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to write the shop.")],
    customers: Annotated[int, typer.Option(help="How many customers.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 7,
    quiet: Quiet = False,
) -> None:
    """Write a generated shop with its project file, to try everything on."""
    from coterie.workspace.demo import write_demo

    with progress(quiet) as say:
        shop = write_demo(folder, customers, seed, progress=lambda done, total: say(f"customers: {done:,} of {total:,}"))
    for file in shop.files:
        typer.echo(f"{file.path.as_posix():<28} {file.rows:>9,}  {file.about}")
    typer.echo(f"\n{customers:,} customers, {shop.start} to {shop.end}. Next: coterie run --dir {folder}")


def init(
    files: Annotated[list[str], typer.Argument(help="Files with customers, orders, events …")],
    directory: Dir = HERE,
    force: Annotated[bool, typer.Option("--force", help="Replace a project file that is there.")] = False,
    customer: Annotated[str | None, typer.Option(help="The column that names the customer, where it cannot be found.")] = None,
    time: Annotated[str | None, typer.Option(help="The column that says when.")] = None,
    amount: Annotated[str | None, typer.Option(help="The column of money.")] = None,
    quiet: Quiet = False,
) -> None:
    """Look at files, guess what they are, and write coterie.yaml with each guess explained."""
    from coterie.workspace.workspace import init as start

    chosen = {k: v for k, v in {"customer": customer, "time": time, "amount": amount}.items() if v is not None}
    with progress(quiet) as say:
        drafted = start(directory, files, force=force, overrides=chosen, progress=say)
    for line in drafted.said():
        typer.echo(line)
    typer.echo(f"\nWrote {(directory / 'coterie.yaml').as_posix()}. Next: coterie run" + _in(directory))


def check(directory: Dir = HERE, json: Json = False, quiet: Quiet = False) -> None:
    """Check every definition against the columns of the sources; errors say where and what to write instead."""
    with progress(quiet) as say:
        space = workspace(directory)
        catalog = space.check(say)
    counts = {noun: len(catalog.of(noun)) for noun in ("trait", "segment", "segmentation")}
    notices = [str(n) for n in space.project.notices]
    if json:
        print_json({"ok": True, **{f"{noun}s": n for noun, n in counts.items()}, "notices": notices})
        return
    for notice in notices:
        typer.echo(notice)
    typer.echo(
        f"{space.file.name} is right: {counts['trait']} traits, {counts['segment']} segments, "
        f"{counts['segmentation']} segmentations."
    )


def fmt(
    directory: Dir = HERE,
    only_check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if the text is not canonical.")] = False,
) -> None:
    """Rewrite the project file in its canonical form; comments stay."""
    space = workspace(directory)
    changed = space.format(write=not only_check)
    said = ("would be changed" if only_check else "rewritten") if changed else "is in canonical form already"
    typer.echo(f"{space.file.as_posix()} {said}")
    if changed and only_check:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of coterie.yaml, for editors."""
    from coterie.workspace.schema import project_schema

    print_json(project_schema())


def _in(directory: Path) -> str:
    return "" if directory == HERE else f" --dir {directory.as_posix()}"


def add(app: typer.Typer) -> None:
    for command in (demo, init, check, fmt, schema):
        app.command()(command)
