"""The canonical text of a project file: sections in order, names aligned, expressions in canonical text, comments kept.

What a file means stays as it is. Maps written over several lines stay so, maps in braces stay so where they fit on a
line. An expression that YAML would bite into is written as a block.
"""

import json
import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from coterie.core.errors import CoterieError, DefinitionErrors
from coterie.workspace import bites
from coterie.workspace.document import Comment, Document, Entry, List, Map, Node, Scalar, read_document
from coterie.workspace.keys import (
    EXCLUDE,
    FIT_SETTINGS,
    FITS,
    GOAL,
    GOAL_SHAPE,
    HAND,
    INCLUDE,
    LINES,
    LINES_SHAPE,
    OPTIONS,
    PROJECT,
    SEGMENT,
    SEGMENTATION,
    SOURCE,
    TRAIT,
    Keys,
)

WIDTH = 140
"""The longest line that is written where there is a choice (comments do not count)."""
PROSE = 100
EXPRESSION_WIDTH = 110
"""Longer texts and expressions are written over several lines."""
ALIGNED = 32
"""Names longer than this do not move the values of the others."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a node is written.

    Attributes:
        language: its texts are expressions.
        keys: of a map: what its keys hold.
        inner: of a map of names: how each of them is written.
        aligned: of a map: its values start in one column.
        block: a map is never written in braces.
    """

    language: bool = False
    keys: Keys | None = None
    inner: "Layout | None" = None
    aligned: bool = False
    block: bool = False

    def child(self, key: str) -> "Layout":
        if self.keys is None or key not in self.keys:
            return self.inner or Layout(language=self.language and self.keys is None)
        shape = self.keys[key].shape
        if shape is GOAL_SHAPE:
            return Layout(keys=GOAL)
        if shape in (INCLUDE, EXCLUDE):
            return Layout(keys=HAND)
        if shape is LINES_SHAPE:
            return Layout(keys=LINES)
        if self.keys is SOURCE and key == "options":
            return Layout(keys=OPTIONS)
        if key == "labels":
            return LABELS
        # A computed column may be the bare name of a file's column, which is no expression: it stays as it is.
        return Layout(language=shape.language)


LABELS = Layout(language=True, aligned=True, block=True)
SECTIONS: Mapping[str, Layout] = {
    "sources": Layout(inner=Layout(keys=SOURCE), aligned=True, block=True),
    "lists": Layout(aligned=True, block=True),
    "traits": Layout(inner=Layout(language=True, keys={**TRAIT, **FITS, **FIT_SETTINGS}, block=True), aligned=True, block=True),
    "segments": Layout(inner=Layout(language=True, keys=SEGMENT, block=True), aligned=True, block=True),
    "segmentations": Layout(
        inner=Layout(language=True, keys={**SEGMENTATION, **FITS, **FIT_SETTINGS}, block=True), aligned=True, block=True
    ),
}


def format_project(text: str, file: str = "coterie.yaml") -> str:
    """The canonical text of a project file.

    Args:
        text: the text of the file.
        file: the name that places in errors carry.

    Returns:
        The text to write; formatting it again changes nothing. Expressions that cannot be read stay as they are.

    Raises:
        DefinitionError: where the text is no YAML of a project file (as `read_document`); what is wrong with its keys
            is left to `load`.
    """
    document = read_document(text, file)
    if document.errors:
        raise DefinitionErrors(document.errors)
    return _Writer(document).text()


# --- scalars ----------------------------------------------------------------------------------------------------------

_BITES = re.compile(
    r":(\s|$)|\s#|^[-?:](\s|$)|^(---|\.\.\.)(\s|$)|"
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]"
)
_STARTS = bites.INDICATORS + "'\"#,]}"
_FLOW = re.compile(r"^[-?:]|[,\[\]{}]")
_NOT_TEXT = ("null", "Null", "NULL", "~")


