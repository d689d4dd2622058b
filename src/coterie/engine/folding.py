"""Grouped scans over rows that lie sorted by the group, answered in one pass.

Where the rows of a group lie together and in the order of their time, a window of time is a stretch of each group. So a total
is the difference of two running totals, whatever the window, a count the difference of two places, and an extreme is folded
over the stretch: each column is decoded and summed up once for all windows and for all scans that are asked together. Chunks
of rows are folded on their own, by several threads, and groups that lie over several chunks are merged.

Everything is exact: sums are of integers (decimals are scaled integers). What could leave 64 bits, and rows that do not lie
as they should, raise `NotFolded`; then the query is answered as it stands.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa

from coterie.engine.scans import WIDTH, Function, Kept, Limit, Primitive, Scan, placed

Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
Truths = np.ndarray[tuple[int], np.dtype[np.bool_]]
Values = np.ndarray[tuple[int], np.dtype[Any]]
Evaluate = Callable[[pa.Table, Sequence[str]], list[pa.Array]]
"""Conditions in SQL over a table, one array of true, false or NULL for each, in the order of the rows."""

LARGEST = 10**WIDTH
"""Totals stay below it: they fit into 64 bits and into a decimal of 64 bits."""


class NotFolded(Exception):
    """These rows, or these values, cannot be folded; the query itself has an answer."""


class Rows(Protocol):
    """Rows in chunks, sorted by the key."""

    @property
    def schema(self) -> Mapping[str, pa.DataType]: ...

    @property
    def chunks(self) -> int: ...

    def read(self, chunk: int, columns: Sequence[str]) -> pa.Table:
        """Some columns of a chunk, each in one piece; text may come as a dictionary. Called from several threads."""

    def span(self, chunk: int, column: str) -> tuple[int, int] | None:
        """The smallest and largest value of a column of dates or times without NULL, as stored, where that is known."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Some groups of a scan.

    Attributes:
        keys: sorted; `appear`: how many rows make each group appear.
        found: of each primitive the values, and where they are known (None: everywhere); or an array with NULL.
    """

    keys: Integers
    appear: Integers
    found: tuple[Any, ...]

    def places(self, keys: Integers) -> tuple[Integers, Truths | None]:
        """Where keys (sorted) are among the groups, and which of them are there (None: all)."""
        first, last = int(self.keys[0]), int(self.keys[-1])
        if last - first < len(self.keys):  # no number is left out
            places = keys - first
            inside = first <= keys[0] and keys[-1] <= last
            return (places, None) if inside else (np.clip(places, 0, last - first), (keys >= first) & (keys <= last))
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        here = self.keys[places] == keys
        return places, None if here.all() else here


@dataclass(frozen=True, slots=True)
class Folded:
    """What a scan was folded to: groups in the order of their keys, part by part; also such as do not appear in it."""

    scan: Scan
    schema: pa.Schema
    parts: list[Groups]

    def table(self) -> pa.Table:
        """The key and the primitives (p0, p1 …), a row for each group that appears."""
        return pa.Table.from_batches([_batch(self.schema, part) for part in self.parts], self.schema)

    def at(self, keys: Integers, primitives: Sequence[int]) -> list[tuple[Values, Truths]]:
        """Primitives that are numbers for some keys (sorted): the values, and where they are known.

        Counts and totals are 0 where nothing was kept, extremes anything; of counts it is known who appears at all.
        """
        out: list[tuple[Values, Truths]] = []
        for primitive in primitives:
            width = self.schema.field(1 + primitive).type.bit_width // 8
            out.append((np.zeros(len(keys), f"i{width}"), np.zeros(len(keys), np.bool_)))
        cuts = [0, *np.searchsorted(keys, [part.keys[0] for part in self.parts[1:]]), len(keys)]
        for part, start, stop in zip(self.parts, cuts, cuts[1:], strict=False):
            if start == stop:
                continue
            places, here = part.places(keys[start:stop])
            missing = None if here is None else np.flatnonzero(~here)
            for primitive, (values, known) in zip(primitives, out, strict=True):
                found = part.found[primitive]
                theirs, told = found if isinstance(found, tuple) else (found, None)
                np.take(theirs, places, out=values[start:stop], mode="clip")
                known[start:stop] = True if told is None else told[places]
                if missing is not None:
                    values[start:stop][missing], known[start:stop][missing] = 0, False
        return out


def fold(scans: Sequence[Scan], rows: Rows, evaluate: Evaluate, threads: int = 1) -> list[Folded]:
    """The groups and primitives of each of several scans over the same rows, in one pass.

    Scans may differ in their limits and in what they take. Each further limit costs one addition a group, each further
    aggregate one or two look-ups a group (an extreme: one step a row).

    Returns:
        For each scan its groups. Counts are INT32, totals and extremes 64 bits.

    Raises:
        NotFolded: the rows do not lie sorted, or something does not fit into 64 bits.
    """
    plan = _Plan(scans, rows)
    out = [Folded(scan, _schema(plan, scan), []) for scan in scans]
    for part in _merged(plan, _parts(plan, evaluate, threads)):
        for folded in out:
            found = tuple(part.found[p] for p in folded.scan.primitives)
            folded.parts.append(Groups(part.keys, part.found[plan.appearing[folded.scan.base]], found))
    return out


class _Plan:
    """What is to be worked out of each chunk."""

    def __init__(self, scans: Sequence[Scan], rows: Rows):
        self.rows = rows
        self.key = scans[0].key
        self.appearing = {scan.base: Primitive("count", None, scan.base) for scan in scans}
        wanted = [*self.appearing.values(), *(p for s in scans for p in s.primitives)]
        self.primitives = sorted(set(wanted), key=wanted.index)
        self.conditions = {text: columns for s in scans for text, columns in s.conditions.items()}
        self.order = frozenset(c for s in scans for c in s.order)
        self.limits: dict[str, list[int]] = {}
        limits = {limit for p in self.primitives for limit in p.kept.low | p.kept.high}
        for column, value in sorted(limits):
            self.limits.setdefault(column, []).append(value)
        self.read = {self.key, *self.order}
        self.read |= {p.column for p in self.primitives if p.column is not None}
        self.read |= {c for columns in self.conditions.values() for c in columns}


# --- one chunk


@dataclass
class _Part:
    """The groups of a chunk: keys, and per primitive a count, (values, known), or picked values; for order columns, the
    first and last value."""

    keys: Integers
    found: dict[Primitive, Any]
    ends: dict[str, tuple[int, int]]
    rows: int


def _parts(plan: _Plan, evaluate: Evaluate, threads: int) -> Iterator[_Part]:
    """The chunks, folded, in their order."""
    truths = _Truths(evaluate)

    def one(chunk: int) -> _Part | None:
        return _folded(plan, chunk, truths)

    if threads <= 1 or plan.rows.chunks <= 1:
        yield from (part for part in map(one, range(plan.rows.chunks)) if part is not None)
        return
    with ThreadPoolExecutor(min(threads, plan.rows.chunks)) as pool:
        try:
            yield from (part for part in pool.map(one, range(plan.rows.chunks)) if part is not None)
        finally:
            pool.shutdown(cancel_futures=True)


def _folded(plan: _Plan, number: int, truths: "_Truths") -> _Part | None:
    decided: dict[Limit, bool] = {}
    for column, limits in plan.limits.items():
        span = plan.rows.span(number, column)
        if span is not None:
            decided.update({(column, limit): limit <= span[0] for limit in limits if not span[0] < limit <= span[1]})
    compared = {c for c, limits in plan.limits.items() if any((c, limit) not in decided for limit in limits)}
    table = plan.rows.read(number, sorted(plan.read | compared))
    if not table.num_rows:
        return None
    chunk = _Chunk(plan, table, decided, truths.of(table, plan.conditions))
    return _Part(chunk.keys, {p: chunk.primitive(p) for p in plan.primitives}, chunk.ordered(), int(chunk.sizes.max()))


Mask = frozenset[str | tuple[str, str, int]]
"""What a row must meet: conditions, limits on columns that do not rise within the groups, and columns that must be known."""


class _Chunk:
    """A chunk of rows with what has been worked out of it so far."""

    def __init__(self, plan: _Plan, table: pa.Table, decided: Mapping[Limit, bool], truths: Mapping[str, Truths]):
        self.plan, self.table, self.decided, self.truths = plan, table, decided, truths
        self.n = table.num_rows
        self.columns: dict[str, tuple[Integers, Truths | None]] = {}
        self.rising_: dict[str, bool] = {}
        self.largest_: dict[str, int] = {}
        self.places: dict[Limit, Integers] = {}
        self.masks: dict[Mask, Truths | None] = {frozenset(): None}
        self.running: dict[tuple[str | None, Mask], Integers] = {}
        self.spans: dict[Kept, tuple[Integers, Integers, Mask]] = {}
        self.totals: dict[tuple[str | None, Mask, int], Integers] = {}
        self.counts: dict[tuple[Kept, Mask], Integers] = {}
        self.doubled: dict[tuple[Function, str, Mask], Levels] = {}
        self.having: dict[tuple[Kept, Mask], Truths | None] = {}
        key, known = self.column(plan.key)
        if known is not None or (key[1:] < key[:-1]).any():
            raise NotFolded(f"the rows do not lie sorted by {plan.key}")
        self.same = key[1:] == key[:-1]
        self.starts: Integers = np.concatenate(([0], np.flatnonzero(~self.same) + 1))
        self.stops: Integers = np.append(self.starts[1:], self.n)
        self.keys = key[self.starts]
        self.sizes = self.stops - self.starts
        self.groups = len(self.starts)
        for column, limits in plan.limits.items():
            self.place(column, limits)

    @cached_property
    def group(self) -> Integers:
        """The number of each row's group."""
        return np.repeat(np.arange(self.groups), self.sizes)

    def column(self, name: str) -> tuple[Integers, Truths | None]:
        """A column as integers (0 where it is NULL), and where it is known (None: everywhere)."""
        if name not in self.columns:
            self.columns[name] = integers(self.table.column(name).chunk(0))
        return self.columns[name]

    def largest(self, name: str) -> int:
        """The largest amount in a column, without its sign."""
        if name not in self.largest_:
            values, _ = self.column(name)
            self.largest_[name] = max(int(values.max()), -int(values.min()))
        return self.largest_[name]

    def rising(self, name: str) -> bool:
        """Whether a column never falls within a group, nor is NULL."""
        if name not in self.rising_:
            values, known = self.column(name)
            self.rising_[name] = known is None and not ((values[1:] < values[:-1]) & self.same).any()
        return self.rising_[name]

    def ordered(self) -> dict[str, tuple[int, int]]:
        ends = {}
        for name in self.plan.order:
            if not self.rising(name):
                raise NotFolded(f"the rows of a group do not lie sorted by {name}")
            values, _ = self.column(name)
            ends[name] = int(values[0]), int(values[-1])
        return ends

    # --- which rows

    def place(self, column: str, limits: Sequence[int]) -> None:
        """Where in each group the rows begin whose value reaches a limit, where the column rises."""
        open_ = []
        for limit in limits:
            if (column, limit) in self.decided:
                self.places[column, limit] = self.starts if self.decided[column, limit] else self.stops
            else:
                open_.append(limit)
        if not open_ or not self.rising(column):
            return
        values, _ = self.column(column)
        # How many limits each row reaches; rows of the same number are counted by group, and the counts added up.
        reached = _reached(values, open_)
        cells = reached * self.groups
        cells += self.group
        counted = np.bincount(cells, minlength=(len(open_) + 1) * self.groups).reshape(len(open_) + 1, self.groups)
        place = self.starts
        for limit, below in zip(open_, counted[:-1], strict=True):
            place = place + below
            self.places[column, limit] = place

    def span(self, kept: Kept) -> tuple[Integers, Integers, Mask]:
        """The stretch of each group in which the kept rows lie, and what else they must meet."""
        if kept not in self.spans:
            lows: list[Integers] = []
            highs: list[Integers] = []
            mask: set[str | tuple[str, str, int]] = set(kept.conditions)
            for side, limits, out in (("low", kept.low, lows), ("high", kept.high, highs)):
                for limit in limits:
                    if limit in self.places:
                        out.append(self.places[limit])
                    else:
                        mask.add((side, *limit))
            first = _all(np.maximum, lows, self.starts)
            last = _all(np.minimum, highs, self.stops)
            if lows and highs and first is not self.starts and last is not self.stops:
                last = np.maximum(first, last)
            self.spans[kept] = first, last, frozenset(mask)
        return self.spans[kept]

    def mask(self, mask: Mask) -> Truths | None:
        """The rows that meet everything; None for all."""
        if mask not in self.masks:
            truths = [self.truth(part) for part in mask]
            self.masks[mask] = truths[0] if len(truths) == 1 else np.logical_and.reduce(truths)
        return self.masks[mask]

    def truth(self, part: str | tuple[str, str, int]) -> Truths:
        if isinstance(part, str):
            return self.truths[part]
        side, column, limit = part
        if side == "known":
            return np.asarray(self.table.column(column).chunk(0).is_valid())
        values, known = self.column(column)
        met = values >= limit if side == "low" else values < limit
        return met if known is None else met & known

    # --- what of them

    def run(self, column: str | None, mask: Mask) -> Integers:
        """The running total of a column, or the running number of rows, over the rows that meet a mask; from 0 on.

        It may leave 64 bits: the difference of two of its values is right where a group's total fits.
        """
        if (column, mask) not in self.running:
            met = self.mask(mask)
            total = np.zeros(self.n + 1, np.int64)
            if column is None:
                np.cumsum(cast(Truths, met), out=total[1:])
            else:
                values, _ = self.column(column)
                np.cumsum(values if met is None else values * met, out=total[1:])
            self.running[column, mask] = total
        return self.running[column, mask]

    def run_at(self, column: str | None, mask: Mask, place: Integers) -> Integers:
        """A running total at the places where stretches begin or end. Many windows share these, above all the ends."""
        key = column, mask, id(place)
        if key not in self.totals:
            self.totals[key] = self.run(column, mask)[place]
        return self.totals[key]

    def counted(self, kept: Kept, mask: Mask) -> Integers:
        """How many rows of each group are kept and meet a mask."""
        if (kept, mask) not in self.counts:
            first, last, _ = self.span(kept)
            start, stop = (self.run_at(None, mask, first), self.run_at(None, mask, last)) if mask else (first, last)
            self.counts[kept, mask] = (stop - start).astype(np.int32)
        return self.counts[kept, mask]

    def some(self, kept: Kept, mask: Mask) -> Truths | None:
        """Which groups have such a row; None for all."""
        if (kept, mask) not in self.having:
            some = self.counted(kept, mask) > 0
            self.having[kept, mask] = None if some.all() else some
        return self.having[kept, mask]

    def primitive(self, primitive: Primitive) -> Any:
        first, last, mask = self.span(primitive.kept)
        column, function = primitive.column, primitive.function
        if column is None:
            return self.counted(primitive.kept, mask).copy()
        if self.table.column(column).null_count:
            mask |= {("known", column, 0)}
        if function == "count":
            return self.counted(primitive.kept, mask).copy()
        if function in ("first", "last"):
            return self.picked(function, column, first, last, mask)
        some = self.some(primitive.kept, mask)
        known = None if some is None else some.copy()
        if function == "sum":
            if self.largest(column) * int(self.sizes.max()) >= LARGEST:
                raise NotFolded(f"the total of {column} may not fit into 64 bits")
            return self.run_at(column, mask, last) - self.run_at(column, mask, first), known
        return self.extreme(function, column, first, last, mask), known

    def extreme(self, function: Function, column: str, first: Integers, last: Integers, mask: Mask) -> Integers:
        values, _ = self.column(column)
        if pa.types.is_decimal(self.plan.rows.schema[column]) and self.largest(column) >= LARGEST:
            raise NotFolded(f"{column} has values that do not fit into 64 bits")
        least = function == "min"
        if not mask and pa.types.is_temporal(self.plan.rows.schema[column]) and self.rising(column):
            at = np.minimum(first, self.n - 1) if least else np.maximum(last, 1) - 1
            return cast(Integers, values[at])
        fold_ = np.minimum if least else np.maximum
        key = function, column, mask
        if key not in self.doubled:
            met = self.mask(mask)
            if met is not None:
                values = np.where(met, values, np.iinfo(np.int64).max if least else np.iinfo(np.int64).min)
            self.doubled[key] = _doubled(fold_, values, int(self.sizes.max()))
        return _over_stretches(fold_, self.doubled[key], first, last)

    def picked(self, function: Function, column: str, first: Integers, last: Integers, mask: Mask) -> pa.Array:
        """The value of the first or last kept row of each group, NULL where none is kept."""
        met = self.mask(mask)
        at = first if function == "first" else last - 1
        if met is not None:
            rows = np.arange(self.n)
            if function == "first":
                following = np.minimum.accumulate(np.where(met, rows, self.n)[::-1])[::-1]
                at = following[np.minimum(first, self.n - 1)]
            else:
                at = np.maximum.accumulate(np.where(met, rows, -1))[np.maximum(last, 1) - 1]
        none = (at < first) | (at >= last)
        taken = self.table.column(column).chunk(0).take(pa.array(at, mask=none))
        return taken.dictionary_decode() if pa.types.is_dictionary(taken.type) else taken


