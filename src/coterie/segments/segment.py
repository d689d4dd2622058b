"""A segment: the customers for whom a rule is true. A segmentation: at most one label for each customer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from coterie.core.definition import Definition, Written
from coterie.segments.by_hand import ByHand


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Definition):
    """A named rule; for other definitions it is a boolean column. `by_hand` is the layer over it that no run overwrites."""

    where: Written
    by_hand: tuple[ByHand, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation(Definition):
    """Labels with rules, or a fitted call that gives a label; for other definitions it is a text column.

    Attributes:
        labels: (label, rule) in order, the first true rule wins; None is `otherwise`, which stands last.
        call: the fitted call, also where the file has its long form.
        settings: of the long form: as in `Trait`.
    """

    labels: tuple[tuple[str, Written | None], ...] = ()
    call: Written | None = None
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
