"""Random expressions: trees that can be written down, whatever they mean (names and types are not looked at)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from coterie.core.windows import (
    EXACT,
    UNITS,
    Ago,
    Around,
    Before,
    Duration,
    FromTo,
    Next,
    Period,
    Since,
    Window,
    Within,
)
from coterie.language import names, shape
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    Expr,
    Fitted,
    Literal,
    Measure,
    Members,
    Not,
    Or,
    Sequence,
    Step,
    WindowTest,
)

PLAIN = ("country", "revenue", "last_order", "age", "x1", "straße", "国", "हिन्दी", "VIP")
AWKWARD = (
    *("order", "day", "first", "last", "within", "where", "members", "by", "same", "from", "this", "contains", "any"),
    *("and", "Not", "null", "as_of", "As_Of", "end", "Order Completed", 'a "b"', "1st", "a.b", "", "’", "é"),
)
FUNCTIONS = ("lower", "round", "coalesce", "sample", "days_since", "distance_km", "in_list", "frobnicate")


_NO_HALVES = st.characters(exclude_categories=["Cs"])
_NO_CONTROLS = st.characters(exclude_categories=["Cs", "Cc"])


def any_name() -> SearchStrategy[str]:
    """Plain names, words of the grammar, and names that only quotes can hold."""
    awkward = st.sampled_from([n for n in AWKWARD if n])
    free = st.text(_NO_CONTROLS, min_size=1, max_size=6).map(names.normal)
    return st.one_of(st.sampled_from(PLAIN), st.sampled_from(PLAIN), awkward, free)


def literals() -> SearchStrategy[Expr]:
    """Values of every kind that can be written down."""
    numbers = st.one_of(st.integers(-10, 100), st.integers(-(2**63), 2**63 - 1))
    exact = st.decimals(-(10**14), 10**14, allow_nan=False, allow_infinity=False, places=4).map(_pointed)
    text = st.text(_NO_HALVES, max_size=8)
    values = st.one_of(numbers, exact, st.just(Decimal("0.0")), text, st.sampled_from(["DE", "it's"]), st.booleans(), lengths())
    return st.builds(Literal, values)


def percents() -> SearchStrategy[Expr]:
    """`10%`, which stands only as an argument."""
    return st.integers(0, 10_000).map(lambda n: Literal(_plain(Decimal(n).scaleb(-4)), percent=True))


def _pointed(value: Decimal) -> Decimal:
    """A decimal as the parser makes it of canonical text: with a point, no zeros at the end."""
    text = f"{value:f}".rstrip("0")
    return abs(Decimal(text + "0" if text.endswith(".") else text)) if not value else Decimal(text + "0" * text.endswith("."))


def _plain(value: Decimal) -> Decimal:
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".") or "0") if "." in text else value


def lengths() -> SearchStrategy[Duration]:
    return st.builds(Duration, st.integers(1, 400), st.sampled_from(UNITS))


def windows(anchors: SearchStrategy[str] | None = None) -> SearchStrategy[Window]:
    """Every window; `anchors` names the customer's dates."""
    anchors = any_name() if anchors is None else anchors
    calendar = st.sampled_from([u for u in UNITS if u not in EXACT])
    days = st.dates(date(1000, 1, 1), date(9999, 12, 30))
    ends = st.tuples(days, days).filter(lambda d: d[0] != d[1]).map(sorted)
    ago = st.lists(st.integers(1, 400), min_size=2, max_size=2, unique=True).map(lambda n: sorted(n, reverse=True))
    return st.one_of(
        st.builds(Within, lengths()),
        st.builds(lambda n, unit: Ago(n[0], n[1], unit), ago, st.sampled_from(UNITS)),
        st.builds(Period, st.sampled_from(["this", "last"]), calendar),
        st.builds(Since, days),
        st.builds(Before, days),
        st.builds(lambda d: FromTo(d[0], d[1]), ends),
        st.builds(Around, st.builds(Duration, st.integers(1, 400), calendar), st.sampled_from(["after", "before"]), anchors),
        st.builds(Next, lengths()),
    )


