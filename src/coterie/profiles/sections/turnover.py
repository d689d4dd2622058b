"""Money month by month."""

from collections.abc import Callable

from coterie.language.shown import MONTHS, plural
from coterie.profiles.charts.months import MonthBar, months
from coterie.profiles.hidden import is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.turnover import Change, Month, Turnover

MOST_MONTHS = 36


def turnover(found: Turnover | None, setting: Setting) -> Section:
    """What each month brought, from new and from returning customers, and how the last full month compares."""
    key, short, question = "turnover", "Month by month", "What did each month bring, and what changed last month?"
    if found is None or not found.months:
        return Section(key, short, question, "There are no events to count by month.", to_do=["Add a source of orders and run."])
    events = plural(found.kind, 2)
    paid = found.column is not None
    last, k = found.last, setting.k
    if last is None:
        answer = "No month is over yet."
    else:
        brought = words.about(last.money, setting.currency) if paid and last.money is not None else f"{last.orders:,} {events}"
        answer = f"{_month(last)} brought {brought}"
        parts = [
            f"{words.percent(relative, sign=True)} against {_month(change.before)}"
            for change in (found.against_month, found.against_year)
            if change is not None and (relative := (change.money if paid else change.orders)) is not None
        ]
        answer += f": {', '.join(parts)}." if parts else "."
    listed = found.months[-MOST_MONTHS:]
    shown = [m for m in listed if not is_small(m.buyers, k)]
    bars = []
    for m in shown:
        whole, new = (float(m.money or 0), float(m.money_new or 0)) if paid else (m.orders, m.orders_new)
        few = _few(m, k)
        bars.append(MonthBar(m.start, 0 if few else new, whole if few else whole - new, m.complete, not few))
    best = max(shown, key=lambda m: (m.money or 0) if paid else m.orders, default=None)
    if best is None:
        return Section(key, short, question, answer)
    what = f"{words.about(best.money, setting.currency)}" if paid and best.money is not None else f"{best.orders:,} {events}"
    finding = f"{_month(best)} brought most: {what}"
    part = None
    if last is not None and last.money and last.money_returning is not None and not _few(last, k):
        part = last.money_returning / last.money
    if last is not None and part is not None:
        finding += f"; of {_month(last)}, {words.percent(float(part))} came from customers who had bought before"
    finding += "."
    note = f"{events[0].upper()}{events[1:]} of all customers up to {setting.day}. "
    note += f"New: their first {words.plain(found.kind)} was in that month."
    if any(not m.complete for m in shown):
        note += " Lighter: the data does not cover the whole month."
    if any(not b.split for b in bars):
        note += f" Grey: fewer than {k} new or returning buyers, so not told apart."
    if len(shown) < len(listed):
        note += f" Months with fewer than {k} buyers are left out."
    unit = f", {setting.currency}" if paid and setting.currency else ""
    chart = months(bars, title=finding, axis=f"{words.plain(found.column or events) if paid else events}{unit}", note=note)
    headings = [("month", False), (events, True), ("buyers", True), ("of them new", True)]
    if paid:
        headings += [("all", True), ("from new", True), ("from returning", True)]
    rows = []
    for m in shown:
        row = [
            _month(m) + ("" if m.complete else " (not all of it)"),
            f"{m.orders:,}",
            f"{m.buyers:,}",
            "–" if _few(m, k) else f"{m.new:,}",
        ]
        if paid:
            split = ["–", "–"] if _few(m, k) else [words.money(v or 0, setting.currency) for v in (m.money_new, m.money_returning)]
            row += [words.money(m.money or 0, setting.currency), *split]
        rows.append(tuple(row))
    figure = Figure("months", finding, chart, note, Table("Month by month", tuple(headings), tuple(rows)))
    data = {
        "kind": found.kind,
        "column": found.column,
        "months": [
            {
                "start": m.start.isoformat(),
                "complete": m.complete,
                "money": None if m.money is None else str(m.money),
                "orders": m.orders,
                "buyers": m.buyers,
                "new": None if _few(m, k) else m.new,
            }
            for m in shown
        ],
    }
    return Section(key, short, question, answer, figures=[figure], tables=_against(found, setting), data=data)


def _few(m: Month, k: int) -> bool:
    return is_small(m.new, k) or is_small(m.returning, k)


def _month(m: Month) -> str:
    return f"{MONTHS[m.start.month - 1]} {m.start.year}"


def _against(found: Turnover, setting: Setting) -> list[Table]:
    """The last full month beside the month before and the same month a year before."""
    last, changes = found.last, [c for c in (found.against_month, found.against_year) if c is not None]
    if last is None or not changes or is_small(last.buyers, setting.k):
        return []
    changes = [c for c in changes if not is_small(c.before.buyers, setting.k)]
    headings = [("", False), (_month(last), True)]
    for c in changes:
        headings += [(_month(c.before), True), ("change", True)]
    measures: list[tuple[str, Callable[[Month], str], Callable[[Change], float | None]]] = [
        (plural(found.kind, 2), lambda m: f"{m.orders:,}", lambda c: c.orders),
        ("buyers", lambda m: f"{m.buyers:,}", lambda c: c.buyers),
    ]
    if found.column is not None:
        measures.insert(0, ("money", lambda m: words.money(m.money or 0, setting.currency), lambda c: c.money))
    rows = []
    for name, value, change in measures:
        row = [name, value(last)]
        for c in changes:
            relative = change(c)
            row += [value(c.before), "–" if relative is None else words.percent(relative, sign=True)]
        rows.append(tuple(row))
    return [Table(f"{_month(last)} beside earlier months", tuple(headings), tuple(rows))]
