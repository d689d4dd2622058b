"""The report's charts one by one, for notebooks: `shop.charts.rfm_grid("value")` is an Altair chart.

Whoever opens a project has its data, so nothing is hidden here; the report hides small counts.
"""

from typing import TYPE_CHECKING

from coterie.core.errors import UnknownName, did_you_mean
from coterie.profiles.page.parts import Figure, Section
from coterie.profiles.page.render import anchor
from coterie.workspace.report import Gathering
from coterie.workspace.run import silent

if TYPE_CHECKING:
    import altair as alt

    from coterie.workspace.workspace import Workspace


class Charts:
    """Charts of the newest results. Each call reads them anew.

    Each gives an Altair chart with its finding as title. Raises UnknownName where there is nothing of that name to draw.
    """

    def __init__(self, space: "Workspace"):
        self.space = space

    def segments(self) -> "alt.LayerChart":
        """How large the segments are."""
        return _found(self._gathered.segments(), "segment-sizes")

    def shares(self) -> "alt.LayerChart":
        """Each segment's share of customers beside its share of money."""
        return _found(self._gathered.segments(), "segment-shares")

    def rfm_grid(self, name: str) -> "alt.LayerChart":
        """The grid of an RFM segmentation: recency across, frequency up."""
        return _found(self._gathered.value(), "grid", name)

    def treemap(self, name: str) -> "alt.LayerChart":
        """The labels of an RFM segmentation as areas."""
        return _found(self._gathered.value(), "treemap", name)

    def labels(self, name: str) -> "alt.LayerChart":
        """The labels of a segmentation as bars, whether it has rules or its groups were found."""
        gathered = self._gathered
        if gathered.found(name):
            return self.groups(name)
        return _found(gathered.labels(), "labels", name)

    def groups(self, name: str) -> "alt.LayerChart":
        """Groups that were found, as bars."""
        return _found(_told(self._gathered.clusters()), "sizes", name)

    def typical(self, name: str) -> "alt.LayerChart":
        """What is typical of groups that were found."""
        return _found(_told(self._gathered.clusters()), "typical", name)

    def tried(self, name: str) -> "alt.LayerChart":
        """How well each number of groups would do."""
        return _found(_told(self._gathered.clusters()), "tried", name)

    def worth(self, name: str, by: str) -> "alt.LayerChart":
        """What customers are expected to bring, by the labels of a segmentation; `name` is a lifetime value."""
        return _found(_told(self._gathered.lifetimes()), "worth", f"{name}-{by}")

    def alive(self, name: str) -> "alt.LayerChart":
        """How probably customers are still there, by a lifetime value."""
        return _found(_told(self._gathered.lifetimes()), "alive", name)

    def holdout(self, name: str) -> "alt.LayerChart":
        """What a lifetime value foresaw of the part of the past that was held out."""
        return _found(_told(self._gathered.lifetimes()), "holdout", name)

    def lift(self, name: str) -> "alt.LayerChart":
        """What happened to tenths of customers by a prediction."""
        return _found(_told(self._gathered.predictions()), "lift", name)

    def calibration(self, name: str) -> "alt.LayerChart":
        """Whether what a prediction tells comes true."""
        return _found(_told(self._gathered.predictions()), "calibration", name)

    def money(self, name: str) -> "alt.LayerChart":
        """What contacting the first so many by a prediction brings."""
        return _found(_told(self._gathered.predictions()), "money", name)

    def drives(self, name: str) -> "alt.LayerChart":
        """What drives a prediction."""
        return _found(_told(self._gathered.predictions()), "drives", name)

    def sizes(self, name: str) -> "alt.LayerChart":
        """The size of a segment over time."""
        return _found(self._gathered.sizes(), "size", name)

    def moves(self, name: str) -> "alt.LayerChart":
        """Who moved between the labels of a segmentation, as a Sankey diagram."""
        return _found(self._gathered.movements(), "flows", name)

    def apart(self, name: str) -> "alt.LayerChart":
        """What sets a segment apart from everybody else."""
        return _found(self._gathered.apart(), "apart", name)

    def overlap(self) -> "alt.LayerChart":
        """Who is in several segments at once."""
        return _found(self._gathered.overlap(), "upset")

    def months(self) -> "alt.LayerChart":
        """What each month brought."""
        return _found(self._gathered.turnover(), "months")

    def retention(self) -> "alt.LayerChart":
        """Who comes back, as a triangle."""
        return _found(self._gathered.retention(), "retention-triangle")

    def concentration(self) -> "alt.LayerChart":
        """How money is spread over customers."""
        return _found(self._gathered.concentration(), "lorenz")

    def coverage(self) -> "alt.LayerChart":
        """Of how many customers each thing is known."""
        return _found(self._gathered.quality(), "coverage")

    @property
    def _gathered(self) -> Gathering:
        return Gathering(self.space, members=False, k=1, progress=silent)


def _told(section: Section | None) -> Section:
    """The section of models, where there are some."""
    if section is None:
        raise UnknownName("there is no such model", hint="`coterie models` lists them")
    return section


def _found(section: Section, kind: str, name: str | None = None) -> "alt.LayerChart":
    key = kind if name is None else f"{kind}-{anchor(name)}"
    figures: dict[str, Figure] = {f.key: f for f in section.charts}
    if key in figures:
        return figures[key].chart
    if name is None:
        raise UnknownName(section.answer, hint=section.to_do[0] if section.to_do else None)
    known = [k.removeprefix(f"{kind}-") for k in figures if k.startswith(f"{kind}-")]
    raise UnknownName(f"there is nothing to draw of {name!r}", hint=did_you_mean(name, known, "There are"))
