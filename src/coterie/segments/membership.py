"""Who is in which segment: every different condition is asked once, then combined as bitmaps.

A rule is a tree of and / or / not over conditions. Fifty rules share most of their conditions; each is one boolean column of
one query, or is compared with the one column that it reads (see `compared`), and the rules are Kleene's logic on packed bits.
What comes out is three-valued: in, out, cannot tell, and for the last the names to blame.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Cluster, Engine
from coterie.language.compile import Compiler
from coterie.language.format import format as format_expr
from coterie.language.tree import And, Column, Expr, Measure, Not, Or, children, typed
from coterie.language.types import Type
from coterie.segments.bitmaps import PER_WORD, Bits, Bytes, all_, any_, exact_sets, of_arrow, ones, word_count, words
from coterie.segments.blame import blames, is_plain, read_by
from coterie.segments.compared import Compared, Known, Numbers, compared, number_of
from coterie.traits.batch import aliased, quoted, relation, walk_outer


@dataclass(frozen=True, slots=True)
class Size:
    """A three-way count; `missing` splits `cannot_tell` by the names to blame (several at once joined by " and ")."""

    inside: int
    outside: int
    cannot_tell: int
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def population(self) -> int:
        return self.inside + self.outside + self.cannot_tell

    def __add__(self, other: "Size") -> "Size":
        missing = {n: self.missing.get(n, 0) + other.missing.get(n, 0) for n in {**self.missing, **other.missing}}
        return Size(self.inside + other.inside, self.outside + other.outside, self.cannot_tell + other.cannot_tell, missing)


NOBODY = Size(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Condition:
    """A leaf of a rule: its boolean column, and the columns of what it reads that may be to blame for not knowing."""

    tree: Expr
    column: str
    operands: tuple[tuple[str, str], ...]
    """(name to blame, boolean column that says that it is); no column where nothing else can be to blame."""


@dataclass(frozen=True)
class Rules:
    """Rules compiled to one query of distinct conditions and a way to combine them."""

    trees: Mapping[str, Expr]
    conditions: Mapping[Expr, Condition]
    compared: Mapping[str, Compared]
    """By its column, each condition that is not asked of the engine."""
    query: exp.Select

    @cached_property
    def places(self) -> Mapping[int, str]:
        """The column of each condition by the identity of its node, which is found faster than by its meaning."""
        found = (leaf for tree in self.trees.values() for leaf in leaves(tree))
        return {id(leaf): self.conditions[leaf].column for leaf in found if leaf in self.conditions}

    def __getstate__(self) -> dict[str, object]:
        """What goes to other processes, where a node is another one."""
        return {name: value for name, value in self.__dict__.items() if name not in ("places", "query")}

    def answer(self, rows: pa.RecordBatch, others: Mapping[str, Known] | None = None) -> "Answers":
        """All rules over some rows of the query; `others`: columns that are compared and are not among the query's."""
        cells = {name: of_arrow(rows.column(name)) for name in rows.schema.names if name.startswith("~")}
        return Answers(self, rows.num_rows, cells, Numbers(rows, others))


@dataclass(frozen=True)
class Answers:
    """The rules answered for some customers."""

    rules: Rules
    rows: int
    cells: dict[str, Bits]
    numbers: Numbers
    known: dict[str, Bits] = field(default_factory=dict)

    def cell(self, column: str) -> Bits:
        """What was answered of a column, or the comparison that it stands for."""
        found = self.cells.get(column)
        if found is None:
            found = self.cells[column] = self.rules.compared[column].truth(self.numbers)
        return found

    def bits(self, name: str) -> Bits:
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self.combined(self.rules.trees[name])
        return found

    def combined(self, node: Expr) -> Bits:
        column = self.rules.places.get(id(node))
        if column is not None:
            return self.cell(column)
        match node:
            case Column(name=name) if is_rule(node, self.rules.trees):
                return self.bits(name)
            case And(args=args):
                return all_([self.combined(a) for a in args])
            case Or(args=args):
                return any_([self.combined(a) for a in args])
            case Not(arg=arg):
                return self.combined(arg).not_()
            case _:
                raise KeyError(format_expr(node))

    def size(self, name: str, bits: Bits | None = None) -> Size:
        found = self.bits(name) if bits is None else bits
        inside, outside, doubt = found.counts()
        return Size(inside, outside, doubt, self.missing(self.rules.trees[name]) if doubt else {})

    def missing(self, rule: Expr) -> dict[str, int]:
        """How many customers cannot be told for lack of which names: the union over a rule's unknown sides."""
        blamed = self.blamed(rule)
        names = sorted(blamed)
        if len(names) == 1:
            return {names[0]: ones(blamed[names[0]])}
        return {" and ".join(sorted(kind)): count for kind, count in exact_sets({n: blamed[n] for n in names})}

    def blamed(self, node: Expr) -> dict[str, Bytes]:
        """By name, the rows where this node is unknown on its account."""
        bits = self.combined(node)
        if bits.unknown is None:
            return {}
        if isinstance(node, Column) and is_rule(node, self.rules.trees):
            return {node.name: bits.unknown}
        condition = self.rules.conditions.get(node)
        if condition is not None:
            return self.blamed_leaf(node, condition, bits.unknown)
        out: dict[str, Bytes] = {}
        for child in children(node):
            for name, rows in self.blamed(child).items():
                here = rows & bits.unknown
                out[name] = out[name] | here if name in out else here
        return out

    def blamed_leaf(self, node: Expr, condition: Condition, unknown: Bytes) -> dict[str, Bytes]:
        if len(condition.operands) == 1 and not condition.operands[0][1]:
            return {condition.operands[0][0]: unknown}
        out: dict[str, Bytes] = {}
        left = unknown
        for name, column in condition.operands:
            rows = unknown & self.cell(column).true
            if rows.any():
                out[name] = out[name] | rows if name in out else rows
                left = left & ~rows
        if left.any():
            out[format_expr(node)] = left  # nothing it reads is missing: the operation itself gave no answer
        return out