def trees(depth: int = 3, name: SearchStrategy[str] | None = None) -> SearchStrategy[Expr]:
    """Trees that can be written down, at most `depth` levels above their leaves.

    Args:
        depth: levels; at 3 a tree has a dozen nodes on average.
        name: what names and event kinds are drawn from; any name by default.
    """
    name = any_name() if name is None else name
    part = st.one_of(st.none(), st.none(), name)
    column = st.builds(Column, name, part)
    leaf: SearchStrategy[Expr] = st.one_of(
        column, literals(), st.builds(Measure, st.sampled_from(sorted(AGGREGATIONS)), name), st.just(Apply("as_of"))
    )
    level = leaf
    for _ in range(depth):
        level = st.one_of(leaf, *(make(level) for make in _kinds(name, part, column)))
    return level.filter(lambda tree: shape.of_size(tree) is None)


def _kinds(
    name: SearchStrategy[str], part: SearchStrategy[str | None], column: SearchStrategy[Column]
) -> list[Callable[[SearchStrategy[Expr]], SearchStrategy[Expr]]]:
    """For each kind of inner node, the nodes of that kind over given sub-trees."""
    window = windows(name)

    def few(inner: SearchStrategy[Expr], least: int, most: int) -> SearchStrategy[tuple[Expr, ...]]:
        return st.lists(inner, min_size=least, max_size=most).map(tuple)

    def joined(kind: type[And] | type[Or], inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        return few(inner.filter(lambda a: not isinstance(a, kind)), 2, 3).map(kind)

    def infix(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        ops = sorted(shape.INFIX | shape.ARITHMETIC)
        return st.builds(lambda op, a, b: Apply(op, (a, b)), st.sampled_from(ops), inner, inner)

    def others(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        return st.one_of(
            st.builds(lambda op, a: Apply(op, (a,)), st.sampled_from(sorted(shape.TESTS)), inner),
            st.builds(Apply, st.sampled_from(sorted(shape.LISTS)), few(inner, 2, 4)),
            few(inner, 3, 3).map(lambda args: Apply("between", args)),
            inner.filter(lambda a: not _number(a)).map(lambda a: Apply("neg", (a,))),
            st.builds(Apply, st.sampled_from(FUNCTIONS), few(st.one_of(inner, percents()), 0, 3)),
        )

    def case(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        branches = st.lists(st.tuples(inner, inner), min_size=1, max_size=2).map(tuple)
        return st.builds(Case, branches, st.one_of(st.none(), inner))

    def measure(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        where, when = st.one_of(st.none(), inner), st.one_of(st.none(), window)
        return st.builds(Measure, st.sampled_from(sorted(AGGREGATIONS)), name, part, where, when)

    def test(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        return st.builds(WindowTest, inner.filter(lambda a: not isinstance(a, Sequence)), window)

    def sequence(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        step = st.builds(Step, name, st.one_of(st.none(), inner), st.one_of(st.none(), lengths()), st.booleans())
        steps = st.lists(step, min_size=1, max_size=3).map(tuple)
        return st.builds(Sequence, steps, st.one_of(st.none(), name), st.one_of(st.none(), window))

    def members(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        asked = st.builds(Members, st.sampled_from(["any", "all", "none", "count"]), inner)
        return st.one_of(asked, st.just(Members("count")))

    def fitted(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
        by = st.one_of(st.none(), column)
        return st.builds(Fitted, st.sampled_from(sorted(shape.FITTED)), few(inner, 1, 3), by)

    return [
        partial(joined, And),
        partial(joined, Or),
        infix,
        others,
        partial(st.builds, Not),
        case,
        measure,
        test,
        sequence,
        members,
        fitted,
    ]


def _number(node: Expr) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, int | Decimal) and not isinstance(node.value, bool)
