"""What customers will probably do: each prediction with how good it is, whether its numbers come true, and what drives it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from coterie.models.prediction.fitted import Fit
from coterie.models.prediction.quality import Group, money
from coterie.profiles.charts.bars import Bar, bars
from coterie.profiles.charts.calibration import Point, calibration
from coterie.profiles.charts.columns import Column, columns
from coterie.profiles.charts.curves import Curve, curves
from coterie.profiles.hidden import guarded, hide_list, is_small
from coterie.profiles.intervals import two_sided, wilson
from coterie.profiles.page import words
from coterie.profiles.page.parts import Card, Figure, Section, Setting, Table, Topic
from coterie.profiles.page.render import anchor

KEY, SHORT, QUESTION = "predictions", "Predictions", "What will they probably do, and how sure is that?"
LEVEL = 0.95
DRIVERS = 8
CUTS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""The first so large shares of customers, in the table of cut-offs."""
FEATURES = 40
"""Letters of a feature's name."""


@dataclass(frozen=True)
class PredictionNumbers:
    """A prediction.

    Attributes:
        name: of the trait; `written`: the call.
        fit: what was learned; None where it could not be, and `why`.
        learned: as of when; `version` of the fit.
        happens: what is predicted as it follows a share of customers: "have a new order within 90 days"; "" for amounts.
        currency: of the amounts predicted; None where they are no money.
        each: what one event of it brought on average, and what such an event is called; None where that is not known.
        cards: who they are of whom it is told most, and what to do about them.
    """

    name: str
    written: str
    fit: Fit | None
    why: str = ""
    learned: datetime | None = None
    version: int = 0
    happens: str = ""
    currency: str | None = None
    each: tuple[float, str] | None = None
    cards: Sequence[Card] = field(default_factory=tuple)


def predictions(found: Sequence[PredictionNumbers], setting: Setting) -> Section | None:
    """A topic for each prediction, the best first; None where there are none."""
    if not found:
        return None
    ranked = sorted(found, key=lambda p: -_merit(p))
    topics = [_topic(p, setting) for p in ranked]
    line = (
        "A prediction is judged on customers and days that it has not seen, beside what needs no model: the same answer for "
        "everybody, and the best simple rule. Where it is no better, that is said, and the rule is what to use."
    )
    first = ranked[0]
    answer = (
        f"{_name(first)}: {topics[0].answer[:1].lower()}{topics[0].answer[1:]}" if first.fit is None else _headline(first, setting)
    )
    return Section(KEY, SHORT, QUESTION, answer, lines=[line], topics=topics, data=[_data(p, setting) for p in ranked])


def _merit(p: PredictionNumbers) -> float:
    if p.fit is None:
        return -1.0
    return {"better": 2.0, "no better than a simple rule": 1.0, "no better than chance": 0.0}[p.fit.quality.verdict]


def _name(p: PredictionNumbers) -> str:
    name = words.plain(p.name)
    return name[:1].upper() + name[1:]


def _headline(p: PredictionNumbers, setting: Setting) -> str:
    """The finding of the best prediction in a sentence."""
    return f"{_name(p)}: {_lift_finding(p, setting)}"


def _topic(p: PredictionNumbers, setting: Setting) -> Topic:
    key, title = f"prediction-{anchor(p.name)}", f"{_name(p)}"
    if p.fit is None:
        return Topic(key, title, f"`{p.written}` is not fitted: {p.why or 'the notes of the run say why'}.")
    fit = p.fit
    said = [s for s in fit.sentences if not _tells_too_much(s, fit, setting)]
    lines = [" ".join(said[1:])] if len(said) > 1 else []
    warnings = [guarded(f"{w[:1].upper()}{w[1:]}".rstrip(".") + ".", setting.k) for w in fit.warnings]
    lines.append(_how_to_use(p))
    figures = [_lift(p, setting)]
    if fit.quality.kind != "multiclass" and fit.quality.verdict != "no better than chance":
        figures.append(_calibration(p, setting))
    figures += _money(p, setting)
    if fit.importance:
        figures.append(_drives(p))
    return Topic(key, title, said[0], [x for x in lines if x], figures, p.cards, [_table(p)], warnings=warnings)


