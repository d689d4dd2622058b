"""Contracts: customers pay each period until they leave, and leaving is seen. What those who are there will still pay.

A contract is told by its payments: it began with the first, each period that lies between the first and the last is a renewal
(one that was skipped counts as paid), and it has ended where the next payment is overdue by a quarter of a period. Retention
follows the shifted beta-geometric model: see `sbg`. Of those whose payment is late, but not as late, the share that still pays
is learned from the days held out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from coterie.core.errors import Degenerate, ModelError, TooFewRows
from coterie.models.value import sbg
from coterie.models.value.fitted import LEVEL, Scores, Warned
from coterie.models.value.history import Floats, distinct
from coterie.models.value.quality import Holdout, Quality, better, measured
from coterie.models.value.sbg import ShiftedBetaGeometric

VERSION = 1
KIND = "contracts"
PERIODS: Mapping[str, float] = {"week": 7.0, "month": 365.2425 / 12, "quarter": 365.2425 / 4, "year": 365.2425}
"""Days in a period, on average."""
GRACE = 0.25
"""A contract has ended when its next payment is late by more than this part of a period."""
FEWEST = 10
"""Contracts that were renewed, and that ended, without which nothing can be said."""
CHANCE = 1.96
DRAWN_IN = 2.0
"""Late contracts that retention counts for, beside those whose payments were seen."""
SHOWN = 24
"""Renewals that retention is shown of at most."""
ALIKE = "all leave at one rate"
NOBODY = "nobody leaves"


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts as of a day, one a place in each array.

    Attributes:
        renewals: periods paid after the first one.
        waited: days since the last payment.
        worth: what a period came to, on average.
        period: days.
    """

    renewals: Floats
    waited: Floats
    worth: Floats
    period: float

    def __len__(self) -> int:
        return len(self.renewals)

    @property
    def ended(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.waited > (1 + GRACE) * self.period)

    @property
    def late(self) -> npt.NDArray[np.bool_]:
        """Whether a payment is due and not there yet."""
        return np.asarray((self.waited > self.period) & ~self.ended)

    def some(self, places: npt.NDArray[np.bool_]) -> "Contracts":
        return Contracts(self.renewals[places], self.waited[places], self.worth[places], self.period)

    def chances(self, days: float) -> Floats:
        """How many payments fall due within so many days: the next, when a period is over, and one each period after it."""
        due = np.maximum(self.period - self.waited, 0.0)
        steps = np.floor((days - due) / self.period + 1e-9) + 1
        return np.where(self.ended, 0.0, np.maximum(steps, 0.0))


def contracts(first: Floats, last: Floats, total: Floats, period: float) -> Contracts:
    """Contracts from how many days ago their first and last payments were, and what all came to."""
    renewals = np.round((first - last) / period)
    return Contracts(renewals, np.asarray(last, np.float64), total / (renewals + 1), period)


