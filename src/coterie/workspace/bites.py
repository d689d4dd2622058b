"""What YAML does to a text that it takes for something else, in plain words, each with the way out.

`x: name = 'C #1'` loses its end to a comment, `{where: a in ('b', 'c')}` is cut at the comma, `x: 'DE' = country` is a
text with something left over. Whoever writes an expression knows nothing of this and should not have to.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coterie.core.errors import DefinitionError
from coterie.core.place import Place

if TYPE_CHECKING:
    from coterie.workspace.document import Scalar

BLOCK = "write | after the colon and the text alone on the next line, indented"
INDICATORS = "!&*>|@%[{`"
"""What a value without quotes cannot start with (nor with a quote, `- `, `? `, `#`, `,`, `]`, `}`)."""


def open_mark(text: str) -> str | None:
    """The quote, or else the parenthesis, that is still open at the end of an expression."""
    quote, depth = "", 0
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == "(") - (character == ")")
    return quote or ("(" if depth > 0 else None)


def way_out(value: str = "") -> str:
    """How to write a value so that YAML leaves it alone."""
    value = value.strip()
    if not value or len(value) > 60 or "\\" in value:
        return BLOCK
    quoted = f'"{value}"' if '"' not in value else "'" + value.replace("'", "''") + "'"
    return f"put the whole in quotes: {quoted} — or {BLOCK}"


def cut(scalar: "Scalar") -> DefinitionError | None:
    """What YAML cut off an expression, if it did: a comment or comma took the rest while a quote or ( was open."""
    if scalar.style != "plain":
        if scalar.style in ("literal", "folded") and not scalar.text.strip():
            return DefinitionError(
                "YAML takes > or | at the start of a value for a block of text, and nothing stands in this one",
                code="E185",
                hint=BLOCK,
                place=scalar.place,
            )
        return None
    opened = open_mark(scalar.text)
    if opened is None or not scalar.follows:
        return None
    _, line, column, whole = scalar.written.origin.starts[-1]
    rest = whole[column - 1 :]
    position = rest.rfind(scalar.follows)
    if position < 0:
        return None
    what = "in parentheses" if opened == "(" else "in quotes"
    place = Place(scalar.written.origin.file, line, column + position, whole)
    if scalar.follows.startswith("#"):
        message = f"YAML took ` #` {what} for the start of a comment and cut the expression here"
        return DefinitionError(message, code="E185", hint=way_out(rest), place=place)
    if scalar.flow and scalar.follows.startswith(","):
        message = f"between {{ }} or [ ] a comma ends a value: YAML cut the expression at this one, {what}"
        whole_value = _closed(rest[:500])
        return DefinitionError(message, code="E185", hint=way_out(whole_value), place=place)
    return None


def without_value(key: "Scalar", before: "Scalar | None") -> DefinitionError:
    """A key between braces that has no colon: most often the rest of an expression that YAML cut at its comma."""
    cut_before = cut(before) if before is not None else None
    if cut_before is not None:
        return cut_before
    return DefinitionError(
        f"'{key.text}' has no value",
        code="E187",
        hint=f"between braces every key has one: {{{key.text}: …}}, with a blank after the colon",
        place=key.place,
    )


def reference(source: str, alias: bool, anchor: str | None, tag: str | None) -> tuple[str, str] | None:
    """Message and hint for an alias, anchor or tag of YAML, which a project file does not have."""
    if alias:
        return (
            "YAML takes * at the start of a value for an alias, which a project file does not have",
            way_out(source) if source.startswith("*") else BLOCK,
        )
    if anchor:
        return (
            "YAML takes & at the start of a value for an anchor, which a project file does not have",
            "write the value out wherever it is needed; if the & belongs to the text, put the text in quotes",
        )
    if tag:
        return (
            "YAML takes ! at the start of a value for a tag, which a project file does not have",
            "'not' is written as a word; if the ! belongs to the text, put the text in quotes",
        )
    return None


@dataclass(frozen=True, slots=True)
class _Entry:
    """`key: value` on one line; `column` is where the value starts, from 0."""

    indent: int
    key: str
    column: int
    value: str


_ENTRY = re.compile(
    r"""(?P<indent>[ ]*(?:-[ ]+)*)
    (?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s\#"'\[\]{},&*!|>%@`].*?)
    \s*:(?:[ \t]+|$)(?P<value>.*)""",
    re.VERBOSE,
)
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_FLOW_KEY = re.compile(r"[{,]\s*(?:\"[^\"]*\"|'[^']*'|[^:{},'\"]+):\s*")

Finding = tuple[str, str, str, int, int]
"""Code, message, hint, line and column from 0."""


def syntax(lines: list[str], problem: str, context: str, line: int, column: int, start: tuple[int, int] | None) -> Finding:
    """A syntax error of YAML in plain words.

    Args:
        lines: the file.
        problem, context: the parser's words for what is wrong and what it was reading.
        line, column: where, from 0.
        start: where that which it was reading began.
    """
    line = min(line, len(lines) - 1)
    found = (
        _tab(problem, line, column)
        or _unclosed(problem, context, start)
        or _escape(problem, line, column)
        or _commented(lines, problem, line)
        or _flow(lines, problem, context, line, column, start)
        or _value(lines, problem, line, column)
        or _layout(lines, problem, line, column)
    )
    return found or ("E182", f"YAML cannot read this: {problem}", BLOCK, line, column)


def _entry(text: str) -> _Entry | None:
    match = _ENTRY.match(text)
    if match is None:
        return None
    return _Entry(len(match["indent"]), match["key"], match.start("value"), match["value"])


def _tab(problem: str, line: int, column: int) -> Finding | None:
    if "'\\t'" not in problem and "\t" not in problem:
        return None
    return "E182", "a tab stands here; YAML wants blanks", "replace the tab by blanks", line, column


def _unclosed(problem: str, context: str, start: tuple[int, int] | None) -> Finding | None:
    if "quoted scalar" in context and "end of stream" in problem and start is not None:
        return "E182", "this quote is never closed", f"close it; if it belongs to an expression, {BLOCK}", *start
    if "quoted scalar" in context and "document separator" in problem and start is not None:
        return "E182", "this quote is not closed before the line ---", "close it", *start
    return None


def _escape(problem: str, line: int, column: int) -> Finding | None:
    if "escape" not in problem:
        return None
    hint = "between double quotes YAML reads \\ as the start of an escape: write \\\\, or put the text in single quotes"
    return "E182", "this escape does not exist", hint, line, column


def _commented(lines: list[str], problem: str, line: int) -> Finding | None:
    """A value of several lines that a comment ended in its middle."""
    if "could not find expected ':'" not in problem and "'<scalar>'" not in problem:
        return None
    for number in range(line, max(-1, line - 3), -1):
        entry = _entry(lines[number])
        if number == line and entry is not None:
            return None
        comment = re.search(r"\s#", lines[number])
        if comment and number < line and (entry is None or not entry.value.startswith(("'", '"', "{", "["))):
            message = "a comment ends the value here, and the next line is left over"
            return "E185", message, BLOCK + " (without the comment)", number, comment.start() + 1
    return None


def _flow(lines: list[str], problem: str, context: str, line: int, column: int, start: tuple[int, int] | None) -> Finding | None:
    """Between braces or brackets."""
    if "flow" not in context or start is None:
        return None
    mark = lines[start[0]][start[1] : start[1] + 1]
    rest = "\n".join([lines[start[0]][start[1] :], *lines[start[0] + 1 : line + 1]])
    inside = rest[: len(rest) - len(lines[line]) + column] if line > start[0] else rest[: column - start[1]]
    keys = list(_FLOW_KEY.finditer(inside))
    # The last value that was still open when the next mark came is the one that was cut.
    begun = next((k.end() for k in reversed(keys) if open_mark(inside[k.end() :])), keys[-1].end() if keys else 1)
    value, whole = inside[begun:], _closed(rest[begun : begun + 500])
    quoted = _QUOTED.match(value)
    if quoted and not value[quoted.end() :].strip() and "'<scalar>'" in problem:
        return "E185", _LEFT_OVER.format(quoted[0]), way_out(whole), line, column
    if open_mark(value) is not None and "stream end" not in problem:
        before = inside[: begun + _first_break(value)]
        at = len(before) - (before.rfind("\n") + 1) + (0 if "\n" in before else start[1])
        message = "between { } or [ ] the marks , : { } [ ] end a value: YAML cut the expression here"
        return "E185", message, way_out(whole), start[0] + before.count("\n"), at
    if line == start[0] and any(f"'{c}'" in problem for c in "[{:"):
        message = "between { } or [ ] the marks , : { } [ ] end a value"
        return "E185", message, way_out(whole), line, column
    if "stream end" in problem or line > start[0]:
        return "E182", f"this {mark} is not closed", f"close it with {'}' if mark == '{' else ']'}", *start
    message = f"something stands here that fits nowhere between {mark} and its end"
    return "E182", message, "put a comma before it, or quotes around it", line, column


def _closed(text: str) -> str:
    """The value at the start of a text, up to the mark that ends it where no quote or parenthesis is open."""
    depth = 0
    for index, character in enumerate(text):
        if character in ",}]" and depth <= 0 and open_mark(text[:index]) is None:
            return text[:index]
        depth += (character in "{[") - (character in "}]")
    return text


def _first_break(value: str) -> int:
    """Where a value first holds a mark that ends it."""
    return next((i for i, c in enumerate(value) if c in ",{}[]" or value[i : i + 2] == ": "), len(value))


_LEFT_OVER = "YAML takes {} for the whole value, and what stands here is left over"


def _value(lines: list[str], problem: str, line: int, column: int) -> Finding | None:
    """A value that starts with, or holds, what YAML takes for its own."""
    entry = _entry(lines[line])
    if entry is None:
        bare = lines[line].strip().removeprefix("- ")
        entry = _Entry(0, "", len(lines[line]) - len(bare), bare)
    value = re.split(r"\s#", entry.value)[0].strip()
    if not value:
        return None
    hint = way_out(value)
    quoted = _QUOTED.match(value)
    if quoted and value[quoted.end() :].strip() and "'<scalar>'" in problem:
        return "E185", _LEFT_OVER.format(quoted[0]), hint, line, column
    if value[0] in ">|" and column >= entry.column:
        return "E185", f"YAML takes {value[0]} at the start of a value for a block of text", hint, line, entry.column
    if value[0] == "*" and column >= entry.column:
        return (
            "E183",
            "YAML takes * at the start of a value for an alias, which a project file does not have",
            hint,
            line,
            entry.column,
        )
    if value[0] in "@`%" and column == entry.column:
        return "E185", f"in YAML no value starts with {value[0]}", hint, line, column
    if value[0] in "&!" and column >= entry.column:
        return "E183", f"in YAML no text starts with {value[0]}", hint, line, entry.column
    if value[0] in "-?" and column == entry.column:
        return (
            "E185",
            f"YAML takes {value[0]} and a blank at the start of a value for a list or a key",
            hint,
            line,
            column,
        )
    if "mapping values are not allowed" in problem and column >= entry.column:
        return (
            "E185",
            "YAML takes a colon and a blank for the end of a key, and this one stands inside a value",
            hint,
            line,
            column,
        )
    return None


def _layout(lines: list[str], problem: str, line: int, column: int) -> Finding | None:
    before = next((n for n in range(line - 1, -1, -1) if lines[n].strip()), None)
    if "mapping values are not allowed" in problem and before is not None and _entry(lines[before]) is None:
        line, problem = before, "could not find expected ':'"
    if "mapping values are not allowed" in problem or "block mapping start" in problem or "block sequence start" in problem:
        message = "this line is indented like none of the lines above it"
        indent = len(lines[line]) - len(lines[line].lstrip())
        return "E182", message, "keys that belong together start in the same column", line, min(indent, column)
    if "could not find expected ':'" in problem or "'<scalar>'" in problem:
        at = line if lines[line].strip() or line == 0 else line - 1
        text = lines[at]
        return (
            "E182",
            "this line has no key with a colon",
            "a line is `key: value`, with a blank after the colon",
            at,
            len(text) - len(text.lstrip()),
        )
    if "sequence entries are not allowed" in problem:
        return "E182", "a list item stands where none can be", "a list starts on the line below its key", line, column
    return None
