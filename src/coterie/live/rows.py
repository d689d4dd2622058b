"""From messages to rows of a project's sources: which messages are whose rows, and what stands in the columns.

A row has the columns of the source's files, so that from here on it is a row like any other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from coterie.live.message import Message
from coterie.sources.source import Source

NAMED = {"page", "screen"}
"""Calls whose name is worth a column."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a project takes from messages.

    Args:
        sources: those that say `live:`, in the order of the project.
    """

    sources: Sequence[Source]

    def of(self, message: Message) -> Iterator[Source]:
        """The sources of which a message is a row."""
        for source in self.sources:
            live = source.live
            if live is not None and (message.type in live.calls or (message.type == "track" and message.name in live.events)):
                yield source


def row(source: Source, message: Message, customer: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """A message as a row: JSON values by the columns of the source's files.

    Args:
        customer: whose it is.
        columns: of the source's files, as far as they are known; others that the message has follow.
    """
    assert source.live is not None
    said, named = message.properties, source.live.columns
    out: dict[str, Any] = {}
    for column in columns:
        value = said.get(column) if column not in named else inside(said, named[column], message.context)
        if value is None and "." in column and column not in named:
            value = inside(said, column)
        if value is not None:
            out[column] = value
    for column, value in said.items():
        if column not in columns:
            value = value if column not in named else inside(said, named[column], message.context)
            if value is not None:
                out[column] = value
    if message.type in NAMED and message.name is not None:
        out.setdefault("name", message.name)
    if source.customer is not None:
        out[source.customer] = customer
    if source.role == "customers" and source.id is not None:
        out[source.id] = customer
    if source.time is not None and source.time not in named:
        out[source.time] = message.time.replace(tzinfo=UTC)
    if source.role == "events" and source.id is not None:
        out.setdefault(source.id, message.id)
    return out


def inside(said: Mapping[str, Any], path: str, context: Mapping[str, Any] | None = None) -> Any:
    """The value at a path (`products.0.name`; `context.campaign.source` where the context is given), or None."""
    if path in said:
        return said[path]
    at: Any = said
    parts = path.split(".")
    if context is not None and parts[0] == "context":
        at, parts = context, parts[1:]
    for part in parts:
        if isinstance(at, Mapping):
            at = at.get(part)
        elif isinstance(at, list) and part.isdigit() and int(part) < len(at):
            at = at[int(part)]
        else:
            return None
    return at


def plain(value: Any) -> Any:
    """A value of a row as JSON has it."""
    return value.isoformat() if isinstance(value, date) else value
