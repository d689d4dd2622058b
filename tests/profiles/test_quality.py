"""Coverage and the judgement of sources."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from coterie.engine.duckdb import DuckDB
from coterie.language.types import INTEGER, TEXT
from coterie.profiles.quality import coverage, quality
from tests.profiles.tables import traits

SOURCE: dict[str, Any] = {
    "name": "order",
    "role": "events",
    "learned_at": "2026-03-01T10:00:00",
    "rows": 1000,
    "kept": 700,
    "quarantined": 12,
    "left_out": 40,
    "without_customer": 100,
    "strangers": 148,
    "identical": 0,
    "ids": 300,
    "met": 200,
}
DATA = {"sources": [SOURCE], "quarantine": [["order", "no date", 9, None], ["order", "no number", 3, None]], "notes": ["seen"]}


def test_coverage_counts_what_is_known() -> None:
    with DuckDB(threads=1) as engine:
        traits(engine, {"email": pa.array([None] * 9 + ["x"]), "age": pa.array([1] * 10), "avg": pa.array([None] * 10, pa.int64())})
        found = coverage(engine, {"age": INTEGER, "email": TEXT, "avg": INTEGER}, nothing=["avg"])
    assert [(c.column, c.known, c.population, c.share) for c in found] == [
        ("avg", 0, 10, 0),
        ("email", 1, 10, 0.1),
        ("age", 10, 10, 1),
    ]
    warnings = quality(found, {}, as_of=datetime(2026, 3, 1)).warnings
    assert [w.sentence for w in warnings] == ["email is known for 10 % only: rules on it cannot tell for 9 of 10 customers"]


def test_sources_are_judged() -> None:
    found = quality([], DATA, as_of=datetime(2026, 3, 31), newest={"order": datetime(2026, 3, 1)})
    (source,) = found.sources
    assert source.reasons == {"no date": 9, "no number": 3}
    assert found.notes == ("seen",)
    assert [w.sentence for w in found.warnings] == [
        "100 of 300 customer ids of order are not among the customers: 148 rows count nowhere",
        "100 of 1,000 rows of order (10 %) have no customer: they count nowhere",
        "12 of 1,000 rows of order could not be read (no date 9, no number 3); `coterie quarantine order` lists them",
        "the newest row of order is of 1 Mar 2026, 30 days before these numbers' day",
    ]


def test_good_data_have_no_warnings() -> None:
    good = {**SOURCE, "quarantined": 0, "without_customer": 3, "strangers": 0, "met": 300}
    assert quality([], {"sources": [good]}, as_of=datetime(2026, 3, 5), newest={"order": datetime(2026, 3, 4)}).warnings == ()
