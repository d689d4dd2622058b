"""Who is like the members of a segment."""

import numpy as np
import pytest

from coterie.core.errors import Degenerate, TooFewRows
from coterie.models.prediction.lookalike import CAVEAT, fit_lookalike
from coterie.models.prediction.ranking import auc
from tests.models.prediction.made import T, shop


def test_those_who_are_alike_but_not_members_come_first() -> None:
    """Of all customers of a kind only a third are known as members; the others of the kind are to be found."""
    table, odds = shop(4000, 0)
    rng = np.random.default_rng(1)
    alike = odds + rng.logistic(size=4000) > 1.5
    members = alike & (rng.random(4000) < 0.33)
    found = fit_lookalike(table, members, T, segment="vip", seed=0)
    told = found.score(table, T)[""].to_numpy()
    rest = ~members
    assert auc(alike[rest].astype(float), told[rest]) > 0.75
    assert found.warnings[-1] == CAVEAT
    assert "are in vip" in found.sentences[1]


def test_what_a_segment_is_defined_by_is_left_out_and_that_is_said() -> None:
    table, _ = shop(2000, 0)
    members = table["orders"].to_numpy() >= 5
    found = fit_lookalike(table, members, T, segment="frequent", seed=0)
    assert "orders" not in found.features
    assert any("most likely what frequent is defined by" in w for w in found.warnings)


def test_too_few_members_and_everybody() -> None:
    table, _ = shop(500, 0)
    with pytest.raises(TooFewRows, match="vip has 30 members"):
        fit_lookalike(table, np.arange(500) < 30, T, segment="vip", seed=0)
    with pytest.raises(Degenerate, match="everybody is in vip"):
        fit_lookalike(table, np.ones(500, bool), T, segment="vip", seed=0)
