"""Segments have tests: examples, expectations, and conditions that no example exercises."""

from pathlib import Path

import pytest

import coterie
from coterie.core.errors import DefinitionErrors, UnknownName
from coterie.segments.expectations import expectation
from tests import shops
from tests.cli.calling import Shell


def project(keys: str = "", labels: str = "") -> str:
    """The tiny project with keys for its segment vip and its segmentation lifecycle."""
    text = shops.TINY.replace("    about: Spent", f"{keys}    about: Spent")
    if labels:
        head, _, below = text.partition("  lifecycle:\n")
        text = f"{head}  lifecycle:\n    labels:\n" + "".join(f"  {line}\n" for line in below.splitlines()) + labels
    return text


def opened(folder: Path, keys: str = "", labels: str = "") -> coterie.Workspace:
    return coterie.open(shops.write_tiny(folder, project(keys, labels)))


# --- examples --------------------------------------------------------------------------------------------------------------


def test_examples_that_hold(tmp_path: Path) -> None:
    space = opened(
        tmp_path,
        "    examples: {in: [a1, a2], out: [a3, a5]}\n",
        "    examples: {active: [a1], lapsed: a3, prospect: [a5]}\n",
    )
    found = space.test()
    assert (len(found.held), found.failed, found.untested) == (7, (), ("german", "german_vip", '"; drop table'))
    assert not space.store.generations()  # nothing is published


def test_examples_that_do_not_hold_say_why(tmp_path: Path) -> None:
    found = opened(tmp_path, "    examples: {in: [a3, zz], out: [a1]}\n", "    examples: {active: [a3], gold: [a1]}\n").test()
    assert [h.in_words() for h in found.failed] == [
        "a3 in vip: expected in, found out",
        "zz in vip: expected in, found no such customer",
        "a1 in vip: expected out, found in",
        "a3 in lifecycle: expected active, found lapsed",
        "a1 in lifecycle: expected gold, found no such label; labels are prospect, active, lapsed",
    ]
    why = found.failed[0].why
    assert why is not None
    assert [(c.text, c.truth) for c in why.children] == [("revenue >= 100", True), ("last_order within 60 days", False)]


def test_cannot_tell_is_an_example_too(tmp_path: Path) -> None:
    text = shops.TINY.replace("german: country = 'DE'", "german: {where: country = 'DE', examples: {cannot_tell: [a4], out: [a5]}}")
    space = coterie.open(shops.write_tiny(tmp_path, text))
    assert not space.test().failed
    (tmp_path / "coterie.yaml").write_text(text.replace("cannot_tell: [a4], out: [a5]", "cannot_tell: [a5], out: [a4]"))
    assert [h.in_words() for h in space.test().failed] == [
        "a5 in german: expected cannot tell, found out",
        "a4 in german: expected out, found cannot tell",
    ]


def test_conditions_that_no_example_exercises(tmp_path: Path) -> None:
    # a1 is in on both conditions: each matters. a5 is out on both: with it alone neither does.
    assert not opened(tmp_path / "a", "    examples: {in: [a1]}\n").test().idle
    alone = opened(tmp_path / "b", "    examples: {out: [a5]}\n").test().idle
    assert alone == (("vip", "revenue >= 100"), ("vip", "last_order within 60 days"))
    one = opened(tmp_path / "c", "    examples: {out: [a3]}\n").test().idle
    assert one == (("vip", "revenue >= 100"),)
    labels = opened(tmp_path / "d", labels="    examples: {prospect: [a5]}\n").test().idle
    assert labels == (("lifecycle", "last_order within 60 days"),)


SEEDED = {
    "the limit is another": ("revenue >= 100", "revenue >= 250.01"),
    "at least is above": ("revenue >= 100", "revenue > 250"),
    "and is or": ("revenue >= 100 and", "revenue >= 100 or"),
    "the window is shorter": ("within 60 days\n    exam", "within 20 days\n    exam"),
    "the other side": ("revenue >= 100 and", "revenue < 100 and"),
    "a condition is gone": ("revenue >= 100 and last_order", "last_order"),
    "turned round": (
        "where: revenue >= 100 and last_order within 60 days",
        "where: not (revenue >= 100 and last_order within 60 days)",
    ),
    "another trait": ("revenue >= 100", "orders >= 2"),
}


@pytest.mark.parametrize("fault", SEEDED)
def test_mistakes_in_a_rule_are_caught_by_its_examples(tmp_path: Path, fault: str) -> None:
    orders = shops.ORDERS + "7,a5,2026-03-30 10:00:00,1.00\n"
    text = project("    examples: {in: [a2], out: [a3, a5]}\n")
    space = coterie.open(shops.write_tiny(tmp_path, text, orders=orders))
    assert not space.test().failed
    old, new = SEEDED[fault]
    assert old in text
    (tmp_path / "coterie.yaml").write_text(text.replace(old, new, 1))
    assert space.test().failed


