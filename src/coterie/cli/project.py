"""Commands about the project file: demo, init, check, fmt, schema."""

from pathlib import Path
from typing import Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress, then
from coterie.core.words import counted


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to write the shop.")],
    customers: Annotated[int, typer.Option(help="How many customers.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.", min=0)] = 7,
    quiet: Quiet = False,
) -> None:
    """Write a generated shop, to try everything on."""
    from coterie.cli.page import Page
    from coterie.workspace.demo import write_demo

    with progress(quiet) as say:
        shop = write_demo(folder, customers, seed, progress=lambda done, total: say(f"customers: {done:,} of {total:,}"))
    page = Page()
    rows = [[f.path.as_posix(), f"{f.rows:,}" if f.rows else "", f.about] for f in shop.files]
    page.table([("file", False), ("rows", True), ("what", False)], rows, wide="what")
    page.line()
    page.line(f"{counted(customers, 'customer')}, {shop.start} to {shop.end}. Next: {then(folder, 'run')}")


def init(
    files: Annotated[list[str], typer.Argument(help="Files with customers, orders, events …")],
    directory: Dir = HERE,
    force: Annotated[bool, typer.Option("--force", help="Replace a project file that is there.")] = False,
    customer: Annotated[str | None, typer.Option(help="The column that names the customer, where it cannot be found.")] = None,
    time: Annotated[str | None, typer.Option(help="The column that says when.")] = None,
    amount: Annotated[str | None, typer.Option(help="The column of money.")] = None,
    identity: Annotated[str | None, typer.Option("--id", help="The column that identifies a row.")] = None,
    quiet: Quiet = False,
) -> None:
    """Look at files and write coterie.yaml, each guess explained."""
    from coterie.cli.page import Page
    from coterie.workspace.workspace import init as start

    named = {"customer": customer, "time": time, "amount": amount, "id": identity}
    chosen = {key: column for key, column in named.items() if column is not None}
    with progress(quiet) as say:
        drafted = start(directory, files, force=force, overrides=chosen, progress=say)
    page = Page()
    page.table(
        [("file", False), ("role", False), ("column", False), ("why", False)],
        [[g.file, g.role, g.column, g.why] for g in drafted.guesses],
        wide="why",
        cut=False,
    )
    for title, some in (
        ("this data supports", [b for b in drafted.bases if b.supported]),
        ("not yet, and what it would need", [b for b in drafted.bases if not b.supported]),
    ):
        if some:
            page.line()
            page.quiet(title)
            page.facts([(b.name, b.why) for b in some])
    if drafted.questions:
        page.line()
        page.warn("please look at")
        page.listed(drafted.questions)
    project = drafted.project
    page.line()
    page.line(
        f"Wrote {(directory / 'coterie.yaml').as_posix()}: {counted(len(project.traits), 'trait')}, "
        f"{counted(len(project.segments), 'segment')}, {counted(len(project.segmentations), 'segmentation')}. "
        f"Next: {then(directory, 'run')}"
    )


def check(directory: Dir = HERE, json: Json = False, quiet: Quiet = False) -> None:
    """Check every definition against the sources' columns."""
    from coterie.workspace.definitions import notices as definition_notices

    with opened(directory) as space:
        with progress(quiet) as say:
            catalog = space.check(say)
        notices = [str(n) for n in (*space.project.notices, *definition_notices(catalog))]
        name = space.file.as_posix()
    nouns = ("trait", "segment", "segmentation")
    counts = {noun: len(catalog.of(noun)) for noun in nouns}  # type: ignore[arg-type]
    if json:
        print_json({"ok": True, **{f"{noun}s": n for noun, n in counts.items()}, "notices": notices})
        return
    for notice in notices:
        typer.echo(notice)
    said = ", ".join(counted(n, noun) for noun, n in counts.items())
    typer.echo(f"{name} is right: {said}")


def fmt(
    directory: Dir = HERE,
    only_check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if the text is not canonical.")] = False,
) -> None:
    """Rewrite the project file in its canonical form."""
    with opened(directory) as space:
        changed = space.format(write=not only_check)
    said = ("would be changed" if only_check else "is rewritten") if changed else "is in canonical form already"
    typer.echo(f"{space.file.as_posix()} {said}")
    if changed and only_check:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of coterie.yaml, for editors."""
    from coterie.workspace.schema import project_schema

    print_json(project_schema())


def add(app: typer.Typer) -> None:
    for command in (demo, init, check, fmt, schema):
        app.command()(command)
