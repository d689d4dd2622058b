"""Every operator, function, aggregation and window has its SQL swapped for a wrong one: the random programs notice each time."""

from collections import Counter
from functools import cached_property

import pytest

from benchmarks.figures import at_least
from coterie.core.errors import CoterieError
from coterie.engine.duckdb import DuckDB
from coterie.language.tree import And, Case, Measure, Not, Or, WindowTest, walk
from coterie.testing.asking import Program
from coterie.testing.expressions import Feature
from coterie.testing.oracle import closure, load, run, same
from coterie.testing.programs import program
from coterie.testing.reference import Answers, Reference
from coterie.testing.seen import own
from tests.agreement.mutants import Mutant, mutants
from tests.agreement.test_agreement import DEFINITIONS, SEEDS

A_FEW = 8
"""Definitions asked at a time: few make a quick query, many notice more."""
NODES = {"and": And, "or": Or, "not": Not, "case": Case}


class Asked:
    """One of the programs of the agreement test, with its tables made and its right answers known."""

    def __init__(self, seed: int, focus: tuple[Feature, ...] = ()):
        self.seed, self.focus = seed, focus

    @cached_property
    def program(self) -> Program:
        return program(self.seed, definitions=8 if self.focus else DEFINITIONS, focus=self.focus)

    @cached_property
    def answers(self) -> Answers:
        return Reference(self.program).answers()

    @cached_property
    def engine(self) -> DuckDB:
        return DuckDB(threads=1)

    @cached_property
    def tables(self):
        return load(self.program, self.engine)

    @cached_property
    def by_feature(self) -> dict[Feature, list[str]]:
        out: dict[Feature, list[str]] = {}
        for name, definition in self.program.catalog.definitions.items():
            found: set[Feature] = set()
            for node in walk(definition.checked.tree):
                found |= own(node) | {("node", kind) for kind, node_type in NODES.items() if isinstance(node, node_type)}
                if isinstance(node, WindowTest) and isinstance(node.value, Measure):
                    found.add(("node", "test of nothing"))
            for feature in found:
                out.setdefault(feature, []).append(name)
        return out

    def notices(self, mutant: Mutant) -> bool:
        """Whether the definitions that have what was swapped are answered otherwise, or not at all."""
        names = list(dict.fromkeys(n for f in mutant.features for n in self.by_feature.get(f, ())))
        for start in range(0, len(names), A_FEW):
            some = names[start : start + A_FEW]
            part = Program(
                self.program.schema,
                self.program.population,
                self.program.as_of,
                self.program.zone,
                closure(self.program, some),
                self.program.coverage,
            )
            answers, _ = self.answers, part.catalog  # both before anything is swapped
            with pytest.MonkeyPatch.context() as patch:
                mutant.put(patch)
                try:
                    found = run(part, self.engine, sizes=False, tables=self.tables).answers
                except CoterieError:
                    return True  # refused by the engine: noticed
            for name, values in found.items():
                if not all(map(same, answers[name], values)):
                    return True
        return False


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    return [Asked(seed) for seed in SEEDS]


def noticed(mutant: Mutant, asked: list[Asked]) -> bool:
    if any(one.notices(mutant) for one in asked):
        return True
    # What none of the seeds happens to show is drawn on purpose, as the agreement test does for what it lacks.
    drawn = tuple(f for f in mutant.features if f[0] != "node")
    return bool(drawn) and any(Asked(seed, drawn).notices(mutant) for seed in range(5000, 5030))


ALL = mutants()
SAMPLE = ALL[7 :: len(ALL) // 14]


def test_every_row_of_the_tables_has_mutants():
    from coterie.language.aggregations import AGGREGATIONS
    from coterie.language.functions import LEAVES

    counted = Counter(m.of for m in ALL)
    assert {name: counted[name] for name in (*LEAVES, *AGGREGATIONS) if counted[name] < 2} == {}


def test_a_sample_of_wrong_forms_is_noticed(asked):
    """Every thirtieth or so, in `make check`; `make long` takes them all."""
    assert [str(m) for m in SAMPLE if not noticed(m, asked)] == []


def test_nothing_is_noticed_where_nothing_is_wrong(asked):
    unchanged = Mutant("nothing", "as it is", tuple(f for m in ALL[:40] for f in m.features), lambda patch: None)
    assert not any(one.notices(unchanged) for one in asked[:3])


@pytest.mark.long
def test_every_wrong_form_is_noticed(asked, figure):
    survivors = [str(m) for m in ALL if not noticed(m, asked)]
    score = 1 - len(survivors) / len(ALL)
    print(f"mutants killed: {len(ALL) - len(survivors)} of {len(ALL)}")
    figure("agreement.mutants_killed", score, "ratio", n=len(ALL), goal=at_least(1))
    assert survivors == []
