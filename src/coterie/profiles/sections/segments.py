"""Which segments there are, how large they are and what they bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from coterie.profiles.charts.bars import Bar, Pair, bars, pairs
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.sections.small import said, three
from coterie.segments.membership import Size

MOST_BARS = 40


@dataclass(frozen=True, slots=True)
class SegmentNumbers:
    """A segment: its size, the money of its members (None where there is no money trait) and what it is in words."""

    name: str
    size: Size
    money: Decimal | None
    about: str
    english: str


def segments(found: Sequence[SegmentNumbers], setting: Setting) -> Section:
    """All segments in the order of the project file, with their three-way sizes and their money."""
    key, short, question = "segments", "Segments", "Which segments are there, and how large are they?"
    if not found:
        return Section(
            key, short, question, "No segment is defined yet.", to_do=["Write one under segments: in coterie.yaml and run again."]
        )
    k = setting.k
    shown = {s.name: three(s.size.inside, s.size.outside, s.size.cannot_tell, k) for s in found}
    told = [s for s in found if shown[s.name][0]]
    by_size = sorted(told, key=lambda s: (-s.size.inside, s.name))
    money = setting.money if setting.total and setting.total > 0 else None
    figures = [_sizes(by_size, found, shown, setting)] if told else []
    if money and setting.total and len(told) > 1:
        figures.append(_pairs(by_size, setting, money, setting.total))
    headings = [("segment", False), ("who", False), ("in", True), ("share", True), ("out", True), ("cannot tell", True)]
    if money:
        headings += [(words.plain(money), True), (f"of all {words.plain(money)}", True)]
    rows = []
    for s in found:
        inside, outside, unknown = shown[s.name]
        row = [
            s.name,
            s.about or s.english,
            said(inside, s.size.inside, k),
            "–" if inside is None else words.share(inside, setting.population),
            said(outside, s.size.outside, k),
            said(unknown, s.size.cannot_tell, k),
        ]
        if money and setting.total:
            row += (
                ["–", "–"]
                if inside is None or s.money is None
                else [words.money(s.money, setting.currency), words.share(s.money, setting.total)]
            )
        rows.append(tuple(row))
    table = Table(f"All segments, {setting.note(None)}", tuple(headings), tuple(rows))
    data = [
        {
            "name": s.name,
            "in": shown[s.name][0],
            "out": shown[s.name][1],
            "cannot_tell": shown[s.name][2],
            "population": s.size.population,
            "missing": {n: c for n, c in s.size.missing.items() if c >= k} if shown[s.name][2] is not None else {},
            "money": None if s.money is None or shown[s.name][0] is None else str(s.money),
        }
        for s in found
    ]
    return Section(key, short, question, _answer(by_size, found, setting, money), figures=figures, tables=[table], data=data)


def _answer(by_size: Sequence[SegmentNumbers], found: Sequence[SegmentNumbers], setting: Setting, money: str | None) -> str:
    many = "1 segment is" if len(found) == 1 else f"{len(found)} segments are"
    if not by_size:
        return f"{many} defined; none has {setting.k} members or more."
    first = by_size[0]
    largest = f"the largest, {first.name}, holds {words.share(first.size.inside, setting.population)} of customers"
    if money is None or not setting.total:
        return f"{many} defined; {largest}."
    dense = max(by_size, key=lambda s: float(s.money or 0) / s.size.inside)
    part = words.share(dense.size.inside, setting.population)
    brought = words.share(dense.money or 0, setting.total)
    return f"{many} defined; {largest}. {dense.name} is {part} of customers and {brought} of {words.plain(money)}."


def _sizes(
    by_size: Sequence[SegmentNumbers],
    found: Sequence[SegmentNumbers],
    shown: dict[str, tuple[int | None, int | None, int | None]],
    setting: Setting,
) -> Figure:
    listed = by_size[:MOST_BARS]
    chart_bars = [
        Bar(
            s.name,
            s.size.inside,
            f"{s.size.inside:,} · {words.share(s.size.inside, setting.population)}",
            unknown=shown[s.name][2] or 0,
            short=f"{s.size.inside:,}",
        )
        for s in listed
    ]
    unknown = any(b.unknown for b in chart_bars)
    first = listed[0]
    finding = f"{first.name} is the largest segment: {words.customers(first.size.inside)}"
    if len(listed) > 1:
        finding += f"; {listed[-1].name} the smallest shown: {listed[-1].size.inside:,}"
    more = "Hatched: members or not, it cannot be told." if unknown else ""
    left = len(found) - len(listed)
    if left:
        more += f" {left} more {'is' if left == 1 else 'are'} in the table."
    note = setting.note(None, more.strip())
    finding += "."
    chart = bars(chart_bars, title=finding, axis="customers", note=note)
    rows = tuple((b.name, f"{int(b.value):,}", said(shown[b.name][2], 1, setting.k)) for b in chart_bars)
    table = Table("Customers in each segment", (("segment", False), ("in", True), ("cannot tell", True)), rows)
    return Figure("segment-sizes", finding, chart, note, table)


def _pairs(by_size: Sequence[SegmentNumbers], setting: Setting, money: str, total: Decimal) -> Figure:
    whole = float(total)
    found = [Pair(s.name, s.size.inside / setting.population, float(s.money or 0) / whole) for s in by_size[:MOST_BARS]]
    found.sort(key=lambda p: (p.customers - p.money, p.name))
    ahead, behind = found[0], found[-1]
    name = words.plain(money)
    finding = (
        f"{ahead.name} brings most beyond its size: {words.percent(ahead.customers)} of customers, "
        f"{words.percent(ahead.money)} of {name}"
    )
    if behind.customers > behind.money:
        finding += f"; {behind.name} least: {words.percent(behind.customers)} and {words.percent(behind.money)}"
    finding += "."
    note = setting.note(None, "Segments overlap, so shares do not add up.")
    chart = pairs(found, title=finding, axis="share of all", money=name, note=note)
    rows = tuple((p.name, words.percent(p.customers), words.percent(p.money)) for p in found)
    table = Table(f"Shares of customers and of {name}", (("segment", False), ("of customers", True), (f"of {name}", True)), rows)
    return Figure("segment-shares", finding, chart, note, table)
