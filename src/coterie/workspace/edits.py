"""What was edited between two states of a project: definitions that are new, gone, renamed or mean something else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from coterie.language.catalog import Catalog
from coterie.language.format import format as format_expr
from coterie.workspace.project import Project

What = Literal["new", "changed", "renamed", "gone"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A definition that is not what it was.

    Attributes:
        was: its name before, where it has another one now.
        rule_before, rule_after, words_before, words_after: as canonical text and in English; None where it was not, or is not.
        through: the definitions it names through which alone its meaning changed; empty where it was edited itself.
        dependants: (noun, name) of what uses it, itself or through others.
    """

    what: What
    noun: str
    name: str
    was: str | None = None
    rule_before: str | None = None
    rule_after: str | None = None
    words_before: str | None = None
    words_after: str | None = None
    through: tuple[str, ...] = ()
    dependants: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "noun": self.noun,
            "name": self.name,
            "was": self.was,
            "before": None if self.rule_before is None else {"rule": self.rule_before, "english": self.words_before},
            "after": None if self.rule_after is None else {"rule": self.rule_after, "english": self.words_after},
            "through": list(self.through),
            "dependants": [{"noun": noun, "name": name} for noun, name in self.dependants],
        }


def earlier_names(project: Project) -> dict[str, tuple[str, ...]]:
    """By definition, the names that it had."""
    listed = [*project.traits.values(), *project.segments.values(), *project.segmentations.values()]
    return {d.name: d.was for d in listed if d.was}


def names_before(now: Catalog, was: Mapping[str, Sequence[str]], before: Catalog) -> dict[str, str | None]:
    """By definition, its name before: the same, or one of its earlier ones that is free now; None where it is new."""
    out: dict[str, str | None] = {}
    for name, definition in now.definitions.items():
        tried = [name, *(w for w in was.get(name, ()) if w not in now.definitions)]
        found = [n for n in tried if n in before.definitions and before.definitions[n].noun == definition.noun]
        out[name] = found[0] if found else None
    return out


def edits(now: Catalog, then: Mapping[str, str | None], before: Catalog) -> tuple[Edit, ...]:
    """What was edited.

    Args:
        now, before: the two catalogs.
        then: by definition, its name before (see `names_before`).
    """
    renamed = {was: name for name, was in then.items() if was is not None and was != name}
    out: list[Edit] = []
    changed = {n for n, was in then.items() if was is not None and now.definitions[n].hash != before.definitions[was].hash}
    for name, definition in now.definitions.items():
        was = then[name]
        if was is not None and name not in changed and was == name:
            continue
        after = definition.checked.written
        old = None if was is None else before.definitions[was].checked.written
        rule_before = None if old is None else format_expr(old)
        through: tuple[str, ...] = ()
        same_text = rule_before == format_expr(after)
        if name in changed and same_text:
            through = tuple(sorted(definition.checked.uses & changed))
        what: What = "new" if was is None else "renamed" if was != name and (name not in changed or same_text) else "changed"
        if what == "changed" and was == name and _only_renames(before, was, format_expr(after), renamed):
            continue
        out.append(
            Edit(
                what,
                definition.noun,
                name,
                was if was != name else None,
                rule_before,
                format_expr(after),
                None if was is None else _english(before, was),
                _english(now, name),
                through,
                dependants(now, name),
            )
        )
    for name, definition in before.definitions.items():
        if name not in then.values():
            rule = format_expr(definition.checked.written)
            words, users = _english(before, name), dependants(before, name)
            out.append(Edit("gone", definition.noun, name, rule_before=rule, words_before=words, dependants=users))
    return tuple(out)


def _only_renames(before: Catalog, name: str, after: str, renamed: Mapping[str, str]) -> bool:
    """Whether a definition says the same with the new names of what it uses."""
    from coterie.language.tree import Column, walk

    tree = before.definitions[name].checked.written
    used = {n.name for n in walk(tree) if isinstance(n, Column)} & renamed.keys()
    return bool(used) and format_expr(_with_names(tree, renamed)) == after


def _with_names(tree: Any, names: Mapping[str, str]) -> Any:
    """A tree whose columns are called by other names."""
    from coterie.language.tree import Column
    from coterie.workspace.results import substitute

    return substitute(tree, {old: Column(new) for old, new in names.items()})


def dependants(catalog: Catalog, name: str) -> tuple[tuple[str, str], ...]:
    """What uses a definition, itself or through others, in the order of the catalog."""
    found = {name}
    for definition in catalog.definitions.values():
        if definition.checked.uses & found:
            found.add(definition.name)
    return tuple((d.noun, d.name) for d in catalog.definitions.values() if d.name in found and d.name != name)


def _english(catalog: Catalog, name: str) -> str:
    from coterie.language.describe import describe

    return describe(catalog.definitions[name].checked.written)
