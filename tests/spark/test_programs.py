"""The reference and Spark give the same answers to the random programs on which the reference and DuckDB agree.

Thirty programs go into one batch, since Spark plans slowly; each batch runs in a session that is set otherwise, and none of
that may matter: the zone, ANSI mode, adaptive execution, the number of partitions.
"""

import pytest

from coterie.engine.spark import Spark
from coterie.testing.asking import Program
from coterie.testing.oracle import Disagreement, disagreements, report, run
from coterie.testing.programs import program
from tests.agreement.many import agree_on_many
from tests.spark.sessions import SETTINGS, settings, spark

pytestmark = pytest.mark.spark

SEEDS = range(len(SETTINGS))
DEFINITIONS = 30


def test_there_are_enough_programs():
    assert len(SEEDS) * DEFINITIONS >= 200


@pytest.mark.parametrize(("seed", "given"), list(enumerate(SETTINGS.values())), ids=SETTINGS)
def test_the_reference_and_spark_agree(seed, given):
    with spark(given) as engine:
        agree(seed, engine)


def agree(seed: int, engine: Spark, definitions: int = DEFINITIONS) -> int:
    """How many definitions were asked; fails with the first disagreement."""
    asked = program(seed, definitions=definitions)
    found = disagreements(asked, engine)
    if found:
        pytest.fail(f"seed {seed}: {len(found)} disagreements, the first:\n{report(found[0])}", pytrace=False)
    return len(asked.definitions)


def test_they_agree_where_spark_compiles_its_queries():
    with spark(settings(zone="Asia/Kolkata"), compiled=True) as engine:
        agree(40, engine, definitions=8)


def test_no_setting_changes_an_answer():
    asked = program(41, definitions=6)
    answers = []
    for zone, ansi, adaptive, partitions in (
        ("UTC", True, True, 2),
        ("Asia/Kolkata", False, True, 1),
        ("America/Santiago", True, False, 7),
        ("Asia/Kolkata", False, False, 200),
    ):
        with spark(settings(zone=zone, ansi=ansi, adaptive=adaptive, partitions=partitions)) as engine:
            found = run(asked, engine)
            answers.append((found.answers, found.sizes, found.unknown))
    assert all(one == answers[0] for one in answers)


@pytest.mark.long
def test_many_more_agree(size, figure):
    ways = list(SETTINGS.values())

    def differ(seed: int, asked: Program) -> list[Disagreement]:
        with spark(ways[seed % len(ways)]) as engine:
            return disagreements(asked, engine)

    agree_on_many(size(20_000) // 10, DEFINITIONS, figure, "spark_", differ, report)
