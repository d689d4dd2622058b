"""Promises about change and control: G45 to G53. `docs/promises.md` lists all of them."""

import itertools
import random
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

import coterie
from coterie.core.errors import CoterieError, DefinitionErrors
from coterie.segments.history import Record
from coterie.workspace.fmt import format_project
from tests import shops
from tests.cli.calling import Shell
from tests.promises.asking import members, shop, verdicts, write


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shops.copied(shops.tiny(), tmp_path / "tiny")


VIP = """\
  vip:
    where: revenue >= 100 and last_order within 60 days
    about: Spent a hundred or more, lately
"""


def test_g45_what_others_use_cannot_be_deleted(folder: Path, shell: Shell) -> None:
    """A cohort was deleted and what used it broke without a word; nobody could see who used it."""
    used = {n: shell("segment", n, "--json", dir=folder).json["used_by"] for n in ("vip", "german", "german_vip")}
    assert used == {"vip": ["german_vip"], "german": ["german_vip"], "german_vip": []}
    assert VIP in shops.TINY
    shops.write_tiny(folder, shops.TINY.replace(VIP, ""))
    for command in ("check", "plan", "run"):
        said = shell(command, dir=folder)
        assert said.code == 1
        assert "'vip' is gone, and german_vip still names it" in said.err
    assert shell("segment", "vip", "--json", dir=folder).json["in"] == 3  # nothing is lost
    shops.write_tiny(folder, shops.TINY.replace("  orders: count(order)\n", ""))
    with pytest.raises(DefinitionErrors, match="orders"):
        coterie.open(folder).run()
    shops.write_tiny(folder, shops.TINY.replace(VIP, "").replace("  german_vip: vip and german\n", ""))
    assert shell("run", dir=folder).code == 0
    assert list(coterie.open(folder).segments) == ["german", '"; drop table']


def test_g46_out_of_a_segment_is_not_out_of_the_shop(folder: Path, shell: Shell) -> None:
    """The "delete" button in a cohort erased the person altogether."""
    space = coterie.open(folder)
    before, people = verdicts(space), space.segments.size("vip").population
    assert shell("exclude", "vip", "a1", "--reason", "asked", dir=folder).code == 0
    space.run()
    after = verdicts(space)
    assert all(before[name]["a1"] for name in before)
    assert after["vip"]["a1"] is False
    assert space.segments.size("vip").population == people
    for name in before:
        changed = {c for c in before[name] if before[name][c] is not after[name][c]}
        assert changed == ({"a1"} if name in ("vip", "german_vip") else set()), name  # one names the other
    assert space.why("a1", "revenue").reason.value == Decimal("120.5")
    help_text = shell("--help").out
    assert "exclude" in help_text
    assert "delete" not in help_text.casefold()


def test_g47_every_version_can_be_seen_compared_and_brought_back(folder: Path, shell: Shell) -> None:
    """There was no history of the edits of a cohort."""
    shops.write_tiny(folder, shops.TINY.replace("revenue >= 100", "revenue >= 200"))
    assert shell("run", dir=folder).code == 0
    shops.write_tiny(
        folder, shops.TINY.replace("revenue >= 100", "revenue >= 200").replace("    orders > 1", "").replace("'DE'", "'FR'")
    )
    assert shell("run", dir=folder).code == 0
    runs = shell("runs", "--json", dir=folder).json
    assert [(r["run"], set(r["changed"])) for r in runs] == [(1, set()), (2, {"vip", "german_vip"}), (3, {"german", "german_vip"})]
    assert all(r["recorded_at"] for r in runs)
    step = shell("diff", "1", "2", "--json", dir=folder).json
    assert set(step["changed"]) == {"vip", "german_vip"}
    moved = {s["segment"]: (s["before"], s["after"], s["entered"], s["left"]) for s in step["segments"]}
    assert moved["vip"] == (3, 1, 0, 2)
    history = shell("history", "vip", "--json", dir=folder).json
    assert history[-1]["run"] == 3
    with Record(folder / ".coterie/record") as record:  # the texts themselves are kept, whatever becomes of the file
        texts = [record.project(r.project) for r in record.runs()]
    assert ["revenue >= 100" in str(t) for t in texts] == [True, False, False]
    assert texts[0] == shops.TINY
    size = coterie.open(folder).segments.size("german")
    assert shell("undo", dir=folder).code == 0
    space = coterie.open(folder)
    assert space.segments.size("german") != size
    assert members(space)["german"] == {"a1", "a3"}
    assert [r["undone_at"] is not None for r in shell("runs", "--json", dir=folder).json] == [False, False, True]


