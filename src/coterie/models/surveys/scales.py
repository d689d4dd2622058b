"""Scales from the items of a survey: reverse-scored items, a score for each respondent, Cronbach's alpha.

Sources: Cronbach, "Coefficient alpha and the internal structure of tests" (Psychometrika 16, 1951), from covariances over the
respondents who answered both items, as in `alpha` of the R package psych.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.core.errors import Degenerate
from coterie.core.words import counted

Floats = npt.NDArray[np.float64]

ANSWERED = 0.5
"""A respondent has a score where they answered at least this share of a scale's items."""
AGAINST = -0.1
"""An item that correlates less than this with the others goes against them."""
GOOD, POOR = 0.7, 0.6
"""Alpha from which a scale is usual, and below which its items hardly measure one thing."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Items that measure one thing.

    Attributes:
        name: what it is called.
        items: the columns of its answers; reversed: those among them that are scored the other way round.
        low, high: the lowest and the highest answer there is.
    """

    name: str
    items: tuple[str, ...]
    reversed: tuple[str, ...]
    low: float
    high: float

    def answers(self, table: pa.Table) -> Floats:
        """Answers, respondents × items, NaN where none: reversed where they are to be; what lies outside low … high is none."""
        columns = [_floats(table[item]) for item in self.items]
        turned = [self.low + self.high - x if item in self.reversed else x for item, x in zip(self.items, columns, strict=True)]
        x = np.stack(turned, axis=1)
        return np.where((x >= self.low) & (x <= self.high), x, np.nan)

    def scores(self, table: pa.Table) -> Floats:
        """Each respondent's score: the mean of the items answered, NaN where fewer than half are."""
        x = self.answers(table)
        total, answered = np.zeros(len(x)), np.zeros(len(x))
        # Item by item, so that one respondent gets the same bits as many.
        for column in x.T:
            known = ~np.isnan(column)
            total += np.where(known, column, 0)
            answered += known
        enough = answered >= ANSWERED * x.shape[1]
        return np.where(enough & (answered > 0), total / np.maximum(answered, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far the items of a scale measure one thing.

    Attributes:
        alpha: Cronbach's alpha.
        without: alpha of the scale without each item; for two items none.
        towards: each item's correlation with the sum of the others; well below 0 it should probably be reversed.
        respondents: how many have a score.
        notes: what to know, in words.
    """

    alpha: float
    without: Mapping[str, float]
    towards: Mapping[str, float]
    respondents: int
    notes: tuple[str, ...]


def scored(table: pa.Table, scales: Sequence[Scale]) -> pa.Table:
    """A column of scores for each scale, missing where too few items were answered."""
    return pa.table({scale.name: pa.array(scale.scores(table), from_pandas=True) for scale in scales})


def reliability(scale: Scale, table: pa.Table) -> Reliability:
    """How reliable a scale is on these answers.

    Raises:
        Degenerate: fewer than two items, or an item nobody or everybody alike has answered.
    """
    x = scale.answers(table)
    if len(scale.items) < 2:
        raise Degenerate(f"{scale.name} has one item: reliability takes two", hint="give the scale more items")
    for item, column in zip(scale.items, x.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known) < 2 or known.min() == known.max():
            raise Degenerate(f"all answers to {item} are alike or missing", hint=f"leave {item} out of {scale.name}")
    among = covariances(x)
    items = range(len(scale.items))
    found = alpha(among)
    without = {scale.items[j]: round(alpha(np.delete(np.delete(among, j, 0), j, 1)), 4) for j in items if len(scale.items) > 2}
    towards = {scale.items[j]: round(_towards_rest(among, j), 4) for j in items}
    notes = []
    quality = "usual" if found >= GOOD else "low" if found >= POOR else "too low: its items hardly measure one thing"
    notes.append(f"{scale.name}: Cronbach's alpha {found:.2f} over {counted(len(scale.items), 'item')}, {quality}.")
    notes += [f"{item} goes against the others: should it be reversed?" for item, r in towards.items() if r < AGAINST]
    better = [item for item, value in without.items() if value > found + 0.01 and towards[item] >= AGAINST]
    notes += [f"Without {item} alpha would be {without[item]:.2f}." for item in better]
    respondents = int((~np.isnan(scale.scores(table))).sum())
    return Reliability(round(found, 6), without, towards, respondents, tuple(notes))


def alpha(covariance: Floats) -> float:
    """Cronbach's alpha from the covariances of items."""
    k, total = len(covariance), float(covariance.sum())
    return k / (k - 1) * (1 - float(np.trace(covariance)) / total) if total > 0 else 0.0


def covariances(x: Floats) -> Floats:
    """Covariances of columns, each over the rows where both are known."""
    known = (~np.isnan(x)).astype(float)
    filled = np.where(np.isnan(x), 0, x)
    n = known.T @ known
    sums = filled.T @ known
    return np.asarray((filled.T @ filled - sums * sums.T / np.maximum(n, 1)) / np.maximum(n - 1, 1))


def _towards_rest(covariance: Floats, item: int) -> float:
    """The correlation of an item with the sum of the others."""
    rest = np.delete(np.arange(len(covariance)), item)
    spread = covariance[item, item] * covariance[np.ix_(rest, rest)].sum()
    return float(covariance[item, rest].sum() / np.sqrt(spread)) if spread > 0 else 0.0


def _floats(values: pa.ChunkedArray) -> Floats:
    return np.asarray(pc.fill_null(pc.cast(values, pa.float64(), safe=False), float("nan")).to_numpy(), np.float64)
