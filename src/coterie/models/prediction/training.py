"""What a prediction learns from: customers as they were known at an instant, with what came afterwards.

Samples of several instants are split by time: the latest one is the test, so that the quality told is the quality of a
forecast. With one instant (a trait that is known of some customers only) every customer is scored by a model that has
seen neither that customer nor, where a customer stands in several samples, another row of theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from coterie.core.errors import Degenerate, ModelError, TooFewRows
from coterie.core.words import counted

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Kind = Literal["classification", "regression", "multiclass"]

ENOUGH_ROWS = 100
ENOUGH_OF_A_CLASS = 20
MOST_ROWS = 200_000
"""More rows are not fitted: the standard error of an AUC is then about .001, less than what a refit moves it."""
FEW_FOLDS_FROM = 50_000
NAMED = 10
"""So many answers that are too rare to be predicted are named."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Customers as of one instant.

    Attributes:
        as_of: naive, UTC; everything in `table` was known then.
        table: one row a customer, one column a feature.
        outcome: what came afterwards, or is known of some only: bool, float (NaN is missing) or text (None is missing).
        customers: a number for each customer, the same in every sample; None where each row is a customer of its own.
        until: when the outcome was complete; a sample whose outcome reaches past the as_of of the test is left out.
    """

    as_of: datetime
    table: pa.Table
    outcome: npt.NDArray[Any]
    customers: Integers | None = None
    until: datetime | None = None

    def take(self, rows: npt.NDArray[Any]) -> "Sample":
        """Some of its rows, by number or as a mask."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        customers = None if self.customers is None else self.customers[rows]
        return replace(self, table=self.table.take(pa.array(rows)), outcome=self.outcome[rows], customers=customers)


@dataclass(frozen=True, slots=True)
class Training:
    """The rows that are fitted and tested, sample after sample.

    Attributes:
        samples: the samples whose rows follow each other, the test last.
        y: the outcome: 0 or 1, an amount, or the place in `classes`.
        customers: who each row is.
        fold: which rows are scored together by a model that has not seen them; −1 is the test, fitted on all the others.
        part: five parts by customer, for what is learned by cross-fitting inside of a fit.
        classes: the texts that a multiclass outcome takes.
        notes: what was left out, in words.
        known: how many rows had a known outcome before any were left out for their number.
    """

    samples: tuple[Sample, ...]
    y: Floats
    customers: Integers
    fold: Integers
    part: Integers
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    known: int

    @property
    def tested(self) -> Flags:
        """The rows on which quality is measured: the latest instant, else all."""
        later = self.fold < 0
        return later if later.any() else np.ones_like(later)


