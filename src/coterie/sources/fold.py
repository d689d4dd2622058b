"""Case and Unicode form of text columns folded at import: casefold, then NFC, once for each different value.

ASCII is folded by the engine; other texts go through Python, each different one once.
"""

import unicodedata
from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.language.names import normal
from coterie.language.sql import Builder
from coterie.language.types import TEXT, Type
from coterie.sources.mapping import Mapped
from coterie.sources.relations import col, rel
from coterie.sources.source import Source


def fold(text: str) -> str:
    """The form in which texts that differ in case or Unicode form alone are equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def fold_columns(engine: Engine, q: Builder, source: Source, types: Mapping[str, Type], plain: str, view: str) -> None:
    """Make `view` of the view `plain`, with those of the file's columns folded that `fold:` names, ids among them."""
    names = {normal(name) for name in source.fold}
    renamed = {normal(w.text.strip(' "')): normal(name) for name, w in source.columns.items()}
    columns = [c for c, t in types.items() if t == TEXT and (normal(c) in names or renamed.get(normal(c)) in names)]
    values, joins = _folded(engine, q, plain, {c: col(c, "r") for c in columns})
    star = exp.Column(
        this=exp.Star(except_=[exp.to_identifier(c, quoted=True) for c in columns]) if columns else exp.Star(),
        table=exp.to_identifier("r"),
    )
    select = exp.select(star, *(tree.as_(c, quoted=True) for c, tree in values.items())).from_(rel(plain, "r"), copy=False)
    for join in joins:
        select = select.join(join, join_type="left", copy=False)
    engine.view(view, select)


def fold_computed(engine: Engine, q: Builder, mapped: Mapped, base: str) -> tuple[dict[str, exp.Expression], list[exp.Expression]]:
    """A source's values, with the computed ones of `fold:` folded, and joins that they need beside `base` as `r`."""
    names = [normal(name) for name in mapped.source.fold]
    computed = {n: mapped.values[n] for n in names if mapped.columns.get(n) == TEXT and n not in mapped.original}
    values, joins = _folded(engine, q, base, computed)
    return {**mapped.values, **values}, joins


def _folded(
    engine: Engine, q: Builder, base: str, values: Mapping[str, exp.Expression]
) -> tuple[dict[str, exp.Expression], list[exp.Expression]]:
    out: dict[str, exp.Expression] = {}
    joins: list[exp.Expression] = []
    for name, value in values.items():
        wide = q.binary(">", q.call("strlen", value), q.call("length", value))
        found = engine.fetch(exp.select(value.as_("v")).distinct().from_(rel(base, "r")).where(wide), f"fold {name}")
        out[name] = q.call("lower", value)
        if found.num_rows:
            table = f"{base}_fold_{len(joins)}"
            texts = found.column("v").to_pylist()
            engine.register(table, pa.table({"_from": texts, "_to": [fold(t) for t in texts]}))
            joins.append(exp.Join(this=rel(table), on=exp.EQ(this=value.copy(), expression=col("_from", table))))
            out[name] = q.case([(q.not_(q.is_null(col("_from", table))), col("_to", table))], out[name])
    return out, joins