def plain(text: str, *, flow: bool = False) -> bool:
    """Whether a text can stand in YAML without quotes and be itself."""
    return (
        bool(text)
        and text == text.strip()
        and text[0] not in _STARTS
        and _BITES.search(text) is None
        and text not in _NOT_TEXT
        and not (flow and _FLOW.search(text))
    )


def quoted(text: str) -> str:
    """A text of one line in quotes."""
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029\ufeff" for c in text):
        escaped = json.dumps(text, ensure_ascii=False)
        return re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda m: f"\\u{ord(m[0]):04x}", escaped)
    if "'" in text and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The canonical text of an expression; where it cannot be read, the text itself."""
    from coterie.language.format import format as canonical_text
    from coterie.language.parse import parse

    if text.strip().lower() == "otherwise":
        return "otherwise"
    try:
        return canonical_text(parse(text.strip()))
    except CoterieError:
        return "\n".join(line.rstrip() for line in text.strip().split("\n"))


@lru_cache(maxsize=4096)
def broken(text: str, width: int = EXPRESSION_WIDTH) -> tuple[str, ...]:
    """A canonical expression, if long over several lines: before each outermost `or`, else `and`, else `when`."""
    from coterie.language.parse import parse

    if len(text) <= width or "\n" in text:
        return tuple(text.split("\n"))
    for words, depth in ((("or",), 0), (("and",), 0), (("when", "else"), 1)):
        lines = _split(text, words, depth)
        if len(lines) > 1 and (depth == 0 or text.startswith("case ")):
            try:
                if parse("\n".join(lines)) == parse(text):
                    return (lines[0], *((" " * 5 * depth) + line for line in lines[1:]))
            except CoterieError:
                pass
            break
    return (text,)


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+|\S|\s+")


def _split(text: str, words: tuple[str, ...], at: int) -> list[str]:
    """The text before each of the words at a depth of parentheses and cases."""
    lines, current, depth, between = [], "", 0, 0
    for token in _TOKEN.findall(text):
        lowered = token.lower()
        if lowered in ("(", "case"):
            depth += 1
        elif lowered in (")", "end"):
            depth -= 1
        elif lowered == "between" and depth == at:
            between += 1
        elif lowered == "and" and depth == at and between:
            between -= 1
        elif lowered in words and depth == at and current.strip() not in ("", "case"):
            lines.append(current.rstrip())
            current = ""
        current += token
    return [*lines, current]


# --- comments ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Remark:
    text: str
    blank: bool  # a blank line stands before it


@dataclass(slots=True)
class _Anchor:
    """What comments hold on to: an entry of a map or an item of a list."""

    line: int
    column: int
    value: Node
    within: Map | List
    blank: bool
    before: list[_Remark] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)


def _anchors(node: Map | List, blank: set[int]) -> Iterator[tuple[int, _Anchor]]:
    """All anchors in the order of the file, each with the identity of its entry or item."""
    children: list[tuple[int, Scalar | Node, Node]] = []
    if isinstance(node, Map):
        children = [(id(e), e.key, e.value) for e in node.entries]
    else:
        children = [(id(i), i, i) for i in node.items]
    for identity, start, value in children:
        column = node.place.column if isinstance(node, List) and not node.flow else _column(start)
        yield identity, _Anchor(start.first, column, value, node, start.first - 1 in blank)
        blank.discard(start.first - 1)  # of several on one line the first
        if not isinstance(value, Scalar):
            yield from _anchors(value, blank)


def _ends(value: Node, line: int) -> bool:
    """Whether a value ends on a line, so that a comment there stands behind it (of a block: behind its mark)."""
    if isinstance(value, Scalar):
        return (value.first if value.style in ("literal", "folded") else value.last) == line
    return value.flow and value.last == line


def _column(node: Node) -> int:
    """The column in which a node starts, its quote included."""
    if not isinstance(node, Scalar):
        return node.place.column
    return node.written.origin.starts[0][2] - (node.style in ("single", "double"))


class _Writer:
    """One writing of one document."""

    def __init__(self, document: Document):
        self.document = document
        blank = {n for n, line in enumerate(document.lines, 1) if not line.strip()}
        self.anchors = dict(_anchors(document.root, set(blank)))
        self.order = sorted(self.anchors.values(), key=lambda a: (a.line, a.column))
        self.starts = [(a.line, a.column) for a in self.order]
        self.tails: dict[int, list[_Remark]] = {}
        for comment in document.comments:
            if comment.alone:
                self.attach_alone(comment, _Remark(comment.text, comment.line - 1 in blank))
            else:
                self.attach_behind(comment)
        self.lines: list[tuple[str, str]] = []

    # --- attaching ----------------------------------------------------------------------------------------------------

    def attach_alone(self, comment: Comment, remark: _Remark) -> None:
        """To the entry that follows, or to the end of the map that it is indented like."""
        index = bisect_right(self.starts, (comment.line, comment.column))
        following = self.order[index] if index < len(self.order) else None
        enclosing = self.enclosing(comment, index)
        if following is not None and (following.within is enclosing or enclosing is None):
            following.before.append(remark)
        else:
            within = self.document.root if enclosing is None else enclosing
            self.tails.setdefault(id(within), []).append(remark)

    def enclosing(self, comment: Comment, index: int) -> Map | List | None:
        """The map or list that a comment on a line of its own is the end of, if it does not belong to what follows."""
        following = self.order[index] if index < len(self.order) else None
        before = self.order[:index]
        for anchor in reversed(before):
            within = anchor.within
            if within.flow and within.first <= comment.line <= within.last:
                return within
        if following is not None and comment.column <= following.column:
            return following.within
        for anchor in reversed(before):
            if not anchor.within.flow and anchor.column <= comment.column:
                return anchor.within
        return following.within if following is not None else None

    def attach_behind(self, comment: Comment) -> None:
        """To the outermost entry that ends on this line, or else to the last that has begun."""
        index = bisect_right(self.starts, (comment.line, comment.column))
        begun = self.order[:index]
        if begun:
            last = begun[-1]
            opened = last.line == comment.line and not _ends(last.value, comment.line)
            ended = next((a for a in begun if _ends(a.value, comment.line)), last)
            holder = last if opened else ended
            holder.behind.append(comment.text)
        elif self.order:
            self.order[0].before.append(_Remark(comment.text, False))

    # --- writing ------------------------------------------------------------------------------------------------------

    def text(self) -> str:
        root = self.document.root
        known = {name: number for number, name in enumerate(PROJECT)}
        entries = sorted(root.entries, key=lambda e: known.get(e.key.text, len(known)))
        header = self.header(root.entries[0]) if root.entries else []
        for number, remark in enumerate(header):
            self.remark(remark, 0, first=number == 0)
        for number, entry in enumerate(entries):
            layout = SECTIONS.get(entry.key.text)
            first = number == 0 and not header
            apart = layout is not None or (number == 0 and bool(header))
            if layout is None:
                layout = Layout(keys=GOAL) if entry.key.text == "goal" else Layout()
            self.entry(entry, 0, layout, 0, first=first, apart=apart and not first)
        self.tail(root, 0)
        return "\n".join(self.aligned_comments()) + "\n"

    def header(self, first: Entry) -> list[_Remark]:
        """The comments at the top of the file that a blank line parts from what follows."""
        anchor = self.anchors[id(first)]
        marks = [*(r.blank for r in anchor.before[1:]), anchor.blank] if anchor.before else []
        cut = max((n + 1 for n, blank in enumerate(marks) if blank), default=0)
        header, anchor.before = anchor.before[:cut], anchor.before[cut:]
        if cut:
            if anchor.before:
                anchor.before[0] = _Remark(anchor.before[0].text, False)
            else:
                anchor.blank = False
        return header

    def put(self, line: str, behind: str = "") -> None:
        self.lines.append((line, behind))

    def remark(self, remark: _Remark, indent: int, *, first: bool, apart: bool = False) -> None:
        if not first and (remark.blank or apart):
            self.put("")
        self.put(" " * indent + remark.text)

    def tail(self, node: Map | List, indent: int) -> None:
        for number, remark in enumerate(self.tails.get(id(node), ())):
            self.remark(remark, indent, first=number == 0 and not self.lines)

    def mapped(self, node: Map, indent: int, layout: Layout) -> None:
        pad = self.pad(node, indent, layout) if layout.aligned else 0
        for number, entry in enumerate(node.entries):
            self.entry(entry, indent, layout.child(entry.key.text), pad, first=number == 0)
        self.tail(node, indent)

    def listed(self, node: List, indent: int, layout: Layout) -> None:
        for number, item in enumerate(node.items):
            anchor = self.anchors[id(item)]
            self.before(anchor, indent, first=number == 0)
            start = len(self.lines)
            one = self.inline(item, layout)
            if one is not None:
                self.put(" " * (indent + 2) + one)
            elif isinstance(item, Scalar):
                self.block("", item, indent + 2, layout, "")
            elif isinstance(item, Map):
                self.mapped(item, indent + 2, layout)
            else:
                self.listed(item, indent + 2, layout)
            line, behind = self.lines[start]
            self.lines[start] = (" " * indent + "- " + line[indent + 2 :], behind)
            self.behind(anchor, start, indent)
        self.tail(node, indent)

    def before(self, anchor: _Anchor, indent: int, *, first: bool, apart: bool = False) -> None:
        for number, remark in enumerate(anchor.before):
            self.remark(remark, indent, first=first and number == 0, apart=apart and number == 0)
        if (anchor.blank and not (first and not anchor.before)) or (apart and not anchor.before):
            self.put("")

    def behind(self, anchor: _Anchor, line: int, indent: int) -> None:
        """The comments at the end of a line; of several the others stand below."""
        if not anchor.behind:
            return
        text, there = self.lines[line]
        own, more = anchor.behind[0], anchor.behind[1:]
        if there:
            more = [own, *more]
        else:
            self.lines[line] = (text, own)
        for comment in more:
            self.put(" " * indent + comment)

    def entry(self, entry: Entry, indent: int, layout: Layout, pad: int, *, first: bool = False, apart: bool = False) -> None:
        anchor = self.anchors[id(entry)]
        self.before(anchor, indent, first=first, apart=apart)
        key, value, start = _key(entry.key.text), entry.value, len(self.lines)
        layout = _refined(layout, value)
        one = self.one_line(entry, indent, layout)
        if one is not None:
            self.put((" " * indent + f"{key}:".ljust(pad) + " " + one).rstrip())
        elif isinstance(value, Scalar):
            self.block(f"{key}: ", value, indent, layout, "")
        else:
            self.put(" " * indent + f"{key}:")
            if isinstance(value, Map):
                self.mapped(value, indent + 2, layout)
            else:
                self.listed(value, indent + 2, layout)
        self.behind(anchor, start, indent)

    def one_line(self, entry: Entry, indent: int, layout: Layout) -> str | None:
        """The value where the entry fits on one line."""
        one = self.inline(entry.value, layout)
        if one is None:
            return None
        long = indent + len(_key(entry.key.text)) + 2 + len(one) > WIDTH
        if long and (not isinstance(entry.value, Scalar) or (not layout.language and len(_folded(entry.value.text)) > 1)):
            return None
        return one

    def pad(self, node: Map, indent: int, layout: Layout) -> int:
        """The width of names with their colon in an aligned map."""
        names = [
            len(_key(e.key.text)) + 1
            for e in node.entries
            if self.one_line(e, indent, _refined(layout.child(e.key.text), e.value)) is not None
        ]
        return max([n for n in names if n <= ALIGNED], default=0)

    def inline(self, node: Node, layout: Layout, *, flow: bool = False) -> str | None:
        """A node on one line, or None where it cannot stand on one."""
        match node:
            case Scalar():
                return self.scalar(node, layout, flow=flow)
            case Map():
                if (layout.block and not flow) and node.entries:
                    return None
                return self.braced("{}", node, [self.pair(e, layout) for e in node.entries])
            case List():
                return self.braced("[]", node, [self.inline(i, layout, flow=True) for i in node.items])

    def braced(self, marks: str, node: Map | List, parts: list[str | None]) -> str | None:
        if parts and (not node.flow or self.commented(node)):
            return None
        known = [part for part in parts if part is not None]
        return None if len(known) < len(parts) else marks[0] + ", ".join(known) + marks[1]

    def pair(self, entry: Entry, layout: Layout) -> str | None:
        value = self.inline(entry.value, layout.child(entry.key.text), flow=True)
        return None if value is None else f"{_key(entry.key.text, flow=True)}: {value}"

    def commented(self, node: Map | List) -> bool:
        """Whether a comment stands inside."""
        if id(node) in self.tails:
            return True
        inside: list[tuple[int, Node]] = (
            [(id(e), e.value) for e in node.entries] if isinstance(node, Map) else [(id(i), i) for i in node.items]
        )
        return any(
            self.anchors[i].before or self.anchors[i].behind or (not isinstance(value, Scalar) and self.commented(value))
            for i, value in inside
        )

    def scalar(self, node: Scalar, layout: Layout, *, flow: bool) -> str | None:
        if layout.language:
            text = canonical(node.text)
            if not flow and len(broken(text, 0 if _over_lines(node) else EXPRESSION_WIDTH)) > 1:
                return None
            return text if plain(text, flow=flow) or not text else None
        text = node.text.strip() if node.style in ("literal", "folded") else node.text
        if plain(text, flow=flow) or (not text and node.style == "plain"):
            return text
        if "\n" in text and text == text.strip() and not any(ord(c) < 32 and c != "\n" for c in text):
            return None
        return quoted(text)

    def block(self, head: str, node: Scalar, indent: int, layout: Layout, behind: str) -> None:
        """A text as a block below its key."""
        if layout.language:
            mark, lines = "|", broken(canonical(node.text), 0 if _over_lines(node) else EXPRESSION_WIDTH)
        elif "\n" in node.text.strip():
            mark, lines = "|", tuple(node.text.strip().split("\n"))
        else:
            mark, lines = ">", _folded(node.text)
        self.put(" " * indent + head + mark, behind)
        for line in lines:
            self.put((" " * (indent + 2) + line).rstrip())

    def aligned_comments(self) -> Iterator[str]:
        """The lines with their comments; those of neighbouring lines start in one column."""
        number = 0
        while number < len(self.lines):
            end, indent = number, _indent(self.lines[number][0])
            while end < len(self.lines) and self.lines[end][1] and _indent(self.lines[end][0]) == indent:
                end += 1
            if end == number:
                yield self.lines[number][0]
                number += 1
                continue
            width = max(len(line) for line, _ in self.lines[number:end])
            for line, behind in self.lines[number:end]:
                yield f"{line.ljust(width)}  {behind}"
            number = end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _key(text: str, *, flow: bool = False) -> str:
    return text if plain(text, flow=flow) and text != "<<" and ": " not in text else quoted(text)


def _folded(text: str) -> tuple[str, ...]:
    """A long text in lines that YAML folds back into it; one line where that cannot be."""
    text = text.strip()
    lines = textwrap.wrap(text, PROSE, break_long_words=False, break_on_hyphens=False)
    return tuple(lines) if " ".join(lines) == text and "\n" not in text else (text,)


def _over_lines(node: Scalar) -> bool:
    """Whether an expression was written over several lines."""
    return len({line for _, line, _, _ in node.written.origin.starts}) > 1


def _refined(layout: Layout, node: Node) -> Layout:
    """The layout of a segmentation, whose map is one of labels or one of settings."""
    if isinstance(node, Map) and layout.keys is not None and "labels" in layout.keys:
        settings = ("labels" in (e.key.text for e in node.entries)) or any(e.key.text in FITS for e in node.entries)
        return layout if settings else LABELS
    return layout
