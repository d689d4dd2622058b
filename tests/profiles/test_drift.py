"""Members who are others than they were: found where planted, not by chance, and not where everybody moved alike."""

import numpy as np
import pyarrow as pa

from coterie.language.types import BOOLEAN, FLOAT, TEXT, Type
from coterie.profiles.drift import drifts

TYPES: dict[str, Type] = {"spend": FLOAT, "age": FLOAT, "plan": TEXT, "mail": BOOLEAN}
N = 1500


def day(rng: np.random.Generator, older: float = 0.0) -> dict[str, np.ndarray]:
    return {
        "spend": rng.lognormal(3, 1, N),
        "age": rng.normal(45 + older, 10, N),
        "plan": rng.choice(np.array(["a", "b", "c"], dtype=object), N),
        "mail": rng.random(N) < 0.4,
    }


def table(columns: dict[str, np.ndarray]) -> pa.Table:
    return pa.table({n: pa.array(v.tolist()) for n, v in columns.items()})


def test_by_chance_hardly_anything_drifts() -> None:
    claims = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        a, b = (rng.random(N) < 0.15 for _ in range(2))
        claims += any(d.holds for d in drifts(table(day(rng)), table(day(rng)), a, b, TYPES))
    assert claims <= 17


def test_what_was_planted_is_found_with_its_direction() -> None:
    rng = np.random.default_rng(1)
    then, now, inside = day(rng), day(rng), rng.random(N) < 0.2
    now["spend"][inside] *= 3
    now["plan"][inside] = np.where(rng.random(inside.sum()) < 0.6, "c", now["plan"][inside])
    now["mail"][inside] = False
    found = drifts(table(then), table(now), inside, inside, TYPES)
    held = {(d.column, d.value): d for d in found if d.holds}
    assert {("spend", None), ("plan", "c"), ("mail", "true")} <= set(held)
    assert held["spend", None].effect > 0.3
    assert held["plan", "c"].effect > 0.2
    share = np.mean(now["mail"][inside]) - np.mean(then["mail"][inside])
    assert held["mail", "true"].effect == share
    assert ("age", None) not in held
    assert all(d.low <= d.effect <= d.high for d in found)


def test_where_everybody_moved_alike_members_did_not_drift() -> None:
    rng = np.random.default_rng(2)
    inside = rng.random(N) < 0.3
    found = drifts(table(day(rng)), table(day(rng, older=15)), inside, inside, TYPES)
    age = next(d for d in found if d.column == "age")
    assert age.effect > 0.5
    assert age.everybody > 0.5
    assert not age.holds


def test_what_is_not_known_is_left_out() -> None:
    rng = np.random.default_rng(3)
    then, now, inside = day(rng), day(rng), rng.random(N) < 0.3
    gone = pa.nulls(N, pa.float64())
    bare = table(then).set_column(0, "spend", gone)
    assert "spend" not in {d.column for d in drifts(bare, table(now), inside, inside, TYPES)}
    some = pa.array([None if i % 2 else v for i, v in enumerate(now["plan"].tolist())])
    half = table(now).set_column(2, "plan", some)
    found = {d.value: d for d in drifts(table(then), half, inside, inside, TYPES) if d.column == "plan"}
    for value in ("a", "b", "c"):
        known = [v for i, v in enumerate(now["plan"]) if inside[i] and not i % 2]
        assert found[value].effect == np.mean(np.array(known) == value) - np.mean(then["plan"][inside] == value)
