"""What separates the customers of a shop: counted again by hand, in Python and on the command line alike."""

import numpy as np
import pytest
from scipy import stats

import coterie
from coterie.core.errors import TypeMismatch
from coterie.profiles.natures import base_of_name
from tests import shops
from tests.cli.calling import Shell


@pytest.fixture(scope="module")
def space():
    opened = coterie.open(shops.demo())
    yield opened
    opened.close()


def test_a_strength_is_that_of_a_test_by_hand(space) -> None:
    found = space.bases()
    assert found.target == "revenue"
    assert found.customers == found.of == space.results.made.population
    tier = next(v for v in found.variables if v.told.column == "loyalty_tier")
    rows = space.results.engine.fetch("SELECT loyalty_tier, revenue::DOUBLE AS revenue FROM traits").to_pylist()
    groups: dict[str, list[float]] = {}
    for row in rows:
        if row["loyalty_tier"] is not None:
            groups.setdefault(row["loyalty_tier"], []).append(row["revenue"])
    large = [g for g in groups.values() if len(g) >= 30]
    small = [v for g in groups.values() if len(g) < 30 for v in g]
    large += [small] if len(small) >= 30 else []
    h, n, k = float(stats.kruskal(*large).statistic), sum(map(len, large)), len(large)
    assert (tier.told.groups, tier.base) == (k, "loyalty")
    assert tier.told.strength == pytest.approx(max(0.0, (h - k + 1) / (n - k)))
    assert tier.told.known == pytest.approx(np.mean([row["loyalty_tier"] is not None for row in rows]))


def test_what_is_made_of_the_same_data_is_left_out(space) -> None:
    found = space.bases()
    assert {"revenue", "average_order"} <= set(found.left_out)
    assert not {v.told.column for v in found.variables} & set(found.left_out)
    assert "orders" in {v.told.column for v in found.variables}
    assert {"orders", "last_order"} <= set(space.bases("win_back").left_out)


def test_nothing_personal_is_a_base(space) -> None:
    tried = {v.told.column for v in space.bases().variables} | set(space.bases().left_out)
    assert not tried & {"email", "birth_date", "postcode"}


def test_a_segment_a_trait_and_a_condition_can_be_the_target(space) -> None:
    by_rule = space.bases("lifecycle = 'lapsed'")
    assert by_rule.variables
    assert space.bases("orders").target == "orders"
    with pytest.raises(TypeMismatch, match="lifecycle"):
        space.bases("lifecycle")


def test_the_command_line_says_the_same(space, capsys) -> None:
    shell = Shell(capsys)
    assert shell("bases", "--json", "--for", "orders", dir=shops.demo()).json == space.bases("orders").to_json()
    shown = shell("bases", "--limit", "3", dir=shops.demo()).out
    first = [v.told.column for v in space.bases().variables if v.told.same_as is None]
    assert all(f"\n{name} " in shown for name in first[:3])
    assert f"\n{first[3]} " not in shown


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("country", "geographic"), ("PLZ", "geographic"), ("age", "demographic"), ("MaritalStatus", "demographic"),
        ("device_type", "technographic"), ("account.employees", "firmographic"), ("industry", "firmographic"),
        ("loyalty_tier", "loyalty"), ("tags", "psychographic"), ("acquisition_channel", "origin"), ("xyz", "other"),
    ],
)  # fmt: skip
def test_bases_are_told_by_names(name: str, base: str) -> None:
    assert base_of_name(name) == base
