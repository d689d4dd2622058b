"""From a table to a fit: learn the columns, weigh them, choose the number of groups, find them, set outliers aside, name them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.core.errors import Degenerate, TooFewRows
from coterie.core.words import counted
from coterie.models.clusters.choice import GROUPS, Tried, best, choose, explained, silhouette, weights
from coterie.models.clusters.columns import Category, Encoding, Items, Number, learn
from coterie.models.clusters.fitted import STEPS, Fit, Group, distances
from coterie.models.clusters.identity import Identity, first_keys, kept_keys
from coterie.models.clusters.naming import names, traits, unused
from coterie.models.clusters.prototypes import CLOSELY, Floats, Labels, Matrix, assign, prototypes, settle

FEWEST = 30
"""Customers that groups can be found in."""
EACH = 20
"""So many customers looked at there are for each group, on average."""
LOOKED_AT = 3_000
"""Customers on whom columns are weighed, the number of groups is chosen and the separation is taken."""
LOOK = 0
"""The seed of what should not depend on a seed."""
FARTHEST = 5.0
"""How many robust standard deviations a number may pull a centre."""
SINGLE = 100_000
"""More rows than this are looked at in single precision."""
SMALLEST = 0.005
"""A group of a smaller share of the customers is none: they are outliers."""
MEMBERS = 20_000
"""Of a larger group, the typical values are those of so many of its members."""
HALVINGS = 4

Flags = npt.NDArray[np.bool_]


def fit(
    table: pa.Table,
    *,
    seed: int = 0,
    groups: int | None = None,
    before: Fit | None = None,
    keys_before: pa.ChunkedArray | pa.Array | None = None,
) -> Fit:
    """Find groups of customers.

    Args:
        table: one row a customer; columns of numbers, booleans, texts, lists of texts, dates and times, missing values allowed.
        seed: what the groups start from; how many there are and how columns count does not depend on it.
        groups: how many; None: found (2 … 12), or that there are none.
        before: the fit that this one follows: groups that are the same keep their keys and names.
        keys_before: each row's key at that fit, missing for customers who are new; None: what that fit says of them today.

    Raises:
        TooFewRows: fewer than 30 customers.
        Degenerate: no column tells one customer from another.
    """
    n = table.num_rows
    if n < FEWEST:
        message = f"groups need at least {FEWEST} customers, and there are {n:,}"
        raise TooFewRows(message, hint="take more customers, or fewer conditions")
    plain = learn(table)
    if not plain.columns:
        raise Degenerate("no column tells one customer from another", hint=" ".join(plain.notes))
    unknown = plain.nothing_known(table)
    known = np.flatnonzero(~unknown)
    some = pa.array(np.sort(np.random.default_rng(LOOK).choice(known, min(len(known), LOOKED_AT), replace=False)))
    encoding, tried = _looked_at(table.take(some), plain, groups)
    chosen = best(tried, before.chosen if before else 0) if groups is None else tried[0]
    empty = Fit(
        encoding=encoding,
        groups=(),
        tried=tried,
        chosen=0,
        separation=0.0,
        stability=0.0,
        explained=0.0,
        outliers=0,
        unknown=int(unknown.sum()),
        population=n,
        seed=seed,
        notes=encoding.notes,
        next_key=before.next_key if before else 1,
    )
    if chosen is None:
        return replace(empty, notes=(*encoding.notes, _no_groups(tried)))
    x = encoding.matrix(table, np.float32 if n > SINGLE else np.float64)
    centres = _centres(np.clip(x[known], -FARTHEST, FARTHEST), x[known], encoding, chosen.groups, seed)
    labels, distance, reach = _labels(distances(encoding, table, centres), ~unknown)
    inside = labels >= 0
    identity = _identity(before, _keys(before, table, keys_before), empty.next_key, x, labels, len(centres))
    told = traits(x[inside], labels[inside], encoding, len(centres))
    called = _called(names(told), identity, before)
    again = _found_again(np.clip(encoding.matrix(table.take(some)), -FARTHEST, FARTHEST), encoding, centres, seed)
    found = [
        Group(
            key=identity.keys[j],
            name=called[j],
            size=int((labels == j).sum()),
            share=float((labels == j).mean()),
            centre=tuple(float(v) for v in centres[j]),
            distances=tuple(float(v) for v in np.quantile(distance[labels == j], STEPS)),
            reach=float(reach[j]),
            typical=_typical(encoding, table, np.flatnonzero(labels == j)),
            traits=told[j],
            stability=again[j],
        )
        for j in range(len(centres))
    ]
    outliers = int((~inside & ~unknown).sum())
    seen = np.random.default_rng(seed).permutation(np.flatnonzero(inside))[:LOOKED_AT]
    return replace(
        empty,
        groups=tuple(sorted(found, key=lambda group: group.key)),
        chosen=len(centres),
        separation=silhouette(np.asarray(x[seen], np.float64), labels[seen]),
        stability=chosen.stability,
        explained=float(np.average(explained(x[inside], labels[inside], encoding))),
        outliers=outliers,
        notes=(*encoding.notes, *_outcome(chosen, groups, outliers)),
        next_key=max(identity.keys) + 1 if before is None else max(before.next_key, *(key + 1 for key in identity.keys)),
        changes=identity.changes,
        moved=identity.moved,
    )


def _looked_at(some: pa.Table, plain: Encoding, groups: int | None) -> tuple[Encoding, tuple[Tried, ...]]:
    """What is learned from some customers: the weights of columns, and how good each number of groups is."""
    few = np.clip(plain.matrix(some), -FARTHEST, FARTHEST)
    most = min(len(np.unique(few, axis=0)), len(few) // EACH)
    tries = [k for k in GROUPS if k <= most] or [2]
    encoding = plain.weighted(weights(few, plain, seed=LOOK, groups=tries))
    encoding = encoding.noting(*_weighing(plain, encoding))
    few = np.clip(encoding.matrix(some), -FARTHEST, FARTHEST)
    return encoding, choose(few, encoding, seed=LOOK, groups=tries if groups is None else [groups])


def _centres(held: Matrix, x: Matrix, encoding: Encoding, groups: int, seed: int) -> Floats:
    """The centres of groups of some size, in the order of their first keys; who lies far out has no say."""
    blocks = encoding.blocks()
    centres = prototypes(held, groups, seed=seed, blocks=blocks, settled=CLOSELY).centres
    labels, squared = assign(x, centres)
    sizes = np.bincount(labels, minlength=groups)
    centres = centres[sizes >= min(SMALLEST * len(x), sizes.max())]
    labels, squared = assign(x, centres)
    distance = np.sqrt(squared)
    inside = distance <= np.array([_reach(distance[labels == j]) for j in range(len(centres))])[labels]
    if not inside.all():
        centres = settle(held[inside], centres, blocks, CLOSELY).centres
    return centres[np.argsort(first_keys(centres))]


def _labels(squared: Floats, known: Flags) -> tuple[Labels, Floats, Floats]:
    """Each row's group (−1: outlier, or nothing known), its distance from the centre, and how far each group reaches."""
    labels = squared.argmin(axis=0).astype(np.int16)
    distance = np.sqrt(squared.min(axis=0))
    reach = np.array([_reach(distance[known & (labels == j)]) for j in range(len(squared))])
    labels[~known | (distance > reach[labels])] = -1
    return labels, distance, reach


