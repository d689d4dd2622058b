"""Where customers stand: the labels of segmentations as bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from coterie.profiles.charts.bars import Bar, bars
from coterie.profiles.charts.colours import UNKNOWN
from coterie.profiles.hidden import hide_list
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.page.render import anchor
from coterie.profiles.sections.small import said

CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class LabelNumbers:
    """A segmentation: its labels in order, with customers and money ("" are those who cannot be told)."""

    name: str
    order: tuple[str, ...]
    customers: Mapping[str, int]
    money: Mapping[str, Decimal]
    about: str = ""
    colours: Mapping[str, str] | None = None


def labels(found: Sequence[LabelNumbers], setting: Setting) -> Section:
    """Segmentations with rules: lifecycle first."""
    key, short, question = "lifecycle", "Lifecycle", "Where do customers stand?"
    if not found:
        return Section(
            key,
            short,
            question,
            "No segmentation with rules is defined yet.",
            to_do=["Write a lifecycle under segmentations: in coterie.yaml (`coterie init` drafts one from your data) and run."],
        )
    listed = sorted(found, key=lambda s: s.name != "lifecycle")
    figures = [_figure(s, setting) for s in listed]
    data = [
        {"name": s.name, "labels": {n or None: (None if n in _hidden(s, setting) else c) for n, c in s.customers.items()}}
        for s in listed
    ]
    plain = [{**d, "labels": [{"label": n, "customers": c} for n, c in d["labels"].items()]} for d in data]  # type: ignore[attr-defined]
    return Section(key, short, question, _answer(listed[0], setting), figures=figures, data=plain)


def _hidden(numbers: LabelNumbers, setting: Setting) -> frozenset[str]:
    return hide_list(numbers.customers, setting.k)


def _answer(numbers: LabelNumbers, setting: Setting) -> str:
    hidden = _hidden(numbers, setting)
    told = [(n, numbers.customers[n]) for n in numbers.order if numbers.customers.get(n) and n not in hidden]
    if not told:
        return "No customer has a label yet."
    parts = [f"{words.share(c, setting.population)} are {n}" for n, c in told]
    return f"By {words.plain(numbers.name)}: {words.listed(parts, 6)}."


def _short(text: str) -> str:
    return text.partition(" · ")[0].replace("fewer than ", "<")


def _figure(numbers: LabelNumbers, setting: Setting) -> Figure:
    hidden = _hidden(numbers, setting)
    colours = dict(numbers.colours or {})
    names = [n for n in numbers.order if numbers.customers.get(n)]
    unknown = numbers.customers.get("", 0)
    found = []
    for n in [*names, *([""] if unknown else [])]:
        c = numbers.customers[n]
        text = said(None, c, setting.k) if n in hidden else f"{c:,} · {words.share(c, setting.population)}"
        found.append(Bar(n or CANNOT_TELL, c, text, hidden=n in hidden, short=_short(text)))
    colours[CANNOT_TELL] = UNKNOWN
    told = [(n, numbers.customers[n]) for n in names if n not in hidden]
    if told:
        most = max(told, key=lambda p: p[1])
        finding = f"{words.plain(numbers.name)}: most are {most[0]}, {words.customers(most[1])}"
        finding += f" or {words.share(most[1], setting.population)}."
    else:
        finding = f"{words.plain(numbers.name)}: no label may be shown."
    finding = finding[0].upper() + finding[1:]
    note = setting.note(unknown)
    if numbers.about:
        note += f" {numbers.about}"
    chart = bars(found, title=finding, axis="customers", note=note, colours=colours)
    headings = [("label", False), ("customers", True), ("share", True)]
    if numbers.money and setting.money:
        headings.append((words.plain(setting.money), True))
    rows = []
    for bar, name in zip(found, [*names, *([""] if unknown else [])], strict=True):
        row = [bar.name, said(None if bar.hidden else int(bar.value), int(bar.value), setting.k)]
        row.append("–" if bar.hidden else words.share(bar.value, setting.population))
        if numbers.money and setting.money:
            row.append("–" if bar.hidden else words.money(numbers.money.get(name, Decimal(0)), setting.currency))
        rows.append(tuple(row))
    table = Table(f"Customers by {words.plain(numbers.name)}", tuple(headings), tuple(rows))
    return Figure(f"labels-{anchor(numbers.name)}", finding, chart, note, table)
