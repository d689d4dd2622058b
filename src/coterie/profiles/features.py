"""Memberships and traits side by side as arrays, and their sums over the members of every segment."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from coterie.core.windows import MICROSECOND, local_day
from coterie.engine.engine import Engine
from coterie.language.types import Kind, Type
from coterie.profiles.intervals import Floats
from coterie.segments.bitmaps import CANNOT_TELL, IN, PER_WORD, unpacked
from coterie.segments.membership import BITS
from coterie.traits.batch import KEY, aliased, quoted

CATEGORIES = 20
"""So many values of a text column are compared, the most frequent ones."""
SAMPLE = 10_000
"""A median over at most so many customers is exact; of more, at most so many are looked at, always the same ones."""
POOL = 100_000
"""Those customers are found among so many, chosen by a hash of their key."""
BLOCK = 1 << 16
SMALL_RANGE = 1 << 22
"""Whole numbers within such a range are ranked by counting, others by sorting."""

EPOCH_DAY = date(1970, 1, 1)
EPOCH = datetime.combine(EPOCH_DAY, time())
Bools = npt.NDArray[np.bool_]
Packed = npt.NDArray[np.uint64]
"""Flags, 64 in a word."""
WORDS = 1 << 11
THREADS = 2


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing to compare: the places of its columns among those of each kind of sum.

    A number (or day, or instant) has `number`; a category or a truth has `having`. `middle` was taken off the numbers.
    """

    column: str
    value: str | None
    known: int
    number: int | None = None
    having: int | None = None
    is_day: bool = False
    is_instant: bool = False
    middle: float = 0.0


@dataclass
class Features:
    """All customers: who is in, who cannot be told (one row of flags a segment), and the columns of the features."""

    inside: Bools
    unknown: Bools
    keys: npt.NDArray[np.int64]
    zone: str
    all: list[Feature] = field(default_factory=list)
    known: list[Bools] = field(default_factory=list)
    """The first says of everybody that something is known."""
    numbers: list[Floats] = field(default_factory=list)
    """Less their middle; 0 where not known."""
    ranks: list[Floats] = field(default_factory=list)
    """Among those known, from 1, ties at their mean; 0 where not known."""
    having: list[Packed] = field(default_factory=list)
    sides: dict[int, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]] = field(default_factory=dict)
    """By segment, the rows of members and of others whose medians are taken."""

    def __post_init__(self) -> None:
        rows = self.inside.shape[1]
        self.known.append(np.ones(rows, dtype=np.bool_))
        self.members = self.inside.sum(axis=1)
        self.doubtful: Bools = np.array(self.unknown.any(axis=1))
        self.others = rows - self.members - self.unknown.sum(axis=1)
        self.pool = _pool(self.keys)
        self.sampled = len(self.pool) > SAMPLE

    def add(self, name: str, kind: Kind, column: "_Column") -> None:
        place = self.add_known(column.known)
        if column.numbers is not None and column.ranks is not None:
            timed, instant = kind in (Kind.DATE, Kind.TIMESTAMP), kind is Kind.TIMESTAMP
            self.all.append(Feature(name, None, place, len(self.numbers), None, timed, instant, column.middle))
            self.numbers.append(column.numbers)
            self.ranks.append(column.ranks)
        for value, flags in column.having:
            self.all.append(Feature(name, value, place, having=len(self.having)))
            self.having.append(flags)

    def add_known(self, known: Bools) -> int:
        """The place of a column of flags, which is shared by all that are known of everybody."""
        if known.all():
            return 0
        self.known.append(known)
        return len(self.known) - 1

    def sums(self) -> dict[str, Floats]:
        """Over the members of each segment, and over those out (" out"): segments × columns.

        Counts of `known` and of `having`, and sums of the numbers (`sum`, `square`) and of their `ranks`.
        """
        segments, doubtful = len(self.inside), np.flatnonzero(self.doubtful)
        # The whole stands in the row after the segments, then come those who cannot be told.
        who = [*self.inside, self.known[0], *self.unknown[doubtful]]
        groups = [packed(w) for w in who]
        tables = {"known": _counts(groups, [packed(k) for k in self.known]), "having": _counts(groups, self.having)}
        tables |= self._numbers(who)
        result = {}
        for name, table in tables.items():
            inside, whole = table[:segments], table[segments]
            outside = whole - inside
            outside[doubtful] -= table[segments + 1 :]
            result[name], result[f"{name} out"] = inside, outside
        return result

    def _numbers(self, who: Sequence[Bools]) -> dict[str, Floats]:
        n = len(self.numbers)
        out = np.zeros((len(who), 3 * n))
        for start in range(0, self.inside.shape[1] if n else 0, BLOCK):
            part = slice(start, start + BLOCK)
            flags = np.array([w[part] for w in who], dtype=np.float64)
            values = np.empty((3 * n, flags.shape[1]))
            for i in range(n):
                values[i], values[2 * n + i] = self.numbers[i][part], self.ranks[i][part]
            np.multiply(values[:n], values[:n], out=values[n : 2 * n])
            out += flags @ values.T
        return {"sum": out[:, :n], "square": out[:, n : 2 * n], "ranks": out[:, 2 * n :]}

    def beaten_unknown(self, place: int, f: Feature) -> float:
        """Of the ranks of a segment's members, what they owe to those who cannot be told: the pairs in which they have more."""
        assert f.number is not None
        if not self.doubtful[place]:
            return 0.0
        known, ranks = self.known[f.known], self.ranks[f.number]
        doubt = np.sort(ranks[self.unknown[place] & known])
        if not len(doubt):
            return 0.0
        members = np.sort(ranks[self.inside[place] & known])
        # The fewer are looked up among the more, both in order: much faster than as they come.
        few, many = (members, doubt) if len(members) < len(doubt) else (doubt, members)
        below = float(np.searchsorted(many, few, side="left").sum() + np.searchsorted(many, few, side="right").sum()) / 2
        return below if few is members else len(members) * len(doubt) - below

    def number_of(self, column: str) -> Feature:
        return next(f for f in self.all if f.column == column and f.number is not None)

    def medians(self, place: int, f: Feature) -> tuple[float | date | None, float | date | None]:
        """The medians of members and others."""
        if place not in self.sides:
            inside = self.inside[place]
            outside = ~(inside | self.unknown[place])
            self.sides[place] = (self._some(inside, int(self.members[place])), self._some(outside, int(self.others[place])))
        members, others = self.sides[place]
        return self._median(members, f), self._median(others, f)

    def _some(self, side: Bools, size: int) -> npt.NDArray[np.intp]:
        """The rows of a side whose median is taken."""
        return np.flatnonzero(side) if size <= SAMPLE else self.pool[side[self.pool]][:SAMPLE]

    def _median(self, rows: npt.NDArray[np.intp], f: Feature) -> float | date | None:
        assert f.number is not None
        values = self.numbers[f.number][rows[self.known[f.known][rows]]]
        if not len(values):
            return None
        middle = float(np.median(values)) + f.middle
        if f.is_instant:
            return local_day(EPOCH + int(middle) * MICROSECOND, self.zone)
        return EPOCH_DAY + timedelta(days=int(middle)) if f.is_day else middle


