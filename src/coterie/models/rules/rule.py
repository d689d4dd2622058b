"""A short rule for a set of customers that something else found, with how well it does on customers it never saw.

Rules are searched for greedily, several at a time (a beam): tests are joined by `and` as long as the rule gets better, then
another such branch may be added by `or`. Better is the F measure of precision and coverage, less a little for each test. Sources:
Clark and Niblett, "The CN2 induction algorithm" (Machine Learning 3, 1989); Cohen, "Fast effective rule induction" (ICML 1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coterie.core.errors import TooFewRows
from coterie.core.words import counted
from coterie.language.format import format
from coterie.language.tree import And, Expr, Or
from coterie.models.rules.conditions import Condition, Mask, conditions, holds

TESTS = 4
"""How many tests a rule has at most."""
BEAM = 8
"""How many unfinished rules are carried on."""
WORTH = 0.01
"""How much the F measure has to gain by a test more, or by a branch twice as much."""
LEARNED_ON = 20_000
"""Customers from which a rule is learned; all others are for measuring."""
FEWEST = 20
"""Members of the set below which no rule is made."""
FAITHFUL = 0.8
"""The F measure below which a rule is said to be a rough stand-in."""
Z = 1.959963984540054

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in the language, and how well it stands for the set, measured on customers from whom it was not learned.

    Attributes:
        text: the rule, canonical; tree: the same as a tree.
        precision: of those for whom it is true, the share in the set; coverage: of the set, the share for whom it is true.
        precision_interval, coverage_interval: 95 % intervals (Wilson).
        n, members, told: customers it was measured on, how many of them are in the set, and for how many the rule is true.
        notes: what to know about it, in words.
    """

    text: str
    tree: Expr
    precision: float
    coverage: float
    precision_interval: Interval
    coverage_interval: Interval
    n: int
    members: int
    told: int
    notes: tuple[str, ...] = ()

    @property
    def fidelity(self) -> float:
        """F measure: the harmonic mean of precision and coverage."""
        return f_measure(self.precision, self.coverage)


@dataclass(frozen=True, slots=True)
class _Branch:
    tests: tuple[Condition, ...]
    mask: Mask
    score: float


def rule_for(table: pa.Table, target: Sequence[bool | None] | Mask, *, seed: int = 0, tests: int = TESTS) -> Rule:
    """A rule of at most so many tests for a set of customers.

    Args:
        table: a row for each customer, a column for each trait that the rule may name.
        target: for each row whether it is in the set; None where that is not known: left out.
        seed: which customers are kept back for measuring.

    Raises:
        TooFewRows: fewer than 20 customers in the set, or outside it.
    """
    known = np.array([value is not None for value in target], bool)
    inside = np.array([bool(value) for value in target], bool)
    if min((inside & known).sum(), (~inside & known).sum()) < FEWEST:
        raise TooFewRows(
            f"a rule needs at least {FEWEST} customers in the set and {FEWEST} outside it: "
            f"there are {(inside & known).sum():,} and {(~inside & known).sum():,}",
            hint="take a larger group",
        )
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(known))
    learned = min(LEARNED_ON, len(rows) // 2)
    first, rest = np.sort(rows[:learned]), np.sort(rows[learned:])
    seen, wanted = table.take(pa.array(first)), inside[first]
    branches = _branches(conditions(seen, wanted), wanted, tests)
    if not branches:
        raise TooFewRows("no test of any trait tells the set from the others", hint="take more traits")
    return measured(_tree(branches), table.take(pa.array(rest)), inside[rest])


def measured(tree: Expr, table: pa.Table, target: Mask) -> Rule:
    """How well a rule stands for a set, on these customers."""
    told = holds(tree, table)
    hits, true, members = int((told & target).sum()), int(told.sum()), int(target.sum())
    rule = Rule(
        text=format(tree),
        tree=tree,
        precision=hits / true if true else 0.0,
        coverage=hits / members if members else 0.0,
        precision_interval=wilson(hits, true),
        coverage_interval=wilson(hits, members),
        n=len(target),
        members=members,
        told=true,
    )
    said = (
        f"Covers {100 * rule.coverage:.0f} % of the group with {100 * rule.precision:.0f} % precision, "
        f"on {counted(rule.n, 'customer')} it was not learned from."
    )
    rough = ("It is a rough stand-in: many in the group are not told by it, or many others are.",)
    return replace(rule, notes=(said, *(rough if rule.fidelity < FAITHFUL else ())))


def f_measure(precision: float, coverage: float) -> float:
    return 2 * precision * coverage / (precision + coverage) if precision + coverage else 0.0


def wilson(hits: int, n: int) -> Interval:
    """A 95 % interval of a share (Wilson, 1927); all of 0 … 1 where nothing was seen."""
    if not n:
        return 0.0, 1.0
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * ((p * (1 - p) + z2 / (4 * n)) / n) ** 0.5 / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _branches(tests: Sequence[Condition], target: Mask, most: int) -> list[_Branch]:
    """The branches of a rule, each found among those whom the ones before leave over."""
    if not tests:
        return []
    masks = np.array([t.mask for t in tests], np.float32)
    found: list[_Branch] = []
    told, score = np.zeros(len(target), bool), 0.0
    while used := most - sum(len(branch.tests) for branch in found):
        branch = _best_branch(tests, masks, target, told, used)
        if branch is None or branch.score < score + (2 * WORTH if found else 0):
            break
        found.append(branch)
        told, score = told | branch.mask, branch.score
    return found


def _best_branch(tests: Sequence[Condition], masks: npt.NDArray[np.float32], target: Mask, told: Mask, most: int) -> _Branch | None:
    """The conjunction that, with those told already, scores best."""
    members, hits, others = float(target.sum()), float((told & target).sum()), float((told & ~target).sum())
    beam = [_Branch((), np.ones(len(target), bool), 0.0)]
    best: _Branch | None = None
    for _ in range(most):
        grown: dict[bytes, _Branch] = {}
        for branch in beam:
            open_ = branch.mask & ~told
            more, wrong = masks @ (open_ & target).astype(np.float32), masks @ (open_ & ~target).astype(np.float32)
            caught = hits + more
            f = 2 * caught / np.maximum(caught + others + wrong + members, 1)
            for at in np.argsort(-f, kind="stable")[: 4 * BEAM]:
                test = tests[at]
                if more[at] == 0 or any(test.column == t.column and (test.side == t.side) for t in branch.tests):
                    continue
                mask = branch.mask & test.mask
                grown.setdefault(mask.tobytes(), _Branch((*branch.tests, test), mask, float(f[at])))
        beam = sorted(grown.values(), key=lambda b: -b.score)[:BEAM]
        if not beam or (best is not None and beam[0].score < best.score + WORTH):
            break
        best = beam[0]
    return best


def _tree(branches: Sequence[_Branch]) -> Expr:
    joined = [_joined(branch.tests) for branch in branches]
    return joined[0] if len(joined) == 1 else Or(tuple(joined))


def _joined(tests: Sequence[Condition]) -> Expr:
    trees = tuple(t.tree for t in sorted(tests, key=lambda t: (t.column, t.side)))
    return trees[0] if len(trees) == 1 else And(trees)
