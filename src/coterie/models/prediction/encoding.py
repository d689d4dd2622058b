"""Features of customers as numbers: learned once, kept as plain values, and applied alike to one row and to millions.

In a first step (`codes`) each feature becomes one column of numbers: amounts as they are, dates as days before as_of, texts
as the place of their level. This is what rules, permutations and reasons work on. In a second step (`design`) levels
become columns of their own, or, where a text has many, the smoothed mean of the outcome among customers who have it
(Micci-Barreca: A preprocessing scheme for high-cardinality categorical attributes, SIGKDD Explorations 3, 2001). The rows
that a mean is learned from get the mean of other customers, or else a model would read its own outcome back.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.core.errors import Degenerate, MissingColumn
from coterie.core.words import counted
from coterie.models.prediction.training import Floats, Integers

ONE_HOT = 20
"""A text with more levels than these is encoded by the mean of its outcomes."""
MOST_LEVELS = 1000
RARE = 10
SMOOTHING = 20.0
"""A level's mean counts as many customers of the overall mean in."""
MANY_LEVELS = 1000
DAY = 86_400_000_000

ColumnKind = Literal["number", "date", "flag", "levels", "means", "set"]


@dataclass(frozen=True, slots=True)
class Column:
    """One feature.

    Attributes:
        kind: how it is encoded.
        levels: its texts, the most frequent first; one code each, and one more for all others.
        typical: per code column the median or the most frequent code; NaN where missing is typical.
        others, missing: whether there were others, or missing ones, to learn from.
    """

    name: str
    kind: ColumnKind
    levels: tuple[str, ...] = ()
    typical: tuple[float, ...] = (float("nan"),)
    others: bool = False
    missing: bool = False

    @property
    def width(self) -> int:
        """How many code columns it has."""
        return len(self.levels) if self.kind == "set" else 1

    def codes(self, column: pa.ChunkedArray, as_of: datetime) -> Floats:
        """Its values as numbers, one column or for sets one a level; NaN is missing."""
        if self.kind == "set":
            return _members(column, self.levels)
        if self.kind in ("levels", "means"):
            return _places(column, self.levels)[:, None]
        return _numbers(column, as_of)[:, None]

    def shown(self, code: float) -> str:
        """A code as the value it stands for."""
        if np.isnan(code):
            return "unknown"
        if self.kind in ("levels", "means"):
            return self.levels[int(code)] if int(code) < len(self.levels) else "another"
        if self.kind in ("flag", "set"):
            return "yes" if code else "no"
        if self.kind == "date":
            return f"{code:,.0f} days ago" if code >= 0 else f"in {-code:,.0f} days"
        return f"{code:,.0f}" if code == round(code) or abs(code) >= 1000 else f"{code:,.3g}"

    def to_json(self) -> dict[str, Any]:
        typical = [None if np.isnan(t) else t for t in self.typical]
        return {
            "name": self.name,
            "kind": self.kind,
            "levels": list(self.levels),
            "typical": typical,
            "others": self.others,
            "missing": self.missing,
        }

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Column":
        typical = tuple(float("nan") if t is None else float(t) for t in found["typical"])
        return Column(found["name"], found["kind"], tuple(found["levels"]), typical, found["others"], found["missing"])


