"""Scores of customers that a model has not seen: by cross-validation among those fitted, and at a later instant.

The choice between models is made by cross-validation; their quality is told on the later instant where there is one.
Calibration is learned on scores of unseen customers only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coterie.models.prediction import calibration as calibrations
from coterie.models.prediction.calibration import Calibration
from coterie.models.prediction.learners import FITS, Learned, Task
from coterie.models.prediction.links import Link, logit, outcomes
from coterie.models.prediction.quality import loss
from coterie.models.prediction.rules import Constant, rule
from coterie.models.prediction.training import Flags, Floats, Integers


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One kind of model, row by row out of sample.

    Attributes:
        raw: scores on the link's scale.
        told: calibrated probabilities or amounts, by a calibration that has not seen the row either.
        calibration: learned on all out-of-sample scores, for the model that is fitted on everything.
        setting: the middle of those chosen.
        loss: by cross-validation among the rows fitted, which decides between models.
        probe: a model with the rows it has not seen, to measure importance on.
    """

    raw: Floats
    told: Floats
    calibration: Calibration | None
    setting: float
    loss: float
    probe: tuple[Learned, Flags]


def evaluated(task: Task, fold: Integers, floor: float | None) -> dict[str, Evaluated]:
    """Every model out of sample. `floor`: amounts are not told below it."""
    width = task.outcomes.shape[1]
    raw = {name: np.empty((len(task.y), width)) for name in FITS}
    settings: dict[str, list[float]] = {name: [] for name in FITS}
    probes: dict[str, tuple[Learned, Flags]] = {}
    links: dict[str, Link] = {}
    for k in range(int(fold.max()) + 1):
        away = fold == k
        for name, learned in task.learn((fold >= 0) & ~away, dict.fromkeys(FITS)).items():
            raw[name][away] = learned.raw(task.codes[away])
            settings[name].append(learned.setting)
            links[name] = learned.model.link
            probes[name] = (learned, away)
    middle = {name: float(np.sort(found)[len(found) // 2]) for name, found in settings.items()}
    later = fold < 0
    if later.any():
        for name, learned in task.learn(~later, middle).items():
            raw[name][later] = learned.raw(task.codes[later])
            probes[name] = (learned, later)
    return {name: _judged(task, raw[name], links[name], fold, floor, middle[name], probes[name]) for name in FITS}


def _judged(
    task: Task, raw: Floats, link: Link, fold: Integers, floor: float | None, setting: float, probe: tuple[Learned, Flags]
) -> Evaluated:
    train, y = fold >= 0, task.y
    if task.kind == "regression":
        told = outcomes(raw, link) if floor is None else np.maximum(outcomes(raw, link), floor)
        return Evaluated(raw, told, None, setting, loss(y[train], told[train], task.kind), probe)
    if task.kind == "multiclass":
        before = calibrations.temperature(raw[train], y[train])
        told = before.apply(raw)
        after = calibrations.temperature(raw, y)
        return Evaluated(raw, told, after, setting, loss(y[train], told[train], task.kind), probe)
    told = np.empty_like(raw)
    before, told[train, 0] = calibrations.learned(raw[train, 0], y[train], fold[train])
    told[~train] = before.apply(raw[~train])
    after = calibrations.learn(before.method, raw[:, 0], y)
    return Evaluated(raw, told, after, setting, loss(y[train], told[train], task.kind), probe)


def by_rule(task: Task, fold: Integers, name: str) -> Floats:
    """What a rule by one feature tells of rows it was not learned on."""
    place = task.encoding.places(name)[0]
    whole = next(c.kind for c in task.encoding.columns if c.name == name) in ("levels", "means")
    code, wanted = task.codes[:, place], task.outcomes
    told = np.empty_like(wanted)
    for k in np.unique(fold):
        away = fold == k
        train = (fold >= 0) & ~away
        told[away] = rule(code[train], wanted[train], whole).tell(code[away])
    return told


def by_chance(task: Task, rows: Flags) -> Constant:
    """The base rate, the mean or the shares of the answers among some rows."""
    mean = task.outcomes[rows].mean(axis=0)
    if task.kind == "regression":
        return Constant("identity", (float(mean[0]),))
    if task.kind == "classification":
        return Constant("logit", (float(logit(mean)[0]),))
    return Constant("softmax", tuple(np.log(mean).tolist()))


def best(found: Mapping[str, Evaluated]) -> str:
    """The model with the lowest loss; of equal ones the simpler."""
    return min(found, key=lambda name: found[name].loss)


def correlated(codes: Floats, owners: Sequence[str], least: float, rng: np.random.Generator, rows: int = 5000) -> list[list[int]]:
    """Code columns in groups: those of one feature, and those whose ranks correlate more than `least`."""
    from coterie.models.prediction.ranking import midranks

    some = codes[rng.permutation(len(codes))[:rows]]
    filled = np.where(np.isnan(some), -np.inf, some)
    ranks = np.column_stack([midranks(column) for column in filled.T])
    ranks -= ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    ranks /= np.where(length > 0, length, 1.0)
    near = np.abs(ranks.T @ ranks) > least
    group = list(range(len(owners)))
    for i in range(len(owners)):
        for j in range(i):
            if (near[i, j] or owners[i] == owners[j]) and group[i] != group[j]:
                group = [group[j] if g == group[i] else g for g in group]
    return [[i for i, g in enumerate(group) if g == one] for one in dict.fromkeys(group)]
