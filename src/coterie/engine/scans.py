"""Grouped scans as values: which aggregates over which rows a query takes, read off its SQL tree.

A scan is `SELECT key, <expressions over aggregates> FROM relation WHERE <limits on dates and times> GROUP BY key`. It is taken
apart into its different *primitives* (count, sum, min, max, first, last of a column over some of the rows) and an outer query
over a table of them, so that whoever computes the primitives decides nothing of what the expressions around them mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, cast

import pyarrow as pa
from sqlglot import exp

Function = Literal["count", "sum", "min", "max", "first", "last"]
Limit = tuple[str, int]
"""A column and a value as the integer that Arrow stores (days or microseconds since 1970)."""

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (naive is UTC here)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """Which rows count: value >= limit for all of `low`, value < limit for all of `high`, and all `conditions` (SQL) true."""

    low: frozenset[Limit] = frozenset()
    high: frozenset[Limit] = frozenset()
    conditions: frozenset[str] = frozenset()

    def __and__(self, other: "Kept") -> "Kept":
        return Kept(self.low | other.low, self.high | other.high, self.conditions | other.conditions)


@dataclass(frozen=True, slots=True)
class Primitive:
    """An aggregate over the kept rows of each group; `column` is None only for the count of rows. First and last are by the
    order in which a group's rows lie, among the rows where the column is known."""

    function: Function
    column: str | None
    kept: Kept


@dataclass(frozen=True, slots=True)
class Scan:
    """A recognised query.

    Attributes:
        relation, key: what is read, and the column whose groups it has.
        base: the rows that make a group appear.
        primitives: the different aggregates in it; they stand as columns p0, p1 … in the outer query.
        conditions: the columns that each condition reads.
        order: columns by which first and last were asked: rows must lie sorted by them within a group.
        query: its projections; `schema`: the columns of the relation, and how they are stored.
    """

    relation: str
    key: str
    base: Kept
    primitives: tuple[Primitive, ...]
    conditions: Mapping[str, frozenset[str]] = field(compare=False)
    order: frozenset[str]
    query: exp.Select = field(compare=False, repr=False)
    schema: Mapping[str, pa.DataType] = field(compare=False, repr=False)

    @property
    def width(self) -> int:
        """About the bytes of a row of the key and the primitives."""
        sizes = {"count": 4, "first": 16, "last": 16}
        return 8 + sum(sizes.get(p.function, 8) for p in self.primitives)

    def number(self, column: str, unit: pa.DataType) -> tuple[int, bool] | None:
        """The primitive that a column of the query is, counted in the units of a type, and whether it is 0 where nothing was kept.

        None where the column is anything else.
        """
        named = (p.this for p in self.query.expressions if isinstance(p, exp.Alias) and p.alias == column)
        node: exp.Expr | None = next(named, None)
        zero = False
        while isinstance(node, exp.Cast | exp.Paren | exp.Coalesce | exp.Anonymous):
            if isinstance(node, exp.Cast):
                if not _holds(node.to, unit):
                    return None
            elif not isinstance(node, exp.Paren):
                if not _is_coalesced(node):
                    return None
                zero = True
            node = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        if not isinstance(node, exp.Column) or node.name == self.key:
            return None
        place = int(node.name.removeprefix("p"))
        primitive = self.primitives[place]
        stored = pa.int64() if primitive.function == "count" else self.schema[primitive.column or ""]
        if primitive.function in ("first", "last") or not _same_unit(stored, unit):
            return None
        return place, zero or primitive.function == "count"

    def outer(self, table: str) -> exp.Select:
        """The query over a table of the key and the primitives."""
        select = self.query.copy()
        select.set("from_", exp.From(this=exp.Table(this=exp.to_identifier(table, quoted=True))))
        return select


def placed(primitive: int) -> str:
    """The column of a primitive."""
    return f"p{primitive}"


