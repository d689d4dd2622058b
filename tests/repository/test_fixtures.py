"""The fixtures themselves: a guard that does not guard would let every other test pass."""

import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from tests.network import NetworkUsed, NoNetwork, is_local


def test_postgres_answers_over_its_url(postgres_url: str) -> None:
    engine = sqlalchemy.create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select 1 + 1")).scalar() == 2
    engine.dispose()


def test_postgres_refuses_a_wrong_password(postgres_url: str) -> None:
    url = sqlalchemy.make_url(postgres_url)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=url.host, port=url.port, user=url.username, password="wrong", dbname=url.database)


@pytest.mark.usefixtures("no_network")
def test_other_machines_cannot_be_reached() -> None:
    with pytest.raises(NetworkUsed), socket.socket() as one:
        one.connect(("192.0.2.1", 80))
    with pytest.raises(NetworkUsed), socket.socket() as one:
        one.connect_ex(("192.0.2.1", 80))
    with pytest.raises(NetworkUsed):
        socket.getaddrinfo("example.org", 80)


@pytest.mark.usefixtures("no_network")
def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())


def test_a_process_has_no_network(no_network: NoNetwork) -> None:
    program = "import socket; print([name for _, name in socket.if_nameindex()])"
    with_network = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    without = no_network.run([sys.executable, "-c", program])
    assert without.returncode == 0, without.stderr
    assert without.stdout.strip() == "['lo']"
    assert with_network.stdout != without.stdout or with_network.stdout.strip() == "['lo']"
    connect = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    assert "Network is unreachable" in no_network.run([sys.executable, "-c", connect]).stderr


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", b"127.0.0.1", None, ""])
def test_local_hosts(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "192.0.2.1", "2001:db8::1", "localhost.example"])
def test_other_hosts(host: object) -> None:
    assert not is_local(host)


def test_shared_holds_the_data(shared: Path) -> None:
    assert (shared / "data").is_dir()


OUTSIDE = """
import pytest
@pytest.mark.parametrize("n", [1, 2])
def test_reads(n, shared): ...
"""


@pytest.mark.parametrize(("ci", "code", "words"), [("", 0, "2 tests: the real data sets"), ("true", 1, "nothing is left out")])
def test_what_is_left_out_is_said_and_fails_in_ci(tmp_path: Path, ci: str, code: int, words: str) -> None:
    root = Path(__file__).resolve().parents[2]
    outside = tmp_path / "test_outside.py"
    outside.write_text(OUTSIDE)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            tmp_path / "test_outside.py",
        ],
        cwd=root,
        env={"CI": ci, "COTERIE_SHARED": str(tmp_path / "nowhere"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout + run.stderr
    assert words in run.stdout
