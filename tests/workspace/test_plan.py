"""What plan says is what the run then does; gates stop a run that moves too much."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import coterie
from coterie.core.errors import UnknownName
from coterie.workspace.gates import TooMuchChange
from tests import shops
from tests.cli.calling import Shell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shops.copied(shops.tiny(), tmp_path / "tiny")


def edited(folder: Path, *pairs: tuple[str, str]) -> None:
    """The tiny project file with texts replaced."""
    text = shops.TINY
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "coterie.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def space(folder: Path) -> Iterator[coterie.Workspace]:
    found = coterie.open(folder)
    yield found
    found.close()


# --- what would happen -----------------------------------------------------------------------------------------------------


def test_g31_an_edit_is_shown_with_who_enters_and_leaves(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, ("revenue >= 100 and", "revenue >= 121 and"))
    plan = space.plan()
    (vip,) = [m for m in plan.segments if m.name == "vip"]
    assert (vip.entered, vip.left, vip.net, vip.change) == (0, 2, -2, 2 / 3)
    assert (plan.entered("vip"), plan.left("vip")) == ([], ["a1", "a4"])
    assert (str(vip.money_entered), str(vip.money_left)) == ("0.0000", "240.7500")
    (edit,) = [e for e in plan.edits if e.name == "vip"]
    assert (edit.what, edit.rule_before, edit.rule_after) == (
        "changed", "revenue >= 100 and last_order within 60 days", "revenue >= 121 and last_order within 60 days",
    )  # fmt: skip
    assert edit.words_after == "revenue is at least 121 and the last order is within the last 60 days"
    assert edit.dependants == (("segment", "german_vip"),)
    (through,) = [e for e in plan.edits if e.name == "german_vip"]
    assert through.through == ("vip",)
    # Nothing is published by planning.
    assert space.segments.size("vip").inside == 3
    assert len(space.store.generations()) == 1


def test_plan_without_edits_changes_nothing(space: coterie.Workspace) -> None:
    plan = space.plan()
    assert (plan.edits, plan.schema, plan.gates) == ((), (), ())
    assert all((m.entered, m.left, m.newly_unknown) == (0, 0, 0) for m in plan.segments)
    assert not any(s.moves for s in plan.segmentations)


def test_g53_an_edited_segment_never_reads_what_was_stored(space: coterie.Workspace, folder: Path) -> None:
    for limit, members in ((121, ["a2"]), (100, ["a1", "a2", "a4"]), (121, ["a2"])):
        edited(folder, ("revenue >= 100 and", f"revenue >= {limit} and"))
        assert {m.name: m.after.inside for m in space.plan().segments if m.after}["vip"] == len(members)
        space.run()
        assert [r["customer"] for r in space.segments.members("vip")] == members


def test_a_first_run_is_planned_too(tmp_path: Path) -> None:
    space = coterie.open(shops.write_tiny(tmp_path))
    plan = space.plan()
    assert plan.before is None
    assert {m.name: m.entered for m in plan.segments}["vip"] == 3
    assert plan.to_json()["stopped"] is False
    assert not space.store.generations()


def test_renames_keep_what_they_were(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, ("  vip:\n", "  best:\n    was: vip\n"), ("vip and german", "best and german"))
    plan = space.plan()
    assert [(e.what, e.name, e.was) for e in plan.edits] == [("renamed", "best", "vip")]
    assert {m.name: (m.was, m.entered, m.left) for m in plan.segments}["best"] == ("vip", 0, 0)


def test_new_and_gone(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, ("  german_vip: vip and german\n", "  young: age < 40\n"))
    plan = space.plan()
    assert [(e.what, e.name) for e in plan.edits] == [("new", "young"), ("gone", "german_vip")]
    found = {m.name: (m.was, None if m.after is None else m.after.inside, m.entered, m.left) for m in plan.segments}
    assert (found["young"], found["german_vip"]) == ((None, 2, 2, 0), ("german_vip", None, 0, 1))
    assert (plan.entered("young"), plan.left("german_vip")) == (["a1", "a5"], ["a1"])


def test_columns_of_the_sources_that_come_and_go_are_said(space: coterie.Workspace, folder: Path) -> None:
    lines = shops.CUSTOMERS.splitlines()
    (folder / "customers.csv").write_text("\n".join([f"{lines[0]},city", *(f"{line},Bonn" for line in lines[1:])]))
    assert space.plan().schema == ("customers: the column city is new (text)",)


# --- what plan says is what the run does -----------------------------------------------------------------------------------

NAMES = ("one", "two", "three", "four")
ATOMS = ("revenue >= {}", "orders > {}", "country = 'DE'", "age < 4{}", "last_order within {} days", "country is missing")


def written(rng: random.Random, names: list[str]) -> str:
    """A random project over the tiny shop."""

    def atom() -> str:
        return rng.choice(ATOMS).format(rng.choice((1, 2, 5, 9)))

    def rule(before: list[str]) -> str:
        parts = [rng.choice(before) if before and rng.random() < 0.3 else atom() for _ in range(rng.randint(1, 3))]
        return (" and " if rng.random() < 0.5 else " or ").join(f"not ({p})" if rng.random() < 0.3 else p for p in parts)

    segments = []
    for n, name in enumerate(names):
        was = f", was: {rng.choice(NAMES)}x" if rng.random() < 0.1 else ""
        hand = f", exclude: [a{rng.randint(1, 5)}]" if rng.random() < 0.2 else ""
        segments.append(f'  {name}: {{where: "{rule(names[:n])}"{was}{hand}}}')
    labels = "".join(f"    l{i}: {rule(names)}\n" for i in range(rng.randint(1, 2)))
    head = shops.TINY.partition("segments:")[0]
    return f"{head}segments:\n" + "\n".join(segments) + f"\nsegmentations:\n  kind:\n{labels}    rest: otherwise\n"


def changed_orders(rng: random.Random) -> str:
    lines = shops.ORDERS.splitlines()
    kept = [lines[0], *(line for line in lines[1:] if rng.random() < 0.9)]
    return "\n".join(
        [*kept, *(f"n{i},a{rng.randint(1, 7)},2026-03-{rng.randint(1, 30):02d} 10:00:00,{rng.randint(1, 200)}" for i in range(2))]
    )


def edits_planned_and_run(folder: Path, seed: int, edits: int) -> None:
    rng = random.Random(seed)
    names = list(NAMES)
    shops.write_tiny(folder, written(rng, names))
    space = coterie.open(folder)
    space.run()
    for _ in range(edits):
        names = [n for n in NAMES if rng.random() < 0.85] or ["one"]
        rng.shuffle(names)
        (folder / "coterie.yaml").write_text(written(rng, names))
        if rng.random() < 0.5:
            (folder / "orders.csv").write_text(changed_orders(rng))
        before, labels = state(space)
        plan = space.plan()
        space.run()
        after, labelled = state(space)
        for moved in plan.segments:
            was = before.get(moved.name, {True: set(), None: set()})
            now = after.get(moved.name, {True: set(), None: set()})
            assert set(plan.entered(moved.name)) == now[True] - was[True]
            assert set(plan.left(moved.name)) == was[True] - now[True]
            assert (moved.entered, moved.left) == (len(now[True] - was[True]), len(was[True] - now[True]))
            if moved.after is not None:
                assert moved.after == space.segments.size(moved.name)
                assert moved.newly_unknown == len(now[None] - was[None])
        moves: dict[tuple[str | None, str | None], int] = {}
        for customer in labels.keys() | labelled.keys():
            pair = (labels.get(customer, ""), labelled.get(customer, ""))
            if pair[0] != pair[1]:
                moves[pair] = moves.get(pair, 0) + 1
        assert dict(plan.segmentations[0].moves) == moves
    space.close()


def state(space: coterie.Workspace) -> tuple[dict[str, dict[bool | None, set[str]]], dict[str, str | None]]:
    """By segment, the customers of each answer; by customer, the label."""
    rows = space.results.engine.fetch('SELECT * FROM "segments"').to_pylist()
    found = {
        name: {answer: {r["customer"] for r in rows if r[name] is answer} for answer in (True, None)} for name in space.segments
    }
    labels = space.results.engine.rows('SELECT "customer", "kind" FROM "traits"')
    return found, {str(c): None if label is None else str(label) for c, label in labels}


@pytest.mark.parametrize("seed", range(3))
def test_plan_says_what_the_run_does(tmp_path: Path, seed: int) -> None:
    edits_planned_and_run(tmp_path, seed, 4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_plan_says_what_the_run_does_for_200_edits(tmp_path: Path, seed: int) -> None:
    edits_planned_and_run(tmp_path, 100 + seed, 20)


# --- gates -----------------------------------------------------------------------------------------------------------------

GATE = ("    about: Spent", "    max_change: 20%\n    about: Spent")


def test_a_gate_stops_the_run_until_it_is_accepted(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, GATE, ("revenue >= 100 and", "revenue >= 121 and"))
    assert space.plan().stopped
    with pytest.raises(TooMuchChange, match=r"vip: 0 entered and 2 left of 3 who were in, 66\.7 %; 20 % may") as wrong:
        space.run()
    assert "coterie run --accept vip" in str(wrong.value.hint)
    assert space.segments.size("vip").inside == 3
    assert len(space.store.generations()) == 1
    with pytest.raises(UnknownName, match="'german' has no max_change"):
        space.run(accept=["german"])
    space.run(accept=["vip"])
    assert space.segments.size("vip").inside == 1
    assert space.history.runs()[-1].accepted == ("vip",)
    space.run()  # nothing moves now, so nothing has to be accepted


def test_a_gate_looks_at_data_too(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, GATE)
    space.run()
    (folder / "orders.csv").write_text("\n".join(shops.ORDERS.splitlines()[:3]))
    with pytest.raises(TooMuchChange):
        space.run()
    space.run(accept=["*"])
    assert space.segments.size("vip").inside == 1


def test_a_gate_of_the_whole_project(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, ("currency: EUR", "currency: EUR\nmax_change: 50%"), ("60 days\n    lapsed", "2 days\n    lapsed"))
    with pytest.raises(TooMuchChange, match=r"lifecycle: 3 of 5 have another label, 60\.0 %; 50 % may") as wrong:
        space.run()
    assert "vip" not in wrong.value.message
    edited(
        folder,
        ("currency: EUR", "currency: EUR\nmax_change: 50%"),
        ("60 days\n    lapsed", "2 days\n    lapsed"),
        ("  lifecycle:\n", "  lifecycle:\n    max_change: 60%\n    labels:\n"),
        ("    prospect", "      prospect"),
        ("    active", "      active"),
        ("    lapsed", "      lapsed"),
    )
    space.run()


def test_a_new_segment_passes_its_gate(space: coterie.Workspace, folder: Path) -> None:
    edited(folder, ("  german:", "  young: {where: age < 40, max_change: 1%}\n  german:"))
    assert not space.plan().stopped
    space.run()


def test_the_commands(folder: Path, shell: Shell) -> None:
    edited(folder, GATE, ("revenue >= 100 and", "revenue >= 121 and"))
    said = shell("plan", dir=folder)
    assert said.code == 1
    assert "before  revenue is at least 100" in said.out
    assert "stops the run: vip" in said.out
    found = shell("plan", "--json", dir=folder).json
    assert (found["stopped"], found["segments"][0]["left"], found["segments"][0]["revenue_left"]) == (True, 2, 240.75)
    stopped = shell("run", dir=folder)
    assert (stopped.code, stopped.err.partition(" ")[0]) == (1, "E173")
    assert shell("run", "vip", dir=folder).code == 2
    assert shell("run", "--accept", dir=folder).code == 0
    assert shell("plan", dir=folder).code == 0


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)
