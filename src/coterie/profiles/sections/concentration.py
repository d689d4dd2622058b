"""How value is spread over customers."""

from coterie.profiles.charts.months import CurvePoint, curve
from coterie.profiles.concentration import Concentration
from coterie.profiles.hidden import is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table

TOLD = (1, 5, 10, 20, 50)
"""The best so many of a hundred buyers, in the table; those that are too few are left out."""


def concentration(found: Concentration | None, setting: Setting) -> Section:
    """The Lorenz curve, from the best buyer on."""
    key, short, question = "concentration", "Concentration", "How much do the best customers bring?"
    if found is None or not found.points or not found.money:
        return Section(
            key,
            short,
            question,
            "There is no money to spread over customers.",
            to_do=["Write a trait such as `revenue: sum(order.amount)` under traits: in coterie.yaml and run."],
        )
    name, k, whole = words.plain(found.column), setting.k, float(found.money)
    points = [p for p in found.points if not is_small(p.customers, k)]
    told = [
        (percent, p) for percent in TOLD if (p := found.best(percent)) is not None and p.customers and not is_small(p.customers, k)
    ]
    twenty = next((p for percent, p in told if percent == 20), None)
    if twenty is not None:
        answer = f"The best 20 % of buyers bring {words.share(twenty.money, found.money)} of {name}."
    else:
        answer = f"{found.buyers:,} buyers bring {words.about(found.money, setting.currency)}."
    half = found.half()
    finding = answer
    if half is not None and not is_small(half.customers, k):
        finding = f"{words.customers(half.customers)}, {words.share(half.customers, found.buyers)} of buyers, bring half of {name}."
    marks = {p.customers: f"best {percent} %: {words.share(p.money, found.money)}" for percent, p in told if percent in (1, 10, 20)}
    lines = [CurvePoint(p.customers / found.buyers, float(p.money) / whole, marks.get(p.customers, "")) for p in points]
    note = f"{found.buyers:,} buyers as of {setting.day}, from the one who brought most."
    if found.gini is not None:
        note += f" Gini {found.gini:.2f}: 0 is all the same, 1 is one brings all. Dashed: all bring the same."
    beside = []
    for n, text in ((found.zero, "brought nothing"), (found.negative, "less than nothing"), (found.unknown, "cannot be told")):
        if n:
            beside.append(f"{f'fewer than {k}' if is_small(n, k) else f'{n:,}'} {text}")
    if beside:
        note += f" Beside the curve: {', '.join(beside)}."
    chart = curve(lines, title=finding, customers="share of buyers, the best first", money=f"share of {name}", note=note)
    rows = tuple(
        (f"best {percent} %", f"{p.customers:,}", words.money(p.money, setting.currency), words.share(p.money, found.money))
        for percent, p in [*told, (100, found.points[-1])]
    )
    headings = (("buyers", False), ("customers", True), (name, True), (f"of {name}", True))
    data = {
        "column": found.column,
        "buyers": found.buyers,
        "money": str(found.money),
        "gini": found.gini,
        "points": [{"customers": p.customers, "money": str(p.money)} for p in points],
        "zero": None if is_small(found.zero, k) else found.zero,
        "negative": None if is_small(found.negative, k) else found.negative,
        "unknown": None if is_small(found.unknown, k) else found.unknown,
    }
    figure = Figure("lorenz", finding, chart, note, Table(f"What the best buyers bring: {name}", headings, rows))
    return Section(key, short, question, answer, figures=[figure], data=data)
