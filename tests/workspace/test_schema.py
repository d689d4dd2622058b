"""The JSON Schema for editors: says yes to what is read, and no to what it can know to be wrong."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from coterie.core.errors import DefinitionError
from coterie.workspace.document import List, Map, Node, Scalar, read_document
from coterie.workspace.keys import FIT_SETTINGS, FITS, PROJECT, SEGMENT, SEGMENTATION, SOURCE, TRAIT
from coterie.workspace.project import read_project
from coterie.workspace.schema import DRAFT, project_schema
from tests.workspace.projects import EVERY_KEY, FIRST_PAGE, written_projects
from tests.workspace.test_project import BAD

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "src/coterie/workspace/demo/coterie.yaml", *sorted(ROOT.glob("examples/**/coterie.yaml"))]


@cache
def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(project_schema())


def as_editor_reads(node: Node) -> Any:
    """The values of a YAML 1.2 reader with the core schema, as language servers have."""
    match node:
        case Map():
            return {e.key.text: as_editor_reads(e.value) for e in node.entries}
        case List():
            return [as_editor_reads(item) for item in node.items]
        case Scalar():
            if node.style != "plain":
                return node.text
            if re.fullmatch(r"[-+]?[0-9]+", node.text):
                return int(node.text)
            if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", node.text):
                return float(node.text)
            return {"true": True, "false": False, "null": None, "~": None, "": None}.get(node.text, node.text)


def complaints(text: str) -> list[str]:
    value = as_editor_reads(read_document(text).root)
    return [e.message for e in validator().iter_errors(value)]


def test_it_is_a_schema_of_draft_7_and_json():
    schema = project_schema()
    assert schema["$schema"] == DRAFT
    jsonschema.Draft7Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("text", [FIRST_PAGE, EVERY_KEY], ids=["first page", "every key"])
def test_it_takes_what_the_documentation_shows(text):
    assert complaints(text) == []


@pytest.mark.parametrize("file", FILES, ids=[str(f.relative_to(ROOT)) for f in FILES])
def test_it_takes_the_projects_that_come_along(file):
    text = file.read_text(encoding="utf-8")
    read_project(text)
    assert complaints(text) == []


@settings(max_examples=max(20, settings().max_examples // 10))
@given(written_projects())
def test_it_takes_random_projects(written):
    _, text, _ = written
    assert complaints(text) == []


ONLY_WHOLE = re.compile(
    # What needs the whole file, the language, or a closer look than a schema takes.
    "E183|E184|E185|E190|E192|E196"
)
LENIENT = ("'£'", "yesterday", "2026-02-30", "English", "Null", "as_of", "blank", "control", "direction", "no labels",
           "that does not exist", "do not rise", "there are 5 groups", "'5-1/5/5'", "needs arguments", "once and last", "alone",
           "at least one character",
           "needs 'lines'", "twice")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [(b[0], b[3]) for b in BAD if not ONLY_WHOLE.match(b[1])],
    ids=[f"{b[1]} {b[3]}" for b in BAD if not ONLY_WHOLE.match(b[1])],
)
def test_it_refuses_what_is_wrong(text, message):
    with pytest.raises(DefinitionError):
        read_project(text)
    if any(words in message for words in LENIENT):
        return
    assert complaints(text)


def test_every_key_is_described_where_it_stands():
    schema = project_schema()
    for keys, described in (
        (PROJECT, schema["properties"]),
        (
            {k: v for k, v in SOURCE.items() if not v.roles or "events" in v.roles},
            schema["definitions"]["source"]["else"]["properties"],
        ),
        (TRAIT, schema["definitions"]["trait"]["anyOf"][1]["properties"]),
        (SEGMENT, schema["definitions"]["segment"]["anyOf"][1]["properties"]),
        (SEGMENTATION, schema["definitions"]["segmentation"]["anyOf"][1]["properties"]),
    ):
        assert set(described) == set(keys)
        for name, key in keys.items():
            assert described[name]["description"] == key.about
            assert key.about[0].islower() or key.about[0] == "`"
    assert all(key.about for key in (*FITS.values(), *FIT_SETTINGS.values()))
