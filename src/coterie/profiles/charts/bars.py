"""Bars of counts: labels of a segmentation, segments with those who cannot be told, how much is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import ACCENT, REST, UNKNOWN
from coterie.profiles.charts.theme import drawn, raw, room, rows

BAND, NARROW = 30, 300
"""Pixels of a bar with its gap; charts narrower than that have the short texts."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its length and the text at its end; `unknown` is a hatched part behind it, `hidden` has no length."""

    name: str
    value: float
    text: str
    unknown: float = 0
    hidden: bool = False
    short: str = ""
    """The text where there is little room."""


def bars(
    found: Sequence[Bar],
    *,
    title: str,
    axis: str,
    note: str = "",
    colours: Mapping[str, str] | None = None,
    share: bool = False,
    fine: bool = False,
    text_room: int = 120,
    name_room: int = 200,
) -> alt.LayerChart:
    """Horizontal bars from zero in the order given.

    Args:
        axis: what is counted, with its unit.
        colours: by name; a name that has none is grey.
        share: values are shares of 1, the axis runs to 100 %; fine: they are numbers with decimals, else counts.
        text_room, name_room: pixels kept free for the texts and, at most, for the names.
    """
    order = [b.name for b in found]
    painted = colours or dict.fromkeys(order, ACCENT)
    parts = [
        {
            "name": b.name,
            "text": b.text,
            "short": b.short or b.text,
            "start": 0,
            "end": 0 if b.hidden else b.value,
            "tail": b.value + b.unknown,
            "colour": painted.get(b.name, REST),
        }
        for b in found
    ]
    scale = room(text_room)
    if share:
        scale = alt.Scale(domain=[0, 1], rangeMax=scale.rangeMax, zero=True)
    across = alt.Axis(
        format="%" if share else "~g" if fine else ",d", tickCount=4, tickMinStep=0.001 if fine else 0.01 if share else 1
    )
    names = alt.Axis(labelLimit=alt.ExprRef(f"width < 100 ? 118 : {name_room}"))
    base = alt.Chart(rows(parts)).encode(y=alt.Y("name:N", sort=order, title=None, axis=names))
    known = base.mark_bar(height=18).encode(
        x=alt.X("start:Q", scale=scale, title=axis, axis=across), x2="end:Q", color=raw("colour")
    )
    unknown = base.mark_bar(height=18, color=UNKNOWN).encode(x=alt.X("end:Q", scale=scale), x2="tail:Q")
    text = base.mark_text(align="left", dx=6, text=alt.ExprRef(f"width < {NARROW} ? datum.short : datum.text"))
    told = text.encode(x=alt.X("tail:Q", scale=scale))
    layers = [known, *([unknown] if any(b.unknown for b in found) else []), told]
    return drawn(*layers, title=title, note=note, height=BAND * max(len(found), 1))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two shares (0 to 1) of one group: of customers and of money."""

    name: str
    customers: float
    money: float


def pairs(found: Sequence[Pair], *, title: str, axis: str, money: str, note: str = "") -> alt.LayerChart:
    """For each group a ring for its share of customers, a disc for its share of money, and the way between."""
    parts = [{"name": p.name, "customers": p.customers, "money": p.money} for p in found]
    scale = alt.Scale(zero=True, nice=True)
    base = alt.Chart(rows(parts)).encode(
        y=alt.Y(
            "name:N", sort=[p.name for p in found], title=None, axis=alt.Axis(labelLimit=alt.ExprRef("width < 220 ? 118 : 200"))
        )
    )
    line = base.mark_rule(strokeWidth=2, color=REST).encode(
        x=alt.X("customers:Q", scale=scale, title=axis, axis=alt.Axis(format="%", tickCount=5)), x2="money:Q"
    )
    ends = base.transform_fold(["customers", "money"], as_=["what", "share"]).mark_point(size=80, strokeWidth=2, opacity=1)
    names = {"customers": "share of customers", "money": f"share of {money}"}
    said = f"datum.label == 'money' ? {names['money']!r} : {names['customers']!r}"
    kinds = ["customers", "money"]
    ends = ends.encode(
        x=alt.X("share:Q", scale=scale),
        stroke=alt.value(ACCENT),
        fill=alt.Fill(
            "what:N",
            scale=alt.Scale(domain=kinds, range=["transparent", ACCENT]),
            legend=alt.Legend(title=None, labelExpr=said, symbolType="circle", symbolStrokeColor=ACCENT, columns=1),
        ),
    )
    return drawn(line, ends, title=title, note=note, height=26 * max(len(found), 1))
