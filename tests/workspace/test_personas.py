"""Every number in a persona's sentences is what `coterie count` and the results say; nobody is named who was not asked for."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from statistics import mean, median
from types import SimpleNamespace

import pytest

import coterie
from coterie.core.errors import CoterieError, DefinitionError, TypeMismatch, UnknownName
from coterie.profiles import words
from coterie.profiles.movement import movement
from coterie.profiles.personas.figures import OTHERS
from coterie.profiles.personas.persona import Group
from coterie.profiles.personas.told import value
from coterie.workspace.personas import Personas
from coterie.workspace.playbook import read_playbook, text_of
from tests import shops

NAMES = ["lifecycle", "value", "mailable", "card_holders", "londoners", "lifestyle", "country = 'DE'"]


@pytest.fixture(scope="module")
def space():
    opened = coterie.open(shops.demo())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def personas(space):
    return [p for name in NAMES for p in space.personas(name)]


def inside(space, expression: str) -> int:
    return space.count(expression).size.inside


def test_every_number_of_a_sentence_is_what_count_says(space, personas) -> None:
    kinds = set()
    for p in personas:
        for sentence in p.sentences:
            for number in sentence.numbers:
                kinds.add(number.unit)
                assert recomputed(space, number) == pytest.approx(float(number.value)), (p.group.name, number)
    assert kinds >= {"customers", "share", "money", "number"}


def recomputed(space, number) -> float:
    """A number made anew of its formula, by counts and over exported members."""
    if number.expression:
        return inside(space, number.expression)
    formula = number.formula
    top, _, below = formula.partition(" / ")
    if below:
        return amount(space, top) / amount(space, below)
    return amount(space, formula)


def amount(space, text: str) -> float:
    everybody = len(space.results.engine.fetch("SELECT customer FROM traits"))
    if text == "all customers":
        return everybody
    if text.startswith("customers in: "):
        return inside(space, text.removeprefix("customers in: "))
    parts = re.fullmatch(r"(sum|median|mean) of (\w+) over (all customers|customers in: .*)", text, re.DOTALL)
    assert parts is not None, text
    how, column, who = parts.groups()
    select = space.results.selected(who.removeprefix("customers in: ") if ":" in who else "orders >= 0", [column])
    found = [row[1] for row in space.results.engine.rows(select) if row[1] is not None]
    if found and isinstance(found[0], date):
        days = sorted(d.toordinal() for d in found)
        return days[(len(days) - 1) // 2]
    values = [float(v) for v in found] or [0.0]
    return sum(values) if how == "sum" else median(values) if how == "median" else mean(values)


def test_what_is_read_is_what_is_counted(personas) -> None:
    for p in personas:
        first, second = p.sentences
        size, *rest = first.numbers
        assert f" {size.value:,} customer" in first.text
        for number in (*rest, *second.numbers):
            shown = {
                "share": words.share(float(number.value)),
                "money": words.money(Decimal(str(number.value)), p.currency),
                "number": value(float(number.value)),
            }.get(number.unit)
            if shown is not None and number.value:
                assert shown in first.text + second.text, (p.group.name, number)
        said = set(re.findall(r"[0-9][0-9,.]*", first.text))
        allowed = {size for n in first.numbers for size in re.findall(r"[0-9][0-9,.]*", _shown(n, p.currency))}
        assert {s.rstrip(".,") for s in said} <= {a.rstrip(".,") for a in allowed} | set(re.findall(r"[0-9]+", p.name))


def _shown(n, currency) -> str:
    if n.unit == "share":
        return words.share(float(n.value))
    return words.money(Decimal(str(n.value)), currency) if n.unit == "money" else f"{n.value:,}"


def test_groups_add_up_to_the_population(space) -> None:
    for name in ("lifecycle", "lifestyle"):
        found = space.personas(name)
        for p in found:
            size = space.count(p.group.expression).size
            assert (p.customers, p.others, p.unknown) == (size.inside, size.outside, size.cannot_tell)
        assert sum(p.customers for p in found) == inside(space, f"{name} is known")


def test_figures_are_what_count_says(space, personas) -> None:
    for p in personas:
        who = f"({p.group.expression})"
        orders = inside(space, f"{who} and orders > 0")
        if not p.customers:
            continue
        assert p.figures["buyers"] == pytest.approx(orders / p.customers)
        if orders:
            assert p.figures["one_order"] == pytest.approx(inside(space, f"{who} and orders = 1") / orders)
        others = inside(space, f"not {who} and orders > 0")
        if p.others:
            assert p.figures[OTHERS + "buyers"] == pytest.approx(others / p.others)


def test_the_favourite_is_the_liking_that_differs_most(space) -> None:
    told = [p for p in space.personas("tastes") if p.likings]
    assert told
    for p in told:
        most = max(p.likings, key=lambda one: one.inside - one.outside)
        assert p.figures["share_of_favourite"] == most.inside
        assert p.figures[f"{OTHERS}share_of_favourite"] == most.outside
        assert ("their own shelf" in [s.play.name for s in p.strategies]) == (most.inside >= max(0.3, 2 * most.outside))


def test_of_few_customers_little_is_said(personas) -> None:
    few = [p for p in personas if p.customers < 30]
    many = [p for p in personas if p.customers >= 30]
    assert few
    assert many
    for p in few:
        assert (p.apart, p.likings, p.strategies, p.members, p.journey.steps) == ((), (), (), (), ())
        assert p.sentences[1].text == "They are fewer than 30, so little can be said of them."
        assert p.note
    assert any(p.strategies for p in many)
    for p in many:
        for s in p.strategies:
            assert s.evidence
            assert all(p.figures[name] == value for name, value in s.evidence)


def test_labels_are_named_by_label_place_and_condition(space) -> None:
    labels = [p.group.label for p in space.personas("lifecycle")]
    assert labels == list(dict.fromkeys(labels))
    assert space.persona(f"lifecycle.{labels[1]}").customers == space.persona("lifecycle.2").customers
    assert space.persona("lifecycle.2").name == labels[1]
    vip = space.persona("vip")
    assert (vip.name, vip.group.about != "") == ("vip", True)
    assert vip.customers == space.segments.size("vip").inside
    own = space.persona("country = 'DE'")
    assert own.customers == inside(space, "country = 'DE'")
    assert own.group.given is False


def test_what_is_no_group_is_said(space) -> None:
    with pytest.raises(UnknownName, match="there is no group 'vipp'"):
        space.persona("vipp")
    with pytest.raises(UnknownName, match="lifecycle has no label 'activ'"):
        space.persona("lifecycle.activ")
    with pytest.raises(TypeMismatch, match="has 5 groups"):
        space.persona("lifecycle")
    with pytest.raises(CoterieError):
        space.persona("revenue")


def test_nobody_is_named_who_was_not_asked_for(space) -> None:
    text = json.dumps(space.persona("mailable").to_json())
    everybody = [str(r[0]) for r in space.results.engine.rows("SELECT customer FROM traits")]
    assert not [i for i in everybody if i in text]
    named = space.persona("mailable", ids=True)
    members = {r["customer"] for r in space.segments.members("mailable")}
    assert [kind.what for kind in named.members] == ["typical", "extreme"]
    assert all(len(kind.ids) == 10 and set(kind.ids) <= members for kind in named.members)


def test_personal_columns_set_nobody_apart(personas) -> None:
    told = {d.column for p in personas for d in p.apart}
    assert told
    assert not told & {"email", "birth_date", "postcode", "customer"}


def test_the_projects_own_playbook_is_used(tmp_path: Path) -> None:
    folder = shops.copied(shops.demo(), tmp_path / "shop")
    file = folder / "playbook.yaml"
    file.write_text("plays:\n  all:\n    when: customers > 0\n    message: hello\n    channel: post\n    metric: replies\n")
    with_own = coterie.open(folder)
    [strategy] = with_own.persona("mailable").strategies
    assert (strategy.play.name, strategy.play.message, strategy.play.offer) == ("all", "hello", "")
    assert strategy.evidence == (("customers", float(with_own.segments.size("mailable").inside)),)
    file.write_text("plays:\n  all:\n    when: revenu > 0\n    message: hello\n    channel: post\n    metric: replies\n")
    with pytest.raises(DefinitionError, match="revenu") as wrong:
        with_own.persona("mailable")
    assert wrong.value.place is not None
    assert wrong.value.place.line == 3
    file.write_text("plays:\n  all:\n    when: revenue > 0\n    mesage: hello\n    channel: post\n    metric: replies\n")
    with pytest.raises(DefinitionError, match="mesage"):
        with_own.persona("mailable")
    with_own.close()


def test_the_playbook_that_comes_along_can_be_read() -> None:
    text, file = text_of(Path("nowhere"))
    plays = read_playbook(text, file)
    assert 6 <= len(plays) <= 12
    assert all(p.message and p.channel and p.metric and p.when.uses for p in plays)


def test_a_tiny_project_has_personas_too() -> None:
    space = coterie.open(shops.tiny())
    found = space.persona("vip")
    assert found.sentences[1].text.startswith("They are fewer than 30")
    assert found.figures["buyers"] == 1.0
    space.close()


def test_moves_between_labels_are_told_of_each_label() -> None:
    table: dict[tuple[str | None, str | None], int] = {("new", "active"): 20, ("active", "lapsed"): 30, ("lapsed", "active"): 4}
    table |= {("active", "active"): 99, (None, "active"): 7}
    moved = movement(table, datetime(2026, 1, 1), datetime(2026, 2, 1))
    gathering = SimpleNamespace(moved={"lifecycle": moved}, results=None, setting=None)
    active = Group("lifecycle.active", "active", "lifecycle = 'active'", of="lifecycle", label="active")
    asked = Personas(gathering, [active])  # type: ignore[arg-type]
    assert asked.moves(active) == (moved.since, (("new", 20), ("lapsed", 4)), (("lapsed", 30),))
    assert asked.moves(Group("vip", "vip", "vip")) == (None, (), ())