def _all(function: np.ufunc, places: Sequence[Integers], none: Integers) -> Integers:
    """The narrowest of several places."""
    narrower = [p for p in places if p is not none]
    if not narrower:
        return none
    out = narrower[0]
    for other in narrower[1:]:
        out = function(out, other)
    return out


def _reached(values: Integers, limits: Sequence[int]) -> Integers:
    """How many of the limits (sorted) each value reaches."""
    if len(limits) == 1:
        return (values >= limits[0]).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low < 4 * len(values):
        table = np.searchsorted(np.array(limits), np.arange(low, high + 1), side="right")
        return table[values - low]
    return np.searchsorted(np.array(limits), values, side="right")


Levels = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def _doubled(function: np.ufunc, values: Integers, longest: int) -> Levels:
    """Row k holds the fold of the 2 ** k values from each place on, up to the longest stretch that is asked for."""
    out: Levels = np.empty((longest.bit_length(), len(values)), np.int64)
    out[0] = values
    for k in range(1, len(out)):
        half = 1 << (k - 1)
        out[k] = out[k - 1]
        function(out[k - 1, :-half], out[k - 1, half:], out=out[k, :-half])
    return out


def _over_stretches(function: np.ufunc, doubled: Levels, first: Integers, last: Integers) -> Integers:
    """The fold of values[first:last] for each stretch: of two, each half of it or more, that cover it. Anything where it is
    empty."""
    levels, rows = doubled.shape
    lengths = last - first
    powers = np.repeat(np.arange(levels), [2, *(1 << np.arange(1, levels))])  # by length; the last reaches beyond the longest
    row, half = (powers * rows)[lengths], (1 << powers)[lengths]
    # Only empty stretches, which have no place of their own, reach beyond either end.
    starts = np.minimum(row + first, doubled.size - 1)
    seconds = np.maximum(row + last - half, 0)
    flat = doubled.reshape(-1)
    return cast(Integers, function(flat[starts], flat[seconds]))


