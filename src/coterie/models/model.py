"""What a model is: it says what it wants to know of customers, learns parameters from that, and applies them to a customer.

A kind of model is one file in `kinds/`. Parameters are plain JSON; applying them is a function of rows, the same for one
customer and for all, whatever engine the rows come from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from coterie.core.errors import CoterieError
from coterie.core.place import Origin
from coterie.core.windows import Around, Duration
from coterie.language.catalog import Catalog
from coterie.language.check import check
from coterie.language.fitted import FITTED, Shape
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, Scope
from coterie.language.tree import Expr, Fitted, Measure
from coterie.language.types import Type
from coterie.traits.batch import EventScan, hidden


@dataclass(frozen=True, slots=True)
class Asking:
    """What a model may ask for, when it says what it wants to know.

    Attributes:
        call: the fitted call; `name`: the column of its value.
        catalog: all definitions, checked.
        today: the local day of the newest instant; `first`: of the first event of each kind.
        zone: of the project.
        undated: customers' columns that are taken to have held at any time, whenever they were written down.
    """

    call: Fitted
    name: str
    catalog: Catalog
    today: date
    first: Mapping[str, date]
    zone: str
    undated: frozenset[str] = frozenset()

    @property
    def scope(self) -> Scope:
        return self.catalog.scope

    def tree(self, text: str) -> Expr:
        """The checked tree of a text in the language."""
        return check(parse(text), self.scope, Origin.of(text)).tree

    def trees(self, texts: Sequence[str]) -> dict[str, Expr]:
        """The checked trees of several texts, by their text."""
        return {text: self.tree(text) for text in texts}

    def after(self, measure: Expr, length: Duration, input_: str, type_: Type) -> Expr:
        """A measure in the window that begins at an earlier input, which is a date of the customer."""
        assert isinstance(measure, Measure)
        anchor = hidden(self.call, input_)
        scope = replace(self.scope, columns={**self.scope.columns, anchor: ColumnInfo(type_)})
        node = replace(measure, window=Around(length, "after", anchor))
        return check(node, scope, Origin.of(input_)).tree


@dataclass(frozen=True, slots=True)
class Want:
    """A table to learn from: the inputs as of the end of a day, and what was known only afterwards.

    Attributes:
        as_of: the day; `inputs` are known at its end.
        outcomes: trees that look ahead from it, or hold of customers now.
    """

    as_of: date
    inputs: Mapping[str, Expr]
    outcomes: Mapping[str, Expr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a `Want` gave: one row a customer of that day, in the same order; `keys` are the customers' numbers."""

    as_of: date
    keys: pa.ChunkedArray
    inputs: pa.Table
    outcomes: pa.Table


@dataclass(frozen=True, slots=True)
class Quality:
    """One figure of how good a model is, out of sample: its value with an interval, and the same of a plain baseline."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    against: str = ""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a model has learned.

    Attributes:
        parameters: plain JSON, all that `score` needs.
        inputs: by name, what it asks of a customer, as canonical text of the language.
        verdict: how good it is, in a sentence for anybody.
        quality: the figures behind it.
        skill: how much better than the plain baseline, 0 no better and 1 perfect; None where there is nothing to compare.
        notes: what was left out, done instead, or is to be known.
        tables: what charts draw: by name, rows of plain values.
    """

    parameters: Mapping[str, Any]
    inputs: Sequence[str]
    verdict: str
    quality: Sequence[Quality] = ()
    skill: float | None = None
    notes: Sequence[str] = ()
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


Scoring = Callable[[pa.Table, datetime], Mapping[str, pa.Array]]
"""Of rows of inputs as of an instant the value ("") and its parts, row by row; what it does not give is missing."""


class Model(Protocol):
    """A kind of model; `kinds/` has one file each."""

    @property
    def function(self) -> str:
        """The word by which it is called."""

    def wants(self, asking: Asking) -> Sequence[Want]:
        """What to learn from, oldest first.

        Raises:
            ModelError: there is not enough past.
        """

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        """Learn; `before`: the parameters of the fit before this one, for what has to keep its name.

        Raises:
            ModelError: it cannot be learned from these.
        """

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        """The trees of what a fit asks of a customer.

        Raises:
            DefinitionError: a name that it was learned from is not there any more.
        """

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        """What a fit learned, read once and ready to be told of any rows."""


@runtime_checkable
class Screening(Protocol):
    """A model that asks for more than may be worth it, and finds out what is on one of the days that it learns from."""

    def trial(self, asking: Asking, wants: Sequence[Want]) -> Want | None:
        """The day to find it out on; None where everything is to be asked of all."""

    def worth(self, asking: Asking, sample: Sample, seed: int) -> Sequence[str]:
        """The inputs that are worth asking of the other days as well."""


@runtime_checkable
class Scanning(Protocol):
    """A model that asks something of the events which no measure tells."""

    def scan(self, parameters: Mapping[str, Any], parts: Sequence[str]) -> EventScan: ...


@dataclass(frozen=True)
class Bound:
    """A model with the parameters that hold at an instant, as a batch takes it; unfitted, all its values are missing."""

    call: Fitted
    inputs: Mapping[str, Expr]
    parts: Mapping[str, Type]
    model: Model | None = None
    parameters: Mapping[str, Any] | None = None
    as_of: datetime = datetime.min
    scan: EventScan | None = None

    @property
    def learned(self) -> Mapping[str, object]:
        return {} if self.parameters is None else self.parameters

    @cached_property
    def ready(self) -> Scoring | None:
        """Its parameters are read when rows are first told, not again for each batch of them."""
        return None if self.model is None or self.parameters is None else self.model.ready(self.parameters)

    def score(self, rows: pa.Table) -> pa.Table:
        made = {} if self.ready is None else self.ready(rows, self.as_of)
        none = pa.nulls(rows.num_rows)
        return pa.table([made.get(part, none) for part in self.parts], names=list(self.parts))


def parts_of(call: Fitted, asked: Mapping[str, Type]) -> dict[str, Type]:
    """The types of a call's value ("") and of its parts, `asked` among them."""
    shape = FITTED[call.function].check(call.args)
    assert isinstance(shape, Shape)
    return {"": shape.type, **shape.parts, **asked}


def bound(
    model: Model, asking: Asking, names: Sequence[str], parameters: Mapping[str, Any], as_of: datetime, parts: Mapping[str, Type]
) -> Bound:
    """A model ready to be applied; where what it asks for is gone, its values are missing."""
    try:
        inputs = model.inputs(asking, names)
    except CoterieError:
        return Bound(asking.call, {}, parts)
    scan = model.scan(parameters, list(parts)) if isinstance(model, Scanning) else None
    return Bound(asking.call, inputs, parts, model, parameters, as_of, scan)
