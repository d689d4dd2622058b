"""A short typing tool: the fewest questions that tell a respondent's group, and how often they do; and the group of those who
answered nothing, from their traits. Below a chosen confidence the answer is "unsure".

Questions are added one at a time, each time the one with which most respondents are told right who were left out of learning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from coterie.core.errors import TooFewRows
from coterie.core.words import counted
from coterie.models.clusters.columns import Encoding, learn
from coterie.models.surveys.discriminant import Discriminant, Floats, Labels, folds, moments, out_of_fold, tempered
from coterie.models.versions import readable

VERSION = 1
UNSURE = "unsure"
CONFIDENCE = 0.6
QUESTIONS = 8
"""How many questions a typing tool has at most."""
GAIN = 0.01
"""A question more has to tell this share of respondents more."""
FEWEST = 10
"""Respondents in each group."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question more, and the share of respondents told right with all so far, who were left out of learning."""

    question: str
    accuracy: float


@dataclass(frozen=True, slots=True)
class Projection:
    """How to tell a group from some columns.

    Attributes:
        encoding: how the columns become numbers; discriminant: how these become probabilities.
        groups: the groups' names.
        confidence: below this the answer is "unsure".
        accuracy: the share told right when everybody is told; sure: the share for whom the answer is not "unsure";
            accuracy_when_sure: the share of these told right. All on respondents left out of learning.
        base: the share told right by naming the largest group for everybody.
        steps: of a typing tool, its questions in the order in which they help.
        respondents: from how many it was learned; notes: what to know, in words.
    """

    encoding: Encoding
    discriminant: Discriminant
    groups: tuple[str, ...]
    confidence: float
    accuracy: float
    sure: float
    accuracy_when_sure: float
    base: float
    steps: tuple[Step, ...]
    respondents: int
    notes: tuple[str, ...]

    @property
    def questions(self) -> tuple[str, ...]:
        return self.encoding.names

    def score(self, table: pa.Table) -> pa.Table:
        """For each row `label` (a group, or "unsure"; missing where nothing is known), `probability` of the likeliest group."""
        p = self.discriminant.probabilities(self.encoding.matrix(table))
        best = p.argmax(axis=1)
        probability = p[np.arange(len(p)), best]
        labels = np.array([*self.groups, UNSURE], object)[np.where(probability >= self.confidence, best, len(self.groups))]
        unknown = self.encoding.nothing_known(table)
        return pa.table({"label": pa.array(labels, pa.string(), mask=unknown), "probability": pa.array(probability, mask=unknown)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"version": VERSION, "encoding": self.encoding.to_json()}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Projection":
        """The projection that `to_json` wrote.

        Raises:
            NotFitted: it was written by a newer version.
        """
        values = readable(found, VERSION, "these questions were")
        scores = values["discriminant"]
        weights = tuple(tuple(row) for row in scores["weights"])
        made = {
            "encoding": Encoding.from_json(values["encoding"]),
            "discriminant": Discriminant(weights, tuple(scores["constants"]), scores["temper"]),
            "groups": tuple(values["groups"]),
            "steps": tuple(Step(**step) for step in values["steps"]),
            "notes": tuple(values["notes"]),
        }
        return Projection(**(values | made))


def typing_tool(
    answers: pa.Table, labels: Sequence[str | None], *, questions: int = QUESTIONS, confidence: float = CONFIDENCE, seed: int = 0
) -> Projection:
    """The fewest questions that tell the group.

    Args:
        answers: a row for each respondent, a column for each question that may be asked.
        labels: each respondent's group; None: not known, left out.
        questions: how many at most. confidence: below it the answer is "unsure". seed: how respondents are split.

    Raises:
        TooFewRows: fewer than two groups of ten respondents.
    """
    table, named, group = _known(answers, labels)
    encoding = learn(table)
    x = encoding.matrix(table)
    spans = {column.name: list(range(span.start, span.stop)) for column, span in encoding.spans()}
    fold = folds(group, seed)
    parts = [moments(x[fold != f], group[fold != f], len(named)) for f in np.unique(fold)]
    steps: list[Step] = []
    chosen: list[int] = []
    while len(steps) < min(questions, len(spans)):
        left = [name for name in spans if name not in {step.question for step in steps}]
        tried = {name: _accuracy(out_of_fold(x, parts, fold, [*chosen, *spans[name]]), group) for name in left}
        name = max(tried, key=lambda one: tried[one])
        if steps and tried[name] < steps[-1].accuracy + GAIN:
            break
        steps.append(Step(name, round(tried[name], 4)))
        chosen += spans[name]
    everything = _accuracy(out_of_fold(x, parts, fold, range(x.shape[1])), group)
    found = project(table.select([step.question for step in steps]), [named[g] for g in group], confidence=confidence, seed=seed)
    said = (
        f"{counted(len(steps), 'question tells', 'questions tell')} {100 * found.accuracy:.0f} % of respondents right, "
        f"all {len(spans)} would {100 * everything:.0f} %, naming the largest group {100 * found.base:.0f} %."
    )
    return replace(found, steps=tuple(steps), notes=(said, *found.notes))


def project(table: pa.Table, labels: Sequence[str | None], *, confidence: float = CONFIDENCE, seed: int = 0) -> Projection:
    """How to tell the group of those who were not asked, from what is known of everybody.

    Args:
        table: a row for each respondent, a column for each trait that others have too.
        labels: each respondent's group; None: not known, left out.
        confidence: below it the answer is "unsure". seed: how respondents are split.

    Raises:
        TooFewRows: fewer than two groups of ten respondents.
    """
    table, named, group = _known(table, labels)
    encoding = learn(table)
    x = encoding.matrix(table)
    fold = folds(group, seed)
    parts = [moments(x[fold != f], group[fold != f], len(named)) for f in np.unique(fold)]
    columns = range(x.shape[1])
    temper = tempered(x, group, parts, fold, columns)
    p = out_of_fold(x, parts, fold, columns, temper)
    right, sure = p.argmax(axis=1) == group, p.max(axis=1) >= confidence
    accuracy, base = float(right.mean()), float(np.bincount(group).max() / len(group))
    when_sure = float(right[sure].mean()) if sure.any() else 0.0
    certain = f"Sure of {100 * sure.mean():.0f} % of respondents, and right for {100 * when_sure:.0f} % of these"
    notes = [f"{certain}; the others are called {UNSURE}."]
    if accuracy < base + GAIN:
        notes.append("That is no better than naming the largest group for everybody.")
    return Projection(
        encoding=encoding,
        discriminant=moments(x, group, len(named)).discriminant(columns, temper),
        groups=named,
        confidence=confidence,
        accuracy=round(accuracy, 4),
        sure=round(float(sure.mean()), 4),
        accuracy_when_sure=round(when_sure, 4),
        base=round(base, 4),
        steps=(),
        respondents=len(group),
        notes=tuple(notes),
    )


def _known(table: pa.Table, labels: Sequence[str | None]) -> tuple[pa.Table, tuple[str, ...], Labels]:
    """The rows whose group is known, the groups' names, and each row's."""
    rows = np.array([j for j, label in enumerate(labels) if label is not None], np.intp)
    named = tuple(sorted({str(labels[j]) for j in rows}))
    group = np.array([named.index(str(labels[j])) for j in rows], np.intp)
    if len(named) < 2 or np.bincount(group).min() < FEWEST:
        sizes = ", ".join(f"{name} {count:,}" for name, count in zip(named, np.bincount(group, minlength=1), strict=False))
        raise TooFewRows(
            f"telling groups apart takes two or more of at least {FEWEST} respondents each (here: {sizes or 'none'})",
            hint="leave small groups out, or ask more people",
        )
    return table.take(pa.array(rows)), named, group


def _accuracy(p: Floats, group: Labels) -> float:
    return float((p.argmax(axis=1) == group).mean())
