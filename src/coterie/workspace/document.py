"""From the text of a project file to a marked tree: every scalar is a text that knows its place.

YAML is read as YAML 1.2 by ruamel.yaml's events; nothing of it decides what a text means (`no`, `010` and `2026-01-01`
are texts). Anchors, aliases, tags, merge keys, duplicate keys and several documents are errors, and so is an expression
that YAML cut. What cannot be read in a moment and little memory is refused by size first.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, Literal

from coterie.core.definition import Written
from coterie.core.errors import DefinitionError
from coterie.core.place import Origin, Place
from coterie.workspace import bites

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 64
MAX_ERRORS = 100

Style = Literal["plain", "single", "double", "literal", "folded"]
STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text of the file.

    Attributes:
        written: the text as YAML gives it, and where it came from.
        style: how it is written.
        follows: what stands behind it on its last line: a comment, or in a flow map or list its next mark.
        flow: it stands between { } or [ ].
        first, last: its lines.
    """

    written: Written
    style: Style
    follows: str
    flow: bool
    first: int
    last: int

    @property
    def text(self) -> str:
        return self.written.text

    @property
    def place(self) -> Place:
        return self.written.place


@dataclass(frozen=True, slots=True)
class Entry:
    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Map:
    """Keys with their values, in the order of the file; a key stands once."""

    entries: tuple[Entry, ...]
    place: Place
    flow: bool
    first: int
    last: int

    def get(self, key: str) -> "Node | None":
        return next((e.value for e in self.entries if e.key.text == key), None)


@dataclass(frozen=True, slots=True)
class List:
    items: tuple["Node", ...]
    place: Place
    flow: bool
    first: int
    last: int


Node = Scalar | Map | List


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its `#`; line and column count from 1. `alone`: only blanks stand before it on its line."""

    text: str
    line: int
    column: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A read file: its tree, its comments, and what is wrong with its YAML (what is wrong is left out of the tree)."""

    file: str
    lines: tuple[str, ...]
    root: Map
    comments: tuple[Comment, ...]
    errors: tuple[DefinitionError, ...]


def decode(data: bytes, file: str) -> str:
    """The text of a file: UTF-8, with or without a byte order mark.

    Raises:
        DefinitionError: E180 for another encoding (with the place of the first wrong byte), E181 for its size.
    """
    if len(data) > MAX_BYTES:
        raise too_large(file, len(data))
    for mark, encoding in ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if data.startswith(mark):
            raise DefinitionError(
                f"{file} is written in {encoding}",
                code="E180",
                hint="save it as UTF-8 (in the editor: save with encoding)",
            )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        line = before.rpartition("\n")[2]
        rest = data[error.start : error.start + 60].decode("cp1252", errors="replace").splitlines()[0]
        place = Place(file, before.count("\n") + 1, len(line) + 1, line + rest)
        raise DefinitionError(
            f"this is not UTF-8 (byte 0x{data[error.start]:02X})",
            code="E180",
            hint="save the file as UTF-8 (in the editor: save with encoding)",
            place=place,
        ) from None


def too_large(file: str, size: int) -> DefinitionError:
    return DefinitionError(
        f"{file} has {size:,} bytes, at most {MAX_BYTES:,} are read",
        code="E181",
        hint="long lists of ids belong into a file of their own, named under lists:",
    )