def features(
    engine: Engine,
    segments: Sequence[str],
    order: Sequence[str],
    columns: Mapping[str, Type],
    *,
    table: str,
    zone: str,
    least: int,
) -> Features:
    """Read memberships and columns in one scan, and make them features (see `apart.apart` for the arguments)."""
    used = {name: type_ for name, type_ in columns.items() if type_.kind in READ_AS}
    words = sorted({order.index(s) // PER_WORD for s in segments})
    select = exp.select(quoted(KEY, "b"), *(quoted(f"w{w}", "b") for w in words)).from_(aliased(table, "t"))
    for i, (name, type_) in enumerate(used.items()):
        read: exp.Expression = quoted(name, "t")
        if READ_AS[type_.kind] is not None:
            read = exp.Cast(this=read, to=exp.DataType.build(READ_AS[type_.kind] or ""))
        select = select.select(read.as_(f"c{i}"), copy=False)
    on = exp.EQ(this=quoted(KEY, "t"), expression=quoted(KEY, "b"))
    rows = engine.fetch(select.join(aliased(BITS, "b"), on=on), "what sets segments apart")
    held = {w: _array(rows.column(f"w{w}")) for w in words}
    inside, unknown = (np.zeros((len(segments), rows.num_rows), dtype=np.bool_) for _ in range(2))
    for i, name in enumerate(segments):
        place = order.index(name)
        answers = unpacked(held[place // PER_WORD], place)
        inside[i], unknown[i] = answers == IN, answers == CANNOT_TELL
    out = Features(inside, unknown, _array(rows.column(KEY)), zone)
    with ThreadPoolExecutor(THREADS) as threads:  # what takes long, sorting and encoding, lets others work
        found = threads.map(lambda i: _read(list(used.values())[i].kind, rows.column(f"c{i}"), least), range(len(used)))
        for (name, type_), column in zip(used.items(), found, strict=True):
            out.add(name, type_.kind, column)
    return out


READ_AS: dict[Kind, str | None] = {
    Kind.INTEGER: "BIGINT",
    Kind.MONEY: "DOUBLE",
    Kind.FLOAT: "DOUBLE",
    Kind.DATE: None,
    Kind.TIMESTAMP: None,
    Kind.BOOLEAN: None,
    Kind.TEXT: None,
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as features want it: of whom it is known; its numbers, ranks and middle; or who has which value."""

    known: Bools
    numbers: Floats | None = None
    ranks: Floats | None = None
    middle: float = 0.0
    having: tuple[tuple[str, Packed], ...] = ()


def _read(kind: Kind, column: pa.ChunkedArray, least: int) -> _Column:
    known = np.ones(len(column), dtype=np.bool_) if not column.null_count else _array(pc.is_valid(column))
    match kind:
        case Kind.TEXT:
            return _text(column, known, least)
        case Kind.BOOLEAN:
            return _Column(known, having=(("true", packed(_array(column.fill_null(False)))),))
        case Kind.DATE:
            return _number(column.cast(pa.int32()), known)
        case Kind.TIMESTAMP:
            return _number(column.cast(pa.timestamp("us")).cast(pa.int64()), known)
        case _:
            return _number(column, known)


def _text(column: pa.ChunkedArray, known: Bools, least: int) -> _Column:
    coded = column.combine_chunks().dictionary_encode()
    codes = _array(coded.indices.fill_null(len(coded.dictionary)))
    counts = np.bincount(codes, minlength=len(coded.dictionary) + 1)[:-1]
    values = coded.dictionary.to_pylist()
    frequent = sorted((p for p in np.flatnonzero(counts >= least).tolist()), key=lambda p: (-counts[p], values[p]))
    narrow = codes.astype(np.int16) if len(values) < 1 << 15 else codes
    return _Column(known, having=tuple((values[p], packed(narrow == p)) for p in frequent[:CATEGORIES]))


def _number(column: pa.ChunkedArray, known: Bools) -> _Column:
    raw = _array(column.fill_null(0) if column.null_count else column)
    if raw.dtype.kind == "f":
        finite = np.isfinite(raw)
        if not finite.all():
            known, raw = known & finite, np.where(finite, raw, 0.0)
    if known.all():
        ranks = _ranks(raw)
    else:
        ranks = np.zeros(len(raw))
        ranks[known] = _ranks(raw[known])
    values, n = raw.astype(np.float64), np.count_nonzero(known)
    values[~known] = 0.0
    middle = float(np.floor(values.sum() / n)) if n else 0.0
    values -= middle
    values[~known] = 0.0
    return _Column(known, values, ranks, middle)


def _ranks(values: npt.NDArray[Any]) -> Floats:
    """Ranks from 1, ties at their mean."""
    if not len(values):
        return np.zeros(0)
    if values.dtype.kind == "i":
        low = int(values.min())
        if int(values.max()) - low < SMALL_RANGE:
            codes = values.astype(np.int64) - low
            counts = np.bincount(codes)
            mean: Floats = np.cumsum(counts) - (counts - 1) / 2
            return mean[codes]
    order = np.argsort(values)
    placed = values[order]
    new = np.flatnonzero(np.concatenate([[True], placed[1:] != placed[:-1]]))
    counts = np.diff(np.append(new, len(values)))
    out = np.empty(len(values))
    out[order] = np.repeat(new + (counts + 1) / 2, counts)
    return out


def packed(flags: Bools) -> Packed:
    """Flags as the bits of words; those that fill up the last word are 0."""
    bits = np.packbits(flags)
    out = np.zeros((len(bits) + 7) // 8, dtype=np.uint64)
    out.view(np.uint8)[: len(bits)] = bits
    return out


def _counts(groups: Sequence[Packed], columns: Sequence[Packed]) -> Floats:
    """How many have both flags, of each group and each column; some words at a time, which stay in the processor's cache."""
    out = np.zeros((len(groups), len(columns)), dtype=np.int64)
    for start in range(0, len(groups[0]) if columns else 0, WORDS):
        table = np.stack([c[start : start + WORDS] for c in columns])
        for i, group in enumerate(groups):
            out[i] += np.bitwise_count(table & group[start : start + WORDS]).sum(axis=1, dtype=np.int64)
    return out.astype(np.float64)


def _pool(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows of `POOL` customers in the order of a hash of their keys (splitmix64), whatever the order of the rows."""
    mixed = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    if len(keys) <= POOL:
        return np.argsort(mixed)
    least = np.argpartition(mixed, POOL)[:POOL]
    return least[np.argsort(mixed[least])]


def _array(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    return found
