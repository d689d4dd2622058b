"""Scores of an RFM segmentation that nobody has: customers with the same value share a score, so quantiles can fall together."""

from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.language.catalog import Catalog
from coterie.language.tree import Fitted
from coterie.models.kinds.rfm import AXES, LETTERS, bins_of
from coterie.traits.batch import quoted, relation
from coterie.workspace.run import TRAITS


def collapsed(engine: Engine, catalog: Catalog) -> list[str]:
    """Of each RFM segmentation, the scores by quantile that nobody has, and why, in words.

    Args:
        engine: with the table `traits` of the answer.
        catalog: the definitions.
    """
    out = []
    for definition in catalog.definitions.values():
        call = definition.checked.tree
        if isinstance(call, Fitted) and call.function == "rfm":
            bins = bins_of(call)
            told = [_axis(engine, definition.name, axis, bins.scores(axis)) for axis in AXES if bins.breaks(axis) is None]
            out += [f"{definition.name}: {text}" for text in told if text]
    return out


def _axis(engine: Engine, name: str, axis: str, k: int) -> str:
    there = _counted(engine, f"{name}.{LETTERS[axis]}")
    lacking = [str(score) for score in range(1, k + 1) if score not in there]
    if not lacking or not there:
        return ""
    listed = lacking[0] if len(lacking) == 1 else f"{', '.join(lacking[:-1])} or {lacking[-1]}"
    shared = next(iter(_counted(engine, f"{name}.{axis}", most=1).values()))
    return (
        f"nobody has the {axis} score {listed}: who has the same {axis} has the same score, "
        f"and {shared:,} of {sum(there.values()):,} customers share one"
    )


def _counted(engine: Engine, column: str, most: int | None = None) -> dict[object, int]:
    """Customers by value of a column, the most frequent first."""
    n = exp.Count(this=exp.Star()).as_("n")
    known = exp.Not(this=exp.Is(this=quoted(column), expression=exp.Null()))
    query = exp.select(quoted(column), n).from_(relation(TRAITS)).where(known).group_by(quoted(column))
    query = query.order_by(exp.Ordered(this=quoted("n"), desc=True, nulls_first=False))
    return {value: int(str(count)) for value, count in engine.rows(query if most is None else query.limit(most))}