def _tells_too_much(sentence: str, fit: Fit, setting: Setting) -> bool:
    """Whether a sentence tells the share of a tenth in which it happened to very few."""
    return sentence.startswith("Of the tenth") and _hidden(fit.quality.tenths, fit, setting)[0]


def _how_to_use(p: PredictionNumbers) -> str:
    assert p.fit is not None
    q, name = p.fit.quality, p.name
    if q.verdict == "no better than chance":
        return f"Do not choose customers by it: `{name}` is the same for everybody."
    if q.verdict == "better":
        use = (
            f"Choose customers by `{name}.tenth >= 9`"
            if q.kind != "multiclass"
            else f"Choose customers by `{name}.probability >= 0.8`"
        )
        return f"{use}; `coterie why CUSTOMER` shows what raises and lowers it for one of them."
    rule = max((c for c in q.against[1:] if not c.better), key=lambda c: c.value).name
    return f"A campaign can as well sort customers by {words.plain(rule)}, which everybody understands."


# --- lift


def _hidden(groups: Sequence[Group], fit: Fit, setting: Setting) -> list[bool]:
    """Whether what happened in a group would tell of very few customers."""
    if fit.quality.kind == "regression":
        return [is_small(g.customers, setting.k) for g in groups]
    yes = {str(n): round(g.customers * g.happened) for n, g in enumerate(groups)}
    no = {str(n): g.customers - yes[str(n)] for n, g in enumerate(groups)}
    out = hide_list(yes, setting.k) | hide_list(no, setting.k)
    return [str(n) in out for n in range(len(groups))]


def _value(p: PredictionNumbers, value: float) -> str:
    assert p.fit is not None
    if p.fit.quality.kind != "regression":
        return words.percent(value)
    return words.about(value, p.currency) if p.currency else words.number(round(value, 2))


def _lift_finding(p: PredictionNumbers, setting: Setting) -> str:
    assert p.fit is not None
    q = p.fit.quality
    hidden = _hidden(q.tenths, p.fit, setting)[0]
    top, base = q.tenths[0], _base(p.fit)
    many = f"fewer than {words.percent(setting.k / top.customers)}" if hidden else _value(p, top.happened)
    if q.kind == "regression":
        return f"the tenth with the highest prediction came to {many} each, everybody to {_value(p, base)}."
    if q.kind == "multiclass":
        return f"of the tenth it is surest of, {many} were told right; of everybody {_value(p, base)}."
    return f"of the tenth with the highest score {many} {p.happens}, of everybody {_value(p, base)}."


def _base(fit: Fit) -> float:
    q = fit.quality
    return {
        "classification": q.measures.get("base_rate", 0.0),
        "regression": q.measures.get("mean", 0.0),
        "multiclass": q.measures.get("accuracy", 0.0),
    }[q.kind]


def _lift(p: PredictionNumbers, setting: Setting) -> Figure:
    assert p.fit is not None
    q, hidden = p.fit.quality, _hidden(p.fit.quality.tenths, p.fit, setting)
    shares = q.kind != "regression"
    found = []
    for n, (g, hide) in enumerate(zip(q.tenths, hidden, strict=True)):
        text = "" if hide else words.percent(g.happened) if shares else words.short(g.happened)
        low, high = (None, None) if hide else _interval(g, shares)
        most = min(setting.k / g.customers, 1.0) if shares else 0.0
        found.append(Column(_tenth(n, len(q.tenths)), None if hide else g.happened, text, g.told, low, high, most))
    base = _base(p.fit)
    unit = f", {p.currency}" if p.currency else ""
    axis = "share of customers" if shares else f"mean of what came{unit}"
    finding = _sentence(_lift_finding(p, setting))
    note = f"{q.tested:,} customers that it had not seen, ten groups by the score; 10 is the highest. Short lines: what was told."
    if any(hidden):
        note += f" Hatched: it happened to fewer than {setting.k}, or that would be given away."
    chart = columns(
        found,
        title=finding,
        axis=axis,
        across="tenth of customers by the score",
        note=note,
        share=shares,
        line=(base, f"everybody {_value(p, base)}"),
    )
    headings = (("tenth", True), ("customers", True), ("told", True), ("happened", True), ("against everybody", True))
    rows = []
    for n, (g, hide) in enumerate(zip(q.tenths, hidden, strict=True)):
        lift = f"{g.happened / base:.1f} ×" if base > 0 and not hide else "–"
        rows.append(
            (_tenth(n, len(q.tenths)), f"{g.customers:,}", _value(p, g.told), "hidden" if hide else _value(p, g.happened), lift)
        )
    return Figure(
        f"lift-{anchor(p.name)}", finding, chart, note, Table(f"{_name(p)}: tenths of customers", headings, tuple(rows)), small=True
    )


