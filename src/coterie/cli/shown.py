"""How answers are shown to people: three-way counts, shares, money, days, values, reasons."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.core.windows import last_instant, local, local_day
from coterie.language.shown import day_shown

if TYPE_CHECKING:
    from coterie.language.explain import Reason
    from coterie.segments.membership import Size

MARKS = {True: "yes", False: "no", None: "cannot tell"}
NAMED = 4
"""How many names to blame are listed."""


def three_way(size: "Size") -> str:
    """`4,210 in · 80,002 out · 312 cannot tell (country missing)`."""
    text = f"{size.inside:,} in · {size.outside:,} out · {size.cannot_tell:,} cannot tell"
    if size.missing:
        named = sorted(size.missing.items(), key=lambda m: (-m[1], m[0]))
        parts = [f"{name} missing" + ("" if len(named) == 1 else f" {n:,}") for name, n in named[:NAMED]]
        text += f" ({'; '.join(parts)}{'; …' if len(named) > NAMED else ''})"
    return text


def share(part: int | Decimal, whole: int | Decimal) -> str:
    """A share of a whole, with one decimal below 10 %."""
    if not whole:
        return "–"
    percent = 100 * float(part) / float(whole)
    return f"{percent:.1f} %" if abs(percent) < 9.95 else f"{percent:.0f} %"


def money(amount: Decimal, currency: str | None) -> str:
    return f"{amount:,.2f}" + (f" {currency}" if currency else "")


def day(instant: datetime, zone: str) -> str:
    """An as_of for people: the end of a day is that day."""
    whole = local_day(instant, zone)
    if instant == last_instant(whole, zone):
        return day_shown(whole)
    at = local(instant, zone)
    return f"{day_shown(at.date())}, {at:%H:%M} ({zone})"


def value(found: Any, zone: str) -> str:
    """A value as people read it; instants are in the project's zone."""
    from coterie.language.evaluate import Missing

    match found:
        case Missing():
            limits = [("at least", found.at_least), ("at most", found.at_most)]
            left = " and ".join(f"{words} {value(limit, zone)}" for words, limit in limits if limit is not None)
            return f"{found.reason} ({left}{'' if found.seen else ', if at all'})" if left else found.reason
        case bool():
            return "true" if found else "false"
        case int():
            return f"{found:,}"
        case Decimal():
            return f"{found:,.2f}" if found == round(found, 2) else f"{found.normalize():,f}"
        case float():
            return f"{found:,.4g}" if abs(found) < 1000 else f"{found:,.2f}"
        case datetime():
            return f"{day_shown(local_day(found, zone))}, {local(found, zone):%H:%M}"
        case date():
            return day_shown(found)
        case tuple():
            return ", ".join(value(v, zone) for v in found) or "empty"
        case _:
            return str(found)


def reasons(reason: "Reason", zone: str, depth: int = 0) -> list[tuple[str, str, str]]:
    """The lines of a reason: (condition, indented; answer; value found). A name and what it stands for share a line."""
    text, children = reason.text, reason.children
    while not reason.condition and len(children) == 1 and children[0].value == reason.value and not children[0].member:
        text, children = f"{text}: {children[0].text}", children[0].children
    answer = MARKS[reason.truth] if reason.condition else ""
    found = "" if reason.condition and reason.truth is not None else value(reason.value, zone)
    who = f" — {reason.member}" if reason.member else ""
    lines = [("  " * depth + text + who, answer, found)]
    for child in children:
        lines += reasons(child, zone, depth + 1)
    return lines


def labels(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Labels by size; the empty one, those that cannot be told, stands last."""
    named = sorted(((n, c) for n, c in counts.items() if n), key=lambda p: (-p[1], p[0]))
    return [*named, *([("cannot tell", counts[""])] if counts.get("") else [])]


def one_line(text: str) -> str:
    """A text of several lines on one."""
    return " ".join(text.split())
