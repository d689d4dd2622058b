"""Whether the members of a segment are others than they were: each trait of its members then against those of its members now.

Everybody grows older, and a season moves everybody's orders: a trait has drifted only where members moved more than chance
does, and otherwise than all customers did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coterie.language.types import Kind, Type
from coterie.profiles.intervals import Floats, difference_of_shares, mann_whitney, two_sided
from coterie.profiles.separation import numbers

LEVEL = 0.95
LEAST = 10
LEVELS = 20
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Drift:
    """A trait (of a text: one value) of members now against members then.

    Attributes:
        effect: −1 to 1: Cliff's delta of numbers and days, the difference of shares otherwise; above 0 is more now.
        low, high: its 95 % interval; the two days are taken as drawn apart, which is careful where many are in on both.
        everybody: the same effect over all customers.
        holds: drifted, with all traits counted that were tried (Bonferroni).
    """

    column: str
    value: str | None
    effect: float
    low: float
    high: float
    everybody: float
    holds: bool


def drifts(then: pa.Table, now: pa.Table, inside_then: Bools, inside_now: Bools, types: Mapping[str, Type]) -> tuple[Drift, ...]:
    """Every trait, those that drifted first, then the largest.

    Args:
        then, now: traits of all customers on two days, a row each; inside_then, inside_now: which rows are members.
        types: of the columns to look at.
    """
    pairs: list[tuple[str, str | None, bool, Sequence[Floats]]] = []
    for name, type_ in types.items():
        a, b = then.column(name), now.column(name)
        if type_.kind is Kind.TEXT:
            texts = [np.asarray(c.to_pylist(), dtype=object) for c in (a, b)]
            counted: dict[str, int] = {}
            for side, inside in zip(texts, (inside_then, inside_now), strict=True):
                for v in side[inside]:
                    if v is not None:
                        counted[v] = counted.get(v, 0) + 1
            for text in sorted(counted, key=lambda v: (-counted[v], v))[:LEVELS]:
                flags = [np.where(t == None, np.nan, t == text).astype(np.float64) for t in texts]  # noqa: E711
                pairs.append((name, text, True, flags))
        else:
            share = type_.kind is Kind.BOOLEAN
            pairs.append((name, "true" if share else None, share, [numbers(a), numbers(b)]))
    tried = []
    for name, value, share, (a, b) in pairs:
        x, y, everybody = b[inside_now], a[inside_then], (b[~np.isnan(b)], a[~np.isnan(a)])
        x, y = x[~np.isnan(x)], y[~np.isnan(y)]
        if min(len(x), len(y)) >= LEAST:
            tried.append((name, value, share, x, y, everybody))
    strict = two_sided(1 - (1 - LEVEL) / max(1, len(tried)))
    out = []
    for name, value, share, x, y, (all_now, all_then) in tried:
        effect, low, high = _effect(x, y, share, two_sided(LEVEL))
        _, least, most = _effect(x, y, share, strict)
        whole = _effect(all_now, all_then, share, strict)[0]
        out.append(Drift(name, value, effect, low, high, whole, (least > max(0.0, whole)) or (most < min(0.0, whole))))
    return tuple(sorted(out, key=lambda d: (not d.holds, -abs(d.effect), d.column, d.value or "")))


def _effect(x: Floats, y: Floats, share: bool, z: float) -> tuple[float, float, float]:
    """How much more x is than y, with its interval."""
    m, n = np.array([float(len(x))]), np.array([float(len(y))])
    if share:
        a, b = np.array([x.sum()]), np.array([y.sum()])
        low, high = difference_of_shares(a, m, b, n, z)
        return float(a[0] / m[0] - b[0] / n[0]), float(low[0]), float(high[0])
    placed = np.sort(y)
    below, upto = placed.searchsorted(x, side="left"), placed.searchsorted(x, side="right")
    theta = np.array([float((below + upto).sum()) / 2 / (len(x) * len(y))])
    low, high = mann_whitney(theta, m, n, z)
    return float(2 * theta[0] - 1), float(2 * low[0] - 1), float(2 * high[0] - 1)