def _reach(distance: Floats) -> float:
    """How far a group reaches: three quartile ranges above the third quartile (Tukey's outer fence), but at least twice as far as
    nine tenths of it, since a rare level of a category is no reason to be an outlier."""
    if not len(distance):
        return 0.0
    first, third, ninth = (float(q) for q in np.quantile(distance, [0.25, 0.75, 0.9]))
    return max(third + 3 * (third - first), 2 * ninth) or float(distance.max())


def _keys(before: Fit | None, table: pa.Table, keys_before: pa.ChunkedArray | pa.Array | None) -> npt.NDArray[np.int64] | None:
    """Each row's old key, 0 for none; None where nothing is known of the groups before."""
    if before is None or not before.groups:
        return None
    if keys_before is None:
        if not set(before.encoding.names) <= set(table.column_names):
            return None
        keys_before = before.score(table)["key"]
    return np.asarray(pc.fill_null(keys_before, 0).to_numpy(zero_copy_only=False), np.int64)


def _identity(before: Fit | None, old: npt.NDArray[np.int64] | None, next_key: int, x: Matrix, labels: Labels, k: int) -> Identity:
    """Whether each group is one of before; where none is known, keys in the order of centres."""
    if before is None or old is None:
        return Identity(tuple(range(next_key, next_key + k)), (), 0.0)
    return kept_keys(old, labels, x, k, [group.key for group in before.groups], next_key)


