"""Deleting what others use is refused, with the list of users."""

from pathlib import Path

import pytest

import coterie
from coterie.core.errors import DefinitionErrors
from tests import shops


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shops.copied(shops.tiny(), tmp_path / "tiny")


def wrong(folder: Path, text: str) -> DefinitionErrors:
    (folder / "coterie.yaml").write_text(text)
    space = coterie.open(folder)
    with pytest.raises(DefinitionErrors) as found:
        space.check()
    with pytest.raises(DefinitionErrors):
        space.run()
    assert space.segments.size("vip").inside == 3  # the last results are as they were
    space.close()
    return found.value


WITHOUT = shops.TINY.replace(
    """  vip:
    where: revenue >= 100 and last_order within 60 days
    about: Spent a hundred or more, lately
""",
    "",
)


def test_g45_deleting_what_others_use_is_refused_with_its_users(folder: Path) -> None:
    (error,) = wrong(folder, WITHOUT).errors
    assert error.code == "E102"
    assert error.message == "'vip' is gone, and german_vip still names it; it was a segment until the run of 31 Mar 2026"
    assert str(error.hint).startswith("first write the others without it, or write it again")
    assert str(error.place).endswith(":17:15")


def test_g45_all_users_also_through_others(folder: Path) -> None:
    text = WITHOUT.replace("german_vip: vip and german", "a: vip\n  b: not vip\n  c: a and german")
    (error,) = wrong(folder, text).errors
    assert "a and b still name it (and c through them)" in error.message


def test_g45_a_trait_that_labels_use(folder: Path) -> None:
    found = wrong(folder, shops.TINY.replace("  orders: count(order)\n", "").replace("orders > 1", "age > 1"))
    (error,) = found.errors
    assert error.message.startswith("'orders' is gone, and lifecycle still names it; it was a trait")


def test_g45_a_rename_is_told(folder: Path) -> None:
    (error,) = wrong(folder, shops.TINY.replace("  vip:\n", "  best:\n    was: vip\n")).errors
    assert error.hint == "it is called 'best' now: write that"


def test_g45_nobody_uses_it(folder: Path) -> None:
    (folder / "coterie.yaml").write_text(WITHOUT.replace("  german_vip: vip and german\n", ""))
    space = coterie.open(folder)
    assert [e.name for e in space.plan().edits if e.what == "gone"] == ["vip", "german_vip"]
    space.run("2026-04-01")
    assert "vip" not in list(space.segments)
    assert next(s.inside for s in space.history.sizes("vip")) == 3  # its history stays
    space.close()


def test_g39_definitions_that_need_each_other_are_refused_with_the_circle(folder: Path) -> None:
    text = shops.TINY.replace("german: country = 'DE'", "german: not german_vip")
    (error,) = wrong(folder, text).errors
    assert (error.code, error.message) == ("E103", "these definitions need each other: german → german_vip → german")


def test_other_mistakes_stay(folder: Path) -> None:
    found = wrong(folder, WITHOUT.replace("orders > 1", "orderz > 1"))
    assert [e.message.partition(" ")[0] for e in found.errors] == ["'vip'", "unknown"]
