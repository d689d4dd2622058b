"""Conditions that a rule may be made of: one test of one trait each, with friendly numbers, and for whom it is true.

A test of a missing value is unknown, so a rule of such tests joined by `and` and `or` is true exactly where the joined tests are
(Kleene); the masks here say where a test is true.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import floor, log10

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.language.names import is_bare
from coterie.language.tree import And, Apply, Column, Expr, Literal, Not, Or

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

CUTS = 24
"""Into how many parts of about as many customers a number is cut."""
LEVELS = 12
"""How many levels of a category, or items of a set, are tested."""
TOGETHER = 4
"""How many levels one `in (…)` names."""
MISSING = 0.02
"""Where at least this share has no value, whether there is one is a test too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one trait.

    Attributes:
        tree: the test in the language; column: the trait.
        mask: where it is true, among the rows it was made from.
        side: for numbers and dates, ">=" or "<"; "" for others. Two tests of one side of one trait say too much.
    """

    tree: Expr
    column: str
    mask: Mask
    side: str = ""


def conditions(table: pa.Table, target: Mask) -> list[Condition]:
    """The tests that could tell the target from the others, for each column of a table in turn.

    Args:
        table: numbers, booleans, texts, lists of texts, dates, times; named by trait (a part after a dot: `value.r`).
        target: which rows are to be told; levels are put together by how well they tell them.
    """
    return [found for name in table.column_names for found in _of(name, table[name].combine_chunks(), target)]


def holds(tree: Expr, table: pa.Table) -> Mask:
    """Where a rule made of such tests is true: computed from the tree, on any rows."""
    match tree:
        case And(args=args):
            return np.asarray(np.logical_and.reduce([holds(a, table) for a in args]))
        case Or(args=args):
            return np.asarray(np.logical_or.reduce([holds(a, table) for a in args]))
        case Column():
            return _true(_values(tree, table))
        case Not(arg=Column() as column):
            return _true(pc.invert(_values(column, table)))
        case Not(arg=Apply(op="=", args=(Column() as column, Literal(value=str(value))))):
            return _true(pc.not_equal(_texts(_values(column, table)), value))
        case Apply(op="is known", args=(Column() as column,)):
            return _known(_values(column, table))
        case Apply(op="is missing", args=(Column() as column,)):
            return ~_known(_values(column, table))
        case Apply(op="=", args=(Column() as column, Literal(value=str(value)))):
            return _true(pc.equal(_texts(_values(column, table)), value))
        case Apply(op="in", args=(Column() as column, *items)):
            levels = pa.array([i.value for i in items if isinstance(i, Literal)], pa.string())
            return _true(pc.is_in(_texts(_values(column, table)), value_set=levels)) & _known(_values(column, table))
        case Apply(op="has any", args=(Column() as column, Literal(value=str(value)))):
            return _has(_values(column, table), value)
        case Apply(op=">=" | "<" as op, args=(Column() as column, Literal(value=value))):
            x = _numbers(_values(column, table))
            cut = _days(date.fromisoformat(value)) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
            return x >= cut if op == ">=" else x < cut
        case _:
            raise ValueError(f"no test of this package: {tree}")


def column_named(name: str) -> Column:
    """A trait, or a part of one: `value.r`."""
    whole, dot, part = name.partition(".")
    return Column(whole, part) if dot and is_bare(whole) and is_bare(part) else Column(name)


def _values(column: Column, table: pa.Table) -> pa.Array:
    return table[column.name if column.part is None else f"{column.name}.{column.part}"].combine_chunks()


def _of(name: str, values: pa.Array, target: Mask) -> Iterator[Condition]:
    kind, column = values.type, column_named(name)
    share = values.null_count / max(len(values), 1)
    if MISSING <= share < 1:
        yield Condition(Apply("is known", (column,)), name, _known(values))
        yield Condition(Apply("is missing", (column,)), name, ~_known(values))
    if pa.types.is_boolean(kind):
        yield Condition(column, name, _true(values))
        yield Condition(Not(column), name, _true(pc.invert(values)))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        for item in _commonest(pc.list_flatten(values)):
            yield Condition(Apply("has any", (column, Literal(item))), name, _has(values, item))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        yield from _levels(name, column, _texts(values), target)
    elif pa.types.is_temporal(kind):
        x = _numbers(values)
        for day in _friendly_days(x[np.isfinite(x)]):
            limit = Literal(day.isoformat())
            yield Condition(Apply(">=", (column, limit)), name, x >= _days(day), ">=")
            yield Condition(Apply("<", (column, limit)), name, x < _days(day), "<")
    elif not pa.types.is_null(kind):
        x = _numbers(values)
        for cut in friendly_cuts(x[np.isfinite(x)], target[np.isfinite(x)]):
            value = int(cut) if cut == cut.to_integral_value() else cut
            yield Condition(Apply(">=", (column, Literal(value))), name, x >= float(cut), ">=")
            yield Condition(Apply("<", (column, Literal(value))), name, x < float(cut), "<")


def _levels(name: str, column: Column, values: pa.Array, target: Mask) -> Iterator[Condition]:
    """Each level alone, all but it, and the levels with most of the target together."""
    found = _commonest(values)
    masks = {level: _true(pc.equal(values, level)) for level in found}
    known = _known(values)
    for level, mask in masks.items():
        yield Condition(Apply("=", (column, Literal(level))), name, mask)
        yield Condition(Not(Apply("=", (column, Literal(level)))), name, known & ~mask)
    ranked = sorted(found, key=lambda level: (-float(target[masks[level]].mean()), level))
    for many in range(2, min(TOGETHER, len(found) - 1) + 1):
        together = sorted(ranked[:many])
        mask = np.logical_or.reduce([masks[level] for level in together])
        yield Condition(Apply("in", (column, *(Literal(level) for level in together))), name, mask)


def friendly_cuts(x: Floats, target: Mask) -> list[Decimal]:
    """Numbers to cut at: quantiles of all and of the target, each moved to the roundest number close by."""
    if not len(x) or x.min() == x.max():
        return []
    shares = np.arange(1, CUTS) / CUTS
    raw = np.concatenate([np.quantile(part, shares) for part in (x, x[target], x[~target]) if len(part)])
    raw = raw[(raw > x.min()) & (raw <= x.max())]
    low, high = (float(q) for q in np.quantile(x, [0.02, 0.98]))
    step = (high - low or float(np.ptp(x))) / 50
    step = max(step, 1.0) if (x == np.round(x)).all() else step
    found = {rounded(float(cut), step) for cut in raw}
    return sorted(cut for cut in found if x.min() < float(cut) <= x.max())


def rounded(number: float, step: float) -> Decimal:
    """The multiple of 1, 2 or 5 times a power of ten, about as large as the step, that is nearest to a number."""
    power = Decimal(10) ** floor(log10(step))
    unit = next(power * m for m in (1, 2, 5, 10) if power * m >= Decimal(step) * Decimal("0.7"))
    return (Decimal(number) / unit).to_integral_value() * unit


def _friendly_days(x: Floats) -> list[date]:
    """First days of months at the quantiles; where all lies within a few months, the days themselves."""
    if not len(x) or x.min() == x.max():
        return []
    days = [date.fromordinal(date(1970, 1, 1).toordinal() + int(v)) for v in np.quantile(x, np.arange(1, CUTS) / CUTS)]
    return sorted({day.replace(day=1) if np.ptp(x) > 120 else day for day in days} - {min(days)})


def _commonest(values: pa.Array) -> list[str]:
    counts = [(one["values"], one["counts"]) for one in pc.value_counts(values.drop_null()).to_pylist()]
    return [str(level) for level, _ in sorted(counts, key=lambda pair: (-pair[1], str(pair[0])))[:LEVELS]]


def _has(values: pa.Array, item: str) -> Mask:
    found = np.zeros(len(values), bool)
    hit = _true(pc.equal(pc.list_flatten(values), item))
    found[pc.list_parent_indices(values).to_numpy(zero_copy_only=False)[hit]] = True
    return found


def _texts(values: pa.Array) -> pa.Array:
    return pc.cast(values, pa.string())


def _numbers(values: pa.Array) -> Floats:
    """Numbers as floats, dates and times as days since 1970; NaN, for which no comparison is true, where missing."""
    if pa.types.is_date(values.type):
        values = pc.cast(pc.cast(values, pa.date32()), pa.int32())
    elif pa.types.is_timestamp(values.type):
        values = pc.divide(pc.cast(pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64()), pa.float64(), safe=False), 86_400e6)
    return np.asarray(pc.fill_null(pc.cast(values, pa.float64(), safe=False), float("nan")).to_numpy(zero_copy_only=False))


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _known(values: pa.Array) -> Mask:
    return np.asarray(pc.is_valid(values).to_numpy(zero_copy_only=False))


def _true(truth: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(truth, False).to_numpy(zero_copy_only=False), bool)
