"""Putting customers into a segment or out of it by hand, and taking that back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import CoterieError, UnknownName
from coterie.core.windows import local_day
from coterie.segments.by_hand import PAST, ByHand, Side
from coterie.segments.overrides import Overrides, standing
from coterie.sources.ids import one_id
from coterie.traits.batch import quoted, relation
from coterie.workspace.hands import must_be_segment, names_of, some
from coterie.workspace.run import TRAITS

if TYPE_CHECKING:
    from coterie.workspace.results import Results
    from coterie.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Put:
    """What became of the ids that were typed.

    Attributes:
        segment, side: where they were put, or taken from.
        matched: the customers for whom it is so now.
        unmatched: ids that are no customers of the last run (when taking back: of whom nothing was said).
        duplicates: ids typed twice, or of whom the same was said already.
        beaten: customers put in who stay out, because they are excluded by hand too.
        removed: whether it was taken back.
    """

    segment: str
    side: Side
    matched: tuple[str, ...]
    unmatched: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    beaten: tuple[str, ...] = ()
    removed: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "segment": self.segment,
            "side": self.side,
            "removed": self.removed,
            "matched": list(self.matched),
            "unmatched": list(self.unmatched),
            "duplicates": list(self.duplicates),
            "excluded_too": list(self.beaten),
        }


def put(
    space: "Workspace",
    segment: str,
    side: Side,
    ids: Iterable[object],
    *,
    reason: str,
    until: date | None,
    author: str | None,
    now: datetime,
) -> Put:
    """Put customers on a side of a segment, in the record.

    Raises:
        UnknownName: there is no such segment; none of the ids is a customer (E108).
        CoterieError: E172, no reason is given, or the last day is over.
        StoreError: nothing has been run yet, so that nobody knows who is a customer.
    """
    found = must_be_segment(space.project, segment)
    if not reason.strip():
        raise CoterieError("no reason is given", code="E172", hint="say why: --reason 'asked for it by mail'")
    if until is not None and until < local_day(now, space.project.timezone):
        raise CoterieError(f"{until} is over", code="E172", hint="it would never count: give a later day, or none")
    typed, twice = _typed(ids)
    there = customers(space.results, typed)
    if not there:
        raise UnknownName(
            f"none of the {len(typed):,} ids is a customer: {some(typed)}",
            code="E108",
            hint="ids are text, as the source has them; `coterie export` with a condition lists them",
        )
    matched = [i for i in typed if i in there]
    with Overrides(space.store.record) as record:
        now_so = [e for name in names_of(found) for e in standing(record.all()).get(name, ())]
        same = {i for e in now_so if (e.side, e.reason, e.until) == (side, reason, until) for i in e.ids}
        fresh = [i for i in matched if i not in same]
        record.add(segment, side, fresh, author=author, reason=reason, until=until, now=now)
    out = {i for e in (*found.by_hand, *now_so) if e.side == "exclude" for i in e.ids}
    beaten = tuple(i for i in matched if side == "include" and i in out)
    duplicates = tuple(dict.fromkeys([*twice, *(i for i in matched if i in same)]))
    return Put(segment, side, tuple(matched), tuple(i for i in typed if i not in there), duplicates, beaten)


def take_back(space: "Workspace", segment: str, side: Side, ids: Iterable[object], *, author: str | None, now: datetime) -> Put:
    """Take back what the record says of customers on a side of a segment.

    Raises:
        UnknownName: there is no such segment; nothing is said of any of the ids (E108).
    """
    found = must_be_segment(space.project, segment)
    typed, twice = _typed(ids)
    with Overrides(space.store.record) as record:
        said = standing(record.all())
        known = {i for name in names_of(found) for e in said.get(name, ()) if e.side == side for i in e.ids}
        matched = [i for i in typed if i in known]
        if not matched:
            raise UnknownName(
                f"none of the {len(typed):,} ids is {PAST[side]} by hand: {some(typed)}",
                code="E108",
                hint=_in_file(found.by_hand, side, typed),
            )
        record.remove(names_of(found), side, matched, author=author, now=now)
    return Put(segment, side, tuple(matched), tuple(i for i in typed if i not in known), twice, removed=True)


def _in_file(entries: Sequence[ByHand], side: Side, typed: Sequence[str]) -> str:
    written = {i for e in entries if e.side == side for i in e.ids} & set(typed)
    return (
        f"the project file says so of {some(sorted(written))}: take it out there" if written else "`coterie segment` lists who is"
    )


def _typed(ids: Iterable[object]) -> tuple[list[str], tuple[str, ...]]:
    """Ids as the sources have them, each once, and those that were typed more than once."""
    read = [one_id(i) for i in ids]
    found = [i for i in read if i is not None]
    once = list(dict.fromkeys(found))
    return once, tuple(i for i in once if found.count(i) > 1) if len(once) < len(found) else ()


def customers(results: "Results", ids: Sequence[str]) -> frozenset[str]:
    """Those of the ids who are customers in some results."""
    engine = results.engine
    engine.register("asked ids", pa.table({"id": pa.array(sorted(set(ids)), pa.string())}), temporary=True)
    here = exp.select(quoted("customer")).from_(relation(TRAITS))
    query = exp.select(quoted("id")).from_(relation("asked ids")).where(exp.In(this=quoted("id"), query=here.subquery()))
    return frozenset(str(i) for (i,) in engine.rows(query))
