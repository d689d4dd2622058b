"""Groups of customers who are alike: `clusters(age, income, orders_90d)`, of numbers, texts, truths and sets.

How many groups there are is found, or given by `groups:`. A refit keeps the key and the name of a group that is the same.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from coterie.core.errors import Degenerate
from coterie.core.words import counted
from coterie.language.format import format as format_expr
from coterie.language.tree import Expr
from coterie.models.model import Asking, Learned, Quality, Sample, Scoring, Want

if TYPE_CHECKING:
    from coterie.models.clusters.fitted import Fit


class Clusters:
    function = "clusters"

    def wants(self, asking: Asking) -> Sequence[Want]:
        return [Want(asking.today, {format_expr(a): a for a in asking.call.args})]

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        from coterie.models.clusters.fitted import Fit
        from coterie.models.clusters.fitting import fit

        table = samples[-1].inputs
        asked = dict(asking.call.settings).get("groups")
        groups = None if asked is None else int(str(asked))
        if groups is not None and not 2 <= groups <= 50:
            raise Degenerate(
                f"{groups} groups cannot be made", hint="`groups:` is a number from 2 to 50; leave it out to have it found"
            )
        earlier = None if before is None else Fit.from_json(before)
        if earlier is not None and not set(names_of(earlier)) <= set(table.column_names):
            earlier = None  # learned from other traits
        return told_of(fit(table, seed=seed, groups=groups, before=earlier), table.column_names)

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        return asking.trees(names)

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        from coterie.models.clusters.fitted import Fit

        fit = Fit.from_json(parameters)

        def score(rows: pa.Table, _as_of: datetime) -> Mapping[str, pa.Array]:
            found = fit.score(rows)
            return {"": found.column("label"), "key": found.column("key"), "typicality": found.column("typicality")}

        return score


def names_of(fit: "Fit") -> list[str]:
    """The columns that a fit learned from."""
    return [column.name for column in fit.encoding.columns]


def told_of(fit: "Fit", inputs: Sequence[str]) -> Learned:
    """What the groups are, how far apart, and whether they are found again."""
    groups = [
        {"key": g.key, "name": g.name, "customers": g.size, "share": g.share, "found_again": g.stability}
        for g in sorted(fit.groups, key=lambda g: -g.size)
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        "groups": groups,
        "tried": [
            {"groups": t.groups, "separation": t.separation, "stability": t.stability, "chosen": t.groups == fit.chosen}
            for t in fit.tried
        ],
        "changes": [{"what": c.what, "before": list(c.before), "after": list(c.after), "shared": c.shared} for c in fit.changes],
    }
    if not fit.groups:
        why = fit.notes[-1] if fit.notes else ""
        return Learned(fit.to_json(), inputs, f"There are no groups. {why}", (), None, fit.notes, tables)
    alone = counted(fit.outliers, "customer is like none of them", "customers are like none of them")
    words = f"{len(fit.groups)} groups, found again in halves of the customers with an agreement of {fit.stability:.2f} of 1."
    words += f" {alone}." if fit.outliers else ""
    quality = [
        Quality("separation (silhouette)", fit.separation),
        Quality("stability (adjusted Rand between halves)", fit.stability),
        Quality("differences that lie between groups", fit.explained),
    ]
    return Learned(fit.to_json(), inputs, words, quality, fit.separation, fit.notes, tables)
