"""Who is like the members of a segment: members against everybody else, by what the segment is not defined by."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from coterie.language.describe import describe
from coterie.language.format import format as format_expr
from coterie.language.tree import Expr
from coterie.models import told
from coterie.models.features import features, measures_of, named
from coterie.models.kinds.predict import end_of, keep
from coterie.models.model import Asking, Learned, Sample, Scoring, Want

MEMBER = "member"


class Lookalike:
    function = "lookalike"

    def wants(self, asking: Asking) -> Sequence[Want]:
        segment, asked = asking.call.args[0], asking.call.args[1:]
        if asked:
            inputs: Mapping[str, Expr] = {format_expr(a): a for a in asked}
        else:
            inputs = features(asking, behind(asking, segment), measures_of(asking.catalog, [segment]))
        return [Want(asking.today, inputs, {MEMBER: segment})]

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        from coterie.models.prediction.lookalike import fit_lookalike

        sample = samples[-1]
        members = np.array([v is True for v in sample.outcomes.column(MEMBER).to_pylist()], np.bool_)
        names = list(sample.inputs.column_names)
        found = fit_lookalike(
            sample.inputs,
            members,
            end_of(sample.as_of),
            segment=format_expr(asking.call.args[0]),
            seed=seed,
            names={text: describe(asking.tree(text)) for text in names},
            keep=keep(asking, names),
        )
        return told.prediction(found, names)

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        return asking.trees(names)

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        from coterie.models.prediction.applied import applied

        return applied(parameters)


def behind(asking: Asking, segment: Expr) -> set[str]:
    """The names that a segment is made of, directly or not: what is like them says the rule again."""
    found: set[str] = set()
    left = named([segment])
    while left:
        name = left.pop()
        found.add(name)
        if name in asking.catalog.definitions:
            left |= asking.catalog.definitions[name].checked.uses - found
    return found
