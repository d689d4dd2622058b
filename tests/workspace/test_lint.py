"""The portfolio linter: twenty planted smells are all found, and nothing is found where there is nothing."""

from pathlib import Path

import pytest

import coterie
from coterie.core.place import Origin
from coterie.language.alike import normal
from coterie.language.check import check
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.types import BOOLEAN, INTEGER, MONEY, TEXT
from tests.cli.calling import Shell

HEAD = """\
project: smells
timezone: UTC
currency: EUR
as_of: 2025-06-30
sources:
  customers: {path: customers.csv, id: id, constant: [country, age, plan, shoe]}
  order: {path: orders.csv, customer: customer, time: at, id: order}
"""
CLEAN = """\
traits:
  revenue: sum(order.amount)
  orders: count(order)
segments:
  spender: revenue >= 400
  german: country = 'DE'
  young: age < 30
  german_spender: german and spender
  either: german or young
  lately: exists(order within 20 days) and orders > 1
segmentations:
  ages:
    young ones: age < 30
    middle: age < 60
    old: otherwise
"""


def write(folder: Path, project: str) -> coterie.Workspace:
    """A shop of 120 customers: C0 to C119, with orders that follow from the number."""
    people, orders = ["id,country,age,plan,shoe"], ["order,customer,at,amount"]
    for i in range(120):
        country = ("DE", "FR", "AT")[i % 3]
        shoe = "" if i % 10 else str(36 + i % 9)
        people.append(f"C{i},{country},{18 + (i * 7) % 60},{'gold' if i % 7 == 3 else 'basic'},{shoe}")
        days = [f"2025-{1 + (i + n) % 6:02d}-{1 + (i * 3 + n) % 28:02d}" for n in range(1 + i % 5)]
        orders += [f"{i}-{n},C{i},{day},{20 + (i * 37) % 240}.50" for n, day in enumerate(days)]
    orders.append("t,C7,2025-01-02,999999")  # a test account
    (folder / "customers.csv").write_text("\n".join(people) + "\n")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    (folder / "press.txt").write_text("C1\n")
    (folder / "coterie.yaml").write_text(HEAD + project)
    return coterie.open(folder)


