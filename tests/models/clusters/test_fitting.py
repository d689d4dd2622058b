"""A fit: alike for one row and many and after JSON, its keys the same for other seeds, outliers apart, changes said."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from coterie.core.errors import Degenerate, NotFitted, TooFewRows
from coterie.models.clusters.fitted import Fit
from coterie.models.clusters.fitting import fit
from coterie.models.clusters.identity import first_keys, kept_keys
from coterie.models.clusters.naming import Trait, names, unused
from tests.models.clusters import mixtures


def customers(seed: int = 0, n: int = 1200, split: float = 0) -> tuple[pa.Table, np.ndarray]:
    """Three groups by income, spending and favourite category; with `split` the first one is two, by age and visits."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 3
    half = (np.arange(n) % 6 == 0) & (split > 0)
    table = pa.table(
        {
            "income": np.array([80.0, 30.0, 30.0])[group] + rng.normal(0, 6, n),
            "spending": np.array([70.0, 75.0, 20.0])[group] + rng.normal(0, 6, n),
            "age": np.array([40.0, 40.0, 41.0])[group] + 35 * split * half + rng.normal(0, 4, n),
            "visits": np.array([4.0, 9.0, 2.0])[group] + 8 * split * half + rng.normal(0, 1, n),
            "favourite": np.array(["garden", "sports", "games"])[np.where(rng.random(n) < 0.8, group, rng.integers(0, 3, n))],
        }
    )
    return table, group + 3 * half


@pytest.fixture(scope="module")
def found() -> Fit:
    return fit(customers()[0])


def test_one_row_scores_as_among_many_and_after_json(found: Fit) -> None:
    table, _ = customers()
    scores = found.score(table)
    again = Fit.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    for at in range(0, 1200, 97):
        assert again.score(table.slice(at, 1)).to_pylist() == scores.slice(at, 1).to_pylist()
    assert scores.column_names == ["label", "key", "distance", "margin", "typicality"]
    assert found.score(table.slice(0, 0)).num_rows == 0


def test_scores_add_up_to_what_the_fit_says(found: Fit) -> None:
    scores = found.score(customers()[0])
    for group in found.groups:
        here = pc.equal(scores["key"], group.key)
        assert pc.sum(here).as_py() == group.size
        assert scores.filter(here)["label"].unique().to_pylist() == [group.name]
    assert pc.sum(pc.equal(scores["label"], "outlier")).as_py() == found.outliers
    for part in ("margin", "typicality"):
        assert pc.min(scores[part]).as_py() >= 0
        assert pc.max(scores[part]).as_py() <= 1


def test_names_are_what_sets_groups_apart(found: Fit) -> None:
    by_income = sorted(found.groups, key=lambda g: g.typical["income"])
    assert "income" in by_income[2].name
    assert len({g.name for g in found.groups}) == 3
    assert by_income[2].typical["favourite"] == "garden"
    assert by_income[2].typical["income"] == pytest.approx(80, abs=2)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_or_order_of_rows_gives_the_same_keys_and_names(found: Fit, seed: int) -> None:
    table, _ = customers()
    order = np.random.default_rng(seed).permutation(table.num_rows)
    other = fit(table.take(pa.array(order)), seed=seed)
    assert [(g.key, g.name) for g in other.groups] == [(g.key, g.name) for g in found.groups]
    same = np.mean(other.score(table)["key"].to_numpy() == found.score(table)["key"].to_numpy())
    assert same >= 0.995


@pytest.mark.parametrize("far", [0.3, 1])
def test_a_planted_split_is_reported_and_the_others_keep_key_and_name(found: Fit, far: float) -> None:
    table, _ = customers(split=far)
    keys = found.score(customers()[0])["key"]
    after = fit(table, before=found, keys_before=keys if far == 1 else None, seed=3)
    whole = max(found.groups, key=lambda g: g.typical["income"]).key
    [split] = [c for c in after.changes if c.what == "split"]
    assert split.before == (whole,)
    assert len(split.after) == 2
    assert whole in split.after
    names_before = {g.key: g.name for g in found.groups}
    assert sum(names_before.get(g.key) == g.name for g in after.groups) == 3
    assert max(split.after) == found.next_key == 4
    merged = fit(customers()[0], before=after, keys_before=after.score(table)["key"])
    assert [c.what for c in merged.changes if c.what != "kept"] == ["merged"]


def test_a_new_kind_of_customer_is_a_group_that_was_born(found: Fit) -> None:
    rng = np.random.default_rng(0)
    new = {"income": 150.0, "spending": 150.0, "age": 90.0, "visits": 30.0}
    far = pa.table({name: at + rng.normal(0, 2, 300) for name, at in new.items()} | {"favourite": ["pets"] * 300})
    after = fit(pa.concat_tables([customers()[0], far]), before=found)
    assert [(c.what, c.before, c.after) for c in after.changes if c.what != "kept"] == [("born", (), (4,))]


