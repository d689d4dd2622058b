"""What is said to a text that is not an expression.

`diagnose` is called where the parser stopped. First the table of `spellings.py` is asked, whose patterns must reach
over that point; then what is missing (an operand, a parenthesis, a unit); at last what was found and would be read.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from coterie.core.windows import EXACT, UNITS
from coterie.language import names
from coterie.language.spellings import SPELLINGS, UNIT_WORDS, length, unit_meant
from coterie.language.tree import Span


class Fault(Exception):
    """What is wrong with text[start:end], in the words of the error to come."""

    def __init__(self, start: int, end: int, code: str, message: str, hint: str):
        super().__init__(message)
        self.start, self.end, self.code, self.message, self.hint = start, end, code, message, hint


class Elsewhere(Exception):
    """Something at `offset` that only the text around it explains."""

    def __init__(self, offset: int):
        super().__init__(offset)
        self.offset = offset


def refuse(span: Span, code: str, message: str, hint: str) -> NoReturn:
    raise Fault(span.start, span.end, code, message, hint)


# The tokens of a text that need not be an expression

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*")|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<word>[^\W\d]\w*)"""
    r"""|(?P<sign>==+|!=|<>|<=|>=|&&|\|\||::|[-+*/%=<>(),.])|(?P<other>\S)"""
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""

    def __str__(self) -> str:
        text = self.text if len(self.text) < 40 else f"{self.text[:36]}…{self.text[-1]}"
        match self.kind:
            case "text":
                return f"the text {text}"
            case "quoted":
                return f"the name {text}"
            case "number":
                return f"the number {text}"
            case _:
                return f"`{text}`"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the parser stopped: `tokens[at]` is the token it could not take, or there is none there at the end."""

    source: str
    masked: str
    offset: int
    expected: frozenset[str]
    tokens: tuple[Token, ...]
    at: int

    @property
    def found(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def back(self, n: int) -> Token | None:
        """The n-th token before the one found."""
        return self.tokens[self.at - n] if self.at >= n else None

    def words(self) -> list[Token]:
        """The tokens before the stop that stand in the same parentheses, the nearest last."""
        out: list[Token] = []
        depth = 0
        for token in reversed(self.tokens[: self.at]):
            depth += {")": 1, "(": -1}.get(token.text, 0)
            if depth < 0:
                break
            if depth == 0 and token.text != "(":
                out.append(token)
        return out[::-1]

    def opened(self) -> list[Token]:
        """The parentheses open before the stop, the innermost last."""
        out: list[Token] = []
        for token in self.tokens[: self.at]:
            if token.text == "(":
                out.append(token)
            elif token.text == ")" and out:
                out.pop()
        return out


def diagnose(source: str, offset: int, expected: frozenset[str]) -> Fault:
    """The fault of a text that cannot be read at `offset`; `expected` are the grammar's terminals that could follow."""
    if not source.strip():
        return Fault(0, 1, "E129", "there is no expression", "write a condition or a value, such as `count(order) >= 3`")
    tokens = tuple(Token(m.lastgroup or "", m[0], m.start(), m.end()) for m in _TOKEN.finditer(source))
    at = next((i for i, t in enumerate(tokens) if t.end > offset), len(tokens))
    masked = re.sub(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""", lambda m: m[0][0] + "_" * (len(m[0]) - 2) + m[0][0], source)
    stop = Stop(source, masked, offset, expected, tokens, at)
    for look in (
        _query,
        _quotes,
        _signs,
        _spelling,
        _missing_unit,
        _chain,
        _window_first,
        _negation,
        _missing_operand,
        _lists,
    ):
        fault = look(stop)
        if fault:
            return fault
    return _parentheses(stop) or _reserved(stop) or _plainly(stop)


def _at(token: Token, code: str, message: str, hint: str) -> Fault:
    return Fault(token.start, token.end, code, message, hint)


def _query(stop: Stop) -> Fault | None:
    """A text that begins as a query or a statement."""
    first, second = stop.tokens[0], stop.tokens[1] if len(stop.tokens) > 1 else None
    if second is None or (second.kind == "sign" and second.text not in "(*") or stop.at == 0:
        return None
    if first.word in ("select", "with", "delete", "update", "insert", "drop", "having", "explain", "from"):
        return _at(
            first,
            "E124",
            "this is an expression, not a query",
            "write only the condition or the value: `revenue > 1000 and country = 'DE'`",
        )
    if first.word in ("where", "if", "when"):
        return _at(
            first,
            "E124",
            "an expression begins with its first condition",
            f"leave `{first.text}` out: `revenue > 1000`",
        )
    return None


# Quotes and single characters


def _quotes(stop: Stop) -> Fault | None:
    found, before = stop.found, stop.back(1)
    follows = found and before and before.kind == "text" and before.end == found.start
    if found and before and follows and found.kind in ("word", "number"):
        hint = f"double it: {before.text[:-1]}''{found.text}…'"
        return Fault(before.start, found.end, "E126", "a quote inside a text ends it", hint)
    for token in stop.tokens:
        if token.start > stop.offset:
            break
        if token.kind == "other" and token.text in "'\"":
            kind = "text" if token.text == "'" else "name"
            return Fault(
                token.start,
                len(stop.source),
                "E126",
                f"the quote that opens this {kind} is not closed",
                f"close it: {token.text}…{token.text}; a quote inside is doubled",
            )
    if found and found.kind == "quoted" and found.text == '""':
        return _at(found, "E126", "a name has at least one character", "an empty text stands in single quotes: ''")
    return None


_SIGNS = {
    "≥": ("E111", "write `>=`"),
    "≤": ("E111", "write `<=`"),
    "≠": ("E111", "write `!=`"),
    "⩾": ("E111", "write `>=`"),
    "⩽": ("E111", "write `<=`"),
    "×": ("E111", "write `*`"),
    "÷": ("E111", "write `/`"),
    "−": ("E125", "write `-`"),
    "–": ("E125", "write `-`"),
    "—": ("E125", "write `-`"),
    "^": ("E101", "there are no powers: write x * x"),
    ";": ("E124", "one expression stands alone: leave the `;` out"),
    "[": ("E130", "lists stand in parentheses: in ('DE', 'FR')"),
    "]": ("E130", "lists stand in parentheses: in ('DE', 'FR')"),
    "{": ("E130", "lists stand in parentheses: in ('DE', 'FR')"),
    "}": ("E130", "lists stand in parentheses: in ('DE', 'FR')"),
    "`": ("E125", 'a name with blanks stands in double quotes: "Order Completed"'),
    "´": ("E125", "a text stands in straight single quotes: 'DE'"),
    "~": ("E114", "write `matches 'pattern'`"),
}
# ruff: noqa: RUF001 - the look-alikes are the point
_CURLY = "‘’‚‛“”„‟«»‹›′″"
_MONEY = "$€£¥₹"


def _signs(stop: Stop) -> Fault | None:
    found = stop.found
    if found is None or found.kind != "other":
        return None
    sign, end = found.text, found.end
    if sign in _CURLY:
        close = re.compile(f"[{_CURLY}'\"]").search(stop.source, end)
        inside = stop.source[end : close.start()] if close else ""
        example = f"'{inside.replace(chr(39), chr(39) * 2)}'" if inside else "'DE'"
        return Fault(
            found.start,
            close.end() if close else end,
            "E125",
            f"{sign} is a typeset quote",
            f"a text stands in straight quotes: {example}",
        )
    if sign in _MONEY:
        return Fault(
            found.start,
            end,
            "E118",
            f"a number stands without {sign}",
            "write 1000; the currency belongs to the source",
        )
    if sign in _SIGNS:
        code, hint = _SIGNS[sign]
        if sign == "`":
            return Fault(found.start, end, code, "a backtick is no quote here", hint)
        return Fault(found.start, end, code, f"`{sign}` is not a sign of the language", hint)
    if not sign.isprintable() or sign in "\ufeff\u200b\u2060":
        return Fault(
            found.start,
            end,
            "E125",
            f"an invisible character (U+{ord(sign):04X}) stands here",
            "delete it and type the blank anew",
        )
    return None


# Spellings of other languages

_REACH = 120
"""Characters around the stop that patterns look at: enough for any of them, and no text is long enough to be slow."""


def _spelling(stop: Stop) -> Fault | None:
    for row in SPELLINGS:
        for m in row.pattern.finditer(stop.masked, max(0, stop.offset - _REACH), stop.offset + _REACH):
            if m.start() > stop.offset:
                break
            if stop.offset <= m.end():
                said = row.say(m, stop.source)
                if said:
                    group = "at" if "at" in row.pattern.groupindex else 0
                    return Fault(m.start(group), m.end(group), row.code, *said)
    return None


# What is missing or out of order


def _missing_unit(stop: Stop) -> Fault | None:
    found, before = stop.found, stop.back(1)
    if "UNIT" in stop.expected and before and before.kind == "number":
        if found and found.kind == "word":
            if found.word.startswith("sec") or found.word in ("s", "ms"):
                return _at(found, "E131", "seconds are not counted", "the smallest unit is the minute: `within 1 minute`")
            meant = None if found.word in _KEYWORDS else unit_meant(found.text)
            if meant:
                return _at(
                    found,
                    "E131",
                    f"`{found.text}` is not a unit of time",
                    f"did you mean `{length(before.text, meant)}`? {_UNITS_KNOWN}",
                )
        lone = stop.expected <= {"UNIT"}
        if lone:
            return _at(
                before,
                "E131",
                f"{before.text} of what?",
                f"a unit follows the number: `{before.text} days`. {_UNITS_KNOWN}",
            )
    if "UNIT" in stop.expected and before and before.word in ("this", "last"):
        meant = unit_meant(found.text) if found and found.kind == "word" else None
        period = meant if meant and meant not in EXACT else "month"
        return Fault(
            before.start,
            found.end if found else before.end,
            "E131",
            f"`{before.word}` is followed by a calendar period",
            f"write `{before.word} {period}`: day, week, month, quarter or year; of a length: `within 30 days`",
        )
    if "NUMBER" in stop.expected and "NAME" not in stop.expected and before and before.word in ("within", "next"):
        if (found and found.word in ("a", "an", "one")) or (found and found.kind == "word" and unit_meant(found.text)):
            after = stop.tokens[stop.at + 1].text if stop.at + 1 < len(stop.tokens) else "day"
            unit = unit_meant(found.text if found.word not in ("a", "an", "one") else after) or "day"
            return _at(found, "E131", "a length begins with its number", f"write `{before.word} 1 {unit}`")
        token = found or before
        return _at(
            token,
            "E131",
            f"`{before.word}` is followed by a length of time",
            f"write `{before.word} 30 days`: a whole number from 1 on and a unit",
        )
    return None


_KEYWORDS = names.RESERVED | {
    *("where", "within", "after", "next", "this", "last", "since", "before", "from", "to", "ago", "by", "same"),
    *("contains", "starts", "ends", "with", "matches", "has", "any", "all"),
}
_UNITS_KNOWN = "Units: minutes, hours, days, weeks, months, quarters, years"


def _chain(stop: Stop) -> Fault | None:
    found = stop.found
    if found is None or found.text not in ("=", "!=", "<", "<=", ">", ">="):
        return None
    if "CMP" in stop.expected or "NAME" in stop.expected:
        return None
    for token in reversed(stop.words()):
        if token.word in ("and", "or", "not", "where", "when", "then", "else") or token.text == ",":
            break
        if token.text in ("=", "!=", "<", "<=", ">", ">="):
            return _at(
                found,
                "E119",
                "comparisons do not chain",
                "write `x > 1 and x < 5`, or `x between 1 and 5`, which includes both ends",
            )
    return None


_WINDOW_WORDS = ("within", "this", "last", "since", "before", "from", "ago")


def _window_first(stop: Stop) -> Fault | None:
    found = stop.found
    if found is None:
        return None
    words = stop.words()
    if found.word == "where":
        window = next((i for i, t in enumerate(words) if i > 0 and t.word in _WINDOW_WORDS), None)
        if window is not None and stop.opened():
            span = stop.source[words[window].start : found.start].strip()
            return _at(found, "E120", "the window stands last, behind `where`", f"write `count(order where … {span})`")
        if any(t.word == "where" for t in words):
            return _at(found, "E120", "`where` stands once", "join conditions with `and`")
        return _at(
            found,
            "E120",
            "`where` stands inside a measure, behind its event",
            "write `count(order where amount > 100)`; else join conditions with `and`",
        )
    if found.word in _WINDOW_WORDS and "WITHIN" not in stop.expected:
        if any(t.word == "where" for t in words):
            return _at(
                found,
                "E120",
                "a measure takes one window",
                "a window test on a column stands in parentheses: where (shipped_at within 30 days)",
            )
        if any(t.word in _WINDOW_WORDS for t in words[1:]):
            return _at(
                found,
                "E120",
                "one window stands here already",
                "join two tests with `and`: `x within 90 days and x before '2026-01-31'`",
            )
    before = stop.back(1)
    if (before and before.word in ("within", "since", "before", "from", "this", "last") and found.kind in ("number", "text")) or (
        before
        and before.word in ("this", "last", "within")
        and found.word
        and unit_meant(found.word) in UNITS
        and found.word in UNIT_WORDS
    ):
        return _at(
            before,
            "E128",
            f"nothing stands before `{before.text}`",
            f"say of what: `last_order {before.text} …`, `count(order {before.text} …)`",
        )
    return None


def _negation(stop: Stop) -> Fault | None:
    before, found = stop.back(1), stop.found
    if before and before.word == "not" and "IN" in stop.expected and "NAME" not in stop.expected:
        if found and found.text in ("=", "!=", "<", "<=", ">", ">="):
            opposite = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}[found.text]
            return Fault(before.start, found.end, "E139", f"`not {found.text}` is one sign", f"write `{opposite}`")
        if found and found.word == "exists":
            return _at(before, "E128", "`and` or `or` is missing before `not`", "write `… and not exists(…)`")
        return _at(
            before,
            "E139",
            "`not` stands before a condition, or before in, between, contains, starts with, ends with, matches, has",
            "write `not vip`, `country not in ('DE')`, or `… and not …`",
        )
    return None


_NEEDS_MORE = frozenset(
    {
        *("and", "or", "not", "in", "between", "contains", "matches", "with", "is"),
        *("when", "then", "else", "case", "where"),
    }
)
_BINARY = frozenset({"=", "!=", "<", "<=", ">", ">=", "*", "/", "%", "+", "-", "."})
_BOTH_ENDS = "write `between 1 and 5`; both ends are included"


def _ends_operand(token: Token | None) -> bool:
    """Whether no operand begins with this token."""
    return (
        token is None
        or token.text in (")", ",")
        or token.word in ("and", "or", "then", "else", "end", "where")
        or token.text in _BINARY
    )


def _missing_operand(stop: Stop) -> Fault | None:
    found, before = stop.found, stop.back(1)
    operand = "NAME" in stop.expected
    if operand and before and _ends_operand(found) and (before.text in _BINARY or before.word in _NEEDS_MORE):
        end = "" if found is None else f", then comes {found}"
        if before.text == "." and found and found.word in names.RESERVED:
            return None
        if before.text == ".":
            return _at(before, "E128", f"after the point stands a column{end}", "write `order.amount`")
        if before.word == "and" and any(t.word == "between" for t in stop.words()[-3:]):
            return _at(before, "E139", f"`between` has its lower end only{end}", _BOTH_ENDS)
        if before.word == "between":
            return _at(before, "E139", f"`between` has no ends{end}", _BOTH_ENDS)
        what = "a condition" if before.word in ("and", "or", "not", "where", "when") else "a value"
        return _at(before, "E128", f"nothing follows `{before.text}`{end}", f"write {what} behind it, or leave it out")
    if operand and found and (found.word in ("and", "or") or (found.text in _BINARY and found.text not in "+-.")):
        return _at(found, "E128", f"nothing stands before `{found.text}`", "write a value before it, or leave it out")
    if "AND" in stop.expected and "OR" not in stop.expected and any(t.word == "between" for t in stop.words()):
        token = next(t for t in reversed(stop.words()) if t.word == "between")
        return _at(token, "E139", "`between` has its lower end only", _BOTH_ENDS)
    if (
        found is None
        and before
        and before.word in ("is", "has", "starts", "ends", "in", "within", "since", "before", "from", "same", "by")
    ):
        example = {
            "is": "is missing",
            "has": "has any ('a', 'b')",
            "starts": "starts with 'a'",
            "ends": "ends with 'a'",
            "in": "in ('DE', 'FR')",
            "within": "within 30 days",
            "since": "since '2026-01-31'",
            "before": "before '2026-01-31'",
            "from": "from '2026-01-01' to '2026-02-01'",
            "same": "same cart_id",
            "by": "by country",
        }[before.word]
        return _at(before, "E128", f"nothing follows `{before.text}`", f"write `{example}`")
    return None


def _lists(stop: Stop) -> Fault | None:
    found = stop.found
    if found and found.text == "," and not stop.opened():
        return _at(found, "E128", "conditions are not joined with a comma", "write `and` or `or`")
    return None


def _parentheses(stop: Stop) -> Fault | None:
    found, opened = stop.found, stop.opened()
    if found and found.text == ")" and not opened:
        return _at(found, "E127", "this parenthesis closes nothing", "leave it out, or open one before")
    if found is None and opened:
        return _at(opened[-1], "E127", "this parenthesis is not closed", "close it with `)`")
    cases = sum({"case": 1, "end": -1}.get(t.word, 0) for t in stop.tokens[: stop.at])
    if cases > 0 and (found is None or found.text == ")"):
        case = [t for t in stop.tokens[: stop.at] if t.word == "case"][-1]
        return _at(case, "E127", "this case has no end", "write `case when … then … else … end`")
    return None


def _reserved(stop: Stop) -> Fault | None:
    found = stop.found
    if found and "NAME" in stop.expected and found.word in names.RESERVED:
        return _at(
            found,
            "E133",
            f"`{found.text}` is a word of the language",
            f"as a name it stands in double quotes: {names.quoted(found.text)}",
        )
    return None


# What was found, what would be read

_EXPECTED = (
    ({"NAME", "TEXT"}, "a name, a number or a text in single quotes"),
    ({"NAME"}, "a name"),
    ({"TEXT"}, "a day in single quotes, such as '2026-01-31'"),
    ({"NUMBER"}, "a whole number"),
    ({"CMP"}, "an operator (= > in contains …)"),
    ({"AND"}, "`and`"),
    ({"OR"}, "`or`"),
    ({"WHERE"}, "`where`"),
    ({"WITHIN"}, "a window (within 30 days)"),
    ({"UNIT"}, "a unit (days, weeks, months …)"),
    ({"MISSING"}, "`missing` or `known`"),
    ({"ANY"}, "`any (…)` or `all (…)`"),
    ({"WITH"}, "`with`"),
    ({"TO"}, "`to`"),
    ({"AGO"}, "`ago`"),
    ({"WHEN"}, "`when`"),
    ({"THEN"}, "`then`"),
    ({"END"}, "`end`"),
    ({"LPAR"}, "`(`"),
    ({"COMMA"}, "`,`"),
    ({"RPAR"}, "`)`"),
    ({"$END"}, "the end"),
)


def _plainly(stop: Stop) -> Fault:
    found, before = stop.found, stop.back(1)
    operand = "NAME" in stop.expected
    left = set(stop.expected) - ({"LPAR"} if "CMP" in stop.expected else set())
    said: list[str] = []
    for terminals, words in _EXPECTED:
        if terminals <= left and not (operand and terminals & {"LPAR", "WHEN", "NUMBER"}):
            said.append(words)
            left -= terminals
    if not said:
        said = ["another spelling"]
    expected = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " or " + said[-1]
    if found is None:
        last = stop.tokens[-1]
        return _at(last, "E101", "the expression ends too early", f"expected {expected} behind {last}")
    behind = f" behind {before}" if before else ""
    return _at(found, "E101", f"{found} cannot stand{behind or ' first'}", f"expected {expected}")


def not_a_day(span: Span, text: str) -> Fault:
    """The fault of a window's text that is no ISO date."""
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", text):
        return Fault(
            span.start,
            span.end,
            "E132",
            "windows count whole days",
            f"write '{text[:10]}'; an instant is compared: `order_time >= '{text}'`",
        )
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return Fault(
            span.start,
            span.end,
            "E132",
            f"'{text}' is not a day of the calendar",
            "a day is year-month-day, such as '2026-01-31'",
        )
    return Fault(span.start, span.end, "E132", f"'{text}' is not a day", "write a day as year-month-day, such as '2026-01-31'")
