"""The commands together, and what becomes of an error: a message on stderr and an exit code."""

import contextlib
import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption
from typer.exceptions import TyperException

from coterie.cli import (
    bases,
    changes,
    data,
    history,
    hooks,
    keys,
    manual,
    models,
    personas,
    planning,
    project,
    reading,
    report,
    scorecard,
    serve,
    trial,
    webhooks,
)
from coterie.core.errors import Busy, CoterieError

WRONG, BUSY, STOPPED = 1, 75, 130


class Commands(TyperGroup):
    """All commands. Help that is not asked for is False, not None: of that typer would load pydantic to make a truth."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


app = typer.Typer(
    name="coterie",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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


for noun in (
    project,
    data,
    reading,
    scorecard,
    bases,
    history,
    models,
    personas,
    planning,
    manual,
    trial,
    report,
    serve,
    changes,
    keys,
    hooks,
    webhooks,
):
    noun.add(app)


def execute(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: without the program's name; None are the process's own.

    Returns:
        The exit code: 0, 1 wrong answer or input, 2 usage, 75 another run is at work, 130 stopped.
    """
    try:
        done = typer.main.get_command(app).main(args=arguments, prog_name="coterie", standalone_mode=False)
        sys.stdout.flush()
        code = done if isinstance(done, int) else 0
        return _stopped() if code == STOPPED else code
    except CoterieError as error:
        _say(str(error))
        return BUSY if isinstance(error, Busy) else WRONG
    except TyperException as wrong:
        show = getattr(wrong, "show", None)
        if show is None:
            _say(str(wrong))
        else:
            show()
        return wrong.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except (BrokenPipeError, SystemExit):
        # Whoever read the output has had enough (typer leaves by SystemExit then): nothing more to say, also not at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        _say(f"coterie stopped on a mistake of its own: {type(error).__name__}: {error}")
        if not os.environ.get("COTERIE_DEBUG"):
            _say("   Please report it, with what COTERIE_DEBUG=1 in front of the command shows.")
        return WRONG


def _stopped() -> int:
    _say("stopped; the last results are as they were")
    return STOPPED


def _say(text: str) -> None:
    if os.environ.get("COTERIE_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    print(text, file=sys.stderr)  # noqa: T201 - this is where the command line speaks
