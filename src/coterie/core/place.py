"""Where in a file something stands, so that every error can point at it."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file; line and column count from 1."""

    file: str
    line: int
    column: int
    text: str = ""
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def caret(self) -> str:
        """The line with carets under the stretch, cut to a readable width."""
        start, text = self.column - 1, self.text.rstrip("\n")
        if not text.strip():
            return ""
        lead = len(text) - len(text.lstrip())
        cut = max(lead, start - 60)
        shown = text[cut : max(start + self.width, cut + 100)]
        under = " " * (start - cut) + "^" * max(1, min(self.width, len(shown) - (start - cut)))
        return f"   {shown}\n   {under}"


@dataclass(frozen=True, slots=True)
class Origin:
    """A text and where each of its lines came from: maps an offset in an expression to its place in the file.

    `starts` holds, for each line of `text`, (offset of the line in `text`, line number, column of its first character,
    the whole line as the file has it).
    """

    text: str
    file: str
    starts: tuple[tuple[int, int, int, str], ...]

    @classmethod
    def of(cls, text: str, file: str = "expression") -> "Origin":
        """The origin of a text that stands alone (an ad-hoc expression, a test)."""
        starts, offset = [], 0
        for number, line in enumerate(text.split("\n"), 1):
            starts.append((offset, number, 1, line))
            offset += len(line) + 1
        return cls(text, file, tuple(starts))

    def place(self, start: int, end: int | None = None) -> Place:
        """The place of text[start:end]; a stretch over several lines is cut at the end of its first."""
        index = max(0, bisect_right([s[0] for s in self.starts], start) - 1)
        offset, line, column, whole = self.starts[index]
        stop = len(self.text) if index + 1 == len(self.starts) else self.starts[index + 1][0] - 1
        width = max(1, min(end if end is not None else start + 1, stop) - start)
        return Place(self.file, line, column + start - offset, whole, width)
