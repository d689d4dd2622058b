"""A source's files as one relation: their columns brought to one type each, with the file and line of every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.language.sql import Builder
from coterie.language.types import DATE, EVENT_FLOAT, FLOAT, NUMBERS, TEXT, TIMESTAMP, Type, number_of, sql_type
from coterie.sources.reading import LINE
from coterie.sources.shards import Shard

FILE, LEARNED = "_file", "_learned_at"
"""The number of a row's file among those of its source, and when that file was first loaded."""


INTERNAL = frozenset(
    f"_{name}"
    for name in [
        *("path", "file", "learned_at", "line", "key", "from", "status", "given", "id", "content", "bucket", "time", "day"),
        *("raw_customer", "customer_id", "line_of", "updated_at", "filled", "gone", "part", "place", "first", "left_at"),
        *("valid_from", "raw_key", "known", "fate", "winner", "nth"),
    ]
)
"""Names that a file's column cannot have: they stand beside its own on the way to the tables."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source. Files are numbered by (first loaded, name): the newer file is the one with the larger number."""

    name: str
    shard: Shard
    learned_at: datetime


def col(name: str, table: str | None = None) -> exp.Column:
    return exp.column(name, table=table, quoted=True)


def rel(name: str, alias: str | None = None) -> exp.Table:
    table = exp.Table(this=exp.to_identifier(name, quoted=True))
    return exp.alias_(table, alias, table=True, quoted=True) if alias else table  # type: ignore[return-value]


def stored_type(type_: Type) -> str:
    """How a typed file keeps a column."""
    return EVENT_FLOAT if type_ == FLOAT else sql_type(type_)


def unified(shards: Sequence[Shard]) -> tuple[dict[str, Type], dict[str, str]]:
    """One type for each column of several files.

    Returns:
        The types, in the order in which the columns first stand; and for columns whose files do not agree the type
        (`text` or `timestamp`) as which all of them must be read.
    """
    types: dict[str, Type] = {}
    unknown: set[str] = set()
    clashes: dict[str, str] = {}
    for shard in shards:
        for name, type_ in shard.types.items():
            empty = not shard.known.get(name, 1)
            if name not in types or name in unknown:
                types[name] = type_
                unknown.discard(name)
                if empty:
                    unknown.add(name)
                continue
            have = types[name]
            if empty or have == type_:
                continue
            if have in NUMBERS and type_ in NUMBERS:
                types[name] = number_of(have, type_)
            elif {have, type_} == {DATE, TIMESTAMP}:
                types[name] = TIMESTAMP
                clashes[name] = "timestamp"
            else:
                types[name] = TEXT
                clashes[name] = "text"
    return types, clashes


def make_base(engine: Engine, q: Builder, name: str, files: Sequence[SourceFile], types: Mapping[str, Type]) -> None:
    """Make a view of the rows of all files: the columns of `types` (NULL where a file has none), line, file, first load."""
    groups: dict[tuple[tuple[str, Type], ...], list[int]] = {}
    for number, file in enumerate(files):
        groups.setdefault(tuple(file.shard.types.items()), []).append(number)
    parts = []
    for index, (schema, numbers) in enumerate(groups.items()):
        view = f"{name}_{index}"
        paths = [files[n].shard.path for n in numbers]
        single = len(numbers) == 1
        engine.parquet(view, paths, file=None if single else "_path")
        have = dict(schema)
        source: exp.Expression = rel(view, "r")
        columns = []
        for column, type_ in types.items():
            if column == LINE:
                continue  # every file has it, and it follows below
            if column not in have:
                columns.append(q.cast(exp.Null(), stored_type(type_)).as_(column, quoted=True))
            elif have[column] == type_:
                columns.append(col(column, "r").as_(column, quoted=True))
            else:
                columns.append(q.try_cast(col(column, "r"), stored_type(type_)).as_(column, quoted=True))
        columns.append(col(LINE, "r").as_(LINE, quoted=True))
        select = exp.select(*columns).from_(source, copy=False)
        if single:
            file = files[numbers[0]]
            select = select.select(
                q.cast(q.literal(numbers[0]), "INTEGER").as_(FILE, quoted=True),
                q.literal(file.learned_at).as_(LEARNED, quoted=True),
                copy=False,
            )
        else:
            table = f"{view}_files"
            engine.register(
                table,
                pa.table(
                    {
                        "_path": pa.array([str(p) for p in paths], pa.string()),
                        FILE: pa.array(numbers, pa.int32()),
                        LEARNED: pa.array([files[n].learned_at for n in numbers], pa.timestamp("us")),
                    }
                ),
            )
            on = exp.EQ(this=col("_path", "r"), expression=col("_path", "f"))
            select = select.join(rel(table, "f"), on=on, copy=False).select(
                col(FILE, "f").as_(FILE, quoted=True), col(LEARNED, "f").as_(LEARNED, quoted=True), copy=False
            )
        parts.append(select)
    engine.view(name, together(parts))


def together(queries: Sequence[exp.Select]) -> exp.Select | exp.Union:
    """The rows of several queries, one after the other."""
    whole: exp.Select | exp.Union = queries[0]
    for query in queries[1:]:
        whole = exp.Union(this=whole, expression=query, distinct=False)
    return whole


def content(q: Builder, values: Sequence[exp.Expression]) -> exp.Expression:
    """20 hexadecimal digits of a hash of the values, in this order; a missing one differs from an empty text."""
    texts = [q.call("coalesce", q.cast(v, "VARCHAR"), q.call("chr", q.literal(0))) for v in values]
    return q.call("left", q.call("md5", q.call("concat_ws", q.call("chr", q.literal(31)), *texts)), q.literal(20))


def row_number(partition: Sequence[exp.Expression], order: Sequence[exp.Expression]) -> exp.Expression:
    """`row_number() over (partition by … order by …)`; an order is a column or an `exp.Ordered`."""
    ordered = [o if isinstance(o, exp.Ordered) else up(o) for o in order]
    return exp.Window(
        this=exp.RowNumber(),
        partition_by=[p.copy() for p in partition],
        order=exp.Order(expressions=ordered),
    )


def up(tree: exp.Expression) -> exp.Ordered:
    return exp.Ordered(this=tree.copy(), desc=False, nulls_first=False)


def down(tree: exp.Expression) -> exp.Ordered:
    return exp.Ordered(this=tree.copy(), desc=True, nulls_first=False)
