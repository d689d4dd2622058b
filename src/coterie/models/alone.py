"""Fitted calls of one customer: what has been learned from everybody, applied to what is known of one now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from coterie.engine.arrow import arrow_type
from coterie.language.tree import Expr, Fitted, typed
from coterie.language.types import Value
from coterie.models.kinds import FITTERS
from coterie.models.kinds.rfm import Rfm
from coterie.models.kinds.standing import Standing
from coterie.models.model import Bound
from coterie.traits.batch import hidden

Values = Mapping[str, Value | None]


@dataclass(frozen=True)
class Alone:
    """A fitted call, ready to be asked of one customer after another.

    Attributes:
        inputs: what it asks of a customer, by name, in their order.
        columns: by name, the column as which later inputs read an earlier one.
        score: of these and the instant, the value ("") and its parts; what is not there is missing.
    """

    inputs: Mapping[str, Expr]
    score: Callable[[Values, datetime], Values]
    columns: Mapping[str, str] = field(default_factory=dict)


def counted(call: Fitted, parameters: Mapping[str, Any]) -> Alone | None:
    """A call whose parameters each run counts anew (rfm, percentile, quantile, rank); None where they were not kept."""
    fitter = FITTERS[call.function]
    score = fitter.alone(call, parameters) if isinstance(fitter, Rfm | Standing) else None
    return None if score is None else Alone(fitter.inputs(call), lambda values, _: score(values))


def learned(bound: Bound) -> Alone | None:
    """A model with its fit; None where it has none, or asks for more of the events than measures tell."""
    if bound.model is None or bound.parameters is None or bound.scan is not None:
        return None
    ready = bound.model.ready(bound.parameters)
    schema = pa.schema([(name, arrow_type(typed(tree))) for name, tree in bound.inputs.items()])

    def score(values: Values, as_of: datetime) -> Values:
        rows = pa.Table.from_pylist([dict(values)], schema=schema)
        made = ready(rows, as_of)
        return {part: found.cast(arrow_type(bound.parts[part]))[0].as_py() for part, found in made.items() if part in bound.parts}

    return Alone(bound.inputs, score, {name: hidden(bound.call, name) for name in bound.inputs})