def rules(trees: Mapping[str, Expr], compiler: Compiler, table: str, *, keys: Iterable[str] = ()) -> Rules:
    """Compile rules over a table that a batch has made.

    Args:
        trees: checked boolean trees by name.
        compiler: of expressions over that table.
        table: its name.
        keys: columns to bring along.
    """
    conditions: dict[Expr, Condition] = {}
    columns: list[exp.Expr] = []
    missing: dict[str, str] = {}
    aside: dict[str, Compared] = {}
    numbers: dict[str, Type] = {}

    def ask(leaf: Expr, sql: exp.Expression, column: str) -> None:
        comparison = compared(sql, columns_of(leaf, compiler))
        if comparison is None:
            columns.append(sql.as_(column, quoted=True))
        else:
            aside[column] = comparison
            numbers.update(comparison.columns)

    for tree in trees.values():
        for leaf in leaves(tree):
            if is_rule(leaf, trees) or leaf in conditions:
                continue
            column = f"~{len(conditions)}"
            ask(leaf, compiler.sql(leaf), column)
            named = []
            for name, null in ({read_by(leaf): None} if is_plain(leaf) else blames(leaf, compiler, asked=True)).items():
                key = "" if null is None else null.sql()
                if null is not None and key not in missing:
                    missing[key] = f"~missing {len(missing)}"
                    ask(leaf, null, missing[key])
                named.append((name, missing.get(key, "")))
            conditions[leaf] = Condition(leaf, column, tuple(named))
    columns += [compiler.q.as_type(quoted(n), type_).as_(number_of(n), quoted=True) for n, type_ in numbers.items()]
    if not conditions:
        columns.append(exp.true().as_("~none", quoted=True))
    # All at once: one by one, each looks at all before it.
    select = exp.select(*(quoted(k) for k in keys), *columns, copy=False).from_(relation(table), copy=False)
    return Rules(trees, conditions, aside, select)


def columns_of(leaf: Expr, compiler: Compiler) -> dict[str, Type]:
    """The columns that a condition reads as they are, with their types."""
    read = [n for n in walk_outer(leaf) if isinstance(n, Column | Measure)]
    return {compiler.sql(n).name: typed(n) for n in read}


def leaves(node: Expr) -> list[Expr]:
    """The conditions of a rule: what stands below its and, or and not."""
    out: list[Expr] = []
    stack = [node]
    while stack:
        current = stack.pop()
        match current:
            case And(args=args) | Or(args=args):
                stack.extend(reversed(args))
            case Not(arg=arg):
                stack.append(arg)
            case _:
                out.append(current)
    return out


def is_rule(node: Expr, trees: Mapping[str, Expr]) -> bool:
    """Whether a condition is only the name of another rule, which is then answered from that one's bits."""
    return isinstance(node, Column) and node.part is None and node.name in trees


def count(engine: Engine, compiled: Rules, about: str = "count") -> dict[str, Size]:
    """The size of each rule."""
    sizes = dict.fromkeys(compiled.trees, NOBODY)
    if isinstance(engine, Cluster):
        engine.mapped(TOLD, compiled.query, Told(compiled, kept=False), told_schema(0), about, temporary=True)
        return added_up(engine, sizes)
    for rows in engine.fetch(compiled.query, about).combine_chunks().to_batches():
        answers = compiled.answer(rows)
        for name in sizes:
            sizes[name] += answers.size(name)
    return sizes


