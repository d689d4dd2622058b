"""Headline findings: sentences made of the report's numbers, each with the numbers and how to recompute them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from coterie.core.windows import local_day
from coterie.core.words import with_article
from coterie.language.format import literal
from coterie.language.names import written
from coterie.language.shown import day_shown, plural
from coterie.profiles import words
from coterie.profiles.apart import Comparison
from coterie.profiles.concentration import Concentration
from coterie.profiles.hidden import K, is_small
from coterie.profiles.jumps import Jump
from coterie.profiles.movement import Movement
from coterie.profiles.quality import Quality
from coterie.profiles.retention import Retention
from coterie.profiles.turnover import Turnover


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a sentence.

    Attributes:
        value: as computed, not rounded.
        unit: "customers", "share" (0 to 1), "money", "orders", "change" (relative: −0.31 is 31 % less), "days".
        expression: for customers: what `coterie count` answers with this many "in"; "" for other units.
        formula: how the value is made, in words of names and expressions.
    """

    value: float | int | Decimal
    unit: str
    formula: str
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, the section of the report that shows it, how much it matters (larger first), and its numbers."""

    sentence: str
    section: str
    weight: float
    numbers: tuple[Number, ...]
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A segment or a label: how many customers, what money (None where there is no money trait), and its expression."""

    name: str
    customers: int
    money: Decimal | None
    expression: str
    of: str = ""
    """The segmentation, of a label."""


def findings(
    *,
    population: int,
    currency: str | None = None,
    slices: Sequence[Slice] = (),
    money: tuple[str, Decimal] | None = None,
    concentration: Concentration | None = None,
    turnover: Turnover | None = None,
    retention: Retention | None = None,
    movements: Mapping[str, Movement] | None = None,
    jumps: Mapping[str, Sequence[Jump]] | None = None,
    apart: Comparison | None = None,
    quality: Quality | None = None,
    zone: str = "UTC",
    k: int = K,
    most: int = 12,
) -> tuple[Finding, ...]:
    """The findings worth a headline, the weightiest first.

    Args:
        population: all customers.
        money: the trait that shares of revenue are taken of, with its sum over all customers.
        slices: segments and labels.
        k: sentences about 1 to k − 1 customers are left out.
        most: so many at most.
    """
    out: list[Finding] = []
    if money is not None and money[1] > 0 and population:
        out += _slices(slices, population, money[0], money[1])
    if concentration is not None:
        out += _concentrated(concentration, k)
    if turnover is not None:
        out += _turned_over(turnover, currency)
    if retention is not None:
        out += _came_back(retention, k)
    for name, moved in (movements or {}).items():
        out += _moved(name, moved, population, zone)
    for name, found in (jumps or {}).items():
        out += _jumped(name, found, zone)
    if apart is not None:
        out += _set_apart(apart, population)
    if quality is not None:
        out += _to_know(quality)
    kept = [f for f in out if not any(n.unit in COUNTS and is_small(int(n.value), k) for n in f.numbers)]
    return tuple(sorted(kept, key=lambda f: (-f.weight, f.sentence))[:most])


COUNTS = ("customers", "orders")
PER_SECTION = 2
"""So many findings of one kind at most: a page of headlines says different things."""


def _slices(slices: Sequence[Slice], population: int, column: str, whole: Decimal) -> list[Finding]:
    out = []
    for s in slices:
        if s.money is None or not s.customers:
            continue
        customers, paid = s.customers / population, float(s.money / whole)
        if abs(paid - customers) < 0.05:
            continue
        sentence = f"{words.name(s.name)} are {words.share(customers)} of customers and {words.share(paid)} of {words.name(column)}"
        numbers = (
            Number(s.customers, "customers", f"customers in: {s.expression}", s.expression),
            Number(customers, "share", f"customers in: {s.expression} / all customers"),
            Number(paid, "share", f"sum of {column} over customers in: {s.expression} / sum of {column} over all customers"),
        )
        out.append(Finding(words.begin(sentence), "segments", abs(paid - customers), numbers, (s.of or s.name,)))
    ranked = sorted(out, key=lambda f: -f.weight)
    kept: list[Finding] = []
    for finding in ranked:  # one of a segmentation: its labels say the same thing from several sides
        if finding.about not in [f.about for f in kept]:
            kept.append(finding)
    return kept[:PER_SECTION]


