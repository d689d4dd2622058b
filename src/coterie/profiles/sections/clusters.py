"""Groups of customers that were found: how large they are, how many there are and why, and what sets each apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from coterie.models.clusters.fitted import OUTLIER, Fit, Group
from coterie.profiles.charts.bars import Bar, bars
from coterie.profiles.charts.colours import UNKNOWN
from coterie.profiles.charts.curves import Curve, curves
from coterie.profiles.charts.tints import Tint, tints
from coterie.profiles.hidden import guarded, hide_list
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table, Topic
from coterie.profiles.page.render import anchor
from coterie.profiles.sections.small import said

KEY, SHORT, QUESTION = "groups", "Groups found", "Which kinds of customers are there?"
CANNOT_TELL = "cannot tell"
BY = 8
"""So many columns are shown beside each other."""
FIRM, MOSTLY = 0.9, 0.75


@dataclass(frozen=True)
class ClusterNumbers:
    """A segmentation whose groups were found.

    Attributes:
        name: of the segmentation; `written`: the call; `fit`: what was learned, None where it could not be, and `why`.
        learned: as of when; `version` of the fit.
        customers, money: by label ("" are those who cannot be told).
        colours: of labels.
        cards: by label the place of its persona on the page, and the names of the plays that fit it.
    """

    name: str
    written: str
    fit: Fit | None
    why: str = ""
    learned: datetime | None = None
    version: int = 0
    customers: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, Decimal] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    cards: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=dict)


def clusters(found: Sequence[ClusterNumbers], setting: Setting) -> Section | None:
    """A topic for each segmentation whose groups were found; None where there are none."""
    if not found:
        return None
    topics = [_topic(n, setting, first=n is found[0]) for n in found]
    line = (
        "Nobody defined these groups: they were found among customers who are alike. How many there are is decided by how much "
        "they explain beyond chance, how far apart they lie, and whether both halves of the customers show the same ones. A "
        "group that is found again after a refit keeps its name."
    )
    data = [_data(n, setting) for n in found]
    return Section(KEY, SHORT, QUESTION, _headline(found[0], setting), lines=[line], topics=topics, data=data)


def _headline(n: ClusterNumbers, setting: Setting) -> str:
    """What is said first: the groups, or why there are none."""
    fit = n.fit
    if fit is None:
        return f"`{n.name}` is not fitted: {n.why or 'the notes of the run say why'}."
    if not fit.groups:
        why = guarded(fit.notes[-1], setting.k) if fit.notes else "No number of groups is more than chance."
        return f"There are no groups among customers by {words.plain(n.name)}. {why}"
    return _answer(n, setting)


def _topic(n: ClusterNumbers, setting: Setting, *, first: bool) -> Topic:
    key, title = f"groups-{anchor(n.name)}", _capital(words.plain(n.name))
    fit, answer = n.fit, "" if first else _headline(n, setting)
    if fit is None or not fit.groups:
        return Topic(key, title, answer, [f"It is `{n.written}`."], [_tried(n)] if fit is not None and fit.tried else [])
    found = _apart(n, setting)
    figures = [_sizes(n, setting), *([found] if found is not None else [])]
    if len(fit.tried) > 1:
        figures.append(_tried(n))
    return Topic(key, title, answer, [_how_sure(fit), *_changes(fit)], figures, links=_links(n, setting))


def _answer(n: ClusterNumbers, setting: Setting) -> str:
    assert n.fit is not None
    hidden = _hidden(n, setting)
    told = [g for g in _ranked(n) if g.name not in hidden]
    if not told:
        return f"{len(n.fit.groups)} groups were found."
    first = told[0]
    share = words.share(n.customers.get(first.name, 0), setting.population)
    text = f"{len(n.fit.groups)} groups were found; the largest, {first.name}, are {share} of customers"
    rich = max(told, key=lambda g: n.money.get(g.name, Decimal(0)))
    if setting.total and setting.money and n.money.get(rich.name):
        share = words.share(n.money[rich.name], setting.total)
        if rich is first:
            text += f" and bring {share} of {words.plain(setting.money)}"
        else:
            text += f"; most {words.plain(setting.money)}, {share}, comes from {rich.name}"
    return f"{text}."


def _ranked(n: ClusterNumbers) -> list[Group]:
    assert n.fit is not None
    return sorted(n.fit.groups, key=lambda g: (-n.customers.get(g.name, 0), g.key))


def _how_sure(fit: Fit) -> str:
    if fit.stability >= FIRM:
        sure = "Sure: both halves of the customers show nearly the same groups"
    elif fit.stability >= MOSTLY:
        sure = "Fairly sure: both halves of the customers show mostly the same groups"
    else:
        sure = "Not very sure: halves of the customers show groups that differ somewhat, so look at them again after the next refit"
    weak = [g.name for g in fit.groups if g.stability < 0.6]
    text = f"{sure} (agreement {fit.stability:.2f} of 1). {words.percent(fit.explained)} of the differences between customers lie"
    text += (
        f" between groups, and they are {'well' if fit.separation >= 0.5 else 'somewhat' if fit.separation >= 0.25 else 'hardly'}"
    )
    text += f" apart (silhouette {fit.separation:.2f} of 1)."
    if weak:
        text += f" Found again least: {words.listed(weak)}."
    return text


def _changes(fit: Fit) -> list[str]:
    """What became of the groups of the fit before."""
    names = {g.key: g.name for g in fit.groups}
    told = []
    for change in fit.changes:
        after = words.listed([names[key] for key in change.after if key in names])
        if change.what == "born":
            told.append(f"{after} {'is' if len(change.after) == 1 else 'are'} new")
        elif change.what == "died":
            told.append("one group is gone")
        elif change.what == "split":
            told.append(f"one group has come apart into {after}")
        elif change.what == "merged":
            told.append(f"{len(change.before)} groups are now {after}")
    return [f"Since the fit before: {'; '.join(told)}."] if told else []


def _links(n: ClusterNumbers, setting: Setting) -> list[tuple[str, str]]:
    """What sets each group apart in words, with its card and its plays."""
    hidden = _hidden(n, setting)
    out = []
    for g in _ranked(n):
        if g.name in hidden:
            continue
        text = f"{g.name}: {said(n.customers.get(g.name), n.customers.get(g.name, 0), setting.k)}"
        where, plays = n.cards.get(g.name, ("", ()))
        if plays:
            text += f"; what to do: {words.listed([words.plain(p) for p in plays])}"
        out.append((text, where))
    return out


# --- figures


def _hidden(n: ClusterNumbers, setting: Setting) -> frozenset[str]:
    return hide_list(n.customers, setting.k)


def _sizes(n: ClusterNumbers, setting: Setting) -> Figure:
    assert n.fit is not None
    hidden = _hidden(n, setting)
    order = [g.name for g in _ranked(n)] + [x for x in (OUTLIER, "") if n.customers.get(x)]
    found, rows = [], []
    for label in order:
        many = n.customers.get(label, 0)
        name = {"": CANNOT_TELL, OUTLIER: "like none of them"}.get(label, label)
        text = said(None if label in hidden else many, many, setting.k)
        money = n.money.get(label)
        share = "" if label in hidden else words.share(many, setting.population)
        of = words.share(money, setting.total) if setting.total and money is not None and label not in hidden else ""
        more = f" · {of} of {words.plain(setting.money)}" if of and setting.money else ""
        found.append(Bar(name, float(many), f"{text} · {share}{more}" if share else text, hidden=label in hidden, short=text))
        rows.append((name, text, share, of))
    shares = [words.share(n.customers.get(g.name, 0), setting.population) for g in _ranked(n) if g.name not in hidden]
    finding = (
        f"The largest group is {shares[0]} of customers, the smallest {shares[-1]}." if len(shares) > 1 else _answer(n, setting)
    )
    note = setting.note(None, "Like none of them: too far from every group to be told as one.")
    colours = {**n.colours, CANNOT_TELL: UNKNOWN}
    chart = bars(found, title=finding, axis="customers", note=note, colours=colours, text_room=190, name_room=260)
    headings = (("group", False), ("customers", True), ("share", True), (f"of {words.plain(setting.money or 'revenue')}", True))
    table = Table(f"The groups of {words.plain(n.name)}", headings, tuple(rows))
    return Figure(f"sizes-{anchor(n.name)}", finding, chart, note, table)


def _tried(n: ClusterNumbers) -> Figure:
    assert n.fit is not None
    fit = n.fit
    asked = (
        f"{fit.chosen} groups: apart, found again, and no more than needed."
        if fit.chosen
        else "No number of groups is more than chance."
    )
    note = "Apart: silhouette, 1 is perfect. Found again: agreement of what both halves of the customers show, 1 is perfect."
    lines = [
        Curve("found again", [(float(t.groups), max(t.stability, 0.0)) for t in fit.tried]),
        Curve("apart", [(float(t.groups), max(t.separation, 0.0)) for t in fit.tried]),
    ]
    chart = curves(
        lines,
        title=asked,
        across="number of groups",
        up="of 1",
        note=note,
        mark=(float(fit.chosen), f"{fit.chosen} chosen") if fit.chosen else None,
        unit=True,
    )
    rows = tuple(
        (
            f"{t.groups}{' (chosen)' if t.groups == fit.chosen else ''}",
            f"{t.separation:.2f}",
            f"{t.stability:.2f}",
            words.percent(t.gap),
        )
        for t in fit.tried
    )
    headings = (("groups", False), ("apart", True), ("found again", True), ("less spread than chance leaves", True))
    return Figure(
        f"tried-{anchor(n.name)}", asked, chart, note, Table("Each number of groups that was tried", headings, rows), small=True
    )


def _apart(n: ClusterNumbers, setting: Setting) -> Figure | None:
    """What is typical of each group, by the columns that tell groups apart most."""
    assert n.fit is not None
    hidden = _hidden(n, setting)
    groups = [g for g in _ranked(n) if g.name not in hidden]
    effects = {(g.name, t.column): t for g in groups for t in g.traits}
    strength: dict[str, float] = {}
    for (_, column), trait in effects.items():
        strength[column] = max(strength.get(column, 0.0), abs(trait.effect))
    by = sorted(strength, key=lambda c: -strength[c])[:BY]
    if not by or not groups:
        return None
    found = [
        Tint(
            g.name,
            words.plain(column),
            _typical(g.typical.get(column)),
            effects[g.name, column].effect if (g.name, column) in effects else 0.0,
        )
        for g in groups
        for column in by
    ]
    strongest = max(effects.values(), key=lambda t: abs(t.effect))
    whose = next(name for (name, _), t in effects.items() if t is strongest)
    finding = (
        f"Furthest from everybody: {strongest.words} in {whose}."
        if strongest.words not in whose
        else f"Furthest from everybody: {whose}."
    )
    note = "What is typical of each group (median, or what is most frequent). Orange: above everybody; blue: below."
    named = [words.plain(c) for c in by]
    chart = tints(found, [g.name for g in groups], named, title=finding, note=note)
    rows = tuple((g.name, *(_typical(g.typical.get(c)) for c in by)) for g in groups)
    headings = (("group", False), *((name, True) for name in named))
    table = Table(f"What is typical of the groups of {words.plain(n.name)}", headings, rows)
    return Figure(f"typical-{anchor(n.name)}", finding, chart, note, table, least=90 * len(by) + 200)


def _typical(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return words.number(round(value, 2) if isinstance(value, float) else value)
    if isinstance(value, list | tuple):
        return words.listed([str(v) for v in value], 3) or "none"
    return str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _data(n: ClusterNumbers, setting: Setting) -> dict[str, object]:
    if n.fit is None:
        return {"name": n.name, "call": n.written, "why": n.why}
    hidden = _hidden(n, setting)
    return {
        "name": n.name,
        "call": n.written,
        "version": n.version,
        "separation": n.fit.separation,
        "stability": n.fit.stability,
        "labels": [{"label": label or None, "customers": None if label in hidden else many} for label, many in n.customers.items()],
        "tried": [{"groups": t.groups, "separation": t.separation, "stability": t.stability} for t in n.fit.tried],
    }
