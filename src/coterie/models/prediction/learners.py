"""The models that are tried, each together with the means its encoding learned from the same rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from coterie.models.prediction.encoding import Encoding, Means
from coterie.models.prediction.linear import Linear, fit_linear
from coterie.models.prediction.rules import Constant, columns
from coterie.models.prediction.threads import threads
from coterie.models.prediction.training import Flags, Floats, Integers, Kind
from coterie.models.prediction.trees import Trees, fit_trees

Model = Linear | Trees | Constant

FITS: Mapping[str, Callable[[Floats, Floats, Kind, Flags, float | None, int], Linear | Trees]] = {
    "linear": fit_linear,
    "trees": fit_trees,
}
"""Each takes design, outcome, kind, the rows held back for choosing a setting, the setting or None, and the seed."""

READ: Mapping[str, Callable[[Mapping[str, Any]], Model]] = {
    "linear": Linear.from_json,
    "trees": Trees.from_json,
    "constant": Constant.from_json,
}


@dataclass(frozen=True, slots=True)
class Learned:
    """A fitted model with the encoding it reads through."""

    encoding: Encoding
    means: Means
    model: Model

    @property
    def setting(self) -> float:
        """What was chosen on customers held back: the penalty of a linear model, the rounds of boosted trees."""
        if isinstance(self.model, Linear):
            return self.model.strength
        return float(len(self.model.rounds)) if isinstance(self.model, Trees) else 0.0

    def raw(self, codes: Floats) -> Floats:
        """Code columns → scores on the link's scale, one column an output."""
        if isinstance(self.model, Constant):
            return self.model.raw(codes)
        return self.model.raw(self.encoding.design(codes, self.means))

    def to_json(self) -> dict[str, Any]:
        means = {name: table.tolist() for name, table in self.means.items()}
        return {"encoding": self.encoding.to_json(), "means": means, "model": self.model.to_json()}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Learned":
        means = {name: np.asarray(table, np.float64) for name, table in found["means"].items()}
        return Learned(Encoding.from_json(found["encoding"]), means, READ[found["model"]["model"]](found["model"]))


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned from: code columns, outcomes and who is dealt where, row by row."""

    kind: Kind
    classes: int
    encoding: Encoding
    codes: Floats
    y: Floats
    part: Integers
    seed: int

    @property
    def outcomes(self) -> Floats:
        """The outcome as one column an output, of which means are taken."""
        return columns(self.y, self.kind, self.classes)

    def learn(self, rows: Flags, settings: Mapping[str, float | None]) -> dict[str, Learned]:
        """Fit each named model on some rows, with its setting or (None) one chosen on a fifth of these customers."""
        y, part = self.y[rows], self.part[rows]
        design, means = self.encoding.learned(self.codes[rows], self.outcomes[rows], part)
        with threads(design.size):
            return {
                name: Learned(self.encoding, means, FITS[name](design, y, self.kind, part == 0, setting, self.seed))
                for name, setting in settings.items()
            }
