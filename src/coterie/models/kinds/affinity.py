"""What a customer is interested in now: `affinity(order.category half life 60 days)`.

The score of a category is Σ 2^(−age / half life) over a customer's events of it, age in local days: an event of today counts 1,
one of a half life ago ½. So a score is about how many events of today the past is worth, and fades by itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import Degenerate
from coterie.core.windows import Duration
from coterie.language.names import written
from coterie.language.sql import Builder
from coterie.language.tree import EventColumn, Expr, Literal
from coterie.models.model import Asking, Learned, Sample, Scoring, Want
from coterie.traits.batch import DAY, EventScan, quoted

HALF_LIFE = 90
"""Days, where nothing is said."""
KEPT = 30
"""Categories that have scores: the favourites of most customers."""


class Affinity:
    function = "affinity"

    def wants(self, asking: Asking) -> Sequence[Want]:
        stream = stream_of(asking)
        favourite = asking.tree(f"most_common({written(stream.event)}.{written(stream.column)})")
        return [Want(asking.today, {"favourite": favourite})]

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        stream = stream_of(asking)
        favourites = Counter(v for v in samples[-1].inputs.column("favourite").to_pylist() if v is not None)
        if not favourites:
            raise Degenerate(f"no {stream.event} of a customer has a {stream.column}", hint="name a column that is filled")
        kept = [name for name, _ in sorted(favourites.items(), key=lambda item: (-item[1], item[0]))[:KEPT]]
        whole = sum(favourites.values())
        rows = [{"category": name, "favourite_of": n, "share": n / whole} for name, n in favourites.most_common(KEPT)]
        left = len(favourites) - len(kept)
        notes = [f"{left} rarer ones have no score of their own"] if left else []
        parameters = {"event": stream.event, "column": stream.column, "half_life": half_life(asking), "categories": kept}
        words = f"{len(kept)} kinds of {stream.column}, each fading by half in {half_life(asking)} days"
        return Learned(parameters, (), words, notes=notes, tables={"categories": rows})

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        return {}

    def scan(self, parameters: Mapping[str, Any], parts: Sequence[str]) -> EventScan:
        """Scores of the categories kept, and of those that definitions name beside."""
        asked = [p for p in parts if p not in ("", "score") and p not in parameters["categories"]]
        categories = [*parameters["categories"], *asked]

        def columns(q: Builder) -> dict[str, exp.Expression]:
            days = q.call("DATE_DIFF", q.literal("day"), quoted(DAY, "e"), q.literal(q.context.today))
            halves = q.binary("/", q.cast(days, "DOUBLE"), q.literal(float(parameters["half_life"])))
            weight = q.call("POWER", q.literal(0.5), halves)
            of = quoted(parameters["column"], "e")
            return {name: q.call("SUM", q.case([(q.binary("=", of, q.literal(name)), weight.copy())])) for name in categories}

        return EventScan(parameters["event"], columns)

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        categories = len(parameters["categories"])

        def score(rows: pa.Table, _as_of: datetime) -> Mapping[str, pa.Array]:
            names = rows.column_names
            scores = np.stack([np.nan_to_num(np.asarray(rows.column(n).cast(pa.float64()), np.float64)) for n in names])
            kept = scores[:categories]
            best, most = kept.argmax(axis=0), kept.max(axis=0)
            none = most <= 0
            made: dict[str, pa.Array] = {name: pa.array(scores[i]) for i, name in enumerate(names)}
            made[""] = pa.array(np.array(names, object)[best], pa.string(), mask=none)
            made["score"] = pa.array(most, mask=none)
            return made

        return score


def stream_of(asking: Asking) -> EventColumn:
    stream = asking.call.args[0]
    assert isinstance(stream, EventColumn)
    return stream


def half_life(asking: Asking) -> int:
    if len(asking.call.args) < 2:
        return HALF_LIFE
    length = asking.call.args[1]
    assert isinstance(length, Literal)
    assert isinstance(length.value, Duration)
    return length.value.n * (7 if length.value.unit == "week" else 1)
