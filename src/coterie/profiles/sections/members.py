"""The people themselves, where they were asked for."""

from collections.abc import Mapping, Sequence

from coterie.profiles.page import words
from coterie.profiles.page.parts import Section, Table

MOST = 1000


def members(found: Mapping[str, tuple[int, Sequence[str]]]) -> Section:
    """A table of ids for each segment.

    Args:
        found: by segment how many members it has, and the ids of the first of them.
    """
    folded = []
    for name, (size, ids) in found.items():
        more = f"The first {len(ids):,} of {size:,}; `coterie export {name}` writes all." if size > len(ids) else ""
        folded.append(Table(f"{name}: {words.customers(size)}", (("customer", False),), tuple((i,) for i in ids), more))
    return Section(
        "members",
        "Members",
        "Who is in each segment?",
        f"The ids of the members of {len(found)} segments, up to {MOST:,} of each in the order of their ids.",
        folded=folded,
        data={name: {"size": size, "ids": list(ids)} for name, (size, ids) in found.items()},
    )
