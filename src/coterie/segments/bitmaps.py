"""Three-valued columns as two packed bitmaps, and Kleene's logic on them: 500 rules over a million customers in a blink.

A `Bits` holds one bit a row for *true* and one for *unknown*; a row with neither is false, none has both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Bits:
    """`true` and `unknown`: one bit a row, the first in the lowest bit; whole 64-bit words, the rest zero.

    `unknown` None: nothing unknown.
    """

    true: Bytes
    unknown: Bytes | None
    rows: int

    def not_(self) -> "Bits":
        false = ~self.true if self.unknown is None else ~(self.true | self.unknown)
        return Bits(_trimmed(false, self.rows), self.unknown, self.rows)

    def counts(self) -> tuple[int, int, int]:
        """How many rows are true, false, unknown."""
        yes, maybe = _ones(self.true), 0 if self.unknown is None else _ones(self.unknown)
        return yes, self.rows - yes - maybe, maybe


def all_(sides: Sequence[Bits]) -> Bits:
    """Kleene's and."""
    true = sides[0].true.copy()
    for side in sides[1:]:
        true &= side.true
    doubtful = [s for s in sides if s.unknown is not None]
    if not doubtful:
        return Bits(true, None, sides[0].rows)
    possible = _possible(sides[0])
    for side in sides[1:]:
        possible = possible & _possible(side)
    return Bits(true, possible & ~true, sides[0].rows)


def any_(sides: Sequence[Bits]) -> Bits:
    """Kleene's or."""
    true = sides[0].true.copy()
    for side in sides[1:]:
        true |= side.true
    unknown: Bytes | None = None
    for side in sides:
        if side.unknown is not None:
            unknown = side.unknown if unknown is None else unknown | side.unknown
    return Bits(true, None if unknown is None else unknown & ~true, sides[0].rows)


def _possible(side: Bits) -> Bytes:
    return side.true if side.unknown is None else side.true | side.unknown


def width(rows: int) -> int:
    """Bytes of a bitmap of so many rows: whole 64-bit words, which count eight times faster than bytes."""
    return (rows + 63) // 64 * 8


def _trimmed(packed: Bytes, rows: int) -> Bytes:
    """The bits beyond the last row set to zero."""
    whole = rows // 8
    packed[whole + 1 :] = 0
    if whole < len(packed):
        packed[whole] &= (1 << rows % 8) - 1
    return packed


def _padded(packed: Bytes, rows: int) -> Bytes:
    """A copy in whole words."""
    out = np.zeros(width(rows), dtype=np.uint8)
    out[: len(packed)] = packed
    return _trimmed(out, rows)


def _ones(packed: Bytes) -> int:
    return int(np.bitwise_count(packed.view(np.uint64)).sum(dtype=np.int64))


def of_arrow(column: pa.Array) -> Bits:
    """A boolean Arrow array, whose own buffers are already packed this way; NULL is unknown."""
    rows = len(column)
    size = (rows + 7) // 8
    if column.offset % 8:
        column = pa.concat_arrays([column])
    validity, values = column.buffers()
    start = column.offset // 8
    true = np.frombuffer(values, dtype=np.uint8, count=size, offset=start)
    if validity is None or column.null_count == 0:
        return Bits(_padded(true, rows), None, rows)
    known = np.frombuffer(validity, dtype=np.uint8, count=size, offset=start)
    return Bits(_padded(true & known, rows), _padded(~known, rows), rows)


def of_numpy(met: npt.NDArray[np.bool_], unknown: Bytes | None = None) -> Bits:
    """Truths, which count for nothing where they are unknown."""
    true = _padded(np.packbits(met, bitorder="little"), len(met))
    return Bits(true if unknown is None else true & ~unknown, unknown, len(met))


def exact_sets(parts: Mapping[str, Bytes]) -> list[tuple[tuple[str, ...], int]]:
    """How many rows lie in exactly which of some bitmaps; rows in none are left out.

    Split bitmap by bitmap, and only where rows are left, so that a few names cost a few counts and no row is looked at.
    """
    some = list(parts.values())
    if not some:
        return []
    splits: list[tuple[tuple[str, ...], Bytes]] = [((), union(some, len(some[0])))]
    for name, rows in parts.items():
        halves = [half for names, held in splits for half in (((*names, name), held & rows), (names, held & ~rows))]
        splits = [(names, held) for names, held in halves if held.any()]
    return [(names, _ones(held)) for names, held in splits]