def gathered(samples: Sequence[Sample], kind: Kind, rng: np.random.Generator, most: int = MOST_ROWS) -> Training:
    """Samples as one training set, thinned to `most` rows, split by time and customer.

    Raises:
        TooFewRows: too few customers, or too few of one outcome; says how many are needed.
        Degenerate: all outcomes are the same.
    """
    if not samples:
        raise TooFewRows("there is no sample to learn from", hint="at least one instant with features and outcomes is needed")
    notes: list[str] = []
    ordered = [_known(sample, kind) for sample in sorted(samples, key=lambda s: s.as_of)]
    ordered = _before(ordered, notes)
    known = sum(len(s.outcome) for s in ordered)
    ordered = [_thinned(s, max(ENOUGH_ROWS, most * len(s.outcome) // max(known, 1)), rng) for s in ordered]
    fitted = sum(len(s.outcome) for s in ordered)
    if fitted < known:
        notes.append(f"fitted on {fitted:,} of {known:,} rows, drawn at random")
    customers = _customers(ordered)
    sizes = [len(s.outcome) for s in ordered]
    test = np.repeat(np.arange(len(sizes)), sizes) == len(sizes) - 1 if len(sizes) > 1 else np.zeros(fitted, np.bool_)
    y, classes = _outcome(ordered, customers, test, kind, notes)
    usable = ~np.isnan(y)
    _demand(y, customers, usable & ~test, usable & test, kind, classes)
    strata = np.nan_to_num(y) if kind != "regression" else np.zeros(fitted)
    count = 3 if fitted >= FEW_FOLDS_FROM else 5
    fold = np.where(test, -1, dealt(customers, strata, count, rng))
    training = Training(tuple(ordered), y, customers, fold, dealt(customers, strata, 5, rng), classes, tuple(notes), known)
    return training if usable.all() else _without(training, usable)


def dealt(customers: Integers, strata: Floats, hands: int, rng: np.random.Generator) -> Integers:
    """Deal customers out to equal hands, each with the same share of every stratum; all rows of a customer to one hand."""
    who, first, place = np.unique(customers, return_index=True, return_inverse=True)
    order = np.lexsort((rng.random(len(who)), strata[first]))
    hand = np.empty(len(who), np.int64)
    hand[order] = np.arange(len(who)) % hands
    return hand[place]


def _known(sample: Sample, kind: Kind) -> Sample:
    outcome = sample.outcome
    if kind == "multiclass":
        known = np.fromiter((v is not None and v == v for v in outcome.tolist()), np.bool_, len(outcome))
    else:
        try:
            outcome = np.asarray([np.nan if v is None else v for v in outcome] if outcome.dtype == object else outcome, np.float64)
        except (TypeError, ValueError):
            raise ModelError(
                f"the outcome has to be a number or yes or no, and is {outcome[0]!r}",
                hint="predict a text as one of several classes",
            ) from None
        known = np.isfinite(outcome)
    return replace(sample, outcome=outcome) if known.all() else replace(sample, outcome=outcome).take(known)


def _before(samples: list[Sample], notes: list[str]) -> list[Sample]:
    """Leave out training samples whose outcomes were not complete when the test begins."""
    test = samples[-1]
    kept = [s for s in samples[:-1] if s.until is None or s.until <= test.as_of]
    if len(kept) < len(samples) - 1:
        left = ", ".join(s.as_of.date().isoformat() for s in samples[:-1] if s not in kept)
        notes.append(f"left out {left}: its outcomes reach past {test.as_of.date()}, where the test begins")
    return [*kept, test]


def _thinned(sample: Sample, most: int, rng: np.random.Generator) -> Sample:
    n = len(sample.outcome)
    return sample if n <= most else sample.take(np.sort(rng.choice(n, most, replace=False)))


def _outcome(
    samples: Sequence[Sample], customers: Integers, test: Flags, kind: Kind, notes: list[str]
) -> tuple[Floats, tuple[str, ...]]:
    """Outcomes as numbers; of texts, those that too few have are missing."""
    joined = np.concatenate([s.outcome for s in samples])
    if kind != "multiclass":
        return joined.astype(np.float64), ()
    texts, place = np.unique(joined.astype(str), return_inverse=True)
    count = np.asarray([_people(customers[(place == i) & ~test]) for i in range(len(texts))], np.int64)
    often = count >= ENOUGH_OF_A_CLASS
    if not often.all():
        order = np.argsort(-count[~often], kind="stable")
        rare = [f"{texts[~often][i]} ({count[~often][i]})" for i in order[:NAMED]]
        more = len(order) - len(rare)
        listed = ", ".join(rare) + (f" and {more:,} more" if more else "")
        notes.append(f"never predicted, as fewer than {ENOUGH_OF_A_CLASS} customers have it: {listed}")
    number = np.where(often, np.cumsum(often) - 1.0, np.nan)
    return number[place], tuple(str(t) for t in texts[often])


def _people(customers: Integers) -> int:
    """How many different customers there are: rows of the same one are dealt to the same hand."""
    return len(np.unique(customers))


def _customers(samples: Sequence[Sample]) -> Integers:
    numbers = [s.customers for s in samples if s.customers is not None]
    if len(numbers) < len(samples):
        return np.arange(sum(len(s.outcome) for s in samples))
    return np.concatenate(numbers).astype(np.int64)


def _demand(y: Floats, customers: Integers, train: Flags, test: Flags, kind: Kind, classes: tuple[str, ...]) -> None:
    """Refuse what cannot be learned from, and say what would be needed."""
    alike = kind == "multiclass" and len(classes) < 2
    learned, tested = len(y) if alike else int(train.sum()), int(test.sum())
    if alike and learned >= ENOUGH_ROWS:
        raise Degenerate(
            f"{'no answer' if not classes else 'only one answer'} was given by {ENOUGH_OF_A_CLASS} customers or more:"
            " there is nothing to tell apart",
            hint=f"at least two answers that {ENOUGH_OF_A_CLASS} customers or more gave are needed: predict a coarser one",
        )
    if learned < ENOUGH_ROWS or 0 < tested < ENOUGH_ROWS // 2:
        found = f"{counted(learned, 'row')} to learn from" + (f" and {tested:,} to test on" if tested else "")
        raise TooFewRows(
            f"{found}: too few to predict from",
            hint=f"needed are {ENOUGH_ROWS} with a known outcome{f' and {ENOUGH_ROWS // 2} later ones' if tested else ''}:"
            " more customers, or more instants in the past",
        )
    if kind == "regression" and np.ptp(y[train]) == 0:
        raise Degenerate(
            f"the outcome is {y[train][0]:g} for everybody: there is nothing to predict", hint="another window or amount"
        )
    if kind != "classification":
        return
    for rows, enough, where in ((train, ENOUGH_OF_A_CLASS, "to learn from"), (test, ENOUGH_OF_A_CLASS // 2, "in the test")):
        if not rows.any():
            continue
        yes, no = _people(customers[rows & (y == 1)]), _people(customers[rows & (y == 0)])
        if not yes or not no:
            raise Degenerate(
                f"the outcome is {'yes' if yes else 'no'} for all {int(rows.sum()):,} rows {where}: there is nothing to tell apart",
                hint="choose a longer or shorter window, or instants at which both happened",
            )
        if min(yes, no) < enough:
            raise TooFewRows(
                f"of the customers {where}, {min(yes, no)} only have the outcome {'yes' if yes < no else 'no'}",
                hint=f"at least {enough} are needed: a longer window, or more instants in the past",
            )


def _without(training: Training, usable: Flags) -> Training:
    """Drop rows whose class is too rare to be predicted."""
    ends = np.cumsum([0, *(len(s.outcome) for s in training.samples)])
    pieces = [s.take(usable[a:b]) for s, a, b in zip(training.samples, ends[:-1], ends[1:], strict=True)]
    return replace(
        training,
        samples=tuple(pieces),
        y=training.y[usable],
        customers=training.customers[usable],
        fold=training.fold[usable],
        part=training.part[usable],
    )
