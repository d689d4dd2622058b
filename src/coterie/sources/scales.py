"""Questionnaires: which columns are answers on one scale, which belong together, and which are put the other way round."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coterie.language.names import written
from coterie.language.types import INTEGER
from coterie.sources.seen import SeenColumn, SeenFile
from coterie.sources.vocabulary import meanings, slug

Matrix = npt.NDArray[np.float64]
TOGETHER = 0.2
"""Mean absolute correlation from which two groups of answers are put together."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Answers that go together.

    Attributes:
        name: a word for it.
        items: the columns; `reversed` are those among them whose answers run against the others.
        low, high: the ends of the answers.
        by_name: they were put together by their names, not by their correlations.
    """

    name: str
    items: tuple[str, ...]
    reversed: tuple[str, ...]
    low: int
    high: int
    by_name: bool

    @property
    def expression(self) -> str:
        """The mean of the answers, turned where they have to be; missing where one is."""
        turn = self.low + self.high
        parts = [f"({turn} - {written(i)})" if i in self.reversed else written(i) for i in self.items]
        return f"({' + '.join(parts)}) / {len(parts)}"


def scales(file: SeenFile) -> tuple[Scale, ...]:
    """The scales of a questionnaire: at least four columns of whole numbers over the same few steps, named alike."""
    answers = [c for c in file.columns.values() if _answer(c)]
    stems: dict[str, list[SeenColumn]] = {}
    for column in answers:
        stem = re.sub(r"[\s_.\-]*\d+$", "", column.name)
        stems.setdefault(stem, []).append(column)
    groups = {stem: columns for stem, columns in stems.items() if len(columns) >= 3}
    items = [c for columns in groups.values() for c in columns]
    if len(items) < 4:
        return ()
    low = min(c.range()[0] for c in items)
    high = max(c.range()[1] for c in items)
    if any(c.range()[1] < high - 1 for c in items):
        return ()
    out = []
    if len(groups) > 1:
        parts = [(slug(stem) or "scale", columns) for stem, columns in groups.items()]
    else:
        found = _together(items)
        stem = slug(next(iter(groups))) or "scale"
        parts = [(f"{g[0].name}_{g[-1].name}".lower() if len(found) > 1 else stem, g) for g in found]
    for name, columns in parts:
        turned = _turned(columns)
        names = tuple(c.name for c in columns)
        out.append(Scale(f"{name}_score", names, tuple(names[i] for i in turned), low, high, len(groups) > 1))
    return tuple(out)


def _answer(column: SeenColumn) -> bool:
    if column.type != INTEGER or not 3 <= column.distinct <= 11 or not re.search(r"\d$", column.name):
        return False
    low, high = column.range()
    return bool(low in (0, 1) and 3 <= high <= 10 and column.known >= 0.5 * len(column.values) and not meanings(column.name))


def _correlations(columns: list[SeenColumn]) -> Matrix:
    """Pearson's correlations over the rows on which both are known."""
    n = len(columns)
    out: Matrix = np.eye(n)
    for i in range(n):
        for j in range(i):
            x, y = columns[i].numbers, columns[j].numbers
            good = ~(np.isnan(x) | np.isnan(y))
            if good.sum() < 20 or np.var(x[good]) == 0 or np.var(y[good]) == 0:
                continue
            out[i, j] = out[j, i] = float(np.corrcoef(x[good], y[good])[0, 1])
    return out


def _together(columns: list[SeenColumn]) -> list[list[SeenColumn]]:
    """Average linkage over absolute correlations, in the order of the file."""
    r = np.abs(_correlations(columns))
    groups = [[i] for i in range(len(columns))]
    while len(groups) > 1:
        best, pair = TOGETHER, None
        for a in range(len(groups)):
            for b in range(a):
                near = float(np.mean(r[np.ix_(groups[a], groups[b])]))
                if near > best:
                    best, pair = near, (b, a)
        if pair is None:
            break
        groups[pair[0]] = sorted(groups[pair[0]] + groups[pair[1]])
        del groups[pair[1]]
    return [[columns[i] for i in group] for group in sorted(groups) if len(group) >= 3]


def _turned(columns: list[SeenColumn]) -> list[int]:
    """Positions of the answers that run against the others: the signs of the first principal component, most of them +."""
    r = _correlations(columns)
    _, vectors = np.linalg.eigh(r)
    first = vectors[:, -1]
    if np.sum(first > 0) < len(first) / 2 or (np.sum(first > 0) == len(first) / 2 and first[0] < 0):
        first = -first
    return [i for i, v in enumerate(first) if v < 0]