def _concentrated(c: Concentration, k: int) -> list[Finding]:
    point, part = c.best(20), c.share(20)
    if point is None or part is None or is_small(point.customers, k):
        return []
    sentence = f"The top 20 % of buyers bring {words.share(part)} of {words.name(c.column)}"
    numbers = (
        Number(c.buyers, "customers", f"customers in: {written(c.column)} > 0", f"{written(c.column)} > 0"),
        Number(point.customers, "customers", "20 % of the buyers, rounded down"),
        Number(part, "share", f"sum of {c.column} over those who brought most / sum of {c.column} over all buyers"),
    )
    return [Finding(sentence, "concentration", max(0.0, part - 0.2), numbers, (c.column,))]


def _turned_over(t: Turnover, currency: str | None) -> list[Finding]:
    out = []
    for change, against in ((t.against_month, "the month before"), (t.against_year, "the same month a year before")):
        if change is None:
            continue
        now, before = change.now, change.before
        if change.money is not None and now.money is not None and before.money is not None:
            relative, unit = change.money, "money"
            told = f"{words.money(now.money, currency)} against {words.money(before.money, currency)}"
            values: tuple[Decimal | int, Decimal | int] = (now.money, before.money)
            what, of = "brought", f"sum of {t.kind}.{t.column}"
        elif change.orders is not None:
            relative, unit = change.orders, "orders"
            told, values = f"{now.orders:,} against {before.orders:,}", (now.orders, before.orders)
            what, of = f"saw {words.name(plural(t.kind, 2))},", f"count of {t.kind}"
        else:
            continue
        sentence = f"{_month(now.start)} {what} {words.change(relative)} than {_month(before.start)}, {against} ({told})"
        if relative == 0:
            sentence = f"{_month(now.start)} {what} as much as {_month(before.start)}, {against} ({told})"
        numbers = (
            Number(relative, "change", f"{of} in {now.start:%Y-%m} / {of} in {before.start:%Y-%m} - 1"),
            Number(values[0], unit, f"{of} in {now.start:%Y-%m}"),
            Number(values[1], unit, f"{of} in {before.start:%Y-%m}"),
        )
        out.append(Finding(sentence, "turnover", 0.3 + min(0.6, abs(relative)), numbers, (t.kind,)))
    last = t.last
    if last is not None and last.money and last.money > 0 and last.money_returning is not None and last.start != t.months[0].start:
        part = float(last.money_returning / last.money)
        sentence = (
            f"{words.share(part)} of the {words.name(t.column or 'money')} of {_month(last.start)} came from customers who had "
            "bought before that month"
        )
        formula = f"sum of {t.kind}.{t.column} in {last.start:%Y-%m} of customers whose first {t.kind} was earlier / of all"
        out.append(Finding(sentence, "turnover", 0.25, (Number(part, "share", formula),), (t.kind,)))
    return out


def _came_back(r: Retention, k: int) -> list[Finding]:
    active, of = r.came_back(1)
    if not of or is_small(active, k):
        return []
    sentence = f"{words.share(active / of)} of customers came back in the {r.period} after their first {words.name(r.kind)}"
    formula = f"customers of cohorts with {with_article(r.kind)} one {r.period} after their first / customers of those cohorts"
    numbers = (
        Number(active, "customers", f"customers with {with_article(r.kind)} in the {r.period} after that of their first one"),
        Number(of, "customers", f"customers whose {r.period} after the first {r.kind} is over"),
        Number(active / of, "share", formula),
    )
    return [Finding(sentence, "retention", 0.35, numbers, (r.kind,))]


def _moved(name: str, moved: Movement, population: int, zone: str) -> list[Finding]:
    out = []
    since = day_shown(local_day(moved.since, zone))
    for flow in moved.flows[:PER_SECTION]:
        sentence = (
            f"{flow.customers:,} customers went from {words.name(flow.before)} to {words.name(flow.after)} since {since}, "
            f"{words.share(flow.share)} of those who were {words.name(flow.before)}"
        )
        numbers = (
            Number(flow.customers, "customers", f"moves of {name} from {flow.before} to {flow.after} since {moved.since:%Y-%m-%d}"),
            Number(flow.share, "share", f"those / customers who were {flow.before} then"),
        )
        weight = min(0.8, 0.2 + 4 * flow.customers / population) if population else 0.2
        out.append(Finding(sentence, "movement", weight, numbers, (name,)))
    return out


