"""Case and Unicode form of text columns folded at import: casefold, then NFC, once for each different value."""

import unicodedata
from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.language.names import normal
from coterie.language.sql import Builder
from coterie.language.types import TEXT
from coterie.sources.mapping import Mapped
from coterie.sources.relations import col, rel


def fold(text: str) -> str:
    """The form in which texts that differ in case or Unicode form alone are equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def folded(engine: Engine, q: Builder, mapped: Mapped, base: str) -> tuple[Mapping[str, exp.Expression], list[exp.Expression]]:
    """A source's values with those of `fold:` folded.

    ASCII is folded by the engine; other texts go through Python, each different one once.

    Returns:
        The values, and joins that they need beside `base` as `r`.
    """
    values = dict(mapped.values)
    joins: list[exp.Expression] = []
    for name in mapped.source.fold:
        name = normal(name)
        if mapped.columns.get(name) != TEXT:
            continue
        value = values[name]
        wide = q.binary(">", q.call("strlen", value), q.call("length", value))
        found = engine.fetch(exp.select(value.as_("v")).distinct().from_(rel(base, "r")).where(wide), f"fold {name}")
        lower = q.call("lower", value)
        if not found.num_rows:
            values[name] = lower
            continue
        table = f"{base}_fold_{len(joins)}"
        texts = found.column("v").to_pylist()
        engine.register(table, pa.table({"_from": texts, "_to": [fold(t) for t in texts]}))
        on = exp.EQ(this=value.copy(), expression=col("_from", table))
        joins.append(exp.Join(this=rel(table), on=on))
        values[name] = q.case([(q.not_(q.is_null(col("_from", table))), col("_to", table))], lower)
    return values, joins