def recognised(select: exp.Expression, schema: Mapping[str, pa.DataType], dialect: str) -> Scan | None:
    """The scan that a query is, or None where it is anything else.

    Args:
        select: the query.
        schema: the columns of the relation that it reads, and how they are stored.
        dialect: in which conditions are written.
    """
    if not isinstance(select, exp.Select):
        return None
    given = {name for name, value in select.args.items() if value}
    if given - {"expressions", "from_", "where", "group"} or not {"expressions", "from_", "group"} <= given:
        return None
    source, group = select.args["from_"].this, select.args["group"]
    if not isinstance(source, exp.Table) or any(v for k, v in source.args.items() if k not in ("this", "alias")):
        return None
    if any(v for k, v in group.args.items() if k != "expressions") or len(group.expressions) != 1:
        return None
    reading = _Reading(source.name, source.alias_or_name, schema, dialect)
    key = reading.column(group.expressions[0])
    if key is None or not pa.types.is_int64(schema[key]):
        return None
    where = select.args.get("where")
    base = Kept() if where is None else reading.kept(where.this)
    if base is None or base.conditions:
        return None  # what prunes by another condition is better left to the engine
    projections = []
    for projection in select.expressions:
        made = reading.projection(projection, key, base)
        if made is None:
            return None
        projections.append(made)
    return Scan(
        source.name,
        key,
        base,
        tuple(reading.primitives),
        reading.conditions,
        frozenset(reading.order),
        exp.Select(expressions=projections),
        schema,
    )


_AROUND = (
    *(exp.Paren, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Literal, exp.Boolean, exp.Null, exp.Identifier),
    *(exp.Neg, exp.Not, exp.And, exp.Or, exp.Is, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Alias),
)
_SCALARS = frozenset({"coalesce", "nullif"})
_NAMED: Mapping[str, Function] = {"count": "count", "sum": "sum", "min": "min", "max": "max"}
_ENDS: Mapping[str, Function] = {"arg_min": "first", "arg_max": "last"}


