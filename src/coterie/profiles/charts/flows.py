"""Movements between labels as a Sankey diagram: bands from what customers were to what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from coterie.profiles.charts.colours import PAPER, REST
from coterie.profiles.charts.theme import drawn, raw, rows

GAP = 0.02
"""Between two labels, of the height."""
MOST_BESIDE = 168
"""Pixels for the names beside the bands; longer ones are cut."""
SMOOTH = 24
"""Points of a band's edge."""


@dataclass(frozen=True, slots=True)
class Band:
    """So many went from one label to another."""

    before: str
    after: str
    customers: int


def sankey(
    bands: Sequence[Band],
    order: Sequence[str],
    *,
    title: str,
    then: str,
    now: str,
    colours: Mapping[str, str],
    totals: Mapping[tuple[str, str], int] | None = None,
    note: str = "",
    height: int = 420,
) -> alt.LayerChart:
    """Bands coloured by what customers were; those who stayed are lighter.

    Args:
        order: of labels, from the top.
        then, now: what the two sides are called.
        totals: customers by (side, label), side "then" or "now", where small bands are left out; else the sums of bands.
    """
    whole = sum(b.customers for b in bands) or 1
    before = {n: sum(b.customers for b in bands if b.before == n) for n in order}
    after = {n: sum(b.customers for b in bands if b.after == n) for n in order}
    left, right = _stacked(before, order, whole), _stacked(after, order, whole)
    tall = max(max((e for _, e in side.values()), default=1.0) for side in (left, right))
    out, into = {n: s for n, (s, _) in left.items()}, {n: s for n, (s, _) in right.items()}
    areas = []
    rank = {n: i for i, n in enumerate(order)}
    for at, band in enumerate(sorted(bands, key=lambda b: (rank[b.before], rank[b.after]))):
        thick = band.customers / whole
        a, b = out[band.before], into[band.after]
        out[band.before] += thick
        into[band.after] += thick
        for i in range(SMOOTH + 1):
            t = i / SMOOTH
            ease = t * t * (3 - 2 * t)
            y = a + (b - a) * ease
            areas.append(
                {
                    "band": at,
                    "colour": colours.get(band.before, REST),
                    "x": 0.02 + 0.96 * t,
                    "y": y,
                    "y2": y + thick,
                    "stays": band.before == band.after,
                }
            )
    ends = [
        {
            "name": n,
            "x": x,
            "x2": x2,
            "y": s,
            "y2": e,
            "mid": (s + e) / 2,
            "side": side,
            "n": (totals or {}).get((side, n), counts[n]),
            "colour": colours.get(n, REST),
        }
        for side, found, counts, x, x2 in (("then", left, before, 0.0, 0.015), ("now", right, after, 0.985, 1.0))
        for n, (s, e) in found.items()
        if e > s
    ]
    side_room = room_beside([(str(e["name"]), int(str(e["n"]))) for e in ends], then, now)
    fits = alt.Scale(domain=[0, 1], nice=False, rangeMin=alt.ExprRef(str(side_room)), rangeMax=alt.ExprRef(f"width - {side_room}"))
    down = alt.Scale(domain=[tall, 0], nice=False)
    x = alt.X("x:Q", scale=fits, axis=None)
    flow = (
        alt.Chart(rows(areas))
        .mark_area(interpolate="monotone", line=False)
        .encode(
            x=x,
            y=alt.Y("y:Q", scale=down, axis=None),
            y2="y2:Q",
            color=raw("colour"),
            detail="band:N",
            opacity=alt.condition("datum.stays", alt.value(0.22), alt.value(0.6)),
        )
    )
    base = alt.Chart(rows(ends)).transform_calculate(words="datum.name + '  ' + format(datum.n, ',')")
    blocks = base.mark_rect(stroke=PAPER).encode(x=x, x2="x2:Q", y=alt.Y("y:Q", scale=down), y2="y2:Q", color=raw("colour"))
    layers = [flow, blocks]
    for side, align, dx, field in (("then", "right", -6, "x"), ("now", "left", 6, "x2")):
        text = base.transform_filter(f"datum.side == '{side}'").mark_text(
            align=align,  # type: ignore[arg-type]
            dx=dx,
            limit=side_room - 8,
            opacity=alt.ExprRef("(datum.y2 - datum.y) * height > 9 ? 1 : 0"),
        )
        layers.append(text.encode(x=alt.X(f"{field}:Q", scale=fits), y=alt.Y("mid:Q", scale=down), text="words:N"))
    heads = alt.Chart(rows([{"x": 0, "words": then}, {"x": 1, "words": now}]))
    layers.append(
        heads.mark_text(
            y=-12, fontWeight=600, dx=alt.ExprRef("datum.x == 0 ? -6 : 6"), align=alt.ExprRef("datum.x == 0 ? 'right' : 'left'")
        ).encode(x=alt.X("x:Q", scale=fits), text="words:N")
    )
    return drawn(*layers, title=title, note=note, height=height)


def room_beside(found: Sequence[tuple[str, int]], then: str, now: str) -> int:
    """Pixels for the names with their counts on each side, and for the days above them."""
    longest = max([len(f"{name}  {n:,}") for name, n in found] + [len(then) + 1, len(now) + 1])
    return min(MOST_BESIDE, round(7.4 * longest) + 14)


def _stacked(counts: Mapping[str, int], order: Sequence[str], whole: int) -> dict[str, tuple[float, float]]:
    at, out = 0.0, {}
    for name in order:
        if not counts[name]:
            continue
        out[name] = (at, at + counts[name] / whole)
        at += counts[name] / whole + GAP
    return out