def _tenth(place: int, many: int) -> str:
    return f"{many - place}"


def _interval(g: Group, shares: bool) -> tuple[float | None, float | None]:
    """Between what the share, or the mean amount, of a group may lie by chance."""
    if not shares:
        if g.varies is None:
            return None, None
        reach = two_sided(LEVEL) * g.varies / math.sqrt(g.customers)
        return max(g.happened - reach, 0.0) if g.happened >= 0 else g.happened - reach, g.happened + reach
    low, high = wilson(np.array([g.customers * g.happened]), np.array([float(g.customers)]), two_sided(LEVEL))
    return float(low[0]), float(high[0])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- does it come true


def _calibration(p: PredictionNumbers, setting: Setting) -> Figure:
    assert p.fit is not None
    fit = p.fit
    shares = fit.quality.kind == "classification"
    if shares and fit.error is not None:
        groups = [Group(n, told, told, happened) for n, told, happened in fit.error.bins]
        off, chance = 100 * fit.error.error, 100 * fit.error.perfect
        right = fit.error.error <= max(0.01, fit.error.perfect_high)
        finding = f"Told probabilities are {off:.1f} points off on average"
        finding += (
            f"; exact ones would seem {chance:.1f} off with so few customers."
            if right
            else (f", exact ones would seem {chance:.1f} off: take them as a ranking.")
        )
    else:
        groups = list(reversed(fit.quality.tenths))
        total = fit.quality.measures.get("told_of_total")
        finding = (
            f"In all {words.percent(total)} of what came was predicted."
            if total is not None
            else "What was predicted, beside what came."
        )
    hidden = _hidden(groups, fit, setting)
    points = []
    for g, hide in zip(groups, hidden, strict=True):
        if not hide:
            low, high = _interval(g, shares)
            points.append(Point(g.told, g.happened, g.happened if low is None else low, g.happened if high is None else high))
    unit = f", {p.currency}" if p.currency else ""
    note = f"Ten groups of the {fit.quality.tested:,} tested customers"
    note += ", with the interval that chance leaves (95 %)."
    note += " On the dashed line, told is what happened."
    if any(hidden):
        note += f" {sum(hidden)} groups in which it happened to hardly anybody or to nearly all are left out."
    chart = calibration(
        points,
        title=finding,
        across="told probability" if shares else f"predicted, mean{unit}",
        up="share to whom it happened" if shares else f"what came, mean{unit}",
        note=note,
        share=shares,
    )
    headings = (("customers", True), ("told", True), ("happened", True), ("95 % interval", False))
    rows = []
    for g, hide in zip(groups, hidden, strict=True):
        low, high = _interval(g, shares)
        between = "–" if hide or low is None or high is None else f"{_value(p, low)} to {_value(p, high)}"
        rows.append((f"{g.customers:,}", _value(p, g.told), "hidden" if hide else _value(p, g.happened), between))
    table = Table(f"{_name(p)}: told and happened", headings, tuple(rows))
    return Figure(f"calibration-{anchor(p.name)}", finding, chart, note, table, small=True)


# --- money


