"""Measures taken from folded scans as they are, laid beside the customers by their numbers.

A rule that compares measures with fixed values needs no table of traits: where a measure is a plain number of a scan that the
engine folds, it stands in an array in the order of the customers' numbers. Only what rules ask of the customers' own columns
is then asked of the engine. Where any rule needs more, all are answered from the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.engine.folding import Folded
from coterie.engine.scans import Scan
from coterie.segments.compared import WHOLE, Known, number_of
from coterie.segments.membership import Rules
from coterie.traits.batch import KEY, Batch, relation

Place = tuple[int, bool]
"""A primitive of a scan, and whether nothing is 0 there."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What rules read: columns that a query of the customers gives, and columns of folded scans."""

    query: exp.Select
    taken: Sequence[tuple[Folded, Mapping[str, Place]]]

    def asked(self, engine: Engine, about: str = "memberships") -> pa.Table:
        """The rows of the query, sorted by the customers' numbers."""
        rows = engine.fetch(self.query, about).combine_chunks()
        keys = rows.column(KEY).to_numpy()
        return rows if (keys[1:] > keys[:-1]).all() else rows.take(np.argsort(keys, kind="stable"))

    def of(self, rows: pa.RecordBatch) -> dict[str, Known]:
        """The columns of the scans for some rows of the query, which are sorted by the customers' numbers."""
        keys = rows.column(KEY).to_numpy()
        out: dict[str, Known] = {}
        for folded, places in self.taken:
            found = folded.at(keys, [place for place, _ in places.values()])
            for (name, (_, zero)), (values, known) in zip(places.items(), found, strict=True):
                out[name] = values, None if zero else known
        return out


def beside(engine: Engine, batch: Batch, compiled: Rules) -> Beside | None:
    """How rules over a batch's table are answered without it; None where they read more than numbers of folded scans and
    what the customers came with, or something is to be learned on the way."""
    if batch.fits or any(step.score for step in batch.steps):
        return None
    types = {name: type_ for c in compiled.compared.values() for name, type_ in c.columns.items()}
    scans: dict[int, Scan | None] = {}
    taken: dict[int, dict[str, Place]] = {}
    for name, type_ in types.items():
        scanned = batch.scanned.get(name)
        if scanned is None:
            continue
        place = id(scanned.scan)
        if place not in scans:
            scans[place] = engine.foldable(scanned.scan)
        scan = scans[place]
        number = None if scan is None else scan.number(scanned.column, WHOLE[type_])
        if number is None or number[1] != scanned.zero:
            return None
        taken.setdefault(place, {})[name] = number
    ours = {number_of(name) for places in taken.values() for name in places}
    asked = [p for p in compiled.query.expressions if p.alias_or_name not in ours]
    if any(column.name in batch.made for p in asked for column in p.find_all(exp.Column)):
        return None
    folded = [(engine.folded(scan), taken[place]) for place, scan in scans.items() if scan is not None]
    found = [(f, places) for f, places in folded if f is not None]
    if len(found) < len(folded):
        return None
    query = exp.select(*(p.copy() for p in asked), copy=False).from_(relation(batch.base), copy=False)
    return Beside(query, found)
