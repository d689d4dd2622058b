"""Promises about freshness, failures and silence: G28 to G34. `docs/promises.md` lists all of them."""

import random
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import coterie
from coterie.core.errors import Busy, CoterieError
from tests import shops
from tests.cli.calling import Shell
from tests.promises.asking import members, shop, write


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shops.copied(shops.tiny(), tmp_path / "tiny")


def test_g28_results_say_how_old_they_are_and_stay_readable(folder: Path, shell: Shell) -> None:
    """Cohorts hung in "calculating" and were out of date without a word."""
    before = shell("segments", "--json", dir=folder).json
    assert before["stale"] == []
    assert before["finished"].endswith("Z")  # the last success
    assert before["as_of"] == "2026-03-31T23:59:59"
    assert all(source["learned_at"] for source in before["sources"])  # what was known of the data
    shops.write_tiny(folder, shops.TINY.replace("vip and german", "vip and germann"))
    assert shell("run", dir=folder).code == 1
    after = shell("segments", "--json", dir=folder).json
    said = after.pop("stale")
    assert said[0].startswith("a later run failed")
    assert "germann" in said[0]
    assert {**after, "stale": []} == before  # the old membership, marked
    for command in (("segment", "vip"), ("segments",)):
        assert "stale: " in shell(*command, dir=folder).out
    assert any(finding["state"] != "ok" for finding in shell("doctor", "--json", dir=folder).json)
    with (folder / "orders.csv").open("a") as file:
        file.write("7,a5,2026-03-30 10:00:00,900.00\n")
    shops.write_tiny(folder, orders=(folder / "orders.csv").read_text())
    assert any("orders.csv" in text for text in shell("segments", "--json", dir=folder).json["stale"])
    assert shell("run", dir=folder).code == 0
    assert shell("segments", "--json", dir=folder).json["stale"] == []


HOLD = """
import sys, time
from pathlib import Path
from coterie.workspace.store import Store
with Store(Path(sys.argv[1]) / ".coterie").lock():
    print("held", flush=True)
    time.sleep(600)
"""


def test_g28_a_run_that_died_is_in_nobodys_way(folder: Path, shell: Shell) -> None:
    """Cohorts hung in "calculating" and were out of date without a word."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy):
            coterie.open(folder).run()
        assert shell("run", dir=folder).code == 75
        assert shell("segments", dir=folder).code == 0  # readers go on
    finally:
        holder.kill()
        holder.communicate()
    assert shell("run", dir=folder).code == 0


@pytest.mark.parametrize("what", ["definition", "too large", "data", "memory"])
def test_g29_nothing_fails_in_silence(folder: Path, shell: Shell, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that was too large failed without a message."""
    text = shops.TINY
    if what == "definition":
        shops.write_tiny(folder, text.replace("vip and german", "vip and"))
    elif what == "too large":
        shops.write_tiny(folder, text.replace("vip and german", " or ".join(f"age = {n}" for n in range(10_000))))
    elif what == "data":
        (folder / "orders.csv").unlink()
    else:
        monkeypatch.setenv("COTERIE_MEMORY", "100KB")
    said = shell("run", "--quiet", dir=folder)
    assert said.code == 1
    assert said.out == ""
    first, *rest = said.err.splitlines()
    assert " E" in f" {first}"
    assert rest, said.err  # what to do now
    assert "Traceback" not in said.err
    assert "a mistake of its own" not in said.err
    monkeypatch.delenv("COTERIE_MEMORY", raising=False)
    assert shell("segments", "--json", dir=folder).json["stale"]


def test_g30_who_runs_it_by_the_clock_is_told(folder: Path, shell: Shell) -> None:
    """Nobody was told when a rebuild failed, or when a segment jumped."""
    good = shell("run", "--quiet", "--line", dir=folder)
    assert (good.code, good.err, len(good.out.splitlines())) == (0, "", 1)
    shops.write_tiny(
        folder,
        shops.TINY.replace("revenue >= 100", "max_change: 20%\n    where: revenue >= 1000").replace("    where: max", "    max"),
    )
    before = coterie.open(folder).segments.size("vip")
    jumped = shell("run", "--quiet", "--line", dir=folder)
    assert (jumped.code, jumped.out) == (1, "")
    assert jumped.err.startswith("E173")
    assert "vip: 0 entered and 3 left of 3" in jumped.err
    assert coterie.open(folder).segments.size("vip") == before  # nothing was published
    assert shell("run", "--quiet", "--line", "--accept", "vip", dir=folder).code == 0
    assert coterie.open(folder).segments.size("vip").inside == 0


def random_rule(rng: random.Random) -> str:
    parts = [
        "revenue >= {}",
        "count(order within {} days) > 0",
        "age > {}",
        "country = 'DE'",
        "last_order within {} days",
        "orders > {}",
    ]
    chosen = [rng.choice(parts).format(rng.choice([1, 2, 30, 60, 200])) for _ in range(rng.randrange(1, 4))]
    return rng.choice([" and ", " or "]).join(f"not {p}" if rng.random() < 0.3 else p for p in chosen)


