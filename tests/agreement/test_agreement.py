"""The reference and DuckDB give the same answers to random programs: values to the bit, three-way counts, what is to blame.

A program is one definition over one population at one instant; a seed makes thirty of them that use each other.
"""

from dataclasses import replace

import pytest

from coterie.engine.duckdb import DuckDB
from coterie.testing.expressions import Feature, features
from coterie.testing.oracle import disagreements, report, run, shrink
from coterie.testing.programs import program
from coterie.testing.reference import Reference
from coterie.testing.seen import Seen
from coterie.testing.sorted_rows import SortedEvents
from tests.agreement.many import agree_on_many

SEEDS = range(25)
DEFINITIONS = 30


@pytest.fixture(scope="module")
def engine():
    with SortedEvents() as made:
        yield made


def test_there_are_enough_programs():
    assert len(SEEDS) * DEFINITIONS >= 500


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_and_duckdb_agree(seed, engine):
    agree(seed, engine)


def agree(seed: int, engine: DuckDB) -> int:
    """How many definitions were asked; fails with the smallest disagreement that could be found."""
    asked = program(seed, definitions=DEFINITIONS)
    found = disagreements(asked, engine)
    if found:
        smallest = report(shrink(found[0], engine))
        pytest.fail(f"seed {seed}: {len(found)} disagreements, the first made small:\n{smallest}", pytrace=False)
    return len(asked.definitions)


@pytest.mark.parametrize(("seed", "size", "definitions"), [(3000, 1, 30), (3031, 3, 30), (3200, 400, 15), (3100, 60, 120)])
def test_they_agree_on_next_to_nobody_on_many_and_on_many_definitions_at_once(seed, size, definitions, engine):
    found = disagreements(program(seed, size=size, definitions=definitions), engine)
    assert not found, report(found[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_number_of_threads_and_the_order_of_rows_change_no_answer(seed, engine):
    drawn = program(seed, size=300, definitions=15)
    shuffled = replace(drawn, population=replace(drawn.population, events=drawn.population.events[::-1]))
    with DuckDB(threads=4) as other:
        one, two = run(drawn, engine), run(shuffled, other)
    assert (one.answers, one.sizes, one.unknown) == (two.answers, two.sizes, two.unknown)


@pytest.mark.long
def test_many_more_agree(size, figure, engine):
    agree_on_many(
        size(20_000),
        DEFINITIONS,
        figure,
        "",
        lambda _, asked: disagreements(asked, engine),
        lambda found: report(shrink(found, engine)),
    )


NEVER_UNKNOWN = [
    *(("leaf", name) for name in ("is missing", "is known", "sample", "in_list")),
    *(feature for feature in features() if feature[0] == "sequence"),
    ("members", "count"),
]
"""What has an answer whatever it is given: tests for missing, lists and samples, sequences, how many members."""


def test_each_operator_aggregation_window_and_sequence_is_seen_with_each_answer(engine):
    """Over the seeds above; what they lack is drawn on purpose, and has to agree as well."""
    seen = Seen()
    for seed in SEEDS:
        Reference(program(seed, definitions=DEFINITIONS), seen.watch).answers()
    never: dict[Feature, set[bool | None]] = {feature: {None} for feature in NEVER_UNKNOWN}
    lacking = seen.lacking(features(), never)
    assert len(lacking) < len(features()) / 4, f"random programs no longer reach {lacking}"
    for seed in range(5000, 5012):
        if not lacking:
            break
        drawn = program(seed, definitions=DEFINITIONS, focus=list(lacking))
        Reference(drawn, seen.watch).answers()
        assert not disagreements(drawn, engine, sizes=False)
        lacking = seen.lacking(features(), never)
    assert lacking == {}
    unknown = [f for f in NEVER_UNKNOWN if None in seen.answers.get((f"top {f[0]}", f[1]), set())]
    assert unknown == []


def test_the_same_seed_gives_the_same_program():
    assert program(3).definitions == program(3).definitions
    assert program(3).population == program(3).population
    assert program(3).definitions != program(4).definitions
