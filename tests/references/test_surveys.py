"""Scales of the Big Five items (R package psych): alphas from pairwise covariances, and means over the items answered."""

from pathlib import Path

import numpy as np
import pyarrow.csv as csv
import pytest

from coterie.models.surveys.scales import Scale, reliability

REVERSED = ("A1", "C4", "C5", "E1", "E2", "O2", "O5")
PUBLISHED = {
    "A": (0.7030, 4.6521),
    "C": (0.7267, 4.2657),
    "E": (0.7617, 4.1451),
    "N": (0.8140, 3.1623),
    "O": (0.6002, 4.5866),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_scales_of_bfi(shared: Path, name: str) -> None:
    table = csv.read_csv(shared / "data/psych_bfi/bfi.csv", convert_options=csv.ConvertOptions(null_values=["", "NA"]))
    items = tuple(f"{name}{j}" for j in range(1, 6))
    scale = Scale(name, items, tuple(i for i in items if i in REVERSED), 1, 6)
    alpha, mean = PUBLISHED[name]
    assert reliability(scale, table).alpha == pytest.approx(alpha, abs=5e-5)
    answers = scale.answers(table)
    assert np.nanmean(np.nanmean(answers[~np.isnan(answers).all(axis=1)], axis=1)) == pytest.approx(mean, abs=5e-5)
    assert np.nanmean(scale.scores(table)) == pytest.approx(mean, abs=2e-3)
