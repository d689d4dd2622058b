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
        """The labels of a segmentation with rules as bars."""
        return _found(self._gathered.labels(), "labels", name)

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


def _found(section: Section, kind: str, name: str | None = None) -> "alt.LayerChart":
    key = kind if name is None else f"{kind}-{anchor(name)}"
    figures: dict[str, Figure] = {f.key: f for f in section.figures}
    if key in figures:
        return figures[key].chart
    if name is None:
        raise UnknownName(section.answer, hint=section.to_do[0] if section.to_do else None)
    known = [k.removeprefix(f"{kind}-") for k in figures if k.startswith(f"{kind}-")]
    raise UnknownName(f"there is nothing to draw of {name!r}", hint=did_you_mean(name, known, "There are"))
