"""What commands have in common: the project's folder, JSON or people, progress."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from coterie.workspace.run import Progress
    from coterie.workspace.workspace import Workspace

Dir = Annotated[Path, typer.Option("--dir", help="The project's folder.", show_default="here")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
HERE = Path()


@contextmanager
def opened(folder: Path) -> Iterator["Workspace"]:
    """The project of a folder, closed again at the end."""
    from coterie.workspace.workspace import open as open_workspace

    space = open_workspace(folder)
    try:
        yield space
    finally:
        space.close()


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def then(directory: Path, command: str) -> str:
    """A command to type next, for the same folder."""
    return f"coterie {command}" if directory == HERE else f"coterie {command} --dir {directory.as_posix()}"


@contextmanager
def progress(quiet: bool) -> Iterator["Progress"]:
    """What is being done, on stderr, in one changing line; nothing when piped or asked to be quiet."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True, highlight=False).status("starting") as status:
        yield lambda text: status.update(Text(text, no_wrap=True, overflow="ellipsis"))
