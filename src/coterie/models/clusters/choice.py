"""How many groups there are, which columns tell them apart, and whether there are any.

A number of groups is good when the groups explain more than they would in data without groups, and are found again in other
customers. Data without groups are drawn from the data: each column keeps its values, any two columns their rank correlation
(a Gaussian copula), and nothing else is kept. So correlated columns and odd distributions do not pass for groups.

Sources: Tibshirani, Walther, Hastie, "Estimating the number of clusters in a data set via the gap statistic" (JRSS B 63, 2001),
here with the copula as reference as in Liu, Hayes, Nobel, Marron, "Statistical significance of clustering" (JASA 103, 2008);
stability by halves: Tibshirani, Walther, "Cluster validation by prediction strength" (JCGS 14, 2005); weights of columns by
what they contribute: Witten, Tibshirani, "A framework for feature selection in clustering" (JASA 105, 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from coterie.models.clusters.columns import Encoding, Number
from coterie.models.clusters.prototypes import ROUGHLY, Floats, Labels, Matrix, assign, prototypes

GROUPS = tuple(range(2, 13))
REFERENCES = 4
HALVINGS = 4
PATIENCE = 6_000
"""Where there are few rows, chance is large and looking is cheap: there are so many rows in all references, and in all halvings."""
STARTS = 4
ROUNDS = 3
"""How often weights are learned from the groups found with the weights before."""
SILENT = 0.15
"""A column that contributes less than this share of what the best one does is left out."""
FIFTHS = 5
RELATED = 0.001
"""A column is kept where it would have so much to do with another one by chance less often than this."""
SPECK = 1e-9
LEAST_GAP = 0.06
"""Groups must lower the cost by this share more than in data without groups …"""
LEAST_SIGMA = 3.0
"""… and by this many standard deviations of the reference …"""
LEAST_STABILITY = 0.6
"""… and be found again, by adjusted Rand index."""
NEARLY = 0.9
"""What share of the best score a smaller number of groups needs."""
SEEN = 1_000
"""Rows on which the silhouette is taken."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One number of groups.

    Attributes:
        groups: the number.
        gap: log of the cost in data without groups over the cost here: 0.1 is about 10 % less.
        noise: the standard deviation of that log between such data.
        stability: adjusted Rand index between what both halves of the customers find, mean over several halvings.
        separation: mean silhouette width, −1 … 1.
    """

    groups: int
    gap: float
    noise: float
    stability: float
    separation: float

    @property
    def score(self) -> float:
        """By which a number is chosen: what is gained, if it is found again and apart from the rest."""
        return max(self.gap, 0.0) * max(self.stability, 0.0) ** 2 * max(self.separation, 0.0)

    @property
    def stands(self) -> bool:
        """Whether these groups are more than chance."""
        return self.gap >= max(LEAST_GAP, LEAST_SIGMA * self.noise) and self.stability >= LEAST_STABILITY


def choose(x: Matrix, encoding: Encoding, *, seed: int, groups: Sequence[int] = GROUPS) -> tuple[Tried, ...]:
    """Try numbers of groups on the rows of a matrix (some thousands are enough).

    Args:
        x: rows as `encoding` makes them.
        seed: the same seed gives the same answer.
        groups: the numbers to try, each at most the number of rows.
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(x, np.float32)  # costs are compared to four digits
    found = partial(prototypes, seed=seed, blocks=encoding.blocks(), starts=STARTS, settled=ROUGHLY)
    times = max(1, min(PATIENCE // (REFERENCES * len(x)), 5))
    references = [without_groups(x, encoding, rng) for _ in range(times * REFERENCES)]
    halves = [np.array_split(rng.permutation(len(x)), 2) for _ in range(times * HALVINGS)]
    logs = np.array([[_log(found(rows, k).cost) for rows in references] for k in groups])
    noise = float(np.sqrt(logs.var(axis=1, ddof=1).mean()))
    seen = rng.permutation(len(x))[:SEEN]
    tried = []
    for k, log in zip(groups, logs, strict=True):
        here = found(x, k)
        pairs = ([assign(x, found(x[half], k).centres)[0] for half in both] for both in halves)
        stability = float(np.mean([adjusted_rand(a, b) for a, b in pairs]))
        separation = silhouette(np.asarray(x[seen], np.float64), here.labels[seen])
        tried.append(Tried(k, float(log.mean()) - _log(here.cost), noise, stability, separation))
    return tuple(tried)


def best(tried: Sequence[Tried], before: int = 0) -> Tried | None:
    """The fewest groups that score nearly as well as the best; none where no number of groups is more than chance.

    Where the number that was chosen before does, it is kept.
    """
    standing = [one for one in tried if one.stands]
    top = max((one.score for one in standing), default=0.0)
    good = [one for one in standing if one.score >= NEARLY * top]
    return next((one for one in good if one.groups == before), good[0] if good else None)


def without_groups(x: Matrix, encoding: Encoding, rng: np.random.Generator) -> Matrix:
    """Rows with the same values in each column and the same rank correlation between columns, and no groups: a Gaussian copula.

    Levels of a category, which have no order, are put in that of the first principal component of all.
    """
    from scipy.special import ndtri

    n = len(x)
    axis = np.linalg.svd(x[:SEEN] - x[:SEEN].mean(axis=0), full_matrices=False)[2][0]
    normal = ndtri((np.arange(n) + 0.5) / n)
    orders, scores = [], []
    for column, span in encoding.spans():
        key = x[:, span.start] if isinstance(column, Number) else x[:, span] @ axis[span]
        orders.append(np.lexsort((rng.random(n), key)))
        scores.append(np.empty(n))
        scores[-1][orders[-1]] = normal
    values, axes = np.linalg.eigh(np.corrcoef(scores).reshape(len(scores), len(scores)))
    drawn = rng.standard_normal((n, len(scores))) @ (axes * np.sqrt(np.maximum(values, 0))).T
    out = np.empty_like(x)
    for (_, span), order, draw in zip(encoding.spans(), orders, drawn.T, strict=True):
        out[np.argsort(draw), span] = x[order, span]
    return out


def weights(x: Matrix, encoding: Encoding, *, seed: int, groups: Sequence[int] = GROUPS) -> tuple[float, ...]:
    """How much each column says about groups, 0 … 1, by the share of its variance that lies between them.

    A column that has nothing to do with any other says nothing. Of the others it is the mean over several numbers of groups,
    learned again with what was learned, so that those that say little fall silent.
    """
    groups = groups[:: 1 + len(groups) // 6]
    found = np.array(related(x, encoding), float)
    if found.sum() < 2:
        return (1.0,) * len(found)
    for round_ in range(ROUNDS):
        weighted = encoding.weighted([float(w) for w in np.maximum(found, SPECK)])
        stretched = x * np.repeat([c.weight for c in weighted.columns], [c.width for c in weighted.columns])
        blocks = weighted.blocks()
        tried = (prototypes(stretched, k, seed=seed + round_, blocks=blocks, starts=STARTS, settled=ROUGHLY).labels for k in groups)
        shares = (found > 0) * np.mean([explained(x, labels, encoding) for labels in tried], axis=0)
        found = np.sqrt(np.clip((shares / shares.max() - SILENT) / (1 - SILENT), 0, 1))
    return tuple(round(float(w), 3) for w in found)


def related(x: Matrix, encoding: Encoding) -> tuple[bool, ...]:
    """Which columns have something to do with another one: a chi-squared test of fifths and levels, corrected for their number.

    Groups show in more than one column, so columns in which they show depend on each other; correlation need not see it.
    """
    from scipy.special import chdtrc

    codes = [
        _fifths(x[:, span.start]) if isinstance(c, Number) else _fifths(x[:, span] @ np.arange(1, c.width + 1))
        for c, span in encoding.spans()
    ]
    least = np.ones(len(codes))
    for i, a in enumerate(codes):
        for j in range(i):
            table = np.bincount(a * FIFTHS + codes[j], minlength=FIFTHS**2).reshape(FIFTHS, FIFTHS).astype(float)
            table = table[table.any(axis=1)][:, table.any(axis=0)]
            expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(x)
            freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
            p = float(chdtrc(freedom, ((table - expected) ** 2 / expected).sum())) if freedom else 1.0
            least[i], least[j] = min(least[i], p), min(least[j], p)
    return tuple(bool(p * (len(codes) - 1) < RELATED) for p in least)


def _fifths(values: Matrix) -> npt.NDArray[np.intp]:
    """Values as at most FIFTHS classes of about as many rows each; equal values share one."""
    cuts = np.quantile(values, np.arange(1, FIFTHS) / FIFTHS)
    return np.searchsorted(cuts, values, side="left")


def explained(x: Matrix, labels: Labels, encoding: Encoding) -> Floats:
    """The share of each column's variance that lies between groups (η²)."""
    member = (labels == np.unique(labels)[:, None]).astype(x.dtype)
    sizes = member.sum(axis=1)
    middle = x.mean(axis=0)
    between = (sizes[:, None] * ((member @ x) / sizes[:, None] - middle) ** 2).sum(axis=0)
    total = ((x - middle) ** 2).sum(axis=0)
    return np.array([between[span].sum() / max(total[span].sum(), 1e-12) for _, span in encoding.spans()])


def adjusted_rand(a: Labels, b: Labels) -> float:
    """How far two partitions of the same rows agree: 1 the same, 0 as by chance (Hubert and Arabie, 1985)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: Floats) -> float:
        return float((counts * (counts - 1)).sum()) / 2

    both, left, right = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = left * right / max(pairs(np.array([len(a)])), 1)
    most = (left + right) / 2
    return (both - chance) / (most - chance) if most != chance else 1.0


def silhouette(x: Matrix, labels: Labels) -> float:
    """Mean silhouette width: how much nearer rows are to their own group than to the next (Rousseeuw, 1987)."""
    kinds, label = np.unique(labels, return_inverse=True)
    if len(kinds) < 2:
        return 0.0
    squares = np.einsum("ij,ij->i", x, x)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * (x @ x.T), 0))
    np.fill_diagonal(distance, 0)
    member = np.eye(len(kinds))[label]
    sizes = member.sum(axis=0)
    sums = distance @ member
    rows = np.arange(len(x))
    own = sums[rows, label] / np.maximum(sizes[label] - 1, 1)
    means = sums / sizes
    means[rows, label] = np.inf
    other = means.min(axis=1)
    widths = (other - own) / np.maximum(np.maximum(own, other), 1e-12)
    return float(np.where(sizes[label] > 1, widths, 0).mean())


def _log(cost: float) -> float:
    return float(np.log(max(cost, 1e-9)))
