"""The playbook in use: the project's own `playbook.yaml` beside coterie.yaml, else the one that coterie brings."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from coterie.core.errors import DefinitionError, DefinitionErrors
from coterie.profiles.personas.playbook import Play, play
from coterie.workspace.document import Map, decode, read_document
from coterie.workspace.keys import Key, collect_keys, table, unknown_key
from coterie.workspace.shapes import EXPRESSION, TEXT, mapping, refuse

FILE = "playbook.yaml"
PLAY = table(
    Key("when", EXPRESSION, "a condition over the figures of a persona"),
    Key("message", TEXT, "what to say"),
    Key("offer", TEXT, "what to give"),
    Key("channel", TEXT, "where to say it"),
    Key("metric", TEXT, "what to watch, to see whether it worked"),
)
TOP = table(Key("plays", TEXT, "the plays by name"))


def text_of(folder: Path) -> tuple[str, str]:
    """The text of the playbook in use, and the name of its file."""
    own = folder / FILE
    if own.is_file():
        return decode(own.read_bytes(), own.as_posix()), own.as_posix()
    return (files("coterie.profiles") / FILE).read_text(encoding="utf-8"), FILE


def read_playbook(text: str, file: str = FILE) -> tuple[Play, ...]:
    """The plays of a playbook, in its order.

    Raises:
        DefinitionErrors: all that is wrong with it, with places.
    """
    document = read_document(text, file)
    errors: list[DefinitionError] = list(document.errors)
    out: list[Play] = []
    for top in document.root.entries:
        if top.key.text not in TOP:
            errors.append(unknown_key(top.key, TOP, "a playbook"))
            continue
        try:
            for entry in mapping(top.value, "plays by name").entries:
                try:
                    out.append(_play(entry.key.text, mapping(entry.value, "when, message, offer, channel and metric")))
                except DefinitionError as error:
                    errors.append(error)
        except DefinitionError as error:
            errors.append(error)
    if errors:
        raise DefinitionErrors(errors)
    return tuple(out)


def _play(name: str, node: Map) -> Play:
    said: Mapping[str, Any]
    said, errors = collect_keys(node, PLAY, "a play")
    missing = [key for key in PLAY if key not in said and key != "offer" and node.get(key) is None]
    if missing:
        errors.append(refuse(node, "E187", f"the play {name!r} has no {missing[0]}", f"add a line: {missing[0]}: …"))
    if errors:
        raise DefinitionErrors(errors)
    texts = {key: str(said.get(key, "")) for key in ("message", "offer", "channel", "metric")}
    return play(name, said["when"], **texts)