@dataclass
class _Reading:
    relation: str
    alias: str
    schema: Mapping[str, pa.DataType]
    dialect: str
    primitives: dict[Primitive, int] = field(default_factory=dict)
    conditions: dict[str, frozenset[str]] = field(default_factory=dict)
    order: set[str] = field(default_factory=set)

    def column(self, node: exp.Expression) -> str | None:
        """The relation's column that a node is."""
        if not isinstance(node, exp.Column) or node.name not in self.schema or node.table not in ("", self.alias):
            return None
        return node.name

    # --- which rows

    def kept(self, condition: exp.Expression) -> Kept | None:
        low: set[Limit] = set()
        high: set[Limit] = set()
        others: set[str] = set()
        for part in _conjuncts(condition):
            limit = self.limit(part)
            if limit is not None:
                (low if limit[0] else high).add((limit[1], limit[2]))
                continue
            text = self.condition(part)
            if text is None:
                return None
            others.add(text)
        return Kept(frozenset(low), frozenset(high), frozenset(others))

    def limit(self, node: exp.Expression) -> tuple[bool, str, int] | None:
        """`column >= literal` and its like as (whether it is a lower limit, column, limit)."""
        if not isinstance(node, exp.GTE | exp.GT | exp.LT | exp.LTE):
            return None
        column = self.column(node.this)
        value = None if column is None else moment(node.expression, self.schema[column])
        if column is None or value is None:
            return None
        return isinstance(node, exp.GTE | exp.GT), column, value + isinstance(node, exp.GT | exp.LTE)

    def condition(self, node: exp.Expression) -> str | None:
        """Any other condition on the columns of one row, as text without the relation's name."""
        if any(isinstance(n, exp.Query | exp.AggFunc | exp.Window | exp.Placeholder | exp.Star) for n in node.walk()):
            return None
        # A lambda names its argument like a column: what is no column of ours there is one of its own.
        bound = {i.name for n in node.find_all(exp.Lambda) for i in n.expressions}
        used = set()
        for column in node.find_all(exp.Column):
            name = self.column(column)
            if name is None and not (column.table == "" and column.name in bound):
                return None
            if name is not None:
                if name in bound or not _plain(self.schema[name]):
                    return None
                used.add(name)
        copied = node.copy()
        for column in copied.find_all(exp.Column):
            column.set("table", None)
        text = copied.sql(dialect=self.dialect)
        self.conditions[text] = frozenset(used)
        return text

    # --- what of them

    def projection(self, node: exp.Expression, key: str, base: Kept) -> exp.Expression | None:
        """A projection with its aggregates replaced by columns of primitives."""
        if self.column(node) == key:
            return exp.column(key, quoted=True)
        if not isinstance(node, exp.Alias):
            return None
        copied = node.copy()
        for found in [n for n in copied.walk(prune=_is_aggregate) if _is_aggregate(n)]:
            placed_ = self.aggregate(found, base)
            if placed_ is None:
                return None
            found.replace(placed_)
        for inner in copied.walk():
            if isinstance(inner, exp.Column):
                if inner.table != _OURS:
                    return None
            elif isinstance(inner, exp.Anonymous):
                if inner.name.lower() not in _SCALARS:
                    return None
            elif not isinstance(inner, _AROUND):
                return None
        for column in copied.find_all(exp.Column):
            column.set("table", None)
        return copied

    def aggregate(self, node: exp.Expr, base: Kept) -> exp.Expression | None:
        """The column of the primitive that an aggregate is, in the type that the engine would give it."""
        kept: Kept | None = base
        call = node
        if isinstance(node, exp.Filter):
            call = node.this
            kept = self.kept(cast(exp.Expression, node.expression).this)
            kept = None if kept is None else base & kept
        named = _call(call)
        if kept is None or named is None:
            return None
        name, arguments = named
        function = _NAMED.get(name) or _ENDS.get(name)
        if function is None:
            return None
        if function == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
            return self.place(Primitive("count", None, kept), "BIGINT")
        columns = [self.column(a) for a in arguments]
        if len(columns) != (2 if name in _ENDS else 1) or columns[0] is None or None in columns:
            return None
        column, stored = columns[0], self.schema[columns[0]]
        if name in _ENDS:
            self.order.add(cast(str, columns[1]))
            return self.place(Primitive(function, column, kept), None) if _plain(stored) else None
        if function == "count":
            return self.place(Primitive("count", column, kept), "BIGINT")
        if function == "sum":
            total = _sum_type(stored)
            return None if total is None else self.place(Primitive("sum", column, kept), None if _is_cast(node) else total)
        whole = _extreme_type(stored)
        return None if whole is None else self.place(Primitive(function, column, kept), whole)

    def place(self, primitive: Primitive, type_: str | None) -> exp.Expression:
        number = self.primitives.setdefault(primitive, len(self.primitives))
        column = exp.column(placed(number), table=_OURS)
        return column if type_ is None else exp.Cast(this=column, to=exp.DataType.build(type_, dialect="duckdb"))


def _same_unit(stored: pa.DataType, unit: pa.DataType) -> bool:
    types = pa.types
    if types.is_decimal(unit):
        return bool(types.is_decimal(stored) and stored.scale == unit.scale)
    return bool(types.is_signed_integer(stored)) if types.is_integer(unit) else bool(stored == unit)


def _holds(type_: exp.DataType, unit: pa.DataType) -> bool:
    """Whether a type in SQL has every number of 64 bits (a decimal: of WIDTH digits) in some unit."""
    if pa.types.is_decimal(unit):
        digits = [int(size.name) for size in type_.expressions]
        return bool(type_.is_type("decimal")) and len(digits) == 2 and digits[0] >= WIDTH and digits[1] == unit.scale
    if pa.types.is_integer(unit):
        return type_.this in (exp.DType.BIGINT, exp.DType.INT128)
    return type_.this in (_TIMESTAMPS if pa.types.is_timestamp(unit) else (exp.DType.DATE,))


_OURS = "\0"
"""Marks columns of primitives until nothing else is left."""


