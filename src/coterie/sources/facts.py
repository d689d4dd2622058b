"""What can be said of a typed column without knowing what it means: how many, how many different, from where to where."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.language.types import Type

Hashes = npt.NDArray[np.uint64]
SKETCH = 2048  # smallest hashes kept: exact below, about 2 % off above


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column after reading.

    Attributes:
        type: what the column became.
        known, missing: rows with and without a value.
        distinct: different values: exact up to 2,048, above an estimate within a few percent.
        minimum, maximum: of the values; None where there is none or they have no order.
        decimals: most decimals seen (money and float).
        examples: a few values, as text.
        padded: whole numbers with leading zeros, kept as text.
        currency: the one currency sign found beside its numbers.
        evidence: what settled the reading (order of dates, decimals).
    """

    type: Type
    known: int
    missing: int
    distinct: int
    minimum: int | Decimal | str | date | datetime | bool | None = None
    maximum: int | Decimal | str | date | datetime | bool | None = None
    decimals: int = 0
    examples: tuple[str, ...] = ()
    padded: bool = False
    currency: str | None = None
    evidence: str = ""


@dataclass(slots=True)
class FactsOf:
    """Gathers the facts of a column over its chunks."""

    type: Type
    known: int = 0
    missing: int = 0
    minimum: Any = None
    maximum: Any = None
    decimals: int = 0
    examples: list[str] = field(default_factory=list)
    sketch: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))

    def observe(self, array: pa.Array) -> None:
        self.missing += array.null_count
        self.known += len(array) - array.null_count
        if array.null_count == len(array):
            return
        values = array.drop_null() if array.null_count else array
        if pa.types.is_list(values.type):
            values = pc.list_flatten(values)
            if not len(values):
                return
        if pa.types.is_string(values.type) and len(pc.unique(values.slice(0, 2000))) < 0.5 * min(2000, len(values)):
            values = pc.unique(values)
        for value in values.slice(0, 50).to_pylist():
            if len(self.examples) >= 5:
                break
            if (text := str(value)) not in self.examples:
                self.examples.append(text)
        ends = pc.min_max(values).as_py()
        self.minimum = ends["min"] if self.minimum is None else min(self.minimum, ends["min"])
        self.maximum = ends["max"] if self.maximum is None else max(self.maximum, ends["max"])
        hashes = _hashes(values)
        if len(self.sketch) == SKETCH:  # only what is smaller than the largest kept can enter
            hashes = hashes[hashes < self.sketch[-1]]
        if len(hashes):
            self.sketch = np.sort(np.unique(np.concatenate([self.sketch, hashes])))[:SKETCH]

    @property
    def distinct(self) -> int:
        if len(self.sketch) < SKETCH:
            return len(self.sketch)
        return min(self.known, round((SKETCH - 1) / (float(self.sketch[-1]) / 2.0**64)))

    def facts(self, **more: Any) -> ColumnFacts:
        return ColumnFacts(
            self.type, self.known, self.missing, self.distinct, self.minimum, self.maximum, examples=tuple(self.examples), **more
        )


def _hashes(values: pa.Array) -> Hashes:
    if pa.types.is_string(values.type):
        return _mix(_of_texts(values))
    if pa.types.is_boolean(values.type):
        return _mix(values.cast(pa.int8()).to_numpy(zero_copy_only=False).astype(np.uint64))
    if pa.types.is_decimal(values.type):
        words = np.frombuffer(values.buffers()[1], dtype=np.uint64).reshape(-1, 2)
        low: Hashes = words[values.offset : values.offset + len(values), 0]
        return _mix(low)
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    return _mix(values.cast(pa.int64()).to_numpy(zero_copy_only=False).view(np.uint64))


def _of_texts(values: pa.Array) -> Hashes:
    """Hashes of texts from their length and their bytes, eight at a time; of long ones the first 256 and the last eight."""
    starts = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    data = values.buffers()[2]
    lengths = np.diff(starts)
    out: Hashes = _mix(lengths.astype(np.uint64))
    if data is None or not lengths.any():
        return out
    first, end = int(starts[0]), int(starts[-1])
    letters = np.frombuffer(data.slice(first, end - first).to_pybytes() + bytes(8), np.uint8)
    eights = np.ndarray((len(letters) - 7,), np.uint64, letters, strides=(1,))
    begin = starts[:-1] - first
    some = np.flatnonzero(lengths)
    for block in range(0, 256, 8):
        inside = lengths[some] - block
        # Of a stretch that reaches beyond the text only its own bytes count.
        part = (8 * np.minimum(inside, 7)).astype(np.uint64)
        mask = np.where(inside >= 8, _ALL, (np.uint64(1) << part) - np.uint64(1))
        out[some] = _mix(out[some] ^ (eights[begin[some] + block] & mask))
        some = some[inside > 8]
        if not len(some):
            return out
    out[some] = _mix(out[some] ^ eights[begin[some] + lengths[some] - 8])
    return out


_ALL = np.uint64(2**64 - 1)


def _mix(x: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
