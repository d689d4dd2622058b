"""The numbers behind scorecards are those that `count` gives, in Python and on the command line alike."""

import json

import pytest

import coterie
from coterie.core.errors import UnknownName
from coterie.language.names import written
from coterie.profiles.scorecard import CRITERIA
from coterie.workspace.scorecard import evidence, labels_named, metrics_of, to_json
from coterie.workspace.trends import trend_json
from tests import shops
from tests.cli.calling import Shell


@pytest.fixture(scope="module")
def space():
    opened = coterie.open(shops.demo())
    yield opened
    opened.close()


def test_evidence_is_what_count_says(space) -> None:
    found = evidence(space)
    assert [e.segment for e in found] == list(space.segments)
    for e in found[:6]:
        name = written(e.segment)
        size = space.count(name).size
        assert (e.members, e.unknown, e.population) == (size.inside, size.cannot_tell, size.population)
        assert e.channels is not None
        assert [(c.name, c.identifier, c.consent) for c in e.channels] == [("e-mail", "email", "marketing_consent_email")]
        assert e.channels[0].reached == space.count(f"{name} and email is known and marketing_consent_email").size.inside
        assert e.money is not None
        assert e.money.inside == pytest.approx(float(space.results.revenue[e.segment]))
        assert {o: both for o, (both, _) in e.siblings.items()} == dict(space.segments.overlap(e.segment))
        assert {c.column for c in e.reads} <= set(space.results.columns)


def test_what_customers_do_is_told_from_what_they_are(space) -> None:
    metrics = metrics_of(space.results)
    assert {"revenue", "orders"} <= metrics
    assert not metrics & {"age", "country", "income", "last_order", "home_score"}


def test_python_and_the_command_line_say_the_same(space, capsys) -> None:
    call = Shell(capsys)
    cards = space.scorecards()
    assert all([m.criterion for m in c.marks] == list(CRITERIA) for c in cards)
    everything = call("scorecard", "--json", dir=shops.demo())
    assert everything.json == json.loads(json.dumps([to_json(c) for c in cards]))
    one = call("scorecard", "vip", "--json", dir=shops.demo())
    assert one.json["segment"] == "vip"
    trends = [trend_json(t) for t in space.trends("vip")]
    assert one.json == json.loads(json.dumps(to_json(space.scorecard("vip")) | {"trends": trends}))
    shown = call("scorecard", "vip", dir=shops.demo()).out
    assert all(m.number in shown and m.suggestion in shown for m in space.scorecard("vip").marks)


def test_a_name_that_is_no_segment_is_told(space) -> None:
    with pytest.raises(UnknownName, match="vipp"):
        space.scorecard("vipp")


def test_which_labels_a_rule_names_is_told(space) -> None:
    tree = space.results.catalog.expression("lifestyle = 'homemakers' and (lifecycle in ('new', 'active') or revenue > 3)").tree
    assert labels_named(tree) == {("lifestyle", "homemakers"), ("lifecycle", "new"), ("lifecycle", "active"), ("revenue", "3")}
    by_score = space.results.catalog.expression("value.r = 5").tree
    assert labels_named(by_score) == {("value.r", "5")}
