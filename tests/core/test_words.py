"""One and many, a and an: names of somebody's data as English."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.words import counted, is_noun, plural, singular, with_article

WORDS = [
    ("order", "order", "orders"),
    ("orders", "order", "orders"),
    ("page view", "page view", "page views"),
    ("visit", "visit", "visits"),
    ("purchases", "purchase", "purchases"),
    ("delivery", "delivery", "deliveries"),
    ("deliveries", "delivery", "deliveries"),
    ("key", "key", "keys"),
    ("box", "box", "boxes"),
    ("address", "address", "addresses"),
    ("status", "status", "statuses"),
    ("bonuses", "bonus", "bonuses"),
    ("pauses", "pause", "pauses"),
    ("visas", "visa", "visas"),
    ("wishes", "wish", "wishes"),
    ("person", "person", "people"),
    ("feed", "feed", "feeds"),
    ("opened", "opened event", "opened events"),
    ("email opened", "email opened event", "email opened events"),
    ("cart added", "cart added event", "cart added events"),
    ("logged in", "logged in event", "logged in events"),
    ("sms", "sms event", "sms events"),
    ("sent", "sent event", "sent events"),
    ("feedback", "feedback event", "feedback events"),
    ("国", "国 event", "国 events"),
    ("t1", "t1 event", "t1 events"),
    ('"Order Completed"', '"Order Completed" event', '"Order Completed" events'),
]


@pytest.mark.parametrize(("name", "one", "many"), WORDS)
def test_one_and_many(name, one, many):
    assert (singular(name), plural(name)) == (one, many)


ARTICLES = [
    "an order",
    *("a page view", "an email opened event", "an hour", "an honest order", "a user", "a unit", "a use", "a European"),
    *("a one-off", "an SMS", "an sms event", "an NPS answer", "a CRM call", "an event", "an unsubscribe", "an uninstall"),
    *(
        "an unimportant event",
        "a usual order",
        'an "Order Completed" event',
        "a university",
        "an offer",
        "a utility bill",
        "an MRI",
    ),
    *("a history", "a subscription", "an issue", "a why", "a cry", "a 国 event", "an only order"),
]


@pytest.mark.parametrize("said", ARTICLES)
def test_a_and_an(said):
    assert with_article(said.split(" ", 1)[1]) == said


@pytest.mark.parametrize(("n", "said"), [(0, "0 rows are"), (1, "1 row is"), (2, "2 rows are"), (1000, "1,000 rows are")])
def test_counted(n, said):
    assert counted(n, "row is", "rows are") == said


NOUNS = st.from_regex("[a-z]{3,9}", fullmatch=True).filter(lambda word: is_noun(word) and word[-1] not in "iu")


@given(NOUNS)
def test_the_plural_is_its_own_plural_and_one_stays_one(word):
    assert plural(plural(word)) == plural(word)
    assert singular(singular(word)) == singular(word)


@given(st.from_regex("[a-z]{2,7}( [a-z]{2,7})?", fullmatch=True))
def test_one_and_many_differ_and_many_ends_as_a_plural(name):
    one, many = singular(name), plural(name)
    assert one != many
    assert re.search("(s|people|children|men|women)$", many)
