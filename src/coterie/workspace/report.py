"""The report: every number gathered from the published results and the record, put together, and written as one HTML file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

import coterie
from coterie.core.errors import StoreError, UnknownName
from coterie.language.format import literal
from coterie.language.names import written
from coterie.language.tree import Column, Measure
from coterie.language.types import Type
from coterie.profiles.activity import Activity, activity
from coterie.profiles.apart import Comparison
from coterie.profiles.charts.colours import by_key
from coterie.profiles.concentration import Concentration, concentration
from coterie.profiles.findings import Slice, findings
from coterie.profiles.hidden import K
from coterie.profiles.jumps import Jump, jumps
from coterie.profiles.movement import Movement, movement
from coterie.profiles.overlap import chosen, overlap
from coterie.profiles.page import words
from coterie.profiles.page.parts import Report, Section, Setting
from coterie.profiles.page.render import html
from coterie.profiles.personas.persona import Group, Persona
from coterie.profiles.quality import Quality, coverage, quality
from coterie.profiles.retention import Retention, retention
from coterie.profiles.sections import apart as apart_section
from coterie.profiles.sections import clusters as clusters_section
from coterie.profiles.sections import concentration as concentration_section
from coterie.profiles.sections import findings as findings_section
from coterie.profiles.sections import goals as goals_section
from coterie.profiles.sections import labels, members, segments, value
from coterie.profiles.sections import lifetime as lifetime_section
from coterie.profiles.sections import movement as movement_section
from coterie.profiles.sections import overlap as overlap_section
from coterie.profiles.sections import personas as personas_section
from coterie.profiles.sections import predictions as predictions_section
from coterie.profiles.sections import quality as quality_section
from coterie.profiles.sections import retention as retention_section
from coterie.profiles.sections import scorecard as scorecard_section
from coterie.profiles.sections import sizes as sizes_section
from coterie.profiles.sections import turnover as turnover_section
from coterie.profiles.turnover import Turnover, turnover
from coterie.traits.batch import TIME, quoted, relation
from coterie.workspace import told_models
from coterie.workspace.compared import compared, shown_types
from coterie.workspace.fits import ModelState
from coterie.workspace.goals import standings
from coterie.workspace.grid import is_rfm, rfm_grid
from coterie.workspace.history import History
from coterie.workspace.labels import label_order, learned
from coterie.workspace.personas import Personas, labels_of
from coterie.workspace.results import Results, event_view
from coterie.workspace.run import TRAITS, Progress, builder, silent
from coterie.workspace.scorecard import scorecards
from coterie.workspace.store import write_whole

if TYPE_CHECKING:
    from coterie.workspace.workspace import Workspace

FILE = "report.html"
PERSONAS = 16
"""So many groups have a card."""
MODELLED = (clusters_section.KEY, lifetime_section.KEY, predictions_section.KEY)
"""The sections of models, whose answers are findings."""
MONTH = 30
"""Movements are told over so many days, or what is nearest to that."""


@dataclass(frozen=True, slots=True)
class Written:
    """The file of a report: where it is, how large (bytes), whether it holds people, and its sections."""

    path: Path
    size: int
    members: bool
    sections: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.path.as_posix(),
            "bytes": self.size,
            "members": self.members,
            "sections": list(self.sections),
        }


def write(
    space: "Workspace", path: Path | str | None = None, *, members: bool = False, k: int = K, progress: Progress = silent
) -> Written:
    """Write the report of the newest results.

    Args:
        path: the file; None is `report.html` in the project's folder.
        members: also list people by their ids; without, there is none in it, and no count from 1 to k − 1.
        progress: called with what is being done.

    Raises:
        StoreError: nothing has been run, or the file cannot be written.
    """
    target = Path(path) if path is not None else space.folder / FILE
    found = Gathering(space, members, k, progress)
    progress("writing the page")
    page = found.report()
    text = html(page)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, text)
    except OSError as error:
        raise StoreError(
            f"{target.as_posix()} cannot be written: {(error.strerror or str(error)).lower()}",
            hint="name another file with --out, or make room",
        ) from None
    return Written(target, len(text.encode()), members, tuple(s.key for s in page.sections))


class Gathering:
    """The numbers of one report, each asked for once.

    Attributes:
        results: the published results; setting: what all sections share.
    """

    def __init__(self, space: "Workspace", members: bool, k: int, progress: Progress):
        self.space, self.members, self.progress = space, members, progress
        self.results: Results = space.results
        results, made = self.results, self.results.made
        self.setting = Setting(
            population=made.population,
            as_of=made.as_of,
            zone=results.project.timezone,
            currency=results.project.currency,
            money=results.money,
            total=results.revenue.get("") if results.revenue else None,
            k=1 if members else k,
        )

    def report(self) -> Report:
        """Everything together."""
        steps: Sequence[tuple[str, Callable[[], Section | None]]] = (
            ("goals", self.goals),
            ("segments", self.segments),
            ("groups that were found", self.clusters),
            ("personas", self.personas),
            ("value", self.value),
            ("lifetime value", self.lifetimes),
            ("predictions", self.predictions),
            ("lifecycle", self.labels),
            ("sizes over time", self.sizes),
            ("movements", self.movements),
            ("what sets segments apart", self.apart),
            ("scorecards", self.scorecards),
            ("overlap", self.overlap),
            ("months", self.turnover),
            ("retention", self.retention),
            ("concentration", self.concentration),
            ("data quality", self.quality),
            ("members", self.listed),
        )
        sections = []
        for what, make in steps:
            self.progress(f"report: {what}")
            section = make()
            if section is not None:
                sections.append(section)
        self.progress("report: findings")
        sections.insert(1, self.findings(sections))
        setting, made = self.setting, self.results.made
        title = f"{self.results.project.name}, {setting.day}"
        return Report(
            title,
            self.privacy(),
            self.lead(),
            sections,
            foot=[self.foot()],
            data={
                "version": coterie.__version__,
                "project": self.results.project.name,
                "as_of": made.as_of.isoformat() + "Z",
                "population": setting.population,
                "currency": setting.currency,
                "money": setting.money,
                "total": None if setting.total is None else str(setting.total),
                "k": setting.k,
                "members": self.members,
            },
        )

    def privacy(self) -> str:
        """The first line of the page."""
        if self.members:
            return (
                "This file holds personal data: the ids of customers, up to 1,000 of each segment, and counts of single persons. "
                "Keep it and pass it on as such."
            )
        return f"This file holds no ids and no data of single persons; counts from 1 to {self.setting.k - 1} are hidden."

    def foot(self) -> str:
        """How the page was made, and how to check it."""
        finished, zone = self.results.made.finished, self.setting.zone
        return (
            f"Made by coterie {coterie.__version__} from results of {words.day(finished, zone)} ({zone}). Every count is what "
            "`coterie count` answers for the same definition; all numbers are in this file as JSON."
        )

    def lead(self) -> str:
        setting = self.setting
        text = f"{words.customers(setting.population)} as of {setting.day}"
        if setting.money and setting.total is not None:
            text += f", {words.plain(setting.money)} {words.about(setting.total, setting.currency)}"
        return text + "."

    # --- sections

    def segments(self) -> Section:
        results = self.results
        found = [
            segments.SegmentNumbers(
                name,
                size,
                results.revenue.get(name) if results.revenue else None,
                _note(results.project.segments[name].notes, "about"),
                results.english(name),
            )
            for name, size in results.sizes.items()
        ]
        return segments.segments(found, self.setting)

    def personas(self) -> Section | None:
        """The cards of labels."""
        labels = [p for p in self.people if p.group.of]
        return personas_section.personas(labels, self.without_card, self.setting)

    def clusters(self) -> Section | None:
        return clusters_section.clusters(told_models.clusters(self), self.setting)

    def lifetimes(self) -> Section | None:
        return lifetime_section.lifetime(told_models.lifetimes(self), self.setting)

    def predictions(self) -> Section | None:
        return predictions_section.predictions(told_models.predictions(self), self.setting)

    @cached_property
    def models(self) -> list[ModelState]:
        return told_models.states_of(self)

    @cached_property
    def people(self) -> list[Persona]:
        """The personas of labels, then of the customers of whom predictions tell most."""
        return Personas(self, [*self.chosen_labels[0], *told_models.highest(self)]).all()

    @property
    def without_card(self) -> list[str]:
        return self.chosen_labels[1]

    @cached_property
    def chosen_labels(self) -> tuple[list[Group], list[str]]:
        """The labels of as many whole segmentations as there is room for, but at least of the first; and the other ones."""
        groups: list[Group] = []
        more: list[str] = []
        for name in sorted(self.results.made.labels, key=lambda n: (self.learned(n) != "clusters", self.learned(n) == "")):
            found = labels_of(self, name)
            if groups and len(groups) + len(found) > PERSONAS:
                more.append(name)
            else:
                groups += found[:PERSONAS]
                more += [name] if len(found) > PERSONAS else []
        return groups, more

    def learned(self, name: str) -> str:
        """By what function a segmentation is learned; "" where its labels have rules."""
        call = learned(self.results, self.results.definition(name).tree)
        return "" if call is None else call.function

    def found(self, name: str) -> bool:
        """Whether the groups of a segmentation were found."""
        return self.learned(name) == "clusters" and any(s.name == name for s in self.models)

    def value(self) -> Section:
        results = self.results
        found = []
        for name in results.made.labels:
            if not is_rfm(results, name):
                continue
            cells = tuple(
                value.GridCell(
                    c["r"], c["f"], c["m"], c["label"] or "", c["customers"], Decimal(str(c["revenue"] or 0)), float(c["recency"])
                )
                for c in rfm_grid(results, name).to_pylist()
            )
            order = label_order(results, name)
            scored = sum(c.customers for c in cells)
            about = _note(results.project.segmentations[name].notes, "about") if name in results.project.segmentations else ""
            found.append(value.GridNumbers(name, cells, order, self.setting.population - scored, by_key(order), about))
        return value.value(found, self.setting)

    def labels(self) -> Section:
        results = self.results
        found = []
        for name, counted in results.made.labels.items():
            if is_rfm(results, name) or self.found(name):
                continue
            order = label_order(results, name)
            about = _note(results.project.segmentations[name].notes, "about")
            found.append(labels.LabelNumbers(name, order, counted, self.money_by(name), about, by_key(order)))
        return labels.labels(found, self.setting)

    def goals(self) -> Section:
        told = [s for s in standings(self.results) if s.goal.change]
        found = [
            goals_section.GoalNumbers(s.goal.name or "everybody", s.goal.metric, s.goal.wanted, s.progress, s.why) for s in told
        ]
        return goals_section.goals(found, self.setting)

    def sizes(self) -> Section:
        return sizes_section.sizes(self.series, self.jumped, self.setting)

    def movements(self) -> Section:
        found = [
            movement_section.Moved(name, label_order(self.results, name), by_key(label_order(self.results, name)), moved)
            for name, moved in self.moved.items()
        ]
        return movement_section.movement(found, self.setting)

    def apart(self) -> Section:
        by_size = sorted(self.results.sizes, key=lambda n: -float(self.results.revenue.get(n, 0) if self.results.revenue else 0))
        return apart_section.apart(self.compared, by_size, self.setting)

    def scorecards(self) -> Section:
        shown = [c for c in scorecards(self.space, self.compared) if self.results.sizes[c.segment].inside >= self.setting.k]
        return scorecard_section.scorecards(shown)

    def overlap(self) -> Section:
        results = self.results
        inside = {n: s.inside for n, s in results.sizes.items() if s.inside >= self.setting.k}
        names = chosen(inside, self.setting.population)
        if len(names) < 2:
            return overlap_section.overlap(None, self.setting)
        return overlap_section.overlap(overlap(results.engine, names, results.sizes_order), self.setting)

    def turnover(self) -> Section:
        return turnover_section.turnover(self.turned_over, self.setting)

    def retention(self) -> Section:
        return retention_section.retention(self.retained, self.setting)

    def concentration(self) -> Section:
        return concentration_section.concentration(self.spread, self.setting)

    def quality(self) -> Section:
        return quality_section.quality(self.judged, self.setting)

    def listed(self) -> Section | None:
        if not self.members:
            return None
        found = {}
        for name, size in self.results.sizes.items():
            select = self.results.members(name).limit(members.MOST)
            found[name] = (size.inside, [str(row[0]) for row in self.results.engine.rows(select)])
        return members.members(found)

    def findings(self, made: Sequence[Section]) -> Section:
        """What stands out, and what models tell first."""
        section = self.stands_out({s.key for s in made})
        answers = [(s.answer, s.key) for s in made if s.key in MODELLED]
        return replace(section, findings=[*section.findings, *answers])

    def stands_out(self, sections: Collection[str]) -> Section:
        results, setting = self.results, self.setting
        revenue = results.revenue
        slices = [
            Slice(name, size.inside, revenue.get(name) if revenue else None, written(name)) for name, size in results.sizes.items()
        ]
        for name, counted in results.made.labels.items():
            money = self.money_by(name)
            slices += [
                Slice(label, n, money.get(label), f"{written(name)} = {literal(label)}", name)
                for label, n in counted.items()
                if label
            ]
        found = findings(
            population=setting.population,
            currency=setting.currency,
            slices=slices,
            money=None if setting.money is None or setting.total is None else (setting.money, setting.total),
            concentration=self.spread,
            turnover=self.turned_over,
            retention=self.retained,
            movements=self.moved,
            jumps=self.jumped,
            apart=self.compared,
            quality=self.judged,
            zone=setting.zone,
            k=setting.k,
        )
        return findings_section.findings(found, sections, setting)

    # --- numbers, each once

    @cached_property
    def history(self) -> History:
        return self.space.history

    @cached_property
    def series(self) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """Of each segment its size by as_of, from the record."""
        shown = self.history.all_sizes(list(self.results.sizes))
        return {name: [s for s in series if s[0] <= self.setting.as_of] for name, series in shown.items()}

    @cached_property
    def jumped(self) -> Mapping[str, Sequence[Jump]]:
        """Jumps from hardly anybody are left out: a segment that could not have members before is no news."""
        return {name: [j for j in jumps(series) if j.before >= K] for name, series in self.series.items()}

    @cached_property
    def moved(self) -> Mapping[str, Movement]:
        """Of each segmentation who moved since about a month ago (else since the first day on record)."""
        history = self.history
        days = sorted(s.as_of for s in history.snapshots() if s.as_of <= self.setting.as_of)
        if len(days) < 2:
            return {}
        until = days[-1]
        since = _nearest(days[:-1], until - timedelta(days=MONTH))
        out = {}
        for name in self.results.made.labels:
            try:
                found = history.moves(name, since=_utc(since), until=_utc(until))
            except (UnknownName, StoreError):  # a segmentation that was not there on both days
                continue
            made = movement(found.table, found.since, found.until)
            if any(label.before for label in made.labels):  # else nobody had a label then: a model was not learned yet
                out[name] = made
        return out

    @cached_property
    def types(self) -> Mapping[str, Type]:
        return shown_types(self.results)

    @cached_property
    def compared(self) -> Comparison:
        return compared(self.results, self.types, self.setting.k)

    @cached_property
    def stream(self) -> tuple[str, str | None] | None:
        """The kind of event that customers are followed by, with its money: what the money trait sums, else the first kind."""
        results = self.results
        results.attach_events()
        measured = _measured(results, results.money)
        if measured is not None and measured.event in results.made.events:
            return measured.event, measured.column if measured.aggregation == "sum" else None
        return next(((kind, None) for kind in results.made.events), None)

    @cached_property
    def active(self) -> Activity | None:
        if self.stream is None:
            return None
        kind, _ = self.stream
        engine = self.results.engine
        return activity(engine, builder(engine, self.results.context), event_view(kind), kind, customers=TRAITS)

    @cached_property
    def turned_over(self) -> Turnover | None:
        return None if self.stream is None or self.active is None else turnover(self.active, self.stream[1])

    @cached_property
    def retained(self) -> Retention | None:
        return None if self.active is None else retention(self.active)

    @cached_property
    def spread(self) -> Concentration | None:
        return None if self.setting.money is None else concentration(self.results.engine, TRAITS, self.setting.money)

    @cached_property
    def judged(self) -> Quality:
        results = self.results
        nothing = {d.name for d in results.catalog.of("trait") if d.checked.nothing}
        covered = coverage(results.engine, self.types, nothing=nothing)
        return quality(covered, results.made.data, as_of=results.made.as_of, newest=self.newest(), zone=self.setting.zone)

    def newest(self) -> Mapping[str, datetime]:
        """The newest event of each kind up to as_of."""
        results = self.results
        results.attach_events()
        q = builder(results.engine, results.context)
        out: dict[str, datetime] = {}
        for kind in results.made.events:
            time = quoted(TIME)
            by = q.binary("<=", time, q.literal(results.made.as_of))
            found = results.engine.rows(exp.select(q.call("max", time)).from_(relation(event_view(kind))).where(by))[0][0]
            if isinstance(found, datetime):
                out[kind] = found
        return out

    def money_by(self, name: str) -> Mapping[str, Decimal]:
        """The money trait summed by label; "" where there is none."""
        if self.setting.money is None:
            return {}
        total = exp.Anonymous(this="sum", expressions=[quoted(self.setting.money)])
        select = exp.select(quoted(name), total).from_(relation(TRAITS)).group_by(quoted(name))
        rows = self.results.engine.rows(select)
        return {"" if label is None else str(label): Decimal(str(amount or 0)) for label, amount in rows}


def _measured(results: Results, name: str | None) -> Measure | None:
    """The measure that a trait is, through other names of it."""
    if name is None or name not in results.catalog.definitions:
        return None
    tree = results.definition(name).tree
    if isinstance(tree, Column) and tree.part is None:
        return _measured(results, tree.name)
    return tree if isinstance(tree, Measure) else None


def _note(notes: Mapping[str, object], key: str) -> str:
    found = notes.get(key)
    return " ".join(str(found).split()) if found else ""


def _utc(instant: datetime) -> str:
    return f"{instant.isoformat()}+00:00"


def _nearest(days: Sequence[datetime], wanted: datetime) -> datetime:
    return min(days, key=lambda day: abs(day - wanted))
