"""Who is in a segment or out of it by hand: a layer over its rule, said in the language itself.

A rule with such a layer reads `(rule or in_list('vip included by hand')) and not in_list('vip excluded by hand')`, so every
reader (SQL, why, English, other segments) means the same, and no run can overwrite it. An entry that ends has a list of its own
and a test of the day beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from coterie.language.format import format as format_expr
from coterie.language.format import literal
from coterie.language.parse import parse
from coterie.language.shown import day_shown
from coterie.language.tree import And, Expr, Not, Or

Side = Literal["include", "exclude"]
PAST: dict[Side, str] = {"include": "included", "exclude": "excluded"}


@dataclass(frozen=True, slots=True)
class ByHand:
    """Customers who are in, or out, whatever the rule says.

    Attributes:
        side: in or out; where somebody is on both, out counts.
        ids: the customers.
        list: a list of the project whose customers are meant (then there are no ids).
        author, reason: who says so, and why.
        until: the last day on which it counts; None for good.
        added_at: when it was said (UTC); None where the project file says it.
    """

    side: Side
    ids: tuple[str, ...] = ()
    list: str | None = None
    author: str | None = None
    reason: str | None = None
    until: date | None = None
    added_at: datetime | None = None

    def said(self) -> str:
        """As a sentence without subject: "included by hand by Ann until 31 Dec 2026: a friend of the house"."""
        text = f"{PAST[self.side]} by hand"
        text += f" by {self.author}" if self.author else ""
        text += f" until {day_shown(self.until)}" if self.until else ""
        return text + (f": {self.reason}" if self.reason else "")


def list_of(segment: str, entry: ByHand) -> str:
    """The name of the list that an entry's customers are on."""
    if entry.list is not None:
        return entry.list
    return f"{segment} {PAST[entry.side]} by hand" + (f" until {entry.until}" if entry.until else "")


def layered(segment: str, rule: Expr, entries: Sequence[ByHand]) -> Expr:
    """The rule of a segment with what was said by hand over it; out counts before in."""
    inside, outside = condition(segment, entries, "include"), condition(segment, entries, "exclude")
    if inside is not None:
        rule = Or((*_terms(rule, Or), *_terms(inside, Or)))
    if outside is not None:
        rule = And((*_terms(rule, And), Not(outside)))
    return rule


def condition(segment: str, entries: Iterable[ByHand], side: Side) -> Expr | None:
    """Whether a customer is on a side by hand; None where nobody is."""
    found = dict.fromkeys((list_of(segment, e), e.until) for e in entries if e.side == side)
    if not found:
        return None
    tests = tuple(test(name, until) for name, until in found)
    return tests[0] if len(tests) == 1 else Or(tests)


def test(name: str, until: date | None) -> Expr:
    """Whether a customer is on a list, up to the end of a day."""
    text = f"in_list({literal(name)})"
    return parse(text if until is None else f"{text} and date(as_of) <= '{until}'")


def lists(segment: str, entries: Iterable[ByHand]) -> dict[str, frozenset[str]]:
    """The lists that a segment's entries need, beside those of the project."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        if entry.list is None:
            found.setdefault(list_of(segment, entry), set()).update(entry.ids)
    return {name: frozenset(ids) for name, ids in found.items()}


def texts(segment: str, entries: Sequence[ByHand]) -> dict[str, tuple[Side, tuple[ByHand, ...]]]:
    """The canonical text of every condition of the layer, with the side it is about and the entries behind it."""
    out: dict[str, tuple[Side, tuple[ByHand, ...]]] = {}
    for side in PAST:
        one = [e for e in entries if e.side == side]
        whole = condition(segment, one, side)
        for entry in one:
            same = tuple(e for e in one if (list_of(segment, e), e.until) == (list_of(segment, entry), entry.until))
            out[format_expr(test(list_of(segment, entry), entry.until))] = (side, same)
        if whole is not None:
            out[format_expr(whole)] = (side, tuple(one))
    return out


def _terms(node: Expr, kind: type[And] | type[Or]) -> tuple[Expr, ...]:
    return node.args if isinstance(node, And | Or) and isinstance(node, kind) else (node,)