PER_WORD = 31
"""Segments in one 64-bit word: two bits each, and the sign bit left alone."""
OUT, IN, CANNOT_TELL, ABSENT = 0, 1, 2, 3
"""The verdicts that two bits hold; ABSENT: no customer then (or no such segment)."""


def word_count(segments: int) -> int:
    """How many words hold so many segments."""
    return (segments + PER_WORD - 1) // PER_WORD


def unpacked(word: npt.NDArray[np.int64], place: int) -> Bytes:
    """Everybody's verdict on the segment at a place among all, out of its word."""
    return verdicts(held(word, place), place)


def byte_of(place: int) -> tuple[int, int]:
    """The word that holds the verdicts on the segment at a place, and the byte in it; no two bits lie across two bytes."""
    return place // PER_WORD, 2 * (place % PER_WORD) // 8


def held(word: npt.NDArray[np.int64], place: int) -> Bytes:
    """The byte of each word with the verdict on the segment at a place."""
    return np.ascontiguousarray(word, "<i8").view(np.uint8)[byte_of(place)[1] :: 8]


def verdicts(held: Bytes, place: int) -> Bytes:
    """The verdicts on the segment at a place, out of the bytes that hold them."""
    return (held >> np.uint8(2 * (place % PER_WORD) % 8)) & np.uint8(3)


def counted(word: npt.NDArray[np.int64], segments: int) -> list[tuple[int, int, int]]:
    """How many are in, out, and cannot be told, for each of the first segments of a word; who is absent counts nowhere."""
    quarters = np.ascontiguousarray(word, "<i8").view("<u2").reshape(-1, 4)
    out: list[tuple[int, int, int]] = []
    for quarter in range((segments + 7) // 8):
        kinds = np.bincount(quarters[:, quarter], minlength=1 << 16).reshape(1 << 8, 1 << 8)
        for four in (kinds.sum(axis=0), kinds.sum(axis=1)):  # the lower byte, then the higher
            by_place = four.reshape(4, 4, 4, 4)
            for others in ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)):
                verdicts = by_place.sum(axis=others).tolist()
                out.append((verdicts[IN], verdicts[OUT], verdicts[CANNOT_TELL]))
    return out[:segments]


def words(segments: Sequence[Bits], rows: int) -> list[npt.NDArray[np.int64]]:
    """Segments packed into 64-bit words per row, PER_WORD to a word: bit 2i is true, bit 2i + 1 unknown."""
    out = []
    for start in range(0, len(segments), PER_WORD):
        planes: list[Bytes | None] = []
        for bits in segments[start : start + PER_WORD]:
            planes += [bits.true, bits.unknown]
        columns = np.zeros((rows, 8), dtype=np.uint8)
        for byte in range(0, len(planes), 8):
            eight = planes[byte : byte + 8]
            if any(p is not None for p in eight):
                columns[:, byte // 8] = _transposed(eight, rows)
        out.append(columns.reshape(-1).view("<i8"))
    return out


def _transposed(planes: Sequence[Bytes | None], rows: int) -> Bytes:
    """Eight bit planes as one byte a row: an 8 × 8 bit matrix transposed in each 64-bit lane (Hacker's Delight, 7-3)."""
    stacked = np.zeros((width(rows), 8), dtype=np.uint8)
    for i, plane in enumerate(planes):
        if plane is not None:
            stacked[:, i] = plane
    x = stacked.reshape(-1).view("<u8")
    for shift, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0)):
        step = np.uint64(shift)
        t = (x ^ (x >> step)) & np.uint64(mask)
        x = x ^ t ^ (t << step)
    return x.view(np.uint8)[:rows]


def union(parts: Sequence[Bytes | None], size: int) -> Bytes:
    out = np.zeros(size, dtype=np.uint8)
    for part in parts:
        if part is not None:
            out |= part
    return out


def ones(packed: Bytes) -> int:
    """The number of set bits."""
    return _ones(packed)
