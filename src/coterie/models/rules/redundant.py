"""Columns that say the same: of age and birth date one is enough, or every subgroup would be found that is true by definition.

Two columns say the same where knowing one leaves little of the other open: the mutual information of their tenths (or levels)
is more than half of the smaller one's entropy (Cover and Thomas, Elements of Information Theory, 2006, section 2.3).
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SAME = 0.5
PARTS = 10
LOOKED_AT = 5_000

Codes = npt.NDArray[np.int64]


def told_apart(table: pa.Table) -> list[str]:
    """The columns that say something of their own, each only where no earlier one says it already.

    Args:
        table: a row a customer; columns of numbers, truths, texts, dates and times are compared, others are kept.
    """
    some = table.slice(0, LOOKED_AT)
    kept: list[tuple[str, Codes]] = []
    out = []
    for name in table.column_names:
        codes = _codes(some.column(name))
        if codes is None:
            out.append(name)
            continue
        if all(_shared(codes, other) <= SAME for _, other in kept):
            kept.append((name, codes))
            out.append(name)
    return out


def _codes(values: pa.ChunkedArray) -> Codes | None:
    """The place of each value among the tenths of numbers and dates, or among levels; one further for a missing one."""
    kind = values.type
    if pa.types.is_list(kind):
        return None
    if pa.types.is_string(kind) or pa.types.is_boolean(kind):
        held = pc.dictionary_encode(values.combine_chunks().cast(pa.string()))
        found = np.asarray(held.indices.fill_null(len(held.dictionary)), np.int64)
        return found if len(held.dictionary) <= PARTS**2 else np.arange(len(found))
    if pa.types.is_temporal(kind):
        values = values.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64())
    x = np.asarray(values.cast(pa.float64()), np.float64)
    known = x[~np.isnan(x)]
    if not len(known):
        return np.zeros(len(x), np.int64)
    edges = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS))
    return np.where(np.isnan(x), len(edges) + 1, edges.searchsorted(x, side="right"))


def _shared(a: Codes, b: Codes) -> float:
    """The mutual information of two columns as a share of the smaller entropy; 0 where one says nothing."""
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1.0)
    joint /= len(a)
    one, other = joint.sum(axis=1), joint.sum(axis=0)
    h = [-float((p[p > 0] * np.log(p[p > 0])).sum()) for p in (one, other)]
    both = -float((joint[joint > 0] * np.log(joint[joint > 0])).sum())
    return (sum(h) - both) / min(h) if min(h) > 0 else 0.0