def _money(p: PredictionNumbers, setting: Setting) -> list[Figure]:
    """What contacting the first so many is expected to bring, and how many of those to whom it happens are among them."""
    assert p.fit is not None
    q = p.fit.quality
    if q.kind == "multiclass" or q.verdict == "no better than chance":
        return []
    regression = q.kind == "regression"
    value = 1.0 if regression else p.each[0] if p.each is not None else None
    total = sum(g.customers * g.happened for g in q.tenths)
    if total <= 0:
        return []
    cuts = money(q, 1.0 if value is None else value, 0.0)
    kept = _kept(p, setting)
    hidden = [place not in kept for place in range(len(q.gains))]
    fifth = next((c for c in cuts if c.share >= 0.195), cuts[-1])
    came = sum(g.customers * g.happened for g in q.tenths) * (1.0 if value is None else value)
    reached = fifth.happened / came if came else 0.0
    currency = p.currency if regression else setting.currency
    finding = f"The first {words.percent(fifth.share)} are {words.percent(reached)} of all to whom it happened"
    rule = max((c for c in q.against[1:] if c.fifth is not None), key=lambda c: c.fifth or 0.0, default=None)
    if regression:
        finding = f"The first {words.percent(fifth.share)} brought {words.percent(reached)} of it"
        if p.currency:
            finding += f", {words.about(fifth.happened, currency)}; {words.about(fifth.told, currency)} was expected"
    elif value is not None and p.each is not None:
        finding += f", worth about {words.about(fifth.happened, currency)}; {words.about(fifth.told, currency)} was expected"
    if rule is not None and rule.fifth is not None:
        finding += f". Sorted by {words.plain(rule.name)} alone it would be {words.percent(rule.fifth)}"
    lines = [
        Curve("expected", [(0.0, 0.0), *((c.share, c.told) for c in cuts)], dashed=True),
        Curve("came", [(0.0, 0.0), *((c.share, c.happened) for c, hide in zip(cuts, hidden, strict=True) if not hide)]),
    ]
    paid = value is not None and (not regression or currency is not None)
    unit = f", {currency}" if currency else ""
    what = f"money{unit}" if paid else "what came, in all" if regression else "customers to whom it happens"
    note = f"Contacting the first so many of the {q.tested:,} tested customers, the highest score first."
    if p.each is not None and not regression:
        note += f" {p.each[1]} counts {words.money(p.each[0], currency)}, the mean."
        note += " A contact pays while it costs less than the last column of the table."
    chart = curves(lines, title=finding, across="share of customers contacted", up=what, note=note, shares=(True, False))
    headings = [("contacted", True), ("customers", True), ("expected", True), ("came", True), ("of all", True)]
    if paid:
        headings.append(("last one is worth", True))
    rows = []
    for c, hide in zip(cuts, hidden, strict=True):
        if not any(abs(c.share - cut) < 0.01 for cut in CUTS):
            continue
        worth = [words.money(c.lowest * (1.0 if value is None else value), currency)] if paid else []

        def told(x: float) -> str:
            return words.about(x, currency) if paid else words.number(round(x))

        row = (words.percent(c.share), f"{c.contacts:,}", told(c.told), "hidden" if hide else told(c.happened))
        rows.append((*row, "hidden" if hide else words.percent(c.happened / came), *worth))
    table = Table(f"{_name(p)}: what contacting the first so many brings", tuple(headings), tuple(rows))
    return [Figure(f"money-{anchor(p.name)}", f"{finding}.", chart, note, table, small=True)]


def _kept(p: PredictionNumbers, setting: Setting) -> frozenset[int]:
    """The cut-offs between which, and behind which, it happened to none or to enough customers."""
    assert p.fit is not None
    q, k = p.fit.quality, setting.k
    if q.kind == "regression":
        return frozenset(range(len(q.gains)))
    counts = [round(g.customers * g.happened) for g in q.gains]
    kept: list[int] = []
    for place, n in enumerate(counts[:-1]):
        if not is_small(n - (counts[kept[-1]] if kept else 0), k):
            kept.append(place)
    while kept and is_small(counts[-1] - counts[kept[-1]], k):
        kept.pop()
    return frozenset([*kept, len(counts) - 1])


# --- what drives it


