"""Retention and turnover, against following every customer by hand; and Online Retail's published figures."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coterie
from coterie.engine.duckdb import DuckDB
from coterie.profiles.activity import activity
from coterie.profiles.concentration import concentration
from coterie.profiles.periods import Period, covered, index, period_for, start
from coterie.profiles.retention import retention
from coterie.profiles.turnover import turnover
from coterie.workspace.run import builder as run_builder
from tests.profiles.tables import builder, events, traits

AS_OF = datetime(2021, 3, 20, 23, 59, 59, 999999)
TIMES = st.sampled_from([500, 3500]).flatmap(  # of 3,500 days the months fill more than one number of bits
    lambda days: st.integers(0, days * 24).map(lambda h: datetime(2021, 5, 16) - timedelta(hours=h))
)
ROWS = st.lists(st.tuples(st.integers(0, 11), TIMES, st.integers(-500, 5000).map(lambda c: Decimal(c) / 100)), max_size=120)
PERIODS: list[Period] = ["month", "quarter", "year"]


@settings(max_examples=20)
@given(ROWS, st.sampled_from(PERIODS))
def test_cohorts_and_months_by_hand(rows: list[tuple[int, datetime, Decimal]], period: Period) -> None:
    with DuckDB(threads=1) as engine:
        traits(engine, {"x": pa.array(range(10))})  # customers 10 and 11 are not of the population
        events(engine, rows)
        q = builder(engine, AS_OF)
        followed = activity(engine, q, "event order", "order")
        cohorts = retention(followed, period=period, most=100)
        months = turnover(followed, "amount")
    rows = [r for r in rows if r[1] <= AS_OF and r[0] < 10]
    first = {c: min(t for k, t, _ in rows if k == c).date() for c, _, _ in rows}
    active: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for c, t, _ in rows:
        active[index(first[c], period)].add((c, index(t.date(), period) - index(first[c], period)))
    assert [c.start for c in cohorts.cohorts] == [start(i, period) for i in sorted(active)]
    for cohort in cohorts.cohorts:
        of = active[index(cohort.start, period)]
        assert list(cohort.active) == [sum(later == i for _, later in of) for i in range(len(cohort.active))]
        assert len(cohort.active) == index(AS_OF.date(), period) - index(cohort.start, period) + 1
        assert cohort.share(0) == 1
    for month in months.months:
        here = [(c, a) for c, t, a in rows if t.date().replace(day=1) == month.start]
        fresh = {c for c, _ in here if first[c].replace(day=1) == month.start}
        assert (month.orders, month.buyers, month.new) == (len(here), len({c for c, _ in here}), len(fresh))
        assert month.money == sum(a for _, a in here)
        assert month.money_new == sum(a for c, a in here if c in fresh)
        assert month.orders_new == sum(c in fresh for c, _ in here)
        assert month.returning == len({c for c, _ in here} - fresh)
    assert sum(m.orders for m in months.months) == len(rows)
    assert not any(m.complete for m in months.months if m.start >= date(2021, 3, 1)), "as_of is within March"


def test_a_month_that_the_data_do_not_reach_is_not_compared() -> None:
    rows = [(1, datetime(2021, m, d), Decimal(m)) for m in (1, 2) for d in (1, 15, 27)]
    with DuckDB(threads=1) as engine:
        traits(engine, {"x": pa.array(range(3))})
        events(engine, rows)
        found = turnover(activity(engine, builder(engine, AS_OF), "event order", "order"), "amount")
        assert [m.complete for m in found.months] == [True, True, False]
        assert found.against_month is not None
        assert found.against_month.money == pytest.approx(1.0)
        assert found.against_month.orders == 0
        assert found.against_year is None
        events(engine, rows[:-1])  # nothing after 15 February: that month is not whole, whatever as_of says
        found = turnover(activity(engine, builder(engine, AS_OF), "event order", "order"), "amount")
        assert [m.complete for m in found.months] == [True, False, False]
        events(engine, [])
        assert turnover(activity(engine, builder(engine, AS_OF), "event order", "order"), "amount").months == ()
        assert retention(activity(engine, builder(engine, AS_OF), "event order", "order")).cohorts == ()


def test_periods() -> None:
    for period in PERIODS:
        day = date(2019, 1, 1)
        while day < date(2021, 2, 1):
            assert start(index(day, period), period) <= day < start(index(day, period) + 1, period)
            day += timedelta(days=1)
    assert period_for(date(2020, 1, 31), date(2021, 12, 1)) == "month"
    assert period_for(date(2020, 1, 31), date(2022, 1, 1)) == "quarter"
    assert period_for(date(2020, 1, 31), date(2025, 12, 31)) == "quarter"
    assert period_for(date(2020, 1, 31), date(2026, 1, 1)) == "year"
    march = index(date(2021, 3, 1), "month")
    assert covered(march, "month", date(2021, 3, 4), date(2021, 3, 28))
    assert not covered(march, "month", date(2021, 3, 5), date(2021, 3, 31))
    assert not covered(march, "month", date(2021, 3, 1), date(2021, 3, 27))


ONLINE_RETAIL = """
project: online retail
timezone: Europe/London
currency: GBP
as_of: latest event
sources:
  order:
    path: FILE
    customer: CustomerID
    time: InvoiceDate
    where: InvoiceNo not starts with 'C' and Quantity > 0 and UnitPrice > 0
    columns: {amount: Quantity * UnitPrice}
    lines: InvoiceNo
    sum: [amount]
traits:
  revenue: sum(order.amount)
segments:
  buyers: revenue > 0
"""
MONTHLY = """572713.89 569445.04 447137.35 595500.76 469200.36 678594.56 661213.69 600091.01 645343.90 952838.38
1039318.79 1161817.38 518192.79"""
"""Sum of Quantity × UnitPrice by month, December 2010 to December 2011, over the 397,884 purchases of known customers."""


def test_online_retail_published(tmp_path: Path, shared: Path) -> None:
    path = shared / "data/online_retail_1/online_retail_1.parquet"
    (tmp_path / "coterie.yaml").write_text(ONLINE_RETAIL.replace("FILE", f"'{path.as_posix()}'"))
    workspace = coterie.open(tmp_path)
    workspace.run()
    results = workspace.results
    results.attach_events()
    q = run_builder(results.engine, results.context)
    active = activity(results.engine, q, "event order", "order")
    months = turnover(active, "amount")
    assert [round(m.money or 0, 2) for m in months.months] == [Decimal(m) for m in MONTHLY.split()]
    assert sum(m.orders for m in months.months) == 18_532
    assert sum(m.new for m in months.months) == 4_338
    assert months.last is not None
    assert months.last.start == date(2011, 11, 1)
    assert months.against_month is not None
    assert months.against_month.money == pytest.approx(1161817.38 / 1039318.79 - 1)
    assert months.against_year is None
    cohorts = retention(active)
    assert cohorts.cohorts[0].active == (885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235)
    assert cohorts.complete == date(2011, 11, 1)
    assert cohorts.came_back(1) == (
        sum(c.active[1] for c in cohorts.cohorts if c.start <= date(2011, 10, 1)),
        sum(c.customers for c in cohorts.cohorts if c.start <= date(2011, 10, 1)),
    )
    brought = concentration(results.engine, "traits", "revenue")
    assert (brought.buyers, round(brought.money, 2)) == (4_338, Decimal("8911407.90"))
    assert brought.share(20) == pytest.approx(0.746, abs=0.001)
