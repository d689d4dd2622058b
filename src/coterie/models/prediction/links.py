"""From the scale on which models add up to the scale of outcomes."""

from typing import Literal

import numpy as np

from coterie.models.prediction.training import Floats

Link = Literal["identity", "log", "logit", "softmax"]

SMALLEST = 1e-12


def outcomes(raw: Floats, link: Link) -> Floats:
    """Raw scores, one column an output, as expected amounts or probabilities."""
    if link == "log":
        return np.exp(raw)
    if link == "logit":
        return 1 / (1 + np.exp(-raw))
    if link == "softmax":
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return raw


def logit(p: Floats) -> Floats:
    bounded = np.clip(p, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(bounded / (1 - bounded)))
