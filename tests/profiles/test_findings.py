"""Sentences, their numbers, and that the numbers can be recomputed."""

import re
from datetime import date, datetime
from decimal import Decimal

import pytest

import coterie
from coterie.profiles.activity import activity
from coterie.profiles.concentration import Concentration, Point
from coterie.profiles.findings import Slice, findings
from coterie.profiles.jumps import Jump
from coterie.profiles.movement import movement
from coterie.profiles.quality import Coverage, quality
from coterie.profiles.retention import Cohort, Retention
from coterie.profiles.turnover import Month, Turnover
from coterie.profiles.words import change, money, share
from tests import shops


def month(start: date, amount: int, complete: bool = True) -> Month:
    return Month(start, complete, Decimal(amount), Decimal(amount) / 10, amount // 100, 1, 50, 20)


MONTHS = Turnover(
    "order", "amount", (month(date(2025, 11, 1), 100_000), month(date(2025, 12, 1), 69_000), month(date(2026, 1, 1), 5, False))
)
THEN, NOW = datetime(2026, 1, 31), datetime(2026, 2, 28)


def said(**given) -> list[str]:
    return [f.sentence for f in findings(**{"population": 1000, **given})]


def test_segments_and_revenue() -> None:
    slices = [
        Slice("Champions", 140, Decimal(470), "value = 'Champions'", "value"),
        Slice("Lost", 400, Decimal(50), "value = 'Lost'", "value"),
        Slice("few", 4, Decimal(300), "few"),
        Slice("plain", 500, Decimal(510), "plain"),
    ]
    found = findings(population=1000, slices=slices, money=("revenue", Decimal(1000)))
    assert [f.sentence for f in found] == ["Lost are 40 % of customers and 5.0 % of revenue"], (
        "one of a segmentation, none of 4 customers"
    )
    found = findings(population=1000, slices=slices[:1], money=("revenue", Decimal(1000)))
    assert found[0].sentence == "Champions are 14 % of customers and 47 % of revenue"
    count, customers, paid = found[0].numbers
    assert (count.value, count.expression) == (140, "value = 'Champions'")
    assert (customers.value, paid.value) == (0.14, 0.47)
    assert said(slices=slices, money=("revenue", Decimal(0))) == []


def test_concentration_months_retention_moves_jumps_and_quality() -> None:
    points = (Point(0, Decimal(0)), *(Point(i * 5, Decimal(min(i, 20) * 37 + max(0, i - 20) * 3)) for i in range(1, 101)))
    curve = Concentration("revenue", points, 0.7, 0, 0, 0, Decimal(0))
    assert said(concentration=curve) == [f"The top 20 % of buyers bring {share(740 / 980)} of revenue"]
    assert said(turnover=MONTHS, currency="EUR") == [
        "December 2025 brought 31 % less than November 2025, the month before (69,000 EUR against 100,000 EUR)",
        "90 % of the amount of December 2025 came from customers who had bought before that month",
    ]
    cohorts = Retention(
        "order", "month", (Cohort(date(2025, 12, 1), (200, 48, 3)), Cohort(date(2026, 1, 1), (90, 80))), date(2026, 1, 1)
    )
    assert said(retention=cohorts) == ["24 % of customers came back in the month after their first order"]
    moved = movement({("loyal", "at_risk"): 31, ("loyal", "loyal"): 69, ("new", "loyal"): 4}, THEN, NOW)
    assert said(movements={"value": moved}) == [
        "31 customers went from loyal to at risk since 31 Jan 2026, 31 % of those who were loyal"
    ]
    jump = Jump(5, NOW, 100.4, 150.2)
    assert said(jumps={"big_ones": [jump]}) == ["Big ones grew from about 100 to about 150 customers on 28 Feb 2026"]
    known = quality([Coverage("email", "text", 120, 1000)], {}, as_of=NOW)
    assert said(quality=known) == ["Email is known for 12 % only: rules on it cannot tell for 880 of 1,000 customers"]


def test_nothing_to_say_is_nothing_said() -> None:
    assert said() == []
    assert said(population=0, slices=[Slice("a", 0, Decimal(0), "a")], money=("revenue", Decimal(1))) == []


def test_words() -> None:
    assert [share(v) for v in (0, 0.0001, 0.012, 0.0999, 0.31, 0.998, 1)] == [
        "0 %",
        "less than 0.1 %",
        "1.2 %",
        "10 %",
        "31 %",
        "more than 99 %",
        "100 %",
    ]
    assert [change(v) for v in (-0.31, 0.05, 2.5)] == ["31 % less", "5.0 % more", "250 % more"]
    assert money(Decimal("1234.5"), "EUR") == "1,234.50 EUR"


@pytest.fixture(scope="module")
def shop():
    from coterie.profiles import turnover as months
    from coterie.profiles.apart import apart
    from coterie.profiles.concentration import concentration
    from coterie.profiles.reads import rule_reads
    from coterie.workspace.run import builder

    workspace = coterie.open(shops.demo())
    results = workspace.results
    results.attach_events()
    kinds = results.catalog.definitions
    columns = {d.name: d.checked.type for d in kinds.values() if d.noun != "segment"}
    by_definition = {s: rule_reads(results.catalog, s, columns) for s in results.sizes}
    q = builder(results.engine, results.context)
    slices = [Slice(n, s.inside, results.revenue[n], n) for n, s in results.sizes.items()] if results.revenue else []
    return workspace, findings(
        population=results.made.population,
        slices=slices,
        money=(results.money, results.revenue[""]) if results.money else None,
        concentration=concentration(results.engine, "traits", results.money) if results.money else None,
        turnover=months.turnover(activity(results.engine, q, "event order", "order"), "amount"),
        apart=apart(results.engine, list(results.sizes), results.sizes_order, columns, by_definition),
        most=50,
    )


def test_every_count_is_what_coterie_count_says(shop) -> None:
    workspace, found = shop
    counted = [n for f in found for n in f.numbers if n.expression]
    assert len(counted) >= 3
    for number in counted:
        assert workspace.count(number.expression).size.inside == number.value, number
    for finding in found:
        assert finding.numbers
        assert all(n.formula for n in finding.numbers)
        assert not re.search(r"great|excellent|impressive|oops|invalid|!", finding.sentence.lower())
