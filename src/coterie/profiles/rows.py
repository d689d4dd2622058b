"""Pieces of SQL trees that the numbers share, and plain values out of rows."""

from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

from coterie.language.sql import Builder
from coterie.traits.batch import KEY, TIME, quoted, relation


def count_where(condition: exp.Expression) -> exp.Expression:
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition.copy()))


def total(value: exp.Expression) -> exp.Expression:
    """`sum(value)`, NULL over nothing."""
    return exp.Anonymous(this="sum", expressions=[value.copy()])


def over(function: exp.Expression, partition: Sequence[exp.Expression] = (), order: Sequence[exp.Ordered] = ()) -> exp.Expression:
    return exp.Window(
        this=function,
        partition_by=[p.copy() for p in partition],
        order=exp.Order(expressions=list(order)) if order else None,
    )


def events_of(q: Builder, events: str, customers: str) -> exp.Select:
    """A query, still without columns, of the events `e` up to as_of of the customers there are."""
    known = exp.select(quoted(KEY)).from_(relation(customers))
    table = exp.Table(this=exp.to_identifier(events, quoted=True), alias=exp.TableAlias(this=exp.to_identifier("e")))
    return (
        exp.select()
        .from_(table)
        .where(
            exp.LTE(this=quoted(TIME, "e"), expression=q.literal(q.context.as_of)),
            exp.In(this=quoted(KEY, "e"), query=known.subquery()),
        )
    )


def integer(value: object) -> int:
    return 0 if value is None else int(str(value))


def number(value: object) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))
