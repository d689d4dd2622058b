"""Boosted trees: fitted by scikit-learn's HistGradientBoosting, kept as plain numbers, scored by numpy alone.

A row is not sent down each tree. All its comparisons are looked up at once: for each feature of a tree the value's place
between the thresholds gives a word whose bits are the leaves that can still be reached, and the lowest bit of the AND of
these words is the leaf (Lucchese et al.: QuickScorer, SIGIR 2015). Trees are added in the order they were fitted in, as
scikit-learn does, so scores are the same to the last digits.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from typing import Any

import numpy as np
import numpy.typing as npt

from coterie.models.prediction.links import Link
from coterie.models.prediction.training import Flags, Floats, Kind

LEAVES = 16
MOST_ROUNDS = 300
LEARNING_RATE = 0.08
PATIENCE = 15
"""Rounds without a gain on the customers held back, after which no more trees are added."""
SMALLEST_LEAF = 20
CHUNK = 16_384

_WORD = np.uint32
_PRIME = 37
"""The powers of two below 2³² leave different remainders by 37: the remainder of a lowest bit tells which it is."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree; node 0 is the root, a leaf has feature −1.

    Attributes:
        feature: the design column that a node looks at.
        threshold: values up to it go left; infinite where only missing ones go right.
        missing_left: whether missing values go left.
        left, right: the nodes below.
        value: what a leaf adds.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    missing_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "feature": list(self.feature),
            "threshold": [None if np.isinf(t) else t for t in self.threshold],
            "missing_left": [int(m) for m in self.missing_left],
            "left": list(self.left),
            "right": list(self.right),
            "value": list(self.value),
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Tree":
        return Tree(
            tuple(found["feature"]),
            tuple(float("inf") if t is None else float(t) for t in found["threshold"]),
            tuple(bool(m) for m in found["missing_left"]),
            tuple(found["left"]),
            tuple(found["right"]),
            tuple(map(float, found["value"])),
        )


NOTHING = Tree((-1,), (0.0,), (False,), (0,), (0,), (0.0,))
"""A tree that adds nothing."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A tree made ready: for each feature it looks at a word for each place between thresholds, and its leaves by remainder."""

    words: tuple[tuple[int, npt.NDArray[np.uint32]], ...]
    leaves: Floats


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted trees. `rounds` holds for each round one tree an output; a score starts at `start`, one an output."""

    link: Link
    start: tuple[float, ...]
    rounds: tuple[tuple[Tree, ...], ...]
    _edges: dict[int, Floats] = field(init=False, repr=False, compare=False)
    _read: tuple[tuple[_Reading, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        met: dict[int, set[float]] = {}
        for tree in self._all():
            for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
                if feature >= 0:
                    met.setdefault(feature, set()).add(threshold)
        edges = {feature: np.asarray(sorted(met[feature])) for feature in sorted(met)}
        object.__setattr__(self, "_edges", edges)
        object.__setattr__(self, "_read", tuple(tuple(_reading(t, edges) for t in trees) for trees in self.rounds))

    def _all(self) -> Iterator[Tree]:
        return (tree for trees in self.rounds for tree in trees)

    def raw(self, design: Floats) -> Floats:
        """Scores on the link's scale, one column an output."""
        out = np.empty((len(design), len(self.start)), order="F")
        chunks = [slice(a, a + CHUNK) for a in range(0, len(design), CHUNK)]
        if len(chunks) < 4:
            for rows in chunks:
                self._score(design[rows], out[rows])
            return out
        with ThreadPoolExecutor(cpu_count()) as pool:
            list(pool.map(lambda rows: self._score(design[rows], out[rows]), chunks))
        return out

    def _score(self, design: Floats, out: Floats) -> None:
        """Scores of a few rows, written into `out`."""
        places = {}
        for feature, edges in self._edges.items():
            column = np.ascontiguousarray(design[:, feature])
            # How many thresholds lie below; missing values have the last place.
            place = edges.searchsorted(column, side="left")
            place[np.isnan(column)] = len(edges) + 1
            places[feature] = place
        reached, word = np.empty(len(design), _WORD), np.empty(len(design), _WORD)
        slot, leaf = np.empty(len(design), np.intp), np.empty(len(design))
        out[:] = self.start
        for trees in self._read:
            for k, tree in enumerate(trees):
                reached.fill(np.iinfo(_WORD).max)
                for feature, words in tree.words:
                    words.take(places[feature], out=word, mode="clip")
                    np.bitwise_and(reached, word, out=reached)
                np.negative(reached, out=word)
                np.bitwise_and(reached, word, out=reached)
                np.remainder(reached, _WORD(_PRIME), out=reached)
                slot[:] = reached
                tree.leaves.take(slot, out=leaf, mode="clip")
                out[:, k] += leaf

    def to_json(self) -> dict[str, Any]:
        rounds = [[tree.to_json() for tree in trees] for trees in self.rounds]
        return {"model": "trees", "link": self.link, "start": list(self.start), "rounds": rounds}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Trees":
        rounds = tuple(tuple(Tree.from_json(t) for t in trees) for trees in found["rounds"])
        return Trees(found["link"], tuple(map(float, found["start"])), rounds)


