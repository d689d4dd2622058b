"""A segment over the recorded days: its size, what its members spent, and whether they are others than they were."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from coterie.core.errors import StoreError
from coterie.language.tree import Measure
from coterie.language.types import Kind
from coterie.profiles.drift import Drift, drifts
from coterie.profiles.reads import rule_reads
from coterie.profiles.trends import Point, Trend, of_means, of_sizes
from coterie.traits.batch import KEY, TIME, aliased, quoted
from coterie.workspace.compared import shown_types
from coterie.workspace.history import History
from coterie.workspace.results import Results, event_view
from coterie.workspace.run import TRAITS, builder
from coterie.workspace.separating import TRIED

WINDOW = timedelta(days=30)
"""What members spent is told over so long before a recorded day."""
MOST = 24
"""Over at most so many recorded days, the last ones."""


def trends(results: Results, history: History, name: str) -> tuple[Trend, ...]:
    """Size and, where there is money, what a member spent in the 30 days before, over the recorded days up to these results.

    Raises:
        UnknownName: there is no such segment. StoreError: nothing is recorded.
    """
    results.segment(name)
    series = [s for s in history.all_sizes([name])[name] if s[0] <= results.made.as_of]
    found = [of_sizes("customers", series)]
    measured = _money(results)
    if measured is not None:
        event, column = measured
        spans = history.intervals(name)
        apart: list[datetime] = []
        for at, _ in reversed(series):  # windows that do not overlap are of other data each
            if not apart or apart[-1] - at >= WINDOW:
                apart.append(at)
        spent = [(at, *_spent(results, event, column, at, _members(spans, at))) for at in reversed(apart[:MOST])]
        told = [(at, mean, error) for at, mean, error, n in spent if n >= 2]
        found.append(of_means(f"{column} of a member in 30 days", told))
    return tuple(found)


def drift(
    results: Results, history: History, name: str, traits_at: Callable[[Sequence[str]], pa.Table]
) -> tuple[datetime, datetime, tuple[Drift, ...]]:
    """The traits of the members of today against those of the members of the first recorded day, as each were then.

    Args:
        traits_at: everybody's traits as of several instants, with `customer` and `as_of`.

    Raises:
        UnknownName: there is no such segment. StoreError: fewer than two days are recorded.
    """
    results.segment(name)
    series = [s for s in history.all_sizes([name])[name] if s[0] <= results.made.as_of]
    if len(series) < 2:
        raise StoreError(
            f"fewer than two days of {name} are recorded", code="E508", hint="`coterie run --since DATE` fills in the days before"
        )
    first, last = series[0][0], series[-1][0]
    spans = history.intervals(name)
    table = traits_at([f"{at.isoformat()}+00:00" for at in (first, last)])
    sides = [table.filter(pc.equal(table.column("as_of"), pa.scalar(at, pa.timestamp("us")))) for at in (first, last)]
    types = {n: t for n, t in shown_types(results).items() if t.kind in TRIED and n in table.column_names}
    # What the rule asks for holds of members on any day, and days go on with the calendar.
    own = rule_reads(results.catalog, name, types) | set(results.project.segmentations)
    types = {n: t for n, t in types.items() if n not in own and t.kind not in (Kind.DATE, Kind.TIMESTAMP)}
    money = [n for n, t in types.items() if t.kind is Kind.MONEY]
    for column in money:
        sides = [s.set_column(s.column_names.index(column), column, s.column(column).cast(pa.float64())) for s in sides]
    inside = [_in(s.column("customer"), _members(spans, at)) for s, at in zip(sides, (first, last), strict=True)]
    return first, last, drifts(sides[0], sides[1], inside[0], inside[1], types)


def _members(spans: pa.Table, at: datetime) -> pa.Array:
    """Who was in on a recorded day."""
    then = pa.scalar(at, pa.timestamp("us"))
    there = pc.and_(pc.less_equal(spans.column("entered"), then), pc.fill_null(pc.greater(spans.column("left"), then), True))
    return spans.column("customer").filter(there).combine_chunks()


def _in(customers: pa.ChunkedArray, members: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(customers, value_set=members).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _spent(results: Results, event: str, column: str, at: datetime, members: pa.Array) -> tuple[float, float, int]:
    """What a member spent in the window before an instant: mean, its standard error, members."""
    results.attach_events()
    q = builder(results.engine, results.context)
    time = quoted(TIME, "e")
    amount = exp.Cast(this=quoted(column, "e"), to=exp.DataType.build("DOUBLE"))
    paid = (
        exp.select(quoted(KEY, "e"), exp.Sum(this=amount).as_("paid"))
        .from_(aliased(event_view(event), "e"))
        .where(q.binary(">", time, q.literal(at - WINDOW)))
        .where(q.binary("<=", time.copy(), q.literal(at)))
        .group_by(quoted(KEY, "e"))
    )
    on = exp.EQ(this=quoted(KEY, "t"), expression=quoted(KEY, "p"))
    rows = results.engine.fetch(
        exp.select(quoted("customer", "t"), quoted("paid", "p")).from_(aliased(TRAITS, "t")).join(paid.subquery("p"), on=on)
    )
    values = rows.column("paid").filter(pc.is_in(rows.column("customer"), value_set=members)).drop_null()
    found = np.asarray(values.to_numpy(), dtype=np.float64)
    n = len(members)
    if n < 2:
        return 0.0, 0.0, n
    mean = float(found.sum()) / n
    spread = max(0.0, float((found * found).sum()) - n * mean * mean) / (n - 1)
    return mean, float(np.sqrt(spread / n)), n


def _money(results: Results) -> tuple[str, str] | None:
    """The kind of event and its column that the money trait adds up; None where it does not."""
    tree = None if results.money is None else results.definition(results.money).tree
    if isinstance(tree, Measure) and tree.aggregation == "sum" and tree.column is not None and tree.event in results.made.events:
        return tree.event, tree.column
    return None


def trend_json(trend: Trend) -> dict[str, Any]:
    """A trend as plain values."""

    def point(p: Point) -> dict[str, Any]:
        return {"at": p.at.isoformat() + "Z", "value": p.value, "low": p.low, "high": p.high}

    jumped = [{"at": j.at.isoformat() + "Z", "before": j.before, "after": j.after} for j in trend.jumps]
    change = trend.change
    return {
        "what": trend.what,
        "points": [point(p) for p in trend.points],
        "jumps": jumped,
        "change": None if change is None else {"relative": change[0], "more_than_chance": change[1]},
    }


def drift_json(found: Drift) -> dict[str, Any]:
    """A trait's drift as plain values."""
    return {
        "trait": found.column,
        "value": found.value,
        "effect": found.effect,
        "low": found.low,
        "high": found.high,
        "everybody": found.everybody,
        "drifted": found.holds,
    }
