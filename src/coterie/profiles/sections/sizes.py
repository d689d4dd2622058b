"""How segments have grown and shrunk."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from coterie.core.windows import local_day
from coterie.profiles.charts.lines import Mark, Step, line
from coterie.profiles.hidden import is_small
from coterie.profiles.jumps import Jump
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.page.render import anchor

MOST = 24
Series = Sequence[tuple[datetime, int]]
RUN_AGAIN = "Run again tomorrow (`coterie run`), or fill in past days with `coterie run --since 2025-01-01`."


def sizes(series: Mapping[str, Series], found: Mapping[str, Sequence[Jump]], setting: Setting) -> Section:
    """A small line for each segment, those that changed most first, with the days on which the level jumped.

    Args:
        series: size by instant, for each segment.
        found: the jumps of each.
    """
    key, short, question = "sizes", "Sizes over time", "How have the segments grown and shrunk?"
    told = {name: steps for name, steps in series.items() if len(steps) >= 2}
    if not told:
        return Section(
            key, short, question, "There is one day on record so far, so nothing can be compared yet.", to_do=[RUN_AGAIN]
        )
    shown = {n: s for n, s in told.items() if any(not is_small(size, setting.k) for _, size in s)}
    ranked = sorted(shown, key=lambda n: (not found.get(n), -_moved(shown[n]), n))
    figures = [_figure(name, shown[name], found.get(name, ()), setting) for name in ranked[:MOST]]
    longest = max(told.values(), key=len)
    first, last = longest[0][0], longest[-1][0]
    jumped = sum(1 for n in ranked if found.get(n))
    span = f"between {words.day(first, setting.zone)} and {words.day(last, setting.zone)}"
    many = f"{len(longest)} days on record {span}"
    answer = (
        f"{many}; {jumped} of {len(told)} segments changed their level at once."
        if jumped
        else f"{many}; no segment's level jumped."
    )
    folded = [_table(name, shown[name], setting) for name in ranked[MOST:]]
    data = {
        n: [{"as_of": at.isoformat(), "in": None if is_small(size, setting.k) else size} for at, size in s] for n, s in told.items()
    }
    return Section(key, short, question, answer, figures=figures, folded=folded, data=data)


def _moved(series: Series) -> float:
    first, last = series[0][1], series[-1][1]
    return abs(last - first) / max(first, last, 1)


def _figure(name: str, series: Series, jumps: Sequence[Jump], setting: Setting) -> Figure:
    k = setting.k
    steps = [Step(local_day(at, setting.zone), None if is_small(size, k) else size) for at, size in series]
    first = next(s for s in steps if s.size is not None)
    last = [s for s in steps if s.size is not None][-1]
    assert first.size is not None
    assert last.size is not None
    change = last.size - first.size
    more = "more" if change > 0 else "fewer"
    if is_small(abs(change), k):
        finding = f"{name}: about as many as on {words.day(first.day, setting.zone)}"
    elif change:
        finding = f"{name}: {abs(change):,} {more} than on {words.day(first.day, setting.zone)}"
    else:
        finding = f"{name}: as many as on {words.day(first.day, setting.zone)}"
    marks = []
    for jump in jumps:
        text = "" if jump.change is None else words.percent(jump.change, sign=True)
        marks.append(Mark(local_day(jump.at, setting.zone), text))
    if jumps:
        at = words.day(local_day(jumps[-1].at, setting.zone), setting.zone)
        finding += f"; a jump on {at}"
    finding += "."
    note = setting.note(None, "Dashed: the level jumped.") if jumps else setting.note(None)
    chart = line(steps, marks, title=finding, note=note)
    return Figure(f"size-{anchor(name)}", finding, chart, note, _table(name, series, setting), small=True)


def _table(name: str, series: Series, setting: Setting) -> Table:
    k = setting.k
    rows = tuple((words.day(at, setting.zone), f"fewer than {k}" if is_small(n, k) else f"{n:,}") for at, n in series)
    return Table(f"Customers in {name}", (("day", False), ("in", True)), rows)
