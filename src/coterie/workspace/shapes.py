"""What a value of the project file can be: each shape reads a node and says the same to an editor as JSON Schema."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from coterie.core.definition import Written
from coterie.core.errors import DefinitionError, DefinitionErrors, did_you_mean
from coterie.core.place import Origin, Place
from coterie.language import names
from coterie.workspace import bites
from coterie.workspace.document import List, Map, Node, Scalar

Schema = Mapping[str, Any]
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
"""An editor reads `5` and `true` as a number and a truth; here every scalar is a text."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of value.

    Attributes:
        words: what is expected, after "expected ".
        read: the value of a node; raises DefinitionError (several as DefinitionErrors).
        schema: the same as JSON Schema, draft-07.
        language: its texts are expressions, which have a canonical form.
    """

    words: str
    read: Callable[[Node], Any]
    schema: Schema
    language: bool = False


def refuse(node: Node, code: str, message: str, hint: str) -> DefinitionError:
    return DefinitionError(message, code=code, hint=hint, place=node.place)


def found(node: Node) -> str:
    """A node in words, for errors."""
    match node:
        case Scalar():
            return f"'{_short(node.text)}'" if node.text.strip() else "nothing"
        case Map():
            return "a map of keys"
        case List():
            return "a list"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def scalar(node: Node, words: str) -> Scalar:
    """The node as a scalar that is not empty."""
    if isinstance(node, Scalar) and node.text.strip():
        return node
    if isinstance(node, Scalar):
        cut = bites.cut(node)
        raise cut or refuse(node, "E187", "nothing stands here", f"expected {words}; a key without a value is left out altogether")
    hint = f"expected {words}"
    if node.flow:
        mark = "{" if isinstance(node, Map) else "["
        hint += f"; YAML takes {mark} at the start of a value for {found(node)}: a text goes in quotes"
    raise refuse(node, "E188", f"{found(node)} stands here", hint)


def mapping(node: Node, words: str) -> Map:
    if isinstance(node, Map):
        return node
    raise refuse(
        node,
        "E188" if not isinstance(node, Scalar) or node.text.strip() else "E187",
        f"{found(node)} stands here",
        f"expected {words}",
    )


def items(node: Node, words: str) -> tuple[Node, ...]:
    """The items of a list; a scalar is a list of one."""
    if isinstance(node, List):
        return node.items
    return (scalar(node, words),)


def text_of(value: Scalar) -> str:
    """The text without the line end that a block has, and blanks around."""
    return value.text.strip()


def trimmed(written: Written) -> Written:
    """The text without blanks around, its places kept."""
    text = written.text.strip()
    lead = written.text.index(text)
    if not lead and len(text) == len(written.text):
        return written
    file = written.origin.file
    starts = [(offset - lead, line, column, whole) for offset, line, column, whole in written.origin.starts]
    inside = [s for s in starts if s[0] >= 0]
    if not inside or inside[0][0] > 0:
        offset, line, column, whole = [s for s in starts if s[0] < 0][-1]
        inside.insert(0, (0, line, column - offset, whole))
    return Written(text, Origin(text, file, tuple(inside)))


def each(nodes: Iterable[Node], read: Callable[[Node], Any]) -> tuple[Any, ...]:
    """All values, or all errors."""
    values, errors = [], []
    for node in nodes:
        try:
            values.append(read(node))
        except DefinitionError as error:
            errors.append(error)
    if errors:
        raise DefinitionErrors(errors)
    return tuple(values)


# --- shapes of one scalar ---------------------------------------------------------------------------------------------


def _text(node: Node) -> str:
    return text_of(scalar(node, "a text"))


def _exact(node: Node) -> str:
    """A text of which every blank counts."""
    if isinstance(node, Scalar) and node.text and node.style in ("single", "double"):
        return node.text
    return text_of(scalar(node, "a text"))


def _expression(node: Node) -> Written:
    value = scalar(node, "an expression")
    cut = bites.cut(value)
    if cut:
        raise cut
    return trimmed(value.written)


def one_of(*choices: str) -> Shape:
    """One of a few words."""
    words = " or ".join(choices) if len(choices) < 3 else ", ".join(choices[:-1]) + f" or {choices[-1]}"

    def read(node: Node) -> str:
        value = text_of(scalar(node, words))
        if value not in choices:
            raise refuse(node, "E189", f"'{_short(value)}' is not one of {words}", did_you_mean(value, choices, "Possible"))
        return value

    return Shape(words, read, {"enum": list(choices)})


ENGINES = "duckdb, spark, or where Spark runs: local[2], spark://host:7077, yarn, k8s://…, sc://host:15002"
_SPARK = re.compile(r"spark|local(\[(\*|[1-9][0-9]{0,3})\])?|yarn|(spark|k8s|sc)://\S+")


def is_engine(text: str) -> bool:
    """Whether a text names an engine."""
    return text == "duckdb" or _SPARK.fullmatch(text) is not None


def _engine(node: Node) -> str:
    value = text_of(scalar(node, "an engine"))
    if not is_engine(value):
        raise refuse(node, "E189", f"'{_short(value)}' is no engine", f"it is {ENGINES}")
    return value


ENGINE = Shape("an engine", _engine, {"type": "string", "pattern": f"^(duckdb|{_SPARK.pattern})$"})


def _truth(node: Node) -> bool:
    value = text_of(scalar(node, "true or false")).lower()
    if value not in ("true", "false"):
        raise refuse(node, "E189", f"'{_short(value)}' is neither true nor false", "write true or false")
    return value == "true"


def _whole(node: Node) -> int:
    value = text_of(scalar(node, "a whole number"))
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise refuse(node, "E189", f"'{_short(value)}' is not a whole number", "write digits only, such as 3")
    return int(value)


def number(node: Node) -> Decimal | int:
    value = text_of(scalar(node, "a number"))
    if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", value):
        raise refuse(node, "E189", f"'{_short(value)}' is not a number", "write it with digits and a point, such as 1250 or 0.5")
    return int(value) if "." not in value else Decimal(value)


def _date(node: Node) -> date:
    value = text_of(scalar(node, "a date"))
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise refuse(node, "E189", f"'{_short(value)}' is not a day", "write a day as year-month-day: 2026-01-31")


_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?")


def _as_of(node: Node) -> str | Written:
    value = scalar(node, "now, latest event, a date or an instant")
    text = text_of(value)
    if text in ("now", "latest event"):
        return text
    try:
        if _INSTANT.fullmatch(text):
            datetime.fromisoformat(text)
            return trimmed(value.written)
    except ValueError:
        pass
    message = f"'{_short(text)}' is neither now, latest event, a date nor an instant"
    raise refuse(node, "E189", message, "such as 2026-01-31 (the end of that day) or 2026-01-31T18:00")


def _from_when(node: Node) -> str | date:
    value = text_of(scalar(node, "a column or a date"))
    return _date(node) if re.match(r"[0-9]{4}-", value) else value


def _zone(node: Node) -> str:
    value = text_of(scalar(node, "a time zone"))
    try:
        if value in ("localtime", "Factory", "posixrules") or value.startswith(("posix/", "right/")):
            raise ValueError
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        cities = {name.rpartition("/")[2].casefold(): name for name in sorted(known)}
        city = cities.get(value.replace(" ", "_").casefold())
        hint = f"did you mean '{city}'? " if city else ""
        hint = (
            hint or did_you_mean(value, known).partition("? ")[0] + "? " if "did you mean" in did_you_mean(value, known) else hint
        )
        raise refuse(
            node,
            "E196",
            f"'{_short(value)}' is not a time zone",
            f"{hint}Zones are named by a city, such as Europe/London",
        ) from None
    return value


def currency_code(node: Node) -> str:
    value = text_of(scalar(node, "a currency"))
    if not re.fullmatch(r"[A-Z]{3}", value):
        near = f"did you mean {value.upper()}? " if re.fullmatch(r"[A-Za-z]{3}", value) else ""
        raise refuse(
            node,
            "E189",
            f"'{_short(value)}' is not a currency code",
            f"{near}ISO 4217 has three capital letters: GBP, EUR, USD",
        )
    return value


def _locale(node: Node) -> str:
    value = text_of(scalar(node, "a language and country"))
    if not re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*", value):
        raise refuse(node, "E189", f"'{_short(value)}' is not a locale", "such as en-GB or de")
    return value


def pattern(node: Node) -> str:
    """A cell of recency / frequency / monetary scores: '5/5/5', '1-2/2-5/4-5'."""
    value = text_of(scalar(node, "scores such as 1-2/2-5/4-5")).replace(" ", "")
    parts = [re.fullmatch(r"([1-9][0-9]{0,2})(?:-([1-9][0-9]{0,2}))?", part) for part in value.split("/")]
    if len(parts) != 3 or not all(parts) or any(p and p[2] and int(p[1]) > int(p[2]) for p in parts):
        hint = "three parts, for recency, frequency and monetary, each a score or from-to: 5/5/5 or 1-2/2-5/4-5"
        raise refuse(node, "E195", f"'{_short(value)}' is no cell of scores", hint)
    return value


TEXT = Shape("a text", _text, SCALAR)
EXACT = Shape("a text", _exact, SCALAR)
COLUMN = Shape("the name of a column", _text, SCALAR)
PATH = Shape("a path relative to the project's folder", _text, SCALAR)
EXPRESSION = Shape("an expression", _expression, SCALAR, language=True)
TRUTH = Shape("true or false", _truth, {"enum": [True, False, "true", "false"]})
WHOLE = Shape("a whole number", _whole, {"type": ["integer", "string"], "minimum": 0, "pattern": r"^\s*\d+\s*$"})
DATE = Shape("a date", _date, {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})
AS_OF = Shape("now, latest event, a date or an instant", _as_of, {"type": "string"})
FROM_WHEN = Shape("a column or a date", _from_when, {"type": "string"})
ZONE = Shape("a time zone", _zone, {"type": "string"})
CURRENCY = Shape("a currency", currency_code, {"type": "string", "pattern": "^[A-Z]{3}$"})
LOCALE = Shape("a locale", _locale, {"type": "string"})


# --- shapes of several values -----------------------------------------------------------------------------------------


def _texts(node: Node) -> tuple[str, ...]:
    return each(items(node, "a text or a list of texts"), _text)


def _exacts(node: Node) -> tuple[str, ...]:
    return each(items(node, "a text or a list of texts"), _exact)


def by_key(node: Node, words: str, read: Callable[[Node], Any]) -> Mapping[str, Any]:
    """The values of a map, by key; all errors at once."""
    entries = mapping(node, words).entries
    values = each([e.value for e in entries], read)
    return MappingProxyType({e.key.text: v for e, v in zip(entries, values, strict=True)})


def map_of(shape: Shape, words: str) -> Shape:
    """Names with values of one shape."""
    schema = {"type": "object", "additionalProperties": dict(shape.schema)}
    return Shape(words, lambda node: by_key(node, words, shape.read), schema)


def _percent(node: Node) -> Decimal:
    value = text_of(scalar(node, "a share such as 20%"))
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?\s*%", value):
        raise refuse(node, "E189", f"'{_short(value)}' is not a share", "write a number and %, such as 20%")
    return Decimal(value.rstrip("% ")) / 100


def _currencies(node: Node) -> Mapping[str, str]:
    if isinstance(node, Map):
        return by_key(node, "columns with their currency", currency_code)
    return MappingProxyType({"*": currency_code(node)})


def _free(node: Node) -> Any:
    """Whatever stands there, as frozen plain values: texts, tuples, mappings."""
    match node:
        case Scalar():
            return text_of(node)
        case List():
            return tuple(_free(item) for item in node.items)
        case Map():
            return MappingProxyType({e.key.text: _free(e.value) for e in node.entries})


def _expressions(node: Node) -> tuple[Written, ...]:
    return each(items(node, "an expression or a list of them"), _expression)


def _bins(node: Node) -> int | tuple[tuple[str, int | tuple[Decimal | int, ...]], ...]:
    """A number of groups, or for some of the scores theirs: how many, or the limits between them (rising)."""
    if isinstance(node, Scalar) and node.text.strip():
        return _groups(node)
    entries = mapping(node, "a number of groups, or for recency, frequency and monetary a number or limits").entries
    errors: list[DefinitionError] = []
    out: list[tuple[str, int | tuple[Decimal | int, ...]]] = []
    for entry in entries:
        try:
            if entry.key.text not in SCORES:
                raise refuse(
                    entry.key,
                    "E186",
                    f"unknown key '{entry.key.text}'",
                    did_you_mean(entry.key.text, SCORES, "Keys here"),
                )
            one = isinstance(entry.value, Scalar) and entry.value.text.strip()
            out.append((entry.key.text, _groups(entry.value) if one else _limits(entry.value)))
        except DefinitionError as error:
            errors.append(error)
    if errors:
        raise DefinitionErrors(errors)
    if not out:
        raise refuse(node, "E187", "no groups stand here", "write bins: 5, or bins: {recency: [115, 181, 297, 482], monetary: 4}")
    return tuple(out)


SCORES = ("recency", "frequency", "monetary")


def _groups(node: Node) -> int:
    value = _whole(node)
    if not 2 <= value <= 1000:
        hint = "from 2 to 1000, usually 5; a limit between groups stands in brackets: [100]"
        raise refuse(node, "E195", f"{value} groups make no scores", hint)
    return value


def _limits(node: Node) -> tuple[Decimal | int, ...]:
    values = each(items(node, "limits such as [115, 181, 297, 482]"), number)
    if not values or any(a >= b for a, b in pairwise(values)):
        raise refuse(
            node,
            "E195",
            "the limits between groups do not rise",
            "write them from low to high, each once: [115, 181, 297, 482]",
        )
    return values


def _cells(node: Node) -> tuple[tuple[str, str], ...]:
    """Labels with their cells in order; a label with a list of cells stands once for each."""
    entries = mapping(node, "labels with their scores, such as {Champions: 5/5/5}").entries
    values = each([e.value for e in entries], lambda v: each(items(v, "scores such as 1-2/2-5/4-5"), pattern))
    return tuple((e.key.text, cell) for e, cells in zip(entries, values, strict=True) for cell in cells)


_CELL = {"type": "string", "pattern": r"^\s*\d+(-\d+)?\s*/\s*\d+(-\d+)?\s*/\s*\d+(-\d+)?\s*$"}
_GROUPS = {"type": ["integer", "string"], "minimum": 2, "maximum": 1000, "pattern": r"^\s*\d+\s*$"}
_LIMITS = {
    "type": "array",
    "items": {"type": ["number", "string"], "pattern": r"^\s*-?\d+(\.\d+)?\s*$"},
    "minItems": 1,
}

TEXTS = Shape("a text or a list of texts", _texts, {"anyOf": [SCALAR, {"type": "array", "items": SCALAR}]})
EXACTS = Shape("a text or a list of texts", _exacts, TEXTS.schema)
COLUMNS = Shape("a column or a list of columns", _texts, TEXTS.schema)
EXPRESSIONS = Shape("an expression or a list of them", _expressions, TEXTS.schema, language=True)
PERCENT = Shape("a share such as 20%", _percent, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"})
CURRENCIES = Shape(
    "a currency, or columns with theirs",
    _currencies,
    {"anyOf": [CURRENCY.schema, {"type": "object", "additionalProperties": CURRENCY.schema}]},
)
FREE = Shape("anything", _free, {})
BINS = Shape(
    "a number of groups, or for recency, frequency and monetary a number or limits",
    _bins,
    {
        "anyOf": [
            _GROUPS,
            {
                "type": "object",
                "properties": {score: {"anyOf": [_GROUPS, _LIMITS]} for score in SCORES},
                "minProperties": 1,
                "additionalProperties": False,
            },
        ]
    },
)
CELLS = Shape(
    "labels with their scores",
    _cells,
    {"type": "object", "additionalProperties": {"anyOf": [_CELL, {"type": "array", "items": _CELL}]}},
)


def name_of(key: Scalar, noun: str) -> str:
    """A name that is defined, in the one Unicode form; raises E191 for what cannot be one."""
    name = names.normal(key.text)
    complaint = names.complaint(name)
    if complaint is None and name != name.strip():
        complaint = "a name neither starts nor ends with a blank"
    if complaint is None and any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in name):
        complaint = "a name holds no marks that turn the direction of writing"
    if complaint:
        raise refuse(key, "E191", f"this cannot be the name of {noun}: {complaint}", "letters, digits and _ are always possible")
    if name.lower() in names.RESERVED or name.lower() == names.AS_OF:
        hint = f"give it another name, such as {name}_1" if name.lower() != "known" else "give it another name"
        raise refuse(key, "E191", f"'{name}' is a word of the language and cannot be the name of {noun}", hint)
    return name


def joined(pieces: Iterable[tuple[str, Place | Origin]]) -> Written:
    """One text from several that stand in different places, each keeping its own."""
    text, starts, file = "", [], "expression"
    for piece, where in pieces:
        if isinstance(where, Origin):
            file = where.file
            starts += [(offset + len(text), line, column, whole) for offset, line, column, whole in where.starts]
        else:
            file = where.file
            starts.append((len(text), where.line, where.column, where.text))
        text += piece
    return Written(text, Origin(text, file, tuple(starts)))
