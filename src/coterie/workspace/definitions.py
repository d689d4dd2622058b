"""From a project's written definitions to one checked catalog."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from coterie.core.errors import DefinitionError, DefinitionErrors
from coterie.core.place import Origin
from coterie.language import verdicts
from coterie.language.catalog import Catalog, Entry, resolve
from coterie.language.check import Checked
from coterie.language.format import literal
from coterie.language.parse import parse
from coterie.language.scope import Scope
from coterie.language.tree import Expr, Fitted
from coterie.segments.by_hand import layered
from coterie.segments.segment import Segmentation
from coterie.workspace.answers import spread
from coterie.workspace.project import Notice, Project

MEANT = ("bins", "cells", "groups", "keep", "unsure", "process", "period")
"""The settings of a fitted call that change what it means."""


def catalog(project: Project, scope: Scope) -> Catalog:
    """Parse and check every definition of a project against the columns and events that its sources have.

    Raises:
        DefinitionErrors: everything that is wrong.
    """
    entries: list[Entry] = []
    errors: list[DefinitionError] = []
    for read in entries_of(project):
        if isinstance(read, Entry):
            entries.append(read)
        else:
            errors.append(read)
    errors += [
        DefinitionError(
            f"{entry.name!r} is already a column of the customers",
            code="E107",
            hint=f"give this {entry.noun} another name, or rename the column with `columns:` of its source",
            place=entry.origin.place(0, len(entry.origin.text)),
        )
        for entry in entries
        if entry.name in scope.columns
    ]
    try:
        found = resolve(spread([e for e in entries if e.name not in scope.columns], scope), scope)
    except DefinitionError as wrong:
        raise DefinitionErrors([*errors, wrong]) from None
    if errors:
        raise DefinitionErrors(errors)
    return found


def notices(checked: Catalog) -> tuple[Notice, ...]:
    """What is worth knowing of the definitions: rules that can never be true, or always are, and labels that nobody has."""
    return tuple(_notice(f) for f in verdicts.of_catalog(checked))


def notices_of(expression: Checked, origin: Origin, names: Catalog) -> tuple[Notice, ...]:
    """The same of an expression that stands alone."""
    return tuple(_notice(f) for f in verdicts.findings(expression.tree, verdicts.names_of(names), origin=origin))


def _notice(found: verdicts.Finding) -> Notice:
    return Notice(found.code, found.message, found.hint, found.place)


def entries_of(project: Project) -> Iterator[Entry | DefinitionError]:
    """Every definition as it is written, and what cannot be read; the rules of labels come as one `case`."""
    for trait in project.traits.values():
        yield from _read(trait.name, "trait", trait.expression.origin, trait.settings)
    for segment in project.segments.values():
        for read in _read(segment.name, "segment", segment.where.origin):
            whole = isinstance(read, Entry) and segment.by_hand
            yield replace(read, tree=layered(segment.name, read.tree, segment.by_hand)) if whole else read  # type: ignore[union-attr, type-var]
    for segmentation in project.segmentations.values():
        if segmentation.call is not None:
            yield from _read(segmentation.name, "segmentation", segmentation.call.origin, segmentation.settings)
            continue
        wrong = [e for _, rule in segmentation.labels if rule is not None for e in _read("", "segment", rule.origin)]
        broken = [e for e in wrong if not isinstance(e, Entry)]
        if broken:
            yield from broken
        else:
            yield from _read(segmentation.name, "segmentation", labels(segmentation))


def _read(name: str, noun: str, origin: Origin, settings: Mapping[str, object] | None = None) -> Iterator[Entry | DefinitionError]:
    try:
        tree = parse(origin)
    except DefinitionError as error:
        yield error
        return
    yield Entry(name, noun, with_settings(tree, settings or {}), origin)  # type: ignore[arg-type]


def with_settings(tree: Expr, settings: Mapping[str, object]) -> Expr:
    """A fitted call of the long form, with the settings that belong to its meaning."""
    meant = tuple((key, settings[key]) for key in MEANT if key in settings)
    return replace(tree, settings=meant) if isinstance(tree, Fitted) and meant else tree


def labels(segmentation: Segmentation) -> Origin:
    """The labels of a segmentation as one `case`, each rule still standing where the file has it."""
    text, starts = "", []
    first = next(iter(segmentation.labels))[1]
    file = segmentation.place.file if first is None else first.origin.file
    here = (segmentation.place.line, segmentation.place.column, segmentation.place.text)

    def put(piece: str) -> None:
        nonlocal text
        starts.append((len(text), *here))
        text += piece

    put("case")
    otherwise: str | None = None
    for label, rule in segmentation.labels:
        if rule is None:
            otherwise = label
            continue
        put(" when (")
        starts.extend((len(text) + offset, line, column, whole) for offset, line, column, whole in rule.origin.starts)
        text += rule.origin.text
        put(f") then {literal(label)}")
    put(" end" if otherwise is None else f" else {literal(otherwise)} end")
    return Origin(text, file, tuple(starts))
