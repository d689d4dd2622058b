"""The grid of an RFM segmentation: how many customers stand in each cell, what they brought, how long they have been quiet."""

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import DefinitionError
from coterie.language.tree import Column, Fitted
from coterie.traits.batch import quoted, relation
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS


def is_rfm(results: Results, name: str) -> bool:
    """Whether a name is an RFM segmentation, or another name of one."""
    tree = results.definition(name).tree
    if isinstance(tree, Column) and tree.part is None and tree.name in results.catalog.definitions:
        return is_rfm(results, tree.name)
    return isinstance(tree, Fitted) and tree.function == "rfm"


def rfm_grid(results: Results, name: str) -> pa.Table:
    """The cells that hold customers, the best first.

    Returns:
        Columns r, f, m (scores, 5 is best), label, customers, revenue (the sum of monetary) and recency (mean days).

    Raises:
        DefinitionError: the name is no RFM segmentation.
    """
    if not is_rfm(results, name):
        raise DefinitionError(f"{name!r} is no RFM segmentation", code="E172", hint="name one written rfm(…)")
    scores = [quoted(f"{name}.{axis}") for axis in "rfm"]
    select = exp.select(
        *(score.copy().as_(axis) for score, axis in zip(scores, "rfm", strict=True)),
        quoted(name).as_("label"),
        exp.Count(this=exp.Star()).as_("customers"),
        exp.Anonymous(this="sum", expressions=[quoted(f"{name}.monetary")]).as_("revenue"),
        exp.Anonymous(this="avg", expressions=[quoted(f"{name}.recency")]).as_("recency"),
    ).from_(relation(TRAITS))
    select = select.where(exp.Not(this=exp.Is(this=scores[0].copy(), expression=exp.Null())))
    select = select.group_by(*(s.copy() for s in scores), quoted(name))
    order = [exp.Ordered(this=s.copy(), desc=True, nulls_first=False) for s in scores]
    return results.engine.fetch(select.order_by(*order))
