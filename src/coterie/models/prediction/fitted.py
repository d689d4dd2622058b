"""A prediction from its training samples to plain values, and from these to scores, reasons and drift."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from coterie.core.errors import Degenerate
from coterie.models.prediction import encoding as encodings
from coterie.models.prediction import leaks
from coterie.models.prediction.calibration import Calibration, CalibrationError, calibration_error
from coterie.models.prediction.drift import Distribution, Drift, distribution, distributions, moved
from coterie.models.prediction.evaluation import best, by_chance, by_rule, correlated, evaluated
from coterie.models.prediction.importance import ALIKE, Importance, Reason, importances, variants
from coterie.models.prediction.learners import Learned, Task
from coterie.models.prediction.links import outcomes
from coterie.models.prediction.quality import Quality, Verdict, measured
from coterie.models.prediction.rules import Strength, strengths
from coterie.models.prediction.training import MOST_ROWS, Floats, Kind, Sample, Training, gathered
from coterie.models.prediction.verdict import sentences
from coterie.models.versions import readable

VERSION = 2
"""Since 2, groups of tested customers also say how much what happened varies among them, and rules what their first fifth holds."""
TENTHS = 10
COVERED = 0.9
"""How many amounts fall between `low` and `high`."""
MOST_REFERRED = 50_000
TOO_GOOD = 0.995
UNSURE = "unsure"
"""The answer where none is likely enough to be told."""
SLIGHT = 0.02
"""Reasons with less than this share of the strongest one's effect are not told."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How far amounts fell from what was told, by tenths of what was told: 5 and 95 % points of the difference.

    Split conformal prediction within groups (Vovk, Lindsay, Nouretdinov, Gammerman: Mondrian confidence machine, 2003).
    """

    edges: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]
    floor: float | None

    def interval(self, told: Floats) -> tuple[Floats, Floats]:
        """`low` and `high` of each told amount."""
        group = np.asarray(self.edges).searchsorted(told)
        low, high = told + np.asarray(self.below)[group], told + np.asarray(self.above)[group]
        return (low if self.floor is None else np.maximum(low, self.floor)), high

    def to_json(self) -> dict[str, Any]:
        return {"edges": list(self.edges), "below": list(self.below), "above": list(self.above), "floor": self.floor}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Amounts":
        return Amounts(tuple(found["edges"]), tuple(found["below"]), tuple(found["above"]), found["floor"])


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted prediction. Everything in it is plain values: see to_json.

    Attributes:
        chosen: "linear", "trees", or "constant" where nothing is better than chance.
        losses: what each model lost by cross-validation; the lowest was chosen.
        classes: the answers of a multiclass prediction.
        windows: the instants learned from, the last one the test; `rows`: how many rows with a known outcome there were.
        quality, error: measured out of sample; `error` (calibration) for what happens or not.
        importance: the greatest first; empty for a constant.
        warnings: leaks, and what else a reader must know; `notes`: what was left out or pooled.
        sentences: the verdict in words.
        names: the words for features.
        population: the distribution of the score ("" in drift), then of code columns, at the latest instant.
        tenths: nine scores between the tenths of the population.
        groups: code columns that are replaced together when reasons are sought.
        unsure: of several answers, the least probability with which one is told; below it the answer is `UNSURE`.
    """

    kind: Kind
    chosen: str
    losses: Mapping[str, float]
    learned: Learned
    calibration: Calibration | None
    amounts: Amounts | None
    classes: tuple[str, ...]
    windows: tuple[str, ...]
    rows: int
    seed: int
    quality: Quality
    error: CalibrationError | None
    importance: tuple[Importance, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    sentences: tuple[str, ...]
    names: Mapping[str, str]
    population: tuple[Distribution, ...]
    tenths: tuple[float, ...]
    groups: tuple[tuple[int, ...], ...]
    unsure: float | None = None

    @property
    def verdict(self) -> Verdict:
        return self.quality.verdict

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that a table to be scored must have."""
        return tuple(c.name for c in self.learned.encoding.columns)

    def tell(self, codes: Floats) -> Floats:
        """Code columns → probabilities or amounts, one column an output."""
        raw = self.learned.raw(codes)
        if self.calibration is not None:
            return self.calibration.apply(raw)
        told = outcomes(raw, self.learned.model.link)
        floor = None if self.amounts is None else self.amounts.floor
        return told if floor is None else np.maximum(told, floor)

    def score(self, table: pa.Table, as_of: datetime) -> pa.Table:
        """Predictions of customers as they are known at an instant, row by row; the same row gives the same alone.

        Returns:
            "" (the probability, the amount or the most likely answer) and parts: `tenth` (10 the highest of the population
            fitted on) for probabilities and amounts, `low` and `high` (90 % interval) for amounts, `probability` of the answer.

        Raises:
            MissingColumn: a feature is not in the table.
        """
        told = self.tell(self.learned.encoding.codes(table, as_of))
        if self.kind == "multiclass":
            place, probability = told.argmax(axis=1), told.max(axis=1)
            place[probability < (self.unsure or 0.0)] = len(self.classes)
            answers = np.asarray([*self.classes, UNSURE], dtype=object)
            return pa.table({"": pa.array(answers[place], pa.string()), "probability": probability})
        columns = {"": told[:, 0], "tenth": 1 + np.asarray(self.tenths).searchsorted(told[:, 0])}
        if self.amounts is not None:
            columns["low"], columns["high"] = self.amounts.interval(told[:, 0])
        return pa.table(columns)

    def reasons(self, row: pa.Table, as_of: datetime, most: int = 3) -> tuple[Reason, ...]:
        """Why one customer's prediction is as it is: up to `most` features that raise it and as many that lower it, the
        strongest first. Each is replaced by its typical value (features that tell the same together), so effects need not
        add up.

        Raises:
            MissingColumn: a feature is not in the row.
        """
        encoding = self.learned.encoding
        codes = encoding.codes(row.slice(0, 1), as_of)[0]
        told = self.tell(variants(codes, self.groups, encoding.typical))
        output = int(told[0].argmax())
        effects = told[0, output] - told[1:, output]
        order = np.argsort(-np.abs(effects), kind="stable")
        least = SLIGHT * np.abs(effects).max(initial=0.0)
        up = [i for i in order if effects[i] > least][:most]
        down = [i for i in order if effects[i] < -least][:most]
        return tuple(self._reason(int(i), codes, float(effects[i])) for i in [*up, *down])

    def _reason(self, group: int, codes: Floats, effect: float) -> Reason:
        encoding = self.learned.encoding
        owners, typical = encoding.owners, encoding.typical
        columns = {c.name: c for c in encoding.columns}
        # Of features that tell the same, the one is shown in which this customer is not typical.
        members = sorted(self.groups[group], key=lambda i: codes[i] == typical[i])
        name = owners[members[0]]
        column, said = columns[name], self.names.get(name, name)
        if column.kind == "set":
            places = encoding.places(name)
            value, usual = (_entries(column.levels, at[places]) for at in (codes, typical))
        else:
            value, usual = column.shown(codes[members[0]]), column.shown(typical[members[0]])
        does = "raises" if effect > 0 else "lowers"
        return Reason(name, value, usual, effect, f"{said} {value} (typical: {usual}) {does} it")

    def to_json(self) -> dict[str, Any]:
        """Plain values: numbers, texts, lists and mappings."""
        return {
            "version": VERSION,
            "kind": self.kind,
            "chosen": self.chosen,
            "losses": dict(self.losses),
            "learned": self.learned.to_json(),
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "amounts": None if self.amounts is None else self.amounts.to_json(),
            "classes": list(self.classes),
            "windows": list(self.windows),
            "rows": self.rows,
            "seed": self.seed,
            "quality": self.quality.to_json(),
            "error": None if self.error is None else self.error.to_json(),
            "importance": [i.to_json() for i in self.importance],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "sentences": list(self.sentences),
            "names": dict(self.names),
            "population": [d.to_json() for d in self.population],
            "tenths": list(self.tenths),
            "groups": [list(g) for g in self.groups],
            "unsure": self.unsure,
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Fit":
        """A fit from its plain values.

        Raises:
            NotFitted: a newer version wrote them.
        """
        readable(found, VERSION, "this prediction was")
        error, calibration, amounts = found["error"], found["calibration"], found["amounts"]
        return Fit(
            kind=found["kind"],
            chosen=found["chosen"],
            losses=dict(found["losses"]),
            learned=Learned.from_json(found["learned"]),
            calibration=None if calibration is None else Calibration.from_json(calibration),
            amounts=None if amounts is None else Amounts.from_json(amounts),
            classes=tuple(found["classes"]),
            windows=tuple(found["windows"]),
            rows=found["rows"],
            seed=found["seed"],
            quality=Quality.from_json(found["quality"]),
            error=None if error is None else CalibrationError.from_json(error),
            importance=tuple(Importance.from_json(i) for i in found["importance"]),
            warnings=tuple(found["warnings"]),
            notes=tuple(found["notes"]),
            sentences=tuple(found["sentences"]),
            names=dict(found["names"]),
            population=tuple(Distribution.from_json(d) for d in found["population"]),
            tenths=tuple(found["tenths"]),
            groups=tuple(tuple(g) for g in found["groups"]),
            unsure=found.get("unsure"),
        )


def fit(
    samples: Sequence[Sample],
    *,
    kind: Kind,
    seed: int,
    names: Mapping[str, str] | None = None,
    happens: str = "do it",
    recency: str | None = None,
    last_period: str | None = None,
    keep: Collection[str] = (),
    dated: Collection[str] = (),
    unsure: float | None = None,
    most_rows: int = MOST_ROWS,
) -> Fit:
    """Fit a prediction, choose its model, and measure it out of sample against what needs no model.

    Args:
        samples: one or more instants. With several the latest is the test; the fit that is kept then learns from all.
        seed: the same samples and seed give the same fit.
        names: words for features, for people.
        happens: what is predicted, as it follows a share of customers: "order within 30 days".
        recency: the feature that tells how long ago the last event was; the rule that sorts by it is a baseline.
        last_period: for amounts, the feature that holds the same amount of the period before; a baseline as it stands.
        keep: features that are not refused though they tell the outcome nearly perfectly.
        dated: features computed from what happened before the instant, which cannot leak the outcome.
        unsure: of several answers, the least probability with which one is told.
        most_rows: more rows are drawn at random; 200,000 are enough for every number told.

    Raises:
        TooFewRows, Degenerate: says what would be needed.
    """
    names = dict(names or {})
    rng = np.random.default_rng(seed)
    training = gathered(samples, kind, rng, most_rows)
    encoding = encodings.learn([(s.table, s.as_of) for s in training.samples])
    codes = np.vstack([encoding.codes(s.table, s.as_of) for s in training.samples])
    codes = np.asfortranarray(codes)
    seen = training.fold >= 0
    classes = len(training.classes)
    alone = strengths(codes[seen], encoding, training.y[seen], kind, classes, training.part[seen])
    leaking = leaks.found(_suspect(alone, training, codes, encoding, kind, {*keep, *dated}), kind, keep, dated)
    warnings = list(leaking.warnings)
    if leaking.refused:
        codes = np.asfortranarray(codes[:, encoding.kept(leaking.refused)])
        encoding = encoding.without(leaking.refused)
        if not encoding.columns:
            raise Degenerate(
                f"every feature tells the outcome nearly perfectly: {', '.join(leaking.refused)}",
                hint="name features that are known before the outcome",
            )
    task = Task(kind, classes, encoding, codes, training.y, training.part, seed)
    floor = float(training.y.min()) if kind == "regression" and training.y.min() >= 0 else None
    candidates = evaluated(task, training.fold, floor)
    chosen = best(candidates)
    tested = training.tested
    rules = _rules(task, training, [s.name for s in alone if s.name not in leaking.refused], recency, last_period, names)
    chance = by_chance(task, seen)
    told_by_chance = outcomes(chance.raw(codes[tested]), chance.link)
    quality = measured(training.y[tested], candidates[chosen].told[tested], rules, told_by_chance, kind, not seen.all())
    if unsure is not None:
        quality = _when_sure(quality, training.y[tested], candidates[chosen].told[tested], unsure)
    error = None
    if kind == "classification":
        error = calibration_error(training.y[tested], candidates[chosen].told[tested, 0], rng)
        if quality.measures["auc"] > TOO_GOOD:
            warnings.append(
                f"AUC {quality.measures['auc']:.3f} is too good for a forecast: some features together may know the outcome."
            )
    everybody = np.ones(len(training.y), np.bool_)
    drives: tuple[Importance, ...] = ()
    if quality.verdict == "no better than chance":
        chosen, learned, calibration = "constant", Learned(encoding, {}, by_chance(task, everybody)), None
        told = outcomes(learned.raw(codes), learned.model.link)
    else:
        winner = candidates[chosen]
        learned, calibration, told = task.learn(everybody, {chosen: winner.setting})[chosen], winner.calibration, winner.told
        probe, rows = winner.probe
        drives = importances(probe, codes[rows], training.y[rows], kind, rng)
    drawn = Fit(
        kind=kind,
        chosen=chosen,
        losses={name: candidate.loss for name, candidate in candidates.items()},
        learned=learned,
        calibration=calibration,
        amounts=_amounts(training.y, told[:, 0], floor) if kind == "regression" else None,
        classes=training.classes,
        windows=tuple(s.as_of.isoformat() for s in training.samples),
        rows=training.known,
        seed=seed,
        quality=quality,
        error=error,
        importance=drives,
        warnings=tuple(warnings),
        notes=(*training.notes, *encoding.notes),
        sentences=sentences(quality, error, happens, training.classes),
        names=names,
        population=(),
        tenths=(),
        groups=tuple(tuple(g) for g in correlated(codes, encoding.owners, ALIKE, rng)),
        unsure=unsure,
    )
    return _with_population(drawn, max(samples, key=lambda s: s.as_of), rng)


def _when_sure(quality: Quality, y: Floats, told: Floats, unsure: float) -> Quality:
    """The quality with how many get an answer, and how many of these the right one."""
    sure = told.max(axis=1) >= unsure
    right = float((told.argmax(axis=1) == y)[sure].mean()) if sure.any() else 0.0
    return replace(quality, measures={**quality.measures, "sure": float(sure.mean()), "right_when_sure": right})


def _suspect(
    alone: Sequence[Strength], training: Training, codes: Floats, encoding: encodings.Encoding, kind: Kind, trusted: Collection[str]
) -> Sequence[Strength]:
    """How well features tell the outcome, where they are not trusted also that of the test: what was written down lately knows
    the latest outcome alone, and would make the quality told there too good."""
    tested = training.fold < 0
    if not tested.any() or all(s.name in trusted for s in alone):
        return alone
    shown, y = codes[tested], training.y[tested]
    then = {s.name: s.value for s in strengths(shown, encoding, y, kind, len(training.classes), training.part[tested])}
    found = [s if s.name in trusted else replace(s, value=max(s.value, then[s.name])) for s in alone]
    return sorted(found, key=lambda s: -s.value)


def drift(fit: Fit, table: pa.Table, as_of: datetime) -> tuple[Drift, ...]:
    """How far customers have moved since the fit: the score ("") first, then features, the most moved first.

    Raises:
        MissingColumn: a feature is not in the table.
    """
    encoding = fit.learned.encoding
    codes = encoding.codes(table, as_of)
    score, *features = fit.population
    found: dict[str, Drift] = {}
    for name, then, values in zip(encoding.owners, features, codes.T, strict=True):
        one = moved(name, then, values)
        if name not in found or one.psi > found[name].psi:
            found[name] = one
    return (moved("", score, _sorted_by(fit.kind, fit.tell(codes))), *sorted(found.values(), key=lambda d: -d.psi))


def _sorted_by(kind: Kind, told: Floats) -> Floats:
    """The number that customers are sorted by: what is told, or how sure the most likely answer is."""
    return told.max(axis=1) if kind == "multiclass" else told[:, 0]


def _with_population(fit: Fit, latest: Sample, rng: np.random.Generator) -> Fit:
    """The fit with how its score and features are spread among customers of the latest instant, known outcome or not."""
    n = len(latest.outcome)
    rows = np.sort(rng.choice(n, MOST_REFERRED, replace=False)) if n > MOST_REFERRED else np.arange(n)
    codes = fit.learned.encoding.codes(latest.table.take(pa.array(rows)), latest.as_of)
    score = _sorted_by(fit.kind, fit.tell(codes))
    tenths = np.quantile(score, np.arange(1, TENTHS) / TENTHS)
    return replace(
        fit,
        population=(distribution(score), *distributions(codes, fit.learned.encoding)),
        tenths=tuple(tenths.tolist()),
    )


def _rules(
    task: Task,
    training: Training,
    strongest: Sequence[str],
    recency: str | None,
    last_period: str | None,
    names: Mapping[str, str],
) -> list[tuple[str, Floats]]:
    """What simple rules tell of the tested rows: recency and the strongest single feature, for amounts the last period."""
    tested = training.tested
    wanted = [name for name in dict.fromkeys((recency, *strongest[:1])) if name is not None and name in strongest]
    rules = [(names.get(name, name), by_rule(task, training.fold, name)[tested]) for name in wanted]
    if task.kind == "regression" and last_period is not None and last_period in strongest:
        before = np.nan_to_num(task.codes[tested][:, task.encoding.places(last_period)[0]])[:, None]
        rules.append((f"the same as before ({names.get(last_period, last_period)})", before))
    return rules


def _amounts(y: Floats, told: Floats, floor: float | None) -> Amounts:
    """Intervals around told amounts, from rows that were out of sample."""
    edges = np.unique(np.quantile(told, np.arange(1, TENTHS) / TENTHS))
    group, away = edges.searchsorted(told), y - told
    tail = (1 - COVERED) / 2
    ends = [np.quantile(away[group == g] if (group == g).any() else away, (tail, 1 - tail)) for g in range(len(edges) + 1)]
    return Amounts(tuple(edges.tolist()), tuple(float(e[0]) for e in ends), tuple(float(e[1]) for e in ends), floor)


def _entries(levels: Sequence[str], flags: Floats) -> str:
    """The entries of a set."""
    return ", ".join(level for level, flag in zip(levels, flags, strict=True) if flag == 1) or "none"
