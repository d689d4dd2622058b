"""Membership by hand: a layer that rules never overwrite, the same for every reader."""

import itertools
from pathlib import Path

import pytest

import coterie
from coterie.core.errors import CoterieError, DefinitionErrors, UnknownName
from tests import shops


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shops.copied(shops.tiny(), tmp_path / "tiny")


def written(folder: Path, keys: str) -> coterie.Workspace:
    """The tiny project with keys for its segment vip, run."""
    text = shops.TINY.replace("    about: Spent", f"{keys}\n    about: Spent")
    shops.write_tiny(folder, text)
    space = coterie.open(folder)
    space.run()
    return space


def members(space: coterie.Workspace, name: str = "vip") -> list[str]:
    return [row["customer"] for row in space.segments.members(name)]


def test_g32_runs_never_overwrite_what_was_said_by_hand(folder: Path) -> None:
    space = coterie.open(folder)
    assert members(space) == ["a1", "a2", "a4"]
    space.include("vip", ["a5", "a3"], reason="friends of the house", author="Ann")
    space.exclude("vip", ["a1"], reason="asked")
    for _ in range(3):
        space.run()
        assert members(space) == ["a2", "a3", "a4", "a5"]
    # The rule changes, the layer stays.
    shops.write_tiny(folder, shops.TINY.replace("revenue >= 100 and", "revenue >= 200 and"))
    space.run()
    assert members(space) == ["a2", "a3", "a5"]
    space.take_back("vip", "include", ["a5"])
    space.take_back("vip", "exclude", ["a1"])
    space.run()
    assert members(space) == ["a2", "a3"]
    space.close()


@pytest.mark.parametrize("hands", [*itertools.product([False, True], repeat=3)])
def test_g32_every_reader_says_the_same(tmp_path: Path, hands: tuple[bool, bool, bool]) -> None:
    """Count, members, SQL, why, export, the view, and segments of segments."""
    include, exclude, ends = hands
    keys = (
        "    include: [{ids: [a3, a1], until: 2026-03-31}]\n" if include and ends else "    include: [a3, a1]\n" if include else ""
    )
    keys += "    exclude: [a1, a2]\n" if exclude else ""
    space = written(tmp_path / "p", keys)
    expected = {"a1", "a2", "a4"} | ({"a3", "a1"} if include else set())
    expected -= {"a1", "a2"} if exclude else set()
    assert set(members(space)) == expected
    assert {r[0] for r in space.results.engine.rows(space.sql("vip"))} == expected
    assert {c for c in ("a1", "a2", "a3", "a4", "a5") if space.why(c, "vip").reason.truth} == expected
    assert space.segments.size("vip").inside == space.count("vip").size.inside == len(expected)
    assert space.export("vip", out=tmp_path / "vip.csv").rows == len(expected)
    assert set(members(space, "german_vip")) == expected & {"a1", "a3"}
    assert space.segments.size("vip").population == 5
    space.close()


def test_g32_an_end_is_the_local_day_of_as_of(tmp_path: Path) -> None:
    space = written(tmp_path / "p", "    include: [{ids: [a5], author: Ann, reason: a friend, until: 2026-04-30}]")
    assert "a5" in members(space)
    # Berlin is two hours ahead: the last instant of the day there, and the first after it.
    space.run("2026-04-30T21:59:59Z")
    assert "a5" in members(space)
    why = space.why("a5", "vip")
    assert why.reason.children[1].text == "included by hand by Ann until 30 Apr 2026: a friend"
    assert any("1 May 2026" in change.words for change in why.changes)
    space.run("2026-04-30T22:00:00Z")
    assert "a5" not in members(space)
    space.close()


def test_by_hand_an_unknown_answer_is_decided(tmp_path: Path) -> None:
    shops.write_tiny(tmp_path, shops.TINY.replace("german: country = 'DE'", "german: {where: country = 'DE', include: a4}"))
    space = coterie.open(tmp_path)
    space.run()
    assert (space.segments.size("german").inside, space.segments.size("german").cannot_tell) == (3, 0)
    space.close()


def test_by_hand_in_words(tmp_path: Path) -> None:
    space = written(tmp_path / "p", "    include: [a3, {ids: a5, until: 2026-12-31}]\n    exclude: [{ids: a1, reason: asked}]")
    assert space.segments.english("vip") == (
        "((revenue is at least 100 and the last order is within the last 60 days) or is included by hand"
        " or is included by hand until 31 Dec 2026) and is not excluded by hand"
    )
    out = space.why("a1", "vip").reason.children[1]
    assert (out.text, out.truth, out.children[0].text, out.children[0].truth) == (
        "not excluded by hand", False, "excluded by hand: asked", True,
    )  # fmt: skip
    space.close()


