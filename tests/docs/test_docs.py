"""The documents are true: every block is run, tables and lists that stand in the program are the same, links lead somewhere."""

import re
from pathlib import Path

import pytest

import coterie
from coterie.workspace.keys import PROJECT, SOURCE
from tests.docs import tables
from tests.docs.documents import ROOT, blocks, run, same
from tests.docs.plan import ORDER, begin
from tests.docs.refresh import elided

DOCUMENTS = [ROOT / name for group in ORDER for name in group]
OTHERS = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]


@pytest.mark.parametrize("group", ORDER, ids=[Path(group[-1]).stem for group in ORDER])
def test_what_the_documents_show_is_what_happens(group: tuple[str, ...], tmp_path: Path) -> None:
    begin(tmp_path)
    different = [found for name in group for found in run(ROOT / name, tmp_path)]
    assert not different, "\n\n".join(map(str, different)) + "\n\n`python -m tests.docs.refresh` writes what is found."


def test_every_document_is_run() -> None:
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")} | {"README.md"} == {
        name for group in ORDER for name in group
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_tables_are_those_of_the_program(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert tables.current(text) == text, "`python -m tests.docs.refresh` writes the tables anew"


def test_no_table_is_forgotten() -> None:
    shown = {name for path in DOCUMENTS for name in re.findall(r"<!-- table: (\w+) -->", path.read_text(encoding="utf-8"))}
    assert shown == set(tables.TABLES)


def test_every_key_of_a_source_and_of_the_project_is_shown_at_work() -> None:
    written = [
        line
        for path in DOCUMENTS
        for block in blocks(path.read_text(encoding="utf-8"))
        if not isinstance(block, str) and block.kind == "yaml"
        for line in block.lines
    ]
    used = set(re.findall(r"(?:^|[{,]) *([a-z_]+):", "\n".join(written), re.MULTILINE))
    shown = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert [key for key in SOURCE if key not in used and f"`{key}:" not in shown] == []
    assert [key for key in PROJECT if key not in used and f"`{key}:" not in shown and f"`{key}`" not in shown] == []


@pytest.mark.parametrize("path", DOCUMENTS + OTHERS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_wheel_that_the_readme_installs_is_this_version() -> None:
    assert f"coterie-{coterie.__version__}-py3-none-any.whl" in (ROOT / "README.md").read_text(encoding="utf-8")


# --- the program that runs them can fail --------------------------------------------------------------------------------------


def test_a_number_that_is_wrong_is_found(tmp_path: Path) -> None:
    begin(tmp_path)
    document = ROOT / "docs" / "language.md"
    right = "2 in · 8 out · 0 cannot tell\nof 10 customers as of 30 Jun 2025: revenue is at least 300"
    text = document.read_text(encoding="utf-8")
    assert right in text
    copy = tmp_path / "copy.md"
    copy.write_text(
        text[text.index("```console") : text.index("## Names")].replace(right, right.replace("2 in", "3 in")), encoding="utf-8"
    )
    [difference] = run(copy, tmp_path, root=tmp_path)
    assert difference.found[0] == "2 in · 8 out · 0 cannot tell"


@pytest.mark.parametrize(
    ("written", "found", "equal"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a", "c"], False),
        (["a"], ["a", "b"], False),
        (["a", "…"], ["a", "b", "c"], True),
        (["a", "…", "d"], ["a", "b", "c", "d"], True),
        (["a", "…", "d"], ["a", "b", "c"], False),
        (["took … s"], ["took 1.5 s"], True),
        (["took … s"], ["took 1.5 m"], False),
        (["…"], [], True),
        ([], ["a"], False),
    ],
)
def test_comparing(written: list[str], found: list[str], equal: bool) -> None:
    assert same(written, found) is equal


def test_what_was_cut_stays_cut() -> None:
    assert elided(["x", "…", "y"], ["a", "b", "c", "d"]) == ["a", "…", "d"]
    assert elided(["x", "…", "c", "y", "…"], ["a", "b", "c", "d", "e"]) == ["a", "…", "c", "d", "…"]
    assert elided(["took … s"], ["took 2 s"]) == ["took … s"]