def test_a_refit_on_the_same_data_changes_nothing(found: Fit) -> None:
    again = fit(customers()[0], before=found, seed=9)
    assert {c.what for c in again.changes} == {"kept"}
    assert again.moved <= 0.005


def test_keys_are_matched_by_members_and_new_ones_are_new() -> None:
    before = np.repeat([1, 2, 3], 100)
    now = np.repeat([2, 0, 1], 100)
    x = before[:, None].astype(float)
    same = kept_keys(before, now, x, 3, (1, 2, 3), 4)
    assert same.keys == (2, 3, 1)
    assert same.moved == 0
    split = np.where(np.arange(300) < 40, 3, now)
    parts = kept_keys(before, split, x, 4, (1, 2, 3), 4)
    assert parts.keys == (2, 3, 1, 4)
    assert [(c.what, c.before, c.after) for c in parts.changes if c.what != "kept"] == [("split", (1,), (1, 4))]
    merged = kept_keys(before, np.repeat([0, 0, 1], 100), x, 2, (1, 2, 3), 4)
    assert [(c.what, c.before) for c in merged.changes if c.what not in ("kept", "died")] == [("merged", (1, 2))]
    strange = kept_keys(np.repeat([1, 0], 150), np.repeat([-1, 0], 150), np.ones((300, 1)), 1, (1,), 4)
    assert [(c.what, c.before, c.after) for c in strange.changes] == [("born", (), (4,)), ("died", (1,), ())]


def test_first_keys_do_not_depend_on_the_order_of_centres() -> None:
    centres = np.random.default_rng(0).normal(size=(5, 3))
    keys = first_keys(centres)
    order = np.random.default_rng(1).permutation(5)
    assert first_keys(centres[order]) == tuple(keys[j] for j in order)
    assert sorted(keys) == [1, 2, 3, 4, 5]


def test_outliers_belong_to_no_group_and_move_none() -> None:
    table, _ = customers()
    odd = pa.table(
        {"income": [1e6, -1e5], "spending": [50.0, 9e4], "age": [40.0, 40.0], "visits": [4.0, 4.0], "favourite": ["garden"] * 2}
    )
    clean, dirty = fit(table), fit(pa.concat_tables([table, odd]))
    scores = dirty.score(odd)
    assert scores["label"].to_pylist() == ["outlier", "outlier"]
    assert scores["key"].to_pylist() == [0, 0]
    assert len(dirty.groups) == len(clean.groups)
    assert any("outlier" in note for note in dirty.notes)


def test_who_is_not_known_at_all_has_no_label() -> None:
    table, _ = customers()
    nobody = pa.table({name: pa.nulls(3, table[name].type) for name in table.column_names})
    found = fit(pa.concat_tables([table, nobody]), groups=3)
    assert found.unknown == 3
    assert found.score(nobody)["label"].to_pylist() == [None] * 3


def test_what_cannot_be_fitted_says_why() -> None:
    table, _ = customers()
    with pytest.raises(TooFewRows, match="at least 30 customers, and there are 5"):
        fit(table.slice(0, 5))
    with pytest.raises(Degenerate, match="no column tells"):
        fit(pa.table({"a": [1] * 50, "b": pa.nulls(50, pa.string())}))
    newer = fit(table, groups=3).to_json() | {"version": 99}
    with pytest.raises(NotFitted, match="newer coterie"):
        Fit.from_json(newer)


def test_a_number_of_groups_that_is_asked_for_is_given_with_a_warning() -> None:
    found = fit(mixtures.without_groups(0, 500), groups=3)
    assert len(found.groups) == 3
    assert any("hardly more than chance" in note for note in found.notes)


def test_names_differ_and_say_the_strongest_first() -> None:
    high, low, young = Trait("income", "high income", 1.2), Trait("income", "low income", -1.1), Trait("age", "low age", -0.8)
    assert names([(high, young), (low, young)]) == ("high income, low age", "low income, low age")
    assert names([(high,), (high,), ()]) == ("high income (1)", "high income (2)", "like everybody")
    assert unused("high income", ("high income", "high income (2)")) == "high income (3)"


def test_scoring_needs_no_scikit_learn(found: Fit, tmp_path) -> None:
    (tmp_path / "fit.json").write_text(json.dumps(found.to_json()))
    program = (
        "import json, sys, pyarrow as pa\n"
        "from coterie.models.clusters.fitted import Fit\n"
        f"fit = Fit.from_json(json.load(open({str(tmp_path / 'fit.json')!r})))\n"
        "row = {'income': [80.0], 'spending': [70.0], 'age': [40.0], 'visits': [4.0], 'favourite': ['garden']}\n"
        "print(fit.score(pa.table(row))['key'][0], {'sklearn', 'scipy'} & set(sys.modules))\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split(maxsplit=1)
    assert said[1].strip() == "set()"
    assert int(said[0]) == max(found.groups, key=lambda g: g.typical["income"]).key
