"""A project on Spark: the same commands, the same answers as on DuckDB, from the files to the history."""

import shutil
import socket
from pathlib import Path

import pyarrow.dataset as ds
import pytest

import coterie
from coterie.core.errors import EngineError, NotSupported
from coterie.engine.spark import Spark, session_at, version_of_java
from coterie.language.dialects import spark as words
from coterie.workspace.gates import TooMuchChange
from tests.spark.projects import write_project
from tests.spark.sessions import QUICK

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same project, run on either engine."""
    out = {}
    for engine in ("duckdb", "local[2]"):
        folder = tmp_path_factory.mktemp("project")
        write_project(folder, engine)
        coterie.open(folder).run()
        out[engine] = folder
    return out


def opened(both: dict[str, Path]) -> tuple[coterie.Workspace, coterie.Workspace]:
    return coterie.open(both["duckdb"]), coterie.open(both["local[2]"])


def ids(workspace: coterie.Workspace, name: str) -> list[str]:
    return sorted(row["customer"] for row in workspace.segments.members(name))


def test_sizes_members_and_labels_are_equal(both):
    duck, spark = opened(both)
    for name in ("vip", "german", "german_vip", "came_back", "browsers", "older"):
        assert duck.segments.size(name) == spark.segments.size(name), name
        assert ids(duck, name) == ids(spark, name), name
    assert duck.results.made.labels == spark.results.made.labels


def test_other_tools_read_the_memberships_of_a_day(both):
    duck, spark = opened(both)
    folder = both["local[2]"] / ".coterie" / "results" / "memberships"
    rows = ds.dataset(folder, partitioning="hive").to_table().to_pylist()
    assert {row["day"] for row in rows} == {"2026-03-31"}
    for name in spark.results.sizes:
        assert sorted(row["customer"] for row in rows if row["segment"] == name) == ids(duck, name)
    labels = {row["customer"]: row["label"] for row in rows if row["segment"] == "lifecycle"}
    assert labels == {r["customer"]: r["label"] for r in duck.history.members("lifecycle").to_pylist() if r["label"] is not None}


def test_traits_are_equal(both):
    duck, spark = (w.results.engine.fetch("SELECT * FROM traits") for w in opened(both))
    assert duck.column_names == spark.column_names
    assert duck.sort_by("customer").to_pylist() == spark.sort_by("customer").to_pylist()


def test_any_question_has_one_answer(both):
    duck, spark = opened(both)
    for text in ("revenue > 100", "sum(order.amount within 40 days) > 50 or age is missing", "usual_page = 'home'"):
        assert duck.count(text).to_json() == spark.count(text).to_json()
    assert duck.why("a1", "vip") == spark.why("a1", "vip")
    assert "`revenue`" in spark.sql("vip")


def test_the_second_run_continues_the_history_and_can_be_undone(both, tmp_path):
    folder = tmp_path / "again"
    shutil.copytree(both["local[2]"], folder)
    with (folder / "orders.csv").open("a", encoding="utf-8") as file:
        file.write("7,a4,2026-03-30 10:00:00,10.00\n")
    workspace = coterie.open(folder)
    before = workspace.segments.size("came_back")
    workspace.run()
    assert workspace.segments.size("came_back") != before
    assert len(workspace.history.runs()) == 2
    shown = folder / ".coterie" / "results" / "memberships"
    assert ds.dataset(shown).count_rows(ds.field("segment") == "came_back") == workspace.segments.size("came_back").inside
    workspace.undo()
    assert workspace.segments.size("came_back") == before
    assert ds.dataset(shown).count_rows(ds.field("segment") == "came_back") == before.inside
    for day in (28, 29):  # what no gathering needs any more is cleared away
        with (folder / "orders.csv").open("a", encoding="utf-8") as file:
            file.write(f"{day},a2,2026-03-{day} 10:00:00,10.00\n")
        workspace.run()
    tables = [p.name for p in (folder / ".coterie/cache/events").iterdir() if p.name.startswith("order-")]
    assert 0 < len(tables) <= 4


def test_the_other_commands_work_too(both, tmp_path):
    folder = tmp_path / "all"
    shutil.copytree(both["local[2]"], folder)
    workspace, duck = coterie.open(folder), coterie.open(both["duckdb"])
    workspace.run(since="2026-02-28", every="month")
    assert [str(s) for s in workspace.lint()] == [str(s) for s in duck.lint()]
    compared = workspace.plan().compared
    assert compared is not None
    assert not compared.table.num_rows  # nobody would move
    assert len(workspace.history.sizes("vip")) == 2
    assert workspace.traits_at(["2026-03-10"]).arrow().num_rows == duck.traits_at(["2026-03-10"]).arrow().num_rows
    assert [row["reason"] for row in workspace.quarantine()] == [row["reason"] for row in duck.quarantine()]
    assert workspace.grid("value").arrow().to_pylist() == duck.grid("value").arrow().to_pylist()
    for form in ("csv", "parquet", "jsonl", "xlsx"):
        assert workspace.export("vip", form, out=tmp_path / f"vip.{form}").rows == workspace.segments.size("vip").inside
    workspace.report(tmp_path / "report.html")
    assert "came_back" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [f for f in workspace.doctor() if f.state == "broken"] == []


def test_who_would_move_is_counted_where_the_customers_are(both, tmp_path):
    """The same numbers as in one process, the customers where they are asked for, and a gate that holds."""
    plans = []
    for engine, folder in both.items():
        shutil.copytree(folder, tmp_path / engine)
        with (tmp_path / engine / "orders.csv").open("a", encoding="utf-8") as file:
            file.write("7,a3,2026-03-30 10:00:00,500.00\n8,a2,2026-03-30 11:00:00,0.10\n")
        workspace = coterie.open(tmp_path / engine)
        plan = workspace.plan()
        plans.append(
            ({k: v for k, v in plan.to_json().items() if k != "seconds"}, {n: plan.entered(n) for n in ("vip", "came_back")})
        )
        text = (tmp_path / engine / "coterie.yaml").read_text(encoding="utf-8")
        gated = text.replace("  vip:\n", "  vip:\n    max_change: 1%\n")
        (tmp_path / engine / "coterie.yaml").write_text(gated, encoding="utf-8")
        with pytest.raises(TooMuchChange, match="vip: 1 entered"):
            workspace.run()
        workspace.run(accept=["vip"])
    assert plans[0] == plans[1]
    assert plans[0][1] == {"vip": ["a3"], "came_back": ["a2"]}


def test_an_engine_may_follow_the_other(both, tmp_path):
    """What one has gathered and recorded the other reads."""
    folder = tmp_path / "moved"
    shutil.copytree(both["duckdb"], folder)
    text = (folder / "coterie.yaml").read_text(encoding="utf-8")
    for engine in ("local[2]", "duckdb"):
        (folder / "coterie.yaml").write_text(text.replace("engine: duckdb", f"engine: {engine}"), encoding="utf-8")
        workspace = coterie.open(folder)
        workspace.run()
        assert workspace.segments.size("vip") == coterie.open(both["duckdb"]).segments.size("vip")
        moved = workspace.history.diff(*[run.number for run in workspace.history.runs()][-2:])
        assert [(d.entered, d.left) for d in moved.segments if d.entered or d.left] == []


def test_a_project_is_run_from_its_own_folder_as_from_any_other(both, tmp_path, monkeypatch):
    """Paths that are relative meet the files that Spark names from the root."""
    shutil.copytree(both["local[2]"], tmp_path / "a+b %41 [x]", ignore=shutil.ignore_patterns(".coterie"))
    monkeypatch.chdir(tmp_path)
    workspace = coterie.open("a+b %41 [x]")
    workspace.run()
    assert workspace.segments.size("browsers") == coterie.open(both["duckdb"]).segments.size("browsers")


def test_no_java_is_said_before_anything_starts(tmp_path):
    with pytest.raises(EngineError, match="needs Java") as caught:
        version_of_java({"JAVA_HOME": str(tmp_path)})
    assert "JAVA_HOME" in str(caught.value.hint)


def test_an_old_java_is_named(tmp_path):
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    with pytest.raises(EngineError, match="version 11"):
        version_of_java({"JAVA_HOME": str(tmp_path)})


@pytest.mark.parametrize("url", ["spark://127.0.0.1:1", "sc://127.0.0.1:1"])
def test_a_cluster_that_does_not_answer_is_said_at_once(url):
    with pytest.raises(EngineError, match="no Spark answers") as caught:
        session_at(url)
    assert caught.value.code == "E312"


def test_a_yarn_that_nobody_described_is_said_before_java_starts(monkeypatch):
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EngineError, match="HADOOP_CONF_DIR"):
        session_at("yarn")


def test_a_process_has_one_spark():
    """Where another one is asked for, it is not the first that answers without a word."""
    session_at("local[2]", QUICK)
    with socket.create_server(("127.0.0.1", 0)) as server:  # somebody answers there
        there = f"127.0.0.1:{server.getsockname()[1]}"
        for url in ("local[3]", f"spark://{there}", f"sc://{there}/;token=secret"):
            with pytest.raises(EngineError, match=r"works with Spark at local\[2\]") as caught:
                session_at(url)
            assert caught.value.code == "E314"
            assert "secret" not in str(caught.value)
    assert Spark().session.sparkContext.master == "local[2]"


@pytest.mark.parametrize("written", ["traits:\n  initial: lower(country)", "segments:\n  initial: lower(country) = 'de'"])
def test_what_spark_lacks_is_said_before_anything_is_computed(both, tmp_path, monkeypatch, written):
    """No word of the language is missing today; were one, no table would be made before that is said."""
    folder = tmp_path / "lacking"
    shutil.copytree(both["local[2]"], folder)
    text = (folder / "coterie.yaml").read_text(encoding="utf-8")
    noun = written.partition("\n")[0]
    (folder / "coterie.yaml").write_text(text.replace(f"{noun}\n", f"{written}\n"), encoding="utf-8")
    monkeypatch.delitem(words.FUNCTIONS, "LOWER")
    made = []
    monkeypatch.setattr(Spark, "create", lambda *_, **__: made.append(1))
    with pytest.raises(NotSupported, match=r"initial cannot be had: .* no function lower") as caught:
        coterie.open(folder).run()
    assert "engine: duckdb" in str(caught.value.hint)
    assert "coterie.yaml" in str(caught.value)
    assert not made


def test_a_query_that_fails_says_its_step_and_its_sql(tmp_path):
    with Spark(url="local[2]", temp=tmp_path) as engine:
        with pytest.raises(EngineError, match="count the nobodies failed") as caught:
            engine.rows("SELECT count(*) FROM nobody", "count the nobodies")
        assert "nobody" in str(caught.value.sql)
        assert "\tat org.apache" not in str(caught.value)
    assert not list(tmp_path.iterdir())  # nothing of it is left