PLANTED = """\
lists: {press: press.txt}
traits:
  revenue: sum(order.amount)
  orders: count(order)
  unread: avg(order.amount)
segments:
  spender: revenue >= 400
  german: country = 'DE'
  young: age < 30
  either: german or young
  lately: exists(order within 20 days)
  reordered: young and german
  reordered_too: not (not german or not age < 30)
  gilded: plan = 'gold'
  gilt: plan starts with 'g'
  frenchmen: country = 'FR' and orders between 2 and 4
  no_germans: not (country in ('DE', 'AT'))
  almost: orders > 1
  almost_all: orders > 1 and age != 25
  never: revenue > 400 and revenue < 300
  always: revenue >= 0 or revenue < 0
  few: age < 19
  everybody: age > 17
  big_feet: shoe > 40
  testers: plan = 'basic' and country = 'FR'
  german_s: orders >= 5
  doubled: age > 40 and plan = 'basic' and age > 40
  also_young: young
  old_friends: {where: age > 70, include: [{ids: [C1], until: 2025-01-31}]}
  strangers: {where: age between 60 and 75, exclude: [zz]}
  mostly_by_hand: {where: age = 19, include: [C4, C5, C6, C7, C8, C9, C10, C11, C12]}
  torn: {where: age between 33 and 52, examples: {in: [C1], out: [C1]}}
segmentations:
  ages:
    young ones: age < 30
    younger: age < 25
    middle: age < 60
    old: otherwise
  countries:
    germans: country = 'DE'
    gold: plan = 'gold' and age > 90
    rest: otherwise
"""
SMELLS = [
    ("L01", "reordered", "another spelling"),
    ("L02", "gilded", "the same members by another rule"),
    ("L03", "frenchmen", "a subset that its rule does not say"),
    ("L04", "almost", "nearly the same members"),
    ("L05", "never", "never true"),
    ("L05", "always", "always true"),
    ("L06", "ages", "a label that is never reached"),
    ("L07", "unread", "a trait that nothing uses"),
    ("L07", "press", "a list that nothing uses"),
    ("L08", "never", "nobody is in it"),
    ("L08", "few", "too few are in it"),
    ("L09", "everybody", "everybody is in it"),
    ("L10", "countries", "a label that nobody has"),
    ("L11", "big_feet", "cannot be told for most"),
    ("L12", "testers", "one customer carries it"),
    ("L14", "german", "names easily mistaken"),
    ("L15", "old_friends", "by hand, and over"),
    ("L15", "strangers", "by hand, and no customer"),
    ("L15", "mostly_by_hand", "mostly by hand"),
    ("L16", "torn", "contradicting examples"),
    ("L17", "doubled", "a condition twice"),
    ("L18", "also_young", "another name"),
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> coterie.Workspace:
    space = write(tmp_path_factory.mktemp("planted"), PLANTED)
    space.run()
    return space


@pytest.mark.parametrize(("code", "name"), [(code, name) for code, name, _ in SMELLS], ids=[what for _, _, what in SMELLS])
def test_a_planted_smell_is_found(planted: coterie.Workspace, code: str, name: str) -> None:
    found = [s for s in planted.lint() if s.code == code and name in s.names]
    assert found, [(s.code, s.names) for s in planted.lint()]
    assert all(s.said and s.todo for s in found)


def test_nothing_is_found_in_a_clean_set(tmp_path: Path) -> None:
    space = write(tmp_path, CLEAN)
    rows = (tmp_path / "orders.csv").read_text().splitlines()
    (tmp_path / "orders.csv").write_text("\n".join(r for r in rows if not r.startswith("t,")) + "\n")
    space.run()
    assert [(s.code, s.names, s.said) for s in space.lint()] == []


def test_no_change_for_long(tmp_path: Path) -> None:
    space = write(tmp_path, CLEAN)
    space.run("2025-07-01")
    space.run("2025-10-30")
    idle = [s for s in space.lint() if s.code == "L13"]
    assert {n for s in idle for n in s.names} == {"german", "young", "either", "spender", "german_spender"}
    assert idle[0].said == "nobody entered or left either for 121 days, since 1 Jul 2025"


def test_the_command(planted: coterie.Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(capsys)
    said = shell("lint", dir=planted.folder)
    assert said.code == 1
    assert "L05  the segment 'never' can never be true" in said.out
    assert shell("lint", "--json", dir=planted.folder).json[0]["code"] == "L01"


# --- one spelling ----------------------------------------------------------------------------------------------------------

SCOPE = Scope(
    {"a": ColumnInfo(INTEGER), "b": ColumnInfo(INTEGER), "t": ColumnInfo(TEXT), "yes": ColumnInfo(BOOLEAN)},
    {"order": EventInfo({"amount": MONEY})},
)
NAMES = {"big": "a > 10", "bigger": "big and b > 3"}


def form(text: str) -> str:
    columns = {**SCOPE.columns, **{n: ColumnInfo(BOOLEAN) for n in NAMES}}
    scope = Scope(columns, SCOPE.events)
    names = {n: check(parse(Origin.of(t)), scope, Origin.of(t)).tree for n, t in NAMES.items()}
    return normal(check(parse(Origin.of(text)), scope, Origin.of(text)).tree, names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 1 and b > 2", "b > 2 and a > 1"),
        ("a > 1 and (b > 2 and t = 'x')", "t = 'x' and b > 2 and a > 1"),
        ("not (a > 1 or b > 2)", "a <= 1 and b <= 2"),
        ("10 < a", "big"),
        ("b > 3 and a > 10", "bigger"),
        ("a between 1 and 5", "a >= 1 and a <= 5"),
        ("t in ('x')", "t = 'x'"),
        ("t in ('x', 'y')", "t in ('y', 'x', 'x')"),
        ("count(order) > 0", "exists(order)"),
        ("count(order within 5 days) = 0", "not exists(order within 5 days)"),
        ("a > 1.0", "a > 1"),
        ("not not yes", "yes"),
        ("yes = true", "yes"),
        ("a > 1 or a > 1", "a > 1"),
    ],
)
def test_what_says_the_same_has_one_form(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 1", "a >= 1"),
        ("a > 1 and b > 2", "a > 1 or b > 2"),
        ("not (t = 'x')", "t = 'x'"),
        ("exists(order within 5 days)", "exists(order within 6 days)"),
        ("count(order) > 1", "exists(order)"),
        ("a - b > 1", "b - a > 1"),
    ],
)
def test_what_says_something_else_has_another(one: str, other: str) -> None:
    assert form(one) != form(other)
