"""Promises about time: G21 to G26. `docs/promises.md` lists all of them."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

import coterie
from coterie.core.errors import CoterieError
from tests import shops
from tests.promises.asking import members, shop, verdicts, write

# zone, as of, when it happened (a time without an offset is in the project's zone), window, whether it counts
CLOCKS = [
    ("Europe/London", "2026-03-29T12:00Z", "2026-03-28T23:59:59", "within 1 day", False),
    ("Europe/London", "2026-03-29T12:00Z", "2026-03-29T00:00:00", "within 1 day", True),
    ("Europe/London", "2026-03-30T12:00Z", "2026-03-29T22:59:59Z", "within 1 day", False),
    ("Europe/London", "2026-03-30T12:00Z", "2026-03-29T23:00:00Z", "within 1 day", True),
    ("Europe/London", "2026-03-29T12:00Z", "2026-03-28T12:00:00Z", "within 24 hours", False),
    ("Europe/London", "2026-03-29T12:00Z", "2026-03-28T12:00:01Z", "within 24 hours", True),
    ("Europe/London", "2026-10-25T12:00Z", "2026-10-24T23:00:00Z", "within 1 day", True),
    ("Europe/London", "2026-10-26T12:00Z", "2026-10-25T23:59:59", "within 1 day", False),
    ("Europe/London", "2026-03-31T23:30Z", "2026-03-31T22:50:00Z", "last month", True),
    ("Europe/Berlin", "2026-03-29T12:00Z", "2026-03-29T02:30:00", "within 1 day", True),
    ("Europe/Berlin", "2026-10-25T12:00Z", "2026-10-25T02:30:00", "within 13 hours", True),
    ("Europe/Berlin", "2026-10-25T13:40Z", "2026-10-25T02:30:00", "within 13 hours", False),
    ("America/New_York", "2026-11-01T12:00Z", "2026-11-01T03:59:59Z", "within 1 day", False),
    ("America/New_York", "2026-11-01T12:00Z", "2026-11-01T04:00:00Z", "within 1 day", True),
    ("Asia/Kathmandu", "2026-01-01T00:00Z", "2025-12-31T18:14:59Z", "this year", False),
    ("Asia/Kathmandu", "2026-01-01T00:00Z", "2025-12-31T18:15:00Z", "this year", True),
    ("Pacific/Apia", "2011-12-31T00:00Z", "2011-12-30T09:59:59Z", "within 2 days", False),
]


@pytest.mark.parametrize("clock", sorted({(zone, as_of) for zone, as_of, *_ in CLOCKS}), ids=str)
def test_g21_days_are_those_of_the_project_also_when_clocks_change(tmp_path: Path, clock: tuple[str, str]) -> None:
    """Relative dates were off by the time zone."""
    asked = [(happened, window, counts) for zone, as_of, happened, window, counts in CLOCKS if (zone, as_of) == clock]
    rules: dict[str, str] = {}
    orders = []
    for n, (happened, window, _) in enumerate(asked):
        orders.append((f"c{n}", happened, 1))
        rules |= {f"event {n}": f"exists(order {window})", f"time {n}": f"last(order.time) {window}"}
    space = shop(tmp_path / "x", rules, [f"c{n}" for n in range(len(asked))], orders, zone=clock[0], as_of=clock[1])
    found = verdicts(space)
    for n, (happened, window, counts) in enumerate(asked):
        assert found[f"event {n}"][f"c{n}"] is found[f"time {n}"][f"c{n}"] is counts, (happened, window)
        assert space.why(f"c{n}", f"event {n}").reason.truth is counts
        assert space.count(f"exists(order {window})").size == space.segments.size(f"event {n}")


def test_g21_a_source_has_its_own_zone_and_an_offset_beats_both(tmp_path: Path) -> None:
    """Relative dates were off by the time zone."""
    orders = [("plain", "2026-03-30T23:30:00", 1), ("offset", "2026-03-30T23:30:00Z", 1)]
    rules = {"today": "exists(order within 1 day)"}
    for keys, inside in (({}, {"offset"}), ({"order": "timezone: America/New_York"}, {"plain", "offset"})):
        space = shop(
            tmp_path / f"x{len(keys)}", rules, ["plain", "offset"], orders, zone="Europe/Berlin", as_of="2026-03-31", keys=keys
        )
        assert members(space)["today"] == inside


def test_g22_one_text_means_the_same_wherever_it_stands(tmp_path: Path) -> None:
    """Campaigns had their own code for segments' filters, which never got the mending."""
    rule = "count(order where amount > 20 within 30 days) >= 2 and not (country = 'FR')"
    text = f"""\
traits:
  as_trait: {rule}
segments:
  as_rule: {{where: "{rule}", examples: {{in: [a0], out: [a1]}}, expect: size between 1 and 8}}
  through_trait: as_trait
segmentations:
  as_label: {{yes_: "{rule}", no_: otherwise}}
"""
    customers = {f"a{n}": ["DE", "FR", None, "DE"][n % 4] for n in range(8)}
    head = shops.TINY.partition("traits:")[0].replace(", age]", "]")
    lines = ["id,email,country", *(f"{name},,{country or ''}" for name, country in customers.items())]
    orders = [f"{n},a{n % 8 // 2},2026-03-{10 + n % 15} 10:00:00,{15 + n}.00" for n in range(16)]
    shops.write_tiny(
        tmp_path,
        head + text,
        "\n".join([*lines, ""]),
        "\n".join(["order_id,customer,at,amount", *orders, "99,a1,2026-03-30 10:00:00,50", "98,a1,2026-03-30 11:00:00,50", ""]),
    )
    space = coterie.open(tmp_path)
    planned = space.plan().segments
    space.run()
    assert space.test(["as_rule"]).failed == ()
    inside = members(space)["as_rule"]
    assert inside
    assert members(space)["through_trait"] == inside
    size = space.segments.size("as_rule")
    assert space.count(rule).size == size
    assert (space.count("as_trait").size.inside, space.count("as_trait").size.cannot_tell) == (size.inside, size.cannot_tell)
    assert space.results.made.labels["as_label"]["yes_"] == size.inside
    assert {p.name: p.after for p in planned}["as_rule"] == size
    assert space.export(rule, out=tmp_path / "x.csv").rows == size.inside
    truths = {c: space.why(c, rule).reason.truth for c in customers}
    assert {c for c, truth in truths.items() if truth is True} == inside
    assert sum(truth is None for truth in truths.values()) == size.cannot_tell
    recorded = space.history.members("as_rule").to_pylist()
    assert {row["customer"] for row in recorded if row["verdict"] == "in"} == inside


