"""How well a score puts those first to whom it happens: the area under the curve, with intervals.

DeLong, DeLong, Clarke-Pearson: Comparing the areas under two or more correlated ROC curves, Biometrics 44 (1988), in the
form of Sun and Xu: Fast implementation of DeLong's algorithm, IEEE Signal Processing Letters 21 (2014).
"""

from dataclasses import dataclass

import numpy as np

from coterie.models.prediction.training import Floats

TWO_SIDED_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def widened(self, times: float) -> "Interval":
        """The same number with an interval so many times as wide."""
        return Interval(self.value, self.value - times * (self.value - self.low), self.value + times * (self.high - self.value))

    def to_json(self) -> list[float]:
        return [self.value, self.low, self.high]


def midranks(x: Floats) -> Floats:
    """Ranks from 1, ties sharing the mean of theirs."""
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(first, len(x)))
    out = np.empty(len(x))
    out[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    return out


def auc(y: Floats, score: Floats) -> float:
    """The share of pairs (it happened, it did not) in which the first has the higher score, ties half."""
    yes = y == 1
    m, n = int(yes.sum()), int((~yes).sum())
    if not m or not n:
        return 0.5
    return float((midranks(score)[yes].sum() - m * (m + 1) / 2) / (m * n))


def placements(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """For each customer to whom it happened the share of the others whose score is lower, and for each other the share of
    those whose score is higher."""
    yes = y == 1
    m, n = int(yes.sum()), int((~yes).sum())
    everybody, of_yes, of_no = midranks(score), midranks(score[yes]), midranks(score[~yes])
    return (everybody[yes] - of_yes) / n, 1 - (everybody[~yes] - of_no) / m


def auc_interval(y: Floats, score: Floats) -> Interval:
    """The AUC with DeLong's interval, on the logit scale so that it stays within 0 and 1."""
    above, below = placements(y, score)
    value, error = float(above.mean()), _error(above, below)
    if not 0 < value < 1:
        return Interval(value, value, value)
    reach = TWO_SIDED_95 * error / (value * (1 - value))
    middle = np.log(value / (1 - value))
    return Interval(value, float(1 / (1 + np.exp(reach - middle))), float(1 / (1 + np.exp(-reach - middle))))


def auc_difference(y: Floats, score: Floats, other: Floats) -> Interval:
    """The AUC of a score less that of another on the same customers."""
    (above, below), (above_other, below_other) = placements(y, score), placements(y, other)
    value = float(above.mean() - above_other.mean())
    reach = TWO_SIDED_95 * _error(above - above_other, below - below_other)
    return Interval(value, value - reach, value + reach)


def _error(above: Floats, below: Floats) -> float:
    return float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))
