"""How Spark does the work: what is read, what is shuffled, and how the session is set for it."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from benchmarks.bench_spark import engine, jobs_of, shuffled, work_of
from benchmarks.business import AS_OF, TRAITS, Business, business, rules
from coterie.language.leaves import Context
from coterie.traits.batch import relation
from coterie.workspace.run import planned
from tests.spark.sessions import QUICK

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Business:
    return business(tmp_path_factory.mktemp("business"), 20_000, 2_000)


def test_jobs_and_shuffles_do_not_grow_with_the_segments(small):
    few, many = work_of(small, 5), work_of(small, 100)
    assert few == many
    assert few[1] > 0


def test_jobs_and_shuffles_do_not_grow_with_what_segments_measure_in_place(small):
    """A hundred segments that measure for themselves: the events are still scanned and shuffled once."""

    def work(segments: int) -> tuple[int, int]:
        measured = {f"s{n}": f"count(order where category = 'Garden' within {n + 1} days) >= 1" for n in range(segments)}
        with engine(small, settings=QUICK) as made:
            before, shuffles = jobs_of(made.session), len(shuffled(made.session))
            answered = small.run(made, small.catalog(TRAITS, measured))
            assert len(answered.sizes) == segments
            return jobs_of(made.session) - before, len(shuffled(made.session)) - shuffles

    assert work(5) == work(100)


@pytest.mark.parametrize("more", [0, 1])
def test_a_run_takes_the_same_steps_however_much_it_writes(small, monkeypatch, more):
    """How much there is to read decides how the session is set; words of a hundred segments do not count."""
    with engine(small) as made:
        read = sum(made.sizes.values())
    monkeypatch.setattr("coterie.engine.spark.SMALL", read - more)
    with engine(small) as made:
        adaptive = made.session.conf.get("spark.sql.adaptive.enabled")
        assert adaptive == ("true" if more else "false")
        small.run(made, small.catalog(TRAITS, {name: rule for name, (rule, _) in rules(100).items()}))
        assert made.session.conf.get("spark.sql.adaptive.enabled") == adaptive


def test_a_window_is_pushed_into_the_scan(small):
    """Where all measures of a kind of event have a window, older events are not read."""
    with engine(small, settings=QUICK) as made:
        for traits, pushed in (
            ({"a": "count(order within 30 days)", "b": "sum(order.amount within 7 days)"}, True),
            (TRAITS, False),
        ):
            catalog = small.catalog(traits, {})
            asked = planned(made, small.tables(catalog), catalog, Context(AS_OF, "UTC"))
            plan = made.frame(asked.batch.steps[0].query)._jdf.queryExecution().executedPlan().toString()
            assert ("GreaterThanOrEqual(_day,2026-09-01)" in plan) == pushed
            assert "LessThanOrEqual(time" in plan


@pytest.fixture(scope="module")
def skewed(small: Business, tmp_path_factory: pytest.TempPathFactory) -> Business:
    """The same, but three of ten events are of one customer."""
    folder = tmp_path_factory.mktemp("skewed")
    here = folder / small.folder.name
    here.mkdir()
    shutil.copy(small.folder / "customers.parquet", here)
    orders = pq.read_table(small.folder / "orders.parquet")
    owners = orders["customer_id"].to_pylist()
    owners = [owners[0] if n % 10 < 3 else owner for n, owner in enumerate(owners)]
    place = orders.column_names.index("customer_id")
    pq.write_table(orders.set_column(place, "customer_id", pa.array(owners, orders["customer_id"].type)), here / "orders.parquet")
    return business(folder, 20_000, 2_000)


def test_a_customer_with_a_third_of_all_events(skewed):
    """His events are added up where they are read, a row of each task: only a sequence has to see them all."""
    adding_up = {"orders": "count(order)", "spent": "sum(order.amount)", "latest": "last(order.category)"}
    games = "sequence(order where category = 'Games', order where category = 'Garden' within 60 days)"
    with engine(skewed, settings=QUICK) as made:
        before = shuffled(made.session)
        skewed.run(made, skewed.catalog(adding_up, {}))
        assert max(shuffled(made.session)[len(before) :]) <= 2 * 2_000
    catalog = skewed.catalog({**adding_up, "came_back": games}, {"s": "orders > 5 and came_back"})
    found = []
    for opened in (engine(skewed, settings=QUICK), skewed.engine()):
        with opened as made:
            answered = skewed.run(made, catalog)
            traits = made.fetch(exp.select("*").from_(relation("traits"))).sort_by("customer").to_pylist()
            found.append((answered.sizes, traits))
    assert found[0] == found[1]
    assert max(row["orders"] for row in found[0][1]) > 6_000
