"""Memberships recorded by the cluster that holds them: it numbers the customers, lays the memberships beside those of the
snapshot before, and writes what differs, in the same form as `history` writes what lies in this process."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Cluster
from coterie.engine.written import clear_away
from coterie.language.sql import Builder
from coterie.segments.history import KINDS, Snapshot
from coterie.segments.membership import BITS
from coterie.segments.numbering import Numbering
from coterie.segments.state import ABSENT_WORD, NO_CUSTOMER, NO_LABEL, Layout
from coterie.sources.relations import col, down, rel, row_number, together

NUMBERS = "numbers of the record"
"""The table of `_customer`, the dense number that a customer has in a run, and `number`, the one in the record."""
Learned = Callable[[Snapshot], Mapping[str, exp.Select]]
"""Given the snapshot before, by kind of event the customers (`_customer`) of whom something was learned."""


def number(engine: Cluster, customers: Numbering, people: str) -> None:
    """Make NUMBERS. Customers who have no number get the next ones, in the order of their ids, in a file beside the others.

    Args:
        people: a relation with `_customer` and `customer`, in any number of rows each.
    """
    here, known, new = "people", "known people", "new people"
    everybody = exp.select(col("_customer"), col("customer")).distinct().from_(rel(people))
    engine.create(here, everybody, "customers of the record", temporary=True)
    same = exp.EQ(this=col("customer", "p"), expression=col("customer", "k"))
    if not customers.added:
        strangers = exp.select(col("customer", "p")).from_(rel(here, "p"))
        if customers.files:
            engine.parquet(known, customers.files, temporary=True)
            strangers = strangers.join(rel(known, "k"), on=same, join_type="anti")
        engine.numbered(new, strangers, "customer", "number", customers.kept)
        named = exp.select(col("number"), col("customer")).from_(rel(new))
        customers.added = engine.write_parquet(named, customers.next_file, "number the customers")
        if not customers.added:
            clear_away(customers.next_file)
        engine.drop(new)
    engine.parquet(known, customers.files, temporary=True)
    numbers = exp.select(col("_customer", "p"), col("number", "k")).from_(rel(here, "p")).join(rel(known, "k"), on=same)
    engine.create(NUMBERS, numbers, "numbers of the customers", temporary=True)
    engine.drop(here)


def draw(
    engine: Cluster,
    q: Builder,
    traits: str,
    learned: Learned,
    path: Path,
    layout: Layout,
    previous: Snapshot | None,
    chain: Sequence[Path],
) -> tuple[str, ...]:
    """Write the file of a snapshot: those whose memberships differ from what a chain of files gives, or everybody.

    Args:
        traits: the table of labels; BITS and NUMBERS stand beside it.
        path, layout, previous, chain: as `history.Drawn` is given them.

    Returns:
        What the bits of `touched` stand for.
    """
    words, codes = [f"w{i}" for i in range(layout.width)], [f"l{i}" for i in range(len(layout.labels))]
    absent = {**dict.fromkeys(words, ABSENT_WORD), **dict.fromkeys(codes, NO_CUSTOMER)}
    now = _now(engine, q, traits, layout, words, codes).subquery("n")
    select, differs = exp.select(), []
    if chain:
        before = _laid(engine, q, chain, [*words, *codes]).subquery("b")
        same = exp.EQ(this=col("number", "n"), expression=col("number", "b"))
        select = select.select(q.call("coalesce", col("number", "n"), col("number", "b")).as_("number", quoted=True))
        for name, nobody in absent.items():
            held = q.call("coalesce", col(name, "n"), q.literal(nobody))
            select = select.select(_stored(q, held, name).as_(name, quoted=True))
            was = q.call("coalesce", col(name, "b"), q.literal(nobody))
            differs.append(q.not_(q.binary("=", held.copy(), was)))
        select = select.from_(now).join(before, on=same, join_type="full")
    else:
        select = select.select(col("number", "n"), *(col(name, "n") for name in absent)).from_(now)
    if differs:
        select = select.where(q.any(differs))
    found = learned(previous) if previous is not None else {}
    touched: exp.Expression = q.cast(q.literal(0), "BIGINT")
    whole = select.subquery("s")
    query = exp.select(*(col(name, "s") for name in ("number", *absent)))
    if found:
        asked = together([_bits(q, keys, 1 << min(place, KINDS)) for place, keys in enumerate(found.values())])
        masks = exp.select(col("number"), q.call("bit_or", col("bit")).as_("touched")).from_(asked.subquery("a"))
        on = exp.EQ(this=col("number", "s"), expression=col("number", "t"))
        query = query.from_(whole).join(masks.group_by(col("number")).subquery("t"), on=on, join_type="left")
        touched = q.call("coalesce", col("touched", "t"), touched)
    else:
        query = query.from_(whole)
    engine.write_parquet(query.select(touched.as_("touched", quoted=True)), path, "write the memberships")
    return tuple(found)


def _stored(q: Builder, value: exp.Expression, name: str) -> exp.Expression:
    return q.cast(value, "SMALLINT" if name.startswith("l") else "BIGINT")


def _now(engine: Cluster, q: Builder, traits: str, layout: Layout, words: Sequence[str], codes: Sequence[str]) -> exp.Select:
    """Everybody's memberships by their numbers in the record."""
    numbered = exp.EQ(this=col("_customer", "b"), expression=col("_customer", "k"))
    select = exp.select(col("number", "k"), *(col(word, "b") for word in words))
    select = select.from_(rel(BITS, "b")).join(rel(NUMBERS, "k"), on=numbered)
    if codes:
        select = select.join(rel(traits, "t"), on=exp.EQ(this=col("_customer", "b"), expression=col("_customer", "t")))
    for code, (name, labels) in zip(codes, layout.labels.items(), strict=True):
        listed = f"codes of {name}"
        told = {"label": pa.array(labels, pa.string()), "code": pa.array(range(len(labels)), pa.int64())}
        engine.register(listed, pa.table(told), temporary=True)
        meets = exp.EQ(this=col(name, "t"), expression=col("label", f"c{code}"))
        select = select.join(rel(listed, f"c{code}"), on=meets, join_type="left")
        known = q.call("coalesce", col("code", f"c{code}"), q.literal(NO_LABEL))
        select = select.select(_stored(q, known, code).as_(code, quoted=True))
    return select


def _laid(engine: Cluster, q: Builder, chain: Sequence[Path], columns: Sequence[str]) -> exp.Select:
    """What the files of a chain give, laid over each other."""
    parts = []
    for place, path in enumerate(chain):
        engine.parquet(f"snapshot {place}", [path], temporary=True)
        link = exp.select(col("number"), *(col(name) for name in columns), q.literal(place).as_("link", quoted=True))
        parts.append(link.from_(rel(f"snapshot {place}")))
    if len(parts) == 1:
        return parts[0]
    ranked = exp.select(exp.Star(), row_number([col("number")], [down(col("link"))]).as_("place"))
    newest = q.binary("=", col("place"), q.literal(1))
    return exp.select(exp.Star()).from_(ranked.from_(together(parts).subquery("p")).subquery("r")).where(newest)


def _bits(q: Builder, keys: exp.Select, bit: int) -> exp.Select:
    """The numbers of some customers, with a bit."""
    same = exp.EQ(this=col("_customer", "f"), expression=col("_customer", "k"))
    named = exp.select(col("number", "k"), q.literal(bit).as_("bit", quoted=True))
    return named.from_(rel(NUMBERS, "k")).join(keys.subquery("f"), on=same)