BITS = "segment_bits"
"""The table of memberships: `_customer`, and 64-bit words `w0`, `w1` … of PER_WORD segments each."""
VIEW = "segments"
"""The same as one boolean column a segment, for people and other tools."""


AT_ONCE = 1 << 17
"""Rows that are answered together: few enough to stay near the processor."""


Others = Callable[[pa.RecordBatch], Mapping[str, Known]]
"""Columns of numbers that are had otherwise than from the query, for some of its rows."""


def answered(
    compiled: Rules, found: pa.Table, others: Others | None = None
) -> Iterator[tuple[pa.RecordBatch, Answers, list[Bits]]]:
    """Some rows of the query at a time, the rules answered for them, and the bits of each rule."""

    def one(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, Answers, list[Bits]]:
        answers = compiled.answer(rows, None if others is None else others(rows))
        return rows, answers, [answers.bits(name) for name in compiled.trees]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(one, found.to_batches(max_chunksize=AT_ONCE))


def store(engine: Engine, compiled: Rules, table: str, about: str = "segments") -> dict[str, Size]:
    """Answer all rules over a table for everybody, keep the answers in the engine, and count them."""
    if isinstance(engine, Cluster):
        width = word_count(len(compiled.trees))
        engine.mapped(TOLD, compiled.query, Told(compiled), told_schema(width), about, temporary=True)
        held_ = exp.select(quoted("_customer"), *(quoted(f"w{i}") for i in range(width))).from_(relation(TOLD))
        engine.create(BITS, held_.where(exp.Not(this=exp.Is(this=quoted("_customer"), expression=exp.Null()))), about)
        show(engine, compiled, table)
        return added_up(engine, dict.fromkeys(compiled.trees, NOBODY))
    memberships, sizes = asked(engine, compiled, about)
    engine.register(BITS, memberships)
    show(engine, compiled, table)
    return sizes


def asked(engine: Engine, compiled: Rules, about: str = "segments") -> tuple[pa.Table, dict[str, Size]]:
    """Everybody's memberships as `BITS` holds them, and the size of each rule; the rules' query brings `_customer` along."""
    sizes = dict.fromkeys(compiled.trees, NOBODY)
    parts: list[pa.RecordBatch] = []
    for rows, answers, found in answered(compiled, engine.fetch(compiled.query, about)):
        for name, bits in zip(compiled.trees, found, strict=True):
            sizes[name] += answers.size(name, bits)
        held = [rows.column("_customer"), *(pa.array(w) for w in words(found, rows.num_rows))]
        parts.append(pa.RecordBatch.from_arrays(held, names=["_customer", *(f"w{i}" for i in range(len(held) - 1))]))
    if not parts:
        fields = [("_customer", pa.int64()), *((f"w{i}", pa.int64()) for i in range(word_count(len(compiled.trees))))]
        parts = [pa.RecordBatch.from_pylist([], schema=pa.schema(fields))]
    return pa.Table.from_batches(parts), sizes


def show(engine: Engine, compiled: Rules, table: str) -> None:
    """Make the view of memberships for people."""
    on = exp.EQ(this=quoted("_customer", "b"), expression=quoted("_customer", "t"))
    view = exp.select(quoted("customer", "t")).from_(aliased(BITS, "b")).join(aliased(table, "t"), on=on)
    columns = [exp.alias_(member(i), name, quoted=True, copy=False) for i, name in enumerate(compiled.trees)]
    view = view.select(*columns, copy=False)
    engine.view(VIEW, view)


TOLD = "segments told"
"""Where a cluster puts memberships and, in rows without a customer, the sizes that each of its tasks has counted."""


def told_schema(width: int) -> pa.Schema:
    words_ = [(f"w{i}", pa.int64()) for i in range(width)]
    return pa.schema([("_customer", pa.int64()), *words_, ("sizes", pa.string())])


