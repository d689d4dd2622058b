"""The patterns of `matches`: a small regular grammar of ours, and its rewriting into what engines run.

A pattern is literals, `.` (anything but a line's end), classes `[a-z_]` and `[^…]`, `\\d \\w \\s` and their opposites
(ASCII), groups `(…)`, `|`, `* + ? {m} {m,} {m,n}`, `^` and `$` for the start and end of the text, and a leading
`(?i)` for ASCII letters. It is found anywhere in the text. Everything else is an error: no look-around, no references back.

The tree is written out again with every class spelt out and every sign escaped, in the part that RE2 and Java read
alike (RE2 runs in time linear in the text, for any pattern).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LONGEST = 256
MOST_REPEATS = 1000
LARGEST = 5000
"""How many signs a pattern may stand for when its repeats are written out; engines refuse much larger ones."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chars:
    """One character: of these ranges of code points, or of none of them."""

    ranges: tuple[Range, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """The start or the end of the text."""

    end: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other."""

    parts: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: "Pattern"
    low: int
    high: int | None


Pattern = Chars | Edge | Row | Choice | Repeat

DIGIT: tuple[Range, ...] = ((48, 57),)
WORD: tuple[Range, ...] = ((48, 57), (65, 90), (95, 95), (97, 122))
BLANK: tuple[Range, ...] = ((9, 10), (12, 13), (32, 32))
CLASSES = {"d": DIGIT, "w": WORD, "s": BLANK}
CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12}
NOT_A_LINE_END = Chars(((10, 10),), negated=True)
COUNTS = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")


class Unreadable(ValueError):
    """A pattern that the grammar does not have; the message says what stands where."""


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, text: str):
        self.text = text
        self.fold = text.startswith("(?i)")
        self.at = 4 if self.fold else 0

    def stop(self, words: str, at: int | None = None) -> Unreadable:
        return Unreadable(f"at character {(self.at if at is None else at) + 1}: {words}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def whole(self) -> Pattern:
        tree = self.choice()
        if self.peek() == ")":
            raise self.stop("this ) closes nothing; write \\) for a bracket itself")
        return tree

    def choice(self) -> Pattern:
        options = [self.row()]
        while self.peek() == "|":
            self.at += 1
            options.append(self.row())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def row(self) -> Pattern:
        start, parts = self.at, []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated())
        if not parts:
            raise self.stop("nothing stands here to look for", start)
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def repeated(self) -> Pattern:
        start = self.at
        part = self.one()
        counts = self.counts()
        if counts is None:
            return part
        if self.text[start] in "^$":
            raise self.stop("the start or end of the text cannot be repeated", start)
        again = self.at
        if self.counts() is not None:
            raise self.stop("a second repeat of the same part; put the first in brackets: (a+){2}", again)
        return Repeat(part, *counts)

    def counts(self) -> tuple[int, int | None] | None:
        sign = self.peek()
        if sign in ("*", "+", "?"):
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        if sign != "{":
            return None
        match = COUNTS.match(self.text, self.at)
        if match is None:
            raise self.stop("{ begins a count such as {2} or {2,5}; write \\{ for the sign itself")
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if max(low, high or 0) > MOST_REPEATS:
            raise self.stop(f"at most {MOST_REPEATS} repeats")
        if high is not None and high < low:
            raise self.stop(f"{low} is more than {high}")
        self.at = match.end()
        return low, high

    def one(self) -> Pattern:
        sign, start = self.peek(), self.at
        self.at += 1
        match sign:
            case "(":
                if self.peek() == "?":
                    raise self.stop("only plain brackets ( ), and (?i) at the very start", start)
                inner = self.choice()
                if self.peek() != ")":
                    raise self.stop("this ( is not closed", start)
                self.at += 1
                return inner
            case "[":
                return self.set(start)
            case ".":
                return NOT_A_LINE_END
            case "^":
                return Edge(end=False)
            case "$":
                return Edge(end=True)
            case "\\":
                return self.escaped()
            case "*" | "+" | "?":
                raise self.stop(f"nothing stands before {sign} to repeat; write \\{sign} for the sign itself", start)
            case "{" | "}" | "]":
                raise self.stop(f"write \\{sign} for the sign itself", start)
            case _:
                return self.chars(((ord(sign), ord(sign)),))

    def escaped(self) -> Chars:
        """What follows a backslash, outside a class."""
        sign = self.peek()
        if sign.lower() in CLASSES and sign:
            self.at += 1
            return Chars(CLASSES[sign.lower()], negated=sign.isupper())
        code = self.escape()
        return self.chars(((code, code),))

    def escape(self) -> int:
        sign, start = self.peek(), self.at - 1
        if not sign:
            raise self.stop("a pattern cannot end in \\; write \\\\ for the sign itself", start)
        if sign in CONTROLS:
            self.at += 1
            return CONTROLS[sign]
        if sign.isalnum() or sign == "_" or not sign.isascii():
            raise self.stop(f"\\{sign} is not known; there are \\d \\w \\s \\D \\W \\S \\t \\n \\r \\f", start)
        self.at += 1
        return ord(sign)

    def set(self, start: int) -> Chars:
        negated = self.peek() == "^"
        self.at += negated
        ranges: list[Range] = []
        while self.peek() != "]":
            ranges += self.member(start)
        if not ranges:
            raise self.stop("this [ ] holds nothing", start)
        self.at += 1
        return self.chars(tuple(ranges), negated)

    def member(self, start: int) -> tuple[Range, ...]:
        """One class, sign or range inside [ ]."""
        here = self.at
        if self.peek() == "\\" and (name := self.text[here + 1 : here + 2]) in CLASSES:
            self.at += 2
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                raise self.stop("a range runs between two signs, such as a-z")
            return CLASSES[name]
        low = self.sign(start)
        if self.peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return ((low, low),)
        self.at += 1
        high = self.sign(start)
        if high < low:
            raise self.stop(f"the range {chr(low)}-{chr(high)} runs backwards", here)
        if high > 127:
            raise self.stop("ranges are of ASCII only; list other letters one by one", here)
        return ((low, high),)

    def sign(self, start: int) -> int:
        sign = self.peek()
        if not sign:
            raise self.stop("this [ is not closed", start)
        if sign == "[":
            raise self.stop("write \\[ for a bracket inside [ ]")
        self.at += 1
        return self.escape() if sign == "\\" else ord(sign)

    def chars(self, ranges: tuple[Range, ...], negated: bool = False) -> Chars:
        if self.fold:
            ranges += tuple(_swapped(ranges))
        return Chars(_merged(ranges), negated)


def _swapped(ranges: tuple[Range, ...]) -> list[Range]:
    """The same ASCII letters in the other case."""
    out = []
    for low, high in ranges:
        for first, last, shift in ((65, 90, 32), (97, 122, -32)):
            if max(low, first) <= min(high, last):
                out.append((max(low, first) + shift, min(high, last) + shift))
    return out


def _merged(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    out: list[Range] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Pattern:
    """The tree of a pattern.

    Raises:
        Unreadable: for what the grammar does not have, with the position, in plain words.
    """
    if len(pattern) > LONGEST:
        raise Unreadable(f"a pattern has at most {LONGEST} characters, this one has {len(pattern)}")
    tree = _Reader(pattern).whole()
    if _deepest(tree) > MOST_REPEATS:
        raise Unreadable(f"repeats inside repeats come to {_deepest(tree):,}, at most {MOST_REPEATS:,} are read")
    if _size(tree) > LARGEST:
        raise Unreadable(f"with its repeats written out the pattern is {_size(tree):,} signs long, at most {LARGEST:,}")
    return tree


def _size(tree: Pattern) -> int:
    match tree:
        case Chars(ranges, negated):
            return 8 if negated else len(ranges)  # a negated class is several bytes of UTF-8
        case Edge():
            return 1
        case Row(parts) | Choice(parts):
            return sum(map(_size, parts))
        case Repeat(part, low, high):
            return _size(part) * max(1, low + 1 if high is None else high)


def _deepest(tree: Pattern) -> int:
    """The largest product of counts, one inside the other."""
    match tree:
        case Chars() | Edge():
            return 1
        case Row(parts) | Choice(parts):
            return max(map(_deepest, parts))
        case Repeat(part, low, high):
            return _deepest(part) * max(1, low if high is None else high)


def complaint(pattern: str) -> str | None:
    """What cannot be read in a pattern, in plain words with the position; None when all can."""
    try:
        parse(pattern)
    except Unreadable as error:
        return str(error)
    return None


@lru_cache(maxsize=1024)
def rewritten(pattern: str) -> str:
    """The pattern as RE2 and Java read it alike."""
    return _text(parse(pattern))


def _text(tree: Pattern) -> str:
    match tree:
        case Chars(((low, high),), False) if low == high:
            return _sign(low)
        case Chars(ranges, negated):
            inner = "".join(_sign(low) if low == high else f"{_sign(low)}-{_sign(high)}" for low, high in ranges)
            return f"[{'^' if negated else ''}{inner}]"
        case Edge(end):
            return r"\z" if end else r"\A"
        case Row(parts):
            return "".join(f"(?:{_text(p)})" if isinstance(p, Choice) else _text(p) for p in parts)
        case Choice(options):
            return "|".join(map(_text, options))
        case Repeat(part, low, high):
            inner = _text(part) if isinstance(part, Chars) else f"(?:{_text(part)})"
            counts = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
            return inner + (counts or f"{{{low},{'' if high is None else high}}}")


def _sign(code: int) -> str:
    sign = chr(code)
    if code < 32 or code == 127:
        return f"\\x{{{code:x}}}"
    return sign if not sign.isascii() or sign.isalnum() or sign in " _" else "\\" + sign


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    import re2

    return re2.compile(rewritten(pattern))


def found(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return _compiled(pattern).search(text) is not None