def _reading(tree: Tree, edges: Mapping[int, Floats]) -> _Reading:
    """Leaves are numbered from the left. Where a node sends a value right, no leaf to its left can be reached."""
    leaves = np.zeros(_PRIME)
    words: dict[int, npt.NDArray[np.uint32]] = {}
    count = 0

    def number(node: int) -> None:
        nonlocal count
        feature = tree.feature[node]
        if feature < 0:
            leaves[(1 << count) % _PRIME] = tree.value[node]
            count += 1
            return
        first = count
        number(tree.left[node])
        unreached = _WORD(~(((1 << count) - 1) ^ ((1 << first) - 1)) & 0xFFFFFFFF)
        own = edges[feature]
        word = words.setdefault(feature, np.full(len(own) + 2, np.iinfo(_WORD).max, _WORD))
        word[int(own.searchsorted(tree.threshold[node])) + 1 : -1] &= unreached
        if not tree.missing_left[node]:
            word[-1] &= unreached
        number(tree.right[node])

    number(0)
    return _Reading(tuple(words.items()), leaves)


def fit_trees(design: Floats, y: Floats, kind: Kind, held: Flags, setting: float | None, seed: int) -> Trees:
    """Fit boosted trees.

    Args:
        design: NaN is missing.
        y: 0 and 1, an amount (where none is negative, its logarithm is added up), or the number of a class.
        held: the rows held back to choose the number of rounds with; the rest is fitted.
        setting: a number of rounds that was chosen before: then all rows are fitted. None to choose.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings = {
        "learning_rate": LEARNING_RATE,
        "max_leaf_nodes": LEAVES,
        "min_samples_leaf": SMALLEST_LEAF,
        "l2_regularization": 1.0,
        "early_stopping": setting is None,
        "max_iter": MOST_ROUNDS if setting is None else max(1, int(setting)),
        "n_iter_no_change": PATIENCE,
        "random_state": seed,
    }
    positive = kind == "regression" and bool((y >= 0).all() and y.sum() > 0)
    if kind == "regression":
        model = HistGradientBoostingRegressor(loss="poisson" if positive else "squared_error", **settings)
    else:
        model = HistGradientBoostingClassifier(**settings)
    # What nobody who is fitted on has cannot be split by; scikit-learn finds no thresholds for it.
    design = np.where(np.isnan(design[~held] if setting is None else design).all(axis=0), 0.0, design)
    if setting is None:
        model.fit(design[~held], y[~held], X_val=design[held], y_val=y[held])
        rounds = max(1, int(np.argmax(model.validation_score_)))
    else:
        model.fit(design, y)
        rounds = len(model._predictors)
    link: Link = "logit" if kind == "classification" else "softmax" if kind == "multiclass" else "log" if positive else "identity"
    return exported(model, link, rounds)


def exported(model: Any, link: Link, rounds: int | None = None) -> Trees:
    """The trees of a fitted HistGradientBoosting model, the first `rounds` of them; it must not split by categories."""
    start = tuple(np.ravel(model._baseline_prediction).tolist())
    trees = tuple(tuple(_tree(p.nodes) for p in found) for found in model._predictors[:rounds])
    if link == "softmax" and len(start) == 1:  # of two classes scikit-learn scores the second; the first is at 0
        return Trees(link, (0.0, *start), tuple((NOTHING, *one) for one in trees))
    return Trees(link, start, trees)


def _tree(nodes: npt.NDArray[Any]) -> Tree:
    leaf = nodes["is_leaf"].astype(np.bool_)
    return Tree(
        tuple(np.where(leaf, -1, nodes["feature_idx"]).tolist()),
        tuple(np.where(leaf, 0.0, nodes["num_threshold"]).tolist()),
        tuple((nodes["missing_go_to_left"].astype(np.bool_) & ~leaf).tolist()),
        tuple(np.where(leaf, 0, nodes["left"]).tolist()),
        tuple(np.where(leaf, 0, nodes["right"]).tolist()),
        tuple(np.where(leaf, nodes["value"], 0.0).tolist()),
    )
