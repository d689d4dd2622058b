"""What commands have in common: the project's folder, JSON or people, progress."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from coterie.workspace.run import Progress
    from coterie.workspace.workspace import Workspace

Dir = Annotated[Path, typer.Option("--dir", help="The project's folder.", show_default="here")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
HERE = Path()


def workspace(folder: Path) -> "Workspace":
    from coterie.workspace.workspace import open as open_workspace

    return open_workspace(folder)


def console(*, error: bool = False) -> "Console":
    """Rich on a terminal, plain when piped or with NO_COLOR."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, highlight=False, soft_wrap=not stream.isatty(), width=None if stream.isatty() else 160)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextmanager
def progress(quiet: bool) -> Iterator["Progress"]:
    """What is being done, on stderr, in one changing line; nothing when piped or asked to be quiet."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with console(error=True).status("starting") as status:
        yield lambda text: status.update(text)
