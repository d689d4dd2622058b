"""A PostgreSQL server of our own, on loopback, in a temporary folder, gone after the tests."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROLE = "coterie"


class PostgresMissing(Exception):
    """There is no PostgreSQL server to start here; the message says why."""


def find_binaries() -> Path:
    """The folder with initdb and pg_ctl: on PATH, else the newest of Debian's. Raises PostgresMissing."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    for folder in [*([Path(on_path).resolve().parent] if on_path else []), *reversed(debian)]:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise PostgresMissing("no PostgreSQL server (initdb and pg_ctl) on PATH or in /usr/lib/postgresql.")


@contextmanager
def running_server(binaries: Path) -> Iterator[str]:
    """Start a server on a free port → the URL of an empty database; stop it and remove its folder afterwards.

    The folder lies directly in the temporary directory, since pytest's own folders are closed to other users.
    Raises RuntimeError with PostgreSQL's words when it does not start.
    """
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="coterie-pg-"))
    data, log, password_file = folder / "data", folder / "log", folder / "password"
    password = secrets.token_hex(8)
    password_file.write_text(password)
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            os.chown(password_file, owner.pw_uid, owner.pw_gid)
        options = ["--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"]
        _run([binaries / "initdb", "-D", data, "--username", ROLE, "--pwfile", password_file, *options], owner)
        port = _start(binaries, data, log, owner)
        try:
            yield f"postgresql+psycopg://{ROLE}:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run([binaries / "pg_ctl", "stop", "--pgdata", data, "--mode", "immediate"], owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom to run it as then. None: as whoever we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissing("PostgreSQL does not run as root, and there is no user postgres or nobody.")


def _start(binaries: Path, data: Path, log: Path, owner: pwd.struct_passwd | None) -> int:
    """Start the server → its port. Between finding a free port and taking it another may come first: try again."""
    for attempt in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        # No socket file: its path may be too long. Nothing needs to survive a crash.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        try:
            _run([binaries / "pg_ctl", "start", "--wait", "--pgdata", data, "--log", log, "--options", options], owner)
        except RuntimeError as error:
            if attempt == 4:
                words = log.read_text(errors="replace") if log.exists() else ""
                raise RuntimeError(f"{error}\n{words}") from None
        else:
            return port
    raise AssertionError


def _run(command: Sequence[str | Path], owner: pwd.struct_passwd | None) -> None:
    # The server inherits these descriptors: were they pipes, reading them would not end before the server does.
    with tempfile.TemporaryFile() as words:
        code = subprocess.run(
            command,
            user=None if owner is None else owner.pw_uid,
            group=None if owner is None else owner.pw_gid,
            extra_groups=None if owner is None else [],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            check=False,
        ).returncode
        if code:
            words.seek(0)
            raise RuntimeError(f"{Path(command[0]).name} ended with {code}: {words.read().decode(errors='replace')}")
