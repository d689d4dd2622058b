"""The models of a project as they hold at an instant: each call with the newest accepted fit that is dated at or before it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial

from coterie.core.windows import local_day
from coterie.language.catalog import Catalog
from coterie.language.fitted import FITTED
from coterie.language.tree import Fitted
from coterie.models.kinds import MODELS
from coterie.models.model import Asking, Bound, bound, parts_of
from coterie.models.store import FitStore, FittedParameters
from coterie.traits import batch
from coterie.traits.batch import Scorer, fitted_name, walk_outer


@dataclass(frozen=True, slots=True)
class Called:
    """A model call of a project: the column of its value, which definition it is where it is the whole of one."""

    call: Fitted
    column: str


def called(catalog: Catalog) -> dict[str, Called]:
    """The distinct model calls of a catalog by the column of their value."""
    aliases = batch.aliases_of((d.name, d.checked.tree) for d in catalog.definitions.values())
    out: dict[str, Called] = {}
    for definition in catalog.definitions.values():
        for node in walk_outer(definition.checked.tree):
            if isinstance(node, Fitted) and FITTED[node.function].model:
                column = batch.column_of(node, aliases)
                out.setdefault(column, Called(node, column))
    return out


@dataclass(frozen=True)
class Models:
    """Which parameters hold when.

    Attributes:
        fits: by column, accepted fits, newest first.
        undated: customers' columns that are taken to have held at any time.
    """

    catalog: Catalog
    zone: str
    first: Mapping[str, date] = field(default_factory=dict)
    calls: Mapping[str, Called] = field(default_factory=dict)
    fits: Mapping[str, Sequence[FittedParameters]] = field(default_factory=dict)
    undated: frozenset[str] = frozenset()

    def at(self, instant: datetime) -> Callable[[Fitted], Scorer]:
        """Of a call, the model with what it had learned by an instant; without a fit all its values are missing."""
        return partial(self._bound, instant)

    def fit(self, column: str, instant: datetime) -> FittedParameters | None:
        """The fit of a column that holds at an instant."""
        return next((f for f in self.fits.get(column, ()) if f.as_of <= instant), None)

    def asking(self, column: str, instant: datetime) -> Asking:
        today = local_day(instant, self.zone)
        return Asking(self.calls[column].call, column, self.catalog, today, self.first, self.zone, self.undated)

    def _bound(self, instant: datetime, call: Fitted) -> Bound:
        found = next((c for c in self.calls.values() if c.call == call), None)
        asked = {}
        if found is not None and found.column in self.catalog.definitions:
            asked = dict(self.catalog.definitions[found.column].parts)
        parts = parts_of(call, asked)
        fit = None if found is None else self.fit(found.column, instant)
        if found is None or fit is None:
            return Bound(call, {}, parts)
        return bound(MODELS[call.function], self.asking(found.column, instant), fit.told["inputs"], fit.parameters, instant, parts)

    @cached_property
    def needed(self) -> frozenset[str]:
        """The definitions that models in use ask customers for; asked for each of many instants, found once."""
        return frozenset(self._names())

    def _names(self) -> Iterator[str]:
        for column, fits in self.fits.items():
            for fit in fits:
                held = self._bound(fit.as_of, self.calls[column].call)
                for tree in held.inputs.values():
                    yield from batch.used(tree)

    def with_fit(self, fit: FittedParameters) -> "Models":
        """The same with a newer fit."""
        return replace(self, fits={**self.fits, fit.name: (fit, *self.fits.get(fit.name, ()))})


def stored(catalog: Catalog, zone: str, first: Mapping[str, date], undated: frozenset[str], store: FitStore) -> Models:
    """The models of a catalog with the fits that the record has of these very calls."""
    calls = called(catalog)
    fits = {}
    for column, one in calls.items():
        own = [f for f in store.all(column) if f.state == "accepted" and f.call == fitted_name(one.call)]
        fits[column] = sorted(own, key=lambda f: (f.as_of, f.number), reverse=True)
    return Models(catalog, zone, first, calls, fits, undated)
