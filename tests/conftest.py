"""What all tests share: the real data, a PostgreSQL server, a world without a network, and figures.

A test whose needs are not there is left out, and the last lines of the run name it. With CI=true it fails instead.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import hypothesis
import pytest
from playwright.sync_api import Browser

from benchmarks import figures
from tests.chromium import ChromiumMissing, running
from tests.network import NoNetwork, forbid_connections, isolating_prefix
from tests.postgres import PostgresMissing, find_binaries, running_server

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
LEFT_OUT = "left out: "

# Shared machines are slow at odd moments: no deadline. Runs repeat exactly; `make long` goes where none went before.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "explore",
    max_examples=1000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def missing(reason: str) -> NoReturn:
    """Leave the test out, loudly; fail it where nothing may be left out."""
    if IN_CI:
        pytest.fail(f"{reason} With CI=true nothing is left out.", pytrace=False)
    pytest.skip(LEFT_OUT + reason)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that takes a fixture gets the mark that goes with it, before -m chooses."""
    marks = {"postgres_url": pytest.mark.postgres, "shared": pytest.mark.shared, "browser": pytest.mark.browser}
    for item in items:
        for fixture, mark in marks.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out for want of a tool or of data, with the number of tests."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.getreports("skipped"):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if LEFT_OUT in text:
            reason = text.partition(LEFT_OUT)[2]
            reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("left out", yellow=True)
        for reason, count in reasons.items():
            terminalreporter.write_line(f"{count} test{'' if count == 1 else 's'}: {reason}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real data sets: beside the repository, or where COTERIE_SHARED says. Only to be read."""
    folder = Path(os.environ.get("COTERIE_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        missing(f"the real data sets are not at {folder} (COTERIE_SHARED names another place).")
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL (SQLAlchemy's form, psycopg) of an empty database on a PostgreSQL server that lives as long as the run.

    The role may create databases and schemas; the URL carries a password.
    """
    try:
        binaries = find_binaries()
    except PostgresMissing as reason:
        missing(str(reason))
    with running_server(binaries) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    try:
        with running() as started:
            yield started
    except ChromiumMissing as reason:
        missing(str(reason))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> NoNetwork:
    """From here on, connecting to another machine raises; `.run(command)` runs a process without a network."""
    forbid_connections(monkeypatch)
    return NoNetwork(isolating_prefix(), missing)


@pytest.fixture
def figure() -> Callable[..., figures.Figure]:
    """Keep a measured number in build/figures.jsonl: figure(name, value, unit, against=…, goal=at_most(…), n=…)."""
    started = perf_counter()

    def keep(name: str, value: float, unit: str, **more: object) -> figures.Figure:
        new = figures.figure(name, value, unit, **{"seconds": perf_counter() - started, **more})  # type: ignore[arg-type]
        figures.keep(new)
        return new

    return keep


@pytest.fixture(scope="session")
def size() -> Callable[[int], int]:
    """How large a long test is to be: size(usual) is COTERIE_N where that is set (`make long N=…`)."""
    asked = os.environ.get("COTERIE_N")
    return lambda usual: int(asked) if asked else usual
