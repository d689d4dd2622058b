"""Definitions that others still name although they are gone from the project file: said once, with all who name them."""

from datetime import datetime

from coterie.core.errors import DefinitionError, DefinitionErrors, UnknownName
from coterie.core.windows import local_day
from coterie.language.catalog import Catalog, Entry
from coterie.language.check import names
from coterie.language.scope import Scope
from coterie.language.shown import day_shown
from coterie.workspace.definitions import entries_of
from coterie.workspace.edits import earlier_names
from coterie.workspace.project import Project


def gone(errors: DefinitionErrors, project: Project, scope: Scope, before: Catalog, until: datetime) -> DefinitionErrors:
    """The errors, with one for each definition that is gone in place of those of its users.

    Args:
        errors: what is wrong with the project.
        scope: its columns, without definitions.
        before: the definitions of the last run.
        until: its instant.
    """
    entries = [e for e in entries_of(project) if isinstance(e, Entry)]
    there = {*scope.columns, *project.traits, *project.segments, *project.segmentations}
    users: dict[str, list[Entry]] = {}
    for entry in entries:
        for name in sorted(names([entry.tree]) - there):
            if name in before.definitions:
                users.setdefault(name, []).append(entry)
    if not users:
        return errors
    kept = [e for e in errors.errors if not any(e.message == f"unknown name {name!r}" for name in users)]
    told = [_told(name, found, project, before, entries, until) for name, found in users.items()]
    return DefinitionErrors([*kept, *told])


def _told(
    name: str, users: list[Entry], project: Project, before: Catalog, entries: list[Entry], until: datetime
) -> DefinitionError:
    direct = [u.name or "a label" for u in users]
    through = [n for n in _through(set(direct), entries) if n not in direct]
    day = day_shown(local_day(until, project.timezone))
    message = f"{name!r} is gone, and {_listed(direct)} still name{'s' if len(direct) == 1 else ''} it"
    message += f" (and {_listed(through)} through {'that' if len(direct) == 1 else 'them'})" if through else ""
    message += f"; it was a {before.definitions[name].noun} until the run of {day}"
    renamed = [n for n, was in earlier_names(project).items() if name in was]
    if renamed:
        hint = f"it is called {renamed[0]!r} now: write that"
    else:
        hint = "first write the others without it, or write it again; where it has another name now, say there `was: " + f"{name}`"
    entry = users[0]
    start = entry.origin.text.find(name)
    place = entry.origin.place(max(start, 0), max(start, 0) + len(name))
    return UnknownName(message, hint=hint, place=place)


def _through(direct: set[str], entries: list[Entry]) -> list[str]:
    found = set(direct)
    while True:
        more = {e.name for e in entries if e.name not in found and names([e.tree]) & found}
        if not more:
            return [e.name for e in entries if e.name in found]
        found |= more


def _listed(some: list[str]) -> str:
    return some[0] if len(some) == 1 else f"{', '.join(some[:-1])} and {some[-1]}"
