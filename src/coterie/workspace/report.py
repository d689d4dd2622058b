"""The report: every number gathered from the published results and the record, put together, and written as one HTML file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

import coterie
from coterie.core.errors import StoreError
from coterie.language.tree import Column, Expr, Fitted, Measure
from coterie.models.kinds.rfm import cells_of
from coterie.profiles.charts.colours import by_key
from coterie.profiles.hidden import K
from coterie.profiles.page import words
from coterie.profiles.page.parts import Report, Section, Setting
from coterie.profiles.page.render import html
from coterie.profiles.sections import labels, segments, value
from coterie.traits.batch import quoted, relation
from coterie.workspace.grid import is_rfm, rfm_grid
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS, Progress, silent
from coterie.workspace.store import write_whole

if TYPE_CHECKING:
    from coterie.workspace.workspace import Workspace

FILE = "report.html"


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
            ("segments", self.segments),
            ("value", self.value),
            ("labels", self.labels),
        )
        sections = []
        for what, make in steps:
            self.progress(f"report: {what}")
            section = make()
            if section is not None:
                sections.append(section)
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
            if is_rfm(results, name):
                continue
            order = label_order(results, name)
            about = _note(results.project.segmentations[name].notes, "about")
            found.append(labels.LabelNumbers(name, order, counted, self.money_by(name), about, by_key(order)))
        return labels.labels(found, self.setting)

    def money_by(self, name: str) -> Mapping[str, Decimal]:
        """The money trait summed by label; "" where there is none."""
        if self.setting.money is None:
            return {}
        total = exp.Anonymous(this="sum", expressions=[quoted(self.setting.money)])
        select = exp.select(quoted(name), total).from_(relation(TRAITS)).group_by(quoted(name))
        rows = self.results.engine.rows(select)
        return {"" if label is None else str(label): Decimal(str(amount or 0)) for label, amount in rows}


def label_order(results: Results, name: str) -> tuple[str, ...]:
    """The labels of a segmentation in the order of its definition, then any others by size."""
    written = results.project.segmentations.get(name)
    order = [label for label, _ in written.labels] if written is not None else []
    if not order:
        call = _fitted(results, results.definition(name).tree)
        order = [label for label, _ in cells_of(call)] if call is not None and call.function == "rfm" else []
    counted = results.made.labels.get(name, {})
    others = sorted((n for n in counted if n and n not in order), key=lambda n: (-counted[n], n))
    return tuple(dict.fromkeys([*order, *others]))


def _fitted(results: Results, tree: Expr) -> Fitted | None:
    if isinstance(tree, Column) and tree.part is None and tree.name in results.catalog.definitions:
        return _fitted(results, results.definition(tree.name).tree)
    return tree if isinstance(tree, Fitted) else None


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