TODAY = date(2026, 3, 31)


def month(day: date) -> tuple[int, int]:
    return day.year, day.month


GRAMMAR = {
    # window: whether a local day holds, in plain Python
    "from 2 to 1 days ago": lambda d: d == TODAY - timedelta(days=1),  # yesterday
    "within 1 day": lambda d: d == TODAY,
    "within 7 days": lambda d: TODAY - timedelta(days=7) < d <= TODAY,
    "within 2 weeks": lambda d: TODAY - timedelta(days=14) < d <= TODAY,
    "within 1 month": lambda d: date(2026, 2, 28) < d <= TODAY,
    "within 1 quarter": lambda d: date(2025, 12, 31) < d <= TODAY,
    "within 1 year": lambda d: date(2025, 3, 31) < d <= TODAY,
    "from 60 to 30 days ago": lambda d: TODAY - timedelta(days=60) < d <= TODAY - timedelta(days=30),
    "this month": lambda d: month(d) == (2026, 3) and d <= TODAY,
    "last month": lambda d: month(d) == (2026, 2),
    "this week": lambda d: date(2026, 3, 30) <= d <= TODAY,
    "last week": lambda d: date(2026, 3, 23) <= d < date(2026, 3, 30),
    "this year": lambda d: d.year == 2026 and d <= TODAY,
    "last year": lambda d: d.year == 2025,
    "last quarter": lambda d: date(2025, 10, 1) <= d < date(2026, 1, 1),
    "since '2026-02-14'": lambda d: date(2026, 2, 14) <= d <= TODAY,
    "before '2026-02-14'": lambda d: d < date(2026, 2, 14),  # more than so long ago
    "from '2026-02-01' to '2026-02-14'": lambda d: date(2026, 2, 1) <= d < date(2026, 2, 14),
}
AHEAD = {
    "within next 7 days": lambda d: TODAY < d <= TODAY + timedelta(days=7),
    "within next 2 months": lambda d: TODAY < d <= date(2026, 5, 31),
    "since '2026-04-01'": lambda d: d >= date(2026, 4, 1),  # after today
}


