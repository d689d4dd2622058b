"""The customers as of an instant: who existed, and what was known of them."""

from collections.abc import Mapping
from datetime import datetime

from sqlglot import exp

from coterie.core.windows import local_day
from coterie.engine.engine import Engine
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.types import TIMESTAMP, Type, sql_type
from coterie.sources.gathered import AttributeFacts, Gathered
from coterie.sources.mapping import id_text
from coterie.sources.relations import LEARNED, col, down, rel, row_number, up

CUSTOMERS = "coterie_customers"


def population_at(
    engine: Engine, gathered: Gathered, as_of: datetime, zone: str, population: str = "all", *, gone_by: datetime | None = None
) -> exp.Select:
    """The customers of an instant, with the attributes that were known to hold then.

    Args:
        engine: temporary views of the tables are made in it.
        gathered: the tables.
        as_of: UTC, naive.
        zone: the project's, whose day `since:` is compared with.
        population: `all`, or `customers`: then who has left the customers source is none any more, events or not.
        gone_by: who has left by then counts as gone; None is as_of, which tells a past day with those who were there then.

    Returns:
        A query of `_customer` (BIGINT), `customer` (the id), the attributes, those of lookups, and accounts' columns as
        `account.<name>`. A value of which nothing was recorded by then is NULL, except for `constant:` columns.
    """
    q = Builder(engine.dialect, Context(as_of, zone), exp.Literal.string(""))
    facts = gathered.customers
    engine.parquet(CUSTOMERS, facts.paths, temporary=True)
    held = _held(q, facts, rel(CUSTOMERS), "_customer", ("_customer", "customer", "_first_event"), as_of)
    left: exp.Expression = col("_left", "c")
    if facts.gone and gone_by is not None and gone_by != as_of:
        last = _held(q, facts, rel(CUSTOMERS), "_customer", ("_customer",), gone_by).subquery("g")
        left = exp.In(this=col("_customer", "c"), query=exp.select(col("_customer")).from_(last).where(col("_left")).subquery())
    select = exp.select(col("_customer", "c").as_("_customer", quoted=True), col("customer", "c").as_("customer", quoted=True))
    for name in facts.columns:
        select = select.select(col(name, "c").as_(name, quoted=True), copy=False)
    select = select.from_(held.subquery("c"), copy=False)
    if not _everybody(gathered, as_of):
        select = select.where(_exists(q, gathered, as_of, zone, population, left), copy=False)
    joined: list[tuple[AttributeFacts, str, exp.Expression, Type | None, str]] = []
    for i, lookup in enumerate(gathered.lookups):
        name = lookup.of or ""
        plain = name not in facts.columns
        joined.append((lookup, f"l{i}", col("customer" if plain else name, "c"), None if plain else facts.columns[name], ""))
    if gathered.accounts is not None and facts.account is not None:
        joined.append((gathered.accounts, "a", col(facts.account, "c"), None, "account."))
    for table, alias, key, type_, prefix in joined:
        view = f"coterie_attributes_{table.name}"
        engine.parquet(view, table.paths, temporary=True)
        values = _held(q, table, rel(view), "_key", ("_key",), as_of)
        if table.gone:
            values = values.where(q.not_(col("_left")), copy=False)
        on = exp.EQ(this=key if type_ is None else id_text(q, key, type_), expression=col("_key", alias))
        select = select.join(values.subquery(alias), on=on, join_type="left", copy=False)
        for name in table.columns:
            select = select.select(col(name, alias).as_(f"{prefix}{name}", quoted=True), copy=False)
    return select


def attribute_types(gathered: Gathered) -> Mapping[str, Type]:
    """The columns that `population_at` gives beside `_customer` and `customer`, with their types."""
    out = gathered.attributes
    if gathered.accounts is not None and gathered.customers.account is not None:
        out |= {f"account.{name}": type_ for name, type_ in gathered.accounts.columns.items()}
    return out


def _held(q: Builder, facts: AttributeFacts, table: exp.Expression, key: str, keep: tuple[str, ...], as_of: datetime) -> exp.Select:
    """One row a key: the version that held at as_of (`_left`: it says that the key had left), or the nearest one after
    with its `constant:` columns alone."""
    at = q.literal(as_of)
    begun = q.binary("<=", col("_valid_from"), at)
    source: exp.Expression = table
    if not facts.single:
        held = q.case([(begun, col("_valid_from"))])
        order = [down(held), up(col("_valid_from")), down(col(LEARNED))]
        ranked = exp.select(exp.Star(), row_number([col(key)], order).as_("_place")).from_(table, copy=False)
        first = q.binary("=", col("_place"), q.literal(1))
        source = exp.select(exp.Star()).from_(ranked.subquery("r"), copy=False).where(first).subquery("v")
    always = facts.known_from is not None and facts.known_from[1] <= as_of and not facts.gone
    never = facts.known_from is None or facts.known_from[0] > as_of
    valid = q.call("coalesce", begun, q.literal(False))
    known = q.all([valid, q.not_(col("_gone"))]) if facts.gone else begun
    select = exp.select(*(col(name) for name in keep))
    left = q.all([valid, col("_gone")]) if facts.gone else q.literal(False)
    select = select.select(left.as_("_left"), copy=False)
    if facts.role == "customers" and facts.since is not None:
        select = select.select(col(facts.since).as_("_since"), copy=False)
    for name, type_ in facts.columns.items():
        if name in facts.constant or always:
            value: exp.Expression = col(name)
        elif never:
            value = q.cast(exp.Null(), sql_type(type_))
        else:
            value = q.case([(known, col(name))])
        select = select.select(value.as_(name, quoted=True), copy=False)
    return select.from_(source, copy=False)


def _everybody(gathered: Gathered, as_of: datetime) -> bool:
    """Whether all exist, as no event comes later and no other day counts. An engine that is not asked to leave anybody out
    knows how many there are, and joins the smaller table to the larger one."""
    facts, last = gathered.customers, gathered.last_event
    return facts.since is None and not facts.gone and (last is None or last <= as_of)


def _exists(q: Builder, gathered: Gathered, as_of: datetime, zone: str, population: str, left: exp.Expression) -> exp.Expression:
    """Who exists: from the first event or the day of `since:`; without either always; never who has left without events."""
    facts = gathered.customers
    first = q.binary("<=", col("_first_event", "c"), q.literal(as_of))
    no_event = q.is_null(col("_first_event", "c"))
    seen = q.call("coalesce", first, q.literal(False))
    parts = [seen]
    if facts.since is not None:
        day = col("_since", "c")
        if facts.columns[facts.since] == TIMESTAMP:
            day = q.local_day(day)  # type: ignore[assignment]
        since = q.call("coalesce", q.binary("<=", day, q.literal(local_day(as_of, zone))), q.literal(False))
        parts += [since, q.all([no_event, q.is_null(day)])]
    else:
        parts.append(no_event)
    there = q.any(parts)
    if not facts.gone:
        return there
    has_left = left if population == "customers" else q.all([left, q.not_(seen)])
    return q.all([there, q.not_(has_left)])


__all__ = ["attribute_types", "population_at"]
