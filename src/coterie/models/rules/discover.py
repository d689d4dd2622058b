"""Segments nobody has defined yet: subgroups in which something is more frequent than elsewhere, as rules.

With an outcome, a subgroup stands out when its share (or mean) is above everybody else's; without one, when its tests hold
together more often than they would if they had nothing to do with each other. Subgroups are looked for in one half of the
customers; those found are tested once in the other half, whose numbers are the ones told, with Holm's correction for how many
were tested. So what is claimed is rarely chance.

Sources: Wrobel, "An algorithm for multi-relational discovery of subgroups" (PKDD 1997); Holm, "A simple sequentially rejective
multiple test procedure" (Scandinavian Journal of Statistics 6, 1979).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coterie.core.errors import TooFewRows
from coterie.language.format import format
from coterie.language.tree import And, Expr
from coterie.models.rules.conditions import Condition, Floats, Mask, conditions, holds

FEWEST = 200
"""Customers among whom subgroups can be looked for and checked."""
LEARNED_ON = 20_000
TESTS = 3
BEAM = 20
TESTED = 30
"""How many subgroups are checked on the other half."""
ALPHA = 0.025
"""The chance of any false claim."""
SMALLEST = 0.02
"""Subgroups of a smaller share of the customers are not looked at."""
NOTABLE = 1.2
"""How many times everybody else's a subgroup's value must be to be told."""
WORTH = 1.1
"""How many times what a subgroup had before a further test has to make it."""
ALIKE = 0.5
"""Two sets are one where those in both are this share of those in either; a subgroup so much like a segment is no news, nor is
one of which …"""
INSIDE = 0.9
"""… so much lies within one segment."""
OVERLAPPING = 0.1
"""A segment that holds this share of a subgroup may be what it owes its outcome to."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A subgroup that was found in one half and confirmed in the other; all numbers are those of the other half.

    Attributes:
        text: its rule, canonical; tree: the same as a tree.
        size, share: how many customers of that half it holds, and what share.
        value: the share with the outcome (or its mean); without an outcome, the share for whom all tests hold.
        against: the same for everybody else; without an outcome, what it would be if the tests were unrelated.
        lift: value / against.
        p: the chance of as much or more if there were nothing, after Holm's correction.
    """

    text: str
    tree: Expr
    size: int
    share: float
    value: float
    against: float
    lift: float
    p: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    tests: tuple[Condition, ...]
    mask: Mask
    score: float

    @property
    def tree(self) -> Expr:
        trees = tuple(t.tree for t in sorted(self.tests, key=lambda t: (t.column, t.side)))
        return trees[0] if len(trees) == 1 else And(trees)


def discover(
    table: pa.Table,
    outcome: npt.ArrayLike | None = None,
    *,
    segments: Mapping[str, Mask] | None = None,
    seed: int = 0,
    most: int = 10,
) -> tuple[Subgroup, ...]:
    """Subgroups that stand out and that no segment covers, the most telling first.

    Args:
        table: a row for each customer, a column for each trait that rules may name.
        outcome: a boolean or a number for each row, nothing missing; None: subgroups by density.
        segments: whom each segment that exists holds, one flag a row.
        seed: how customers are halved. most: how many are told at most.

    Raises:
        TooFewRows: fewer than 200 customers.
    """
    n = table.num_rows
    if n < FEWEST:
        raise TooFewRows(f"subgroups need at least {FEWEST} customers, and there are {n:,}", hint="take more customers")
    y = None if outcome is None else np.asarray(outcome, float)
    rows = np.random.default_rng(seed).permutation(n)
    first, other = np.sort(rows[: min(n // 2, LEARNED_ON)]), np.sort(rows[n // 2 :])
    seen = table.take(pa.array(first))
    covered = {name: np.asarray(mask, bool) for name, mask in (segments or {}).items()}
    found = _search(seen, None if y is None else y[first], [mask[first] for mask in covered.values()])
    rest = table.take(pa.array(other))
    others = [mask[other] for mask in covered.values()]
    checked = [_checked(one, rest, None if y is None else y[other], others) for one in found]
    order = sorted(range(len(checked)), key=lambda j: checked[j].p)
    told: list[Subgroup] = []
    worst = 0.0
    for place, j in enumerate(order):
        one = checked[j]
        worst = max(worst, min(1.0, one.p * (len(order) - place)))
        if worst <= ALPHA and one.value >= NOTABLE * one.against:
            told.append(Subgroup(one.text, one.tree, one.size, one.share, one.value, one.against, one.lift, worst))
    told.sort(key=lambda one: -_telling(one, y is None))
    return tuple(told[:most])


def _telling(one: Subgroup, density: bool) -> float:
    """How much a subgroup tells: how much more it has than would be expected, in standard errors where there is an outcome."""
    return (one.value - one.against) * (1.0 if density else one.share**0.5)


def _search(table: pa.Table, y: Floats | None, covered: Sequence[Mask]) -> list[_Candidate]:
    """The subgroups with the best scores, no two nearly the same and none that a segment covers."""
    n = table.num_rows
    tests = conditions(table, y > y.mean() if y is not None else np.ones(n, bool))
    tests = [t for t in tests if SMALLEST * n <= t.mask.sum() <= (1 - SMALLEST) * n]
    if not tests:
        return []
    masks = np.array([t.mask for t in tests], np.float32)
    beam = [_Candidate((), np.ones(n, bool), 0.0)]
    found: list[_Candidate] = []
    for _ in range(TESTS):
        grown: list[_Candidate] = []
        for one in beam:
            scores = _scores(masks, one.mask, y)
            for at in np.argsort(-scores, kind="stable")[: 4 * BEAM]:
                test = tests[at]
                # Both ends of one number are a test more, but no density of two traits.
                if scores[at] <= 0 or any(test.column == t.column and (y is None or test.side == t.side) for t in one.tests):
                    continue
                mask = one.mask & test.mask
                if y is None or not one.tests or _above(y, mask) >= WORTH * _above(y, one.mask):
                    grown.append(_Candidate((*one.tests, test), mask, float(scores[at])))
        beam = _different(grown, BEAM)
        found += [one for one in beam if y is not None or len(one.tests) > 1]
    news = [one for one in found if not any(_covers(mask, one.mask) for mask in covered)]
    return _different(news, TESTED)


def _scores(masks: npt.NDArray[np.float32], inside: Mask, y: Floats | None) -> Floats:
    """How far each test, added to a subgroup, makes it stand out: in standard errors."""
    n = len(inside)
    size = np.asarray(masks @ inside.astype(np.float32), float)
    enough = size >= max(SMALLEST * n, 10)
    if y is not None:
        spread = float(y.std()) or 1.0
        mean = np.asarray(masks @ (inside * (y - y.mean())).astype(np.float32), float) / np.maximum(size, 1)
        left = np.maximum(1 - size / n, 1e-9)
        return np.where(enough & (size < n), mean * np.sqrt(size / left) / spread, 0)
    expected = masks.mean(axis=1) * inside.sum()
    if inside.all():
        return np.where(enough, 1e-6 + np.minimum(masks.mean(axis=1), 1 - masks.mean(axis=1)), 0)
    return np.where(enough, (size - expected) / np.sqrt(np.maximum(expected * (1 - inside.mean()), 1)), 0)


def _different(found: Sequence[_Candidate], most: int) -> list[_Candidate]:
    """The best, without those that hold nearly the same customers as a better one."""
    kept: list[_Candidate] = []
    for one in sorted(found, key=lambda c: (-c.score, len(c.tests))):
        if len(kept) == most:
            break
        if not any(_overlap(one.mask, other.mask) > ALIKE for other in kept):
            kept.append(one)
    return kept


def _covers(segment: Mask, found: Mask) -> bool:
    return _overlap(segment, found) >= ALIKE or float((segment & found).sum()) >= INSIDE * max(float(found.sum()), 1)


def _above(y: Floats, mask: Mask) -> float:
    """How far the mean of a subgroup is above everybody's."""
    return float(y[mask].mean() - y.mean())


