"""A persona's name and its two sentences, made of its numbers and of nothing else."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from math import sqrt

from coterie.language.format import literal
from coterie.language.names import written
from coterie.language.shown import day_shown, plural
from coterie.profiles import words
from coterie.profiles.apart import Apart, Difference
from coterie.profiles.findings import Number
from coterie.profiles.intervals import two_sided
from coterie.profiles.personas.figures import LITTLE, Figures
from coterie.profiles.personas.persona import Group, Liking, Sentence

TOLD = 2
"""So many differences are told in a sentence."""
NAMED = 4
"""A name made here has at most so many words."""
UNNAMED = frozenset(
    (
        *("gender", "sex", "sexuality", "race", "ethnicity", "religion", "faith", "nationality", "disability", "health", "party"),
        *("name", "names", "surname", "firstname", "lastname"),
    )
)
"""Columns by which nobody is named, whether they are marked as sensitive or not."""
NOTHING = frozenset(("none", "other", "others", "unknown", "na", "n/a", "null", "no", "-"))
"""Values that say nothing."""


def likings(found: Apart, level: float, things: dict[str, tuple[str, str, str]]) -> tuple[Liking, ...]:
    """What members buy more of than others: the mean of each one's share must differ too, as strictly as the ranks.

    Somebody who buys often has bought of everything once; ranks of shares alone would call that a liking.

    Args:
        level: of the interval that must leave out 0; things: (kind, column, value) by the name of the compared column.
    """
    z = two_sided(level)
    out = []
    for d in found.clear:
        if d.column not in things or d.deviations is None or d.members.mean is None or d.others.mean is None:
            continue
        m, n = d.members.known, d.others.known
        if d.effect > 0 and d.deviations > z * sqrt(1 / m + 1 / n):
            out.append(Liking(*things[d.column], d.column, d.members.mean, d.others.mean, m))
    return tuple(sorted(out, key=lambda one: (one.outside - one.inside, one.expression)))


def short(found: Sequence[Difference]) -> str:
    """What sets a group apart in at most four words; "" where nothing does."""
    parts: list[str] = []
    for d in found:
        part = _called(d)
        if part and part not in parts and sum(len(p.split()) for p in [*parts, part]) <= NAMED:
            parts.append(part)
        if len(parts) == TOLD:
            break
    return ", ".join(parts)


def _called(d: Difference) -> str:
    column = words.name(d.column)
    if UNNAMED & set(column.casefold().split()) or (d.value or "").casefold() in NOTHING:
        return ""
    if d.shape == "share":
        if d.value == "true":
            return column if d.effect > 0 else f"no {column}"
        if d.effect < 0 or d.value is None:
            return ""
        return d.value if re.search(r"[^\W\d_]{3}", d.value) else f"{column} {d.value}"
    if d.shape == "day":
        return f"{'late' if d.effect > 0 else 'early'} {column}"
    many = ("many", "few") if _counts(d) else ("high", "low")
    return f"{many[0] if d.effect > 0 else many[1]} {column}"


def _counts(d: Difference) -> bool:
    """Whether a trait counts something that its name says: orders, views 30d."""
    first = words.name(d.column).split()[0] if words.name(d.column).split() else ""
    whole = isinstance(d.members.median, float) and d.members.median == int(d.members.median)
    return whole and first == plural(first, 2) and first.endswith("s") and first != "days"


def sentences(
    group: Group,
    title: str,
    population: int,
    money: str | None,
    currency: str | None,
    figures: Figures,
    found: Sequence[Difference],
) -> tuple[Sentence, ...]:
    """How many they are and what they bring; and what sets them apart.

    Args:
        title: what the group is called; population: all customers.
        money: the trait that customers are worth; found: the differences worth telling, the most telling first.
    """
    return (_size(group, title, population, money, currency, figures), _set_apart(group, int(figures["customers"] or 0), found))


def _size(group: Group, title: str, population: int, money: str | None, currency: str | None, figures: Figures) -> Sentence:
    n = int(figures["customers"] or 0)
    numbers = [Number(n, "customers", f"customers in: {group.expression}", group.expression)]
    text = f"{words.begin(title)} {'is' if n == 1 else 'are'} {words.count(n)} {'customer' if n == 1 else 'customers'}"
    if population:
        numbers.append(Number(n / population, "share", f"customers in: {group.expression} / all customers"))
        text += f", {words.share(n / population)} of all"
    whole, each, part = (figures.get(f) for f in ("revenue", "revenue_per_customer", "share_of_revenue"))
    if money is not None and n and whole == 0:
        text += f", and {'brings' if n == 1 else 'bring'} no {words.name(money)}"
        numbers.append(Number(0, "money", f"sum of {money} over customers in: {group.expression}"))
    elif money is not None and n and whole is not None and each is not None and part is not None:
        what, summed = words.name(money), f"sum of {money} over customers in: {group.expression}"
        amount, mean = Decimal(str(whole)), Decimal(str(each))
        of_them = f"{words.money(amount, currency)}" + (f", {words.money(mean, currency)} each" if n > 1 else "")
        text += f", and {'brings' if n == 1 else 'bring'} {words.share(part)} of {what}: {of_them}"
        numbers += [
            Number(part, "share", f"{summed} / sum of {money} over all customers"),
            Number(amount, "money", summed),
            Number(mean, "money", f"{summed} / customers in: {group.expression}"),
        ]
    return Sentence(f"{text}.", tuple(numbers))


def _set_apart(group: Group, n: int, found: Sequence[Difference]) -> Sentence:
    if n < LITTLE:
        return Sentence(f"They are fewer than {LITTLE}, so little can be said of them.", ())
    if not found:
        return Sentence("Beside that, nothing known of them differs clearly from everybody else.", ())
    told = [one for d in found if (one := _difference(group, d)) is not None][:TOLD]
    if not told:
        return Sentence("What sets them apart is in the table.", ())
    return Sentence(f"{words.begin('; '.join(text for text, _ in told))}.", tuple(n for _, numbers in told for n in numbers))


def _difference(group: Group, d: Difference) -> tuple[str, tuple[Number, ...]] | None:
    inside, outside = f"({group.expression})", f"not ({group.expression})"
    column = words.name(d.column)
    a, b = d.members, d.others
    if d.shape == "share":
        if a.share is None or b.share is None or a.having is None or b.having is None:
            return None
        what = f"{column} holds for" if d.value == "true" else f"{column} is {d.value} for"
        condition = written(d.column) if d.value == "true" else f"{written(d.column)} = {literal(d.value or '')}"
        numbers: list[Number] = []
        for side, who in ((a, inside), (b, outside)):
            expression, known = f"{who} and {condition}", f"{who} and {written(d.column)} is known"
            numbers.append(Number(side.having or 0, "customers", f"customers in: {expression}", expression))
            numbers.append(Number(side.known, "customers", f"customers in: {known}", known))
            numbers.append(Number(side.share or 0.0, "share", f"customers in: {expression} / customers in: {known}"))
        return f"{what} {words.share(a.share)} of them, and {words.share(b.share)} of everybody else", tuple(numbers)
    how, first, second = "median", a.median, b.median
    if d.shape == "number" and (first is None or first == second):
        how, first, second = "mean", a.mean, b.mean
    if first is None or second is None:
        return None
    told = f"the {how} of {column} is {value(first)} for them, and {value(second)} for everybody else"
    formula = f"{how} of {d.column} over customers in: "
    numbers = [
        Number(_plain(v), "day" if d.shape == "day" else "number", formula + who) for v, who in ((first, inside), (second, outside))
    ]
    return told, tuple(numbers)


def _plain(found: float | date) -> float | int:
    return found.toordinal() if isinstance(found, date) else found


def value(found: float | date) -> str:
    """A number or day in a sentence."""
    if isinstance(found, date):
        return day_shown(found)
    return f"{found:,.0f}" if abs(found) >= 100 else f"{found:,.2f}".rstrip("0").removesuffix(".")
