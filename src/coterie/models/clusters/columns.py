"""From a table to a matrix and back to words: how numbers, categories and sets are made comparable, said in the open.

Numbers: a missing one becomes the median; a very skewed one is compared by its logarithm; all are measured from their median in
robust standard deviations. A category becomes a column for each of its levels, rare ones pooled; a set becomes a column for each
item. What is learned is plain JSON, and a row is encoded by it alone: one row gives the same numbers as a million.

The weight γ of a category against a number follows Szepannek, "clustMixType: User-Friendly Clustering of Mixed-Type Data in R"
(The R Journal 10/2, 2018): the mean variance of numbers over the mean chance that two rows differ in a category.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.core.words import counted
from coterie.models.clusters.prototypes import Block, Codes, Floats, Matrix, height, one_hot

SKEWED = 2.0
"""The skewness from which on a number may be compared by its logarithm."""
UNITS = (1.0, 0.3)
"""Units of the logarithm that are tried, in medians: the smaller, the more large numbers are drawn together."""
LEVELS = 12
"""How many levels of a category, or items of a set, have a column of their own."""
RARE = 0.01
"""A level that fewer rows have is pooled with other rare ones."""
SPOKEN = 0.05
"""Where more rows than this have no value in a category, having none is a level."""
ANSWERED = 0.05
"""A column known for fewer rows than this is left out."""
LEARNED_ON = 100_000
"""Values of a number from which its shape and scale are learned."""
MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Number:
    """How a number, a date (in days since 1970) or a time is encoded: ((x or log) − centre) / scale.

    Attributes:
        kind: "number" or "date".
        median: what a missing value becomes, as it was measured.
        unit: 0 where it is compared as it is, else u in sign(x) · log(1 + |x| / u).
        weight: by which the column is stretched: 0 leaves it out.
    """

    name: str
    kind: str
    median: float
    unit: float
    centre: float
    scale: float
    weight: float = 1.0

    @property
    def width(self) -> int:
        return 1

    def bent(self, x: Floats) -> Floats:
        """The number, or its signed logarithm."""
        return np.asarray(np.sign(x) * np.log1p(np.abs(x) / self.unit)) if self.unit else x

    def unbent(self, y: Floats) -> Floats:
        """The number whose bent form this is."""
        return np.asarray(np.sign(y) * np.expm1(np.abs(y)) * self.unit) if self.unit else y


@dataclass(frozen=True, slots=True)
class Category:
    """How a text or a boolean is encoded: a column for each level; what is not among them is `others` where there is such a
    column, and a missing value `missing` where there is such; else it is equally far from all levels."""

    name: str
    kind: str
    levels: tuple[str, ...]
    others: bool
    missing: bool
    gamma: float
    weight: float = 1.0

    @property
    def width(self) -> int:
        return len(self.levels) + self.others + self.missing

    @property
    def words(self) -> tuple[str, ...]:
        """What its columns stand for."""
        return (*self.levels, *(["other"] if self.others else []), *(["missing"] if self.missing else []))


@dataclass(frozen=True, slots=True)
class Items:
    """How a set is encoded: a column for each item. Two sets of average size without a common item are γ apart."""

    name: str
    levels: tuple[str, ...]
    size: float
    gamma: float
    weight: float = 1.0

    @property
    def width(self) -> int:
        return len(self.levels)


Encoded = Number | Category | Items


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a table becomes a matrix: its columns in order, and what was done in words."""

    columns: tuple[Encoded, ...]
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def spans(self) -> tuple[tuple[Encoded, slice], ...]:
        """Each column with the columns of the matrix that it becomes."""
        found, first = [], 0
        for column in self.columns:
            found.append((column, slice(first, first + column.width)))
            first += column.width
        return tuple(found)

    def blocks(self) -> tuple[Block, ...]:
        """The categories among the columns of the matrix."""
        return tuple(
            Block(span.start, span.stop, column.weight * height(column.gamma))
            for column, span in self.spans()
            if isinstance(column, Category)
        )

    def matrix(self, table: pa.Table, dtype: type[np.floating[Any]] = np.float64) -> Matrix:
        """The rows of a table in numbers: n × width, nothing missing. Its order of columns does not matter."""
        out = np.empty((table.num_rows, self.width), dtype)
        for column, span in self.spans():
            out[:, span] = _encoded(column, table[column.name])
        return out

    def nothing_known(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Whether a row has no value in any column."""
        none = np.ones(table.num_rows, bool)
        for column in self.columns:
            none &= pc.is_null(table[column.name], nan_is_null=True).to_numpy()
        return none

    def weighted(self, weights: Sequence[float]) -> "Encoding":
        """The same with other weights, one for each column; a column of weight 0 is left out."""
        kept = [replace(c, weight=float(w)) for c, w in zip(self.columns, weights, strict=True) if w > 0]
        return replace(self, columns=tuple(kept))

    def noting(self, *notes: str) -> "Encoding":
        return replace(self, notes=(*self.notes, *notes))

    def to_json(self) -> dict[str, Any]:
        return {"columns": [asdict(c) | {"is": type(c).__name__} for c in self.columns], "notes": list(self.notes)}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Encoding":
        return Encoding(tuple(_column_from(dict(c)) for c in found["columns"]), tuple(found["notes"]))


def learn(table: pa.Table) -> Encoding:
    """Learn how to encode a table: numbers, booleans, texts, lists of texts, dates and times, with missing values."""
    columns: list[Encoded] = []
    notes: list[str] = []
    for name in table.column_names:
        values = _plain(table[name])
        known = len(values) - values.null_count
        if known < max(2, ANSWERED * len(values)):
            notes.append(f"{name} is left out: {known:,} of {counted(len(values), 'customer')} have one.")
            continue
        made, said = _learned(name, values)
        notes += said
        columns += [made] if made else []
    notes += _of_numbers([column for column in columns if isinstance(column, Number)], table)
    return Encoding(tuple(_balanced(columns, table)), tuple(notes))


def _of_numbers(columns: Sequence[Number], table: pa.Table) -> list[str]:
    """What was done to numbers, all in a sentence or two."""
    missing = {column: int(np.isnan(_floats(table[column.name])).sum()) for column in columns}
    filled = [f"{column.name} ({count:,}: {_shown(column)})" for column, count in missing.items() if count]
    uneven = [column.name for column in columns if column.unit]
    notes = [f"Missing numbers count as the median: {', '.join(filled)}."] if filled else []
    return [*notes, f"Very uneven, so compared by their logarithms: {', '.join(uneven)}."] if uneven else notes


def _shown(column: Number) -> str:
    return str(np.datetime64(round(column.median), "D")) if column.kind == "date" else f"{column.median:,.6g}"


def _learned(name: str, values: pa.ChunkedArray) -> tuple[Encoded | None, list[str]]:
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _learned_items(name, values)
    if pa.types.is_string(kind):
        return _learned_category(name, values, "text")
    if pa.types.is_boolean(kind):
        return _learned_category(name, pc.cast(values, pa.string()), "boolean")
    return _learned_number(name, values)


def _learned_number(name: str, values: pa.ChunkedArray) -> tuple[Encoded | None, list[str]]:
    kind = "date" if pa.types.is_temporal(values.type) else "number"
    all_ = _floats(values)
    x = all_[np.isfinite(all_)]
    if not len(x) or x.min() == x.max():
        return None, [f"{name} is left out: it is the same for everybody."]
    low, high = x.min(), x.max()
    if len(x) > LEARNED_ON:
        some = x[np.random.default_rng(0).integers(0, len(x), LEARNED_ON)]
        two = bool(((some == low) | (some == high)).all()) and bool(((x == low) | (x == high)).all())
        x = np.append(some, (low, high))
    else:
        two = bool(((x == low) | (x == high)).all())
    median = float(np.median(x))
    column = Number(name, kind, median, _unit(x) if kind == "number" and not two else 0.0, 0.0, 1.0)
    centre, scale = _centre_and_scale(column.bent(x))
    if two:
        scale = float(np.ptp(x))  # of two values only, such as 0 and 1, either is as far as another level
    return replace(column, centre=centre, scale=scale), []


def _unit(x: Floats) -> float:
    """The unit of the logarithm that makes a number least skewed, 0 where it is to be taken as it is; a few extremes do not
    decide."""
    x = np.clip(x, *np.quantile(x, [0.005, 0.995]))
    if skewness(x) < SKEWED or np.mean(x < 0) > ANSWERED:
        return 0.0
    middle = float(np.median(np.abs(x[x != 0])))
    units = (0.0, *(float(f"{u * middle:.3g}") for u in UNITS))
    return min(units, key=lambda u: abs(skewness(Number("", "", 0, u, 0, 1).bent(x))))


def skewness(x: Floats) -> float:
    """Fisher's skewness: the third central moment over that of the standard deviation; 0 of a constant."""
    from_mean = x - x.mean()
    spread = float(np.sqrt(np.mean(from_mean**2)))
    return float(np.mean(from_mean**3)) / spread**3 if spread else 0.0


def _centre_and_scale(x: Floats) -> tuple[float, float]:
    """The median, and the standard deviation with values drawn in to the middle 98 %, so that extremes do not move it."""
    low, median, high = (float(q) for q in np.quantile(x, [0.01, 0.5, 0.99]))
    return median, float(np.clip(x, low, high).std()) or float(x.std())


def _learned_category(name: str, values: pa.ChunkedArray, kind: str) -> tuple[Encoded | None, list[str]]:
    n = len(values)
    counts = _counts(values.drop_null())
    kept = tuple(level for level, count in counts[:LEVELS] if count >= max(2, RARE * n))
    pooled = len(counts) - len(kept)
    missing = values.null_count > SPOKEN * n
    if not kept:
        return None, [f"{name} is left out: hardly two customers have the same one ({counted(len(counts), 'value')})."]
    if len(kept) + (pooled > 0) + missing < 2:
        return None, [f"{name} is left out: it is the same for everybody."]
    notes = []
    if pooled:
        notes.append(f"{name} has {counted(len(counts), 'level')}: the {pooled:,} rarest count as one, other.")
    if values.null_count:
        what = "counts as a level, missing" if missing else "says neither for nor against a group"
        notes.append(f"{counted(values.null_count, 'customer has', 'customers have')} no {name}: it {what}.")
    return Category(name, kind, kept, pooled > 0, missing, 1.0), notes


def _learned_items(name: str, values: pa.ChunkedArray) -> tuple[Encoded | None, list[str]]:
    n = len(values)
    counts = _counts(pc.list_flatten(values).drop_null())
    kept = tuple(item for item, count in counts[:LEVELS] if RARE * n <= count < n)
    if not kept:
        return None, [f"{name} is left out: no item is in some of its sets and not in others."]
    notes = [f"{name} has {counted(len(counts), 'item')}: the {len(kept)} commonest count."] if len(kept) < len(counts) else []
    if values.null_count:
        notes.append(f"{counted(values.null_count, 'customer has', 'customers have')} no {name}: taken as a set of nothing.")
    size = sum(count for item, count in counts if item in kept) / n
    return Items(name, kept, max(size, 0.5), 1.0), notes


def _counts(values: pa.ChunkedArray) -> list[tuple[str, int]]:
    """Each value and how often it occurs, the commonest first."""
    found = [(one["values"], one["counts"]) for one in pc.value_counts(values).to_pylist()]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _balanced(columns: Sequence[Encoded], table: pa.Table) -> list[Encoded]:
    """The columns, with the γ that makes a category weigh as much as a number."""
    categories = [(c, _codes(c, _plain(table[c.name]))) for c in columns if isinstance(c, Category)]
    if not categories:
        return list(columns)
    differs = [1 - float(((np.bincount(codes[codes >= 0], minlength=c.width) / len(codes)) ** 2).sum()) for c, codes in categories]
    gamma = round(1 / float(np.mean(differs)), 3)
    return [c if isinstance(c, Number) else replace(c, gamma=gamma) for c in columns]


def _encoded(column: Encoded, values: pa.ChunkedArray) -> Floats:
    values = _plain(values)
    match column:
        case Number():
            x = _floats(values)
            bent = column.bent(np.where(np.isfinite(x), x, column.median))
            return np.asarray((bent - column.centre) / column.scale * column.weight)[:, None]
        case Category():
            codes = _codes(column, values)
            return one_hot(codes, column.width, column.gamma) * column.weight
        case Items():
            return np.asarray(_held(column, values) * (column.weight * np.sqrt(column.gamma / (2 * column.size))))
        case _:
            assert_never(column)


def _codes(column: Category, values: pa.ChunkedArray) -> Codes:
    """The place of each value among the levels; −1 where it has none."""
    texts = pc.cast(values, pa.string())
    codes = pc.index_in(texts, value_set=pa.array(column.levels, pa.string())).to_numpy()
    codes = np.where(np.isnan(codes), -1, codes).astype(np.intp) if codes.dtype.kind == "f" else codes.astype(np.intp)
    none = pc.is_null(texts).to_numpy(zero_copy_only=False) if texts.null_count else np.zeros(len(codes), bool)
    if column.others:
        codes[(codes < 0) & ~none] = len(column.levels)
    if column.missing:
        codes[none] = column.width - 1
    return codes


def _held(column: Items, values: pa.ChunkedArray) -> Floats:
    """1 where a row's set holds the item, else 0: n × items."""
    found = np.zeros((len(values), column.width))
    start = 0
    for chunk in values.chunks:
        place = pc.index_in(chunk.flatten(), value_set=pa.array(column.levels, pa.string()))
        rows = pc.list_parent_indices(chunk).to_numpy(zero_copy_only=False)
        known = pc.is_valid(place).to_numpy(zero_copy_only=False)
        found[start + rows[known], place.drop_null().to_numpy()] = 1
        start += len(chunk)
    return found


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as plain strings and lists of them, whatever way Arrow keeps them."""
    kind = values.type
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(values, pa.string())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pc.cast(values, pa.list_(pa.string()))
    return values


def _floats(values: pa.ChunkedArray) -> Floats:
    """Numbers as floats, dates and times as days since 1970; NaN where missing."""
    if pa.types.is_date(values.type):
        values = pc.cast(pc.cast(values, pa.date32()), pa.int32())
    elif pa.types.is_timestamp(values.type):
        micros = pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64())
        values = pc.divide(pc.cast(micros, pa.float64(), safe=False), float(MICROSECONDS_A_DAY))
    found = pc.cast(values, pa.float64(), safe=False)
    return np.ascontiguousarray(pc.fill_null(found, float("nan")).to_numpy(), np.float64)


def _column_from(found: dict[str, Any]) -> Encoded:
    kind = found.pop("is")
    if "levels" in found:
        found["levels"] = tuple(found["levels"])
    made: Encoded = {"Number": Number, "Category": Category, "Items": Items}[kind](**found)
    return made
