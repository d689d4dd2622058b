"""What customers will be worth: totals of groups with their intervals, who is still there, and how well the past was foreseen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from coterie.models.value.fitted import Fit
from coterie.profiles.charts.amounts import Amount, amounts
from coterie.profiles.charts.columns import Column, columns
from coterie.profiles.hidden import guarded, hide_list, is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table, Topic
from coterie.profiles.page.render import anchor

KEY, SHORT, QUESTION = "lifetime", "Lifetime value", "What will they be worth, and how sure is that?"
HALF = 0.5
MOST = 12
"""Labels of a segmentation in a chart."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What some customers are expected to bring within the horizon: how many they are, the total, and between what it lies with
    a probability of 90 %."""

    customers: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class LifetimeNumbers:
    """A lifetime value.

    Attributes:
        name: of the trait; `written`: the call; `fit`: what was learned, None where it could not be, and `why`.
        learned: as of when; `version` of the fit; `days`: of the horizon.
        event: what is bought, as the project calls it; currency: of the amounts.
        whole: of all customers who have bought.
        groups: by segmentation, of each label what it is worth, in the order to show; `colours` of labels.
        tenths: mean expected value of customers by tenths, the highest first, and how many they are.
        alive: how many customers are still there with a probability of 0 to 10 %, 10 to 20 % … 90 to 100 %.
        notes: what is to be known of the fit.
    """

    name: str
    written: str
    fit: Fit | None
    why: str = ""
    learned: datetime | None = None
    version: int = 0
    days: int = 0
    event: str = "order"
    currency: str | None = None
    whole: Worth = Worth(0, 0.0, 0.0, 0.0)
    groups: Mapping[str, Mapping[str, Worth]] = field(default_factory=dict)
    colours: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tenths: Sequence[tuple[int, float]] = ()
    alive: Sequence[int] = ()
    notes: Sequence[str] = ()


def lifetime(found: Sequence[LifetimeNumbers], setting: Setting) -> Section | None:
    """A topic for each lifetime value; None where there are none."""
    if not found:
        return None
    first = next((n for n in found if n.fit is not None), found[0])
    topics = [_topic(n, setting, first=n is first) for n in found]
    answer = _headline(first)
    line = (
        "A total is told with what it lies between in 9 of 10 cases: customers differ from what is expected of them, and the whole "
        "may be off by as much as it was in the part of the past that was held out to judge it. One customer alone is far less "
        "sure than a group."
    )
    return Section(KEY, SHORT, QUESTION, answer, lines=[line], topics=topics, data=[_data(n, setting) for n in found])


def _headline(n: LifetimeNumbers) -> str:
    """What is said first: the total, or why there is none."""
    if n.fit is None:
        return f"`{n.name}` is not fitted: {n.why or 'the notes of the run say why'}."
    w = n.whole
    text = (
        f"{words.customers(w.customers)} who have bought are expected to bring {words.short(w.expected, n.currency)} in the next "
        f"{n.days:,} days, in 9 of 10 cases between {words.short(w.low)} and {words.short(w.high, n.currency)}."
    )
    if n.fit.verdict is not None and not n.fit.verdict.better:
        text += " It foresaw no more than that each goes on at their own past rate."
    return text


def _topic(n: LifetimeNumbers, setting: Setting, *, first: bool) -> Topic:
    key, title = f"lifetime-{anchor(n.name)}", _capital(words.plain(n.name))
    fit, answer = n.fit, "" if first else _headline(n)
    if fit is None:
        return Topic(key, title, answer, [f"It is `{n.written}`."])
    notes = [guarded(note, setting.k) for note in n.notes]
    figures = [f for name, groups in n.groups.items() for f in _groups(n, name, groups, setting)]
    figures += [f for f in (_tenths(n, setting), _alive(n, setting), _holdout(n, setting)) if f is not None]
    return Topic(key, title, answer, [_judged(fit)], figures, tables=[_models(fit)], warnings=notes)


def _judged(fit: Fit) -> str:
    if fit.verdict is None:
        return f"How good this is, is not known: too little happened to hold a part of it out. {fit.chosen}"
    return f"{fit.verdict.words} {fit.chosen}".replace("% too", " % too")


# --- totals


def _groups(n: LifetimeNumbers, name: str, groups: Mapping[str, Worth], setting: Setting) -> list[Figure]:
    hidden = hide_list({label: w.customers for label, w in groups.items()}, setting.k)
    told = {label: w for label, w in groups.items() if label not in hidden and w.customers}
    if not told or n.whole.expected <= 0:
        return []
    shown = dict(sorted(told.items(), key=lambda item: -item[1].expected)[:MOST])
    best, first = next(iter(shown.items()))
    share = words.share(first.expected, n.whole.expected)
    finding = f"{_capital(words.plain(best))}: {words.short(first.expected, n.currency)} expected, {share} of all"
    note = f"Expected of customers as of {setting.day} within {n.days:,} days. Thin line: where the total lies in 9 of 10 cases."
    if hidden or len(shown) < len(told):
        note += " Labels of few customers are left out." if hidden else f" The {len(shown)} largest of {len(told)}."
    chart = amounts(
        [
            Amount(
                words.plain(label),
                w.expected,
                w.low,
                w.high,
                f"{words.short(w.expected, n.currency)} · {words.share(w.expected, n.whole.expected)}",
                words.short(w.expected),
            )
            for label, w in shown.items()
        ],
        title=finding,
        axis=f"expected in {n.days:,} days{_unit(n)}",
        note=note,
        colours={words.plain(k): c for k, c in n.colours.get(name, {}).items()} or None,
        text_room=130,
    )
    headings = (
        (words.plain(name), False),
        ("customers", True),
        ("expected", True),
        ("lowest", True),
        ("highest", True),
        ("each", True),
    )
    rows = tuple(
        (
            words.plain(label),
            f"{w.customers:,}",
            _about(w.expected, n.currency),
            _about(w.low, n.currency),
            _about(w.high, n.currency),
            words.money(w.expected / w.customers, n.currency),
        )
        for label, w in told.items()
    )
    table = Table(f"What they are expected to bring in {n.days:,} days, by {words.plain(name)}", headings, rows)
    return [Figure(f"worth-{anchor(n.name)}-{anchor(name)}", f"{finding}.", chart, note, table, small=True)]


def _tenths(n: LifetimeNumbers, setting: Setting) -> Figure | None:
    if not n.tenths or any(is_small(many, setting.k) for many, _ in n.tenths) or n.whole.expected <= 0:
        return None
    top = n.tenths[0][0] * n.tenths[0][1] / n.whole.expected
    finding = f"The tenth that is worth most is expected to bring {words.percent(top)} of it all."
    found = [Column(f"{len(n.tenths) - place}", each, words.short(each)) for place, (_, each) in enumerate(n.tenths)]
    note = f"{n.whole.customers:,} customers who have bought, in ten groups by what is expected of them; 10 is the highest."
    chart = columns(
        found, title=finding, axis=f"expected of each{_unit(n)}", across="tenth of customers", note=note, strong=[found[0].name]
    )
    rows = tuple(
        (c.name, f"{many:,}", words.money(each, n.currency), words.share(many * each, n.whole.expected))
        for c, (many, each) in zip(found, n.tenths, strict=True)
    )
    headings = (("tenth", True), ("customers", True), ("expected of each", True), ("of all", True))
    return Figure(
        f"spread-{anchor(n.name)}", finding, chart, note, Table("How it is spread over customers", headings, rows), small=True
    )


def _alive(n: LifetimeNumbers, setting: Setting) -> Figure | None:
    """Who is still there; nothing where the model says of everybody that they are."""
    assert n.fit is not None
    if not n.alive or not n.fit.process.leaves or not sum(n.alive):
        return None
    bands = {f"{10 * i}–{10 * (i + 1)} %": many for i, many in enumerate(n.alive)}
    hidden = hide_list(bands, setting.k)
    there, whole = sum(n.alive[5:]), sum(n.alive)
    shown = not is_small(there, setting.k) and not is_small(whole - there, setting.k)
    finding = "How probably customers are still there."
    if shown:
        finding = f"{there:,} of {whole:,} who have bought are probably still customers (50 % or more)."
    found = [
        Column(name, None if name in hidden else float(many), "" if name in hidden else f"{many:,}", at_most=setting.k)
        for name, many in bands.items()
    ]
    note = "Nobody says that they leave: this is told from how long they have been quiet, beside how often they used to buy."
    if hidden:
        note += f" Hatched: fewer than {setting.k}, or given away by others."
    chart = columns(
        found,
        title=finding,
        axis="customers",
        across="probability of being still there",
        note=note,
        strong=[name for i, name in enumerate(bands) if i >= 5],
    )
    rows = tuple((name, "hidden" if name in hidden else f"{many:,}") for name, many in bands.items())
    headings = (("probability of being still there", False), ("customers", True))
    return Figure(f"alive-{anchor(n.name)}", finding, chart, note, Table("Who is still there", headings, rows), small=True)


# --- how good it is


def _holdout(n: LifetimeNumbers, setting: Setting) -> Figure | None:
    assert n.fit is not None
    verdict = n.fit.verdict
    if verdict is None:
        return None
    kept = [r for r in verdict.by_frequency if r.customers >= max(setting.k, 1)]
    if not kept:
        return None
    model = verdict.model
    much = f"{words.percent(abs(model.bias))} too {'many' if model.bias > 0 else 'few'}"
    finding = f"Of the {model.actual:,.0f} days with an {n.event} that were held out, {model.foreseen:,.0f} were foreseen, {much}."
    if n.event[:1] not in "aeiou":
        finding = finding.replace("with an ", "with a ")
    found = [Column(f"{r.x}{'+' if r.more else ''}", r.actual, words.number(round(r.actual, 1)), r.foreseen) for r in kept]
    days = f"{verdict.days:,.0f} days"
    note = f"{verdict.customers:,} customers, judged on the last {days}, which the judged fit had not seen. Short lines: foreseen."
    if len(kept) < len(verdict.by_frequency):
        note += f" Groups of fewer than {setting.k} are left out."
    chart = columns(
        found,
        title=finding,
        axis=f"days with {words.plain(n.event)}, mean",
        across="days bought again before",
        note=note,
    )
    rows = tuple((c.name, f"{r.customers:,}", f"{r.foreseen:.2f}", f"{r.actual:.2f}") for c, r in zip(found, kept, strict=True))
    headings = (("bought again before", True), ("customers", True), ("foreseen", True), ("came", True))
    table = Table("Foreseen and what came, by how often they had bought again", headings, rows)
    return Figure(f"holdout-{anchor(n.name)}", finding, chart, note, table, small=True)


def _models(fit: Fit) -> Table:
    """Which models were tried."""
    rows = []
    for one in fit.tried:
        q = one.quality
        off = "–" if q is None else f"{q.mae:.2f}"
        bias = "–" if q is None else words.percent(q.bias, sign=True)
        state = "used" if one.model == fit.model else "explains no more than that nobody leaves" if one.refused else ""
        rows.append((one.model, f"{one.log_likelihood:,.0f}", off, bias, state))
    verdict = fit.verdict
    if verdict is not None:
        plain = {"mean": "everybody buys alike", "own rate": "each goes on at their own past rate"}
        for name, q in verdict.rules.items():
            rows.append((plain.get(name, name), "–", f"{q.mae:.2f}", words.percent(q.bias, sign=True), "needs no model"))
    headings = (
        ("model", False),
        ("log likelihood", True),
        ("off for one customer", True),
        ("in all", True),
        ("", False),
    )
    return Table("Which models were tried, and what they foresaw of the part held out", headings, tuple(rows))


# --- words


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _about(amount: float, currency: str | None) -> str:
    return words.about(amount, currency)


def _unit(n: LifetimeNumbers) -> str:
    return f", {n.currency}" if n.currency else ""


def _data(n: LifetimeNumbers, setting: Setting) -> dict[str, object]:
    if n.fit is None:
        return {"name": n.name, "call": n.written, "why": n.why}
    groups = []
    for name, found in n.groups.items():
        hidden = hide_list({label: w.customers for label, w in found.items()}, setting.k)
        for label, w in found.items():
            if label not in hidden and w.customers:
                row = {"of": name, "label": label, "customers": w.customers}
                groups.append({**row, "expected": round(w.expected, 2), "low": round(w.low, 2), "high": round(w.high, 2)})
    return {
        "name": n.name,
        "call": n.written,
        "version": n.version,
        "model": n.fit.model,
        "days": n.days,
        "customers": n.whole.customers,
        "expected": round(n.whole.expected, 2),
        "low": round(n.whole.low, 2),
        "high": round(n.whole.high, 2),
        "warnings": [w.code for w in n.fit.warnings],
        "groups": groups,
    }
