"""Who comes back: cohorts as a triangle."""

from coterie.language.shown import MONTHS
from coterie.profiles.charts.grid import Cell, heat_map
from coterie.profiles.hidden import is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.retention import Cohort, Retention


def retention(found: Retention | None, setting: Setting) -> Section:
    """Of the customers who first bought in a month, how many bought again so many months later."""
    key, short, question = "retention", "Retention", "Who comes back?"
    if found is None or not found.cohorts:
        return Section(
            key,
            short,
            question,
            "There are no events to follow customers by.",
            to_do=["Add a source of events, such as orders, and run."],
        )
    period, k = found.period, setting.k
    active, of = found.came_back(1)
    events = words.plain(found.kind)
    if of and not is_small(active, k) and not is_small(of - active, k):
        answer = f"{words.share(active, of)} of customers had another {events} in the {period} after their first."
    else:
        answer = f"No full {period} after a first {events} is over for enough customers."
    shown = [c for c in found.cohorts if not is_small(c.customers, k)]
    names = [_name(c, period) for c in shown]
    most = max((len(c.active) for c in shown), default=1)
    across = [str(i) for i in range(1, most)]
    cells, rows = [], []
    for cohort, name in zip(shown, names, strict=True):
        row = [name, f"{cohort.customers:,}"]
        for later in range(1, most):
            if later >= len(cohort.active):
                row.append("")
                continue
            n = cohort.active[later]
            hidden = is_small(n, k) or is_small(cohort.customers - n, k)
            filling = found.filling(cohort, later)
            row.append(f"<{k}" if is_small(n, k) else "hidden" if hidden else f"{n:,}")
            share = None if hidden or filling else cohort.share(later)
            text = "" if hidden or filling else f"{100 * cohort.share(later):.0f}"
            cells.append(Cell(str(later), name, share, text))
        rows.append(tuple(row))
    data = {
        "kind": found.kind,
        "period": period,
        "cohorts": [
            {
                "start": c.start.isoformat(),
                "customers": c.customers,
                "active": [None if is_small(n, k) or is_small(c.customers - n, k) else n for n in c.active],
            }
            for c in shown
        ],
        "came_back": None if is_small(active, k) else [active, of],
    }
    lines = []
    if found.earlier:
        lines.append(f"{words.customers(found.earlier)} began before the first {period} shown.")
    if not cells:
        return Section(key, short, question, answer, lines=lines, data=data)
    finding = _trend(found, shown, period, events, setting)
    note = setting.note(
        None, f"In each cell the percentage of those who began in a {period}. Empty: the {period} is not over, or too few to show."
    )
    chart = heat_map(
        cells,
        across,
        names,
        title=finding,
        across_title=f"{period}s after the first {events}, % of the customers who began",
        up_title=f"{period} of the first {events}",
        note=note,
        band=26,
    )
    headings = ((f"first {events}", False), ("customers", True), *((f"+{i}", True) for i in range(1, most)))
    table = Table(f"Customers with a further {events}, by {period}s after the first", headings, tuple(rows))
    return Section(
        key,
        short,
        question,
        answer,
        lines=lines,
        figures=[Figure("retention-triangle", finding, chart, note, table, least=90 + 34 * most)],
        data=data,
    )


def _trend(found: Retention, shown: list[Cohort], period: str, events: str, setting: Setting) -> str:
    """Whether the newest cohorts come back as the oldest did."""
    over = [c for c in shown if len(c.active) > 1 and not found.filling(c, 1) and not is_small(c.active[1], setting.k)]
    if len(over) < 2:
        return f"Customers by the {period} of their first {events}, and how many came back."
    first, last = over[0], over[-1]
    return (
        f"Of those who began in {_name(first, period)}, {words.percent(first.share(1))} were back in the next {period}; "
        f"of those of {_name(last, period)}, {words.percent(last.share(1))}."
    )


def _name(cohort: Cohort, period: str) -> str:
    start = cohort.start
    match period:
        case "year":
            return str(start.year)
        case "quarter":
            return f"Q{(start.month + 2) // 3} {start.year}"
        case _:
            return f"{MONTHS[start.month - 1]} {start.year}"
