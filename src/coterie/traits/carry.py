"""A batch's steps carried out by an engine."""

from coterie.engine.engine import Engine
from coterie.traits.batch import Step


def make(engine: Engine, step: Step, *, temporary: bool) -> None:
    """Make the table of a step: what its query gives, or what a model makes of that."""
    if step.score is None:
        engine.create(step.table, step.query, step.about, temporary=temporary)
    else:
        engine.mapped(step.table, step.query, step.score, step.score.schema, step.about, temporary=temporary)