def stored(array: pa.Array) -> Integers:
    """A column as the integers that Arrow stores; anything where it is NULL."""
    type_, n, offset = array.type, len(array), array.offset
    data = array.buffers()[1]
    if not pa.types.is_decimal128(type_):
        return np.frombuffer(data, f"i{type_.bit_width // 8}")[offset : offset + n]
    words = np.frombuffer(data, np.int64).reshape(-1, 2)[offset : offset + n]
    if type_.precision > WIDTH:
        fits = words[:, 1] == words[:, 0] >> 63
        if not (fits if not array.null_count else fits | ~np.asarray(array.is_valid())).all():
            raise NotFolded("a decimal does not fit into 64 bits")
    return words[:, 0]


def integers(array: pa.Array) -> tuple[Integers, Truths | None]:
    """A column as 64-bit integers, 0 where it is NULL, and where it is known."""
    known = None if not array.null_count else np.asarray(array.is_valid())
    values = np.ascontiguousarray(stored(array), np.int64)
    if known is not None:
        values = np.where(known, values, 0)
    return values, known


class _Truths:
    """Conditions over rows. One that reads a single column stored as a dictionary is asked of the dictionary."""

    def __init__(self, evaluate: Evaluate):
        self.evaluate = evaluate
        self.known: dict[str, dict[object, tuple[bool, ...]]] = {}

    def of(self, table: pa.Table, conditions: Mapping[str, frozenset[str]]) -> dict[str, Truths]:
        by_column: dict[str, list[str]] = {}
        others = []
        for text, columns in conditions.items():
            name = next(iter(columns)) if len(columns) == 1 else ""
            if name and pa.types.is_dictionary(table.schema.field(name).type):
                by_column.setdefault(name, []).append(text)
            else:
                others.append(text)
        out: dict[str, Truths] = {}
        if others:
            read = sorted({c for text in others for c in conditions[text]}) or table.column_names[:1]
            out.update(self.asked(table.select(read), others))
        for name, texts in by_column.items():
            array = table.column(name).chunk(0)
            codes = array.indices.fill_null(len(array.dictionary)).to_numpy(zero_copy_only=False)
            for text, truths in self.of_values(name, array.dictionary, texts).items():
                out[text] = truths[codes]
        return out

    def of_values(self, name: str, values: pa.Array, texts: list[str]) -> dict[str, Truths]:
        """The truth for each value and, last, for NULL; values that were met before are not asked again."""
        table = pa.table({name: pa.concat_arrays([values, pa.nulls(1, values.type)])})
        if len(values) > MOST_KEPT:
            return self.asked(table, texts)
        known = self.known.setdefault(name, {})
        met = table.column(name).to_pylist()
        new = [i for i, value in enumerate(met) if value not in known]
        if new:
            found = self.asked(table.take(new), texts)
            known.update({met[i]: tuple(bool(found[text][n]) for text in texts) for n, i in enumerate(new)})
        return {text: np.array([known[value][i] for value in met]) for i, text in enumerate(texts)}

    def asked(self, table: pa.Table, texts: list[str]) -> dict[str, Truths]:
        arrays = self.evaluate(table, texts)
        return {
            text: np.asarray(a.fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
            for text, a in zip(texts, arrays, strict=True)
        }


MOST_KEPT = 1000
"""The values of dictionaries that are no larger are remembered."""


# --- chunk by chunk


def _merged(plan: _Plan, parts: Iterable[_Part]) -> Iterator[_Part]:
    """Parts whose groups are all different: one that begins with the group that the part before ends with takes it over."""
    before: _Part | None = None
    spanning = 0
    for part in parts:
        if before is not None:
            last = int(before.keys[-1])
            if part.keys[0] < last:
                raise NotFolded(f"the rows do not lie sorted by {plan.key}")
            if part.keys[0] == last:
                spanning += max(before.rows, part.rows)
                if any(part.ends[c][0] < before.ends[c][1] for c in plan.order) or spanning >= MOST_ROWS:
                    raise NotFolded(f"the rows of group {last} do not lie sorted, or are too many")
                for primitive, found in part.found.items():
                    part.found[primitive] = _taken_over(primitive, before.found[primitive], found)
                before = _Part(before.keys[:-1], {p: _without_last(f) for p, f in before.found.items()}, {}, 0)
            else:
                spanning = 0
            if len(before.keys):
                yield before
        before = part
    if before is not None:
        yield before


MOST_ROWS = 2**31 - 1
"""The rows of a group: they are counted in 32 bits."""


def _without_last(found: Any) -> Any:
    if isinstance(found, tuple):
        return found[0][:-1], None if found[1] is None else found[1][:-1]
    return found[:-1]


def _taken_over(primitive: Primitive, before: Any, found: Any) -> Any:
    """What was found of a chunk, with the last group before merged into its first one."""
    if isinstance(found, pa.Array):
        theirs = before[-1:]
        keep_theirs = theirs.null_count == 0 if primitive.function == "first" else found[:1].null_count == 1
        return pa.concat_arrays([theirs, found[1:]]) if keep_theirs else found
    if not isinstance(found, tuple):
        found[0] += before[-1]
        return found
    (theirs, their_known), (values, known) = before, found
    if their_known is not None and not their_known[-1]:
        return found
    values, other = values.copy(), int(theirs[-1])
    if known is not None and not known[0]:
        known[0], values[0] = True, other
        return values, known
    mine = int(values[0])
    if primitive.function == "sum" and abs(mine + other) >= LARGEST:
        raise NotFolded(f"the total of {primitive.column} does not fit into 64 bits")
    merge: dict[str, Callable[[int, int], int]] = {"sum": int.__add__, "min": min, "max": max}
    values[0] = merge[primitive.function](mine, other)
    return values, known


def _batch(schema: pa.Schema, part: Groups) -> pa.RecordBatch:
    """The groups that appear, as rows."""
    rows = part.appear > 0
    every = bool(rows.all())
    arrays = [pa.array(part.keys if every else part.keys[rows])]
    for found in part.found:
        type_ = schema.field(len(arrays)).type
        if isinstance(found, pa.Array):
            arrays.append(found if every else found.filter(pa.array(rows)))
            continue
        values, known = found if isinstance(found, tuple) else (found, None)
        if not every:
            values, known = values[rows], None if known is None else known[rows]
        arrays.append(_array(values, known, type_))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Values, known: Truths | None, type_: pa.DataType) -> pa.Array:
    values = np.ascontiguousarray(values, f"i{type_.bit_width // 8}")
    valid = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(type_, len(values), [valid, pa.py_buffer(values)])


def _schema(plan: _Plan, scan: Scan) -> pa.Schema:
    fields = [(plan.key, pa.int64())]
    for number, primitive in enumerate(scan.primitives):
        stored = pa.int32() if primitive.column is None else plan.rows.schema[primitive.column]
        if primitive.function == "count":
            stored = pa.int32()
        elif primitive.function in ("sum", "min", "max"):
            if pa.types.is_decimal(stored):
                stored = pa.decimal64(WIDTH, stored.scale)
            elif primitive.function == "sum":
                stored = pa.int64()
        fields.append((placed(number), stored))
    return pa.schema(fields)
