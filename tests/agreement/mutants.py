"""Wrong SQL on purpose: for each operator, function, aggregation, window and the rest of the language, forms that are nearly right.

Each mutant swaps one thing for a subtly wrong one; what proves the language has to notice every one of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlglot import exp

from coterie.core import windows
from coterie.core.windows import Around, Days, Instants, Window
from coterie.language import compile as compiling
from coterie.language import tree
from coterie.language.aggregations import AGGREGATIONS, Aggregation, Rows
from coterie.language.functions import LEAVES
from coterie.language.leaves import Leaf
from coterie.language.sql import Builder, Sql
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, NUMBERS, TEXT, TIMES, TIMESTAMP, Type
from coterie.models.kinds import FITTERS
from coterie.testing.expressions import (
    MEASURE_WINDOWS,
    QUANTIFIERS,
    SHAPES,
    STANDINGS,
    TEST_WINDOWS,
    Feature,
    signatures,
    window_kind,
)
from coterie.traits import batch, coverage

Face = Callable[..., exp.Expression]
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)


@dataclass(frozen=True)
class Mutant:
    """A wrong form: what it is of, what is wrong, and how to put it in place."""

    of: str
    wrong: str
    features: tuple[Feature, ...]
    put: Callable[[pytest.MonkeyPatch], None]

    def __str__(self) -> str:
        return f"{self.of}: {self.wrong}"


# --- operators and functions


def leaf_mutants() -> Iterator[Mutant]:
    for leaf in LEAVES.values():
        for wrong, face in wrong_faces(leaf):
            yield Mutant(
                leaf.name,
                wrong,
                (("leaf", leaf.name),),
                lambda patch, leaf=leaf, face=face: patch.setitem(LEAVES, leaf.name, replace(leaf, sql=face)),  # type: ignore[misc]
            )


def wrong_faces(leaf: Leaf) -> Iterator[tuple[str, Face]]:
    """Wrong forms that make sense for any row of this shape, then those of this row."""
    right, results = leaf.sql, {result for _, result in signatures(leaf)}
    kinds = {t for types, _ in signatures(leaf) for t in types}
    most = max((len(types) for types, _ in signatures(leaf)), default=0)
    if results == {BOOLEAN}:
        yield "negated", lambda b, *a: b.not_(right(b, *a))
        if leaf.name not in ALWAYS_KNOWN:
            yield "false where unknown", lambda b, *a: b.call("COALESCE", right(b, *a), b.literal(False))
            yield "true where unknown", lambda b, *a: b.call("COALESCE", right(b, *a), b.literal(True))
    else:
        yield "off by a little", lambda b, *a: nudged(b, right(b, *a), result_of(leaf, a))
        if leaf.name != "as_of":
            yield "a value where missing", lambda b, *a: b.call("COALESCE", right(b, *a), ordinary(b, result_of(leaf, a)))
    if most >= 2 and leaf.name not in SYMMETRIC and not leaf.literal:
        yield "arguments swapped", lambda b, *a: right(b, *swapped(leaf, a))
    if most >= 2 and leaf.name in SEVERAL:
        yield "last argument forgotten", lambda b, *a: right(b, *(a[:-1] if len(a) > 2 else a))
    if (leaf.context and kinds & {*TIMES} and leaf.name not in ("age", "days_since", "anniversary")) or leaf.name == "hour":
        yield "on the clock of UTC", lambda b, *a: right(replace(b, context=replace(b.context, zone="UTC")), *a)
    if leaf.live == "daily":
        yield "a day late", lambda b, *a: right(replace(b, context=replace(b.context, as_of=b.context.as_of + DAY)), *a)
    yield from OWN.get(leaf.name, ())


ALWAYS_KNOWN = ("is missing", "is known", "sample", "in_list")
SYMMETRIC = ("=", "+", "*", "least", "greatest", "in", "has any", "has all")
SEVERAL = ("in", "concat", "least", "greatest", "coalesce", "has any", "has all")


def result_of(leaf: Leaf, args: tuple[Sql, ...]) -> Type:
    found = leaf.result(*(a.type for a in args))
    assert found is not None
    return found


def swapped(leaf: Leaf, args: tuple[Sql, ...]) -> tuple[Sql, ...]:
    """The first two arguments the other way round, where their kinds allow it."""
    if len(args) < 2:
        return args
    other = (args[1], args[0], *args[2:])
    return other if leaf.result(*(a.type for a in other)) == result_of(leaf, args) else args


def nudged(b: Builder, tree_: exp.Expression, type_: Type) -> exp.Expression:
    """A value that is a little larger."""
    if type_ == TEXT:
        return b.binary("||", tree_, b.literal("x"))
    if type_ == BOOLEAN:
        return b.not_(tree_)
    if type_ == DATE:
        return b.try_cast(b.binary("+", b.cast(tree_, "TIMESTAMP"), b.interval(1, "day")), "DATE")
    if type_ == TIMESTAMP:
        return b.binary("+", tree_, b.interval(1, "second"))
    if type_ not in NUMBERS:
        return b.null()  # a list has nothing next to it
    return b.try_cast(b.binary("+", b.cast(tree_, "DOUBLE"), b.literal(1.0, FLOAT)), sql_of(type_))


def sql_of(type_: Type) -> str:
    return {INTEGER: "BIGINT", MONEY: "DECIMAL(18,4)", FLOAT: "DOUBLE"}[type_]


def ordinary(b: Builder, type_: Type) -> exp.Expression:
    if type_ in NUMBERS:
        return b.as_type(b.literal(0), type_)
    if type_ in TIMES:
        return b.cast(b.literal("2020-01-01"), "DATE" if type_ == DATE else "TIMESTAMP")
    return b.literal(False) if type_ == BOOLEAN else b.literal("")


RIGHT: dict[str, Face] = {name: leaf.sql for name, leaf in LEAVES.items()}
"""The right forms, whatever stands in the table now."""


def other(name: str) -> Face:
    return RIGHT[name]


def plain(call: str) -> Face:
    return lambda b, *a: b.call(call, *(x.tree for x in a))


def exclusive(b: Builder, x: Sql, low: Sql, high: Sql) -> exp.Expression:
    return b.all([RIGHT["<="](b, low, x), RIGHT["<"](b, x, high)])


def exclusive_below(b: Builder, x: Sql, low: Sql, high: Sql) -> exp.Expression:
    return b.all([RIGHT["<"](b, low, x), RIGHT["<="](b, x, high)])


def years(b: Builder, born: Sql) -> exp.Expression:
    """The age as the difference of the years, whether the birthday was or not."""
    from coterie.language.functions.dates import day_sql

    day = day_sql(b, born)
    difference = b.binary("-", b.literal(b.context.today.year), b.call("YEAR", day))
    return b.case([(b.binary("<=", day, b.literal(b.context.today)), difference)])


def half_even(b: Builder, x: Sql, places: Sql | None = None) -> exp.Expression:
    kept = b.literal(0) if places is None else b.literal(int(str(places.value)))
    return b.try_cast(b.call("ROUND_EVEN", b.cast(x.tree, "DOUBLE"), kept), sql_of(INTEGER if places is None else x.type))


def truncated(name: str) -> Face:
    return lambda b, x: b.try_cast(b.call("TRUNC", x.tree), "BIGINT") if x.type != INTEGER else RIGHT[name](b, x)


def floored_remainder(b: Builder, x: Sql, y: Sql) -> exp.Expression:
    kind = sql_of(next(k for k in (FLOAT, MONEY, INTEGER) if k in (x.type, y.type)))
    a, c = (b.cast(s.tree, "DOUBLE") for s in (x, y))
    whole = b.call("FLOOR", b.binary("/", a, b.call("NULLIF", c, b.literal(0))))
    return b.try_cast(b.binary("-", a, b.binary("*", c, whole)), kind)


def whole_match(b: Builder, x: Sql, pattern: Sql) -> exp.Expression:
    from coterie.language.patterns import rewritten

    return b.call("REGEXP_FULL_MATCH", x.tree, b.literal(rewritten(str(pattern.value))))


def unguarded_division(b: Builder, x: Sql, y: Sql) -> exp.Expression:
    return b.binary("/", b.cast(x.tree, "DOUBLE"), b.cast(y.tree, "DOUBLE"))


def on_the_plane(b: Builder, *degrees: Sql) -> exp.Expression:
    return RIGHT["distance_km"](b, degrees[1], degrees[0], degrees[3], degrees[2])


OWN: dict[str, tuple[tuple[str, Face], ...]] = {
    "=": (
        ("as text", lambda b, x, y: b.binary("=", b.cast(x.tree, "VARCHAR"), b.cast(y.tree, "VARCHAR"))),
        ("at least", other(">=")),
    ),
    "<": (("at most", other("<=")), ("the other way", other(">"))),
    "<=": (("below", other("<")), ("the other way", other(">="))),
    ">": (("at least", other(">=")), ("the other way", other("<"))),
    ">=": (("above", other(">")), ("the other way", other("<="))),
    "between": (("without its upper end", exclusive), ("without its lower end", exclusive_below)),
    "in": (("only the first", lambda b, x, *items: RIGHT["in"](b, x, items[0])),),
    "has any": (("all", other("has all")),),
    "has all": (("any", other("has any")),),
    "is missing": (
        (
            "an empty text is missing too",
            lambda b, x: (
                b.is_null(b.call("NULLIF", x.tree, b.literal("")) if x.type == TEXT else x.tree)
                if x.type == TEXT
                else b.literal(False)
            ),
        ),
    ),
    "is known": (("always", lambda b, x: b.literal(True)),),
    "contains": (
        ("in any case", lambda b, x, y: b.call("CONTAINS", b.call("LOWER", x.tree), b.call("LOWER", y.tree))),
        ("at the start", other("starts with")),
    ),
    "starts with": (("at the end", other("ends with")), ("anywhere", other("contains"))),
    "ends with": (("at the start", other("starts with")), ("anywhere", other("contains"))),
    "matches": (("the whole text", whole_match),),
    "+": (("minus", other("-")),),
    "-": (("plus", other("+")),),
    "*": (("plus", lambda b, x, y: RIGHT["+"](b, x, y)),),
    "/": (("whole", lambda b, x, y: b.call("FLOOR", RIGHT["/"](b, x, y))), ("infinite over zero", unguarded_division)),
    "%": (("with the sign of the right side", floored_remainder),),
    "neg": (("without its sign", lambda b, x: b.call("ABS", x.tree)),),
    "abs": (("as it is", lambda b, x: x.tree),),
    "round": (("half to even", half_even),),
    "floor": (("towards zero", truncated("floor")),),
    "ceil": (("towards zero", truncated("ceil")),),
    "sqrt": (("of the size", lambda b, x: RIGHT["sqrt"](b, Sql(b.call("ABS", x.tree), x.type))),),
    "log": (
        (
            "to base 10",
            lambda b, x, *_: RIGHT["log"](b, Sql(b.binary("/", RIGHT["log"](b, x), b.literal(2.302585093, FLOAT)), FLOAT)),
        ),
    ),
    "least": (("skips what is missing", plain("LEAST")), ("largest", other("greatest"))),
    "greatest": (("skips what is missing", plain("GREATEST")), ("smallest", other("least"))),
    "coalesce": (("the first, or nothing", lambda b, *a: RIGHT["coalesce"](b, a[0], a[0])),),
    "lower": (("of every script", plain("LOWER")), ("capitals", other("upper"))),
    "upper": (("of every script", plain("UPPER")), ("small", other("lower"))),
    "trim": (("on the left", lambda b, x: b.call("LTRIM", x.tree)),),
    "length": (("in bytes", plain("STRLEN")),),
    "concat": (("skips what is missing", plain("CONCAT")),),
    "number": (("as the engine reads it", lambda b, x: b.try_cast(x.tree, "BIGINT")),),
    "text": (("as the engine writes it", lambda b, x: b.cast(x.tree, "VARCHAR")),),
    "version_at_least": (("as texts", lambda b, x, y: b.binary(">=", x.tree, y.tree)),),
    "weekday": (("Sunday is 0", lambda b, x: b.call("DAYOFWEEK", b.local(x.tree) if x.type == TIMESTAMP else x.tree)),),
    "age": (("by the year alone", years),),
    "days_between": (("the other way", lambda b, x, y: RIGHT["days_between"](b, y, x)),),
    "hours_between": (("whole hours", lambda b, x, y: b.call("FLOOR", RIGHT["hours_between"](b, x, y))),),
    "distance_km": (("latitude for longitude", on_the_plane),),
    "sample": (("another salt", lambda b, p, salt: RIGHT["sample"](b, p, replace(salt, value=f"{salt.value}!"))),),
    "in_list": (("another list", lambda b, name: b.on_list(f"{name.value}!")),),
    "as_of": (("the day", lambda b: b.cast(b.cast(b.literal(b.context.as_of), "DATE"), "TIMESTAMP")),),
}
"""Mistakes that are one row's own, most of them another engine's meaning."""


# --- aggregations


def aggregation_mutants() -> Iterator[Mutant]:
    for name, aggregation in AGGREGATIONS.items():
        for wrong, sql in wrong_aggregates(aggregation):
            twin = type(f"Wrong{name}", (type(aggregation),), {"sql": lambda self, q, rows, sql=sql: sql(q, rows)})()
            yield Mutant(
                name,
                wrong,
                (("aggregation", name),),
                lambda patch, name=name, twin=twin: patch.setitem(AGGREGATIONS, name, twin),  # type: ignore[misc]
            )


def wrong_aggregates(of: Aggregation) -> Iterator[tuple[str, Callable[[Builder, Rows], exp.Expression]]]:
    right = of.sql
    if not of.grouped:
        yield "ignores its filter", lambda q, rows: right(q, replace(rows, keep=None))
    counting = of.name in ("count", "distinct", "sum", "avg", "share")
    if counting:
        yield "one too many", lambda q, rows: q.binary("+", right(q, rows), q.literal(1))
    name = of.name
    match name:
        case "count":
            yield "different ones", lambda q, rows: AGGREGATIONS["sum"].sql(q, replace(rows, value=q.literal(2), type=INTEGER))
        case "exists":
            yield "always", lambda q, rows: q.literal(True)
            yield "more than one", lambda q, rows: q.binary(">", AGGREGATIONS["count"].sql(q, rows), q.literal(1))
        case "sum":
            yield "missing over nothing", lambda q, rows: q.try_cast(kept(q, "sum", rows), q_type(rows))
            yield "largest", lambda q, rows: AGGREGATIONS["max"].sql(q, rows)
            yield (
                "of different values",
                lambda q, rows: q.try_cast(q.call("coalesce", different(q, "sum", rows), q.literal(0)), q_type(rows)),
            )
        case "avg":
            yield "over all rows", lambda q, rows: q.divide(q.cast(kept(q, "sum", rows), "DOUBLE"), q.count_rows())
            yield "of different values", lambda q, rows: q.cast(different(q, "avg", rows), "DOUBLE")
        case "min" | "max" | "first" | "last":
            others = {"min": "max", "max": "min", "first": "last", "last": "first"}
            yield others[of.name], lambda q, rows: AGGREGATIONS[others[of.name]].sql(q, rows)
            swap = {"min": "first", "max": "last", "first": "min", "last": "max"}[of.name]
            yield (
                swap,
                lambda q, rows: AGGREGATIONS[swap].sql(q, rows) if rows.type is None or rows.type.of is None else right(q, rows),
            )
        case "distinct":
            yield "counts values of no row", lambda q, rows: q.count_rows()
            yield "counts rows", lambda q, rows: q.cast(q.call("sum", rows.order), "BIGINT")
        case "most_common":
            yield "the largest among equals", largest_of_most
            yield "the rarest", lambda q, rows: right(q, replace(rows, order=q.binary("-", q.literal(1000), rows.order)))
            yield "of any row", lambda q, rows: right(q, replace(rows, order=q.binary("+", rows.order, q.literal(1))))
        case "share":
            yield "of all rows", of_all_rows
            yield "of the others", lambda q, rows: right(q, replace(rows, value=None if rows.value is None else q.not_(rows.value)))
        case _:
            pass


def kept(q: Builder, name: str, rows: Rows) -> exp.Expression:
    assert rows.value is not None
    call = q.call(name, rows.value)
    return call if rows.keep is None else q.filter(call, rows.keep)


def different(q: Builder, name: str, rows: Rows) -> exp.Expression:
    assert rows.value is not None
    call: exp.Expression = exp.Anonymous(this=name, expressions=[exp.Distinct(expressions=[rows.value.copy()])])
    return call if rows.keep is None else q.filter(call, rows.keep)


def q_type(rows: Rows) -> str:
    assert rows.type is not None
    return sql_of(rows.type)


def largest_of_most(q: Builder, rows: Rows) -> exp.Expression:
    assert rows.value is not None
    pairs = q.call("max", q.call("row", rows.order, rows.value))
    found = q.filter(pairs, q.binary(">", rows.order, q.literal(0)))
    return q.result(q.call("struct_extract", found, q.literal(2)), rows.type)


def of_all_rows(q: Builder, rows: Rows) -> exp.Expression:
    assert rows.value is not None
    held = rows.value if rows.keep is None else q.all([rows.keep, rows.value])
    seen = q.count_rows() if rows.keep is None else q.filter(q.count_rows(), rows.keep)
    return q.divide(q.cast(q.filter(q.count_rows(), held), "DOUBLE"), seen)


# --- windows


def window_mutants() -> Iterator[Mutant]:
    for kind in dict.fromkeys((*MEASURE_WINDOWS, *TEST_WINDOWS)):
        about = tuple((use, kind) for use in ("window", "window test"))
        if kind.endswith("a date"):
            for wrong, how in AROUND.items():
                yield Mutant(kind, wrong, about, lambda patch, kind=kind, how=how: put_around(patch, kind, how))  # type: ignore[misc]
            continue
        for edge in ("start", "end"):
            if (edge == "end" and kind == "since") or (edge == "start" and kind == "before"):
                continue
            for sign, word in ((1, "later"), (-1, "earlier")):
                yield Mutant(
                    kind,
                    f"its {edge} a step {word}",
                    about,
                    lambda patch, k=kind, e=edge, s=sign: put_edge(patch, k, e, s),  # type: ignore[misc]
                )


def put_edge(patch: pytest.MonkeyPatch, kind: str, edge: str, sign: int) -> None:
    """One edge of one kind of window moved: by a day, or by a microsecond where it counts hours or minutes."""
    right_days, right_instants = windows.days, windows.instants

    def days(window: Window, *rest: Any) -> Days | None:
        found = right_days(window, *rest)
        if found is None or window_kind(window) != kind:
            return found
        lo, hi = found.lo, found.hi
        if edge == "start":
            return Days(None if lo is None else lo + sign * DAY, hi)
        return Days(lo, None if hi is None else hi + sign * DAY)

    def instants(window: Window, *rest: Any) -> Instants | None:
        found = right_instants(window, *rest)
        if found is None or window_kind(window) != kind:
            return found
        lo, hi = found.lo, found.hi
        if edge == "start":
            return Instants(None if lo is None else lo + sign * MICROSECOND, hi)
        return Instants(lo, None if hi is None else hi + sign * MICROSECOND)

    patch.setattr(compiling, "days", days)
    patch.setattr(compiling, "instants", instants)


def _moved_anchor(n: int) -> Callable[[Any, Around, exp.Expression], exp.Expression]:
    return lambda q, window, day: q.step(day, n, "day")


AROUND: dict[str, Callable[[Any, Around, exp.Expression], exp.Expression]] = {
    "a day late": _moved_anchor(1),
    "a day early": _moved_anchor(-1),
}


def put_around(patch: pytest.MonkeyPatch, kind: str, how: Callable[[Any, Around, exp.Expression], exp.Expression]) -> None:
    right = compiling.Compiler.around

    def around(self: compiling.Compiler, window: Around, day: exp.Expression) -> exp.Expression:
        return right(self, window, how(self.q, window, day) if window_kind(window) == kind else day)

    patch.setattr(compiling.Compiler, "around", around)


# --- the rest: sequences, members, standings, case, and / or / not


def other_mutants() -> Iterator[Mutant]:
    yield from _sequences()
    for quantifier in QUANTIFIERS:
        wrong = {"any": "all", "all": "any", "none": "any", "count": "any"}[quantifier]
        put = partial(_members, quantifier=quantifier, wrong=wrong)
        yield Mutant(f"{quantifier} of the members", wrong, (("members", quantifier),), put)
    for name in STANDINGS:
        features = (("fitted", name), ("fitted by", name))
        yield Mutant(name, "over the missing too", features, lambda p, n=name: _standing(p, n))  # type: ignore[misc]
    yield Mutant("by", "over everybody", tuple(("fitted by", n) for n in STANDINGS), _ungrouped)
    yield Mutant("case", "an unknown condition is false", (("node", "case"),), _plain_case)
    yield Mutant(
        "a window test",
        "nothing happened is unknown",
        (("node", "test of nothing"),),
        lambda p: p.setattr(batch, "is_nothing", lambda *_: False),
    )
    yield Mutant("and", "or", (("node", "and"),), lambda p: p.setattr(Builder, "all", Builder.any))
    yield Mutant("or", "and", (("node", "or"),), lambda p: p.setattr(Builder, "any", Builder.all))
    yield Mutant("not", "as it is", (("node", "not"),), lambda p: p.setattr(Builder, "not_", lambda _, a: exp.Paren(this=a.copy())))


def _sequences() -> Iterator[Mutant]:
    def steps(how: Callable[[int, tree.Step], tree.Step | None]) -> Callable[[tree.Sequence], tree.Sequence]:
        return lambda node: replace(node, steps=tuple(s for i, given in enumerate(node.steps) if (s := how(i, given)) is not None))

    wrong: dict[str, tuple[str, Callable[[tree.Sequence], tree.Sequence]]] = {
        "in any time": ("then within", steps(lambda _, s: s if s.negated else replace(s, within=None))),
        "without a not at the end": ("not last", steps(lambda i, s: None if s.negated else s)),
        "without a not in the middle": ("not in the middle", steps(lambda i, s: None if s.negated else s)),
        "a not is a yes": ("not last", steps(lambda _, s: replace(s, negated=False))),
        "whichever the value": ("same", lambda node: replace(node, same=None)),
        "whenever it began": ("windowed", lambda node: replace(node, window=None)),
        "whatever the event": ("then", steps(lambda _, s: replace(s, where=None))),
    }
    for words, (shape, change) in wrong.items():
        yield Mutant("sequence", words, tuple(("sequence", s) for s in (shape, *SHAPES)), lambda p, c=change: _changed(p, c))  # type: ignore[misc]


def _changed(patch: pytest.MonkeyPatch, change: Callable[[tree.Sequence], tree.Sequence]) -> None:
    right = batch._Planner.sequence
    patch.setattr(batch._Planner, "sequence", lambda self, base, node: right(self, base, change(node)))


def _members(patch: pytest.MonkeyPatch, quantifier: str, wrong: Any) -> None:
    right = batch._Customers.members

    def members(self: Any, node: tree.Members, where: exp.Expression | None) -> exp.Expression:
        if node.quantifier != quantifier:
            return right(self, node, where)
        found = right(self, replace(node, quantifier=wrong), where)
        return self.q.cast(found, "BIGINT") if quantifier == "count" else found

    patch.setattr(batch._Customers, "members", members)


class _Wrong:
    """A fitted function whose call or columns are changed before it is scored."""

    def __init__(self, right: Any, call: Callable[[tree.Fitted], tree.Fitted], x: Callable[..., exp.Expression]):
        self.right, self.call, self.x = right, call, x

    def inputs(self, call: tree.Fitted) -> Any:
        return self.right.inputs(call)

    def parameters(self, *given: Any) -> Any:
        return self.right.parameters(*given)

    def score(self, q: Builder, call: tree.Fitted, column: Any, *rest: Any) -> Any:
        return self.right.score(
            q, self.call(call), lambda name: self.x(q, call, column(name)) if name == "x" else column(name), *rest
        )


def _also_missing(q: Builder, call: tree.Fitted, x: exp.Expression) -> exp.Expression:
    """A missing value stands with the smallest."""
    type_ = call.args[0].type
    if type_ in TIMES:
        return q.call("coalesce", x, q.cast(q.literal("1900-01-01"), "DATE" if type_ == DATE else "TIMESTAMP"))
    return q.call("coalesce", x, q.literal(0))


def _standing(patch: pytest.MonkeyPatch, name: str) -> None:
    patch.setitem(FITTERS, name, _Wrong(FITTERS[name], lambda call: call, _also_missing))


def _ungrouped(patch: pytest.MonkeyPatch) -> None:
    for name in STANDINGS:
        patch.setitem(FITTERS, name, _Wrong(FITTERS[name], lambda call: replace(call, by=None), lambda _q, _call, x: x))


def _plain_case(patch: pytest.MonkeyPatch) -> None:
    def case(self: compiling.Compiler, node: tree.Case) -> exp.Expression:
        branches = [(self.sql(when), self.branch(then, node.type)) for when, then in node.branches]  # type: ignore[arg-type]
        otherwise = None if node.otherwise is None else self.branch(node.otherwise, node.type)  # type: ignore[arg-type]
        return self.q.case(branches, otherwise)

    patch.setattr(compiling.Compiler, "case", case)


# --- what an incomplete source leaves open


def coverage_mutants() -> Iterator[Mutant]:
    """What was seen taken for all there is, and what may be there for more or less than it may be."""
    ends = tuple(("aggregation", name) for name in ("last", "first", "max", "min"))
    right_unseen, right_known = coverage.unseen, coverage.known

    def left(**wrong: exp.Expression) -> Callable[..., coverage.Unseen]:
        return lambda *args: replace(right_unseen(*args), **wrong)

    def told(q: Builder, node: tree.Measure, found: exp.Expression, time: Any, unseen: Any) -> coverage.Known:
        return replace(right_known(q, node, found, time, unseen), value=found)

    def whenever(q: Builder, node: tree.Measure, found: exp.Expression, time: Any, unseen: Any) -> coverage.Known:
        return right_known(q, node, found, None if time is None else q.literal(q.context.as_of), unseen)

    def happened(q: Builder, found: exp.Expression, *_: Any) -> exp.Expression:
        return q.literal(False)

    def never(q: Builder, found: exp.Expression, *_: Any) -> exp.Expression:
        return q.is_null(found)

    future = exp.cast(exp.Literal.string("9000-01-01"), "TIMESTAMP")
    past = exp.cast(exp.Literal.string("1000-01-01"), "TIMESTAMP")
    wrong: dict[str, tuple[Any, str, Any]] = {
        "what was seen is all": (batch, "known", told),
        "the last one seen is the last": (batch, "known", whenever),
        "the last one is never known": (batch, "takes_end", lambda *_: False),
        "what is unseen may be still to come": (batch, "unseen", left(latest=future)),
        "what is unseen was long ago": (batch, "unseen", left(latest=past)),
        "no limits": (coverage, "bounds", lambda *_: (None, None)),
        "what may never have happened did": (batch, "nothing_happened", happened),
        "what may never have happened did not": (batch, "nothing_happened", never),
        "what may never have happened is compared": (compiling.Compiler, "happened", compiling.Compiler.bounds),
    }
    for words, (where, name, form) in wrong.items():
        yield Mutant("coverage", words, ends, lambda p, w=where, n=name, f=form: p.setattr(w, n, f))  # type: ignore[misc]


def mutants() -> list[Mutant]:
    return [*leaf_mutants(), *aggregation_mutants(), *window_mutants(), *other_mutants(), *coverage_mutants()]
