"""Commands as processes: how quick help is, broken pipes, signals, kills, a full disk, no network."""

import io
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

import coterie
from benchmarks.figures import at_least
from coterie.cli.app import app, execute
from tests import shops
from tests.network import NoNetwork

COTERIE = (sys.executable, "-c", "from coterie.cli import main; main()")
HEAVY = (
    "duckdb", "pyarrow", "numpy", "sqlglot", "lark", "pandas", "polars", "rich.table", "ruamel.yaml", "sqlalchemy", "pydantic",
    "fastapi", "uvicorn", "orjson", "msgspec", "apsw",
)  # fmt: skip
COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
MANY = 20_000
"""Orders of a project that takes a moment."""


def called(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    options: dict[str, object] = {"capture_output": True, "text": True, "check": False, **more}
    return subprocess.run([*COTERIE, *arguments], **options)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with more orders, run once; only to be copied."""
    orders = "".join(f"{i},a{i % 997},2026-03-{1 + i % 28:02d} 10:00:00,{i % 97}.50\n" for i in range(MANY))
    folder = shops.copied(shops.tiny(), tmp_path_factory.mktemp("busy") / "busy")
    (folder / "orders.csv").write_text(f"order_id,customer,at,amount\n{orders}")
    return folder


def sizes(folder: Path) -> object:
    space = coterie.open(folder)
    try:
        return space.results.generation.number, dict(space.results.sizes), space.why("a1", "vip").reason.truth
    finally:
        space.close()


def test_help_loads_no_engine() -> None:
    code = (
        "import sys\nfrom coterie.cli.app import execute\n"
        f"for command in [[], *([c] for c in {COMMANDS!r})]:\n    assert execute([*command, '--help']) == 0\n"
        f"print('loaded:', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "loaded: []"
    assert "…" not in found.stdout.split("Commands:")[1].split("Usage:")[0]  # no line of the list of commands is cut
    assert "..." not in found.stdout.split("Commands:")[1].split("Usage:")[0]


@pytest.mark.parametrize("arguments", [("--help",), ("export", "--help")])
def test_help_is_quick(arguments: tuple[str, ...], figure: Callable[..., object]) -> None:
    spent = []
    for _ in range(4):
        before = os.times()
        assert called(*arguments).returncode == 0
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(spent) <= 0.3


@pytest.mark.parametrize("command", [("schema",), ("export", "true", "--out", "-", "--dir", "DIR")])
def test_a_reader_that_has_enough_is_no_error(command: tuple[str, ...]) -> None:
    words = [str(shops.tiny()) if word == "DIR" else word for word in command]
    process = subprocess.Popen([*COTERIE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before a line is written
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_an_interrupt_stops_a_run_clean(busy: Path, tmp_path: Path) -> None:
    folder = shops.copied(busy, tmp_path / "copy")
    before = sizes(folder)
    process = subprocess.Popen([*COTERIE, "run", "--dir", str(folder)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list((folder / ".coterie/cache").glob("partial-*")):
        time.sleep(0.005)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "stopped; the last results are as they were"
    assert "Traceback" not in err
    assert not list((folder / ".coterie/cache").glob("partial-*"))
    assert sizes(folder) == before


def kill(busy: Path, folder: Path, times: int, seed: int) -> None:
    """Kill runs at random moments; after each the last results can be read, and a last run gets through."""
    folder = shops.copied(busy, folder)
    draw = random.Random(seed)
    before = sizes(folder)
    started = time.perf_counter()
    trial = shops.copied(busy, folder.with_name("trial"))
    assert called("run", "--dir", str(trial)).returncode == 0
    whole = time.perf_counter() - started
    for n in range(times):
        with (folder / "orders.csv").open("a") as file:
            file.write(f"{MANY + n},a{n},2026-03-01 10:00:00,1.00\n")
        process = subprocess.Popen([*COTERIE, "run", "--dir", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.2, 1.1) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        found = sizes(folder)
        if process.returncode == 0:
            before = found
        elif found != before:  # killed after the new results were shown
            assert found[0] == before[0] + 1  # type: ignore[index]
            before = found
    space = coterie.open(folder)
    space.run()
    assert {f.state for f in space.doctor()} == {"ok"}
    space.close()
    assert not list((folder / ".coterie/cache").glob("partial-*"))


def test_killed_runs_leave_the_last_results(busy: Path, tmp_path: Path) -> None:
    kill(busy, tmp_path / "copy", 3, seed=1)


@pytest.mark.long
def test_fifty_killed_runs_leave_the_last_results(busy: Path, tmp_path: Path, size: Callable[[int], int]) -> None:
    kill(busy, tmp_path / "copy", min(size(50), 50), seed=2)


def kill_history(busy: Path, folder: Path, times: int, seed: int) -> int:
    """Kill runs, back-fills and undos at random moments: history is never doubled nor torn, and what it says is right.

    Those that were through before their moment came do not count as kills; returns how many commands were begun.
    """
    folder = shops.copied(busy, folder)
    shutil.rmtree(folder / ".coterie")
    draw = random.Random(seed)
    started = time.perf_counter()
    assert called("run", "--dir", str(folder)).returncode == 0
    whole = time.perf_counter() - started
    ends: dict[str, list[dict[str, object]]] = {}
    killed, begun = 0, 0
    while killed < times:
        day, begun = f"2026-03-{1 + begun % 28:02d}", begun + 1
        command = draw.choice(
            [["run", "--as-of", day], ["run", "--as-of", "2026-03-31", "--since", "2026-03-27", "--every", "day"], ["undo"]]
        )
        length = draw.uniform(0.3, 1.2) * whole * (2 if "--since" in command else 1)
        process = subprocess.Popen([*COTERIE, *command, "--dir", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(length)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
        consistent(folder, ends)
    space = coterie.open(folder)
    space.run("2026-03-31", since="2026-03-25", every="day")
    consistent(folder, ends)
    assert len(space.history.snapshots()) >= 7
    assert {f.state for f in space.doctor()} == {"ok"}
    space.close()
    return begun


def consistent(folder: Path, ends: dict[str, list[dict[str, object]]]) -> None:
    """The data never changes here: whatever is recorded of a day is the same for ever, and stands there once."""
    space = coterie.open(folder)
    runs = space.history.runs()
    assert len({r.number for r in runs}) == len(runs)
    days = [s.as_of.isoformat() for s in space.history.snapshots()]
    assert len(set(days)) == len(days)
    counted = {at.isoformat(): n for at, n in space.history.all_sizes(["vip"])["vip"]}
    for day in days:
        found = space.history.members("vip", f"{day}Z").to_pylist()
        assert len({row["customer"] for row in found}) == len(found)
        assert counted[day] == sum(row["verdict"] == "in" for row in found)
        assert ends.setdefault(day, found) == found
    if days:
        assert [s.as_of.isoformat() for s in space.history.sizes("vip")] == days
    assert space.segments.size("vip").population
    space.close()


def test_killed_runs_back_fills_and_undos_leave_a_whole_history(busy: Path, tmp_path: Path) -> None:
    kill_history(busy, tmp_path / "copy", 4, seed=5)


@pytest.mark.long
def test_fifty_kills_leave_a_whole_history(
    busy: Path, tmp_path: Path, size: Callable[[int], int], figure: Callable[..., object]
) -> None:
    kills, started = min(size(50), 50), time.perf_counter()
    begun = kill_history(busy, tmp_path / "copy", kills, seed=6)
    figure("history.kills", kills, "kills", goal=at_least(50), n=begun, seconds=time.perf_counter() - started)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are POSIX")
@pytest.mark.parametrize("kilobytes", [4, 560])
def test_a_full_disk_leaves_the_last_results(busy: Path, tmp_path: Path, kilobytes: int) -> None:
    import resource

    folder = shops.copied(busy, tmp_path / "copy")
    before = sizes(folder)
    limit = kilobytes * 1024
    said = called("run", "--dir", str(folder), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert said.returncode == 1
    first, hint = said.stderr.splitlines()
    assert first.startswith(("E303", "E506"))
    assert hint.startswith("   free some disk space")
    assert hint.endswith("run again; the last results are untouched")
    assert sizes(folder) == before
    assert not list((folder / ".coterie/cache").glob("partial-*"))
    space = coterie.open(folder)
    assert space.stale().said()[0].startswith("a later run failed (E")
    space.run()
    assert not space.stale()
    space.close()


def test_demo_and_run_without_a_network(no_network: NoNetwork, tmp_path: Path) -> None:
    shop = str(tmp_path / "shop")
    for command in (["demo", shop, "--customers", "30"], ["run", "--dir", shop]):
        said = no_network.run([*COTERIE, *command])
        assert said.returncode == 0, said.stderr


def on_a_terminal(*arguments: str) -> str:
    """What a command shows on a real terminal."""
    main, other = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")} | {"TERM": "xterm-256color"}
    process = subprocess.Popen([*COTERIE, *arguments], stdout=other, stderr=other, env=env)
    os.close(other)
    shown = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the terminal is gone with the process
            break
        if not part:
            break
        shown += part
    os.close(main)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_run_on_a_terminal_shows_what_is_being_done(tmp_path: Path) -> None:
    shown = on_a_terminal("run", "--dir", str(shops.copied(shops.tiny(), tmp_path / "copy")))
    # A tiny run is through before each step was on the screen; some of them are always seen.
    steps = ("reading", "customers and their traits", "answering", "publishing", "recording")
    assert any(step in shown for step in steps)
    assert "\x1b[" in shown
    quiet = on_a_terminal("run", "--quiet", "--dir", str(tmp_path / "copy"))
    assert not any(step in quiet for step in steps[1:])


class Terminal(io.StringIO):
    """A terminal in this process."""

    def isatty(self) -> bool:
        return True


def shown_at(width: int, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> str:
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert execute([*arguments, "--dir", str(shops.tiny())]) == 0
    monkeypatch.undo()
    return terminal.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize(
    "command", [("segments",), ("segment", "vip"), ("why", "a1", "german_vip"), ("traits",), ("doctor",), ("quarantine",)]
)
def test_the_width_of_a_terminal_is_kept(width: int, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = shown_at(width, *command, monkeypatch=monkeypatch)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "\x1b[" in shown
    assert max(len(line) for line in plain.splitlines()) <= width


def test_numbers_are_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown_at(60, "segments", monkeypatch=monkeypatch).splitlines()
    assert any("60 %" in line and "50 %" in line for line in lines)


def test_no_color_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = shown_at(80, "doctor", monkeypatch=monkeypatch)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)