def _called(fresh: Sequence[str], identity: Identity, before: Fit | None) -> tuple[str, ...]:
    """A group that goes on keeps its name; a new one takes one that no other has."""
    old = {group.key: group.name for group in before.groups} if before else {}
    taken = [old[key] for key in identity.keys if key in old]
    called = []
    for key, name in zip(identity.keys, fresh, strict=True):
        called.append(old[key] if key in old else unused(name, taken))
        taken.append(called[-1])
    return tuple(called)


def _found_again(few: Matrix, encoding: Encoding, centres: Floats, seed: int) -> tuple[float, ...]:
    """How much of each group is found in halves of the customers: of its members and theirs, the share in both, on average."""
    labels, _ = assign(few, centres)
    rng = np.random.default_rng(seed)
    found = np.zeros(len(centres))
    for _ in range(HALVINGS):
        half = few[rng.permutation(len(few))[: len(few) // 2]]
        others, _ = assign(few, prototypes(half, len(centres), seed=seed, blocks=encoding.blocks()).centres)
        for j in range(len(centres)):
            here = labels == j
            found[j] += max(
                float((here & (others == i)).sum()) / max(float((here | (others == i)).sum()), 1) for i in range(len(centres))
            )
    return tuple(round(float(v) / HALVINGS, 3) for v in found)


def _typical(encoding: Encoding, table: pa.Table, members: npt.NDArray[np.intp]) -> dict[str, Any]:
    """The median or the commonest value of each column among members; of a set, what at least half of them have."""
    if len(members) > MEMBERS:
        members = np.sort(np.random.default_rng(0).choice(members, MEMBERS, replace=False))
    rows = table.select(encoding.names).take(pa.array(members))
    x = encoding.matrix(rows)
    found: dict[str, Any] = {}
    for column, span in encoding.spans():
        match column:
            case Number():
                bent = np.asarray(x[:, span], np.float64) / column.weight * column.scale + column.centre
                value = float(np.median(column.unbent(bent)))
                found[column.name] = str(np.datetime64(round(value), "D")) if column.kind == "date" else float(f"{value:.6g}")
            case Category():
                found[column.name] = column.words[int(x[:, span].sum(axis=0).argmax())]
            case Items():
                found[column.name] = [
                    item for item, held in zip(column.levels, (x[:, span] > 0).mean(axis=0), strict=True) if held >= 0.5
                ]
    return found


def _weighing(plain: Encoding, weighted: Encoding) -> list[str]:
    """In words, how much each column counts."""
    silent = [name for name in plain.names if name not in weighted.names]
    counts = {column.name: column.weight for column in weighted.columns}
    said = []
    if silent:
        said.append(f"{', '.join(silent)}: says nothing about groups, left out.")
    if any(weight < 1 for weight in counts.values()):
        listed = ", ".join(f"{name} {weight:.2g}" for name, weight in sorted(counts.items(), key=lambda pair: -pair[1]))
        said.append(f"Columns count by how much they tell groups apart: {listed}.")
    return said


def _no_groups(tried: Sequence[Tried]) -> str:
    nearest = max(tried, key=lambda one: one.gap)
    return (
        f"No groups: of 2 to {tried[-1].groups}, none explains enough more than data without groups would and is found again "
        f"in other customers (best: {nearest.groups} groups, {_less(nearest)} less spread, "
        f"stability {nearest.stability:.2f})."
    )


def _less(one: Tried) -> str:
    """How much less spread there is than in data without groups; the gap is the log of the ratio."""
    return f"{100 * -np.expm1(-max(one.gap, 0.0)):.0f} %"


def _outcome(chosen: Tried, asked: int | None, outliers: int) -> list[str]:
    less = f"{_less(chosen)} less spread than data without groups would leave"
    said = [f"{chosen.groups} groups: {less}, stability {chosen.stability:.2f}, separation {chosen.separation:.2f}."]
    if asked is not None and not chosen.stands:
        said.append(f"{asked} groups were asked for; they are hardly more than chance would give.")
    if outliers:
        said.append(f"{counted(outliers, 'customer is', 'customers are')} too far from every group and belong to none: outlier.")
    return said