Means = Mapping[str, Floats]
"""For each column encoded by means: for each level, others and missing its mean of each outcome."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What was learned about features without their outcome. `notes` says what was dropped or pooled, and why."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()

    def codes(self, table: pa.Table, as_of: datetime) -> Floats:
        """A table as one code column a feature (sets: one a level).

        Raises:
            MissingColumn: a feature is not in the table.
        """
        for column in self.columns:
            if column.name not in table.column_names:
                raise MissingColumn(f"the prediction needs {column.name}, which is not there").of(column.name)
        out = np.empty((table.num_rows, len(self.owners)), order="F")
        start = 0
        for column in self.columns:
            out[:, start : start + column.width] = column.codes(table.column(column.name), as_of)
            start += column.width
        return out

    @property
    def owners(self) -> tuple[str, ...]:
        """The feature that each code column belongs to."""
        return tuple(c.name for c in self.columns for _ in range(c.width))

    @property
    def typical(self) -> Floats:
        return np.asarray([t for c in self.columns for t in c.typical])

    def places(self, name: str) -> list[int]:
        """The code columns of a feature."""
        return [i for i, owner in enumerate(self.owners) if owner == name]

    def without(self, names: Collection[str]) -> "Encoding":
        return Encoding(tuple(c for c in self.columns if c.name not in names), self.notes)

    def kept(self, names: Collection[str]) -> list[int]:
        """The code columns that stay when features are left out."""
        return [i for i, owner in enumerate(self.owners) if owner not in names]

    def design(self, codes: Floats, means: Means) -> Floats:
        """Codes as the matrix that models read; NaN is missing."""
        return self._expanded(codes, lambda name, places: means[name][places])

    def learned(self, codes: Floats, outcomes: Floats, part: Integers) -> tuple[Floats, Means]:
        """The design of rows to be fitted and the means learned from them; `part` says which rows are of the same customer.

        Args:
            outcomes: a column for each outcome whose mean is taken.
        """
        means = {}
        own = {}
        start = 0
        for column in self.columns:
            if column.kind == "means":
                means[column.name], own[column.name] = _means(
                    _slots(codes[:, start], column), outcomes, part, len(column.levels) + 2
                )
            start += column.width
        return self._expanded(codes, lambda name, _: own[name]), means

    def _expanded(self, codes: Floats, mean: Callable[[str, Integers], Floats]) -> Floats:
        pieces: list[Floats] = []
        start = 0
        for column in self.columns:
            found = codes[:, start : start + column.width]
            if column.kind == "levels":
                first = found[:, 0]
                wanted = range(1, len(column.levels) + column.others)
                pieces += [(first == place).astype(np.float64) for place in wanted]
                if column.missing:
                    pieces.append(np.isnan(first).astype(np.float64))
            elif column.kind == "means":
                pieces += list(mean(column.name, _slots(found[:, 0], column)).T)
            else:
                pieces += list(found.T)
            start += column.width
        out = np.empty((len(codes), len(pieces)), order="F")
        for i, piece in enumerate(pieces):
            out[:, i] = piece
        return out

    def to_json(self) -> dict[str, Any]:
        return {"columns": [c.to_json() for c in self.columns], "notes": list(self.notes)}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Encoding":
        return Encoding(tuple(Column.from_json(c) for c in found["columns"]), tuple(found["notes"]))


def learn(tables: Sequence[tuple[pa.Table, datetime]]) -> Encoding:
    """Learn how features are encoded from tables and the instants they are as of; looks at no outcome.

    Raises:
        Degenerate: no feature is left.
    """
    notes: list[str] = []
    columns = []
    for name in tables[0][0].column_names:
        chunks = [(table.column(name), as_of) for table, as_of in tables if name in table.column_names]
        found = _column(name, chunks, notes) if len(chunks) == len(tables) else f"{name} is left out: not every instant has it"
        if isinstance(found, str):
            notes.append(found)
        else:
            columns.append(found)
    if not columns:
        raise Degenerate(
            "no feature is left to predict from" + (f": {'; '.join(notes)}" if notes else ""),
            hint="name features that are known of most customers and differ between them",
        )
    return Encoding(tuple(columns), tuple(notes))


def _column(name: str, chunks: Sequence[tuple[pa.ChunkedArray, datetime]], notes: list[str]) -> Column | str:
    """How one feature is encoded, or why it is left out."""
    n = sum(len(c) for c, _ in chunks)
    missing = sum(c.null_count for c, _ in chunks)
    if missing == n:
        return f"{name} is left out: it is missing for everybody"
    kinds = [c.type for c, _ in chunks if not pa.types.is_null(c.type)]
    type_ = kinds[0].value_type if pa.types.is_dictionary(kinds[0]) else kinds[0]
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _set(name, [c for c, _ in chunks], n, notes)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return _text(name, [c for c, _ in chunks], n, missing, notes)
    timed = pa.types.is_date(type_) or pa.types.is_timestamp(type_)
    number = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    if not (timed or number or pa.types.is_boolean(type_)):
        return f"{name} is left out: nothing is known to predict from {type_} values"
    values = np.concatenate([_numbers(c, as_of) for c, as_of in chunks])
    known = values[~np.isnan(values)]
    if not len(known):
        return f"{name} is left out: it is missing for everybody"
    if known.min() == known.max() and len(known) == n:
        return f"{name} is left out: it is {known[0]:g} for everybody"
    if pa.types.is_integer(type_) and max(len(c) for c, _ in chunks) >= 100 and _is_id(name, np.asarray(_numbers(*chunks[0]))):
        return f"{name} is left out: it looks like an id, different for every customer"
    kind: ColumnKind = "date" if timed else "flag" if pa.types.is_boolean(type_) else "number"
    typical = float(np.median(known)) if 2 * len(known) >= n else float("nan")
    return Column(name, kind, typical=(typical,), missing=len(known) < n)


def _is_id(name: str, values: Floats) -> bool:
    """Whole numbers, all different, that are called an id or lie close together."""
    known = values[~np.isnan(values)]
    if len(np.unique(known)) < len(known) or len(known) < 100:
        return False
    words = name.casefold().replace("-", "_").split("_")
    return words[-1] in ("id", "key", "number", "no") or name.endswith("ID") or bool(np.ptp(known) + 1 <= 1.2 * len(known))


def _text(name: str, chunks: Sequence[pa.ChunkedArray], n: int, missing: int, notes: list[str]) -> Column | str:
    levels, counts = _counted([_texts(c) for c in chunks])
    longest = max(len(c) for c in chunks)
    if len(levels) > max(50, longest // 2):
        return f"{name} is left out: {len(levels):,} different values for {longest:,} customers look like an id or free text"
    if len(levels) == 1 and not missing:
        return f"{name} is left out: it is {levels[0]} for everybody"
    often = counts >= min(RARE, max(2, n // 50))
    kept = tuple(levels[:MOST_LEVELS][often[:MOST_LEVELS]]) or (levels[0],)
    pooled = len(levels) - len(kept)
    if pooled > 1 and (len(levels) > MANY_LEVELS or pooled > ONE_HOT):
        share = 100 * counts[len(kept) :].sum() / n
        notes.append(
            f"{name} has {len(levels):,} different values: {counted(len(kept), 'is used', 'are used')}, the other {pooled:,}"
            f" ({share:.0f} % of the rows) count as one"
        )
    kind: ColumnKind = "levels" if len(kept) + (pooled > 0) <= ONE_HOT else "means"
    typical = 0.0 if counts[0] >= missing else float("nan")
    return Column(name, kind, kept, (typical,), pooled > 0, missing > 0)


def _set(name: str, chunks: Sequence[pa.ChunkedArray], n: int, notes: list[str]) -> Column | str:
    levels, counts = _counted([pc.list_flatten(c) for c in chunks])
    if not len(levels):
        return f"{name} is left out: it is empty for everybody"
    kept = tuple(levels[:ONE_HOT])
    if len(levels) > ONE_HOT:
        notes.append(f"{name} has {len(levels):,} different entries: the {ONE_HOT} most frequent are used")
    return Column(name, "set", kept, tuple(float(c > n / 2) for c in counts[:ONE_HOT]))


def _counted(pieces: Sequence[pa.ChunkedArray]) -> tuple[Any, Integers]:
    """Texts and how often each comes, the most frequent first, ties in the order of the alphabet."""
    totals: dict[str, int] = {}
    for piece in pieces:
        for found in pc.value_counts(piece).to_pylist():
            if found["values"] is not None:
                totals[str(found["values"])] = totals.get(str(found["values"]), 0) + found["counts"]
    order = sorted(totals, key=lambda text: (-totals[text], text))
    return np.asarray(order, dtype=object), np.asarray([totals[text] for text in order], np.int64)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _numbers(column: pa.ChunkedArray, as_of: datetime) -> Floats:
    """Amounts, yes and no, days before as_of; missing and infinite ones as NaN."""
    type_ = column.type
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        # A zone changes how an instant is shown, not its number.
        instants = column.cast(pa.timestamp("us", getattr(type_, "tz", None))).cast(pa.int64())
        numbers = _floats(instants)
        return (_instant(as_of) - numbers) / DAY
    found = _floats(column)
    return np.where(np.isinf(found), np.nan, found)


def _floats(column: pa.ChunkedArray) -> Floats:
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    cast = column if pa.types.is_float64(column.type) else column.cast(pa.float64(), safe=False)
    return np.asarray(cast.to_numpy(), np.float64)


def _instant(as_of: datetime) -> int:
    gone = as_of.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def _places(column: pa.ChunkedArray, levels: tuple[str, ...]) -> Floats:
    """The place of each text among the levels; one further for any other; NaN where missing."""
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    texts = _texts(column)
    found = pc.index_in(texts, value_set=pa.array(levels, pa.string())).fill_null(len(levels))
    places = np.asarray(found.to_numpy(), np.float64)
    if texts.null_count:
        places[np.asarray(texts.is_null().to_numpy(), np.bool_)] = np.nan
    return places


def _members(column: pa.ChunkedArray, levels: tuple[str, ...]) -> Floats:
    """For each level whether a row's set has it; NaN where the set is missing."""
    out = np.zeros((len(column), len(levels)), order="F")
    if pa.types.is_null(column.type):
        out[:] = np.nan
        return out
    rows = np.asarray(pc.list_parent_indices(column.combine_chunks()).to_numpy(), np.int64)
    places = pc.index_in(pc.list_flatten(column).cast(pa.string()), value_set=pa.array(levels, pa.string())).fill_null(-1)
    found = np.asarray(places.to_numpy(), np.int64)
    out[rows[found >= 0], found[found >= 0]] = 1.0
    if column.null_count:
        out[np.asarray(column.is_null().to_numpy(), np.bool_)] = np.nan
    return out