def _drives(p: PredictionNumbers) -> Figure:
    assert p.fit is not None
    fit = p.fit
    unit = "AUC" if fit.kind == "classification" else "share of what it accounts for"
    listed = [i for i in fit.importance if i.lost > 0][:DRIVERS]
    told = [(_feature(i.features, fit), i) for i in listed]
    finding = (
        f"{_sentence(told[0][0])} {'drives' if len(listed[0].features) == 1 else 'drive'} it most."
        if told
        else "Nothing drives it by itself."
    )
    note = f"What is lost ({unit}) when a feature is dealt out at random among customers. It says what the prediction rests on, not"
    note += " what would change customers."
    chart = bars(
        [Bar(name, i.lost, f"{i.lost:.3f}") for name, i in told],
        title=finding,
        axis=f"lost without it, {unit}",
        note=note,
        fine=True,
        text_room=64,
    )
    headings = (("feature", False), ("lost without it", True), ("varies by", True))
    rows = tuple((", ".join(i.features), f"{i.lost:.3f}", f"{i.varies:.3f}") for i in fit.importance)
    table = Table(f"{_name(p)}: what drives it", headings, rows)
    return Figure(f"drives-{anchor(p.name)}", finding, chart, note, table, small=True)


def _feature(names: Sequence[str], fit: Fit) -> str:
    told = [words.plain(fit.names.get(name, name)) for name in names]
    told = [text if len(text) <= FEATURES else text[: FEATURES - 1] + "…" for text in told]
    both = " and ".join(told)
    return both if len(told) <= 2 and len(both) <= FEATURES else f"{told[0]} +{len(told) - 1}"


# --- the figures


def _table(p: PredictionNumbers) -> Table:
    """How good it is beside what needs no model."""
    assert p.fit is not None
    q, m = p.fit.quality, p.fit.quality.measures
    rows = []
    if q.kind == "classification":
        rows.append(
            (
                "who comes first (AUC: .5 is chance, 1 is perfect)",
                f"{q.interval.value:.3f}",
                _span(q.interval, 3),
                "0.500",
                "chance",
            )
        )
        rows += [("", "", "", f"{c.value:.3f}", words.plain(c.name)) for c in q.against[1:]]
        rows.append(
            (
                "squared error of probabilities (Brier: 0 is perfect)",
                f"{m['brier']:.3f}",
                "",
                f"{m['brier_of_base_rate']:.3f}",
                "the base rate",
            )
        )
        rows.append(("log loss", f"{m['log_loss']:.3f}", "", f"{m['log_loss_of_base_rate']:.3f}", "the base rate"))
    elif q.kind == "regression":
        rows.append(("differences accounted for (R²)", words.percent(q.interval.value), _span(q.interval, -1), "0.0 %", "the mean"))
        rows += [("", "", "", words.percent(c.value), words.plain(c.name)) for c in q.against[1:]]
        rows.append(("mean error", words.number(round(m["mae"], 2)), "", "", ""))
    else:
        rows.append(("told right", words.percent(m["accuracy"]), "", words.percent(m["most_common"]), "the most common answer"))
        rows.append(
            ("log loss saved", words.percent(q.interval.value), _span(q.interval, -1), "0.0 %", "the shares of the answers")
        )
    headings = (
        ("measured on customers it has not seen", False),
        ("model", True),
        ("95 % interval", True),
        ("instead", True),
        ("of what", False),
    )
    return Table("How good it is, beside what needs no model", headings, tuple(rows))


def _span(interval: object, digits: int) -> str:
    low, high = getattr(interval, "low"), getattr(interval, "high")  # noqa: B009
    return f"{words.percent(low)} to {words.percent(high)}" if digits < 0 else f"{low:.{digits}f} to {high:.{digits}f}"


def _data(p: PredictionNumbers, setting: Setting) -> dict[str, object]:
    if p.fit is None:
        return {"name": p.name, "call": p.written, "why": p.why}
    fit, q = p.fit, p.fit.quality
    hidden = _hidden(q.tenths, fit, setting)
    return {
        "name": p.name,
        "call": p.written,
        "version": p.version,
        "verdict": q.verdict,
        "tested": q.tested,
        "decides": q.decides,
        "interval": q.interval.to_json(),
        "against": [{"name": c.name, "value": c.value} for c in q.against],
        "tenths": [
            {"customers": g.customers, "told": round(g.told, 4), "happened": None if hide else round(g.happened, 4)}
            for g, hide in zip(q.tenths, hidden, strict=True)
        ],
        "importance": [{"features": list(i.features), "lost": i.lost} for i in fit.importance],
    }
