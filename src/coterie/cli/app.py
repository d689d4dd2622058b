"""The commands together, and what becomes of an error: a message on stderr and an exit code."""

import os
import sys

import click
import typer

from coterie.cli import data, project, reading
from coterie.core.errors import Busy, CoterieError

BUSY = 75

app = typer.Typer(
    name="coterie",
    help="Turns what a business knows about its customers into segments that people can trust, explain and act on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        from coterie import __version__

        typer.echo(f"coterie {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True, callback=_version),
) -> None:
    """Turns what a business knows about its customers into segments that people can trust, explain and act on."""


for noun in (project, data, reading):
    noun.add(app)


def execute(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    try:
        result = typer.main.get_command(app).main(args=arguments, prog_name="coterie", standalone_mode=False)
        _flush()
        return result if isinstance(result, int) else 0
    except Busy as error:
        _say(str(error))
        return BUSY
    except CoterieError as error:
        if os.environ.get("COTERIE_DEBUG"):
            raise
        _say(str(error))
        return 1
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("stopped; the last results are as they were")
        return 130
    except BrokenPipeError:
        # Whoever read the output has had enough: nothing more to say, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("COTERIE_DEBUG"):
            raise
        _say(f"coterie stopped on a mistake of its own: {type(error).__name__}: {error}")
        _say("   Please report it, with what COTERIE_DEBUG=1 in front of the command shows.")
        return 1


def _flush() -> None:
    sys.stdout.flush()


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - this is where the command line speaks
