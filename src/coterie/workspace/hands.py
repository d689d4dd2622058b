"""Membership by hand, brought together: what the project file says, what the record says, and who of them there is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from coterie.core.errors import UnknownName, did_you_mean
from coterie.language.describe import describe
from coterie.language.explain import Reason
from coterie.language.parse import parse
from coterie.language.shown import day_shown
from coterie.segments import by_hand
from coterie.segments.by_hand import PAST, ByHand, Side
from coterie.segments.overrides import Overrides, standing
from coterie.segments.segment import Segment
from coterie.sources.record import FILE
from coterie.workspace.project import Project

Hands = Mapping[str, tuple[ByHand, ...]]
"""By segment, what the record says of it."""


def with_hands(project: Project, said: Hands) -> Project:
    """The project whose segments also have what the record says, also under their earlier names."""
    segments = {}
    for name, segment in project.segments.items():
        recorded = [entry for one in names_of(segment) for entry in said.get(one, ())]
        segments[name] = replace(segment, by_hand=(*segment.by_hand, *recorded)) if recorded else segment
    return replace(project, segments=MappingProxyType(segments))


def recorded(record: Path) -> Hands:
    """What the record says that has not been taken back; nothing is made where there is none."""
    if not (record / FILE).is_file():
        return {}
    with Overrides(record) as said:
        return standing(said.all())


def names_of(segment: Segment) -> tuple[str, ...]:
    """A segment's name and its earlier ones."""
    return (segment.name, *segment.was)


def hand_lists(project: Project) -> dict[str, frozenset[str]]:
    """The lists of ids that membership by hand needs, by name."""
    out: dict[str, frozenset[str]] = {}
    for segment in project.segments.values():
        out.update(by_hand.lists(segment.name, segment.by_hand))
    return out


def notes(project: Project, there: frozenset[str]) -> list[str]:
    """What is worth knowing of the ids that were put in or out by hand: who is not there, and who stands there twice.

    Args:
        project: with what the record says.
        there: of those ids, the customers that there are.
    """
    out = []
    for segment in project.segments.values():
        for side in PAST:
            ids = [i for e in segment.by_hand if e.side == side for i in e.ids]
            strangers = sorted(set(ids) - there)
            twice = sorted({i for i in ids if ids.count(i) > 1}) if len(ids) < 1000 and len(set(ids)) < len(ids) else []
            if strangers:
                none = len(strangers) == len(set(ids))
                text = f"{segment.name}: {'none' if none else f'{len(strangers):,}'} of the {len(set(ids)):,} {PAST[side]} by hand"
                out.append(
                    f"{text} {'is' if none or len(strangers) == 1 else 'are'} {'' if none else 'not '}a customer: {some(strangers)}"
                )
                named = [i for i in strangers if i in project.lists]
                if named:
                    out.append(f"{segment.name}: {named[0]} is a list: write {side}: [{{list: {named[0]}}}]")
            if twice:
                out.append(f"{segment.name}: {PAST[side]} by hand twice: {some(twice)}")
        both = {i for e in segment.by_hand if e.side == "include" for i in e.ids} & {
            i for e in segment.by_hand if e.side == "exclude" for i in e.ids
        }
        if both:
            out.append(f"{segment.name}: in and out by hand, so they are out: {some(sorted(both))}")
    return out


def some(ids: Iterable[str], most: int = 5) -> str:
    """Some ids, and how many more there are."""
    ids = list(ids)
    return ", ".join(ids[:most]) + (f" and {len(ids) - most:,} more" if len(ids) > most else "")


# --- as text and as plain values ------------------------------------------------------------------------------------------


def to_json(said: Hands) -> dict[str, Any]:
    return {
        segment: [
            {
                "side": e.side,
                "ids": list(e.ids),
                "author": e.author,
                "reason": e.reason,
                "until": None if e.until is None else e.until.isoformat(),
                "added_at": None if e.added_at is None else e.added_at.isoformat(),
            }
            for e in entries
        ]
        for segment, entries in said.items()
    }


def from_json(said: Mapping[str, Any]) -> Hands:
    return {
        segment: tuple(
            ByHand(
                e["side"],
                tuple(e["ids"]),
                None,
                e["author"],
                e["reason"],
                None if e["until"] is None else date.fromisoformat(e["until"]),
                None if e["added_at"] is None else datetime.fromisoformat(e["added_at"]),
            )
            for e in entries
        )
        for segment, entries in said.items()
    }


def in_words(project: Project, english: str) -> str:
    """English in which being on a list by hand is said so."""
    for segment in project.segments.values():
        if not segment.by_hand:
            continue
        for text, (side, entries) in by_hand.texts(segment.name, segment.by_hand).items():
            if len({(e.list, e.until) for e in entries}) == 1 and entries[0].list is None:
                until = f" until {day_shown(entries[0].until)}" if entries[0].until else ""
                plain, unlike = describe(parse(text)), describe(parse(f"not ({text})"))
                english = english.replace(unlike, f"is not {PAST[side]} by hand{until}")
                english = english.replace(f"({plain})", plain).replace(plain, f"is {PAST[side]} by hand{until}")
    return english


def told(reason: Reason, project: Project, customer: str) -> Reason:
    """A reason in which every part that is about membership by hand says who put the customer there, and why."""
    known: dict[str, tuple[Side, tuple[ByHand, ...]]] = {}
    for segment in project.segments.values():
        if segment.by_hand:
            known |= by_hand.texts(segment.name, segment.by_hand)
    return _told(reason, known, customer) if known else reason


def _told(reason: Reason, known: Mapping[str, tuple[Side, tuple[ByHand, ...]]], customer: str) -> Reason:
    negated = reason.text.startswith("not ")
    found = known.get(
        reason.text.removeprefix("not (").removesuffix(")") if reason.text.startswith("not (") else reason.text.removeprefix("not ")
    )
    if found is None or negated:
        below = tuple(_told(c, known, customer) for c in reason.children)
        text = reason.text if found is None else f"not {PAST[found[0]]} by hand"
        return replace(reason, text=text, words=reason.words if found is None else text, children=below)
    side, entries = found
    listed = [e for e in entries if e.list is not None]
    on = [*(e for e in entries if customer in e.ids), *(listed if reason.truth else ())]
    words = "; ".join(e.said() + (f" (list {e.list})" if e.list else "") for e in on) if on else f"{PAST[side]} by hand"
    return replace(reason, text=words, words=words, children=())


def asked_ids(project: Project) -> frozenset[str]:
    """Every id that is put in or out by hand."""
    return frozenset(i for s in project.segments.values() for e in s.by_hand for i in e.ids)


def must_be_segment(project: Project, name: str) -> Segment:
    """The segment of a name.

    Raises:
        UnknownName: there is none; of segmentations and traits it is said what they are.
    """
    found = project.segments.get(name)
    if found is not None:
        return found
    noun = "a segmentation" if name in project.segmentations else "a trait" if name in project.traits else None
    if noun is not None:
        raise UnknownName(
            f"{name!r} is {noun}; by hand one is put into segments", hint=did_you_mean(name, project.segments, "Segments are")
        )
    raise UnknownName(f"there is no segment {name!r}", hint=did_you_mean(name, project.segments, "Segments are"))