def _slots(codes: Floats, column: Column) -> Integers:
    """Codes as places in a table of means: levels, others, missing."""
    return np.where(np.isnan(codes), len(column.levels) + 1, codes).astype(np.int64)


def _means(slots: Integers, outcomes: Floats, part: Integers, size: int) -> tuple[Floats, Floats]:
    """Smoothed means of each slot, and for each row that of the customers in other parts."""
    parts = int(part.max()) + 1 if len(part) else 1
    cells = slots * parts + part
    n = np.bincount(cells, minlength=size * parts).reshape(size, parts)
    table = np.empty((size, outcomes.shape[1]))
    own = np.empty((len(slots), outcomes.shape[1]))
    for k in range(outcomes.shape[1]):
        total = np.bincount(cells, outcomes[:, k], minlength=size * parts).reshape(size, parts)
        overall = total.sum() / max(n.sum(), 1)
        table[:, k] = (total.sum(1) + SMOOTHING * overall) / (n.sum(1) + SMOOTHING)
        rest, others = total.sum(1, keepdims=True) - total, n.sum(1, keepdims=True) - n
        elsewhere = (total.sum() - total.sum(0)) / np.maximum(n.sum() - n.sum(0), 1)
        crossed = (rest + SMOOTHING * elsewhere) / (others + SMOOTHING)
        own[:, k] = crossed[slots, part]
    return table, own
