"""Which segments are good to work with: six marks each."""

from collections.abc import Sequence

from coterie.core.words import counted
from coterie.profiles.page import words
from coterie.profiles.page.parts import Section, Table
from coterie.profiles.scorecard import CRITERIA, Scorecard


def scorecards(found: Sequence[Scorecard]) -> Section:
    """The marks of segments that are large enough to show; counts behind them are left to `coterie scorecard`."""
    key, short, question = "scorecard", "Scorecards", "Which segments are good to work with?"
    if not found:
        return Section(key, short, question, "No segment is large enough to be judged.")
    sound = [c for c in found if not c.of("red") and not c.of("amber")]
    weak = sorted((c for c in found if c.of("red")), key=lambda c: -len(c.of("red")))
    answer = f"{len(sound):,} of {counted(len(found), 'segment')} without a fault"
    answer += f", {len(weak):,} with a red mark: {words.listed([words.plain(c.segment) for c in weak])}." if weak else "."
    shown = sorted(found, key=lambda c: (-len(c.of("red")), -len(c.of("amber"))))
    rows = tuple((words.plain(c.segment), *(c[name].colour for name in CRITERIA), c.advice) for c in shown)
    headings = (("segment", False), *((name, False) for name in CRITERIA), ("what to do first", False))
    table = Table("Six marks of each segment, the most faulty first", headings, rows)
    data = [{"segment": c.segment, "marks": {m.criterion: m.colour for m in c.marks}, "advice": c.advice} for c in found]
    line = (
        "Measurable: it can be told who is in it. Substantial: enough customers or money. Reachable: they have an address and "
        "agreed. Distinct: unlike everybody else, and no other segment once more. Stable: members stay. Actionable: they do "
        "something in another measure than the others. `coterie scorecard NAME` shows the numbers and the limits."
    )
    lines = [line, *(f"{words.plain(c.segment)} is stale: {c.stale}." for c in shown if c.stale)]
    return Section(key, short, question, answer, tables=[table], lines=lines, data=data)
