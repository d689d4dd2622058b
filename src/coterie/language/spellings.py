"""Spellings of other languages, each with the right one: a table of patterns over the text around a stop.

The patterns are matched on a text whose quoted stretches are blanked (`'___'`), so that nothing inside quotes is met.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from coterie.core.windows import UNITS

_VALUE = r"""(?:'_*'|"_*"|[^\W\d][\w.]*(?:\([^()]*\))?|[0-9][\w.]*)"""
UNIT_WORDS: dict[str, str] = {
    **dict(zip(UNITS, UNITS, strict=True)),
    **dict.fromkeys(("min", "mins", "mn", "minuts"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs", "hs"), "hour"),
    **dict.fromkeys(("d", "dy", "dys"), "day"),
    **dict.fromkeys(("w", "wk", "wks"), "week"),
    **dict.fromkeys(("m", "mo", "mos", "mth", "mths", "mon"), "month"),
    **dict.fromkeys(("q", "qtr", "qtrs", "qs"), "quarter"),
    **dict.fromkeys(("y", "yr", "yrs"), "year"),
    **{u + "s": u for u in UNITS},
}


def unit_meant(word: str) -> str | None:
    """The unit that a word was likely meant to be."""
    word = word.lower()
    if word in UNIT_WORDS:
        return UNIT_WORDS[word]
    close = get_close_matches(word, [u for u in UNIT_WORDS if len(u) > 3], n=1, cutoff=0.65)
    return UNIT_WORDS[close[0]] if close else None


def length(n: str, word: str) -> str:
    unit = unit_meant(word) or "day"
    return f"{n} {unit}" + ("" if n == "1" else "s")


Say = Callable[[re.Match[str], str], tuple[str, str] | None]
"""A match on the masked text and the true text → (message, hint), or None when it does not apply after all."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """A pattern of another language: where it reaches over the stop, its group `at` (or all of it) is underlined."""

    code: str
    written: str
    say: Say

    @property
    def pattern(self) -> re.Pattern[str]:
        """Compiled at the first mistake, and kept by `re`: most programs make none."""
        return re.compile(self.written, re.IGNORECASE)


def _row(code: str, pattern: str, say: Say | tuple[str, str]) -> Spelling:
    made = say if callable(say) else (lambda _m, _s, said=say: said)
    return Spelling(code, pattern, made)


def _true(m: re.Match[str], source: str, group: str) -> str:
    return source[m.start(group) : m.end(group)]


def _like(m: re.Match[str], source: str) -> tuple[str, str]:
    word, no = m["at"].lower(), "not " if m.groupdict().get("no") else ""
    pattern = _true(m, source, "pattern")[1:-1] if m["pattern"] else ""
    fits = re.fullmatch(r"(%?)([^%_]+)(%?)", pattern)
    if not fits or "like" not in word:
        how = f"{no}matches 'pattern'" if "like" not in word or pattern else f"{no}contains, {no}starts with, {no}ends with"
    elif fits[1] and fits[3]:
        how = f"{no}contains '{fits[2]}'"
    elif fits[3]:
        how = f"{no}starts with '{fits[2]}'"
    elif fits[1]:
        how = f"{no}ends with '{fits[2]}'"
    else:
        how = f"{'!=' if no else '='} '{fits[2]}'"
    return f"`{word}` is not an operator here", f"write `{how}`"


def _nothing(m: re.Match[str], source: str) -> tuple[str, str]:
    x = _true(m, source, "x") if m["x"] else "x"
    op = m["op"].lower()
    negated = op in ("!=", "<>") or "not" in op
    known = m["what"].lower() == "known"
    right = f"{x} is {'known' if negated != known else 'missing'}"
    if op.startswith("is"):
        return f"`{m['at']}` is said otherwise", f"write `{right}`"
    return f"nothing equals a missing value: `{m['at']}` would never be true", f"write `{right}`"


def _last_n(m: re.Match[str], _: str) -> tuple[str, str] | None:
    if unit_meant(m["unit"]) is None:
        return None
    return f"`{m['at']}` is said otherwise", f"write `within {length(m['n'], m['unit'])}`; today is included"


def _next_n(m: re.Match[str], _: str) -> tuple[str, str] | None:
    right = f"within next {length(m['n'], m['unit'])}"
    if unit_meant(m["unit"]) is None or m["at"].lower().split() == right.split():
        return None
    return f"`{m['at']}` is said otherwise", f"write `{right}`"


def _ago(m: re.Match[str], _: str) -> tuple[str, str] | None:
    if unit_meant(m["unit"]) is None:
        return None
    n = int(m["n"])
    near = length(m["n"], m["unit"])
    return (
        f"`{m['at']}` alone is not a window",
        f"since then: `within {near}`; as long before: `from {2 * n} to {near} ago`; earlier: `not … within {near}`",
    )


def _separated(m: re.Match[str], _: str) -> tuple[str, str]:
    return "a number is written without separators", f"write {re.sub(r'[ ,_]', '', m['at'])}"


def _decimal_comma(m: re.Match[str], _: str) -> tuple[str, str]:
    return "the decimal sign is a point", f"write {m['at'].replace('.', '').replace(',', '.')}"


def _power(m: re.Match[str], _: str) -> tuple[str, str] | None:
    if abs(int(m["e"])) > 15:
        return "a number is written out", "write its digits, such as 1000000"
    text = f"{Decimal(m['at']):f}"
    return "a number is written out", f"write {text.rstrip('0').rstrip('.') if '.' in text else text}"


def _thousands(m: re.Match[str], _: str) -> tuple[str, str]:
    zeros = {"k": 3, "m": 6, "mio": 6, "mn": 6, "bn": 9}[m["k"].lower()]
    whole, _dot, part = m["n"].partition(".")
    return "a number is written out", f"write {whole}{part.ljust(zeros, '0')}"


def _chained(m: re.Match[str], source: str) -> tuple[str, str] | None:
    a, x, b = (_true(m, source, g) for g in "axb")
    o1, o2 = m["o1"], m["o2"]
    flip = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
    hint = f"write `{x} {flip[o1]} {a} and {x} {o2} {b}`"
    if (o1, o2) == ("<=", "<="):
        hint = f"write `{x} between {a} and {b}`"
    return "comparisons do not chain", hint


def _quoted_day(m: re.Match[str], _: str) -> tuple[str, str]:
    parts = re.split(r"[-/.]", m["day"])
    day = f"{parts[0]}-{int(parts[1]):02d}-{int(parts[2]):02d}"
    return "a day stands in single quotes", f"write '{day}'"


def _is_condition(m: re.Match[str], _: str) -> tuple[str, str]:
    no = bool(m["no"]) != (m["what"].lower() == "false")
    return "a condition is true or false by itself", f"write `{'not ' if no else ''}{m['x']}`"


def _distinct(m: re.Match[str], source: str) -> tuple[str, str]:
    return "`distinct` is a measure of its own", f"write `distinct({_true(m, source, 'c')})`"


def _side(m: re.Match[str], _: str) -> tuple[str, str]:
    start = "start" in m["at"].lower() or "prefix" in m["at"].lower() or "begin" in m["at"].lower()
    return f"`{m['at']}` is written as two words", f"write `{'starts with' if start else 'ends with'} '…'`"


SPELLINGS: tuple[Spelling, ...] = (
    _row(
        "E124",
        r"\b(?P<at>group\s+by|order\s+by|partition\s+by|limit\s+\d+|having|over\s*\()",
        (
            "this is an expression, not a query",
            "one customer is meant; to compare with others: percentile(revenue by country)",
        ),
    ),
    _row(
        "E139",
        r"\b(?P<at>not\s+is)\b",
        ("`not` stands behind `is`, or before the whole", "write `x is not missing`"),
    ),
    _row(
        "E116",
        rf"(?:(?P<x>{_VALUE})\s*)?(?P<at>(?P<op>==?|!=|<>|\bis\s+not\b|\bis\b)\s*"
        r"(?P<what>null|none|nil|nan|undefined|unknown|empty|blank|missing|known))\b",
        _nothing,
    ),
    _row(
        "E116",
        r"\b(?P<at>null|none|nil)\b",
        (
            "there is no null to write",
            "a value is tested with `x is missing`; a case without `else` gives a missing value",
        ),
    ),
    _row("E111", r"(?P<at><>)", ("`<>` is not an operator here", "write `!=`")),
    _row("E111", r"(?P<at>=<)", ("`=<` is not an operator here", "write `<=`")),
    _row("E111", r"(?P<at>=>)", ("`=>` is not an operator here", "write `>=`")),
    _row("E114", r"(?P<at>=~|!~|~\*?)\s*(?P<pattern>'_*')?", _like),
    _row("E110", r"(?P<at>={2,})", ("`==` is not an operator here", "equality has one sign: `=`")),
    _row("E112", r"(?P<at>&&?)", ("`&` is not an operator here", "write `and`")),
    _row("E112", r"(?P<at>\|\|?)", ("`|` is not an operator here", "write `or`; texts are joined with concat(a, b)")),
    _row("E113", r"(?P<at>!)(?!=)", ("`!` is not an operator here", "write `not`, as in `not vip`; for unequal `!=`")),
    _row("E114", r"\b(?P<no>not\s+)?(?P<at>i?like|rlike|regexp|regex|similar\s+to|glob)\b\s*(?P<pattern>'_*')?", _like),
    _row(
        "E139",
        r"\b(?P<at>startswith|starts_with|endswith|ends_with|begins\s+with|beginswith|starting\s+with|ending\s+with)\b",
        _side,
    ),
    _row(
        "E139",
        r"\b(?P<at>includes?|containing|has_substring)\b",
        ("this word is not an operator", "write `contains '…'`; of a list: `has any ('…')`"),
    ),
    _row(
        "E139",
        r"\b(?P<at>contains\s+(?:any|all|one)(?:\s+of)?)\b",
        ("`contains` looks for one text", "of a list of values write `has any ('a', 'b')` or `has all ('a', 'b')`"),
    ),
    _row(
        "E139",
        rf"\bcontains\s*(?P<at>\(\s*{_VALUE}\s*,)",
        (
            "`contains` looks for one text",
            "join them: `x contains 'a' or x contains 'b'`; of a list of values `has any ('a', 'b')`",
        ),
    ),
    _row(
        "E122",
        r"(?P<at>::\s*\w*)",
        (
            "there are no casts",
            "beside a date, a text in quotes is read as a date; else use number(x), date(x), text(x)",
        ),
    ),
    _row("E122", r"\bcast\s*\([^()]*?(?P<at>\bas\b)", ("there are no casts", "use number(x), date(x) or text(x)")),
    _row(
        "E122",
        r"\b(?P<at>date|timestamp|datetime)\s+'_*'",
        ("a date needs no word before it", "write '2026-01-31' alone"),
    ),
    _row("E122", r"\b(?P<at>interval)\b\s*", ("a length of time needs no word before it", "write `90 days` alone")),
    _row(
        "E121",
        r"\b(?P<f>\w+)\s*\(\s*(?P<at>\*)",
        ("events are counted by their name", "write count(order); members of an account: count(members)"),
    ),
    _row("E121", r"\(\s*(?P<at>distinct)\s+(?P<c>[^\W\d][\w.]*|\"_*\"(?:\.[\w\"]+)?)", _distinct),
    _row(
        "E117",
        r"\b(?P<at>(?:(?:with)?in\s+|during\s+|over\s+)?(?:the\s+)?(?:last|past|previous|prior|trailing)\s+(?P<n>[0-9]+)\s*(?P<unit>[a-z]+))\b",
        _last_n,
    ),
    _row(
        "E117",
        r"\b(?P<at>(?:(?:with)?in\s+|during\s+|over\s+)?(?:the\s+)?(?:next|coming|following)\s+(?P<n>[0-9]+)\s*(?P<unit>[a-z]+))\b",
        _next_n,
    ),
    _row(
        "E117",
        r"\b(?P<at>(?:in|within|during|since)\s+(?:the\s+)?(?P<w>this|last|current|previous)\s+(?P<u>day|week|month|quarter|year))\b",
        lambda m, _: (
            f"`{m['at']}` is said otherwise",
            f"write `{'this' if m['w'].lower() in ('this', 'current') else 'last'} {m['u'].lower()}`",
        ),
    ),
    _row(
        "E117",
        r"\b(?P<at>(?P<w>current|previous|past)\s+(?P<u>day|week|month|quarter|year))\b",
        lambda m, _: (
            f"`{m['at']}` is said otherwise",
            f"write `{'this' if m['w'].lower() == 'current' else 'last'} {m['u'].lower()}`",
        ),
    ),
    _row(
        "E117",
        r"\b(?P<at>(?:more|less|fewer|older|newer|later|earlier)\s+than)\b",
        (
            "comparisons are written with signs",
            "as in `days_since(last_order) > 30`, or `not last_order within 30 days`",
        ),
    ),
    _row("E117", r"(?<!to )\b(?P<at>(?P<n>[0-9]+)\s*(?P<unit>[a-z]+)\s+ago)\b", _ago),
    _row("E117", r"\b(?P<at>yesterday)\b", ("`yesterday` is said otherwise", "write `from 2 to 1 days ago`")),
    _row("E117", r"\b(?P<at>today)\b", ("`today` is said otherwise", "write `within 1 day`")),
    _row(
        "E117",
        r"\b(?:within|in)\s+[0-9]+\s*[a-z]+\s+(?P<at>of|from|since)\b",
        ("a window lies before or after a date", "write `within 30 days after signup_date`, or `before`"),
    ),
    _row(
        "E117",
        r"\b(?P<at>(?:week|month|quarter|year|day)\s+to\s+date|[wmqy]td)\b",
        lambda m, _: (
            f"`{m['at']}` is said otherwise",
            f"write `this { ({'w': 'week', 'm': 'month', 'q': 'quarter', 'y': 'year'}[m['at'][0].lower()]) }`",
        ),
    ),
    _row(
        "E132",
        r"\b(?:since|before|after|from|to)\s+(?P<at>(?P<day>[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}))(?![\w'])",
        _quoted_day,
    ),
    _row(
        "E132",
        r"\b(?P<at>from\s+[0-9]+(?:\s*[a-z]+)?\s+(?:until|till|to|through|and)\s+[0-9]+(?:\s*[a-z]+(?:\s+ago)?)?)",
        ("such a window has one unit and ends in `ago`", "write `from 180 to 90 days ago`"),
    ),
    _row("E132", r"(?<![\w'])(?P<at>(?P<day>[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}))(?![\w'])", _quoted_day),
    _row("E118", r"(?<![\w.,])(?P<at>[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+)(?![\w.])", _decimal_comma),
    _row("E118", r"(?<![\w.,])(?P<at>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)(?!\w|,[0-9])", _separated),
    _row("E118", r"(?<![\w.,])(?P<at>[0-9]+,[0-9]{1,2})(?![\w.,])", _decimal_comma),
    _row("E118", r"(?<![\w.,])(?P<at>[0-9]{1,3}(?: [0-9]{3})+)(?![\w.,])", _separated),
    _row("E118", r"(?<![\w.])(?P<at>[0-9]+(?:_[0-9]+)+)(?![\w])", _separated),
    _row("E118", r"(?<![\w.])(?P<at>[0-9]+(?:\.[0-9]+)?e(?P<e>[+-]?[0-9]+))(?!\w)", _power),
    _row(
        "E118",
        r"(?<![\w.])(?P<at>(?P<n>[0-9]+(?:\.[0-9]+)?)\s?(?P<k>k|mio|mn|bn|m))(?!\w)",
        lambda m, s: None if re.search(r"\b(within|next|last|past|to)\s+$", s[: m.start()], re.IGNORECASE) else _thousands(m, s),
    ),
    _row("E118", r"(?<![\w.)])(?P<at>\.[0-9]+)", lambda m, _: ("a number begins with a digit", f"write 0{m['at']}")),
    _row(
        "E118",
        r"(?<![\w.])(?P<at>[0-9]+\.)(?![0-9\w])",
        lambda m, _: ("digits follow the point", f"write {m['at'][:-1]}"),
    ),
    _row(
        "E118",
        r"(?<![\w.])(?P<at>0[0-9]+(?:\.[0-9]+)?)(?!\w)",
        lambda m, _: (
            f"a number does not begin with 0: {m['at']}",
            f"an id is text: '{m['at']}'; a number is written without separators: 1000",
        ),
    ),
    _row(
        "E137",
        r"(?P<at>[0-9]+(?:\.[0-9]+)?\s*%)(?:\s*$|(?=\s*(?:[,)<>=]|and\b|or\b|then\b|else\b|end\b)))",
        lambda m, _: (
            "a percentage stands only as an argument, as in sample(10%, 'spring')",
            (
                f"without a blank before the sign: {m['at'].replace(' ', '')}; "
                f"elsewhere as a number: {float(m['at'].rstrip('% ')) / 100:g}"
            ),
        ),
    ),
    _row(
        "E119",
        rf"(?P<a>{_VALUE})\s*(?P<o1>[<>]=?|=)\s*(?P<x>{_VALUE})\s*(?P<at>(?P<o2>[<>]=?|=))\s*(?P<b>{_VALUE})",
        _chained,
    ),
    _row("E139", r"(?P<x>[^\W\d][\w.]*)\s+(?P<at>is\s+(?P<no>not\s+)?(?P<what>true|false))\b", _is_condition),
    _row(
        "E139",
        r"\b(?P<at>is)\s+(?:not\s+)?(?:in|between|contains|starts|ends|matches|within|like)\b",
        (
            "`is` stands only before `missing` and `known`",
            "leave `is` out: `country in ('DE')`, `age not between 18 and 30`",
        ),
    ),
    _row(
        "E139",
        rf"\b(?P<at>is(?P<no>\s+not)?)\s+(?!not\b){_VALUE}",
        lambda m, _: ("`is` stands only before `missing` and `known`", f"write `{'!=' if m['no'] else '='}`"),
    ),
    _row(
        "E139",
        r"\b(?P<at>(?P<no>not\s+)?in)\s+(?P<v>'_*'|[0-9]+)",
        lambda m, s: (
            "`in` takes a list in parentheses",
            f"write `{'not ' if m['no'] else ''}in ({_true(m, s, 'v')})`",
        ),
    ),
    _row(
        "E139",
        r"\b(?P<at>(?:not\s+)?in)\s+(?P<v>[^\W\d]\w*)",
        lambda m, s: (
            "`in` takes a list in parentheses",
            f"write `in ('…', '…')`, for a list of ids in a file `in_list('{_true(m, s, 'v')}')`",
        ),
    ),
    _row(
        "E139",
        rf"\bbetween\s*(?P<at>\(\s*{_VALUE}\s*(?:,|and)\s*{_VALUE}\s*\)?)",
        ("`between` takes no parentheses", "write `between 1 and 5`; both ends are included"),
    ),
    _row(
        "E139",
        rf"\bbetween\s+{_VALUE}\s*(?P<at>,|to\b|or\b|-)",
        ("the ends of `between` are joined with `and`", "write `between 1 and 5`; both ends are included"),
    ),
    _row(
        "E139",
        r"\bhas\s+(?P<at>'_*'|\(|[^\W\d]\w*)",
        lambda m, _: (
            None
            if m["at"].lower() in ("any", "all")
            else ("`has` is followed by `any` or `all`", "write `tags has any ('sports', 'music')`")
        ),
    ),
    _row(
        "E139",
        r"\b(?P<at>starts|ends)\s+(?!with\b)",
        lambda m, _: (f"`{m['at']}` is followed by `with`", f"write `{m['at'].lower()} with '…'`"),
    ),
    _row(
        "E139",
        r"\bcase\s+(?P<at>(?P<x>[^\W\d][\w.]*)\s+when)\b",
        lambda m, _: ("every branch of a case is a condition of its own", f"write `case when {m['x']} = … then … end`"),
    ),
    _row(
        "E132",
        r"\b(?P<at>after|on\s+or\s+after|starting|until|up\s+to|on)\s+'_*'",
        lambda m, _: (
            f"`{m['at']}` is said otherwise",
            (
                "from a day on: `since '2026-01-31'`; up to the day before: `before '2026-01-31'`; "
                "both: `from '2026-01-01' to '2026-02-01'`"
            ),
        ),
    ),
    _row(
        "E132",
        r"\bfrom\s+'_*'\s+(?P<at>until|till|through|and|-|,)",
        ("`from` and `to` belong together", "write `from '2026-01-01' to '2026-02-01'`; the second day is left out"),
    ),
    _row(
        "E132",
        r"\b(?P<at>since|before)\s+(?P<x>[^\W\d]\w*)\b(?!\()",
        lambda m, _: (
            f"`{m['at'].lower()}` takes a day in quotes",
            (
                f"write `{m['at'].lower()} '2026-01-31'`; around a customer's date: "
                f"`within 30 days {'before' if m['at'].lower() == 'before' else 'after'} {m['x']}`"
            ),
        ),
    ),
)
