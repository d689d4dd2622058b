"""The command line: thin faces over the façade, one module per noun."""

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave the process with its exit code: 0, 1 wrong answer or input, 2 usage, 75 another run at work."""
    from coterie.cli.app import execute

    sys.exit(execute(arguments))
