"""The documents are true: every block is run, tables and lists that stand in the program are the same, links lead somewhere."""

import re
import tomllib
from calendar import monthrange
from inspect import signature
from pathlib import Path

import pytest

import coterie
from coterie.cli.app import BUSY, STOPPED
from coterie.engine.duckdb import MEMORY
from coterie.profiles.goals import progress
from coterie.profiles.separation import LEAST
from coterie.sources.options import UNPACK
from coterie.sources.packed import HARMLESS
from coterie.workspace.export import XLSX_ROWS
from coterie.workspace.keys import PROJECT, SOURCE
from coterie.workspace.lint import IDLE
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


# --- numbers in the text ------------------------------------------------------------------------------------------------------

NUMBER = r"\d[\d,]*(?:\.\d+)?"
PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LEAST_MEASURED = signature(progress).parameters["least"].default
LEVEL = 95
"""Per cent, of every interval."""
KNOWN: dict[str, frozenset[str]] = {
    "README.md": frozenset({PACKAGE["requires-python"].removeprefix(">="), PACKAGE["license"].removeprefix("Apache-")}),
    "docs/changing.md": frozenset({str(IDLE), str(LEVEL), str(LEAST_MEASURED)}),
    "docs/language.md": frozenset({"64", "8601", str(max(monthrange(2026, month)[1] for month in range(1, 13)))}),
    "docs/quality.md": frozenset({str(LEAST)}),
    "docs/reading.md": frozenset({str(BUSY), str(STOPPED), MEMORY.removesuffix("%"), str(UNPACK), f"{XLSX_ROWS + 1:,}"}),
    "docs/sources.md": frozenset({str(HARMLESS >> 20), str(UNPACK)}),
}
"""Numbers that the program has, or that are part of a name; all others are printed by a command of the same document."""


def told(text: str) -> list[str]:
    """The numbers from 10 on in the text of a document, outside its blocks, its tables of the program and its code."""
    prose = re.sub(r"```.*?```|<!-- (\w+): .*?<!-- end -->", "", text, flags=re.DOTALL)
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose)
    found = [number.rstrip(",") for number in re.findall(rf"(?<![\w.])({NUMBER})(?!\w)", prose)]
    return [number for number in found if float(number.replace(",", "")) >= 10 or "." in number]


def printed(text: str) -> set[str]:
    """The numbers in the blocks of a document."""
    lines = [line for block in blocks(text) if not isinstance(block, str) and block.kind != "sh" for line in block.lines]
    return set(re.findall(NUMBER, "\n".join(lines)))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_numbers_in_the_text_are_those_that_commands_print(path: Path) -> None:
    text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
    known = KNOWN.get(name, frozenset())
    assert [number for number in told(text) if number not in printed(text) | known] == []
    assert [number for number in known if number not in told(text)] == [], "known, and not in the text"


def test_a_number_of_the_text_that_nothing_prints_is_found() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wrong = text.replace("349 order lines have", "351 order lines have").replace(
        "count above, 120 customers", "count above, 122 customers"
    )
    assert {number for number in told(wrong) if number not in printed(wrong)} - KNOWN["README.md"] == {"351", "122"}


def test_the_examples_are_as_many_as_is_said() -> None:
    projects = list((ROOT / "examples").glob("*/coterie.yaml"))
    assert f"{['no', 'one', 'two', 'three', 'four'][len(projects)]} small projects" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )


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
