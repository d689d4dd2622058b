"""What tests of commands share."""

import pytest

from tests.cli.calling import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Calls commands: `shell("count", "revenue > 1", dir=folder)` → exit code, output, errors."""
    return Shell(capsys)
