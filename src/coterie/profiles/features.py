"""Memberships and traits side by side as arrays, and their sums over the members of every segment."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from coterie.core.windows import MICROSECOND, local_day
from coterie.engine.engine import Engine
from coterie.language.types import Kind, Type
from coterie.profiles.intervals import Floats
from coterie.segments.bitmaps import CANNOT_TELL, IN, OUT, PER_WORD, Bytes, byte_of, held, verdicts
from coterie.segments.membership import BITS
from coterie.traits.batch import KEY, aliased, quoted

CATEGORIES = 20
"""So many values of a text column are compared, the most frequent ones."""
SAMPLE = 10_000
"""A median over at most so many customers is exact; of more, at most so many are looked at, always the same ones."""
POOL = 100_000
"""Those customers are found among so many, chosen by a hash of their key."""
BLOCK = 1 << 12
"""Customers whose numbers are multiplied at once: so few stay in the processor's cache."""

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
    drawn: npt.NDArray[np.uint64]
    zone: str
    all: list[Feature] = field(default_factory=list)
    known: list[Bools] = field(default_factory=list)
    """The first says of everybody that something is known."""
    numbers: list[Floats] = field(default_factory=list)
    """Less their middle; 0 where not known."""
    beaten: list[Floats] = field(default_factory=list)
    """Of each number, by segment: the pairs of a member and somebody else in which the member has more, half of the ties."""
    having: list[Packed] = field(default_factory=list)
    sides: dict[int, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]] = field(default_factory=dict)
    """By segment, the rows of members and of others whose medians are taken."""

    def __post_init__(self) -> None:
        rows = self.inside.shape[1]
        self.known.append(np.ones(rows, dtype=np.bool_))
        self.members = self.inside.sum(axis=1)
        self.doubtful: Bools = np.array(self.unknown.any(axis=1))
        self.others = rows - self.members - self.unknown.sum(axis=1)
        self.pool = _pool(self.drawn)
        self.sampled = len(self.pool) > SAMPLE

    def add(self, name: str, kind: Kind, column: "_Column") -> None:
        place = self.add_known(column.known)
        if column.numbers is not None and column.beaten is not None:
            timed, instant = kind in (Kind.DATE, Kind.TIMESTAMP), kind is Kind.TIMESTAMP
            self.all.append(Feature(name, None, place, len(self.numbers), None, timed, instant, column.middle))
            self.numbers.append(column.numbers)
            self.beaten.append(column.beaten)
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

        Counts of `known` and of `having`, and sums of the numbers (`sum`, `square`).
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
        out = np.zeros((len(who), 2 * n))
        for start in range(0, self.inside.shape[1] if n else 0, BLOCK):
            part = slice(start, start + BLOCK)
            flags = np.array([w[part] for w in who], dtype=np.float64)
            values = np.array([number[part] for number in self.numbers])
            out += flags @ np.concatenate([values, values * values]).T
        return {"sum": out[:, :n], "square": out[:, n:]}

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
    bits: str = BITS,
    zone: str,
    least: int,
) -> Features:
    """Read memberships and columns in one scan, and make them features (see `apart.apart` for the arguments)."""
    used = {name: type_ for name, type_ in columns.items() if type_.kind in READ_AS}
    places = [order.index(s) for s in segments]
    words = sorted({place // PER_WORD for place in places})
    digits = exp.Anonymous(this="MD5", expressions=[quoted("customer", "t")])
    drawn = exp.Anonymous(this="SUBSTRING", expressions=[digits, exp.Literal.number(1), exp.Literal.number(16)])
    select = exp.select(drawn.as_("drawn"), *(quoted(f"w{w}", "b") for w in words)).from_(aliased(table, "t"))
    for i, (name, type_) in enumerate(used.items()):
        read: exp.Expression = quoted(name, "t")
        if READ_AS[type_.kind] is not None:
            read = exp.Cast(this=read, to=exp.DataType.build(READ_AS[type_.kind] or ""))
        select = select.select(read.as_(f"c{i}"), copy=False)
    on = exp.EQ(this=quoted(KEY, "t"), expression=quoted(KEY, "b"))
    rows = engine.fetch(select.join(aliased(bits, "b"), on=on), "what sets segments apart")
    answers = Answers.read(rows, places)
    inside, unknown = (np.zeros((len(segments), rows.num_rows), dtype=np.bool_) for _ in range(2))
    for i, told in enumerate(answers):
        inside[i], unknown[i] = told == IN, told == CANNOT_TELL
    out = Features(inside, unknown, _numbers(rows.column("drawn")), zone)
    with ThreadPoolExecutor(THREADS) as threads:  # what takes long, sorting and counting, lets others work
        kinds = [type_.kind for type_ in used.values()]
        found = threads.map(lambda i: _read(kinds[i], rows.column(f"c{i}"), least, answers), range(len(used)))
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
class Answers:
    """Everybody's verdicts on some segments, as bytes that hold those on up to four.

    Attributes:
        held: the bytes; places: of each segment, which of them hold its verdicts, and its place among all segments.
    """

    held: Sequence[Bytes]
    places: Sequence[tuple[int, int]]

    @classmethod
    def read(cls, rows: pa.Table, places: Sequence[int]) -> "Answers":
        """The segments at some places among all, out of their words `w0`, `w1` …"""
        columns: dict[tuple[int, int], Bytes] = {}
        for place in places:
            if byte_of(place) not in columns:
                columns[byte_of(place)] = np.ascontiguousarray(held(_array(rows.column(f"w{place // PER_WORD}")), place))
        found = list(columns)
        return cls(list(columns.values()), [(found.index(byte_of(place)), place) for place in places])

    def of(self, rows: npt.NDArray[np.intp]) -> "Answers":
        """Those of some customers, in their order."""
        return Answers([column.take(rows) for column in self.held], self.places)

    def __iter__(self) -> Iterator[Bytes]:
        """Everybody's verdict on each segment."""
        return (verdicts(self.held[column], place) for column, place in self.places)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as features want it: of whom it is known; its numbers, who beats whom by them, and their middle; or who has
    which value."""

    known: Bools
    numbers: Floats | None = None
    beaten: Floats | None = None
    middle: float = 0.0
    having: tuple[tuple[str, Packed], ...] = ()


def _read(kind: Kind, column: pa.ChunkedArray, least: int, answers: Answers) -> _Column:
    known = np.ones(len(column), dtype=np.bool_) if not column.null_count else _array(pc.is_valid(column))
    match kind:
        case Kind.TEXT:
            return _text(column, known, least)
        case Kind.BOOLEAN:
            return _Column(known, having=(("true", packed(_array(column.fill_null(False)))),))
        case Kind.DATE:
            return _number(column.cast(pa.int32()), known, answers)
        case Kind.TIMESTAMP:
            return _number(column.cast(pa.timestamp("us")).cast(pa.int64()), known, answers)
        case _:
            return _number(column, known, answers)


def _text(column: pa.ChunkedArray, known: Bools, least: int) -> _Column:
    coded = column.combine_chunks().dictionary_encode()
    codes = _array(coded.indices.fill_null(len(coded.dictionary)))
    counts = np.bincount(codes, minlength=len(coded.dictionary) + 1)[:-1]
    values = coded.dictionary.to_pylist()
    frequent = sorted((p for p in np.flatnonzero(counts >= least).tolist()), key=lambda p: (-counts[p], values[p]))
    narrow = codes.astype(np.int16) if len(values) < 1 << 15 else codes
    return _Column(known, having=tuple((values[p], packed(narrow == p)) for p in frequent[:CATEGORIES]))


def _number(column: pa.ChunkedArray, known: Bools, answers: Answers) -> _Column:
    raw = _array(column.fill_null(0) if column.null_count else column)
    if raw.dtype.kind == "f":
        finite = np.isfinite(raw)
        if not finite.all():
            known, raw = known & finite, np.where(finite, raw, 0.0)
    values, n = raw.astype(np.float64), np.count_nonzero(known)
    values[~known] = 0.0
    middle = float(np.floor(values.sum() / n)) if n else 0.0
    values -= middle
    values[~known] = 0.0
    return _Column(known, values, _beaten(raw, known, answers), middle)


def _beaten(values: npt.NDArray[Any], known: Bools, answers: Answers) -> Floats:
    """By segment, the pairs of a member and one of the others in which the member has more, half of the ties counted.

    Everybody of whom a value is known is laid out in its order. How many of them up to each different value are members, and
    how many are others, then draws a curve (the ROC curve), and the area beside it is the number of pairs.
    """
    rows = np.flatnonzero(known)
    rows = rows[np.argsort(values[rows])]
    placed = values[rows]
    ends = np.append(np.flatnonzero(placed[1:] != placed[:-1]) + 1, len(rows))
    bounds = np.concatenate([[0], ends])
    segments, laid = len(answers.places), answers.of(rows)
    flags = np.zeros((2 * segments, len(rows) // 64 + 1), dtype="<u8")
    for i, told in enumerate(laid):
        flags[i], flags[segments + i] = packed(told == IN), packed(told == OUT)
    ones = np.bitwise_count(flags)
    before = np.cumsum(ones, axis=1, dtype=np.int64) - ones
    beaten = np.zeros(segments, np.int64)
    for start in range(0, len(ends), BLOCK):
        word, bit = np.divmod(bounds[start : start + BLOCK + 1], 64)
        below = (np.uint64(1) << bit.astype(np.uint64)) - np.uint64(1)
        upto = before.take(word, axis=1) + np.bitwise_count(flags.take(word, axis=1) & below)
        members, others = upto[:segments], upto[segments:]
        beaten += (np.diff(members) * (others[:, 1:] + others[:, :-1])).sum(axis=1)
    return beaten / 2


def packed(flags: Bools) -> Packed:
    """Flags as the bits of words, the first in the lowest; there is room for one more, and what fills up the last word is 0."""
    bits = np.packbits(flags, bitorder="little")
    out = np.zeros(len(flags) // 64 + 1, dtype="<u8")
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


def _numbers(digits: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """A number for each text of 16 hexadecimal digits."""
    if not len(digits):
        return np.zeros(0, np.uint64)
    texts = pa.concat_arrays(digits.chunks)
    end = texts.offset + len(texts)
    halves = np.frombuffer(texts.buffers()[2], np.uint64, 2 * end).reshape(-1, 2)[texts.offset :]
    return cast(npt.NDArray[np.uint64], halves[:, 0] * np.uint64(0x9E3779B97F4A7C15) + halves[:, 1])


def _pool(drawn: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The rows of `POOL` customers in the order of a hash of their ids (splitmix64), whatever numbers or rows they have."""
    mixed = drawn + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    if len(mixed) <= POOL:
        return np.argsort(mixed)
    least = np.argpartition(mixed, POOL)[:POOL]
    return least[np.argsort(mixed[least])]


def _array(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    return found
