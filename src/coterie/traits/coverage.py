"""What a source that does not know everything leaves of a measure, as SQL over the customers.

A measure over a source that says whom or since when it knows stands with two columns beside it, `~least` and `~most`: between
what it lies where it cannot be told. A third, `~nothing`, says whether nothing happened: true, false, or NULL for unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlglot import exp

from coterie.core.windows import (
    MICROSECOND,
    Around,
    clamped_first_instant,
    clamped_step,
    days,
    instants,
    local_day,
)
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.tree import Expr, Measure, typed
from coterie.language.types import BOOLEAN, TIMESTAMP, Type


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whom (a checked condition over customers' columns) and since when a kind of event is complete."""

    covers: Expr | None = None
    complete_from: date | None = None
    complete_to: date | None = None


Flag = bool | exp.Expression
"""A condition on customers that is never NULL; a `bool` where it is the same for all."""


def not_(q: Builder, a: Flag) -> Flag:
    return not a if isinstance(a, bool) else q.not_(a)


def any_(q: Builder, *parts: Flag) -> Flag:
    asked = [p for p in parts if not isinstance(p, bool)]
    if any(p is True for p in parts):
        return True
    return q.any(asked) if asked else False


def all_(q: Builder, *parts: Flag) -> Flag:
    asked = [p for p in parts if not isinstance(p, bool)]
    if any(p is False for p in parts):
        return False
    return q.all(asked) if asked else True


def where(q: Builder, flag: Flag, then: exp.Expression, otherwise: exp.Expression | Type) -> exp.Expression:
    """One of two values; with a type, the second is NULL."""
    if isinstance(flag, bool) and flag:
        return then
    other = q.null(otherwise) if isinstance(otherwise, Type) else otherwise
    return other if isinstance(flag, bool) else q.case([(flag, then)], None if isinstance(otherwise, Type) else other)


def least_of(name: str) -> str:
    """The column that holds the least that a value can be, beside a column whose source may know only a part."""
    return f"{name}~least"


def most_of(name: str) -> str:
    """The column that holds the most that a value can be, beside a column whose source may know only a part."""
    return f"{name}~most"


def nothing_of(name: str) -> str:
    """The column that says whether nothing happened, beside a column that may be missing for another reason."""
    return f"{name}~nothing"


def takes_end(node: Measure, coverage: Coverage | None) -> bool:
    """Whether the times of the rows seen can settle a measure, so that they have to be asked for."""
    end = AGGREGATIONS[node.aggregation].end(node.column)
    if coverage is None or end is None:
        return False
    return (coverage.complete_to if end == "first" else coverage.complete_from) is not None


@dataclass(frozen=True)
class Unseen:
    """When there may be events that a source does not know; each is SQL over the customers.

    Attributes:
        none: the source knows all of the window.
        earliest, latest: the instants between which they lie; NULL where they can be as early as any.
    """

    none: Flag
    earliest: exp.Expression
    latest: exp.Expression


ALL_SEEN = Unseen(True, exp.Null(), exp.Null())


def unseen(
    q: Builder, node: Measure, coverage: Coverage, compiled: Callable[[Expr], exp.Expression], anchor: exp.Expression | None
) -> Unseen:
    """When there may be events in a measure's window that its source does not know.

    Args:
        compiled: conditions on customers as SQL.
        anchor: the customer's date that the window stands around, if it does.
    """
    empty, before, after = sides(q, node, coverage, anchor)
    whom: Flag = True
    if coverage.covers is not None:
        whom = q.call("coalesce", compiled(coverage.covers), q.literal(False))
    begins, ends = not_(q, before), not_(q, after)
    earliest, latest = q.null(TIMESTAMP), q.literal(q.context.as_of)
    if coverage.complete_to is not None:
        later = clamped_first_instant(clamped_step(coverage.complete_to, 1, "day"), q.context.zone)
        earliest = where(q, all_(q, whom, begins), q.literal(later), TIMESTAMP)
    if coverage.complete_from is not None:
        earlier = clamped_first_instant(coverage.complete_from, q.context.zone) - MICROSECOND
        latest = where(q, all_(q, whom, ends), q.literal(earlier), latest)
    return Unseen(any_(q, empty, all_(q, whom, begins, ends)), earliest, latest)


