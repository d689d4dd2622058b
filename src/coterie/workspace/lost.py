"""Columns that a source had once and has no more: the source is to blame, not the definitions that use them."""

from collections.abc import Mapping
from datetime import datetime

from coterie.core.errors import DefinitionError, MissingColumn, did_you_mean
from coterie.language.catalog import Entry
from coterie.language.check import names
from coterie.language.names import normal
from coterie.language.parse import parse
from coterie.language.scope import Scope
from coterie.language.tree import Column, Expr, Measure, Sequence, children, walk
from coterie.sources.assembly import gone
from coterie.sources.source import Source
from coterie.workspace.definitions import entries_of
from coterie.workspace.project import Project, kinds_of

MOST = 5
"""Definitions of a sort that are named."""


def lost(project: Project, scope: Scope, had: Mapping[str, Mapping[str, datetime]]) -> MissingColumn | None:
    """The error for columns that definitions use and that their sources once had; None where there is none.

    Args:
        project: as it is written.
        scope: the columns that there are now.
        had: of each source, the columns that its files have or once had, and when they were last seen there.
    """
    messages, hints, first = [], [], None
    for source in project.sources.values():
        there = columns_of(source, scope)
        for column, until in had.get(source.name, {}).items():
            name = normal(column)
            if name in there or name in map(normal, source.columns):
                continue
            users = users_of(project, source, frozenset({name}))
            if users:
                messages.append(f"{gone(source, column, until, project.timezone)}; {used_by(users)}")
                hints.append(did_you_mean(column, there, "It has"))
                first = first or source
    if first is None:
        return None
    hint = f"{hints[0]}; export it with that column again" if len(hints) == 1 else "export the files with these columns again"
    hint += ", or write the definitions without; the last results stay as they are"
    return MissingColumn(". And ".join(messages), hint=hint, place=first.place)


def with_users(error: MissingColumn, project: Project) -> MissingColumn:
    """The error for a column that a source needs itself, with the definitions that cannot be answered without it."""
    source = project.sources.get(error.source)
    users = [] if source is None else users_of(project, source, needing(source, error.column))
    if not users:
        return error
    told = f"{error.message}; {used_by(users)}"
    return MissingColumn(told, hint=error.hint, place=error.place).of(error.column, error.source)


def columns_of(source: Source, scope: Scope) -> frozenset[str]:
    """The names of a source's columns in definitions."""
    match source.role:
        case "events":
            return frozenset(name for kind in kinds_of(source) if kind in scope.events for name in scope.events[kind].names)
        case "accounts":
            return frozenset(scope.account)
        case "customers" | "lookup":
            return frozenset(scope.columns)


def needing(source: Source, column: str) -> frozenset[str] | None:
    """The names that a source cannot give without a column of its files; None where it can give nothing."""
    column = normal(column)
    reads = {normal(name): names_in(parse(text.origin)) for name, text in source.columns.items()}
    roles = {source.id, source.customer, source.time, source.lines, source.deleted, source.updated_at, source.valid_from}
    whole = {normal(role) for role in roles if isinstance(role, str)}
    whole |= set() if source.where is None else names_in(parse(source.where.origin))
    found = frozenset(name for name, read in reads.items() if column in read)
    return None if column in whole or found & whole else found | {column}


def names_in(tree: Expr) -> frozenset[str]:
    return frozenset(normal(node.name) for node in walk(tree) if isinstance(node, Column))


def users_of(project: Project, source: Source, columns: frozenset[str] | None) -> list[Entry]:
    """The definitions that read any of a source's columns (None: anything of it), themselves or through others."""
    entries = [entry for entry in entries_of(project) if not isinstance(entry, DefinitionError)]
    found: dict[str, Entry] = {}
    while True:
        more = [e for e in entries if e.name not in found and (reads(e.tree, source, columns) or names([e.tree]) & found.keys())]
        if not more:
            return [entry for entry in entries if entry.name in found]
        found |= {entry.name: entry for entry in more}


def reads(tree: Expr, source: Source, columns: frozenset[str] | None) -> bool:
    """Whether an expression itself reads any of a source's columns (None: anything of it)."""
    if source.role == "events":
        kinds = kinds_of(source)
        return any(_of_event(node, kinds, columns) for node in walk(tree))
    if columns is None:
        return False
    if source.role == "accounts":
        return any(isinstance(node, Column) and node.name == "account" and node.part in columns for node in walk(tree))
    return bool(names([tree]) & columns)


def _of_event(node: Expr, kinds: tuple[str, ...], columns: frozenset[str] | None) -> bool:
    match node:
        case Measure(event=event, column=column):
            named = {column, *(n for child in children(node) for n in names_in(child))}
            return event in kinds and (columns is None or bool(named & columns))
        case Column(name=event, part=str(column)):  # in a fitted call
            return event in kinds and (columns is None or column in columns)
        case Sequence(steps=steps, same=same):
            asked = [s for s in steps if s.event in kinds]
            named = {same, *(n for s in asked if s.where is not None for n in names_in(s.where))}
            return bool(asked) and (columns is None or bool(named & columns))
        case _:
            return False


def used_by(users: list[Entry]) -> str:
    """'trait revenue, segments vip, german_vip use it'."""
    parts = []
    for noun in dict.fromkeys(user.noun for user in users):
        named = [user.name for user in users if user.noun == noun]
        more = f" and {len(named) - MOST} more" if len(named) > MOST else ""
        parts.append(f"{noun if len(named) == 1 else noun + 's'} {', '.join(named[:MOST])}{more}")
    return f"{', '.join(parts)} {'uses' if len(users) == 1 else 'use'} it"
