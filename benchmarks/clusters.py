"""Clusters on loopback, gone after the tests: a standalone master with workers, and a Spark Connect server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a server may take to start."""
SETTINGS = {
    "spark.executor.memory": "640m",
    "spark.driver.memory": "768m",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
}
"""A cluster as small as Spark lets it be."""


@dataclass
class Cluster:
    """Servers that run.

    Attributes:
        url: what `engine:` says to work there.
        servers: the processes that were started, in order.
        log: where they say what they do.
    """

    url: str
    log: Path
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def executors(self) -> list[int]:
        """The processes of the executors that are alive: Java that a worker started."""
        workers = {server.pid for server in self.servers}
        return [pid for pid, parent, command in processes() if parent in workers and "CoarseGrainedExecutorBackend" in command]


def processes() -> Iterator[tuple[int, int, str]]:
    """What runs on this machine: (process, its parent, its command line)."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue  # it has ended meanwhile
            yield int(folder.name), parent, command


@contextmanager
def standalone(folder: Path, workers: int = 2, memory: str = "1g") -> Iterator[Cluster]:
    """A master and its workers of one core each."""
    port = free_port()
    cluster = Cluster(f"spark://127.0.0.1:{port}", folder / "cluster.log")
    master = "org.apache.spark.deploy.master.Master"
    worker = "org.apache.spark.deploy.worker.Worker"
    try:
        start(cluster, folder, [master, "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"])
        until(cluster, lambda: answers(port), "the master")
        for n in range(workers):
            size = ["--cores", "1", "--memory", memory, "--webui-port", "0", "--work-dir", str(folder / f"work-{n}")]
            start(cluster, folder, [worker, "--host", "127.0.0.1", *size, cluster.url])
        until(cluster, lambda: cluster.log.read_text(errors="replace").count("Registering worker") >= workers, "the workers")
        yield cluster
    finally:
        stop(cluster)


@contextmanager
def connect(folder: Path) -> Iterator[Cluster]:
    """A Spark Connect server that works with two threads."""
    port = free_port()
    cluster = Cluster(f"sc://127.0.0.1:{port}", folder / "connect.log")
    settings = SETTINGS | {"spark.connect.grpc.binding.port": str(port), "spark.connect.grpc.binding.address": "127.0.0.1"}
    settings |= {"spark.ui.enabled": "false", "spark.sql.warehouse.dir": str(folder / "warehouse")}
    said = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    try:
        submitted = ["org.apache.spark.deploy.SparkSubmit", "--master", "local[2]", *said, "--class", server, "spark-internal"]
        start(cluster, folder, submitted, memory="1g")
        until(cluster, lambda: answers(port), "Spark Connect")
        yield cluster
    finally:
        stop(cluster)


def start(cluster: Cluster, folder: Path, command: Sequence[str], memory: str = "256m") -> None:
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": memory,
        "PYSPARK_PYTHON": sys.executable,
    }
    with cluster.log.open("ab") as log:
        cluster.servers.append(
            subprocess.Popen(
                [home / "bin" / "spark-class", *command],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=with_us,  # noqa: PLW1509 — before any thread is started
            )
        )


def with_us() -> None:
    """Have Linux end a server when its parent ends, in whatever way."""
    import ctypes

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def stop(cluster: Cluster) -> None:
    """End what was started, and what that started: the executors go with their workers."""
    executors = cluster.executors()
    for server in reversed(cluster.servers):
        for kill in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(server.pid, kill)
                server.wait(10)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
    for pid, _, command in list(processes()):
        if pid in executors and "CoarseGrainedExecutorBackend" in command:
            os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def until(cluster: Cluster, ready: Callable[[], bool], what: str) -> None:
    """Wait for a server.

    Raises:
        RuntimeError: it has ended, or takes too long; with its last words.
    """
    began = time.monotonic()
    while not ready():
        ended = [server for server in cluster.servers if server.poll() is not None]
        if ended or time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"{what} does not start:\n{cluster.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
