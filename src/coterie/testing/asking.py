"""A program: definitions asked of a population at an instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property

from coterie.core.place import Origin
from coterie.language.catalog import Catalog, Entry, Noun, resolve
from coterie.language.check import check
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.tree import Expr, Fitted
from coterie.language.types import BOOLEAN
from coterie.testing.populations import Population, Schema


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition as a project file has it; `settings` are those of a fitted call's long form."""

    noun: Noun
    text: str
    settings: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """What a source says it knows: whom (a condition over attributes) and which local days."""

    covers: str | None = None
    complete_from: date | None = None
    complete_to: date | None = None


@dataclass(frozen=True)
class Program:
    """Everything that answers depend on."""

    schema: Schema
    population: Population
    as_of: datetime
    zone: str
    definitions: Mapping[str, Defined]
    coverage: Mapping[str, Covered] = field(default_factory=dict)

    @cached_property
    def scope(self) -> Scope:
        """The names without the definitions."""
        return Scope(
            {name: ColumnInfo(t) for name, t in self.schema.columns.items()},
            {kind: EventInfo(columns, kind in self.coverage) for kind, columns in self.schema.events.items()},
            self.zone,
            {name: ColumnInfo(t) for name, t in self.schema.account.items()},
            has_accounts=True,
            lists=frozenset(self.schema.lists),
        )

    @cached_property
    def catalog(self) -> Catalog:
        """The definitions, checked."""
        return resolve([Entry(n, d.noun, parsed(d), Origin.of(d.text)) for n, d in self.definitions.items()], self.scope)

    @cached_property
    def covers(self) -> dict[str, Expr]:
        """The checked conditions of sources that know some customers only."""
        return {
            kind: check(parse(c.covers), self.scope, Origin.of(c.covers), expected=BOOLEAN).tree
            for kind, c in self.coverage.items()
            if c.covers is not None
        }


def parsed(defined: Defined) -> Expr:
    """The tree as it was written, with its settings."""
    node = parse(defined.text)
    return replace(node, settings=defined.settings) if isinstance(node, Fitted) and defined.settings else node
