import decimal
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given

from coterie.language import shape
from coterie.language.format import fingerprint, format, literal
from coterie.language.functions import LEAVES
from coterie.language.parse import parse
from coterie.language.tree import Apply, Column, Expr, Literal, walk
from coterie.testing.trees import trees


def exactly(tree: Expr) -> tuple[Expr, list[tuple[type, str]]]:
    """A tree with what `==` does not tell apart: 1, True and Decimal(1), and the digits of decimals."""
    return tree, [(type(n.value), str(n.value)) for n in walk(tree) if isinstance(n, Literal)]


@given(trees())
def test_canonical_text_is_read_as_the_same_tree(tree):
    text = format(tree)
    assert exactly(parse(text)) == exactly(tree), text


@given(trees())
def test_canonical_text_is_its_own_canonical_text(tree):
    text = format(tree)
    assert format(parse(text)) == text


CANONICAL = [
    ("a  AND\n b Or c", "a and b or c"),
    ("a and (b and (c and d))", "a and b and c and d"),
    ("a or (b and c)", "a or b and c"),
    ("(a or b) and c", "(a or b) and c"),
    ("not (a = 1)", "a != 1"),
    ("not a = 1", "a != 1"),
    ("not (a or b)", "not (a or b)"),
    ("not not a", "not not a"),
    ("not country in ('DE')", "country not in ('DE')"),
    ("not (name starts with 'C')", "name not starts with 'C'"),
    ("not (tags has any ('a'))", "not tags has any ('a')"),
    ("tags NOT HAS ALL ('a')", "not tags has all ('a')"),
    ("not (x is missing)", "x is not missing"),
    ("x is not known", "x is not known"),
    ("x not between 1 and 2", "x not between 1 and 2"),
    ("(x within 3 days) and not (y this month)", "x within 3 days and not y this month"),
    ("count(order where (paid within 3 days))", "count(order where (paid within 3 days))"),
    ("count(order where not (paid within 3 days) or x)", "count(order where not (paid within 3 days) or x)"),
    (
        "count(order where lower(case when a within 1 day then 'b' end) = 'b' within 2 days)",
        "count(order where lower(case when a within 1 day then 'b' end) = 'b' within 2 days)",
    ),
    ("any(members where (sequence(a) within 3 days))", "any(members where (sequence(a) within 3 days))"),
    ("any(members where (sequence(a)))", "any(members where sequence(a))"),
    ("revenue > 1000.50", "revenue > 1000.5"),
    ("revenue > 1000.00", "revenue > 1000.0"),
    ("revenue > 1000", "revenue > 1000"),
    ("revenue > -0.0", "revenue > 0.0"),
    ("x = 0.00001", "x = 0.00001"),
    ("sample( 10% , 'spring')", "sample(10%, 'spring')"),
    ("sample(12.50%, 'spring')", "sample(12.5%, 'spring')"),
    ("sample(0%, 'spring')", "sample(0%, 'spring')"),
    ("+x + +5", "x + 5"),
    ("a - (b - c)", "a - (b - c)"),
    ("(a - b) - c", "a - b - c"),
    ("a * (b / c) % d", "a * (b / c) % d"),
    ("-(-x)", "-(-x)"),
    ("-(a + b)", "-(a + b)"),
    ("a - -5", "a - -5"),
    ("-(5)", "-5"),
    ("(a = b) = (c < d)", "(a = b) = (c < d)"),
    ("LOWER(x) = 'É'", "lower(x) = 'É'"),
    ("AS_OF", "as_of"),
    ('"as_of"', '"as_of"'),
    ('"country" = "Order Completed"', 'country = "Order Completed"'),
    ('count("members") + count(members)', 'count("members") + count(members)'),
    ("count(Order WITHIN 1 days)", "count(Order within 1 day)"),
    ("x from 180 to 90 DAYS ago", "x from 180 to 90 days ago"),
    ("x from 3 to 1 months ago", "x from 3 to 1 month ago"),
    ("signup within next 2 week", "signup within next 2 weeks"),
    ("order within 30 days AFTER signup", "order within 30 days after signup"),
    (
        "sequence(a, not b where x within 24 hours, c SAME cart) within 3 days",
        "sequence(a, not b where x within 24 hours, c same cart) within 3 days",
    ),
    ("percentile(revenue BY country) >= 0.9", "percentile(revenue by country) >= 0.9"),
    ("quantile(revenue, 5 by country)", "quantile(revenue by country, 5)"),
    (
        "predict(not exists(order within next 60 days) from age, income)",
        "predict(not exists(order within next 60 days) from age, income)",
    ),
    ("case when a then 1 else 2 end + 1", "case when a then 1 else 2 end + 1"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_spelling(text, canonical):
    assert format(parse(text)) == canonical
    assert exactly(parse(canonical)) == exactly(parse(format(parse(text))))


def test_values_of_checked_trees_are_iso_text():
    assert literal(date(2026, 1, 31)) == "'2026-01-31'"
    assert literal(datetime(2026, 1, 31, 10, 0)) == "'2026-01-31T10:00:00Z'"
    assert literal(Decimal("1E+3")) == "1000.0"
    assert literal(Decimal("-0.00")) == "0.0"


def test_numbers_keep_all_their_digits_whatever_the_decimal_context():
    text = "1234567890123456789012345.678901234567"
    with decimal.localcontext() as context:
        context.prec = 5
        assert format(parse(f"-{text}")) == f"-{text}"
        assert format(parse("f(12.3456789%)")) == "f(12.3456789%)"


def test_nested_parentheses_take_no_longer_than_their_length():
    tree: Expr = Column("x")
    for _ in range(30):
        tree = Apply("-", (Column("y"), tree))
    assert format(tree).count("(") == 29
    assert exactly(parse(format(tree))) == exactly(tree)


def test_fingerprint_changes_with_text_names_and_nothing_else():
    rule = parse("vip and revenue > 10.0")
    uses = {"vip": "a1", "revenue": "b2"}
    assert fingerprint(rule, uses) == fingerprint(parse("VIP".lower() + " AND (revenue > 10.00)"), dict(reversed(uses.items())))
    assert len(fingerprint(rule, uses)) == 16
    others = [
        fingerprint(parse("vip and revenue > 10"), uses),
        fingerprint(rule, {"vip": "a1", "revenue": "b3"}),
        fingerprint(rule, {"vip": "a1"}),
        fingerprint(rule, {"vip": "b2", "revenue": "a1"}),
    ]
    assert len({fingerprint(rule, uses), *others}) == 5


def test_fingerprint_is_the_same_in_every_version():
    assert fingerprint(parse("count(order within 90 days) >= 3"), {"order": "00ff"}) == "9fa5fae2a6038909"


def test_every_operator_of_the_tables_has_its_place_in_the_grammar():
    written = {
        "comparison": (2, 2),
        "sum": (2, 2),
        "product": (2, 2),
        "between": (3, 3),
        "is": (1, 1),
        "sign": (1, 1),
        "name": (0, 0),
    }
    written |= {"in": (2, shape.MAX_NODES + 1), "has": (2, shape.MAX_NODES + 1)}
    rows = {name: written[leaf.shape] for name, leaf in LEAVES.items() if leaf.shape != "function"}
    assert rows == shape.ARITY
