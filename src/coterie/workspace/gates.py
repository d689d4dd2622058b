"""Gates: how much a segment or a segmentation may move between two runs before somebody has to accept it (`max_change: 20%`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from coterie.core.errors import CoterieError, UnknownName, did_you_mean
from coterie.workspace.comparison import Comparison, Moved
from coterie.workspace.project import Project

EVERYTHING = "*"


class TooMuchChange(CoterieError):
    """More moved than a gate lets through: nothing was published."""

    default_code = "E173"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate and what came before it.

    Attributes:
        most: the largest change it lets through, as a part.
        change: what the change is; None where there is nothing to compare with, which always passes.
        said: the change in words.
    """

    name: str
    most: Decimal
    change: float | None
    said: str

    @property
    def passed(self) -> bool:
        return self.change is None or Decimal(str(self.change)) <= self.most

    def to_json(self) -> dict[str, Any]:
        change = self.change if self.change != float("inf") else None
        return {"name": self.name, "max_change": float(self.most), "change": change, "passed": self.passed, "said": self.said}


def limits(project: Project) -> dict[str, Decimal]:
    """The gates of a project, by definition."""
    usual = project.notes.get("max_change")
    out = {}
    for definition in (*project.segments.values(), *project.segmentations.values()):
        most = definition.notes.get("max_change", usual)
        if isinstance(most, Decimal):
            out[definition.name] = most
    return out


def gates(project: Project, found: Comparison) -> tuple[Gate, ...]:
    """Every gate with the change that came before it."""
    out = []
    for name, most in limits(project).items():
        one = found.of(name)
        out.append(Gate(name, most, one.change, _said(one, most)))
    return tuple(out)


def _said(one: Any, most: Decimal) -> str:
    if one.change is None:
        return f"{one.name}: nothing to compare with"
    percent = "from nobody" if one.change == float("inf") else f"{100 * one.change:.1f} %"
    limit = f"{(100 * most).normalize():f} % may"
    if isinstance(one, Moved):
        before = 0 if one.before is None else one.before.inside
        return f"{one.name}: {one.entered:,} entered and {one.left:,} left of {before:,} who were in, {percent}; {limit}"
    had = sum(n for label, n in (one.before or {}).items() if label)
    return f"{one.name}: {one.moved:,} of {had:,} have another label, {percent}; {limit}"


def stopped(found: Iterable[Gate], accepted: Sequence[str]) -> tuple[Gate, ...]:
    """The gates that stop a run: those not passed that nobody has accepted."""
    return tuple(g for g in found if not g.passed and EVERYTHING not in accepted and g.name not in accepted)


def known(project: Project, accepted: Sequence[str]) -> None:
    """Refuse to accept what has no gate.

    Raises:
        UnknownName: a name has none.
    """
    there = limits(project)
    for name in accepted:
        if name != EVERYTHING and name not in there:
            raise UnknownName(f"{name!r} has no max_change to accept", hint=did_you_mean(name, there, "Gates are"))


def refusal(found: Sequence[Gate]) -> TooMuchChange:
    """The error of a run that gates stop."""
    names = " ".join(g.name for g in found)
    return TooMuchChange(
        "more moved than max_change lets through, so nothing was published: " + ". ".join(g.said for g in found),
        hint=f"`coterie plan` shows who moved and why; `coterie run --accept {names}` publishes it all the same",
    )
