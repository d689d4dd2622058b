"""Groups that were found, as plain values: what they are called, where they lie, how they were found, and how to tell a new
customer's. Scoring needs NumPy alone, and adds column by column, so that one row gets the same bits as a million."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from coterie.models.clusters.choice import Tried
from coterie.models.clusters.columns import Encoding
from coterie.models.clusters.identity import Change
from coterie.models.clusters.naming import Trait
from coterie.models.clusters.prototypes import Floats
from coterie.models.versions import readable

VERSION = 1
OUTLIER = "outlier"
AT_ONCE = 50_000
STEPS = tuple(round(0.05 * j, 2) for j in range(21))
"""The shares at which a group's distances are kept, for `typicality`."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group.

    Attributes:
        key: its number, which stays over refits; name: what it is called.
        size, share: how many customers of the fit are in it, and of all what share.
        centre: in the columns of the encoding's matrix.
        distances: of its members from the centre, at `STEPS`.
        reach: who is farther from the centre than this is an outlier.
        typical: in its own words and units, column → median or commonest value.
        traits: what sets it apart, the strongest first.
        stability: how much of it is found again in halves of the customers (mean best overlap, Hennig 2007).
    """

    key: int
    name: str
    size: int
    share: float
    centre: tuple[float, ...]
    distances: tuple[float, ...]
    reach: float
    typical: Mapping[str, Any]
    traits: tuple[Trait, ...]
    stability: float


@dataclass(frozen=True, slots=True)
class Fit:
    """Groups of customers, and everything that is needed to tell a customer's.

    Attributes:
        encoding: how a row becomes numbers.
        groups: by key; none where there are no groups, which `notes` then say.
        tried: every number of groups that was looked at; `chosen` is the one taken, 0 for none.
        separation: mean silhouette width; stability: adjusted Rand index between halves; explained: the share of the variance
            that lies between groups.
        outliers, unknown: how many customers belong to no group, as too far from all, or as nothing is known of them.
        population: how many customers it was learned from; seed: what it was drawn with.
        notes: what was done and found, in words.
        next_key: the first key that no group ever had.
        changes, moved: against the fit before it, if there was one.
    """

    encoding: Encoding
    groups: tuple[Group, ...]
    tried: tuple[Tried, ...]
    chosen: int
    separation: float
    stability: float
    explained: float
    outliers: int
    unknown: int
    population: int
    seed: int
    notes: tuple[str, ...]
    next_key: int
    changes: tuple[Change, ...] = ()
    moved: float = 0.0

    def score(self, table: pa.Table) -> pa.Table:
        """Tell each row's group.

        Returns:
            A row for each row, with
            label: the group's name, `outlier`, or missing where there are no groups or nothing is known of the customer.
            key: the group's number; 0 for an outlier.
            distance: from the centre of the nearest group, in robust standard deviations.
            margin: 0 … 1, how much nearer that is than the next group: 1 − nearest / next.
            typicality: 0 … 1, the share of the group's members that lie farther from its centre.
        """
        n, k = table.num_rows, len(self.groups)
        if not k:
            kinds = {"label": pa.string(), "key": pa.int64(), "distance": pa.float64(), "margin": pa.float64()}
            return pa.table({name: pa.nulls(n, kind) for name, kind in (kinds | {"typicality": pa.float64()}).items()})
        distance = np.sqrt(distances(self.encoding, table, np.array([group.centre for group in self.groups])))
        nearest = distance.argmin(axis=0)
        rows = np.arange(n)
        own = distance[nearest, rows]
        distance[nearest, rows] = np.inf
        following = distance.min(axis=0)
        margin = np.where(np.isfinite(following) & (following > 0), 1 - own / np.where(following > 0, following, 1), 1.0)
        margin = np.where(following > 0, margin, 0.0)
        typicality = np.empty(n)
        far = np.zeros(n, bool)
        for j, group in enumerate(self.groups):
            here = nearest == j
            typicality[here] = 1 - np.interp(own[here], group.distances, STEPS)
            far[here] = own[here] > group.reach
        known = ~self.encoding.nothing_known(table)
        labels = np.array([*(g.name for g in self.groups), OUTLIER], object)[np.where(far, k, nearest)]
        keys = np.where(far, 0, np.array([g.key for g in self.groups])[nearest])
        return pa.table(
            {
                "label": pa.array(labels, pa.string(), mask=~known),
                "key": pa.array(keys, pa.int64(), mask=~known),
                "distance": pa.array(own, mask=~known),
                "margin": pa.array(margin, mask=~known),
                "typicality": pa.array(typicality, mask=~known),
            }
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"version": VERSION, "encoding": self.encoding.to_json()}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Fit":
        """The fit that `to_json` wrote.

        Raises:
            NotFitted: it was written by a newer version.
        """
        values = readable(found, VERSION, "these groups were")
        groups = tuple(
            Group(
                **{
                    **g,
                    "centre": tuple(g["centre"]),
                    "distances": tuple(g["distances"]),
                    "traits": tuple(Trait(**t) for t in g["traits"]),
                }
            )
            for g in values["groups"]
        )
        changes = tuple(Change(c["what"], tuple(c["before"]), tuple(c["after"]), c["shared"]) for c in values["changes"])
        made = {
            "encoding": Encoding.from_json(values["encoding"]),
            "groups": groups,
            "tried": tuple(Tried(**t) for t in values["tried"]),
            "changes": changes,
            "notes": tuple(values["notes"]),
        }
        return Fit(**(values | made))


def distances(encoding: Encoding, table: pa.Table, centres: Floats) -> Floats:
    """k × n squared distances, added column by column: a product of matrices would round one row otherwise than many."""
    found = np.zeros((len(centres), table.num_rows))
    for start in range(0, table.num_rows, AT_ONCE):
        part = table.slice(start, AT_ONCE)
        sums = found[:, start : start + part.num_rows]
        for values, places in zip(np.ascontiguousarray(encoding.matrix(part).T), centres.T, strict=True):
            for j, place in enumerate(places):
                sums[j] += (values - place) ** 2
    return found
