"""The shop that tests of the API ask."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.api.shop import Shop, serving, written


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's folder after a run; nobody writes into it."""
    return written(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def folder(ran: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(ran, tmp_path / "shop"))


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with serving(folder) as found:
        yield found