def read_document(text: str, file: str = "coterie.yaml") -> Document:
    """Read the text of a project file.

    Args:
        text: the whole text; line ends may be \\n, \\r\\n or \\r.
        file: the name that places carry.

    Returns:
        The tree with what was read; duplicate keys, anchors, tags and the like are in `errors` and not in the tree.

    Raises:
        DefinitionError: where nothing can be made of the text: E180 (characters), E181 (size), E182 (YAML), E185 (an
            expression that YAML cut in pieces), E187 (nothing in it).
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAX_BYTES:
        raise too_large(file, len(text))
    if text.count("\n") + text.count(",") > MAX_NODES:
        raise _too_many(file)
    reader = _Reader(text, file)
    reader.refuse_characters()
    reader.refuse_depth()
    return reader.read()


def _too_many(file: str) -> DefinitionError:
    return DefinitionError(
        f"{file} holds more than {MAX_NODES:,} values",
        code="E181",
        hint="long lists of ids belong into a file of their own, named under lists:",
    )


# What no text of a project file holds: control characters, and line ends that editors and YAML count differently.
_STRANGE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_DEEP = re.compile(rf"(?:[\[{{]\s*+){{{MAX_DEPTH + 1}}}")
_SECRET = re.compile(r"(://[^:/@\s]*:)([^/\s]+)(?=@)")


def _hide(found: re.Match[str]) -> str:
    return found[0] if "${" in found[2] else found[1] + "*" * len(found[2])


class _Reader:
    """One reading of one text."""

    def __init__(self, text: str, file: str):
        self.text, self.file = text, file
        self.raw = text.split("\n")
        # A password in an address is not for error messages.
        self.lines = [_SECRET.sub(_hide, line) if "://" in line else line for line in self.raw]
        self.starts = [0]
        for line in self.raw:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.errors: list[DefinitionError] = []
        self.scalars: list[tuple[int, int]] = []
        self.nodes = 0

    def refuse_characters(self) -> None:
        found = _STRANGE.search(self.text)
        if found:
            raise self.error(
                "E180",
                f"the character U+{ord(found[0]):04X} cannot stand in a project file",
                "delete it",
                *self.at(found.start()),
            )

    def refuse_depth(self) -> None:
        """Brackets in brackets, before the parser spends its time on them."""
        found = _DEEP.search(self.text)
        if found:
            raise self.too_deep(*self.at(found.start()))

    def too_deep(self, line: int, column: int) -> DefinitionError:
        return self.error("E181", f"this is nested more than {MAX_DEPTH} deep", "a project file needs 6", line, column)

    # --- places -------------------------------------------------------------------------------------------------------

    def at(self, index: int) -> tuple[int, int]:
        """Line and column, from 0, of an offset into the text."""
        line = bisect_right(self.starts, index) - 1
        return line, index - self.starts[line]

    def place(self, line: int, column: int, width: int = 1) -> Place:
        line = min(line, len(self.lines) - 1)
        return Place(self.file, line + 1, column + 1, self.lines[line], width)

    def error(self, code: str, message: str, hint: str, line: int, column: int, width: int = 1) -> DefinitionError:
        return DefinitionError(message, code=code, hint=hint, place=self.place(line, column, width))

    def report(self, error: DefinitionError) -> None:
        """Go on after an error, unless there are so many that nobody reads them."""
        self.errors.append(error)
        if len(self.errors) >= MAX_ERRORS:
            from coterie.core.errors import DefinitionErrors

            raise DefinitionErrors(self.errors)

    # --- events to tree -----------------------------------------------------------------------------------------------

    def read(self) -> Document:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        yaml = YAML(typ="safe", pure=True)
        events = yaml.parse(StringIO(self.text))
        try:
            root = self.document(events)
        except MarkedYAMLError as error:
            raise self.syntax(error) from None
        except (YAMLError, ValueError, ArithmeticError, LookupError):
            # Where the parser itself stumbles (an escape for no character, a directive without a number).
            mark = yaml.reader.get_mark()
            raise self.error("E182", "YAML cannot read this", bites.BLOCK, mark.line, mark.column) from None
        return Document(self.file, tuple(self.lines), root, tuple(self.comments()), tuple(self.errors))

    def document(self, events: Iterator[Any]) -> Map:
        from ruamel.yaml import events as ev

        root: Node | None = None
        documents = 0
        for event in events:
            match event:
                case ev.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise self.error(
                            "E183",
                            "a second document starts here, a project file is one",
                            "remove the line ---",
                            event.start_mark.line,
                            event.start_mark.column,
                            3,
                        )
                    if event.tags or event.version not in (None, (1, 2)):
                        raise self.error(
                            "E183",
                            "a project file needs no YAML directives",
                            "remove the line that starts with %",
                            0,
                            0,
                        )
                case ev.StreamStartEvent() | ev.StreamEndEvent() | ev.DocumentEndEvent():
                    pass
                case _:
                    root = self.node(event, events, 0, flow=False)
        if root is None or (isinstance(root, Scalar) and not root.text):
            raise DefinitionError(
                f"{self.file} is empty",
                code="E187",
                hint="`coterie init` with your files writes a first one",
                place=self.place(0, 0),
            )
        if not isinstance(root, Map):
            place = root.place
            hint = "it starts with keys and their values, such as `project: acme` and `sources:` (a blank after the colon)"
            raise DefinitionError("this is no project file: it has no keys", code="E182", hint=hint, place=replace(place, width=1))
        return root

    def node(self, event: Any, events: Iterator[Any], depth: int, *, flow: bool) -> Node | None:
        """The node that starts with an event; None where it had to be left out."""
        from ruamel.yaml import events as ev

        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _too_many(self.file)
        line, column = event.start_mark.line, event.start_mark.column
        if depth > MAX_DEPTH:
            raise self.too_deep(line, column)
        refused = self.refused(event)
        match event:
            case ev.AliasEvent():
                return None
            case ev.ScalarEvent():
                scalar = self.scalar(event, flow)
                return None if refused else scalar
            case ev.SequenceStartEvent():
                items = []
                while not isinstance(inner := next(events), ev.SequenceEndEvent):
                    item = self.node(inner, events, depth + 1, flow=event.flow_style)
                    if item is not None:
                        items.append(item)
                last = self.last(event, inner, items)
                return List(tuple(items), self.place(line, column), event.flow_style, line + 1, last)
            case _:
                entries = self.entries(event, events, depth)
                last = self.last(event, entries.pop(), [e.value for e in entries])
                return Map(tuple(entries), self.place(line, column), event.flow_style, line + 1, last)

    def entries(self, event: Any, events: Iterator[Any], depth: int) -> list[Any]:
        """The entries of a map, and behind them the event that ended it."""
        from ruamel.yaml import events as ev

        entries: list[Any] = []
        seen: dict[str, Scalar] = {}
        before: Scalar | None = None
        while not isinstance(inner := next(events), ev.MappingEndEvent):
            key = self.node(inner, events, depth + 1, flow=event.flow_style)
            value_event = next(events)
            bare = event.flow_style and self.bare(inner, value_event)
            value = self.node(value_event, events, depth + 1, flow=event.flow_style)
            if isinstance(value, Scalar) and isinstance(key, Scalar) and not value.text and value.style == "plain":
                value = _nothing(key)
            if key is None:
                continue
            if not isinstance(key, Scalar):
                hint = "a name with brackets stands in quotes"
                raise DefinitionError("a key is a text, this is a list or a map", code="E183", hint=hint, place=key.place)
            if bare:
                self.report(bites.without_value(key, before))
                continue
            if key.text == "<<" and key.style == "plain":
                self.report(
                    _error(
                        key,
                        "E183",
                        "`<<` merges maps in YAML, a project file says everything where it stands",
                        "write the keys out",
                    )
                )
            elif key.text in seen:
                first = seen[key.text]
                self.report(
                    _error(
                        key,
                        "E184",
                        f"'{key.text}' stands here twice",
                        f"the first is in line {first.first}; remove or rename one",
                    )
                )
            elif value is not None:
                entries.append(Entry(key, value))
            seen.setdefault(key.text, key)
            before = value if isinstance(value, Scalar) else None
        return [*entries, inner]

    def bare(self, key: Any, value: Any) -> bool:
        """Whether a key of a flow map has no colon."""
        between = self.text[self.index(key.end_mark) : self.index(value.start_mark)]
        return ":" not in between and getattr(value, "value", None) == ""

    def refused(self, event: Any) -> bool:
        """Whether the node carries what a project file does not have; said, and the node left out."""
        from ruamel.yaml import events as ev

        line, column = event.start_mark.line, event.start_mark.column
        source = self.raw[line][column:]
        error = bites.reference(source, isinstance(event, ev.AliasEvent), event.anchor, getattr(event, "tag", None))
        if error is None:
            return False
        self.report(self.error("E183", *error, line, column, len(source.split()[0]) if source.split() else 1))
        return True

    def last(self, start: Any, end: Any, children: list[Node]) -> int:
        """The last line of a list or map: of a block the end of what is in it."""
        if start.flow_style:
            return int(end.end_mark.line) + 1
        return max([c.last for c in children], default=start.start_mark.line + 1)

    def index(self, mark: Any) -> int:
        return self.starts[int(mark.line)] + int(mark.column)

    # --- scalars ------------------------------------------------------------------------------------------------------

    def scalar(self, event: Any, flow: bool) -> Scalar:
        style = STYLES[event.style]
        begin, end = self.index(event.start_mark), min(self.index(event.end_mark), len(self.text))
        self.scalars.append((begin, end))
        line, column = self.at(begin)
        last = self.at(end)[0]
        if style in ("literal", "folded"):
            body = self.text[begin:end].rstrip()
            last = line + body.count("\n")
            follows = ""
        else:
            follows = self.text[end : self.starts[last + 1] - 1].strip()
        if style == "plain" or style in ("literal", "folded"):
            starts = self.by_line(event.value, begin, end, header=style != "plain")
        else:
            starts = self.quoted(event.value, begin, end, double=style == "double")
        if not starts or starts[0][0] > 0:
            offset = 1 if style in ("single", "double") else 0
            starts = [(0, line + 1, column + 1 + offset, self.lines[line]), *starts]
        if style == "double" and any("\ud800" <= c <= "\udfff" for c in event.value):
            self.report(self.error("E180", "half a surrogate pair is no character", "write the character itself", line, column))
            return self.scalar_of("", [starts[0]], style, follows, flow, line, last)
        return self.scalar_of(event.value, starts, style, follows, flow, line, last)

    def scalar_of(
        self,
        text: str,
        starts: list[tuple[int, int, int, str]],
        style: Style,
        follows: str,
        flow: bool,
        first: int,
        last: int,
    ) -> Scalar:
        return Scalar(Written(text, Origin(text, self.file, tuple(starts))), style, follows, flow, first + 1, last + 1)

    def by_line(self, value: str, begin: int, end: int, *, header: bool) -> list[tuple[int, int, int, str]]:
        """Where each line of a plain or block scalar stands: its lines hold the text as it is, between blanks."""
        starts: list[tuple[int, int, int, str]] = []
        offset = 0
        first, last = self.at(begin)[0], self.at(end)[0]
        for line in range(first + header, last + 1):
            low, high = max(begin, self.starts[line]), min(end, self.starts[line + 1] - 1)
            piece = self.text[low:high].strip(" \t")
            if not piece:
                continue
            found = value.find(piece, offset)
            if found < 0:
                break
            column = self.text.index(piece, low) - self.starts[line]
            starts.append((found, line + 1, column + 1, self.lines[line]))
            offset = found + len(piece)
        return starts

    def quoted(self, value: str, begin: int, end: int, *, double: bool) -> list[tuple[int, int, int, str]]:
        """Where each stretch of a quoted scalar stands: a new one after each escape and each line end."""
        starts: list[tuple[int, int, int, str]] = []
        offset, fresh = 0, True
        for token in (_DOUBLE if double else _SINGLE).finditer(self.text, begin + 1, end - 1):
            kind, text = token.lastgroup, token[0]
            if fresh and kind != "fold":
                line, column = self.at(token.start())
                starts.append((offset, line + 1, column + 1, self.lines[line]))
                fresh = False
            if kind == "run":
                if not value.startswith(text, offset):
                    break
                offset += len(text)
            elif kind == "escape":
                offset += 1
                fresh = True
            else:
                breaks = text.count("\n")
                offset += max(0, breaks - 1) or (0 if text.startswith("\\") else 1)
                fresh = True
        return starts

    # --- comments and mistakes ----------------------------------------------------------------------------------------

    def comments(self) -> Iterator[Comment]:
        """The comments, which stand outside of scalars (and in the first line of block scalars)."""
        gaps, at = [], 0
        for begin, end in sorted(self.scalars):
            gaps.append((at, begin))
            if self.text[begin : begin + 1] in ("|", ">") and "\n" in self.text[begin:end]:
                gaps.append((begin, self.text.index("\n", begin)))
            at = max(at, end)
        gaps.append((at, len(self.text)))
        for low, high in gaps:
            for found in _COMMENT.finditer(self.text, low, high):
                line, column = self.at(found.start())
                alone = not self.raw[line][:column].strip()
                yield Comment(found[0].rstrip(), line + 1, column + 1, alone)

    def syntax(self, error: Any) -> DefinitionError:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        context = (error.context_mark.line, error.context_mark.column) if error.context_mark else None
        code, message, hint, line, column = bites.syntax(
            self.raw, str(error.problem or ""), str(error.context or ""), line, column, context
        )
        return self.error(code, message, hint, line, column)


_FOLD = r"(?P<fold>[ \t]*\n[ \t\n]*)"
_SINGLE = re.compile(_FOLD + r"|(?P<escape>'')|(?P<run>[^'\n \t]+|[ \t]+)")
_DOUBLE = re.compile(
    r"(?P<fold>[ \t]*\n[ \t\n]*|\\\n[ \t\n]*)|(?P<escape>\\x..|\\u....|\\U........|\\.)|(?P<run>[^\\\n \t]+|[ \t]+)"
)
_COMMENT = re.compile(r"(?<![^\s])#[^\n]*")


def _nothing(key: Scalar) -> Scalar:
    """The value of a key without one, at the place of the key."""
    origin = key.written.origin
    return replace(key, written=Written("", Origin("", origin.file, origin.starts[:1])), style="plain", follows="")


def _error(at: Scalar, code: str, message: str, hint: str) -> DefinitionError:
    return DefinitionError(message, code=code, hint=hint, place=at.place)
