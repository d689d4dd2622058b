"""Goals: what a run measures of them, at the beginning of their period and now, and how they stand.

A goal is `{metric: avg(revenue), change: +5%, per: quarter}` of a segment or of the whole project. Its metric is

- `avg(X)` or `sum(X)` over the members, X a number of a customer: a trait, or any expression;
- `size`, the number of members; `share`, their part of all customers.

The period is the calendar one that holds the run's day; it begins at the last instant before its first day. The value then is
measured by answering as of that instant, once: later runs of the period carry it along, as long as segment and metric mean the
same.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlglot import exp

from coterie.core.errors import CoterieError, DefinitionError, TypeMismatch
from coterie.core.windows import EXACT, UNITS, first_instant, local, local_day, start_of, step
from coterie.language.types import NUMBERS
from coterie.profiles.goals import Measured, Progress, progress
from coterie.segments import membership
from coterie.traits import batch
from coterie.traits.batch import quoted, relation
from coterie.workspace.overview import plain
from coterie.workspace.project import Project
from coterie.workspace.results import Results

Json = dict[str, Any]
EVERYBODY = ""
"""The name under which the goal of the whole project stands."""
_METRIC = re.compile(r"(avg|sum)\s*\((.*)\)|(size|share)", re.DOTALL | re.IGNORECASE)
_CHANGE = re.compile(r"([+-]?)\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(%?)")


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal as it is written: of a segment, or of everybody (the empty name)."""

    name: str
    metric: str
    change: str
    per: str

    @property
    def wanted(self) -> str:
        return f"{self.change} per {self.per}" if self.per else self.change


@dataclass(frozen=True, slots=True)
class Standing:
    """How a goal stands; `progress` is None where that cannot be measured, and `why` says so."""

    goal: Goal
    progress: Progress | None
    why: str = ""

    def to_json(self, zone: str) -> Json:
        p = self.progress
        out: Json = {
            "name": self.goal.name or None,
            "metric": self.goal.metric,
            "change": self.goal.change,
            "per": self.goal.per,
            "state": "cannot be measured" if p is None else p.state,
            "why": self.why or None,
        }
        if p is None:
            return out
        return out | {
            "start": {"at": _day(p.start.at, zone), "value": p.start.value, "customers": p.start.n},
            "now": {"at": _day(p.now.at, zone), "value": p.now.value, "customers": p.now.n},
            "ends": _day(p.ends, zone),
            "target": p.target,
            "needed_now": p.needed,
            "change_so_far": p.change,
            "interval": None if p.low is None else [p.low, p.high],
            "elapsed": p.elapsed,
            "said": p.sentence,
        }


def goals(project: Project) -> tuple[Goal, ...]:
    """The goals of a project: its own and those of its segments; goals that are only a text stand there with it alone."""
    noted = {EVERYBODY: project.notes, **{n: s.notes for n, s in project.segments.items()}}
    out = []
    for name, notes in noted.items():
        said = plain(notes.get("goal"))
        if isinstance(said, str):
            out.append(Goal(name, said, "", ""))
        elif isinstance(said, Mapping):
            out.append(Goal(name, *(str(said.get(key, "")) for key in ("metric", "change", "per"))))
    return tuple(out)


def period(goal: Goal, as_of: datetime, zone: str) -> tuple[datetime, datetime]:
    """The instants at which a goal's period began and ends.

    Raises:
        DefinitionError: E175, it has no period of whole days.
    """
    unit = next((u for u in UNITS if u == goal.per), None)
    if unit is None or unit in EXACT:
        raise DefinitionError("a goal is for a period of whole days", code="E175", hint="write per: month, quarter or year")
    first = start_of(local_day(as_of, zone), unit)
    last = timedelta(microseconds=1)
    return first_instant(first, zone) - last, first_instant(step(first, 1, unit), zone) - last


def wanted_change(goal: Goal, start: float) -> float:
    """The change that is wanted, relative to the value at the start.

    Raises:
        DefinitionError: E175, it is no change, or there is nothing that it could be a part of.
    """
    match = _CHANGE.fullmatch(goal.change.strip())
    if match is None or not Decimal(match[2]):
        hint = "write change: +5%, or an amount such as -200"
        raise DefinitionError(f"'{goal.change}' is no change", code="E175", hint=hint)
    if not start:
        raise DefinitionError(
            "it was 0 when the period began, of which nothing is a part", code="E175", hint="choose another metric"
        )
    amount = float(Decimal(match[2])) * (-1 if match[1] == "-" else 1)
    return amount / 100 if match[3] else amount / abs(start)


def fingerprint_of(results: Results, goal: Goal) -> str:
    """What the measurement of a goal depends on, beside the data: the meanings of segment and metric."""
    inner = _metric(goal)[1]
    meant = "" if inner is None else results.catalog.hash(results.catalog.expression(inner))
    whose = results.catalog.definitions[goal.name].hash if goal.name else ""
    return f"{goal.metric} {meant} {whose}"