def _jumped(name: str, found: Sequence[Jump], zone: str) -> list[Finding]:
    if not found:
        return []
    jump = found[-1]
    grew = "grew" if jump.after > jump.before else "shrank"
    at = day_shown(local_day(jump.at, zone))
    before, after = round(jump.before), round(jump.after)
    sentence = f"{words.begin(words.name(name))} {grew} from about {before:,} to about {after:,} customers on {at}"
    numbers = (
        Number(before, "customers", f"mean size of {name} over the snapshots before {jump.at:%Y-%m-%d}"),
        Number(after, "customers", f"mean size of {name} over the snapshots from {jump.at:%Y-%m-%d} on"),
    )
    return [Finding(sentence, "sizes", 0.3 + min(0.4, abs(jump.change or 1.0)), numbers, (name,))]


def _set_apart(comparison: Comparison, population: int) -> list[Finding]:
    out = []
    for found in comparison.segments.values():
        best = next((d for d in found.clear if d.effect > 0 or d.shape != "share"), None)
        if best is None:
            continue
        who, column = words.name(found.segment), words.name(best.column)
        a, b = best.members, best.others
        about = (found.segment, best.column)
        if best.shape == "share":
            if a.share is None or b.share is None or a.having is None or b.having is None:
                continue
            what = column if best.value == "true" else f"{column} {best.value}"
            sentence = f"{words.share(a.share)} of {who} have {what}, against {words.share(b.share)} of everybody else"
            condition = written(best.column) if best.value == "true" else f"{written(best.column)} = {literal(best.value or '')}"
            inside = f"{written(found.segment)} and {condition}"
            outside = f"not {written(found.segment)} and {condition}"
            numbers: tuple[Number, ...] = (
                Number(a.having, "customers", f"customers in: {inside}", inside),
                Number(b.having, "customers", f"customers in: {outside}", outside),
                Number(a.share, "share", f"customers in: {inside} / members of whom {best.column} is known"),
                Number(b.share, "share", f"customers in: {outside} / others of whom {best.column} is known"),
            )
        else:
            if a.median is None or b.median is None:
                continue
            more = "more" if best.effect > 0 else "less"
            if best.shape == "day":
                more = "a later" if best.effect > 0 else "an earlier"
            pairs = words.share((1 + abs(best.effect)) / 2)
            sentence = (
                f"{words.begin(who)} have {more} {column} than everybody else in {pairs} of pairs: half have at least "
                f"{_value(a.median)}, of the others half have at least {_value(b.median)}"
            )
            formula = (
                f"pairs (member of {found.segment}, other) in which the member has {more} {best.column}, ties half / all pairs"
            )
            numbers = (Number((1 + abs(best.effect)) / 2, "share", formula),)
        size = found.members / population if population else 0.0
        out.append(Finding(words.begin(sentence), "apart", abs(best.effect) * (0.15 + 0.25 * min(1.0, 4 * size)), numbers, about))
    return sorted(out, key=lambda f: -f.weight)[:PER_SECTION]


def _to_know(quality: Quality) -> list[Finding]:
    out = []
    for warning in quality.warnings:
        n = (Number(warning.n, "customers" if warning.about in [c.column for c in quality.coverage] else "rows", warning.sentence),)
        grave = 0.15 + 0.5 * (warning.n / warning.of if warning.of else 0.3)
        out.append(Finding(words.begin(warning.sentence), "quality", grave, n if warning.n else (), (warning.about,)))
    return out[:PER_SECTION]


def _month(start: date) -> str:
    return f"{FULL_MONTHS[start.month - 1]} {start.year}"


FULL_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _value(found: float | date) -> str:
    if isinstance(found, date):
        return day_shown(found)
    return f"{found:,.0f}" if abs(found) >= 100 or found == int(found) else f"{found:,.2f}"
