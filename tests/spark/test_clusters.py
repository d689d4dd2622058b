"""Spark that is not in this process: a standalone cluster, whose executors may die, and Spark Connect. Same answers as DuckDB."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
from sqlglot import exp

import coterie
from benchmarks import clusters
from benchmarks.clusters import SETTINGS, Cluster
from benchmarks.figures import at_least
from coterie.traits.batch import relation
from coterie.workspace.settings import Settings
from tests.spark.projects import write_project
from tests.spark.sessions import QUICK

pytestmark = pytest.mark.spark

COTERIE = Path(sys.executable).with_name("coterie")
SLOWEST = 1200
"""Seconds that a run may take."""


def started(folder: Path, url: str) -> "subprocess.Popen[str]":
    """`coterie run` there, in a process of its own, since a process has one Spark."""
    environment = {**os.environ, "COTERIE_ENGINE": url, "SPARK_LOCAL_IP": "127.0.0.1"}
    out = subprocess.PIPE
    return subprocess.Popen([COTERIE, "run", "--dir", folder, "--quiet"], env=environment, stdout=out, stderr=out, text=True)


def finished(run: "subprocess.Popen[str]") -> None:
    said, wrong = run.communicate(timeout=SLOWEST)
    assert run.returncode == 0, said + wrong


def project(folder: Path, url: str) -> Path:
    folder.mkdir()
    write_project(folder, url, {**QUICK, **SETTINGS})
    return folder


def answers(folder: Path) -> str:
    """A hash of all that a run has answered: counts, labels, and of everybody the memberships and every trait."""
    results = coterie.open(folder, Settings(engine="local[2]")).results
    tables = [results.engine.fetch(exp.select("*").from_(relation(name))) for name in ("segments", "traits")]
    sizes = {name: asdict(size) for name, size in results.sizes.items()}
    said = [sizes, results.made.labels, *(table.sort_by("customer").to_pylist() for table in tables)]
    assert len(tables[0]) == results.made.population > 0
    return sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The answers of DuckDB."""
    folder = project(tmp_path_factory.mktemp("duckdb") / "project", "duckdb")
    coterie.open(folder).run()
    return answers(folder)


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with clusters.standalone(tmp_path_factory.mktemp("standalone")) as cluster:
        yield cluster


def test_spark_connect_gives_the_same_answers(wanted, tmp_path):
    with clusters.connect(tmp_path) as server:
        folder = project(tmp_path / "project", server.url)
        finished(started(folder, server.url))
    assert answers(folder) == wanted


def killed_during(run: "subprocess.Popen[str]", cluster: Cluster, draw: random.Random, most: int) -> int:
    """Kill executors at random moments for as long as the run goes on → how many were killed."""
    kills = 0
    while kills < most and run.poll() is None:
        time.sleep(draw.uniform(0.5, 6.0))
        alive = cluster.executors()
        if alive and run.poll() is None:
            os.kill(draw.choice(alive), signal.SIGKILL)
            kills += 1
    return kills


def seen_to_die(cluster: Cluster) -> int:
    """How many executors their workers have found killed."""
    return cluster.log.read_text(errors="replace").count("exitStatus 137")


def test_a_standalone_cluster_gives_the_same_answers_while_its_executors_are_killed(standalone, wanted, tmp_path):
    folder, before = project(tmp_path / "project", standalone.url), seen_to_die(standalone)
    run = started(folder, standalone.url)
    kills = killed_during(run, standalone, random.Random(1), most=2)
    finished(run)
    assert kills == seen_to_die(standalone) - before == 2
    assert answers(folder) == wanted


@pytest.mark.long
def test_no_answer_changes_over_many_kills(standalone, wanted, tmp_path, figure: Callable[..., None]):
    draw, began, kills, runs = random.Random(), time.monotonic(), 0, 0
    before = seen_to_die(standalone)
    while kills < 20:
        folder = project(tmp_path / f"project-{runs}", standalone.url)
        run = started(folder, standalone.url)
        kills += killed_during(run, standalone, draw, most=20 - kills)
        finished(run)
        assert answers(folder) == wanted
        runs += 1
    assert seen_to_die(standalone) - before == kills
    figure("spark.executor_kills", kills, "kills", goal=at_least(20), n=runs, seconds=time.monotonic() - began)