# --- expectations ----------------------------------------------------------------------------------------------------------


OF_A_SEGMENT = [
    ("size between 3 and 3", True, "3"),
    ("size > 3", False, "3"),
    ("size below 4", True, "3"),
    ("size = 3", True, "3"),
    ("share between 59.9% and 60%", True, "60 %"),
    ("share at most 59%", False, "60 %"),
    ("cannot tell at most 0", True, "0"),
    ("cannot tell below 5%", True, "0 %"),
    ("revenue share above 50%", False, "49.53 %"),
    ("change below 20%", True, "nothing to compare with yet"),
]


def test_expectations_of_a_segment(tmp_path: Path) -> None:
    lines = ", ".join(line for line, _, _ in OF_A_SEGMENT)
    held = opened(tmp_path, f"    expect: [{lines}]\n").test().held
    assert [(h.said, h.passed, h.found) for h in held] == OF_A_SEGMENT


OF_A_SEGMENTATION = [
    ("size of active at least 3", True, "3"),
    ("share of 'lapsed' below 10%", False, "20 %"),
    ("cannot tell below 5%", True, "0 %"),
    ("revenue share of lapsed above 50%", True, "50.47 %"),
    ("size above 3", False, "of which label of lifecycle? (such as size of prospect …)"),
    ("size of gold above 3", False, "lifecycle has no label 'gold' (Labels are: active, lapsed, prospect)"),
]


def test_expectations_of_a_segmentation(tmp_path: Path) -> None:
    lines = ", ".join(f'"{line}"' for line, _, _ in OF_A_SEGMENTATION)
    held = opened(tmp_path, labels=f"    expect: [{lines}]\n").test().held
    assert [(h.said, h.passed, h.found) for h in held] == OF_A_SEGMENTATION


def test_change_is_from_the_last_run(tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "tiny")
    space = coterie.open(folder)
    (folder / "coterie.yaml").write_text(project("    expect: change below 20%\n").replace("revenue >= 100", "revenue >= 121"))
    assert [h.in_words() for h in space.test().failed] == ["vip: change below 20%: expected change below 20%, found 66.67 %"]
    space.run()
    assert any("not as expected: vip: change below 20%" in note for note in space.results.made.data["notes"])
    assert not space.test().failed
    space.close()


def test_a_run_warns_and_does_not_fail(tmp_path: Path) -> None:
    space = opened(tmp_path, "    expect: size > 10\n    examples: {in: [a5]}\n")
    space.run()
    said = [note for note in space.results.made.data["notes"] if note.startswith("not as expected")]
    assert said == [
        "not as expected: a5 in vip: expected in, found out",
        "not as expected: vip: size > 10: expected size > 10, found 3",
    ]
    space.close()


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        ("siz > 3", "'siz' is nothing that can be expected", "did you mean 'size'?"),
        ("size", "'size' says nothing that can be checked", "write size between 100 and 5000"),
        ("share above 3", "share is a part, and '3' has no %", "write 3%"),
        ("size above 3%", "size is a number of customers", "write share"),
        ("size between 3", "between needs two numbers", "such as size between 100 and 5000"),
        ("size between 5 and 3", "nothing lies between 5 and 3", "the smaller number stands first"),
        ("size above 1,000", "'1,000' is no number", "without thousands separators"),
        ("cannot tell between 3 and 5%", "mixes a number and a part", "both with %"),
    ],
)
def test_expectations_teach(tmp_path: Path, line: str, said: str, hint: str) -> None:
    with pytest.raises(ValueError) as wrong:
        expectation(line)
    assert said in wrong.value.args[0]
    assert hint in wrong.value.args[1]
    with pytest.raises(DefinitionErrors, match="E174"):
        opened(tmp_path, f"    expect: ['{line}']\n").project  # noqa: B018


def test_examples_teach(tmp_path: Path) -> None:
    with pytest.raises(DefinitionErrors, match="unknown key 'inside' in the examples of a segment"):
        opened(tmp_path, "    examples: {inside: [a1]}\n").project  # noqa: B018


# --- the command -----------------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(capsys)
    shops.write_tiny(tmp_path, project("    examples: {in: [a3]}\n    expect: size > 0\n"))
    said = shell("test", dir=tmp_path)
    assert said.code == 1
    assert said.out.splitlines()[0] == "a3 in vip: expected in, found out"
    assert said.out.splitlines()[-1] == "1 passed, 1 failed"
    assert shell("test", "--json", dir=tmp_path).json["failed"][0]["why"]["truth"] is False
    assert shell("test", "german", dir=tmp_path).code == 1
    assert shell("test", "vip", dir=tmp_path).code == 1
    with pytest.raises(UnknownName, match="'german' has no examples"):
        coterie.open(tmp_path).test(["german"])
