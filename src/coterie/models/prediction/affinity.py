"""What a customer is interested in now: events by category, each counting half as much after every half-life.

A score is Σ weight · 2^(−age / half life) over the events of a category. Scores decay alike, so a score as of one day is
that of another day times one factor, and new events are just added: no event need be read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coterie.core.errors import Degenerate, ModelError, NotFitted
from coterie.models.prediction.training import Floats, Integers

VERSION = 1
KEPT = 50


@dataclass(frozen=True, slots=True)
class Affinity:
    """What is kept of a fit.

    Attributes:
        half_life: in days.
        categories: those that have scores, the most weight first.
        typical: the share of all weight that each has, all others last; a customer's lift is measured by it.
    """

    half_life: float
    categories: tuple[str, ...]
    typical: tuple[float, ...]

    def decayed(self, age: Floats, weight: Floats | None = None) -> Floats:
        """What events count, by age in days (≥ 0) and weight (1 where none is given)."""
        counts = np.exp2(-age / self.half_life)
        return np.asarray(counts if weight is None else counts * weight)

    def places(self, categories: npt.NDArray[Any]) -> Integers:
        """The place of each event's category; one further for others and missing ones."""
        place = {name: i for i, name in enumerate(self.categories)}
        texts, where = np.unique(["" if c is None else str(c) for c in categories.tolist()], return_inverse=True)
        return np.asarray(np.asarray([place.get(str(t), len(place)) for t in texts], np.int64)[where])

    def scores(
        self, customers: Integers, n: int, categories: npt.NDArray[Any], age: Floats, weight: Floats | None = None
    ) -> Floats:
        """Scores of n customers, one column a category, all others last.

        Args:
            customers: 0 … n − 1 for each event.
            age: days from each event to as_of; later ones (negative) are not counted.
        """
        past = age >= 0
        width = len(self.categories) + 1
        counts = np.where(past, self.decayed(np.maximum(age, 0), weight), 0.0)
        cells = customers * width + self.places(categories)
        return np.asarray(np.bincount(cells, counts, minlength=n * width).reshape(n, width), np.float64)

    def shares(self, scores: Floats) -> Floats:
        """Scores as shares of a customer's total; NaN where nothing counts any more."""
        total = scores.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(scores, total, out=np.full_like(scores, np.nan), where=total > 0))

    def later(self, scores: Floats, days: float) -> Floats:
        """The same scores so many days later, without new events."""
        return np.asarray(scores * np.exp2(-days / self.half_life))

    def best(self, scores: Floats) -> list[str | None]:
        """The category each customer is most interested in; None where nothing counts."""
        own = scores[:, :-1]
        if not own.shape[1]:
            return [None] * len(scores)
        place, found = own.argmax(axis=1), own.max(axis=1)
        return [self.categories[p] if f > 0 else None for p, f in zip(place.tolist(), found.tolist(), strict=True)]

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "half_life": self.half_life,
            "categories": list(self.categories),
            "typical": list(self.typical),
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Affinity":
        """From plain values. Raises NotFitted where a newer version wrote them."""
        if found["version"] > VERSION:
            raise NotFitted("this affinity was fitted by a newer coterie", hint="use the newer version, or fit again")
        return Affinity(found["half_life"], tuple(found["categories"]), tuple(found["typical"]))


def fit_affinity(
    categories: npt.NDArray[Any],
    age: Floats,
    *,
    half_life: float,
    weight: Floats | None = None,
    kept: Sequence[str] | int = KEPT,
) -> Affinity:
    """Choose the categories that have scores: those named, or those with the most weight as of now.

    Args:
        categories: of each event; None is missing.
        age: days from each event to as_of; negative ones are not counted.

    Raises:
        ModelError: the half-life is not a positive number of days.
        Degenerate: no event has a category.
    """
    if not half_life > 0:
        raise ModelError(f"a half life of {half_life:g} days", hint="a positive number of days, such as 60 days")
    texts = np.asarray(["" if c is None else str(c) for c in categories.tolist()])
    counted = (age >= 0) & (texts != "")
    if not counted.any():
        raise Degenerate("no event before as_of has a category", hint="name a column that is filled")
    names, where = np.unique(texts[counted], return_inverse=True)
    counts = Affinity(half_life, (), ()).decayed(age[counted], None if weight is None else weight[counted])
    totals = np.bincount(where, counts)
    order = np.lexsort((names, -totals))
    chosen = tuple(str(names[i]) for i in order[:kept]) if isinstance(kept, int) else tuple(kept)
    by_name = dict(zip(names.tolist(), totals.tolist(), strict=True))
    whole = float(totals.sum()) or 1.0
    shares = [by_name.get(name, 0.0) / whole for name in chosen]
    return Affinity(half_life, chosen, (*shares, max(0.0, 1.0 - sum(shares))))
