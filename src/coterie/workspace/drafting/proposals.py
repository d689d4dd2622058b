"""The usual traits, segments and segmentations that a project's data supports, each with the numbers found in it."""

from typing import TypeVar

from coterie.sources.findings import Detection
from coterie.workspace.drafting.companies import accounts
from coterie.workspace.drafting.contacts import asked, helped, looked, mailed
from coterie.workspace.drafting.expected import expected, groups
from coterie.workspace.drafting.kinds import Sources
from coterie.workspace.drafting.outline import Segment, Trait
from coterie.workspace.drafting.persons import carried, customers
from coterie.workspace.drafting.proposer import Known, Proposals, Proposer
from coterie.workspace.drafting.purchases import bought, taken_back
from coterie.workspace.drafting.stages import labels
from coterie.workspace.drafting.tables import generic

MOST = {"Value": 5, "Loyalty": 6, "Activity": 5, "Behaviour": 9, "Contract": 5, "Demography": 3, "Attitudes": 3}
"""Segments of a group that are drafted at most; 2 of every other, and twice as many where there are no events."""
ALL = 40
"""Segments at most."""

Grouped = TypeVar("Grouped", Trait, Segment)


def propose(detection: Detection, sources: Sources, known: Known) -> Proposals:
    """The usual definitions for what there is.

    Args:
        detection, sources: the files and the kinds of events that come from them.
        known: names and types of what definitions may use.
    """
    p = Proposer(detection, sources, known)
    bought(p)
    taken_back(p)
    looked(p)
    mailed(p)
    asked(p)
    helped(p)
    customers(p)
    carried(p)
    accounts(p)
    generic(p)
    labels(p)
    expected(p)
    groups(p)
    p.out.traits = _by_group(p.out.traits)
    p.out.segments = _by_group(_few(p.out.segments, not sources.kinds))
    return p.out


def _few(segments: list[Segment], plenty: bool) -> list[Segment]:
    """The first ones of each group."""
    out: list[Segment] = []
    for one in segments:
        most = MOST.get(one.group, 2) * (2 if plenty else 1)
        if sum(s.group == one.group for s in out) < most:
            out.append(one)
    return out[:ALL]


def _by_group(definitions: list[Grouped]) -> list[Grouped]:
    """Definitions of a group together, groups in the order in which they first come."""
    groups = list(dict.fromkeys(d.group for d in definitions))
    return sorted(definitions, key=lambda d: groups.index(d.group))
