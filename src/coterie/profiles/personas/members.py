"""Customers who stand for a group, and such as stand at its edge; told as the medians of ten, so that nobody is told of alone."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from coterie.profiles.intervals import Floats
from coterie.profiles.personas.figures import Bools

TEN = 10
FARTHEST = 3.0
"""No single trait counts for more than so many spreads: a customer is not extreme by one slip of the pen."""


def kinds(traits: Mapping[str, Floats], inside: Bools, directions: Mapping[str, float]) -> dict[str, npt.NDArray[np.intp]]:
    """The rows of the ten that are nearest to a group's medians, and of the ten furthest in what sets the group apart.

    Each trait is measured in spreads of the group (half the distance between its quartiles, else its standard deviation);
    a value that is not known counts as the median.

    Args:
        traits: numbers of all customers, NaN where not known; inside: who is in.
        directions: of traits that set the group apart, whether members have more (> 0) or less; where there are none, all
            count as more.

    Returns:
        Rows of `typical` and of `extreme`; nothing for fewer than three times ten members or without a trait that varies.
    """
    rows = np.flatnonzero(inside)
    if len(rows) < 3 * TEN:
        return {}
    near, far = np.zeros(len(rows)), np.zeros(len(rows))
    varied = False
    for name, values in traits.items():
        own = values[rows]
        known = own[~np.isnan(own)]
        if len(known) < TEN:
            continue
        low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
        spread = (high - low) / 2 or float(known.std())
        if not spread:
            continue
        varied = True
        away = np.clip(np.nan_to_num((own - middle) / spread, nan=0.0), -FARTHEST, FARTHEST)
        near += np.abs(away)
        far += away * np.sign(directions.get(name, 0.0) if directions else 1.0)
    if not varied:
        return {}
    return {"typical": rows[np.argsort(near, kind="stable")[:TEN]], "extreme": rows[np.argsort(-far, kind="stable")[:TEN]]}


def medians(traits: Mapping[str, Floats], rows: npt.NDArray[np.intp]) -> dict[str, float]:
    """The median of each trait over some customers, of those that are known of at least half of them."""
    out = {}
    for name, values in traits.items():
        known = values[rows][~np.isnan(values[rows])]
        if 2 * len(known) >= len(rows) > 0:
            out[name] = float(np.median(known))
    return out


def telling(found: Sequence[str], ranked: Mapping[str, Floats], told: Collection[str], most: int, alike: float = 0.6) -> list[str]:
    """The first of some columns, without those that say the same as an earlier one, or as what is told already.

    Args:
        found: columns, the most telling first; those that are no numbers are kept.
        ranked: of columns of numbers and days their `ranks`; told: columns that have been spoken of.
        alike: from this correlation of ranks on, two columns say the same.
    """
    kept: list[str] = []
    before = [ranked[name] for name in told if name in ranked]
    for name in found:
        if name in kept or name in told:
            continue
        if name in ranked:
            own = ranked[name]
            if any(abs(_correlation(own, other)) >= alike for other in before):
                continue
            before.append(own)
        kept.append(name)
        if len(kept) == most:
            break
    return kept


def ranks(values: Floats) -> Floats:
    """Places in the order of a column, ties at their mean; the middle where not known."""
    known = ~np.isnan(values)
    _, back, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    places = np.cumsum(counts) - (counts + 1) / 2
    out = np.zeros(len(values))
    if len(counts):
        out[known] = places[back] - places[back].mean()
    return out


def _correlation(a: Floats, b: Floats) -> float:
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size else 0.0