def _overlap(a: Mask, b: Mask) -> float:
    return float((a & b).sum()) / max(float((a | b).sum()), 1)


def _checked(one: _Candidate, table: pa.Table, y: Floats | None, segments: Sequence[Mask]) -> Subgroup:
    """The subgroup on customers among whom it was not looked for, with the chance of as much if there were nothing.

    It has to have more of the outcome also among those whom a segment that it overlaps does not hold: else it owes it to that.
    """
    told = holds(one.tree, table)
    n, size = len(told), int(told.sum())
    if y is None:
        value, against, p = _together([holds(t.tree, table) for t in one.tests])
    else:
        value, against = (float(y[m].mean()) if m.any() else 0.0 for m in (told, ~told))
        overlapping = [segment for segment in segments if (told & segment).sum() >= OVERLAPPING * size]
        p = max(_difference(y[some], told[some]) for some in (told | ~told, *(~segment for segment in overlapping)))
    lift = value / against if against else 0.0
    return Subgroup(format(one.tree), one.tree, size, size / n, value, against, lift, p)


def _difference(y: Floats, told: Mask) -> float:
    """The chance of so much more of the outcome in a subgroup: exact for a boolean; for a number the larger of Welch's test, which
    is about the mean, and the rank test of Mann and Whitney, which a few large values do not move."""
    from scipy.stats import hypergeom, mannwhitneyu, ttest_ind

    size, n = int(told.sum()), len(y)
    if not 1 < size < n - 1 or y.min() == y.max():
        return 1.0
    if ((y == 0) | (y == 1)).all():
        return float(hypergeom.sf(int(y[told].sum()) - 1, n, int(y.sum()), size))
    inside, others = y[told], y[~told]
    ranks = float(mannwhitneyu(inside, others, alternative="greater").pvalue)
    if inside.std() == 0 or others.std() == 0:
        return ranks
    return max(ranks, float(ttest_ind(inside, others, equal_var=False, alternative="greater").pvalue))


def _together(tests: Sequence[Mask]) -> tuple[float, float, float]:
    """How often tests hold together, how often they would if unrelated, and the chance of that: of each test against the others
    together, the least telling."""
    from scipy.stats import hypergeom

    n = len(tests[0])
    all_ = np.logical_and.reduce(tests)
    worst = 0.0
    for j, test in enumerate(tests):
        others = np.logical_and.reduce([t for i, t in enumerate(tests) if i != j])
        worst = max(worst, float(hypergeom.sf(int(all_.sum()) - 1, n, int(others.sum()), int(test.sum()))))
    return float(all_.mean()), float(np.prod([t.mean() for t in tests])), worst
