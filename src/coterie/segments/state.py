"""Everybody's memberships at one instant as arrays by customer number: a word of two bits a segment, a code a label.

A customer keeps one number for ever, so that states of different days lie beside each other and differ in a comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from coterie.segments.bitmaps import PER_WORD, counted, unpacked, word_count

Words = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int16]
Verdicts = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Sizes = tuple[int, int, int]
"""How many are in, out, and cannot be told."""

NO_LABEL, NO_CUSTOMER = -1, -2
"""Codes beside those of labels: cannot tell, and no customer then."""
ABSENT_WORD = -1
"""All bits set: every verdict of the word is ABSENT."""
_NOWHERE = np.int64(ABSENT_WORD)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which segment stands where in the words, and which label has which code.

    Attributes:
        segments: in the order of their bits.
        labels: by segmentation, its labels in the order of their codes.
    """

    segments: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return word_count(len(self.segments))

    def after(self, earlier: "Layout | None") -> "Layout":
        """This layout with the codes that labels had in an earlier one, where both are of the same definitions."""
        if earlier is None or not self.like(earlier):
            return self
        merged = {n: (*earlier.labels[n], *(x for x in found if x not in earlier.labels[n])) for n, found in self.labels.items()}
        return Layout(self.segments, merged)

    def like(self, other: "Layout") -> bool:
        """Whether states of both can be compared word by word."""
        return self.segments == other.segments and list(self.labels) == list(other.labels)


@dataclass(frozen=True, slots=True)
class State:
    """Memberships by customer number."""

    layout: Layout
    words: tuple[Words, ...]
    codes: tuple[Codes, ...]
    size: int

    @classmethod
    def nobody(cls, layout: Layout, size: int) -> "State":
        words = tuple(np.full(size, _NOWHERE) for _ in range(layout.width))
        return cls(layout, words, tuple(np.full(size, NO_CUSTOMER, np.int16) for _ in layout.labels), size)

    @classmethod
    def of(cls, layout: Layout, size: int, numbers: Numbers, words: Sequence[Words], codes: Sequence[Codes]) -> "State":
        """A state of the customers with some numbers; all others are absent."""
        state = cls.nobody(layout, size)
        state.put(numbers, words, codes)
        return state

    def grown(self, size: int) -> "State":
        """The same with room for customers who were not known yet."""
        if size <= self.size:
            return self
        more = State.nobody(self.layout, size - self.size)
        words = tuple(np.concatenate(pair) for pair in zip(self.words, more.words, strict=True))
        codes = tuple(np.concatenate(pair) for pair in zip(self.codes, more.codes, strict=True))
        return State(self.layout, words, codes, size)

    def overlaid(self, layout: Layout, numbers: Numbers, words: Sequence[Words], codes: Sequence[Codes]) -> "State":
        """The state after some customers' memberships changed."""
        state = State(layout, tuple(w.copy() for w in self.words), tuple(c.copy() for c in self.codes), self.size)
        state.put(numbers, words, codes)
        return state

    def put(self, numbers: Numbers, words: Sequence[Words], codes: Sequence[Codes]) -> None:
        """Write the memberships of some customers into a state that nobody else holds yet."""
        for word, new in zip(self.words, words, strict=True):
            word[numbers] = new
        for code, label in zip(self.codes, codes, strict=True):
            code[numbers] = label

    def differs(self, other: "State") -> Flags:
        """Which customers' memberships are not the same in two states of like layout and size."""
        out = np.zeros(self.size, np.bool_)
        for mine, theirs in zip((*self.words, *self.codes), (*other.words, *other.codes), strict=True):
            out |= mine != theirs
        return out

    def there(self) -> Flags:
        """Who was a customer."""
        if self.words:
            return np.not_equal(self.words[0], _NOWHERE)
        return np.not_equal(self.codes[0], NO_CUSTOMER) if self.codes else np.zeros(self.size, np.bool_)

    def sizes(self) -> dict[str, Sizes]:
        """Of each segment, how many were in, out, and could not be told."""
        names = self.layout.segments
        parts = (names[i : i + PER_WORD] for i in range(0, len(names), PER_WORD))
        return {
            name: size
            for word, part in zip(self.words, parts, strict=True)
            for name, size in zip(part, counted(word, len(part)), strict=True)
        }

    def verdicts(self, name: str) -> Verdicts | None:
        """OUT, IN, CANNOT_TELL or ABSENT of everybody; None where there was no such segment."""
        if name not in self.layout.segments:
            return None
        place = self.layout.segments.index(name)
        return unpacked(self.words[place // PER_WORD], place)

    def labels(self, name: str) -> Codes | None:
        """The codes of a segmentation; None where there was no such one."""
        found = list(self.layout.labels)
        return self.codes[found.index(name)] if name in found else None
