"""What a source that does not know everything leaves open: never wrong, the same in the engine, and `last` as good as `exists`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from coterie.core.errors import CoterieError
from coterie.core.place import Origin
from coterie.core.windows import local_day
from coterie.engine.duckdb import DuckDB
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.check import check
from coterie.language.evaluate import Missing, Result, truth
from coterie.language.format import format as canonical
from coterie.language.tree import And, Apply, Column, Expr, Measure, Not, Or, WindowTest, walk
from coterie.language.types import BOOLEAN, TIMESTAMP
from coterie.testing.asking import Covered, Defined, Program, parsed
from coterie.testing.expressions import CALENDAR, Expressions, Nothing
from coterie.testing.populations import Happening, pool
from coterie.testing.programs import program
from coterie.testing.reference import Reference
from tests.agreement.asking import Happened, People, answers, asked


@pytest.fixture(scope="module")
def engine():
    with DuckDB(threads=1) as made:
        yield made


def drawn(seed: int, size: int = 40) -> tuple[Program, Expressions]:
    """A population with a coverage for each kind of event, and expressions to draw over it."""
    rng = Random(f"coverage {seed}")
    of = program(seed, size=size, definitions=0)
    today = local_day(of.as_of, of.zone)

    def day(often: float, *ago: int) -> date | None:
        return today - timedelta(days=rng.choice(ago)) if rng.random() < often else None

    flags = [name for name, type_ in of.schema.columns.items() if type_ == BOOLEAN]
    coverage = {}
    for kind in of.schema.events:
        whom = rng.choice(flags) if rng.random() < 0.25 else None
        coverage[kind] = Covered(whom, day(0.7, 0, 1, 3, 6, 29, 40, 400), day(0.3, -1, 0, 2, 30))
    of = replace(of, coverage=coverage)
    return of, Expressions(rng, of.schema, pool(rng, of.as_of, of.zone), of.as_of, of.zone, dict(of.schema.columns))


# --- `last within` and `exists within` are one rule


def reaching_now(draw: Expressions) -> Expr:
    """A test of a window that has no end before as_of, on when something was last done."""
    value = replace(draw.end(), aggregation=draw.rng.choice(("last", "max")), window=None)
    kinds = [f"within {u}" for u in ("minute", "hour", *CALENDAR)] + [f"this {u}" for u in CALENDAR] + ["since"]
    window = draw.window(draw.rng.choice(kinds))
    assert window is not None
    return WindowTest(value, window)


@pytest.mark.parametrize("seed", range(12))
def test_the_last_one_is_within_a_window_exactly_where_there_is_one_within_it(seed, engine):
    of, draw = drawn(seed)
    definitions: dict[str, str] = {}
    for n in range(12):
        test = checked(of, draw, reaching_now)
        assert isinstance(test, WindowTest)
        last = test.value
        assert isinstance(last, Measure)
        exists = Measure("exists", last.event, None, last.where, test.window)
        definitions |= {f"last {n}": canonical(last), f"by name {n}": canonical(replace(test, value=Column(f"last {n}")))}
        definitions |= {f"one {n}": canonical(test), f"other {n}": canonical(exists)}
        definitions |= {f"not one {n}": canonical(Not(test)), f"not other {n}": canonical(Not(exists))}
    found = answers(replace(of, definitions={n: Defined("trait", text) for n, text in definitions.items()}), engine)
    for n in range(12):
        assert found[f"one {n}"] == found[f"other {n}"] == found[f"by name {n}"], definitions[f"one {n}"]
        assert found[f"not one {n}"] == found[f"not other {n}"], definitions[f"one {n}"]


# --- what is hidden never makes an answer wrong


def condition(draw: Expressions) -> Expr:
    """A condition on what customers did that asks for no missing value."""
    match draw.pick(end=4, measure=3, both=1, either=1, not_=1):
        case "end":
            return draw.end_test()
        case "measure":
            return draw.tested(draw.measure(draw.rng.choice(sorted(AGGREGATIONS)), 1))
        case "both":
            return And((draw.end_test(), draw.end_test()))
        case "either":
            return Or((draw.end_test(), draw.end_test()))
        case _:
            return Not(draw.end_test())


def checked(of: Program, draw: Expressions, make: Callable[[Expressions], Expr]) -> Expr:
    while True:
        try:
            text = canonical(make(draw))
            tree = check(parsed(Defined("trait", text)), of.scope, Origin.of(text)).tree
        except (CoterieError, Nothing):
            continue
        if not any(isinstance(n, Apply) and n.op in ("is missing", "is known", "coalesce") for n in walk(tree)):
            return tree


def must_know(of: Program, event: Happening) -> bool:
    """Whether a source that says what it covers has to have an event."""
    covered, day = of.coverage[event.kind], local_day(event.time, of.zone)
    one = next(p for p in of.population.people if p.id == event.customer)
    whom = covered.covers is None or one.columns[covered.covers] is True
    begun = covered.complete_from is None or day >= covered.complete_from
    return whom and begun and (covered.complete_to is None or day <= covered.complete_to)


def two_views(seed: int) -> tuple[Program, Expressions, Reference, Reference]:
    """Everything, and what a source has left of it."""
    of, draw = drawn(seed)
    left = [e for e in of.population.events if draw.rng.random() < 0.5 or must_know(of, e)]
    partly = replace(of, population=replace(of.population, events=tuple(left)))
    return of, draw, Reference(replace(of, coverage={})), Reference(partly)


@pytest.mark.parametrize("seed", range(25))
def test_what_is_told_of_a_part_is_true_of_the_whole(seed):
    of, draw, whole, part = two_views(seed)
    for _ in range(25):
        tree = checked(of, draw, condition)
        for full, some in zip(whole.ask(tree), part.ask(tree), strict=True):
            assert truth(some) in (None, truth(full)), canonical(tree)


@pytest.mark.parametrize("seed", range(25))
def test_the_whole_lies_between_what_a_part_leaves(seed):
    of, draw, whole, part = two_views(seed)
    for _ in range(25):
        tree = checked(of, draw, lambda d: d.measure(d.rng.choice(sorted(AGGREGATIONS)), 1)[0])
        for full, some in zip(whole.ask(tree), part.ask(tree), strict=True):
            assert fits(full, some), (canonical(tree), full, some)


def fits(full: Result, some: Result) -> bool:
    if not isinstance(some, Missing) or some.reason != "not covered":
        return full == some
    if isinstance(full, Missing):
        return full.nothing is not True or some.nothing is None
    least, most = some.at_least, some.at_most
    return (least is None or least <= full) and (most is None or full <= most)  # type: ignore[operator]


def test_times_are_told_more_often_than_not():
    """The tests above mean something: much is told of when something was last done."""
    known = total = 0
    for seed in range(25):
        of, _, _, part = two_views(seed)
        for kind in of.schema.events:
            found = part.ask(Measure("last", kind, "time", type=TIMESTAMP))
            known += sum(not isinstance(f, Missing) for f in found)
            total += sum(not isinstance(f, Missing) or f.seen for f in found)
    assert 0.2 < known / total < 0.95


# --- by hand

RULES = {
    "seen": "last(visit.time)",
    "page": "last(visit.page)",
    "lately": "seen within 30 days",
    "quiet": "not seen within 30 days",
    "this_year": "seen >= '2026-01-01'",
    "days": "days_since(seen)",
    "long": "days > 40",
    "born": "first(visit.time)",
    "new": "born within 30 days",
    "older": "date(born) < '2026-02-20'",
}


def test_visits_known_only_since_a_day(engine):
    events: list[Happened] = [
        ("long ago", "visit", "2026-01-10T10:00", {"page": "a"}),
        ("known", "visit", "2026-01-10T10:00", {"page": "a"}),
        ("known", "visit", "2026-02-05T10:00", {"page": "b"}),
        ("lately", "visit", "2026-02-28T10:00", {"page": "c"}),
    ]
    people: People = {"never": {}, "long ago": {}, "known": {}, "lately": {}}
    of = replace(asked(RULES, people, events), coverage={"visit": Covered(complete_from=date(2026, 2, 1))})
    found = answers(of, engine)
    by_customer = {one: {name: values[one] for name, values in found.items() if values[one] is not None} for one in people}
    when = {one: found["seen"][one] for one in people}
    assert by_customer["never"] == {"lately": False, "quiet": True, "new": False}
    # Last seen on 10 January, and anything unseen was in January too.
    assert by_customer["long ago"] == {"lately": False, "quiet": True, "this_year": True, "new": False, "older": True}
    assert by_customer["known"] == {
        "seen": when["known"],
        "page": "b",
        "lately": False,
        "quiet": True,
        "this_year": True,
        "days": 33,
        "long": False,
        "new": False,
        "older": True,
    }
    assert by_customer["lately"] == {
        "seen": when["lately"],
        "page": "c",
        "lately": True,
        "quiet": False,
        "this_year": True,
        "days": 10,
        "long": False,
    }
