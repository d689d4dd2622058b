"""Which of many features are worth asking of every day that a forecast learns from, told by one of these days.

Features found by themselves are many, and most say what another says already, or nothing. The day is never the one that quality
is measured on, so what is told of quality is not touched by the choice.
"""

from collections.abc import Collection

import numpy as np

from coterie.core.errors import ModelError
from coterie.models.prediction import encoding as encodings
from coterie.models.prediction.evaluation import correlated
from coterie.models.prediction.rules import strengths
from coterie.models.prediction.training import Kind, Sample, gathered

MOST = 40
SAME = 0.97
"""Of features whose ranks correlate more than this one is kept, the strongest."""
ROWS = 50_000


def worth_asking(sample: Sample, kind: Kind, seed: int, always: Collection[str] = (), most: int = MOST) -> list[str]:
    """The features that tell the outcome of a day best, each by itself, in the order of the table.

    Args:
        always: features that are kept whatever they tell.
        most: how many others are kept.

    Returns:
        All features where they are no more than that, or where the day has too few customers to tell.
    """
    names = list(sample.table.column_names)
    if len(names) <= most:
        return names
    rng = np.random.default_rng(seed)
    try:
        training = gathered([sample], kind, rng, ROWS)
        [known] = training.samples
        encoding = encodings.learn([(known.table, known.as_of)])
    except ModelError:
        return names
    codes = encoding.codes(known.table, known.as_of)
    alone = strengths(codes, encoding, training.y, kind, len(training.classes), training.part)
    owners = encoding.owners
    group = {owners[i]: n for n, together in enumerate(correlated(codes, owners, SAME, rng)) for i in together}
    kept, told = set[str](), set[int]()
    for strength in alone:
        if len(kept) < most and group[strength.name] not in told:
            kept.add(strength.name)
            told.add(group[strength.name])
    return [name for name in names if name in kept or name in always]