def test_by_hand_a_list_of_the_project(tmp_path: Path) -> None:
    text = shops.TINY.replace("traits:", "lists: {friends: friends.txt}\n\ntraits:", 1)
    text = text.replace("    about: Spent", "    include: [{list: friends, reason: friends}]\n    about: Spent")
    shops.write_tiny(tmp_path, text)
    (tmp_path / "friends.txt").write_text("a5\na3\n")
    space = coterie.open(tmp_path)
    space.run()
    assert members(space) == ["a1", "a2", "a3", "a4", "a5"]
    assert space.why("a5", "vip").reason.children[1].text == "included by hand: friends (list friends)"
    space.close()


def test_g7_ids_are_matched_unmatched_or_twice(folder: Path) -> None:
    space = coterie.open(folder)
    done = space.include("vip", ["a5", " a5 ", "zz", "a3"], reason="why not")
    assert (done.matched, done.unmatched, done.duplicates) == (("a5", "a3"), ("zz",), ("a5",))
    assert space.include("vip", ["a5"], reason="why not").duplicates == ("a5",)
    with pytest.raises(UnknownName, match="none of the 2 ids is a customer: yy, zz"):
        space.include("vip", ["yy", "zz"], reason="why not")
    space.exclude("vip", ["a5"], reason="asked")
    assert space.include("vip", ["a5"], reason="again").beaten == ("a5",)
    with pytest.raises(UnknownName, match="none of the 1 ids is excluded by hand: a2"):
        space.take_back("vip", "exclude", ["a2"])
    space.close()


def test_g7_strangers_of_the_file_are_said(tmp_path: Path) -> None:
    space = written(tmp_path / "p", "    include: [zz, a3]\n    exclude: [yy, a3]")
    notes = space.results.made.data["notes"]
    assert "vip: 1 of the 2 included by hand is not a customer: zz" in notes
    assert "vip: in and out by hand, so they are out: a3" in notes
    space.close()


def test_by_hand_follows_a_rename(folder: Path) -> None:
    space = coterie.open(folder)
    space.include("vip", ["a5"], reason="a friend")
    text = shops.TINY.replace("  vip:\n", "  best:\n    was: vip\n").replace("vip and german", "best and german")
    shops.write_tiny(folder, text)
    space.run()
    assert "a5" in members(space, "best")
    space.close()


def test_by_hand_makes_results_stale(folder: Path) -> None:
    space = coterie.open(folder)
    assert not space.stale()
    space.include("vip", ["a5"], reason="a friend")
    assert space.stale().said() == ["somebody was put in or out by hand since: vip"]
    space.run()
    assert not space.stale()
    space.take_back("vip", "include", ["a5"])
    assert space.stale().by_hand == ("vip",)
    space.close()


def test_by_hand_is_for_segments_with_a_reason(folder: Path) -> None:
    space = coterie.open(folder)
    with pytest.raises(UnknownName, match="'lifecycle' is a segmentation"):
        space.include("lifecycle", ["a5"], reason="x")
    with pytest.raises(CoterieError, match="no reason"):
        space.include("vip", ["a5"], reason=" ")
    space.close()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("include: [{reason: x}]", "names customers by ids or by list"),
        ("include: [{ids: a, list: b}]", "names customers by ids or by list"),
        ("exclude: [{ids: a, until: tomorrow}]", "'tomorrow' is not a day"),
        ("exclude: [{ids: a, because: x}]", "unknown key 'because' in an entry of exclude"),
        ("include: [{list: nobody}]", "unknown list 'nobody'"),
    ],
)
def test_by_hand_mistakes_teach(tmp_path: Path, keys: str, said: str) -> None:
    shops.write_tiny(tmp_path, shops.TINY.replace("    about: Spent", f"    {keys}\n    about: Spent"))
    with pytest.raises(DefinitionErrors, match=said):
        coterie.open(tmp_path).run()


def test_by_hand_counts_on_past_days_too(tmp_path: Path) -> None:
    space = written(tmp_path / "p", "    include: [{ids: [a5], until: 2026-03-10}, a3]")
    space.run(since="2026-03-08", every="day")
    found = {s.as_of.date().day: s.inside for s in space.history.sizes("vip")}
    # On the 8th a2 has bought enough, and a5 and a3 are in by hand; on the 11th a5 is not any more.
    assert (found[8], found[9], found[10], found[11]) == (3, 3, 3, 2)
    space.close()


def test_by_hand_is_listed_with_its_segment(folder: Path) -> None:
    space = coterie.open(folder)
    space.include("vip", ["a5"], reason="a friend", author="Ann")
    space.run()
    assert space.describe("vip")["by_hand"] == [
        {"side": "include", "ids": ["a5"], "list": None, "author": "Ann", "reason": "a friend", "until": None}
    ]
    space.close()
