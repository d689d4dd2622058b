"""How answers are shown to people: tables, three-way counts, money, reasons."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coterie.core.windows import local

if TYPE_CHECKING:
    from rich.table import Table

    from coterie.language.explain import Reason
    from coterie.segments.membership import Size

MARKS = {True: "yes", False: "no", None: "cannot tell"}


def three_way(size: "Size") -> str:
    """`4,210 in · 80,002 out · 312 cannot tell (country missing)`."""
    text = f"{size.inside:,} in · {size.outside:,} out · {size.cannot_tell:,} cannot tell"
    if size.missing:
        named = sorted(size.missing.items(), key=lambda m: (-m[1], m[0]))
        parts = [f"{name} missing" + ("" if len(named) == 1 else f" {n:,}") for name, n in named[:4]]
        text += f" ({'; '.join(parts)}{'; …' if len(named) > 4 else ''})"
    return text


def share(part: int | Decimal, whole: int | Decimal) -> str:
    """A share of a whole, with one decimal below 10 %."""
    if not whole:
        return "–"
    percent = 100 * float(part) / float(whole)
    return f"{percent:.1f} %" if abs(percent) < 10 else f"{percent:.0f} %"


def money(amount: Decimal, currency: str | None) -> str:
    return f"{amount:,.2f}" + (f" {currency}" if currency else "")


def day(instant: datetime, zone: str) -> str:
    """An as_of for people: the end of a day is that day."""
    at = local(instant, zone)
    shown = f"{at.day} {at:%b %Y}"
    whole = (at.hour, at.minute, at.second) == (23, 59, 59)
    return shown if whole else f"{shown}, {at:%H:%M} ({zone})"


def table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], wide: str | None = None) -> "Table":
    """A table of texts; columns are (heading, right-aligned), and the one called `wide` gives way when there is no room."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for heading, right in columns:
        if heading == wide:
            shown.add_column(heading, overflow="ellipsis", no_wrap=True, ratio=1)
        else:
            shown.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown


def value(found: Any) -> str:
    """A value as people read it."""
    from coterie.language.evaluate import Missing

    if isinstance(found, Missing):
        seen = "" if found.at_least is None else f" (at least {value(found.at_least)})"
        return f"{found.reason}{seen}"
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int):
        return f"{found:,}"
    if isinstance(found, Decimal):
        return f"{found:,.2f}" if found == round(found, 2) else f"{found:,f}"
    if isinstance(found, float):
        return f"{found:,.4g}" if abs(found) < 1000 else f"{found:,.2f}"
    if isinstance(found, datetime):
        return f"{found:%Y-%m-%d %H:%M}"
    if isinstance(found, tuple):
        return ", ".join(value(v) for v in found) or "empty"
    return str(found)


def reasons(reason: "Reason", depth: int = 0) -> list[tuple[str, str, str]]:
    """The lines of a reason: (condition, indented; answer; value found)."""
    answer = MARKS[reason.truth] if reason.condition else ""
    found = "" if reason.condition and reason.truth is not None else value(reason.value)
    who = f" — {reason.member}" if reason.member else ""
    lines = [("  " * depth + reason.text + who, answer, found)]
    for child in reason.children:
        lines += reasons(child, depth + 1)
    return lines


def reason_json(reason: "Reason") -> dict[str, Any]:
    from coterie.language.evaluate import Missing

    found = reason.value
    return {
        "text": reason.text,
        "words": reason.words,
        "value": {"missing": found.reason, "at_least": found.at_least} if isinstance(found, Missing) else found,
        "condition": reason.condition,
        "truth": reason.truth if reason.condition else None,
        "missing": sorted(reason.names),
        "member": reason.member,
        "children": [reason_json(c) for c in reason.children],
    }


def size_json(size: "Size") -> dict[str, Any]:
    return {
        "in": size.inside,
        "out": size.outside,
        "cannot_tell": size.cannot_tell,
        "missing": dict(size.missing),
        "population": size.population,
    }


def labels(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Labels by size; the empty one, those that cannot be told, stands last."""
    named = sorted(((n, c) for n, c in counts.items() if n), key=lambda p: (-p[1], p[0]))
    return [*named, *([("cannot tell", counts[""])] if counts.get("") else [])]