def measured(results: Results, goal: Goal) -> Measured:
    """The metric of a goal in some results.

    Raises:
        DefinitionError: the metric cannot be read (E175) or is no number.
    """
    at, population = results.made.as_of, results.made.population
    what, inner = _metric(goal)
    if inner is None:
        inside = results.sizes[goal.name].inside if goal.name else population
        if what == "size":
            return Measured(at, float(inside), inside, 0.0)
        part = inside / population if population else 0.0
        return Measured(at, part, population, part * (1 - part))
    checked = results.catalog.expression(inner)
    if checked.type not in NUMBERS:
        raise TypeMismatch(f"{inner} is {checked.type}, and a goal moves a number", hint="such as avg(revenue)")
    table = results.prepared([checked.tree])
    value = exp.cast(results.compiler().sql(results.inlined(checked.tree)), "double").as_("x")
    told = exp.select(quoted(batch.KEY), value).from_(relation(table)).subquery("t")
    select = exp.select(*(exp.Anonymous(this=f, expressions=[quoted("x", "t")]) for f in ("count", "avg", "var_samp"))).from_(told)
    if goal.name:
        bits = exp.select(quoted(batch.KEY)).from_(relation(membership.BITS)).where(results.bit(goal.name))
        select = select.where(exp.In(this=quoted(batch.KEY, "t"), query=bits.subquery()))
    n, mean, variance = (0 if v is None else v for v in results.engine.rows(select)[0])
    count, value_, spread = int(str(n)), float(str(mean)), float(str(variance))
    if what == "sum":
        return Measured(at, value_ * count, count, spread * count * count)
    return Measured(at, value_, count, spread)


def _metric(goal: Goal) -> tuple[str, str | None]:
    """What is measured, and of which expression."""
    match = _METRIC.fullmatch(goal.metric.strip())
    if match is None:
        hint = "write {metric: avg(revenue), change: +5%, per: quarter}; the metric is avg(…), sum(…), size or share"
        raise DefinitionError(f"'{goal.metric}' cannot be measured", code="E175", hint=hint)
    return (match[3].lower(), None) if match[3] else (match[1].lower(), match[2])


# --- of a run ---------------------------------------------------------------------------------------------------------------


def of_run(
    results: Results,
    before: Iterable[Mapping[str, Any]],
    as_of: Callable[[datetime], AbstractContextManager[Results]],
) -> list[Json]:
    """What a run measures of its goals, as plain values that `standings` reads.

    Args:
        results: of this run.
        before: what the run before had measured.
        as_of: the answers as of another instant, with the definitions of this run.
    """
    zone = results.project.timezone
    known = {(m["key"], m["start"]["at"]): m["start"] for m in before if "start" in m}
    out: list[Json] = []
    asked: dict[datetime, list[tuple[Goal, Json]]] = {}
    for goal in goals(results.project):
        told: Json = {"name": goal.name}
        out.append(told)
        try:
            start, ends = period(goal, results.made.as_of, zone)
            told |= {"key": fingerprint_of(results, goal), "ends": ends.isoformat(), "now": _plain(measured(results, goal))}
        except CoterieError as error:
            told["why"] = error.message + (f" ({error.hint})" if error.hint else "")
            continue
        found = known.get((told["key"], start.isoformat()))
        if found is not None:
            told["start"] = dict(found)
        else:
            asked.setdefault(start, []).append((goal, told))
    for start, some in asked.items():
        with as_of(start) as then:
            for goal, told in some:
                told["start"] = _plain(measured(then, goal))
    return out


def standings(results: Results) -> tuple[Standing, ...]:
    """How the goals of published results stand."""
    found = {m["name"]: m for m in results.made.data.get("goals", ())}
    return tuple(_standing(goal, found.get(goal.name)) for goal in goals(results.project))


def _standing(goal: Goal, told: Mapping[str, Any] | None) -> Standing:
    if told is None:
        return Standing(goal, None, "it was not measured yet: run again")
    if "start" not in told:
        return Standing(goal, None, str(told.get("why", "")))
    start, now = _measured(told["start"]), _measured(told["now"])
    if not start.n:
        return Standing(goal, None, "there was nobody when the period began")
    try:
        wanted = wanted_change(goal, start.value)
    except CoterieError as error:
        return Standing(goal, None, error.message + (f" ({error.hint})" if error.hint else ""))
    return Standing(goal, progress(start, now, wanted, datetime.fromisoformat(told["ends"])))


def _plain(m: Measured) -> Json:
    return {"at": m.at.isoformat(), "value": m.value, "n": m.n, "variance": m.variance}


def _measured(told: Mapping[str, Any]) -> Measured:
    return Measured(datetime.fromisoformat(told["at"]), told["value"], told["n"], told["variance"])


def _day(at: datetime, zone: str) -> str:
    return local(at, zone).date().isoformat()
