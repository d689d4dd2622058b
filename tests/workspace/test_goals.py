"""Goals: measured at the beginning of their period and now, as the answers of both days say."""

from pathlib import Path

import pytest

import coterie
from coterie.profiles.goals import progress
from tests.cli.calling import Shell

PROJECT = """\
project: goals
timezone: Europe/Berlin
currency: EUR
as_of: 2025-05-15
{project}
sources:
  customers: {{path: customers.csv, id: id, constant: [country]}}
  order: {{path: orders.csv, customer: customer, time: at, id: order}}
traits:
  revenue: sum(order.amount)
segments:
  german:
    where: country = 'DE'
{keys}
"""


def shop(folder: Path, keys: str, project: str = "") -> coterie.Workspace:
    people = [f"C{i},{'DE' if i % 2 else 'FR'}" for i in range(100)]
    orders = [f"{m}-{i},C{i},2025-{m:02d}-10,{10 + i % 7 + m}" for m in range(1, 6) for i in range(100) if (i + m) % 3]
    (folder / "customers.csv").write_text("\n".join(["id,country", *people]))
    (folder / "orders.csv").write_text("\n".join(["order,customer,at,amount", *orders]))
    (folder / "coterie.yaml").write_text(PROJECT.format(keys=keys, project=project))
    return coterie.open(folder)


def test_a_goal_is_measured_at_both_ends(tmp_path: Path) -> None:
    space = shop(tmp_path, "    goal: {metric: avg(revenue), change: +5%, per: quarter}")
    space.run()
    (standing,) = space.goals()
    assert standing.progress is not None
    then = {r["customer"]: r["revenue"] for r in space.traits_at(["2025-03-31"]) if r["country"] == "DE"}
    now = {r["customer"]: r["revenue"] for r in space.segments.members("german", ["revenue"])}
    for measured, values in ((standing.progress.start, then), (standing.progress.now, now)):
        numbers = [float(v) for v in values.values()]
        mean = sum(numbers) / len(numbers)
        assert (measured.n, round(measured.value, 6)) == (len(numbers), round(mean, 6))
        assert measured.variance == pytest.approx(sum((v - mean) ** 2 for v in numbers) / (len(numbers) - 1))
    assert (str(standing.progress.start.at), str(standing.progress.ends)) == (
        "2025-03-31 21:59:59.999999",
        "2025-06-30 21:59:59.999999",
    )
    assert standing.progress == progress(standing.progress.start, standing.progress.now, 0.05, standing.progress.ends)
    assert standing.progress.state == "reached"
    space.close()


def test_the_beginning_is_measured_once(tmp_path: Path) -> None:
    space = shop(tmp_path, "    goal: {metric: avg(revenue), change: +5%, per: quarter}")
    space.run("2025-05-01")
    first = space.goals()[0].progress
    # Rows that come later with an earlier date do not move what the goal began with, as long as it means the same.
    orders = (tmp_path / "orders.csv").read_text()
    (tmp_path / "orders.csv").write_text(f"{orders}\nlate,C1,2025-02-01,5000")
    space.run("2025-05-15")
    later = space.goals()[0].progress
    assert first is not None
    assert later is not None
    assert (later.start, later.now.value > first.now.value) == (first.start, True)
    (tmp_path / "coterie.yaml").write_text((tmp_path / "coterie.yaml").read_text().replace("country = 'DE'", "country = 'FR'"))
    space.run("2025-05-15")
    other = space.goals()[0].progress
    assert other is not None
    assert other.start != first.start
    space.close()


@pytest.mark.parametrize(
    ("metric", "start", "now"),
    [("size", 50, 50), ("share", 0.5, 0.5), ("sum(revenue)", None, None), ("avg(count(order within 30 days))", None, None)],
)
def test_other_metrics(tmp_path: Path, metric: str, start: float | None, now: float | None) -> None:
    space = shop(tmp_path, f'    goal: {{metric: "{metric}", change: -5%, per: month}}')
    space.run()
    (standing,) = space.goals()
    assert standing.progress is not None, standing.why
    if start is not None:
        assert (standing.progress.start.value, standing.progress.now.value) == (start, now)
    if metric == "sum(revenue)":
        inside = [float(r["revenue"]) for r in space.segments.members("german", ["revenue"])]
        assert standing.progress.now.value == pytest.approx(sum(inside))
    space.close()


def test_a_goal_of_the_whole_project(tmp_path: Path) -> None:
    space = shop(tmp_path, "", "goal: {metric: avg(revenue), change: +2, per: month}")
    space.run()
    (standing,) = space.goals()
    assert standing.progress is not None
    assert (standing.goal.name, standing.progress.start.n) == ("", 100)
    assert standing.progress.target == pytest.approx(standing.progress.start.value + 2)
    said = standing.to_json("Europe/Berlin")
    assert (said["name"], said["start"]["at"], said["ends"]) == (None, "2025-04-30", "2025-05-31")
    space.run("2025-01-05")
    assert space.goals()[0].why == "there was nobody when the period began"
    space.close()


def test_a_segment_that_began_empty(tmp_path: Path) -> None:
    rich = "  rich:\n    where: revenue > 1000000\n    goal: {metric: share, change: +5%, per: month}"
    space = shop(tmp_path, rich)
    space.run()
    assert space.goals()[0].why == "it was 0 when the period began, of which nothing is a part (choose another metric)"
    space.close()


@pytest.mark.parametrize(
    ("goal", "why"),
    [
        ("{metric: median(revenue), change: +5%, per: quarter}", "'median(revenue)' cannot be measured"),
        ("{metric: avg(revenu), change: +5%, per: quarter}", "unknown name 'revenu'"),
        ("{metric: avg(country), change: +5%, per: quarter}", "country is text, and a goal moves a number"),
        ("{metric: avg(revenue), change: more, per: quarter}", "'more' is no change"),
        ("{metric: avg(revenue), change: +5%, per: hour}", "a goal is for a period of whole days"),
        ("sell more", "a goal is for a period of whole days"),
    ],
)
def test_what_cannot_be_measured_is_said_and_stops_nothing(tmp_path: Path, goal: str, why: str) -> None:
    space = shop(tmp_path, f"    goal: {goal}")
    space.run()
    (standing,) = space.goals()
    assert standing.progress is None
    assert standing.why.startswith(why)
    space.close()


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(capsys)
    shop(tmp_path, "    goal: {metric: avg(revenue), change: +5%, per: quarter}")
    assert shell("run", dir=tmp_path).code == 0
    assert shell("goals", dir=tmp_path).out.startswith("german: avg(revenue) +5% per quarter\n  Reached: ")
    assert shell("goals", "--json", dir=tmp_path).json[0]["start"]["at"] == "2025-03-31"
    assert "goal stands  Reached: " in shell("segment", "german", dir=tmp_path).out
