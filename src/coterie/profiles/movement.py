"""Who moved between the labels of a segmentation, from one day to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Flow:
    """Customers who had one label and have another. None: cannot be told; "": no customer then."""

    before: str | None
    after: str | None
    customers: int


@dataclass(frozen=True, slots=True)
class Label:
    """One label: how many had it then and have it now, stayed, came in and went out."""

    name: str | None
    before: int
    after: int
    stayed: int

    @property
    def entered(self) -> int:
        return self.after - self.stayed

    @property
    def left(self) -> int:
        return self.before - self.stayed


@dataclass(frozen=True, slots=True)
class Movement:
    """A table of moves, read.

    Attributes:
        since, until: the two as_of instants.
        flows: moves from one label into another (both told, both customers), the largest first.
        stayed: customers with the same label on both days; came, gone: those who were not, are no longer customers;
            unsure: those who cannot be told on at least one of the days (and are on both).
        labels: told labels, by size now.
        table: everything, {(before, after): customers}.
    """

    since: datetime
    until: datetime
    flows: tuple[Flow, ...]
    stayed: int
    came: int
    gone: int
    unsure: int
    labels: tuple[Label, ...]
    table: Mapping[tuple[str | None, str | None], int]

    @property
    def moved(self) -> int:
        return sum(f.customers for f in self.flows)

    def share(self, flow: Flow) -> float:
        """Of those who had the label before, who made this move (0 to 1)."""
        raise NotImplementedError


def movement(table: Mapping[tuple[str | None, str | None], int], since: datetime, until: datetime) -> Movement:
    """Read a table of moves {(label then, label now): customers}; None is cannot tell, "" is no customer."""
    raise NotImplementedError
