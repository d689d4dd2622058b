"""How far the goals are."""

from collections.abc import Sequence
from dataclasses import dataclass

from coterie.profiles.charts.goals import goal
from coterie.profiles.goals import Progress
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.page.render import anchor


@dataclass(frozen=True, slots=True)
class GoalNumbers:
    """A goal as it is written: the segment that has it, what is to change, and how it stands.

    `progress` is None where it cannot be measured yet, and `why` says so.
    """

    segment: str
    metric: str
    wanted: str
    progress: Progress | None
    why: str = ""


def goals(found: Sequence[GoalNumbers], setting: Setting) -> Section:
    """Each goal with where it began, where it is and where it should be."""
    key, short, question = "goals", "Goals", "Are the goals being reached?"
    if not found:
        return Section(
            key,
            short,
            question,
            "No goal is set.",
            to_do=["Write one beside a segment: `goal: {metric: avg(revenue), change: +5%, per: quarter}`."],
        )
    told = [g for g in found if g.progress is not None]
    states: dict[str, int] = {}
    for g in told:
        assert g.progress is not None
        states[g.progress.state] = states.get(g.progress.state, 0) + 1
    answer = ", ".join(f"{n} {state}" for state, n in states.items()) or "none can be told yet"
    many = "1 goal" if len(found) == 1 else f"{len(found)} goals"
    data = [
        {
            "segment": g.segment,
            "metric": g.metric,
            "wanted": g.wanted,
            "state": None if g.progress is None else g.progress.state,
            "start": None if g.progress is None else g.progress.start.value,
            "now": None if g.progress is None else g.progress.now.value,
            "target": None if g.progress is None else g.progress.target,
        }
        for g in found
    ]
    to_do = [f"{g.segment}, {g.metric} {g.wanted}: {g.why}" for g in found if g.progress is None]
    return Section(key, short, question, f"{many}: {answer}.", figures=[_figure(g, setting) for g in told], to_do=to_do, data=data)


def _figure(g: GoalNumbers, setting: Setting) -> Figure:
    p = g.progress
    assert p is not None
    start, now = p.start.value, p.now.value
    low = None if p.low is None else start * (1 + p.low)
    high = None if p.high is None else start * (1 + p.high)
    finding = f"{g.segment}: {p.sentence}"
    finding = finding if finding.endswith(".") else f"{finding}."
    began, ends = words.day(p.start.at, setting.zone), words.day(p.ends, setting.zone)
    note = (
        f"{p.now.n:,} members as of {setting.day}, {p.start.n:,} on {began}; the goal is for {ends}. The line is a 95 % interval."
    )
    chart = goal(
        start=start, now=now, low=low, high=high, needed=p.needed, target=p.target, title=finding, axis=g.metric, note=note
    )
    rows = (
        (f"start, {began}", words.number(round(start, 2))),
        (f"now, {setting.day}", words.number(round(now, 2))),
        ("needed by now", words.number(round(p.needed, 2))),
        (f"goal, {ends}", words.number(round(p.target, 2))),
        ("change so far", "–" if p.change is None else words.percent(p.change, sign=True)),
    )
    return Figure(
        f"goal-{anchor(g.segment)}",
        finding,
        chart,
        note,
        Table(f"{g.metric} of {g.segment}", (("", False), (g.metric, True)), rows),
    )