def test_g49_a_query_makes_a_source_and_rules_stand_on_it(tmp_path: Path) -> None:
    """People asked for cohorts that are defined in SQL."""
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("CREATE TABLE deals (who TEXT, at TEXT, worth REAL, stage TEXT)")
    rows = [
        ("a", "2026-03-01T10:00:00", 500.0, "won"),
        ("b", "2026-03-02T10:00:00", 900.0, "lost"),
        ("c", "2026-03-03T10:00:00", 50.0, "won"),
    ]
    connection.executemany("INSERT INTO deals VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    before = (tmp_path / "crm.db").read_bytes()
    (tmp_path / "customers.csv").write_text("id,name\na,Ann\nb,Ben\nc,Cem\nd,Dan\n")
    (tmp_path / "coterie.yaml").write_text(
        "project: sql\ntimezone: UTC\nas_of: 2026-03-31\nsources:\n  customers: {path: customers.csv, id: id}\n"
        "  won:\n    url: sqlite:///crm.db\n    query: select who, at, worth from deals where stage = 'won'\n"
        "    customer: who\n    time: at\n"
        "    options: {types: {at: timestamp}}\n"
        "segments:\n  won_some: exists(won)\n  large: sum(won.worth) > 100\n"
    )
    space = coterie.open(tmp_path)
    space.run()
    assert members(space) == {"won_some": {"a", "c"}, "large": {"a"}}
    assert (tmp_path / "crm.db").read_bytes() == before
    with pytest.raises(CoterieError):  # and no rule is SQL
        space.count("won_some; drop table deals")


EVERY_KIND = {
    "comparison": "age > 30",
    "list": "in_list('friends')",
    "measure": "count(order where amount > 10 within 30 days) >= 2",
    "hours": "exists(order within 400 hours)",
    "sequence": "sequence(order where amount > 20, order within 5 days)",
    "nested": "comparison and not measure",
    "percentile": "percentile(age) >= 0.5",
    "rank": "rank(age) <= 4",
    "rfm": "value.r >= 4",
    "label": "value = 'Champions' or value is missing",
    "sample": "sample(50%, 'x')",
    "cases": "case when age > 50 then country = 'DE' else measure end",
    "window": "joined within 300 days",
}


def test_g50_one_customer_can_be_asked_about_every_rule(tmp_path: Path) -> None:
    """Cohorts of behaviour could not be used where one person is asked about."""
    rng = random.Random(50)
    people = {
        f"c{n:02}": {
            "age": rng.choice([None, *range(18, 80)]),
            "country": rng.choice(["DE", "FR", None]),
            "joined": f"2025-{rng.randrange(1, 13):02}-10",
        }
        for n in range(30)
    }
    orders = [(rng.choice(list(people)), f"2026-03-{rng.randrange(1, 31):02}T10:00:00", rng.randrange(1, 60)) for _ in range(90)]
    more = "segmentations:\n  value: rfm(order.time, order.amount)\nlists: {friends: friends.txt}\n"
    keys = {"customers": "options: {types: {joined: date}}"}
    write(tmp_path / "x", EVERY_KIND, people, orders, more=more, keys=keys)
    (tmp_path / "x/friends.txt").write_text("c01\nc02\n")
    space = coterie.open(tmp_path / "x")
    space.run()
    found = verdicts(space)
    for name, customer in itertools.product(EVERY_KIND, list(people)[::3]):
        why = space.why(customer, name)
        assert why.reason.truth is found[name][customer], (name, customer)
        assert why.as_of == space.results.made.as_of  # how old the answer is
    told = {name: {truth for truth in answers.values() if truth is not None} for name, answers in found.items()}
    assert {name for name in EVERY_KIND if told[name] != {True, False}} == set()
    assert "fitted" in space.describe("percentile")["fresh"]  # this one moves with everybody, at each run


def test_g51_the_order_of_rules_stays(folder: Path) -> None:
    """The order of rules changed by itself after saving."""
    rng = random.Random(51)
    names = [f"s{n}" for n in range(12)]
    space = coterie.open(folder)
    for _ in range(5):
        rng.shuffle(names)
        rules = [f"  # about {n}\n  {n}:   country='DE'   AND age>{n[1:]} and (orders>1 or revenue  > 2)\n" for n in names]
        text = shops.TINY.partition("segments:\n")[0] + "segments:\n" + "".join(rules)
        once = format_project(text, "coterie.yaml")
        assert once != text
        assert format_project(once, "coterie.yaml") == once  # nothing moves a second time
        shops.write_tiny(folder, once)
        assert not space.format()
        assert list(space.project.segments) == names
        assert [line.split()[2] for line in once.splitlines() if line.strip().startswith("# about")] == names
        first = space.project.segments[names[0]].where.text
        assert first == f"country = 'DE' and age > {names[0][1:]} and (orders > 1 or revenue > 2)"  # as it was written
    space.run()
    assert list(space.segments) == names == [s["name"] for s in space.summary()["segments"]]
    space.close()


def test_g53_an_edited_rule_never_reads_what_was_kept(folder: Path) -> None:
    """An edited segment was answered from the archive of the old one."""
    space = coterie.open(folder)
    seen: dict[tuple[str, str], set[str]] = {}
    for limit, lately in itertools.product((100, 121, 100, 300, 121), (60, 20)):
        shops.write_tiny(
            folder,
            shops.TINY.replace("revenue >= 100 and last_order within 60", f"revenue >= {limit} and last_order within {lately}"),
        )
        space.run()
        for name in ("vip", "german_vip"):
            key = name, space.describe(name)["definition"]
            found = members(space)[name]
            assert seen.setdefault(key, found) == found  # one hash, one meaning, also of what it names
        expected = {
            c for c, money, days in (("a1", 120.5, 11), ("a2", 250, 26), ("a4", 120.25, 3)) if money >= limit and days < lately
        }
        assert members(space)["vip"] == expected
        assert space.count("vip").size.inside == len(expected)
    assert len(seen) == 12


def test_g53_nor_do_other_data(tmp_path: Path) -> None:
    """An edited segment was answered from the archive of the old one."""
    rules = {"large": "sum(order.amount) > 10", "german": "country = 'DE'"}
    folder = tmp_path / "x"
    space = shop(folder, rules, {"a": {"country": "DE"}, "b": {"country": "FR"}}, [("a", "2026-03-01T10:00:00", 20)], as_of="now")
    first = {name: space.describe(name)["definition"] for name in rules}
    assert members(space) == {"large": {"a"}, "german": {"a"}}
    write(folder, rules, {"a": {"country": "FR"}, "b": {"country": "DE"}}, [("b", "2026-03-01T10:00:00", 20)], as_of="now")
    space.run()
    assert members(space) == {"large": {"b"}, "german": {"b"}}
    assert {name: space.describe(name)["definition"] for name in rules} == first  # the rules are the same, the data are not
    # What no run has answered is worked out from the same data.
    assert space.count("sum(order.amount) > 15").size.inside == 1
    assert space.why("b", "sum(order.amount) > 15").reason.truth is True
