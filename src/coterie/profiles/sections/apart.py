"""What sets each segment apart from everybody else."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from coterie.profiles.apart import Apart, Comparison, Difference, Side
from coterie.profiles.charts.effects import Effect, effects
from coterie.profiles.hidden import is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.page.render import anchor

MOST_EFFECTS = 8
MOST_SEGMENTS = 12


def apart(found: Comparison, order: Sequence[str], setting: Setting) -> Section:
    """A chart of the clearest differences for each segment, the most telling segments first.

    Args:
        order: segments as they are shown; those beyond the first dozen with a difference are in tables only.
    """
    key, short, question = "apart", "What sets apart", "What sets each segment apart?"
    told = [found.segments[n] for n in order if n in found.segments and found.segments[n].shown(setting.k)]
    if not told:
        reasons = sorted({a.why_not for a in found.segments.values() if a.why_not})
        return Section(
            key,
            short,
            question,
            "No segment differs clearly from everybody else in anything that its rule does not say already.",
            lines=reasons[:3],
            to_do=["More traits about customers (what they buy, when, where from) give more to compare."],
            data=_data(found, setting),
        )
    figures = [_figure(a, setting) for a in told[:MOST_SEGMENTS]]
    folded = [_table(a, setting) for a in told[MOST_SEGMENTS:]]
    return Section(
        key,
        short,
        question,
        _answer(told[0], setting),
        lines=[found.honesty],
        figures=figures,
        folded=folded,
        broad=True,
        data=_data(found, setting),
    )


def label(d: Difference) -> str:
    name = words.plain(d.column)
    return name if d.value is None or d.value == "true" else f"{name}: {d.value}"


def side(d: Difference, s: Side) -> str:
    """What one side has, in words."""
    if d.shape == "share":
        return "–" if s.share is None else words.percent(s.share)
    if s.median is None:
        return "–"
    return words.day(s.median, "UTC") if isinstance(s.median, date) else words.number(s.median)


def _answer(a: Apart, setting: Setting) -> str:
    d = a.shown(setting.k)[0]
    what = label(d)
    if d.shape == "share":
        return f"{a.segment}: {what} holds for {side(d, d.members)} of members, and for {side(d, d.others)} of everybody else."
    return f"{a.segment}: the median of {what} is {side(d, d.members)} for members, and {side(d, d.others)} for everybody else."


def _against(d: Difference) -> str:
    what = label(d) if d.shape == "share" else f"median {label(d)}"
    return f"{what} {side(d, d.members)} against {side(d, d.others)}"


def _figure(a: Apart, setting: Setting) -> Figure:
    listed = a.shown(setting.k)[:MOST_EFFECTS]
    first = listed[0]
    finding = f"{a.segment}: {_against(first)}"
    if len(listed) > 1:
        finding += f"; {_against(listed[1])}"
    finding += "."
    note = (
        f"{a.members:,} members against {a.others:,} others as of {setting.day}; lines are 95 % intervals. "
        "From −1 (members always have less) to +1 (always more). At the right: members | others."
    )
    chart = effects(
        [Effect(label(d), d.effect, d.low, d.high, f"{side(d, d.members)} | {side(d, d.others)}") for d in listed],
        title=finding,
        axis="← less · effect · more →",
        note=note,
    )
    return Figure(f"apart-{anchor(a.segment)}", finding, chart, note, _table(a, setting), small=True)


def _table(a: Apart, setting: Setting) -> Table:
    headings = (("what", False), ("members", True), ("others", True), ("effect", True), ("95 % interval", True))
    rows = tuple(
        (
            label(d),
            side(d, d.members),
            side(d, d.others),
            f"{d.effect:+.2f}".replace("-", "−"),
            f"{d.low:+.2f} to {d.high:+.2f}".replace("-", "−"),
        )
        for d in a.shown(setting.k)
    )
    by = words.listed([words.plain(c) for c in a.by_definition], 6)
    more = f"Left out, because the rule itself reads them: {by}." if by else ""
    return Table(f"What sets {a.segment} apart: medians of numbers and days, shares of the rest", headings, rows, more)


def _data(found: Comparison, setting: Setting) -> Any:
    def one(d: Difference) -> dict[str, Any]:
        def of(s: Side) -> dict[str, Any]:
            median = s.median.isoformat() if isinstance(s.median, date) else s.median
            return {"known": s.known, "median": median, "having": s.having, "share": s.share}

        return {
            "column": d.column,
            "value": d.value,
            "shape": d.shape,
            "members": of(d.members),
            "others": of(d.others),
            "effect": d.effect,
            "low": d.low,
            "high": d.high,
        }

    return {
        "comparisons": found.comparisons,
        "segments": [
            {"segment": a.segment, "members": a.members, "others": a.others, "differences": [one(d) for d in a.shown(setting.k)]}
            for a in found.segments.values()
            if not is_small(a.members, setting.k) and not is_small(a.others, setting.k)
        ],
    }