def test_g31_an_edit_leaves_no_old_members(tmp_path: Path) -> None:
    """A filter was taken away and the members whom it had let in stayed."""
    rng = random.Random(31)
    edited = coterie.open(shops.copied(shops.tiny(), tmp_path / "edited"))
    for n in range(6):
        rule = random_rule(rng)
        text = shops.TINY.replace("country = 'DE'", rule)
        shops.write_tiny(edited.folder, text)
        was = members(edited)["german"]
        plan = next(s for s in edited.plan().segments if s.name == "german")
        edited.run()
        fresh = coterie.open(shops.write_tiny(tmp_path / f"fresh{n}", text))
        fresh.run()
        now = members(edited)["german"]
        assert members(edited) == members(fresh), rule
        assert (plan.entered, plan.left) == (len(now - was), len(was - now))  # and it was said before
        fresh.close()
    edited.close()


def test_g32_runs_do_not_overwrite_what_people_said(folder: Path) -> None:
    """Somebody who was taken out by hand came back at the next rebuild."""
    space = coterie.open(folder)
    space.exclude("vip", ["a1"], reason="asked by mail", author="Ann")
    space.include("vip", ["a5"], reason="friend", author="Ben", until=date(2099, 1, 1))
    for text in (
        shops.TINY,
        shops.TINY.replace("revenue >= 100", "revenue >= 90"),
        shops.TINY.replace("and last_order", "or last_order"),
    ):
        shops.write_tiny(folder, text)
        space.run()
        assert "a1" not in members(space)["vip"]
        assert "a5" in members(space)["vip"]
        assert members(space)["german_vip"] == members(space)["vip"] & members(space)["german"]
    why = str(space.why("a1", "vip").reason)
    assert "asked by mail" in why
    assert "Ann" in why
    space.take_back("vip", "exclude", ["a1"], author="Ann")
    space.run()
    assert "a1" in members(space)["vip"]
    assert "a5" in members(space)["vip"]


UNKNOWN = {
    "operator": ("country is like 'D'", "'D'", None),
    "sign": ("country == 'DE'", "==", "`=`"),
    "word": ("country includes 'D'", "includes", "contains"),
    "name": ("cuontry = 'DE'", "cuontry", "did you mean 'country'"),
    "event": ("count(ordr) > 1", "ordr", "did you mean 'order'"),
    "column": ("sum(order.amuont) > 1", "amuont", "did you mean 'amount'"),
    "function": ("lowr(country) = 'de'", "lowr", "did you mean 'lower'"),
    "measure": ("cuont(order) > 1", "cuont", "count"),
    "unit": ("count(order within 30 dayz) > 1", "dayz", "days"),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_g33_what_is_unknown_is_refused_with_its_place_and_the_nearest_name(folder: Path, shell: Shell, what: str) -> None:
    """An unknown operator was swallowed: the rule was read without it."""
    rule, found, nearest = UNKNOWN[what]
    shops.write_tiny(folder, shops.TINY.replace("country = 'DE'", rule))
    said = shell("check", dir=folder)
    assert said.code == 1
    line = next(n for n, text in enumerate((folder / "coterie.yaml").read_text().splitlines(), 1) if rule in text)
    assert f"coterie.yaml:{line}:" in said.err
    assert found in said.err
    assert nearest is None or nearest in said.err
    assert "^" in said.err


@pytest.mark.parametrize(
    ("key", "where"), [("wher", "where"), ("abuot", "about"), ("segmnets", "segments"), ("timezon", "timezone")]
)
def test_g33_unknown_keys_too(folder: Path, shell: Shell, key: str, where: str) -> None:
    """An unknown operator was swallowed: the rule was read without it."""
    text = shops.TINY.replace(f"{where}:", f"{key}:", 1)
    assert text != shops.TINY
    shops.write_tiny(folder, text)
    said = shell("check", dir=folder)
    assert said.code == 1
    assert f"unknown key '{key}'" in said.err
    assert f"did you mean '{where}'" in said.err


def test_g34_kinds_are_checked_before_a_run(tmp_path: Path) -> None:
    """ "In" with a numeric field was an error in one client and silently false in another; "contains" met a number."""
    people = {
        "a": {"plan": 1, "code": "1", "score": 1.5},
        "b": {"plan": 2, "code": "02", "score": 2.0},
        "c": {"plan": None, "code": None},
    }
    rules = {
        "listed": "plan in (1, 3)",
        "text": "code in ('1', '3')",
        "unlisted": "plan not in (1, 3)",
        "number": "number(code) in (2, 3)",
    }
    space = shop(tmp_path / "x", rules | {"mixed": "score in (2, 3)", "text of": "text(plan) contains '1'"}, people)
    assert members(space) == {"listed": {"a"}, "text": {"a"}, "unlisted": {"b"}, "number": {"b"}, "mixed": {"b"}, "text of": {"a"}}
    for name in rules:
        assert space.segments.size(name).cannot_tell == 1  # a missing value is neither
    wrong = ["plan in ('1')", "code in (1)", "plan contains '1'", "plan = '1'", "code = 1", "code > 1", "plan matches '1'",
             "plan and code", "score starts with '1'", "plan = true", "plan in (1, '2')"]  # fmt: skip
    for rule in wrong:
        with pytest.raises(CoterieError) as error:
            space.count(rule)
        assert error.value.code == "E104", (rule, error.value)
        assert error.value.hint
    write(tmp_path / "x", {"bad": wrong[0]}, people)
    with pytest.raises(CoterieError, match="'in' does not go with plan"):
        space.check()
