"""Who is like the members of a segment: members against the rest of the population, by the same models as predictions.

The rest is not a group of people who are unlike members; it holds those who are looked for. So a score is not the
probability of being a member but a ranking of likeness (Elkan, Noto: Learning classifiers from only positive and unlabeled
data, KDD 2008): the order is right as long as the members known are drawn from all who are like them.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from coterie.core.errors import Degenerate, TooFewRows
from coterie.models.prediction.fitted import Fit, fit
from coterie.models.prediction.training import Flags, Sample

ENOUGH_MEMBERS = 50
CAVEAT = (
    "This is likeness, not membership: those who are not in the segment are taken as unlike it, though some of them are whom"
    " you look for. The order can be used; the number is no probability of joining."
)


def fit_lookalike(
    table: pa.Table,
    members: Flags,
    as_of: datetime,
    *,
    segment: str,
    seed: int,
    names: Mapping[str, str] | None = None,
    keep: Collection[str] = (),
) -> Fit:
    """Fit likeness to a segment's members.

    Args:
        table: the population, one row a customer; without the features that the segment is defined by, or else the score
            says the definition again (they are refused as leaks where they tell it perfectly).
        members: who is in the segment.

    Raises:
        TooFewRows: fewer than 50 members. Degenerate: everybody is one, or no feature is left.
    """
    count = int(members.sum())
    if count < ENOUGH_MEMBERS:
        raise TooFewRows(
            f"{segment} has {count:,} members, too few to say what they have in common",
            hint=f"at least {ENOUGH_MEMBERS} are needed: widen the segment",
        )
    if count == len(members):
        raise Degenerate(f"everybody is in {segment}: nobody is left to look for", hint="narrow the segment")
    sample = Sample(as_of, table, np.asarray(members, np.bool_))
    found = fit([sample], kind="classification", seed=seed, names=names, happens=f"are in {segment}", keep=keep)
    refused = [w for w in found.warnings if "is left out" in w]
    defined = [f"Features left out here are most likely what {segment} is defined by."] if refused else []
    return replace(found, warnings=(*found.warnings, *defined, CAVEAT))
