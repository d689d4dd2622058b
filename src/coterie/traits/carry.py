"""A batch's steps carried out by an engine."""

import pyarrow as pa

from coterie.engine.engine import Cluster, Engine
from coterie.traits.batch import Batch, Step

AT_ONCE = 1 << 18
"""Rows that a model is given together."""


def make(engine: Engine, step: Step, *, temporary: bool) -> None:
    """Make the table of a step: what its query gives, or what a model makes of that."""
    score = step.score
    if score is None:
        engine.create(step.table, step.query, step.about, temporary=temporary)
    elif isinstance(engine, Cluster):
        engine.mapped(step.table, step.query, score, score.schema, step.about, temporary=temporary)
    else:
        made = list(score(engine.batches(step.query, step.about, rows=AT_ONCE)))
        engine.register(step.table, pa.Table.from_batches(made, score.schema), temporary=temporary)


def undecided(engine: Engine, batch: Batch) -> dict[str, int]:
    """By measure, how many rows its `where` cannot decide."""
    told = [(text, n) for texts, query in batch.unknown for text, n in zip(texts, engine.rows(query)[0], strict=True)]
    return {text: int(str(n)) for text, n in told}