@dataclass(frozen=True, slots=True)
class Renewal:
    """The n-th renewal: how many contracts came to it, what share was renewed, and what the model says; `left` of all who
    began are there after it by the model."""

    renewal: int
    contracts: int
    renewed: float
    foreseen: float
    left: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The model in the days held out, on those under contract when they began: payments foreseen and made.

    Attributes:
        rules: the quality of "all leave at one rate" and "nobody leaves".
        within: the share of customers whose payments lay in their interval.
        better: whether it beats the better of the rules by more than chance would; words: the same as sentences.
    """

    days: float
    customers: int
    model: Quality
    rules: Mapping[str, Quality]
    within: float
    better: bool
    words: str


@dataclass(frozen=True, slots=True)
class ContractFit:
    """What was learned of contracts.

    Attributes:
        model: retention; `period`: days in one.
        customers, ended: how many contracts there were, and how many of them had ended.
        retention: by renewal; warnings: what the reader should know.
        judged: in the days held out; None where too little was.
        late: the share of late payments that still come; None where that is not known, and retention is taken.
    """

    model: ShiftedBetaGeometric
    period: float
    customers: int
    ended: int
    late: float | None
    retention: tuple[Renewal, ...]
    warnings: tuple[Warned, ...]
    judged: Judged | None

    def score(self, held: Contracts, days: float) -> Scores:
        """What each contract will still bring in so many days, row by row. `probability_alive` is 0 of one that has ended, and
        of one whose payment is late the chance that it is still renewed."""
        orders, low, high = foreseen(self.model, held, days, self.late)
        late = self.model.retention(held.renewals + 1) if self.late is None else self.late
        alive = np.where(held.ended, 0.0, np.where(held.late, late, 1.0))
        return Scores(alive, orders, held.worth, orders * held.worth, low * held.worth, high * held.worth)

    def to_json(self) -> dict[str, Any]:
        """Plain values; an infinite standard error is null."""
        plain = {name.name: getattr(self, name.name) for name in fields(self)}
        se = [float(e) if np.isfinite(e) else None for e in self.model.se]
        return {
            **plain,
            "version": VERSION,
            "kind": KIND,
            "model": {**asdict(self.model), "se": se, "flat": list(self.model.flat)},
            "retention": [asdict(r) for r in self.retention],
            "warnings": [asdict(w) for w in self.warnings],
            "judged": None if self.judged is None else asdict(self.judged),
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "ContractFit":
        """The fit that `to_json` wrote.

        Raises:
            ModelError: it is not one, or a newer coterie wrote it.
        """
        if found.get("kind") != KIND or found.get("version") != VERSION:
            raise ModelError(
                f"this is no fit of {KIND} that this version reads: kind {found.get('kind')!r}, version {found.get('version')!r}",
                hint="fit it again",
            )
        model, judged = dict(found["model"]), found["judged"]
        alpha, beta = (float("inf") if e is None else e for e in model.pop("se"))
        told = ShiftedBetaGeometric(**{**model, "se": (alpha, beta), "flat": tuple(model["flat"])})
        if judged is not None:
            rules = {name: Quality(**one) for name, one in judged["rules"].items()}
            judged = Judged(**{**judged, "model": Quality(**judged["model"]), "rules": rules})
        retention = tuple(Renewal(**r) for r in found["retention"])
        warnings = tuple(Warned(**w) for w in found["warnings"])
        return ContractFit(told, found["period"], found["customers"], found["ended"], found["late"], retention, warnings, judged)


def foreseen(model: ShiftedBetaGeometric, held: Contracts, days: float, late: float | None) -> tuple[Floats, Floats, Floats]:
    """Payments of each contract in so many days: expected, and between which they lie with probability `LEVEL`."""
    (k, steps, waits), _, places = distinct(held.renewals, held.chances(days), held.late.astype(np.float64))
    found = np.zeros((3, len(k)))
    for group, first in ((waits > 0, late), (waits == 0, None)):
        found[:, group] = outlook(model, k[group], steps[group], first)
    return found[0, places], found[1, places], found[2, places]


def outlook(model: ShiftedBetaGeometric, renewals: Floats, steps: Floats, first: float | None = None) -> Floats:
    """Payments to come of contracts with so many renewals behind them of which so many fall due: expected, and the fewest and
    most within which they lie with probability `LEVEL` (a contract that is left is not taken up again).

    Args:
        first: the chance of the next payment, where it is not that of a renewal.
    """
    found = np.zeros((3, len(renewals)))
    beyond = 1 - LEVEL
    for k in np.unique(renewals):
        here = np.flatnonzero(renewals == k)
        most = int(steps[here].max(initial=0))
        chances = np.asarray(model.retention(k + np.arange(1.0, most + 1)))
        if first is not None and most:
            chances[0] = first
        still = np.cumprod(chances)  # of each payment the chance that it comes, and of the one behind the last that it does not
        sums, after = np.concatenate([[0.0], np.cumsum(still)]), np.append(still, 0.0)
        n = steps[here].astype(np.int64)
        high = np.minimum(n, int((still > beyond / 2).sum()))
        above = np.where(high < n, after[high], 0.0)
        low = np.minimum(n, (still[None, :] >= 1 - beyond + above[:, None]).sum(axis=1))
        found[:, here] = sums[n], low, high
    return found


def fit(now: Contracts, before: Contracts | None = None, holdout: Holdout | None = None) -> ContractFit:
    """Learn how contracts go on.

    Args:
        now: all contracts.
        before: the same some time ago; holdout: the payments of these since.

    Raises:
        TooFewRows: too few were renewed, or have ended.
        Degenerate: payments do not come once a period.
        DidNotConverge: no maximum was found.
    """
    _demand(now)
    model = learned(now)
    warnings = []
    if model.flat or model.alpha + model.beta > 1e4:
        words = "All contracts seem to leave at one rate: that those who stayed longer are more loyal cannot be seen in these data."
        warnings.append(Warned("one_rate", words))
    judged, late = None, None
    if before is not None and holdout is not None:
        try:
            _demand(before)
            then = learned(before)
            judged, late = _judged(then, before, holdout), still_paid(then, before, holdout, np.ones(len(before), np.bool_))
        except ModelError:
            pass
    if judged is None:
        words = "Too little was renewed or ended before the days held out: how good the fit is, is not known."
        warnings.append(Warned("no_holdout", words))
    return ContractFit(model, now.period, len(now), int(now.ended.sum()), late, _retention(now, model), tuple(warnings), judged)


def learned(held: Contracts) -> ShiftedBetaGeometric:
    """The model of some contracts: who ended did so at the renewal after their last, all others are there yet.

    Whether a renewal of the last days fails is only known when they are over, so those that were made are not counted either.
    """
    lost, active = ends(held)
    return sbg.fitted(lost, active)


def ends(held: Contracts) -> tuple[Floats, Floats]:
    """How many left at each renewal, and how many are there after each."""
    renewals, ended = held.renewals.astype(np.int64), held.ended
    sure = renewals - ((held.waited < GRACE * held.period) & (renewals > 0))
    most = int(renewals.max(initial=0)) + 1
    lost, active = np.bincount(renewals[ended], minlength=most), np.bincount(sure[~ended], minlength=most + 1)
    return lost.astype(np.float64), active.astype(np.float64)


def still_paid(model: ShiftedBetaGeometric, before: Contracts, holdout: Holdout, of: npt.NDArray[np.bool_]) -> float | None:
    """The share of late contracts, among some, that paid after all; None where none was late."""
    late = before.late & of
    if not late.any():
        return None
    usual = float(np.mean(model.retention(before.renewals[late] + 1)))
    return float(((holdout.orders[late] > 0).sum() + DRAWN_IN * usual) / (late.sum() + DRAWN_IN))


def _demand(held: Contracts) -> None:
    renewed, ended = int((held.renewals > 0).sum()), int(held.ended.sum())
    if min(renewed, ended) < FEWEST:
        raise TooFewRows(
            f"{renewed:,} of {len(held):,} contracts were renewed and {ended:,} have ended: too few to say how leaving goes on",
            hint=f"{FEWEST} of each are needed: take more time, or see whether `period:` is that of the payments",
        )


def of_a_period(first: Floats, last: Floats, payments: Floats, period: str) -> None:
    """See to it that payments come about once a period.

    Raises:
        Degenerate: they do not.
    """
    several = payments > 1
    gaps = (first - last)[several] / (payments[several] - 1)
    usual = float(np.median(gaps)) if len(gaps) else PERIODS[period]
    if not 0.5 <= usual / PERIODS[period] <= 1.5:
        nearest = min(PERIODS, key=lambda one: abs(np.log(usual / PERIODS[one]) if usual else np.inf))
        raise Degenerate(
            f"payments come every {usual:,.0f} days or so, not every {period}",
            hint=f"say `period: {nearest}`" if nearest != period else "leave `process: sbg` out: these are no contracts",
        )


def _retention(held: Contracts, model: ShiftedBetaGeometric) -> tuple[Renewal, ...]:
    lost, active = ends(held)
    out = []
    for n in range(1, min(len(lost), SHOWN) + 1):
        renewed = float(lost[n:].sum() + active[n:].sum())
        came = renewed + float(lost[n - 1])
        if came:
            told = float(model.retention(float(n))), float(model.survival(float(n)))
            out.append(Renewal(n, int(came), renewed / came, *told))
    return tuple(out)


def _judged(model: ShiftedBetaGeometric, before: Contracts, holdout: Holdout) -> Judged | None:
    there = ~before.ended
    held, paid = before.some(there), Holdout(holdout.orders[there], holdout.days)
    steps = held.chances(holdout.days)
    if not len(held) or not steps.any():
        return None
    lost, active = ends(before)
    renewed = float(lost @ np.arange(len(lost)) + active @ np.arange(len(active)))
    rate = renewed / (renewed + float(lost.sum()))
    alike = (1 - rate**steps) / (1 - rate)  # times the chance of the first
    told, low, high = np.zeros((3, len(held)))
    halves = np.arange(len(before)) % 2 == 0
    for half in (halves, ~halves):  # the share of late payments that still come is taken from other customers
        late, place = still_paid(model, before, holdout, ~half), half[there]
        told[place], low[place], high[place] = foreseen(model, held.some(place), holdout.days, late)
        alike[place] *= np.where(held.late[place] & (late is not None), late or 0.0, rate)
    rules = {ALIKE: alike, NOBODY: steps}
    qualities = {name: measured(guess, paid) for name, guess in rules.items()}
    nearest = min(rules, key=lambda name: qualities[name].rmse)
    ahead = better(told, rules[nearest], paid) > CHANCE
    quality = measured(told, paid)
    bias = f"{abs(quality.bias):.0%} too {'many' if quality.bias > 0 else 'few'}"
    words = (
        f"{len(held):,} customers under contract made {quality.actual:,.0f} payments in the {holdout.days:,.0f} days held out; "
        f"{quality.foreseen:,.0f} were foreseen ({bias}). For one customer it is {quality.mae:.2f} payments off on average; "
        f"to say that {ALIKE} is {qualities[ALIKE].mae:.2f} off, that {NOBODY} {qualities[NOBODY].mae:.2f}. "
    )
    if ahead:
        words += "It is better than both, by more than chance (squared errors)."
    else:
        words += f"It is no better than saying that {nearest} (squared errors)."
    within = float(((paid.orders >= low) & (paid.orders <= high)).mean())
    return Judged(holdout.days, len(held), quality, qualities, within, ahead, words)
