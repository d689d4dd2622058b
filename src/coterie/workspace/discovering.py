"""Segments that nobody has defined yet: subgroups that stand out and that no segment covers, as rules."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import DefinitionError
from coterie.language.types import BOOLEAN, NUMBERS
from coterie.models.features import resting_on
from coterie.models.rules.discover import Subgroup, discover
from coterie.models.rules.redundant import told_apart
from coterie.segments import membership
from coterie.traits.batch import KEY, quoted, relation
from coterie.workspace.fitting import SEED
from coterie.workspace.results import Results
from coterie.workspace.ruling import readable
from coterie.workspace.run import TRAITS


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found.

    Attributes:
        outcome: what they have more of, as it was asked; None where they only stand together more often than by chance.
        subgroups: the most telling first.
        looked_at: how many customers, `columns` by what.
    """

    outcome: str | None
    subgroups: tuple[Subgroup, ...]
    looked_at: int
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "looked_at": self.looked_at,
            "subgroups": [
                {
                    "rule": s.text,
                    "customers_in_the_half_it_was_checked_on": s.size,
                    "share": s.share,
                    "value": s.value,
                    "against": s.against,
                    "lift": s.lift,
                    "p": s.p,
                }
                for s in self.subgroups
            ],
        }


def discovered(results: Results, outcome: str | None = None, most: int = 10) -> Discovered:
    """Look for subgroups.

    Args:
        outcome: a condition, a segment or a trait of numbers that they are to have more of.

    Raises:
        TooFewRows: fewer than 200 customers. DefinitionError: the outcome is neither a condition nor a number.
    """
    without: set[str] = set()
    values: exp.Expression | None = None
    if outcome is not None:
        checked = results.meant(outcome)
        if checked.type != BOOLEAN and checked.type not in NUMBERS:
            raise DefinitionError(f"{outcome} is {checked.type}", code="E104", hint="name a condition, a segment or a number")
        if results.prepared([checked.tree]) != TRAITS:
            raise DefinitionError("this has to be a trait of the results", code="E170", hint="give it a name as a trait first")
        values = results.compiler().sql(results.inlined(checked.tree))
        without = resting_on(results.catalog, {outcome, *results.read_by(checked.tree)})
    columns = readable(results, without)
    select = [quoted(KEY), *(quoted(c).as_(c, quoted=True) for c in columns)]
    if values is not None:
        select.append(values.as_("outcome asked", quoted=True))
    rows = results.engine.fetch(exp.select(*select).from_(relation(TRAITS)).order_by(quoted(KEY)), "look for segments")
    masks = members(results, rows.column(KEY))
    y = None
    if values is not None:
        held = rows.column("outcome asked")
        kind = pa.int8() if pa.types.is_boolean(held.type) else pa.float64()
        y = np.nan_to_num(np.asarray(held.cast(kind).cast(pa.float64()), float))
    columns = tuple(told_apart(rows.select(list(columns))))
    found = discover(rows.select(list(columns)), y, segments=masks, seed=SEED, most=most)
    return Discovered(outcome, found, rows.num_rows, columns)


def members(results: Results, keys: pa.ChunkedArray) -> dict[str, Any]:
    """Of each segment, a flag for each customer, in the order of their numbers."""
    names = list(results.sizes)
    if not names:
        return {}
    bits = [results.bit(name).as_(f"s{i}") for i, name in enumerate(names)]
    found = results.engine.fetch(exp.select(quoted(KEY), *bits).from_(relation(membership.BITS)).order_by(quoted(KEY)))
    assert found.column(KEY).equals(keys)
    return {name: np.asarray(found.column(f"s{i}").fill_null(False), bool) for i, name in enumerate(names)}