def sides(q: Builder, node: Measure, coverage: Coverage, anchor: exp.Expression | None) -> tuple[Flag, Flag, Flag]:
    """Whether a window admits no day (around no date there is none), some before the source is complete, some after it."""
    if anchor is None:
        return fixed_sides(node, coverage, q.context)
    assert isinstance(node.window, Around)
    length, after = node.window.length, node.window.side == "after"
    first = anchor if after else q.step(q.step(anchor, -length.n, length.unit), 1, "day")
    last = q.step(q.step(anchor, length.n, length.unit), -1, "day") if after else anchor
    today = q.literal(q.context.today)
    last = q.case([(q.binary("<", last, today), last)], today)

    def whether(condition: exp.Expression) -> exp.Expression:
        return q.call("coalesce", condition, q.literal(False))

    empty = q.call("coalesce", q.binary(">", first, last), q.literal(True))
    since, until = coverage.complete_from, coverage.complete_to
    some = q.not_(empty)
    early: Flag = False if since is None else whether(q.all([some, q.binary("<", first, q.literal(since))]))
    late: Flag = False if until is None else whether(q.all([some, q.binary(">", last, q.literal(until))]))
    return empty, early, late


def fixed_sides(node: Measure, coverage: Coverage, context: Context) -> tuple[bool, bool, bool]:
    """The same of a window that is the same for all customers."""
    exact = None if node.window is None else instants(node.window, context.as_of)
    first: date | None
    last: date | None
    if exact is not None:
        first = None if exact.lo is None else local_day(exact.lo, context.zone)
        last = None if exact.hi is None else local_day(exact.hi - MICROSECOND, context.zone)
    else:
        admitted = None if node.window is None else days(node.window, context.today)
        first = None if admitted is None else admitted.lo
        last = None if admitted is None or admitted.hi is None else admitted.hi - timedelta(days=1)
    if last is None or last > context.today:
        last = context.today
    if first is not None and first > last:
        return True, False, False
    since, until = coverage.complete_from, coverage.complete_to
    before = since is not None and (first is None or first < since)
    return False, before, until is not None and last > until


@dataclass(frozen=True)
class Known:
    """A measure over a source that may know only a part: its value where that is known, between what it lies where not."""

    value: exp.Expression
    least: exp.Expression
    most: exp.Expression


def known(q: Builder, node: Measure, found: exp.Expression, time: exp.Expression | None, left: Unseen) -> Known:
    """What is known of a measure.

    Args:
        found: its value over the rows seen; NULL where none was.
        time: the time of the first or last of these, where `takes_end`.
        left: when there may be other rows.
    """
    aggregation, type_ = AGGREGATIONS[node.aggregation], typed(node)
    end = aggregation.end(node.column)
    told = left.none
    if time is not None:
        beyond = q.binary("<", time, left.earliest) if end == "first" else q.binary(">", time, left.latest)
        told = any_(q, told, q.call("coalesce", beyond, q.literal(False)))
    if node.aggregation == "exists":
        told = any_(q, told, q.call("coalesce", found, q.literal(False)))  # seen is seen
    untold = not_(q, told)
    least, most = (q.null(type_) if e is None else where(q, untold, e, type_) for e in bounds(q, node, found, left))
    return Known(where(q, told, found, type_), least, most)


def bounds(q: Builder, node: Measure, found: exp.Expression, left: Unseen) -> tuple[exp.Expression | None, exp.Expression | None]:
    """The least and the most that a measure can be where it cannot be told."""
    aggregation = AGGREGATIONS[node.aggregation]
    end = aggregation.end(node.column)
    if end is not None and node.column == "time":
        if end == "last":
            return q.call("coalesce", found, left.earliest), left.latest
        return left.earliest, q.call("coalesce", found, left.latest)
    return (found if aggregation.seen_is == "least" else None), (found if aggregation.seen_is == "most" else None)


def nothing_happened(q: Builder, found: exp.Expression, left: Unseen, anchor: exp.Expression | None) -> exp.Expression:
    """Whether a measure is missing because nothing happened; where its window stands around no date, it is not for that."""
    otherwise = [] if anchor is None else [(q.is_null(anchor), q.literal(False))]
    maybe = where(q, left.none, q.literal(True), BOOLEAN)
    return q.case([*otherwise, (q.not_(q.is_null(found)), q.literal(False))], maybe)
