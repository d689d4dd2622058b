"""Of every segment at once: money and its squares, how many meet some conditions, and members in common with the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.profiles.features import BLOCK, Answers
from coterie.profiles.intervals import Floats
from coterie.segments.bitmaps import IN, PER_WORD
from coterie.segments.membership import BITS
from coterie.traits.batch import KEY, aliased, quoted


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows are segments, in the order asked for.

    Attributes:
        inside: members; both: members in common, segments × segments.
        having: members who meet each condition, by its name.
        money, squares: sums over members; all_money, all_squares: over everybody. Zeros where there is no money.
    """

    inside: Floats
    both: Floats
    having: Mapping[str, Floats]
    money: Floats
    squares: Floats
    all_money: float
    all_squares: float


def figures(
    engine: Engine,
    segments: Sequence[str],
    order: Sequence[str],
    conditions: Mapping[str, exp.Expression],
    money: str | None = None,
    *,
    table: str = "traits",
) -> Figures:
    """Count and add up in one scan.

    Args:
        segments: those to look at; order: all segments in the order of their bits.
        conditions: over the columns of the table, by a name; missing is not met.
        money: a column of numbers; missing adds nothing.
    """
    places = [order.index(s) for s in segments]
    words = sorted({place // PER_WORD for place in places})
    select = exp.select(*(quoted(f"w{w}", "b") for w in words)).from_(aliased(table, "t"))
    amount: exp.Expression = exp.Literal.number(0) if money is None else quoted(money, "t")
    select = select.select(exp.Cast(this=amount, to=exp.DataType.build("DOUBLE")).as_("money"), copy=False)
    for i, condition in enumerate(conditions.values()):
        select = select.select(condition.as_(f"c{i}"), copy=False)
    on = exp.EQ(this=quoted(KEY, "t"), expression=quoted(KEY, "b"))
    rows = engine.fetch(select.join(aliased(BITS, "b"), on=on), "scorecards")
    answers = Answers.read(rows, places) if places else None
    inside = np.array([told == IN for told in answers or ()], dtype=np.bool_).reshape(len(segments), rows.num_rows)
    amounts = np.nan_to_num(_array(rows.column("money").cast(pa.float64()).fill_null(0.0)).astype(np.float64))
    met = [_array(rows.column(f"c{i}").fill_null(False)).astype(np.bool_) for i in range(len(conditions))]
    columns = [*inside, *met, amounts, amounts * amounts]
    sums = np.zeros((len(segments), len(columns)))
    for start in range(0, rows.num_rows, BLOCK):
        part = slice(start, start + BLOCK)
        sums += inside[:, part].astype(np.float64) @ np.array([c[part] for c in columns], dtype=np.float64).T
    n = len(segments)
    having = {name: sums[:, n + i] for i, name in enumerate(conditions)}
    whole = float(amounts.sum()), float((amounts * amounts).sum())
    return Figures(inside.sum(axis=1).astype(np.float64), sums[:, :n], having, sums[:, -2], sums[:, -1], *whole)


def _array(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False))