@dataclass(frozen=True)
class Told:
    """Answers rules for some of the customers, in whatever process they are: their packed memberships (where these are kept),
    then a row with the sizes among them."""

    compiled: Rules
    kept: bool = True

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sizes = dict.fromkeys(self.compiled.trees, NOBODY)
        schema = told_schema(word_count(len(sizes)) if self.kept else 0)
        for rows in batches:
            answers = self.compiled.answer(rows)
            found = [answers.bits(name) for name in sizes]
            for name, bits in zip(sizes, found, strict=True):
                sizes[name] += answers.size(name, bits)
            if self.kept:
                held = [rows.column("_customer"), *(pa.array(w) for w in words(found, rows.num_rows))]
                yield pa.RecordBatch.from_arrays([*held, pa.nulls(rows.num_rows, pa.string())], schema=schema)
        told = {name: asdict(size) for name, size in sizes.items()}
        yield pa.RecordBatch.from_pylist([{"sizes": json.dumps(told)}], schema=schema)


def added_up(engine: Engine, sizes: Mapping[str, Size]) -> dict[str, Size]:
    """What all tasks have counted, beside sizes of nobody."""
    out = dict(sizes)
    some = exp.Not(this=exp.Is(this=quoted("sizes"), expression=exp.Null()))
    for (told,) in engine.rows(exp.select(quoted("sizes")).from_(relation(TOLD)).where(some), "sizes"):
        for name, size in json.loads(str(told)).items():
            out[name] += Size(**size)
    engine.drop(TOLD)
    return out


@dataclass(frozen=True, slots=True)
class Packed:
    """Everybody's memberships as they stand in an engine.

    Attributes:
        keys: the customers' dense numbers, in the order of the other arrays.
        words: PER_WORD segments each, as in BITS; `labels`: by segmentation, null where it cannot be told.
    """

    keys: npt.NDArray[np.int64]
    words: tuple[npt.NDArray[np.int64], ...]
    labels: Mapping[str, pa.DictionaryArray]


def packed(engine: Engine, segments: int, table: str, segmentations: Iterable[str]) -> Packed:
    """The memberships that `store` has kept, beside the labels in the table that it was made from.

    Args:
        segments: how many there are.
        table: that table; `segmentations`: its columns of labels.
    """
    names = list(segmentations)
    on = exp.EQ(this=quoted("_customer", "b"), expression=quoted("_customer", "t"))
    places = range(word_count(segments))
    select = exp.select(quoted("_customer", "b"), *(quoted(f"w{i}", "b") for i in places))
    select = select.select(*(quoted(n, "t").as_(f"l{i}") for i, n in enumerate(names)))
    rows = engine.fetch(select.from_(aliased(BITS, "b")).join(aliased(table, "t"), on=on), "memberships").combine_chunks()
    words_ = tuple(rows.column(f"w{i}").to_numpy() for i in places)
    labels = {n: _encoded(rows.column(f"l{i}")) for i, n in enumerate(names)}
    return Packed(rows.column("_customer").to_numpy(), words_, labels)


def looked(compiled: Rules, segmentations: Sequence[str], asked: pa.Table, others: Others | None = None) -> Packed:
    """All rules answered for everybody and kept nowhere; the labels stand beside the rules' conditions in what was asked."""
    keys, parts, labels = [], [], []
    for rows, _, found in answered(compiled, asked, others):
        keys.append(rows.column("_customer").to_numpy())
        parts.append(words(found, rows.num_rows))
        labels.append([rows.column(n) for n in segmentations])
    if not keys:
        none = np.zeros(0, np.int64)
        nobody = pa.chunked_array([], pa.string())
        return Packed(none, (none,) * word_count(len(compiled.trees)), {n: _encoded(nobody) for n in segmentations})
    columns = (pa.chunked_array([part[i] for part in labels]) for i in range(len(segmentations)))
    told = {n: _encoded(column) for n, column in zip(segmentations, columns, strict=True)}
    return Packed(np.concatenate(keys), tuple(np.concatenate(word) for word in zip(*parts, strict=True)), told)


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return pa.concat_arrays(column.chunks or [pa.array([], pa.string())]).dictionary_encode()


def member(place: int, table: str | None = None) -> exp.Expression:
    """The truth of the segment at a place among all, out of its word (of a table): true, false or NULL."""
    word, bit = quoted(f"w{place // PER_WORD}", table), 2 * (place % PER_WORD)
    found = exp.Mod(
        this=exp.Paren(this=exp.IntDiv(this=word, expression=exp.Literal.number(1 << bit))),
        expression=exp.Literal.number(4),
    )
    return exp.Case(
        this=exp.Paren(this=found),
        ifs=[
            exp.If(this=exp.Literal.number(1), true=exp.true()),
            exp.If(this=exp.Literal.number(0), true=exp.false()),
        ],
    )


__all__ = [
    "BITS",
    "NOBODY",
    "VIEW",
    "Bits",
    "Packed",
    "Rules",
    "Size",
    "count",
    "leaves",
    "looked",
    "member",
    "packed",
    "rules",
    "store",
]