def _conjuncts(node: exp.Expression) -> Iterator[exp.Expression]:
    """The parts of Kleene's and: it is true where all of them are."""
    stack = [node]
    while stack:
        current = stack.pop()
        while isinstance(current, exp.Paren):
            current = current.this
        if isinstance(current, exp.And):
            stack += [current.expression, current.this]
        elif not (isinstance(current, exp.Boolean) and current.this):
            yield current


_TIMESTAMPS = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ)


def moment(node: exp.Expr, stored: pa.DataType) -> int | None:
    """A date or time literal of the column's own type, as it is stored."""
    if not isinstance(node, exp.Cast) or isinstance(node, exp.TryCast):
        return None
    if not isinstance(node.this, exp.Literal) or not node.this.is_string:
        return None
    try:
        if node.to.is_type("date") and pa.types.is_date32(stored):
            return date.fromisoformat(node.this.name).toordinal() - EPOCH.toordinal()
        if node.to.this in _TIMESTAMPS and stored == pa.timestamp("us"):
            return (datetime.fromisoformat(node.this.name) - EPOCH) // MICROSECOND
    except (ValueError, TypeError):
        return None
    return None


def _call(node: exp.Expr) -> tuple[str, list[exp.Expression]] | None:
    """A call of an aggregate as its name and arguments."""
    match node:
        case exp.Anonymous():
            return node.name.lower(), list(node.expressions)
        case exp.ArgMin() | exp.ArgMax() if node.args.get("count") is None:
            return ("arg_min" if isinstance(node, exp.ArgMin) else "arg_max"), [node.this, node.expression]
        case exp.Count() | exp.Sum() | exp.Min() | exp.Max():
            more = node.expressions
            return (type(node).__name__.lower(), [node.this]) if node.this is not None and not more else None
        case _:
            return None


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.Filter | exp.AggFunc):
        return True
    return isinstance(node, exp.Anonymous) and (node.name.lower() in _NAMED or node.name.lower() in _ENDS)


def _is_cast(node: exp.Expr) -> bool:
    """Whether nothing but a cast to an exact number sees a total, so that its own type makes no difference."""
    above = node.parent
    while isinstance(above, exp.Paren) or _is_coalesced(above):
        above = above.parent  # type: ignore[union-attr]
    return isinstance(above, exp.Cast) and bool(above.to.is_type("decimal", "bigint"))


def _is_coalesced(node: exp.Expr | None) -> bool:
    if isinstance(node, exp.Anonymous):
        others = node.expressions[1:] if node.name.lower() == "coalesce" else []
    else:
        others = node.expressions if isinstance(node, exp.Coalesce) else []
    return len(others) == 1 and isinstance(others[0], exp.Literal) and others[0].name == "0" and not others[0].is_string


def _sum_type(stored: pa.DataType) -> str | None:
    if pa.types.is_signed_integer(stored):
        return "HUGEINT"
    return f"DECIMAL(38, {stored.scale})" if pa.types.is_decimal128(stored) and stored.scale <= WIDTH else None


def _extreme_type(stored: pa.DataType) -> str | None:
    if pa.types.is_decimal128(stored):
        return f"DECIMAL({stored.precision}, {stored.scale})" if stored.scale <= WIDTH else None
    if pa.types.is_date32(stored):
        return "DATE"
    if stored == pa.timestamp("us"):
        return "TIMESTAMP"
    sizes = {pa.int64(): "BIGINT", pa.int32(): "INTEGER", pa.int16(): "SMALLINT", pa.int8(): "TINYINT"}
    return sizes.get(stored)


WIDTH = 18
"""The digits of a decimal that is held in 64 bits."""


def _plain(stored: pa.DataType) -> bool:
    """Whether the engine reads a column from Arrow in the same type as from Parquet."""
    if pa.types.is_list(stored):
        return _plain(stored.value_type)
    types = pa.types
    simple = types.is_signed_integer(stored) or types.is_string(stored) or types.is_boolean(stored) or types.is_date32(stored)
    return bool(simple or types.is_decimal128(stored) or types.is_float64(stored) or stored == pa.timestamp("us"))
