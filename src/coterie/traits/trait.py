"""A trait: one column of what is known about customers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from coterie.core.definition import Definition, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait(Definition):
    """A named value of every customer.

    Attributes:
        expression: what gives the value; of the long form of a fitted call, that call as it would be written in short.
        settings: of that long form: bins, cells, refit … as frozen plain values (tuples, texts, numbers). `bins` is a
            number of groups or ((score, number or limits), …); `cells` is ((label, pattern), …) in order.
    """

    expression: Written
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
