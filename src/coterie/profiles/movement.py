"""Who moved between the labels of a segmentation, from one day to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Flow:
    """Customers who had one label and have another, and their share (0 to 1) of those who had the first."""

    before: str
    after: str
    customers: int
    share: float


@dataclass(frozen=True, slots=True)
class Label:
    """One label: how many had it then and have it now, and how many of them on both days."""

    name: str
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
        flows: moves from one label into another (both told, a customer on both days), the largest first.
        stayed: customers with the same label on both days; came, gone: those who were not, are no longer customers;
            unsure: customers on both days who cannot be told on at least one.
        labels: told labels, by size now.
        table: everything, {(before, after): customers}; None is cannot tell, "" no customer.
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


def movement(table: Mapping[tuple[str | None, str | None], int], since: datetime, until: datetime) -> Movement:
    """Read a table of moves {(label then, label now): customers}; None is cannot tell, "" is no customer."""
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    flows: list[tuple[str, str, int]] = []
    stayed: dict[str, int] = {}
    came = gone = unsure = 0
    for (then, now), n in table.items():
        if then:
            before[then] = before.get(then, 0) + n
        if now:
            after[now] = after.get(now, 0) + n
        if then == "" and now != "":
            came += n
        elif now == "" and then != "":
            gone += n
        elif then is None or now is None:
            unsure += n
        elif then == now:
            stayed[then] = stayed.get(then, 0) + n
        elif n:
            flows.append((then, now, n))
    names = sorted({**before, **after}, key=lambda name: (-after.get(name, 0), -before.get(name, 0), name))
    labels = tuple(Label(name, before.get(name, 0), after.get(name, 0), stayed.get(name, 0)) for name in names)
    ranked = tuple(Flow(a, b, n, n / before[a]) for a, b, n in sorted(flows, key=lambda f: (-f[2], f[0], f[1])))
    # "" on both sides is nobody's row; it counts nowhere
    stayed_all = sum(n for name, n in stayed.items() if name)
    return Movement(since, until, ranked, stayed_all, came, gone, unsure, labels, dict(table))
