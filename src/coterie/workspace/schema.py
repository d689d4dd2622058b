"""The project file as JSON Schema, for editors: completion, descriptions and red lines while one writes.

It is made from the tables that reading uses. It says which keys there are and what their values look like; what needs
the whole file or the language (names, expressions, cells within their groups) only `coterie check` says.
"""

from typing import Any

from coterie.language.names import RESERVED
from coterie.workspace.keys import (
    FIT_SETTINGS,
    FITS,
    NEEDED,
    PROJECT,
    SEGMENT,
    SEGMENTATION,
    SETTINGS_OF,
    SOURCE,
    TRAIT,
    Key,
    Keys,
    keys_schema,
)
from coterie.workspace.shapes import SCALAR

DRAFT = "http://json-schema.org/draft-07/schema#"
NAME: dict[str, Any] = {"minLength": 1, "maxLength": 200, "not": {"enum": sorted(RESERVED)}}
LABELS: dict[str, Any] = {"type": "object", "minProperties": 1, "additionalProperties": dict(SCALAR)}


def project_schema() -> dict[str, Any]:
    """The JSON Schema (draft-07, which the language servers of editors read) of a project file.

    Every scalar may also be a number or a truth where a text is meant: an editor's YAML reads `5` as a number.
    """
    schema = keys_schema(PROJECT, ["sources"])
    sections: dict[str, dict[str, Any]] = {
        "sources": {
            "minProperties": 1,
            "properties": {name: {"$ref": f"#/definitions/{name}"} for name in ("customers", "accounts")},
            "additionalProperties": {"$ref": "#/definitions/source"},
        },
        "traits": {"additionalProperties": {"$ref": "#/definitions/trait"}},
        "segments": {"additionalProperties": {"$ref": "#/definitions/segment"}},
        "segmentations": {"additionalProperties": {"$ref": "#/definitions/segmentation"}},
        "lists": dict(PROJECT["lists"].shape.schema),
    }
    for name, section in sections.items():
        about = {"description": PROJECT[name].about}
        schema["properties"][name] = {"type": "object", "propertyNames": NAME, **section, **about}
    return {
        "$schema": DRAFT,
        "title": "A coterie project",
        "description": "What is known of customers, where it comes from, and the segments that follow from it.",
        **schema,
        "definitions": {
            "customers": _source("customers"),
            "accounts": _source("accounts"),
            "source": {"if": {"required": ["lookup"]}, "then": _source("lookup"), "else": _source("events")},
            "trait": {
                "anyOf": [dict(SCALAR), keys_schema(TRAIT, ["value"]), *(_fitted(name, TRAIT) for name in FITS)],
            },
            "segment": {"anyOf": [dict(SCALAR), keys_schema(SEGMENT, ["where"])]},
            "segmentation": {
                "anyOf": [
                    dict(SCALAR),
                    _labelled(),
                    *(_fitted(name, SEGMENTATION) for name in FITS),
                    {**LABELS, "propertyNames": {"not": {"enum": [*SEGMENTATION, *FIT_SETTINGS, *FITS]}}},
                ],
            },
        },
    }


def _source(role: str) -> dict[str, Any]:
    keys = {key.name: key for key in SOURCE.values() if not key.roles or role in key.roles}
    where = [
        {"required": ["path"]},
        {"required": ["url", "table"]},
        {"required": ["url", "query"]},
        {"required": ["table"], "not": {"required": ["url"]}},
    ]
    return {**keys_schema(keys, NEEDED[role]), "oneOf": where}


def _labelled() -> dict[str, Any]:
    schema = keys_schema(SEGMENTATION, ["labels"])
    schema["properties"]["labels"] = {**LABELS, "description": SEGMENTATION["labels"].about}
    return schema


def _fitted(function: str, keys: Keys) -> dict[str, Any]:
    """The long form of a fitted call."""
    plain = {name: key for name, key in keys.items() if name not in ("value", "labels", "refit")}
    settings: dict[str, Key] = {name: FIT_SETTINGS[name] for name in SETTINGS_OF[function]}
    return keys_schema({function: FITS[function], **settings, **plain}, [function])