def test_g23_windows_roll_follow_the_calendar_look_ahead_and_are_open_ended(tmp_path: Path) -> None:
    """ "Yesterday", "after today", "more than so long ago", date ranges and hours could not be written."""
    days = [TODAY + timedelta(days=n) for n in range(-460, 80)]
    people = {f"{d}": {"due": f"{d}"} for d in days}
    orders = [(f"{d}", f"{d}T12:00:00", 1) for d in days if d <= TODAY]
    rules = {f"order {w}": f"exists(order {w})" for w in GRAMMAR} | {f"due {w}": f"due {w}" for w in GRAMMAR | AHEAD}
    rules |= {"hours": "exists(order within 36 hours)", "minutes": "exists(order within 90 minutes)"}
    space = shop(
        tmp_path / "x", rules, people, orders, as_of="2026-03-31T13:00Z", keys={"customers": "options: {types: {due: date}}"}
    )
    found = members(space)
    for window, holds in GRAMMAR.items():
        assert found[f"order {window}"] == {f"{d}" for d in days if d <= TODAY and holds(d)}, window
    for window, holds in (GRAMMAR | AHEAD).items():
        expected = {f"{d}" for d in days if holds(d)}
        assert found[f"due {window}"] - {f"{d}" for d in days if d > TODAY} == {d for d in expected if d <= f"{TODAY}"}, window
    for window, holds in AHEAD.items():
        assert found[f"due {window}"] == {f"{d}" for d in days if holds(d)}, window
    assert found["hours"] == {"2026-03-30", "2026-03-31"}
    assert found["minutes"] == {"2026-03-31"}


def test_g24_times_are_times_and_what_is_none_is_set_aside(tmp_path: Path) -> None:
    """Dates that were stored as texts compared wrongly, and a time without Z broke the reading."""
    shops.write_tiny(
        tmp_path,
        shops.TINY.replace("types: {at: timestamp}", "dates: dmy, types: {at: timestamp}"),
        orders=(
            "order_id,customer,at,amount\n1,a1,9.3.2026 9:05,1.00\n2,a1,10.3.2026 10:00,2.00\n3,a2,2.10.2025 08:00,3.00\n"
            "4,a2,31.2.2026 08:00,4.00\n5,a3,soon,5.00\n6,a4,,6.00\n"
        ),
    )
    space = coterie.open(tmp_path)
    space.run()
    assert space.why("a1", "last_order").reason.value == datetime(2026, 3, 10, 9)  # the tenth is after the ninth; UTC
    assert space.count("last_order since '2026-03-10'").size.inside == 1
    assert space.count("last_order < '2026-03-09'").size.inside == 1
    aside = space.quarantine()
    assert sorted(row["line"] for row in aside) == [5, 6, 7]
    assert {row["value"] for row in aside} >= {"31.2.2026 08:00", "soon"}
    assert sum(q["rows"] for q in space.summary()["quarantine"]) == 3
    with pytest.raises(CoterieError, match="'soon' is not a date"):
        space.count("last_order > 'soon'")
    with pytest.raises(CoterieError, match="does not go with"):
        space.count("email > last_order")


def test_g25_segments_of_segments_are_of_one_instant(tmp_path: Path) -> None:
    """A nested cohort was up to a day older than the one around it."""
    rules = {
        "outer": "middle and german",
        "middle": "not inner",
        "inner": "count(order within 30 days) = 0",
        "german": "country = 'DE'",
    }
    people = {"a": {"country": "DE"}, "b": {"country": "DE"}}
    folder = tmp_path / "x"
    space = shop(folder, rules, people, [("a", "2026-03-20T10:00:00", 1)])
    assert members(space)["outer"] == {"a"}
    write(folder, rules, people, [("b", "2026-03-20T10:00:00", 1)])
    space.run()  # one run is enough, whatever the order of the definitions
    assert members(space) == {"outer": {"b"}, "middle": {"b"}, "inner": {"a"}, "german": {"a", "b"}}
    space.run(as_of="2026-04-30")
    assert members(space)["outer"] == set()
    assert {space.describe(name)["as_of"] for name in rules} == {"2026-04-30T23:59:59"}
    for _, steps in ((name, space.history.sizes(name)) for name in rules):
        assert [s.run for s in steps] == [2, 3]  # of one instant the later run counts


def test_g26_every_relative_date_is_worked_out_again(tmp_path: Path) -> None:
    """Only fifty rules with relative dates were worked out anew."""
    days = range(1, 301)
    rules = {f"s{n}": f"last_order within {n} days" for n in days}
    orders = [(f"c{n}", f"{TODAY - timedelta(days=n - 1)}T12:00:00", 1) for n in days]
    space = shop(
        tmp_path / "x", rules, [f"c{n}" for n in days], orders, traits={"last_order": "last(order.time)"}, as_of="2026-03-31"
    )
    before = {s["name"]: s["in"] for s in space.summary()["segments"]}
    space.run(as_of="2026-04-01")
    after = {s["name"]: s["in"] for s in space.summary()["segments"]}
    assert before == {f"s{n}": n for n in days}
    assert after == {f"s{n}": n - 1 for n in days}  # each loses the customer whose last day ran out
    entered, left = space.history.last_turn(list(rules))
    assert (entered, left) == (0, 300)
    assert space.history.sizes("s300")[-1].reasons == {"time": (0, 1)}
